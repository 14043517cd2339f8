"""Print results: tables for people, tab-separated text and JSON for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import click

from ganzoo.cli.output import say, tell
from ganzoo.cli.progress import bars
from ganzoo.errors import GanzooError
from ganzoo.pretrained.load import Pulled, pull_from
from ganzoo.pretrained.sources import Folder, RegisteredExtractor, Source
from ganzoo.utils.text import printable

__all__ = [
    "calm_uploads",
    "facts",
    "pull_all",
    "table",
    "written",
]

Row = dict[str, Any]


def table(rows: Sequence[Row], *, as_json: bool) -> None:
    """Print rows: as a table on a terminal, with tabs and a heading in a pipe, or as a JSON list."""
    if as_json:
        click.echo(json.dumps(rows, indent=2))
    elif not sys.stdout.isatty():
        for line in ([list(rows[0])] if rows else []) + [list(row.values()) for row in rows]:
            click.echo("\t".join(map(_text, line)))
    else:
        _rich_table(rows)


def facts(entries: Row, *, as_json: bool) -> None:
    """Print the facts about one thing, each on its line, or as a JSON object."""
    if as_json:
        click.echo(json.dumps(entries, indent=2))
        return
    width = max(map(len, entries)) + 2
    for name, value in entries.items():
        lines = list(_lines(value)) if isinstance(value, Mapping) else [_shown(name, value)]
        for i, line in enumerate(lines):
            say(f"{name.replace('_', ' ') if i == 0 else '':{width}}{line}")


def _lines(values: Mapping[str, Any]) -> Iterator[str]:
    """A line for each value of a config. The records in a config, such as layers, have a line each."""
    for name, value in values.items():
        records = value if isinstance(value, (list, tuple)) and value and isinstance(value[0], Mapping) else ()
        yield f"{name} =" if records else f"{name} = {value}"
        for record in records:
            yield "  " + " ".join(str(v) if k == "kind" else f"{k}={v}" for k, v in _kind_first(record))


def _kind_first(record: Mapping[str, Any]) -> list[tuple[str, Any]]:
    return sorted(record.items(), key=lambda item: item[0] != "kind")


def pull_all(sources: Iterable[Source | RegisteredExtractor], *, as_json: bool) -> int:
    """Pull each source and print the result. If one fails, the others are still pulled. Returns the exit code."""
    rows: list[Row] = []
    failures = 0
    for source in sources:
        kind = "feature extractor" if isinstance(source, RegisteredExtractor) else "model"
        mark = f" ({kind})" if kind != "model" else ""
        if sys.stderr.isatty():
            tell(f"pulling {source}{mark} ...")
        try:
            with bars() as progress:
                pulled = pull_from(source, progress=progress)
        except GanzooError as error:
            failures += 1
            tell(f"ganzoo: error: {source}{mark}: {error}")
            rows.append({"name": str(source), "kind": kind, "error": str(error)})
            continue
        rows.append({"name": pulled.name, "kind": kind, **pulled._asdict(), "path": str(pulled.path)})
        if not as_json:
            click.echo(f"{printable(pulled.name)}{mark}\t{printable(_outcome(source, pulled))}")
    if as_json:
        click.echo(json.dumps(rows, indent=2))
    return 1 if failures else 0


def _outcome(source: Source | RegisteredExtractor, pulled: Pulled) -> str:
    if pulled.bundled:
        return f"{'is here' if isinstance(source, Folder) else 'is bundled'}: nothing to pull"
    return f"{_size(pulled.size)} verified at {pulled.path}"


def written(paths: Sequence[Any], *, as_json: bool) -> None:
    """Print the paths of the files that were written."""
    if as_json:
        click.echo(json.dumps([str(path) for path in paths], indent=2))
    else:
        for path in paths:
            say(path)


def calm_uploads() -> None:
    """Turn off the progress bars of the Hub's client if stderr is not a terminal.

    This changes the whole process, so a library must not do it.
    """
    if not sys.stderr.isatty():
        from huggingface_hub.utils.tqdm import disable_progress_bars

        disable_progress_bars()


def _rich_table(rows: Sequence[Row]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    if not rows:
        tell("nothing matches")
        return
    grid = Table(box=None, header_style="bold")
    for number, name in enumerate(rows[0]):
        grid.add_column(
            name.replace("_", " "), no_wrap=number == 0, overflow="fold"
        )  # a name stays on one line, so that it can be copied
    for row in rows:
        grid.add_row(*(Text(_shown(name, value)) for name, value in row.items()))
    Console().print(grid)


def _shown(name: str, value: Any) -> str:
    """A value for people: a size in MB, and "none" for nothing."""
    return _size(value) if name == "size" else _text(value) or "none"


def _text(value: Any) -> str:
    """A value on one line: lists with commas, or with semicolons if an item has a comma; mappings with semicolons."""
    if isinstance(value, Mapping):
        return "; ".join(f"{name}: {_text(item)}" for name, item in value.items())
    if isinstance(value, (list, tuple)):
        items = [_text(item) for item in value]
        return ("; " if any(", " in item for item in items) else ", ").join(items)
    return "" if value is None else printable(" ".join(str(value).split()))  # a tab would break the table


def _size(count: int | None) -> str:
    if count is None:
        return "unknown"
    return f"{count / 1e6:.1f} MB" if count >= 1e6 else f"{count / 1e3:.0f} kB"

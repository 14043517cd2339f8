"""What the command line shows: tables and progress for people, tab-separated text and JSON for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import click

from ganzoo.cli.progress import bars
from ganzoo.errors import GanzooError
from ganzoo.pretrained import resolve
from ganzoo.pretrained.load import pull

__all__ = [
    "calm_uploads",
    "facts",
    "pull_all",
    "table",
    "written",
]

Row = dict[str, Any]


def table(rows: Sequence[Row], *, as_json: bool) -> None:
    """Rows as a table on a terminal, tab-separated with a heading when piped, or as a JSON list."""
    if as_json:
        click.echo(json.dumps(rows, indent=2))
    elif not sys.stdout.isatty():
        for line in ([list(rows[0])] if rows else []) + [list(row.values()) for row in rows]:
            click.echo("\t".join(map(_text, line)))
    else:
        _rich_table(rows)


def facts(entries: Row, *, as_json: bool) -> None:
    """One thing's facts, a line each."""
    if as_json:
        click.echo(json.dumps(entries, indent=2))
        return
    width = max(map(len, entries)) + 2
    for name, value in entries.items():
        lines = [f"{k} = {v}" for k, v in value.items()] if isinstance(value, Mapping) else [_shown(name, value)]
        for i, line in enumerate(lines):
            click.echo(f"{name.replace('_', ' ') if i == 0 else '':{width}}{line}")


def pull_all(names: Iterable[str], *, as_json: bool) -> int:
    """Pull each model and say what came of it; one that fails does not keep the others from it. The exit code."""
    rows: list[Row] = []
    failures = 0
    for name in names:
        if sys.stderr.isatty():
            click.echo(f"pulling {name} ...", err=True)
        try:
            with bars() as progress:
                pulled = pull(name, progress=progress)
        except GanzooError as error:
            failures += 1
            click.echo(f"ganzoo: error: {name}: {error}", err=True)
            rows.append({"name": name, "error": str(error)})
            continue
        name = pulled.name
        rows.append({"name": name, "path": str(pulled.path), "size": pulled.size, "bundled": pulled.bundled})
        if not as_json:
            here = "is bundled" if resolve.is_registered(name) else "is here"
            told = f"{here}: nothing to pull" if pulled.bundled else f"{_size(pulled.size)} verified at {pulled.path}"
            click.echo(f"{name}\t{told}")
    if as_json:
        click.echo(json.dumps(rows, indent=2))
    return 1 if failures else 0


def written(paths: Sequence[Any], *, as_json: bool) -> None:
    """Say where results were written: the paths are the command's output."""
    if as_json:
        click.echo(json.dumps([str(path) for path in paths], indent=2))
    else:
        for path in paths:
            click.echo(path)


def calm_uploads() -> None:
    """Let the client show no bars where nobody looks; process-global, hence for the command line only."""
    if not sys.stderr.isatty():
        from huggingface_hub.utils.tqdm import disable_progress_bars

        disable_progress_bars()


def _rich_table(rows: Sequence[Row]) -> None:
    from rich.console import Console
    from rich.table import Table

    if not rows:
        click.echo("nothing matches", err=True)
        return
    grid = Table(box=None, header_style="bold")
    for number, name in enumerate(rows[0]):
        grid.add_column(name.replace("_", " "), no_wrap=number == 0, overflow="fold")  # names are copied
    for row in rows:
        grid.add_row(*(_shown(name, value) for name, value in row.items()))
    Console().print(grid)


def _shown(name: str, value: Any) -> str:
    """A value as people read it."""
    return _size(value) if name == "size" else _text(value) or "none"


def _text(value: Any) -> str:
    """A value in one field of a table: lists with commas, mappings with semicolons."""
    if isinstance(value, Mapping):
        return "; ".join(f"{name}: {_text(item)}" for name, item in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_text, value))
    return "" if value is None else " ".join(str(value).split())  # a tab or a line break would break the table


def _size(count: int | None) -> str:
    if count is None:
        return "unknown"
    return f"{count / 1e6:.1f} MB" if count >= 1e6 else f"{count / 1e3:.0f} kB"

"""Commands for the Hub and for what came from there: `search` and `cache`."""

from __future__ import annotations

import json
import sys
from datetime import datetime
from typing import TYPE_CHECKING

import click

from ganzoo.cli import display
from ganzoo.cli.arguments import Name, registered
from ganzoo.cli.options import AS_JSON
from ganzoo.cli.output import say, tell
from ganzoo.pretrained import cache as cached
from ganzoo.pretrained.cards import architecture_in
from ganzoo.registry import lookup

if TYPE_CHECKING:
    from ganzoo.hub.search import Found

__all__ = ["COMMANDS", "cache", "search"]


@click.command()
@click.argument("text", default="")
@click.option("--arch", "architecture", type=registered("architectures"), help="Only models of this architecture.")
@click.option(
    "--limit",
    type=click.IntRange(min=1, max=1000),
    default=50,
    show_default=True,
    metavar="N",
    help="The most models to list: the most downloaded ones.",
)
@AS_JSON
def search(text: str, architecture: str | None, limit: int, as_json: bool) -> None:
    """Search the Hugging Face Hub for models that `ganzoo publish` uploaded.

    TEXT is a part of a name. Each model that is listed loads under its name, such as hf:OWNER/REPO. The exit code is 1
    if none matches.
    """
    from ganzoo.hub import download
    from ganzoo.hub import search as hub

    download.bound_client()
    found = hub.search(text, tags=[] if architecture is None else [architecture], limit=limit)
    rows = [row for row in map(_row, found) if architecture in (None, row["architecture"])]
    if rows or as_json:
        display.table(rows, as_json=as_json)
    if not rows:
        tell("ganzoo: no published model matches - `ganzoo list` shows the registered models")
        sys.exit(1)


def _row(found: Found) -> display.Row:
    architecture = architecture_in(found.tags)
    return {
        "name": str(found.reference),
        "architecture": architecture,
        "plugin": "installed" if architecture in lookup.registry().architectures else "missing",
        "downloads": found.downloads,
        "license": found.license or "not stated",
    }


@click.group(invoke_without_command=True)
@AS_JSON
@click.pass_context
def cache(ctx: click.Context, as_json: bool) -> None:
    """List what ganzoo keeps on this machine: sizes, and when each part was last used.

    `ganzoo cache rm NAME` removes a part. What other programs keep in the same place is not listed, and stays.
    """
    if ctx.invoked_subcommand is not None:
        return
    entries = cached.list_cache()
    if entries or as_json:
        rows = [_entry_row(entry) for entry in entries]
        display.table(rows if as_json else [_without(row, "path") for row in rows], as_json=as_json)
    if not entries:
        tell("ganzoo: the cache is empty")


def _entry_row(entry: cached.Entry) -> display.Row:
    return {
        "name": entry.name,
        "holds": entry.holds,
        "models": list(entry.models),
        "size": entry.size,
        "last_used": datetime.fromtimestamp(entry.last_used).astimezone().isoformat(timespec="minutes"),
        "path": str(entry.path),
    }


def _without(row: display.Row, name: str) -> display.Row:
    return {key: value for key, value in row.items() if key != name}


@cache.command("rm")
@click.argument("names", nargs=-1, required=True, type=Name(lambda ctx: [entry.name for entry in cached.list_cache()]))
@AS_JSON
def remove(names: tuple[str, ...], as_json: bool) -> None:
    """Remove parts of the cache. A model that is used later is downloaded again.

    NAMES are those that `ganzoo cache` lists, or registered models.
    """
    entries = {
        entry.name: entry for entry in map(cached.find_entry, names)
    }  # a wrong name is refused before any is gone
    for entry in entries.values():
        cached.remove_entry(entry)
        if not as_json:
            say(f"removed {entry.name} ({entry.size:,} bytes)")
    if as_json:
        click.echo(json.dumps([_entry_row(entry) for entry in entries.values()], indent=2))


COMMANDS = (search, cache)

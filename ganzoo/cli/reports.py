"""What the command line shows of an evaluation."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from ganzoo.cli import display
from ganzoo.evaluation.report import facts, rows

if TYPE_CHECKING:
    from ganzoo.evaluation.features import Tell
    from ganzoo.evaluation.result import Evaluation

__all__ = ["progress", "show"]


def show(found: Evaluation, *, as_json: bool) -> None:
    """Facts, a table with a row for each number, and notes and warnings on stderr; or all as one JSON object."""
    said = found.as_json()
    if as_json:
        click.echo(json.dumps(said, indent=2))
        return
    display.facts(facts(said), as_json=False)
    click.echo()
    display.table(rows(said), as_json=False)
    for note in found.notes:
        click.echo(f"ganzoo: note: {note}", err=True)
    for caveat in found.warnings:
        click.echo(f"ganzoo: warning: {caveat}", err=True)


@contextmanager
def progress() -> Iterator[Tell]:
    """A bar for each set of images that is looked at, on a terminal; elsewhere nothing."""
    if not sys.stderr.isatty():
        yield lambda what, done, total: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        tasks: dict[str, Any] = {}

        def tell(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(what, total=total)
            bar.update(tasks[what], completed=done)

        yield tell

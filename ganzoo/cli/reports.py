"""Print the results of an evaluation."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from ganzoo.cli import display
from ganzoo.cli.output import tell
from ganzoo.evaluation.report import facts, rows

if TYPE_CHECKING:
    from ganzoo.evaluation.result import Evaluation

__all__ = ["show"]


def show(found: Evaluation, *, as_json: bool) -> None:
    """Print the facts, a table with one row for each metric, and notes and warnings on stderr; or one JSON object."""
    results = found.as_json()
    if as_json:
        click.echo(json.dumps(results, indent=2))
        return
    display.facts(facts(results), as_json=False)
    click.echo()
    display.table(rows(results), as_json=False)
    for note in found.notes:
        tell(f"ganzoo: note: {note}")
    for caveat in found.warnings:
        tell(f"ganzoo: warning: {caveat}")

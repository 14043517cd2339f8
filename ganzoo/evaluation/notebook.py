"""An `Evaluation` as notebooks show it: the table of scores, what was compared, and the warnings, as HTML."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from ganzoo.evaluation import report
from ganzoo.images.html import facts_html, table_html

__all__ = ["evaluation_html"]


def evaluation_html(result: Mapping[str, Any]) -> str:
    """The page of an evaluation, from its JSON."""
    scores = [{name.replace("plus_minus", "±"): value for name, value in row.items()} for row in report.rows(result)]
    warnings = "".join(f"<li>{escape(text)}</li>" for text in (*result["warnings"], *result["notes"]))
    told = f"<ul>{warnings}</ul>" if warnings else ""
    heading = f"<b>{escape(result['subject'])}</b>"
    command = f"<code>{escape(result['command'])}</code>"
    return f"<div>{heading}{table_html(scores)}{facts_html(report.facts(result))}{told}{command}</div>"

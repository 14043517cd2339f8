"""Pictures and tables as HTML, for notebooks."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Mapping, Sequence
from html import escape

from PIL import Image

__all__ = ["facts_html", "picture_html", "table_html"]


def picture_html(picture: Image.Image, description: str) -> str:
    """An image element that holds the picture itself. `description` is for those who do not see it."""
    encoded = io.BytesIO()
    picture.save(encoded, "PNG")
    data = base64.b64encode(encoded.getvalue()).decode()
    return f'<img src="data:image/png;base64,{data}" alt="{escape(description)}">'


def facts_html(facts: Mapping[str, object]) -> str:
    """A table with a row for each fact."""
    return f"<table>{''.join(_row('td', pair) for pair in facts.items())}</table>"


def table_html(rows: Sequence[Mapping[str, object]]) -> str:
    """A table with the names of the columns above it. All rows have those of the first."""
    return f"<table>{_row('th', rows[0])}{''.join(_row('td', row.values()) for row in rows)}</table>" if rows else ""


def _row(cell: str, values: Iterable[object]) -> str:
    return f"<tr>{''.join(f'<{cell}>{escape(str(value))}</{cell}>' for value in values)}</tr>"

"""The cards of models as HTML: the gallery's, the facts, and the table of an evaluation. No gradio.

Names may come from anybody, so every text is escaped. Sheets are inside of the HTML, so that no file is served.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING, Any

from ganzoo.errors import GanzooError
from ganzoo.evaluation import report
from ganzoo.pretrained.cards import image_form
from ganzoo.sharing.card import card_of
from ganzoo.utils.text import printable
from ganzoo.web.results import check_pictures
from ganzoo.web.runs import read_status
from ganzoo.web.shelf import Shelf, Shown

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["Sheets", "evaluation_html", "facts_html", "gallery_html"]

MOST_IMAGES, MOST_PIXELS, COLUMNS = 8, 8 * 128 * 128, 4
"""A card's sheet: 8 images of 128x128, or fewer larger ones."""


@dataclass
class Sheets:
    """The sheets that have been drawn, by the models' slug: image elements of HTML, or a text in their place."""

    drawn: dict[str, str] = field(default_factory=dict)

    def draw(self, shelf: Shelf, shown: Shown) -> bool:
        """Draw the sheet of a model, unless it is there. Returns whether there is something new to show.

        That of a run is drawn each time, since the run draws new ones.
        """
        if shown.slug in self.drawn and shown.run is None:
            return False
        try:
            self.drawn[shown.slug] = _sheet(shelf, shown)
        except GanzooError as error:
            self.drawn[shown.slug] = _text(f"It cannot be loaded: {error}")
        return True

    def of(self, shown: Shown) -> str:
        """The element of a model."""
        return self.drawn.get(shown.slug, _text("..."))


def gallery_html(shown: Sequence[Shown], sheets: Sheets) -> str:
    """A grid of cards, each a link to the page of its model."""
    return f'<div class="zoo">{"".join(_card(each, sheets) for each in shown)}</div>'


def facts_html(shown: Shown) -> str:
    """What is known of a model, as in its model card."""
    facts = card_of(shown.source).facts
    summary = shown.source.info.summary
    about = f"<p>{escape(printable(summary.capitalize()))}.</p>" if summary else ""
    return about + _table({name: text.strip("`") for name, text in facts.items()})


def evaluation_html(result: Mapping[str, Any]) -> str:
    """The table of an evaluation: each metric beside its floor, and what was compared."""
    rows = report.rows(result)
    heading = "".join(f"<th>{escape(name.replace('plus_minus', '±'))}</th>" for name in rows[0])
    lines = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row.values())}</tr>" for row in rows)
    table = f'<div class="wide"><table class="facts"><tr>{heading}</tr>{lines}</table></div>'
    facts = {**report.facts(result), "command": result["command"]}
    about = "<p>The floor is the value that other real images reach.</p>" if "floor" in rows[0] else ""
    return f"{table}{about}{_table(facts)}"


def _card(shown: Shown, sheets: Sheets) -> str:
    facts = " · ".join(_facts(shown))
    body = f"{sheets.of(shown)}<b>{escape(printable(shown.title))}</b><small>{escape(printable(facts))}</small>"
    return f'<a class="card" href="./{escape(shown.page)}">{body}</a>'


def _facts(shown: Shown) -> list[str]:
    if not shown.has_weights:
        return ["a run, without a model so far"]
    if shown.problem:
        return [shown.problem]
    info = shown.source.info
    form = image_form(info.subject.config, info.depth)
    license_name = info.license or "license not stated"
    return [info.subject.task.name, info.architecture, form, info.dataset, license_name]


def _sheet(shelf: Shelf, shown: Shown) -> str:
    """The sheet of a model; that of a run is its newest, so that a card costs no time while it trains."""
    if shown.run is not None:
        sheets = read_status(shown.run).sheets
        return _image(_opened(sheets[-1]), shown) if sheets else _text("The run has not drawn a sheet yet.")
    if reason := check_pictures(shown.subject):
        return _text(reason)
    if shown.subject.task.from_images:
        return _text("Drop a picture, and it translates it.")
    from ganzoo.images.sheets import contact_sheet, enlargement

    _, height, width = shown.subject.config.image_shape
    count = max(1, min(MOST_IMAGES, MOST_PIXELS // (height * width)))
    pictures = shelf.model(shown).images(count)
    return _image(contact_sheet(pictures, columns=min(count, COLUMNS), scale=enlargement(width)), shown)


def _opened(path: Any) -> Image:
    from ganzoo.images.files import read_image
    from ganzoo.images.tensors import to_pictures

    return to_pictures(read_image(path, channels=3).pixels[None])[0]


def _image(picture: Image, shown: Shown) -> str:
    picture.thumbnail((_THUMBNAIL, _THUMBNAIL))
    encoded = io.BytesIO()
    picture.save(encoded, "PNG")
    data = base64.b64encode(encoded.getvalue()).decode()
    return f'<img class="sheet" alt="samples of {escape(printable(shown.title))}" src="data:image/png;base64,{data}">'


_THUMBNAIL = 640


def _text(text: str) -> str:
    return f'<div class="sheet">{escape(printable(text))}</div>'


def _table(facts: Mapping[str, Any]) -> str:
    rows = "".join(
        f"<tr><th>{escape(printable(name))}</th><td>{escape(printable(value))}</td></tr>"
        for name, value in facts.items()
    )
    return f'<div class="wide"><table class="facts">{rows}</table></div>'

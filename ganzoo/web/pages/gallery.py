"""The first page: a card for each model, with a sheet that is drawn when somebody looks."""

from __future__ import annotations

from collections.abc import Iterator

import gradio as gr

from ganzoo.web.cards import Sheets, gallery_html
from ganzoo.web.pages.widgets import HEAVY
from ganzoo.web.site import Site

__all__ = ["draw_gallery"]


def draw_gallery(page: gr.Blocks, site: Site, sheets: Sheets) -> None:
    """All models, each a link to its page."""
    gr.Markdown("# ganzoo\n\nGenerative adversarial networks on this machine. Choose one.")
    cards = gr.HTML(gallery_html(site.shown, sheets), container=False)

    def fill() -> Iterator[str]:
        for shown in site.shown:
            if sheets.draw(site.shelf, shown):
                yield gallery_html(site.shown, sheets)
        yield gallery_html(site.shown, sheets)

    page.load(fill, None, cards, show_progress="hidden", **HEAVY)

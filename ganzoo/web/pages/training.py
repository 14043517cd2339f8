"""A run, watched while it trains: its curves, and its sheets through time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from ganzoo.errors import GanzooError
from ganzoo.web import runs
from ganzoo.web.pages.widgets import guarded

__all__ = ["draw_run"]

PAUSE = 3.0
"""The seconds between two looks at the folder."""


def draw_run(page: gr.Blocks, folder: Path) -> None:
    """The last step, the curves, and a slider through the sheets. It follows the newest sheet until it is moved."""
    line = gr.Markdown(elem_id="progress")
    curves = gr.Image(label="Losses and metrics", interactive=False, format="png", buttons=["fullscreen"])
    number = gr.Slider(1, 1, 1, step=1, label="Sheet", interactive=True)
    sheet = gr.Image(label="Samples of the same seeds", interactive=False, format="png", elem_classes="small")
    seen = gr.State((-1, 0))  # the step and the number of sheets that are shown

    def look(last: tuple[int, int], number_now: float) -> list[Any]:
        progress = runs.read_progress(folder)
        count = len(progress.sheets)
        if (progress.step, count) == last:
            return [gr.skip()] * 5
        newest = number_now >= last[1] and count > last[1]
        slider = gr.update(maximum=max(1, count), value=count if newest else number_now)
        shown = _open(progress.sheets[-1]) if newest else gr.skip()
        return [progress.line, runs.draw(folder), slider, shown, (progress.step, count)]

    @guarded
    def choose(number_now: float) -> Any:
        sheets = runs.read_progress(folder).sheets
        return _open(sheets[min(len(sheets), max(1, int(number_now))) - 1]) if sheets else None

    timer = gr.Timer(PAUSE)
    events: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private", "concurrency_limit": 4}
    outputs = [line, curves, number, sheet, seen]
    timer.tick(look, [seen, number], outputs, **events)
    page.load(look, [seen, number], outputs, **events)  # at once, when the page opens
    number.release(choose, number, sheet, **events)


def _open(path: Path) -> Any:
    """The picture of a sheet; nothing if it is just being replaced."""
    from ganzoo.images.files import read_image
    from ganzoo.images.tensors import to_pictures

    try:
        return to_pictures(read_image(path, channels=3).pixels[None])[0]
    except GanzooError:
        return gr.skip()

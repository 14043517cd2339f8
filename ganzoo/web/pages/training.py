"""A run, watched while it trains: its curves, and its sheets through time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from ganzoo.errors import GanzooError
from ganzoo.web import runs

__all__ = ["draw_run"]

PAUSE = 3.0
"""The seconds between two looks at the folder."""


def draw_run(page: gr.Blocks, folder: Path) -> None:
    """The last step, the curves, and a slider through the sheets. At 0 it follows the newest one."""
    line = gr.Markdown(elem_id="progress")
    curves = gr.Image(label="Losses and metrics", interactive=False, format="png", buttons=["fullscreen"])
    number = gr.Slider(0, 1, 0, step=1, label="Sheet, 0 for the newest")
    sheet = gr.Image(
        label="Samples of the same seeds",
        interactive=False,
        format="png",
        buttons=["download", "fullscreen"],
        elem_classes=["small", "one"],
    )
    seen = gr.State((-1, -1))  # the step and the number of sheets that are shown

    def look(last: tuple[int, int], number_now: float) -> list[Any]:
        progress = runs.read_status(folder)
        now = (progress.step, len(progress.sheets))
        if now == last:
            return [gr.skip()] * 5
        slider = gr.update(maximum=max(1, len(progress.sheets)))
        shown = gr.skip() if number_now else _open(progress.sheets, 0)
        return [progress.line, runs.draw(folder), slider, shown, now]

    def choose(number_now: float) -> Any:
        return _open(runs.read_status(folder).sheets, int(number_now))

    timer = gr.Timer(PAUSE)
    events: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private", "concurrency_limit": 4}
    outputs = [line, curves, number, sheet, seen]
    timer.tick(look, [seen, number], outputs, **events)
    page.load(look, [seen, number], outputs, **events)  # at once, when the page opens
    number.release(choose, number, sheet, **events)


def _open(sheets: Sequence[Path], number: int) -> Any:
    """The picture of a sheet, counted from 1, or 0 for the newest. It stays as it is while a file is replaced."""
    from ganzoo.images.files import read_image
    from ganzoo.images.tensors import to_pictures

    if not sheets:
        return None
    try:
        path = sheets[min(len(sheets), max(0, number)) - 1]
        return to_pictures(read_image(path, channels=3).pixels[None])[0]
    except GanzooError:
        return gr.skip()

"""What a model does with a picture of the user: translate it, or find it among its own images and restore it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from ganzoo.web import results
from ganzoo.web.again import Inverted
from ganzoo.web.controls import Control, controls_of, fields_from
from ganzoo.web.pages.widgets import Outputs, Place, guarded, make, refuse, whole

__all__ = ["draw_inversion", "draw_translation"]


_SIZES = (
    Control("resize", "pixels of the shorter side", "whole", least=1, most=4096),
    Control("tile", "side of tiles", "whole", least=1, most=4096),
)
"""What a translation takes besides the fields of its task."""


def draw_translation(place: Place) -> None:
    """A picture is translated as soon as it is dropped, and again when a control has changed."""
    site, shown = place.site, place.shown
    controls = controls_of(shown.subject)
    picture = _upload()
    with gr.Row():
        inputs = [make(control) for control in controls]
        sizes = [make(control) for control in _SIZES]
    button = gr.Button("Translate", variant="primary")
    outputs = Outputs.draw(place, several=True, label="The picture and its translation")

    @guarded
    def translate(path: str | None, *raw: Any) -> list[Any]:
        resize, tile = (control.value(sent) for control, sent in zip(_SIZES, raw, strict=False))
        made = results.translate(
            site.shelf.model(shown),
            shown.name,
            site.workspace.folder(),
            fields_from(controls, raw[len(_SIZES) :]),
            _given(path),
            resize=resize,
            tile=tile,
        )
        return outputs.values(made)

    for event in (button.click, picture.upload):
        event(translate, [picture, *sizes, *inputs], outputs.components, **outputs.events)


def draw_inversion(place: Place) -> None:
    """The image of the model that is most similar to a picture; with a degradation, the picture without it."""
    site, shown = place.site, place.shown
    controls = [control for control in controls_of(shown.subject) if control.kind == "choice"]
    picture = _upload()
    with gr.Row():
        known = ", ".join(results.degradations())
        wrong = gr.Textbox(label="What is wrong with the picture", info=f"Nothing, or one of: {known}", max_lines=1)
        damage = gr.Checkbox(label="The picture is a true one: damage it first, and compare")
    with gr.Row():
        starts = gr.Number(4, label="Searches", precision=0)
        steps = gr.Number(200, label="Steps of each search", precision=0)
        seed = gr.Number(0, label="Seed", precision=0)
        inputs = [make(control) for control in controls]
    button = gr.Button("Find the image", variant="primary")
    outputs = Outputs.draw(place, several=False, label="What was found")

    @guarded
    def invert(
        path: str | None,
        wrong: str,
        damage: bool,
        starts: Any,
        steps: Any,
        seed: Any,
        *raw: Any,
        progress: gr.Progress = gr.Progress(),  # noqa: B008 - gradio finds it by this default
    ) -> list[Any]:
        options = Inverted(
            degradation=tuple(wrong.split()),
            damage=bool(damage),
            starts=whole(starts, "number of searches"),
            steps=whole(steps, "number of steps"),
            seed=whole(seed, "seed"),
        )
        found = results.invert(
            site.shelf.model(shown),
            shown.name,
            site.workspace.folder(),
            fields_from(controls, raw),
            _given(path),
            options,
            progress=lambda what, done, total: progress((done, total), desc=what),
        )
        return outputs.values(found)

    button.click(invert, [picture, wrong, damage, starts, steps, seed, *inputs], outputs.components, **outputs.events)


def _upload() -> gr.File:
    """A file and not `gr.Image`: pictures are read by ganzoo's own reader only."""
    return gr.File(label="Your picture: drop it here, or choose a file", file_types=["image"], height=140)


def _given(path: str | None) -> Path:
    if not path:
        raise refuse("there is no picture - drop one, or choose a file")
    return Path(path)

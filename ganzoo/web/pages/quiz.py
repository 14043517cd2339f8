"""The quiz "which pictures are real?" as a game with a score."""

from __future__ import annotations

import secrets
from typing import Any

import gradio as gr

from ganzoo.errors import InvalidRequestError
from ganzoo.web import game
from ganzoo.web.pages.widgets import HEAVY, Place, guarded

__all__ = ["draw_quiz"]


def draw_quiz(place: Place) -> None:
    """One picture after the other. The answers stay on the server until they are guessed."""
    site, shown = place.site, place.shown
    state = gr.State(None)
    begin = gr.Button("New game", variant="primary")
    line = gr.Markdown("Half of the pictures are real, and half are generated.", elem_id="score")
    picture = gr.Image(
        label="Real or generated?",
        interactive=False,
        format="png",
        height=240,
        buttons=[],
        elem_classes=["small", "guess"],
    )
    with gr.Row():
        real = gr.Button("Real", interactive=False)
        generated = gr.Button("Generated", interactive=False)
    seen = gr.Gallery(
        label="So far", columns=8, fit_columns=False, format="png", interactive=False, object_fit="contain",
        elem_classes="small", height="auto", buttons=[],
    )  # fmt: skip
    outputs = [state, line, picture, real, generated, seen]

    def show(current: game.Game) -> list[Any]:
        on = gr.update(interactive=not current.is_over)
        return [current, current.line, current.picture, on, on, current.captions()]

    @guarded
    def new() -> list[Any]:
        return show(game.start(site.shelf.model(shown), shown, site.data_dir, secrets.randbelow(2**31)))

    @guarded
    def guess(current: game.Game | None, is_real: bool) -> list[Any]:
        if current is None:
            raise InvalidRequestError("there is no game - begin a new one")
        return show(current.guess(is_real))

    begin.click(new, None, outputs, **HEAVY)
    real.click(lambda current: guess(current, True), state, outputs, api_visibility="private")
    generated.click(lambda current: guess(current, False), state, outputs, api_visibility="private")

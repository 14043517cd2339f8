"""The quiz "which pictures are real?" as a game with a score."""

from __future__ import annotations

import secrets
from functools import partial
from typing import Any

import gradio as gr

from ganzoo.errors import InvalidRequestError
from ganzoo.web import game
from ganzoo.web.pages.widgets import HEAVY, Place, guarded

__all__ = ["draw_quiz"]

_GUESS: dict[str, Any] = {
    **{"concurrency_limit": 1, "concurrency_id": "quiz", "api_visibility": "private"},
    "trigger_mode": "multiple",  # by default, a click is lost that comes as soon as the next picture is seen
}


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
    def guess(current: game.Game | None, seen_line: str, is_real: bool) -> list[Any]:
        if current is None:
            raise InvalidRequestError("there is no game - begin a new one")
        again = seen_line != current.line  # a second click for a picture that has its guess
        return show(current if again else current.guess(is_real))

    begin.click(new, None, outputs, **HEAVY)
    for button, is_real in ((real, True), (generated, False)):
        button.click(partial(guess, is_real=is_real), [state, line], outputs, **_GUESS)

"""Parts that several pages share: controls, outputs, and errors as messages."""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, NamedTuple, ParamSpec, TypeVar

import gradio as gr
from gradio.components import Component

from ganzoo.errors import GanzooError
from ganzoo.utils.text import printable, shortened
from ganzoo.web.controls import Control
from ganzoo.web.results import Result
from ganzoo.web.shelf import Shown
from ganzoo.web.site import Site

__all__ = ["HEAVY", "Outputs", "Place", "guarded", "make", "refuse", "whole"]

HEAVY: dict[str, Any] = {"concurrency_limit": 1, "concurrency_id": "model", "api_visibility": "private"}
"""What computes waits in one queue: one request at a time has the device and its memory."""

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True)
class Place:
    """A model's page: the site, and the model."""

    site: Site
    shown: Shown

    @property
    def css_class(self) -> str:
        """``small`` for images of few pixels, which are enlarged without blur."""
        return "small" if max(self.shown.subject.config.image_shape[1:]) <= _SMALL else "large"


_SMALL = 128


def guarded(function: Callable[P, R]) -> Callable[P, R]:
    """The function, whose errors become one line on the page."""

    @functools.wraps(function)
    def run(*positional: P.args, **named: P.kwargs) -> R:
        try:
            return function(*positional, **named)
        except GanzooError as error:
            raise refuse(str(error)) from error

    return run


def refuse(text: str) -> gr.Error:
    """A message on the page. Names in it may come from anybody. Of an uploaded file it has the name alone."""
    uploads = re.escape(os.environ.get("GRADIO_TEMP_DIR", "")) + r"/\w+/"
    return gr.Error(escape(shortened(printable(re.sub(uploads, "", text)))), duration=None, print_exception=False)


def whole(value: Any, what: str) -> int:
    """A whole number from the page.

    Raises:
        gr.Error: it is empty, or has decimals.
    """
    if not isinstance(value, (int, float)) or isinstance(value, bool) or value != int(value):
        raise refuse(f"the {what} is a whole number - type one")
    return int(value)


def make(control: Control, *, prefix: str = "") -> Component:
    """The component for a control. A choice can be searched by typing."""
    label = f"{prefix}{control.label}".strip().capitalize()
    if control.kind == "choice":
        texts = [text for text, _ in control.choices]
        start = next((text for text, value in control.choices if value == control.default), "")
        choices: list[str | int | float | tuple[str, str | int | float]] = [*texts]
        if control.optional:
            choices.insert(0, ("(any)" if control.field == "label" else "(default)", ""))
        # So a text that is no choice gets its line: without custom values, gradio takes the old choice in silence.
        return gr.Dropdown(choices, value=start, label=label, filterable=True, allow_custom_value=True)
    if control.kind == "switch":
        return gr.Checkbox(bool(control.default), label=label)
    if control.kind == "text" or control.optional:  # gradio's number has no empty state: it would become 0
        hint = f"such as: {control.examples[0]}" if control.examples else "(default)"
        return gr.Textbox(control.default or "", label=label, placeholder=hint, info=_range(control), max_lines=1)
    decimals = 0 if control.kind == "whole" else None
    return gr.Number(control.default, label=label, precision=decimals, info=_range(control))


def _range(control: Control) -> str | None:
    if control.least is None or control.most is None:
        return None
    return f"{control.least:g} to {control.most:g}"


class Outputs(NamedTuple):
    """Where a result is shown."""

    gallery: gr.Gallery | None
    picture: gr.Image | None
    note: gr.Markdown
    files: gr.Files
    command: gr.Code
    python: gr.Code

    @classmethod
    def draw(cls, place: Place, *, several: bool, label: str) -> Outputs:
        """Make the components: a gallery for `several` pictures, else one picture."""
        buttons: list[Any] = ["download", "fullscreen"]
        gallery = picture = None
        if several:
            gallery = gr.Gallery(
                label=label, format="png", columns=4, object_fit="contain", buttons=buttons,
                interactive=False, elem_classes=place.css_class, height="auto",
            )  # fmt: skip
        else:
            picture = gr.Image(
                label=label, format="png", interactive=False, buttons=buttons, elem_classes=[place.css_class, "one"]
            )
        code: dict[str, Any] = {"interactive": False, "wrap_lines": True, "visible": False}
        return cls(
            gallery,
            picture,
            gr.Markdown(),
            gr.Files(label="Downloads", interactive=False, visible=False),
            gr.Code(label="The same by command", language="shell", lines=1, **code),
            gr.Code(label="The same in Python", language="python", lines=3, **code),
        )

    @property
    def events(self) -> dict[str, Any]:
        """Options of an event that fills the components: only the first one shows that it is at work."""
        return {**HEAVY, "show_progress_on": self.components[0]}

    @property
    def components(self) -> list[Component]:
        """The components that `values` fills."""
        return [component for component in self if component is not None]

    def values(self, result: Result) -> list[Any]:
        """What the components show of a result."""
        shown: Sequence[Any] | str = list(result.pictures) if self.gallery is not None else str(result.files[0])
        files = [str(path) for path in result.files]
        rest = [gr.update(value=value, visible=True) for value in (files, *result.again)]
        return [shown, escape(result.note), *rest]

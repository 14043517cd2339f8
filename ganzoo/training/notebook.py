"""A `Trainer` as notebooks show it: how far it is, its curves and its samples, drawn again while it trains."""

from __future__ import annotations

import time
from collections.abc import Callable
from html import escape
from importlib import import_module
from typing import Any

from ganzoo.images.html import picture_html
from ganzoo.sampling.notebook import sheet_html
from ganzoo.training.observers import Curves
from ganzoo.training.run import Run

__all__ = ["LiveView", "trainer_html"]

REFRESH_EVERY = 5.0
"""The seconds from one drawing to the next. A drawing takes a fraction of a second, in which nothing is trained."""


def trainer_html(run: Run, curves: Curves | None) -> str:
    """The page of a run as it is now. Without `curves`, which only the main process has, it says how far the run is."""
    from ganzoo.training.plots import to_picture

    plan = run.plan
    state = f"iteration {run.step:,} of {plan.iterations:,}, in {run.folder}"
    heading = f"<b>{escape(plan.architecture)} on {escape(plan.data)}</b><br>{escape(state)}"
    if curves is None or not curves.values:
        return f"<div>{heading}</div>"
    drawn = picture_html(to_picture(curves.draw()), "losses and metrics of each iteration")
    return f"<div>{heading}<br>{drawn}<br>{sheet_html(run.model())}</div>"


class LiveView:
    """One output of a notebook, whose content is replaced. `content` returns it, by its media type."""

    def __init__(self, content: Callable[[], dict[str, str]]) -> None:
        self._content = content
        display = import_module("IPython.display").display  # only a notebook asks for a view
        self._handle: Any = display(content(), raw=True, display_id=True)
        self._shown = time.monotonic()

    def refresh(self, *, now: bool = False) -> None:
        """Show the content as it is now, if it is time, or `now`."""
        if now or time.monotonic() - self._shown >= REFRESH_EVERY:
            self._handle.update(self._content(), raw=True)
            self._shown = time.monotonic()

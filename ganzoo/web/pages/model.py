"""The page of one model: its facts, and a tab for everything that it can do."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import gradio as gr

from ganzoo.errors import GanzooError
from ganzoo.utils.text import printable
from ganzoo.web.cards import evaluation_html, facts_html
from ganzoo.web.game import has_quiz
from ganzoo.web.pages.latents import draw_directions, draw_samples, draw_walk
from ganzoo.web.pages.pictures import draw_inversion, draw_translation
from ganzoo.web.pages.quiz import draw_quiz
from ganzoo.web.pages.training import draw_run
from ganzoo.web.pages.widgets import Place
from ganzoo.web.results import check_pictures

__all__ = ["draw_model"]

Draw = Callable[[], None]


def draw_model(page: gr.Blocks, place: Place) -> None:
    """Draw the tabs that the model has. A run has its training before everything else."""
    gr.HTML('<nav><a href="./">All models</a></nav>', container=False)
    gr.Markdown(f"# {_plain(place.shown.title)}")
    _draw_tabs(_tabs(page, place))
    if not place.shown.has_weights:
        _draw_later(page, place)


def _draw_tabs(tabs: Iterator[tuple[str, Draw]]) -> None:
    with gr.Tabs():
        for title, draw in tabs:
            with gr.Tab(title):
                draw()


def _draw_later(page: gr.Blocks, place: Place) -> None:
    """What a run can do that has no model yet: each time that somebody opens the page, there may be one."""

    def draw() -> None:
        if place.shown.has_weights:
            _draw_tabs(_of_model(place))
        else:
            _say("The run has not saved a model yet. Once it has, open this page again.")

    gr.render(triggers=[page.load])(draw)


def _tabs(page: gr.Blocks, place: Place) -> Iterator[tuple[str, Draw]]:
    run = place.shown.run
    if run is not None:
        yield "Training", lambda: draw_run(page, run)
    if place.shown.has_weights:
        yield from _of_model(place)


def _of_model(place: Place) -> Iterator[tuple[str, Draw]]:
    if place.shown.problem:
        yield "Model", lambda: _say(_plain(place.shown.problem))
    else:
        yield from _abilities(place)
        yield "Facts", lambda: _facts(place)


def _abilities(place: Place) -> Iterator[tuple[str, Draw]]:
    """What the model can do, as its task says."""
    reason = check_pictures(place.shown.subject)
    if reason:
        yield "Samples", lambda: _say(reason)
    elif place.shown.subject.task.from_images:
        yield "Translate", lambda: draw_translation(place)
    else:
        yield "Sample", lambda: draw_samples(place)
        yield "Walk", lambda: draw_walk(place)
        yield "Directions", lambda: draw_directions(place)
        yield "Invert and restore", lambda: draw_inversion(place)
        if has_quiz(place.shown, place.site.data_dir):
            yield "Quiz", lambda: draw_quiz(place)


def _facts(place: Place) -> None:
    try:
        html, result = facts_html(place.shown), place.site.evaluation(place.shown)
    except GanzooError as error:  # a damaged file in a folder must not close the page of all others
        _say(_plain(str(error)))
        return
    gr.HTML(html, container=False)
    gr.Markdown("## Evaluation")
    if result is None:
        _say(f"No results are known here. Compute them with `ganzoo evaluate {_plain(place.shown.name)} -o FILE`, and "
             "start `ganzoo serve` with `--evaluation FILE`.")  # fmt: skip
    else:
        gr.HTML(evaluation_html(result), container=False)


def _say(text: str) -> None:
    gr.Markdown(text)


def _plain(text: str) -> str:
    """A text that Markdown shows as it is."""
    return "".join(f"\\{each}" if each in "\\`*_{}[]<>#|!" else each for each in printable(text))

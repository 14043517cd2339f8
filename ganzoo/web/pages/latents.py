"""What a model that generates images from latents can do: samples, walks, and directions."""

from __future__ import annotations

from typing import Any

import gradio as gr

from ganzoo.sampling.requests import DIRECTION_METHODS
from ganzoo.web import again, results
from ganzoo.web.controls import controls_of, fields_from
from ganzoo.web.pages.widgets import Outputs, Place, guarded, make, whole

__all__ = ["draw_directions", "draw_samples", "draw_walk"]

_FEW = 16


def draw_samples(place: Place) -> None:
    """Samples: the number, the seed, and what the task asks for."""
    site, shown = place.site, place.shown
    controls, most = controls_of(shown.subject), results.most_images(shown.subject)
    with gr.Row():
        count = gr.Number(min(_FEW, most), label="Number of images", precision=0)
        seed = _seed("Seed")
    with gr.Row():
        inputs = [make(control) for control in controls]
    button = gr.Button("Sample", variant="primary")
    outputs = Outputs.draw(place, several=True, label="Samples")

    @guarded
    def sample(count: Any, seed: Any, *raw: Any) -> list[Any]:
        numbers = {"count": whole(count, "number of images"), "seed": whole(seed, "seed")}
        fields = fields_from(controls, raw)
        return outputs.values(
            results.sample(site.shelf.model(shown), shown.name, site.workspace.folder(), fields, **numbers)
        )

    button.click(sample, [count, seed, *inputs], outputs.components, **outputs.events)


def draw_walk(place: Place) -> None:
    """A film from one image to another. Both have all controls of the task that may differ, and share the others."""
    site, shown = place.site, place.shown
    controls, most = controls_of(shown.subject), results.most_images(shown.subject)
    ends = [control for control in controls if control.field in again.ENDS]
    shared = [control for control in controls if control.field not in again.ENDS]
    with gr.Row():
        seeds = [_seed("First seed"), _seed("Last seed", 1)]
        steps = gr.Number(min(_FEW, most), label="Number of images", precision=0)
    with gr.Row():
        first = [make(control, prefix="first ") for control in ends]
        last = [make(control, prefix="last ") for control in ends]
        both = [make(control) for control in shared]
    button = gr.Button("Walk", variant="primary")
    outputs = Outputs.draw(place, several=False, label="The film, there and back")

    @guarded
    def walk(one: Any, other: Any, steps: Any, *raw: Any) -> list[Any]:
        count = len(ends)
        common = fields_from(shared, raw[2 * count :])
        start = {**common, **fields_from(ends, raw[:count])}
        end = {**start, **fields_from(ends, raw[count : 2 * count])}
        film = results.walk(
            site.shelf.model(shown),
            shown.name,
            site.workspace.folder(),
            (start, end),
            seeds=(whole(one, "first seed"), whole(other, "last seed")),
            steps=whole(steps, "number of images"),
        )
        return outputs.values(film)

    button.click(walk, [*seeds, steps, *first, *last, *both], outputs.components, **outputs.events)


def draw_directions(place: Place) -> None:
    """An image along the directions of latent space that change it most."""
    site, shown = place.site, place.shown
    controls = controls_of(shown.subject)
    with gr.Row():
        seed = _seed("Seed")
        method = gr.Dropdown(list(DIRECTION_METHODS), value=DIRECTION_METHODS[0], label="Method")
        count = gr.Number(3, label="Number of directions", precision=0)
        strength = gr.Slider(0.5, 10, 3, step=0.5, label="Strength")
    with gr.Row():
        inputs = [make(control) for control in controls]
    button = gr.Button("Move along directions", variant="primary")
    outputs = Outputs.draw(place, several=False, label="Directions")

    @guarded
    def edit(seed: Any, method: str, count: Any, strength: float, *raw: Any) -> list[Any]:
        moved = results.edit(
            site.shelf.model(shown),
            shown.name,
            site.workspace.folder(),
            fields_from(controls, raw),
            method=method,
            count=whole(count, "number of directions"),
            seed=whole(seed, "seed"),
            strength=float(strength),
        )
        return outputs.values(moved)

    button.click(edit, [seed, method, count, strength, *inputs], outputs.components, **outputs.events)


def _seed(label: str, value: int = 0) -> gr.Number:
    return gr.Number(value, label=label, precision=0)

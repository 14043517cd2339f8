"""The drawings of a training run, made with Matplotlib: its curves, and the game on points."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor

from ganzoo.images.files import save_picture
from ganzoo.training.evaluation_schedule import SCORES
from ganzoo.training.theory import Frame

__all__ = ["draw_curves", "draw_line", "draw_plane", "save_figure", "to_picture"]

BINS = 400
"""The number of points of a curve: nobody could see more."""

Curve = tuple[Tensor, Tensor]

_ARROW = {"arrowstyle": "->", "color": "gray", "linewidth": 0.7}


def draw_curves(curves: Mapping[str, Curve]) -> Figure:
    """Draw losses, whose names are ``group/name``, metrics below, and each score of evaluations on a scale of its own.

    Each curve is (steps, values), both (n,).
    """
    panels: dict[str, dict[str, Curve]] = {"losses": {}, "metrics": {}}
    for name, curve in curves.items():
        panel = "losses" if "/" in name else name if name in SCORES else "metrics"
        panels.setdefault(panel, {})[name] = curve
    heights = [1 if name in SCORES else 2 for name in panels]
    figure = Figure(figsize=(9, 1.5 * sum(heights)), layout="constrained")
    rows = figure.subplots(len(panels), 1, sharex=True, height_ratios=heights)
    for axes, (title, drawn) in zip(rows, panels.items(), strict=True):
        _draw_panel(axes, title, drawn)
    figure.axes[-1].set_xlabel("iteration")
    return figure


def _draw_panel(axes: Axes, title: str, drawn: Mapping[str, Curve]) -> None:
    """Draw curves on one scale; the few values of a score as points on a line."""
    for name, (steps, values) in drawn.items():
        if title in SCORES:
            axes.plot(steps, values, ".-", linewidth=1.2)
        else:
            _draw(axes, name, steps.numpy(), values.numpy())
    axes.set_ylabel(title)
    axes.grid(alpha=0.3)
    if drawn and title not in SCORES:
        axes.legend(loc="upper right", fontsize="small")


def _draw(axes: Axes, name: str, steps: np.ndarray, values: np.ndarray) -> None:
    """Draw the mean of each of `BINS` equal parts of a curve, in a band from its minimum to its maximum."""
    starts = np.unique(np.linspace(0, len(values), min(BINS, len(values)), endpoint=False).astype(int))
    counts = np.diff(np.append(starts, len(values)))
    means = np.add.reduceat(values, starts) / counts
    (line,) = axes.plot(steps[starts], means, label=name, linewidth=1.2)
    low, high = np.minimum.reduceat(values, starts), np.maximum.reduceat(values, starts)
    axes.fill_between(steps[starts], low, high, color=line.get_color(), alpha=0.15, linewidth=0)


def draw_line(frame: Frame) -> Figure:
    """Draw the game on a line, as in figure 1 of arXiv:1406.2661: densities and D above, arrows from z to x below."""
    x = frame.field.points[:, 0].numpy()
    figure = Figure(figsize=(6.4, 4.8), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(4, 1))
    above.plot(x, frame.field.data, "k:", label="p_data")
    above.plot(x, frame.field.generated, color="tab:green", label="p_g")
    above.set(xlim=(-1, 1), ylim=(0, 2 * float(frame.field.data.max())), ylabel="density")
    right = above.twinx()
    right.plot(x, frame.field.optimum, color="tab:blue", alpha=0.35, linewidth=3, label="p_data / (p_data + p_g)")
    right.plot(x, frame.field.probability, "--", color="tab:blue", label="D(x)")
    right.axhline(0.5, color="gray", linewidth=0.8)
    right.set(ylim=(0, 1.02), ylabel="D(x)", title=f"iteration {frame.step}")
    lines = [*above.get_lines(), *right.get_lines()[:2]]
    above.legend(lines, [str(line.get_label()) for line in lines], loc="upper right", fontsize="small")
    _draw_arrows(below, frame)
    _write_caption(figure, frame)
    return figure


def draw_plane(frame: Frame) -> Figure:
    """Draw the game in the plane: samples on D(x) and on the optimal D(x), with arrows from some z to x."""
    side = math.isqrt(len(frame.field.points))
    figure = Figure(figsize=(8.4, 4.4), layout="constrained")
    axes = figure.subplots(1, 2, sharex=True, sharey=True)
    panels = (("D(x)", frame.field.probability), ("p_data / (p_data + p_g)", frame.field.optimum))
    for panel, (title, values) in zip(axes, panels, strict=True):
        extent = (-1.0, 1.0, -1.0, 1.0)
        image = panel.imshow(_square(values, side), extent=extent, origin="lower", cmap="RdBu", vmin=0, vmax=1)
        panel.contour(_square(frame.field.data, side), extent=extent, levels=3, colors="black", linewidths=0.5)
        panel.scatter(*frame.samples[:1000].T, s=2, color="tab:green")
        panel.set(title=title, xlim=(-1, 1), ylim=(-1, 1))
    for z, x in zip(*_few(frame, 40), strict=True):
        axes[0].annotate("", x, z, arrowprops=_ARROW)
    figure.colorbar(image, ax=axes, shrink=0.8)
    figure.suptitle(f"iteration {frame.step}")
    _write_caption(figure, frame)
    return figure


def _draw_arrows(axes: Axes, frame: Frame) -> None:
    """Draw arrows from some latents z on the lower line to their points x on the upper line."""
    for z, x in zip(*_few(frame, 33), strict=True):
        axes.annotate("", (x[0], 1), (z[0], 0), arrowprops=_ARROW)
    axes.axhline(0, color="black", linewidth=0.8)
    axes.axhline(1, color="black", linewidth=0.8)
    axes.set(ylim=(-0.1, 1.1), yticks=(0, 1), yticklabels=("z", "x = G(z)"))


def _few(frame: Frame, count: int) -> tuple[np.ndarray, np.ndarray]:
    """`count` latents and their points, evenly spread in the order of the latents; empty if there are no latents."""
    if frame.latents is None:
        return np.empty((0, 2)), np.empty((0, 2))
    order = frame.latents[:, 0].argsort()
    chosen = order[torch.linspace(0, len(order) - 1, count).long()]
    return frame.latents[chosen].numpy(), frame.samples[chosen].numpy()


def _square(values: Tensor, side: int) -> np.ndarray:
    """Values (points,) on a grid as an image: its rows are the second coordinate, its columns the first."""
    square: np.ndarray = values.view(side, side).T.numpy()
    return square


def _write_caption(figure: Figure, frame: Frame) -> None:
    figure.supxlabel(frame.caption.replace(" (", "\n("), fontsize="x-small")


def to_picture(figure: Figure) -> Image.Image:
    """Render a figure as an RGB picture."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # type: ignore[no-untyped-call]
    return Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")  # type: ignore[no-untyped-call]


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure to a picture file. If writing fails, `path` stays as it was."""
    save_picture(to_picture(figure), path)

"""The theory as a film: a run on points draws p_data, p_g, D(x) and its optimum, frame by frame."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from PIL import Image
from torch import Tensor

from ganzoo.data.toy_distributions import PointData
from ganzoo.images.sheets import save_animation
from ganzoo.training.observer import Observer
from ganzoo.training.theory import Frame, field_of, measure

if TYPE_CHECKING:
    from ganzoo.training.loop import Record
    from ganzoo.training.trainer import Trainer

__all__ = ["PointFigure"]

_log = logging.getLogger(__name__)

FRAMES = 60
"""Pictures in the GIF of a whole run."""


SAMPLES = 20_000
"""Generated points from which p_g is estimated."""


SIDE = 64
"""Points along a side of the grid in the plane."""


class PointFigure(Observer):
    """``figure.gif`` of the run's ``frames/``: p_data, p_g, D(x) and its optimum; their distances are told.

    It shows the networks as they play, not the average that is published.
    """

    def __init__(self, trainer: Trainer) -> None:
        super().__init__(trainer)
        assert isinstance(trainer.data, PointData)  # noqa: S101 - whoever chose this observer has seen to it
        self.mixture = trainer.data.mixture
        self.grid = _grid(self.mixture.coordinates)
        self.reference = self.mixture.sample(SAMPLES, torch.Generator().manual_seed(0))
        self.inputs = trainer.model().draw(SAMPLES)
        self.every = max(1, trainer.plan.iterations // FRAMES)
        self.frames = self.folder / "frames"
        for frame in self._drawn():
            if int(frame.stem) > trainer.step:
                frame.unlink()

    def record(self, record: Record) -> None:
        """Draw a frame and measure, when it is time."""
        last = record.step == self.trainer.plan.iterations
        if record.step % self.every and record.step != 1 and not last:
            return
        with torch.no_grad():
            samples, probability = self._generate(), self._probability()
        field = field_of(self.mixture, samples, self.grid, probability)
        measures = measure(field, samples, self.reference)
        self._draw(record.step, Frame(record.step, field, samples, self._latents(), str(measures)))
        self.trainer.tell(measures.figures())
        if last:
            _log.info("%s", measures)

    def save(self) -> None:
        """Put the frames together."""
        pictures = [Image.open(path).convert("P", palette=Image.Palette.ADAPTIVE, colors=64) for path in self._drawn()]
        if pictures:
            save_animation(pictures, self.folder / "figure.gif", milliseconds=100, rest=3000)

    def _draw(self, step: int, frame: Frame) -> None:
        from ganzoo.training.plots import draw_line, draw_plane, save_figure

        self.frames.mkdir(exist_ok=True)
        draw = draw_line if self.mixture.coordinates == 1 else draw_plane
        save_figure(draw(frame), self.frames / f"{step:08d}.png")

    def _drawn(self) -> list[Path]:
        return sorted(self.frames.glob("*.png"))

    def _generate(self) -> Tensor:
        """(SAMPLES, coordinates) from the generator as it is."""
        gan = self.trainer.loop.gan.eval()
        inputs = {name: value.to(gan.device) for name, value in self.inputs.items()}
        points = gan.generate(inputs).flatten(1).cpu()
        gan.train()
        return points

    def _probability(self) -> Tensor:
        """D(x) on the grid by the first discriminator; raw scores where the loss knows no probability."""
        gan = self.trainer.loop.gan.eval()
        scores = gan.get_submodule(gan.discriminators[0])(self.grid[:, :, None, None].to(gan.device))
        gan.train()
        return (gan.loss.probability or torch.Tensor.clone)(scores).flatten().cpu()

    def _latents(self) -> Tensor | None:
        """The latents, (SAMPLES, coordinates), scaled to [-1, 1], where they have as many coordinates as the points."""
        latents = self.inputs.get("z")
        if latents is None or latents.shape[1:] != (self.mixture.coordinates,):
            return None
        return latents / latents.abs().max()


def _grid(coordinates: int) -> Tensor:
    """Evenly spread points of [-1, 1], or of the square of it."""
    if coordinates == 1:
        return torch.linspace(-1, 1, 401)[:, None]
    places = torch.linspace(-1, 1, SIDE)
    return torch.cartesian_prod(places, places)

"""An animation of the theory: a run on points draws p_data, p_g, D(x) and the optimal D, frame by frame."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from PIL import Image
from torch import Tensor

from ganzoo.data.toy_distributions import Mixture
from ganzoo.errors import UnreadableImage
from ganzoo.images.files import read_image
from ganzoo.images.films import save_animation
from ganzoo.training.observer import Observer
from ganzoo.training.theory import Frame, field_of, measure

if TYPE_CHECKING:
    from ganzoo.training.record import Record
    from ganzoo.training.run import Run

__all__ = ["PointFigure"]

_log = logging.getLogger(__name__)

FRAMES = 60
"""The number of frames in the animation of a whole run."""

SAMPLES = 20_000
"""The number of generated points from which p_g is estimated."""

SIDE = 64
"""The number of points along each side of the grid in the plane."""


class PointFigure(Observer):
    """Draws p_data, p_g, D(x) and the optimal D into ``frames/`` and ``figure.gif``, and logs their distances.

    It draws the networks as they train, not their average, because theory speaks of the game between the two.
    `mixture` is the distribution of the run's data.
    """

    def __init__(self, run: Run, mixture: Mixture) -> None:
        super().__init__(run)
        self.mixture = mixture
        self.grid = _grid(self.mixture.coordinates)
        self.reference = self.mixture.sample(SAMPLES, torch.Generator().manual_seed(0))
        self.inputs = run.model().draw(SAMPLES)
        self.every = max(1, run.plan.iterations // FRAMES)
        self.frames = self.folder / "frames"
        for frame in self._drawn():
            if int(frame.stem) > run.step:  # from a killed run, after its last checkpoint
                frame.unlink()

    def record(self, record: Record) -> None:
        """Draw a frame and log the distances, at regular steps and at the first and the last."""
        last = record.step == self.run.plan.iterations
        if record.step % self.every and record.step != 1 and not last:
            return
        with torch.no_grad():
            samples, probability = self._generate(), self._probability()
        field = field_of(self.mixture, samples, self.grid, probability)
        measures = measure(field, samples, self.reference)
        self._draw(record.step, Frame(record.step, field, samples, self._latents(), str(measures)))
        self.run.log(measures.metrics())
        if last:
            _log.info("%s", measures)

    def save(self) -> None:
        """Make the animation from the frames so far."""
        frames = [frame for path in self._drawn() if (frame := _read_frame(path))]
        pictures = [frame for frame in frames if frame.size == frames[-1].size]
        if pictures:
            save_animation(pictures, self.folder / "figure.gif", milliseconds=100, rest=3000)

    def _draw(self, step: int, frame: Frame) -> None:
        from ganzoo.training.plots import draw_line, draw_plane, save_figure

        self.frames.mkdir(exist_ok=True)
        draw = draw_line if self.mixture.coordinates == 1 else draw_plane
        save_figure(draw(frame), self.frames / f"{step:08d}.png")

    def _drawn(self) -> list[Path]:
        return sorted(path for path in self.frames.glob("*.png") if path.stem.isdecimal() and path.is_file())

    def _generate(self) -> Tensor:
        """Points (SAMPLES, coordinates) from the generator in eval mode."""
        gan = self.run.loop.gan.eval()
        inputs = {name: value.to(gan.device) for name, value in self.inputs.items()}
        points = gan.generate(inputs).flatten(1).cpu()
        gan.train()
        return points

    def _probability(self) -> Tensor:
        """D(x) of the first discriminator at the points of the grid; logits if the loss has no probability."""
        gan = self.run.loop.gan.eval()
        logits = gan.get_submodule(gan.discriminators[0])(self.grid[:, :, None, None].to(gan.device))
        gan.train()
        return (gan.loss.probability or torch.Tensor.clone)(logits).flatten().cpu()

    def _latents(self) -> Tensor | None:
        """The latents (SAMPLES, coordinates), scaled to [-1, 1]; None if points have another number of coordinates."""
        latents = self.inputs.get("z")
        if latents is None or latents.shape[1:] != (self.mixture.coordinates,):
            return None
        return latents / latents.abs().max()


def _read_frame(path: Path) -> Image.Image | None:
    """A frame with few colors; None if it is damaged, which must not end a training."""
    try:
        pixels = read_image(path, channels=3).pixels
    except UnreadableImage as error:
        _log.warning("%s - it is left out of the animation", error)
        return None
    picture = Image.fromarray(pixels.permute(1, 2, 0).numpy())
    return picture.convert("P", palette=Image.Palette.ADAPTIVE, colors=64)


def _grid(coordinates: int) -> Tensor:
    """Evenly spread points (points, coordinates) of the interval [-1, 1], or of the square [-1, 1] x [-1, 1]."""
    if coordinates == 1:
        return torch.linspace(-1, 1, 401)[:, None]
    side = torch.linspace(-1, 1, SIDE)
    return torch.cartesian_prod(side, side)

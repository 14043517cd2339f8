"""What a run shows of itself: each observer is told of every record and of every save."""

from __future__ import annotations

import dataclasses
import json
import math
import warnings
from array import array
from collections import defaultdict
from collections.abc import Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ganzoo.data.datasets import Data, Domains
from ganzoo.errors import InvalidRequestError
from ganzoo.images.files import read_image, save_picture
from ganzoo.images.sheets import contact_sheet, enlargement
from ganzoo.images.tensors import from_bytes, to_pictures
from ganzoo.interface.configs import as_translation_config
from ganzoo.pretrained.cards import is_stub
from ganzoo.registry import lookup
from ganzoo.training.observer import Observer
from ganzoo.training.readme import render_card
from ganzoo.utils.files import atomic_write
from ganzoo.weights.folder import Description, write_folder

if TYPE_CHECKING:
    from PIL.Image import Image

    from ganzoo.sampling.model import Model
    from ganzoo.training.trainer import Trainer

__all__ = [
    "Card",
    "Curves",
    "Metrics",
    "Published",
    "Sheets",
    "TensorBoard",
    "TranslationSheets",
    "check_tensorboard",
    "spread",
]

SHEET = 64
"""How many samples a sheet has; their seeds are 0, 1, ... at every step."""

ROW = 8
"""How many images of each domain are translated."""

COLLAPSED = 0.1
"""Samples whose variance is below this part of the data's are nearly one image."""

SETTLED = 1000
"""Iterations before which a generator may still be on its way from one image to many."""


class Metrics(Observer):
    """``metrics.jsonl``: a line for the figures of each iteration, as soon as it is done, and for all others."""

    def __init__(self, trainer: Trainer) -> None:
        super().__init__(trainer)
        self.path = self.folder / "metrics.jsonl"
        if self.path.exists():
            self._forget_after(trainer.step)

    def figures(self, step: int, figures: Mapping[str, float]) -> None:
        """Append them, so that another process can read them at once."""
        with self.path.open("a") as file:
            file.write(json.dumps({"step": step, **figures}) + "\n")

    def _forget_after(self, step: int) -> None:
        """Drop the records after `step` that a killed run left, and the half line at its end."""
        kept = [line for line in self.path.read_text().splitlines() if _step(line) <= step]
        with atomic_write(self.path) as temporary:
            temporary.write_text("".join(line + "\n" for line in kept))


def _step(line: str) -> float:
    try:
        return float(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError):
        return math.inf


class Published(Observer):
    """The model so far, ``config.json`` and ``model.safetensors``, as `ganzoo.load` reads it."""

    def save(self) -> None:
        """Write it anew."""
        plan, data = self.trainer.plan, self.trainer.data
        config = dataclasses.asdict(self.trainer.config)
        plugin = lookup.provider_of(plan.architecture)
        description = Description(plan.architecture, config, plan.data, data.classes, plugin=plugin)
        write_folder(self.folder, self.trainer.loop.published(), description)


class Card(Observer):
    """``README.md``: a model card to be completed, with the exact command."""

    def save(self) -> None:
        """Write it, unless somebody has worked on it."""
        path, card = self.folder / "README.md", render_card(self.trainer)
        if not path.exists() or is_stub(path.read_text()):
            with atomic_write(path) as temporary:
                temporary.write_text(card)


class Sheets(Observer):
    """``samples/<step>.png``: samples of fixed seeds through time; it says when they have become one image."""

    def __init__(self, trainer: Trainer) -> None:
        super().__init__(trainer)
        self.best = 0.0
        assert not isinstance(trainer.data, Domains)  # noqa: S101 - whoever chose this observer has seen to it
        self.variety = spread(_first_images(trainer.data, 512))

    def save(self) -> None:
        """Draw the sheet, and compare the spread of its samples with that of the data."""
        (self.folder / "samples").mkdir(exist_ok=True)
        samples = self.trainer.model().sample(SHEET)
        pictures = to_pictures(samples)
        sheet = contact_sheet(pictures, scale=enlargement(pictures[0].width))
        save_picture(sheet, self.folder / "samples" / f"{self.trainer.step:08d}.png")
        if self.variety:
            self._judge(spread(samples) / self.variety)

    def _judge(self, share: float) -> None:
        self.trainer.tell({"spread": share})
        if self.trainer.step >= SETTLED and share < max(COLLAPSED, self.best / 4):
            warnings.warn(
                f"step {self.trainer.step}: the samples have {share:.0%} of the data's variance, "
                "they are nearly one image: the mode has collapsed - look at the sheet; "
                "a regularizer such as r1, or a lower learning rate, may help",
                stacklevel=2,
            )
        self.best = max(self.best, share)


class TranslationSheets(Observer):
    """``samples/<step>.png``: for each direction a row of images of the data, and below it what becomes of them."""

    def __init__(self, trainer: Trainer) -> None:
        super().__init__(trainer)
        assert isinstance(trainer.data, Domains)  # noqa: S101 - whoever chose this observer has seen to it
        self.sources = {key: _first_images(part, ROW) for key, part in trainer.data.parts.items()}

    def save(self) -> None:
        """Draw the sheet."""
        model = self.trainer.model()
        pictures: list[Image] = []
        for direction in as_translation_config(model.config).directions:
            sources = self.sources[self._domain_of(model, direction)]
            made = torch.stack(list(model.translations(sources, direction=direction, batch_size=ROW)))
            pictures += to_pictures(sources) + to_pictures(made)
        (self.folder / "samples").mkdir(exist_ok=True)
        sheet = contact_sheet(pictures, columns=len(sources), scale=enlargement(pictures[0].width))
        save_picture(sheet, self.folder / "samples" / f"{self.trainer.step:08d}.png")

    def _domain_of(self, model: Model, direction: str) -> str:
        """Which part of the data a direction starts from: what the GAN calls its input."""
        image = next(iter(self.sources.values()))[0]
        request = model.request(image=image, direction=direction)
        return next(iter(model.gan.draw(request, torch.Generator())))


def _first_images(data: Data, count: int) -> Tensor:
    """The first images of a data set, at most `count`, in [-1, 1]."""
    first = next(data.stream(iter([range(min(count, len(data)))])))["image"]
    return from_bytes(first) if first.dtype == torch.uint8 else first


def spread(images: Tensor) -> float:
    """The variance between images (N, C, H, W), a mean over all pixels; 0 where they are all the same."""
    return float(images.var(0, correction=0).mean())


class Curves(Observer):
    """``progress.png``: losses and scores through time."""

    def __init__(self, trainer: Trainer) -> None:
        super().__init__(trainer)
        self.steps: dict[str, array[float]] = defaultdict(lambda: array("d"))
        self.values: dict[str, array[float]] = defaultdict(lambda: array("d"))
        path = self.folder / "metrics.jsonl"
        for line in path.read_text().splitlines() if path.exists() else ():
            entry = json.loads(line)
            self.figures(entry.pop("step"), entry)

    def figures(self, step: int, figures: Mapping[str, float]) -> None:
        """Remember them."""
        for name, value in figures.items():
            self.steps[name].append(step)
            self.values[name].append(value)

    def save(self) -> None:
        """Draw them."""
        from ganzoo.training.plots import draw_curves, save_figure

        curves = {name: (torch.tensor(self.steps[name]), torch.tensor(self.values[name])) for name in self.values}
        save_figure(draw_curves(curves), self.folder / "progress.png")


def check_tensorboard() -> None:
    """See that `TensorBoard` can write.

    Raises:
        InvalidRequestError: its package is not installed.
    """
    if find_spec("tensorboard") is None:
        raise InvalidRequestError("--tensorboard needs the package tensorboard - pip install 'ganzoo[tensorboard]'")


class TensorBoard(Observer):
    """``tensorboard/``: all figures, and the sheets."""

    def __init__(self, trainer: Trainer) -> None:
        super().__init__(trainer)
        from torch.utils.tensorboard import SummaryWriter

        self.writer: Any = SummaryWriter(str(self.folder / "tensorboard"), purge_step=trainer.step + 1)

    def figures(self, step: int, figures: Mapping[str, float]) -> None:
        """Each of them is a scalar."""
        for name, value in figures.items():
            self.writer.add_scalar(name, value, step)

    def save(self) -> None:
        """The sheet, or the frame, of this step; and all to the disk."""
        for name in ("samples", "frames"):
            path = self.folder / name / f"{self.trainer.step:08d}.png"
            if path.exists():
                self.writer.add_image(name, read_image(path, channels=3).pixels, self.trainer.step)
        self.writer.flush()

"""The observers of a run: they write its metrics, its model and its model card, and draw samples and curves."""

from __future__ import annotations

import warnings
from array import array
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ganzoo.data.datasets import Data, Domains
from ganzoo.data.pairs import Pairs
from ganzoo.images.files import save_picture
from ganzoo.images.sheets import contact_sheet, enlargement
from ganzoo.images.tensors import from_pixels, resize, to_pictures
from ganzoo.interface.configs import as_translation_config
from ganzoo.pretrained.cards import is_stub
from ganzoo.training.metrics_file import append_metrics, drop_after, read_metrics
from ganzoo.training.observer import Observer
from ganzoo.training.readme import render_card
from ganzoo.utils.files import atomic_write, read_text
from ganzoo.weights.folder import write_folder

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from PIL.Image import Image

    from ganzoo.training.record import Record
    from ganzoo.training.run import Run

__all__ = [
    "Card",
    "Curves",
    "Metrics",
    "Published",
    "Sheets",
    "TranslationSheets",
    "spread",
]

SHEET = 64
"""The number of samples on a sheet. Their seeds are 0, 1, ... at every step."""

ROW = 8
"""The number of images of each domain that are translated."""

COLLAPSE_BELOW = 0.1
"""Samples with less than this part of the data's variance are nearly one image: mode collapse."""

FIRST_COLLAPSE_CHECK = 1000
"""The iterations of the game before a check for mode collapse. An untrained generator makes nearly one image, too."""


class Metrics(Observer):
    """``metrics.jsonl``: one line for the losses and metrics of each iteration, and for what observers measure."""

    def __init__(self, run: Run) -> None:
        super().__init__(run)
        self.path = self.folder / "metrics.jsonl"
        if self.path.exists():
            drop_after(self.path, run.step)  # what a killed run wrote after its last checkpoint

    def log(self, step: int, metrics: Mapping[str, float]) -> None:
        """Append a line."""
        append_metrics(self.path, step, metrics)


class Published(Observer):
    """The model as it is now, ``config.json`` and ``model.safetensors``: `ganzoo.load` can read it."""

    def save(self) -> None:
        """Replace the model in the folder."""
        write_folder(self.folder, self.run.loop.published(), self.run.description())


class Card(Observer):
    """``README.md``: a model card with the known facts and the exact command. A person completes it."""

    def save(self) -> None:
        """Write the card again, unless a person has changed it."""
        path = self.folder / "README.md"
        if _is_ours(path):
            card = render_card(self.run)
            with atomic_write(path) as temporary:
                temporary.write_text(card, encoding="utf-8")


def _is_ours(card: Path) -> bool:
    """Whether the card may be written: it is a stub, or there is none. A person's card may be in any encoding."""
    try:
        return is_stub(read_text(card, errors="replace"))
    except FileNotFoundError:
        return True
    except OSError:  # a folder or a pipe, for instance: a person has put it there
        return False


class Sheets(Observer):
    """``samples/<step>.png``: samples of the same seeds at every step. It warns of mode collapse."""

    def __init__(self, run: Run, data: Data) -> None:
        super().__init__(run)
        self.data_spread = spread(_first_images(data, 512))
        self.largest = 0.0
        self.judged = 0

    def record(self, record: Record) -> None:
        """Count the iterations in which a discriminator saw samples: in some phases, the generator does not learn."""
        self.judged += any(name.endswith("(G(z))") for name in record.metrics)

    def save(self) -> None:
        """Draw the sheet, and compare the spread of its samples with the spread of the data."""
        (self.folder / "samples").mkdir(exist_ok=True)
        samples = self.run.model().sample(SHEET)
        pictures = to_pictures(samples)
        sheet = contact_sheet(pictures, scale=enlargement(pictures[0].width))
        save_picture(sheet, self.folder / "samples" / f"{self.run.step:08d}.png")
        if self.data_spread:
            self._check_collapse(spread(samples) / self.data_spread)

    def _check_collapse(self, share: float) -> None:
        """Log the samples' share of the data's spread; warn if it is small, or a quarter of what it was before."""
        self.run.log({"spread": share})
        if self.judged >= FIRST_COLLAPSE_CHECK and share < max(COLLAPSE_BELOW, self.largest / 4):
            warnings.warn(
                f"step {self.run.step}: the samples have {share:.0%} of the data's variance. They are nearly one "
                "image: the generator has collapsed - look at the sheet, and try a regularizer such as r1 or a "
                "lower learning rate",
                stacklevel=2,
            )
        self.largest = max(self.largest, share)


class TranslationSheets(Observer):
    """``samples/<step>.png``: for each direction a row of images of the data, and their translations below it.

    For pairs, what the translations should be is below them.
    """

    def __init__(self, run: Run, data: Domains) -> None:
        super().__init__(run)
        self.paired = isinstance(data, Pairs)
        size = run.config.image_shape[1:]  # the images of the data may be larger, since training crops them
        self.images = {key: resize(_first_images(part, ROW), size) for key, part in data.parts.items()}

    def save(self) -> None:
        """Draw the sheet."""
        model = self.run.model()
        pictures: list[Image] = []
        for direction, (source, target) in as_translation_config(model.config).routes.items():
            sources = self.images[source]
            translations = torch.stack(list(model.translations(sources, direction=direction, batch_size=ROW)))
            pictures += to_pictures(sources) + to_pictures(translations)
            pictures += to_pictures(self.images[target]) if self.paired else []
        (self.folder / "samples").mkdir(exist_ok=True)
        sheet = contact_sheet(pictures, columns=len(sources), scale=enlargement(pictures[0].width))
        save_picture(sheet, self.folder / "samples" / f"{self.run.step:08d}.png")


def _first_images(data: Data, count: int) -> Tensor:
    """The first images of a data set, at most `count`, (N, C, H, W) in [-1, 1]."""
    first = next(data.stream(iter([range(min(count, len(data)))])))["image"]
    return first if first.is_floating_point() else from_pixels(first)


def spread(images: Tensor) -> float:
    """The variance of each pixel over images (N, C, H, W), as the mean over all pixels; 0 for equal images."""
    return float(images.var(0, correction=0).mean())


class Curves(Observer):
    """``progress.png``: the curves of all losses and metrics."""

    def __init__(self, run: Run) -> None:
        super().__init__(run)
        self.steps: dict[str, array[float]] = defaultdict(lambda: array("d"))
        self.values: dict[str, array[float]] = defaultdict(lambda: array("d"))
        for step, metrics in read_metrics(self.folder / "metrics.jsonl"):
            self.log(step, metrics)

    def log(self, step: float, metrics: Mapping[str, float]) -> None:
        """Add a point to each curve."""
        for name, value in metrics.items():
            self.steps[name].append(step)
            self.values[name].append(value)

    def draw(self) -> Figure:
        """Draw the curves so far."""
        from ganzoo.training.plots import draw_curves

        curves = {name: (torch.tensor(self.steps[name]), torch.tensor(self.values[name])) for name in self.values}
        return draw_curves(curves)

    def save(self) -> None:
        """Write the picture of the curves."""
        from ganzoo.training.plots import save_figure

        save_figure(self.draw(), self.folder / "progress.png")

"""A quiz, "Which clothes are real?": real and generated pictures in random order, and a second sheet with answers.

Or pairs of a real picture and its restoration: which of the two is the original?
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ganzoo.data.sources import check_source, data_set_names, find_data
from ganzoo.errors import InvalidRequestError
from ganzoo.interface.weights_files import BundledFile
from ganzoo.pretrained.resolve import resolve
from ganzoo.pretrained.sources import Source
from ganzoo.registry import lookup
from ganzoo.sampling.image_files import STILLS
from ganzoo.utils.files import check_file
from ganzoo.utils.names import join_label, short_name
from ganzoo.utils.progress import Progress, silent

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

    from ganzoo.sampling.model import Model

__all__ = ["EACH", "Quiz", "prepare_quiz"]

EACH = 8
"""The number of real pictures, and of generated ones."""

COLUMNS = 4
SHEET_PIXELS = 96
WHITE = (255, 255, 255)
REAL, GENERATED = (0, 140, 0), (200, 0, 0)


@dataclass(frozen=True)
class Quiz:
    """A quiz with pictures of a data set and samples of a model that was trained on it.

    `restored` is a degradation, such as ``noise=1.0``. With it, each picture stands next to what the model restores
    after this damage, in random order. Without `download`, a data set that is missing is an error.
    """

    data: str
    source: Source
    seed: int
    sheet: Path
    data_dir: str | Path = "data"
    restored: str | None = None
    download: bool = True

    @property
    def answers(self) -> Path:
        """The second file: each number says "real", in a green frame, or "generated", in a red one."""
        return self.sheet.with_name(f"{self.sheet.stem}-answers{self.sheet.suffix}")

    def write(self, model: Model, *, progress: Progress = silent) -> list[Path]:
        """Draw both sheets and return their paths. The real pictures are test images, not used in training.

        Raises:
            DataError: the data set cannot be read.
            InvalidRequestError: the degradation does not fit the model's images.
        """
        from ganzoo.images.files import save_picture
        from ganzoo.images.sheets import captioned, contact_sheet, enlargement

        plain, answers = [], []
        for number, (picture, is_real) in enumerate(self.draw(model, progress=progress), start=1):
            word, color = ("real", REAL) if is_real else ("generated", GENERATED)
            scale = enlargement(picture.width, SHEET_PIXELS)
            plain.append(captioned(picture, scale, str(number), WHITE))
            answers.append(captioned(picture, scale, f"{number} {word}", color))
        for path, cells in ((self.sheet, plain), (self.answers, answers)):
            save_picture(contact_sheet(cells, columns=COLUMNS), path)
        return [self.sheet, self.answers]

    def draw(self, model: Model, *, progress: Progress = silent) -> list[tuple[Image, bool]]:
        """The pictures in the order of the quiz, and whether each of them is real.

        Raises:
            DataError, InvalidRequestError: as `write`.
        """
        from ganzoo.images.tensors import to_pictures

        real, order = self._real(model), self._order()
        made = model.sample(EACH, seed=self.seed) if self.restored is None else self._restore(model, real, progress)
        pictures = [*to_pictures(real), *to_pictures(made)]
        return [(pictures[i], i < EACH) for i in order]

    def _order(self) -> list[int]:
        """The numbers of the pictures in the order of their places: those of a pair are next to each other."""
        import torch

        from ganzoo.utils.seeds import derive_seed

        random = torch.Generator().manual_seed(derive_seed(self.seed, "places"))
        order: list[int] = torch.randperm(2 * EACH, generator=random).tolist()
        if self.restored is None:
            return order
        return [i + EACH * other for i in range(EACH) for other in (order[i] % 2, 1 - order[i] % 2)]

    def _restore(self, model: Model, real: Tensor, progress: Progress) -> Tensor:
        """What the model restores of each real image after the damage."""
        import torch

        from ganzoo.sampling.degradations import make_damage

        damage = make_damage(self.restored, model.image_shape)
        damaged = torch.stack([damage.inflict(image, self.seed + i) for i, image in enumerate(real)])
        return model.invert(damaged, degradation=self.restored, seed=self.seed, progress=progress).images

    def _real(self, model: Model) -> Tensor:
        """Random test images, (N, C, H, W) in [-1, 1], in the size of the model's images."""
        from ganzoo.data.load import load_data
        from ganzoo.evaluation.image_sets import Pictures, random_rows
        from ganzoo.images.tensors import from_bytes, to_channels

        data = load_data(self.data, model.image_shape, split="test", root=self.data_dir, download=self.download)
        rows = random_rows(EACH, len(data), seed=self.seed)
        pixels = Pictures(self.data, data).take(rows)  # type: ignore[arg-type]  # Data: it has one part
        return from_bytes(to_channels(pixels, model.image_shape[0]))


def prepare_quiz(
    data: str,
    *,
    model: str | None,
    seed: int,
    output: Path | None,
    overwrite: bool,
    data_dir: str | Path,
    restored: str | None = None,
) -> Quiz:
    """Choose the model and the files of a quiz. Nothing is loaded.

    Raises:
        UnknownNameError: there is no such data set or model.
        InvalidRequestError: no model was trained on the data set, or the model translates images.
        OutputError: a sheet cannot be written.
    """
    check_source(data)
    if "test" not in find_data(data).splits:
        known = ", ".join(name for name in data_set_names() if "test" in find_data(name).splits)
        raise InvalidRequestError(f"{data} has no test images - a quiz needs a data set by name: {known}")
    source = resolve(model or _model_of(data))
    if source.info.subject.task.from_images:
        text = "a quiz needs a model that generates images from latents"
        raise InvalidRequestError(f"{source.name} translates images - {text}")
    if restored is not None:
        lookup.registry().degradations[restored.partition("=")[0]]  # raises if no plugin declares it
    parts = [
        data,
        f"seed{seed}",
        "" if model is None else short_name(model),
        f"restored-{restored}" if restored else "",
    ]
    found = Quiz(data, source, seed, output or Path(f"quiz-{join_label(parts)}.png"), data_dir, restored)
    for path in (found.sheet, found.answers):
        check_file(path, STILLS, overwrite=overwrite)
    return found


def _model_of(data: str) -> str:
    """The first model of the data set, by name, of those that need no download if there are any."""
    models = lookup.registry().models
    learned = [name for name, model in models.items() if model.dataset == data]
    if not learned:
        raise InvalidRequestError(f"no model here has learned {data} - name one with --model")
    return min(learned, key=lambda name: (not isinstance(models[name].weights, BundledFile), name))

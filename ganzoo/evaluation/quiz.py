"""A quiz, "Which clothes are real?": real and generated pictures in random order, and a second sheet with answers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ganzoo.data.known import DATASETS, check_source
from ganzoo.errors import InvalidRequestError
from ganzoo.interface.weights_files import BundledFile
from ganzoo.pretrained.resolve import resolve
from ganzoo.pretrained.sources import Source
from ganzoo.registry import lookup
from ganzoo.sampling.image_files import STILLS
from ganzoo.utils.files import check_file
from ganzoo.utils.names import join_label, short_name

if TYPE_CHECKING:
    from PIL.Image import Image

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
    """A quiz with pictures of a data set and samples of a model that was trained on it."""

    data: str
    source: Source
    seed: int
    sheet: Path
    data_dir: str | Path = "data"

    @property
    def answers(self) -> Path:
        """The second file: each number says "real", in a green frame, or "generated", in a red one."""
        return self.sheet.with_name(f"{self.sheet.stem}-answers{self.sheet.suffix}")

    def write(self, model: Model) -> list[Path]:
        """Draw both sheets and return their paths. The real pictures are test images, not used in training.

        Raises:
            DataError: the data set cannot be read.
        """
        import torch

        from ganzoo.images.files import save_picture
        from ganzoo.images.sheets import captioned, contact_sheet, enlargement
        from ganzoo.utils.seeds import derive_seed

        order = torch.randperm(
            2 * EACH, generator=torch.Generator().manual_seed(derive_seed(self.seed, "places"))
        ).tolist()
        pictures = [*self._real(model), *model.images(EACH, seed=self.seed)]
        scale = enlargement(pictures[0].width, SHEET_PIXELS)
        plain, answers = [], []
        for number, i in enumerate(order, start=1):
            word, color = ("real", REAL) if i < EACH else ("generated", GENERATED)
            plain.append(captioned(pictures[i], scale, str(number), WHITE))
            answers.append(captioned(pictures[i], scale, f"{number} {word}", color))
        for path, cells in ((self.sheet, plain), (self.answers, answers)):
            save_picture(contact_sheet(cells, columns=COLUMNS), path)
        return [self.sheet, self.answers]

    def _real(self, model: Model) -> list[Image]:
        """Random test images, in the size of the model's images."""
        from ganzoo.data.load import load_data
        from ganzoo.evaluation.image_sets import Pictures, random_rows
        from ganzoo.images.tensors import from_bytes, to_pictures

        data = load_data(self.data, model.image_shape, split="test", root=self.data_dir)
        rows = random_rows(EACH, len(data), seed=self.seed)
        pixels = Pictures(self.data, data).take(rows)  # type: ignore[arg-type]  # Data: it has one part
        return to_pictures(from_bytes(pixels))


def prepare_quiz(
    data: str, *, model: str | None, seed: int, output: Path | None, overwrite: bool, data_dir: str | Path
) -> Quiz:
    """Choose the model and the files of a quiz. Nothing is loaded.

    Raises:
        UnknownNameError: there is no such data set or model.
        InvalidRequestError: no model was trained on the data set, or the model translates images.
        OutputError: a sheet cannot be written.
    """
    check_source(data)
    if data not in DATASETS:
        raise InvalidRequestError(f"{data} has no test images - a quiz needs a data set by name: {', '.join(DATASETS)}")
    source = resolve(model or _model_of(data))
    if source.info.subject.task.from_images:
        text = "a quiz needs a model that generates images from latents"
        raise InvalidRequestError(f"{source.name} translates images - {text}")
    label = join_label([data, f"seed{seed}", "" if model is None else short_name(model)])
    found = Quiz(data, source, seed, output or Path(f"quiz-{label}.png"), data_dir)
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

"""What `ganzoo fool` is asked for, checked without torch, and the sheet that it writes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganzoo.data.pictures import open_pictures
from ganzoo.data.sources import data_set_names, find_data, has_points, is_named
from ganzoo.errors import InvalidRequestError
from ganzoo.evaluation.attack import LEVELS, check_attack, find_classifier, parse_epsilon
from ganzoo.interface.picture_files import FileTree, PictureList
from ganzoo.registry import lookup
from ganzoo.sampling.formats import STILLS
from ganzoo.sampling.requests import find_class
from ganzoo.utils.files import check_file
from ganzoo.utils.names import join_label
from ganzoo.utils.progress import Progress, silent

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

    from ganzoo.evaluation.adversarial import AdversarialExamples

__all__ = ["SHOWN", "Fooling", "prepare_fooling"]

SHOWN = 16
"""The most pictures on a sheet."""

TALL = 4
"""Sheets of more pictures than this have two pictures in each row."""

COUNT = 8
SHEET_PIXELS = 140
NEUTRAL, FOOLED, STOOD = (255, 255, 255), (200, 0, 0), (0, 140, 0)


@dataclass(frozen=True)
class Fooling:
    """Pictures to change, the classifier to fool, how, and the sheet to write.

    `source` is what the user named, and `pictures` are its files; None for a data set by its name.
    """

    features: str
    source: str
    pictures: FileTree | None
    epsilon: float
    steps: int
    target: int | None
    count: int
    seed: int
    sheet: Path
    data_dir: str | Path = "data"

    def write(self, *, device: str, progress: Progress = silent) -> dict[str, Any]:
        """Change the pictures, write the sheet, and return the results, ready for JSON.

        Raises:
            DataError: the pictures cannot be read.
            WeightsError: the weights of the classifier cannot be used.
        """
        from ganzoo.evaluation.adversarial import fool
        from ganzoo.images.files import save_picture

        names, images = self._read(progress)
        options: dict[str, Any] = {"epsilon": self.epsilon, "steps": self.steps, "target": self.target}
        found = fool(self.features, images, seed=self.seed, device=device, progress=progress, **options)
        self.sheet.parent.mkdir(parents=True, exist_ok=True)
        save_picture(self._sheet(images, found), self.sheet)
        return self._results(names, found)

    def _read(self, progress: Progress) -> tuple[list[str], Tensor]:
        """The names of the pictures and their pixels, uint8 (N, C, H, W).

        Of a data set they are random test images. All picture files get the size of the first one.
        """
        import torch

        from ganzoo.data.load import load_data
        from ganzoo.evaluation.image_sets import Pictures, random_rows
        from ganzoo.images.files import picture_size, read_image
        from ganzoo.images.limits import check_one_piece

        if self.pictures is None:
            shape = _shape_of(self.source)
            data: Any = load_data(self.source, shape, split="test", root=self.data_dir, progress=progress)
            rows = random_rows(self.count, len(data), seed=self.seed)
            return [f"test image {row}" for row in rows], Pictures(self.source, data).take(rows)
        files, paths = self.pictures, self.pictures.listing().images[: self.count]
        for path in paths:
            check_one_piece(picture_size(path, channels=3, files=files), of=str(path), remedy="make it smaller")
        first = read_image(paths[0], channels=3, files=files).pixels
        size = (first.shape[1], first.shape[2])
        pictures = [first, *(read_image(path, channels=3, size=size, files=files).pixels for path in paths[1:])]
        return [str(path) for path in paths], torch.stack(pictures)

    def _results(self, names: list[str], found: AdversarialExamples) -> dict[str, Any]:
        rows = []
        for i, name in enumerate(names):
            (before, sure), (after, now) = self._judgment(found.before[i]), self._judgment(found.after[i])
            said = {"before": before, "before_probability": sure, "after": after, "after_probability": now}
            rows.append({"picture": name, **said, "fooled": bool(found.fooled[i])})
        return {
            "features": self.features,
            "input": self.source,
            "epsilon": self.epsilon,
            "steps": self.steps,
            "target": None if self.target is None else self._name_of(self.target),
            "seed": self.seed,
            "count": len(rows),
            "fooled": found.share,
            "sheet": str(self.sheet),
            "pictures": rows,
        }

    def _judgment(self, probabilities: Tensor) -> tuple[str, float]:
        """The most probable class, and its probability."""
        label = int(probabilities.argmax())
        return self._name_of(label), round(probabilities[label].item(), 4)

    def _name_of(self, label: int) -> str:
        names = lookup.registry().feature_extractors[self.features].classes
        return names[label] if names else f"class {label}"

    def _sheet(self, images: Tensor, found: AdversarialExamples) -> Image:
        """A row for each picture: the picture, the enlarged change, and the changed picture."""
        from ganzoo.images.sheets import captioned, contact_sheet, enlargement
        from ganzoo.images.tensors import from_pixels, to_pictures

        change = (found.images.float() - images.float()) / (LEVELS * self.epsilon)  # in [-1, 1]: 0 is gray
        columns = [to_pictures(each) for each in (from_pixels(images), change, from_pixels(found.images))]
        scale = enlargement(images.shape[3], SHEET_PIXELS)
        cells: list[Image] = []
        for i, (picture, moved, changed) in enumerate(zip(*columns, strict=True)):
            if i == SHOWN:
                break
            before, after = (_percent(*self._judgment(each[i])) for each in (found.before, found.after))
            cells.append(captioned(picture, scale, before, NEUTRAL))
            cells.append(captioned(moved, scale, f"change, times {0.5 / self.epsilon:.3g}", NEUTRAL))
            cells.append(captioned(changed, scale, after, FOOLED if found.fooled[i] else STOOD))
        return contact_sheet(cells, columns=3 if len(cells) <= 3 * TALL else 6)


def prepare_fooling(
    features: str,
    *,
    source: Sequence[str],
    epsilon: str,
    steps: int = 1,
    target: str | None = None,
    count: int | None = None,
    seed: int = 0,
    output: Path | None = None,
    overwrite: bool = False,
    data_dir: str | Path = "data",
) -> Fooling:
    """Check the options of `ganzoo fool`. No picture and no network is loaded.

    `source` is the name of a data set, or what `open_pictures` takes.

    Raises:
        UnknownNameError: there is no such feature extractor.
        InvalidRequestError: an option is wrong, or there is no such picture, folder or data set.
        DataError: an archive cannot be read.
        OutputError: the sheet cannot be written.
    """
    spec = find_classifier(features)
    label = None if target is None else find_class(target, spec.classes, spec.num_classes, of=features)
    distance = parse_epsilon(epsilon)
    check_attack(features, epsilon=distance, steps=steps, target=label)
    pictures = _pictures(source)
    name = source[0] if pictures is None else pictures.label
    parts = ["fool", features, name, f"epsilon{epsilon}", f"steps{steps}", f"seed{seed}"]
    path = output or Path(f"{join_label([*parts, '' if label is None else f'target{label}'])}.png")
    check_file(path, STILLS, overwrite=overwrite)
    counted = count or (len(pictures.paths) if isinstance(pictures, PictureList) else COUNT)
    return Fooling(features, " ".join(source), pictures, distance, steps, label, counted, seed, path, data_dir)


def _pictures(source: Sequence[str]) -> FileTree | None:
    """The picture files; None for the name of a data set, whose test images are pictures."""
    if len(source) == 1 and is_named(source[0]):
        _shape_of(source[0])
        return None
    return open_pictures(source, names=data_set_names())


def _shape_of(source: str) -> tuple[int, int, int]:
    """The shape of the test images of a data set by name.

    Raises:
        InvalidRequestError: it has none.
    """
    place = find_data(source)
    if place.record is None or place.record.image_shape is None or "test" not in place.splits:
        known = ", ".join(name for name in data_set_names() if "test" in find_data(name).splits)
        what = "has points, not pictures" if has_points(source) else "has no test images"
        raise InvalidRequestError(f"{source} {what} - name one of {known}, or a folder")
    return place.record.image_shape


def _percent(name: str, probability: float) -> str:
    return f"{name} {probability:.1%}".replace("%", " %")

"""What `ganzoo fool` is asked for, checked without torch, and the sheet that it writes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganzoo.data.sources import check_source, data_set_names, find_data, has_points, is_named
from ganzoo.errors import InvalidRequestError
from ganzoo.evaluation.attack import LEVELS, check_attack, parse_epsilon
from ganzoo.registry import lookup
from ganzoo.sampling.image_files import STILLS
from ganzoo.sampling.requests import find_class
from ganzoo.utils.files import check_file, expand_home
from ganzoo.utils.image_folders import find_images
from ganzoo.utils.names import join_label, short_name
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
    """Pictures to change, the classifier to fool, how, and the sheet to write."""

    features: str
    source: str
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

        Of a data set they are random test images. All pictures of a folder get the size of the first one.
        """
        import torch

        from ganzoo.data.load import load_data
        from ganzoo.evaluation.image_sets import Pictures, random_rows
        from ganzoo.images.files import check_one_piece, picture_size, read_image

        if is_named(self.source):
            shape = _shape_of(self.source)
            data: Any = load_data(self.source, shape, split="test", root=self.data_dir, progress=progress)
            rows = random_rows(self.count, len(data), seed=self.seed)
            return [f"test image {row}" for row in rows], Pictures(self.source, data).take(rows)
        paths = _files(self.source)[: self.count]
        for path in paths:
            check_one_piece(picture_size(path), of=str(path), remedy="make it smaller")
        first = read_image(paths[0], channels=3).pixels
        size = (first.shape[1], first.shape[2])
        pictures = [first, *(read_image(path, channels=3, size=size).pixels for path in paths[1:])]
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
        from ganzoo.images.tensors import from_bytes, to_pictures

        change = (found.images.float() - images.float()) / (LEVELS * self.epsilon)  # in [-1, 1]: 0 is gray
        columns = [to_pictures(each) for each in (from_bytes(images), change, from_bytes(found.images))]
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
    source: str,
    epsilon: str,
    steps: int = 1,
    target: str | None = None,
    count: int | None = None,
    seed: int = 0,
    output: Path | None = None,
    overwrite: bool = False,
    data_dir: str | Path = "data",
) -> Fooling:
    """Check the options of `ganzoo fool`. Nothing is loaded.

    Raises:
        UnknownNameError: there is no such feature extractor, picture, folder or data set.
        InvalidRequestError: an option is wrong.
        OutputError: the sheet cannot be written.
    """
    spec = lookup.registry().feature_extractors[features]
    label = None if target is None else find_class(target, spec.classes, spec.num_classes, of=features)
    distance = parse_epsilon(epsilon)
    check_attack(features, epsilon=distance, steps=steps, target=label)
    _check_input(source)
    several = is_named(source) or not expand_home(source).is_file()
    parts = ["fool", features, short_name(source), f"epsilon{epsilon}", f"steps{steps}", f"seed{seed}"]
    path = output or Path(f"{join_label([*parts, '' if label is None else f'target{label}'])}.png")
    check_file(path, STILLS, overwrite=overwrite)
    counted = (count or COUNT) if several else 1
    return Fooling(features, source, distance, steps, label, counted, seed, path, data_dir)


def _check_input(source: str) -> None:
    """Refuse a source that has no pictures."""
    if expand_home(source).is_file() and not is_named(source):
        return
    check_source(source)
    if is_named(source):
        _shape_of(source)
    elif not expand_home(source).is_dir():
        raise InvalidRequestError(f"{source} is no folder of pictures - name a picture, a folder or a data set")
    elif not find_images(expand_home(source)):
        raise InvalidRequestError(f"{source} holds no picture - name a picture, a folder of pictures, or a data set")


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


def _files(source: str) -> list[Path]:
    path = expand_home(source)
    return [path] if path.is_file() else find_images(path)


def _percent(name: str, probability: float) -> str:
    return f"{name} {probability:.1%}".replace("%", " %")

"""What an evaluation compares: whose images, with which real ones, and what stands beside as a yardstick."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, cast

from ganzoo.data.datasets import Data
from ganzoo.data.folders import load_folder
from ganzoo.data.load import DATASETS, Split, check_source, domain_folders, load_data
from ganzoo.errors import InvalidRequestError, UnknownNameError, UnreadableImage
from ganzoo.evaluation.image_sets import ImageSet, Pictures, Samples, Translations, shuffled, some_rows
from ganzoo.images.files import read_image
from ganzoo.interface.configs import as_translation_config
from ganzoo.interface.extractor import ExtractorOutput
from ganzoo.pretrained import resolve
from ganzoo.registry import lookup
from ganzoo.sampling.model import Model
from ganzoo.sampling.requests import Subject, exact_class, find_class, with_user_names
from ganzoo.utils.files import expanded, pictures_in
from ganzoo.utils.progress import silent
from ganzoo.weights.folder import CONFIG

__all__ = ["DEFAULT_COUNT", "Comparison", "DataOptions", "Pair", "Part", "compare", "default_against", "is_pictures"]

DEFAULT_COUNT = 10_000
"""As many as the test sets of MNIST, Fashion-MNIST and CIFAR-10 have: floor and score are of equally many images."""

Shape = tuple[int, int, int]

_SPLITS: tuple[Split, ...] = ("train", "test")


class Part(NamedTuple):
    """Some images of a set: all, or those of `rows`. `name` says for people which."""

    name: str
    images: ImageSet
    rows: Sequence[int] | None = None

    @property
    def size(self) -> int:
        """How many."""
        return len(self.images) if self.rows is None else len(self.rows)

    def of(self, seen: ExtractorOutput) -> ExtractorOutput:
        """Of what was seen in all images of the set, what belongs to these."""
        return seen if self.rows is None else ExtractorOutput(*(each[list(self.rows)] for each in seen))

    def at(self, places: Sequence[int], name: str) -> Part:
        """Those of these images that stand at some places, from 0 to `size` - 1."""
        rows = range(self.size) if self.rows is None else self.rows
        return Part(name, self.images, [rows[place] for place in places])

    def some(self, count: int, *, seed: int) -> Part:
        """So many of these images, at random; all, if there are no more."""
        return self.at(some_rows(count, self.size, seed=seed), self.name)


class Pair(NamedTuple):
    """Images, and the real ones that they are compared with."""

    images: Part
    reference: Part


@dataclass(frozen=True)
class Comparison:
    """`judged` is what the numbers are about; `yardsticks` say what other pairs come to, by name.

    ``floor`` is of real images against other real ones: what no model is expected to beat. ``untranslated``
    is of a translation's sources as they are.
    """

    judged: Pair
    yardsticks: Mapping[str, Pair]


@dataclass(frozen=True, kw_only=True)
class DataOptions:
    """How data are read: `limit` keeps the first so many real images, `root` is where named sets are kept."""

    seed: int = 0
    limit: int | None = None
    root: str | Path = "data"
    workers: int = 0


def is_pictures(subject: str) -> bool:
    """Whether `subject` means a folder of pictures, and not a model."""
    folder = expanded(subject)
    return subject not in lookup.registry().models and folder.is_dir() and not (folder / CONFIG).is_file()


def default_against(subject: str) -> str:
    """The data set that the model says it has learned.

    Raises:
        UnknownNameError: there is no such model.
        InvalidRequestError: it names none that is known here, or `subject` is a folder of pictures.
    """
    remedy = "say with --against what to compare it with: a data set by name, or a folder of real images"
    if is_pictures(subject):
        raise InvalidRequestError(f"{subject} is a folder of pictures: {remedy}")
    dataset = resolve.dataset_of(subject)
    try:
        check_source(dataset)
    except UnknownNameError as error:
        raise InvalidRequestError(f"{subject} learned {dataset}, which is not here: {remedy}") from error
    return dataset


def compare(
    subject: str,
    against: str,
    *,
    model: Model | None,
    count: int | None,
    asked: Mapping[str, Any],
    options: DataOptions,
) -> Comparison:
    """Settle what is compared: samples or translations of `model`, or, without one, the pictures of `subject`.

    Of a data set by name, the training images are the reference, and the test images give the floor. Of a folder,
    one half against the other does. Samples of one class are compared with real images of that class alone. A
    translation is compared with what it should look like: in a folder with ``trainA``, ``trainB``, ``testA`` and
    ``testB``, the test images of the one domain are translated and compared with the training images of the other,
    whose test images give the floor. All real images are brought to the size that the model makes, or that the
    first of the pictures has.

    Raises:
        DataError: images cannot be read.
        InvalidRequestError: a folder without the domains that a translation wants, or without the class asked for.
    """
    if model is not None and model.task.from_images:
        return _translation(subject, against, model, count, asked.get("direction"), options)
    if model is None:
        shape = _first_shape(subject)
        folder = expanded(subject)
        data = load_folder(folder, shape, None, options.workers, silent, name=subject)
        pictures = Part(subject, Pictures(subject, data, options.workers))
        images, of_class = pictures.some(count or pictures.size, seed=options.seed), None
    else:
        shape = model.image_shape
        samples = Samples("sampling", model, count or DEFAULT_COUNT, options.seed, asked)
        told = "".join(f", {name} {value}" for name, value in with_user_names(asked).items())
        images, of_class = Part(f"samples of {subject}{told}", samples), _class_of(model, asked)
    reference, floor = _real(against, shape, images.size, options, of_class)
    return Comparison(Pair(images, reference), {"floor": floor})


def _class_of(model: Model, asked: Mapping[str, Any]) -> str | int | None:
    """The one class that samples are of, by its name where it has one; None if they are of all."""
    label: int | None = getattr(model.request(**asked), "label", None)
    return label if label is None or not model.classes else model.classes[label]


def _real(
    against: str, shape: Shape, count: int, options: DataOptions, of_class: str | int | None
) -> tuple[Part, Pair]:
    """The reference, and what gives the floor; of one class, or of all."""

    def load(name: str, split: Split, limit: int | None) -> Part:
        data = load_data(against, shape, split=split, root=options.root, limit=limit, workers=options.workers)
        pictures = Pictures(name, cast(Data, data), options.workers)  # it is of one part
        return Part(name, pictures) if of_class is None else _only(pictures, of_class)

    if against not in DATASETS:
        whole = load(against, "train", options.limit)
        return whole, _halves(whole, count, options.seed)
    reference = load(f"{against}, training images", "train", options.limit)
    test = load(f"{against}, test images", "test", None)
    return reference, Pair(test.some(count, seed=options.seed), reference)


def _only(pictures: Pictures, of_class: str | int) -> Part:
    """The pictures of one class: of that name, or, where the model has no names, of that number.

    Raises:
        InvalidRequestError: they have no classes, or not this one.
    """
    data = pictures.data
    if data.labels is None:
        raise InvalidRequestError(f"{data.name} has no classes - put the pictures of each into a folder of their own")
    if isinstance(of_class, str):
        label = exact_class(of_class, data.classes, of=data.name)
    else:
        label = find_class(of_class, data.classes, len(data.classes), of=data.name)
    rows = (data.labels == label).nonzero().flatten().tolist()
    return Part(f"{pictures.name}, class {data.classes[label]}", pictures, rows)


def _halves(whole: Part, count: int, seed: int) -> Pair:
    """Up to `count` images of one half, against the other half."""
    order, middle = shuffled(whole.size, seed=seed), whole.size // 2
    first = whole.at(order[:middle][:count], f"one half of {whole.name}")
    return Pair(first, whole.at(order[middle:], f"the other half of {whole.name}"))


def _translation(
    subject: str, against: str, model: Model, count: int | None, direction: str | None, options: DataOptions
) -> Comparison:
    chosen = Subject(model.task, model.config, model.classes).direction(subject, direction)
    source, target = as_translation_config(model.config).routes[chosen]
    splits = [split for split in _SPLITS if _has_domains(against, split)]
    if not splits:
        wanted = "testA and testB, or trainA and trainB"
        text = f"{subject} translates, and {against} has no domains"
        raise InvalidRequestError(f"{text} - name a folder with {wanted} with --against")

    def load(split: Split, domain: str, limit: int | None = None) -> Pictures:
        folder = domain_folders(against, ("a", "b"), split)[domain]
        data = load_folder(folder, model.image_shape, limit, options.workers, silent)
        return Pictures(f"{against}, {folder.name}", data, options.workers)

    sources, real = load(splits[-1], source, count), load(splits[0], target, options.limit)
    reference = Part(real.name, real)
    made = Translations(f"translating {chosen}", model, sources, chosen)
    images = Part(f"{sources.name}, translated {chosen}", made)
    if len(splits) == 2:
        others = load("test", target)
        floor = Pair(Part(others.name, others).some(images.size, seed=options.seed), reference)
    else:
        floor = _halves(reference, images.size, options.seed)
    untranslated = Pair(Part(f"{sources.name}, as they are", sources), reference)
    return Comparison(Pair(images, reference), {"floor": floor, "untranslated": untranslated})


def _has_domains(against: str, split: str) -> bool:
    folder = expanded(against)
    return (folder / f"{split}A").is_dir() and (folder / f"{split}B").is_dir()


def _first_shape(folder: str) -> Shape:
    """Of the first picture that can be read; as RGB, which grey pictures are too."""
    for path in pictures_in(expanded(folder)):
        try:
            _, height, width = read_image(path, channels=3).pixels.shape
        except UnreadableImage:
            continue
        return 3, height, width
    raise InvalidRequestError(f"{folder} holds no picture that can be read, and no model either")

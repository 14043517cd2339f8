"""The sets of images that an evaluation compares: the evaluated images, real images, and baselines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, cast

from ganzoo.data.captions import FORM, Captions
from ganzoo.data.datasets import Data, ImageData
from ganzoo.data.folders import load_tree
from ganzoo.data.layout import domain_trees, has_domains
from ganzoo.data.load import load_captions, load_data, load_opened, open_tree
from ganzoo.data.opening import Opened, open_data
from ganzoo.data.sources import find_data, is_named
from ganzoo.errors import InvalidRequestError, UnreadableImage
from ganzoo.evaluation.captions import readable_captions
from ganzoo.evaluation.image_sets import Part, Pictures, Samples, Translations, shuffled_rows
from ganzoo.evaluation.options import R_PRECISION, EvaluationOptions
from ganzoo.images.files import read_image
from ganzoo.images.limits import check_one_piece
from ganzoo.interface.configs import as_translation_config
from ganzoo.interface.data_sources import Split
from ganzoo.interface.picture_files import FileTree
from ganzoo.sampling.model import Model
from ganzoo.sampling.requests import Subject, exact_class, find_class, with_user_names
from ganzoo.utils.files import expand_home
from ganzoo.utils.image_folders import METADATA
from ganzoo.utils.progress import silent

__all__ = ["DEFAULT_COUNT", "Comparison", "Pair", "ReadOptions", "compare"]

DEFAULT_COUNT = 10_000
"""The size of the test sets of MNIST, Fashion-MNIST and CIFAR-10. So the floor is computed from as many images."""

Shape = tuple[int, int, int]

DOMAINS = ("a", "b")
"""The domains of a translation, by the names of their data in a batch."""

_SPLITS: tuple[Split, ...] = ("train", "test")


class Pair(NamedTuple):
    """Images, and the real images that they are compared with, if there are any."""

    images: Part
    reference: Part | None

    @property
    def parts(self) -> tuple[Part, ...]:
        """Those that there are."""
        return (self.images,) if self.reference is None else (self.images, self.reference)


@dataclass(frozen=True)
class Comparison:
    """The pair that is evaluated, and the `baselines` that its numbers can be compared with, by name.

    ``floor`` compares real images with other real images: no model is expected to be better. ``untranslated``
    compares the sources of translations, as they are, with the reference. Without real images, there are no baselines.
    `captions` are those of the real images, if the images show captions or are compared with them. `notes` say what was
    left out of them.
    """

    evaluated: Pair
    baselines: Mapping[str, Pair]
    captions: Captions | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ReadOptions:
    """How data sets are read: `root` is the folder of named data sets, and `workers` processes read pictures."""

    root: str | Path = "data"
    workers: int = 0


def compare(options: EvaluationOptions, model: Model | None, *, reading: ReadOptions) -> Comparison:
    """Decide what is compared: samples or translations of `model`, or, without a model, the pictures of the subject.

    For a data set by name, the training images are the reference, and the test images give the floor. For a folder,
    all images are the reference, and one half against the other gives the floor. Samples of one class are compared
    with real images of this class alone.

    Translations need a folder with ``trainA``, ``trainB``, ``testA`` and ``testB``. The test images of the source
    domain are translated and compared with the training images of the target domain; the test images of the target
    domain give the floor.

    Samples of a model that reads texts show the captions of the real images, if these have any. Captions with a word
    that the model does not know are left out, but for `R_PRECISION`, whose numbers would then be of other pictures.

    All real images are resized to the size that the model makes, or to the size of the first picture of the subject. If
    the options name none, the images stand alone.

    Raises:
        DataError: images cannot be read.
        InvalidRequestError: a folder lacks the domains of a translation, or the class of the samples, or captions.
    """
    against = options.against
    if against is None:
        return Comparison(Pair(_images(options, model, None, reading)[0], None), {})
    if model is not None and model.task.from_images:
        return _compare_translations(against, options, model, reading)
    captions = _captions(against, options, model, reading)
    notes: tuple[str, ...] = ()
    if captions and model is not None and not options.by_texts:
        captions, notes = readable_captions(captions, model, of=against)
    images, shape = _images(options, model, captions, reading)
    of_class = None if model is None else _class_of(model, options)
    reference, floor = _real(against, options, shape, images.size, reading, of_class)
    return Comparison(Pair(images, reference), {"floor": floor}, captions, notes)


def _images(
    options: EvaluationOptions, model: Model | None, captions: Captions | None, reading: ReadOptions
) -> tuple[Part, Shape]:
    """The images that are evaluated, and the shape of each."""
    if model is not None:
        return _samples(options, model, captions), model.image_shape
    opened = _open_subject(options)
    shape = _first_shape(opened, options.subject)
    return _pictures(options, opened, shape, reading), shape


def _captions(against: str, options: EvaluationOptions, model: Model | None, reading: ReadOptions) -> Captions | None:
    """The captions of the real images, if they are needed.

    Raises:
        InvalidRequestError: there are none, and images are to be compared with them.
    """
    needed = options.by_texts or (model is not None and model.task.needs_text)
    record = find_data(against).record
    possible = record is None or record.captions
    found = load_captions(against, root=reading.root) if needed and possible else None
    if found is None and options.by_texts:
        text = f"{against} has no captions, which {R_PRECISION} needs"
        raise InvalidRequestError(f"{text} - name a folder with --against whose {METADATA} has lines {FORM}")
    return found if found is None or options.limit is None else found.at(range(len(found.texts))[: options.limit])


def _texts(captions: Captions, count: int, seed: int) -> list[str]:
    """`count` captions of pictures in random order; of each picture one, then another one of each, and so on."""
    order = shuffled_rows(len(captions.texts), seed=seed)
    turns = (divmod(number, len(order)) for number in range(count))
    return [(texts := captions.texts[order[place]])[turn % len(texts)] for turn, place in turns]


def _pictures(options: EvaluationOptions, opened: Opened, shape: Shape, reading: ReadOptions) -> Part:
    """The pictures of the subject, or `count` of them."""
    name = options.subject
    data = load_opened(opened, shape, name=name, workers=reading.workers, needs_text=options.by_texts)
    if options.by_texts and data.captions is None:
        raise InvalidRequestError(f"{name} has no captions, which {R_PRECISION} needs - add {METADATA}")
    pictures = Part(name, Pictures(name, data, reading.workers))
    return pictures.subset(options.count or pictures.size, seed=options.seed)


def _samples(options: EvaluationOptions, model: Model, captions: Captions | None) -> Part:
    count = options.count or DEFAULT_COUNT
    texts = [] if captions is None else _texts(captions, count, options.seed)
    samples = Samples("sampling", model, count, options.seed, options.request, texts)
    details = "".join(f", {name} {value}" for name, value in with_user_names(options.request).items())
    details += f", captions of {options.against}" if texts else ""
    return Part(f"samples of {options.subject}{details}", samples)


def _class_of(model: Model, options: EvaluationOptions) -> str | int | None:
    """The class of all samples, by its name or, if it has no name, by its index; None for samples of all classes."""
    label: int | None = getattr(model.request(**options.request), "label", None)
    return label if label is None or not model.classes else model.classes[label]


def _real(
    against: str,
    options: EvaluationOptions,
    shape: Shape,
    count: int,
    reading: ReadOptions,
    of_class: str | int | None,
) -> tuple[Part, Pair]:
    """The reference, and the pair that gives the floor, for one class or for all classes."""

    def load(name: str, split: Split, limit: int | None) -> Part:
        data = load_data(
            against,
            shape,
            split=split,
            root=reading.root,
            limit=limit,
            workers=reading.workers,
            needs_labels=of_class is not None,
            needs_text=options.by_texts,
        )
        pictures = Pictures(name, cast(Data, data), reading.workers)  # with one part, it is no Domains
        return Part(name, pictures) if of_class is None else _only(pictures, of_class)

    if "test" not in find_data(against).splits:
        whole = load(against, "train", options.limit)
        return whole, _halves(whole, count, options.seed)
    reference = load(f"{against}, training images", "train", options.limit)
    test = load(f"{against}, test images", "test", None)
    return reference, Pair(test.subset(count, seed=options.seed), reference)


def _only(pictures: Pictures, of_class: str | int) -> Part:
    """The pictures of one class, which is given by its name or, if the model has no class names, by its index.

    Raises:
        InvalidRequestError: the pictures have no classes, or lack this one.
    """
    data = pictures.data
    if data.labels is None:
        raise InvalidRequestError(f"{data.name} has no classes - put the pictures of each into a subfolder of its own")
    if isinstance(of_class, str):
        label = exact_class(of_class, data.classes, of=data.name)
    else:
        label = find_class(of_class, data.classes, len(data.classes), of=data.name)
    rows = (data.labels == label).nonzero().flatten().tolist()
    return Part(f"{pictures.name}, class {data.classes[label]}", pictures, rows)


def _halves(whole: Part, count: int, seed: int) -> Pair:
    """Up to `count` images of one half, compared with the other half."""
    order, middle = shuffled_rows(whole.size, seed=seed), whole.size // 2
    first = whole.at(order[:middle][:count], f"one half of {whole.name}")
    return Pair(first, whole.at(order[middle:], f"the other half of {whole.name}"))


def _compare_translations(against: str, options: EvaluationOptions, model: Model, reading: ReadOptions) -> Comparison:
    subject = Subject(model.task, model.config, model.classes)
    chosen = subject.direction(options.subject, options.direction)
    source, target = as_translation_config(model.config).routes[chosen]
    tree = None if is_named(against) else open_tree(against, needed="domains")
    splits = [split for split in _SPLITS if tree is not None and has_domains(tree, DOMAINS, split)]
    if tree is None or not splits:
        wanted = "testA and testB, or trainA and trainB"
        text = f"{options.subject} translates, and {against} has no domains"
        raise InvalidRequestError(f"{text} - name a folder with {wanted} with --against")

    def load(split: Split, domain: str, limit: int | None = None) -> Pictures:
        folder = domain_trees(against, tree, DOMAINS, split)[domain]
        data = load_tree(folder, model.image_shape, limit, reading.workers, silent)
        return Pictures(f"{against}, {folder.root.name}", data, reading.workers)

    sources, real = load(splits[-1], source, options.count), load(splits[0], target, options.limit)
    reference = Part(real.name, real)
    made = Translations(f"translating {chosen}", model, sources, chosen)
    images = Part(f"{sources.name}, translated {chosen}", made)
    if len(splits) == 2:
        others = load("test", target)
        floor = Pair(Part(others.name, others).subset(images.size, seed=options.seed), reference)
    else:
        floor = _halves(reference, images.size, options.seed)
    untranslated = Pair(Part(f"{sources.name}, as they are", sources), reference)
    return Comparison(Pair(images, reference), {"floor": floor, "untranslated": untranslated})


def _open_subject(options: EvaluationOptions) -> Opened:
    """The pictures of the subject: those of a folder, even if a data set has its name."""
    folder = expand_home(options.subject)
    return FileTree(folder) if folder.is_dir() else open_data(options.subject, needs_text=options.by_texts)


def _first_shape(opened: Opened, name: str) -> Shape:
    """The shape of the first picture that can be read, (3, H, W); gray pictures are read as RGB too."""
    if isinstance(opened, ImageData):
        return 3, *opened.images.shape[2:]
    paths, files = (opened.listing().images, opened) if isinstance(opened, FileTree) else (opened.paths, opened.files)
    for path in paths:
        try:
            _, height, width = read_image(path, channels=3, files=files).pixels.shape
        except UnreadableImage:
            continue
        check_one_piece(
            (width, height), of=str(path), remedy="make it smaller: all images get the size of the first one"
        )
        return 3, height, width
    raise InvalidRequestError(f"{name} holds no picture that can be read, and no model - check the path")

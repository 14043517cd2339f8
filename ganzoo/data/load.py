"""Load a data set from any source into images of one shape: in memory, or read when they are needed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from torch import Tensor

from ganzoo.data.captions import Captions, read_captions
from ganzoo.data.datasets import Data, Domains, ImageData
from ganzoo.data.folders import load_set, load_tree
from ganzoo.data.layout import domain_name, domain_trees, find_layout, limit_notes
from ganzoo.data.opening import Opened, open_data
from ganzoo.data.pairs import load_pairs
from ganzoo.data.sources import is_named
from ganzoo.errors import DataError, InvalidRequestError
from ganzoo.images.limits import PICTURE_CHANNELS
from ganzoo.images.tensors import DEPTHS, fit, to_channels, to_pixels
from ganzoo.interface.data_sources import PictureSet, Split
from ganzoo.interface.picture_files import FileTree
from ganzoo.utils.precision import float32_on_cpu
from ganzoo.utils.progress import Progress, silent

__all__ = ["load_captions", "load_data", "load_opened", "open_tree"]

Shape = tuple[int, int, int]


@float32_on_cpu()
def load_data(
    source: str,
    image_shape: Shape,
    *,
    parts: Sequence[str] = ("image",),
    paired: bool = False,
    split: Split = "train",
    root: str | Path = "data",
    limit: int | None = None,
    workers: int = 0,
    needs_labels: bool = False,
    needs_text: bool = False,
    depth: int = 8,
    download: bool = True,
    progress: Progress = silent,
) -> Data | Domains:
    """Load a data set with the shape `image_shape` (C, H, W): by its name, or from a folder, files or the Hub.

    A named data set is kept below `root`, and downloaded there with `download` if it is missing. A folder or an archive
    is read with all its subfolders; `ganzoo.data.layout.find_layout` says which of them are classes, and what
    `needs_labels` does. With `needs_text`, captions are read, if there are some. Several `parts`, such as ``a`` and
    ``b``, need ``trainA`` and ``trainB`` in the folder or archive. If they are `paired`, `load_pairs` says which
    pictures are pairs.

    `split` chooses the training or the test images of a named data set, and of a folder with several parts; others have
    training images only. `limit` keeps that many images from the start; with classes in a folder, it takes one of each
    class in turn. Pictures get `depth` bits, 8 or 16. Images that do not fit in memory are read when they are needed.
    `workers` processes read files, and `progress` counts the pictures.

    Raises:
        UnknownNameError: `source` is neither a known name nor a folder nor a file of a known format.
        DataError: the data cannot be read or downloaded, contains no image, or lacks a part.
        InvalidRequestError: the limit is below 1, `split` is "test" and there are no test images, the images do not
            have such channels or so many bits, or a package is missing.
    """
    if limit is not None and (not isinstance(limit, int) or limit < 1):
        raise InvalidRequestError(f"the limit is a whole number of at least 1, not {limit}")
    if paired or len(parts) > 1:
        missing = " and no ".join(domain_name(part, split) for part in parts)
        tree = open_tree(source, needed="pairs" if paired else missing, progress=progress)
        if paired:
            return load_pairs(source, tree, image_shape, limit, workers, progress, depth=depth)
        trees = domain_trees(source, tree, parts, split)
        domains = {p: load_tree(t, image_shape, limit, workers, progress, depth=depth) for p, t in trees.items()}
        return Domains(source, domains)
    needs = {"needs_labels": needs_labels, "needs_text": needs_text}
    opened = open_data(source, split=split, root=root, download=download, progress=progress, **needs)
    return load_opened(
        opened, image_shape, name=source, limit=limit, workers=workers, progress=progress, depth=depth, **needs
    )


def load_opened(
    opened: Opened,
    image_shape: Shape,
    *,
    name: str,
    limit: int | None = None,
    workers: int = 0,
    progress: Progress = silent,
    needs_labels: bool = False,
    needs_text: bool = False,
    depth: int = 8,
) -> Data:
    """Load what `open_data` returned, with the arguments of `load_data`. `name` is for messages.

    Raises:
        DataError, InvalidRequestError: as `load_data`.
    """
    if isinstance(opened, FileTree):
        needs = {"needs_labels": needs_labels, "needs_text": needs_text}
        return load_tree(opened, image_shape, limit, workers, progress, name=name, depth=depth, **needs)
    if isinstance(opened, PictureSet):
        return load_set(opened, image_shape, limit, workers, progress, name=name, depth=depth)
    return _converted(opened, image_shape, limit, depth)


def open_tree(source: str, *, needed: str, progress: Progress = silent) -> FileTree:
    """The folder or the archive that `source` means.

    Raises:
        DataError: it is none. The message says what is `needed`, such as "domains".
        UnknownNameError, InvalidRequestError: as `load_data`.
    """
    opened = None if is_named(source) else open_data(source, progress=progress)
    if not isinstance(opened, FileTree):
        raise DataError(f"{source} has no {needed} - name a folder or an archive with trainA and trainB")
    return opened


def load_captions(source: str, *, root: str | Path = "data", progress: Progress = silent) -> Captions | None:
    """The captions of the pictures that `load_data` would load, without the pictures; None if there are none.

    Raises:
        DataError: the captions are damaged, or there is no picture.
    """
    opened = open_data(source, root=root, needs_text=True, progress=progress)
    if isinstance(opened, FileTree):
        return read_captions(opened, find_layout(opened).paths, name=source)
    if isinstance(opened, PictureSet):
        return None if opened.captions is None else Captions(tuple(opened.captions))
    return opened.captions


def _converted(data: ImageData, shape: Shape, limit: int | None, depth: int) -> ImageData:
    """Images in memory with other channels, another size and `depth` bits, and at most `limit` of them.

    Raises:
        DataError: they are points, which have no other size.
        InvalidRequestError: they do not have so many bits, or their channels do not convert.
    """
    if depth > 8 and data.images.dtype != DEPTHS[depth]:
        raise InvalidRequestError(f"{data.name} has no pictures of {depth} bits - leave out --depth, or name a folder")
    images, labels = data.images[:limit], None if data.labels is None else data.labels[:limit]
    if images.is_floating_point() and images.shape[1:] != shape:
        wanted = "x".join(map(str, shape))
        raise DataError(f"{data.name} holds points, images of {_size(images)}, not of {wanted} - use a model of points")
    if images.shape[1] != shape[0] and not {images.shape[1], shape[0]} <= {*PICTURE_CHANNELS}:
        text = f"{data.name} has no {shape[0]} channels"
        raise InvalidRequestError(f"{text} - name a folder that has, or set channels={images.shape[1]}")
    pixels = images if images.is_floating_point() else to_pixels(images, depth)
    resized = pixels if images.shape[1:] == shape else fit(to_channels(pixels, shape[0]), shape[1:])
    notes = [] if images.shape == resized.shape else [f"images were converted from {_size(images)} to {_size(resized)}"]
    notes += limit_notes(limit, labels, data.classes)
    captions = None if data.captions is None else data.captions.at(range(len(images)))
    return replace(data, images=resized, labels=labels, captions=captions, notes=(*data.notes, *notes))


def _size(images: Tensor) -> str:
    return "x".join(str(n) for n in images.shape[1:])

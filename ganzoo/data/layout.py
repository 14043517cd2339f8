"""The layout of a folder of pictures: which of them are used, and which folders are classes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple
from unicodedata import normalize

from torch import Tensor

from ganzoo.data.labels import read_labels
from ganzoo.errors import DataError
from ganzoo.interface.picture_files import FileTree
from ganzoo.utils.image_folders import HELD_OUT, IMAGE_SUFFIXES, TRAINING

__all__ = ["FolderLayout", "domain_name", "domain_trees", "find_layout", "has_domains", "limit_notes", "spread"]

_SHOWN = 5


class FolderLayout(NamedTuple):
    """The pictures that are used, in the order of their paths.

    `labels` are the indices of their classes; None if there are no classes. `notes` say what was left out. `listed`
    says that the classes are those of a file, and not the subfolders.
    """

    paths: tuple[Path, ...]
    labels: tuple[int, ...] | None
    classes: tuple[str, ...]
    notes: tuple[str, ...]
    listed: bool = False


def find_layout(tree: FileTree, *, needs_labels: bool = False) -> FolderLayout:
    """Decide which pictures of a folder or an archive are used.

    If all pictures are in subfolders of its root, and there are several subfolders, these are the classes. Names that
    differ only in the form of their accents are one class. With `needs_labels`, pictures outside of all subfolders are
    left out; without it, they mean that there are no classes. If the subfolders are only ``train`` and ``val`` or the
    like, the layout is that of ``train``.

    If files in it have labels (`ganzoo.data.labels`), these are the classes in place of the subfolders, and
    pictures without a label are like pictures outside of all subfolders.

    Raises:
        DataError: the folder contains no picture, or its labels are damaged.
    """
    listing = tree.listing()
    if not listing.images:
        text = f"{tree.root} holds no readable image - looked for {', '.join(sorted(IMAGE_SUFFIXES))}"
        raise DataError("; ".join([text, *listing.notes]))
    tops = ["/".join(tree.inside(path).parts[:-1][:1]) for path in listing.images]  # "" outside of all subfolders
    training = _training_folder(tops)
    if training:
        below = find_layout(tree.below(training), needs_labels=needs_labels)
        rest = sorted({*tops} - {training})
        unused = f", and {' and '.join(f'{name}/' for name in rest)} are not" if rest else ""
        return below._replace(notes=(f"the pictures in {tree.root / training} are used{unused}", *below.notes))
    labels = read_labels(tree, listing)
    if labels is None:
        stray = "outside of the class folders"
        return _with_classes(listing.images, tops, listing.notes, needs_labels=needs_labels, stray=stray)
    notes = (*listing.notes, *labels.notes)
    stray = f"without a label in {labels.file}"
    layout = _with_classes(
        listing.images, labels.names, notes, needs_labels=needs_labels, stray=stray, numbered=labels.numbered
    )
    return layout._replace(listed=True)


def _with_classes(
    paths: Sequence[Path],
    names: Sequence[str],
    notes: tuple[str, ...],
    *,
    needs_labels: bool,
    stray: str,
    numbered: bool = False,
) -> FolderLayout:
    """The layout of pictures whose classes are `names`, "" for none.

    `stray` says where those are that have none. With `numbered`, the names are numbers, and class 10 comes after 9.
    """
    names = [normalize("NFC", name) for name in names]
    classes = sorted({*names} - {""}, key=int if numbered else str)
    without = [path for path, name in zip(paths, names, strict=True) if not name]
    if len(classes) < 2 or (without and not needs_labels):
        return FolderLayout(tuple(paths), None, (), notes)
    if without:
        notes = (*notes, f"{len(without)} {stray} left out, the first: {without[0]}")
    pairs = [(path, name) for path, name in zip(paths, names, strict=True) if name]
    numbers = {name: number for number, name in enumerate(classes)}
    return FolderLayout(
        tuple(path for path, _ in pairs), tuple(numbers[name] for _, name in pairs), tuple(classes), notes
    )


def domain_trees(source: str, tree: FileTree, parts: Sequence[str], split: str = "train") -> dict[str, FileTree]:
    """The folders of several domains, by their names in a batch: ``a`` is in ``trainA`` or ``testA``.

    Raises:
        DataError: a folder is missing.
    """
    names = {part: domain_name(part, split) for part in parts}
    missing = [name for name in names.values() if not tree.is_folder(name)]
    if missing:
        wanted = " and ".join(names.values())
        raise DataError(f"{source} has no {' and no '.join(missing)} - unpaired training needs a folder with {wanted}")
    return {part: tree.below(name) for part, name in names.items()}


def has_domains(tree: FileTree, parts: Sequence[str], split: str = "train") -> bool:
    """Whether there is a folder for each of the domains."""
    return all(tree.is_folder(domain_name(part, split)) for part in parts)


def domain_name(part: str, split: str) -> str:
    """The folder of a domain, such as ``trainA``."""
    return f"{split}{part.upper()}"


def spread(labels: Sequence[int]) -> list[int]:
    """The indices of all pictures in the order in which a limit takes them: one of each class in turn."""
    classes: dict[int, list[int]] = {}
    for index, label in enumerate(labels):
        classes.setdefault(label, []).append(index)
    return [index for turn in zip_longest(*classes.values()) for index in turn if index is not None]


def limit_notes(limit: int | None, labels: Tensor | None, classes: Sequence[str]) -> tuple[str, ...]:
    """A note on the classes that a limit leaves without images, if there are any."""
    if limit is None or labels is None:
        return ()
    there = set(labels.tolist())
    missing = [name for number, name in enumerate(classes) if number not in there]
    if not missing:
        return ()
    names = ", ".join(missing[:_SHOWN]) + (", ..." if len(missing) > _SHOWN else "")
    return (f"the limit of {limit} leaves {len(missing)} of {len(classes)} classes without images: {names}",)


def _training_folder(tops: Sequence[str]) -> str:
    """The folder of training images, if all folders are named after a split; else ""."""
    training = [top for top in {*tops} if top.lower() in TRAINING]
    rest = {top.lower() for top in tops} - TRAINING
    return training[0] if len(training) == 1 and rest <= HELD_OUT else ""

"""What the text after ``--data`` means, without torch: so a wrong one is refused at once.

It is the name of a registered data set, a folder of pictures, files of a registered format, or a data set on the Hub.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from ganzoo.data.packed import find_files, formats, is_packed, record_for
from ganzoo.errors import InvalidRequestError, UnknownNameError
from ganzoo.hub import references
from ganzoo.interface.data_sources import DataSource
from ganzoo.registry import lookup
from ganzoo.utils.distributions import missing_distributions, not_installed
from ganzoo.utils.files import expand_home
from ganzoo.utils.names import HUB_DATA, suggest

__all__ = [
    "DataPlace",
    "check_installed",
    "check_source",
    "data_set_names",
    "expand_paths",
    "find_data",
    "has_points",
    "is_named",
    "is_packed_data",
    "pin_source",
    "pinned_before",
    "with_options",
]

_OPTIONS = re.compile(r"(?P<place>[^?]+)\?(?P<options>\w+=[^&?]*(?:&\w+=[^&?]*)*)")
"""A text with options at its end: ``hf:datasets/owner/name?image=img&label=fine_label``."""


@dataclass(frozen=True)
class DataPlace:
    """Where data is. `name` is what the user wrote, `place` the same without `options`.

    `record` is the source of a data set that is known by name. For others it is None: a folder of pictures, or files
    whose format decides. Those are `paths`, or on the Hub.
    """

    name: str
    place: str
    options: Mapping[str, str]
    record: DataSource | None = None
    paths: tuple[Path, ...] = ()

    @property
    def on_hub(self) -> bool:
        """Whether it is a data set on the Hub."""
        return self.place.startswith(HUB_DATA)

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder of pictures."""
        return len(self.paths) == 1 and self.paths[0].is_dir() and not is_packed(self.paths[0])

    @property
    def splits(self) -> tuple[str, ...]:
        """Its parts, which have separate images."""
        return ("train",) if self.record is None else self.record.splits


def data_set_names() -> list[str]:
    """The names of all data sets that plugins declare."""
    sources = lookup.registry().data_sources
    return [name for name in sources if not sources[name].endings]


def is_named(source: str) -> bool:
    """Whether the text is the name of a data set."""
    sources = lookup.registry().data_sources
    return source in sources and not sources[source].endings


def is_packed_data(source: str) -> bool:
    """Whether the text is written as files of a registered format, or as a data set on the Hub."""
    place = _split_options(source)[0]
    return place.startswith(HUB_DATA) or record_for(place) is not None


def has_points(source: str) -> bool:
    """Whether the text is the name of a data set of points, images with one pixel."""
    if not is_named(source):
        return False
    shape = lookup.registry().data_sources[source].image_shape
    return shape is not None and shape[1:] == (1, 1)


def find_data(source: str) -> DataPlace:
    """What the text means. Nothing is opened or downloaded.

    Raises:
        UnknownNameError: it means nothing: there is no such data set, folder or file.
        InvalidRequestError: it has options that make no sense there.
    """
    if is_named(source):
        return DataPlace(source, source, {}, lookup.registry().data_sources[source])
    place, options = _split_options(source)
    if is_named(place):
        raise InvalidRequestError(f"{place} has no options - leave out {', '.join(options)}")
    if place.startswith(HUB_DATA):
        references.parse_data(place)
        return DataPlace(source, place, options)
    found = DataPlace(source, place, options, paths=_paths(place))
    if found.is_folder and options:
        raise InvalidRequestError(f"{place} is a folder of pictures, without options - leave out {', '.join(options)}")
    return found


def check_source(source: str) -> None:
    """Refuse a text that means no data, or data that needs a package that is not installed.

    Raises:
        UnknownNameError, InvalidRequestError: as `find_data`; or a package is missing. The message names it.
    """
    found = find_data(source)
    if found.record is not None:
        check_installed(found.record)
    elif not found.on_hub and not found.is_folder:
        record, _ = find_files(found.place, found.paths, found.options)
        check_installed(record)


def check_installed(record: DataSource) -> None:
    """Refuse a source whose packages are not installed.

    Raises:
        InvalidRequestError: names them, and what installs them.
    """
    if missing := missing_distributions(record.requires):
        raise InvalidRequestError(f"{record.name} data cannot be read: {not_installed(missing, record.install)}")


def pin_source(source: str) -> str:
    """The text with the commit that it means now, if it is a data set on the Hub; other texts are unchanged.

    Raises:
        PullError: the Hub cannot be asked, or has no such data set.
        UnknownNameError, InvalidRequestError: as `find_data`.
    """
    if not source.startswith(HUB_DATA):
        return source
    found = find_data(source)
    return with_options(str(references.pin(references.parse_data(found.place))), found.options)


def pinned_before(source: str, before: str) -> str:
    """`before`, if it is the same data set on the Hub at a commit, and `source` names no commit; else `source`."""
    if not (source.startswith(HUB_DATA) and before.startswith(HUB_DATA)):
        return source
    now, then = find_data(source), find_data(before)
    pinned = references.parse_data(then.place)
    same = references.parse_data(now.place) == pinned._replace(revision=None)
    return before if same and now.options == then.options else source


def with_options(place: str, options: Mapping[str, str | None]) -> str:
    """The text with `options` at its end, as `find_data` reads it. Those that are None are left out.

    Raises:
        InvalidRequestError: a value has a character that separates options.
    """
    before, known = _split_options(place)
    given = {**known, **{name: value for name, value in options.items() if value is not None}}
    if wrong := [value for value in given.values() if not value or set(value) & set("?&")]:
        raise InvalidRequestError(f"{wrong[0]!r} cannot be an option of data - it is empty, or has a ? or a &")
    return f"{before}?{'&'.join(f'{name}={value}' for name, value in given.items())}" if given else before


def _split_options(source: str) -> tuple[str, dict[str, str]]:
    found = None if os.path.exists(expand_home(source)) else _OPTIONS.fullmatch(source)
    if found is None:
        return source, {}
    pairs = (pair.partition("=") for pair in found["options"].split("&"))
    return found["place"], {name: value for name, _, value in pairs}


def _paths(place: str) -> tuple[Path, ...]:
    """The folder or the files that the text means.

    Raises:
        UnknownNameError: there are none, or a file has no known format.
    """
    paths = expand_paths(place) if place else ()
    missing = [path for path in paths if not os.path.exists(path)]
    endings = ", ".join(formats())
    if not paths or (len(paths) == 1 and missing):
        text = f"{place!r} is neither a folder nor a data set"
        if record_for(place) is not None:
            raise UnknownNameError(f"there is no file {place} - check the path")
        raise UnknownNameError(f"{text}{suggest(place, data_set_names())}")
    if missing:
        raise UnknownNameError(f"{place} names {len(paths)} files, and there is no {missing[0]} - check the path")
    wrong = [path for path in paths if not path.is_dir() and record_for(path.name) is None]
    if wrong:
        raise UnknownNameError(f"{wrong[0]} is neither a folder nor a data set: its name ends in none of {endings}")
    return paths


def expand_paths(text: str) -> tuple[Path, ...]:
    """The paths that the text means: with ``*`` and other patterns, those that exist; braces as shells have them."""
    return tuple(chain.from_iterable(map(_matching, _expand_braces(text))))


def _matching(text: str) -> list[Path]:
    """The paths that a pattern with ``*`` matches, sorted; or the one path that it is."""
    path = expand_home(text)
    if os.path.lexists(path) or not set(text) & set("*?["):
        return [path]
    folder = Path(*[part for part in path.parts if not set(part) & set("*?[")][: _fixed(path)])
    return sorted(folder.glob(str(Path(*path.parts[_fixed(path) :]))))


def _fixed(path: Path) -> int:
    """How many parts of the path come before the first one with a pattern."""
    return next(number for number, part in enumerate(path.parts) if set(part) & set("*?["))


def _expand_braces(text: str) -> Iterator[str]:
    """``a-{00..02}.tar`` is ``a-00.tar``, ``a-01.tar`` and ``a-02.tar``, as shells and WebDataset have it."""
    found = re.search(r"\{(\d+)\.\.(\d+)\}|\{([^{}]*,[^{}]*)\}", text)
    if found is None or os.path.lexists(expand_home(text)):
        yield text
        return
    first, last, names = found.groups()
    middle = names.split(",") if names else [str(n).zfill(len(first)) for n in range(int(first), int(last) + 1)]
    for each in middle:
        yield from _expand_braces(text[: found.start()] + each + text[found.end() :])

"""Where training pictures come from: what a plugin declares, what it is asked for, and what it returns. No torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from pathlib import Path
from typing import Any, Literal

from ganzoo.errors import PluginError
from ganzoo.interface.picture_files import DISK, PictureFiles
from ganzoo.interface.records import FrozenRecord, NamedRecord, label_of
from ganzoo.utils.progress import Progress, silent

__all__ = ["DataRequest", "DataSource", "PictureSet", "Split"]

Split = Literal["train", "test"]
"""The two parts of a data set."""


class DataRequest(FrozenRecord):
    """What a data source is asked for.

    `name` is what the user wrote, for messages. `split` is ``train`` or ``test``. A source with `endings` gets the
    `files`, which exist. One without gets the folder of downloaded data sets, `root`, and whether it may `download`
    what is missing there. `options` are those that the user gave, of the source's own `options`. Captions need not be
    read without `needs_text`, and labels need not be found without `needs_labels`.
    """

    name: str
    split: Split = "train"
    files: tuple[Path, ...] = ()
    root: Path = Path("data")
    download: bool = True
    options: Mapping[str, str] = field(default_factory=dict)
    needs_labels: bool = False
    needs_text: bool = False
    progress: Progress = silent


class PictureSet(FrozenRecord):
    """Pictures that are decoded when they are needed, in this order.

    `paths` name them, for messages and for `files`, which opens them: each is the content of a picture file. `labels`
    are the indices of their classes, whose names are `classes`. `captions` has the texts of each picture, at least
    one. `notes` tell users what was left out.
    """

    paths: tuple[Path, ...]
    files: PictureFiles = DISK
    labels: tuple[int, ...] | None = None
    classes: tuple[str, ...] = ()
    captions: tuple[tuple[str, ...], ...] | None = None
    notes: tuple[str, ...] = ()


class DataSource(NamedRecord):
    """Where training pictures come from: a data set by its name, or all files of a format.

    With `endings`, such as ``.zip``, it reads all files whose names end so. Without, `name` is the data set, which has
    the parts `splits`. `image_shape` is the (C, H, W) of its pictures, if all have the same. `folder` is where it is
    kept, below the folder of downloaded data sets; it is empty if the data set is not kept. `captions` says whether
    pictures may have captions. `options` are what users may write after ``?``, such as the names of columns. `requires`
    are the distributions that it needs, and `install` is the command that installs them.

    `load()` imports what is needed, and returns the function that opens the data. It gets a `DataRequest`, and returns
    a `FileTree`, a `PictureSet` or an `ImageData`: uint8 (N, C, H, W) of any size, or points. The order of the pictures
    must always be the same. ganzoo does the rest: channels and sizes, memory, order, limits, workers, and several
    processes. The function raises a `DataError` if the data cannot be read.

    Raises:
        PluginError: the name is not a name, a value has the wrong type, or an ending is not like ``.zip``.
    """

    name: str
    summary: str
    endings: tuple[str, ...] = ()
    splits: tuple[str, ...] = ("train",)
    image_shape: tuple[int, int, int] | None = None
    folder: str = ""
    captions: bool = False
    options: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()
    install: str = ""
    load: Callable[[], Callable[[DataRequest], Any]]

    def __post_init__(self) -> None:
        super().__post_init__()
        wrong = [ending for ending in self.endings if not ending.startswith(".") or ending != ending.lower()]
        if wrong:
            raise PluginError(f"{label_of(self)}: {wrong[0]!r} is no ending - write it like '.zip', in lower case")

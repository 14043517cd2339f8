"""Files by their paths: on disk, or in archives that stay packed. No torch."""

from __future__ import annotations

import io
import os
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path, PurePath
from typing import Any, BinaryIO, Self

from ganzoo.utils.files import open_regular
from ganzoo.utils.image_folders import FolderListing, is_hidden, list_folder, sort_files

__all__ = ["DISK", "Archive", "FileTree", "PictureFiles", "PictureList"]


class PictureFiles:
    """Opens files by their paths: here, files on disk. Worker processes get a copy, made with pickle."""

    def open(self, path: Path) -> BinaryIO:
        """Open a file to read its bytes.

        Raises:
            OSError, UnreadableImage: it cannot be read.
        """
        return open_regular(path)

    def size(self, path: Path) -> int:
        """The size in bytes, or another number that differs for other contents. Of a missing file it is 0."""
        try:
            return path.stat().st_size
        except OSError:
            return 0


DISK = PictureFiles()
"""The files on disk."""


class FileTree(PictureFiles):
    """A folder with all its subfolders. `root` is its path, and the beginning of the paths of all files in it."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @property
    def label(self) -> str:
        """A name for what is made of its pictures: that of the folder."""
        return self.root.resolve().name

    @property
    def single(self) -> Path | None:
        """The picture, if a single file was named."""
        return None

    def listing(self) -> FolderListing:
        """The pictures in it, and what is left out."""
        return list_folder(self.root)

    def takes_in(self, path: Path) -> bool:
        """Whether a new file at this path would be one of its files from then on."""
        return self.root.resolve() in (path.resolve(), *path.resolve().parents)

    def inside(self, path: Path) -> PurePath:
        """The path of a file in it, relative to `root`."""
        return path.relative_to(self.root)

    def is_file(self, path: Path) -> bool:
        """Whether there is such a file. Any path may be asked for."""
        return os.path.isfile(path)  # unlike Path's method, it takes any name

    def is_folder(self, name: str) -> bool:
        """Whether there is a folder of that name directly in it."""
        return (self.root / name).is_dir()

    def below(self, name: str) -> FileTree:
        """The folder of that name."""
        return FileTree(self.root / name)


class PictureList(FileTree):
    """Picture files that are named one by one, which `files` opens. `root` is the folder that all of them are below."""

    def __init__(self, paths: Sequence[Path], files: PictureFiles = DISK) -> None:
        folders = [os.path.abspath(path.parent) for path in paths]
        super().__init__(Path(os.path.commonpath(folders) if folders else ""))
        self.paths, self.files = tuple(paths), files

    @property
    def label(self) -> str:
        """The name of the picture without its ending; of several, that of their folder."""
        return self.single.stem if self.single else super().label

    @property
    def single(self) -> Path | None:
        """The picture, if it is the only one."""
        return self.paths[0] if len(self.paths) == 1 else None

    def listing(self) -> FolderListing:
        """The pictures; nothing is left out."""
        return FolderListing(self.paths, (), (), (), ())

    def inside(self, path: Path) -> PurePath:
        """The path below `root`."""
        return Path(os.path.abspath(path)).relative_to(self.root)

    def takes_in(self, path: Path) -> bool:
        """No other file is."""
        return False

    def open(self, path: Path) -> BinaryIO:
        """Open a picture to read its bytes."""
        return self.files.open(path)

    def size(self, path: Path) -> int:
        """The size in bytes, as `files` gives it."""
        return self.files.size(path)


class Archive(FileTree, ABC):
    """The files in one or several archives, which stay packed.

    The path of a file is that of its archive, followed by its path in the archive: ``photos.zip/cats/1.png``.
    `members` has an entry for each file of each archive, by its name: whatever `read` needs to find it. If all files
    are in one folder, as archive tools like to have it, this folder is `root`.
    """

    def __init__(self, members: Mapping[Path, Iterable[tuple[str, Any]]]) -> None:
        super().__init__(next(iter(members)) if len(members) == 1 else next(iter(members)).parent)
        self.entries: dict[Path, tuple[Path, Any]] = {}
        for archive, files in members.items():
            for name, entry in files:
                parts = [part for part in name.replace("\\", "/").split("/") if part not in ("", ".", "..")]
                if parts:
                    self.entries[archive.joinpath(*parts)] = (archive, entry)
        self._prefix = PurePath()
        tops = {self.inside(path).parts[:-1][:1] for path in self.entries if not is_hidden(self.inside(path))}
        if len(tops) == 1 and (top := tops.pop()):
            self._enter(top[0])

    @abstractmethod
    def read(self, path: Path) -> bytes:
        """The content of a file, which is in `entries`.

        Raises:
            UnreadableImage: it is damaged, or too large.
        """

    def open(self, path: Path) -> BinaryIO:
        """Open the content of a file."""
        return io.BytesIO(self.read(path))

    def size(self, path: Path) -> int:
        """The number of bytes, without packing."""
        return len(self.read(path))

    @property
    def label(self) -> str:
        """The name of the only folder, or else of the archive without its ending."""
        return self.root.name if self._prefix.parts else self.root.stem

    def takes_in(self, path: Path) -> bool:
        """No new file is."""
        return False

    def listing(self) -> FolderListing:
        """The pictures in it, and what is left out."""
        return sort_files(self._inside, self.inside)

    def inside(self, path: Path) -> PurePath:
        """The path in its archive, below `root`."""
        return path.relative_to(self.entries[path][0] / self._prefix)

    def is_file(self, path: Path) -> bool:
        """Whether there is such a file."""
        return path in self.entries

    def is_folder(self, name: str) -> bool:
        """Whether there is a folder of that name directly in it."""
        return any(self.inside(path).parts[:-1][:1] == (name,) for path in self._inside)

    def below(self, name: str) -> Self:
        """The folder of that name."""
        found = type(self).__new__(type(self))
        vars(found).update({key: value for key, value in vars(self).items() if key != "_inside"})
        found._enter(name)
        return found

    def _enter(self, name: str) -> None:
        self._prefix /= name
        self.root /= name

    @cached_property
    def _inside(self) -> list[Path]:
        """The files below `root`, sorted by path."""
        prefix = self._prefix.parts
        depths = ((path, archive) for path, (archive, _) in self.entries.items())
        return sorted(path for path, archive in depths if path.relative_to(archive).parts[: len(prefix)] == prefix)

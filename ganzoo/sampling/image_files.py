"""Samples written to files. The path is checked before a model is loaded; each file is complete or not written."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ganzoo.errors import Interrupted, OutputError, UnfinishedError
from ganzoo.sampling.grid import SampleGrid
from ganzoo.sampling.requests import check_seeds
from ganzoo.utils.files import atomic_write, check_writable
from ganzoo.utils.locks import locked_output
from ganzoo.utils.names import short_name
from ganzoo.utils.progress import Progress, silent

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

    from ganzoo.sampling.model import Model

__all__ = ["FORMATS", "MOVING", "STILLS", "Target", "choose_target"]

MAX_SHEET = 10_000
"""The most pictures on one sheet. Nobody can look at more."""

MAX_FILES = 100_000
"""The most files in one folder. More are slow to list, and one .npz file holds them better."""

FORMATS = {".png": "png", ".jpg": "jpg", ".jpeg": "jpg", ".webp": "webp", ".npz": "npz"}
"""The formats that can be written, by the endings of file names."""

STILLS, MOVING = (".png", ".jpg", ".jpeg", ".webp"), (".gif", ".webp")
"""The endings of picture files, and the endings of animations."""

_MOST_PIXELS = {"jpg": 65_500, "webp": 16_383}  # of one side; 65_500 is libjpeg's own limit


@dataclass(frozen=True)
class Target:
    """Where the samples of a grid are written: one file for all, or a folder with one file for each."""

    path: Path
    grid: SampleGrid
    format: str
    is_folder: bool
    overwrite: bool = False

    def files(self) -> list[Path]:
        """The files that will be written."""
        if not self.is_folder:
            return [self.path]
        return [self.path / f"{cell.name}.{self.format}" for cell in self.grid]

    def write(self, model: Model, *, batch_size: int, progress: Progress = silent) -> list[Path]:
        """Sample, write the files, and return their paths. `progress` counts the finished images.

        Raises:
            OutputError: the format cannot hold the model's images; or, without `overwrite`, another process writes
                there, or has written there since the path was checked. Nothing was sampled.
            UnfinishedError: a file cannot be written, for instance because the disk is full. Files that existed
                are unchanged.
            Interrupted: the user pressed Ctrl-C.
        """
        self._check_fits(model)
        save = _save_each if self.is_folder else _save_arrays if self.format == "npz" else _save_sheet
        files = self.files()
        done = 0

        def count(pictures: int) -> None:
            nonlocal done
            done += pictures
            progress("sampling", done, len(self.grid))

        try:
            with self._reserved():
                save(model, files, self.grid, batch_size, count)
        except OutputError:
            raise
        except KeyboardInterrupt:
            raise Interrupted(f"interrupted: {self._so_far(done)}") from None
        except OSError as error:
            reason = "the disk is full" if error.errno == errno.ENOSPC else error.strerror or str(error)
            raise UnfinishedError(f"cannot write {self.path}: {reason}; {self._so_far(done)}") from error
        return files

    def check_free(self) -> None:
        """Check that no file would be replaced, unless that is wanted.

        Raises:
            OutputError: a file exists and `overwrite` is False.
        """
        existing = None if self.overwrite else next((file for file in self.files() if file.exists()), None)
        if existing:
            raise OutputError(f"{existing} exists - replace it with --overwrite, or choose another path with -o")

    @contextmanager
    def _reserved(self) -> Iterator[None]:
        """Inside, no other process writes there. With `overwrite`, several may, as the user wants it."""
        with locked_output(self.path, is_folder=self.is_folder, shared=self.overwrite):
            self.check_free()  # again: another process may have written there while the model was loaded
            yield

    def _check_fits(self, model: Model) -> None:
        from ganzoo.images.sheets import enlargement, sheet_size
        from ganzoo.images.tensors import MODES

        channels, height, width = model.image_shape
        if channels not in MODES and self.format != "npz":
            text = f"{model.name} makes images with {channels} channels, which no picture has"
            raise OutputError(f"{text} - name an .npz file with -o")
        if self.format == "jpg" and channels == 4:
            raise OutputError(f"{model.name} makes transparent pictures, which jpg cannot hold - use png or webp")
        if self.is_folder or self.format not in _MOST_PIXELS:
            return
        scale = enlargement(width)
        size = sheet_size(len(self.grid), width * scale, height * scale, self.grid.columns)[1:]
        if max(size) > _MOST_PIXELS[self.format]:
            raise OutputError(
                f"a sheet of {size[0]}x{size[1]} pixels is too large for {self.format} - use png, or a folder"
            )

    def _so_far(self, done: int) -> str:
        if not self.is_folder or not done:
            return "nothing was written"
        rest = self.grid.options_after(done)
        return f"{done} of {len(self.grid)} written - " + (f"go on with {rest}" if rest else "replace with --overwrite")


def choose_target(
    output: Path | None, name: str, grid: SampleGrid, file_format: str | None, *, overwrite: bool = False
) -> Target:
    """Choose the file or the folder for samples of the model `name`. A path without an ending is a folder.

    The default path holds the options that change the images, such as ``dcgan-mnist-seed3-n16.png``.

    Raises:
        OutputError: the format is unknown or contradicts the path, a folder cannot be written, there are too many
            images, or a file exists and `overwrite` is False.
        InvalidRequestError: a seed is too large.
    """
    label = f"-{grid.label}" if grid.label else ""
    path = output or Path(f"{short_name(name)}-seed{grid.seed}{label}.{file_format or 'png'}")
    is_folder = _is_folder(path)
    target = Target(path, grid, _choose_format(path, is_folder, file_format), is_folder, overwrite)
    _check_count(target)
    check_writable(path if is_folder else path.parent)
    target.check_free()
    check_seeds(grid.count, grid.seed, 1)
    return target


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir() or not path.suffix
    except OSError as error:  # the name is too long, or the parent folder may not be read
        raise OutputError(f"cannot write {path}: {error.strerror}") from error


def _choose_format(path: Path, is_folder: bool, file_format: str | None) -> str:
    if is_folder:
        return file_format or "png"
    by_ending = FORMATS.get(path.suffix.lower())
    if by_ending is None:
        raise OutputError(f"{path} ends in no known format - use .png, .jpg, .webp, .npz, or no ending for a folder")
    if file_format not in (None, by_ending):
        raise OutputError(
            f"{path} ends in {path.suffix}, but --format says {file_format} - leave out --format, or change the ending"
        )
    return by_ending


def _check_count(target: Target) -> None:
    count = len(target.grid)
    if target.is_folder and target.format == "npz":
        raise OutputError(f"npz is one file for all images - name it, such as {target.path / 'samples.npz'}")
    if target.is_folder and count > MAX_FILES:
        raise OutputError(f"{count} files are too many for one folder - name an .npz file, or ask for fewer")
    if not target.is_folder and target.format != "npz" and count > MAX_SHEET:
        raise OutputError(f"{count} pictures do not fit on one sheet - give a folder with -o, or an .npz file")


Count = Callable[[int], None]
"""A function that takes the number of images that were finished since its last call."""


def _batches(model: Model, grid: SampleGrid, batch_size: int) -> Iterator[Tensor]:
    seeded = ((cell.seed, cell.request) for cell in grid)
    return model.generate_each(seeded, batch_size=batch_size, as_bytes=True)


def _save_each(model: Model, files: list[Path], grid: SampleGrid, batch_size: int, count: Count) -> None:
    from ganzoo.images.tensors import to_pictures
    from ganzoo.images.writer import PictureWriter

    remaining = iter(files)
    with PictureWriter(count) as writer:
        for batch in _batches(model, grid, batch_size):
            for picture in to_pictures(batch):
                writer.write(picture, next(remaining))


def _save_sheet(model: Model, files: list[Path], grid: SampleGrid, batch_size: int, count: Count) -> None:
    from ganzoo.images.files import save_picture
    from ganzoo.images.sheets import contact_sheet, enlargement
    from ganzoo.images.tensors import to_pictures

    pictures: list[Image] = []
    for batch in _batches(model, grid, batch_size):
        pictures += to_pictures(batch)
        count(len(batch))
    sheet = contact_sheet(pictures, columns=grid.columns, scale=enlargement(pictures[0].width))
    save_picture(sheet, files[0])


def _save_arrays(model: Model, files: list[Path], grid: SampleGrid, batch_size: int, count: Count) -> None:
    """Write ``images``, uint8 (N, H, W, C), ``seeds``, (N,), and each option with numbers, such as ``label``, (N,).

    The file is that of ``np.savez_compressed``, but only one batch of images is in memory at a time.
    """
    import zipfile

    import numpy as np

    from ganzoo.images.tensors import to_bytes

    channels, height, width = model.image_shape
    header = {"descr": "|u1", "fortran_order": False, "shape": (len(grid), height, width, channels)}
    with atomic_write(files[0]) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("images.npy", "w", force_zip64=True) as entry:
            np.lib.format.write_array_header_1_0(entry, header)
            for batch in _batches(model, grid, batch_size):
                entry.write(to_bytes(batch).permute(0, 2, 3, 1).contiguous().numpy().tobytes())
                count(len(batch))
        for name, values in grid.numbers().items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as entry:
                np.lib.format.write_array(entry, np.asarray(values))

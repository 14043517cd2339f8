"""Samples written to files. The path is checked before a model is loaded; each file is complete or not written."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from ganzoo.errors import Interrupted, OutputError, UnfinishedError
from ganzoo.images.limits import PICTURE_CHANNELS, shown_channels
from ganzoo.sampling.formats import FORMATS, SINGLE, check_holds, check_sheet
from ganzoo.sampling.requests import check_scale
from ganzoo.utils.files import atomic_write, check_writable
from ganzoo.utils.locks import locked_output
from ganzoo.utils.names import short_name
from ganzoo.utils.progress import Progress, silent

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

    from ganzoo.sampling.model import Model

__all__ = ["Grid", "Target", "choose_target"]

MAX_SHEET = 10_000
"""The most pictures on one sheet. Nobody can look at more."""

MAX_FILES = 100_000
"""The most files in one folder. More are slow to list, and one .npz file holds them better."""


class Grid(Protocol):
    """The images to generate: a `SampleGrid`, or the `SavedLatents` of a file."""

    def __len__(self) -> int: ...

    @property
    def names(self) -> Sequence[str]:
        """The name of each image's file, without the ending."""

    @property
    def file_label(self) -> str:
        """Its part of the default file name."""

    @property
    def columns(self) -> int | None:
        """The number of columns of its contact sheet; None if it may be laid out freely."""

    def check(self) -> None:
        """Refuse images that cannot be generated, before a model is loaded."""

    def options_after(self, done: int) -> str | None:
        """The options of `ganzoo sample` that make the images after the first `done`; None if there are none."""

    def numbers(self) -> Mapping[str, Sequence[float]]:
        """What an npz file says of each image, besides its pixels."""

    def batches(self, model: Model, size: int) -> Iterator[Tensor]:
        """Generate the images, pixels (n, C, H, W)."""


@dataclass(frozen=True)
class Target:
    """Where the samples of a grid are written: one file for all, or a folder with one file for each."""

    path: Path
    grid: Grid
    format: str
    is_folder: bool
    overwrite: bool = False
    scale: int | None = None

    @property
    def is_sheet(self) -> bool:
        """Whether all images become one picture."""
        return not self.is_folder and self.format not in (*SINGLE, "npz")

    def files(self) -> list[Path]:
        """The files that will be written."""
        if not self.is_folder:
            return [self.path]
        return [self.path / f"{name}.{self.format}" for name in self.grid.names]

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
        sheet = partial(_save_sheet, scale=self.scale)
        save = sheet if self.is_sheet else _save_arrays if self.format == "npz" else _save_each
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

    def note_for(self, model: Model) -> str:
        """What a sheet does not show of the model's images, for users; empty if it shows all."""
        channels = model.image_shape[0]
        shown = shown_channels(channels)
        parts = [f"{shown} of {channels} channels"] if shown < channels else []
        parts += [f"8 of {model.depth} bits"] if model.depth > 8 else []
        return f"a sheet shows {' and '.join(parts)} - name a folder with -o for all" if self.is_sheet and parts else ""

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

        channels, height, width = model.image_shape
        if self.format == "npz":
            return
        if height * width == 1 and channels not in PICTURE_CHANNELS:
            text = f"{model.name} makes images with {channels} channels, which no picture has"
            raise OutputError(f"{text} - name an .npz file with -o")
        what = (shown_channels(channels), 8) if self.is_sheet else (channels, model.depth)
        check_holds(self.format, *what, of=model.name)
        if not self.is_sheet:
            return
        scale = self.scale or enlargement(width)
        size = sheet_size(len(self.grid), width * scale, height * scale, self.grid.columns)[1:]
        check_sheet(size, self.path, scaled=self.scale is not None)

    def _so_far(self, done: int) -> str:
        if not self.is_folder or not done:
            return "nothing was written"
        rest = self.grid.options_after(done)
        return f"{done} of {len(self.grid)} written - " + (f"go on with {rest}" if rest else "replace with --overwrite")


def choose_target(
    output: Path | None,
    name: str,
    grid: Grid,
    file_format: str | None,
    *,
    overwrite: bool = False,
    scale: int | None = None,
) -> Target:
    """Choose the file or the folder for samples of the model `name`. A path without an ending is a folder.

    The default path holds the options that change the images, such as ``dcgan-mnist-seed3-n16.png``.

    Raises:
        OutputError: the format is unknown or contradicts the path, a folder cannot be written, there are too many
            images, or a file exists and `overwrite` is False.
        InvalidRequestError: a seed is too large.
    """
    check_scale(scale)
    label = grid.file_label if scale is None else f"{grid.file_label}-scale{scale}"
    path = output or Path(f"{short_name(name)}-{label}.{file_format or 'png'}")
    is_folder = _is_folder(path)
    target = Target(path, grid, _choose_format(path, is_folder, file_format), is_folder, overwrite, scale)
    if scale is not None and not target.is_sheet:
        raise OutputError(f"--scale is for sheets, and {path} is none - leave it out, or name a .png file")
    _check_count(target)
    check_writable(path if is_folder else path.parent)
    target.check_free()
    grid.check()
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
        known = ".png, .jpg, .webp, .tif, .npy, .npz"
        raise OutputError(f"{path} ends in no known format - use {known}, or no ending for a folder")
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
    if not target.is_folder and target.format in SINGLE and count > 1:
        raise OutputError(f"{target.format} is a format for one image - name a folder with -o, or an .npz file")
    if target.is_sheet and count > MAX_SHEET:
        raise OutputError(f"{count} pictures do not fit on one sheet - give a folder with -o, or an .npz file")


Count = Callable[[int], None]
"""A function that takes the number of images that were finished since its last call."""


def _save_each(model: Model, files: list[Path], grid: Grid, batch_size: int, count: Count) -> None:
    from ganzoo.images.writer import PictureWriter

    remaining = iter(files)
    with PictureWriter(count) as writer:
        for batch in grid.batches(model, batch_size):
            for pixels in batch:
                writer.write(pixels, next(remaining))


def _save_sheet(
    model: Model, files: list[Path], grid: Grid, batch_size: int, count: Count, *, scale: int | None
) -> None:
    from ganzoo.images.files import save_picture
    from ganzoo.images.sheets import contact_sheet, enlargement
    from ganzoo.images.tensors import to_pictures

    pictures: list[Image] = []
    for batch in grid.batches(model, batch_size):
        pictures += to_pictures(batch)
        count(len(batch))
    sheet = contact_sheet(pictures, columns=grid.columns, scale=scale or enlargement(pictures[0].width))
    save_picture(sheet, files[0])


def _save_arrays(model: Model, files: list[Path], grid: Grid, batch_size: int, count: Count) -> None:
    """Write ``images``, pixels (N, H, W, C), ``seeds``, (N,), and each option with numbers, such as ``label``, (N,).

    The file is that of ``np.savez_compressed``, but only one batch of images is in memory at a time.
    """
    import zipfile

    import numpy as np

    channels, height, width = model.image_shape
    header = {
        "descr": np.dtype(f"<u{model.depth // 8}").str,
        "fortran_order": False,
        "shape": (len(grid), height, width, channels),
    }
    with atomic_write(files[0]) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("images.npy", "w", force_zip64=True) as entry:
            np.lib.format.write_array_header_1_0(entry, header)
            for batch in grid.batches(model, batch_size):
                entry.write(batch.permute(0, 2, 3, 1).contiguous().numpy().tobytes())
                count(len(batch))
        for name, values in grid.numbers().items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as entry:
                np.lib.format.write_array(entry, np.asarray(values))

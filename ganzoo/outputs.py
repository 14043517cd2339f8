"""Samples into files: where they go is settled before a model is loaded, each is written whole or not at all."""

from __future__ import annotations

import errno
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ganzoo.errors import GanzooError, OutputError
from ganzoo.files import replacing

if TYPE_CHECKING:
    from PIL.Image import Image

    from ganzoo.sampling import Model

__all__ = ["Interrupted", "Target", "plan"]

MAX_SHEET = 10_000
"""More pictures than this on one sheet are seen by nobody."""

_FORMATS = {".png": "png", ".jpg": "jpg", ".jpeg": "jpg", ".webp": "webp", ".npz": "npz"}
_SHEET_PIXELS = 64  # smaller pictures are enlarged on a sheet to about this


class Interrupted(GanzooError):
    """Ctrl-C while pictures were written; those that are named are whole."""

    exit_code = 130


@dataclass(frozen=True)
class Target:
    """Where samples go: one file for all, or a folder with a file each."""

    path: Path
    count: int
    format: str
    is_folder: bool

    def files(self, seed: int) -> list[Path]:
        """The files that will be written."""
        if not self.is_folder:
            return [self.path]
        digits = max(4, len(str(seed + self.count - 1)))
        return [self.path / f"seed{s:0{digits}d}.{self.format}" for s in range(seed, seed + self.count)]

    def write(
        self, model: Model, *, seed: int, batch_size: int, progress: Callable[[int], None] = lambda done: None
    ) -> list[Path]:
        """Sample and write; returns the files. `progress` is told of every finished batch.

        Raises:
            Interrupted: by Ctrl-C; says how many pictures were written.
            OutputError: the disk is full, or refuses; files that existed are as they were.
        """
        if self.format == "jpg" and model.image_shape[0] == 4:
            raise OutputError(f"{model.name} makes transparent pictures, which jpg cannot hold - use png or webp")
        save = _save_each if self.is_folder else _save_arrays if self.format == "npz" else _save_sheet
        files = self.files(seed)
        done = 0

        def tell(pictures: int) -> None:
            nonlocal done
            done += pictures
            progress(pictures)

        try:
            self.path.mkdir(parents=True, exist_ok=True) if self.is_folder else None
            save(model, files, self.count, seed, batch_size, tell)
        except KeyboardInterrupt:
            kept = f"{done} of {self.count} written" if self.is_folder else "nothing was written"
            go_on = f" - go on with --seed {seed + done} -n {self.count - done}" if self.is_folder and done else ""
            raise Interrupted(f"interrupted: {kept}{go_on}") from None
        except OSError as error:
            reason = "the disk is full" if error.errno == errno.ENOSPC else error.strerror or str(error)
            raise OutputError(f"cannot write {self.path}: {reason}") from error
        return files


def plan(
    output: Path | None, name: str, count: int, seed: int, file_format: str | None, *, overwrite: bool = False
) -> Target:
    """Settle where samples of the model `name` go; a path without an ending, or an existing folder, is a folder.

    Raises:
        OutputError: an unknown or contradictory format, a missing or unwritable folder, or files that
            exist and may not be overwritten.
    """
    path = output or Path(f"{Path(name).name}-seed{seed}.{file_format or 'png'}")
    is_folder = path.is_dir() or (not path.suffix and output is not None)
    chosen = _choose_format(path, is_folder, file_format)
    target = Target(path, count, chosen, is_folder)
    if is_folder and chosen == "npz":
        raise OutputError(f"npz is one file for all images: name it, such as {path / 'samples.npz'}")
    if not is_folder and chosen != "npz" and count > MAX_SHEET:
        raise OutputError(f"{count} pictures do not fit on one sheet - give a folder with -o, or an .npz file")
    _check_writable(path if is_folder else path.parent)
    existing = next((file for file in target.files(seed) if file.exists()), None)
    if existing and not overwrite:
        raise OutputError(f"{existing} exists - replace it with --overwrite, or choose another place with -o")
    return target


def _choose_format(path: Path, is_folder: bool, asked: str | None) -> str:
    if is_folder:
        return asked or "png"
    by_ending = _FORMATS.get(path.suffix.lower())
    if by_ending is None:
        raise OutputError(f"{path} ends in no format that can be written - use .png, .jpg, .webp or .npz")
    if asked not in (None, by_ending):
        raise OutputError(f"{path} ends in {path.suffix}, but --format says {asked}")
    return by_ending


def _check_writable(folder: Path) -> None:
    """The nearest existing ancestor decides; trying is the only test that root and read-only disks both pass."""
    existing = next(p for p in (folder, *folder.absolute().parents) if p.exists())
    try:
        if not existing.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, "it is not a folder")
        probe = existing / ".ganzoo-probe"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise OutputError(f"cannot write to {existing}: {error.strerror}") from error


Tell = Callable[[int], None]


def _save_each(model: Model, files: list[Path], count: int, seed: int, batch_size: int, tell: Tell) -> None:
    from ganzoo.images import save_picture, to_pictures

    remaining = iter(files)
    for batch in model.stream(count, seed=seed, batch_size=batch_size):
        for picture in to_pictures(batch):
            save_picture(picture, next(remaining))
            tell(1)


def _save_sheet(model: Model, files: list[Path], count: int, seed: int, batch_size: int, tell: Tell) -> None:
    from ganzoo.images import contact_sheet, save_picture, to_pictures

    pictures: list[Image] = []
    for batch in model.stream(count, seed=seed, batch_size=batch_size):
        pictures += to_pictures(batch)
        tell(len(batch))
    files[0].parent.mkdir(parents=True, exist_ok=True)
    save_picture(contact_sheet(pictures, scale=max(1, _SHEET_PIXELS // pictures[0].width)), files[0])


def _save_arrays(model: Model, files: list[Path], count: int, seed: int, batch_size: int, tell: Tell) -> None:
    """``images``, uint8 (N, H, W, C), and ``seeds``, (N,)."""
    import numpy as np

    from ganzoo.images import to_bytes

    arrays = []
    for batch in model.stream(count, seed=seed, batch_size=batch_size):
        arrays.append(to_bytes(batch).permute(0, 2, 3, 1).numpy())
        tell(len(batch))
    files[0].parent.mkdir(parents=True, exist_ok=True)
    with replacing(files[0]) as temporary:
        np.savez_compressed(temporary, images=np.concatenate(arrays), seeds=np.arange(seed, seed + count))

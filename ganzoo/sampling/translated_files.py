"""Translations of picture files. All paths are checked first; each file is written completely or not at all."""

from __future__ import annotations

import errno
import os
from collections import Counter, deque
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ganzoo.errors import Interrupted, OutputError, UnfinishedError
from ganzoo.images.limits import shown_channels
from ganzoo.interface.picture_files import DISK, FileTree, PictureFiles
from ganzoo.sampling.formats import FORMATS, check_holds
from ganzoo.utils.files import check_writable
from ganzoo.utils.locks import locked_output
from ganzoo.utils.progress import Progress, silent

if TYPE_CHECKING:
    from torch import Tensor

    from ganzoo.sampling.model import Model

__all__ = ["Job", "Jobs", "Outcome", "check_formats", "match_files", "read_sources", "translate_files"]


class Job(NamedTuple):
    """A picture file, and the file that its translation is written to."""

    source: Path
    target: Path


@dataclass(frozen=True)
class Jobs:
    """Jobs whose targets are the file `output`, or files in the folder `output`, and what happens to existing files.

    `files` opens the sources.
    """

    each: tuple[Job, ...]
    output: Path
    is_folder: bool
    overwrite: bool = False
    skip_existing: bool = False
    files: PictureFiles = DISK

    def remaining(self) -> list[Job]:
        """The jobs without those to skip.

        Raises:
            OutputError: a target exists, and is neither to be replaced nor to be skipped; or it is its own source.
        """
        _check_targets(self.each)
        if self.skip_existing:
            return [job for job in self.each if not job.target.exists()]
        existing = None if self.overwrite else next((job.target for job in self.each if job.target.exists()), None)
        if existing:
            text = "replace such files with --overwrite, or leave them with --skip-existing"
            raise OutputError(f"{existing} exists - {text}")
        return list(self.each)


@dataclass
class Outcome:
    """The files that were written, and the sources that could not be read, each with the reason.

    `changes` counts what reading changed in the sources, such as "had transparency, laid on white".
    """

    written: list[Path] = field(default_factory=list)
    skipped: dict[Path, str] = field(default_factory=dict)
    changes: Counter[str] = field(default_factory=Counter)

    @property
    def count(self) -> int:
        """The number of sources that were translated or skipped."""
        return len(self.written) + len(self.skipped)


def match_files(
    pictures: FileTree,
    output: Path | None,
    name: str,
    file_format: str | None = None,
    *,
    overwrite: bool = False,
    skip_existing: bool = False,
) -> Jobs:
    """Match each picture with the file for its translation: the jobs of `translate_files`.

    A single file becomes a file, or a file in a folder. Others become a folder with the same file names; `name` is a
    part of the default path. A translation keeps the format of its source if ganzoo can write it, else it is a PNG
    file; `file_format` sets another format. Where two sources would get one name, the ending of the source becomes a
    part of it: ``a-jpg.png``.

    Raises:
        OutputError: the format or the folder cannot be written, or a file exists and is neither to be replaced nor
            to be skipped.
    """
    source = pictures.single
    if source is None:
        target = output or Path(f"{pictures.label}-{name}")
        each = _jobs_of_several(pictures, target, file_format)
    else:
        target = _target_of_file(source, output, name, file_format)
        each = [Job(source, target)]
    jobs = Jobs(tuple(each), target, source is None, overwrite, skip_existing, pictures)
    jobs.remaining()
    return jobs


def _jobs_of_several(pictures: FileTree, target: Path, file_format: str | None) -> list[Job]:
    if target.suffix.lower() in FORMATS:
        raise OutputError(f"{target} cannot hold several pictures - name a folder with -o")
    if pictures.takes_in(target):
        text = f"{target} is inside of {pictures.root}, and would be translated the next time"
        raise OutputError(f"{text} - name a folder outside with -o")
    check_writable(target)
    paths = pictures.listing().images
    jobs = [Job(path, target / _renamed(path, file_format, Path(pictures.inside(path)))) for path in paths]
    return _with_different_targets(jobs)


def _with_different_targets(jobs: Sequence[Job]) -> list[Job]:
    """The jobs, with the ending of the source in the name of a target that several have. Unchanged names stay."""
    counts = Counter(job.target for job in jobs)
    changed = [counts[job.target] > 1 and job.source.name != job.target.name for job in jobs]
    taken = {job.target for job, other in zip(jobs, changed, strict=True) if not other}
    different = []
    for job, other in zip(jobs, changed, strict=True):
        target = _free_name(job, taken) if other else job.target
        taken.add(target)
        different.append(Job(job.source, target))
    return different


def _free_name(job: Job, taken: Collection[Path]) -> Path:
    """A name for the target of a job that contains the ending of its source, and that is not `taken`."""
    stem = f"{job.target.stem}-{job.source.suffix.lstrip('.')}"
    names = (f"{stem}{number}{job.target.suffix}" for number in chain([""], (f"-{i}" for i in count(2))))
    return next(path for path in map(job.target.with_name, names) if path not in taken)


def _target_of_file(source: Path, output: Path | None, name: str, file_format: str | None) -> Path:
    if output is None:
        return Path(_renamed(source, file_format, Path(f"{source.stem}-{name}{source.suffix}")))
    if output.is_dir() or not output.suffix:
        check_writable(output)
        return output / _renamed(source, file_format, Path(source.name))
    check_writable(output.parent)
    if FORMATS.get(output.suffix.lower()) in (None, "npz"):
        raise OutputError(f"{output} ends in no format that pictures have - use .png, .jpg, .webp, .tif or .npy")
    if file_format not in (None, FORMATS[output.suffix.lower()]):
        raise OutputError(f"{output} ends in {output.suffix}, but --format says {file_format} - leave out --format")
    return output


def _renamed(source: Path, file_format: str | None, path: Path) -> Path:
    """`path` with the ending of `file_format`; by default it keeps its own if that can be written, else png."""
    if file_format is None and FORMATS.get(source.suffix.lower()) not in (None, "npz"):
        return path
    return path.with_suffix(f".{file_format or 'png'}")


def _check_targets(jobs: Sequence[Job]) -> None:
    for job in jobs:
        if job.target.exists() and job.source.exists() and job.source.samefile(job.target):
            raise OutputError(f"{job.source} would be replaced by its own translation - choose another path with -o")


def translate_files(
    model: Model,
    jobs: Jobs,
    *,
    side_by_side: bool = False,
    scale: int | None = None,
    resize: int | None = None,
    progress: Progress = silent,
    **options: Any,
) -> Outcome:
    """Translate the pictures one after the other. The memory that is needed does not depend on their number.

    `side_by_side` writes each source with its translation to its right, both `scale` times as large. Sources that
    cannot be read are skipped. `resize` and `options` are those of `Model.translate`.

    Raises:
        OutputError: without `overwrite`, another process writes there, or has written there since the paths were
            checked. Nothing was translated.
        UnfinishedError: a file cannot be written, for instance because the disk is full. The message counts the
            files that are complete.
        Interrupted: the user pressed Ctrl-C.
    """
    outcome = Outcome()
    waiting: deque[tuple[Job, Tensor]] = deque()
    todo: Sequence[Job] = jobs.each
    try:
        with locked_output(jobs.output, is_folder=jobs.is_folder, shared=jobs.overwrite):
            todo = jobs.remaining()  # anew: another process may have written some while the model was loaded
            check_formats(model, todo, side_by_side=side_by_side)
            tiled = options.get("tile") is not None
            for made in model.translations(
                read_sources(model, todo, jobs.files, resize, tiled, waiting, outcome, progress), **options
            ):
                job, source = waiting.popleft()
                _write(model, job.target, [source, made] if side_by_side else [made], scale or 1)
                outcome.written.append(job.target)
                progress("translating", outcome.count, len(todo))
    except OutputError:
        raise
    except KeyboardInterrupt:
        raise Interrupted(f"interrupted: {_so_far(outcome, todo)}") from None
    except OSError as error:
        reason = "the disk is full" if error.errno == errno.ENOSPC else os.strerror(error.errno or errno.EIO)
        raise UnfinishedError(f"cannot write: {reason}; {_so_far(outcome, todo)}") from error
    return outcome


def read_sources(
    model: Model,
    jobs: Sequence[Job],
    files: PictureFiles,
    resize: int | None,
    tiled: bool,
    waiting: deque[tuple[Job, Tensor]],
    outcome: Outcome,
    progress: Progress,
) -> Iterator[Tensor]:
    """Yield the sources that can be read. `waiting` gets the job and the pixels of each until it is translated."""
    from ganzoo.errors import UnreadableImage
    from ganzoo.sampling.sources import read_source

    for job in jobs:
        try:
            source, changes = read_source(
                job.source, model.image_shape[0], resize, tiled=tiled, depth=model.depth, files=files
            )
        except UnreadableImage as error:
            outcome.skipped[job.source] = str(error)
            progress("translating", outcome.count, len(jobs))
            continue
        outcome.changes.update(changes)
        waiting.append((job, source))
        yield source


def check_formats(model: Model, jobs: Sequence[Job], *, side_by_side: bool = False) -> None:
    """Refuse target files that do not hold the images of `model`; pictures `side_by_side` are on a sheet.

    Raises:
        OutputError: channels or bits would be lost, or the format has no sheets.
    """
    channels = model.image_shape[0]
    for suffix in sorted({job.target.suffix.lower() for job in jobs}):
        if side_by_side and suffix == ".npy":
            raise OutputError("a sheet is a picture, and no .npy file - add --format png")
        what = (shown_channels(channels), 8) if side_by_side else (channels, model.depth)
        check_holds(FORMATS[suffix], *what, of=model.name)


def _write(model: Model, target: Path, images: Sequence[Tensor], scale: int) -> None:
    """Write one image with all of its channels and bits, or several side by side."""
    from ganzoo.images.encoding import save_pixels
    from ganzoo.images.files import save_picture
    from ganzoo.images.sheets import contact_sheet
    from ganzoo.images.tensors import to_pictures, to_pixels

    target.parent.mkdir(parents=True, exist_ok=True)
    if len(images) == 1:
        save_pixels(to_pixels(images[0][None], model.depth)[0], target)
        return
    pictures = [to_pictures(image[None])[0] for image in images]
    save_picture(contact_sheet(pictures, columns=len(pictures), scale=scale), target)


def _so_far(outcome: Outcome, jobs: Sequence[Job]) -> str:
    return f"{len(outcome.written)} of {len(jobs)} written - go on with --skip-existing"

"""Pictures inverted from files to a folder: what was found, its latents, and a sheet that compares."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ganzoo.errors import Interrupted, InvalidRequestError, OutputError, UnfinishedError, UnreadableImage
from ganzoo.interface.picture_files import FileTree
from ganzoo.sampling.formats import FORMATS
from ganzoo.sampling.translated_files import Job, Jobs, check_formats, match_files
from ganzoo.utils.locks import locked_output
from ganzoo.utils.progress import Progress, silent

if TYPE_CHECKING:
    from torch import Tensor

    from ganzoo.sampling.degradations import Damage
    from ganzoo.sampling.inversion import Inversion
    from ganzoo.sampling.model import Model

__all__ = ["InvertedFiles", "Report", "prepare_files"]

LATENTS, SHEET, PICTURES = "latents.npz", "sheet.png", "pictures"

SHEET_ROWS = 100
"""The most pictures on the sheet: the first ones."""


@dataclass
class Report:
    """What was written, and what was found for each picture.

    `rows` have the picture's path, the file that was written, its loss, and where the true picture is known, the PSNR
    of the result in decibels, and that of the damaged picture. `skipped` and `changes` are as in a translation.
    """

    written: list[Path] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)
    skipped: dict[Path, str] = field(default_factory=dict)
    changes: Counter[str] = field(default_factory=Counter)


class _Read(NamedTuple):
    """A picture that was read: the image to invert, and the true image if it is known.

    Both are the same tensor if nothing is wrong with the picture.
    """

    job: Job
    target: Tensor
    truth: Tensor | None

    @property
    def was_damaged(self) -> bool:
        """Whether there is a true image, which differs from the one to invert."""
        return self.truth is not None and self.truth is not self.target


@dataclass(frozen=True)
class InvertedFiles:
    """The source pictures, and the folder for the results."""

    folder: Path
    jobs: Jobs

    def write(
        self,
        model: Model,
        *,
        degradation: Sequence[str] = (),
        damage: bool = False,
        seed: int = 0,
        progress: Progress = silent,
        **options: Any,
    ) -> Report:
        """Invert the pictures and write the results; see `Model.invert` for the options.

        With `damage`, the pictures are true ones: each is first damaged, with the random numbers of its seed. Pictures
        that cannot be read are skipped. All files are written at the end.

        Raises:
            OutputError: without `overwrite`, another process writes into the folder.
            UnfinishedError: a file cannot be written, for instance because the disk is full.
            Interrupted: the user pressed Ctrl-C.
        """
        from ganzoo.sampling.degradations import make_damage

        check_formats(model, self.jobs.each)
        defect, report = make_damage(degradation, model.image_shape), Report()
        reserved = locked_output(self.folder, is_folder=True, shared=self.jobs.overwrite)
        with reserved, _explained(self.folder, report):
            pictures = list(_read(model, self.jobs, defect, report, seed if damage else None))
            if pictures:
                import torch

                targets = torch.stack([each.target for each in pictures])
                asked = degradation or None
                found = model.invert(targets, degradation=asked, seed=seed, progress=progress, **options)
                _write(model, self.folder, pictures, found, defect, report)
        return report


def prepare_files(pictures: FileTree, output: Path | None, name: str, *, overwrite: bool = False) -> InvertedFiles:
    """Match the pictures with the files for the results. Nothing is read or written. `name` is that of the model.

    Raises:
        OutputError: the output is no folder, cannot be written, or holds such files and they are not to be replaced.
    """
    folder = output or Path(f"{pictures.label}-{name}")
    if folder.is_file() or folder.suffix.lower() in FORMATS:
        raise OutputError(f"{folder} is not a folder - name a folder for the pictures, the latents and the sheet")
    jobs = match_files(pictures, folder / PICTURES, name, overwrite=overwrite)
    existing = [path for path in (folder / LATENTS, folder / SHEET) if path.exists()]
    if existing and not overwrite:
        raise OutputError(f"{existing[0]} exists - replace it with --overwrite, or choose another folder with -o")
    return InvertedFiles(folder, jobs)


def _read(model: Model, jobs: Jobs, damage: Damage, report: Report, seed: int | None) -> Iterator[_Read]:
    """The pictures that can be read. With a `seed`, the pictures are true ones, and are damaged with it."""
    from ganzoo.images.files import read_image
    from ganzoo.images.tensors import from_pixels
    from ganzoo.sampling.sources import fitted

    if seed is not None and not damage.defects:
        raise InvalidRequestError("there is nothing to damage the pictures with - name a --degradation")
    shape = damage.shape if seed is None else model.image_shape
    exact = seed is None and bool(damage.defects)  # the damaged pictures themselves
    count = 0
    for job in jobs.each:
        try:
            pixels, changes = read_image(job.source, channels=shape[0], depth=model.depth, files=jobs.files)
            image = fitted(from_pixels(pixels), shape, exact=exact, of=str(job.source))
        except UnreadableImage as error:
            report.skipped[job.source] = str(error)
            continue
        report.changes.update(changes)
        if image.shape[1:] != pixels.shape[1:]:
            report.changes[f"resized to {shape[1]}x{shape[2]}"] += 1
        target = image if seed is None else damage.inflict(image, seed + count)
        yield _Read(job, target, None if exact else image)
        count += 1


def _write(
    model: Model, folder: Path, pictures: Sequence[_Read], found: Inversion, damage: Damage, report: Report
) -> None:
    """Write the pictures, the latents and the sheet."""
    from ganzoo.images.encoding import save_pixels
    from ganzoo.images.files import save_picture
    from ganzoo.images.sheets import contact_sheet, enlargement
    from ganzoo.images.tensors import to_pictures, to_pixels
    from ganzoo.sampling.latent_files import write_latents

    for each, image, loss in zip(pictures, found.images, found.losses.tolist(), strict=True):
        each.job.target.parent.mkdir(parents=True, exist_ok=True)
        save_pixels(to_pixels(image[None], model.depth)[0], each.job.target)
        report.written.append(each.job.target)
        report.rows.append(_row(each, image, loss))
    write_latents(folder / LATENTS, found.inputs, _names(pictures))
    panels = [_panels(each, image, damage) for each, image in zip(pictures[:SHEET_ROWS], found.images, strict=False)]
    shown = [to_pictures(image[None])[0] for row in panels for image in row]
    sheet = contact_sheet(shown, columns=len(panels[0]), scale=enlargement(shown[0].width))
    save_picture(sheet, folder / SHEET)
    report.written += [folder / LATENTS, folder / SHEET]


def _names(pictures: Sequence[_Read]) -> list[str]:
    """A different name for each picture: the name of its file without the ending, or with a number before it."""
    stems = [each.job.target.stem for each in pictures]
    if len(set(stems)) == len(stems):
        return stems
    return [f"{row:04d}-{stem}" for row, stem in enumerate(stems)]


def _row(each: _Read, image: Tensor, loss: float) -> dict[str, Any]:
    from ganzoo.sampling.inversion import psnr

    row: dict[str, Any] = {"picture": str(each.job.source), "result": str(each.job.target), "loss": round(loss, 4)}
    if each.truth is not None:
        compared = {"psnr": image, **({"psnr_damaged": _as_image(each.target, image)} if each.was_damaged else {})}
        row |= {name: round(psnr(value[None], each.truth[None]).item(), 2) for name, value in compared.items()}
    return row


def _panels(each: _Read, image: Tensor, damage: Damage) -> list[Tensor]:
    """The row of a picture on the sheet: true, damaged, restored, difference; or picture, result, difference."""
    if each.was_damaged and each.truth is not None:
        return [each.truth, _as_image(each.target, image), image, _difference(image, each.truth)]
    behind = damage.apply(image[None])[0]
    difference = _difference(behind, damage.known(each.target[None])[0])
    return [_as_image(each.target, image), image, _as_image(difference, image)]


def _difference(image: Tensor, other: Tensor) -> Tensor:
    """The absolute difference as an image: black where both are the same, white where one is black and one white."""
    return (image - other).abs() - 1


def _as_image(damaged: Tensor, like: Tensor) -> Tensor:
    """A damaged image with the channels and the size of `like`, (C, H, W): its pixels are repeated."""
    from torch.nn.functional import interpolate

    resized = interpolate(damaged[None], tuple(like.shape[1:]), mode="nearest")[0]
    return resized.expand(len(like), -1, -1)


@contextmanager
def _explained(folder: Path, report: Report) -> Iterator[None]:
    """Explain Ctrl-C and full disks by what has been written."""
    try:
        yield
    except KeyboardInterrupt:
        raise Interrupted(f"interrupted: {_so_far(folder, report)}") from None
    except OSError as error:
        raise UnfinishedError(f"cannot write: {error.strerror or error}; {_so_far(folder, report)}") from error


def _so_far(folder: Path, report: Report) -> str:
    if not report.written:
        return "nothing was written"
    return f"{len(report.written)} files are complete in {folder} - begin again with --overwrite"

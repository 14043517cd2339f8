"""From the requests of a page to results: pictures, files to download, and how to make them again. No gradio.

Every size is bounded here, because a page may be open to more people than the one who started it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganzoo.errors import InvalidRequestError
from ganzoo.interface.picture_files import PictureList
from ganzoo.interface.specs import Degradation
from ganzoo.registry import lookup
from ganzoo.sampling.requests import Subject, check_seeds
from ganzoo.utils.names import short_name
from ganzoo.utils.progress import Progress, silent
from ganzoo.web import again
from ganzoo.web.again import Again

if TYPE_CHECKING:
    from PIL.Image import Image

    from ganzoo.sampling.model import Model

__all__ = ["Result", "check_pictures", "degradations", "edit", "invert", "most_images", "sample", "translate", "walk"]

MOST_IMAGES = 64
MOST_PIXELS = 64 * 256 * 256
"""The most images, and the most pixels of all images together, that one request generates."""

MOST_STEPS, MOST_STARTS = 1000, 16
"""The longest search of an inversion."""

MOST_DIRECTIONS, COLUMNS = 8, 7
BATCH = 16

Fields = Mapping[str, Any]
"""The fields of a request that are not left to their defaults."""


@dataclass(frozen=True)
class Result:
    """What a page shows for a request.

    `files` are to be downloaded. `again` tells how to make the same result. `pictures` have a caption each; without
    them, the first file is shown. `note` is a line about the result; it may be empty.
    """

    files: tuple[Path, ...]
    again: Again
    pictures: tuple[tuple[Image, str], ...] = ()
    note: str = ""


def check_pictures(subject: Subject) -> str:
    """Why the images of a model cannot be shown as pictures; empty if they can."""
    channels, height, width = subject.config.image_shape
    if height * width == 1:
        return f"Its samples are {channels}x{height}x{width} numbers, not pictures."
    return ""


def most_images(subject: Subject) -> int:
    """The most images of a model that one request may ask for."""
    _, height, width = subject.config.image_shape
    return max(1, min(MOST_IMAGES, MOST_PIXELS // (height * width)))


def sample(model: Model, name: str, folder: Path, fields: Fields, *, count: int, seed: int) -> Result:
    """Samples with the seeds from `seed` on, the sheet and the latents as files.

    Raises:
        InvalidRequestError: a value is out of its range.
    """
    from ganzoo.images.files import save_picture
    from ganzoo.images.sheets import contact_sheet, enlargement
    from ganzoo.images.tensors import to_pictures
    from ganzoo.sampling.latent_files import write_latents

    _check("number of images", count, 1, most_images(_subject(model)))
    check_seeds(count, seed, 1)
    request = model.request(**fields)
    inputs = model.draw(count, seed=seed, request=request)
    parts = ({key: value[i : i + BATCH] for key, value in inputs.items()} for i in range(0, count, BATCH))
    pictures = [picture for part in parts for picture in to_pictures(model.generate_pixels(part))]
    sheet, latents = folder / f"{short_name(name)}-seed{seed}.png", folder / f"{short_name(name)}-seed{seed}.npz"
    save_picture(contact_sheet(pictures, scale=enlargement(pictures[0].width)), sheet)
    write_latents(latents, inputs, [f"seed{seed + i}" for i in range(count)])
    captioned = tuple((picture, f"seed {seed + i}") for i, picture in enumerate(pictures))
    return Result((sheet, latents), again.sample(name, again.Sampled(count, seed), request), captioned)


def walk(
    model: Model, name: str, folder: Path, ends: tuple[Fields, Fields], *, seeds: tuple[int, int], steps: int
) -> Result:
    """A film from one image to another and back. `ends` are the fields of both requests.

    It is a .webp file, which a page shows, and if videos can be written, a .mp4 file too.

    Raises:
        InvalidRequestError: a value is out of its range, or both ends are the same image.
    """
    from ganzoo.sampling.films import ANIMATION_FPS, can_write_videos, prepare_film
    from ganzoo.sampling.interpolation_files import prepare_interpolation

    _check("number of images", steps, 2, most_images(_subject(model)))
    for seed in seeds:
        check_seeds(1, seed, 1)
    requests = (model.request(**ends[0]), model.request(**ends[1]))
    options = again.Walked(f"{seeds[0]},{seeds[1]}", steps)
    path = folder / f"{short_name(name)}-walk.webp"
    prepared = prepare_interpolation(name, _subject(model), path, seeds=options.seeds, steps=steps, overwrite=True)
    video = prepare_film(path.with_suffix(".mp4"), fps=ANIMATION_FPS) if can_write_videos() else None
    films = [video] if video is not None else []
    replace(prepared, requests=requests).write(model, also=films)
    return Result((path, *(film.path for film in films)), again.walk(name, options, requests))


def edit(
    model: Model, name: str, folder: Path, fields: Fields, *, method: str, count: int, seed: int, strength: float
) -> Result:
    """An image moved along the directions of latent space: a row for each direction.

    Raises:
        InvalidRequestError: a value is out of its range, or the model has no directions.
    """
    from ganzoo.sampling.editing_files import prepare_editing

    _check("number of directions", count, 1, min(MOST_DIRECTIONS, max(1, most_images(_subject(model)) // COLUMNS)))
    options = again.Edited(f"{method}:{count}", str(seed), strength, COLUMNS)
    path = folder / f"{short_name(name)}-{method}.png"
    prepared = prepare_editing(name, _subject(model), path, overwrite=True, **vars(options))
    request = model.request(**fields)
    replace(prepared, request=request).write(model)
    note = f"Each row is a direction, the strongest first. The columns go from {-strength:g} to {strength:g}."
    return Result((path,), again.edit(name, options, request), note=note)


def translate(
    model: Model, name: str, folder: Path, fields: Fields, picture: Path, *, resize: int | None, tile: int | None
) -> Result:
    """The translation of a picture file.

    Raises:
        UnreadableImage: the picture cannot be read, or is too large.
        InvalidRequestError: the model does not have the direction, or cannot take the size or the tile.
    """
    from ganzoo.images.files import save_picture
    from ganzoo.images.tensors import to_pictures
    from ganzoo.sampling.sources import source_image

    options = again.Translated(resize, tile)
    source = source_image(picture, model.image_shape[0], resize, tiled=tile is not None)
    _check("pixels of the picture", source.shape[1] * source.shape[2], 1, MOST_PIXELS)
    (made,) = to_pictures(model.translate(source, tile=tile, **fields)[None])
    path = folder / f"{picture.stem[:80]}-{short_name(name)}.png"
    save_picture(made, path)
    shown = ((to_pictures(source[None])[0], "the picture"), (made, "its translation"))
    return Result((path,), again.translate(name, options, model.request(**fields), picture.name), shown)


def invert(
    model: Model,
    name: str,
    folder: Path,
    fields: Fields,
    picture: Path,
    options: again.Inverted,
    *,
    progress: Progress = silent,
) -> Result:
    """The image of a model that is most similar to a picture file, its latents, and what was wrong with the picture.

    Raises:
        UnreadableImage: the picture cannot be read.
        InvalidRequestError: a value is out of its range, or there is no such degradation.
    """
    from ganzoo.sampling.inverted_files import prepare_files

    _check("number of starts", options.starts, 1, MOST_STARTS)
    _check("number of steps", options.steps, 0, MOST_STEPS)
    check_seeds(1, options.seed, 1)
    for text in options.degradation:
        _check_degradation(text)
    prepared = prepare_files(PictureList([picture]), folder / "found", short_name(name), overwrite=True)
    report = prepared.write(model, progress=progress, **vars(options), **fields)
    if report.skipped:
        raise InvalidRequestError(next(iter(report.skipped.values())))
    result, latents, sheet = report.written
    panels = "true, damaged, restored, difference" if options.damage else "the picture, the result, the difference"
    numbers = [f"{text} {report.rows[0][key]}" for key, text in _NUMBERS.items() if key in report.rows[0]]
    made = again.invert(name, options, model.request(**fields), picture.name)
    return Result((sheet, latents, result), made, note=f"From left to right: {panels}. {', '.join(numbers)}")


_NUMBERS = {"loss": "Loss", "psnr": "PSNR of the result", "psnr_damaged": "PSNR of the damaged picture"}


def _check_degradation(text: str) -> None:
    """Refuse a degradation that names a file: a page must not tell what files are on this machine."""
    name, _, setting = text.partition("=")
    if _reads_file(lookup.registry().degradations[name]):
        raise InvalidRequestError(f"{name} reads a file of this machine - use it on the command line: {setting[:40]}")


def _subject(model: Model) -> Subject:
    return Subject(model.task, model.config, model.classes)


def _check(what: str, value: Any, least: int, most: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise InvalidRequestError(f"the {what} is a whole number from {least} to {most}, not {str(value)[:40]}")


def degradations() -> list[str]:
    """The degradations that a page offers, as users write them: ``noise=SIGMA``. None of them reads a file."""
    specs = [each for each in lookup.registry().degradations.values() if not _reads_file(each)]
    return [f"{each.name}={each.setting}" if each.setting else each.name for each in specs]


def _reads_file(spec: Degradation) -> bool:
    return "FILE" in spec.setting

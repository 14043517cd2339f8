"""Edited images written to files. The request and the path are checked before a model is loaded."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganzoo.errors import InvalidRequestError
from ganzoo.interface.tasks import Task
from ganzoo.sampling.films import FILMS, Film, prepare_film
from ganzoo.sampling.formats import MOVING, STILLS
from ganzoo.sampling.number_lists import parse_numbers, parse_seeds
from ganzoo.sampling.requests import DIRECTION_METHODS, with_user_names
from ganzoo.utils.files import check_file
from ganzoo.utils.names import join_label, short_name
from ganzoo.utils.progress import Progress, silent

if TYPE_CHECKING:
    from PIL.Image import Image

    from ganzoo.interface.gan import Inputs
    from ganzoo.sampling.directions import Directions
    from ganzoo.sampling.latent_files import SavedLatents
    from ganzoo.sampling.model import Model
    from ganzoo.sampling.requests import Subject

__all__ = ["Editing", "prepare_editing"]

FRAMES, FRAMES_OF_VIDEO = 25, 51  # of a film, from one end to the other: an odd number, so that the image itself is one
_STILL = tuple(ending for ending in STILLS if ending not in MOVING)


@dataclass(frozen=True)
class Editing:
    """Images, the directions along which they are moved, and the file that the results are written to.

    The images are those of `seeds`, all with one `request`, or those of the rows `seeds` of saved `latents`.
    """

    path: Path
    method: str
    count: int
    seeds: tuple[int, ...]
    request: Task
    strength: float
    columns: int
    scale: int | None = None
    film: Film | None = None
    latents: SavedLatents | None = None

    @property
    def rows(self) -> str:
        """What stands in the rows of the sheet, and in its columns, for users."""
        kinds = f"{self.method} 1" if self.count == 1 else f"{self.method} 1 to {self.count}"
        if self.film is not None and self.film.grid:
            return f"row by row: {kinds} for each of the {self._images}"
        if self.film is not None:
            return f"rows: {self._images}; columns: {kinds}"
        return f"rows: {kinds} for each of the {self._images}; columns: {self._ends}"

    @property
    def _images(self) -> str:
        numbers = ", ".join(map(str, self.seeds))
        return f"seeds {numbers}" if self.latents is None else f"rows {numbers} of {self.latents.path}"

    @property
    def _ends(self) -> str:
        return f"{-self.strength:g} to {self.strength:g}"

    def write(self, model: Model, *, progress: Progress = silent) -> Path:
        """Find the directions, generate the images and write the file: a sheet, or a film that runs there and back.

        `progress` counts the finished frames of a film, or strengths of a sheet.

        Raises:
            InvalidRequestError: the model has no directions, or fewer, or the latents are those of another model.
        """
        inputs = self._inputs(model)
        directions = model.directions(self.method, self.count, inputs=inputs)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        strengths = self._strengths(self.columns if self.film is None else self._frames)
        frames = self._generated(model, inputs, directions, strengths, progress)
        if self.film is None:
            self._write_sheet(frames)
        else:
            self.film.write(frames, self._film_columns)
        return self.path

    def _write_sheet(self, columns: Iterable[Sequence[Image]]) -> None:
        from ganzoo.images.files import save_picture
        from ganzoo.images.sheets import contact_sheet, enlargement

        pictures = [picture for row in zip(*columns, strict=True) for picture in row]
        scale = self.scale or enlargement(pictures[0].width)
        save_picture(contact_sheet(pictures, columns=self.columns, scale=scale), self.path)

    def _generated(
        self, model: Model, inputs: Inputs, directions: Directions, strengths: Sequence[float], progress: Progress
    ) -> Iterator[list[Image]]:
        """For each strength, the pictures of all images and directions, the directions innermost."""
        from ganzoo.images.tensors import to_pictures

        for done, strength in enumerate(strengths, start=1):
            yield to_pictures(model.edit(inputs, directions, [strength]).flatten(0, 2))
            progress("generating", done, len(strengths))

    def _strengths(self, steps: int) -> list[float]:
        return [self.strength * (2 * i / (steps - 1) - 1) for i in range(steps)]

    @property
    def _frames(self) -> int:
        film = self.film
        return film.steps(FRAMES_OF_VIDEO if film.is_video else FRAMES) if film else 0

    @property
    def _film_columns(self) -> int:
        return self.film.grid[0] if self.film and self.film.grid else self.count

    def check_film(self, image_shape: Sequence[int]) -> None:
        """Refuse a film that is too large, or a grid that does not have a cell for each image and direction.

        Raises:
            InvalidRequestError: the grid has more or fewer cells.
            OutputError: the film is too large.
        """
        if self.film is None:
            return
        cells = len(self.seeds) * self.count
        if self.film.grid and math.prod(self.film.grid) != cells:
            columns, rows = self.film.grid
            text = f"--grid {columns}x{rows} has {columns * rows} cells, and there are {cells} images"
            raise InvalidRequestError(f"{text}: one for each seed and direction - choose another grid, or leave it out")
        self.film.check(image_shape, cells, self._film_columns, self._frames)

    def _inputs(self, model: Model) -> Inputs:
        import torch

        if self.latents is None:
            drawn = [model.draw(seed=seed, request=self.request) for seed in self.seeds]
        else:
            self.latents.check_for(model)
            drawn = [self.latents.row(row) for row in self.seeds]
        return {name: torch.cat([each[name] for each in drawn]) for name in drawn[0]}


def prepare_editing(
    name: str,
    subject: Subject,
    output: Path | None,
    *,
    directions: str,
    seeds: str | None = None,
    latents: Path | None = None,
    rows: str | None = None,
    strength: float = 3.0,
    columns: int = 7,
    overwrite: bool = False,
    fps: float | None = None,
    seconds: float | None = None,
    scale: int | None = None,
    grid: str | None = None,
    **options: Any,
) -> Editing:
    """Check the options of `ganzoo edit` for the model `name`. Nothing is loaded or written.

    `options` are fields of the task; None is an option that is not given.

    Raises:
        InvalidRequestError: the model translates images, or an option is wrong.
        OutputError: an unknown format, a file that exists, or a file that cannot be written.
    """
    if subject.task.from_images:
        raise InvalidRequestError(f"{name} is {subject.task.name}: it has no latents to edit - choose another model")
    _, height, width = subject.config.image_shape
    if height * width == 1:
        raise InvalidRequestError(f"{name} makes points, which no picture shows - choose another")
    method, count = _parse_directions(directions)
    chosen = {option: value for option, value in options.items() if value is not None}
    request = subject.request(name, **chosen)
    saved = _read_latents(latents, rows, complete=seeds is None and not chosen)
    numbers = parse_seeds("0" if seeds is None else seeds) if saved is None else _parse_rows(rows, saved)
    if not 0 < strength < float("inf"):
        raise InvalidRequestError(f"the strength is a number above 0, not {strength:g}")
    if columns < 3 or columns % 2 == 0:
        raise InvalidRequestError(f"--columns {columns} has no middle - write an odd number of at least 3, such as 7")
    images = ["seeds", *map(str, numbers)] if saved is None else [saved.file_label, *([f"rows-{rows}"] if rows else [])]
    parts = ["edit", f"{method}{count}", *images, f"strength{strength:g}"]
    parts += [f"{option}-{value}" for option, value in with_user_names(chosen).items()]
    parts += [f"scale{scale}"] if scale is not None else []
    path = output or Path(f"{short_name(name)}-{join_label(parts)}.png")
    check_file(path, (*_STILL, *FILMS), overwrite=overwrite)
    film = prepare_film(path, fps=fps, seconds=seconds, scale=scale, grid=grid)
    editing = Editing(path, method, count, numbers, request, strength, columns, scale, film, saved)
    editing.check_film(subject.config.image_shape)
    return editing


def _read_latents(path: Path | None, rows: str | None, *, complete: bool) -> SavedLatents | None:
    """The latents of a file, if one is named. `complete` says that no other option tells which images are meant.

    Raises:
        InvalidRequestError: it is no such file, or another option contradicts it.
    """
    if path is None and rows is not None:
        raise InvalidRequestError(f"--rows {rows} has no latents - name their file with --latents")
    if path is None:
        return None
    if not complete:
        raise InvalidRequestError("the latents of a file are complete - leave out seeds and the options of the request")
    from ganzoo.sampling.latent_files import read_latents

    return read_latents(path)


def _parse_rows(text: str | None, saved: SavedLatents) -> tuple[int, ...]:
    """The rows of latents that are meant, by default all.

    Raises:
        InvalidRequestError: `text` is no list of numbers, or there is no such row.
    """
    rows = tuple(range(len(saved))) if text is None else parse_numbers("--rows", text)
    for row in rows:
        saved.row(row)
    return rows


def _parse_directions(text: str) -> tuple[str, int]:
    """``sefa:5`` or ``pca:5``.

    Raises:
        InvalidRequestError: it is something else.
    """
    method, _, count = text.partition(":")
    if method in DIRECTION_METHODS and count.isdecimal() and int(count) >= 1:
        return method, int(count)
    raise InvalidRequestError(f"--directions {text} is no method and number - write sefa:5 or pca:5")

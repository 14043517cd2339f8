"""Interpolations written to files. The request and the path are checked before a model is loaded."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganzoo.errors import InvalidRequestError
from ganzoo.interface.tasks import Task
from ganzoo.sampling.films import FILMS, Film, prepare_film
from ganzoo.sampling.formats import MOVING, STILLS
from ganzoo.sampling.latent_files import SavedLatents, read_latents
from ganzoo.sampling.number_lists import label_numbers, parse_numbers, parse_seeds
from ganzoo.sampling.requests import with_fields
from ganzoo.utils.files import check_file
from ganzoo.utils.locks import locked_output
from ganzoo.utils.names import join_label, short_name
from ganzoo.utils.progress import Progress, silent

if TYPE_CHECKING:
    from PIL.Image import Image

    from ganzoo.sampling.interpolation import LatentPath
    from ganzoo.sampling.model import Model
    from ganzoo.sampling.requests import Subject

__all__ = ["Ends", "Interpolation", "prepare_interpolation"]

_STILL = tuple(ending for ending in STILLS if ending not in MOVING)
_BETWEEN, _BETWEEN_IN_VIDEO = 15, 50  # steps from one image to the next: a second or two
_BATCH = 64
_TWO = (0, 1)  # the seeds or rows if nobody names them


@dataclass(frozen=True)
class Interpolation:
    """`steps` images on the way through some, and the file that they are written to.

    A cell is one such way. Its images are those of the seeds, each with its request, or rows of saved latents. A sheet
    has one cell, and a film may have several, which move at the same time.
    """

    path: Path
    cells: tuple[tuple[int, ...], ...]
    requests: tuple[Task, ...]
    steps: int
    hold: tuple[str, ...]
    loop: bool = False
    scale: int | None = None
    film: Film | None = None
    overwrite: bool = False
    latents: SavedLatents | None = None

    def write(self, model: Model, *, progress: Progress = silent, also: Sequence[Film] = ()) -> Path:
        """Generate the images and write the file: a sheet, or a film. `progress` counts the finished images.

        `also` are films of other files, which show the same.

        Raises:
            InvalidRequestError: all ends are the same image, or an input in `hold` does not exist.
            OutputError: without `overwrite`, another process writes the file, or has written it since it was checked.
        """
        frames = list(self._frames(model, progress))
        with locked_output(self.path, is_folder=False, shared=self.overwrite):
            check_file(self.path, (*_STILL, *FILMS), overwrite=self.overwrite)  # it may have been written since
            if self.film is None:
                self._write_sheet([picture for (picture,) in frames])
            for film in (self.film, *also):
                if film is not None:
                    film.write(frames, _columns(film), closed=self.loop)
        return self.path

    def with_settings(self, name: str, settings: Mapping[str, Any]) -> Interpolation:
        """The same between requests to the model `name` with other fields set, such as those of a plugin's task.

        Raises:
            InvalidRequestError: the task has no such field, or refuses a value.
        """
        return replace(self, requests=tuple(with_fields(each, settings, of=name) for each in self.requests))

    def _frames(self, model: Model, progress: Progress) -> Iterator[tuple[Image, ...]]:
        """The pictures of all cells, step by step."""
        cells = [_pictures(model, self._path(model, numbers)) for numbers in self.cells]
        for step, pictures in enumerate(zip(*cells, strict=True), start=1):
            progress("generating", step, self.steps)
            yield pictures

    def _path(self, model: Model, numbers: Sequence[int]) -> LatentPath:
        """The way through the images of one cell."""
        from ganzoo.sampling.interpolation import path_of

        if self.latents is not None:
            self.latents.check_for(model)
            points = [self.latents.row(row) for row in numbers]
        else:
            drawn = zip(numbers, self.requests, strict=True)
            points = [model.draw(seed=seed, request=request) for seed, request in drawn]
        return path_of(model.gan, points, self.steps, self.hold, loop=self.loop)

    def _write_sheet(self, pictures: Sequence[Image]) -> None:
        """A row of pictures from each image to the next."""
        from ganzoo.images.files import save_picture
        from ganzoo.images.sheets import contact_sheet, enlargement

        ways = len(self.cells[0]) - (0 if self.loop else 1)
        columns = math.ceil(self.steps / ways)
        scale = self.scale or enlargement(pictures[0].width)
        save_picture(contact_sheet(pictures, columns=columns, scale=scale), self.path)


def _pictures(model: Model, path: LatentPath) -> Iterator[Image]:
    from ganzoo.images.tensors import to_pictures

    for inputs in path.batches(_BATCH):
        yield from to_pictures(model.generate_pixels(inputs))


def prepare_interpolation(
    name: str,
    subject: Subject,
    output: Path | None,
    *,
    overwrite: bool = False,
    steps: int | None = None,
    hold: Sequence[str] = (),
    loop: bool = False,
    fps: float | None = None,
    seconds: float | None = None,
    scale: int | None = None,
    grid: str | None = None,
    **ends: Any,
) -> Interpolation:
    """Check the options of `ganzoo interpolate` for the model `name`. Nothing is loaded or written.

    `ends` are the fields of `Ends`.

    Raises:
        InvalidRequestError: the model translates images, or has no such option, class or value.
        OutputError: an unknown format, a file that exists, or a file that cannot be written.
    """
    if subject.task.from_images:
        raise InvalidRequestError(
            f"{name} is {subject.task.name}: it has no latents to interpolate - use `ganzoo sample {name} --input`"
        )
    asked = Ends(**ends)
    label = join_label(["walk", *asked.file_label(), *_label(steps, hold, loop, scale)])
    path = output or Path(f"{short_name(name)}-{label}.png")
    check_file(path, (*_STILL, *FILMS), overwrite=overwrite)
    film = prepare_film(path, fps=fps, seconds=seconds, scale=scale, grid=grid, steps=steps)
    latents = asked.read_latents()
    cells = _deal(asked.numbers(latents), len(asked.named), film, of=asked.kind)
    requests = asked.requests(name, subject, len(cells[0]))
    usual = _usual_steps(len(cells[0]), loop, film)
    count = steps or (usual if film is None else film.steps(usual, closed=loop))
    if film is not None:
        film.check(subject.config.image_shape, len(cells), _columns(film), count)
    return Interpolation(path, cells, requests, count, tuple(hold), loop, scale, film, overwrite, latents)


@dataclass(frozen=True, kw_only=True)
class Ends:
    """What a user says of the images to interpolate between, in the words of the options."""

    seeds: str | None = None
    latents: Path | None = None
    rows: str | None = None
    classes: Sequence[str] = ()
    from_class: str | None = None
    to_class: str | None = None
    texts: Sequence[str] = ()
    from_text: str | None = None
    to_text: str | None = None
    truncation: float | None = None
    cutoff: int | None = None
    noise: str | None = None

    @property
    def shared(self) -> dict[str, Any]:
        """The fields of the task that all images have."""
        given = {"truncation": self.truncation, "cutoff": self.cutoff, "noise": self.noise}
        return {option: value for option, value in given.items() if value is not None}

    @property
    def kind(self) -> str:
        """What may differ between the images, besides their seeds: ``text`` if one is named, else ``class``."""
        return "text" if any((self.texts, self.from_text, self.to_text)) else "class"

    @property
    def named(self) -> Sequence[str | None]:
        """The classes or texts in their order; none if none is named. One that is None is left to the seed.

        Raises:
            InvalidRequestError: all of them are named, and the first or the last one again.
        """
        every = self.texts if self.kind == "text" else self.classes
        first, last = (self.from_text, self.to_text) if self.kind == "text" else (self.from_class, self.to_class)
        two = (first, last or first)
        if every and any(two):
            plural = {"text": "texts", "class": "classes"}[self.kind]
            raise InvalidRequestError(
                f"--{self.kind} names all {plural} in their order - leave out --from-{self.kind} and --to-{self.kind}"
            )
        return every or (two if any(two) else ())

    def read_latents(self) -> SavedLatents | None:
        """The latents of the file, if one is named.

        Raises:
            InvalidRequestError: it is no such file, or another option contradicts it.
        """
        if self.latents is None and self.rows is not None:
            raise InvalidRequestError(f"--rows {self.rows} has no latents - name their file with --latents")
        if self.latents is None:
            return None
        if self.named or self.seeds is not None or self.shared:
            given = " and ".join(["seeds", "texts" if self.kind == "text" else "classes", *self.shared])
            raise InvalidRequestError(f"the latents of a file are complete - leave out {given}")
        return read_latents(self.latents)

    def numbers(self, latents: SavedLatents | None) -> tuple[int, ...] | None:
        """The seeds, or the rows of the latents; None if they are not named.

        Raises:
            InvalidRequestError: it is no such list, or there is no such seed or row.
        """
        if latents is None:
            return None if self.seeds is None else parse_seeds(self.seeds)
        rows = None if self.rows is None else parse_numbers("--rows", self.rows)
        for row in rows or ():
            latents.row(row)
        return rows

    def requests(self, name: str, subject: Subject, count: int) -> tuple[Task, ...]:
        """The request of each of the `count` images of a way. A single class or text is that of all of them."""
        named = tuple(self.named or (None,))
        values = named if len(named) > 1 else named * count
        field = "text" if self.kind == "text" else "label"
        return tuple(
            subject.request(name, **self.shared, **({} if value is None else {field: value})) for value in values
        )

    def file_label(self) -> list[str]:
        """What is said, for file names."""
        kind, listed = ("seeds", self.seeds) if self.latents is None else ("rows", self.rows)
        numbers = None if listed is None else parse_numbers(f"--{kind}", listed)
        parts = [f"{kind}{label_numbers(numbers)}"] if numbers not in (None, _TWO) else []
        parts += ["classes", *self.classes] if self.classes else []
        parts += self.texts
        ends = (("from-", self.from_class or self.from_text), ("to-", self.to_class or self.to_text))
        return parts + [f"{option}{value}" for option, value in (*ends, *self.shared.items()) if value is not None]


def _label(steps: int | None, hold: Sequence[str], loop: bool, scale: int | None) -> list[str]:
    """The other options that are not the defaults, for file names."""
    parts = [f"steps{steps}"] if steps not in (None, _BETWEEN + 1) else []
    parts += ["hold", *hold] if hold else []
    parts += ["loop"] if loop else []
    return parts + ([f"scale{scale}"] if scale is not None else [])


def _deal(numbers: tuple[int, ...] | None, named: int, film: Film | None, *, of: str) -> tuple[tuple[int, ...], ...]:
    """The numbers of each cell: the first ones are those of the first cell. A single one is repeated for each name.

    `named` is the number of classes or texts, and `of` says which of the two they are.

    Raises:
        InvalidRequestError: they cannot be shared, or are not as many as the classes.
    """
    cells = math.prod(film.grid) if film and film.grid else 1
    dealt = tuple(range(cells * max(named, 2))) if numbers is None else numbers
    each, rest = divmod(len(dealt), cells)
    if rest:
        raise InvalidRequestError(f"{cells} cells cannot share {len(dealt)} images - name {cells}, {2 * cells}, ...")
    if each > 1 and named > 1 and each != named:
        plural = "texts" if of == "text" else "classes"
        raise InvalidRequestError(f"{named} {plural} and {each} images are not as many - name as many, or one of them")
    if max(each, named) < 2:
        raise InvalidRequestError(
            "an interpolation leads from one image to another - name two or more for each, such as 3,7 or 1-5"
        )
    ways = (dealt[start : start + each] for start in range(0, len(dealt), each))
    return tuple(way * named if each == 1 else way for way in ways)


def _usual_steps(points: int, loop: bool, film: Film | None) -> int:
    """The number of images if nobody says it."""
    between = _BETWEEN_IN_VIDEO if film is not None and film.is_video else _BETWEEN
    return between * points if loop else between * (points - 1) + 1


def _columns(film: Film) -> int:
    return film.grid[0] if film.grid else 1

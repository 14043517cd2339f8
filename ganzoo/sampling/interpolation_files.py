"""Interpolations written to files. The request and the path are checked before a model is loaded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganzoo.errors import InvalidRequestError
from ganzoo.interface.tasks import Task
from ganzoo.sampling.image_files import MOVING, STILLS
from ganzoo.sampling.latent_files import SavedLatents, read_latents
from ganzoo.sampling.requests import with_fields
from ganzoo.utils.files import check_file
from ganzoo.utils.locks import locked_output
from ganzoo.utils.names import join_label, short_name

if TYPE_CHECKING:
    from ganzoo.interface.gan import Inputs
    from ganzoo.sampling.model import Model
    from ganzoo.sampling.requests import Subject

__all__ = ["Interpolation", "prepare_interpolation"]

_STILL = tuple(ending for ending in STILLS if ending not in MOVING)
_SEEDS, _STEPS = (0, 1), 16
_MILLISECONDS = 80  # each image of an animation is shown so long


@dataclass(frozen=True)
class Interpolation:
    """`steps` images between two images, and the file that they are written to.

    Each of the two is a seed and a request, or a row of saved latents.
    """

    path: Path
    seeds: tuple[int, int]
    requests: tuple[Task, Task]
    steps: int
    hold: tuple[str, ...]
    overwrite: bool = False
    latents: SavedLatents | None = None

    def write(self, model: Model) -> Path:
        """Generate the images and write the file: a row of pictures, or an animation that runs there and back.

        Raises:
            InvalidRequestError: both ends are the same image, or an input in `hold` does not exist.
            OutputError: without `overwrite`, another process writes the file, or has written it since it was checked.
        """
        from ganzoo.images.files import save_picture
        from ganzoo.images.sheets import contact_sheet, enlargement, save_animation
        from ganzoo.images.tensors import to_pictures

        pictures = to_pictures(model.interpolate(*self._ends(model), steps=self.steps, hold=self.hold))
        scale = enlargement(pictures[0].width)
        with locked_output(self.path, is_folder=False, shared=self.overwrite):
            check_file(self.path, _STILL + MOVING, overwrite=self.overwrite)  # again: it may have been written since
            if self.path.suffix.lower() in _STILL:
                save_picture(contact_sheet(pictures, columns=self.steps, scale=scale), self.path)
            else:
                large = [contact_sheet([picture], scale=scale) for picture in pictures]
                save_animation([*large, *large[-2:0:-1]], self.path, milliseconds=_MILLISECONDS)
        return self.path

    def with_settings(self, name: str, settings: Mapping[str, Any]) -> Interpolation:
        """The same between requests to the model `name` with other fields set, such as those of a plugin's task.

        Raises:
            InvalidRequestError: the task has no such field, or refuses a value.
        """
        first, last = (with_fields(each, settings, of=name) for each in self.requests)
        return replace(self, requests=(first, last))

    def _ends(self, model: Model) -> tuple[Inputs, Inputs]:
        """The inputs of the first and of the last image."""
        first, last = self.seeds
        if self.latents is not None:
            self.latents.check_for(model)
            return self.latents.row(first), self.latents.row(last)
        of_first, of_last = self.requests
        return model.draw(seed=first, request=of_first), model.draw(seed=last, request=of_last)


def prepare_interpolation(
    name: str,
    subject: Subject,
    output: Path | None,
    *,
    overwrite: bool = False,
    steps: int = _STEPS,
    seeds: str | None = None,
    latents: Path | None = None,
    rows: str | None = None,
    from_class: str | None = None,
    to_class: str | None = None,
    truncation: float | None = None,
    hold: Sequence[str] = (),
) -> Interpolation:
    """Check the options of `ganzoo interpolate` for the model `name`. Nothing is loaded or written.

    Raises:
        InvalidRequestError: the model translates images, or has no such option, class or value.
        OutputError: an unknown format, a file that exists, or a file that cannot be written.
    """
    if subject.task.from_images:
        raise InvalidRequestError(
            f"{name} is {subject.task.name}: it has no latents to interpolate - use `ganzoo sample {name} --input`"
        )
    shared = {} if truncation is None else {"truncation": truncation}
    ends = tuple({} if each is None else {"label": each} for each in (from_class, to_class or from_class))
    first, last = (subject.request(name, **shared, **end) for end in ends)
    saved = None if latents is None else read_latents(latents)
    if saved is None and rows is not None:
        raise InvalidRequestError(f"--rows {rows} has no latents - name their file with --latents")
    if saved is not None and any(each is not None for each in (seeds, from_class, to_class, truncation)):
        raise InvalidRequestError("the latents of a file are complete - leave out seeds, classes and the truncation")
    ends_at = _pair("--seeds", seeds) if saved is None else _pair("--rows", rows)
    if saved is not None:
        for row in ends_at:
            saved.row(row)  # raises if there is none
    kind = "seeds" if saved is None else "rows"
    label = _label(kind, ends_at, steps, from_class, to_class, truncation, hold)
    path = output or Path(f"{short_name(name)}-{label}.png")
    check_file(path, _STILL + MOVING, overwrite=overwrite)
    return Interpolation(path, ends_at, (first, last), steps, tuple(hold), overwrite, saved)


def _label(
    kind: str,
    ends: tuple[int, int],
    steps: int,
    from_class: str | None,
    to_class: str | None,
    truncation: float | None,
    hold: Sequence[str],
) -> str:
    """The end of the default file name: the options that are not the defaults."""
    parts = ["walk"]
    parts += [f"{kind}{ends[0]}-{ends[1]}"] if ends != _SEEDS else []
    parts += [f"steps{steps}"] if steps != _STEPS else []
    parts += [f"from-{from_class}"] if from_class is not None else []
    parts += [f"to-{to_class}"] if to_class is not None else []
    parts += [f"truncation{truncation}"] if truncation is not None else []
    parts += ["hold", *hold] if hold else []
    return join_label(parts)


def _pair(option: str, text: str | None) -> tuple[int, int]:
    if text is None:
        return _SEEDS
    try:
        first, last = map(int, text.split(","))
    except ValueError as error:
        raise InvalidRequestError(
            f"{option} {text} is not a pair of {option[2:]} - write it as two whole numbers, such as 3,7"
        ) from error
    return first, last

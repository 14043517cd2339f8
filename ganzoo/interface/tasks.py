"""What one can ask of a GAN: a task is the request itself, and its fields are the options it takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from ganzoo.errors import InvalidRequestError

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["ClassConditional", "ImageToImage", "Task", "Unconditional"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """The base of all tasks. `name` is what users type, `pipeline_tag` is the Hub's word for it.

    `from_images` says whether it makes images of images, and not of nothing. `trains_on` names the images in
    a training batch, a data set for each; `needs_labels` says whether they must come with classes.
    """

    name: ClassVar[str]
    pipeline_tag: ClassVar[str]
    from_images: ClassVar[bool] = False
    trains_on: ClassVar[tuple[str, ...]] = ("image",)
    needs_labels: ClassVar[bool] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Unconditional(Task):
    """Images from latents alone."""

    name: ClassVar[str] = "unconditional"
    pipeline_tag: ClassVar[str] = "unconditional-image-generation"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassConditional(Task):
    """Images of one class: an index into the model's class names; None draws one for each image.

    `truncation`, in (0, 1], draws latents nearer to the most likely one: what is lost in variety is gained
    in fidelity (arXiv:1809.11096, section 3.1). None draws them as in training.

    Raises:
        InvalidRequestError: a truncation that cannot be.
    """

    name: ClassVar[str] = "class-conditional"
    pipeline_tag: ClassVar[str] = "unconditional-image-generation"
    needs_labels: ClassVar[bool] = True

    label: int | None = None
    truncation: float | None = None

    def __post_init__(self) -> None:
        value = self.truncation
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if value is not None and not (number and 0 < value <= 1):
            raise InvalidRequestError(f"truncation is a number above 0 and at most 1, not {value!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageToImage(Task):
    """A translated image for the source `image`, (C, H, W) in [-1, 1], in the named direction if there are several."""

    name: ClassVar[str] = "image-to-image"
    pipeline_tag: ClassVar[str] = "image-to-image"
    from_images: ClassVar[bool] = True
    trains_on: ClassVar[tuple[str, ...]] = ("a", "b")

    image: Tensor | None = None
    direction: str | None = None

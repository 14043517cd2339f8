"""What one can ask of a GAN: a task is the request itself, and its fields are the options it takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

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
    """Images of one class: an index into the model's class names; None draws one for each image."""

    name: ClassVar[str] = "class-conditional"
    pipeline_tag: ClassVar[str] = "unconditional-image-generation"
    needs_labels: ClassVar[bool] = True

    label: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageToImage(Task):
    """A translated image for the source `image`, (C, H, W) in [-1, 1], in the named direction if there are several."""

    name: ClassVar[str] = "image-to-image"
    pipeline_tag: ClassVar[str] = "image-to-image"
    from_images: ClassVar[bool] = True
    trains_on: ClassVar[tuple[str, ...]] = ("a", "b")

    image: Tensor | None = None
    direction: str | None = None

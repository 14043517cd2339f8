"""What a user can ask of a GAN: a task is the request itself, and its fields are the options that it takes."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Any, ClassVar

from ganzoo.errors import InvalidRequestError
from ganzoo.interface.configs import ClassConfig, Config, TranslationConfig
from ganzoo.interface.records import FrozenRecord
from ganzoo.utils.commands import flag

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["ClassConditional", "ImageToImage", "Task", "Unconditional"]


class Task(FrozenRecord):
    """The base of all tasks.

    `name` is what users type, `pipeline_tag` is the Hub's word for it. `config` is what the task needs of
    an architecture's config. `from_images` says whether a model translates images; other models generate
    them from latents. `trains_on` names the images in a training batch, one data set for each.
    `needs_labels` says whether training images must come with classes.

    Each field has a default and is an option of the request. A page has a control for it: by its type, a number, a
    text, a switch, or for a ``Literal`` a choice. If the config has a tuple of texts with the field's name in the
    plural, such as ``directions``, these are the choices. ``metadata={"range": (0, 1)}`` bounds a number.
    """

    name: ClassVar[str]
    pipeline_tag: ClassVar[str]
    config: ClassVar[type[Any]] = Config
    from_images: ClassVar[bool] = False
    trains_on: ClassVar[tuple[str, ...]] = ("image",)
    needs_labels: ClassVar[bool] = False


class Unconditional(Task):
    """Images from latents alone."""

    name: ClassVar[str] = "unconditional"
    pipeline_tag: ClassVar[str] = "unconditional-image-generation"


class ClassConditional(Task):
    """Images of one class, `label`, an index into the model's class names; None draws a class for each image.

    `truncation`, in (0, 1], draws latents closer to the mean: fidelity rises and variety falls
    (arXiv:1809.11096, section 3.1). None draws them as in training.

    Raises:
        InvalidRequestError: `truncation` is out of range.
    """

    name: ClassVar[str] = "class-conditional"
    pipeline_tag: ClassVar[str] = "unconditional-image-generation"
    config: ClassVar[type[Any]] = ClassConfig
    needs_labels: ClassVar[bool] = True

    label: int | None = field(default=None, metadata=flag("--class"))
    truncation: float | None = field(default=None, metadata={**flag(), "range": (0, 1)})

    def __post_init__(self) -> None:
        value = self.truncation
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if value is not None and not (number and 0 < value <= 1):
            raise InvalidRequestError(f"truncation is a number above 0 and at most 1, not {value!r}")


class ImageToImage(Task):
    """The translation of `image`, (C, H, W) in [-1, 1], in one of the model's directions, by default its first."""

    name: ClassVar[str] = "image-to-image"
    pipeline_tag: ClassVar[str] = "image-to-image"
    config: ClassVar[type[Any]] = TranslationConfig
    from_images: ClassVar[bool] = True
    trains_on: ClassVar[tuple[str, ...]] = ("a", "b")

    image: Tensor | None = field(default=None, metadata=flag(None))
    direction: str | None = field(default=None, metadata=flag())

"""What a user can ask of a GAN: a task is the request itself, and its fields are the options that it takes."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Any, ClassVar

from ganzoo.errors import InvalidRequestError
from ganzoo.interface.configs import ClassConfig, Config, OptionalClassConfig, TextConfig, TranslationConfig
from ganzoo.interface.records import FrozenRecord
from ganzoo.utils.commands import flag

if TYPE_CHECKING:
    from torch import Tensor

__all__ = [
    "ClassConditional",
    "ImageToImage",
    "PairedTranslation",
    "StyleBased",
    "Task",
    "TextConditional",
    "Unconditional",
]

NOISE = ("fixed", "random", "none")
STYLES = ("coarse", "middle", "fine")


class Task(FrozenRecord):
    """The base of all tasks.

    `name` is what users type, `pipeline_tag` is the Hub's word for it. `config` is what the task needs of
    an architecture's config. `from_images` says whether a model translates images; other models generate
    them from latents. `trains_on` names the images in a training batch, one data set for each.
    If they are `paired`, those of a batch belong together, row by row.
    `needs_labels` says whether training images must come with classes, and `needs_text` whether with captions.

    Each field has a default and is an option of the request. A page has a control for it: by its type, a number, a
    text, a switch, or for a ``Literal`` a choice. If the config has a tuple of texts with the field's name in the
    plural, such as ``directions``, these are the choices. ``metadata={"range": (0, 1)}`` bounds a number, and
    ``{"choices": ("a", "b")}`` lists texts.
    """

    name: ClassVar[str]
    pipeline_tag: ClassVar[str]
    config: ClassVar[type[Any]] = Config
    from_images: ClassVar[bool] = False
    trains_on: ClassVar[tuple[str, ...]] = ("image",)
    paired: ClassVar[bool] = False
    needs_labels: ClassVar[bool] = False
    needs_text: ClassVar[bool] = False


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
        _check_truncation(self.truncation)


class TextConditional(Task):
    """Images of what a `text` says; None takes one of the example texts that the model remembers, by the seed.

    The model knows the words of its vocabulary only. `truncation` is that of `ClassConditional`.

    Raises:
        InvalidRequestError: `text` is no text, or `truncation` is out of range.
    """

    name: ClassVar[str] = "text-to-image"
    pipeline_tag: ClassVar[str] = "text-to-image"
    config: ClassVar[type[Any]] = TextConfig
    needs_text: ClassVar[bool] = True

    text: str | None = field(default=None, metadata=flag())
    truncation: float | None = field(default=None, metadata={**flag(), "range": (0, 1)})

    def __post_init__(self) -> None:
        if self.text is not None and not isinstance(self.text, str):
            raise InvalidRequestError(f"text is a text of a few words, not {self.text!r}")
        _check_truncation(self.truncation)


class StyleBased(Unconditional):
    """Images from latents by way of styles, one for each layer of the network (arXiv:1812.04948).

    - `label` is an index into the class names of a model that has classes; None draws a class for each image.
    - `truncation`, in [-2, 2], is the factor of the distance of a style to the mean style. None is 1. With 0, all
      images are the mean image. With `cutoff`, it applies to so many styles only, from the coarsest on.
    - `noise` is ``random`` (None is the same), other noise for each seed; ``fixed``, the noise that the weights hold;
      or ``none``.
    - `styles` mixes: the ``coarse``, ``middle`` or ``fine`` styles are those of the seed `styles_from`.

    Raises:
        InvalidRequestError: a value is out of range, or lacks the one that it belongs to.
    """

    config: ClassVar[type[Any]] = OptionalClassConfig

    label: int | None = field(default=None, metadata=flag("--class"))
    truncation: float | None = field(default=None, metadata={**flag(), "range": (-2, 2)})
    cutoff: int | None = field(default=None, metadata=flag())
    noise: str | None = field(default=None, metadata={**flag(), "choices": NOISE})
    styles: str | None = field(default=None, metadata={"choices": STYLES})
    styles_from: int | None = None

    def __post_init__(self) -> None:
        if self.truncation is not None and not (_is_number(self.truncation) and -2 <= self.truncation <= 2):
            raise InvalidRequestError(f"truncation is a number from -2 to 2, not {self.truncation!r}")
        if self.cutoff is not None and (self.truncation is None or not _is_whole(self.cutoff) or self.cutoff < 1):
            raise InvalidRequestError(
                f"cutoff is a number of styles to truncate, with a truncation, not {self.cutoff!r}"
            )
        for what, value, known in (("noise", self.noise, NOISE), ("styles", self.styles, STYLES)):
            if value not in (None, *known):
                raise InvalidRequestError(f"{what} is {', '.join(known[:-1])} or {known[-1]}, not {value!r}")
        if (self.styles is None) != (self.styles_from is None):
            raise InvalidRequestError("styles and styles_from belong together - give both; --mix gives both")
        if self.styles_from is not None and not (_is_whole(self.styles_from) and 0 <= self.styles_from < 2**32):
            raise InvalidRequestError(f"styles_from is a seed, from 0 to {2**32 - 1}, not {self.styles_from!r}")


class ImageToImage(Task):
    """The translation of `image`, (C, H, W) in [-1, 1], in one of the model's directions, by default its first.

    Requests that reach `GAN.draw` have an image, and None or one of the model's directions.
    """

    name: ClassVar[str] = "image-to-image"
    pipeline_tag: ClassVar[str] = "image-to-image"
    config: ClassVar[type[Any]] = TranslationConfig
    from_images: ClassVar[bool] = True
    trains_on: ClassVar[tuple[str, ...]] = ("a", "b")

    image: Tensor | None = field(default=None, metadata=flag(None))
    direction: str | None = field(default=None, metadata=flag())


class PairedTranslation(ImageToImage):
    """As `ImageToImage`, for a model that is trained on pairs: it is shown what each translation should be."""

    paired: ClassVar[bool] = True


def _check_truncation(value: float | None) -> None:
    """Refuse a truncation that is neither None nor a number in (0, 1]."""
    if value is not None and not (_is_number(value) and 0 < value <= 1):
        raise InvalidRequestError(f"truncation is a number above 0 and at most 1, not {value!r}")


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: object) -> bool:
    return _is_whole(value) or isinstance(value, float)

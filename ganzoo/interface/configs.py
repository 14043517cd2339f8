"""Configs: what each task needs of them, and how the values that users give become one. No torch."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from types import NoneType, UnionType
from typing import Any, ClassVar, Literal, Protocol, cast, get_args, get_origin, get_type_hints

from ganzoo.errors import InvalidConfigError, PluginError
from ganzoo.interface.resolutions import Resolution, parse_resolution, write_resolution

__all__ = [
    "OF_TEXTS",
    "ClassConfig",
    "Config",
    "OptionalClassConfig",
    "TextConfig",
    "TranslationConfig",
    "as_class_config",
    "as_text_config",
    "as_translation_config",
    "check_contract",
    "install_of",
    "replace_config",
    "requires_of",
    "takes_rectangles",
    "tokenizer_of",
    "with_written_resolution",
]


class Config(Protocol):
    """What the config of every architecture says. A config is a frozen dataclass.

    A model may need packages that its plugin does not install. Its config then also has `requires`, a tuple of
    these packages as a file of requirements has them, and `install`, the command that installs them.
    """

    __dataclass_fields__: ClassVar[dict[str, dataclasses.Field[Any]]]

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of one generated image."""
        ...


class ClassConfig(Config, Protocol):
    """What the config of a class-conditional architecture says too."""

    @property
    def classes(self) -> int:
        """The number of classes. It must be a field: the trainer sets it to what the data has."""
        ...


class OptionalClassConfig(Config, Protocol):
    """What the config of an architecture says too that has classes, or none."""

    @property
    def classes(self) -> int:
        """The number of classes, 0 for none. If it is a field, the user sets it to train with classes."""
        ...


class TextConfig(Config, Protocol):
    """What the config of an architecture says too that makes images from texts.

    It may also have a `tokenizer`: a function that returns the token ids of the words of a text, at least one for each
    word, and all above 0; or None. With a tokenizer, the model reads any word, and its vocabulary stays empty.
    """

    @property
    def vocabulary(self) -> tuple[str, ...]:
        """The words that the model knows. It must be a field: the trainer sets it to those of the captions."""
        ...

    @property
    def examples(self) -> tuple[str, ...]:
        """A few texts to show the model with. It must be a field: the trainer sets it to some of the captions."""
        ...

    @property
    def words(self) -> int:
        """The largest number of words in a text."""
        ...


OF_TEXTS = ("vocabulary", "examples")
"""The fields of a `TextConfig` that come from the captions. They may be long."""


class TranslationConfig(Config, Protocol):
    """What the config of an image-to-image architecture says too. Images of other sizes are padded for it."""

    @property
    def directions(self) -> tuple[str, ...]:
        """The names of the directions that its model translates in; the first is the default."""
        ...

    @property
    def routes(self) -> Mapping[str, tuple[str, str]]:
        """For each direction, the part of a batch that it reads and the part that it makes, such as ``a``, ``b``."""
        ...

    @property
    def size_multiple(self) -> int:
        """Both sides of an image must be multiples of this number."""
        ...

    @property
    def minimum_size(self) -> int:
        """The smallest side of an image."""
        ...


def requires_of(config: Config) -> tuple[str, ...]:
    """The packages that a model of this config needs besides its plugin, as a file of requirements has them."""
    found: tuple[str, ...] = getattr(config, "requires", ())
    return found


def install_of(config: Config) -> str:
    """The command that installs what a model of this config needs besides its plugin; empty if it needs nothing."""
    found: str = getattr(config, "install", "")
    return found


def as_class_config(config: Config) -> ClassConfig:
    """The config of a class-conditional architecture; `check_contract` has checked it when its plugin was loaded."""
    return cast("ClassConfig", config)


def as_text_config(config: Config) -> TextConfig:
    """The config of an architecture that reads texts; `check_contract` has checked it when its plugin was loaded."""
    return cast("TextConfig", config)


def tokenizer_of(config: TextConfig) -> Callable[[Sequence[str]], Sequence[int]] | None:
    """The tokenizer of a config with an open vocabulary; None if the model knows the words of its vocabulary only."""
    found: Callable[[Sequence[str]], Sequence[int]] | None = getattr(config, "tokenizer", None)
    return found


def as_translation_config(config: Config) -> TranslationConfig:
    """The config of an image-to-image architecture; `check_contract` has checked it when its plugin was loaded."""
    return cast("TranslationConfig", config)


def check_contract(config: Config, protocol: type[Config], *, of: str) -> None:
    """Refuse a config that does not say what its task needs.

    Raises:
        PluginError: names the first member that is missing or wrong; `of` names the architecture or the model.
    """
    for name, rule in _members(protocol):
        field = name in config.__dataclass_fields__
        if not field and (rule in _FIELDS or not hasattr(type(config), name)):
            wanted = "field" if rule in _FIELDS else "field or property"
            raise PluginError(f"{of}: {type(config).__name__} has no {wanted} {name!r}, {_MEANINGS[rule]}")
        value = getattr(config, name)
        if not _VALID[rule](config, value):
            raise PluginError(f"{of}: {type(config).__name__}.{name} is {value!r}, not {_MEANINGS[rule]}")


def _members(protocol: type[Config]) -> list[tuple[str, str]]:
    """The properties of a protocol and the names of their rules, those that every config has first."""
    bases = [base for base in reversed(protocol.__mro__) if base.__module__ == __name__]
    return [
        (name, "optional classes" if base is OptionalClassConfig else name)
        for base in bases
        for name, value in vars(base).items()
        if isinstance(value, property)
    ]


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _are_texts(value: Any) -> bool:
    return isinstance(value, tuple) and all(isinstance(item, str) for item in value)


def _are_routes(config: Config, value: Any) -> bool:
    ends: list[Any] = (
        [value.get(direction) for direction in as_translation_config(config).directions]
        if isinstance(value, Mapping)
        else [()]
    )
    return all(_are_texts(each) and len(each) == 2 for each in ends)


_FIELDS = {"classes", "examples", "vocabulary"}

_MEANINGS = {
    "image_shape": "the (C, H, W) of one image",
    "classes": "the number of classes",
    "optional classes": "the number of classes, or 0",
    "vocabulary": "the words that it knows, a tuple of texts",
    "examples": "a few texts, a tuple",
    "words": "the largest number of words in a text, a whole number",
    "directions": "the names of its directions, a tuple of texts",
    "routes": "for each direction the two parts of a batch that it leads from and to",
    "size_multiple": "the whole number that both sides of an image are multiples of",
    "minimum_size": "the smallest side of an image, a whole number",
}

_VALID: dict[str, Callable[[Any, Any], bool]] = {
    "image_shape": lambda _, shape: isinstance(shape, tuple) and len(shape) == 3 and all(map(_is_count, shape)),
    "classes": lambda _, value: _is_count(value),
    "optional classes": lambda _, value: value == 0 or _is_count(value),
    "vocabulary": lambda _, value: _are_texts(value),
    "examples": lambda _, value: _are_texts(value),
    "words": lambda _, value: _is_count(value),
    "directions": lambda _, value: _are_texts(value) and len(value) > 0,
    "routes": _are_routes,
    "size_multiple": lambda _, value: _is_count(value),
    "minimum_size": lambda _, value: _is_count(value),
}


def replace_config(config: Config | type[Config], values: Mapping[str, Any], *, of: str) -> Any:
    """A config with `values` in place of its own values, or of the defaults of its class; `of` names it in errors.

    Raises:
        InvalidConfigError: a field does not exist, or the config refuses a value.
    """
    known = [f.name for f in dataclasses.fields(config)]
    unknown = sorted(set(values) - set(known))
    if unknown:
        raise InvalidConfigError(f"{of} has no config field {', '.join(unknown)} - its fields are {', '.join(known)}")
    kind = config if isinstance(config, type) else type(config)
    hints = _hints(kind)
    checked = {name: _check_value(value, hints[name], f"{of}: {name}") for name, value in values.items()}
    try:
        made = kind(**checked) if isinstance(config, type) else dataclasses.replace(config, **checked)
    except (TypeError, ValueError, OverflowError) as error:
        raise InvalidConfigError(f"{of}: {error}") from error
    shape = getattr(made, "image_shape", (1, 1, 1))  # records inside of a config have none
    if not all(map(_is_count, shape)):
        raise InvalidConfigError(f"{of}: an image has at least 1 channel and 1 pixel, not the shape {shape}")
    return made


def takes_rectangles(kind: type[Config]) -> bool:
    """Whether the field `resolution` of a config may be height and width: it has the type `Resolution`."""
    return bool(_hints(kind).get("resolution") == Resolution)


def with_written_resolution(kind: type[Config], values: Mapping[str, Any]) -> dict[str, Any]:
    """`values` with the resolution as users write it, ``96x64``: so the same size is the same value, and is short.

    A value that is no resolution stays, to be refused later.
    """
    try:
        if takes_rectangles(kind) and "resolution" in values:
            return {**values, "resolution": write_resolution(parse_resolution(values["resolution"]))}
    except ValueError:
        pass
    return dict(values)


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)  # a class may have many configs: one for each model


def _check_value(value: Any, hint: Any, what: str) -> Any:
    """`value` as a config field of type `hint` takes it: lists of JSON become tuples, whole numbers become floats.

    It checks the types that configs are made of: bool, int, float, str, Literal, `Resolution`, frozen dataclasses,
    tuples of these, and None.
    """
    if hint == Resolution:
        return _check_resolution(value, what)
    origin, arguments = get_origin(hint), get_args(hint)
    records = [kind for kind in (arguments if origin is UnionType else (hint,)) if dataclasses.is_dataclass(kind)]
    if records:
        return _check_record(value, cast("list[type[Any]]", records), what)
    if origin is UnionType:
        return None if value is None else _check_value(value, next(a for a in arguments if a is not NoneType), what)
    if origin is tuple and isinstance(value, (list, tuple)):
        return tuple(_check_value(item, arguments[0], what) for item in value)
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    fits: dict[Any, bool] = {
        int: number and isinstance(value, int),
        float: number and abs(value) <= sys.float_info.max,
        bool: isinstance(value, bool),
        str: isinstance(value, str),
        Literal: value in arguments,
        tuple: False,
    }
    if not fits.get(origin or hint, True):
        wanted = f"one of {', '.join(map(repr, arguments))}" if origin is Literal else getattr(hint, "__name__", hint)
        raise InvalidConfigError(f"{what} is {wanted}, not {value!r}")
    return float(value) if hint is float else value


def _check_resolution(value: Any, what: str) -> Resolution:
    try:
        return parse_resolution(value)
    except ValueError as error:
        text = f"{what} is a number of pixels, or height x width such as 96x64"
        raise InvalidConfigError(f"{text}, not {value!r}") from error


def _check_record(value: Any, kinds: list[type[Any]], what: str) -> Any:
    """A record inside of a config, from such a record or from the mapping that JSON has in its place.

    Several types of records are told apart by the default of their field ``kind``.
    """
    if isinstance(value, tuple(kinds)):
        return value
    by_name = {getattr(kind, "kind", kind.__name__): kind for kind in kinds}
    fields = dict(value) if isinstance(value, Mapping) else {}
    name = fields.pop("kind", next(iter(by_name)) if len(by_name) == 1 else None)
    if not isinstance(value, Mapping) or name not in by_name:
        wanted = f"a mapping with the kind {', '.join(by_name)}" if len(by_name) > 1 else f"a {next(iter(by_name))}"
        raise InvalidConfigError(f"{what} is {wanted}, not {value!r}")
    return replace_config(by_name[name], fields, of=f"{what}: {name}")

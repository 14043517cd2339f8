"""Configs: what every architecture's says, and how values that users give become one. No torch."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from types import NoneType, UnionType
from typing import Any, ClassVar, Literal, Protocol, get_args, get_origin, get_type_hints

from ganzoo.errors import InvalidConfigError

__all__ = ["Config", "replace_config"]


class Config(Protocol):
    """What every architecture's config, a frozen dataclass, says of the images it makes.

    That of images of a class says how many `classes` there are. That of a translation may say more:
    `directions`, the names of those that its model holds, the usual one first; `routes`, the parts of a batch
    that each of these reads and makes; `size_multiple`, which both sides of an image must be multiples of; and
    `minimum_size`, the smallest side that it takes. Images of other sizes are padded for it.
    """

    __dataclass_fields__: ClassVar[dict[str, dataclasses.Field[Any]]]

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of one generated image."""
        ...


def replace_config(config: Config | type[Config], values: Mapping[str, Any], *, of: str) -> Any:
    """A config with `values` in place of its own (or of its defaults); `of` names it in errors.

    Raises:
        InvalidConfigError: a field that does not exist, or a value that the config refuses.
    """
    known = [f.name for f in dataclasses.fields(config)]
    unknown = sorted(set(values) - set(known))
    if unknown:
        raise InvalidConfigError(f"{of} has no config field {', '.join(unknown)} - its fields are {', '.join(known)}")
    kind = config if isinstance(config, type) else type(config)
    hints = get_type_hints(kind)
    checked = {name: _check_value(value, hints[name], f"{of}: {name}") for name, value in values.items()}
    try:
        return kind(**checked) if isinstance(config, type) else dataclasses.replace(config, **checked)
    except (TypeError, ValueError) as error:
        raise InvalidConfigError(f"{of}: {error}") from error


def _check_value(value: Any, hint: Any, what: str) -> Any:
    """`value` as a config field of type `hint` takes it; JSON's lists become tuples, whole numbers fractions.

    Checked are the types that configs are made of: bool, int, float, str, Literal, tuples of these, and None beside.
    """
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is UnionType:
        return None if value is None else _check_value(value, next(a for a in arguments if a is not NoneType), what)
    if origin is tuple and isinstance(value, (list, tuple)):
        return tuple(_check_value(item, arguments[0], what) for item in value)
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    fits: dict[Any, bool] = {
        int: number and isinstance(value, int),
        float: number and math.isfinite(value),
        bool: isinstance(value, bool),
        str: isinstance(value, str),
        Literal: value in arguments,
        tuple: False,
    }
    if not fits.get(origin or hint, True):
        wanted = f"one of {', '.join(map(repr, arguments))}" if origin is Literal else getattr(hint, "__name__", hint)
        raise InvalidConfigError(f"{what} is {wanted}, not {value!r}")
    return float(value) if hint is float else value

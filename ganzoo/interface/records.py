"""Records whose fields are checked against their annotations when they are made. No torch."""

from __future__ import annotations

import builtins
import dataclasses
import math
import re
import reprlib
import sys
from collections.abc import Callable, Mapping
from functools import cache
from types import MappingProxyType, NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

from ganzoo.errors import PluginError

__all__ = ["CheckedRecord", "NamedRecord", "label_of"]

_NAME = re.compile(r"[a-z0-9]+(?:[._-][a-z0-9]+)*")
_LONGEST_NAME = 100
_WORD = re.compile(r"[^\W\d]\w*")


class CheckedRecord:
    """The base of the frozen dataclasses that plugins make.

    Each value must have the type that its field is annotated with. The record keeps a copy of each mapping that
    nobody can change. Lists become tuples, and sets become frozen sets.

    Raises:
        PluginError: a value has another type; the message names the record, the field and the value.
    """

    def __post_init__(self) -> None:
        for name, hint in _fields(self).items():
            try:
                object.__setattr__(self, name, _checked(getattr(self, name), hint, name))
            except TypeError as error:
                raise PluginError(f"{label_of(self)}: {error}") from None


class NamedRecord(CheckedRecord):
    """The base of the records that a registry holds by `name`.

    Raises:
        PluginError: `name` is not a name, or a value has another type than its field.
    """

    def __post_init__(self) -> None:
        name = getattr(self, "name", None)
        if not isinstance(name, str) or len(name) > _LONGEST_NAME or not _NAME.fullmatch(name):
            wanted = f"at most {_LONGEST_NAME} lower-case letters and digits, joined by '-', '.' or '_'"
            raise PluginError(f"{reprlib.repr(name)} is not a name - use {wanted}")
        super().__post_init__()


def label_of(record: CheckedRecord) -> str:
    """How error messages name a record: by its class, and by its first field if that is a text."""
    name, hint = next(iter(_fields(record).items()))
    value = getattr(record, name)
    return f"{type(record).__name__} {value}" if hint is str and isinstance(value, str) else type(record).__name__


def _fields(record: Any) -> dict[str, Any]:
    """The type of each field of a record, by the field's name."""
    kind: Any = type(record)
    return _fields_of(kind)


@cache
def _fields_of(kind: Any) -> dict[str, Any]:
    """As `_fields`, of a class. Types that are imported for type checkers only, such as torch's, count as Any."""
    modules = [vars(sys.modules[base.__module__]) for base in kind.__mro__]
    words = _WORD.findall(" ".join(str(field.type) for field in dataclasses.fields(kind)))
    unknown = {word: Any for word in words if not any(word in names for names in (*modules, vars(builtins)))}
    found = get_type_hints(kind, localns=unknown)
    return {field.name: found[field.name] for field in dataclasses.fields(kind)}


def _checked(value: Any, hint: Any, what: str) -> Any:
    """`value`, or a copy that cannot change.

    Raises:
        TypeError: it does not have the type `hint`; `what` names it in the message.
    """
    if not _fits(value, hint):
        raise TypeError(f"{what} is {reprlib.repr(value)}, not {_describe(hint)}")
    kind, arguments = get_origin(hint), get_args(hint)
    if kind is UnionType:
        return _checked(value, next(each for each in arguments if _fits(value, each)), what)
    if kind in (tuple, frozenset):
        if all(type(item) is arguments[0] for item in value):  # a thousand class names: `ganzoo list` waits for them
            return kind(value)
        return kind(_checked(item, arguments[0], f"an item of {what}") for item in value)
    if kind is Mapping:
        keys = (_checked(key, arguments[0], f"a key of {what}") for key in value)
        values = (_checked(item, arguments[1], f"{what}[{key!r}]") for key, item in value.items())
        return MappingProxyType(dict(zip(keys, values, strict=True)))
    return value


def _fits(value: Any, hint: Any) -> bool:
    """Whether `value` has the type `hint`; what it contains is not checked."""
    kind, arguments = get_origin(hint) or hint, get_args(hint)
    if kind is UnionType:
        return any(_fits(value, each) for each in arguments)
    if kind is type:
        return isinstance(value, type) and (_is_protocol(arguments[0]) or issubclass(value, arguments[0]))
    if kind is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return kind is Any or isinstance(value, _ACCEPTED.get(kind, kind))


_ACCEPTED: dict[Any, tuple[type, ...]] = {tuple: (tuple, list), frozenset: (frozenset, set)}

_DESCRIPTIONS = {
    str: "a text",
    int: "a whole number",
    float: "a finite number",
    NoneType: "None",
    tuple: "a tuple",
    frozenset: "a set",
    Mapping: "a mapping",
    Callable: "a function",
}


def _describe(hint: Any) -> str:
    """How messages name a type."""
    kind, arguments = get_origin(hint) or hint, get_args(hint)
    if kind is UnionType:
        return " or ".join(map(_describe, arguments))
    if kind is type:
        return "a class" if _is_protocol(arguments[0]) else f"a subclass of {arguments[0].__name__}"
    return _DESCRIPTIONS.get(kind, f"a {getattr(kind, '__name__', kind)}")


def _is_protocol(kind: Any) -> bool:
    return bool(getattr(kind, "_is_protocol", False))

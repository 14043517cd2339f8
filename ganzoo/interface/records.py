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
from typing import TYPE_CHECKING, Any, ClassVar, dataclass_transform, get_args, get_origin, get_type_hints

from ganzoo.errors import PluginError

__all__ = ["CheckedRecord", "FrozenRecord", "NamedRecord", "field_types", "is_frozen", "label_of"]

_NAME = re.compile(r"[a-z0-9]+(?:[._-][a-z0-9]+)*")
_LONGEST_NAME = 100
_WORD = re.compile(r"[^\W\d]\w*")


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(dataclasses.field,))
class FrozenRecord:
    """The base of frozen dataclasses. Their subclasses need no decorator.

    They behave as with ``@dataclass(frozen=True, kw_only=True)``, but are made in a tenth of the time. That
    decorator compiles six methods for each class, and every command of ganzoo waits for all classes of all plugins.

    Raises:
        TypeError: a field without a default has no value, or a value has no field.
    """

    if TYPE_CHECKING:
        __dataclass_fields__: ClassVar[dict[str, dataclasses.Field[Any]]]

    def __init_subclass__(cls, *, kw_only: bool = True) -> None:
        super().__init_subclass__()
        dataclasses.dataclass(init=False, repr=False, eq=False, kw_only=kw_only)(cls)

    def __init__(self, *positional: Any, **named: Any) -> None:
        vars(self).update(_bind(type(self), positional, named))
        self.__post_init__()

    def __post_init__(self) -> None:
        """Check the values."""

    def __setattr__(self, name: str, value: Any) -> None:
        raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")

    def __delattr__(self, name: str) -> None:
        raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")

    def __eq__(self, other: object) -> bool:
        return vars(self) == vars(other) if type(other) is type(self) else NotImplemented

    def __hash__(self) -> int:
        return hash((type(self), *vars(self).values()))

    def __repr__(self) -> str:
        values = ", ".join(f"{field.name}={getattr(self, field.name)!r}" for field in dataclasses.fields(self))
        return f"{type(self).__qualname__}({values})"


def _bind(kind: type[FrozenRecord], positional: tuple[Any, ...], named: Mapping[str, Any]) -> dict[str, Any]:
    """The value of each field, given or its default.

    Raises:
        TypeError: as for `FrozenRecord`.
    """
    fields = dataclasses.fields(kind)
    order = [field.name for field in fields if not field.kw_only]
    given = {**named, **dict(zip(order, positional, strict=False))}
    values = {field.name: given.pop(field.name) if field.name in given else _default(field) for field in fields}
    missing = [name for name, value in values.items() if value is dataclasses.MISSING]
    if len(positional) > len(order):
        raise TypeError(f"{kind.__name__}() takes {len(order)} positional arguments, not {len(positional)}")
    if given:
        raise TypeError(f"{kind.__name__}() got an unexpected keyword argument {next(iter(given))!r}")
    if missing:
        raise TypeError(f"{kind.__name__}() needs a value for {', '.join(missing)}")
    return values


def _default(field: dataclasses.Field[Any]) -> Any:
    return field.default if field.default_factory is dataclasses.MISSING else field.default_factory()


class CheckedRecord(FrozenRecord):
    """The base of the records that plugins make.

    Each value must have the type that its field is annotated with. The record keeps a copy of each mapping that
    nobody can change. Lists become tuples, and sets become frozen sets.

    Raises:
        PluginError: a value has another type; the message names the record, the field and the value.
    """

    def __post_init__(self) -> None:
        for name, hint in _fields(self).items():
            try:
                vars(self)[name] = _checked(getattr(self, name), hint, name)
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


def is_frozen(kind: object) -> bool:
    """Whether it is a class of frozen dataclasses, made with the decorator or from `FrozenRecord`."""
    parameters = getattr(kind, "__dataclass_params__", None)
    made_here = isinstance(kind, type) and issubclass(kind, FrozenRecord)
    return made_here or bool(getattr(parameters, "frozen", False))


def label_of(record: CheckedRecord) -> str:
    """How error messages name a record: by its class, and by its first field if that is a text."""
    name, hint = next(iter(_fields(record).items()))
    value = getattr(record, name)
    return f"{type(record).__name__} {value}" if hint is str and isinstance(value, str) else type(record).__name__


def _fields(record: Any) -> dict[str, Any]:
    """The type of each field of a record, by the field's name."""
    kind: Any = type(record)
    return field_types(kind)


@cache
def field_types(kind: Any) -> dict[str, Any]:
    """The type of each field of a class. Types that are imported for type checkers only, such as torch's, are Any."""
    modules = [vars(sys.modules[base.__module__]) for base in kind.__mro__]
    words = _WORD.findall(" ".join(str(field.type) for field in dataclasses.fields(kind)))
    unknown = {word: Any for word in words if not any(word in names for names in (*modules, vars(builtins)))}
    found = get_type_hints(kind, localns=unknown)
    return {field.name: found[field.name] for field in dataclasses.fields(kind)}


@cache
def _parts_of(hint: Any) -> tuple[Any, tuple[Any, ...]]:
    """The origin and the arguments of a type hint. `ganzoo list` asks thousands of times."""
    return get_origin(hint), get_args(hint)


def _checked(value: Any, hint: Any, what: str) -> Any:
    """`value`, or a copy that cannot change.

    Raises:
        TypeError: it does not have the type `hint`; `what` names it in the message.
    """
    if not _fits(value, hint):
        raise TypeError(f"{what} is {reprlib.repr(value)}, not {_describe(hint)}")
    kind, arguments = _parts_of(hint)
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
    kind, arguments = _parts_of(hint)
    kind = kind or hint
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

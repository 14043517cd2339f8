"""The words of a command line, and the arguments of a call, written from the fields of a dataclass.

A command that a model card or a report shows must compute the same thing again. So it is derived from all fields of
the dataclass that holds the options: a new field appears by itself. For instance::

    @dataclass(frozen=True)
    class Options:
        seed: int = field(default=0, metadata=flag(always=True))
        batch_size: int = 64
        mirror: bool = False
        label: str | None = field(default=None, metadata=flag("--class"))
        augmentations: tuple[str, ...] = field(default=(), metadata=flag("--augment"))
        splits: tuple[int, ...] = field(default=(1, 10), metadata=flag("--is-splits", separator=","))
        regularizers: Mapping[str, float] = field(default_factory=dict, metadata=flag("--regularizer"))
        subject: str = field(default="dcgan", metadata=flag(None))

    options = Options(batch_size=32, mirror=True, augmentations=("color", "cutout"), regularizers={"r1": 10})
    shlex.join(["ganzoo", "train", options.subject, *words_of(options, usual=Options())])
    # ganzoo train dcgan --seed 0 --batch-size 32 --mirror --augment color --augment cutout --regularizer r1=10
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["flag", "keywords_of", "words_of"]


@dataclass(frozen=True)
class _Flag:
    """How a field is written; see `flag`."""

    name: str | None = ""
    separator: str = ""
    always: bool = False
    merged: bool = False


def flag(name: str | None = "", *, separator: str = "", always: bool = False, merged: bool = False) -> dict[str, _Flag]:
    """The `metadata` of a dataclass field that is not written in the usual way.

    Args:
        name: The flag, such as ``--augment``. By default it is made from the field's name: `batch_size` is
            ``--batch-size``. None leaves the field to the caller, for instance an argument that has no flag.
        separator: Joins the items of a tuple into one word: ``--is-splits 1,10``. By default the flag is repeated.
        always: Write the field even if it has its usual value, so that the command survives a change of the defaults.
        merged: The command adds the entries of this mapping to the usual ones. So only the entries that differ are
            written. By default the mapping replaces the usual one, and all entries are written.
    """
    return {"flag": _Flag(name, separator, always, merged)}


def words_of(options: Any, *, usual: Any, others: str = "") -> list[str]:
    """The words that turn the dataclass instance `usual` into `options`, in the order of the fields.

    A number or a text is ``--name value``, a boolean is ``--name`` or ``--no-name``, a tuple repeats its flag, and a
    mapping repeats its flag with ``key=value``. None, an empty tuple and an empty mapping have no words. `others` is
    the flag of all fields that have no `flag` in their metadata: ``--set`` makes ``--set name=value`` of them.
    """
    words: list[str] = []
    for each in dataclasses.fields(options):
        how = each.metadata.get("flag", _Flag())
        value, other = getattr(options, each.name), getattr(usual, each.name)
        if how.name is None or (value == other and not how.always):
            continue
        if how.merged:
            value = {key: entry for key, entry in value.items() if key not in other or other[key] != entry}
        if others and "flag" not in each.metadata and value is not None:
            words += [others, f"{each.name}={_text(value)}"]
            continue
        words += _words(how.name or f"--{each.name.replace('_', '-')}", value, how.separator)
    return words


def keywords_of(options: Any, *, usual: Any) -> list[str]:
    """The arguments of a call in Python that turn the dataclass instance `usual` into `options`: ``seed=3``.

    Fields whose flag is None are left to the caller.
    """
    changed = {
        each.name: getattr(options, each.name)
        for each in dataclasses.fields(options)
        if each.metadata.get("flag", _Flag()).name is not None
        and (getattr(options, each.name) != getattr(usual, each.name) or each.metadata.get("flag", _Flag()).always)
    }
    return [f"{name}={value!r}" for name, value in changed.items()]


def _words(name: str, value: Any, separator: str) -> list[str]:
    """The words of one field."""
    if value is None:
        return []
    if isinstance(value, bool):
        return [name if value else name.replace("--", "--no-", 1)]
    if isinstance(value, Mapping):
        return [word for key, entry in value.items() for word in (name, f"{key}={_text(entry)}")]
    if not isinstance(value, (tuple, list)):
        return [name, str(value)]
    if separator:
        return [name, separator.join(map(str, value))] if value else []
    return [word for item in value for word in (name, str(item))]


def _text(entry: Any) -> str:
    """An entry of a mapping: a text as it is, anything else as JSON, such as ``[16, 8]``."""
    return entry if isinstance(entry, str) else json.dumps(entry)

"""The one reader of all small JSON files. They may be damaged, or made to do harm."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

from ganzoo.utils.files import open_regular

__all__ = ["parse_object", "read_object"]

MAX_BYTES = 1_000_000
MAX_DEPTH = 32
MAX_WHOLE = 2**63


def read_object(
    path: Path, *, limit: int = MAX_BYTES, open_file: Callable[[Path], BinaryIO] = open_regular
) -> dict[str, Any]:
    """Read a JSON file that holds one object, and refuse all that no writer of ours writes; see `parse_object`.

    Raises:
        OSError: there is no such file, or it is a folder, a device or a pipe.
        ValueError: the file has more than `limit` bytes, or other content.
    """
    with open_file(path) as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise ValueError(f"it has more than {limit:,} bytes")
    return parse_object(data)


def parse_object(data: bytes) -> dict[str, Any]:
    """The JSON object in `data`: UTF-8, at most `MAX_DEPTH` levels deep, numbers finite and within 64 bits.

    Raises:
        ValueError: the data is something else; the message says what.
    """
    try:
        found = json.loads(data.decode("utf-8"), parse_constant=_refuse, parse_float=_float, parse_int=_whole)
    except RecursionError as error:
        raise ValueError(f"it has more than {MAX_DEPTH} levels") from error
    if not isinstance(found, dict):
        raise ValueError(f"it holds {_KINDS.get(type(found), 'a number')}, not an object")
    _check(found, MAX_DEPTH)
    return found


_KINDS = {list: "a list", str: "a text", bool: "true or false", type(None): "null"}


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a number of JSON")


def _float(text: str) -> float:
    value = float(text)
    return value if math.isfinite(value) else _refuse(f"{text[:20]}")


def _whole(text: str) -> int:
    value = int(text) if len(text) < 30 else MAX_WHOLE
    if not -MAX_WHOLE <= value < MAX_WHOLE:
        raise ValueError(f"{text[:20]}... does not fit into 64 bits")
    return value


def _check(value: Any, levels: int) -> None:
    """Refuse deep nesting, and halves of surrogate pairs, which cannot be printed or written."""
    if isinstance(value, str):
        value.encode("utf-8")  # a UnicodeEncodeError is a ValueError
    elif isinstance(value, (dict, list)):
        if not levels:
            raise ValueError(f"it has more than {MAX_DEPTH} levels")
        for each in (*value, *value.values()) if isinstance(value, dict) else value:
            _check(each, levels - 1)

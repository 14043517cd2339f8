"""``metrics.jsonl``: one JSON object for each line, with the step and the metrics by name."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ganzoo.utils.files import atomic_write, open_regular

__all__ = ["append_metrics", "drop_after", "read_metrics"]


def append_metrics(path: Path, step: int, metrics: Mapping[str, float]) -> None:
    """Append a line at once, so that another process can read it."""
    with path.open("ab") as file:
        file.write(json.dumps({"step": step, **metrics}).encode() + b"\n")


def read_metrics(path: Path) -> list[tuple[float, dict[str, float]]]:
    """The step and the metrics of each line; none if there is no file. Damaged lines are left out."""
    entries = map(_parse, _lines(path)) if path.exists() else ()
    return [(entry.pop("step"), entry) for entry in entries if entry is not None]


def drop_after(path: Path, step: int) -> None:
    """Drop the lines after `step`, and with a warning those that are damaged, such as an incomplete line at the end."""
    parsed = [(line, _parse(line)) for line in _lines(path)]
    damaged = [number for number, (_, entry) in enumerate(parsed, 1) if entry is None]
    if damaged:
        which = f"line {damaged[0]}" if len(damaged) == 1 else f"{len(damaged)} lines, the first is {damaged[0]},"
        warnings.warn(f"{path}: {which} cannot be read - skipped, the run goes on without", stacklevel=2)
    with atomic_write(path) as temporary:
        temporary.write_bytes(b"".join(line + b"\n" for line, entry in parsed if entry and entry["step"] <= step))


def _lines(path: Path) -> list[bytes]:
    """The lines that are not empty. As bytes, because a damaged line need not be UTF-8."""
    with open_regular(path) as file:
        return [line for line in file.read().split(b"\n") if line.strip()]


def _parse(line: bytes) -> dict[str, float] | None:
    """The step and the metrics of a line; None if it is damaged."""
    try:
        entry: Any = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(entry, dict) or not all(type(value) in (int, float) for value in entry.values()):
        return None
    return entry if "step" in entry else None

"""Progress bars on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from ganzoo.utils.progress import Progress, silent
from ganzoo.utils.text import printable

__all__ = ["bars"]


@contextmanager
def bars() -> Iterator[Progress]:
    """Show a bar on stderr for each piece of work that reports progress. Without a terminal, show nothing."""
    if not sys.stderr.isatty():
        yield silent
        return
    from rich import progress
    from rich.console import Console

    columns = (
        progress.TextColumn("{task.description}", markup=False),
        progress.BarColumn(),
        progress.TextColumn("{task.fields[counts]}"),
        progress.TimeRemainingColumn(),
    )
    with progress.Progress(*columns, console=Console(stderr=True), transient=True) as shown:
        tasks: dict[str, progress.TaskID] = {}

        def report(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = shown.add_task(printable(what), counts="")
            shown.update(tasks[what], completed=done, total=total or None, counts=_counts(done, total))

        yield report


def _counts(done: int, total: int) -> str:
    """Format ``1,200/10,000``, or ``45.2M/113.0M`` from a million on, as downloads count bytes."""
    return f"{_short(done, total)}/{_short(total, total)}" if total else _short(done, done)


def _short(count: int, largest: int) -> str:
    return f"{count:,}" if largest < 1_000_000 else f"{count / 1e6:.1f}M"

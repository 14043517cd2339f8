"""The progress of a training run on a terminal: its data, its rate, the time left, and its metrics."""

from __future__ import annotations

import shlex
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ganzoo.cli.output import say, tell
from ganzoo.cli.signals import EXIT_CODES, postponed
from ganzoo.cli.streams import tolerate
from ganzoo.utils.text import printable

if TYPE_CHECKING:
    from ganzoo.training.run import Run
    from ganzoo.training.trainer import Trainer

__all__ = ["follow", "introduce"]

Show = Callable[[int, str], None]
"""Shows the number of finished iterations, and the latest losses and metrics as text."""


def introduce(trainer: Trainer) -> None:
    """Print the architecture, the data, the batch size and the device, and how the data was changed to fit."""
    run = trainer.training_run
    plan, processes = run.plan, run.processes
    if not processes.is_main:
        return
    batch = plan.batch_size * plan.accumulate * processes.world_size
    parts = f"{plan.batch_size} x {processes.world_size} processes x {plan.accumulate}"
    images = f"{len(run.data):,} images, batches of {batch}{'' if batch == plan.batch_size else f' ({parts})'}"
    tell(f"{plan.architecture} on {plan.data}: {images}, on {run.loop.gan.device}")
    _print_notes(run, run.data.notes)
    if any("scaled to 8" in note for note in run.data.notes):
        tell(f"{plan.data}: keep all of their bits with --depth 16")


def _print_notes(run: Run, notes: Iterable[str]) -> None:
    """Print what was done to the data, one line for each note."""
    for note in notes:
        tell(f"{run.plan.data}: {note}")


def follow(trainer: Trainer) -> int:
    """Train a run to its end, with a bar on a terminal, or else with a line for every 100 iterations.

    After SIGINT, SIGTERM or SIGHUP it finishes the iteration, saves and stops. Only the first of several processes
    prints. Returns the exit code.
    """
    run = trainer.training_run
    is_main, total = run.processes.is_main, run.plan.iterations
    known = set(run.data.notes)
    display = _nothing if not is_main else _bar if sys.stderr.isatty() else _lines
    latest: dict[str, float] = {}  # not every iteration has every metric: penalties may be computed rarely
    with display(run) as show, postponed(patient=run.processes.world_size > 1) as received:
        for record in trainer:
            latest |= {**record.losses, **record.metrics}
            show(record.step, _text(latest))
            if received:
                trainer.stop()
    if is_main:
        _print_notes(run, sorted(set(run.data.notes) - known))  # notes on images that were read while it trained
    if is_main and trainer.stop_reason and not received:
        tell(f"ganzoo: stopped and saved after step {run.step}: {trainer.stop_reason}")
    if is_main and run.step < total and not trainer.stop_reason:
        command = shlex.join(["ganzoo", "train", "--resume", str(run.folder)])
        tell(f"ganzoo: stopped and saved after step {run.step} - continue with: {command}")
    elif is_main:
        tolerate("stdout")  # the run is complete and saved, whether or not its name can be printed
        say(run.folder)
    return EXIT_CODES[received[0]] if received and run.step < total else 0


@contextmanager
def _nothing(run: Run) -> Iterator[Show]:
    """Print nothing, in all processes but the first."""
    yield lambda step, metrics: None


@contextmanager
def _lines(run: Run) -> Iterator[Show]:
    """Print a line for every 100 iterations, and for the last."""
    total, first, started = run.plan.iterations, run.step, time.monotonic()

    def show(step: int, metrics: str) -> None:
        if step % 100 == 0 or step == total:
            rate = (step - first) / (time.monotonic() - started)
            minutes, seconds = divmod(round((total - step) / rate), 60)
            tell(f"{step}/{total}  {rate:.1f} it/s  {minutes}:{seconds:02d} left  {metrics}")

    yield show


@contextmanager
def _bar(run: Run) -> Iterator[Show]:
    """Show a bar with the rate and the time left, and below it the losses and metrics of the latest iteration."""
    from rich.console import Console, Group
    from rich.live import Live
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text

    rate = TextColumn("{task.description}")
    bar = Progress(
        BarColumn(), MofNCompleteColumn(), rate, TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn()
    )
    started, first = time.monotonic(), run.step
    task = bar.add_task("", total=run.plan.iterations, completed=first)
    latest = ""

    def show(step: int, metrics: str) -> None:
        nonlocal latest
        latest = metrics
        done = (step - first) / (time.monotonic() - started)
        bar.update(task, completed=step, description=f"{done:.1f} it/s")

    console = Console(stderr=True)
    with Live(get_renderable=lambda: Group(bar, Text(printable(latest))), console=console, refresh_per_second=4):
        yield show


def _text(metrics: Mapping[str, float]) -> str:
    """Losses and metrics as text: ``generator/adversarial 0.693  D(x) 0.500``."""
    return "  ".join(f"{name} {value:.3f}" for name, value in metrics.items())

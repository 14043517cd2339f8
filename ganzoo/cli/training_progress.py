"""A training run as people watch it: what is read, what is trained, and how it goes."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from ganzoo.cli.signals import EXIT_CODES, postponed

if TYPE_CHECKING:
    from ganzoo.training.trainer import Trainer

__all__ = ["follow", "introduce"]

Show = Callable[[int, str], None]
"""Shows how many iterations are done, and the latest metrics."""


def introduce(trainer: Trainer) -> None:
    """Say what will be trained on what, and what was done to the data."""
    if not trainer.processes.is_main:
        return
    plan, processes = trainer.plan, trainer.processes
    batch = plan.batch_size * plan.accumulate * processes.world_size
    parts = f"{plan.batch_size} x {processes.world_size} processes x {plan.accumulate}"
    images = f"{len(trainer.data):,} images, batches of {batch}{'' if batch == plan.batch_size else f' ({parts})'}"
    click.echo(f"{plan.architecture} on {plan.data}: {images}, on {trainer.loop.gan.device}", err=True)
    _tell_notes(trainer, trainer.data.notes)


def _tell_notes(trainer: Trainer, notes: Iterable[str]) -> None:
    for note in notes:
        click.echo(f"{trainer.plan.data}: {note}", err=True)


def follow(trainer: Trainer) -> int:
    """Train a run to its end, with a bar on a terminal and a line for every 100 iterations elsewhere.

    SIGINT and SIGTERM let the iteration end and save. Of several processes the first shows. Returns
    the exit code.
    """
    known = set(trainer.data.notes)
    shown = _nothing if not trainer.processes.is_main else _bar if sys.stderr.isatty() else _lines
    total = trainer.plan.iterations
    latest: dict[str, float] = {}  # not every iteration has every figure: penalties may be rare
    with shown(trainer) as show, postponed(patient=trainer.processes.world_size > 1) as received:
        for record in trainer:
            latest |= {**record.losses, **record.metrics}
            show(record.step, _written(latest))
            if received:
                trainer.stop()
            if trainer.stopping and record.step < total:
                trainer.save()
                break
    if trainer.processes.is_main:
        _tell_notes(trainer, sorted(set(trainer.data.notes) - known))
    if trainer.processes.is_main and trainer.step < total:
        click.echo(f"ganzoo: stopped and saved after step {trainer.step} - go on with --resume", err=True)
    elif trainer.processes.is_main:
        click.echo(trainer.folder)
    return EXIT_CODES[received[0]] if received and trainer.step < total else 0


@contextmanager
def _nothing(trainer: Trainer) -> Iterator[Show]:
    yield lambda step, metrics: None


@contextmanager
def _lines(trainer: Trainer) -> Iterator[Show]:
    """A line for every 100 iterations, and for the last."""
    total, first, started = trainer.plan.iterations, trainer.step, time.monotonic()

    def show(step: int, metrics: str) -> None:
        if step % 100 == 0 or step == total:
            rate = (step - first) / (time.monotonic() - started)
            minutes, seconds = divmod(round((total - step) / rate), 60)
            click.echo(f"{step}/{total}  {rate:.1f} it/s  {minutes}:{seconds:02d} left  {metrics}", err=True)

    yield show


@contextmanager
def _bar(trainer: Trainer) -> Iterator[Show]:
    """A bar with rate and time left, and below it the figures of the latest iteration."""
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

    rate = TextColumn("{task.description}")
    bar = Progress(
        BarColumn(), MofNCompleteColumn(), rate, TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn()
    )
    started, first = time.monotonic(), trainer.step
    task = bar.add_task("", total=trainer.plan.iterations, completed=first)
    latest = ""

    def show(step: int, metrics: str) -> None:
        nonlocal latest
        latest = metrics
        done = (step - first) / (time.monotonic() - started)
        bar.update(task, completed=step, description=f"{done:.1f} it/s")

    console = Console(stderr=True)
    with Live(get_renderable=lambda: Group(bar, latest), console=console, refresh_per_second=4):
        yield show


def _written(metrics: Mapping[str, float]) -> str:
    return "  ".join(f"{name} {value:.3f}" for name, value in metrics.items())

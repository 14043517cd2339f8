"""The base class of observers: what writes and draws the progress of a run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ganzoo.training.record import Record
    from ganzoo.training.run import Run

__all__ = ["Observer"]


class Observer:
    """Follows a run and does nothing; subclasses override what they need. Only the main process has observers."""

    def __init__(self, run: Run) -> None:
        self.run = run

    @property
    def folder(self) -> Path:
        """The run's folder."""
        return self.run.folder

    def record(self, record: Record) -> None:
        """Called after each iteration."""

    def log(self, step: int, metrics: Mapping[str, float]) -> None:
        """Called with the losses and metrics of each iteration, and with metrics that an observer has measured."""

    def save(self) -> None:
        """Called after each checkpoint: write or draw the run as it is now."""

    def close(self) -> None:
        """Called when training has ended or was stopped, after the last save."""

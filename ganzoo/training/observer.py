"""The base of all that watches a run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ganzoo.training.loop import Record
    from ganzoo.training.trainer import Trainer

__all__ = ["Observer"]


class Observer:
    """The base of all: it watches in silence. Only the main process has observers."""

    def __init__(self, trainer: Trainer) -> None:
        self.trainer = trainer

    @property
    def folder(self) -> Path:
        """The run's folder."""
        return self.trainer.folder

    def record(self, record: Record) -> None:
        """An iteration is done."""

    def figures(self, step: int, figures: Mapping[str, float]) -> None:
        """There are new figures, of an iteration or of what another observer has measured."""

    def save(self) -> None:
        """A checkpoint was written: time to show what there is."""

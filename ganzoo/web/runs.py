"""What a page shows of a run while it trains: how far it is, its curves, and its sheets. No gradio."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ganzoo.errors import GanzooError
from ganzoo.training.metrics_file import read_metrics
from ganzoo.training.plan import read_entries

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["RunStatus", "draw", "read_status"]

MOST_BYTES = 100_000_000
"""A longer ``metrics.jsonl`` is not drawn live: reading it would take longer than the pause between two looks."""


@dataclass(frozen=True)
class RunStatus:
    """How far a run is: the last recorded step of `iterations`, its metrics, and the sheets so far, oldest first."""

    step: int
    iterations: int
    metrics: Mapping[str, float]
    sheets: tuple[Path, ...]

    @property
    def line(self) -> str:
        """One line for users."""
        of = f" of {self.iterations:,}" if self.iterations else ""
        numbers = ", ".join(f"{name} {value:.4g}" for name, value in list(self.metrics.items())[:_SHOWN])
        return f"Step {self.step:,}{of}. {numbers}" if self.step else "The run has not finished a step yet."


_SHOWN = 8


def read_status(folder: Path) -> RunStatus:
    """Read how far the run in `folder` is. What cannot be read yet is left out."""
    lines = _lines(folder)
    step, metrics = lines[-1] if lines else (0, {})
    return RunStatus(int(step), _iterations(folder), metrics, tuple(sorted((folder / "samples").glob("*.png"))))


def draw(folder: Path) -> Image | None:
    """Draw the curves of all losses and metrics of a run; None before the first step."""
    import torch

    from ganzoo.training.plots import draw_curves, to_picture

    steps, values = defaultdict[str, list[float]](list), defaultdict[str, list[float]](list)
    for step, metrics in _lines(folder):
        for name, value in metrics.items():
            steps[name].append(step)
            values[name].append(value)
    curves = {name: (torch.tensor(steps[name]), torch.tensor(values[name])) for name in values}
    return to_picture(draw_curves(curves)) if curves else None


def _lines(folder: Path) -> list[tuple[float, dict[str, float]]]:
    path = folder / "metrics.jsonl"
    if not path.is_file() or path.stat().st_size > MOST_BYTES:
        return []
    return read_metrics(path)


def _iterations(folder: Path) -> int:
    """The number of steps that the run shall make; 0 if its plan does not tell."""
    try:
        found = read_entries(folder / "run.json").get("iterations", 0)
    except (OSError, ValueError, GanzooError):
        return 0
    return found if isinstance(found, int) else 0

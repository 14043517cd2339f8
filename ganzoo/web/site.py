"""What all pages share: the models, the data, the results of evaluations, and a folder for results. No gradio."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ganzoo.errors import InvalidRequestError
from ganzoo.evaluation import report
from ganzoo.web.shelf import Shelf, Shown

__all__ = ["Site", "Workspace", "read_evaluations"]

EVALUATION = "evaluation.json"
"""The results of an evaluation in a model's own folder."""


@dataclass
class Workspace:
    """A folder with a folder for each of the last results. Older ones are removed."""

    root: Path
    kept: int = 200
    _numbers: itertools.count[int] = field(default_factory=itertools.count)

    def folder(self) -> Path:
        """A new empty folder."""
        number = next(self._numbers)
        made = self.root / f"{number:08d}"
        made.mkdir(parents=True)
        shutil.rmtree(self.root / f"{number - self.kept:08d}", ignore_errors=True)
        return made


@dataclass(frozen=True)
class Site:
    """The models that are shown, loaded as needed, and what belongs to them.

    `evaluations` are the results of `ganzoo evaluate`, by the name of the model.
    """

    shown: tuple[Shown, ...]
    shelf: Shelf
    workspace: Workspace
    data_dir: Path
    evaluations: Mapping[str, Mapping[str, Any]]

    def evaluation(self, shown: Shown) -> Mapping[str, Any] | None:
        """The results of a model; None if they are not known."""
        if shown.name in self.evaluations or shown.run is None:
            return self.evaluations.get(shown.name)
        path = shown.run / EVALUATION
        return report.read(path) if path.is_file() else None


def read_evaluations(paths: Iterable[Path]) -> dict[str, dict[str, Any]]:
    """Read files that `ganzoo evaluate NAME -o FILE` wrote, or folders with such files, by the name of the model.

    Raises:
        InvalidRequestError: a file that is named cannot be read, or has other contents.
    """
    found: dict[str, dict[str, Any]] = {}
    for path in paths:
        results = [report.read(path)] if not path.is_dir() else list(_in_folder(path))
        found |= {result["subject"]: result for result in results}
    return found


def _in_folder(folder: Path) -> Iterable[dict[str, Any]]:
    """The results in a folder. Files of other kinds are left out."""
    for path in sorted(folder.glob("*.json")):
        try:
            yield report.read(path)
        except InvalidRequestError:
            continue

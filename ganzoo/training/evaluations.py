"""Evaluations of a run while it trains: its scores, its best model, and an end when it makes no progress."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from ganzoo.data.sources import has_points
from ganzoo.errors import InvalidRequestError
from ganzoo.evaluation.comparison import ReadOptions
from ganzoo.evaluation.options import EvaluationOptions
from ganzoo.evaluation.prepare import usual_features
from ganzoo.evaluation.repeated import RepeatedEvaluation
from ganzoo.pretrained.files import weights_path
from ganzoo.registry import lookup
from ganzoo.training.evaluation_schedule import SCORES, EvaluationSchedule
from ganzoo.training.metrics_file import read_metrics
from ganzoo.utils.folders import recover_folder, replaced_folder
from ganzoo.utils.progress import Progress
from ganzoo.weights.folder import write_folder

if TYPE_CHECKING:
    from ganzoo.training.run import Run

__all__ = ["BEST", "Evaluations", "prepare_evaluations"]

BEST = "best"
"""The folder inside the run's folder with the best model."""


def prepare_evaluations(schedule: EvaluationSchedule, data: str, *, progress: Progress) -> None:
    """Check that runs on `data` can be evaluated, and download what that needs: a run that cannot be leaves no folder.

    Raises:
        InvalidRequestError: The data has no pictures.
        WeightsError: The weights of the feature extractor cannot be downloaded.
    """
    if has_points(data):
        raise InvalidRequestError(f"{data} has no pictures to compare - leave out --evaluate-every")
    weights_path(lookup.registry().feature_extractors[_features(schedule, data)], progress=progress)


def _features(schedule: EvaluationSchedule, data: str) -> str:
    """The feature extractor by which a run on `data` is evaluated."""
    return schedule.features or usual_features(data)


class Evaluations:
    """Evaluates the averaged weights of a run at regular steps, and keeps the best model in the folder ``best``.

    Training is not changed by it: the seeds of samples are 0, 1, ..., and each iteration sets its own random state. So
    a resumed run has the same scores. What was the best so far is read from ``metrics.jsonl``.

    Raises:
        InvalidRequestError: The data has too few pictures.
        WeightsError: The weights of the feature extractor cannot be read.
    """

    def __init__(self, run: Run, schedule: EvaluationSchedule, *, reading: ReadOptions, progress: Progress) -> None:
        self.run = run
        self.schedule = schedule
        self.stop_reason = ""
        self._best: tuple[int, float] | None = None
        self._waited = 0
        recover_folder(run.folder / BEST)
        self._remember(read_metrics(run.folder / "metrics.jsonl"))
        options = EvaluationOptions(
            subject=str(run.folder),
            against=run.plan.data,
            features=_features(schedule, run.plan.data),
            count=schedule.samples,
            metrics=schedule.groups,
            limit=run.plan.limit,
            is_splits=(1,),
        )
        device = run.loop.gan.device
        self._evaluation = RepeatedEvaluation(options, run.model(), reading=reading, device=device, progress=progress)

    def is_due(self, step: int) -> bool:
        """Whether the model is evaluated after iteration `step`."""
        return step % self.schedule.every == 0

    def evaluate(self) -> dict[str, float]:
        """The scores of the model as it is now, by name. A better model than before replaces that in ``best``.

        Without progress for too long, `stop_reason` says so.
        """
        found = self._evaluation.scores()
        scores = {name: found[SCORES[name].score] for name in self.schedule.metrics}
        scores = {name: value for name, value in scores.items() if math.isfinite(value)}  # JSON has no other numbers
        if self._is_best(self.run.step, scores):
            self._write_best(scores)
        elif self.schedule.stop_after and self._waited >= self.schedule.stop_after:
            self.stop_reason = self._describe_end()
        return scores

    def _remember(self, lines: Iterable[tuple[float, Mapping[str, float]]]) -> None:
        for step, metrics in lines:
            if self.schedule.metrics[0] in metrics:
                self._is_best(int(step), metrics)

    def _is_best(self, step: int, scores: Mapping[str, float]) -> bool:
        """Whether the first score is better than all before; it is noted either way."""
        name = self.schedule.metrics[0]
        sign = 1 if SCORES[name].lower_is_better else -1
        value = scores.get(name)
        if value is None or (self._best and sign * value >= sign * self._best[1]):
            self._waited += 1
            return False
        self._best, self._waited = (step, value), 0
        return True

    def _write_best(self, scores: Mapping[str, float]) -> None:
        """Write the model with its scores; the folder is replaced as a whole."""
        run, options = self.run, self._evaluation.options
        with replaced_folder(run.folder / BEST) as folder:
            facts = {"step": run.step, "scores": scores, "features": options.features, "against": options.against}
            (folder / "scores.json").write_text(json.dumps(facts, indent=2) + "\n")
            write_folder(folder, run.loop.published(), run.description())

    def _describe_end(self) -> str:
        name = self.schedule.metrics[0]
        where = f", {self._best[1]:.4g} at step {self._best[0]}, in {self.run.folder / BEST}" if self._best else ""
        return f"{name} was not better in {self._waited} evaluations than its best value{where}"

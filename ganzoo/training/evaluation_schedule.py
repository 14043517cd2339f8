"""When a run is evaluated while it trains, and by which scores. It needs no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from ganzoo.errors import InvalidRequestError, UnknownNameError
from ganzoo.evaluation.options import FEWEST
from ganzoo.registry import lookup
from ganzoo.utils.names import suggest

__all__ = ["SAMPLES", "SCORES", "EvaluationSchedule", "ScoreKind"]

SAMPLES = 5000
"""The number of samples of an evaluation, if nothing else is asked for."""


class ScoreKind(NamedTuple):
    """The metric of `ganzoo evaluate` that gives a score, what it calls the score, and whether less is better."""

    metric: str
    score: str
    lower_is_better: bool = False


SCORES: Mapping[str, ScoreKind] = {
    "fid": ScoreKind("fid", "fid", lower_is_better=True),
    "kid": ScoreKind("kid", "kid", lower_is_better=True),
    "is": ScoreKind("is", "is/1"),
    "precision": ScoreKind("prdc", "precision"),
    "recall": ScoreKind("prdc", "recall"),
    "density": ScoreKind("prdc", "density"),
    "coverage": ScoreKind("prdc", "coverage"),
    "authenticity": ScoreKind("authenticity", "authenticity"),
}
"""The scores that a run can be followed by, under the names that users type."""


@dataclass(frozen=True, kw_only=True)
class EvaluationSchedule:
    """When a run is evaluated, and how.

    Args:
        every: The number of iterations from one evaluation to the next; 0 for none.
        metrics: Names in `SCORES`. The best model is that with the best value of the first.
        samples: The number of images that are compared with the training images.
        features: A feature extractor. None is one that was trained on the data, or else Inception.
        stop_after: The number of evaluations without a new best value after which the run ends; 0 for never.

    Raises:
        UnknownNameError: There is no such score or feature extractor.
        InvalidRequestError: A number is not possible.
    """

    every: int = 0
    metrics: tuple[str, ...] = ("fid",)
    samples: int = SAMPLES
    features: str | None = None
    stop_after: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "metrics", tuple(dict.fromkeys(self.metrics)))
        for name in self.metrics:
            if name not in SCORES:
                raise UnknownNameError(f"there is no score {name!r}{suggest(name, SCORES)}")
        if not self.metrics:
            raise InvalidRequestError(f"there is no score to compute - name one of {', '.join(SCORES)}")
        if self.features is not None:
            lookup.registry().feature_extractors[self.features]
        if min(self.every, self.stop_after) < 0 or self.samples < FEWEST:
            least = f"evaluate_every and stop_after must be at least 0, and evaluate_samples at least {FEWEST}"
            raise InvalidRequestError(f"{least} - choose larger numbers")
        if self.stop_after and not self.every:
            raise InvalidRequestError("stop_after counts evaluations, and there are none - add --evaluate-every N")

    def as_options(self) -> dict[str, Any]:
        """The fields under the names of the options of `Trainer` and of `ganzoo train`."""
        options = {"evaluate_every": self.every, "metrics": self.metrics, "evaluate_samples": self.samples}
        return {**options, "features": self.features, "stop_after": self.stop_after}

    @property
    def groups(self) -> tuple[str, ...]:
        """The metrics of `ganzoo evaluate` that give the scores."""
        return tuple(dict.fromkeys(SCORES[name].metric for name in self.metrics))

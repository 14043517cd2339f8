"""What an evaluation returns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from ganzoo.errors import UnknownNameError
from ganzoo.evaluation.memorization import Copy
from ganzoo.evaluation.metrics import Estimate

__all__ = ["Evaluation", "Score"]


@dataclass(frozen=True)
class Score:
    """One number, how uncertain it is, and what the yardsticks come to."""

    metric: str
    value: float
    uncertainty: float | None
    beside: Mapping[str, Estimate] = field(default_factory=dict)


@dataclass(frozen=True)
class Evaluation:
    """All that an evaluation found, and what it rests on.

    `images` says what and how many were ``judged``, were the ``reference``, and gave each yardstick; `notes` say
    what was done to pictures to get them into shape.
    """

    subject: str
    against: str
    seed: int
    images: Mapping[str, Mapping[str, Any]]
    features: Mapping[str, Any]
    scores: Sequence[Score]
    warnings: Sequence[str]
    notes: Sequence[str]
    command: str
    copies: Sequence[Copy] = ()

    def score(self, metric: str) -> Score:
        """The number of that name.

        Raises:
            UnknownNameError: it was not computed.
        """
        for score in self.scores:
            if score.metric == metric:
                return score
        known = [score.metric for score in self.scores]
        raise UnknownNameError(f"there is no score {metric!r} - there is {', '.join(known)}")

    def as_json(self) -> dict[str, Any]:
        """As plain values, for a file that a model card quotes; numbers have seven digits."""
        scores = {
            score.metric: {
                **_plain(Estimate(score.value, score.uncertainty)),
                **{name: _plain(estimate) for name, estimate in score.beside.items()},
            }
            for score in self.scores
        }
        rest = {name: value for name, value in asdict(self).items() if name not in ("scores", "copies")}
        return {**rest, "scores": scores, "copies": [copy._asdict() for copy in self.copies]}


def _plain(estimate: Estimate) -> dict[str, float | None]:
    return {name: None if value is None else float(f"{value:.7g}") for name, value in estimate._asdict().items()}

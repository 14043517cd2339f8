"""The result of an evaluation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from ganzoo.errors import UnknownNameError
from ganzoo.evaluation.memorization import NearestTrainingImage
from ganzoo.evaluation.metrics import Estimate

__all__ = ["Evaluation", "Score"]


@dataclass(frozen=True)
class Score:
    """The value of one metric, its uncertainty, and the values of the baselines, by name, such as ``floor``."""

    metric: str
    value: float
    uncertainty: float | None
    baselines: Mapping[str, Estimate] = field(default_factory=dict)


@dataclass(frozen=True)
class Evaluation:
    """The scores of an evaluation, and what they were computed from.

    `images` gives the kind and the number of the images that were evaluated (``judged``), of the ``reference``, and
    of each baseline. `against` is None if there are no real images: then there is no reference and no baseline.
    `features` describes the feature extractor, `matcher` the model that compares images with
    captions, and `distance` the extractor that measures distances between two images, with the inputs that move on
    paths. If no score is by features, `features` is one of the other two. `warnings` say which scores mean little, and
    `notes` what was changed in the pictures. `command` computes the same scores again. `copies` are the samples that
    are nearest to a training image, if a sheet of them was drawn.
    """

    subject: str
    against: str | None
    seed: int
    images: Mapping[str, Mapping[str, str | int]]
    features: Mapping[str, str | int]
    scores: Sequence[Score]
    warnings: Sequence[str]
    notes: Sequence[str]
    command: str
    copies: Sequence[NearestTrainingImage] = ()
    matcher: Mapping[str, str | int] = field(default_factory=dict)
    distance: Mapping[str, str | int] = field(default_factory=dict)

    def _repr_html_(self) -> str:
        """What a notebook shows: the scores beside their baselines, what was compared, and the warnings."""
        from ganzoo.evaluation.notebook import evaluation_html

        return evaluation_html(self.as_json())

    def score(self, metric: str) -> Score:
        """The score of a metric, such as ``fid`` or ``is/1``.

        Raises:
            UnknownNameError: the metric was not computed.
        """
        for score in self.scores:
            if score.metric == metric:
                return score
        known = [score.metric for score in self.scores]
        raise UnknownNameError(f"there is no score {metric!r} - there are {', '.join(known)}")

    def as_json(self) -> dict[str, Any]:
        """The result as plain values, for the JSON file that a model card quotes. Numbers have seven digits."""
        scores = {
            score.metric: {
                **_plain(Estimate(score.value, score.uncertainty)),
                **{name: _plain(estimate) for name, estimate in score.baselines.items()},
            }
            for score in self.scores
        }
        left_out = ("scores", "copies", *(name for name in ("matcher", "distance") if not getattr(self, name)))
        rest = {name: value for name, value in asdict(self).items() if name not in left_out}
        return {**rest, "scores": scores, "copies": [copy._asdict() for copy in self.copies]}


def _plain(estimate: Estimate) -> dict[str, float | None]:
    return {name: None if value is None else float(f"{value:.7g}") for name, value in estimate._asdict().items()}

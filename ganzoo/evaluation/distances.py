"""The metrics that are computed from distances between two images: path lengths and diversity."""

from __future__ import annotations

from functools import partial

from ganzoo.evaluation.comparison import Comparison, Pair
from ganzoo.evaluation.diversity import diversity_of_pictures, diversity_of_samples
from ganzoo.evaluation.metrics import Estimate
from ganzoo.evaluation.options import LPIPS, PATHS, EvaluationOptions
from ganzoo.evaluation.pairs import DrawnPairs, Measure, requests_of_pairs
from ganzoo.evaluation.path_length import path_length
from ganzoo.sampling.model import Model

__all__ = ["DistanceMetrics"]


class DistanceMetrics:
    """Computes them for the pairs of a comparison. All processes call it; only the main one gets numbers.

    A model has half as many pairs as images for its diversity, and as many paths as images. Only a model has paths.
    Real pictures give the floor of the diversity: pairs of one class, if the model has classes and the pictures too.
    """

    def __init__(
        self, options: EvaluationOptions, comparison: Comparison, model: Model | None, measure: Measure
    ) -> None:
        self._options = options
        self._comparison = comparison
        self._model = model
        self._measure = measure

    def __call__(self, pair: Pair) -> dict[str, Estimate]:
        """The metrics of a pair, by name, without those that it does not have."""
        is_model = pair is self._comparison.evaluated and self._model is not None
        compute = self._of_model if is_model else partial(self._of_pictures, pair)
        found = {name: compute(name) for name in self._options.by_distance}
        return {name: estimate for name, estimate in found.items() if estimate is not None}

    def _of_model(self, name: str) -> Estimate | None:
        if name == LPIPS:
            return diversity_of_samples(self._drawn(self._comparison.evaluated.images.size // 2), self._measure)
        paths = self._drawn(self._comparison.evaluated.images.size)
        return path_length(paths, self._measure, whole=name != PATHS[0])

    def _of_pictures(self, pair: Pair, name: str) -> Estimate | None:
        if name != LPIPS or (self._model is not None and self._model.task.needs_text):
            return None  # no two pictures have one text
        first, second = self._drawn(2).requests if self._model else (None, None)
        return diversity_of_pictures(pair.images, self._measure, of_one_class=first != second, seed=self._options.seed)

    def _drawn(self, count: int) -> DrawnPairs:
        assert self._model is not None, "a folder of pictures has no pairs to draw"  # noqa: S101
        requests = requests_of_pairs(self._model, self._options, self._comparison.captions, count)
        return DrawnPairs(self._model, requests, self._options.seed)

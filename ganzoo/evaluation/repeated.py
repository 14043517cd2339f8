"""Compute the same scores of a model again and again, while it trains."""

from __future__ import annotations

import torch

from ganzoo.errors import InvalidRequestError
from ganzoo.evaluation.batches import Batches
from ganzoo.evaluation.comparison import ReadOptions, compare
from ganzoo.evaluation.extractors import load_extractor
from ganzoo.evaluation.features import FeatureCache
from ganzoo.evaluation.metrics import METRICS
from ganzoo.evaluation.options import FEWEST, EvaluationOptions
from ganzoo.evaluation.prepare import usual_features
from ganzoo.sampling.model import Model
from ganzoo.utils.progress import Progress, silent

__all__ = ["RepeatedEvaluation"]


class RepeatedEvaluation:
    """Compares the images that `model` generates now with real images, whose features are extracted once.

    The features of real images are in the same cache as those of `evaluate`, and the scores are the same numbers.
    `options.metrics` are names in `METRIC_NAMES`.

    Raises:
        InvalidRequestError: there are too few images.
        DataError: images cannot be read.
        WeightsError: the weights of the feature extractor cannot be downloaded or read.
    """

    def __init__(
        self,
        options: EvaluationOptions,
        model: Model,
        *,
        reading: ReadOptions,
        device: torch.device,
        progress: Progress = silent,
    ) -> None:
        self.options = options
        self._images, reference = compare(options, model, reading=reading).evaluated.parts
        for part in (self._images, reference):
            if part.size < FEWEST:
                raise InvalidRequestError(f"{part.name}: {part.size} images are too few - use at least {FEWEST}")
        self._features = options.features or usual_features(options.against)
        self._network = load_extractor(self._features, device=device, progress=progress)
        self._reference = self._cache(progress).features_of(reference)

    def scores(self) -> dict[str, float]:
        """The scores of the model as it is now, by name, such as ``fid`` or ``recall``."""
        images = self._cache(silent).features_of(self._images)
        found = (METRICS[metric](images, self._reference, self.options.settings) for metric in self.options.metrics)
        return {name: estimate.value for each in found for name, estimate in each.items()}

    def _cache(self, progress: Progress) -> FeatureCache:
        return FeatureCache(self._features, self._network, Batches(progress=progress))

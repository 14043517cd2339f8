"""The networks that the numbers of an evaluation are by, as its result describes them."""

from __future__ import annotations

from ganzoo.evaluation.options import DISTANCE, PATHS, RESIZINGS, EvaluationOptions
from ganzoo.evaluation.pairs import moved_input
from ganzoo.evaluation.prepare import usual_features
from ganzoo.interface.specs import FeatureExtractor
from ganzoo.pretrained.sources import Source
from ganzoo.registry import lookup
from ganzoo.sampling.model import Model

__all__ = ["describe_judges"]

Description = dict[str, str | int]


def describe_judges(options: EvaluationOptions, model: Model | None, matcher: Source | None) -> dict[str, Description]:
    """The networks that the numbers are by: ``features``, ``matcher`` and ``distance``, as far as they are used."""
    known = lookup.registry().feature_extractors
    judges = {}
    if options.by_features or not (matcher or options.by_distance):
        judges["features"] = _describe(known[options.features or usual_features(options.against)], options.resize)
    if matcher is not None:
        judges["matcher"] = _describe_matcher(matcher)
    if options.by_distance:
        judges["distance"] = _describe_distance(known[DISTANCE], options, model)
    return judges


def _describe_matcher(source: Source) -> Description:
    return {"name": source.name, "trained_on": source.info.dataset, "weights_sha256": source.info.sha256}


def _describe_distance(spec: FeatureExtractor, options: EvaluationOptions, model: Model | None) -> Description:
    """The extractor, and which inputs move on the paths, if there are paths."""
    found: Description = {"name": spec.name, "trained_on": spec.dataset, "weights_sha256": spec.digest}
    if model is not None and any(metric in PATHS for metric in options.by_distance):
        found["path"] = moved_input(model, options)
    return found


def _describe(spec: FeatureExtractor, resize: str) -> Description:
    found: Description = {
        "name": spec.name,
        "trained_on": spec.dataset,
        "features": spec.num_features,
        "classes": spec.num_classes,
        "weights_sha256": spec.digest,
    }
    return found if resize == RESIZINGS[0] else {**found, "resize": resize}

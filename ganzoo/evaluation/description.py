"""How the result of an evaluation describes what was compared, and by which networks."""

from __future__ import annotations

from ganzoo.evaluation.comparison import Comparison
from ganzoo.evaluation.options import CLEAN, DISTANCE, LPIPS, PATHS, RESIZINGS, EvaluationOptions
from ganzoo.evaluation.pairs import moved_input
from ganzoo.evaluation.prepare import usual_features
from ganzoo.interface.specs import FeatureExtractor
from ganzoo.pretrained.sources import Source
from ganzoo.registry import lookup
from ganzoo.sampling.engines import describe_difference
from ganzoo.sampling.model import Model

__all__ = ["describe_images", "describe_judges", "notes_on"]

Description = dict[str, str | int]


def describe_images(comparison: Comparison) -> dict[str, dict[str, str | int]]:
    """Kind and number of the images in each part of the comparison. ``judged`` is a key of published JSON files."""
    judged, reference = comparison.evaluated
    parts = {"judged": judged, **{name: pair.images for name, pair in comparison.baselines.items()}}
    if reference is not None:
        parts["reference"] = reference
    return {name: {"what": part.name, "count": part.size} for name, part in parts.items()}


def notes_on(comparison: Comparison, options: EvaluationOptions, model: Model | None) -> list[str]:
    """What was changed in the pictures and their captions, and what changes the numbers, as sentences for users."""
    pairs = (comparison.evaluated, *comparison.baselines.values())
    sets = {id(part.images): part.images for pair in pairs for part in pair.parts}
    notes = [f"{images.name}: {note}" for images in sets.values() for note in images.notes]
    if options.resize == CLEAN:
        notes.append("numbers with clean resizing can be compared only with numbers with clean resizing")
    if LPIPS in options.metrics and options.against is None:
        notes.append("LPIPS diversity has no floor without real images - name some with --against")
    difference = model.bf16_difference() if model else None
    return [*notes, *comparison.notes, *([] if difference is None else [describe_difference(*difference)])]


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

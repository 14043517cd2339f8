"""Check what an evaluation is asked for, without torch: so a wrong option is refused at once."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ganzoo.data.sources import check_source, is_packed_data, pin_source
from ganzoo.errors import InvalidRequestError, UnknownNameError
from ganzoo.evaluation.channels import check_channels
from ganzoo.evaluation.options import (
    ALL_METRICS,
    BY_DISTANCE,
    CLEAN,
    DISTANCE,
    METRIC_NAMES,
    PATHS,
    R_PRECISION,
    RESIZINGS,
    USUAL_FEATURES,
    EvaluationOptions,
)
from ganzoo.pretrained.resolve import resolve
from ganzoo.pretrained.sources import Source
from ganzoo.registry import lookup
from ganzoo.sampling.engines import TORCH, check_engine
from ganzoo.sampling.requests import check_seeds, with_user_names
from ganzoo.utils.files import expand_home
from ganzoo.utils.names import suggest
from ganzoo.weights.folder import CONFIG

__all__ = [
    "Prepared",
    "check_features",
    "check_request",
    "default_against",
    "find_matcher",
    "is_pictures",
    "prepare",
    "usual_features",
    "usual_metrics",
]


class Prepared(NamedTuple):
    """The model that is evaluated, None for a folder of pictures, and the options, which are possible for it.

    `matcher` is the model that compares images with captions, if the options ask for it.
    """

    source: Source | None
    options: EvaluationOptions
    matcher: Source | None = None


def prepare(
    subject: str | Path,
    *,
    against: str | Path | None = None,
    metrics: Sequence[str] | None = None,
    features: str | None = None,
    is_splits: Sequence[int] = EvaluationOptions.is_splits,
    needs_real: bool = False,
    **options: Any,
) -> Prepared:
    """Complete and check the options of an evaluation; `ganzoo.evaluate` explains them. No weights are loaded.

    With `needs_real`, the caller needs real images, whichever the metrics are.

    Raises:
        UsageError: an option is wrong.
    """
    source = None if is_pictures(str(subject)) else resolve(subject)
    name = str(subject) if source is None else source.name
    if against is None and (needs_real or metrics is None or not set(metrics) <= set(BY_DISTANCE)):
        against = default_against(name, source)
    if against is not None:
        check_source(str(against))
        against = pin_source(str(against))
    wanted = usual_metrics(features or usual_features(against)) if metrics is None else tuple(metrics)
    chosen = EvaluationOptions(
        subject=name, against=against, features=features, metrics=wanted, is_splits=tuple(is_splits), **options
    )
    if chosen.by_features and features is None:
        chosen = dataclasses.replace(chosen, features=usual_features(against))
    _check_options(chosen)
    check_request(source, chosen)
    return Prepared(source, chosen, find_matcher(source, chosen))


def usual_metrics(features: str) -> tuple[str, ...]:
    """The metrics that are computed if none are named: those by features. There is no IS without a classifier.

    Raises:
        UnknownNameError: there is no such feature extractor.
    """
    is_classifier = lookup.registry().feature_extractors[features].num_classes > 0
    return tuple(metric for metric in METRIC_NAMES if metric != "is" or is_classifier)


def find_matcher(source: Source | None, options: EvaluationOptions) -> Source | None:
    """The model that compares images with captions: the one that is named, or else the one that is evaluated.

    Raises:
        InvalidRequestError: there is none, or nothing for it to do.
        UnknownNameError: there is no such model.
    """
    if not options.by_texts and options.matcher is not None:
        raise InvalidRequestError(f"--matcher is for the metric {R_PRECISION} - add it with --metrics")
    found = source if options.matcher is None else resolve(options.matcher)
    if options.by_texts and (found is None or not found.info.subject.task.needs_text):
        name = options.matcher or options.subject
        raise InvalidRequestError(f"{name} compares no images with texts - name a model that does with --matcher")
    return found if options.by_texts else None


def is_pictures(subject: str) -> bool:
    """Whether `subject` means pictures, in a folder or in files or on the Hub, and not a model."""
    if subject in lookup.registry().models:
        return False
    folder = expand_home(subject)
    if folder.is_dir():
        return not (folder / CONFIG).is_file()
    return is_packed_data(subject)


def default_against(subject: str, source: Source | None) -> str:
    """The data set that the model says it has learned.

    Raises:
        InvalidRequestError: it names none that is known here, or `source` is None: `subject` is a folder of pictures.
    """
    remedy = "say with --against what to compare it with: a data set by name, or a folder of real images"
    if source is None:
        raise InvalidRequestError(f"{subject} is a folder of pictures: {remedy}")
    dataset = source.info.dataset
    try:
        check_source(dataset)
    except UnknownNameError as error:
        raise InvalidRequestError(f"{subject} learned {dataset}, which is not here: {remedy}") from error
    return dataset


def check_request(source: Source | None, options: EvaluationOptions) -> None:
    """Refuse options of the request that the model, or a folder of pictures, does not take.

    Raises:
        InvalidRequestError: names the options.
    """
    asked = options.request if options.precision == "fp32" else {**options.request, "precision": options.precision}
    if source is not None:
        source.info.subject.request(source.name, **options.request)
        for extractor in (options.features, DISTANCE if options.by_distance else None):
            if extractor is not None:
                check_channels(extractor, source.info.subject.config.image_shape[0], of=source.name)
    elif asked:
        given = " and no ".join(with_user_names(asked))
        raise InvalidRequestError(f"{options.subject} is a folder of pictures: it takes no {given} - leave it out")
    _check_distances(source, options)


def _check_distances(source: Source | None, options: EvaluationOptions) -> None:
    """Refuse path lengths of what has no paths, and the diversity of translations, which is that of their sources.

    Raises:
        InvalidRequestError: says why.
    """
    paths = [metric for metric in options.by_distance if metric in PATHS]
    if source is None and paths:
        text = f"{options.subject} is a folder of pictures: there are no paths for {paths[0]}"
        raise InvalidRequestError(f"{text} - name a model")
    if source is not None and source.info.subject.task.from_images and options.by_distance:
        text = f"{options.subject} translates pictures: it has no latents for {options.by_distance[0]}"
        raise InvalidRequestError(f"{text} - leave it out of --metrics")
    if options.precision != "fp32" and paths:
        text = f"{paths[0]} compares nearly equal images, which {options.precision} rounds away"
        raise InvalidRequestError(f"{text} - leave out --precision")


def check_features(features: str, metrics: Sequence[str], resize: str = RESIZINGS[0]) -> None:
    """Refuse metrics and a resizing that are not possible with a feature extractor.

    Raises:
        UnknownNameError: there is no such extractor.
        InvalidRequestError: it is no classifier, and has no IS; or it takes images of any size as they are.
    """
    spec = lookup.registry().feature_extractors[features]
    if "is" in metrics and not spec.num_classes:
        text = f"{features} is no classifier, so there is no IS by it"
        raise InvalidRequestError(f"{text} - leave `is` out of --metrics, or choose other --features")
    if resize == CLEAN and spec.input_size is None:
        raise InvalidRequestError(f"{features} takes images of any size as they are - leave out --resize {resize}")


def usual_features(against: str | None) -> str:
    """The first extractor that was trained on the data set, or else Inception."""
    extractors = lookup.registry().feature_extractors
    return next((name for name, spec in extractors.items() if spec.dataset == against), USUAL_FEATURES)


def _check_options(options: EvaluationOptions) -> None:
    """Refuse wrong options before anything is loaded."""
    for metric in options.metrics:
        if metric not in ALL_METRICS:
            raise UnknownNameError(f"there is no metric {metric!r}{suggest(metric, ALL_METRICS)}")
    if not options.metrics:
        raise InvalidRequestError(f"there is no metric to compute - name one of {', '.join(ALL_METRICS)}")
    if options.resize not in RESIZINGS:
        raise UnknownNameError(f"there is no resizing {options.resize!r}{suggest(options.resize, RESIZINGS)}")
    if options.resize != RESIZINGS[0] and not options.by_features:
        names = ", ".join(METRIC_NAMES)
        raise InvalidRequestError(f"--resize {options.resize} is for metrics by features - add one of {names}")
    if options.limit is not None and options.against is None:
        raise InvalidRequestError("--limit is about real images, which these metrics do not need - leave it out")
    if options.features is not None:
        check_features(options.features, options.metrics, options.resize)
    check_engine(TORCH, options.precision)
    check_seeds(options.count or 1, options.seed, 1)
    if any(splits < 1 for splits in options.is_splits):
        raise InvalidRequestError(f"IS has at least 1 split, not {min(options.is_splits)}")

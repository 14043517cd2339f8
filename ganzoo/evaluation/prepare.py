"""Check what an evaluation is asked for, without torch: so a wrong option is refused at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from ganzoo.data.sources import check_source, is_packed_data, pin_source
from ganzoo.errors import InvalidRequestError, UnknownNameError
from ganzoo.evaluation.options import METRIC_NAMES, R_PRECISION, EvaluationOptions
from ganzoo.pretrained.resolve import resolve
from ganzoo.pretrained.sources import Source
from ganzoo.registry import lookup
from ganzoo.sampling.engines import TORCH, check_engine
from ganzoo.sampling.requests import check_seeds, with_user_names
from ganzoo.utils.files import expand_home
from ganzoo.utils.names import suggest
from ganzoo.weights.folder import CONFIG

__all__ = [
    "USUAL_FEATURES",
    "Prepared",
    "check_request",
    "default_against",
    "find_matcher",
    "is_pictures",
    "prepare",
    "usual_features",
]

USUAL_FEATURES = "inception"
"""The features for data sets that no extractor was trained on."""


class Prepared(NamedTuple):
    """The model that is evaluated, None for a folder of pictures, and the options, which are possible for it.

    `matcher` is the model that compares images with captions, if the options ask for it.
    """

    source: Source | None
    options: EvaluationOptions
    matcher: Source | None = None


def prepare(
    subject: str | Path, *, against: str | Path | None = None, features: str | None = None, **options: Any
) -> Prepared:
    """Complete and check the options of an evaluation; `ganzoo.evaluate` explains them. No weights are loaded.

    Raises:
        UsageError: an option is wrong.
    """
    source = None if is_pictures(str(subject)) else resolve(subject)
    name = str(subject) if source is None else source.name
    against = str(against) if against is not None else default_against(name, source)
    check_source(against)
    against = pin_source(against)
    sequences: dict[str, Any] = {o: tuple(options.pop(o)) for o in ("metrics", "is_splits") if o in options}
    chosen = EvaluationOptions(
        subject=name, against=against, features=features or usual_features(against), **sequences, **options
    )
    _check_options(chosen)
    check_request(source, chosen)
    return Prepared(source, chosen, find_matcher(source, chosen))


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
    elif asked:
        given = " and no ".join(with_user_names(asked))
        raise InvalidRequestError(f"{options.subject} is a folder of pictures: it takes no {given}")


def usual_features(against: str) -> str:
    """The first extractor that was trained on the data set, or else Inception."""
    extractors = lookup.registry().feature_extractors
    return next((name for name, spec in extractors.items() if spec.dataset == against), USUAL_FEATURES)


def _check_options(options: EvaluationOptions) -> None:
    """Refuse wrong options before anything is loaded."""
    for metric in options.metrics:
        if metric not in (*METRIC_NAMES, R_PRECISION):
            raise UnknownNameError(f"there is no metric {metric!r}{suggest(metric, (*METRIC_NAMES, R_PRECISION))}")
    if not options.metrics:
        raise InvalidRequestError(
            f"there is no metric to compute - name one of {', '.join((*METRIC_NAMES, R_PRECISION))}"
        )
    lookup.registry().feature_extractors[options.features]  # raises UnknownNameError
    check_engine(TORCH, options.precision)
    check_seeds(options.count or 1, options.seed, 1)
    if any(splits < 1 for splits in options.is_splits):
        raise InvalidRequestError(f"IS has at least 1 split, not {min(options.is_splits)}")

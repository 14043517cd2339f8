"""Evaluate images: compute metrics for them and for baselines, and warn about numbers that mean little."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from ganzoo.data.load import check_source
from ganzoo.errors import InvalidRequestError, UnknownNameError
from ganzoo.evaluation.caveats import about_copies, caveats
from ganzoo.evaluation.comparison import Comparison, Pair, ReadOptions, compare, default_against, is_pictures
from ganzoo.evaluation.extractors import load_extractor
from ganzoo.evaluation.features import FeatureCache
from ganzoo.evaluation.memorization import NearestTrainingImage, most_memorized, write_sheet
from ganzoo.evaluation.metrics import METRICS, Estimate
from ganzoo.evaluation.options import EvaluationOptions
from ganzoo.evaluation.result import Evaluation, Score
from ganzoo.interface.specs import FeatureExtractor
from ganzoo.pretrained.load import load_from
from ganzoo.pretrained.resolve import resolve
from ganzoo.pretrained.sources import Source
from ganzoo.registry import lookup
from ganzoo.sampling.model import Model
from ganzoo.sampling.requests import check_seeds, with_user_names
from ganzoo.utils.devices import resolve_device
from ganzoo.utils.names import suggest
from ganzoo.utils.precision import float32_on_cpu
from ganzoo.utils.progress import Progress, silent

__all__ = ["evaluate"]

FEWEST = 10
"""Fewer images than this are refused."""

USUAL_FEATURES = "inception"
"""The features for data sets that no extractor was trained on."""


@float32_on_cpu()
def evaluate(
    subject: str | Path,
    *,
    against: str | Path | None = None,
    metrics: Sequence[str] = tuple(METRICS),
    count: int | None = None,
    seed: int = 0,
    features: str | None = None,
    is_splits: Sequence[int] = (1, 10),
    direction: str | None = None,
    label: int | str | None = None,
    truncation: float | None = None,
    limit: int | None = None,
    sheet: Path | None = None,
    data_dir: str | Path = "data",
    device: str = "auto",
    batch_size: int = 100,
    workers: int = 0,
    progress: Progress = silent,
) -> Evaluation:
    """Compare the images of a model, or of a folder, with real images.

    `subject` is a model by its name or its folder, or a folder of pictures. `against` is a data set by name or a
    folder, by default the data set that the model was trained on; `ganzoo.evaluation.comparison.compare` says which of
    its images are used. `metrics` are names in `METRICS`, and `is_splits` the numbers of splits of IS.

    `count` images are compared, by default 10,000 samples of a model, and all images otherwise. Sample i has seed
    `seed` + i, and all other random choices depend on `seed` too. `direction` is that of a translation, `truncation`
    that of class-conditional samples. With `label`, a class by name or number, samples of this class are compared with
    real images of the same class.

    `features` is the name of a feature extractor, by default one that was trained on `against`, or else Inception.
    `limit` keeps that many real images from the start. `sheet` is a picture file for the samples that are nearest to a
    training image, each next to it. `progress` is called for downloads, and for images as features are extracted.
    `data_dir` is the folder of named data sets, `batch_size` the number of images at a time, and `workers` the number
    of processes that read pictures.

    Raises:
        UsageError: an option is wrong, or there are too few images.
        DataError: images cannot be read.
        WeightsError: weights cannot be downloaded or read.
    """
    source = None if is_pictures(str(subject)) else resolve(subject)
    name = str(subject) if source is None else source.name
    against = str(against) if against is not None else default_against(name, source)
    check_source(against)
    options = EvaluationOptions(
        subject=name,
        against=against,
        features=features or _usual_features(against),
        count=count,
        seed=seed,
        metrics=tuple(metrics),
        is_splits=tuple(is_splits),
        direction=direction,
        label=label,
        truncation=truncation,
        limit=limit,
    )
    _check(options)
    resolved = resolve_device(device)
    model = _model(name, source, resolved, options.request, progress)
    comparison = compare(options, model, reading=ReadOptions(root=data_dir, workers=workers))
    _check_counts(comparison, options)
    network = load_extractor(options.features, device=resolved, progress=progress)
    cache = FeatureCache(options.features, network, batch_size=batch_size, progress=progress)
    scores = _scores(comparison, cache, options)
    nearest = _show_memorized(comparison.evaluated, cache, sheet) if sheet else []
    return _result(comparison, options, scores, nearest)


def _model(
    name: str, source: Source | None, device: torch.device, asked: Mapping[str, Any], progress: Progress
) -> Model | None:
    """The model, which must have all options of the request `asked`; None for a folder of pictures."""
    if source is None:
        if asked:
            options = " and no ".join(with_user_names(asked))
            raise InvalidRequestError(f"{name} is a folder of pictures: it takes no {options}")
        return None
    source.info.subject.request(name, **asked)
    return load_from(source, device=device, progress=progress)


def _show_memorized(evaluated: Pair, cache: FeatureCache, sheet: Path) -> list[NearestTrainingImage]:
    """The images that are nearest to a training image, which are drawn on the sheet."""
    images, reference = (cache.features_of(part).features for part in evaluated)
    found = most_memorized(images, reference)
    write_sheet(evaluated.images, evaluated.reference, found, sheet)
    return found


def _result(
    comparison: Comparison,
    options: EvaluationOptions,
    scores: Sequence[Score],
    nearest: Sequence[NearestTrainingImage],
) -> Evaluation:
    spec = lookup.registry().feature_extractors[options.features]
    return Evaluation(
        subject=options.subject,
        against=options.against,
        seed=options.seed,
        images=_parts(comparison),
        features=_describe(spec),
        scores=scores,
        warnings=[*caveats(comparison, options, spec), *about_copies(scores)],
        notes=_notes(comparison),
        command=dataclasses.replace(options, count=comparison.evaluated.images.size).command,
        copies=nearest,
    )


def _usual_features(against: str) -> str:
    """The first extractor that was trained on the data set, or else Inception."""
    extractors = lookup.registry().feature_extractors
    return next((name for name, spec in extractors.items() if spec.dataset == against), USUAL_FEATURES)


def _check(options: EvaluationOptions) -> None:
    """Refuse wrong options before anything is loaded."""
    for metric in options.metrics:
        if metric not in METRICS:
            raise UnknownNameError(f"there is no metric {metric!r}{suggest(metric, METRICS)}")
    if not options.metrics:
        raise InvalidRequestError(f"there is no metric to compute - name one of {', '.join(METRICS)}")
    lookup.registry().feature_extractors[options.features]  # raises UnknownNameError
    check_seeds(options.count or 1, options.seed, 1)
    if any(splits < 1 for splits in options.is_splits):
        raise InvalidRequestError(f"IS has at least 1 split, not {min(options.is_splits)}")


def _check_counts(comparison: Comparison, options: EvaluationOptions) -> None:
    pairs = (comparison.evaluated, *comparison.baselines.values())
    for part in (part for pair in pairs for part in pair):
        if part.size < FEWEST:
            raise InvalidRequestError(f"{part.name}: {part.size} images are too few - use at least {FEWEST}")
    fewest = min(pair.images.size for pair in pairs)
    if max(options.is_splits, default=1) > fewest:
        raise InvalidRequestError(
            f"{fewest} images cannot be split into {max(options.is_splits)} parts - use fewer --is-splits"
        )


def _scores(comparison: Comparison, cache: FeatureCache, options: EvaluationOptions) -> list[Score]:
    """Compute each metric for the evaluated images and for the baselines."""

    def estimate(pair: Pair) -> dict[str, Estimate]:
        images, reference = map(cache.features_of, pair)
        found = (METRICS[metric](images, reference, options.settings) for metric in dict.fromkeys(options.metrics))
        return {name: value for each in found for name, value in each.items()}

    evaluated = estimate(comparison.evaluated)
    baselines = {name: estimate(pair) for name, pair in comparison.baselines.items()}
    return [
        Score(metric, *value, baselines={name: estimates[metric] for name, estimates in baselines.items()})
        for metric, value in evaluated.items()
    ]


def _parts(comparison: Comparison) -> dict[str, dict[str, str | int]]:
    """Kind and number of the images in each part of the comparison. ``judged`` is a key of published JSON files."""
    pairs = {"judged": comparison.evaluated, **comparison.baselines}
    parts = {name: pair.images for name, pair in pairs.items()} | {"reference": comparison.evaluated.reference}
    return {name: {"what": part.name, "count": part.size} for name, part in parts.items()}


def _notes(comparison: Comparison) -> list[str]:
    pairs = (comparison.evaluated, *comparison.baselines.values())
    sets = {id(part.images): part.images for pair in pairs for part in pair}
    return [f"{images.name}: {note}" for images in sets.values() for note in images.notes]


def _describe(spec: FeatureExtractor) -> dict[str, str | int]:
    return {
        "name": spec.name,
        "trained_on": spec.dataset,
        "features": spec.num_features,
        "classes": spec.num_classes,
        "weights_sha256": spec.weights.sha256,
    }

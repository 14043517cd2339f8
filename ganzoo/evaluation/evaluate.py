"""Evaluate images: compute metrics for them and for baselines, and warn about numbers that mean little."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from ganzoo.errors import InvalidRequestError
from ganzoo.evaluation.caveats import about_captions, about_copies, caveats
from ganzoo.evaluation.comparison import Comparison, Pair, ReadOptions, compare
from ganzoo.evaluation.extractors import load_extractor
from ganzoo.evaluation.features import FeatureCache
from ganzoo.evaluation.memorization import NearestTrainingImage, most_memorized, write_sheet
from ganzoo.evaluation.metrics import METRICS, Estimate
from ganzoo.evaluation.options import FEWEST, METRIC_NAMES, R_PRECISION, EvaluationOptions
from ganzoo.evaluation.prepare import Prepared, prepare
from ganzoo.evaluation.r_precision import MatchingModel, r_precision
from ganzoo.evaluation.result import Evaluation, Score
from ganzoo.interface.specs import FeatureExtractor
from ganzoo.pretrained.load import load_from
from ganzoo.pretrained.sources import Source
from ganzoo.registry import lookup
from ganzoo.sampling.engines import TORCH, check_engine, describe_difference
from ganzoo.sampling.model import Model
from ganzoo.utils.devices import resolve_device
from ganzoo.utils.precision import float32_on_cpu
from ganzoo.utils.progress import Progress, silent

__all__ = ["evaluate", "evaluate_prepared"]

Estimator = Callable[[Pair], dict[str, Estimate]]
"""Computes metrics of a pair, by name."""


def evaluate(
    subject: str | Path,
    *,
    against: str | Path | None = None,
    metrics: Sequence[str] = METRIC_NAMES,
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
    engine: str = TORCH,
    precision: str = "fp32",
    matcher: str | Path | None = None,
    batch_size: int = 100,
    workers: int = 0,
    progress: Progress = silent,
) -> Evaluation:
    """Compare the images of a model, or of a folder, with real images.

    `subject` is a model by its name or its folder, or a folder of pictures. `against` is a data set by name or a
    folder, by default the data set that the model was trained on; `ganzoo.evaluation.comparison.compare` says which of
    its images are used. `metrics` are names in `METRIC_NAMES`, and `is_splits` the numbers of splits of IS. The metric
    ``r-precision`` tells how well images fit their captions: those of the folder `against`. `matcher` is the model that
    compares the two, by default the subject itself.

    `count` images are compared, by default 10,000 samples of a model, and all images otherwise. Sample i has seed
    `seed` + i, and all other random choices depend on `seed` too. `direction` is that of a translation, `truncation`
    that of class-conditional samples. With `label`, a class by name or number, samples of this class are compared with
    real images of the same class.

    `features` is the name of a feature extractor, by default one that was trained on `against`, or else Inception.
    `limit` keeps that many real images from the start. `sheet` is a picture file for the samples that are nearest to a
    training image, each next to it. `progress` is called for downloads, and for images as features are extracted.
    `engine` and `precision` are those of `Model.use`; features are extracted in 32 bits by PyTorch.
    `data_dir` is the folder of named data sets, `batch_size` the number of images at a time, and `workers` the number
    of processes that read pictures.

    Raises:
        UsageError: an option is wrong, or there are too few images.
        DataError: images cannot be read.
        WeightsError: weights cannot be downloaded or read.
    """
    prepared = prepare(
        subject,
        against=against,
        metrics=metrics,
        count=count,
        seed=seed,
        features=features,
        is_splits=is_splits,
        direction=direction,
        label=label,
        truncation=truncation,
        limit=limit,
        precision=precision,
        matcher=None if matcher is None else str(matcher),
    )
    return evaluate_prepared(
        prepared,
        sheet=sheet,
        data_dir=data_dir,
        device=device,
        engine=engine,
        batch_size=batch_size,
        workers=workers,
        progress=progress,
    )


@float32_on_cpu()
def evaluate_prepared(
    prepared: Prepared,
    *,
    sheet: Path | None = None,
    data_dir: str | Path = "data",
    device: str = "auto",
    engine: str = TORCH,
    batch_size: int = 100,
    workers: int = 0,
    progress: Progress = silent,
) -> Evaluation:
    """As `evaluate`, with options that `prepare` has checked."""
    source, options, matcher = prepared
    precision = options.precision
    check_engine(engine, precision)
    resolved = resolve_device(device)
    model = None
    if source is not None:
        model = load_from(source, device=resolved, engine=engine, precision=precision, progress=progress)
    comparison = compare(options, model, reading=ReadOptions(root=data_dir, workers=workers))
    _check_counts(comparison, options)
    estimators: list[Estimator] = []
    nearest: list[NearestTrainingImage] = []
    if options.by_features or sheet:
        network = load_extractor(options.features, device=resolved, progress=progress)
        cache = FeatureCache(options.features, network, batch_size=batch_size, progress=progress)
        nearest = _show_memorized(comparison.evaluated, cache, sheet) if sheet else []
        estimators.append(partial(_by_features, cache, options))
    if matcher is not None:
        same = model if matcher == source else None
        matching = MatchingModel(same or load_from(matcher, device=resolved, progress=progress))
        compared = partial(r_precision, matcher=matching, seed=options.seed, batch_size=batch_size, progress=progress)
        estimators.append(partial(_by_texts, compared, comparison))
    scores = _scores(comparison, estimators)
    return _result(comparison, options, scores, nearest, model, matcher)


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
    model: Model | None,
    matcher: Source | None,
) -> Evaluation:
    spec = lookup.registry().feature_extractors[options.features]
    warnings = [*caveats(comparison, options, spec), *about_copies(scores)]
    return Evaluation(
        subject=options.subject,
        against=options.against,
        seed=options.seed,
        images=_parts(comparison),
        features=_describe(spec) if options.by_features or matcher is None else _describe_matcher(matcher),
        matcher={} if matcher is None else _describe_matcher(matcher),
        scores=scores,
        warnings=[*warnings, *about_captions(options, model, comparison)],
        notes=[*_notes(comparison), *_notes_on_precision(model)],
        command=dataclasses.replace(options, count=comparison.evaluated.images.size).command,
        copies=nearest,
    )


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


def _by_features(cache: FeatureCache, options: EvaluationOptions, pair: Pair) -> dict[str, Estimate]:
    images, reference = map(cache.features_of, pair)
    found = (METRICS[metric](images, reference, options.settings) for metric in options.by_features)
    return {name: value for each in found for name, value in each.items()}


def _by_texts(compare_texts: Callable[..., Estimate], comparison: Comparison, pair: Pair) -> dict[str, Estimate]:
    return {R_PRECISION: compare_texts(pair.images, captions=comparison.captions)}


def _scores(comparison: Comparison, estimators: Sequence[Estimator]) -> list[Score]:
    """Compute each metric for the evaluated images and for the baselines."""

    def estimate(pair: Pair) -> dict[str, Estimate]:
        return {name: value for estimator in estimators for name, value in estimator(pair).items()}

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


def _notes_on_precision(model: Model | None) -> list[str]:
    difference = model.bf16_difference() if model else None
    return [] if difference is None else [describe_difference(*difference)]


def _describe_matcher(source: Source) -> dict[str, str | int]:
    return {"name": source.name, "trained_on": source.info.dataset, "weights_sha256": source.info.sha256}


def _describe(spec: FeatureExtractor) -> dict[str, str | int]:
    return {
        "name": spec.name,
        "trained_on": spec.dataset,
        "features": spec.num_features,
        "classes": spec.num_classes,
        "weights_sha256": spec.weights.sha256,
    }

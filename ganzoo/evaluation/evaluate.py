"""Evaluate images: compute metrics for them and for baselines, and warn about numbers that mean little."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import cast

import torch

from ganzoo.distributed.processes import join_process_group
from ganzoo.errors import InvalidRequestError
from ganzoo.evaluation.batches import Batches
from ganzoo.evaluation.caveats import about_captions, about_copies, caveats
from ganzoo.evaluation.comparison import Comparison, Pair, ReadOptions, compare
from ganzoo.evaluation.description import describe_images, describe_judges, notes_on
from ganzoo.evaluation.distances import DistanceMetrics
from ganzoo.evaluation.extractors import load_extractor
from ganzoo.evaluation.features import FeatureCache
from ganzoo.evaluation.memorization import NearestTrainingImage, most_memorized, write_sheet
from ganzoo.evaluation.metrics import METRICS, Estimate
from ganzoo.evaluation.options import (
    DISTANCE,
    FEWEST,
    R_PRECISION,
    RESIZINGS,
    EvaluationOptions,
)
from ganzoo.evaluation.pairs import Measure
from ganzoo.evaluation.prepare import Prepared, prepare, usual_features
from ganzoo.evaluation.r_precision import MatchingModel, r_precision
from ganzoo.evaluation.result import Evaluation, Score
from ganzoo.pretrained.load import load_from
from ganzoo.pretrained.sources import Source
from ganzoo.sampling.engines import TORCH, check_engine
from ganzoo.sampling.model import Model
from ganzoo.utils.precision import float32_on_cpu
from ganzoo.utils.progress import Progress, silent

__all__ = ["evaluate", "evaluate_prepared"]

Estimator = Callable[[Pair], dict[str, Estimate]]
"""Computes metrics of a pair, by name."""


def evaluate(
    subject: str | Path,
    *,
    against: str | Path | None = None,
    metrics: Sequence[str] | None = None,
    count: int | None = None,
    seed: int = 0,
    features: str | None = None,
    resize: str = RESIZINGS[0],
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
    its images are used. `metrics` are names in `ALL_METRICS`, by default those by features, and `is_splits` the numbers
    of splits of IS. The metric ``r-precision`` tells how well images fit their captions: those of the folder `against`.
    `matcher` is the model that compares the two, by default the subject itself. ``ppl`` and ``ppl-full`` are path
    lengths, and ``lpips`` is the diversity of samples. These three need no real images: only those that `against` names
    are read, for the floor of ``lpips``.

    `count` images are compared, by default 10,000 samples of a model, and all images otherwise. Sample i has seed
    `seed` + i, and all other random choices depend on `seed` too. `direction` is that of a translation, `truncation`
    that of class-conditional samples. With `label`, a class by name or number, samples of this class are compared with
    real images of the same class.

    `features` is the name of a feature extractor, by default one that was trained on `against`, or else Inception.
    With `resize` ``clean``, images are resized with antialiasing to the size that it takes (arXiv:2104.11222); with
    ``own``, it resizes them itself. `limit` keeps that many real images from the start. `sheet` is a picture file for
    the samples that are nearest to a training image, each next to it. `progress` is called for downloads, and for
    images as features are extracted. `engine` and `precision` are those of `Model.use`; features are extracted in 32
    bits by PyTorch. `data_dir` is the folder of named data sets, `batch_size` the number of images at a time, and
    `workers` the number of processes that read pictures.

    If ``torchrun`` has started several processes, all of them call this. They share the images, and all get the
    result, which is that of a single process.

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
        resize=resize,
        is_splits=is_splits,
        direction=direction,
        label=label,
        truncation=truncation,
        limit=limit,
        precision=precision,
        matcher=None if matcher is None else str(matcher),
        needs_real=sheet is not None,
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
    check_engine(engine, options.precision)
    processes, here = join_process_group(device)
    batches = Batches(size=batch_size, progress=progress if processes.is_main else silent, processes=processes)
    model = cache = None
    with processes.main_first():  # it downloads; the others find the files then
        if source is not None:
            model = load_from(
                source, device=here, engine=engine, precision=options.precision, progress=batches.progress
            )
        comparison = compare(options, model, reading=ReadOptions(root=data_dir, workers=workers))
        _check_counts(comparison, options)
        if options.by_features or sheet:
            cache = _load_features(options, here, batches)
        estimators = _load_estimators(prepared, comparison, model, cache, here, batches)
    scores = _scores(comparison, estimators)
    found = None
    if processes.is_main:
        nearest = _show_memorized(comparison.evaluated, cache, sheet) if cache and sheet else []
        found = _result(comparison, options, scores, nearest, model, matcher)
    return cast("Evaluation", processes.from_main(found))


def _load_features(options: EvaluationOptions, here: torch.device, batches: Batches) -> FeatureCache:
    """The extractor that the options name, or else the usual one, and the features that it has extracted."""
    name = options.features or usual_features(options.against)
    network = load_extractor(name, device=here, progress=batches.progress)
    return FeatureCache(name, network, batches, resize=options.resize)


def _load_estimators(
    prepared: Prepared,
    comparison: Comparison,
    model: Model | None,
    cache: FeatureCache | None,
    here: torch.device,
    batches: Batches,
) -> list[Estimator]:
    """What computes the metrics of the options, with the networks that it needs."""
    source, options, matcher = prepared
    found: list[Estimator] = []
    if cache is not None:
        found.append(partial(_by_features, cache, options))
    if options.by_distance:
        measure = Measure(load_extractor(DISTANCE, device=here, progress=batches.progress), batches)
        found.append(DistanceMetrics(options, comparison, model, measure))
    if matcher is not None:
        same = model if matcher == source else None
        matching = MatchingModel(same or load_from(matcher, device=here, progress=batches.progress))
        found.append(partial(_by_texts, matching, comparison, options, batches))
    return found


def _show_memorized(evaluated: Pair, cache: FeatureCache, sheet: Path) -> list[NearestTrainingImage]:
    """The images that are nearest to a training image, which are drawn on the sheet."""
    images, reference = (cache.features_of(part).features for part in evaluated.parts)
    found = most_memorized(images, reference)
    write_sheet(*evaluated.parts, found=found, path=sheet)
    return found


def _result(
    comparison: Comparison,
    options: EvaluationOptions,
    scores: Sequence[Score],
    nearest: Sequence[NearestTrainingImage],
    model: Model | None,
    matcher: Source | None,
) -> Evaluation:
    judges = describe_judges(options, model, matcher)
    warnings = [*caveats(comparison, options), *about_copies(scores), *about_captions(options, model, comparison)]
    return Evaluation(
        subject=options.subject,
        against=options.against,
        seed=options.seed,
        images=describe_images(comparison),
        features=next(iter(judges.values())),
        matcher=judges.get("matcher", {}),
        distance=judges.get("distance", {}),
        scores=scores,
        warnings=warnings,
        notes=notes_on(comparison, options, model),
        command=dataclasses.replace(options, count=comparison.evaluated.images.size).command,
        copies=nearest,
    )


def _check_counts(comparison: Comparison, options: EvaluationOptions) -> None:
    pairs = (comparison.evaluated, *comparison.baselines.values())
    for part in (part for pair in pairs for part in pair.parts):
        if part.size < FEWEST:
            raise InvalidRequestError(f"{part.name}: {part.size} images are too few - use at least {FEWEST}")
    fewest = min(pair.images.size for pair in pairs)
    if max(options.is_splits, default=1) > fewest:
        raise InvalidRequestError(
            f"{fewest} images cannot be split into {max(options.is_splits)} parts - use fewer --is-splits"
        )


def _by_features(cache: FeatureCache, options: EvaluationOptions, pair: Pair) -> dict[str, Estimate]:
    """The metrics by features. All processes extract features; the main one computes numbers from them."""
    for part in pair.parts:
        cache.extract(part)
    if not cache.has_features:
        return {}
    images, reference = map(cache.features_of, pair.parts)
    found = (METRICS[metric](images, reference, options.settings) for metric in options.by_features)
    return {name: value for each in found for name, value in each.items()}


def _by_texts(
    matching: MatchingModel, comparison: Comparison, options: EvaluationOptions, batches: Batches, pair: Pair
) -> dict[str, Estimate]:
    """R-precision. All processes embed images; the main one compares them with captions."""
    if comparison.captions is None:
        return {}
    value = r_precision(pair.images, matching, comparison.captions, seed=options.seed, batches=batches)
    return {} if value is None else {R_PRECISION: value}


def _scores(comparison: Comparison, estimators: Sequence[Estimator]) -> list[Score]:
    """Compute each metric for the evaluated images and for the baselines."""

    def estimate(pair: Pair) -> dict[str, Estimate]:
        return {name: value for estimator in estimators for name, value in estimator(pair).items()}

    evaluated = estimate(comparison.evaluated)
    baselines = {name: estimate(pair) for name, pair in comparison.baselines.items()}
    return [
        Score(metric, *value, baselines={name: each[metric] for name, each in baselines.items() if metric in each})
        for metric, value in evaluated.items()
    ]

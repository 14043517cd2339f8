"""How good images are: metrics beside what real images come to, the features they rest on, and what they cannot say."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch

from ganzoo.data.load import check_source
from ganzoo.errors import InvalidRequestError, UnknownNameError
from ganzoo.evaluation.caveats import caveats
from ganzoo.evaluation.comparison import Comparison, DataOptions, Pair, Part, compare, default_against, is_pictures
from ganzoo.evaluation.extractors import load_extractor
from ganzoo.evaluation.features import see
from ganzoo.evaluation.image_sets import ImageSet
from ganzoo.evaluation.memorization import Copy, closest, write_sheet
from ganzoo.evaluation.metrics import METRICS, Estimate, Settings
from ganzoo.evaluation.result import Evaluation, Score
from ganzoo.interface.extractor import ExtractorOutput
from ganzoo.pretrained import resolve
from ganzoo.pretrained.load import load
from ganzoo.registry import lookup
from ganzoo.sampling.model import Model
from ganzoo.sampling.requests import check_seeds, with_user_names
from ganzoo.utils.devices import resolve_device
from ganzoo.utils.names import suggest
from ganzoo.utils.progress import Progress, silent

__all__ = ["evaluate"]

LEAST = 10
"""Of fewer images nothing is said."""

USUAL = "inception"
"""The features for data sets that have none of their own."""


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
    """Compare a model's images, or a folder's, with real ones.

    `subject` is a model by name or folder, or a folder of pictures. `against` is a data set by name or a folder,
    by default what the model says it learned; see `ganzoo.comparisons.compare` for what becomes of it. `count`
    images are compared, by default 10,000 samples of a model and all there are else; sample i has seed `seed` + i,
    and every other choice follows from `seed` too. `direction` is of a translation, `truncation` of samples of
    classes; with `label`, a class by name or number, its samples are compared with real images of the same class.
    `features` names a registered extractor, by default one that was trained on `against`, else Inception.
    `limit` keeps the first so many real images. `sheet` is a picture file for the samples that are most like a
    training image, each beside it. `progress` is told of downloads and of the images that have been looked at.

    Raises:
        UsageError: what is asked for cannot be, or there are too few images.
        DataError: images cannot be read.
        WeightsError: weights cannot be fetched or read.
    """
    name = str(subject)
    against = str(against) if against is not None else default_against(name)
    check_source(against)
    features = features or _usual_features(against)
    settings = Settings(seed=seed, is_splits=tuple(is_splits))
    _check(metrics, features, settings, count)
    place = resolve_device(device)
    asked = _given(direction=direction, label=label, truncation=truncation)
    model = _model(name, place, asked, progress)
    options = DataOptions(seed=seed, limit=limit, root=data_dir, workers=workers)
    comparison = compare(name, against, model=model, count=count, asked=asked, options=options)
    _check_counts(comparison, settings)
    network = load_extractor(features, device=place, progress=progress)
    look = _Looking(partial(see, features=features, network=network, batch_size=batch_size, progress=progress))
    scores = _scores(comparison, look, metrics, settings)
    copies = _copies(comparison.judged, look, sheet) if sheet else []
    return Evaluation(
        subject=name,
        against=against,
        seed=seed,
        images=_parts(comparison),
        features=_facts(features),
        scores=scores,
        warnings=caveats(
            comparison,
            against,
            lookup.registry().feature_extractors[features],
            metrics,
            settings,
            one_class=label is not None,
        ),
        notes=_notes(comparison),
        command=_command(name, against, features, comparison, metrics, settings, _given(**asked, limit=limit)),
        copies=copies,
    )


def _given(**options: Any) -> dict[str, Any]:
    """Those that are not None."""
    return {name: value for name, value in options.items() if value is not None}


def _model(name: str, device: torch.device, asked: Mapping[str, Any], progress: Progress) -> Model | None:
    """The model of that name, of which all that is `asked` can be; None where pictures are judged."""
    if is_pictures(name):
        if asked:
            raise InvalidRequestError(
                f"{name} is a folder of pictures: it takes no {' and no '.join(with_user_names(asked))}"
            )
        return None
    resolve.subject_of(name).request(name, **asked)
    return load(name, device=device, progress=progress)


def _copies(judged: Pair, look: Callable[[Part], ExtractorOutput], sheet: Path) -> list[Copy]:
    """The most suspicious images, which are drawn on the sheet."""
    copies = closest(look(judged.images).features, look(judged.reference).features)
    write_sheet(judged.images, judged.reference, copies, sheet)
    return copies


class _Looking:
    """What the network sees in parts of sets; each set is looked at once."""

    def __init__(self, see: Callable[[ImageSet], ExtractorOutput]) -> None:
        self._see = see
        self._known: dict[int, ExtractorOutput] = {}

    def __call__(self, part: Part) -> ExtractorOutput:
        if id(part.images) not in self._known:
            self._known[id(part.images)] = self._see(part.images)
        return part.of(self._known[id(part.images)])


def _usual_features(against: str) -> str:
    """Those that were trained on the data set, else Inception."""
    return next((name for name, spec in lookup.registry().feature_extractors.items() if spec.dataset == against), USUAL)


def _check(metrics: Sequence[str], features: str, settings: Settings, count: int | None) -> None:
    """Refuse what can be seen to be wrong before anything is loaded."""
    for metric in metrics:
        if metric not in METRICS:
            raise UnknownNameError(f"there is no metric {metric!r}{suggest(metric, METRICS)}")
    if not metrics:
        raise InvalidRequestError(f"name a metric - there is {', '.join(METRICS)}")
    lookup.registry().feature_extractors[features]  # refuses a wrong name
    check_seeds(count or 1, settings.seed, 1)
    if any(splits < 1 for splits in settings.is_splits):
        raise InvalidRequestError(f"IS has at least 1 split, not {min(settings.is_splits)}")


def _check_counts(comparison: Comparison, settings: Settings) -> None:
    pairs = (comparison.judged, *comparison.yardsticks.values())
    for part in (part for pair in pairs for part in pair):
        if part.size < LEAST:
            raise InvalidRequestError(f"{part.name}: {part.size} images are too few - at least {LEAST} are compared")
    fewest = min(pair.images.size for pair in pairs)
    if max(settings.is_splits, default=1) > fewest:
        raise InvalidRequestError(f"{fewest} images make no {max(settings.is_splits)} splits")


def _scores(
    comparison: Comparison, look: Callable[[Part], ExtractorOutput], metrics: Sequence[str], settings: Settings
) -> list[Score]:
    """Each metric of what is judged, and of the yardsticks."""

    def estimate(pair: Pair) -> dict[str, Estimate]:
        images, reference = map(look, pair)
        found = (METRICS[metric](images, reference, settings) for metric in dict.fromkeys(metrics))
        return {name: value for each in found for name, value in each.items()}

    judged = estimate(comparison.judged)
    beside = {name: estimate(pair) for name, pair in comparison.yardsticks.items()}
    return [
        Score(metric, *value, beside={name: estimates[metric] for name, estimates in beside.items()})
        for metric, value in judged.items()
    ]


def _parts(comparison: Comparison) -> dict[str, Any]:
    """Which images, and how many, by the part that they play."""
    pairs = {"judged": comparison.judged, **comparison.yardsticks}
    parts = {name: pair.images for name, pair in pairs.items()} | {"reference": comparison.judged.reference}
    return {name: {"what": part.name, "count": part.size} for name, part in parts.items()}


def _notes(comparison: Comparison) -> list[str]:
    pairs = (comparison.judged, *comparison.yardsticks.values())
    sets = {id(part.images): part.images for pair in pairs for part in pair}
    return [f"{images.name}: {note}" for images in sets.values() for note in images.notes]


def _facts(features: str) -> dict[str, Any]:
    spec = lookup.registry().feature_extractors[features]
    return {
        "name": features,
        "trained_on": spec.dataset,
        "features": spec.num_features,
        "classes": spec.num_classes,
        "weights_sha256": spec.weights.sha256,
    }


def _command(
    subject: str,
    against: str,
    features: str,
    comparison: Comparison,
    metrics: Sequence[str],
    settings: Settings,
    chosen: Mapping[str, Any],
) -> str:
    """The command that computes it again; what is usual today is said all the same."""
    count = comparison.judged.images.size
    words = ["ganzoo", "evaluate", subject, "--against", against, "--features", features, "-n", str(count)]
    words += ["--seed", str(settings.seed)]
    if tuple(metrics) != tuple(METRICS):
        words += ["--metrics", ",".join(metrics)]
    if settings.is_splits != Settings.is_splits:
        words += ["--is-splits", ",".join(map(str, settings.is_splits))]
    words += [word for name, value in with_user_names(chosen).items() for word in (f"--{name}", str(value))]
    return shlex.join(words)

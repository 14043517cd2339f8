"""Warnings about the numbers of an evaluation: why a number means little, and which one to use instead."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ganzoo.evaluation.comparison import Comparison
from ganzoo.evaluation.metrics import KID_SUBSET_SIZE
from ganzoo.evaluation.options import R_PRECISION, EvaluationOptions
from ganzoo.evaluation.result import Score
from ganzoo.interface.configs import as_text_config
from ganzoo.interface.specs import FeatureExtractor
from ganzoo.registry import lookup
from ganzoo.sampling.model import Model

__all__ = ["about_captions", "about_copies", "caveats"]

FEW = 10_000
"""With fewer images, the bias of FID is too large to be ignored. It falls with 1/n."""

IMAGES_A_CLASS = 100
"""With fewer images of each class in a split, the marginal distribution of IS is too uneven, and IS is too low."""

USUAL_SPLIT = 5000
"""The images in each of the usual 10 splits of 50,000 images. This is enough for the 1,000 classes of ImageNet."""

COPIES = 0.5
"""With authenticity below this part of the floor's, many images are copies of training images."""

OF_ONE_CLASS = "IS of one class is near 1 even for perfect samples, because it measures how many classes there are"


def caveats(comparison: Comparison, options: EvaluationOptions) -> list[str]:
    """What a reader of the numbers must know, in one sentence that begins with the number to read; or nothing."""
    if options.features is None or not options.by_features:
        return []
    features = lookup.registry().feature_extractors[options.features]
    count = comparison.evaluated.images.size
    smaller = min(part.size for part in comparison.evaluated.parts)
    found: list[str] = []
    if "fid" in options.metrics:
        found += _about_fid(smaller, features)
    if "is" in options.metrics:
        found += _about_is(count, options, features)
    if "kid" in options.metrics and smaller < KID_SUBSET_SIZE:
        found.append(f"KID uses subsets of {smaller} images, not of {KID_SUBSET_SIZE:,}, and is less certain")
    if "prdc" in options.metrics and smaller < KID_SUBSET_SIZE:
        found.append(
            f"precision, recall, density and coverage can be compared only with those of {smaller:,} images too"
        )
    found += _about_floor(comparison)
    if not found:
        return []
    more = "" if "kid" in options.metrics else " (add it with --metrics)"
    return [f"read KID{more}, which is unbiased, and its ± - {'; '.join(found)}"]


def about_copies(scores: Sequence[Score]) -> Iterator[str]:
    """Warn if authenticity is below `COPIES` of the floor's, by more than two standard errors."""
    for score in scores:
        if score.metric != "authenticity" or "floor" not in score.baselines:
            continue
        floor = score.baselines["floor"].value
        if score.value + 2 * (score.uncertainty or 0) < COPIES * floor:
            yield (
                f"authenticity is {score.value:.3f}, and {floor:.3f} for real images: many images are copies of "
                "training images, which FID rewards - look at them with --sheet FILE"
            )


def about_captions(options: EvaluationOptions, model: Model | None, comparison: Comparison) -> Iterator[str]:
    """Warn if a model is compared with captions by its own networks, or if its images show a few texts only."""
    if options.by_texts and options.matcher in (None, options.subject) and model is not None:
        yield (
            f"{R_PRECISION} is by the networks of {options.subject} itself, which it may have learned to please - "
            "name a model that was trained apart with --matcher"
        )
    if model is not None and model.task.needs_text and comparison.captions is None:
        count = len(as_text_config(model.config).examples)
        cause = "there are no real images" if options.against is None else f"{options.against} has no captions"
        text = f"the images show only {count} different texts, because {cause}"
        yield f"{text} - name a folder that has captions with --against"


def _about_fid(count: int, features: FeatureExtractor) -> Iterator[str]:
    if count <= features.num_features:
        yield f"FID of {count:,} images says little, since there are {features.num_features:,} features"
    elif count < FEW:
        yield f"FID of {count:,} images is biased upward, and can be compared only with FIDs of as many images"


def _about_is(count: int, options: EvaluationOptions, features: FeatureExtractor) -> Iterator[str]:
    if options.label is not None:
        yield OF_ONE_CLASS
        return
    if features.dataset != options.against:
        yield f"IS uses the classes of {features.dataset}, not of {options.against}"
    splits = max(options.is_splits, default=1)
    smallest = count // splits
    if smallest < min(USUAL_SPLIT, IMAGES_A_CLASS * features.num_classes):
        yield f"IS with {splits} splits has {smallest:,} images in each, and is too low"


def _about_floor(comparison: Comparison) -> Iterator[str]:
    count, floor = comparison.evaluated.images.size, comparison.baselines["floor"].images.size
    if floor < count:
        yield f"the floor's FID, of {floor:,} images and not {count:,}, has a larger bias"

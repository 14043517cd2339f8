"""What an evaluation's numbers cannot say, in words, and which numbers say it better."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ganzoo.evaluation.comparison import Comparison
from ganzoo.evaluation.metrics import KID_SUBSET_SIZE, Settings
from ganzoo.interface.specs import FeatureExtractor

__all__ = ["caveats"]

FEW = 10_000
"""Below so many images FID tells of their number as much as of the images: its bias falls with 1/n."""

IMAGES_A_CLASS = 100
"""Below so many images of each class in a split, the marginal of IS is too uneven, and IS too low."""

USUAL_SPLIT = 5000
"""The images in a split of the usual 50,000 in ten: enough for 1,000 classes, by which IS was defined."""

OF_ONE_CLASS = "IS of one class is near 1 however good the samples are: it wants several classes - use KID or FID"


def caveats(
    comparison: Comparison,
    against: str,
    features: FeatureExtractor,
    metrics: Sequence[str],
    settings: Settings,
    *,
    one_class: bool,
) -> list[str]:
    """One sentence for each thing that a reader of the numbers must know, none where all is well.

    `one_class` says whether samples of a single class are judged.
    """
    count, reference = comparison.judged.images.size, comparison.judged.reference.size
    found: list[str] = []
    if "fid" in metrics:
        found += _of_fid(min(count, reference), features)
    if "is" in metrics:
        found += [OF_ONE_CLASS] if one_class else _of_is(count, against, features, settings)
    if "kid" in metrics and min(count, reference) < KID_SUBSET_SIZE:
        found.append(
            f"KID here is of subsets of {min(count, reference)} images, not {KID_SUBSET_SIZE:,}: "
            "unbiased, but more uncertain"
        )
    if "prdc" in metrics and min(count, reference) < KID_SUBSET_SIZE:
        found.append(
            f"precision, recall, density and coverage of {min(count, reference)} images compare "
            "with those of equally many only - of few images, KID says more"
        )
    return [*found, *_of_floor(comparison)]


def _of_fid(count: int, features: FeatureExtractor) -> Iterator[str]:
    if count <= features.num_features:
        yield (
            f"FID of {count:,} images says little: {features.num_features:,} features want more images than that for "
            "their covariance - use KID, which is unbiased"
        )
    elif count < FEW:
        yield (
            f"FID of {count:,} images is biased upwards, the more the fewer: compare it only with FIDs of equally "
            "many - use KID, which is unbiased"
        )


def _of_is(count: int, against: str, features: FeatureExtractor, settings: Settings) -> Iterator[str]:
    if features.dataset != against:
        yield (
            f"IS is by the classes of {features.dataset}, not of {against}: classifier and generator should be "
            "trained on the same data - use KID or FID"
        )
    smallest = count // max(settings.is_splits, default=1)
    if smallest < min(USUAL_SPLIT, IMAGES_A_CLASS * features.num_classes):
        yield (
            f"IS of {max(settings.is_splits)} splits has {smallest:,} images in each, too few for "
            f"{features.num_classes:,} classes: it comes out too low - use fewer splits, or KID"
        )


def _of_floor(comparison: Comparison) -> Iterator[str]:
    count, floor = comparison.judged.images.size, comparison.yardsticks["floor"].images.size
    if floor < count:
        yield f"the floor is of {floor:,} images, fewer than the {count:,} judged: its FID is the more biased"

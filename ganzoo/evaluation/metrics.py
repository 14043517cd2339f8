"""Metrics of images, computed from their features, with uncertainties. torch-fidelity computes IS, FID and KID."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from ganzoo.evaluation.image_sets import random_rows
from ganzoo.evaluation.neighbors import nearest, prdc, recall_and_coverage_without
from ganzoo.evaluation.options import Settings
from ganzoo.interface.extractor import ExtractorOutput

__all__ = [
    "METRICS",
    "Estimate",
    "Settings",
    "authenticity",
    "entropies",
    "fid",
    "inception_score",
    "kid",
    "neighborhoods",
]

FOLDS = 10
"""The folds of the jackknife: each estimate leaves out another tenth of the images."""

KID_SUBSETS, KID_SUBSET_SIZE = 100, 1000

KID_REFERENCE = 10_000
"""The most images of the reference from which the uncertainty of KID is computed. More take long and change little."""


class Estimate(NamedTuple):
    """A number and its standard error, which is None if it is not known.

    The standard error says how much the number changes with other images of the same kind.
    """

    value: float
    uncertainty: float | None = None


Estimates = dict[str, Estimate]


def inception_score(images: ExtractorOutput, settings: Settings) -> Estimates:
    """The Inception Score for each number of splits, and the two terms of its logarithm.

    IS = exp(H(y) - E H(y|x)) (arXiv:1606.03498, section 4). `variety` is H(y), the entropy of the classes over all
    images; large is good. `clarity` is E H(y|x), the mean entropy of the classes of one image; small is good. Both are
    in nats. The uncertainty of IS with several splits is the standard deviation over the splits, as papers report it;
    all other uncertainties are standard errors of the jackknife.
    """
    from torch_fidelity.metric_isc import isc_features_to_metric

    scores: Estimates = {}
    for splits in settings.is_splits:
        result = isc_features_to_metric(images.logits, splits, True, settings.seed)
        value, spread = result["inception_score_mean"], result["inception_score_std"]
        one = splits == 1
        scores[f"is/{splits}"] = Estimate(value, _jackknife(images.logits, _one_split) if one else spread)
    for name, term in (("clarity", _clarity), ("variety", _variety)):
        scores[name] = Estimate(term(images.logits), _jackknife(images.logits, term))
    return scores


def entropies(logits: Tensor) -> tuple[Tensor, Tensor]:
    """E H(y|x) and H(y) in nats, from the logits (N, K) of N images: two differentiable float64 scalars."""
    log_p = logits.double().log_softmax(1)
    log_q = log_p.logsumexp(0) - math.log(len(logits))  # finite even if a class never occurs; the log of a mean is not
    return -(log_p.exp() * log_p).sum(1).mean(), -(log_q.exp() * log_q).sum()


def _clarity(logits: Tensor) -> float:
    return entropies(logits)[0].item()


def _variety(logits: Tensor) -> float:
    return entropies(logits)[1].item()


def _one_split(logits: Tensor) -> float:
    return math.exp(_variety(logits) - _clarity(logits))


def fid(images: ExtractorOutput, reference: ExtractorOutput, settings: Settings) -> Estimates:
    """The Fréchet distance between two normal distributions (arXiv:1706.08500, equation 6); its bias falls with 1/n."""
    from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric

    found, real = (fid_features_to_statistics(each.features.double()) for each in (images, reference))
    value = fid_statistics_to_metric(found, real, False)["frechet_inception_distance"]
    return {"fid": Estimate(value, _jackknife(images.features, _FastFID(reference.features)))}


class _FastFID:
    """FID to one reference, fast if it is computed several times.

    The matrix root of the reference's covariance is computed once. The other root is then of a symmetric matrix.
    """

    def __init__(self, reference: Tensor) -> None:
        self.mean, self.covariance = reference.double().mean(0), torch.cov(reference.double().T)
        values, vectors = torch.linalg.eigh(self.covariance)
        self.root = vectors * values.clamp_min(0).sqrt() @ vectors.T

    def __call__(self, features: Tensor) -> float:
        mean, covariance = features.double().mean(0), torch.cov(features.double().T)
        middle = torch.linalg.eigvalsh(self.root @ covariance @ self.root).clamp_min(0).sqrt().sum()
        traces = covariance.trace() + self.covariance.trace() - 2 * middle
        return float((mean - self.mean).square().sum() + traces)


def kid(images: ExtractorOutput, reference: ExtractorOutput, settings: Settings) -> Estimates:
    """The squared MMD with a cubic kernel (arXiv:1801.01401), unbiased: the mean over random subsets.

    The uncertainty is the standard deviation over the subsets, as papers report it. With fewer samples than two subsets
    have, the subsets are nearly the same, and the uncertainty is the standard error of the jackknife.
    """
    from torch_fidelity.metric_kid import kid_features_to_metric

    size = min(KID_SUBSET_SIZE, len(images.features), len(reference.features))
    result = kid_features_to_metric(
        images.features.double(),
        reference.features.double(),
        kid_subsets=KID_SUBSETS,
        kid_subset_size=size,
        rng_seed=settings.seed,
        verbose=False,
    )
    uncertainty: float | None = result["kernel_inception_distance_std"]
    if len(images.features) < 2 * size:
        rows = random_rows(KID_REFERENCE, len(reference.features), seed=settings.seed)
        uncertainty = _kid_standard_error(images.features.double(), reference.features[rows].double())
    return {"kid": Estimate(result["kernel_inception_distance_mean"], uncertainty)}


def _kid_standard_error(features: Tensor, reference: Tensor) -> float | None:
    """The standard error of the unbiased squared MMD by the jackknife, from sums of the kernel over pairs of folds."""
    if len(features) < 2 * FOLDS:
        return None
    folds = [features[torch.arange(len(features)) % FOLDS == i] for i in range(FOLDS)]
    own = torch.stack([_kernel(fold, fold).diagonal().sum() for fold in folds])
    inside = torch.stack([torch.stack([_kernel(fold, other).sum() for other in folds]) for fold in folds])
    inside -= own.diag()  # the unbiased estimate leaves out each image with itself
    across = torch.stack([_kernel(fold, reference).sum() for fold in folds])
    left = torch.tensor([len(features) - len(fold) for fold in folds])
    pairs = inside.sum() - 2 * inside.sum(1) + inside.diagonal()
    return _spread(pairs / (left * (left - 1)) - 2 * (across.sum() - across) / (left * len(reference)))


def _kernel(features: Tensor, others: Tensor) -> Tensor:
    """The cubic kernel of KID for all pairs."""
    return (features @ others.T / features.shape[1] + 1) ** 3


def neighborhoods(images: ExtractorOutput, reference: ExtractorOutput, settings: Settings) -> Estimates:
    """Precision, recall, density and coverage. Both sets are cut to one size.

    Precision and density are means over the samples, and have the standard errors of means. Recall and coverage are
    means over the reference, which is fixed: their standard errors, over other samples, are those of the jackknife.
    """
    count = min(len(images.features), len(reference.features))
    rows = [random_rows(count, len(each.features), seed=settings.seed) for each in (images, reference)]
    generated, real = images.features[rows[0]], reference.features[rows[1]]
    found = prdc(generated, real, k=settings.neighbors)
    estimates = {name: _mean(values) for name, values in found._asdict().items()}
    errors: list[float | None] = [None, None]
    if count >= max(2 * FOLDS, 4 * settings.neighbors):
        folds = torch.arange(count) % FOLDS
        errors = [_spread(each) for each in recall_and_coverage_without(folds, generated, real, k=settings.neighbors)]
    for name, error in zip(("recall", "coverage"), errors, strict=True):
        estimates[name] = Estimate(estimates[name].value, error)
    return estimates


def authenticity(images: ExtractorOutput, reference: ExtractorOutput, settings: Settings) -> Estimates:
    """The part of the images that are not copies of training images (arXiv:2102.08921, section 3.3).

    An image is a copy if it is nearer to its nearest training image than any other training image is. Copies lower
    authenticity; they do not change IS, FID and KID.
    """
    found = nearest(images.features, reference.features)
    again = nearest(reference.features[found.rows], reference.features, skip=found.rows)
    return {"authenticity": _mean((found.distances > again.distances).float())}


METRICS: dict[str, Callable[[ExtractorOutput, ExtractorOutput, Settings], Estimates]] = {
    "is": lambda images, reference, settings: inception_score(images, settings),
    "fid": fid,
    "kid": kid,
    "prdc": neighborhoods,
    "authenticity": authenticity,
}
"""The metrics by the names that users type. Each compares images with a reference, and returns one or more numbers."""


def _mean(values: Tensor) -> Estimate:
    """The mean and its standard error, for a fixed reference."""
    return Estimate(values.mean().item(), values.std(correction=0).item() / math.sqrt(len(values)))


def _jackknife(rows: Tensor, statistic: Callable[[Tensor], float]) -> float | None:
    """The standard error of `statistic`, from its values without each tenth of the rows; None for too few rows."""
    if len(rows) < 2 * FOLDS:
        return None
    fold = torch.arange(len(rows)) % FOLDS
    values = torch.tensor([statistic(rows[fold != i]) for i in range(FOLDS)], dtype=torch.float64)
    return _spread(values)


def _spread(values: Tensor) -> float:
    """The standard error, from the values that a statistic has without each fold."""
    return math.sqrt((FOLDS - 1) * values.double().var(correction=0).item())

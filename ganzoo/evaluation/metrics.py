"""Metrics of images, computed from their features, with uncertainties. torch-fidelity computes IS and FID."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from ganzoo.evaluation.image_sets import random_rows
from ganzoo.evaluation.jackknife import FOLDS, fold_sums, spread
from ganzoo.evaluation.kid import kid_standard_error, subset_mmds
from ganzoo.evaluation.neighbors import nearest, prdc_without
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
    errors = _entropy_errors(images.logits)
    for splits in settings.is_splits:
        result = isc_features_to_metric(images.logits, splits, True, settings.seed)
        value, deviation = result["inception_score_mean"], result["inception_score_std"]
        scores[f"is/{splits}"] = Estimate(value, errors.get("is/1") if splits == 1 else deviation)
    for name, entropy in zip(("clarity", "variety"), entropies(images.logits), strict=True):
        scores[name] = Estimate(entropy.item(), errors.get(name))
    return scores


def entropies(logits: Tensor) -> tuple[Tensor, Tensor]:
    """E H(y|x) and H(y) in nats, from the logits (N, K) of N images: two differentiable float64 scalars."""
    log_p = logits.double().log_softmax(1)
    log_q = log_p.logsumexp(0) - math.log(len(logits))  # finite even if a class never occurs; the log of a mean is not
    return -(log_p.exp() * log_p).sum(1).mean(), -(log_q.exp() * log_q).sum()


def _entropy_errors(logits: Tensor) -> dict[str, float]:
    """The standard errors of E H(y|x), H(y) and IS with one split by the jackknife; none for too few images."""
    if len(logits) < 2 * FOLDS:
        return {}
    log_p = logits.double().log_softmax(1)
    p = log_p.exp()
    others = 1 - torch.eye(FOLDS, dtype=torch.float64)  # a row without each fold
    left = others @ fold_sums(torch.ones_like(p[:, 0]))
    clarity = -(others @ fold_sums((p * log_p).sum(1))) / left
    q = others @ fold_sums(p) / left[:, None]
    variety = -torch.special.xlogy(q, q).sum(1)
    return {"clarity": spread(clarity), "variety": spread(variety), "is/1": spread((variety - clarity).exp())}


def fid(images: ExtractorOutput, reference: ExtractorOutput, settings: Settings) -> Estimates:
    """The Fréchet distance between two normal distributions (arXiv:1706.08500, equation 6); its bias falls with 1/n."""
    from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric

    found, real = (fid_features_to_statistics(each.features.double()) for each in (images, reference))
    value = fid_statistics_to_metric(found, real, False)["frechet_inception_distance"]
    to_reference = _DistanceTo(torch.from_numpy(real["mu"]), torch.from_numpy(real["sigma"]))
    return {"fid": Estimate(value, _fid_error(images.features.double(), to_reference))}


class _DistanceTo:
    """The Fréchet distance to one normal distribution, fast if it is computed several times.

    The matrix root of its covariance is computed once. The other root is then of a symmetric matrix.
    """

    def __init__(self, mean: Tensor, covariance: Tensor) -> None:
        self.mean, self.covariance = mean, covariance
        values, vectors = torch.linalg.eigh(covariance)
        self.root = vectors * values.clamp_min(0).sqrt() @ vectors.T

    def __call__(self, mean: Tensor, covariance: Tensor) -> float:
        middle = torch.linalg.eigvalsh(self.root @ covariance @ self.root).clamp_min(0).sqrt().sum()
        traces = covariance.trace() + self.covariance.trace() - 2 * middle
        return float((mean - self.mean).square().sum() + traces)


def _fid_error(features: Tensor, to_reference: _DistanceTo) -> float | None:
    """The standard error by the jackknife: without a fold, the moments are those of all images minus the fold's."""
    if len(features) < 2 * FOLDS:
        return None
    center = features.mean(0)
    centered = features - center  # else the differences of the moments would be inexact
    moments = centered.T @ centered

    def without(fold: int) -> float:
        rows = centered[fold::FOLDS]
        left = len(features) - len(rows)
        mean = -rows.sum(0) / left
        covariance = (moments - rows.T @ rows - left * torch.outer(mean, mean)) / (left - 1)
        return to_reference(mean + center, covariance)

    return spread(torch.tensor([without(fold) for fold in range(FOLDS)], dtype=torch.float64))


def kid(images: ExtractorOutput, reference: ExtractorOutput, settings: Settings) -> Estimates:
    """The squared MMD with a cubic kernel (arXiv:1801.01401), unbiased: the mean over random subsets.

    The uncertainty is the standard deviation over the subsets, as papers report it. With fewer samples than two subsets
    have, the subsets are nearly the same, and the uncertainty is the standard error of the jackknife.
    """
    ours, real = images.features, reference.features
    size = min(KID_SUBSET_SIZE, len(ours), len(real))
    found = subset_mmds(ours, real, subsets=KID_SUBSETS, size=size, seed=settings.seed)
    uncertainty: float | None = found.std(correction=0).item()
    if len(ours) < 2 * size:
        uncertainty = kid_standard_error(ours, real[random_rows(KID_REFERENCE, len(real), seed=settings.seed)])
    return {"kid": Estimate(found.mean().item(), uncertainty)}


def neighborhoods(images: ExtractorOutput, reference: ExtractorOutput, settings: Settings) -> Estimates:
    """Precision, recall, density and coverage. Both sets are cut to one size.

    Precision and density are means over the samples, and have the standard errors of means. Recall and coverage are
    means over the reference, which is fixed: their standard errors, over other samples, are those of the jackknife.
    """
    count = min(len(images.features), len(reference.features))
    rows = [random_rows(count, len(each.features), seed=settings.seed) for each in (images, reference)]
    generated, real = images.features[rows[0]], reference.features[rows[1]]
    found, without = prdc_without(torch.arange(count) % FOLDS, generated, real, k=settings.neighbors)
    estimates = {name: _mean(values) for name, values in found._asdict().items()}
    enough = count >= max(2 * FOLDS, 4 * settings.neighbors)
    for name, values in without._asdict().items():
        estimates[name] = Estimate(estimates[name].value, spread(values) if enough else None)
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

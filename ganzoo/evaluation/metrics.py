"""Metrics of images by their features: Inception Score, FID and KID by torch-fidelity, each with its uncertainty."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from ganzoo.evaluation.image_sets import some_rows
from ganzoo.evaluation.neighbors import nearest, prdc
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
    "neighbourhoods",
]

FOLDS = 10
"""Of the jackknife: what is estimated is estimated again without each tenth of the images."""

KID_SUBSETS, KID_SUBSET_SIZE = 100, 1000


class Estimate(NamedTuple):
    """A number, and how far it would be off with other images of the same kind; None where that is not known."""

    value: float
    uncertainty: float | None = None


@dataclass(frozen=True)
class Settings:
    """What metrics can be told: the seed of their random choices, the splits of IS, and the k of neighbourhoods."""

    seed: int = 0
    is_splits: tuple[int, ...] = (1, 10)
    neighbours: int = 5


Estimates = dict[str, Estimate]


def inception_score(images: ExtractorOutput, settings: Settings) -> Estimates:
    """exp of the mean KL from the marginal, for each number of splits, and the two terms of its logarithm.

    IS = exp(H(y) - E H(y|x)) (arXiv:1606.03498, section 4), where `variety` is H(y), of the marginal of all images,
    and `clarity` is E H(y|x): good when small. In nats. The uncertainty of a score of several splits is their
    standard deviation, as the field has it; the others' is the jackknife's.
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
    """E H(y|x) and H(y), in nats, of classes by their logits (N, K); as float64 scalars, differentiable."""
    log_p = logits.double().log_softmax(1)
    log_q = log_p.logsumexp(0) - math.log(len(logits))  # unlike the log of a mean, finite for what never occurs
    return -(log_p.exp() * log_p).sum(1).mean(), -(log_q.exp() * log_q).sum()


def _clarity(logits: Tensor) -> float:
    return entropies(logits)[0].item()


def _variety(logits: Tensor) -> float:
    return entropies(logits)[1].item()


def _one_split(logits: Tensor) -> float:
    return math.exp(_variety(logits) - _clarity(logits))


def fid(images: ExtractorOutput, reference: ExtractorOutput, settings: Settings) -> Estimates:
    """The Fréchet distance of two normal distributions (arXiv:1706.08500, equation 6), biased upwards by 1/n."""
    from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric

    found, real = (fid_features_to_statistics(each.features.double()) for each in (images, reference))
    value = fid_statistics_to_metric(found, real, False)["frechet_inception_distance"]
    return {"fid": Estimate(value, _jackknife(images.features, _FastFID(reference.features)))}


class _FastFID:
    """The same distance, to one reference again and again: its root is taken once, and what is left is symmetric."""

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
    """The mean squared MMD with a cubic kernel over random subsets, and its deviation (arXiv:1801.01401); unbiased."""
    from torch_fidelity.metric_kid import kid_features_to_metric

    result = kid_features_to_metric(
        images.features.double(),
        reference.features.double(),
        kid_subsets=KID_SUBSETS,
        kid_subset_size=min(KID_SUBSET_SIZE, len(images.features), len(reference.features)),
        rng_seed=settings.seed,
        verbose=False,
    )
    return {"kid": Estimate(result["kernel_inception_distance_mean"], result["kernel_inception_distance_std"])}


def neighbourhoods(images: ExtractorOutput, reference: ExtractorOutput, settings: Settings) -> Estimates:
    """Precision, recall, density and coverage of as many images as there are in both; standard errors of the means."""
    count = min(len(images.features), len(reference.features))
    rows = [some_rows(count, len(each.features), seed=settings.seed) for each in (images, reference)]
    found = prdc(images.features[rows[0]], reference.features[rows[1]], k=settings.neighbours)
    return {name: _mean(values) for name, values in found._asdict().items()}


def authenticity(images: ExtractorOutput, reference: ExtractorOutput, settings: Settings) -> Estimates:
    """The part of the images that are no copies: farther from the nearest training image than its own nearest is.

    arXiv:2102.08921, section 3.3. Where training images are copied it falls, and IS, FID and KID do not notice.
    """
    found = nearest(images.features, reference.features)
    again = nearest(reference.features[found.rows], reference.features, skip=found.rows)
    return {"authenticity": _mean((found.distances > again.distances).float())}


METRICS: dict[str, Callable[[ExtractorOutput, ExtractorOutput, Settings], Estimates]] = {
    "is": lambda images, reference, settings: inception_score(images, settings),
    "fid": fid,
    "kid": kid,
    "prdc": neighbourhoods,
    "authenticity": authenticity,
}
"""By the names that users ask for them by; each compares images with a reference and gives one or more numbers."""


def _mean(values: Tensor) -> Estimate:
    """With its standard error, the reference held fixed."""
    return Estimate(values.mean().item(), values.std(correction=0).item() / math.sqrt(len(values)))


def _jackknife(rows: Tensor, statistic: Callable[[Tensor], float]) -> float | None:
    """The standard error of `statistic`, from its values without each tenth of the rows; None of too few."""
    if len(rows) < 2 * FOLDS:
        return None
    fold = torch.arange(len(rows)) % FOLDS
    values = torch.tensor([statistic(rows[fold != i]) for i in range(FOLDS)], dtype=torch.float64)
    return math.sqrt((FOLDS - 1) * values.var(correction=0).item())

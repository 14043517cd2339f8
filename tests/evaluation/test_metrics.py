"""Metrics against their formulas, written out in float64, and against torch-fidelity's own pipeline."""

import math

import pytest
import torch
from torch.utils.data import Dataset

from ganzoo.evaluation import metrics, neighbors
from ganzoo.evaluation.kid import subset_mmds
from ganzoo.evaluation.metrics import METRICS, Settings, entropies
from ganzoo.interface.extractor import ExtractorOutput
from ganzoo.testing import noise_data
from ganzoo_features.classifier import Classifier

CLOSE = 1e-3
SETTINGS = Settings(seed=3, is_splits=(1, 4))


def seen(count, shift=0.0, seed=0):
    """Features and logits as a small network gives them: correlated, not normal."""
    random = torch.Generator().manual_seed(seed)
    hidden = torch.randn(count, 16, generator=random) + shift
    mix = torch.randn(16, 12, generator=torch.Generator().manual_seed(99)) / 4
    features = (hidden @ mix).relu()
    return ExtractorOutput(features, features @ torch.randn(12, 5, generator=torch.Generator().manual_seed(98)))


OURS, REAL = seen(300, 0.3), seen(400, seed=1)


def close(value):
    return pytest.approx(value, rel=CLOSE)


# --- IS -----------------------------------------------------------------------------------------


def test_inception_score_is_its_formula():
    found = metrics.inception_score(OURS, SETTINGS)
    p = OURS.logits.double().softmax(1)
    kl = (p * (p.log() - p.mean(0).log())).sum(1).mean()
    assert found["is/1"].value == close(kl.exp().item())
    assert found["clarity"].value == close(-(p * p.log()).sum(1).mean().item())
    assert found["variety"].value == close(-(p.mean(0) * p.mean(0).log()).sum().item())
    assert math.exp(found["variety"].value - found["clarity"].value) == close(found["is/1"].value)


def test_the_same_images_have_another_score_for_other_splits():
    found = metrics.inception_score(OURS, Settings(is_splits=(1, 10, 100)))
    values = [found[f"is/{splits}"].value for splits in (1, 10, 100)]
    assert values[0] > values[1] > values[2], "the fewer in a split, the lower"


def test_entropies_at_their_ends():
    certain = torch.eye(4) * 100
    assert [entropy.item() for entropy in entropies(certain)] == pytest.approx([0, math.log(4)], abs=1e-9)
    unsure = torch.zeros(4, 4)
    assert [entropy.item() for entropy in entropies(unsure)] == pytest.approx([math.log(4), math.log(4)])


def test_entropies_have_gradients_where_a_class_never_occurs():
    logits = torch.tensor([[0.0, 1000.0], [0.0, 1000.0]], requires_grad=True)
    clarity, variety = entropies(logits)
    (variety - clarity).backward()
    assert logits.grad.isfinite().all()


# --- FID, KID -----------------------------------------------------------------------------------


def root(matrix):
    values, vectors = torch.linalg.eigh(matrix)
    return vectors @ values.clamp_min(0).sqrt().diag() @ vectors.T


def direct_fid(x, y):
    first, second = torch.cov(x.T), torch.cov(y.T)
    middle = root(root(first) @ second @ root(first))
    return ((x.mean(0) - y.mean(0)).square().sum() + (first + second - 2 * middle).trace()).item()


def direct_kid(x, y):
    def kernel(a, b):
        return (a @ b.T / a.shape[1] + 1) ** 3

    n, m = len(x), len(y)
    inside = sum((kernel(z, z).sum() - kernel(z, z).trace()) / (len(z) * (len(z) - 1)) for z in (x, y))
    return (inside - 2 * kernel(x, y).sum() / (n * m)).item()


def test_fid_is_its_formula():
    found = metrics.fid(OURS, REAL, SETTINGS)["fid"]
    assert found.value == close(direct_fid(OURS.features.double(), REAL.features.double()))
    assert 0 < found.uncertainty < found.value


def test_fid_of_the_same_images_is_nothing():
    assert metrics.fid(OURS, OURS, SETTINGS)["fid"].value == pytest.approx(0, abs=1e-6)


def test_kid_is_its_formula():
    """With as many images as a subset has, each subset contains all images."""
    x, y = seen(300), seen(300, 0.2, seed=1)
    found = metrics.kid(x, y, SETTINGS)["kid"]
    assert found.value == close(direct_kid(x.features.double(), y.features.double()))


def test_kid_is_unbiased_and_fid_is_not():
    """FID and KID between samples of one distribution."""
    few = [(seen(50, seed=2 * i), seen(50, seed=2 * i + 1)) for i in range(20)]
    fids = [metrics.fid(x, y, SETTINGS)["fid"].value for x, y in few]
    kids = [metrics.kid(x, y, SETTINGS)["kid"].value for x, y in few]
    assert min(fids) > 0
    assert min(kids) < 0 < max(kids)


# --- uncertainties ------------------------------------------------------------------------------


def test_uncertainties_are_those_of_other_images():
    """The jackknife's standard error is near the deviation over fresh images."""
    many = [metrics.fid(seen(300, 0.3, seed=i), REAL, SETTINGS)["fid"] for i in range(10, 40)]
    spread = torch.tensor([each.value for each in many]).std().item()
    typical = torch.tensor([each.uncertainty for each in many]).median().item()
    assert 0.5 < typical / spread < 2


@pytest.mark.parametrize("name", ["kid", "recall", "coverage"])
def test_uncertainties_hold_the_reference_fixed_and_redraw_the_samples(name):
    """Also where each subset of KID holds all images."""
    metric = metrics.kid if name == "kid" else metrics.neighborhoods
    reference = seen(200, seed=9)
    many = [metric(seen(200, 0.3, seed=i), reference, SETTINGS)[name] for i in range(10, 30)]
    spread = torch.tensor([each.value for each in many]).std().item()
    typical = torch.tensor([each.uncertainty for each in many]).median().item()
    assert 0.4 < typical / spread < 2.5


@pytest.mark.parametrize("metric", METRICS)
def test_the_same_numbers_again(metric):
    first, second = (METRICS[metric](OURS, REAL, SETTINGS) for _ in range(2))
    assert first == second
    assert all(math.isfinite(estimate.value) for estimate in first.values())


def test_too_few_for_a_jackknife():
    few = ExtractorOutput(*(each[:15] for each in OURS))
    assert metrics.fid(few, REAL, SETTINGS)["fid"].uncertainty is None


# --- torch-fidelity -----------------------------------------------------------------------------


class Pixels(Dataset):
    def __init__(self, images):
        self.images = images

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        return self.images[index]


def test_the_numbers_are_those_of_torch_fidelity_on_the_same_images(monkeypatch):
    monkeypatch.setattr(metrics, "KID_SUBSET_SIZE", 30)
    import torch_fidelity

    torch.manual_seed(0)
    small = Classifier().eval()
    images = {1: noise_data((3, 28, 28), 60).images, 2: noise_data((3, 28, 28), 80).images // 2}

    def network(pixels):
        found = small(pixels)
        return found._replace(features=10 * found.features)  # a KID that their 32 bits can tell from nothing

    class Ours(torch_fidelity.FeatureExtractorBase):
        def __init__(self, name, features_list, **options):
            super().__init__(name, features_list)

        @staticmethod
        def get_provided_features_list():
            return ("features", "logits")

        @staticmethod
        def get_default_feature_layer_for_metric(metric):
            return "logits" if metric == "isc" else "features"

        @staticmethod
        def can_be_compiled():
            return False

        @staticmethod
        def get_dummy_input_for_compile():
            return None

        def forward(self, x):
            found = network(x)
            return tuple(getattr(found, name) for name in self.features_list)

    torch_fidelity.register_feature_extractor("ours", Ours)
    theirs = torch_fidelity.calculate_metrics(
        input1=Pixels(images[1]),
        input2=Pixels(images[2]),
        feature_extractor="ours",
        cuda=False,
        isc=True,
        fid=True,
        kid=True,
        prc=True,
        isc_splits=4,
        kid_subset_size=30,
        prc_neighborhood=5,
        rng_seed=SETTINGS.seed,
        cache=False,
        verbose=False,
        batch_size=20,
        save_cpu_ram=True,
    )
    with torch.no_grad():
        ours, real = (network(images[i]) for i in (1, 2))
    assert metrics.inception_score(ours, SETTINGS)["is/4"][:] == close(
        (theirs["inception_score_mean"], theirs["inception_score_std"])
    )
    assert metrics.fid(ours, real, SETTINGS)["fid"].value == close(theirs["frechet_inception_distance"])
    assert metrics.kid(ours, real, SETTINGS)["kid"][:] == close(
        (theirs["kernel_inception_distance_mean"], theirs["kernel_inception_distance_std"])
    )
    found = neighbors.prdc(ours.features, real.features, k=5)
    assert found.precision.mean().item() == close(theirs["precision"])
    assert found.recall.mean().item() == close(theirs["recall"])


# --- neighborhoods ------------------------------------------------------------------------------


def brute_force(generated, real, k):
    """The four means, image by image."""
    pairs = [[torch.dist(r, g).item() for g in generated] for r in real]
    real_reach = [sorted(torch.dist(r, s).item() for s in real)[k] for r in real]
    generated_reach = [sorted(torch.dist(g, h).item() for h in generated)[k] for g in generated]
    in_real = [[pairs[i][j] <= real_reach[i] for i in range(len(real))] for j in range(len(generated))]
    return (
        sum(map(any, in_real)) / len(generated),
        sum(any(d <= reach for d, reach in zip(row, generated_reach, strict=True)) for row in pairs) / len(real),
        sum(map(sum, in_real)) / k / len(generated),
        sum(any(column) for column in zip(*in_real, strict=True)) / len(real),
    )


@pytest.mark.parametrize("block", [2**24, 100])
def test_precision_recall_density_and_coverage_by_hand(monkeypatch, block):
    monkeypatch.setattr(neighbors, "BLOCK", block)
    generated, real = OURS.features[:40].double(), REAL.features[:40].double()
    found = [values.mean().item() for values in neighbors.prdc(generated, real, k=3)]
    assert found == pytest.approx(brute_force(generated, real, 3))
    assert 0 < min(found[:2]) < 1


def test_a_generator_without_variety_is_precise_and_covers_little():
    one_kind = REAL.features[:1].repeat(100, 1) + 1e-3 * torch.rand(100, 12)
    found = neighbors.prdc(one_kind, REAL.features[:100])
    assert found.precision.mean() == 1
    assert found.recall.mean() < 0.1
    assert found.coverage.mean() < 0.2


def test_nearest_leaves_out_what_it_is_told_to():
    others = torch.tensor([[0.0], [1.0], [5.0]])
    found = neighbors.nearest(torch.tensor([[0.2], [4.0]]), others)
    assert found.rows.tolist() == [0, 2]
    assert found.distances.tolist() == pytest.approx([0.2, 1.0])
    again = neighbors.nearest(others, others, skip=torch.arange(3))
    assert again.rows.tolist() == [1, 0, 1]


def test_copies_are_not_authentic_and_nothing_else_notices():
    fresh, copied = seen(200, seed=5), ExtractorOutput(*(each[:200] for each in REAL))
    honest, caught = (metrics.authenticity(each, REAL, SETTINGS)["authenticity"].value for each in (fresh, copied))
    assert caught == 0
    assert honest > 0.3
    assert metrics.fid(copied, REAL, SETTINGS)["fid"].value < metrics.fid(fresh, REAL, SETTINGS)["fid"].value


# --- the same numbers, computed in another way ----------------------------------------------------


@pytest.mark.parametrize("counts", [(120, 120), (120, 400), (400, 90)])
def test_the_subsets_of_kid_are_those_of_torch_fidelity_whether_they_share_kernel_values_or_not(counts):
    """With 4 subsets of 90, sets of 120 share theirs, and sets of 400 do not."""
    from torch_fidelity.metric_kid import kid_features_to_metric

    x, y = (seen(count, 0.2 * seed, seed).features.double() for seed, count in enumerate(counts))
    theirs = kid_features_to_metric(x, y, kid_subsets=4, kid_subset_size=90, rng_seed=7, verbose=False)
    found = subset_mmds(x, y, subsets=4, size=90, seed=7)
    assert found.mean().item() == pytest.approx(theirs["kernel_inception_distance_mean"], rel=1e-9)
    assert found.std(correction=0).item() == pytest.approx(theirs["kernel_inception_distance_std"], rel=1e-9)


@pytest.mark.parametrize("count", [300, 1000])
def test_float32_changes_kid_by_less_than_a_millionth_of_its_deviation(count):
    """With 20 subsets of 100, sets of 300 share kernel values, and sets of 1000 do not."""
    x, y = seen(count, 0.1, seed=1).features, seen(count, 0.0, seed=2).features
    found, exact = (subset_mmds(*each, subsets=20, size=100, seed=7) for each in ((x, y), (x.double(), y.double())))
    assert found.dtype == torch.float64
    assert (found.mean() - exact.mean()).abs() < 1e-6 * exact.std()


def jackknife_by_hand(rows, statistic):
    """The standard error from the statistic of the rows without each tenth."""
    folds = torch.arange(len(rows)) % 10
    values = torch.tensor([float(statistic(rows[folds != fold])) for fold in range(10)], dtype=torch.float64)
    return math.sqrt(9 * values.var(correction=0))


def test_standard_errors_leave_out_each_tenth():
    """The sums over the tenths give what the statistics of the other nine tenths give."""
    x, y = OURS.features.double(), REAL.features.double()
    scores = metrics.inception_score(OURS, SETTINGS) | metrics.fid(OURS, REAL, SETTINGS)
    assert scores["clarity"].uncertainty == pytest.approx(jackknife_by_hand(OURS.logits, lambda z: entropies(z)[0]))
    assert scores["variety"].uncertainty == pytest.approx(jackknife_by_hand(OURS.logits, lambda z: entropies(z)[1]))
    assert scores["fid"].uncertainty == pytest.approx(jackknife_by_hand(x, lambda z: direct_fid(z, y)), rel=1e-5)
    kid = jackknife_by_hand(x, lambda z: direct_kid(z, y))
    assert metrics.kid(OURS, REAL, SETTINGS)["kid"].uncertainty == pytest.approx(kid, rel=1e-6)


@pytest.mark.parametrize("block", [2**24, 1000])
@pytest.mark.parametrize("shift", [0.0, 0.3, 1.0])
def test_recall_and_coverage_without_a_tenth_of_the_images(monkeypatch, block, shift):
    monkeypatch.setattr(neighbors, "BLOCK", block)
    generated, real, folds = seen(200, shift).features, REAL.features[:200], torch.arange(200) % 10
    found, without = neighbors.prdc_without(folds, generated, real, k=3)
    for values, again in zip(found, neighbors.prdc(generated, real, k=3), strict=True):
        assert torch.equal(values, again), "values are in the order of the images"
    pairs, real_pairs = torch.cdist(real, generated), torch.cdist(real, real)
    for fold in range(10):
        left = folds != fold
        reach = torch.cdist(generated[left], generated[left]).kthvalue(4, dim=1).values
        recall = (pairs[:, left] <= reach).any(1).float().mean()
        coverage = (pairs[:, left] <= real_pairs.kthvalue(4, dim=1).values[:, None]).any(1).float().mean()
        assert without.recall[fold].item() == pytest.approx(recall.item(), abs=0.006)
        assert without.coverage[fold].item() == pytest.approx(coverage.item(), abs=0.006)

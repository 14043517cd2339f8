"""Each adversarial loss matches its equation."""

import math

import pytest
import torch
from torch.autograd import gradcheck

from ganzoo import AdversarialLoss
from ganzoo.registry import lookup

ZOO = lookup.registry()
LOSSES = {
    name: ZOO.losses[name].load() for name in ("minimax", "non-saturating", "least-squares", "hinge", "wasserstein")
}

every_loss = pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)


def sigmoid(score):
    return 1 / (1 + math.exp(-score))


def mean(values):
    values = list(values)
    return sum(values) / len(values)


@pytest.mark.parametrize("name", LOSSES)
def test_each_names_its_paper(name):
    assert ZOO.losses[name].summary
    assert ZOO.losses[name].paper.startswith("arXiv:")


# Losses.

REAL = torch.tensor([2.0, -1.0])
FAKE = torch.tensor([0.5, -3.0])
CROSS_ENTROPY = -mean(math.log(sigmoid(s)) for s in (2, -1)) - mean(math.log(1 - sigmoid(s)) for s in (0.5, -3))


@pytest.mark.parametrize(
    ("name", "discriminator", "generator"),
    [
        ("minimax", CROSS_ENTROPY, mean(math.log(1 - sigmoid(s)) for s in (0.5, -3))),
        ("non-saturating", CROSS_ENTROPY, -mean(math.log(sigmoid(s)) for s in (0.5, -3))),
        # 1/2 (1 + 4) / 2 + 1/2 (0.25 + 9) / 2, and 1/2 (0.25 + 16) / 2
        ("least-squares", 3.5625, 4.0625),
        # (0 + 2) / 2 + (1.5 + 0) / 2, and -(0.5 - 3) / 2
        ("hinge", 1.75, 1.25),
        # -0.5 + -1.25, and 1.25
        ("wasserstein", -1.75, 1.25),
    ],
)
@pytest.mark.parametrize("shape", [(2,), (2, 1), (1, 1, 2, 1)], ids=str)
def test_equations(name, discriminator, generator, shape):
    loss = LOSSES[name]
    assert isinstance(loss, AdversarialLoss)
    assert loss.discriminator(REAL.view(shape), FAKE.view(shape)).item() == pytest.approx(discriminator, rel=1e-6)
    assert loss.generator(FAKE.view(shape)).item() == pytest.approx(generator, rel=1e-6)


@pytest.mark.parametrize(
    ("name", "score", "value"),
    [
        ("minimax", 0, math.log(4)),  # D = 1/2, theorem 1
        ("least-squares", 0.5, 0.25),  # (a + b) / 2
        ("hinge", 0.7, 2),
        ("wasserstein", 0.7, 0),
    ],
)
def test_a_discriminator_that_cannot_tell(name, score, value):
    undecided = torch.full((3,), score)
    assert LOSSES[name].discriminator(undecided, undecided).item() == pytest.approx(value, abs=1e-6)


def test_why_the_generator_does_not_play_the_minimax_game():
    """If D is sure of a generated image, minimax gives almost no gradient, non-saturating a full one (section 3)."""
    gradients = []
    for name in ("minimax", "non-saturating"):
        score = torch.tensor([-10.0], requires_grad=True)
        LOSSES[name].generator(score).backward()
        gradients.append(score.grad.abs().item())
    assert gradients[0] == pytest.approx(sigmoid(-10), rel=1e-3)
    assert gradients[1] == pytest.approx(1, rel=1e-3)


def test_the_hinge_trains_on_the_wrong_side_of_the_margins_only():
    real, fake = torch.tensor([1.5, 0.5], requires_grad=True), torch.tensor([-1.5, -0.5], requires_grad=True)
    LOSSES["hinge"].discriminator(real, fake).backward()
    assert real.grad.tolist() == [0, -0.5]
    assert fake.grad.tolist() == [0, 0.5]


@every_loss
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("score", [-1e4, 1e4])
def test_huge_scores_stay_finite(loss, score, dtype):
    real, fake = (torch.full((2,), score, dtype=dtype, requires_grad=True) for _ in range(2))
    values = loss.discriminator(real, fake), loss.generator(fake)
    sum(values).backward()
    for value in values:
        assert value.ndim == 0
        assert value.dtype == torch.float32
        assert value.isfinite()
    assert torch.stack([real.grad, fake.grad]).isfinite().all()


@every_loss
def test_gradients_of_losses(loss):
    real, fake = (t.double().requires_grad_() for t in (REAL, FAKE))
    assert gradcheck(loss.discriminator, (real, fake))
    assert gradcheck(loss.generator, (fake,))


# D(x).


@pytest.mark.parametrize("name", ["minimax", "non-saturating"])
def test_logits_are_turned_into_probabilities(name):
    probabilities = LOSSES[name].probability(torch.tensor([[-3.0, 0.0], [0.5, 2.0]]))
    assert probabilities.flatten().tolist() == pytest.approx([sigmoid(s) for s in (-3, 0, 0.5, 2)], rel=1e-6)


def test_least_squares_scores_are_probabilities():
    assert LOSSES["least-squares"].probability(REAL).tolist() == REAL.tolist()


@pytest.mark.parametrize("name", ["hinge", "wasserstein"])
def test_other_scores_are_no_probabilities(name):
    assert LOSSES[name].probability is None


@pytest.mark.parametrize("name", ["minimax", "non-saturating", "least-squares"])
def test_the_best_discriminator_is_the_share_of_the_data(name):
    """D* = p / (p + q) (arXiv:1406.2661, proposition 1), on four points with the frequencies p and q."""
    p, q = torch.tensor([1, 2, 3, 2]), torch.tensor([4, 2, 1, 1])
    real, fake = (torch.arange(4).repeat_interleave(times) for times in (p, q))
    scores = torch.zeros(4, dtype=torch.float64, requires_grad=True)
    solver = torch.optim.LBFGS([scores], max_iter=200, tolerance_change=0, line_search_fn="strong_wolfe")

    def value():
        solver.zero_grad()
        loss = LOSSES[name].discriminator(scores[real], scores[fake])
        loss.backward()
        return loss

    solver.step(value)
    torch.testing.assert_close(LOSSES[name].probability(scores.detach()), (p / (p + q)).double(), rtol=0, atol=1e-7)

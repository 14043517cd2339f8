"""Each penalty on discriminators, and on generators, matches its equation."""

import math

import pytest
import torch
from torch import nn
from torch.autograd import gradcheck
from torch.nn.functional import binary_cross_entropy_with_logits

from ganzoo import GeneratorOutput, discriminate
from ganzoo.registry import lookup
from ganzoo_losses.penalties import PathLength

ZOO = lookup.registry()
NAMES = ("r1", "wgan-gp", "roth", "label-smoothing", "drift")
PENALTIES = {name: ZOO.regularizers[name].load() for name in NAMES}
OF_GRADIENTS = ("r1", "wgan-gp", "roth")

every_penalty = pytest.mark.parametrize("name", NAMES)
every_gradient_penalty = pytest.mark.parametrize("name", OF_GRADIENTS)


def images(count=4, seed=0, dtype=torch.float64, shape=(2, 3, 3)):
    return torch.randn(count, *shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def penalty(name, discriminator, real, fake, seed=0):
    torch.manual_seed(seed)
    return PENALTIES[name](discriminate(discriminator, real, fake))


def network(*layers):
    torch.manual_seed(1)
    return nn.Sequential(*layers)


def smooth():
    return network(nn.Flatten(), nn.Linear(18, 5), nn.Tanh(), nn.Linear(5, 1)).double()


@every_penalty
def test_each_names_its_paper_and_has_a_weight(name):
    spec = ZOO.regularizers[name]
    assert spec.summary
    assert spec.paper.startswith("arXiv:")
    assert spec.weight > 0
    assert all(loss in ZOO.losses for loss in spec.losses)


# Equations.

SLOPE = torch.tensor([[[2.0, -1.0], [2.0, 4.0]]])  # of norm 5
REAL = torch.tensor([[1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.25]]).view(2, 1, 2, 2)  # logits 2 and 1
FAKE = torch.tensor([[0.0, 0.0, 0.0, 0.0], [0.0, 3.0, 0.0, 0.0]]).view(2, 1, 2, 2)  # logits 0 and -3


def linear(x):
    return (x * SLOPE.to(x)).sum((1, 2, 3))


def quadratic(x):
    """The logit |x|^2 / 2, whose gradient is x."""
    return x.square().flatten(1).sum(1) / 2


def sigmoid(score):
    return 1 / (1 + math.exp(-score))


OF_LINEAR = {
    "r1": 25 / 2,
    "wgan-gp": (5 - 1) ** 2,
    "roth": 25 * ((1 - sigmoid(2)) ** 2 + (1 - sigmoid(1)) ** 2 + sigmoid(0) ** 2 + sigmoid(-3) ** 2) / 2 / 2,
    "label-smoothing": 3 / 2,
    "drift": (4 + 1) / 2,
}
# |x| is 1 and 1/4, logits 1/2 and 1/32, and the others are the same images
OF_QUADRATIC = {
    "r1": (1 + 1 / 16) / 2 / 2,
    "wgan-gp": (0 + 9 / 16) / 2,
    "roth": (
        ((1 - sigmoid(1 / 2)) ** 2 + sigmoid(1 / 2) ** 2) + ((1 - sigmoid(1 / 32)) ** 2 + sigmoid(1 / 32) ** 2) / 16
    )
    / 2
    / 2,
    "label-smoothing": 17 / 64,
    "drift": (1 / 4 + 1 / 1024) / 2,
}


@every_penalty
@pytest.mark.parametrize(
    ("discriminator", "fake", "values"), [(linear, FAKE, OF_LINEAR), (quadratic, REAL, OF_QUADRATIC)]
)
def test_equations(name, discriminator, fake, values):
    value = penalty(name, discriminator, REAL, fake)
    assert value.ndim == 0
    assert value.item() == pytest.approx(values[name], rel=1e-6)


@pytest.mark.parametrize("name", ["r1", "roth"])
def test_gradients_are_those_at_the_images(name):
    """The gradient matches central differences at every pixel."""
    discriminator, real, fake = smooth(), images(seed=1), images(seed=2)

    def score_and_square(x):
        steps = 1e-5 * torch.eye(18, dtype=torch.float64).view(18, 1, *x.shape[1:])
        slope = (discriminator((x + steps).flatten(0, 1)) - discriminator((x - steps).flatten(0, 1))) / 2e-5
        return discriminator(x)[:, 0], slope.view(18, len(x)).square().sum(0)

    (s, of_real), (t, of_fake) = score_and_square(real), score_and_square(fake)
    expected = {
        "r1": of_real.mean() / 2,
        "roth": ((1 - s.sigmoid()) ** 2 * of_real).mean() / 2 + (t.sigmoid() ** 2 * of_fake).mean() / 2,
    }
    torch.testing.assert_close(penalty(name, discriminator, real, fake), expected[name], rtol=1e-7, atol=0)


def shares(real, fake, seed=0):
    """The position of wgan-gp's points between the images, (N, C * H * W): 1 is the real image."""
    asked = []

    def discriminator(x):
        asked.append(x.detach())
        return quadratic(x)

    penalty("wgan-gp", discriminator, real, fake, seed)
    assert len(asked) == 3  # real, fake, between
    return ((asked[-1] - fake) / (real - fake)).flatten(1)


def test_wgan_gp_looks_between_each_pair():
    share = shares(images(50, seed=1), images(50, seed=2))
    torch.testing.assert_close(share, share[:, :1].expand_as(share), rtol=0, atol=1e-9)
    assert len(set(share[:, 0].tolist())) == 50
    assert not torch.equal(share, shares(images(50, seed=1), images(50, seed=2), seed=1))


def test_wgan_gp_looks_everywhere_between():
    one = torch.ones(4000, 1, 1, 1)
    share = shares(one, 0 * one)[:, 0].sort().values
    assert share[0] >= 0
    assert share[-1] < 1
    assert (share - torch.linspace(0, 1, 4000)).abs().max() < 0.03  # Kolmogorov and Smirnov: p < 0.1% beyond


def logistic(logits, target):
    return binary_cross_entropy_with_logits(logits, torch.full_like(logits, target))


def squares(logits, target):
    return (logits - target).square().mean() / 2


@pytest.mark.parametrize("alpha", [0.1, 0.3])
@pytest.mark.parametrize(
    ("name", "towards"), [("minimax", logistic), ("non-saturating", logistic), ("least-squares", squares)]
)
def test_label_smoothing_moves_the_target(name, towards, alpha):
    """For least squares up to a constant: (s - 1)^2 / 2 + a s is (s - 1 + a)^2 / 2 + a - a^2 / 2."""
    real, fake = (torch.linspace(-3, 4, 5, dtype=torch.float64).requires_grad_() for _ in range(2))
    output = discriminate(lambda logits: logits, real, fake)
    smoothed = ZOO.losses[name].load().discriminator(*output.logits) + alpha * PENALTIES["label-smoothing"](output)
    expected = towards(real, 1 - alpha) + towards(fake, 0)
    constant = alpha - alpha**2 / 2 if name == "least-squares" else 0
    torch.testing.assert_close(smoothed, expected + constant)
    torch.testing.assert_close(*(torch.autograd.grad(value, (real, fake)) for value in (smoothed, expected)))


# Any discriminator.


@every_penalty
def test_an_images_score_is_the_mean_over_its_patches(name):
    patches = network(nn.Conv2d(2, 4, 2), nn.Tanh(), nn.Conv2d(4, 1, 1)).double()
    assert patches(images()).shape == (4, 1, 2, 2)
    of_patches = penalty(name, patches, images(seed=1), images(seed=2))
    of_means = penalty(name, lambda x: patches(x).mean((1, 2, 3)), images(seed=1), images(seed=2))
    torch.testing.assert_close(of_patches, of_means)


@every_penalty
def test_with_batch_norm_and_dropout(name):
    norm = nn.BatchNorm2d(4)
    discriminator = network(
        nn.Conv2d(2, 4, 2), norm, nn.LeakyReLU(0.2), nn.Dropout(0.5), nn.Conv2d(4, 1, 2), nn.Flatten()
    ).double()
    real, fake = images(8, seed=1), images(8, seed=2)
    value = penalty(name, discriminator, real, fake)
    value.backward()
    assert value.isfinite()
    for parameter in (discriminator[0].weight, norm.weight, discriminator[4].weight):
        assert parameter.grad.isfinite().all()
        assert parameter.grad.abs().max() > 0


@every_penalty
def test_images_and_what_made_them_get_no_gradient(name):
    real, latent = images(seed=1).requires_grad_(), images(seed=2).requires_grad_()
    discriminator = smooth()
    output = discriminate(discriminator, real.detach(), latent.tanh().detach())
    PENALTIES[name](output._replace(real=real, fake=latent.tanh())).backward()
    assert discriminator[1].weight.grad.abs().max() > 0
    assert real.grad is None
    assert latent.grad is None


@every_penalty
def test_gradients_of_penalties(name):
    real, fake = images(2, seed=1, shape=(1, 2, 2)), images(2, seed=2, shape=(1, 2, 2))

    def of_weights(first, second):
        return penalty(name, lambda x: (x.flatten(1) @ first).tanh() @ second, real, fake)

    weights = (images(4, seed=3, shape=(3,)), images(3, seed=4, shape=(1,)))
    assert gradcheck(of_weights, [w.requires_grad_() for w in weights])


@every_gradient_penalty
def test_a_dead_discriminator_can_be_brought_to_life(name):
    """With a gradient of zero, everything is finite, and wgan-gp is 1."""
    weight = torch.zeros(18, 1, dtype=torch.float64, requires_grad=True)
    value = penalty(name, lambda x: (x.flatten(1) @ weight).tanh(), images(seed=1), images(seed=2))
    value.backward()
    assert value.item() == (1 if name == "wgan-gp" else 0)
    assert weight.grad.tolist() == [[0]] * 18


# Precision.


@every_gradient_penalty
def test_autocast_does_not_reach_gradients(name):
    discriminator, seen = smooth().float(), []
    discriminator.register_forward_hook(lambda module, inputs, logits: seen.append(logits.dtype))
    real, fake = images(seed=1, dtype=torch.float32), images(seed=2, dtype=torch.float32)
    plain = penalty(name, discriminator, real, fake)
    with torch.autocast("cpu", torch.bfloat16):
        cast = penalty(name, discriminator, real, fake)
    assert seen.count(torch.bfloat16) == 2  # real and fake, as the GAN logits them
    assert seen[-1] == torch.float32
    assert cast.dtype == torch.float32
    assert torch.equal(cast, plain)


@every_penalty
def test_half_images_and_scores_are_widened(name):
    discriminator = smooth().float()
    real, fake = images(seed=1, dtype=torch.bfloat16), images(seed=2, dtype=torch.bfloat16)
    output = discriminate(lambda x: discriminator(x.float()), real, fake)
    output = output._replace(real_logits=output.real_logits.bfloat16(), fake_logits=output.fake_logits.bfloat16())
    assert PENALTIES[name](output).dtype == torch.float32


@every_penalty
def test_double_stays_double(name):
    assert penalty(name, smooth(), images(seed=1), images(seed=2)).dtype == torch.float64


# Path length, a penalty on generators.


def linear_generator(matrix):
    """Images (N, 1, 2, 2) are a matrix times the latents."""
    return lambda latents: (latents.flatten(1) @ matrix.T).unflatten(1, (1, 2, 2))


def test_the_path_length_of_a_linear_generator_is_that_of_the_transposed_matrix():
    """J is the matrix, whatever the latents: the length is |J^T y|, with y from N(0, 1 / 4) for 4 pixels."""
    matrix = images(seed=3, shape=(2,))
    latents = images(5, seed=4, shape=(2,))
    torch.manual_seed(7)
    value = PathLength().double()(GeneratorOutput(linear_generator(matrix), latents))
    torch.manual_seed(7)
    y = torch.randn(5, 1, 2, 2, dtype=torch.float64).flatten(1) / 2
    lengths = (y @ matrix).norm(dim=1)
    mean = 0.01 * lengths.mean()  # the running mean starts at 0
    torch.testing.assert_close(value, (lengths - mean).square().mean())


def test_the_squares_of_several_latents_are_averaged():
    matrix = images(seed=3, shape=(6,))
    latents = images(5, seed=4, shape=(3, 2))
    torch.manual_seed(7)
    value = PathLength().double()(GeneratorOutput(linear_generator(matrix), latents))
    torch.manual_seed(7)
    y = torch.randn(5, 1, 2, 2, dtype=torch.float64).flatten(1) / 2
    lengths = (y @ matrix).unflatten(1, (3, 2)).square().sum(2).mean(1).sqrt()
    torch.testing.assert_close(value, (lengths - 0.01 * lengths.mean()).square().mean())


def test_the_running_mean_moves_toward_the_lengths():
    torch.manual_seed(0)
    path_length = PathLength().double()
    for _ in range(600):
        value = path_length(GeneratorOutput(linear_generator(3 * torch.eye(4).double()), images(512, shape=(4,))))
    expected = 3 * math.sqrt(2) * math.gamma(2.5) / math.gamma(2) / 2  # of a normal vector of 4 numbers
    assert path_length.mean.item() == pytest.approx(expected, rel=0.02)
    assert value.item() == pytest.approx(9 * 1 - expected**2, rel=0.2)  # the variance of the lengths


def test_path_length_trains_the_generator_and_what_made_its_latents():
    mapping, generator = smooth(), nn.Linear(1, 4).double()
    latents = mapping(images(shape=(2, 3, 3)))
    value = PathLength().double()(GeneratorOutput(lambda w: generator(w).tanh().view(-1, 1, 2, 2), latents))
    value.backward()
    assert generator.weight.grad.abs().max() > 0
    assert mapping[1].weight.grad.abs().max() > 0


def test_a_dead_generator_can_be_brought_to_life():
    matrix = torch.zeros(4, 2, dtype=torch.float64, requires_grad=True)
    value = PathLength().double()(GeneratorOutput(linear_generator(matrix), images(shape=(2,))))
    value.backward()
    assert value.item() == 0
    assert matrix.grad.isfinite().all()

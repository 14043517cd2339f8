"""BigGAN: its layers match their formulas, its training the paper, and its latents the normal distribution."""

import dataclasses
import math
import pickle
import threading

import pytest
import torch
from torch import nn
from torch.nn import functional

import ganzoo
from ganzoo import ClassConditional, draw_truncated
from ganzoo.errors import InvalidConfigError
from ganzoo.pretrained.files import read_weights, weights_path
from ganzoo.registry import lookup
from ganzoo.testing import tiny_gan, tiny_loop, tiny_model
from ganzoo_biggan.fused import FusedGenerator
from ganzoo_biggan.layers import Attention, BatchNorm, ConditionalBatchNorm, Linear, SpectralNorm

BOTH = ("biggan", "biggan-deep")


def tiny(architecture, **config):
    return ganzoo.create(architecture, **{**lookup.registry().architectures[architecture].tiny, **config})


def randomise(module, scale=0.3, seed=0):
    """Give every tensor random values, so that no zero hides a fault. Variances are positive."""
    random = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, tensor in module.state_dict().items():
            drawn = torch.randn(tensor.shape, generator=random)
            tensor.copy_(0.5 + drawn.abs() if name.endswith("variances") else scale * drawn)
    return module.eval()


# --- spectral norm ----------------------------------------------------------------------------


def test_spectral_norm_is_that_of_the_svd():
    weight = torch.randn(6, 4, 3, 3, generator=torch.Generator().manual_seed(0))
    norm = SpectralNorm(weight)
    for _ in range(200):
        normed = norm(weight)
    assert torch.allclose(torch.linalg.matrix_norm(weight.flatten(1), 2), weight.norm() / normed.norm(), rtol=1e-5)
    assert torch.linalg.matrix_norm(normed.flatten(1), 2).item() == pytest.approx(1, rel=1e-5)


def test_only_training_moves_the_vector():
    layer = Linear(5, 4)
    nn.init.normal_(layer.weight)  # of an orthogonal one, every vector is singular
    u = layer.spectral_norm.u
    before = u.clone()
    layer.eval()
    assert torch.equal(layer.normalized_weight(), layer.normalized_weight())
    assert torch.equal(u, before)
    layer.train()
    assert not torch.equal(layer.normalized_weight(), layer.normalized_weight())
    assert not torch.equal(u, before)


def test_a_vector_of_any_length_will_do():
    """The average of unit vectors is shorter than they are."""
    weight = torch.randn(6, 4)
    norm = SpectralNorm(weight).eval()
    expected = norm(weight)
    norm.u.mul_(0.3)
    assert torch.allclose(norm(weight), expected)


def test_the_gradient_takes_the_vectors_as_given():
    weight = torch.randn(5, 4, dtype=torch.float64, requires_grad=True)
    norm = SpectralNorm(weight.detach()).eval().double()
    v = functional.normalize(norm.u @ weight.detach(), dim=0)
    u = functional.normalize(weight.detach() @ v, dim=0)
    cotangent = torch.randn(5, 4, dtype=torch.float64)
    (ours,) = torch.autograd.grad((norm(weight) * cotangent).sum(), weight)
    sigma = u @ weight.detach() @ v
    expected = cotangent / sigma - (cotangent * weight.detach()).sum() / sigma**2 * torch.outer(u, v)
    assert torch.allclose(ours, expected)


def test_the_epsilon_of_spectral_norm_is_that_of_the_paper():
    """Appendix C. So tiny weights are not blown up, and zeros are not divided by zero."""
    weight = 1e-6 * torch.randn(6, 4)
    norm = SpectralNorm(weight).eval()
    v = norm.u @ weight / 1e-4
    u = weight @ v / 1e-4
    assert norm.sigma(weight).item() == pytest.approx((u @ weight @ v).item())
    whole = SpectralNorm(torch.randn(6, 4)).eval()
    assert torch.equal(whole.sigma(torch.zeros(6, 4)), torch.tensor(0.0))


# --- batch norm -------------------------------------------------------------------------------


class Plain:
    """The condition that `ConditionalBatchNorm` needs."""

    epsilon, statistics, shared, generator_spectral_norm = 1e-4, 1, True, False


def test_conditional_batch_norm_in_training():
    norm = randomise(ConditionalBatchNorm(3, 5, Plain)).train()
    x, c = torch.randn(4, 3, 2, 2), torch.randn(4, 5)
    means = norm.means.clone()
    mean, variance = x.mean((0, 2, 3), keepdim=True), x.var((0, 2, 3), correction=0, keepdim=True)
    gain, bias = (1 + c @ norm.gain.weight.T)[:, :, None, None], (c @ norm.bias.weight.T)[:, :, None, None]
    expected = gain * (x - mean) / (variance + 1e-4).sqrt() + bias
    assert torch.allclose(norm(x, c), expected, atol=1e-5)
    assert torch.allclose(norm.means, 0.9 * means + 0.1 * mean.flatten(), atol=1e-6)


def test_conditional_batch_norm_in_sampling():
    norm = randomise(ConditionalBatchNorm(3, 5, Plain))
    x, c = torch.randn(4, 3, 2, 2), torch.randn(4, 5)
    gain, bias = (1 + c @ norm.gain.weight.T)[:, :, None, None], (c @ norm.bias.weight.T)[:, :, None, None]
    mean, variance = norm.means[0][:, None, None], norm.variances[0][:, None, None]
    assert torch.allclose(norm(x, c), gain * (x - mean) / (variance + 1e-4).sqrt() + bias, atol=1e-5)


@pytest.mark.parametrize(
    ("truncation", "row"),
    [
        *[(1.0, 50), (0.0, 0), (0.02, 1), (0.4, 20), (0.14, 7), (0.28, 14), (0.56, 28), (0.58, 29), (0.94, 47)],
        *[(0.41, 20.5), (0.405, 20.25), (0.999, 49.95)],
    ],
)
def test_statistics_are_interpolated(truncation, row):
    """The values of each row are its index: 0.58 is row 29, and 0.405 is closer to row 20 than to row 21."""
    norm = BatchNorm(2, 1e-4, 51)
    norm.means = torch.arange(51.0)[:, None].expand(51, 2).clone()
    norm.variances = norm.means**2
    mean, variance = norm.at(torch.tensor([truncation, 1.0]))
    low = math.floor(row)
    square = low**2 + (row - low) * ((low + 1) ** 2 - low**2)
    assert torch.allclose(mean, torch.tensor([[row, row], [50.0, 50.0]]), atol=1e-3)
    assert torch.allclose(variance[0], torch.tensor([float(square)] * 2), atol=0.05)


# --- attention --------------------------------------------------------------------------------


def test_attention():
    attention = randomise(Attention(16, normed=False), 0.5)
    x = torch.randn(2, 16, 4, 6)
    found = attention(x)
    for n in range(2):
        keys, values = (functional.max_pool2d(part(x), 2)[n].flatten(1) for part in (attention.phi, attention.g))
        for place in range(24):
            query = attention.theta(x)[n].flatten(1)[:, place]
            weights = torch.softmax(query @ keys, 0)
            seen = attention.o.weight.flatten(1) @ (values @ weights)
            expected = x[n].flatten(1)[:, place] + attention.gamma * seen
            assert torch.allclose(found[n].flatten(1)[:, place], expected, atol=1e-5)


# --- networks ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("architecture", "resolution", "generator"),
    [
        ("biggan", 128, 70_433_988),  # as in BigGAN-PyTorch
        (
            "biggan-deep",
            128,
            50_388_609 - 125 * (128 * 9 + 1),
        ),  # pytorch-pretrained-BigGAN's, which makes 125 maps more
        ("biggan-deep", 256, 55_880_833 - 125 * (128 * 9 + 1)),
        ("biggan-deep", 512, 56_163_905 - 125 * (128 * 9 + 1)),
    ],
)
def test_paper_size(architecture, resolution, generator):
    with torch.device("meta"):
        gan = ganzoo.create(architecture, resolution=resolution)
    assert sum(p.numel() for p in gan.generator.parameters()) == generator
    assert list(gan.generator.attention) == ["64"]


@pytest.mark.parametrize("architecture", BOTH)
@pytest.mark.parametrize("resolution", [32, 64, 128])
@pytest.mark.parametrize("channels", [1, 3])
def test_every_resolution(architecture, resolution, channels):
    config = {"resolution": resolution, "channels": channels, "width": 4, "classes": 3, "class_dim": 4}
    gan = ganzoo.create(architecture, attention=(16, 64), **config).eval()
    images = gan.generate({key: torch.stack([value]) for key, value in gan.draw(ClassConditional(), random()).items()})
    assert images.shape == (1, channels, resolution, resolution)
    assert gan.discriminator(images, torch.tensor([2])).shape == (1,)


def random():
    return torch.Generator().manual_seed(0)


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({"resolution": 100}, "resolution 100 cannot be reached: .* - the nearest are 96 and 112"),
        ({"resolution": 16}, "resolution 16 cannot be reached: .* - the nearest are 32 and 40"),
        ({"resolution": 32, "latent_dim": 10}, "latent_dim is a multiple of 4 here, not 10"),
        ({"resolution": 32, "generator_depths": (1, 2)}, "generator_depths has 4 numbers at 32 pixels, not 2"),
        (
            {"resolution": 32, "discriminator_depths": (1,) * 5},
            "discriminator_depths has 4 numbers at 32 pixels, not 5",
        ),
        ({"width": 0}, "at least 1"),
        ({"epsilon": 0.0}, "epsilon is above 0"),
    ],
)
def test_configs_that_cannot_be(config, told):
    with pytest.raises(InvalidConfigError, match=told):
        lookup.check_config("biggan", config)


@pytest.mark.parametrize("architecture", BOTH)
def test_the_projection(architecture):
    """D(x, y) = psi(h) + <v(y), h>: two classes differ only by their embeddings."""
    judge = tiny_gan(architecture).eval().discriminator
    images = torch.rand(2, 3, 32, 32)
    h = judge.features(images).relu().sum((2, 3))
    vectors = judge.embedding.normalized_weight()
    difference = judge(images, torch.tensor([2, 2])) - judge(images, torch.tensor([0, 0]))
    assert torch.allclose(difference, h @ (vectors[2] - vectors[0]), atol=1e-4)
    assert difference.abs().max() > 1e-4


# --- fused ------------------------------------------------------------------------------------


@pytest.mark.parametrize("architecture", BOTH)
@pytest.mark.parametrize(
    "config", [{}, {"statistics": 11}, {"generator_spectral_norm": False}, {"shared": False, "hierarchical": False}]
)
def test_fused_it_makes_the_same(architecture, config):
    gan = randomise(tiny(architecture, **config), 0.15)
    draws = [gan.draw(ClassConditional(truncation=t), random()) for t in (None, 0.05, 0.58, 1.0)]
    inputs = {name: torch.stack([draw[name] for draw in draws]) for name in draws[0]}
    expected = gan.generate(inputs)
    assert expected.std() > 0.01
    assert torch.allclose(gan.fused()(inputs), expected, atol=1e-5)
    assert not any("spectral_norm" in name for name in FusedGenerator(gan.generator).state_dict())


def test_a_fused_generator_shares_what_does_not_change():
    """It shares all tensors except joined projections, folded convolutions and joined statistics."""
    gan = tiny("biggan-deep", generator_spectral_norm=False).eval()
    ours = {id(tensor) for tensor in (*gan.generator.parameters(), *gan.generator.buffers())}
    state = FusedGenerator(gan.generator).state_dict(keep_vars=True)
    assert {name for name, tensor in state.items() if id(tensor) not in ours} == {
        *(f"gains_and_biases.{name}" for name in ("project.weight", "project.bias", "norm.means", "norm.variances")),
        *(f"blocks.{i}.convs.1.weight" for i in (1, 3, 5)),
        *("attention.16.project.weight", "attention.16.o.weight"),
    }


@pytest.mark.parametrize("architecture", BOTH)
def test_gans_are_pickled(architecture):
    """Also in training, together with their discriminators."""
    gan = tiny_gan(architecture)
    again = pickle.loads(pickle.dumps(gan))
    images, label = torch.rand(2, 3, 32, 32), torch.tensor([0, 2])
    assert torch.equal(again.discriminator(images, label), gan.discriminator(images, label))
    assert again.state_dict().keys() == gan.state_dict().keys()


def loaded(architecture="biggan", **config):
    """A fused model as `load` returns it, and a model of the same GAN that is not fused."""
    gan = randomise(tiny(architecture, **config), 0.15)
    return [ganzoo.Model(gan, ClassConditional, gan.config, fuse=fuse) for fuse in (True, False)]


def test_a_loaded_model_stays_as_its_file_has_it():
    record = lookup.registry().models["biggan-fashion-mnist"]
    held = read_weights(record, weights_path(record))
    model = ganzoo.load("biggan-fashion-mnist")
    model.sample(1)
    state = model.gan.state_dict()
    assert state.keys() == held.keys()
    assert all(torch.equal(tensor, held[name].float()) for name, tensor in state.items())
    assert all(parameter.requires_grad for parameter in model.gan.parameters())


def test_threads_that_sample_first_get_the_same_images(monkeypatch):
    model, plain = loaded(statistics=11)
    expected, barrier, images = plain.sample(2), threading.Barrier(4), []

    def sample():
        barrier.wait()
        images.append(model.sample(2))

    fused, built = type(model.gan).fused, []
    monkeypatch.setattr(type(model.gan), "fused", lambda gan: built.append(1) or fused(gan))
    threads = [threading.Thread(target=sample) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(images) == 4
    assert all(torch.allclose(each, expected, atol=1e-5) for each in images)
    assert built == [1]


@pytest.mark.parametrize("options", [{"foreach": True}, {"foreach": False}, {"fused": True}], ids=str)
def test_a_model_that_is_trained_on_samples_its_present_weights(options):
    model, plain = loaded()
    before = model.sample(2)
    optimizer = torch.optim.Adam(model.gan.generator.parameters(), 0.1, **options)
    model.gan.generate(model.draw(4)).square().mean().backward()
    optimizer.step()
    after = plain.sample(2)
    assert not torch.allclose(after, before, atol=1e-2)
    assert torch.allclose(model.sample(2), after, atol=1e-5)


@pytest.mark.parametrize(
    "change",
    [
        lambda gan: gan.generator.blocks[1].norms[0].variances.mul_(3),
        lambda gan: gan.generator.blocks[0].shortcut.spectral_norm.u.copy_(torch.eye(8)[0]),
        lambda gan: gan.load_state_dict(randomise(tiny("biggan"), 0.2, seed=1).state_dict()),
        lambda gan: gan.load_state_dict(randomise(tiny("biggan"), 0.2, seed=1).state_dict(), assign=True),
        lambda gan: setattr(gan.generator.blocks[0].convs[0], "weight", nn.Parameter(torch.ones(8, 8, 3, 3))),
    ],
    ids=["statistics", "vector", "load", "assign", "replace"],
)
def test_a_change_of_any_tensor_is_seen(change):
    model, plain = loaded()
    before = model.sample(2)
    with torch.no_grad():
        change(model.gan)
    after = plain.sample(2)
    assert not torch.allclose(after, before, atol=1e-4)
    assert torch.allclose(model.sample(2), after, atol=1e-5)


def test_in_training_mode_a_loaded_model_samples_as_it_is():
    model, plain = loaded()
    model.sample(2)
    model.gan.generator.train()
    images = model.sample(2)
    plain.gan.eval()
    assert not torch.allclose(images, plain.sample(2), atol=1e-3)


@pytest.mark.parametrize("change", ["a fused optimizer", "data"])
def test_changes_that_count_no_version_are_noticed(change):
    model, plain = loaded()
    before = model.sample(2)
    parameters = [p for p in model.gan.parameters() if p.is_floating_point()]
    if change == "data":
        for parameter in parameters:
            parameter.data = parameter.data * 1.5
    else:
        optimizer = torch.optim.Adam(parameters, 0.05, fused=True)
        for parameter in parameters:
            parameter.requires_grad_(True).grad = torch.ones_like(parameter)
        optimizer.step()
        optimizer.zero_grad()
    images = model.sample(2)
    assert not torch.allclose(images, before, atol=1e-3)
    plain.gan.load_state_dict(model.gan.state_dict())
    assert torch.allclose(images, plain.sample(2), atol=1e-5)


# --- standing statistics ----------------------------------------------------------------------


@pytest.mark.parametrize("architecture", BOTH)
def test_standing_statistics_are_those_of_the_samples(architecture):
    """The statistics of one batch: images equal those of training mode, at every truncation of the table."""
    model = tiny_model(architecture)
    randomise(model.gan, 0.15)
    model.standing_statistics(1, batch_size=32)
    assert model.config.statistics == 11
    assert lookup.check_config(architecture, dataclasses.asdict(model.config))
    for truncation in (0.1, 0.5, 1.0):
        inputs = model.draw(32, request=ClassConditional(truncation=truncation))
        kept = model.generate(inputs)
        norms = [module for module in model.gan.modules() if isinstance(module, BatchNorm)]
        before = [(norm.means.clone(), norm.variances.clone()) for norm in norms]
        for norm in norms:
            norm.train()
        in_training = model.generate(inputs)
        for norm, (means, variances) in zip(norms, before, strict=True):
            norm.eval()
            norm.means, norm.variances = means, variances
        apart = (kept - in_training).abs()
        assert apart.mean() < 0.02  # of n numbers, the variance that is kept is n / (n - 1) of theirs
        elsewhere = model.generate({**inputs, "truncation": torch.full((32,), 1.1 - truncation)})
        assert truncation == 0.5 or (elsewhere - in_training).abs().mean() > 4 * apart.mean()


def test_standing_statistics_are_means_over_batches():
    model = tiny_model("biggan")
    norm = model.gan.generator.blocks[0].norms[0]
    model.standing_statistics(1, batch_size=8)
    first = norm.means[-1].clone()
    model = tiny_model("biggan")
    model.standing_statistics(3, batch_size=8)
    mean = model.gan.generator.blocks[0].norms[0].means[-1]
    x = [
        model.gan.generator.project(model.draw(8, seed=s, request=ClassConditional(truncation=1.0))["z"][:, :2])
        for s in (0, 8, 16)
    ]
    maps = [each.unflatten(1, (-1, 4, 4)).mean((0, 2, 3)) for each in x]
    assert torch.allclose(first, maps[0], atol=1e-5)
    assert torch.allclose(mean, sum(maps) / 3, atol=1e-5)


# --- training ---------------------------------------------------------------------------------


def updates(architecture="biggan", **config):
    torch.manual_seed(0)
    spec = lookup.registry().architectures[architecture]
    gan = ganzoo.create(architecture, **{**spec.tiny, **config})
    return gan, gan.training_step(tiny_loop(architecture).batches)


@pytest.mark.parametrize("steps", [1, 2, 4])
def test_several_steps_of_the_discriminator_for_each_of_the_generator(steps):
    _, found = updates(discriminator_steps=steps)
    assert [update.group for update in found] == ["discriminator"] * steps + ["generator"]


def test_each_step_has_a_batch_of_its_own():
    _, found = updates(discriminator_steps=2)
    first, second, _ = (update.discriminators for update in found)
    assert not torch.equal(first[0].real, second[0].real)
    assert not torch.equal(first[0].fake, second[0].fake)


def test_the_discriminator_is_told_the_class():
    gan, found = updates()
    judged = next(found).discriminators[0]
    gan.eval()
    label = judged.discriminator.keywords["label"]
    assert torch.equal(judged.discriminator(judged.real), gan.discriminator(judged.real, label))


def test_orthogonal_regularisation():
    """Equation 3 by hand, for every weight of the generator except the embedding."""
    gan, found = updates(orthogonal_weight=0.01)
    *_, last = found
    expected = 0.0
    for name, weight in gan.generator.named_parameters():
        if weight.ndim > 1 and not name.startswith("embedding"):
            rows = weight.detach().flatten(1)
            product = rows @ rows.T
            expected += 0.01 * float((product - product.diag().diag()).square().sum())
    assert last.losses["orthogonal"].item() == pytest.approx(expected, rel=1e-4)
    *_, last = updates(orthogonal_weight=0.0)[1]
    assert last.losses.keys() == {"adversarial"}


def test_weights_begin_orthogonal():
    weight = tiny_gan("biggan").generator.blocks[0].convs[1].weight.flatten(1)
    assert torch.allclose(weight @ weight.T, torch.eye(len(weight)), atol=1e-5)


def test_optimizers():
    optimizers = tiny_gan("biggan").optimizers()
    assert [optimizers[group].defaults["lr"] for group in ("generator", "discriminator")] == [5e-5, 2e-4]
    assert {optimizer.defaults["betas"] for optimizer in optimizers.values()} == {(0.0, 0.999)}


# --- drawing ----------------------------------------------------------------------------------


def test_truncated_latents():
    """Normal within two standard deviations. The variance is 1 - 4 phi(2) / (2 Phi(2) - 1), times the scale."""
    z = draw_truncated(0.5, 200_000, random=random())
    assert z.abs().max() <= 1
    phi, mass = math.exp(-2) / math.sqrt(2 * math.pi), math.erf(2 / math.sqrt(2))
    assert z.var().item() == pytest.approx(0.25 * (1 - 4 * phi / mass), rel=0.01)
    assert z.mean().abs() < 0.01


def test_one_seed_is_one_latent_at_every_truncation_and_class():
    model = tiny_model("biggan")
    half, whole = (model.draw(seed=5, request=ClassConditional(truncation=t)) for t in (0.5, 1.0))
    assert torch.allclose(2 * half["z"], whole["z"])
    assert half["truncation"].tolist() == [0.5]
    classes = [model.draw(seed=5, request=ClassConditional(label=label)) for label in (None, 0, 2)]
    assert all(torch.equal(inputs["z"], classes[0]["z"]) for inputs in classes)
    assert not torch.equal(classes[1]["class"], classes[2]["class"])


def test_classes_are_mixed_by_default():
    model = tiny_model("biggan")
    inputs = model.draw(300)
    rows = model.gan.generator.embedding.weight
    counts = [int((inputs["class"] == row).all(1).sum()) for row in rows]
    assert sum(counts) == 300
    assert min(counts) > 70

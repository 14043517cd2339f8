"""StyleGAN2 against its paper, and against the sizes of the authors' networks."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
import torch
from torch.nn.functional import conv2d

import ganzoo
from ganzoo import GanzooError, StyleBased, testing
from ganzoo.evaluation import report
from ganzoo.registry import lookup
from ganzoo.testing.asserting import assert_same_state
from ganzoo.training.plan import make_plan
from ganzoo_stylegan.layers import EqualConv2d, EqualLinear, append_deviation
from ganzoo_stylegan.style_based import track_mean
from ganzoo_stylegan.stylegan2.config import StyleGAN2Config
from ganzoo_stylegan.stylegan2.model import StyleGAN2
from ganzoo_stylegan.stylegan2.networks import Discriminator, Generator, ModulatedConv2d

F, AUTO = {}, {"base_width": 16384}


@pytest.mark.parametrize(
    ("config", "generator", "discriminator"),
    [
        ({**F, "resolution": 32, "mapping_layers": 2}, 19_947_539, 21_507_073),
        ({**F, "resolution": 32, "mapping_layers": 2, "classes": 10}, 20_215_315, None),
        ({**AUTO, "resolution": 64, "mapping_layers": 2}, 22_243_608, 23_407_361),
        ({**AUTO, "resolution": 64}, 23_819_544, 23_407_361),
        ({**AUTO, "resolution": 128}, 24_525_213, 23_882_369),
        ({**AUTO, "resolution": 256}, 24_767_458, 24_001_089),
        ({**AUTO, "resolution": 256, "classes": 3}, 25_031_650, None),
        ({**F, "resolution": 64}, 27_032_600, 26_488_833),
        ({**F, "resolution": 128}, 29_328_669, 28_389_121),
        ({**F, "resolution": 256}, 30_034_338, 28_864_129),
        ({**F, "resolution": 512}, 30_276_583, 28_982_849),
        ({**F, "resolution": 1024}, 30_370_060, 29_012_513),
    ],
)
def test_the_networks_have_as_many_parameters_as_the_authors(config, generator, discriminator):
    with torch.device("meta"):
        networks = [kind(StyleGAN2Config(**config)) for kind in (Generator, Discriminator)]
    counts = [sum(parameter.numel() for parameter in network.parameters()) for network in networks]
    assert counts[0] == generator
    assert discriminator is None or counts[1] == discriminator


TINY = StyleGAN2Config(resolution=16, latent_dim=6, style_dim=5, mapping_layers=2, base_width=128, max_width=8)


def conv(*, up=False, demodulate=True, inputs=3, outputs=4, kernel=3):
    torch.manual_seed(0)
    return ModulatedConv2d(inputs, outputs, kernel, 5, up=up, demodulate=demodulate).double()


def scaled_weights(layer, w):
    """Equations 1 to 3: the weights of each image, (N, outputs, inputs, k, k)."""
    style = layer.affine(w)
    weight = layer.weight * layer.scale * style[:, None, :, None, None]
    if not layer.demodulate:
        return weight
    return weight / (weight.square().sum((2, 3, 4), keepdim=True) + 1e-8).sqrt()


@pytest.mark.parametrize("demodulate", [True, False])
def test_modulation_is_that_of_the_weights(demodulate):
    layer = conv(demodulate=demodulate)
    x, w = torch.randn(2, 3, 6, 6).double(), torch.randn(2, 5).double()
    wanted = [conv2d(x[i : i + 1], scaled_weights(layer, w)[i], padding=1) for i in range(2)]
    torch.testing.assert_close(layer.convolve(x, w), torch.cat(wanted))


def test_upsampling_puts_zeros_between_pixels_convolves_and_blurs():
    layer = conv(up=True)
    x, w = torch.randn(1, 3, 4, 5).double(), torch.randn(1, 5).double()
    spread = torch.zeros(1, 3, 8, 10).double()
    spread[:, :, ::2, ::2] = x
    # A transposed convolution applies the kernel the other way round. Its result has 2 n + 1 pixels on a side.
    convolved = conv2d(spread, scaled_weights(layer, w)[0].flip(2, 3), padding=2)[:, :, :-1, :-1]
    row = torch.tensor([1.0, 3, 3, 1]).double() / 8
    kernel = torch.outer(row, row).expand(4, 1, 4, 4) * 4
    torch.testing.assert_close(layer.convolve(x, w), conv2d(convolved, kernel, padding=1, groups=4))


def test_the_scale_of_a_style_does_not_matter_behind_demodulation():
    layer = conv()
    x, w = torch.randn(1, 3, 6, 6).double(), torch.zeros(1, 5).double()
    one = layer.convolve(x, w)
    layer.affine.bias.data *= 3
    torch.testing.assert_close(layer.convolve(x, w), one, atol=1e-6, rtol=1e-6)


def test_the_scale_of_a_latent_does_not_matter():
    mapping = Generator(TINY).mapping
    z = torch.randn(3, 6)
    torch.testing.assert_close(mapping(5 * z), mapping(z))


@pytest.mark.parametrize("layer", [EqualLinear(400, 300), EqualLinear(400, 300, rate=0.01)])
def test_an_equalized_linear_layer_keeps_the_variance(layer):
    """The stored weights are larger the lower the rate is, and what the layer computes is the same."""
    assert layer.weight.std().item() == pytest.approx(1 / layer.rate, rel=0.02)
    assert layer(torch.randn(500, 400)).std().item() == pytest.approx(1, rel=0.03)


def test_an_equalized_convolution_keeps_the_variance():
    layer = EqualConv2d(64, 64, 3)
    assert layer.weight.std().item() == pytest.approx(1, rel=0.02)
    assert layer(torch.randn(4, 64, 16, 16))[:, :, 1:-1, 1:-1].std().item() == pytest.approx(1, rel=0.05)


def test_a_step_of_the_optimizer_moves_all_layers_alike():
    """Adam's first step is the learning rate, whatever the gradient. The rate scales what it changes."""
    for rate in (1.0, 0.01):
        layer = EqualLinear(4, 4, rate=rate)
        before = (layer.weight * layer.scale).detach().clone()
        optimizer = torch.optim.Adam(layer.parameters(), 1e-3)
        layer(torch.ones(1, 4)).sum().backward()
        optimizer.step()
        moved = (layer.weight * layer.scale).detach() - before
        torch.testing.assert_close(moved.abs(), torch.full((4, 4), 1e-3 * rate / 2), atol=1e-7, rtol=1e-3)


@pytest.mark.parametrize(("count", "size"), [(1, 1), (2, 2), (3, 3), (4, 4), (5, 1), (6, 3), (8, 4), (12, 4)])
def test_the_deviation_is_that_of_groups_at_any_batch(count, size):
    x = torch.randn(count, 3, 4, 4)
    appended = append_deviation(x, 4)
    assert torch.equal(appended[:, :3], x)
    for start in range(0, count, size):
        group = x[start : start + size]
        wanted = (group.var(0, correction=0) + 1e-8).sqrt().mean()
        torch.testing.assert_close(appended[start : start + size, 3], wanted.expand(size, 4, 4))


def test_identical_images_have_no_deviation():
    assert append_deviation(torch.ones(4, 3, 4, 4), 4)[:, 3].max().item() == pytest.approx(1e-4)


def test_noise_has_no_effect_at_the_start_and_has_one_later():
    generator = Generator(TINY)
    styles = generator.broadcast(generator.mapping(torch.randn(2, 6)))
    plain, noise = generator.synthesis(styles), generator.synthesis.random_noise(2)
    assert torch.equal(generator.synthesis(styles, noise), plain)
    generator.synthesis.b16.conv1.noise_strength.data.fill_(1)
    assert not torch.allclose(generator.synthesis(styles, noise), plain)


def test_the_mean_style_converges_to_the_mean_of_styles():
    torch.manual_seed(0)
    mapping = Generator(TINY).mapping
    with torch.no_grad():
        for _ in range(1500):
            track_mean(mapping.w_avg, mapping(torch.randn(512, 6)))
        mean = mapping(torch.randn(100_000, 6)).mean(0)
    torch.testing.assert_close(mapping.w_avg, mean, atol=0.02, rtol=0)


def test_styles_are_mixed_from_a_layer_on():
    torch.manual_seed(0)
    gan = StyleGAN2(dataclasses.replace(TINY, style_mixing=0.9), lookup.registry().losses["non-saturating"].load())
    styles = gan.mixed_styles(2000, None)
    assert styles.shape == (2000, TINY.styles, TINY.style_dim)
    other = (styles != styles[:, :1]).any(2)  # which layers have the second style
    assert other.any(1).float().mean().item() == pytest.approx(0.9, abs=0.03)
    assert torch.equal(other, other.cummax(1).values)
    cuts = other.float().argmax(1)[other.any(1)]
    assert cuts.unique().tolist() == list(range(1, TINY.styles))


@pytest.mark.parametrize(("constant", "first"), [(None, (6, 8)), ((3, 4), (3, 4))])
def test_an_image_may_be_a_rectangle(constant, first):
    config = dataclasses.replace(TINY, resolution=(12, 16), constant=constant)
    generator = Generator(config)
    assert generator.synthesis.blocks()[0].const.shape[1:] == first
    images = generator(torch.randn(2, 6))
    assert images.shape == (2, *config.image_shape) == (2, 3, 12, 16)
    assert Discriminator(config)(images).shape == (2,)


def test_classes_change_images_and_logits():
    config = dataclasses.replace(TINY, classes=3)
    generator, discriminator = Generator(config), Discriminator(config)
    z, label = torch.randn(1, 6).expand(3, 6), torch.arange(3)
    images = generator(z, label)
    assert not torch.allclose(images[0], images[1])
    logits = discriminator(images[:1].expand(3, -1, -1, -1), label)
    assert len(set(logits.tolist())) == 3
    with pytest.raises(ValueError, match="give a label"):
        generator(z)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"resolution": 25}, "resolution 25 cannot be reached: .* - the nearest are 24 and 28"),
        ({"constant": (4,)}, "constant is a height and a width"),
        ({"constant": (3, 4)}, r"resolution 1024x1024 is not the constant \(3, 4\), doubled several times"),
        ({"base_width": 16}, "base_width must be at least 1024 for this resolution"),
        ({"style_mixing": 1.5}, "style_mixing is a share from 0 to 1, not 1.5"),
        ({"classes": -1}, "classes is the number of classes"),
        ({"group_size": 0}, "group_size must be at least 1"),
    ],
)
def test_configs_that_cannot_be(config, message):
    with pytest.raises(ValueError, match=message):
        StyleGAN2Config(**config)


@pytest.mark.parametrize(
    ("asked", "r1", "half_life"),
    [
        ({}, 6.5536, 10_000),
        ({"config": {"resolution": 256}, "batch_size": 16}, 0.8192, 5_000),
        ({"config": {"resolution": "128x512"}, "batch_size": 16}, 0.8192, 5_000),
    ],
)
def test_the_penalty_follows_the_resolution(asked, r1, half_life):
    plan = make_plan("stylegan2", "photos", **asked)
    assert plan.regularizers == {"r1": pytest.approx(r1), "path-length": 2.0}
    assert (plan.ema_half_life, plan.regularize_every, plan.regularize_generator_every) == (half_life, 16, 4)


def test_recipes_are_the_configs_of_the_paper():
    assert make_plan("stylegan2", "photos", recipe="config-e").config["base_width"] == 16384
    assert make_plan("stylegan2", "photos", recipe="config-f-ada").augmentations == ("ada",)
    with pytest.raises(GanzooError, match="stylegan2 has no recipe 'config-a' - its recipes are: config-f"):
        make_plan("stylegan2", "photos", recipe="config-a")


def test_it_trains_with_everything_and_resumes():
    """Penalties of both networks, at different intervals, and ADA: path length and strength are a part of the state."""
    options = {"regularizers": {"r1": 1.0, "path-length": 2.0}, "regularize_every": 4, "regularize_generator_every": 2}
    options |= {"augmentations": ("ada",), "ema_half_life": 100}
    whole, first, second = (testing.tiny_loop("stylegan2", 8, **options) for _ in range(3))
    records = list(whole)
    again = [next(first) for _ in range(3)]
    second.restore(first.checkpoint())
    assert again + list(second) == records
    rare = [[name in record.losses for record in records] for name in ("discriminator/r1", "generator/path-length")]
    assert rare == [[True, False, False, False] * 2, [True, False] * 4]
    assert_same_state(whole.published(), second.published())
    assert whole.techniques.generator_penalties["path-length"].mean > 0


def trained(**config):
    """A model whose noise, biases and mean style are not the initial ones."""
    gan = StyleGAN2(dataclasses.replace(TINY, **config), lookup.registry().losses["non-saturating"].load()).eval()
    torch.manual_seed(0)
    with torch.no_grad():
        for tensor in (*gan.parameters(), gan.generator.mapping.w_avg):
            tensor.add_(0.3 * torch.randn_like(tensor))
    return ganzoo.Model(gan, StyleBased, gan.config, name="test")


@pytest.mark.parametrize("config", [{}, {"classes": 3}, {"constant": (3, 4), "resolution": (12, 16)}, {"channels": 1}])
@pytest.mark.parametrize("request_", [{}, {"truncation": 0.5}, {"noise": "none"}])
def test_the_fused_generator_is_the_generator(config, request_):
    model = trained(**config)
    inputs = model.draw(3, request=model.request(**request_))
    with torch.no_grad():
        torch.testing.assert_close(model.gan.fused()(inputs), model.gan.generate(inputs), atol=1e-5, rtol=0)


def test_the_mean_style_is_computed_again_over_samples():
    model = trained()
    model.standing_statistics(8, batch_size=16)
    z = torch.cat([model.draw(16, seed=16 * i)["z"] for i in range(8)])
    torch.testing.assert_close(model.gan.generator.mapping.w_avg, model.gan.generator.mapping(z).mean(0))


def labeled_loop(classes, data):
    torch.manual_seed(0)
    tiny = {**lookup.registry().architectures["stylegan2"].tiny, "classes": classes}
    options = ganzoo.TrainingOptions(iterations=2, batch_size=4)
    return ganzoo.Loop(lookup.create("stylegan2", **tiny), data, options)


def test_it_trains_with_classes():
    loop = labeled_loop(2, testing.noise_data((3, 8, 8)))
    before = loop.gan.generator.mapping.embed.weight.clone()
    assert len(list(loop)) == 2
    assert not torch.equal(loop.gan.generator.mapping.embed.weight, before)


@pytest.mark.parametrize(("labels", "found"), [(None, "none"), (torch.arange(20), "more")])
def test_classes_that_the_data_does_not_have(labels, found):
    names = () if labels is None else tuple(map(str, range(20)))
    data = ganzoo.ImageData("noise", testing.noise_data((3, 8, 8)).images, labels, names)
    with pytest.raises(GanzooError, match=f"the config has 2 classes, and the data has {found} - give their number"):
        next(labeled_loop(2, data))


# The bundled model.

CARDS = Path(__file__).parents[2] / "model_cards"


def test_portraits_have_the_ground_of_the_data_and_differ():
    """The ground is #b6e3f4. Faces are darker, and their colors are of many kinds."""
    images = ganzoo.load("stylegan2-pixelfaces", device="cpu").sample(32, seed=0)
    ground = torch.tensor([0xB6, 0xE3, 0xF4]) / 127.5 - 1
    corner = images[:, :, 50:56, :4].flatten(2).mean(2).median(0).values
    torch.testing.assert_close(corner, ground, atol=0.06, rtol=0)
    faces = images[:, :, 36:42, 26:38].mean((2, 3))
    assert (faces.mean(1) < 0.5).float().mean() > 0.8
    assert faces.std(0).min() > 0.1


def test_the_card_has_the_numbers_of_its_evaluation():
    said = json.loads((CARDS / "stylegan2-pixelfaces.json").read_text())
    assert report.markdown(said) in (CARDS / "stylegan2-pixelfaces.md").read_text()
    assert said["images"]["judged"] == {"what": "samples of stylegan2-pixelfaces", "count": 2000}
    fid = said["scores"]["fid"]
    assert fid["floor"]["value"] < fid["value"] < 0.5

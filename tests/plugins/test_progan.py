"""ProGAN against its paper: sizes, equalized layers, growth, fades, runs that cross them, and a layout."""

from __future__ import annotations

import copy
import dataclasses

import pytest
import torch
from torch import nn
from torch.nn import functional

import ganzoo
from ganzoo import testing
from ganzoo.errors import InvalidConfigError, LayoutError
from ganzoo.registry import lookup
from ganzoo.training.plan import make_plan
from ganzoo.weights.fit import load_into
from ganzoo.weights.folder import Description, write_folder
from ganzoo.weights.layouts import find_layout, rename
from ganzoo.weights.meta import on_meta_device
from ganzoo_stylegan.progan.config import TINY, ProGANConfig
from ganzoo_stylegan.progan.growth import Phase, fade, images_at, level_at

SMALL = {"resolution": 32, "latent_dim": 6, "base_width": 128, "max_width": 16}


def build(**config):
    torch.manual_seed(0)
    gan = lookup.create("progan", **{**SMALL, **config})
    for name, parameter in gan.named_parameters():
        if name.endswith("bias"):
            nn.init.normal_(parameter)
    return gan


def grown(level, **config):
    """A GAN in eval mode that has grown to a level."""
    gan = build(**config).eval().requires_grad_(False)
    gan.generator.images_seen.fill_(images_at(gan.config, level))
    return gan


def latents(gan, count=3):
    return torch.randn(count, gan.config.latent_dim, generator=torch.Generator().manual_seed(1))


def double(images):
    return images.repeat_interleave(2, 2).repeat_interleave(2, 3)


# --- sizes and layers ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("resolution", "generator", "discriminator"),
    [
        (32, 20_719_628, 20_726_785),
        (64, 22_490_383, 22_498_049),
        (128, 22_933_394, 22_941_313),
        (256, 23_044_309, 23_052_353),
        (512, 23_072_120, None),
        (1024, 23_079_115, 23_087_249),
    ],
)
def test_the_networks_have_as_many_parameters_as_the_authors(resolution, generator, discriminator):
    with on_meta_device():
        gan = lookup.create("progan", resolution=resolution)
    counts = [sum(p.numel() for p in network.parameters()) for network in (gan.generator, gan.discriminator)]
    assert counts[0] == generator
    assert discriminator in (None, counts[1])


def test_stored_weights_have_variance_1_and_layers_have_the_gains_of_the_paper():
    """The learning rate is equalized: what He et al. put into the initial weights is a constant of the layer."""
    torch.manual_seed(0)
    gan = lookup.create("progan", resolution=8, latent_dim=512, base_width=1024, max_width=128)
    weights = {name: p for name, p in gan.named_parameters() if name.endswith("weight") and p.numel() > 1000}
    assert len(weights) == 8
    for weight in weights.values():
        assert weight.std().item() == pytest.approx(1, rel=0.05)
    first, up = gan.generator.blocks
    last, down = gan.discriminator.blocks
    gains = {first.conv: 2**0.5, up.conv0: 2**0.5, up.conv1: 2**0.5, down.conv1: 2**0.5, gan.generator.to_rgb[1]: 1}
    for layer, gain in gains.items():
        out = layer(torch.randn(64, layer.weight.shape[1], 8, 8))[..., 1:-1, 1:-1]
        assert out.std().item() == pytest.approx(gain, rel=0.1), layer
    linear = {first.project: 2**0.5 / 4, last.hidden: 2**0.5, last.logit: 1}
    for layer, gain in linear.items():
        assert layer(torch.randn(4000, layer.weight.shape[1])).std().item() == pytest.approx(gain, rel=0.2), layer


def test_pixel_norm_follows_each_block_and_the_latent_has_no_length():
    gan = grown(3.0)
    z = latents(gan)
    for features in gan.generator.features(z, 3):
        torch.testing.assert_close(features.square().mean(1), torch.ones_like(features[:, 0]), atol=1e-3, rtol=0)
    torch.testing.assert_close(gan.generate({"z": 7 * z}), gan.generate({"z": z}))


def test_the_discriminator_sees_how_much_a_group_varies():
    """Four equal images get another logit than the same image among others (section 3)."""
    gan = grown(3.0)
    images = torch.randn(4, 3, 32, 32)
    alone = gan.discriminator(images[:1].expand(4, -1, -1, -1), Phase(3, 1.0))
    among = gan.discriminator(images, Phase(3, 1.0))
    assert (alone[0] - among[0]).abs() > 1e-3


# --- growth --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("thousands", "level"),
    [(0, 0), (600, 0), (750, 0.25), (1200, 1), (1800, 1), (2100, 1.5), (9599.4, 7.999), (9600, 8), (20_000, 8)],
)
def test_the_level_is_that_of_the_authors_schedule(thousands, level):
    """600,000 images for each resolution, then 600,000 to fade the next one in; their lod is 8 minus the level."""
    assert level_at(ProGANConfig(), round(thousands * 1000)) == pytest.approx(level, abs=1e-9)


@pytest.mark.parametrize("lengths", [(600_000, 600_000), (3, 7), (0, 10), (5, 0)])
def test_images_at_is_the_inverse_of_level_at(lengths):
    config = ProGANConfig(resolution=64, stable_images=lengths[0], fade_images=lengths[1])
    levels = {level_at(config, n) for n in range(0, 5 * sum(lengths), max(1, sum(lengths) // 97))}
    assert len(levels) > 4
    assert all(level_at(config, images_at(config, level)) == level for level in levels)


def test_without_phases_it_is_grown_from_the_start():
    assert level_at(ProGANConfig(resolution=64, stable_images=0, fade_images=0), 0) == 4


@pytest.mark.parametrize(("level", "stage", "share"), [(0.0, 0, 1.0), (0.25, 1, 0.25), (2.0, 2, 1.0), (2.75, 3, 0.75)])
def test_phases(level, stage, share):
    assert Phase.of(level) == (stage, share)


def test_a_fade_mixes_the_images_of_two_resolutions():
    """Figure 2, by hand: at level 1.25, a quarter of 16x16 pixels and three quarters of 8x8 pixels."""
    gan = grown(1.25)
    z = latents(gan)
    eight, sixteen = gan.generator.features(z, 2)[1:]
    to_rgb = gan.generator.to_rgb
    expected = double(0.25 * to_rgb[2](sixteen) + 0.75 * double(to_rgb[1](eight)))
    torch.testing.assert_close(gan.generate({"z": z}), expected.clamp(-1, 1))


@pytest.mark.parametrize("level", [0, 1, 2])
def test_nothing_jumps_where_a_fade_begins_and_ends(level):
    gan = grown(level)
    z, images = latents(gan), torch.randn(4, 3, 32, 32)
    for before, after in ((level, level + 1e-5), (level + 1 - 1e-5, level + 1)):
        one, two = Phase.of(before), Phase.of(after)
        for function in (lambda phase: gan.generator(z, phase), lambda phase: gan.discriminator(images, phase)):
            torch.testing.assert_close(function(one), function(two), rtol=0, atol=1e-3)
    assert (gan.generator(z, Phase.of(level)) - gan.generator(z, Phase.of(level + 1))).abs().max() > 0.1


def test_real_images_are_faded_as_generated_ones():
    image = torch.arange(64.0).view(1, 1, 8, 8)
    assert torch.equal(fade(image, 1, 1.0), image)
    small = torch.stack([image[..., i::2, j::2] for i in (0, 1) for j in (0, 1)]).mean(0)
    torch.testing.assert_close(fade(image, 2, 1.0), double(small))
    torch.testing.assert_close(fade(image, 1, 0.25), 0.25 * image + 0.75 * double(small))


def test_the_discriminator_sees_the_present_resolution_alone():
    gan = grown(3.0)
    image = torch.randn(4, 3, 32, 32)
    seen = fade(image, 4, 1.0)
    detail = image - fade(image, 2, 1.0)  # what 16x16 pixels do not show
    phase = Phase.of(1.0)
    torch.testing.assert_close(gan.discriminator(image, phase), gan.discriminator(seen, phase))
    torch.testing.assert_close(gan.discriminator(image + detail, phase), gan.discriminator(image, phase))
    assert not torch.allclose(gan.discriminator(image + detail, Phase.of(3.0)), gan.discriminator(image, Phase.of(3.0)))


@pytest.mark.parametrize("level", [0.0, 0.5, 1.0, 2.75, 3.0])
def test_the_faster_function_gives_the_same_images_at_each_level(level):
    gan = grown(level).double()
    inputs = {"z": latents(gan).double()}
    torch.testing.assert_close(gan.fused()(inputs), gan.generate(inputs), rtol=0, atol=1e-12)


# --- training ------------------------------------------------------------------------------------


def tiny_loop(iterations, **options):
    return testing.tiny_loop("progan", iterations, **options)


def test_training_grows_with_the_images_seen():
    """6 images an iteration; the tiny config has 6 images for each resolution and 30 for each fade."""
    loop = tiny_loop(14)
    levels = [record.metrics["level"] for record in loop]
    assert levels == pytest.approx([0, 0, 0.2, 0.4, 0.6, 0.8, 1, 1, 1.2, 1.4, 1.6, 1.8, 2, 2])
    assert int(loop.gan.generator.images_seen) == int(loop.average.generator.images_seen) == 14 * 6


def test_the_conformance_suite_stops_and_resumes_within_a_fade():
    """Its check that a resumed run is the same run stops after 10 iterations."""
    assert 1 < level_at(ProGANConfig(**TINY), 10 * 6) < 2


def test_the_parts_of_an_iteration_are_in_one_phase():
    """With `accumulate`, all batches of an iteration count, and none before the others have begun."""
    loop = tiny_loop(3, batch_size=3, accumulate=2)
    assert [record.metrics["level"] for record in loop] == pytest.approx([0, 0, 0.2])


def test_layers_of_later_resolutions_wait():
    """Before their fade begins, they have no gradient and do not change."""
    loop = tiny_loop(7)
    before = copy.deepcopy(loop.gan.state_dict())
    list(loop)
    after = loop.gan.state_dict()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert any(name.startswith("generator.blocks.1.") for name in changed)
    assert not any(".blocks.2." in name or "rgb.2." in name for name in changed)


def test_a_model_that_is_published_within_a_fade_gives_faded_images(tmp_path):
    loop = tiny_loop(4)
    list(loop)
    config = lookup.check_config("progan", TINY)[0]
    write_folder(tmp_path, loop.published(), Description("progan", dataclasses.asdict(config), "noise"))
    model = ganzoo.load(tmp_path, device="cpu")
    assert model.gan.generator.level() == pytest.approx(0.6)
    z, generator = latents(model.gan), loop.average.generator
    four, eight = generator.features(z, 1)
    expected = double(0.6 * generator.to_rgb[1](eight) + 0.4 * double(generator.to_rgb[0](four)))
    torch.testing.assert_close(model.generate({"z": z}), expected.clamp(-1, 1), rtol=0, atol=1e-5)


def test_the_paper_s_training_is_the_default():
    """Appendix A.1: WGAN-GP with the drift term, Adam without momentum, 16 images, an average with 0.999."""
    plan = make_plan("progan", "photos")
    assert (plan.regularizers, plan.batch_size, plan.ema) == ({"wgan-gp": 10.0, "drift": 0.001}, 16, 0.999)
    assert lookup.registry().architectures["progan"].default_loss == "wasserstein"
    for optimizer in build().optimizers().values():
        assert optimizer.defaults["lr"] == 1e-3
        assert optimizer.defaults["betas"] == (0.0, 0.99)
        assert optimizer.defaults["eps"] == 1e-8


@pytest.mark.parametrize(
    ("data", "config", "images"),
    [
        ("photos", {}, 12_000_000),
        ("photos", {"resolution": 64}, 7_200_000),
        ("mnist", {}, 600_000),
        ("mnist", {"stable_images": 100, "fade_images": 99}, 995),
    ],
)
def test_a_run_ends_some_time_after_the_full_resolution(data, config, images):
    """12 million images are those of the authors' code. Whoever makes the phases shorter gets a shorter run."""
    plan = make_plan("progan", data, config=config)
    assert plan.iterations == -(-images // 16)
    made = lookup.check_config("progan", plan.config)[0]
    assert level_at(made, images) == len(made.resolutions) - 1
    assert make_plan("progan", data, config=config, iterations=7).iterations == 7
    assert make_plan("progan", data, config={"stable_images": 0, "fade_images": 0}).iterations == 10_000


@pytest.mark.parametrize(
    "config",
    [{"resolution": 50}, {"resolution": 4}, {"base_width": 8}, {"fade_images": -1}, {"group_size": 0}],
)
def test_what_it_cannot_be(config):
    with pytest.raises(InvalidConfigError, match=next(iter(config))):
        lookup.create("progan", **config)


# --- the layout of another code base -------------------------------------------------------------

CHANNELS = {0: 16, 1: 16, 2: 8, 3: 4}  # at 4, 8, 16 and 32 pixels


def their_state(lod, first=(4, 4)):
    """A generator with GenForce's names and shapes, of 32x32 pixels if its first map has 4x4."""
    torch.manual_seed(0)
    shapes = {"layer0": (16, 6, *first)}
    for i, width in CHANNELS.items():
        if i:
            shapes[f"layer{2 * i}"] = (width, CHANNELS[i - 1], 3, 3)
        shapes |= {f"layer{2 * i + 1}": (width, width, 3, 3), f"output{i}": (3, width, 1, 1)}
    weights = {f"{name}.weight": torch.randn(shape) for name, shape in shapes.items()}
    return {"lod": torch.tensor(lod), **weights, **{f"{name}.bias": torch.randn(shapes[name][0]) for name in shapes}}


def their_layer(state, name, x, gain=2**0.5):
    """They normalize before a layer, not after it, and see the first layer as a convolution of one pixel."""
    weight = state[f"{name}.weight"]
    x = x / (x.square().mean(1, keepdim=True) + 1e-8).sqrt()
    padding = [side // 2 if side in (1, 3) else side - 1 for side in weight.shape[2:]]
    return functional.conv2d(x, weight * gain / weight[0].numel() ** 0.5, state[f"{name}.bias"], padding=padding)


def their_images(state, z):
    x, image, lod = z[:, :, None, None], None, float(state["lod"])
    for i in CHANNELS:
        for layer in (2 * i, 2 * i + 1):
            x = functional.leaky_relu(
                their_layer(state, f"layer{layer}", double(x) if i and layer % 2 == 0 else x), 0.2
            )
        new = their_layer(state, f"output{i}", x, gain=1)
        old = new if image is None else double(image)
        image = torch.lerp(new, old, min(max(lod - (3 - i), 0.0), 1.0))
    return image.clamp(-1, 1)


def layouts():
    return list(lookup.registry().layouts.values())


@pytest.mark.parametrize("lod", [0.0, 0.25, 1.0, 1.5])
@pytest.mark.parametrize("prefix", ["", "generator_smooth/"])
def test_a_foreign_file_gives_the_same_pictures(lod, prefix):
    state = their_state(lod)
    match = find_layout({prefix + name: tuple(t.shape) for name, t in state.items()}, layouts(), of="file")
    assert match.layout.name == "genforce-pggan"
    assert match.reading.config == {**SMALL, "channels": 3}
    gan = lookup.create("progan", **match.reading.config).eval().requires_grad_(False)
    del gan.discriminator
    load_into(gan, rename({prefix + name: tensor for name, tensor in state.items()}, match), of="file")
    assert gan.generator.level() == 3 - lod
    z = latents(gan)
    torch.testing.assert_close(gan.generate({"z": z}), their_images(state, z), rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("first", "resolution"), [((6, 4), (48, 32)), ((4, 5), (32, 40)), ((7, 7), 56)], ids=["tall", "wide", "square"]
)
def test_the_first_kernel_is_the_first_map(first, resolution):
    state = their_state(0.5, first)
    match = find_layout({name: tuple(t.shape) for name, t in state.items()}, layouts(), of="file")
    assert match.reading.config == {**SMALL, "channels": 3, "resolution": resolution}
    gan = lookup.create("progan", **match.reading.config).eval().requires_grad_(False)
    del gan.discriminator
    load_into(gan, rename(state, match), of="file")
    z = latents(gan)
    torch.testing.assert_close(gan.generate({"z": z}), their_images(state, z), rtol=0, atol=1e-5)


@pytest.mark.parametrize("first", [(8, 8), (3, 4)], ids=str)
def test_other_first_kernels_are_no_first_map(first):
    with pytest.raises(LayoutError):
        find_layout({name: tuple(t.shape) for name, t in their_state(0.0, first).items()}, layouts(), of="file")


def test_of_both_networks_in_a_file_the_average_is_read():
    """GenForce's downloads hold ``generator``, ``discriminator`` and ``generator_smooth``."""
    shapes = {name: tuple(tensor.shape) for name, tensor in their_state(0.0).items()}
    parts = {f"{part}/{name}": shape for part in ("generator", "generator_smooth") for name, shape in shapes.items()}
    assert find_layout({**parts, "discriminator/input0.weight": (4, 3, 1, 1)}, layouts(), of="file").part == (
        "generator_smooth"
    )


@pytest.mark.parametrize(
    "change", [{"layer3.weight": (16, 16, 5, 5)}, {"extra": (1,)}, {"output2.weight": (3, 9, 1, 1)}], ids=str
)
def test_other_files_are_refused(change):
    shapes = {name: tuple(tensor.shape) for name, tensor in their_state(0.0).items()}
    with pytest.raises(LayoutError):
        find_layout({**shapes, **change}, layouts(), of="file")

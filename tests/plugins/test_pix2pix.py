"""Pix2pix: the sizes of its networks, its losses, its statistics, and files of other code."""

import pytest
import torch
from torch import nn

import ganzoo
from ganzoo.errors import InvalidConfigError
from ganzoo.registry import lookup
from ganzoo.sampling.packed import packed
from ganzoo.testing.tiny import trained_model
from ganzoo_pix2pix.layouts import read_huggan, read_junyanz

TINY = lookup.registry().architectures["pix2pix"].tiny


def build(**config):
    with torch.device("meta"):
        return lookup.create("pix2pix", **config)


def tiny(**config):
    torch.manual_seed(0)
    return lookup.create("pix2pix", **{**TINY, **config})


def parameters(network):
    return sum(parameter.numel() for parameter in network.parameters())


def test_parameters_are_those_of_the_authors_networks():
    """As counted in the public code: unet_256 with batch norm, and the discriminator of 70x70 for pairs."""
    gan = build()
    assert (parameters(gan.generator), parameters(gan.discriminator)) == (54_413_955, 2_768_705)


def test_the_sprints_generator_has_its_parameters():
    gan = build(norm="instance", upsampling="nearest", skip_activation="leaky-relu")
    assert parameters(gan.generator) == 54_404_099


def test_a_logit_sees_70_pixels():
    gan = lookup.create("pix2pix", discriminator_width=1, width=1, norm="instance")
    images = torch.rand(1, 6, 256, 256, requires_grad=True)
    for layer in gan.discriminator:  # normalization would spread the gradient over the whole image
        if isinstance(layer, nn.GroupNorm):
            layer.forward = lambda x: x
    gan.discriminator(images)[0, 0, 15, 15].backward()
    seen = images.grad[0].abs().sum(0).nonzero()
    assert [int(seen[:, axis].max() - seen[:, axis].min()) + 1 for axis in (0, 1)] == [70, 70]


def test_losses_by_hand():
    """A generator that adds 0.5, and a discriminator that returns the mean of the translation as its logit."""
    gan = tiny(l1_weight=10.0)
    gan.generator = Plus(0.5)
    gan.discriminator = MeanOfLast(1)
    a, b = torch.zeros(2, 3, 16, 16), torch.full((2, 3, 16, 16), 0.75)
    first, second = gan.training_step(iter([{"a": a, "b": b}]))
    real, fake = first.discriminators[0].logits
    assert real.flatten().tolist() == [0.75, 0.75]
    assert fake.flatten().tolist() == [0.5, 0.5]
    with torch.no_grad():
        expected = 0.5 * gan.loss.discriminator(real, fake), gan.loss.generator(fake)
    assert first.losses["adversarial"].item() == pytest.approx(expected[0].item())
    assert second.losses["l1"].item() == pytest.approx(10 * 0.25)
    assert second.losses["adversarial"].item() == pytest.approx(expected[1].item())


class Plus(nn.Module):
    def __init__(self, value):
        super().__init__()
        self.value = nn.Parameter(torch.tensor(value))

    def forward(self, x):
        return x + self.value


class MeanOfLast(nn.Module):
    def __init__(self, scale):
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(float(scale)))

    def forward(self, x):
        return self.scale * x[:, 3:].mean((1, 2, 3), keepdim=True)


def test_the_other_direction_reads_b():
    gan = tiny(direction="b_to_a", domains=("day", "night"))
    gan.generator = Plus(0.0)
    gan.discriminator = MeanOfLast(1)
    batch = {"a": torch.full((1, 3, 16, 16), 0.25), "b": torch.zeros(1, 3, 16, 16)}
    first, _ = gan.training_step(iter([batch]))
    assert [logits.item() for logits in first.discriminators[0].logits] == [0.25, 0.0]
    assert gan.config.routes == {"night2day": ("b", "a")}


def test_each_image_has_its_own_statistics():
    """As a batch of one has in training, which the paper samples with. Dropout is left out."""
    gan = tiny(dropout=0.0)
    images = torch.rand(3, 3, 16, 16) * 2 - 1
    with torch.no_grad():
        alone = torch.cat([gan.generator(image[None]) for image in images])
        assert torch.allclose(gan.eval().generator(images), alone, atol=1e-5)
        running = tiny(own_statistics=False).eval().generator(images)
    assert not torch.allclose(running, alone, atol=1e-2)


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"resolution": 40}, "both sides must be multiples of 16, .* - the nearest are 48 and 32"),
        ({"resolution": (100, 64)}, "with 4 halvings and 3 .* - the nearest are 96x64 and 112x64"),
        ({"halvings": 1}, "halvings"),
        ({"domains": ("a", "a")}, "domains"),
        ({"dropout": 1.0}, "dropout"),
        ({"l1_weight": -1.0}, "l1_weight"),
    ],
)
def test_impossible_configs_are_refused(values, named):
    with pytest.raises(InvalidConfigError, match=named):
        lookup.create("pix2pix", **{"halvings": 4, **values})


def test_by_default_one_pixel_is_left():
    depths = {64: 6, 96: 5, 256: 8, (64, 96): 5, (128, 256): 7}
    assert {side: lookup.check_config("pix2pix", {"resolution": side})[0].depth for side in depths} == depths


def test_it_learns_pairs():
    """Pictures and their negatives: after a few steps, translations are nearer to them than at the start."""
    torch.manual_seed(0)
    gan = tiny(dropout=0.0, learning_rate=2e-3, resolution=16)
    optimizers = gan.optimizers()
    images = torch.rand(8, 3, 1, 1).expand(8, 3, 16, 16) * 2 - 1
    distances = []
    for _ in range(40):
        for update in gan.training_step(iter([{"a": images, "b": -images}])):
            optimizers[update.group].zero_grad()
            sum(update.losses.values()).backward()
            optimizers[update.group].step()
        distances.append(update.losses["l1"].item())
    assert distances[-1] < distances[0] / 2


def junyanz_shapes(depth, width, batch):
    """The names and shapes of a U-Net of the authors' code, written block by block."""
    widths = [width * min(2**i, 8) for i in range(depth)]
    shapes = {"model.model.0.weight": (widths[0], 3, 4, 4)}
    shapes |= {"model.model.3.weight": (2 * widths[0], 3, 4, 4), "model.model.3.bias": (3,)}
    shapes |= {} if batch else {"model.model.0.bias": (widths[0],)}
    for i in range(1, depth):
        block = "model.model.1.model" + ".3.model" * (i - 1)
        outer, inner, last = widths[i - 1], widths[i], i == depth - 1
        up, norms = (3, {4: outer}) if last else (5, {2: inner, 6: outer})
        shapes |= {f"{block}.1.weight": (inner, outer, 4, 4)}
        shapes |= {f"{block}.{up}.weight": (inner * (1 if last else 2), outer, 4, 4)}
        if not batch:
            shapes |= {f"{block}.1.bias": (inner,), f"{block}.{up}.bias": (outer,)}
            continue
        for place, channels in norms.items():
            kinds = dict.fromkeys(("weight", "bias", "running_mean", "running_var"), (channels,))
            shapes |= {f"{block}.{place}.{kind}": shape for kind, shape in {**kinds, "num_batches_tracked": ()}.items()}
    return shapes


def huggan_shapes(depth, width):
    widths = [width * min(2**i, 8) for i in range(depth)]
    shapes = {f"down{i + 1}.model.0.weight": (o, n, 4, 4) for i, (n, o) in enumerate(zip([3, *widths], widths))}  # noqa: B905
    ups = list(zip(widths[::-1], widths[-2::-1]))  # noqa: B905
    shapes |= {f"up{i + 1}.model.0.weight": (n * (1 if i == 0 else 2), o, 4, 4) for i, (n, o) in enumerate(ups)}
    return shapes | {"final.2.weight": (3, 2 * widths[0], 4, 4), "final.2.bias": (3,)}


@pytest.mark.parametrize(
    ("read", "shapes", "config"),
    [
        (read_junyanz, junyanz_shapes(8, 64, True), {"norm": "batch", "conv_bias": False, "halvings": 8}),
        (read_junyanz, junyanz_shapes(7, 32, False), {"norm": "instance", "conv_bias": True, "width": 32}),
        (read_huggan, huggan_shapes(8, 64), {"norm": "instance", "upsampling": "nearest", "resolution": 256}),
    ],
    ids=["unet_256", "unet_128 with instance norm", "huggan"],
)
def test_files_of_others_fit(read, shapes, config):
    reading = read(shapes)
    assert {name: reading.config[name] for name in config} == config
    gan = build(**reading.config)
    names = {f"generator.{name}" for name in gan.generator.state_dict()}
    assert set(reading.tensors) == names
    assert (
        read({name: shape for name, shape in shapes.items() if "down2" not in name and ".1.model.1." not in name})
        is None
    )
    assert read({**shapes, "more.weight": (1,)}) is None


def test_the_sprints_decoder_has_its_halves_the_other_way_around():
    reading = read_huggan(huggan_shapes(3, 2))
    weight = torch.arange(16.0).view(8, 2, 1, 1)
    assert reading.tensors["generator.up.1.conv.weight"].make(weight).flatten().tolist() == [*range(8, 16), *range(8)]


def test_a_run_draws_what_translations_should_be(tmp_path):
    """Three rows: the images, their translations, and their partners."""
    from PIL import Image

    for number in range(8):
        picture = Image.new("RGB", (32, 16), (10 * number, 0, 0))
        picture.paste((0, 0, 200), (16, 0, 32, 16))
        (tmp_path / "data").mkdir(exist_ok=True)
        picture.save(tmp_path / "data" / f"{number}.png")
    run = tmp_path / "run"
    options = {"config": dict(TINY), "iterations": 1, "device": "cpu"}
    ganzoo.Trainer("pix2pix", str(tmp_path / "data"), run, **options).run()
    with Image.open(run / "samples/00000001.png") as sheet:
        pixels = sheet.convert("RGB")
        rows = [pixels.getpixel((pixels.width // 16, (2 * row + 1) * pixels.height // 6)) for row in range(3)]
    assert rows[0][2] < 30
    assert rows[2][2] > 170


def test_a_residual_output_begins_near_its_image():
    gan = tiny(residual_output=True)
    plain = tiny()
    plain.load_state_dict(gan.state_dict())  # it has no weights
    images = torch.rand(2, 3, 16, 16) * 1.8 - 0.9
    with torch.no_grad():
        found, change = gan.eval().generator(images), plain.eval().generator(images).atanh()
    torch.testing.assert_close(found, ganzoo.changed_by(images, change), atol=1e-5, rtol=0)
    assert (found - images).abs().mean() < 0.1


def test_diffusion_ends_the_generator():
    plain, flat = tiny(), tiny(diffusion_steps=3, diffusion_contrast=0.3)
    images = torch.rand(2, 3, 16, 16) * 2 - 1
    with torch.no_grad():
        made = plain.eval().generate({"image": images})
        assert torch.equal(flat.eval().generate({"image": images}), ganzoo.diffuse(made, 3, 0.3))
    for wrong in ({"diffusion_steps": -1}, {"diffusion_contrast": 0.0}):
        with pytest.raises(InvalidConfigError, match="diffusion_steps must be at least 0, and"):
            tiny(**wrong)


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"norm": "instance"},
        {"own_statistics": False},
        {"own_statistics": False, "conv_bias": True, "skip_activation": "leaky-relu"},
        {"upsampling": "nearest", "residual_output": True, "diffusion_steps": 2},
    ],
    ids=str,
)
def test_the_fused_network_is_the_same_function(config):
    """Of images of any size, after dropout in training, and packed for the processor."""
    gan = trained_model("pix2pix", **config).gan
    assert isinstance(gan.generator.up[0].dropout, nn.Dropout)
    inputs = {"image": torch.rand(2, 3, 16, 24) * 2 - 1}
    kept = inputs["image"].clone()
    with torch.inference_mode():
        wanted = gan.generate(inputs)
        for function in (gan.fused(), packed(gan.fused(), gan)):
            torch.testing.assert_close(function(inputs), wanted, atol=1e-5, rtol=0)
    assert torch.equal(inputs["image"], kept)

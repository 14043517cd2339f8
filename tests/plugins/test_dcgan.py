"""DCGAN: the five rules of section 3, its sizes, and the layouts of other code bases."""

import pytest
import torch
from torch import nn

from ganzoo.errors import InvalidConfigError, LayoutError, MismatchError
from ganzoo.interface.resolutions import image_size
from ganzoo.registry import lookup
from ganzoo.weights import pickles
from ganzoo.weights.fit import load_into
from ganzoo.weights.layouts import find_layout, rename
from ganzoo.weights.tensors import read_header, read_tensors

RESOLUTIONS = (16, 32, 64, 128)


def build(**config):
    with torch.device("meta"):
        return lookup.create("dcgan", **config)


def layers(network, *kinds):
    return [layer for layer in network.modules() if isinstance(layer, kinds)]


@pytest.fixture(params=[(r, c) for r in RESOLUTIONS for c in (1, 3, 4)], ids=lambda rc: f"{rc[0]}x{rc[1]}")
def dcgan(request):
    return build(resolution=request.param[0], channels=request.param[1], generator_width=8, discriminator_width=8)


def test_rule_1_strides_instead_of_pooling(dcgan):
    """Only strided and fractionally-strided convolutions change the size."""
    allowed = (nn.Conv2d, nn.ConvTranspose2d, nn.BatchNorm2d, nn.ReLU, nn.LeakyReLU, nn.Tanh)
    for network in (dcgan.generator, dcgan.discriminator):
        assert all(isinstance(layer, allowed) for layer in network)
    ups, downs = layers(dcgan.generator, nn.ConvTranspose2d), layers(dcgan.discriminator, nn.Conv2d)
    assert [up.stride for up in ups] == [(1, 1)] + [(2, 2)] * (len(ups) - 1)
    assert [down.stride for down in downs] == [(2, 2)] * (len(downs) - 1) + [(1, 1)]
    assert not layers(dcgan.generator, nn.Conv2d)


def test_rule_2_batch_norm_but_not_at_the_ends(dcgan):
    """Batch norm follows every convolution except G's last, D's first and D's last."""

    def normalised(network, convolution):
        stages = list(network)
        followers = zip(stages, [*stages[1:], None], strict=True)
        return [isinstance(after, nn.BatchNorm2d) for layer, after in followers if isinstance(layer, convolution)]

    generator = normalised(dcgan.generator, nn.ConvTranspose2d)
    assert generator == [True] * (len(generator) - 1) + [False]
    discriminator = normalised(dcgan.discriminator, nn.Conv2d)
    assert discriminator == [False] + [True] * (len(discriminator) - 2) + [False]


def test_rule_3_no_fully_connected_layers(dcgan):
    assert not layers(dcgan, nn.Linear)


def test_rule_4_relu_and_tanh_in_the_generator(dcgan):
    activations = [layer for layer in dcgan.generator if isinstance(layer, (nn.ReLU, nn.LeakyReLU, nn.Tanh))]
    assert all(type(layer) is nn.ReLU for layer in activations[:-1])
    assert isinstance(dcgan.generator[-1], nn.Tanh)


def test_rule_5_leaky_relu_in_the_discriminator(dcgan):
    activations = [layer for layer in dcgan.discriminator if isinstance(layer, (nn.ReLU, nn.LeakyReLU, nn.Tanh))]
    assert activations
    assert all(type(layer) is nn.LeakyReLU and layer.negative_slope == 0.2 for layer in activations)


def test_shapes(dcgan):
    images = dcgan.generator(torch.empty(2, 100, device="meta"))
    assert tuple(images.shape) == (2, *dcgan.config.image_shape)
    assert tuple(dcgan.discriminator(images).shape) == (2,)


def test_figure_1():
    """1024, 512, 256 and 128 channels at 4x4 to 32x32 pixels, then a 64x64 image."""
    convolutions = layers(build().generator, nn.ConvTranspose2d)
    assert [(c.in_channels, c.out_channels) for c in convolutions] == [
        (100, 1024), (1024, 512), (512, 256), (256, 128), (128, 3),
    ]  # fmt: skip


def test_section_4_initialisation_and_optimizers():
    torch.manual_seed(0)
    gan = lookup.create("dcgan", resolution=32, generator_width=32, discriminator_width=32)
    weights = torch.cat([c.weight.detach().flatten() for c in layers(gan, nn.Conv2d, nn.ConvTranspose2d)])
    assert weights.mean().abs() < 1e-4
    assert weights.std().item() == pytest.approx(0.02, rel=0.01)
    for optimizer in gan.optimizers().values():
        assert isinstance(optimizer, torch.optim.Adam)
        assert optimizer.defaults["lr"] == 2e-4
        assert optimizer.defaults["betas"] == (0.5, 0.999)


@pytest.mark.parametrize(
    "config", [{"resolution": 50}, {"resolution": 256}, {"latent": "cubic"}, {"generator_width": 0}]
)
def test_what_it_cannot_be(config):
    with pytest.raises(InvalidConfigError, match=next(iter(config))):
        lookup.create("dcgan", **config)


# The names and shapes that the two code bases write, for nz 100, ngf 64, nc 3 at 64 pixels.
CONVOLUTIONS = {0: (100, 512, 4, 4), 3: (512, 256, 4, 4), 6: (256, 128, 4, 4), 9: (128, 64, 4, 4), 12: (64, 3, 4, 4)}
NORMS = {1: 512, 4: 256, 7: 128, 10: 64}
DISCRIMINATOR = {
    "main.0.weight": (64, 3, 4, 4),
    "main.2.weight": (128, 64, 4, 4),
    **{f"main.3.{name}": (128,) for name in ("weight", "bias", "running_mean", "running_var")},
    "main.3.num_batches_tracked": (),
    "main.5.weight": (1, 128, 4, 4),
}


def foreign_shapes(prefix):
    shapes = {f"{prefix}{i}.weight": shape for i, shape in CONVOLUTIONS.items()}
    for i, width in NORMS.items():
        shapes |= {f"{prefix}{i}.{name}": (width,) for name in ("weight", "bias", "running_mean", "running_var")}
        shapes[f"{prefix}{i}.num_batches_tracked"] = ()
    return shapes


def dcgan_layouts():
    return [layout for layout in lookup.registry().layouts.values() if layout.architecture == "dcgan"]


@pytest.mark.parametrize(("prefix", "name"), [("main.", "pytorch-dcgan"), ("model.", "huggan-dcgan")])
@pytest.mark.parametrize("container", ["", "netG_state_dict/", "module.", "state_dict/module."])
def test_layouts_are_recognised_and_strict(prefix, name, container):
    shapes = {container + key: shape for key, shape in foreign_shapes(prefix).items()}
    match = find_layout(shapes, dcgan_layouts(), of="file")
    assert match.layout.name == name
    assert match.reading.config == {
        "resolution": 64, "channels": 3, "latent_dim": 100, "latent": "normal", "generator_width": 64,
    }  # fmt: skip
    expected = {n for n in build(**match.reading.config).state_dict() if n.startswith("generator.")}
    assert match.reading.tensors.keys() == expected


def test_the_generator_is_found_beside_its_discriminator():
    shapes = {f"netG_state_dict/{k}": s for k, s in foreign_shapes("main.").items()}
    shapes |= {f"netD_state_dict/{k}": s for k, s in DISCRIMINATOR.items()}
    assert find_layout(shapes, dcgan_layouts(), of="file").prefix == "netG_state_dict/"


@pytest.mark.parametrize(
    "shapes",
    [DISCRIMINATOR, {"fc.weight": (3, 3)}, {**foreign_shapes("main."), "main.extra": (1,)}],
    ids=["discriminator", "classifier", "extra"],
)
def test_other_files_are_refused(shapes):
    with pytest.raises(LayoutError, match="no known layout"):
        find_layout(shapes, dcgan_layouts(), of="file")


def test_a_missing_tensor_is_named():
    shapes = foreign_shapes("main.")
    del shapes["main.7.running_var"]
    match = find_layout(shapes, dcgan_layouts(), of="file")
    tensors = rename({name: torch.zeros(shape) for name, shape in shapes.items()}, match)
    gan = lookup.create("dcgan", **match.reading.config)
    del gan.discriminator
    with pytest.raises(MismatchError, match=r"missing generator\.7\.running_var \(128,\)"):
        load_into(gan, tensors, of="file")


class PyTorchGenerator(nn.Module):
    """A generator of plain layers with the example's names, to compare its images."""

    def __init__(self, first=(4, 4)):
        super().__init__()
        stack = []
        for i, (index, (inputs, outputs, _, _)) in enumerate(CONVOLUTIONS.items()):
            stack.append(
                nn.ConvTranspose2d(
                    inputs // 8 if i else inputs,
                    self._width(index, outputs),
                    4 if i else first,
                    2 if i else 1,
                    1 if i else 0,
                    bias=False,
                )
            )
            stack += [nn.BatchNorm2d(NORMS[index + 1] // 8), nn.ReLU()] if index + 1 in NORMS else [nn.Tanh()]
        self.main = nn.Sequential(*stack)

    @staticmethod
    def _width(index, outputs):
        return outputs // 8 if index + 1 in NORMS else outputs


@pytest.mark.parametrize(
    ("first", "resolution"), [((6, 4), (96, 64)), ((4, 5), (64, 80)), ((7, 7), 112)], ids=["tall", "wide", "square"]
)
def test_the_first_kernel_is_the_first_map(first, resolution):
    """Others make rectangles by another kernel of the first layer."""
    torch.manual_seed(0)
    theirs = PyTorchGenerator(first).eval()
    shapes = {name: tuple(tensor.shape) for name, tensor in theirs.state_dict().items()}
    match = find_layout(shapes, list(lookup.registry().layouts.values()), of="file")
    assert (match.layout.name, match.reading.config["resolution"]) == ("pytorch-dcgan", resolution)
    gan = lookup.create("dcgan", **match.reading.config).eval()
    del gan.discriminator
    load_into(gan, rename(theirs.state_dict(), match), of="file")
    z = torch.randn(2, 100)
    with torch.no_grad():
        expected = theirs.main(z[:, :, None, None])
        assert expected.shape[2:] == image_size(resolution)
        assert torch.allclose(gan.generate({"z": z}), expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("first", [(8, 8), (3, 4), (4, 4, 4)], ids=str)
def test_other_first_kernels_are_no_first_map(first):
    shapes = {**foreign_shapes("main."), "main.0.weight": (100, 512, *first)}
    with pytest.raises(LayoutError, match="no known layout"):
        find_layout(shapes, dcgan_layouts(), of="file")


@pytest.mark.parametrize("prefix", ["main.", "model."], ids=["pytorch", "huggan"])
@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "legacy"])
def test_a_foreign_pickle_gives_the_same_pictures(tmp_path, monkeypatch, legacy, prefix):
    """All together: their file, read by ganzoo, gives the images of their network."""
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    torch.manual_seed(0)
    theirs = PyTorchGenerator().eval()
    for norm in layers(theirs, nn.BatchNorm2d):
        nn.init.normal_(norm.running_mean)
        nn.init.uniform_(norm.running_var, 0.5, 2)
    file = tmp_path / "netG.pth"
    state = {name.replace("main.", prefix): tensor for name, tensor in theirs.state_dict().items()}
    torch.save({"netG_state_dict": state, "epoch": 3}, file, _use_new_zipfile_serialization=not legacy)
    converted = pickles.convert_to_safetensors(file, sha256="0" * 64)
    match = find_layout(read_header(converted).shapes, dcgan_layouts(), of="file")
    gan = lookup.create("dcgan", **match.reading.config).eval()
    del gan.discriminator
    load_into(gan, rename(read_tensors(converted), match), of="file")
    z = torch.randn(3, 100)
    with torch.no_grad():
        assert torch.allclose(gan.generate({"z": z}), theirs.main(z[:, :, None, None]), rtol=0, atol=1e-6)

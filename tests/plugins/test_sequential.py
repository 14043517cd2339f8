"""Sequential generators: their config, their discriminator, and the checkpoints of many styles that they open."""

import dataclasses
import json
from itertools import pairwise

import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import save_file
from torch import nn
from torch.nn.utils import parametrizations, spectral_norm, weight_norm

import ganzoo
from ganzoo import testing
from ganzoo.cli.main import cli
from ganzoo.errors import InvalidConfigError
from ganzoo.pretrained.importing import import_checkpoint
from ganzoo.pretrained.load import assemble, load
from ganzoo.registry import lookup
from ganzoo.testing.tiny import trained_model
from ganzoo.weights.layouts import Match, rename
from ganzoo_sequential.config import SequentialConfig
from ganzoo_sequential.networks import Discriminator
from ganzoo_sequential.reading import read
from ganzoo_sequential.refusals import explain

LINEAR, BN1, BN2, CONV, UP = nn.Linear, nn.BatchNorm1d, nn.BatchNorm2d, nn.Conv2d, nn.Upsample
CT = nn.ConvTranspose2d
RELU, TANH, SIGMOID, DROP = nn.ReLU(), nn.Tanh(), nn.Sigmoid(), nn.Dropout()
LEAKY = nn.LeakyReLU(0.2)


def to(*shape):
    return nn.Unflatten(1, shape)


def doubled(inputs, outputs, **options):
    return CT(inputs, outputs, 4, 2, 1, **options)


def up():
    return UP(scale_factor=2)


class Style(nn.Module):
    """A generator as somebody wrote it: `steps` in the order of its forward function, under the names of its file.

    A step is a pair of a name and a module, or a module without a name, which stands for a function.
    """

    def __init__(self, *steps):
        super().__init__()
        self.steps = [step if isinstance(step, nn.Module) else step[1] for step in steps]
        for name, module in (step for step in steps if not isinstance(step, nn.Module)):
            *parents, own = name.split(".")
            place = self
            for parent in parents:
                if not hasattr(place, parent):
                    place.add_module(parent, nn.Module())
                place = getattr(place, parent)
            place.add_module(own, module)

    def forward(self, z):
        image = z[:, :, None, None] if isinstance(self.steps[0], nn.ConvTranspose2d) else z
        for step in self.steps:
            image = step(image)
        return image


def numbered(prefix, *modules):
    """The steps of one `nn.Sequential`."""
    return [(f"{prefix}{i}", module) for i, module in enumerate(modules)]


def prelu(channels):
    return nn.PReLU(channels, init=0.1)


def wrapped(wrap, *modules):
    """The modules, with their weights in parts."""
    return [wrap(module) if isinstance(module, (LINEAR, CONV, CT)) else module for module in modules]


def perceptron(norm_from, *widths, epsilon=1e-5):
    modules = []
    for i, (inputs, outputs) in enumerate(pairwise(widths[:-1])):
        modules += [LINEAR(inputs, outputs), *([BN1(outputs, epsilon)] if i >= norm_from else []), LEAKY]
    return [*modules, LINEAR(widths[-2], widths[-1]), TANH]


def dcgan(*widths, bias=False, first=4):
    modules = [CT(widths[0], widths[1], first, bias=bias)]
    for inputs, outputs in pairwise(widths[1:]):
        modules += [BN2(inputs), RELU, doubled(inputs, outputs, bias=bias)]
    return [*modules, TANH]


GRAY = to(1, 28, 28)
SIGMOIDS = {"output": "sigmoid", "activation": "relu"}
BLOCKS = [[LINEAR(10, 128), BN1(128), RELU], [LINEAR(128, 256), BN1(256), RELU], [LINEAR(256, 784)]]
COURSE = [(10, 64, 3, 2), (64, 32, 4, 1), (32, 16, 3, 2), (16, 1, 4, 2)]
BIG = [BN2(32), up(), CONV(32, 16, 3, padding=1), BN2(16), LEAKY, up(), CONV(16, 1, 3, padding=1), TANH]

# By name: the steps, the shape of the images, and the config values that a person gives where an assumption is wrong.
STYLES = {
    "perceptron, norms from the second layer, a large epsilon": (
        [*numbered("model.", *perceptron(1, 20, 32, 64, 784, epsilon=0.8)), GRAY],
        (1, 28, 28),
    ),
    "perceptron of one width": (
        [*numbered("", LINEAR(64, 48), RELU, LINEAR(48, 48), RELU, LINEAR(48, 784), TANH), GRAY],
        (1, 28, 28),
    ),
    "fc1 to fc4 with functions between": (
        [
            *[x for i in range(3) for x in ((f"fc{i + 1}", LINEAR(16 * 2**i, 32 * 2**i)), LEAKY)],
            *[("fc4", LINEAR(128, 784)), TANH, GRAY],
        ],
        (1, 28, 28),
    ),
    "map1 to map3": (
        [("map1", LINEAR(50, 50)), RELU, ("map2", LINEAR(50, 50)), RELU, ("map3", LINEAR(50, 784)), TANH, GRAY],
        (1, 28, 28),
    ),
    "blocks in a sequence, sigmoid": (
        [*[step for i, block in enumerate(BLOCKS) for step in numbered(f"gen.{i}.", *block)], SIGMOID, GRAY],
        (1, 28, 28),
        SIGMOIDS,
    ),
    "hidden0, hidden1 and out, color": (
        [
            *[("hidden0.0", LINEAR(100, 64)), LEAKY, ("hidden1.0", LINEAR(64, 128)), LEAKY],
            *[("out.0", LINEAR(128, 3 * 32 * 32)), TANH, to(3, 32, 32)],
        ],
        (3, 32, 32),
    ),
    "input, hidden and output layers": (
        [
            *[("input_layer", LINEAR(8, 16)), RELU, ("hidden_layer", LINEAR(16, 32)), RELU],
            *[("output_layer", LINEAR(32, 784)), TANH, GRAY],
        ],
        (1, 28, 28),
        {"activation": "relu"},
    ),
    "norms after the activation": (
        [*numbered("", LINEAR(20, 32), RELU, BN1(32), LINEAR(32, 64), RELU, BN1(64), LINEAR(64, 784), TANH), GRAY],
        (1, 28, 28),
    ),
    "dropout between": (
        [*numbered("net.", LINEAR(20, 32), LEAKY, DROP, LINEAR(32, 64), LEAKY, DROP, LINEAR(64, 784), TANH), GRAY],
        (1, 28, 28),
    ),
    "one thousand pixels, elu": (
        [
            *numbered("layers.", LINEAR(9, 12), nn.ELU(0.2), LINEAR(12, 24), nn.ELU(0.2), LINEAR(24, 1024)),
            to(1, 32, 32),
        ],
        (1, 32, 32),
        {"activation": "elu", "output": "none"},
    ),
    "dcgan with biases": ([*numbered("main.", *dcgan(20, 16, 8, 4, 2, 3, bias=True))], (3, 64, 64)),
    "dcgan of 28 pixels by a small kernel": (
        [
            *numbered("main.", CT(9, 16, 4), BN2(16), RELU, CT(16, 8, 3, 2, 1), BN2(8), RELU, doubled(8, 4), BN2(4)),
            *[RELU, ("main.9", doubled(4, 1)), TANH],
        ],
        (1, 28, 28),
    ),
    "dcgan of 28 pixels by a trimming kernel": (
        [*numbered("main.", *dcgan(20, 16, 8, 4, 2)[:-1], BN2(2), RELU, CT(2, 1, 1, 1, 2, bias=False)), TANH],
        (1, 28, 28),
    ),
    "dcgan of 28 pixels from seven": ([*numbered("", *dcgan(20, 16, 8, 1, first=7))], (1, 28, 28)),
    "the course's dcgan": (
        [
            step
            for i, (inputs, outputs, kernel, stride) in enumerate(COURSE)
            for step in numbered(
                f"gen.{i}.", CT(inputs, outputs, kernel, stride), *([BN2(outputs), RELU] if outputs > 1 else [TANH])
            )
        ],
        (1, 28, 28),
    ),
    "nested blocks, the last one with a bias": (
        [
            *numbered("net.0.", CT(16, 8, 4, bias=False), BN2(8), RELU),
            *[step for i in (1, 2) for step in numbered(f"net.{i}.", doubled(8, 8, bias=False), BN2(8), RELU)],
            *[("net.3", doubled(8, 3)), TANH],
        ],
        (3, 32, 32),
    ),
    "deconv1 and deconv1_bn": (
        [
            *[("deconv1", CT(10, 16, 4)), ("deconv1_bn", BN2(16)), RELU],
            *[("deconv2", doubled(16, 8)), ("deconv2_bn", BN2(8)), RELU, ("deconv3", doubled(8, 4))],
            *[("deconv3_bn", BN2(4)), RELU, ("deconv4", doubled(4, 1)), TANH],
        ],
        (1, 32, 32),
    ),
    "128 pixels": ([*numbered("main.", *dcgan(20, 32, 16, 8, 4, 2, 3, bias=True))], (3, 128, 128)),
    "a linear layer, then upsampling and convolutions": (
        [("l1.0", LINEAR(20, 32 * 64)), to(32, 8, 8), *numbered("conv_blocks.", *BIG)],
        (1, 32, 32),
    ),
    "upsampling to 64 pixels": (
        [
            *[("init.0", LINEAR(20, 16 * 16)), to(16, 4, 4)],
            *numbered("net.", BN2(16), up(), CONV(16, 8, 3, padding=1), BN2(8), LEAKY, up(), CONV(8, 8, 3, padding=1)),
            *[("net.7", BN2(8)), LEAKY, up(), ("net.10", CONV(8, 4, 3, padding=1)), ("net.11", BN2(4)), LEAKY, up()],
            *[("net.14", CONV(4, 3, 3, padding=1)), TANH],
        ],
        (3, 64, 64),
    ),
    "fc, bn0, deconv1 with kernels of five": (
        [
            *[("fc", LINEAR(12, 16 * 49)), ("bn0", BN1(16 * 49)), RELU, to(16, 7, 7), ("deconv1", CT(16, 8, 5, 1, 2))],
            *[("bn1", BN2(8)), RELU, ("deconv2", CT(8, 4, 5, 2, 2, 1)), ("bn2", BN2(4)), RELU],
            *[("deconv3", CT(4, 1, 5, 2, 2, 1)), TANH],
        ],
        (1, 28, 28),
    ),
    "linear, then conv1, bn1, conv2": (
        [
            *[("linear", LINEAR(12, 16 * 49)), RELU, to(16, 7, 7), ("conv1", doubled(16, 8)), ("bn1", BN2(8)), RELU],
            *[("conv2", doubled(8, 1)), TANH],
        ],
        (1, 28, 28),
    ),
    "two linear layers with norms before the convolutions": (
        [
            *numbered("fc.", LINEAR(12, 32), BN1(32), RELU, LINEAR(32, 8 * 49), BN1(8 * 49), RELU),
            *[to(8, 7, 7), *numbered("deconv.", doubled(8, 4), BN2(4), RELU, doubled(4, 1), TANH)],
        ],
        (1, 28, 28),
    ),
    "kernels of three with output padding": (
        [("0", LINEAR(12, 16 * 16)), RELU, to(16, 4, 4)]
        + [(f"{i}", m) for i, m in zip((3, 4), (CT(16, 8, 3, 2, 1, 1), BN2(8)), strict=True)]
        + [RELU, ("6", CT(8, 8, 3, 2, 1, 1)), ("7", BN2(8)), RELU, ("9", CT(8, 3, 3, 2, 1, 1)), TANH],
        (3, 32, 32),
    ),
    "kernels of two": (
        [
            *[("preprocess.0", LINEAR(12, 8 * 16)), ("preprocess.1", BN1(8 * 16)), RELU, to(8, 4, 4)],
            *[("block1.0", CT(8, 8, 2, 2)), ("block1.1", BN2(8)), RELU, ("block2.0", CT(8, 4, 2, 2))],
            *[("block2.1", BN2(4)), RELU, ("deconv_out", CT(4, 3, 2, 2)), TANH],
        ],
        (3, 32, 32),
    ),
    "a convolution at the end": (
        [*numbered("main.", *dcgan(20, 16, 8, 4, 4)[:-1], BN2(4), RELU, CONV(4, 3, 3, padding=1)), TANH],
        (3, 32, 32),
    ),
    "prelu, one slope": (
        [*numbered("", LINEAR(20, 32), prelu(1), LINEAR(32, 64), prelu(1), DROP, LINEAR(64, 784), TANH), GRAY],
        (1, 28, 28),
    ),
    "prelu, a slope for each channel": (
        [*numbered("main.", CT(9, 16, 4), BN2(16), prelu(16), doubled(16, 8), BN2(8), prelu(8), doubled(8, 1), TANH)],
        (1, 16, 16),
    ),
    "fc, bn0, prelu0, upsampling, conv1": (
        [
            *[("fc", LINEAR(9, 16 * 49)), ("bn0", BN1(16 * 49)), ("prelu0", prelu(1)), to(16, 7, 7)],
            *[("deconv1", doubled(16, 8)), ("bn1", BN2(8)), ("prelu1", prelu(8)), ("deconv2", doubled(8, 1)), TANH],
        ],
        (1, 28, 28),
    ),
    "spectral norm": ([*numbered("main.", *wrapped(spectral_norm, *dcgan(9, 16, 8, 8, 3, bias=True)))], (3, 32, 32)),
    "spectral norm as a parametrization": (
        [*numbered("", *wrapped(parametrizations.spectral_norm, LINEAR(9, 12), RELU, LINEAR(12, 784), TANH)), GRAY],
        (1, 28, 28),
        {"activation": "relu"},
    ),
    "weight norm as a parametrization": (
        [*numbered("main.", *wrapped(parametrizations.weight_norm, *dcgan(9, 16, 8, 8, 1)))],
        (1, 32, 32),
    ),
    "layer norm": (
        [*numbered("", LINEAR(20, 32), nn.LayerNorm(32), LEAKY, LINEAR(32, 784), TANH), GRAY],
        (1, 28, 28),
        {"activation": "leaky-relu"},
    ),
    "convolutions that keep the size, after transposed ones": (
        [
            *numbered("main.", CT(9, 16, 4), BN2(16), RELU, doubled(16, 8), BN2(8), RELU, CONV(8, 8, 3, padding=1)),
            *[("main.7", BN2(8)), RELU, ("main.9", doubled(8, 4)), ("main.10", BN2(4)), RELU],
            *[("main.12", doubled(4, 3)), TANH],
        ],
        (3, 32, 32),
    ),
    "upsampling right after the reshape, 96 pixels": (
        [
            *numbered("", LINEAR(9, 16 * 144), to(16, 12, 12), up(), CONV(16, 8, 3, padding=1), BN2(8), LEAKY, up()),
            *[("7", CONV(8, 8, 3, padding=1)), ("8", BN2(8)), LEAKY, up(), ("11", CONV(8, 3, 3, padding=1)), TANH],
        ],
        (3, 96, 96),
    ),
    "no activation before the reshape": (
        [
            *[("fc", LINEAR(9, 16 * 16)), to(16, 4, 4), ("t_conv1.0", doubled(16, 8)), ("t_conv1.1", BN2(8)), RELU],
            *[("t_conv2.0", doubled(8, 4)), ("t_conv2.1", BN2(4)), RELU, ("t_conv3.0", doubled(4, 3)), TANH],
        ],
        (3, 32, 32),
        {"projection": "none"},
    ),
    "norms after the activation, before the reshape too": (
        [
            *numbered("fc.", LINEAR(9, 16), RELU, BN1(16), LINEAR(16, 8 * 49), RELU, BN1(8 * 49)),
            *[to(8, 7, 7), *numbered("conv.", doubled(8, 4), RELU, BN2(4), doubled(4, 1), TANH)],
        ],
        (1, 28, 28),
    ),
    "a reshape in the sequence, then a norm": (
        [*numbered("", LINEAR(9, 8 * 49), to(8, 7, 7), BN2(8), RELU, doubled(8, 4), BN2(4), RELU, doubled(4, 1), TANH)],
        (1, 28, 28),
    ),
    "a reshape in the sequence, then kernels of five": (
        [
            *numbered("", LINEAR(9, 8 * 49), BN1(8 * 49), RELU, to(8, 7, 7), CT(8, 4, 5, 1, 2), BN2(4), RELU),
            *[("7", CT(4, 4, 5, 2, 2, 1)), ("8", BN2(4)), RELU, ("10", CT(4, 1, 5, 2, 2, 1)), TANH],
        ],
        (1, 28, 28),
    ),
    "blocks of upsampling, convolution and norm": (
        [
            *[("fc", LINEAR(9, 16 * 16)), LEAKY, to(16, 4, 4)],
            *[
                step
                for i, (inputs, outputs) in enumerate(((16, 16), (16, 8), (8, 8), (8, 4)))
                for step in numbered(f"blocks.{i}.", up(), CONV(inputs, outputs, 3, padding=1), BN2(outputs), LEAKY)
            ],
            *[("out", CONV(4, 3, 3, padding=1)), TANH],
        ],
        (3, 64, 64),
    ),
    "blocks with conv2d_trans and batch_norm": (
        [
            *[
                step
                for i, (inputs, outputs) in enumerate(((9, 16), (16, 8), (8, 4)))
                for step in (
                    (f"net.{i}.conv2d_trans", doubled(inputs, outputs) if i else CT(inputs, outputs, 4)),
                    (f"net.{i}.batch_norm", BN2(outputs)),
                    RELU,
                )
            ],
            *[("net.3", doubled(4, 3)), TANH],
        ],
        (3, 32, 32),
    ),
    "norms without gains": (
        [
            *numbered("g.", CT(9, 16, 4), BN2(16, affine=False), RELU, doubled(16, 8), BN2(8, affine=False), RELU),
            *[("g.6", doubled(8, 1)), TANH],
        ],
        (1, 16, 16),
    ),
}


def trained(style, seed=0):
    """A network in a style, with weights and statistics that training could have left.

    The layers of a style belong to all tests, so their weights begin anew in each test.
    """
    network = Style(*style[0])
    torch.manual_seed(seed)
    for module in network.modules():
        if hasattr(module, "reset_parameters"):
            module.reset_parameters()
    first = network.steps[0]
    with torch.no_grad():  # spectral norm estimates the largest singular value in training
        network(torch.randn(4, first.in_features if isinstance(first, LINEAR) else first.in_channels))
    for module in network.modules():
        if isinstance(module, (BN1, BN2)):
            module.running_mean.normal_(0, 0.3)
            module.running_var.uniform_(0.5, 2)
        if isinstance(module, nn.PReLU):
            module.weight.data.uniform_(0.05, 0.4)
    return network.eval()


def saved(network, path, **others):
    """A safetensors file, which has its tensors in the order of their names, not of the layers."""
    save_file({**network.state_dict(), **others}, path)
    return path


@pytest.mark.parametrize("name", STYLES)
def test_a_style_opens_and_makes_the_same_images(tmp_path, name):
    style = STYLES[name]
    network = trained(style)
    file = saved(network, tmp_path / "generator.safetensors")
    made = import_checkpoint(None, file, tmp_path / "out", config=style[2] if len(style) > 2 else {})
    model = load(tmp_path / "out")
    assert (made.architecture, model.image_shape) == ("sequential", style[1])
    z = torch.randn(5, model.config.latent_dim)
    with torch.inference_mode():
        wanted = network(z)
    wanted = wanted * 2 - 1 if made.config["output"] == "sigmoid" else wanted
    assert torch.allclose(model.generate({"z": z}), wanted, atol=1e-5)
    assert torch.allclose(model.gan.generate({"z": z}), wanted, atol=1e-5)


def shapes_of(network):
    return {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}


REFUSED = {
    "a discriminator": numbered("main.", LINEAR(784, 32), LEAKY, LINEAR(32, 1)),
    "a convolutional discriminator": numbered("main.", CONV(3, 8, 4, 2, 1), LEAKY, CONV(8, 1, 4)),
    "a classifier": numbered("", LINEAR(784, 64), RELU, LINEAR(64, 10)),
    "one layer": numbered("", LINEAR(10, 784)),
    "an embedding beside it": [("label.emb", nn.Embedding(10, 10)), *numbered("model.", *perceptron(1, 20, 32, 784))],
    "layers that do not fit": numbered("", LINEAR(10, 20), RELU, LINEAR(21, 784)),
    "code that crops": [
        *[("preprocess.0", LINEAR(9, 16 * 16)), ("block1.0", CT(16, 8, 5)), ("block2.0", CT(8, 4, 5))],
        *[("deconv_out", CT(4, 1, 8, 2))],
    ],
    "an autoencoder": numbered("", LINEAR(784, 32), RELU, LINEAR(32, 784)),
    "one prelu for all layers": [
        *[("fc1", LINEAR(20, 32)), ("fc2", LINEAR(32, 784)), ("act", prelu(1))],
    ],
    "residual blocks": [
        *[("fc", LINEAR(9, 16 * 49)), ("res1.conv1", CONV(16, 16, 3)), ("res1.bn1", BN2(16))],
        *[("res1.conv2", CONV(16, 16, 3)), ("out", CONV(16, 1, 3))],
    ],
    "residual blocks under neutral names": [
        *numbered("main.", LINEAR(9, 16 * 49), to(16, 7, 7), BN2(16), RELU),
        *[("main.4.body.0", CONV(16, 16, 3)), ("main.4.body.1", BN2(16)), ("main.4.body.3", CONV(16, 16, 3))],
        *[("main.6", doubled(16, 8)), ("main.8", doubled(8, 1))],
    ],
    "bottlenecks": [
        *[("fc", LINEAR(9, 16 * 49)), ("b1.a", CONV(16, 4, 1)), ("b1.b", CONV(4, 4, 3)), ("b1.c", CONV(4, 16, 1))],
        *[("up.1", CONV(16, 8, 3)), ("up.4", CONV(8, 1, 3))],
    ],
    "residual perceptrons": [
        *[("in", LINEAR(9, 64)), ("layers.0.f.0", LINEAR(64, 32)), ("layers.0.f.2", LINEAR(32, 64))],
        *[("out", LINEAR(64, 784))],
    ],
    "a kernel that is not square": numbered("", CT(9, 16, (4, 2)), RELU, doubled(16, 1)),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_sequential_generator_is_not_read(name):
    assert read(shapes_of(Style(*REFUSED[name]))) is None


def test_weight_norm_in_its_older_form_is_the_same():
    with pytest.warns(FutureWarning, match="weight_norm"):
        network = Style(*numbered("main.", *wrapped(weight_norm, *dcgan(9, 16, 8, 8, 1)))).eval()
    for module in network.modules():
        if hasattr(module, "weight_g"):
            module.weight_g.data.uniform_(0.5, 2)  # at first, it is the length of the direction
    told, layout = read(shapes_of(network)), lookup.registry().layouts["sequence"]
    model = assemble("sequential", told.config, rename(network.state_dict(), Match(layout, "", told)), name="it")
    z = torch.randn(5, 9)
    with torch.inference_mode():
        assert torch.allclose(model.gan.generate({"z": z}), network(z), atol=1e-5)


@pytest.mark.parametrize(
    ("steps", "told"),
    [
        (REFUSED["an embedding beside it"], "label.emb.weight takes a class or another condition"),
        (REFUSED["residual blocks"], "res1.conv1.weight belongs to a residual block or a skip connection"),
        (REFUSED["residual blocks under neutral names"], "main.4 ends with as many channels as it begins with"),
        (REFUSED["bottlenecks"], "b1 ends with as many channels as it begins with"),
        (REFUSED["residual perceptrons"], "layers.0 ends with as many channels as it begins with"),
        (REFUSED["a convolutional discriminator"], "main.0 (8, 3, 4, 4) takes an image: it looks like a discriminator"),
        (REFUSED["layers that do not fit"], "2 (784, 21) does not take the 20 numbers or channels that 0 makes"),
        (REFUSED["code that crops"], "crops its features between them"),
        (REFUSED["one layer"], "at least two linear maps"),
        (REFUSED["a kernel that is not square"], "0 with weight, bias is no layer of a plain sequence"),
        ([("attn.query", CONV(8, 8, 1)), *numbered("main.", *dcgan(9, 16, 1))], "attn.query.weight belongs to an att"),
        ([*numbered("g.", *dcgan(9, 16, 1)), ("netD.0", CONV(1, 4, 4))], "netD.0.weight belongs to a discriminator"),
        ([("rnn", nn.LSTM(4, 4))], "rnn.weight_ih_l0 belongs to a recurrent layer"),
        ([*numbered("", LINEAR(10, 20), RELU, LINEAR(20, 77))], "do not lead from a latent to a square picture"),
    ],
    ids=lambda each: each[:20] if isinstance(each, str) else "",
)
def test_a_refusal_says_which_layer_does_not_fit(steps, told):
    shapes = shapes_of(Style(*steps))
    assert read(shapes) is None
    assert told in explain(shapes)


NOTES = {
    "it is conditional": [*numbered("", LINEAR(110, 128), LEAKY, LINEAR(128, 784))],
    "room for 1 more modules": [*numbered("", LINEAR(20, 32), LEAKY, DROP, LINEAR(32, 784))],
    "instance norms": numbered("", CT(9, 16, 4), nn.InstanceNorm2d(16, affine=True), RELU, doubled(16, 1)),
}


@pytest.mark.parametrize("told", NOTES)
def test_what_no_option_changes_has_a_note(told):
    (note,) = read(shapes_of(Style(*NOTES[told]))).notes
    assert told in note


def test_a_vector_may_be_a_gray_picture_or_one_of_four_channels():
    told = read(shapes_of(Style(*numbered("", LINEAR(9, 20), RELU, LINEAR(20, 1024)))))
    assert (told.size, list(told.other_sizes)) == ("32x32", ["16x16"])
    assert SequentialConfig(**told.other_sizes["16x16"].config).image_shape == (4, 16, 16)


def test_what_names_and_shapes_do_not_tell_is_assumed():
    told = read(shapes_of(Style(*STYLES["dcgan of 28 pixels by a trimming kernel"][0])))
    assert {each.field: each.value for each in told.assumptions} == {
        "activation": "relu",
        "output": "tanh",
        "latent": "normal",
        "epsilon": 1e-5,
    }
    assert (told.size, list(told.other_sizes)) == ("28x28", ["32x32"])
    assert SequentialConfig(**told.other_sizes["32x32"].config).image_shape == (1, 32, 32)


@pytest.fixture
def imported(tmp_path):
    """Types `ganzoo import` for a generator of 28 pixels, and returns the result of the command."""
    network = trained(STYLES["dcgan of 28 pixels by a trimming kernel"], seed=7)  # each assumption changes its pictures
    with torch.no_grad():
        network.steps[-2].weight.mul_(30)
    file = saved(network, tmp_path / "gen.safetensors")

    def run(*words):
        return CliRunner().invoke(cli, ["import", str(file), "-o", str(tmp_path / "out"), "--json", *words])

    return run


def test_each_assumption_has_a_line_with_the_option_that_changes_it(imported, tmp_path):
    done = imported()
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert (told["architecture"], told["layout"]) == ("sequential", "sequence")
    assert told["assumptions"] == ["activation", "output", "latent", "epsilon"]
    assert [line.partition(" - ")[2] for line in done.stderr.splitlines()] == [
        "change it with --config activation=leaky-relu",
        "change it with --config output=sigmoid",
        "change it with --config latent=uniform",
        "change it with --config epsilon=0.8",
        "change it with --size 32x32",
    ]
    described = json.loads((tmp_path / "out/config.json").read_text())
    assert described["assumptions"] == told["assumptions"]


def test_what_is_given_is_not_assumed(imported):
    told = json.loads(imported("--config", "activation=elu", "--size", "32").stdout)
    assert (told["config"]["activation"], told["assumptions"]) == ("elu", ["output", "latent", "epsilon"])
    assert told["config"]["layers"][-1]["padding"] == 0


def test_a_size_that_is_impossible_names_the_possible_ones(imported):
    done = imported("--size", "64x64")
    assert "cannot make images of 64x64 - possible are 28x28, 32x32" in str(done.exception)


def test_the_sheet_has_a_row_for_each_candidate(imported, tmp_path):
    done = imported("--sheet", str(tmp_path / "sheet.png"))
    assert done.exit_code == 0, done.output
    from PIL import Image

    with Image.open(tmp_path / "sheet.png") as sheet:
        row = 16 + 2 * 28 + 2
        assert sheet.height == 5 * row
        rows = [sheet.crop((0, i * row + 16, sheet.width, (i + 1) * row)).tobytes() for i in range(5)]
    assert len(set(rows)) == 5


def test_the_config_survives_json():
    config = ganzoo.create("sequential").config
    again = json.loads(json.dumps(dataclasses.asdict(config)))
    assert ganzoo.create("sequential", **again).config == config


@pytest.mark.parametrize(
    ("layers", "told"),
    [
        ([], "must start with a linear layer"),
        ([{"kind": "linear", "inputs": 4, "outputs": 9}], "end with 9 numbers, not with an image"),
        ([{"kind": "linear", "inputs": 4}], "needs a value for outputs"),
        ([{"kind": "lstm"}], "layers is a mapping with the kind linear, convolution"),
        ([7], "layers is a mapping with the kind linear, convolution"),
        ([{"kind": "linear", "inputs": 0, "outputs": 9}], "has a size below 1"),
        ([{"kind": "linear", "inputs": 4, "outputs": 9}, {"kind": "batch-norm", "channels": 8}], "cannot take 9"),
        ([{"kind": "linear", "inputs": "4", "outputs": 9}], "inputs is int, not '4'"),
    ],
    ids=str,
)
def test_a_wrong_config_is_refused(layers, told):
    with pytest.raises(InvalidConfigError, match=told):
        ganzoo.create("sequential", layers=layers)


@pytest.mark.parametrize("name", STYLES)
def test_the_discriminator_mirrors_every_style(name):
    config = SequentialConfig(**read(shapes_of(Style(*STYLES[name][0]))).config)
    logits = Discriminator(config)(torch.randn(3, *config.image_shape))
    assert logits.shape == (3,)


def test_pictures_may_be_rectangles():
    layers = [
        {"kind": "linear", "inputs": 4, "outputs": 24},
        {"kind": "reshape", "channels": 4, "height": 2, "width": 3},
        {"kind": "batch-norm", "channels": 4},
        {"kind": "transposed-convolution", "inputs": 4, "outputs": 1, "kernel": 4, "stride": 2, "padding": 1},
    ]
    gan, inputs = lookup.create("sequential", layers=layers).eval(), {"z": torch.randn(2, 4)}
    images = gan.generate(inputs)
    assert images.shape == (2, *gan.config.image_shape) == (2, 1, 4, 6)
    assert gan.discriminator(images).shape == (2,)
    assert torch.allclose(gan.fused()(inputs), images, atol=1e-5)


def test_all_norms_of_the_default_are_folded():
    """Those behind a reshape too."""
    gan = trained_model("sequential", layers=SequentialConfig().layers).gan
    fused, inputs = gan.fused(), {"z": torch.randn(2, 100)}
    assert not any(isinstance(layer, nn.modules.batchnorm._BatchNorm) for layer in fused.modules())
    with torch.inference_mode():
        torch.testing.assert_close(fused(inputs), gan.generate(inputs), atol=1e-5, rtol=0)


# By name: the layers as a style, whose config the conformance suite tries in place of `TINY`.
CONFORMING = {
    "perceptron of 28 pixels": [*numbered("", *perceptron(1, 6, 8, 12, 784)), GRAY],
    "upsampling to 32 pixels": [
        *numbered("", LINEAR(6, 4 * 64), to(4, 8, 8), up(), CONV(4, 4, 3, padding=1), BN2(4), LEAKY, up()),
        *[("7", CONV(4, 1, 3, padding=1)), TANH],
    ],
    "64 color pixels": [*numbered("main.", *dcgan(6, 8, 8, 4, 4, 3, bias=True))],
    "prelu and instance norm": [
        *numbered("", LINEAR(6, 8 * 16), nn.PReLU(), to(8, 4, 4), doubled(8, 4), nn.InstanceNorm2d(4, affine=True)),
        *[("5", prelu(4)), ("6", doubled(4, 3)), TANH],
    ],
}
SLOW = ("check_engines_agree", "check_fused_is_exported", "check_resumes_exactly", "check_images_move_along_directions")
OF_THE_CONFIG = [
    pytest.param(check, marks=pytest.mark.long if check.__name__ in SLOW else ())
    for check in testing.CHECKS
    if check.__module__ != "ganzoo.testing.declaring" and check.__name__ != "check_two_processes_are_one"
]


@pytest.fixture
def tiny(request):
    """Makes the config of a style that of the conformance suite, in this process."""
    spec = lookup.registry().architectures["sequential"]
    kept, config = spec.tiny, read(shapes_of(Style(*CONFORMING[request.param]))).config
    object.__setattr__(spec, "tiny", {**config, "learning_rate": 1e-3})
    yield config
    object.__setattr__(spec, "tiny", kept)


@pytest.mark.parametrize("check", OF_THE_CONFIG, ids=lambda check: check.__name__)
@pytest.mark.parametrize("tiny", CONFORMING, indirect=True)
def test_other_configs_conform(tiny, check):
    check("sequential")
    assert testing.tiny_model("sequential").config.layers == tiny["layers"]

"""CycleGAN generators of other code bases: names and shapes as data, graphs, and files that must be refused."""

from functools import partial

import pytest
import torch
from torch import nn
from torch.nn import functional

from ganzoo.errors import LayoutError, MismatchError
from ganzoo.interface.gan import keep_published
from ganzoo.registry import lookup
from ganzoo.weights.fit import check_fits
from ganzoo.weights.layouts import find_layout, rename

STATISTICS = {"running_mean": 1, "running_var": 1, "num_batches_tracked": 0}  # their dimensions

# Where junyanz's and huggan's sequentials have convolutions with 9 blocks, and their kernels with 64 maps and RGB.
ENDS = {"1": (64, 3, 7, 7), "4": (128, 64, 3, 3), "7": (256, 128, 3, 3)}
TRANSPOSED = {"19": (256, 128, 3, 3), "22": (128, 64, 3, 3), "26": (3, 64, 7, 7)}
NEAREST = {"20": (128, 256, 3, 3), "24": (64, 128, 3, 3), "28": (3, 64, 7, 7)}
JUNYANZ_KERNELS = ENDS | {f"{i}.conv_block.{j}": (256, 256, 3, 3) for i in range(10, 19) for j in (1, 5)} | TRANSPOSED
HUGGAN_KERNELS = ENDS | {f"{i}.block.{j}": (256, 256, 3, 3) for i in range(10, 19) for j in (1, 5)} | NEAREST
JUNYANZ_NORMS = {
    **{"2": 64, "5": 128, "8": 256, "20": 128, "23": 64},
    **{f"{i}.conv_block.{j}": 256 for i in range(10, 19) for j in (2, 6)},
}
COURSE_KERNELS = {
    "upfeature.conv": (64, 3, 7, 7),
    "encoder1.conv1": (128, 64, 3, 3),
    "encoder2.conv1": (256, 128, 3, 3),
    **{f"res{i}.conv{j}": (256, 256, 3, 3) for i in range(9) for j in (1, 2)},
    "decoder1.conv1": (256, 128, 3, 3),
    "decoder2.conv1": (128, 64, 3, 3),
    "downfeature.conv": (3, 64, 7, 7),
}
PATCH_KERNELS = {
    **{"0": (64, 3, 4, 4), "2": (128, 64, 4, 4), "5": (256, 128, 4, 4), "8": (512, 256, 4, 4), "11": (1, 512, 4, 4)},
}


def with_biases(kernels, prefix="", *, transposed=()):
    shapes = {}
    for name, kernel in kernels.items():
        shapes[f"{prefix}{name}.weight"] = kernel
        shapes[f"{prefix}{name}.bias"] = (kernel[1 if name in transposed else 0],)
    return shapes


def statistics(prefix="model."):
    return {
        f"{prefix}{norm}.{name}": (width,) * dimensions
        for norm, width in JUNYANZ_NORMS.items()
        for name, dimensions in STATISTICS.items()
    }


def affine(prefix="model."):
    return {f"{prefix}{norm}.{kind}": (width,) for norm, width in JUNYANZ_NORMS.items() for kind in ("weight", "bias")}


def moved(shapes, i, j):
    """In each block, the module with index i has index j."""
    return {name.replace(f"conv_block.{i}.", f"conv_block.{j}."): shape for name, shape in shapes.items()}


JUNYANZ = with_biases(JUNYANZ_KERNELS, "model.", transposed=("19", "22"))
HUGGAN = with_biases(HUGGAN_KERNELS, "model.")
COURSE = with_biases(COURSE_KERNELS, transposed=("decoder1.conv1", "decoder2.conv1"))
UPIT = {
    **{name: s for net in ("D_A.", "D_B.") for name, s in with_biases(PATCH_KERNELS, net).items()},
    **{name.replace("model.", net): s for net in ("G_A.", "G_B.") for name, s in JUNYANZ.items()},
}
PLAIN = {"channels": 3, "width": 64, "blocks": 9}

FILES = {
    "junyanz": ("junyanz-cyclegan", JUNYANZ, PLAIN, 48, 11_378_179),
    "junyanz-0.4": ("junyanz-cyclegan", JUNYANZ | statistics(), PLAIN, 117, 11_378_179),
    "junyanz-affine": ("junyanz-cyclegan", JUNYANZ | affine(), {**PLAIN, "affine": True}, 94, 11_388_675),
    "junyanz-dropout": ("junyanz-cyclegan", moved(JUNYANZ, 5, 6), PLAIN, 48, 11_378_179),
    "huggan": ("huggan-cyclegan", HUGGAN, {**PLAIN, "upsampling": "nearest"}, 48, 11_378_179),
    "upit": ("upit-cyclegan", UPIT, {**PLAIN, "direction": "both"}, 116, 2 * 11_378_179),
    "course": (
        "course-cyclegan", COURSE, {**PLAIN, "stem_norm": False, "down_padding": "reflect"}, 48, 11_378_179,
    ),
}  # fmt: skip


def layouts():
    return [layout for layout in lookup.registry().layouts.values() if layout.architecture == "cyclegan"]


def find(shapes):
    return find_layout(shapes, layouts(), of="file")


def published(config):
    with torch.device("meta"):
        gan = lookup.create("cyclegan", **config)
    keep_published(gan)
    return gan


def fit(shapes):
    match = find(shapes)
    tensors = {name: torch.empty(shape, device="meta") for name, shape in shapes.items()}
    check_fits(published(match.reading.config), rename(tensors, match), of="file")
    return match


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("container", ["", "module.", "state_dict/", "state_dict/module."])
def test_layouts_are_recognised_and_strict(name, container):
    layout, shapes, config, count, parameters = FILES[name]
    assert len(shapes) == count
    match = fit({container + key: shape for key, shape in shapes.items()})
    assert match.layout.name == layout
    whole, _ = lookup.check_config("cyclegan", match.reading.config)
    expected, _ = lookup.check_config("cyclegan", {"direction": "a_to_b", **config})
    assert whole == expected
    assert sum(p.numel() for p in published(match.reading.config).parameters()) == parameters


@pytest.mark.parametrize("blocks", [1, 6, 9])
@pytest.mark.parametrize("width", [16, 64])
@pytest.mark.parametrize("layout", ["junyanz-cyclegan", "huggan-cyclegan", "course-cyclegan"])
def test_any_number_of_blocks_and_width(layout, width, blocks):
    shapes = {name: tuple(t.shape) for name, t in NETWORKS[layout](width, blocks).state_dict().items()}
    match = fit(shapes)
    assert match.layout.name == layout
    assert (match.reading.config["width"], match.reading.config["blocks"]) == (width, blocks)


def test_upit_has_both_directions():
    """Its G_A generates images of domain A, the horses. So the weights of horse2zebra are those of G_B."""
    tensors = find(UPIT).reading.tensors
    assert tensors["a_to_b.stem.conv.weight"] == "G_B.1.weight"
    assert tensors["b_to_a.stem.conv.weight"] == "G_A.1.weight"


# --- what must not be read -----------------------------------------------------------------------


def without(shapes, *endings):
    return {name: shape for name, shape in shapes.items() if not name.endswith(endings)}


def padded_by_zeros(shapes):
    """Blocks without a padding module before each convolution."""
    return moved(moved(shapes, 1, 0), 5, 3)


def of_grey(shapes, ends):
    return shapes | {f"model.{ends[0]}.weight": (64, 1, 7, 7)} | with_biases({ends[1]: (1, 64, 7, 7)}, "model.")


ANOTHER = {
    "discriminator": with_biases(PATCH_KERNELS, "model."),
    "u-net": {"model.model.0.weight": (64, 3, 4, 4), "model.model.1.model.1.weight": (128, 64, 4, 4)},
    "classifier": {"fc.weight": (3, 3)},
    "extra": JUNYANZ | {"model.30.weight": (1,)},
    "extra in a block": JUNYANZ | {"model.10.conv_block.9.weight": (256, 256, 3, 3)},
    "an upsampling in front of a transposed convolution": HUGGAN | {"model.20.weight": (256, 128, 3, 3)},
    "a convolution where a transposed one should be": JUNYANZ | {"model.19.weight": (128, 256, 3, 3)},
    "bilinear upsampling, padding, convolution": {
        **without(JUNYANZ, "19.weight", "19.bias", "22.weight", "22.bias", "26.weight", "26.bias"),
        **with_biases({"21": (128, 256, 3, 3), "26": (64, 128, 3, 3), "30": (3, 64, 7, 7)}, "model."),
    },
    "blocks padded by zeros": padded_by_zeros(JUNYANZ),
    "UPIT's blocks padded by zeros": padded_by_zeros(UPIT),
    "batch norm": without(JUNYANZ | affine() | statistics(), "1.bias", "4.bias", "7.bias", "5.bias", "9.bias"),
    "huggan's in grey, which pads its ends by 1": of_grey(HUGGAN, ("1", "28")),
    "the course's by half": {n: s for n, s in COURSE.items() if not n.startswith("decoder")},
    "one of UPIT's": {n: s for n, s in UPIT.items() if not n.startswith("G_A.")},
    "nothing": {"model.1.weight": (64,)},
}


@pytest.mark.parametrize("name", ANOTHER)
def test_other_networks_are_refused(name):
    with pytest.raises(LayoutError, match="no known layout"):
        find(ANOTHER[name])


def test_grey_images_are_as_good_in_junyanz_code():
    assert fit(of_grey(JUNYANZ, ("1", "26"))).reading.config["channels"] == 1


def test_the_course_is_never_read_as_the_authors():
    """A trap: its tensors have the same shapes, so they would load under other names."""
    assert sorted(COURSE.values()) == sorted(JUNYANZ.values())
    assert [layout.name for layout in layouts() if layout.read(COURSE)] == ["course-cyclegan"]


@pytest.mark.parametrize("name", FILES)
def test_one_layout_reads_a_file(name):
    assert [layout.name for layout in layouts() if layout.read(FILES[name][1])] == [FILES[name][0]]


def test_two_generators_in_a_file_are_not_chosen_from():
    both = {f"{net}/{name}": shape for net in ("netG_A", "netG_B") for name, shape in JUNYANZ.items()}
    with pytest.raises(LayoutError, match="can be read in several ways"):
        find(both)


def test_wrong_shapes_are_listed():
    with pytest.raises(MismatchError, match=r"a_to_b\.down\.0\.conv\.weight"):
        fit(JUNYANZ | {"model.4.weight": (128, 64, 5, 5)})


# --- the same pictures ---------------------------------------------------------------------------


def block_of(width, name):
    """x + conv(...)(x), with layers whose names begin with `name`."""
    pad, conv, norm = (nn.ReflectionPad2d, 1), (nn.Conv2d, width, width, 3), (nn.InstanceNorm2d, width)
    layers = [kind(*rest) for kind, *rest in (pad, conv, norm, (nn.ReLU,), pad, conv, norm)]
    block = Residual()
    block.add_module(name, nn.Sequential(*layers))
    return block


class Residual(nn.Module):
    def forward(self, x):
        return x + next(self.children())(x)


class Model(nn.Module):
    def __init__(self, layers):
        super().__init__()
        self.model = nn.Sequential(*layers)

    def forward(self, x):
        return self.model(x)


def sequential(width, blocks, *, block, ups):
    def normed(conv, maps):
        return [conv, nn.InstanceNorm2d(maps), nn.ReLU()]

    layers = [nn.ReflectionPad2d(3), *normed(nn.Conv2d(3, width, 7), width)]
    for maps in (2 * width, 4 * width):
        layers += normed(nn.Conv2d(maps // 2, maps, 3, stride=2, padding=1), maps)
    layers += [block_of(4 * width, block) for _ in range(blocks)]
    for maps in (2 * width, width):
        *before, conv = ups(2 * maps, maps)
        layers += [*before, *normed(conv, maps)]
    return Model([*layers, nn.ReflectionPad2d(3), nn.Conv2d(width, 3, 7), nn.Tanh()])


def transposed(inputs, maps):
    return [nn.ConvTranspose2d(inputs, maps, 3, stride=2, padding=1, output_padding=1)]


def nearest(inputs, maps):
    return [nn.Upsample(scale_factor=2), nn.Conv2d(inputs, maps, 3, padding=1)]


class Course(nn.Module):
    """The course's network with its names, step by step."""

    def __init__(self, width, blocks):
        super().__init__()
        reflect = partial(nn.Conv2d, padding_mode="reflect")
        self._add("upfeature", conv=reflect(3, width, 7, padding=3))
        for i in (1, 2):
            self._add(f"encoder{i}", conv1=reflect(i * width, 2 * i * width, 3, stride=2, padding=1))
            self._add(f"decoder{i}", conv1=transposed(4 * width // i, 2 * width // i)[0])
        for i in range(blocks):
            self._add(f"res{i}", **{f"conv{j}": reflect(4 * width, 4 * width, 3, padding=1) for j in (1, 2)})
        self._add("downfeature", conv=reflect(width, 3, 7, padding=3))
        self.blocks = blocks

    def _add(self, name, **layers):
        self.add_module(name, nn.ModuleDict(layers))

    def forward(self, x):
        norm = functional.instance_norm
        x = self.upfeature.conv(x)
        for step in (self.encoder1, self.encoder2):
            x = norm(step.conv1(x)).relu()
        for block in (self.get_submodule(f"res{i}") for i in range(self.blocks)):
            x = x + norm(block.conv2(norm(block.conv1(x)).relu()))
        for step in (self.decoder1, self.decoder2):
            x = norm(step.conv1(x)).relu()
        return self.downfeature.conv(x).tanh()


NETWORKS = {
    "junyanz-cyclegan": partial(sequential, block="conv_block", ups=transposed),
    "huggan-cyclegan": partial(sequential, block="block", ups=nearest),
    "course-cyclegan": Course,
}


def read(state):
    """Their weights in our network, as `ganzoo.load` does it."""
    match = find({name: tuple(tensor.shape) for name, tensor in state.items()})
    gan = lookup.create("cyclegan", **match.reading.config).eval()
    keep_published(gan)
    gan.load_state_dict(rename(state, match))
    return gan


@pytest.mark.parametrize("layout", NETWORKS)
def test_their_weights_give_their_pictures(layout):
    torch.manual_seed(0)
    theirs = NETWORKS[layout](4, 2)
    for size in ((32, 32), (20, 44)):
        images = torch.rand(2, 3, *size) * 2 - 1
        with torch.no_grad():
            ours, expected = read(theirs.state_dict()).generate({"a": images}), theirs(images)
        assert expected.std() > 0.05
        assert torch.allclose(ours, expected, rtol=0, atol=1e-5)


def test_upit_gives_the_pictures_of_both():
    torch.manual_seed(0)
    nets = {name: NETWORKS["junyanz-cyclegan"](4, 1) for name in ("G_A", "G_B")}
    state = {n.replace("model", name): t for name, net in nets.items() for n, t in net.state_dict().items()}
    gan, images = read(state), torch.rand(1, 3, 16, 16)
    with torch.no_grad():
        for domain, name in (("a", "G_B"), ("b", "G_A")):
            assert torch.allclose(gan.generate({domain: images}), nets[name](images), rtol=0, atol=1e-5)


def test_the_course_in_the_authors_graph_gives_other_pictures():
    torch.manual_seed(0)
    theirs, images = Course(4, 2), torch.rand(1, 3, 32, 32)
    ours = read(theirs.state_dict())
    authors = lookup.create("cyclegan", width=4, blocks=2, direction="a_to_b").eval()
    authors.a_to_b.load_state_dict(ours.a_to_b.state_dict())
    with torch.no_grad():
        assert (authors.generate({"a": images}) - theirs(images)).abs().max() > 0.1


# --- the registered models -----------------------------------------------------------------------

REGISTERED = {
    "cyclegan-horse2zebra": ("upit", ("horse2zebra", "zebra2horse")),
    "cyclegan-zebra2horse": ("upit", ("zebra2horse", "horse2zebra")),
    "cyclegan-horse2zebra.course": ("course", ("horse2zebra",)),
    "cyclegan-zebra2horse.course": ("course", ("zebra2horse",)),
    "cyclegan-sim2real": ("huggan", ("sim2real",)),
    "cyclegan-apple2orange": ("junyanz-0.4", ("apple2orange",)),
}


@pytest.mark.parametrize("name", REGISTERED)
def test_registered_models(name):
    """Their directions are known before the download, and are those that the layout of the file shows."""
    file, directions = REGISTERED[name]
    model = lookup.registry().models[name]
    layout, shapes, *_ = FILES[file]
    assert model.weights.layout == layout
    merged, _ = lookup.check_config("cyclegan", {**find(shapes).reading.config, **model.config})
    assert lookup.config_of(model).directions == merged.directions == directions

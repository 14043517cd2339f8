"""BigGAN generators of other code bases: names and shapes as data, their graphs, and files that must be refused."""

import dataclasses
from itertools import pairwise

import pytest
import torch
from safetensors.torch import save_file
from torch.nn import functional

import ganzoo
from ganzoo import ClassConditional
from ganzoo.errors import LayoutError, MismatchError
from ganzoo.pretrained.exporting import export
from ganzoo.pretrained.files import read_weights, weights_path
from ganzoo.pretrained.importing import import_checkpoint
from ganzoo.pretrained.load import assemble
from ganzoo.pretrained.sources import Folder
from ganzoo.registry import lookup
from ganzoo.weights.folder import WEIGHTS, Description, write_folder
from ganzoo.weights.layouts import find_layout, rename
from ganzoo_biggan.layouts import read_deep_0_1, read_pretrained, read_pytorch, read_wide_0_1

# pytorch-pretrained-BigGAN: whether a block doubles, and its channels in and out, in units of 128.
DEEP_128 = [(0, 16, 16), (1, 16, 16), (0, 16, 16), (1, 16, 8), (0, 8, 8), (1, 8, 4), (0, 4, 4), (1, 4, 2)]
DEEP_128 += [(0, 2, 2), (1, 2, 1)]
DEEP_256 = [*DEEP_128[:5], (1, 8, 8), (0, 8, 8), *DEEP_128[5:]]
DEEP_512 = [*DEEP_256, (0, 1, 1), (1, 1, 1)]
ATTENTION = 8  # its place in the list, at every resolution


def normed(name, *shape, bias=True):
    columns = torch.Size(shape[1:]).numel()
    vectors = {f"{name}.weight_orig": shape, f"{name}.weight_u": shape[:1], f"{name}.weight_v": (columns,)}
    return vectors | ({f"{name}.bias": shape[:1]} if bias else {})


def deep_shapes(blocks, ch=128, classes=1000):
    condition = 256
    shapes = {"embeddings.weight": (128, classes), **normed("generator.gen_z", 256 * ch, condition)}
    for place, (_, inputs, outputs) in enumerate(blocks):
        name = f"generator.layers.{place + (place >= ATTENTION)}"
        middle = inputs * ch // 4
        ends = [(inputs * ch, middle, 1), (middle, middle, 3), (middle, middle, 3), (middle, outputs * ch, 1)]
        for i, (a, b, kernel) in enumerate(ends):
            shapes |= {f"{name}.bn_{i}.{kind}": (51, a) for kind in ("running_means", "running_vars")}
            for part in ("scale", "offset"):
                shapes |= normed(f"{name}.bn_{i}.{part}", a, condition, bias=False)
            shapes |= normed(f"{name}.conv_{i}", b, a, kernel, kernel)
    name, maps = f"generator.layers.{ATTENTION}", blocks[ATTENTION][1] * ch
    shapes[f"{name}.gamma"] = (1,)
    for part, (a, b) in {"theta": (8, 1), "phi": (8, 1), "g": (2, 1), "o_conv": (1, 2)}.items():
        shapes |= normed(f"{name}.snconv1x1_{part}", maps // a, maps // b, 1, 1, bias=False)
    shapes |= {"generator.bn.weight": (ch,), "generator.bn.bias": (ch,)}
    shapes |= {f"generator.bn.{kind}": (51, ch) for kind in ("running_means", "running_vars")}
    return shapes | normed("generator.conv_to_rgb", ch, ch, 3, 3)


def step_normed(name, *shape, bias=True):
    vectors = {f"{name}.weight": shape, f"{name}.u0": (1, shape[0]), f"{name}.sv0": (1,)}
    return vectors | ({f"{name}.bias": shape[:1]} if bias else {})


def wide_shapes(maps, *, first, condition, attention=None, shared=(1000, 128), pixels=16):
    """The shapes of BigGAN-PyTorch. Without a shared embedding, gains and biases are tables of classes."""
    shapes = {"shared.weight": shared} if shared else {}
    shapes |= step_normed("linear", pixels * maps[0], first)
    for i, (inputs, outputs) in enumerate(pairwise(maps)):
        for kind, a, kernel in (("conv1", inputs, 3), ("conv2", outputs, 3), ("conv_sc", inputs, 1)):
            shapes |= step_normed(f"blocks.{i}.0.{kind}", outputs, a, kernel, kernel)
        for kind, a in (("bn1", inputs), ("bn2", outputs)):
            for part in ("gain", "bias"):
                name = f"blocks.{i}.0.{kind}.{part}"
                table = {f"{name}.weight": (condition, a)}
                shapes |= step_normed(name, a, condition, bias=False) if shared else table
            shapes |= {f"blocks.{i}.0.{kind}.stored_{what}": (a,) for what in ("mean", "var")}
        if i == attention:
            shapes[f"blocks.{i}.1.gamma"] = ()
            for part, (a, b) in {"theta": (8, 1), "phi": (8, 1), "g": (2, 1), "o": (1, 2)}.items():
                shapes |= step_normed(f"blocks.{i}.1.{part}", outputs // a, outputs // b, 1, 1, bias=False)
    shapes |= {f"output_layer.0.{what}": (maps[-1],) for what in ("gain", "bias", "stored_mean", "stored_var")}
    return shapes | step_normed("output_layer.2", 3, maps[-1], 3, 3)


IMAGENET = wide_shapes([1536, 1536, 768, 384, 192, 96], first=20, condition=148, attention=3)
CIFAR = wide_shapes([256] * 4, first=128, condition=10, shared=None)


def find(architecture, shapes):
    layouts = [each for each in lookup.registry().layouts.values() if each.architecture == architecture]
    return find_layout(shapes, layouts, of="file")


def random_tensors(shapes, seed=0):
    random = torch.Generator().manual_seed(seed)
    made = {}
    for name, shape in shapes.items():
        drawn = torch.randn(shape, generator=random)
        fan = max(1, torch.Size(shape[1:]).numel())
        made[name] = 0.5 + drawn.abs() if "var" in name else drawn * (fan**-0.5 if len(shape) > 1 else 0.5)
    return made


def imported(architecture, tensors):
    match = find(architecture, {name: tuple(tensor.shape) for name, tensor in tensors.items()})
    return assemble(architecture, match.reading.config, rename(tensors, match), name="file")


@pytest.mark.parametrize(
    ("blocks", "names", "numbers", "resolution"),
    [(DEEP_128, 506, 50_388_609, 128), (DEEP_256, 602, 55_880_833, 256), (DEEP_512, 698, 56_163_905, 512)],
)
def test_pretrained_files_fit(blocks, names, numbers, resolution):
    shapes = deep_shapes(blocks)
    vectors = ("weight_u", "weight_v", "running_means", "running_vars")
    assert len(shapes) == names
    assert sum(torch.Size(s).numel() for n, s in shapes.items() if not n.endswith(vectors)) == numbers
    match = find("biggan-deep", shapes)
    config = lookup.check_config("biggan-deep", match.reading.config)[0]
    assert match.layout.name == "pretrained-biggan"
    assert (config.resolution, config.classes, config.width, config.statistics) == (resolution, 1000, 128, 51)
    assert config.attention == (64,)
    assert match.reading.classes[207] == "golden retriever"
    assert_fits("biggan-deep", match)


@pytest.mark.parametrize(("shapes", "names", "numbers"), [(IMAGENET, 166, 70_433_988), (CIFAR, None, None)])
def test_biggan_pytorch_files_fit(shapes, names, numbers):
    if names:
        assert len(shapes) == names
        kept = (".u0", ".sv0", "stored_mean", "stored_var")
        assert sum(torch.Size(s).numel() for n, s in shapes.items() if not n.endswith(kept)) == numbers
    match = find("biggan", shapes)
    assert match.layout.name == "biggan-pytorch"
    assert_fits("biggan", match)


def test_what_the_two_configurations_are():
    imagenet = lookup.check_config("biggan", find("biggan", IMAGENET).reading.config)[0]
    assert (imagenet.resolution, imagenet.width, imagenet.latent_size, imagenet.class_dim) == (128, 96, 120, 128)
    assert (imagenet.attention, imagenet.hierarchical, imagenet.shared) == ((64,), True, True)
    cifar = lookup.check_config("biggan", find("biggan", CIFAR).reading.config)[0]
    assert (cifar.resolution, cifar.width, cifar.latent_size, cifar.classes) == (32, 64, 128, 10)
    assert (cifar.attention, cifar.hierarchical, cifar.shared) == ((), False, False)


def assert_fits(architecture, match):
    """Every tensor of the network is read, and no other tensor."""
    with torch.device("meta"):
        gan = lookup.create(architecture, **match.reading.config)
    wanted = {f"generator.{name}" for name in gan.generator.state_dict()}
    assert match.reading.tensors.keys() == wanted


# --- graphs -----------------------------------------------------------------------------------


def divided(tensors, name):
    weight, u, v = (tensors[f"{name}.weight_{what}"] for what in ("orig", "u", "v"))
    return weight / torch.dot(u, torch.mv(weight.flatten(1), v))


def deep_graph(tensors, blocks, z, label, row, ch):
    """pytorch-pretrained-BigGAN's forward pass, at the truncation of that row of its tables."""
    c = torch.cat([z, tensors["embeddings.weight"][:, label].T], dim=1)

    def norm(x, name):
        mean, variance = (tensors[f"{name}.running_{what}"][row][None, :, None, None] for what in ("means", "vars"))
        gain, bias = (functional.linear(c, divided(tensors, f"{name}.{part}")) for part in ("scale", "offset"))
        return (x - mean) / (variance + 1e-4).sqrt() * (1 + gain)[:, :, None, None] + bias[:, :, None, None]

    def conv(x, name):
        weight = divided(tensors, name)
        return functional.conv2d(x, weight, tensors.get(f"{name}.bias"), padding=weight.shape[-1] // 2)

    x = functional.linear(c, divided(tensors, "generator.gen_z"), tensors["generator.gen_z.bias"])
    x = x.view(-1, 4, 4, 16 * ch).permute(0, 3, 1, 2)
    for place, (doubles, inputs, outputs) in enumerate(blocks):
        if place == ATTENTION:
            x = attend(x, f"generator.layers.{ATTENTION}.", conv, tensors)
        name = f"generator.layers.{place + (place >= ATTENTION)}"
        y = conv(norm(x, f"{name}.bn_0").relu(), f"{name}.conv_0")
        y = norm(y, f"{name}.bn_1").relu()
        y = functional.interpolate(y, scale_factor=2.0) if doubles else y
        y = conv(norm(conv(y, f"{name}.conv_1"), f"{name}.bn_2").relu(), f"{name}.conv_2")
        y = conv(norm(y, f"{name}.bn_3").relu(), f"{name}.conv_3")
        x = x[:, : x.shape[1] // 2] if inputs != outputs else x
        x = y + (functional.interpolate(x, scale_factor=2.0) if doubles else x)
    mean, variance = (tensors[f"generator.bn.running_{what}"][row][None, :, None, None] for what in ("means", "vars"))
    weight, bias = (tensors[f"generator.bn.{what}"][None, :, None, None] for what in ("weight", "bias"))
    x = ((x - mean) / (variance + 1e-4).sqrt() * weight + bias).relu()
    return torch.tanh(conv(x, "generator.conv_to_rgb")[:, :3])


def attend(x, name, conv, tensors):
    n, maps, height, width = x.shape
    theta = conv(x, f"{name}snconv1x1_theta").view(n, maps // 8, -1)
    phi = functional.max_pool2d(conv(x, f"{name}snconv1x1_phi"), 2).view(n, maps // 8, -1)
    g = functional.max_pool2d(conv(x, f"{name}snconv1x1_g"), 2).view(n, maps // 2, -1)
    beta = torch.bmm(theta.transpose(1, 2), phi).softmax(-1)
    seen = torch.bmm(g, beta.transpose(1, 2)).view(n, maps // 2, height, width)
    return x + tensors[f"{name}gamma"] * conv(seen, f"{name}snconv1x1_o_conv")


@pytest.mark.parametrize(("truncation", "row"), [(1.0, 50), (0.4, 20), (0.58, 29)])
def test_a_pretrained_file_gives_its_images(truncation, row):
    ch = 8
    tensors = random_tensors(deep_shapes(DEEP_128, ch, classes=5))
    for name in [name for name in tensors if name.endswith("weight_u")]:  # of one step of the power method
        matrix = tensors[name.replace("_u", "_orig")].flatten(1)
        tensors[name] = functional.normalize(matrix @ tensors[name.replace("_u", "_v")], dim=0)
    model = imported("biggan-deep", tensors)
    inputs = model.draw(2, seed=3, request=ClassConditional(label=4, truncation=truncation))
    expected = deep_graph(tensors, DEEP_128, inputs["z"], torch.tensor([4, 4]), row, ch)
    assert expected.std() > 0.05
    assert torch.allclose(model.generate(inputs), expected, atol=1e-5)


def stepped(tensors, name):
    weight, u = tensors[f"{name}.weight"], tensors.get(f"{name}.u0")
    if u is None:
        return weight
    matrix = weight.flatten(1)
    v = functional.normalize(u @ matrix)
    u = functional.normalize(v @ matrix.T)
    return weight / (v @ matrix.T @ u.T).squeeze()


def wide_graph(tensors, stages, z, label, first=(4, 4)):
    """BigGAN-PyTorch's forward pass."""
    shared = "shared.weight" in tensors
    parts = z.split(z.shape[1] // (stages + 1), dim=1) if shared else [z] * (stages + 1)

    def norm(x, name, part):
        mean, variance = (tensors[f"{name}.stored_{what}"][None, :, None, None] for what in ("mean", "var"))
        if shared:
            c = torch.cat([tensors["shared.weight"][label], part], dim=1)
            gain, bias = (functional.linear(c, stepped(tensors, f"{name}.{each}")) for each in ("gain", "bias"))
        else:
            gain, bias = (tensors[f"{name}.{each}.weight"][label] for each in ("gain", "bias"))
        return (x - mean) / (variance + 1e-5).sqrt() * (1 + gain)[:, :, None, None] + bias[:, :, None, None]

    def conv(x, name):
        weight = stepped(tensors, name)
        return functional.conv2d(x, weight, tensors.get(f"{name}.bias"), padding=weight.shape[-1] // 2)

    x = functional.linear(parts[0], stepped(tensors, "linear"), tensors["linear.bias"])
    x = x.view(len(z), -1, *first)
    for i in range(stages):
        name = f"blocks.{i}.0"
        y = functional.interpolate(norm(x, f"{name}.bn1", parts[i + 1]).relu(), scale_factor=2.0)
        y = norm(conv(y, f"{name}.conv1"), f"{name}.bn2", parts[i + 1]).relu()
        x = conv(y, f"{name}.conv2") + conv(functional.interpolate(x, scale_factor=2.0), f"{name}.conv_sc")
        if f"blocks.{i}.1.gamma" in tensors:
            plain = {f"{name}gamma": tensors[f"blocks.{i}.1.gamma"]}
            renamed = {"snconv1x1_o_conv": "o", **{f"snconv1x1_{p}": p for p in ("theta", "phi", "g")}}
            x = attend(x, name, lambda x, n, i=i, r=renamed: conv(x, f"blocks.{i}.1.{r[n[n.index('sn') :]]}"), plain)
    mean, variance, gain, bias = (
        tensors[f"output_layer.0.{what}"][None, :, None, None] for what in ("stored_mean", "stored_var", "gain", "bias")
    )
    return torch.tanh(conv(((x - mean) / (variance + 1e-5).sqrt() * gain + bias).relu(), "output_layer.2"))


SMALL = wide_shapes([128, 128, 64, 32, 16, 8], first=4, condition=6 + 4, attention=3, shared=(5, 6))
SMALL_PLAIN = wide_shapes([32] * 4, first=16, condition=5, shared=None)


@pytest.mark.parametrize(("shapes", "stages"), [(SMALL, 5), (SMALL_PLAIN, 3)], ids=["imagenet", "cifar"])
def test_a_biggan_pytorch_file_gives_its_images(shapes, stages):
    tensors = random_tensors(shapes)
    model = imported("biggan", tensors)
    inputs = model.draw(2, seed=3, request=ClassConditional(label=4))
    expected = wide_graph(tensors, stages, inputs["z"], torch.tensor([4, 4]))
    assert expected.std() > 0.05
    assert torch.allclose(model.generate(inputs), expected, atol=1e-5)


@pytest.mark.parametrize(("size", "first"), [("", (6, 4)), ("32x48", (4, 6))], ids=str)
def test_pictures_may_be_rectangles(tmp_path, size, first):
    """The file tells that the first map has 24 pixels, and not which of its sides is longer."""
    tensors = random_tensors(wide_shapes([16] * 4, first=16, condition=5, shared=None, attention=1, pixels=24))
    save_file(tensors, tmp_path / "G_ema.safetensors")
    made = import_checkpoint(None, tmp_path / "G_ema.safetensors", tmp_path / "mine", size=size)
    assert (made.layout, made.size) == ("biggan-pytorch", "" if size else "48x32")
    model = ganzoo.load(made.folder, device="cpu")
    inputs = model.draw(2, seed=3, request=ClassConditional(label=4))
    expected = wide_graph(tensors, 3, inputs["z"], torch.tensor([4, 4]), first)
    assert expected.shape == (2, 3, 8 * first[0], 8 * first[1])
    assert torch.allclose(model.generate(inputs), expected, atol=1e-5)


def test_other_first_maps_are_refused():
    """Of DeepMind's networks, all have 4x4; of the others, nobody can tell 16x4 from 8x8."""
    with pytest.raises(LayoutError):
        find("biggan", wide_shapes([32] * 4, first=16, condition=5, shared=None, pixels=64))
    shapes = deep_shapes(DEEP_128) | normed("generator.gen_z", 24 * 16 * 128, 256)
    with pytest.raises(LayoutError):
        find("biggan-deep", shapes)


def test_statistics_a_level_deeper_are_found():
    """Batch statistics under the names of their own batch norm, with a counter."""
    moved = {name.replace(".stored_", ".bn.stored_"): shape for name, shape in SMALL.items()}
    counters = {name.replace("stored_mean", "accumulation_counter"): (1,) for name in moved if "stored_mean" in name}
    expected = imported("biggan", random_tensors(SMALL)).sample(2)
    tensors = random_tensors(moved) | random_tensors(counters)
    assert torch.equal(imported("biggan", tensors).sample(2), expected)


@pytest.mark.parametrize(
    ("read", "shapes", "missing"),
    [
        (read_pretrained, deep_shapes(DEEP_128), "generator.layers.8.gamma"),
        (read_pretrained, deep_shapes(DEEP_128), "generator.layers.3.conv_1.weight_u"),
        (read_pretrained, deep_shapes(DEEP_128), "generator.conv_to_rgb.weight_orig"),
        (read_pytorch, IMAGENET, "blocks.0.0.conv_sc.weight"),
        (read_pytorch, IMAGENET, "blocks.2.0.bn1.stored_mean"),
        (read_pytorch, IMAGENET, "linear.weight"),
    ],
)
def test_what_lacks_something_is_in_no_layout(read, shapes, missing):
    assert read(shapes) is not None
    assert read({name: shape for name, shape in shapes.items() if name != missing}) is None


def test_the_deep_kind_of_biggan_pytorch_is_not_taken_for_the_other():
    with pytest.raises(LayoutError, match="in no known layout"):
        find("biggan", IMAGENET | {"blocks.0.0.conv3.weight": (1, 1, 1, 1)})


# --- ganzoo 0.1 -------------------------------------------------------------------------------

OLD = {  # some names in a file that it published, and the names now
    "generator.project.parametrizations.weight.original": "generator.project.weight",
    "generator.project.parametrizations.weight.0.u": "generator.project.spectral_norm.u",
    "generator.project.bias": "generator.project.bias",
    "generator.blocks.0.beside.bias": "generator.blocks.0.shortcut.bias",
    "generator.blocks.0.beside.parametrizations.weight.original": "generator.blocks.0.shortcut.weight",
    "generator.blocks.0.norms.1.gain.parametrizations.weight.0.u": "generator.blocks.0.norms.1.gain.spectral_norm.u",
    "generator.blocks.0.norms.1.means": "generator.blocks.0.norms.1.means",
    "generator.embedding.weight": "generator.embedding.weight",
    "generator.gain": "generator.gain",
}


def random_gan(architecture, **config):
    """A tiny GAN in which no tensor is zero."""
    gan = ganzoo.create(architecture, **{**lookup.registry().architectures[architecture].tiny, **config}).eval()
    gan.load_state_dict(random_tensors(shapes_of(gan.state_dict())))
    return gan


def under_old_names(tensors):
    """The published part of a state dict, with the names of ganzoo 0.1."""
    normed = {name.removesuffix(".spectral_norm.u") for name in tensors if name.endswith(".spectral_norm.u")}

    def old(name):
        layer, _, last = name.rpartition(".")
        if last == "weight" and layer in normed:
            name = f"{layer}.parametrizations.weight.original"
        return name.replace("spectral_norm.u", "parametrizations.weight.0.u").replace(".shortcut.", ".beside.")

    return {old(name): tensor for name, tensor in tensors.items() if name.startswith("generator.")}


def shapes_of(tensors):
    return {name: tuple(tensor.shape) for name, tensor in tensors.items()}


def published(folder, architecture, gan):
    """A GAN in a folder of version 0.1, and the same GAN now."""
    config = dataclasses.asdict(gan.config)
    write_folder(folder, under_old_names(gan.state_dict()), Description(architecture, config, "noise"))
    spec = lookup.registry().architectures[architecture]
    return ganzoo.Model(gan, spec.task, gan.config)


def test_the_old_names_are_those_of_the_bundled_file():
    tensors = read_weights(
        lookup.registry().models["biggan-fashion-mnist"],
        weights_path(lookup.registry().models["biggan-fashion-mnist"]),
    )
    old = under_old_names(tensors)
    assert len(old) == 74
    assert OLD.keys() <= old.keys()
    found = read_wide_0_1(shapes_of(old)).tensors
    assert {theirs: ours for ours, theirs in found.items()}.items() >= OLD.items()
    assert found.keys() == tensors.keys()


CONFIGS = [
    ("biggan", {}),
    ("biggan", {"statistics": 11, "latent_dim": 12, "channels": 1, "generator_depths": (2, 1, 1, 1)}),
    ("biggan", {"generator_spectral_norm": False, "attention": ()}),
    ("biggan", {"hierarchical": False}),
    ("biggan", {"shared": False, "hierarchical": False}),
    ("biggan-deep", {}),
    ("biggan-deep", {"statistics": 11, "attention": (8, 32), "channels": 1}),
]
NOT_IN_THE_FILE = [
    ("biggan", {"shared": False}),
    ("biggan", {"epsilon": 1e-2}),
    ("biggan-deep", {"shared": False}),
    ("biggan-deep", {"generator_spectral_norm": False}),
]


@pytest.mark.parametrize(("architecture", "config"), [*CONFIGS, *NOT_IN_THE_FILE])
def test_a_folder_that_ganzoo_0_1_published_is_loaded(architecture, config, tmp_path):
    model = published(tmp_path, architecture, random_gan(architecture, **config))
    loaded = ganzoo.load(tmp_path)
    assert loaded.config == model.config
    expected = model.sample(4, truncation=0.4)
    assert expected.std() > 0.01
    assert torch.allclose(loaded.sample(4, truncation=0.4), expected, atol=1e-5)


@pytest.mark.parametrize(("architecture", "config"), CONFIGS)
def test_its_config_is_read_from_names_and_shapes(architecture, config, tmp_path):
    model = published(tmp_path / "old", architecture, random_gan(architecture, **config))
    made = import_checkpoint(architecture, tmp_path / "old" / WEIGHTS, tmp_path / "new")
    assert made.layout == f"ganzoo-0.1-{architecture}"
    assert torch.allclose(ganzoo.load(tmp_path / "new").sample(4), model.sample(4), atol=1e-5)


def test_such_a_folder_is_exported_with_standing_statistics(tmp_path):
    published(tmp_path / "old", "biggan", random_gan("biggan"))
    export(Folder.at(tmp_path / "old"), tmp_path / "new", standing=1)
    assert ganzoo.load(tmp_path / "new").config.statistics == 11


def test_a_folder_in_no_layout_does_not_fit_its_network(tmp_path):
    gan = random_gan("biggan")
    config = dataclasses.asdict(gan.config)
    tensors = under_old_names(gan.state_dict())
    for damaged in (
        {name: tensor for name, tensor in tensors.items() if name != "generator.project.bias"},
        {f"{name}.other": tensor for name, tensor in tensors.items()},
    ):
        write_folder(tmp_path, damaged, Description("biggan", config, "noise"))
        with pytest.raises(MismatchError, match=r"does not fit the network: .*missing generator.project.bias"):
            ganzoo.load(tmp_path)


@pytest.mark.parametrize(("architecture", "read"), [("biggan", read_wide_0_1), ("biggan-deep", read_deep_0_1)])
def test_a_damaged_file_of_0_1_is_in_no_layout_or_does_not_fit(architecture, read):
    """The file is refused for every missing tensor."""
    whole = shapes_of(under_old_names(random_gan(architecture).state_dict()))
    wanted = read(whole).tensors.keys()
    for missing in whole:
        reading = read({name: shape for name, shape in whole.items() if name != missing})
        assert reading is None or reading.tensors.keys() < wanted
    assert read(dict.fromkeys(whole, ())) is None


@pytest.mark.parametrize("architecture", ["biggan", "biggan-deep"])
def test_what_has_the_present_names_is_not_of_0_1(architecture):
    present = random_gan(architecture).state_dict()
    published = {name: tensor for name, tensor in present.items() if name.startswith("generator.")}
    for shapes in (shapes_of(published), IMAGENET, CIFAR, deep_shapes(DEEP_128), {}):
        assert read_wide_0_1(shapes) is None
        assert read_deep_0_1(shapes) is None
    old = shapes_of(under_old_names(published))
    assert (read_wide_0_1(old) is None) == (architecture == "biggan-deep")
    assert (read_deep_0_1(old) is None) == (architecture == "biggan")

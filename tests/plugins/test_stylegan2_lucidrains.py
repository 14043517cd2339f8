"""The StyleGAN2 of lucidrains' stylegan2-pytorch: its files open, and the networks are those of its code."""

import pytest
import torch
from torch.nn.functional import conv2d

import ganzoo
from ganzoo.pretrained.importing import import_checkpoint
from ganzoo.sampling.packed import packed
from ganzoo.testing.tiny import trained_model
from ganzoo.weights import pickles
from ganzoo_stylegan.lucidrains.attention import AttentionLayer
from ganzoo_stylegan.lucidrains.config import LucidrainsConfig
from ganzoo_stylegan.lucidrains.networks import ModulatedConv2d, blur
from ganzoo_stylegan.sampling import mixed_layers, noise_maps, styles_of
from in_process import ganzoo as shell

ATTENTION = {
    "0.fn.fn.to_q.weight": (512, 8, 1, 1),
    "0.fn.fn.to_kv.net.0.weight": (8, 1, 3, 3),
    "0.fn.fn.to_kv.net.1.weight": (1024, 8, 1, 1),
    "0.fn.fn.to_out.weight": (8, 512, 1, 1),
    "0.fn.fn.to_out.bias": (8,),
    "0.fn.norm.g": (1, 8, 1, 1),
    "0.fn.norm.b": (1, 8, 1, 1),
    "1.fn.fn.0.weight": (16, 8, 1, 1),
    "1.fn.fn.0.bias": (16,),
    "1.fn.fn.2.weight": (8, 16, 1, 1),
    "1.fn.fn.2.bias": (8,),
    "1.fn.norm.g": (1, 8, 1, 1),
    "1.fn.norm.b": (1, 8, 1, 1),
}
LATENTS = torch.tensor([[0.5, -1.0, 2.0, 0.25], [-0.3, 0.8, 0.1, -1.5]])


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """An assets cache for this test. Files are converted in this process, which has imported torch already."""
    monkeypatch.setattr("huggingface_hub.utils._cache_assets.HF_ASSETS_CACHE", str(tmp_path / "assets"))
    monkeypatch.setattr(pickles, "_run_converter", pickles._convert)


def average_shapes(*, constant=True, attention=True, first=(4, 4)):
    """The names and shapes of a small network: 16 pixels, latents of 4, 2 layers, capacity 1, attention in block 2."""
    shapes = {f"SE.net.{i}.{kind}": (4, 4)[: 2 - (kind == "bias")] for i in (0, 2) for kind in ("weight", "bias")}
    shapes |= {"GE.initial_block": (1, 8, *first)} if constant else {"GE.to_initial_block.weight": (4, 8, *first)}
    shapes |= {"GE.initial_conv.weight": (8, 8, 3, 3), "GE.initial_conv.bias": (8,)}
    for i, (inputs, outputs) in enumerate([(8, 8), (8, 4), (4, 2)]):
        block = f"GE.blocks.{i}"
        for j, width in ((1, inputs), (2, outputs)):
            shapes[f"{block}.conv{j}.weight"] = (outputs, width, 3, 3)
            shapes |= {f"{block}.to_style{j}.weight": (width, 4), f"{block}.to_style{j}.bias": (width,)}
            shapes |= {f"{block}.to_noise{j}.weight": (outputs, 1), f"{block}.to_noise{j}.bias": (outputs,)}
        shapes[f"{block}.to_rgb.conv.weight"] = (3, outputs, 1, 1)
        shapes |= {f"{block}.to_rgb.to_style.weight": (outputs, 4), f"{block}.to_rgb.to_style.bias": (outputs,)}
        if i < 2:
            shapes[f"{block}.to_rgb.upsample.1.f"] = (3,)
    return shapes | ({f"GE.attns.1.{name}": shape for name, shape in ATTENTION.items()} if attention else {})


def painted(name, shape):
    """Numbers that anyone can compute again."""
    if name.endswith(".f"):
        return torch.tensor([1.0, 2.0, 1.0])
    numbers = torch.arange(torch.Size(shape).numel(), dtype=torch.float64)
    size = 6.0 if name.startswith("SE.") else 0.6
    return (size * torch.sin(1.7 * numbers + len(name))).float().reshape(shape)


def checkpoint(tmp_path, **options):
    """A file as its trainer writes it, with the networks that are not read."""
    averages = {name: painted(name, shape) for name, shape in average_shapes(**options).items()}
    raw = {name.replace("SE.", "S.").replace("GE.", "G."): value + 1 for name, value in averages.items()}
    judges = {f"{name}.to_logit.weight": torch.ones(1, 4) for name in ("D", "D_aug.D")}
    path = tmp_path / "model_7.pt"
    torch.save({"GAN": {**raw, **judges, **averages}, "version": "1.9.0"}, path)
    return path


def latents_and_noise():
    """The latents above, and noise whose uniform numbers run from 1/257 to 256/257, by rows or by columns."""
    uniform = (torch.arange(256, dtype=torch.float64) + 1) / 257
    noise = torch.special.ndtri(torch.stack([uniform, uniform.reshape(16, 16).T.flatten()])).float()
    return {"z": LATENTS, "noise": noise}


@torch.inference_mode()
def whole_images(model, inputs):
    """Images as the network makes them, which are not yet limited to [-1, 1]."""
    generator = model.gan.generator
    return generator.synthesis(styles_of(generator, inputs), noise_maps(generator, inputs))


def numbers(images):
    """A few pixels, and the mean and the deviation of each image."""
    picked = images[[0, 0, 0, 1, 1, 1], [0, 1, 2, 0, 1, 2], [0, 3, 15, 2, 9, 15], [0, 12, 15, 7, 4, 0]]
    return torch.cat([picked, images.mean((1, 2, 3)), images.std((1, 2, 3))])


THEIRS = [
    ({}, [-2.63027, -0.95239, 0.15816, -2.09552, -0.01403, -0.64585, -1.20196, -1.208, 1.84148, 1.77364]),
    (
        {"constant": False, "attention": False},
        [-2.97344, -0.84875, 0.0869, -4.53933, -0.76429, 0.43091, -1.472, -1.48811, 1.75273, 1.78384],
    ),
]
"""Computed by the author's code, commit ce7f830, in 64 bits, with these weights, latents and noise; in [-1, 1]."""


@pytest.mark.parametrize(("options", "expected"), THEIRS, ids=["constant, attention", "no constant"])
def test_images_are_those_of_the_authors_code(tmp_path, options, expected):
    made = import_checkpoint(None, checkpoint(tmp_path, **options), tmp_path / "mine")
    model = ganzoo.load(made.folder, device="cpu")
    found = numbers(whole_images(model, latents_and_noise()))
    torch.testing.assert_close(found, torch.tensor(expected), atol=3e-5, rtol=0)
    constant, attention = options.get("constant", True), (2,) if options.get("attention", True) else ()
    assert (made.architecture, made.layout, made.part) == ("stylegan2-lucidrains", "lucidrains-stylegan2", "GAN")
    config = LucidrainsConfig(
        resolution=16,
        latent_dim=4,
        mapping_layers=2,
        capacity=1,
        learned_constant=constant,
        attention_layers=attention,
    )
    assert model.config == config


def test_the_command_says_what_it_reads_and_what_it_leaves(tmp_path, monkeypatch, capsys):
    checkpoint(tmp_path)
    monkeypatch.chdir(tmp_path)
    done = shell(monkeypatch, capsys, "import", "model_7.pt", "-o", "mine")
    assert done.code == 0
    assert "SE and GE are read, the averages, and S, G and D are left" in done.err
    assert "lr_mlp" in done.err
    done = shell(monkeypatch, capsys, "sample", "./mine", "-n", "2", "--truncation", "0.6", "-o", "sheet.png")
    assert done.code == 0
    assert (tmp_path / "sheet.png").exists()


def changed(tmp_path, change, **options):
    path = checkpoint(tmp_path, **options)
    content = torch.load(path)
    change(content["GAN"])
    torch.save(content, path)
    return path


def _without(word):
    def remove(state):
        for name in [name for name in state if word in name]:
            del state[name]

    return remove


@pytest.mark.parametrize("constant", [True, False])
def test_pictures_may_be_rectangles(tmp_path, constant):
    """The first map has the sides of its tensor. A file whose maps and kernels are turned gives turned images."""

    def turn(state):
        state |= {name: t.mT.contiguous() for name, t in state.items() if name.startswith("GE.") and t.ndim == 4}

    models = []
    for change in (lambda state: None, turn):
        path = changed(tmp_path, change, first=(6, 4), constant=constant)
        models.append(ganzoo.load(import_checkpoint(None, path, tmp_path / f"{len(models)}").folder, device="cpu"))
    high, wide = (whole_images(model, model.draw(2, seed=3, request=model.request(noise="none"))) for model in models)
    assert (models[0].config.resolution, models[1].config.resolution) == ((24, 16), (16, 24))
    assert high.shape == (2, 3, 24, 16)
    assert high.std((2, 3)).mean() > 0.05
    torch.testing.assert_close(wide, high.mT, atol=1e-5, rtol=1e-5)


def test_a_first_map_that_no_network_has_is_refused(tmp_path):
    with pytest.raises(ganzoo.GanzooError, match="in no known layout"):
        import_checkpoint(None, checkpoint(tmp_path, first=(8, 8)), tmp_path / "mine")


def _older_attention(state):
    for name in [name for name in state if ".norm." in name]:
        state[name.replace(".norm.g", ".norm.weight").replace(".norm.b", ".norm.bias")] = state.pop(name)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (_without("upsample.1.f"), "before version 1.1,"),
        (_without("initial_conv"), "before version 1.1,"),
        (_older_attention, "before version 1.8.6,"),
        (lambda state: state.update({"GE.blocks.0.to_rgb.upsample.1.f": torch.ones(3)}), r"than \[1, 2, 1\]"),
        (lambda state: state.update({"GE.more": torch.ones(3)}), "does not use GE.more"),
    ],
    ids=["no filter", "no first convolution", "older attention", "filter", "more"],
)
def test_other_versions_are_refused(tmp_path, change, told):
    with pytest.raises(ganzoo.GanzooError, match=told):
        import_checkpoint(None, changed(tmp_path, change), tmp_path / "mine")
    assert not (tmp_path / "mine").exists()


def test_the_mean_style_is_that_of_the_average(tmp_path):
    model = ganzoo.load(import_checkpoint(None, checkpoint(tmp_path), tmp_path / "mine").folder, device="cpu")
    mapping = model.gan.generator.mapping
    with torch.inference_mode():
        styles = mapping(torch.randn(50_000, 4, generator=torch.Generator().manual_seed(1)))
    assert ((mapping.w_avg - styles.mean(0)).abs() < 5 * styles.std(0) / 10_000**0.5).all()
    request = model.request(truncation=0, noise="none")
    images = [whole_images(model, model.draw(2, seed=seed, request=request)) for seed in (3, 8)]
    assert torch.allclose(images[0][:1].expand(2, -1, -1, -1), images[1], atol=1e-5), "all are the mean image"


@pytest.fixture
def model():
    """A small network with noise that has a strength."""
    torch.manual_seed(2)
    gan = ganzoo.create("stylegan2-lucidrains", resolution=16, latent_dim=4, mapping_layers=2, capacity=2).eval()
    with torch.no_grad():
        for block in gan.generator.synthesis.blocks:
            block.conv1.noise_strength.fill_(0.5)
    return ganzoo.Model(gan, ganzoo.StyleBased, gan.config, name="test")


def test_modulation_is_that_of_the_weights():
    """Equations 1 to 3 of arXiv:1912.04958, with 1 + the map of the style."""
    torch.manual_seed(0)
    layer = ModulatedConv2d(3, 4, 3, 5).double()
    torch.nn.init.normal_(layer.weight)
    x, w = torch.randn(2, 3, 6, 6).double(), torch.randn(2, 5).double()
    scaled = layer.weight * (layer.affine(w) + 1)[:, None, :, None, None]
    demodulated = scaled / (scaled.square().sum((2, 3, 4), keepdim=True) + 1e-8).sqrt()
    for weights, demodulate in ((scaled, False), (demodulated, True)):
        wanted = torch.cat([conv2d(x[i : i + 1], weights[i], padding=1) for i in range(2)])
        torch.testing.assert_close(layer.convolve(x, w, demodulate=demodulate), wanted)


def test_blur_reflects_at_the_edges():
    x = torch.zeros(1, 1, 4, 4)
    x[0, 0, 0, 0] = 16
    wanted = torch.tensor([[4.0, 2, 0, 0], [2, 1, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]])
    assert torch.equal(blur(x)[0, 0], wanted)
    x = torch.zeros(1, 1, 4, 4)
    x[0, 0, 1, 1] = 16
    assert blur(x)[0, 0, 0, 0] == 4, "the second row and column are seen twice"


def test_noise_none_is_the_mean_of_noise(model):
    generator = model.gan.generator
    styles = generator.broadcast(torch.randn(1, 4))
    with torch.inference_mode():
        none = generator.synthesis(styles, [torch.zeros(1, 1, 16, 16)])
        shifted = generator.synthesis(styles, [torch.full((1, 1, 16, 16), -40.0)])
        for block in generator.synthesis.blocks:
            block.conv1.bias += 0.25
        assert torch.allclose(generator.synthesis(styles, [torch.full((1, 1, 16, 16), -40.0)]), none, atol=1e-5)
    assert not torch.allclose(none, shifted, atol=1e-3)


def test_each_block_has_a_style(model):
    config = model.config
    assert [list(range(3))[mixed_layers(config, name)] for name in ("coarse", "middle", "fine")] == [[0], [1], [2]]
    assert model.gan.mixed_styles(5, None).shape == (5, 3, 4)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"resolution": 25}, "resolution 25 cannot be reached: .* - the nearest are 24 and 28"),
        ({"capacity": 0}, "capacity must be at least 1, not 0"),
        ({"attention_layers": (7,)}, r"attention_layers are numbers from 1 to 6, not \(7,\)"),
        ({"style_mixing": -0.1}, "style_mixing is a share from 0 to 1, not -0.1"),
    ],
)
def test_configs_that_cannot_be(config, message):
    with pytest.raises(ValueError, match=message):
        LucidrainsConfig(**config)


@pytest.mark.parametrize(
    ("config", "generator", "discriminator"),
    [
        ({"resolution": 32}, 5_312_672, 15_337_089),
        ({"resolution": 64, "attention_layers": (1, 2)}, 13_796_192, 23_157_569),
        ({"resolution": 128, "channels": 4}, 18_829_440, 30_021_889),
    ],
)
def test_the_networks_have_as_many_parameters_as_the_authors(config, generator, discriminator):
    with torch.device("meta"):
        gan = ganzoo.create("stylegan2-lucidrains", **config)
    counts = [sum(each.numel() for each in network.parameters()) for network in (gan.generator, gan.discriminator)]
    assert counts == [generator, discriminator]


def test_attention_is_exported_for_any_number_of_images():
    """`len` of a tensor would be a constant of the graph, which PyTorch refuses."""
    layer = AttentionLayer(4).eval().requires_grad_(False)
    example, images = torch.randn(2, 4, 3, 5), torch.randn(3, 4, 3, 5)
    program = torch.export.export(layer, (example,), dynamic_shapes=({0: torch.export.Dim("batch")},))
    torch.testing.assert_close(program.module()(images), layer(images))


@pytest.mark.parametrize(
    "config",
    [{"learned_constant": False}, {"attention_layers": ()}, {"resolution": (8, 12), "channels": 1}],
    ids=str,
)
def test_the_fused_generator_is_the_same_function(config):
    """With noise and a mean style that are not zero, and packed for the processor."""
    model = trained_model("stylegan2-lucidrains", **config)
    for layer in model.gan.generator.modules():
        if hasattr(layer, "noise_strength"):
            torch.nn.init.normal_(layer.noise_strength)
    inputs = model.draw(3, seed=1, request=model.request(truncation=0.5))
    with torch.inference_mode():
        wanted = model.gan.generate(inputs)
        for function in (model.gan.fused(), packed(model.gan.fused(), model.gan)):
            torch.testing.assert_close(function(inputs), wanted, atol=1e-5, rtol=0)

"""StyleGAN2 generators of other code bases: their files become folders that every command takes."""

import pickle

import pytest
import torch

import ganzoo
from ganzoo.pretrained.importing import import_checkpoint
from ganzoo.registry import lookup
from ganzoo.weights import pickles
from ganzoo_stylegan.stylegan2.layouts import read_rosinality
from in_process import ganzoo as shell
from pickled_networks import EasyDict, recorded, use_their_names

CONFIG = {
    "resolution": 16,
    "latent_dim": 8,
    "style_dim": 8,
    "mapping_layers": 2,
    "base_width": 64,
    "max_width": 8,
}
LINE = torch.tensor([1.0, 3.0, 3.0, 1.0])
FILTER = LINE.outer(LINE) / 64


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """An assets cache for this test. Files are converted in this process, which has imported torch already."""
    monkeypatch.setattr("huggingface_hub.utils._cache_assets.HF_ASSETS_CACHE", str(tmp_path / "assets"))
    monkeypatch.setattr(pickles, "_run_converter", pickles._convert)


def make(**changes):
    """A generator with random numbers everywhere, also where training starts with zeros."""
    torch.manual_seed(1)
    gan = ganzoo.create("stylegan2", **{**CONFIG, **changes})
    with torch.no_grad():
        for tensor in [*gan.generator.parameters(), gan.generator.mapping.w_avg]:
            tensor.add_(torch.randn_like(tensor) * 0.1)
    return gan.eval()


def state_of(gan):
    """The tensors of the generator, by the authors' names."""
    return {name: value.clone() for name, value in gan.generator.state_dict().items()}


def with_filters(state, resample=FILTER):
    """The names of the authors, with the filters that each of their layers holds."""
    layers = {name.rpartition(".")[0] for name in state if name.endswith(("noise_const", "torgb.bias"))}
    return {**state, **{f"{layer}.resample_filter": resample for layer in layers if "torgb" not in layer}}


def images(model, **options):
    return model.sample(2, seed=5, **options)


def same_images(folder, gan, **options):
    """Whether an imported model makes the images of the GAN that its tensors were taken from."""
    model = ganzoo.load(folder, device="cpu")
    original = ganzoo.Model(gan, model.task, model.config)
    return torch.allclose(images(model, **options), images(original, **options), rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    "changes", [{}, {"classes": 3}, {"constant": (2, 4), "resolution": (8, 16)}, {"base_width": 128, "channels": 1}]
)
def test_names_of_the_authors(tmp_path, changes):
    gan = make(**changes)
    torch.save({"state_dict": with_filters(state_of(gan)), "step": 5}, tmp_path / "model=G_ema.pth")
    made = import_checkpoint(None, tmp_path / "model=G_ema.pth", tmp_path / "mine")
    assert (made.architecture, made.layout) == ("stylegan2", "stylegan2-pytorch")
    expected = {**CONFIG, **changes}
    assert {name: made.config[name] for name in expected} == expected
    for options in ({"noise": "fixed"}, {"truncation": 0.5}, {"noise": "none", "truncation": 0.3, "cutoff": 2}):
        assert same_images(made.folder, gan, **options)


def test_a_pickled_network_by_the_command_line(tmp_path, monkeypatch, capsys):
    use_their_names(monkeypatch)
    monkeypatch.chdir(tmp_path)
    gan = make()
    average = recorded(with_filters(state_of(gan)))
    raw = recorded({name: value + 1 for name, value in average.state_dict().items()})
    content = {"G": raw, "D": recorded({"b4.out.weight": torch.ones(1)}), "G_ema": average, "augment_pipe": None}
    (tmp_path / "network.pkl").write_bytes(pickle.dumps({"training_set_kwargs": EasyDict(path="x"), **content}))
    done = shell(monkeypatch, capsys, "import", "network.pkl", "-o", "mine")
    assert done.code == 0
    assert "G_ema" in done.out
    assert same_images(tmp_path / "mine", gan, noise="fixed")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"synthesis.b8.conv0.resample_filter": FILTER.flip(0) ** 2}, r"another filter than \[1, 3, 3, 1\]"),
        ({"synthesis.b8.conv0.resample_filter": torch.ones(3, 3) / 9}, r"another filter than \[1, 3, 3, 1\]"),
        ({"synthesis.b4.torgb.weight": None}, "architecture `orig` or `resnet`"),
        ({"synthesis.input.freqs": torch.ones(4, 2)}, "StyleGAN3"),
    ],
    ids=["filter", "size of the filter", "orig", "stylegan3"],
)
def test_other_generators_say_what_they_are(tmp_path, change, told):
    changed = {**with_filters(state_of(make())), **change}
    torch.save({name: value for name, value in changed.items() if value is not None}, tmp_path / "other.pt")
    with pytest.raises(ganzoo.GanzooError, match=told):
        import_checkpoint(None, tmp_path / "other.pt", tmp_path / "mine")
    assert not (tmp_path / "mine").exists()


def rosinality(gan):
    """The tensors by the names and in the shapes of rosinality's code, written out by hand."""
    state, theirs = state_of(gan), {}
    theirs["input.input"] = state["synthesis.b4.const"][None]
    for i in range(2):
        theirs |= {f"style.{i + 1}.{kind}": state[f"mapping.fc{i}.{kind}"] for kind in ("weight", "bias")}
    convs = {"b4.conv1": "conv1", "b8.conv0": "convs.0", "b8.conv1": "convs.1", "b16.conv0": "convs.2"}
    for i, (ours, name) in enumerate({**convs, "b16.conv1": "convs.3"}.items()):
        theirs[f"{name}.conv.weight"] = state[f"synthesis.{ours}.weight"][None]
        for kind in ("weight", "bias"):
            theirs[f"{name}.conv.modulation.{kind}"] = state[f"synthesis.{ours}.affine.{kind}"]
        theirs[f"{name}.activate.bias"] = state[f"synthesis.{ours}.bias"]
        theirs[f"{name}.noise.weight"] = state[f"synthesis.{ours}.noise_strength"][None]
        theirs[f"noises.noise_{i}"] = state[f"synthesis.{ours}.noise_const"][None, None]
        if "conv0" in ours:
            theirs[f"{name}.conv.blur.kernel"] = 4 * FILTER
    for ours, name in {"b4": "to_rgb1", "b8": "to_rgbs.0", "b16": "to_rgbs.1"}.items():
        theirs[f"{name}.conv.weight"] = state[f"synthesis.{ours}.torgb.weight"][None]
        theirs[f"{name}.bias"] = state[f"synthesis.{ours}.torgb.bias"][None, :, None, None]
        for kind in ("weight", "bias"):
            theirs[f"{name}.conv.modulation.{kind}"] = state[f"synthesis.{ours}.torgb.affine.{kind}"]
        if ours != "b4":
            theirs[f"{name}.upsample.kernel"] = 4 * FILTER
    return theirs


def test_rosinality_with_the_mean_style_beside_the_network(tmp_path):
    gan = make()
    torch.save({"g_ema": rosinality(gan), "latent_avg": gan.generator.mapping.w_avg}, tmp_path / "converted.pt")
    made = import_checkpoint(None, tmp_path / "converted.pt", tmp_path / "mine")
    assert (made.layout, made.part) == ("rosinality-stylegan2", "g_ema")
    assert {name: made.config[name] for name in CONFIG} == CONFIG
    assert same_images(made.folder, gan, truncation=0.5, noise="fixed")


def test_rosinality_without_the_mean_style(tmp_path):
    """A training checkpoint: the mean style is computed, and the same each time."""
    gan = make()
    torch.save({"g": rosinality(gan), "g_ema": rosinality(gan), "d": {"x": torch.ones(2)}}, tmp_path / "005000.pt")
    model = ganzoo.load(import_checkpoint("stylegan2", tmp_path / "005000.pt", tmp_path / "mine").folder, device="cpu")
    found = model.gan.generator.mapping.w_avg
    with torch.inference_mode():
        styles = gan.generator.mapping(torch.randn(50_000, 8, generator=torch.Generator().manual_seed(1)))
    error = styles.std(0) / 10_000**0.5
    assert ((found - styles.mean(0)).abs() < 5 * error).all()
    assert same_images(tmp_path / "mine", gan, noise="fixed")


def test_another_kernel_of_rosinality_is_refused(tmp_path):
    theirs = rosinality(make())
    theirs["convs.2.conv.blur.kernel"] = FILTER  # without the factor of upsampling
    torch.save({"g_ema": theirs}, tmp_path / "other.pt")
    with pytest.raises(ganzoo.GanzooError, match="another filter"):
        import_checkpoint(None, tmp_path / "other.pt", tmp_path / "mine")


def test_incomplete_names_are_not_read():
    shapes = {name: tuple(value.shape) for name, value in rosinality(make()).items()}
    assert read_rosinality(shapes) is not None
    for left in ("style.2.bias", "convs.1.noise.weight", "to_rgbs.1.conv.modulation.weight"):
        assert read_rosinality({name: shape for name, shape in shapes.items() if name != left}) is None


@pytest.mark.parametrize(
    "name", [name for name, model in lookup.registry().models.items() if model.architecture == "stylegan2"]
)
def test_what_is_registered_is_pinned_and_named(name):
    model = lookup.registry().models[name]
    config = lookup.config_of(model)
    assert len(model.classes) == config.classes
    if isinstance(model.weights, ganzoo.HubFile):
        assert model.weights.layout in lookup.registry().layouts

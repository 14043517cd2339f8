"""`ganzoo import`: a foreign checkpoint becomes a folder that every command takes."""

import json

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import save_file

import ganzoo
from ganzoo import Layout, Reading
from ganzoo.cli.main import cli
from ganzoo.errors import (
    CorruptWeightsError,
    InvalidConfigError,
    InvalidRequestError,
    LayoutError,
    OutputError,
    UnknownNameError,
    WeightsError,
)
from ganzoo.interface.gan import keep_published
from ganzoo.pretrained.importing import import_checkpoint
from ganzoo.pretrained.load import load
from ganzoo.registry import lookup
from ganzoo.registry.registry import Registry
from ganzoo.weights.tensors import read_tensors
from plugin_factory import declaring

SMALL = {"resolution": 16, "channels": 1, "latent_dim": 4, "generator_width": 4, "latent": "normal"}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.utils._cache_assets.HF_ASSETS_CACHE", str(tmp_path / "assets"))


@pytest.fixture
def generator():
    torch.manual_seed(0)
    gan = ganzoo.create("dcgan", **SMALL)
    keep_published(gan)
    return gan


def foreign(gan, prefix):
    return {name.replace("generator.", prefix): tensor for name, tensor in gan.state_dict().items()}


def images(gan):
    with torch.inference_mode():
        return gan.eval().generate({"z": torch.ones(2, 4)})


@pytest.mark.parametrize(
    ("prefix", "layout"), [("main.", "pytorch-dcgan"), ("model.", "huggan-dcgan"), ("module.main.", "pytorch-dcgan")]
)
@pytest.mark.parametrize("ending", [".pth", ".ckpt", ".tar"])
def test_a_pickle_becomes_a_published_folder(tmp_path, generator, prefix, layout, ending):
    torch.save({"epoch": 3, "netG_state_dict": foreign(generator, prefix)}, tmp_path / f"old{ending}")
    made = import_checkpoint("dcgan", tmp_path / f"old{ending}", tmp_path / "new")
    assert made.layout == layout
    assert {name: made.config[name] for name in SMALL} == SMALL
    loaded = load(tmp_path / "new")
    assert torch.equal(images(loaded.gan), images(generator))
    assert json.loads((tmp_path / "new/config.json").read_text())["architecture"] == "dcgan"


def test_our_own_names_need_a_config(tmp_path, generator):
    save_file(generator.state_dict(), tmp_path / "ours.safetensors")
    with pytest.raises(LayoutError, match=r"is in no known layout.*main\.0\.weight.*own names do not fit"):
        import_checkpoint("dcgan", tmp_path / "ours.safetensors", tmp_path / "new")
    made = import_checkpoint("dcgan", tmp_path / "ours.safetensors", tmp_path / "new", config=SMALL)
    assert made.layout == "ganzoo"
    assert torch.equal(images(load(tmp_path / "new").gan), images(generator))


def with_biases(gan, prefix):
    """The file of a DCGAN whose convolutions have biases, which the architecture dcgan does not have."""
    tensors = foreign(gan, prefix)
    weights = {name: tensor for name, tensor in tensors.items() if tensor.ndim == 4}
    return {**tensors, **{name.replace("weight", "bias"): torch.zeros(each.shape[1]) for name, each in weights.items()}}


def test_a_dcgan_with_biases_opens_as_sequential(tmp_path, generator):
    torch.save(with_biases(generator, "main."), tmp_path / "biased.pth")
    with pytest.raises(LayoutError, match=r"pytorch-dcgan of dcgan fits, but for main\.0\.bias and 2 more.*") as caught:
        import_checkpoint("dcgan", tmp_path / "biased.pth", tmp_path / "new")
    assert f"opens as sequential - write: ganzoo import {tmp_path}/biased.pth -o FOLDER" in str(caught.value)
    made = import_checkpoint(None, tmp_path / "biased.pth", tmp_path / "new")
    assert (made.architecture, made.size) == ("sequential", "16x16")
    assert torch.allclose(images(load(tmp_path / "new").gan), images(generator), atol=1e-6)


@pytest.mark.parametrize(
    ("dtype", "ending", "told"),
    [
        (torch.int8, "pth", r"is quantized: main\.0\.weight holds whole numbers \(int8\).*from before quantization"),
        (torch.int8, "safetensors", r"is quantized: main\.\d\.\w+ holds whole numbers \(int8\)"),
        (torch.float8_e4m3fn, "pth", r"main\.0\.weight holds numbers of the kind float8_e4m3fn, which ganzoo does not"),
        (torch.float8_e4m3fn, "safetensors", r"main\.\d\.\w+ holds numbers of the kind F8_E4M3, which ganzoo does not"),
    ],
    ids=str,
)
def test_numbers_of_eight_bits_are_named(tmp_path, generator, dtype, ending, told):
    tensors = foreign(generator, "main.")
    small = {name: tensor.to(dtype) if tensor.is_floating_point() else tensor for name, tensor in tensors.items()}
    (torch.save if ending == "pth" else save_file)(small, tmp_path / f"old.{ending}")
    with pytest.raises(WeightsError, match=told):
        import_checkpoint(None, tmp_path / f"old.{ending}", tmp_path / "new")


def test_a_quantized_module_is_named(tmp_path):
    save_file({"0.scale": torch.ones(()), "0.zero_point": torch.zeros(())}, tmp_path / "old.safetensors")
    with pytest.raises(LayoutError, match="it is quantized: get the file from before quantization"):
        import_checkpoint(None, tmp_path / "old.safetensors", tmp_path / "new")


def test_the_generator_is_read_without_the_discriminator_beside_it(tmp_path, generator):
    """The discriminator takes what the generator makes, so that the two could be one sequence of layers."""
    critic = {"0.weight": torch.ones(4, 1, 4, 4), "2.weight": torch.ones(1, 4, 4, 4)}
    tensors = with_biases(generator, "generator.main.")
    beside = {f"discriminator.{name}": tensor for name, tensor in critic.items()}
    torch.save({"state_dict": {**tensors, **beside}}, tmp_path / "last.ckpt")
    assert import_checkpoint(None, tmp_path / "last.ckpt", tmp_path / "new").part == "state_dict/generator"


def test_what_belongs_to_a_generator_is_not_left_out(tmp_path, generator):
    """An embedding beside ``model.`` belongs to the network, although the rest is whole without it."""
    torch.save({"label_emb.weight": torch.ones(10, 4), **foreign(generator, "model.")}, tmp_path / "conditional.pth")
    with pytest.raises(LayoutError, match=r"label_emb\.weight") as caught:
        import_checkpoint(None, tmp_path / "conditional.pth", tmp_path / "new")
    assert "fits, but for label_emb.weight" in str(caught.value)


def test_a_count_of_averages_beside_a_network_is_not_its_own(tmp_path, generator):
    tensors = {f"module.{name}": tensor for name, tensor in foreign(generator, "main.").items()}
    torch.save({"n_averaged": torch.tensor(5), **tensors}, tmp_path / "swa.pth")
    assert import_checkpoint(None, tmp_path / "swa.pth", tmp_path / "new").layout == "pytorch-dcgan"


def test_a_folder_is_no_checkpoint(tmp_path):
    with pytest.raises(InvalidRequestError, match="is a folder - give the file of the checkpoint in it"):
        import_checkpoint(None, tmp_path, tmp_path / "new")


def test_a_config_overrides_what_the_file_tells(tmp_path, generator):
    torch.save(foreign(generator, "main."), tmp_path / "old.pth")
    made = import_checkpoint("dcgan", tmp_path / "old.pth", tmp_path / "new", config={"latent": "uniform"}, half=True)
    assert made.config["latent"] == "uniform"
    halves = read_tensors(tmp_path / "new/model.safetensors").values()
    assert {tensor.dtype for tensor in halves} == {torch.float16, torch.int64}


@pytest.mark.parametrize(
    ("change", "error", "told"),
    [
        ({"architecture": "dcgam"}, UnknownNameError, "did you mean dcgan"),
        ({"layout": "huggan-dcgam"}, UnknownNameError, "did you mean huggan-dcgan"),
        ({"layout": "huggan-dcgan"}, LayoutError, "own names do not fit"),
        ({"layout": "ganzoo"}, LayoutError, "own names do not fit"),
        ({"config": {"widht": 3}}, InvalidConfigError, "no config field widht"),
        ({"file": "missing.pth"}, InvalidRequestError, "there is no file missing.pth"),
        ({"file": "text.pth"}, CorruptWeightsError, "no PyTorch checkpoint"),
        ({"folder": "taken"}, OutputError, "holds a model - replace it with --overwrite"),
    ],
    ids=str,
)
def test_what_cannot_be_imported_leaves_nothing(tmp_path, generator, monkeypatch, change, error, told):
    monkeypatch.chdir(tmp_path)
    torch.save(foreign(generator, "main."), "old.pth")
    (tmp_path / "text.pth").write_text("no checkpoint")
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken/config.json").write_text("{}")
    with pytest.raises(error, match=told):
        import_checkpoint(**{"architecture": "dcgan", "file": "old.pth", "folder": "new", **change})
    assert not (tmp_path / "new").exists()


def test_the_command(tmp_path, generator):
    torch.save(foreign(generator, "main."), tmp_path / "old.pth")
    words = ["import", "dcgan", str(tmp_path / "old.pth"), "-o", str(tmp_path / "new"), "--dataset", "faces", "--json"]
    done = CliRunner().invoke(cli, [*words, "--config", "latent=uniform"])
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert (told["layout"], told["config"]["latent"]) == ("pytorch-dcgan", "uniform")
    assert json.loads((tmp_path / "new/config.json").read_text())["dataset"] == "faces"
    assert load(told["folder"]).sample(1).shape == (1, 1, 16, 16)


def test_a_plugin_may_add_a_layout_to_an_architecture_of_another(tmp_path, generator):
    def read(shapes):
        if not all(name.startswith("mine.") for name in shapes):
            return None
        return Reading(config=SMALL, tensors={name.replace("mine.", "generator."): name for name in shapes})

    found = Registry.discover()
    layout = Layout(name="mine", architecture="dcgan", source="mine.py", read=read, example=("mine.0.weight",))
    found.load("somebody", "somebody", lambda: declaring(layouts=[layout]))
    found.check_references()
    lookup.use(found)
    torch.save(foreign(generator, "mine."), tmp_path / "old.pth")
    assert import_checkpoint("dcgan", tmp_path / "old.pth", tmp_path / "new").layout == "mine"
    assert torch.equal(images(load(tmp_path / "new").gan), images(generator))


def test_without_an_architecture_all_layouts_are_tried(tmp_path, generator):
    save_file(foreign(generator, "main."), tmp_path / "old.safetensors")
    done = CliRunner().invoke(cli, ["import", str(tmp_path / "old.safetensors"), "-o", str(tmp_path / "new"), "--json"])
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert (told["architecture"], told["layout"]) == ("dcgan", "pytorch-dcgan")


def test_the_command_needs_a_file(tmp_path):
    for words in ([], ["dcgan", "old.pth", "more"]):
        done = CliRunner().invoke(cli, ["import", *words, "-o", str(tmp_path / "new")])
        assert (done.exit_code, "write: ganzoo import FILE -o FOLDER" in done.stderr) == (2, True)


@pytest.mark.parametrize(
    "prefix", ["module.", "_orig_mod.module.", "generator.", "netG.", "G.", "gan.generator.model.", "state.G_AB.net."]
)
def test_wrappings_come_off(tmp_path, generator, prefix):
    save_file(foreign(generator, f"{prefix}main."), tmp_path / "old.safetensors")
    import_checkpoint("dcgan", tmp_path / "old.safetensors", tmp_path / "new")
    assert torch.equal(images(load(tmp_path / "new").gan), images(generator))


def test_the_average_of_a_generator_is_read_unless_its_part_is_named(tmp_path, generator):
    average = {name: tensor * 2 for name, tensor in foreign(generator, "main.").items()}
    torch.save({"g": foreign(generator, "module.main."), "g_ema": average}, tmp_path / "old.pt")
    assert import_checkpoint(None, tmp_path / "old.pt", tmp_path / "new").part == "g_ema"
    assert not torch.equal(images(load(tmp_path / "new").gan), images(generator))
    import_checkpoint(None, tmp_path / "old.pt", tmp_path / "new", part="g", overwrite=True)
    assert torch.equal(images(load(tmp_path / "new").gan), images(generator))
    with pytest.raises(LayoutError, match=r"has no part 'netG' - its parts are g, g_ema$"):
        import_checkpoint(None, tmp_path / "old.pt", tmp_path / "other", part="netG")


def test_two_generators_in_one_file_are_told_apart_by_commands(tmp_path, generator):
    torch.save({"one": foreign(generator, "main."), "two": foreign(generator, "main.")}, tmp_path / "old.pt")
    with pytest.raises(LayoutError, match=r"--layout pytorch-dcgan --part one; .* --part two"):
        import_checkpoint(None, tmp_path / "old.pt", tmp_path / "new")


def test_norms_of_old_files_have_no_counts(tmp_path, generator):
    old = {name: tensor for name, tensor in foreign(generator, "main.").items() if "num_batches" not in name}
    save_file(old, tmp_path / "old.safetensors")
    import_checkpoint("dcgan", tmp_path / "old.safetensors", tmp_path / "new")
    assert torch.equal(images(load(tmp_path / "new").gan), images(generator))


def test_numbers_of_numpy_beside_the_weights_are_left_out(tmp_path, generator):
    extras = {"loss": np.float64(0.5), "curve": np.arange(3.0), "step": np.int64(7), "kinds": np.array(["a", "b"])}
    torch.save({"state_dict": foreign(generator, "main."), **extras}, tmp_path / "old.ckpt")
    import_checkpoint("dcgan", tmp_path / "old.ckpt", tmp_path / "new")
    assert torch.equal(images(load(tmp_path / "new").gan), images(generator))


@pytest.fixture
def shards(tmp_path, generator):
    """The index of a generator in two files."""
    tensors = foreign(generator, "main.")
    names = {name: f"model-0000{1 + (i % 2)}-of-00002.safetensors" for i, name in enumerate(tensors)}
    for file in sorted({*names.values()}):
        save_file({name: tensors[name] for name in tensors if names[name] == file}, tmp_path / file)
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(json.dumps({"metadata": {}, "weight_map": names}))
    return index


def test_an_index_stands_for_all_its_files(tmp_path, generator, shards):
    import_checkpoint("dcgan", shards, tmp_path / "new")
    assert torch.equal(images(load(tmp_path / "new").gan), images(generator))


def test_one_file_of_several_names_the_index(tmp_path, shards):
    with pytest.raises(CorruptWeightsError, match=r"is file 1 of 2 .* - give their index, .*index\.json"):
        import_checkpoint("dcgan", tmp_path / "model-00001-of-00002.safetensors", tmp_path / "new")
    (tmp_path / "model-00002-of-00002.safetensors").unlink()
    with pytest.raises(CorruptWeightsError, match=r"needs model-00002-of-00002\.safetensors - download all files"):
        import_checkpoint("dcgan", shards, tmp_path / "new")


@pytest.mark.parametrize(
    "text", ["[]", "{", '{"weight_map": 3}', '{"weight_map": {"a": "../b"}}', '{"weight_map": {"a": 1}}']
)
def test_a_damaged_index_is_refused(tmp_path, shards, text):
    shards.write_text(text)
    with pytest.raises(CorruptWeightsError, match="index"):
        import_checkpoint("dcgan", shards, tmp_path / "new")


def test_a_refusal_names_what_differs(tmp_path, generator):
    tensors = {**foreign(generator, "main."), "main.0.extra": torch.ones(2)}
    save_file(tensors, tmp_path / "old.safetensors")
    with pytest.raises(LayoutError, match=r"layout pytorch-dcgan of dcgan fits, but for main\.0\.extra$") as caught:
        import_checkpoint(None, tmp_path / "old.safetensors", tmp_path / "new")
    assert "num_batches" not in str(caught.value)

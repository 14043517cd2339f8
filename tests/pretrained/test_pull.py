"""`ganzoo pull`, `list`, `info` and `sample` of models on a Hub, as a person types them."""

import hashlib
import json
import subprocess
import sys
from textwrap import dedent

import pytest
import torch
from PIL import Image
from safetensors.torch import save

from ganzoo.registry import lookup
from ganzoo.sampling.sources import source_image
from ganzoo.sampling.tiling import translate_batch
from hub_server import Hub, body, status
from plugin_factory import install

TINY = {"resolution": 16, "channels": 1, "latent_dim": 4, "latent": "normal", "generator_width": 4}

PLUGIN = """
import ganzoo
from ganzoo import HubFile, PretrainedModel

GANZOO_API = (2, 0)

def model(name, filename, sha256, **more):
    weights = HubFile(repo="someone/digits", revision="{revision}", filename=filename, sha256=sha256, **more)
    facts = dict(architecture="dcgan", summary="noise", dataset="none", license=None, config={config})
    return PretrainedModel(name=name, weights=weights, **facts)

@ganzoo.hookimpl
def ganzoo_models():
    yield model("dcgan-ours", "ours.safetensors", "{ours}", size={size})
    yield model("dcgan-theirs", "theirs.bin", "{theirs}", layout="pytorch-dcgan")
    yield model("dcgan-misnamed", "theirs.bin", "{theirs}", layout="huggan-dcgan")
    yield model("dcgan-missing", "nowhere.bin", "{theirs}", layout="pytorch-dcgan")
    yield model("mnist", "ours.safetensors", "{ours}", size={size})
"""


class Zoo:
    """A loopback Hub with two files, a plugin that pins them, and a shell to type into."""

    def __init__(self, folder, hub):
        self.hub = hub
        self.folder = folder
        torch.manual_seed(0)
        self.gan = lookup.create("dcgan", **TINY).eval()
        generator = self.gan.generator.state_dict()
        ours = save({f"generator.{name}": tensor for name, tensor in generator.items()})
        torch.save({f"main.{name}": tensor for name, tensor in generator.items()}, folder / "theirs.bin")
        theirs = (folder / "theirs.bin").read_bytes()
        revision = hub.add("someone/digits", {"ours.safetensors": ours, "theirs.bin": theirs})
        digests = {"ours": hashlib.sha256(ours).hexdigest(), "theirs": hashlib.sha256(theirs).hexdigest()}
        code = PLUGIN.format(revision=revision, config=TINY, size=len(ours), **digests)
        install(folder, "ganzoo-digits", {"ganzoo_digits": dedent(code)}, {"digits": "ganzoo_digits"})

    def run(self, *arguments, **environment):
        variables = self.hub.environment(self.folder / "hf", PYTHONPATH=str(self.folder), **environment)
        command = [sys.executable, "-m", "ganzoo", *arguments]
        return subprocess.run(command, env=variables, cwd=self.folder, capture_output=True, text=True, check=False)


@pytest.fixture
def shell(tmp_path):
    with Hub() as hub:
        yield Zoo(tmp_path, hub)


def where(shell):
    return {row["name"]: row["where"] for row in json.loads(shell.run("list", "--json").stdout)}


@pytest.mark.parametrize("name", ["dcgan-ours", "dcgan-theirs"])
def test_pull_then_sample_without_a_network(shell, name):
    """The same pictures come out of our file and of a foreign pickle."""
    assert where(shell)[name] == "hub"
    pulled = shell.run("pull", name)
    assert pulled.returncode == 0, pulled.stderr
    assert pulled.stdout.startswith(f"{name}\t")
    assert "verified" in pulled.stdout
    assert where(shell)[name] == "cached"
    sampled = shell.run("sample", name, "-n", "3", "-o", "out.npz", HF_HUB_OFFLINE="1")
    assert sampled.returncode == 0, sampled.stderr
    import numpy as np

    with torch.no_grad():
        z = torch.stack([torch.randn(4, generator=torch.Generator().manual_seed(i)) for i in range(3)])
        expected = shell.gan.generator(z)
    found = torch.from_numpy(np.load(shell.folder / "out.npz")["images"]).permute(0, 3, 1, 2)
    assert torch.allclose(found / 127.5 - 1, expected, atol=1 / 127)


def test_several_at_once_one_of_them_missing(shell):
    """One that fails does not keep the others from being pulled."""
    done = shell.run("pull", "dcgan-missing", "dcgan-ours", "--json")
    assert done.returncode == 1
    rows = {row["name"]: row for row in json.loads(done.stdout)}
    assert "error" in rows["dcgan-missing"]
    assert rows["dcgan-ours"]["bundled"] is False
    errors = done.stderr.splitlines()
    assert len(errors) == 1, done.stderr
    assert errors[0].startswith("ganzoo: error: dcgan-missing: someone/digits has no file nowhere.bin")


def test_a_name_of_two_things(shell):
    """`mnist` is a feature extractor of ganzoo, and here a model too."""
    done = shell.run("pull", "mnist")
    assert done.returncode == 0, done.stderr
    model, extractor = done.stdout.splitlines()
    assert model.startswith("mnist\t")
    assert "verified at" in model
    assert extractor == "mnist (feature extractor)\tis bundled: nothing to pull"
    rows = json.loads(shell.run("pull", "mnist", "--json").stdout)
    assert [(row["name"], row["kind"], row["bundled"]) for row in rows] == [
        ("mnist", "model", False),
        ("mnist", "feature extractor", True),
    ]


def test_a_pin_in_the_wrong_layout_is_refused_when_pulled(shell):
    done = shell.run("pull", "dcgan-misnamed")
    assert done.returncode == 1
    assert "no known layout" in done.stderr


def test_wrong_bytes_are_never_sampled(shell):
    shell.hub.break_("GET", "", body(lambda content: content[:-1] + bytes([content[-1] ^ 1])))
    done = shell.run("sample", "dcgan-ours", "-o", "out.png")
    assert done.returncode == 1
    assert "wrong twice" in done.stderr
    assert not (shell.folder / "out.png").exists()


def test_a_bit_that_flips_in_the_cache_is_noticed_by_sample(shell):
    shell.run("pull", "dcgan-ours")
    cached = next((shell.folder / "hf").rglob("ours.safetensors")).resolve()
    content = bytearray(cached.read_bytes())
    content[-1] ^= 1
    cached.write_bytes(content)
    assert shell.run("sample", "dcgan-ours", "-o", "out.png").returncode == 0, "it is fetched again"
    cached.write_bytes(content)
    done = shell.run("sample", "dcgan-ours", "-o", "other.png", HF_HUB_OFFLINE="1")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1, done.stderr
    assert "damaged" in done.stderr
    assert not (shell.folder / "other.png").exists()


def test_a_passing_503_is_not_worth_a_word(shell):
    shell.hub.break_("GET", "", status(503), times=1)
    done = shell.run("pull", "dcgan-ours")
    assert done.returncode == 0
    assert done.stderr == ""


def test_pull_of_safetensors_needs_no_torch(shell):
    code = "import sys; sys.argv[1:] = ['pull', 'dcgan-ours']\nfrom ganzoo.cli.main import main\ntry: main()\n"
    code += "finally: print(sorted({'torch', 'torchvision', 'numpy'} & set(sys.modules)))"
    variables = shell.hub.environment(shell.folder / "hf", PYTHONPATH=str(shell.folder))
    done = subprocess.run([sys.executable, "-c", code], env=variables, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["pull"], "name the models to pull"),
        (["pull", "dcgan-ours", "--all"], "name the models to pull"),
        (["pull", "dcgan-ors"], "did you mean dcgan-ours"),
        (["pull", "dcgan-ours", "dcgan-ors"], "did you mean dcgan-ours"),
    ],
)
def test_wrong_usage(shell, arguments, told):
    done = shell.run(*arguments)
    assert done.returncode == 2
    assert done.stderr.startswith("ganzoo: error: ")
    assert told in done.stderr
    assert shell.hub.seen("GET", "") == [], "nothing is fetched"


def test_info_says_what_is_not_stated(shell):
    facts = json.loads(shell.run("info", "dcgan-theirs", "--json").stdout)
    assert facts["license"] == "not stated"
    assert facts["size"] is None
    assert facts["weights"].startswith("hf:someone/digits@")


HORSES = """
import ganzoo
from ganzoo import HubFile, PretrainedModel

GANZOO_API = (2, 0)

weights = HubFile(
    repo="someone/horses", repo_type="space", revision="{revision}", filename="a/net.pth", sha256="{sha256}",
    layout="upit-cyclegan",
)

@ganzoo.hookimpl
def ganzoo_models():
    for first in ("a_to_b", "b_to_a"):
        yield PretrainedModel(
            name="cyclegan-" + first, architecture="cyclegan", summary="x", dataset="x", license=None, weights=weights,
            config=dict(domains=("horse", "zebra"), resolution=32, first=first),
        )
"""


@pytest.mark.long
def test_one_file_of_a_space_serves_both_directions(tmp_path):
    """UPIT's four networks in a pickle: one download, and each model translates its own way."""
    torch.manual_seed(0)
    gan = lookup.create("cyclegan", resolution=32, width=4, blocks=2).eval()
    names = {"a_to_b": "G_B", "b_to_a": "G_A"}
    places = {
        "stem.conv": "1",
        "down.0.conv": "4",
        "down.1.conv": "7",
        "up.0.conv": "12",
        "up.1.conv": "15",
        "head.0": "19",
    }
    for block in range(2):
        places |= {f"blocks.{block}.first.conv": f"{10 + block}.conv_block.1"}
        places |= {f"blocks.{block}.second.conv": f"{10 + block}.conv_block.5"}
    theirs = {"D_A.0.weight": torch.zeros(2, 3, 4, 4)}
    with torch.no_grad():
        for name, tensor in gan.state_dict().items():
            net, _, rest = name.partition(".")
            if net in names:
                place, kind = rest.rsplit(".", 1)
                theirs[f"{names[net]}.{places[place]}.{kind}"] = tensor.mul_(5)
    torch.save(theirs, tmp_path / "net.pth")
    content = (tmp_path / "net.pth").read_bytes()
    Image.fromarray(torch.randint(0, 256, (20, 30, 3), dtype=torch.uint8).numpy()).save(tmp_path / "photo.png")
    with Hub() as hub:
        revision = hub.add("someone/horses", {"a/net.pth": content}, kind="space")
        code = HORSES.format(revision=revision, sha256=hashlib.sha256(content).hexdigest())
        install(tmp_path, "ganzoo-horses", {"ganzoo_horses": dedent(code)}, {"horses": "ganzoo_horses"})
        environment = hub.environment(tmp_path / "hf", PYTHONPATH=str(tmp_path))
        for first, network in (("a_to_b", gan.a_to_b), ("b_to_a", gan.b_to_a)):
            words = ["sample", f"cyclegan-{first}", "--input", "photo.png", "-o", f"{first}.png"]
            done = subprocess.run(
                [sys.executable, "-m", "ganzoo", *words], env=environment, cwd=tmp_path, capture_output=True, text=True
            )
            assert (done.returncode, done.stdout) == (0, f"{first}.png\n"), done.stderr
            source, made = (source_image(tmp_path / name, 3) for name in ("photo.png", f"{first}.png"))
            expected = translate_batch(source[None], network, gan.config)[0]
            assert (made - expected).abs().max() < 1 / 127
        assert len(hub.seen("GET", "")) == 1

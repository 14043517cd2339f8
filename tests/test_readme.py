"""What the README, and the pages that it sends readers to first, show works as it stands there."""

import inspect
import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import click
import pytest

import ganzoo
from datasets import write_fashion_mnist
from ganzoo import testing
from ganzoo.cli.main import cli
from ganzoo.images.files import save_picture
from ganzoo.images.tensors import to_pictures
from ganzoo.registry import lookup
from models import publish
from plugin_factory import install

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
SAMPLING = (ROOT / "docs" / "sampling.md").read_text()
TRAINING = (ROOT / "docs" / "training.md").read_text()
PLUGIN, _, TOUR = (ROOT / "docs" / "write-a-plugin.md").read_text().partition("\n## All hooks, step by step\n")


def blocks(page, language):
    return re.findall(rf"```{language}\n(.*?)```", page, re.DOTALL)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The plugin in 60 lines, installed."""
    site = tmp_path_factory.mktemp("site")
    package = site / "ganzoo_swish"
    package.mkdir()
    for block in blocks(PLUGIN, "python"):
        if block.startswith("# ganzoo_swish/"):
            (package / re.match(r"# ganzoo_swish/(\S+)", block)[1]).write_text(block)
    project = tomllib.loads(blocks(PLUGIN, "toml")[0])["project"]
    install(site, project["name"], {}, project["entry-points"]["ganzoo"], project["version"])
    (site / "photos").mkdir()
    for i, picture in enumerate(to_pictures(testing.noise_data((1, 28, 28), 8).images / 127.5 - 1)):
        save_picture(picture, site / "photos" / f"{i}.png")
    (site / "test_swish.py").write_text(next(b for b in blocks(PLUGIN, "python") if "ganzoo.testing.CHECKS" in b))
    return site


def run(site, *arguments):
    environment = {**os.environ, "PYTHONPATH": str(site), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", *map(str, arguments)]
    return subprocess.run(command, env=environment, cwd=site, capture_output=True, text=True, timeout=300, check=False)


def test_the_plugin_is_listed(site):
    done = run(site, "ganzoo", "info", "swish")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "arXiv:1710.05941" in done.stdout


def test_the_plugin_passes_its_own_test(site):
    done = run(site, "pytest", "-q", "-p", "no:cacheprovider", "test_swish.py")
    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout


def test_the_plugin_trains_and_samples(site):
    done = run(site, "ganzoo", "train", "swish", "--data", "photos", "-o", "run", "--iterations", 3, "--batch-size", 4)
    assert done.returncode == 0, done.stderr
    done = run(site, "ganzoo", "sample", "./run", "-n", 2, "-o", "sheet.png")
    assert done.stdout == "sheet.png\n", done.stderr
    assert (site / "sheet.png").stat().st_size > 0


def test_every_block_of_the_plugin_names_its_file_and_the_package_is_installed():
    files = [re.match(r"# (\S+)", block) for language in ("toml", "python") for block in blocks(PLUGIN, language)]
    names = [found and found[1] for found in files]
    assert names == ["pyproject.toml", "ganzoo_swish/__init__.py", "ganzoo_swish/model.py", "tests/test_swish.py"]
    [shown] = [block.splitlines() for block in blocks(PLUGIN, "bash") if "pip" in block]
    assert shown[0] == "pip install -e ."
    assert tomllib.loads(blocks(PLUGIN, "toml")[0])["build-system"]["build-backend"] == "hatchling.build"


@pytest.mark.long
@pytest.mark.parametrize(("page", "made"), [(PLUGIN, "digits.png"), (TOUR, "imported.png")], ids=["60 lines", "tour"])
def test_the_plugin_page_is_followed_word_by_word(tmp_path, page, made):
    """In an empty folder, in an environment that sees this one's packages. MNIST is there, as if downloaded."""
    for module in ("hatchling", "editables"):  # what pip would download to build the package
        pytest.importorskip(module)
    write_fashion_mnist(tmp_path / "data")
    (tmp_path / "data" / "FashionMNIST").rename(tmp_path / "data" / "MNIST")
    run = shell_of_an_environment(tmp_path)
    for language, block in re.findall(r"```(toml|python|bash)\n(.*?)```", page, re.DOTALL):
        if language == "bash":
            for line in block.replace("\\\n", " ").splitlines():
                run(shlex.split(line))
        else:
            path = tmp_path / re.match(r"# (\S+)", block)[1]
            path.parent.mkdir(exist_ok=True)
            path.write_text(f"{path.read_text()}\n\n{block}" if path.exists() else block)
    assert (tmp_path / made).stat().st_size > 0


def shell_of_an_environment(folder):
    """A function that runs a command in `folder`, in a new environment there, whose pip needs no network."""
    subprocess.run([sys.executable, "-m", "venv", folder / "env"], check=True)
    [packages] = (folder / "env").rglob("site-packages")
    # addsitedir also reads the .pth files of this environment, such as that of an editable ganzoo
    shared = "".join(f"import site; site.addsitedir({path!r})\n" for path in sys.path if "site-packages" in path)
    (packages / "shared.pth").write_text(shared)
    install = {"PIP_NO_DEPS": "1", "PIP_NO_BUILD_ISOLATION": "0", "PIP_NO_INDEX": "1"}  # 0 means no isolation
    scripts = folder / "env" / "bin"
    environment = {**os.environ, **install, "OMP_NUM_THREADS": "1", "PATH": f"{scripts}:{os.environ['PATH']}"}

    def run(words):
        if not (scripts / words[0]).exists():  # a program of this environment: the same module, in that one
            words = ["python", "-m", *words]
        command = [scripts / words[0], *words[1:]]
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, (words, done.stdout[-2000:] + done.stderr[-2000:])

    return run


def test_the_plugin_has_at_most_60_lines():
    code = [block for block in blocks(PLUGIN, "python") if block.startswith("# ganzoo_swish/")]
    assert len(code) == 2
    assert sum(1 for block in code for line in block.splitlines() if line.strip()) <= 60


@pytest.fixture
def small(tmp_path):
    """Small models in place of those that would be downloaded, by their names."""
    configs = {"cyclegan-horse2zebra": {"resolution": 32, "width": 4, "blocks": 1}}
    configs["biggan-deep-128"] = lookup.registry().architectures["biggan-deep"].tiny
    for name, config in configs.items():
        architecture = {"cyclegan-horse2zebra": "cyclegan", "biggan-deep-128": "biggan-deep"}[name]
        publish(tmp_path / name, architecture, config, classes=("wolf", "golden retriever", "cat"))
    return {name: str(tmp_path / name) for name in configs}


def test_the_front_page_is_short():
    assert len(README.split()) <= 900


def test_the_two_commands_are_the_two_commands():
    lines = blocks(README, "bash")[0].splitlines()
    assert [line.partition("#")[0].strip() for line in lines] == [
        "pip install . && ganzoo sample dcgan-fashion-mnist",
        "pip install -e '.[test]' && pytest",
    ]


def test_the_front_pages_python_runs(monkeypatch):
    [example] = blocks(README, "python")
    assert len([line for line in example.splitlines() if line]) <= 8
    asked = {}
    monkeypatch.setattr(ganzoo, "evaluate", lambda subject, **options: asked.update(options, subject=subject))
    namespace = {}
    exec(example, namespace)
    assert namespace["images"].shape == (16, 1, 32, 32)
    assert [picture.size for picture in namespace["pictures"]] == [(32, 32)] * 16
    assert namespace["walk"].shape == (16, 1, 32, 32)
    assert isinstance(namespace["gan"], ganzoo.GAN)
    monkeypatch.undo()
    inspect.signature(ganzoo.evaluate).bind(**asked)


def test_the_python_example_runs(site, small):
    example = next(block for block in blocks(SAMPLING, "python") if "ganzoo.load(" in block)
    example = example.replace("100_000", "128")  # the same code, at a size for a test
    for shown, local in {**small, "horse.jpg": str(site / "photos/0.png")}.items():
        assert shown in example
        example = example.replace(shown, local)
    namespace = {}
    exec(example, namespace)
    assert namespace["zebra"].size == (28, 28)
    assert namespace["images"].shape == (16, 1, 32, 32)
    assert len(namespace["pictures"]) == 16
    assert namespace["walk"].shape == (16, 1, 32, 32)
    assert [picture.size for picture in namespace["dogs"]] == [(32, 32)] * 8


def test_the_training_example_runs(site, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    example = next(block for block in blocks(TRAINING, "python") if "ganzoo.Trainer(" in block)
    replaced = {"20_000": "2", '"fashion-mnist"': repr(str(site / "photos")), '"run",': '"run", batch_size=2,'}
    for shown, small in replaced.items():
        assert shown in example
        example = example.replace(shown, small)
    exec(example, {"ganzoo": ganzoo})
    assert (tmp_path / "run" / "model.safetensors").exists()


def test_the_commands_it_shows_are_commands(monkeypatch):
    """All that stands in its blocks is accepted by the command line; nothing is run. `test_docs` sees to the pages."""
    lines = "\n".join(blocks(README, "bash")).replace("\\\n", " ").splitlines()
    commands = [shlex.split(line, comments=True) for line in lines if "ganzoo " in line and "pip install" not in line]
    assert len(commands) >= 10
    for words in commands:
        words = words[words.index("ganzoo") + 1 :]
        command = cli.get_command(click.Context(cli), words[0])
        monkeypatch.setattr(command, "callback", lambda **options: None)
        command.main(words[1:], standalone_mode=False)


def test_the_files_it_links_to_exist():
    links = re.findall(r"\]\(([^)#:]+)\)", README)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []

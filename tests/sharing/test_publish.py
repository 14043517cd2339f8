"""train, publish, pull into an empty cache: the same samples; and what is refused on the way."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
import torch

from ganzoo import HubFile, PretrainedModel, testing
from ganzoo.errors import CorruptWeightsError, InvalidRequestError, PublishError
from ganzoo.images.files import save_picture
from ganzoo.images.tensors import to_pictures
from ganzoo.pretrained.load import load
from ganzoo.registry import lookup
from ganzoo.sharing.publish import as_source, check_repository
from ganzoo.training.start import read_start
from ganzoo.training.trainer import Trainer
from ganzoo.utils.version import __version__ as version
from ganzoo.web.shelf import Shelf, choose
from hub_server import Hub, status
from hub_uploads import TOKEN
from in_process import Outcome, client_of, ganzoo
from plugin_factory import declaring, registry_of

# The client's own: it hands files to its transport by the old name.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=<...>' to upload:DeprecationWarning")

REPO = "someone/dcgan-noise"
Shell = Callable[..., Outcome]
CARD = """---
license: mit
library_name: ganzoo
pipeline_tag: unconditional-image-generation
---
# noise

Noise of "the" best kind.

![it](shown/it.png)
"""


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of pictures, and beside it a run on it."""
    folder = tmp_path_factory.mktemp("trained")
    (folder / "photos").mkdir()
    for i, picture in enumerate(to_pictures(testing.noise_data((3, 16, 16), 8).images / 127.5 - 1)):
        save_picture(picture, folder / "photos" / f"{i}.png")
    tiny = dict(lookup.registry().architectures["dcgan"].tiny)
    options = {"config": tiny, "iterations": 2, "batch_size": 4, "device": "cpu"}
    Trainer("dcgan", str(folder / "photos"), folder / "run", **options).run()
    return folder


@pytest.fixture
def here(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with a copy of the run."""
    (tmp_path / "run").mkdir()
    for path in trained.glob("run/*.*"):
        (tmp_path / "run" / path.name).write_bytes(path.read_bytes())
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def hub() -> Iterator[Hub]:
    with Hub() as running:
        yield running


@pytest.fixture
def shell(hub: Hub, here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    def run(*arguments: str, token: str = TOKEN, offline: bool = False) -> Outcome:
        with client_of(hub, here / "hf", token=token, offline=offline):
            return ganzoo(monkeypatch, capsys, *arguments)

    return run


def evaluated(source: str) -> PretrainedModel:
    """A printed record, as a plugin that has it pasted in would have it."""
    record: PretrainedModel = eval(source, {"PretrainedModel": PretrainedModel, "HubFile": HubFile})
    return record


def test_round_trip(shell: Shell, hub: Hub, here: Path, trained: Path) -> None:
    done = shell("publish", "run", REPO)
    assert done.code == 0, done.err
    commit = hub.repositories[REPO].revision
    note, published = done.err.splitlines()
    assert note.startswith("ganzoo: note: run/published/README.md has parts that are still to be written - ")
    assert published == f"ganzoo: published as hf:{REPO}@{commit}"
    assert len(hub.repositories[REPO].history) == 2, "one commit beside the empty one"
    assert not hub.repositories[REPO].private
    with client_of(hub, here / "elsewhere"):  # an empty cache, and nobody logged in
        pulled = load(f"hf:{REPO}@{commit}")
        expected = load(trained / "run").sample(4, seed=3)
        assert torch.equal(pulled.sample(4, seed=3), expected)
        record = evaluated(done.out)
        builtin = [lookup.registry().architectures["dcgan"]], [lookup.registry().losses["non-saturating"]]
        pasted = declaring(architectures=builtin[0], losses=builtin[1], models=[record])
        lookup.use(registry_of({"ganzoo:dcgan": pasted}))
        assert torch.equal(load("dcgan-noise").sample(4, seed=3), expected)
    assert (record.weights.revision, record.dataset, record.license) == (commit, "photos", None)


def test_a_discriminator_is_published_and_trained_further(shell: Shell, hub: Hub, here: Path, trained: Path) -> None:
    shutil.copytree(trained / "run/checkpoints", here / "run/checkpoints")
    done = shell("publish", "run", REPO, "--with-discriminator")
    assert done.code == 0, done.err
    files = hub.repositories[REPO].files
    assert set(files) == {"config.json", "model.safetensors", "discriminator.safetensors", "README.md", "sheet.png"}
    assert f"ganzoo train dcgan --data FOLDER --init hf:{REPO} -o RUN" in files["README.md"].decode()
    with client_of(hub, here / "elsewhere"):
        load(f"hf:{REPO}")
        assert not hub.seen("GET", "discriminator.safetensors"), "sampling needs no discriminator"
        options = {"init": f"hf:{REPO}", "freeze": 1, "iterations": 1, "batch_size": 4, "device": "cpu"}
        tuned = Trainer("dcgan", str(trained / "photos"), here / "tuned", **options)
        before = read_start(str(trained / "run")).networks
        ours = tuned.training_run.loop.gan.discriminator.state_dict()
        assert all(torch.equal(value, before[f"discriminator.{name}"]) for name, value in ours.items())
        assert "included" in shell("info", f"hf:{REPO}").out
    assert shell("publish", "run", REPO, "--dry-run").code == 0
    assert not (here / "run/published/discriminator.safetensors").exists()
    assert "not included" in shell("info", "run/published").out


def test_a_damaged_discriminator_is_refused(here: Path, trained: Path, shell: Shell) -> None:
    shutil.copytree(trained / "run/checkpoints", here / "run/checkpoints")
    assert shell("publish", "run", REPO, "--dry-run", "--with-discriminator").code == 0
    file = here / "run/published/discriminator.safetensors"
    file.write_bytes(file.read_bytes()[:-1] + b"!")
    assert load(here / "run/published").sample(1).shape == (1, 3, 16, 16)
    with pytest.raises(CorruptWeightsError):
        read_start(str(here / "run/published"))


def test_what_has_no_discriminator(shell: Shell, here: Path) -> None:
    done = shell("publish", "run", REPO, "--dry-run", "--with-discriminator")
    assert (done.code, done.err) == (
        2,
        "ganzoo: error: run holds no discriminator - name the folder of a run, or leave out --with-discriminator\n",
    )


def test_a_space_shows_the_model(shell: Shell, hub: Hub, here: Path, trained: Path) -> None:
    done = shell("publish", "run", REPO, "--space")
    assert done.code == 0, done.err
    assert done.err.splitlines()[-1] == f"ganzoo: the page is at {hub.hub.url}/spaces/{REPO}"
    space, commit = hub.repositories[f"spaces/{REPO}"], hub.repositories[REPO].revision
    assert space.kind == "space"
    assert set(space.files) == {"app.py", "requirements.txt", "README.md"}
    assert space.files["requirements.txt"].decode() == f"ganzoo[web]>={version}\n"
    front = huggingface_hub.RepoCard(space.files["README.md"].decode()).data.to_dict()
    stated = {"sdk": "gradio", "app_file": "app.py", "models": [REPO], "license": "unknown", "title": "dcgan-noise"}
    assert stated.items() <= front.items()
    assert all(str(trained).encode() not in content for content in space.files.values())
    served: list[Any] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ganzoo.web.app.serve", lambda names, **options: served.append((names, options)))
        exec(compile(space.files["app.py"], "app.py", "exec"), {})
    assert served == [([f"hf:{REPO}@{commit}"], {"host": "0.0.0.0", "port": 7860})]
    with client_of(hub, here / "elsewhere"):
        (shown,) = choose(served[0][0])
        assert torch.equal(Shelf("cpu").model(shown).sample(2), load(trained / "run", device="cpu").sample(2))


def test_a_space_can_be_looked_at_before(shell: Shell, hub: Hub, here: Path) -> None:
    done = shell("publish", "run", REPO, "--space", "--dry-run", token="", offline=True)
    assert done.code == 0, done.err
    assert done.out.splitlines()[-3:] == [f"run/space/{name}" for name in ("app.py", "requirements.txt", "README.md")]
    assert f'serve(["hf:{REPO}"]' in (here / "run/space/app.py").read_text()
    assert hub.requests == []


def test_nothing_of_this_machine_is_told(shell: Shell, hub: Hub, here: Path, trained: Path) -> None:
    assert shell("publish", "run", REPO).code == 0
    files = hub.repositories[REPO].files
    assert set(files) == {"config.json", "model.safetensors", "README.md", "sheet.png"}
    for name, content in files.items():
        assert str(trained).encode() not in content, name
    card = files["README.md"].decode()
    assert "--data photos" in card
    assert f"ganzoo sample hf:{REPO}" in card
    assert huggingface_hub.ModelCard(card).data.library_name == "ganzoo"
    assert hub.seen("PUT", "", server="cdn")
    assert all("authorization" not in request.headers for request in hub.requests if request.server == "cdn")


def test_a_card_of_ones_own_with_its_pictures(shell: Shell, hub: Hub, here: Path) -> None:
    (here / "shown").mkdir()
    (here / "shown/it.png").write_bytes(b"a picture that is larger than a few bytes")
    (here / "card.md").write_text(CARD)
    done = shell("publish", "./run", REPO, "--card", "card.md", "--private", "--json")
    assert done.code == 0, done.err
    assert done.err.count("\n") == 1, "the card is complete"
    assert hub.repositories[REPO].private
    assert hub.repositories[REPO].files["README.md"].decode() == CARD
    assert "shown/it.png" in hub.repositories[REPO].files
    assert json.loads(done.out)["revision"] == hub.repositories[REPO].revision
    (here / "run/shown").mkdir()
    (here / "run/shown/it.png").write_bytes(b"another picture of a few bytes")
    (here / "run/README.md").write_text(CARD.replace("license: mit", "license: cc-by-4.0"))
    record = evaluated(shell("publish", "run", REPO).out)
    assert (record.license, record.summary) == ("cc-by-4.0", 'Noise of "the" best kind')


def test_a_dry_run_needs_neither_network_nor_token(shell: Shell, hub: Hub) -> None:
    done = shell("publish", "run", REPO, "--dry-run", token="", offline=True)
    assert done.code == 0, done.err
    assert done.err.splitlines()[-1] == f"ganzoo: nothing was uploaded; these are the files for {REPO}"
    assert done.out.splitlines() == [
        f"run/published/{name}" for name in ("config.json", "model.safetensors", "README.md", "sheet.png")
    ]
    assert hub.requests == []
    assert load("run/published").image_shape == (3, 16, 16)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("license: mit\n", ""), "lacks license: (an identifier from the Hub's list, or unknown)"),
        (("ganzoo\n", "timm\n"), "lacks library_name: ganzoo"),
        (("license: mit", "license: [mit"), "cannot be read: "),
        (("license: mit", "license: " + "\x07"), "cannot be read: "),
        (("---\n", ""), "lacks library_name: ganzoo; pipeline_tag"),
        (("shown/it.png", "../secret.png"), "shows ../secret.png, which is not a file in the card's folder"),
        (("shown/it.png", "/etc/hostname"), "shows /etc/hostname, which is not a file in the card's folder"),
    ],
)
def test_cards_that_cannot_be_used(shell: Shell, hub: Hub, here: Path, change: tuple[str, str], words: str) -> None:
    (here / "shown").mkdir()
    (here / "shown/it.png").write_bytes(b"a picture")
    (here / "card.md").write_text(CARD.replace(*change))
    done = shell("publish", "run", REPO, "--card", "card.md")
    assert done.code == 2
    assert done.err.startswith("ganzoo: error: the card")
    assert words in done.err
    assert done.err.count("\n") == 1
    assert hub.requests == []


@pytest.mark.parametrize(
    ("arguments", "token", "code", "words"),
    [
        (("run", "dcgan"), TOKEN, 2, "'dcgan' is not the name of a repository"),
        (("run", "a/b/c"), TOKEN, 2, "is not the name of a repository"),
        (("run", "a/-b"), TOKEN, 2, "is not the name of a repository"),
        (("run", "a/b--c"), TOKEN, 2, "is not the name of a repository"),
        (("nowhere", REPO), TOKEN, 2, "there is no folder nowhere"),
        (("./nowhere", REPO), TOKEN, 2, "there is no folder ./nowhere"),
        (("photos", REPO), TOKEN, 1, "photos is no published model"),
        (("gan-mnist", REPO), TOKEN, 2, "there is no folder gan-mnist"),
        (("run", REPO, "--card", "nowhere.md"), TOKEN, 2, "the card nowhere.md cannot be read"),
        (("run", REPO), "", 1, "you are not logged in - log in with `hf auth login`"),
        (("run", REPO), "hf_of_another", 1, "the Hub does not know your token"),
        (("run", "others/dcgan"), TOKEN, 1, "you may not write to others/dcgan"),
    ],
)
def test_bad_input_is_one_line(
    shell: Shell, hub: Hub, here: Path, arguments: tuple[str, ...], token: str, code: int, words: str
) -> None:
    (here / "photos").mkdir()
    done = shell("publish", *arguments, token=token)
    assert (done.code, done.out) == (code, ""), done.err
    assert done.err.startswith("ganzoo: error: ")
    assert done.err.count("\n") == 1
    assert words in done.err
    assert REPO not in hub.repositories


def test_a_public_repository_does_not_become_private_in_silence(shell: Shell, hub: Hub) -> None:
    hub.add(REPO, {})
    done = shell("publish", "run", REPO, "--private")
    assert done.code == 1
    assert f"{REPO} already exists and is public" in done.err
    assert hub.repositories[REPO].files == {}


def test_a_failing_hub(shell: Shell, hub: Hub) -> None:
    hub.break_("POST", "/commit/main", status(500), server="hub", times=1)
    assert "the Hub answers HTTP 500" in shell("publish", "run", REPO).err
    hub.break_("POST", "/api/validate-yaml", status(400), server="hub", times=1)
    refused = shell("publish", "run", REPO)
    assert refused.code == 1
    assert shell("publish", "run", REPO, offline=True).err.count("HF_HUB_OFFLINE") == 1
    hub.hub.url = "http://127.0.0.1:9"
    assert "cannot reach http://127.0.0.1:9" in shell("publish", "run", REPO).err


def test_damage_is_never_published(shell: Shell, hub: Hub, here: Path) -> None:
    weights = here / "run/model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x7f")
    assert shell("publish", "run", REPO).code == 1
    assert hub.requests == []


def test_the_record_is_python_whatever_is_in_it() -> None:
    weights = HubFile(repo="a/b", revision="1" * 40, filename="model.safetensors", sha256="0" * 64, size=5)
    record = PretrainedModel(
        name="dcgan-b",
        architecture="dcgan",
        summary='a "quoted" \\ text\nof two lines, ünïcode',
        dataset="it's",
        license=None,
        weights=weights,
        config={"sizes": [1, 2], "none": None, "flag": True, "rate": 1e-4},
        classes=("a", 'b"'),
        depth=16,
    )
    again = evaluated(as_source(record))
    assert again.config["sizes"] == (1, 2)
    assert {**vars(again), "config": None} == {**vars(record), "config": None}


def test_good_names_of_repositories() -> None:
    for name in ("a/b", "someone/dcgan-fashion.v2", "A-b/c_d"):
        check_repository(name)
    with pytest.raises(InvalidRequestError):
        check_repository("a/" + "b" * 97)
    assert PublishError.exit_code == 1

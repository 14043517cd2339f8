"""`hf:owner/repository[@revision]` is resolved to a commit, verified by the Hub's digests, and cached."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ganzoo import testing
from ganzoo.errors import GanzooError, UnknownNameError
from ganzoo.hub import references
from ganzoo.pretrained.info import provided
from ganzoo.pretrained.load import load as load_model
from ganzoo.registry import lookup
from ganzoo.utils.names import short_name
from ganzoo.weights.folder import Description
from hub_server import Hub, body, status
from in_process import client_of, ganzoo
from models import publish
from plugin_factory import architecture, declaring, loss, registry_of

REPO = "someone/digits"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """A published folder of tiny size."""
    folder = tmp_path_factory.mktemp("published")
    publish(folder, "dcgan", lookup.registry().architectures["dcgan"].tiny, scale=1)
    (folder / "README.md").write_text("---\nlicense: mit\n---\n# digits\n")
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def hub(files: dict[str, bytes]) -> Iterator[Hub]:
    with Hub() as running:
        running.add(REPO, files)
        yield running


def load(hub: Hub, home: Path, name: str, *, offline: bool = False) -> dict[str, Any]:
    """The result of loading `name`: the model and one pixel, or the error."""
    with client_of(hub, home, offline=offline):
        try:
            model = load_model(name)
        except GanzooError as error:
            return {"error": type(error).__name__, "kind": getattr(error, "kind", ""), "message": str(error)}
    return {"name": model.name, "first": model.sample(1).flatten()[0].item()}


def pinned(hub: Hub) -> str:
    return f"hf:{REPO}@{hub.repositories[REPO].revision}"


def test_unpinned_is_resolved_told_and_then_needs_no_network(
    hub: Hub, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "ganzoo")
    first = load(hub, tmp_path, f"hf:{REPO}")
    assert first["name"] == pinned(hub)
    assert caplog.messages == [f"hf:{REPO} is now at {pinned(hub)} - write it so to keep to it"]
    model = testing.tiny_model("dcgan")
    assert first["first"] == pytest.approx(model.sample(1).flatten()[0].item(), abs=1e-6)
    hub.requests.clear()
    again = load(hub, tmp_path, pinned(hub))
    assert again == first
    assert len(caplog.messages) == 1
    assert hub.requests == []


def test_a_pinned_commit_stays_when_the_branch_moves(hub: Hub, tmp_path: Path) -> None:
    old = pinned(hub)
    hub.repositories[REPO].commit({"config.json": b"{}"})
    assert load(hub, tmp_path, old)["name"] == old
    moved = load(hub, tmp_path, f"hf:{REPO}@main")
    assert moved["error"] == "CorruptWeightsError"
    assert "is no published model" in moved["message"]


def test_damaged_bytes_are_repaired(hub: Hub, tmp_path: Path) -> None:
    """Damage is noticed in the weights and in the description, in the download and in the cache."""
    hub.break_("GET", "", body(lambda content: bytes(len(content))), times=1)
    hub.break_("GET", "config.json", body(lambda content: b" " * len(content)), server="hub", times=1)
    right = load(hub, tmp_path, pinned(hub))
    assert right["name"] == pinned(hub)
    for blob in tmp_path.glob("hub/models--*/blobs/*"):
        content = blob.read_bytes()
        blob.write_bytes(content[:-2] + bytes([content[-2] ^ 1]) + content[-1:])
    assert load(hub, tmp_path, pinned(hub)) == right


def test_a_damaged_note_is_asked_for_again(hub: Hub, tmp_path: Path) -> None:
    load(hub, tmp_path, pinned(hub))
    [note] = tmp_path.glob("assets/ganzoo/commits/**/*.json")
    right = note.read_text()
    entries = json.loads(right)
    flipped = json.dumps(entries | {"model.safetensors": {**entries["model.safetensors"], "size": 5}})
    elsewhere = json.dumps({name: {**facts, "filename": "x"} for name, facts in entries.items() if name != "digest"})
    for text in ("", "[]", '{"config.json": {}}', flipped, elsewhere, right[:-20] + right[-19:]):
        note.write_text(text)
        assert load(hub, tmp_path, pinned(hub))["name"] == pinned(hub)
        assert note.read_text() == right


def test_an_answer_of_503_is_asked_for_again(hub: Hub, tmp_path: Path) -> None:
    hub.break_("GET", REPO, status(503), server="hub", times=1)
    assert load(hub, tmp_path, f"hf:{REPO}")["name"] == pinned(hub)


def test_wrong_bytes_from_the_hub_are_never_loaded(hub: Hub, tmp_path: Path) -> None:
    hub.break_("GET", "", body(lambda content: bytes(len(content))))
    found = load(hub, tmp_path, f"hf:{REPO}")
    assert found["error"] == "CorruptWeightsError"
    assert "wrong twice" in found["message"]


def test_offline(hub: Hub, tmp_path: Path) -> None:
    assert load(hub, tmp_path, pinned(hub), offline=True)["kind"] == "offline"
    load(hub, tmp_path, pinned(hub))
    assert load(hub, tmp_path, pinned(hub), offline=True)["name"] == pinned(hub)
    unpinned = load(hub, tmp_path, f"hf:{REPO}", offline=True)
    assert unpinned["kind"] == "offline"
    assert unpinned["message"].endswith(f"; offline you can use {pinned(hub)}")


@pytest.mark.parametrize(
    ("name", "kind", "words"),
    [
        ("hf:someone/nothing", "missing", "the Hub finds no model repository someone/nothing"),
        (f"hf:{REPO}@v9", "missing", f"{REPO} has no branch, tag or commit v9"),
        ("hf:someone/strange", "missing", "ganzoo loads only models that `ganzoo publish` uploaded"),
        ("hf:someone/gated", "gated", "someone/gated is gated"),
    ],
)
def test_what_is_not_there(name: str, kind: str, words: str, hub: Hub, tmp_path: Path) -> None:
    hub.add("someone/strange", {"pytorch_model.bin": b"0" * 100, "config.json": b"{}"})
    hub.add("someone/gated", {}, access="GatedRepo")
    found = load(hub, tmp_path, name)
    assert (found.get("error"), found.get("kind")) == ("PullError", kind), found
    assert words in found["message"]
    assert " - " in found["message"]


def test_a_failing_hub(hub: Hub, tmp_path: Path) -> None:
    hub.break_("GET", REPO, status(503), server="hub")
    assert load(hub, tmp_path, f"hf:{REPO}")["kind"] == "http"
    hub.hub.url = "http://127.0.0.1:9"
    assert load(hub, tmp_path, f"hf:{REPO}")["kind"] == "network"


def test_a_missing_plugin_is_named(hub: Hub, tmp_path: Path, files: dict[str, bytes]) -> None:
    config = {**json.loads(files["config.json"]), "architecture": "odd", "plugin": "ganzoo-odd"}
    hub.add("someone/odd", {**files, "config.json": json.dumps(config).encode()})
    found = load(hub, tmp_path, "hf:someone/odd")
    assert found["error"] == "UnknownNameError"
    assert "its publisher names the plugin 'ganzoo-odd'" in found["message"]
    config["config"] = {}
    hub.add("someone/odd", {**files, "config.json": json.dumps({**config, "plugin": ""}).encode()})
    assert "there is no architecture 'odd'" in load(hub, tmp_path, "hf:someone/odd")["message"]


def test_a_description_of_a_megabyte_is_not_read(hub: Hub, tmp_path: Path, files: dict[str, bytes]) -> None:
    hub.add("someone/large", {**files, "config.json": b" " * 1_000_001})
    found = load(hub, tmp_path, "hf:someone/large")
    assert found["error"] == "CorruptWeightsError"
    assert not hub.seen("GET", "config.json", server="hub")


def test_commands_take_references(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def shell(*arguments: str) -> tuple[int, str, str]:
        with client_of(hub, tmp_path):
            return ganzoo(monkeypatch, capsys, *arguments)

    monkeypatch.chdir(tmp_path)
    code, out, err = shell("pull", f"hf:{REPO}")
    assert (code, err) == (0, f"ganzoo: hf:{REPO} is now at {pinned(hub)} - write it so to keep to it\n")
    assert out.startswith(f"{pinned(hub)}\t")
    hub.requests.clear()
    assert shell("sample", pinned(hub), "-n", "2") == (0, "digits-seed0-n2.png\n", "")
    assert json.loads(shell("info", pinned(hub), "--json")[1])["architecture"] == "dcgan"
    assert shell("export", pinned(hub), "-o", "mine") == (0, "mine\n", "")
    assert hub.requests == []
    assert shell("pull", "./mine") == (0, "./mine\tis here: nothing to pull\n", "")
    assert json.loads(shell("info", "./mine", "--json")[1])["sample_it"] == "ganzoo sample ./mine"
    (tmp_path / "mine" / "model.safetensors").write_bytes(b"damaged")
    assert shell("pull", "./mine")[0] == 1


PULL = """
import sys
sys.argv = ["ganzoo", "pull", sys.argv[1]]
from ganzoo.cli import main as cli
try:
    cli.main()
except SystemExit as ended:
    print(ended.code, "torch" in sys.modules)
"""


def test_pulling_needs_no_torch(hub: Hub, tmp_path: Path) -> None:
    """Run in a new process, with the client's limits of the command line."""
    environment = hub.environment(tmp_path, PYTHONPATH=os.pathsep.join(sys.path))
    done = subprocess.run(
        [sys.executable, "-c", PULL, f"hf:{REPO}"], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "0 False", done.stderr


def test_a_strangers_architecture_is_not_taken_for_a_builtin_of_that_name(files: dict[str, bytes]) -> None:
    builtin = declaring(architectures=[architecture("dcgan")], losses=[loss("non-saturating")])
    lookup.use(registry_of({"ganzoo:dcgan": builtin, "other:main": declaring(architectures=[architecture("dcgan")])}))
    described = Description("dcgan", {}, "noise")
    assert provided(described, of="it") == "dcgan"
    assert provided(described._replace(plugin="other"), of="it") == "other/dcgan"
    assert lookup.provider_of("other/dcgan") == "other"
    with pytest.raises(UnknownNameError, match="its publisher names the plugin 'third'"):
        provided(described._replace(plugin="third"), of="it")


@pytest.mark.parametrize("name", ["hf:", "hf:digits", "hf:a/b@", "hf:a/b/c", "hf:a b/c", "hf:../../etc", "hf:a/b@x y"])
def test_what_is_no_reference(name: str) -> None:
    with pytest.raises(UnknownNameError, match="write hf:owner/repository"):
        references.parse(name)


def test_short_names() -> None:
    assert short_name("hf:a/digits@main") == "digits"
    assert short_name("./runs/mine") == "mine"
    assert short_name("gan-mnist") == "gan-mnist"

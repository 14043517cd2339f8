"""`ganzoo search`: what `ganzoo publish` uploaded is found, loads under its name, and is printed safely."""

import json
from functools import partial

import pytest

import ganzoo
from ganzoo.pretrained.cards import architecture_in
from ganzoo.pretrained.sources import Folder
from ganzoo.registry import lookup
from ganzoo.sharing import publish as sharing
from hub_server import Hub, body, status
from in_process import client_of
from in_process import ganzoo as shell
from models import publish


@pytest.fixture(scope="module")
def uploaded(tmp_path_factory):
    """What `ganzoo publish` uploads of a tiny model of each of three architectures."""
    files = {}
    for architecture in ("gan", "dcgan", "biggan"):
        folder = publish(
            tmp_path_factory.mktemp(architecture), architecture, lookup.registry().architectures[architecture].tiny
        )
        prepared = sharing.prepare(Folder.at(folder), f"someone/{architecture}-tiny")
        files[architecture] = {name: (prepared.folder / name).read_bytes() for name in prepared.files}
    return files


@pytest.fixture
def hub(uploaded, tmp_path):
    with Hub() as running, client_of(running, tmp_path / "home"):
        for architecture, files in uploaded.items():
            running.add(f"someone/{architecture}-tiny", files)
        running.downloads = {"someone/dcgan-tiny": 7, "someone/gan-tiny": 3}
        yield running


@pytest.fixture
def run(monkeypatch, capsys):
    return partial(shell, monkeypatch, capsys)


def test_the_most_downloaded_come_first_with_all_that_is_known(hub, run):
    code, out, err = run("search", "--json")
    assert (code, err) == (0, "")
    assert json.loads(out)[0] == {
        "name": "hf:someone/dcgan-tiny",
        "architecture": "dcgan",
        "plugin": "installed",
        "downloads": 7,
        "license": "unknown",
    }
    assert [row["architecture"] for row in json.loads(out)] == ["dcgan", "gan", "biggan"]
    assert len(hub.seen("GET", "/api/models", server="hub")) == 1


def test_what_is_listed_loads(hub, run):
    for line in run("search").out.splitlines()[1:]:
        assert ganzoo.load(line.split("\t")[0]).sample(1).shape[0] == 1


def test_a_text_and_an_architecture(hub, run):
    assert [line.split("\t")[0] for line in run("search", "BIG").out.splitlines()[1:]] == ["hf:someone/biggan-tiny"]
    assert [line.split("\t")[0] for line in run("search", "--arch", "gan").out.splitlines()[1:]] == [
        "hf:someone/gan-tiny"  # although all of them have the tag
    ]
    code, out, err = run("search", "nothing")
    assert (code, out) == (1, "")
    assert err == "ganzoo: no published model matches - `ganzoo list` shows the registered models\n"


def test_a_page_is_a_request(hub, run):
    hub.page = 2
    assert len(run("search").out.splitlines()) == 4
    assert len(hub.seen("GET", "/api/models", server="hub")) == 2
    assert len(run("search", "--limit", "2").out.splitlines()) == 3
    assert len(hub.seen("GET", "/api/models", server="hub")) == 3


def test_what_cannot_be_loaded_is_not_listed(hub, uploaded, run):
    whole = uploaded["dcgan"]
    hub.add("someone/only-a-card", {"README.md": whole["README.md"]})
    hub.add("someone/other", {**whole, "README.md": b"---\nlibrary_name: diffusers\ntags: [ganzoo]\n---\n"})
    assert len(run("search").out.splitlines()) == 4


def test_a_missing_plugin_and_hostile_text(hub, uploaded, run):
    card = (
        uploaded["dcgan"]["README.md"].replace(b"- dcgan", b'- "\\e[31mred\\nline"').replace(b"unknown", b'"\\e]0;x"')
    )
    hub.add("evil/model", {**uploaded["dcgan"], "README.md": card})
    out = run("search", "evil").out
    assert out.splitlines()[1].split("\t")[1:3] == ["\\x1b[31mred line", "missing"]
    assert "\x1b" not in out
    assert "\x1b" not in run("search", "evil", "--json").out


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (status(404), "cannot search the Hub: it answers HTTP 404 - try again later"),
        (body(lambda _: b"<html>log in</html>"), "is not that of a Hub - check HF_ENDPOINT"),
        (body(lambda _: b'{"error": 1}'), "is not that of a Hub"),
        (body(lambda _: b'[1, null, {"id": 5}, {"id": "a/b@main", "tags": [], "siblings": []}]'), "no published model"),
    ],
)
def test_wrong_answers_are_one_line(hub, run, fault, told):
    hub.break_("GET", "/api/models", fault, server="hub")
    code, out, err = run("search")
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert told in err


def test_the_token_goes_to_no_other_host(hub, run, monkeypatch):
    def elsewhere(handler, _):
        handler.reply(200, b"[]", Link=f'<{hub.cdn.url}/api/models>; rel="next"')

    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    hub.break_("GET", "/api/models", elsewhere, server="hub")
    assert run("search").code == 1
    assert hub.seen("GET", "/api/models", server="cdn") == []


def test_offline_is_one_line(hub, run, tmp_path):
    hub.hub.shutdown()
    hub.hub.server_close()
    code, out, err = run("search")
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert "to search it" in err
    assert "check your connection" in err
    assert "`ganzoo list` shows the models that need no search" in err


@pytest.mark.parametrize(
    ("tags", "architecture"),
    [
        (["ganzoo", "safetensors", "gan", "dcgan", "license:mit", "region:us"], "dcgan"),
        (["ganzoo", "gan", "image-to-image", "cyclegan", "dataset:x"], "cyclegan"),
        (["ganzoo", "gan", "license:mit"], "gan"),
        (["ganzoo", "gan"], "gan"),
        (["ganzoo", "dcgan"], None),
    ],
)
def test_the_architecture_is_read_from_the_tags(tags, architecture):
    assert architecture_in(tags) == architecture

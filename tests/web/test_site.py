"""Which models a page shows, their cards, runs, evaluations, the game, and what the server refuses."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from ganzoo.errors import CorruptWeightsError, DataError, InvalidRequestError
from ganzoo.pretrained.sources import Folder
from ganzoo.registry import lookup
from ganzoo.training.metrics_file import append_metrics
from ganzoo.web import cards, game, runs
from ganzoo.web.guard import Guard, is_loopback
from ganzoo.web.shelf import Shelf, choose
from ganzoo.web.site import Site, Workspace, read_evaluations

ROOT = Path(__file__).parents[2]


def test_without_names_all_models_that_are_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ganzoo.hub.download.is_cached", lambda file: file.repo.startswith("huggan/"))
    shown = [each.name for each in choose([])]
    assert {"dcgan-mnist", "biggan-fashion-mnist", "cyclegan-noto2twemoji"} <= set(shown)
    cached = [
        name for name, model in lookup.registry().models.items() if getattr(model.weights, "repo", "")[:7] == "huggan/"
    ]
    assert set(cached) <= set(shown)
    assert "cyclegan-horse2zebra" not in shown


def test_names_are_shown_once_and_have_pages_of_their_own(models: Path, tmp_path: Path) -> None:
    shutil.copytree(models / "dcgan", tmp_path / "dcgan")
    shown = choose([str(models / "dcgan"), str(tmp_path / "dcgan"), str(models / "dcgan")])
    assert [each.page for each in shown] == ["model-dcgan", "model-dcgan-1"]
    with pytest.raises(CorruptWeightsError, match="holds neither a model nor a run"):
        choose([str(tmp_path)])


def test_the_shelf_keeps_few_models_and_the_newest_of_a_run(models: Path, tmp_path: Path) -> None:
    run = shutil.copytree(models / "dcgan", tmp_path / "run")
    shown = choose([str(run), str(models / "biggan"), str(models / "cyclegan")])
    shelf = Shelf("cpu", size=2)
    first = shelf.model(shown[0])
    assert shelf.model(shown[0]) is first
    later = (run / "model.safetensors").stat().st_mtime + 5
    os.utime(run / "model.safetensors", (later, later))
    assert shelf.model(shown[0]) is not first, "the run has saved a newer one"
    shelf.model(shown[1])
    shelf.model(shown[2])
    assert len(shelf._loaded) == 2


def test_cards_show_names_as_they_are(models: Path, tmp_path: Path) -> None:
    folder = tmp_path / "<img src=x onerror=alert(1)>"
    shutil.copytree(models / "dcgan", folder)
    shown = choose([str(folder), str(models / "cyclegan")])
    sheets = cards.Sheets()
    assert sheets.draw(Shelf("cpu"), shown[0])
    assert not sheets.draw(Shelf("cpu"), shown[0]), "it is drawn once"
    html = cards.gallery_html(shown, sheets)
    assert "<img src=x" not in html
    assert 'src="data:image/png;base64,' in html
    assert f'href="./{shown[1].page}"' in html
    sheets.draw(Shelf("cpu"), shown[1])
    assert "Drop a picture" in sheets.of(shown[1])
    assert "sha256" in cards.facts_html(shown[0])


def test_the_card_of_a_run_has_its_newest_sheet(models: Path, tmp_path: Path) -> None:
    (tmp_path / "run" / "samples").mkdir(parents=True)
    (tmp_path / "run" / "run.json").write_text("{}")
    (shown,) = choose([str(tmp_path / "run")])
    sheets = cards.Sheets()
    assert sheets.draw(Shelf("cpu"), shown)
    assert "has not drawn a sheet yet" in sheets.of(shown)
    shutil.copy(models / "photo.png", tmp_path / "run" / "samples" / "00000100.png")
    assert sheets.draw(Shelf("cpu"), shown)
    assert "<img" in sheets.of(shown)


def test_a_damaged_model_spoils_no_gallery(models: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(models / "dcgan", tmp_path / "broken")
    (folder / "model.safetensors").write_bytes(b"nothing")
    shown = choose([str(folder)])
    sheets = cards.Sheets()
    assert sheets.draw(Shelf("cpu"), shown[0])
    assert "It cannot be loaded" in sheets.of(shown[0])


def test_evaluations_stand_beside_their_floors(tmp_path: Path) -> None:
    found = read_evaluations([ROOT / "model_cards"])
    assert {"dcgan-mnist", "gan-mnist", "dcgan-fashion-mnist"} <= set(found)
    html = cards.evaluation_html(found["dcgan-mnist"])
    assert "<th>floor</th>" in html
    assert f"<td>{found['dcgan-mnist']['scores']['fid']['floor']['value']:.5f}"[:9] in html
    assert "ganzoo evaluate dcgan-mnist" in html
    (tmp_path / "other.json").write_text("{}")
    assert read_evaluations([tmp_path]) == {}
    with pytest.raises(InvalidRequestError, match="not the result of an evaluation"):
        read_evaluations([tmp_path / "other.json"])


def test_a_run_is_watched(tmp_path: Path) -> None:
    run = tmp_path / "run"
    (run / "samples").mkdir(parents=True)
    assert runs.read_status(run).line == "The run has not finished a step yet."
    assert runs.draw(run) is None
    (run / "run.json").write_text(json.dumps({"iterations": 2000}))
    append_metrics(run / "metrics.jsonl", 1500, {"generator/adversarial": 0.5, "D(x)": 0.75})
    for step in (100, 50):
        Image.new("L", (8, 8)).save(run / "samples" / f"{step:08d}.png")
    progress = runs.read_status(run)
    assert progress.line == "Step 1,500 of 2,000. generator/adversarial 0.5, D(x) 0.75"
    assert [path.name for path in progress.sheets] == ["00000050.png", "00000100.png"]
    drawn = runs.draw(run)
    assert drawn is not None
    assert drawn.width > 500
    (shown,) = choose([str(run)])
    assert (shown.run, shown.has_weights) == (run, False)
    with pytest.raises(InvalidRequestError, match="has not saved a model yet"):
        Shelf("cpu").model(shown)


def test_a_folder_names_its_own_evaluation(models: Path, tmp_path: Path) -> None:
    run = shutil.copytree(models / "dcgan", tmp_path / "run")
    (run / "run.json").write_text("{}")
    shutil.copy(ROOT / "model_cards" / "dcgan-mnist.json", run / "evaluation.json")
    shown = choose([str(run)])
    site = Site(shown, Shelf("cpu"), Workspace(tmp_path), tmp_path, {})
    found = site.evaluation(shown[0])
    assert found is not None
    assert found["subject"] == "dcgan-mnist"


def test_a_game_counts(models: Path) -> None:
    picture = Image.new("L", (2, 2))
    new = game.Game(((picture, True), (picture, False)))
    assert new.line == "Picture 1 of 2: is it real or generated?"
    one = new.guess(True)
    assert one.line == "Right: it was real. Score: 1 of 1. Picture 2 of 2: is it real or generated?"
    over = one.guess(True)
    assert over.line == "Wrong: it was generated. Score: 1 of 2. The game is over. Chance alone gives 1 of 2."
    assert over.guess(True) is over
    assert over.picture is None
    assert [caption for _, caption in over.captions()] == ["real (right)", "generated (wrong)"]


def test_a_game_needs_real_pictures_and_downloads_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from datasets import write_fashion_mnist

    asked = "ganzoo_datasets.torchvision_sets.check_reachable"
    monkeypatch.setattr(asked, lambda urls: pytest.fail("it asked the network"))
    (shown,) = choose(["biggan-fashion-mnist"])
    assert not game.has_quiz(shown, tmp_path)
    (tmp_path / "FashionMNIST/raw").mkdir(parents=True)
    assert game.has_quiz(shown, tmp_path)
    with pytest.raises(DataError):
        game.start(Shelf("cpu").model(shown), shown, tmp_path, 0)
    (tmp_path / "FashionMNIST/raw").rmdir()
    shutil.rmtree(tmp_path / "FashionMNIST")
    write_fashion_mnist(tmp_path)
    started = game.start(Shelf("cpu").model(shown), shown, tmp_path, 0)
    assert sorted(real for _, real in started.cards) == [False] * 8 + [True] * 8


def test_results_have_folders_and_old_ones_go(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path, kept=2)
    folders = [workspace.folder() for _ in range(4)]
    assert [folder.exists() for folder in folders] == [False, False, True, True]


# --- who may ask, and what a browser may ask for ------------------------------------------------


@pytest.mark.parametrize(
    ("host", "local"),
    [("localhost", True), ("127.0.0.9", True), ("::1", True), ("0.0.0.0", False), ("evil.org", False)],
)
def test_loopback(host: str, local: bool) -> None:
    assert is_loopback(host) is local


def answer(host: str, *, local: bool = True) -> tuple[int, Mapping[str, str]]:
    """The status and the headers of an answer to a request that names a host."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {}

    scope = {"type": "http", "headers": [(b"host", host.encode())]}
    asyncio.run(Guard(app, local=local)(scope, receive, send))
    headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], headers


def test_another_name_for_this_machine_is_refused() -> None:
    for host in ("127.0.0.1:7860", "localhost:7860", "[::1]:7860"):
        assert answer(host)[0] == 200, host
    assert answer("rebound.evil.org:7860")[0] == 400
    assert answer("my.server.org", local=False)[0] == 200


def test_a_browser_may_ask_no_other_host() -> None:
    policy = answer("localhost")[1]["content-security-policy"]
    assert policy.startswith("default-src 'self';")
    assert "http" not in policy
    assert "*" not in policy


def test_a_folder_is_told_from_its_description(models: Path) -> None:
    (shown,) = choose([str(models / "biggan")])
    assert isinstance(shown.source, Folder)
    assert shown.problem == ""

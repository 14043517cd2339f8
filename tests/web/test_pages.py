"""Every control of every page, in headless Chromium: the real server, the real browser, and no other host.

Debian's chromium is needed (`apt-get install chromium`), and the packages gradio and playwright.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from datasets import write_fashion_mnist
from ganzoo.registry import lookup
from ganzoo.training.metrics_file import append_metrics
from ganzoo.training.plan import make_plan
from ganzoo.training.run_folder import write_plan
from models import publish
from plugin_factory import install

pytest.importorskip("gradio", reason="pip install 'ganzoo[web]'")
playwright = pytest.importorskip("playwright.sync_api", reason="pip install playwright")
CHROMIUM = shutil.which("chromium")
pytestmark = [
    # Gradio shows a control some time before it listens to it, and a busy machine clicks in between.
    pytest.mark.flaky(reruns=2, only_rerun="TimeoutError"),
    pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium - apt-get install chromium"),
]

ROOT = Path(__file__).parents[2]
WAIT = 30_000  # milliseconds; the machine may be busy


@pytest.fixture(scope="module")
def here(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder where the server runs: models, a run, data, and a picture."""
    folder = tmp_path_factory.mktemp("served")
    for path in models.iterdir():
        shutil.copytree(path, folder / path.name) if path.is_dir() else shutil.copy(path, folder)
    write_fashion_mnist(folder / "data")
    shutil.copytree(models / "dcgan", folder / "run")
    write_plan(folder / "run", make_plan("dcgan", "photos", iterations=200))
    (folder / "run" / "samples").mkdir()
    add_step(folder / "run", 100)
    (folder / "young").mkdir()
    write_plan(folder / "young", make_plan("dcgan", "photos", iterations=200))
    (folder / "secret.txt").write_text("a hidden text")
    (folder / "site").mkdir()
    install(folder / "site", "ganzoo-painter", {}, {"painter": "painter"})
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder / "site"))
        lookup.use(None)
        publish(folder / "painter", "painter", {})
    lookup.use(None)
    return folder


def add_step(run: Path, step: int) -> None:
    append_metrics(run / "metrics.jsonl", step, {"generator/adversarial": 0.5})
    shutil.copy(run.parent / "photo.png", run / "samples" / f"{step:08d}.png")


@pytest.fixture(scope="module")
def server(here: Path) -> Iterator[str]:
    """The address of `ganzoo serve`."""
    paths = [str(here / "site"), str(ROOT / "tests" / "support"), os.environ.get("PYTHONPATH", "")]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    names = [
        "./painter",
        "./dcgan",
        "./biggan",
        "./cyclegan",
        "./run",
        "./young",
        "biggan-fashion-mnist",
        "dcgan-mnist",
    ]
    options = ["--port", str(port), "--device", "cpu", "--evaluation", str(ROOT / "model_cards")]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "PYTHONPATH": os.pathsep.join(paths)}
    command = [sys.executable, "-m", "ganzoo", "serve", *names, *options]
    process = subprocess.Popen(command, cwd=here, stderr=subprocess.PIPE, text=True, env=environment)
    assert process.stderr is not None
    said: list[str] = []
    for line in process.stderr:  # ends with the process, if it cannot start
        said.append(line)
        if "models at" in line:
            break
    try:
        assert said[-1].startswith(f"ganzoo: 8 models at http://127.0.0.1:{port}/ - "), said
        yield f"http://127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGINT)
        rest = process.communicate(timeout=60)[1]
    assert process.returncode == 0, rest
    assert rest.endswith("ganzoo: the page is closed\n")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage"])
        yield browser
        browser.close()


@pytest.fixture(params=[pytest.param(1200, id="wide"), pytest.param(390, id="phone", marks=pytest.mark.long)])
def page(request: pytest.FixtureRequest, browser: Any, server: str) -> Iterator[Any]:
    """A page that may ask the server only. At the end, no request has gone to another host."""
    context = browser.new_context(viewport={"width": request.param, "height": 900}, base_url=server)
    opened = context.new_page()
    opened.set_default_timeout(WAIT)
    asked: list[str] = []
    opened.on("request", lambda sent: asked.append(sent.url))
    errors: list[str] = []
    opened.on("pageerror", lambda error: errors.append(str(error)))
    yield opened
    overflow = opened.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    context.close()
    assert [url for url in asked if not url.startswith((f"{server}/", "data:", "blob:"))] == []
    assert errors == []
    assert overflow <= 0, "the page is wider than the screen"


def open_tab(page: Any, name: str) -> None:
    """Open a tab, also one that a small screen has put into the menu."""
    page.get_by_role("tab").first.wait_for()
    tab = page.get_by_role("tab", name=name, exact=True)
    if not tab.is_visible():
        page.locator(".overflow-menu > button").click()
        page.locator(".overflow-dropdown button", has_text=name).click()
    else:
        tab.click()


def commands(page: Any, text: str) -> str:
    """The command that a result shows."""
    found = page.locator(".cm-content:visible", has_text=text).first
    found.wait_for()
    return str(found.inner_text()).replace("\n", "")


def choose(page: Any, label: str, text: str) -> None:
    """Find a choice by typing."""
    box = page.get_by_label(label, exact=True).locator("visible=true")
    box.fill(text)
    page.get_by_role("option", name=text).first.click()


def test_the_gallery_leads_to_a_page_and_back(page: Any) -> None:
    page.goto("/")
    page.wait_for_function("document.querySelectorAll('.zoo img').length >= 5")
    assert page.locator(".zoo a.card").count() == 8
    assert page.get_by_text("Drop a picture, and it translates it.").is_visible()
    page.get_by_text("dcgan-mnist").click()
    page.get_by_role("heading", name="dcgan-mnist").wait_for()
    page.get_by_role("link", name="All models").click()
    page.wait_for_selector(".zoo a.card")


def test_samples_of_a_class(page: Any) -> None:
    page.goto("/model-biggan")
    page.get_by_label("Number of images").locator("visible=true").fill("3")
    page.get_by_label("Seed", exact=True).locator("visible=true").fill("5")
    choose(page, "Class", "kind 1")
    page.get_by_label("Truncation").locator("visible=true").fill("0.5")
    page.get_by_role("button", name="Sample", exact=True).click()
    line = commands(page, "ganzoo sample")
    assert line == "ganzoo sample ./biggan -n 3 --seed 5 --class 1 --truncation 0.5 -o sheet.png"
    page.locator(".thumbnail-item img, .grid-container img").nth(2).wait_for()
    boxes = [each.bounding_box() for each in page.locator(".grid-container img").all()]
    assert all(box["x"] + box["width"] <= page.viewport_size["width"] for box in boxes), "all pictures are seen"
    assert "model.images(3, seed=5, label=1, truncation=0.5)" in commands(page, "model.images")
    with page.expect_download() as download:
        page.get_by_role("link", name=re.compile("npz|KB|B ")).nth(1).click()
    assert download.value.suggested_filename == "biggan-seed5.npz"


def test_the_task_of_an_outsider_has_a_page(page: Any) -> None:
    page.goto("/model-painter")
    choose(page, "Mood", "wild")
    page.get_by_label("Brightness").locator("visible=true").fill("-0.5")
    page.get_by_label("Negative").locator("visible=true").check()
    page.get_by_role("button", name="Sample", exact=True).click()
    options = "--set mood=wild --set brightness=-0.5 --set negative=true"
    assert commands(page, "ganzoo sample") == f"ganzoo sample ./painter -n 16 --seed 0 {options} -o sheet.png"
    assert "mood='wild', brightness=-0.5, negative=True" in commands(page, "model.images")


IMPOSSIBLE = {
    "Truncation": ("7", "truncation is a number from 0 to 1, not '7'"),
    "Number of images": ("10000", "the number of images is a whole number from 1 to 64, not 10000"),
    "Seed": ("99999999999", "seeds go up to 4294967295"),
    "Class": ("zebra", "class: 'zebra' is no choice - choose one from the list"),
}


@pytest.mark.parametrize("label", IMPOSSIBLE)
def test_what_is_impossible_is_one_line(page: Any, label: str) -> None:
    value, told = IMPOSSIBLE[label]
    page.goto("/model-biggan")
    box = page.get_by_label(label).locator("visible=true").first
    box.fill(value)
    box.blur()
    page.get_by_role("button", name="Sample", exact=True).click()
    page.get_by_text(told).wait_for()
    assert page.locator(".toast-body").count() == 1


def test_a_walk_between_classes(page: Any) -> None:
    page.goto("/model-biggan")
    open_tab(page, "Walk")
    page.get_by_label("First seed").fill("2")
    page.get_by_label("Last seed").fill("9")
    page.get_by_label("Number of images").locator("visible=true").fill("3")
    choose(page, "First class", "<b>newt</b>")
    choose(page, "Last class", "kind 1")
    page.get_by_role("button", name="Walk", exact=True).click()
    line = commands(page, "ganzoo interpolate")
    assert line == "ganzoo interpolate ./biggan --seeds 2,9 --steps 3 --from-class 0 --to-class 1 -o walk.webp"
    endings = {link.get_attribute("href").rpartition(".")[2] for link in page.locator("a[download]:visible").all()}
    assert {"webp", *(["mp4"] if find_spec("av") else [])} <= endings


def test_directions(page: Any) -> None:
    page.goto("/model-dcgan")
    open_tab(page, "Directions")
    choose(page, "Method", "pca")
    page.get_by_label("Number of directions").fill("2")
    page.get_by_role("button", name="Move along directions").click()
    line = commands(page, "ganzoo edit")
    assert line.startswith("ganzoo edit ./dcgan --directions pca:2 --seeds 0 --strength 3")


def test_an_inversion(page: Any, here: Path) -> None:
    page.goto("/model-dcgan")
    open_tab(page, "Invert and restore")
    page.locator("input[type=file]").set_input_files(here / "photo.png")
    page.get_by_text("photo.png").first.wait_for()
    page.get_by_label("What is wrong with the picture").fill("noise=0.5")
    page.get_by_label("The picture is a true one").check()
    page.get_by_label("Searches").fill("2")
    page.get_by_label("Steps of each search").fill("3")
    page.get_by_role("button", name="Find the image").click()
    line = commands(page, "ganzoo invert")
    options = "--degradation noise=0.5 --damage --starts 2 --steps 3 --seed 0"
    assert line == f"ganzoo invert ./dcgan --input photo.png {options} -o found"
    page.get_by_text("PSNR of the result").wait_for()


def test_a_picture_is_translated_when_it_is_dropped(page: Any, here: Path) -> None:
    page.goto("/model-cyclegan")
    page.locator("input[type=file]").set_input_files(here / "photo.png")
    assert commands(page, "ganzoo sample") == "ganzoo sample ./cyclegan --input photo.png -o translated.png"
    page.get_by_label("Pixels of the shorter side").fill("24")
    choose(page, "Direction", "b2a")
    page.get_by_role("button", name="Translate", exact=True).click()
    line = "ganzoo sample ./cyclegan --input photo.png --direction b2a --resize 24 -o translated.png"
    page.locator(".cm-content:visible", has_text="--resize 24").first.wait_for()
    assert commands(page, "--resize 24") == line


def test_a_file_that_is_no_picture_is_refused(page: Any, tmp_path: Path) -> None:
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n")
    page.goto("/model-cyclegan")
    page.locator("input[type=file]").set_input_files(bad)
    page.get_by_text(re.compile("^bad.png is not a picture of a known format")).wait_for()


def test_a_file_of_another_kind_is_refused(page: Any, here: Path) -> None:
    page.goto("/model-cyclegan")
    page.locator("input[type=file]").set_input_files(here / "secret.txt")
    page.get_by_text("Invalid file type: secret.txt").wait_for()


def test_the_game(page: Any) -> None:
    page.goto("/model-biggan-fashion-mnist")
    open_tab(page, "Quiz")
    page.get_by_role("button", name="New game").click()
    for number in range(1, 17):
        page.get_by_text(f"Picture {number} of 16").wait_for()
        page.get_by_role("button", name="Real" if number % 3 else "Generated", exact=True).click()
    page.get_by_text("The game is over. Chance alone gives 8 of 16.").wait_for()
    page.locator("button:disabled", has_text="Generated").wait_for()  # the parts of a page change one after the other
    score = re.search(r"Score: (\d+) of 16", page.locator("#score").inner_text())
    captions = page.locator(".caption-label").all_inner_texts()
    assert score is not None
    assert sum("(right)" in each for each in captions) == int(score[1])


def test_facts_and_results_beside_their_floors(page: Any) -> None:
    page.goto("/model-dcgan-mnist")
    open_tab(page, "Facts")
    page.get_by_role("columnheader", name="floor").wait_for()
    page.get_by_text("ganzoo evaluate dcgan-mnist").wait_for()
    page.goto("/model-dcgan")
    open_tab(page, "Facts")
    page.get_by_text("No results are known here.").wait_for()


def test_a_run_is_watched_live(page: Any, here: Path) -> None:
    page.goto("/model-run")
    page.get_by_text(re.compile(r"Step 1\d\d of 200\.")).wait_for()
    step = 101 + len(list((here / "run" / "samples").glob("*")))
    add_step(here / "run", step)
    page.get_by_text(f"Step {step} of 200.").wait_for()
    assert page.get_by_role("tab", name="Training").is_visible()


def test_a_run_gets_its_tabs_with_its_first_model(page: Any, here: Path) -> None:
    for name in ("config.json", "model.safetensors"):
        (here / "young" / name).unlink(missing_ok=True)
    page.goto("/model-young")
    page.get_by_text("The run has not saved a model yet. Once it has, open this page again.").wait_for()
    for name in ("model.safetensors", "config.json"):
        shutil.copy(here / "dcgan" / name, here / "young" / name)
    page.reload()
    page.get_by_role("button", name="Sample", exact=True).click()
    assert commands(page, "ganzoo sample") == "ganzoo sample ./young -n 16 --seed 0 -o sheet.png"


def test_the_keyboard_alone(page: Any) -> None:
    page.goto("/")
    page.wait_for_selector(".zoo a.card")
    for _ in range(20):
        page.keyboard.press("Tab")
        if "card" in page.evaluate("document.activeElement.className"):
            break
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid", "the focus can be seen"
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="painter", exact=True).wait_for()
    page.get_by_role("button", name="Sample", exact=True).wait_for()
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.innerText") == "Sample" and (
            page.evaluate("document.activeElement.className").find("primary") >= 0
        ):
            break
    page.keyboard.press("Enter")
    commands(page, "ganzoo sample")


# --- what the server refuses ------------------------------------------------------------------------


def status_of(url: str, **headers: str) -> tuple[int, bytes]:
    request = urllib.request.Request(url, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


@pytest.mark.parametrize(
    "path",
    [
        "secret.txt",
        "run/model.safetensors",
        "data/FashionMNIST/raw/t10k-images-idx3-ubyte",
        "../../../../../etc/passwd",
        "/etc/passwd",
    ],
)
def test_no_file_can_be_read(server: str, here: Path, path: str) -> None:
    for asked in (path, str(here / path)):
        for form in ("/gradio_api/file=", "/file=", "/gradio_api/file/"):
            status, body = status_of(f"{server}{form}{asked}")
            assert status in (400, 403, 404, 405), (form, asked, status)
            assert b"hidden" not in body
            assert b"root:" not in body


def test_no_file_of_this_machine_passes_as_an_upload(server: str, here: Path) -> None:
    config = json.loads(status_of(f"{server}/config")[1])
    translate = next(each["id"] for each in config["dependencies"] if "translate" in str(each.get("api_name")))
    data = [{"path": str(here / "photo.png"), "meta": {"_type": "gradio.FileData"}}, "", "", ""]
    body = json.dumps({"data": data, "fn_index": translate, "session_hash": "x"}).encode()
    request = urllib.request.Request(
        f"{server}/gradio_api/queue/join", data=body, headers={"content-type": "application/json"}
    )
    try:
        urllib.request.urlopen(request, timeout=60).read()
    except urllib.error.HTTPError:
        return
    events = urllib.request.urlopen(f"{server}/gradio_api/queue/data?session_hash=x", timeout=60)
    until = time.monotonic() + 60
    for line in events:
        if b"process_completed" in line:
            assert b'"success":false' in line.replace(b" ", b"")
            return
        assert time.monotonic() < until
    pytest.fail("the server did not answer")


def test_another_site_cannot_use_the_page(server: str) -> None:
    assert status_of(f"{server}/config", host="rebound.evil.org")[0] == 400


def test_a_port_that_is_taken_is_one_line(server: str) -> None:
    port = server.rpartition(":")[2]
    done = subprocess.run(
        [sys.executable, "-m", "ganzoo", "serve", "--port", port], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr.startswith(f"ganzoo: error: 127.0.0.1:{port} cannot be served (")
    assert done.stderr.count("\n") == 1

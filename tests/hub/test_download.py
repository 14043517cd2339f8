"""Downloads from a local Hub. Each runs in a new process, since the client reads its settings when it is imported."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ganzoo.errors import InvalidRequestError, PullError
from ganzoo.hub import download
from ganzoo.hub.speed import minimum_speed
from ganzoo.interface.weights_files import HubFile
from hub_server import LFS_BYTES, Fault, Hub, body, cut, drip, hang, redirect, reset, status

REPO, NAME = "zoo/horses", "model.safetensors"
CONTENT = bytes(range(256)) * 4000
HTML = b"<!doctype html><title>Log in to this network</title>"
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1024000\n"

# The client waits up to 23 s between its own tries; how long is not what is tested here.
PULL = """
import hashlib, json, sys, time
naps, sleep = [], time.sleep
time.sleep = lambda seconds: (naps.append(seconds), sleep(min(seconds, 0.02)))
from ganzoo.hub import download as hub
from ganzoo.errors import GanzooError
from ganzoo.interface.weights_files import HubFile
file, settings = HubFile(**json.loads(sys.argv[1])), json.loads(sys.argv[2])
for name, value in settings.get("constants", {}).items():
    setattr(hub, name, value)
if settings.get("bound"):
    hub.bound_client()
result = {"cached": hub.is_cached(file)}
try:
    path = hub.fetch(file)
    result |= {"path": str(path), "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
except GanzooError as error:
    result |= {"error": type(error).__name__, "kind": getattr(error, "kind", None), "message": str(error)}
print(json.dumps(result | {"torch": "torch" in sys.modules, "naps": naps}))
"""


@pytest.fixture
def hub() -> Iterator[Hub]:
    with Hub() as running:
        yield running


@pytest.fixture
def pinned(hub: Hub) -> HubFile:
    return pin(hub.add(REPO, {NAME: CONTENT}))


def pin(revision: str, **changes: Any) -> HubFile:
    facts = {"filename": NAME, "sha256": hashlib.sha256(CONTENT).hexdigest(), "size": len(CONTENT)}
    return HubFile(**{"repo": REPO, "revision": revision, **facts, **changes})


def start(
    hub: Hub, file: HubFile, home: Path, env: dict[str, str] | None = None, **settings: Any
) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", PULL, json.dumps(vars(file)), json.dumps(settings)]
    root = os.fspath(Path(download.__file__).parents[2])
    environment = hub.environment(home, PYTHONPATH=root, **{"PYTHONWARNINGS": "error", **(env or {})})
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(process: subprocess.Popen[str]) -> dict[str, Any]:
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    result: dict[str, Any] = json.loads(out)
    assert not result["torch"]
    return result


def pull(hub: Hub, file: HubFile, home: Path, env: dict[str, str] | None = None, **settings: Any) -> dict[str, Any]:
    return finish(start(hub, file, home, env, **settings))


def assert_right(result: dict[str, Any]) -> None:
    assert result.get("sha256") == hashlib.sha256(CONTENT).hexdigest(), result


def assert_refused(result: dict[str, Any], kind: str, *words: str) -> None:
    assert (result.get("error"), result.get("kind")) == ("PullError", kind), result
    assert " - " in result["message"]
    assert "\n" not in result["message"]
    for word in words:
        assert word in result["message"]


def blob(home: Path) -> Path:
    (found,) = home.glob("hub/models--*/blobs/*")
    return found


def quarantined(home: Path) -> list[bytes]:
    return [path.read_bytes() for path in sorted(home.glob("assets/ganzoo/quarantine/**/*")) if path.is_file()]


# --- what works ----------------------------------------------------------------------------------


def test_a_warm_pull_makes_no_request(hub: Hub, pinned: HubFile, tmp_path: Path) -> None:
    cold = pull(hub, pinned, tmp_path)
    assert_right(cold)
    assert not cold["cached"]
    assert hub.seen("GET", NAME)
    hub.requests.clear()
    warm = pull(hub, pinned, tmp_path)
    assert_right(warm)
    assert warm["cached"]
    assert not hub.requests


def test_the_token_reaches_the_hub_and_never_the_cdn(hub: Hub, pinned: HubFile, tmp_path: Path) -> None:
    assert_right(pull(hub, pinned, tmp_path, {"HF_TOKEN": "hf_secret"}))
    assert all(r.headers["authorization"] == "Bearer hf_secret" for r in hub.seen("HEAD", NAME, server="hub"))
    assert hub.seen("HEAD", NAME, server="hub")
    cdn = [request for request in hub.requests if request.server == "cdn"]
    assert cdn
    assert "hf_secret" not in repr(cdn)


def test_a_data_set_repository_and_a_file_outside_lfs(hub: Hub, tmp_path: Path) -> None:
    content = b"x" * LFS_BYTES
    revision = hub.add(REPO, {"a/b.txt": content}, kind="dataset")
    digest = hashlib.sha256(content).hexdigest()
    file = pin(revision, repo_type="dataset", filename="a/b.txt", sha256=digest, size=None)
    assert pull(hub, file, tmp_path)["sha256"] == digest


def test_four_pulls_at_once_transfer_once(hub: Hub, pinned: HubFile, tmp_path: Path) -> None:
    processes = [start(hub, pinned, tmp_path) for _ in range(4)]
    for process in processes:
        assert_right(finish(process))
    assert len(hub.seen("GET", NAME)) == 1


@pytest.mark.parametrize("asked", ["", ", progress=lambda *told: print(*told, sep='|')"])
def test_progress_is_silent_unless_asked_for(hub: Hub, pinned: HubFile, tmp_path: Path, asked: str) -> None:
    script = f"""
import json, sys
from ganzoo.hub.download import fetch
from ganzoo.interface.weights_files import HubFile
fetch(HubFile(**json.loads(sys.argv[1])){asked})
"""
    root = os.fspath(Path(download.__file__).parents[2])
    environment = hub.environment(tmp_path, PYTHONPATH=root, TQDM_POSITION="-1")  # as if stderr were a terminal
    command = [sys.executable, "-c", script, json.dumps(vars(pinned))]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=True)
    assert done.stderr == ""
    told = [line.split("|") for line in done.stdout.splitlines()]
    assert bool(told) == bool(asked)
    for what, *_ in told:
        assert what == f"downloading {REPO}/{NAME}"
    if asked:
        assert told[-1][1:] == [str(len(CONTENT))] * 2


def test_importing_the_module_is_cheap() -> None:
    code = "import sys, ganzoo.hub.download; sys.exit(bool({'torch', 'huggingface_hub', 'httpx2'} & set(sys.modules)))"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(download.__file__).parents[2])


# --- wrong bytes ---------------------------------------------------------------------------------


def flipped(content: bytes) -> bytes:
    return content[:5000] + bytes([content[5000] ^ 1]) + content[5001:]


def test_wrong_bytes_once_are_put_aside_and_fetched_again(hub: Hub, pinned: HubFile, tmp_path: Path) -> None:
    hub.break_("GET", NAME, body(flipped), times=1)
    assert_right(pull(hub, pinned, tmp_path))
    assert quarantined(tmp_path) == [flipped(CONTENT)]


def test_wrong_bytes_twice_are_refused_and_leave_the_cache_empty(hub: Hub, pinned: HubFile, tmp_path: Path) -> None:
    hub.break_("GET", NAME, body(flipped))
    for _ in range(2):  # a pull that failed does not make the next one succeed
        result = pull(hub, pinned, tmp_path)
        assert result["error"] == "CorruptWeightsError"
        assert pinned.sha256[:12] in result["message"]
        assert not result["cached"]
    assert len(hub.seen("GET", NAME)) == 4
    assert not list(tmp_path.glob("hub/models--*/blobs/*"))
    assert len(quarantined(tmp_path)) == 3  # of four


def test_a_wrong_length_is_told_apart(hub: Hub, tmp_path: Path) -> None:
    file = pin(hub.add(REPO, {NAME: CONTENT}), size=len(CONTENT) + 1)
    result = pull(hub, file, tmp_path)
    assert result["error"] == "CorruptWeightsError"
    assert f"{len(CONTENT):,} bytes, expected {file.size:,}" in result["message"]


def test_a_slow_download_is_given_up(hub: Hub, pinned: HubFile, tmp_path: Path) -> None:
    hub.break_("GET", NAME, drip)
    result = pull(hub, pinned, tmp_path, bound=True, constants={"SPEED_SECONDS": 0.5})
    assert_refused(result, "network", f"{REPO}/{NAME}", "too slow", "below 1,000", "GANZOO_MINIMUM_SPEED")


@pytest.mark.long
def test_the_floor_can_be_set(hub: Hub, tmp_path: Path) -> None:
    content = bytes(400)
    file = pin(hub.add("zoo/small", {NAME: content}), repo="zoo/small", sha256=hashlib.sha256(content).hexdigest())
    file = HubFile(**{**vars(file), "size": len(content)})
    hub.break_("GET", NAME, drip)
    for speed in ("0", "10"):
        result = pull(
            hub, file, tmp_path / speed, {"GANZOO_MINIMUM_SPEED": speed}, bound=True, constants={"SPEED_SECONDS": 0.5}
        )
        assert result.get("sha256") == file.sha256, result


@pytest.mark.parametrize("speed", ["fast", "-1", "nan", "inf"])
def test_a_floor_that_is_no_speed_is_refused(speed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GANZOO_MINIMUM_SPEED", speed)
    with pytest.raises(InvalidRequestError, match=f"GANZOO_MINIMUM_SPEED is '{speed}'"):
        minimum_speed()


@pytest.mark.parametrize("link", ["blob", "snapshot", "both", "folder"])
def test_a_users_own_file_is_never_moved(link: str, hub: Hub, pinned: HubFile, tmp_path: Path) -> None:
    """A cache entry may be a link out of the cache: the link goes, the file stays."""
    assert_right(pull(hub, pinned, tmp_path))
    own = tmp_path / "own"
    own.mkdir()
    (own / NAME).write_bytes(flipped(CONTENT))
    [snapshot] = tmp_path.glob(f"hub/models--*/snapshots/*/{NAME}")
    if link == "folder":
        shutil.rmtree(snapshot.parent)
        snapshot.parent.symlink_to(own)
    elif link == "snapshot":
        snapshot.unlink()
        snapshot.symlink_to(own / NAME)
    else:
        stored = snapshot.resolve()
        stored.unlink()
        if link == "both":
            (own / "link").symlink_to(own / NAME)
        stored.symlink_to(own / ("link" if link == "both" else NAME))
    result = pull(hub, pinned, tmp_path)
    assert (own / NAME).read_bytes() == flipped(CONTENT)
    assert not quarantined(tmp_path)
    if link == "folder":
        assert result["error"] == "CorruptWeightsError"
    else:
        assert_right(result)


def test_what_another_process_has_repaired_is_left_alone(tmp_path: Path) -> None:
    path, repaired = tmp_path / "blob", tmp_path / "repaired"
    path.write_bytes(b"damaged")
    seen = path.stat()
    repaired.write_bytes(b"right")
    repaired.replace(path)
    download._quarantine(path, seen)
    assert path.read_bytes() == b"right"


def test_a_git_lfs_pointer_is_called_by_its_name(hub: Hub, tmp_path: Path) -> None:
    file = pin(hub.add(REPO, {NAME: POINTER}))
    result = pull(hub, file, tmp_path)
    assert result["error"] == "CorruptWeightsError"
    assert "Git-LFS pointer" in result["message"]


@pytest.mark.parametrize(
    "damage",
    [flipped, lambda content: content[:1000], lambda _: b"", lambda content: content + b"\0"],
    ids=["bit flip", "cut short", "emptied", "longer"],
)
@pytest.mark.parametrize("size", [len(CONTENT), None], ids=["size known", "size unknown"])
def test_damage_at_rest_is_repaired(hub: Hub, tmp_path: Path, damage: Any, size: int | None) -> None:
    file = pin(hub.add(REPO, {NAME: CONTENT}), size=size)
    assert_right(pull(hub, file, tmp_path))
    blob(tmp_path).write_bytes(damage(CONTENT))
    assert_right(pull(hub, file, tmp_path))
    assert quarantined(tmp_path) == [damage(CONTENT)]
    assert len(hub.seen("GET", NAME)) == 2


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir], ids=["pipe", "folder"])
def test_what_is_no_file_is_replaced(hub: Hub, pinned: HubFile, tmp_path: Path, make: Any) -> None:
    """To open a pipe would wait without end."""
    assert_right(pull(hub, pinned, tmp_path))
    stored = blob(tmp_path)
    stored.unlink()
    make(stored)
    assert_right(pull(hub, pinned, tmp_path))


def test_damage_is_repaired_by_four_at_once(hub: Hub, pinned: HubFile, tmp_path: Path) -> None:
    pull(hub, pinned, tmp_path)
    blob(tmp_path).write_bytes(flipped(CONTENT))
    processes = [start(hub, pinned, tmp_path) for _ in range(4)]
    for process in processes:
        assert_right(finish(process))
    assert blob(tmp_path).read_bytes() == CONTENT


def test_a_removed_blob_is_fetched_again(hub: Hub, pinned: HubFile, tmp_path: Path) -> None:
    pull(hub, pinned, tmp_path)
    blob(tmp_path).unlink()
    result = pull(hub, pinned, tmp_path)
    assert not result["cached"]
    assert_right(result)


def test_damage_without_symlinks_is_repaired(hub: Hub, pinned: HubFile, tmp_path: Path) -> None:
    env = {"HF_HUB_DISABLE_SYMLINKS": "1"}
    path = Path(pull(hub, pinned, tmp_path, env)["path"])
    assert not path.is_symlink()
    path.write_bytes(flipped(CONTENT))
    assert_right(pull(hub, pinned, tmp_path, env))


def test_damage_offline_is_never_loaded(hub: Hub, pinned: HubFile, tmp_path: Path) -> None:
    pull(hub, pinned, tmp_path)
    blob(tmp_path).write_bytes(flipped(CONTENT))
    hub.requests.clear()
    result = pull(hub, pinned, tmp_path, {"HF_HUB_OFFLINE": "1"})
    assert_refused(result, "offline", "damaged", "HF_HUB_OFFLINE")
    assert not hub.requests


def test_a_large_file_is_hashed_once_and_again_when_touched(hub: Hub, pinned: HubFile, tmp_path: Path) -> None:
    settings = {"constants": {"MEMOIZE_BYTES": 1000}}
    pull(hub, pinned, tmp_path, **settings)
    (note,) = (path for path in tmp_path.glob("assets/ganzoo/verified/**/*") if path.is_file())
    seen = blob(tmp_path).stat()
    with blob(tmp_path).open("rb+") as file:
        file.write(flipped(CONTENT))
    os.utime(blob(tmp_path), ns=(seen.st_atime_ns, seen.st_mtime_ns))
    assert pull(hub, pinned, tmp_path, **settings)["sha256"] == hashlib.sha256(flipped(CONTENT)).hexdigest()
    os.utime(blob(tmp_path), ns=(seen.st_atime_ns, seen.st_mtime_ns + 1))
    assert_right(pull(hub, pinned, tmp_path, **settings))
    assert note.exists()


# --- faults of the line --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault",
    [reset, cut, status(503), status(500), status(403), body(lambda _: HTML), body(lambda content: content[:700])],
    ids=["reset", "cut", "503", "500", "expired", "login page", "half"],
)
def test_what_passes_is_tried_again(hub: Hub, pinned: HubFile, tmp_path: Path, fault: Fault) -> None:
    hub.break_("GET", NAME, fault, times=2)
    assert_right(pull(hub, pinned, tmp_path))
    assert len(hub.seen("GET", NAME)) == 3
    assert not quarantined(tmp_path)


@pytest.mark.parametrize(
    ("fault", "kind", "word", "requests"),
    [
        (reset, "network", "ReadError", 4),
        (cut, "network", "RemoteProtocolError", 6),  # the client's own loop, not repeated by ours
        (status(500), "http", "HTTP 500", 4),
        (status(403), "http", "HTTP 403", 4),
        (status(418), "http", "HTTP 418", 1),
        (body(lambda _: HTML), "network", "login page", 4),
        (redirect("file:///etc/hostname"), "http", "UnsupportedProtocol", 1),
        (redirect("ftp://127.0.0.1/x"), "http", "UnsupportedProtocol", 1),
    ],
    ids=["reset", "cut", "500", "expired", "teapot", "login page", "to a file", "to ftp"],
)
def test_what_lasts_is_explained(
    hub: Hub, pinned: HubFile, tmp_path: Path, fault: Fault, kind: str, word: str, requests: int
) -> None:
    hub.break_("GET", NAME, fault)
    assert_refused(pull(hub, pinned, tmp_path), kind, word)
    assert len(hub.seen("GET", NAME)) == requests
    assert len(hub.seen("HEAD", NAME, server="hub")) == min(requests, 4 if fault is not cut else 1)


def test_a_redirect_loop_is_explained(hub: Hub, pinned: HubFile, tmp_path: Path) -> None:
    hub.break_("HEAD", NAME, redirect(f"/{REPO}/resolve/{pinned.revision}/{NAME}"), server="hub")
    assert_refused(pull(hub, pinned, tmp_path), "http", "TooManyRedirects")


def test_a_hub_in_trouble_is_explained(hub: Hub, pinned: HubFile, tmp_path: Path) -> None:
    hub.break_("HEAD", NAME, status(503), server="hub")
    assert_refused(pull(hub, pinned, tmp_path), "http", "HTTP 503")


def test_a_login_page_in_place_of_the_hub_is_explained(hub: Hub, pinned: HubFile, tmp_path: Path) -> None:
    hub.break_("HEAD", NAME, body(lambda _: HTML), server="hub")
    assert_refused(pull(hub, pinned, tmp_path), "network", "login page", "HF_ENDPOINT")


def test_a_refused_connection_is_explained(hub: Hub, pinned: HubFile, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        closed = f"http://127.0.0.1:{taken.getsockname()[1]}"
    assert_refused(pull(hub, pinned, tmp_path, {"HF_ENDPOINT": closed}), "network", "cannot reach", closed)


def test_a_silent_transfer_is_given_up(hub: Hub, pinned: HubFile, tmp_path: Path) -> None:
    hub.break_("GET", NAME, hang, times=1)
    assert_right(pull(hub, pinned, tmp_path, {"HF_HUB_DOWNLOAD_TIMEOUT": "1"}))


# --- refusals ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("access", "kind", "word"),
    [
        ("GatedRepo", "gated", "accept its terms"),
        ("RepoNotFound", "missing", "private"),
        ("Unauthorized", "missing", "private"),
    ],
)
def test_a_repository_that_is_not_shown(hub: Hub, tmp_path: Path, access: str, kind: str, word: str) -> None:
    file = pin(hub.add(REPO, {NAME: CONTENT}, access=access))
    assert_refused(pull(hub, file, tmp_path), kind, REPO, word, "hf auth login")
    assert len(hub.seen("HEAD", NAME, server="hub")) == 1


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"repo": "zoo/zebras"}, "zoo/zebras"),
        ({"revision": "0" * 40}, "0" * 40),
        ({"filename": "other.safetensors"}, "other.safetensors"),
        ({"repo_type": "dataset"}, "no dataset repository"),
    ],
    ids=["repository", "revision", "file", "kind"],
)
def test_what_is_missing_is_named(
    hub: Hub, pinned: HubFile, tmp_path: Path, changes: dict[str, str], word: str
) -> None:
    file = pin(**{"revision": pinned.revision, **changes})
    assert_refused(pull(hub, file, tmp_path), "missing", word)
    assert not hub.seen("GET", "")


def test_offline_uses_the_cache_and_says_what_is_not_in_it(hub: Hub, pinned: HubFile, tmp_path: Path) -> None:
    offline = {"HF_HUB_OFFLINE": "1"}
    assert_refused(pull(hub, pinned, tmp_path, offline), "offline", "HF_HUB_OFFLINE")
    assert not hub.requests
    pull(hub, pinned, tmp_path)
    hub.requests.clear()
    assert_right(pull(hub, pinned, tmp_path, offline))
    assert not hub.requests


def test_bounding_the_client_keeps_it_offline(hub: Hub, pinned: HubFile, tmp_path: Path) -> None:
    assert_refused(pull(hub, pinned, tmp_path, {"HF_HUB_OFFLINE": "1"}, bound=True), "offline")
    assert not hub.requests


# --- the disk ------------------------------------------------------------------------------------


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "mounted"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", os.fspath(folder)]
    if not shutil.which("mount") or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("may not mount a file system here")
    yield folder
    subprocess.run(["umount", os.fspath(folder)], check=True)


def fill(folder: Path) -> None:
    free = shutil.disk_usage(folder).free
    (folder / "filler").write_bytes(b"\0" * (free - 200_000))


def test_a_full_disk_is_found_before_a_request(hub: Hub, pinned: HubFile, mounted: Path) -> None:
    fill(mounted)
    assert_refused(pull(hub, pinned, mounted), "disk", f"{len(CONTENT):,} bytes", "HF_HOME")
    assert not hub.requests


def test_a_disk_that_fills_up_is_explained_and_left_clean(hub: Hub, pinned: HubFile, mounted: Path) -> None:
    fill(mounted)
    file = pin(pinned.revision, size=None)
    quiet = {"PYTHONWARNINGS": "ignore"}  # the client warns of "not enough free disk space"
    assert_refused(pull(hub, file, mounted, quiet), "disk", "no room")
    assert not list(mounted.glob("**/*.incomplete"))


def test_a_read_only_cache_serves_what_it_holds(hub: Hub, pinned: HubFile, mounted: Path) -> None:
    assert_right(pull(hub, pinned, mounted))
    subprocess.run(["mount", "-o", "remount,ro", os.fspath(mounted)], check=True)
    assert_right(pull(hub, pinned, mounted))
    revision = hub.add("zoo/zebras", {NAME: CONTENT})
    result = pull(hub, pin(revision, repo="zoo/zebras"), mounted)
    assert_refused(result, "disk", "cannot write to", "HF_HOME")


@pytest.mark.parametrize(
    ("number", "word"),
    [
        (errno.ENOSPC, "no room"),
        (errno.EDQUOT, "no room"),
        (errno.EROFS, "cannot write"),
        (errno.EACCES, "cannot write"),
        (
            errno.ENOTDIR,
            r"the cache of zoo/not-cached-anywhere is damaged .* - remove .*models--zoo--not-",
        ),
    ],
)
def test_errors_of_the_disk(number: int, word: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("huggingface_hub.hf_hub_download", fails)
    with pytest.raises(PullError, match=word) as caught:
        download.fetch(pin("1" * 40, repo="zoo/not-cached-anywhere"))
    assert caught.value.kind == "disk"


# --- interruptions -------------------------------------------------------------------------------


def test_a_killed_pull_leaves_an_orphan_that_is_swept_when_old(hub: Hub, pinned: HubFile, tmp_path: Path) -> None:
    hub.break_("GET", NAME, hang, times=1)
    process = start(hub, pinned, tmp_path)
    deadline = time.monotonic() + 30
    while not hub.seen("GET", NAME) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    (orphan,) = tmp_path.glob("hub/models--*/blobs/*.incomplete")
    assert_right(pull(hub, pinned, tmp_path))
    assert orphan.exists()  # young: it could belong to a pull in progress
    old = time.time() - 2 * download.ORPHAN_SECONDS
    os.utime(orphan, (old, old))
    (other,) = (path for path in tmp_path.glob("hub/models--*/blobs/*") if path != orphan)
    other.unlink()
    assert_right(pull(hub, pinned, tmp_path))
    assert not orphan.exists()


# --- the command line's client -------------------------------------------------------------------


def test_a_bound_client_waits_no_day(hub: Hub, pinned: HubFile, tmp_path: Path) -> None:
    day = status(429, Retry_After="86400", RateLimit='"resolvers";r=0;t=3000')
    hub.break_("GET", NAME, day, times=4)
    unbound = pull(hub, pinned, tmp_path / "unbound")
    assert max(unbound["naps"]) > 3000
    for planned in hub.faults:
        planned.times = 2
    bound = pull(hub, pinned, tmp_path / "bound", bound=True)
    assert_right(bound)
    assert max(bound["naps"]) <= download.LONGEST_RETRY_AFTER + 1


def test_a_bound_client_gives_up_on_a_silent_hub(hub: Hub, pinned: HubFile, tmp_path: Path) -> None:
    hub.break_("HEAD", NAME, hang, server="hub")
    begun = time.monotonic()
    result = pull(hub, pinned, tmp_path, bound=True, constants={"LONGEST_HEAD": 0.2})
    assert_refused(result, "network", "ReadTimeout")
    assert time.monotonic() - begun < 9  # unbound, the first HEAD alone takes 10
    assert len(hub.seen("HEAD", NAME, server="hub")) == 7

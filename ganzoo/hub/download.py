"""Download pinned files from the Hugging Face Hub with its own client, and verify them at every use.

The client compares only sizes, and keeps damaged files in its cache for ever. This module compares digests, and
downloads a damaged file once more.
"""

from __future__ import annotations

import os
import shutil
import stat
import time
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganzoo.errors import CorruptWeightsError, PullError
from ganzoo.hub.errors import explain_download_error, full_name
from ganzoo.hub.pins import GitFile, Pinned, git_digest
from ganzoo.hub.retry import retried
from ganzoo.hub.speed import minimum_speed, with_floor
from ganzoo.utils.files import atomic_write, sha256_of
from ganzoo.utils.progress import Progress, silent

if TYPE_CHECKING:
    import httpx2

__all__ = ["assets_folder", "bound_client", "fetch", "is_cached", "repository_folder"]

MEMOIZE_BYTES = 256_000_000  # a digest takes 28 ms for 45 MB, but most of a second for a gigabyte
ORPHAN_SECONDS = 3600
KEPT_IN_QUARANTINE = 3
LONGEST_HEAD = 3.0  # the client asks 7 times and waits 23 s in between: it gives up a silent host after 44 s
LONGEST_ANSWER = 300.0  # to an upload; the client itself waits for ever
LONGEST_RETRY_AFTER = 5
SPEED_SECONDS = 60.0  # the time over which the speed of a download is a mean

_LFS_POINTER = b"version https://git-lfs"


def fetch(file: Pinned, *, progress: Progress = silent) -> Path:
    """Download a file unless it is cached, verify it, and return its local path.

    Each call verifies size and digest. The digest of a file above `MEMOIZE_BYTES` is computed only once, as long as
    the cached file keeps its size, time and inode. A wrong file is moved to quarantine and downloaded once more.
    `progress` is called with the number of bytes that have arrived.

    Raises:
        PullError: the download failed; `kind` says why.
        CorruptWeightsError: the file was wrong twice. It is in quarantine, not in the cache.
    """
    path, fault = _fetch_once(file, progress)
    if fault:
        try:
            path, fault = _fetch_once(file, progress)
        except PullError as error:
            text = f"the cached file was damaged ({fault}) and has been removed; {error}"
            raise PullError(text, kind=error.kind) from error
    if fault:
        raise CorruptWeightsError(f"{full_name(file)} was wrong twice: {fault} - {_remedy(fault)}")
    return path


def is_cached(file: Pinned) -> bool:
    """Whether the file is in the local cache and has the right size. It uses no network and computes no digest."""
    path = _repository(file) / "snapshots" / file.revision / file.filename
    return path.is_file() and file.size in (None, path.stat().st_size)


def bound_client() -> None:
    """Make the Hub's client print nothing, and give up a dead or throttling host within a minute instead of a day.

    It also gives up a download that is slower than `minimum_speed` over a minute. This changes the client of the whole
    process, so only the command line calls it: a library must not.

    Raises:
        InvalidRequestError: the minimum speed in the environment is no number.
    """
    import httpx2
    from huggingface_hub import get_session, logging, set_client_factory

    logging.set_verbosity_error()  # type: ignore[no-untyped-call]  # it logs each retry; our one line says the result
    hooks = get_session().event_hooks  # keep the client's own hooks: without them HF_HUB_OFFLINE has no effect
    hooks = {
        "request": [*hooks.get("request", ()), _cap_timeouts],
        "response": [*hooks.get("response", ()), _cap_retry_after, partial(_set_floor, floor=minimum_speed())],
    }
    set_client_factory(lambda: httpx2.Client(event_hooks=hooks, follow_redirects=True, timeout=None))


def _cap_timeouts(request: httpx2.Request) -> None:
    longest = LONGEST_HEAD if request.method == "HEAD" else LONGEST_ANSWER
    limits = request.extensions.get("timeout", {})
    request.extensions["timeout"] = {
        name: min(limits.get(name) or longest, longest) for name in ("connect", "read", "write", "pool")
    }


def _set_floor(response: httpx2.Response, floor: float) -> None:
    response.stream = with_floor(response.stream, floor, SPEED_SECONDS)


def _cap_retry_after(response: httpx2.Response) -> None:
    response.headers.pop("ratelimit", None)  # the client prefers it to Retry-After
    wait = response.headers.get("retry-after", "")
    if wait.isdigit():
        response.headers["retry-after"] = str(min(int(wait), LONGEST_RETRY_AFTER))


# --- download ------------------------------------------------------------------------------------


def _fetch_once(file: Pinned, progress: Progress) -> tuple[Path, str]:
    """Download the file unless it is cached; return its path, and what is wrong with it or an empty text."""
    if not is_cached(file):
        _make_room(file)
    path = _download(file, progress)
    return path, _verify_or_quarantine(path, file)


def _download(file: Pinned, progress: Progress) -> Path:
    """Call the client, and repeat the call after errors that the client itself does not retry."""
    from huggingface_hub import hf_hub_download

    def request() -> Path:
        path = hf_hub_download(
            file.repo,
            file.filename,
            revision=file.revision,
            repo_type=file.repo_type,
            tqdm_class=_reporting(f"downloading {full_name(file)}", progress),
            library_name="ganzoo",
        )
        return Path(path)

    try:
        return retried(request)
    except PullError as error:  # it is too slow
        raise PullError(f"{full_name(file)}: {error}", kind=error.kind) from error
    except Exception as error:
        raise explain_download_error(error, file) from error


def _reporting(what: str, progress: Progress) -> type:
    """A tqdm class for the client, which draws nothing and calls `progress` instead."""
    from huggingface_hub.utils.tqdm import tqdm

    class Reporting(tqdm):  # the client's own `silent_tqdm` lacks methods that its Xet transfers call
        def __init__(self, *args: object, **options: Any) -> None:
            super().__init__(*args, **{**options, "disable": True})  # type: ignore[no-untyped-call]
            self.n, self.total = options.get("initial") or 0, options.get("total")

        def update(self, n: float | None = 1) -> None:
            self.n += n or 0  # a disabled tqdm does not count
            progress(what, int(self.n), int(self.total or 0))

    return Reporting


def _make_room(file: Pinned) -> None:
    """Remove the files that interrupted downloads left in the repository's folder, then check the free space.

    Raises:
        PullError: the file does not fit on the disk; its kind is ``disk``.
    """
    cache = _repository(file).parent
    old = time.time() - ORPHAN_SECONDS
    for orphan in (_repository(file) / "blobs").glob("*.incomplete"):
        with suppress(OSError):
            if orphan.lstat().st_mtime < old and _is_inside(orphan):
                orphan.unlink()
    existing = next(folder for folder in (cache, *cache.parents) if folder.exists())
    free = shutil.disk_usage(existing).free
    if file.size is not None and free < file.size:
        text = f"{full_name(file)} needs {file.size:,} bytes, but {cache} has {free:,} bytes free"
        raise PullError(f"{text} - free space there, or set HF_HOME to a folder on another disk", kind="disk")


def _repository(file: Pinned) -> Path:
    return repository_folder(file.repo, file.repo_type)


def repository_folder(repo: str, repo_type: str = "model") -> Path:
    """The folder of a repository in the client's cache. The client documents the layout of its cache.

    The client's own functions for this import its HTTP code, which takes 0.1 s: too slow for `ganzoo list`.
    """
    from huggingface_hub import constants

    return Path(constants.HF_HUB_CACHE, f"{repo_type}s--{repo.replace('/', '--')}")


def assets_folder() -> Path:
    """The folder for what ganzoo itself keeps. It may not exist."""
    from huggingface_hub import constants

    return Path(constants.HF_ASSETS_CACHE, "ganzoo")


# --- verify --------------------------------------------------------------------------------------


def _verify_or_quarantine(path: Path, file: Pinned) -> str:
    """What is wrong with the file at `path`, or an empty text. A wrong file is moved to quarantine."""
    try:
        before = path.stat()
        fault = _find_fault(path, file)
        if fault:
            _quarantine(path, before)
        return fault
    except FileNotFoundError:
        return "the cached file was removed while it was read"
    except OSError as error:
        raise explain_download_error(error, file) from error


def _find_fault(path: Path, file: Pinned) -> str:
    """What is wrong with the file at `path`, or an empty text if it has the pinned content."""
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        return "it is not a regular file"
    size = status.st_size
    with path.open("rb") as opened:
        if opened.read(len(_LFS_POINTER)) == _LFS_POINTER:
            return "it is a Git-LFS pointer instead of the weights"
    if file.size not in (None, size):
        return f"it has {size:,} bytes, expected {file.size:,}"
    if isinstance(file, GitFile):
        name, digest, expected = "git digest", git_digest(path), file.oid
    else:
        name, digest, expected = "sha256", _digest(path, file.sha256), file.sha256
    return "" if digest == expected else f"its {name} is {digest[:12]}..., expected {expected[:12]}..."


def _digest(path: Path, expected: str) -> str:
    """The file's SHA-256. A large file that was right before and has not changed since is not read again."""
    if path.stat().st_size < MEMOIZE_BYTES:
        return sha256_of(path)
    from huggingface_hub import cached_assets_path

    stamp = _stamp(path)
    with suppress(OSError):
        if (cached_assets_path("ganzoo", "verified") / expected).read_text() == stamp:
            return expected
    digest = sha256_of(path)
    if digest == expected:
        with suppress(OSError), atomic_write(cached_assets_path("ganzoo", "verified") / expected) as note:
            note.write_text(stamp)
    return digest


def _stamp(path: Path) -> str:
    status = path.stat()
    return f"{path} {status.st_size} {status.st_mtime_ns} {status.st_ino}"


def _quarantine(path: Path, seen: os.stat_result) -> None:
    """Move the file out of the cache. It is not overwritten, since another process may have it in memory."""
    from huggingface_hub import cached_assets_path

    blob = path.resolve()
    if not os.path.samestat(seen, blob.stat()):
        return  # another process has replaced it already
    if not _is_inside(blob):
        _remove_links(path)  # the file itself is the user's own
        return
    try:
        folder = cached_assets_path("ganzoo", "quarantine")
        shutil.move(blob, folder / f"{time.time_ns()}-{blob.name}")
        for oldest in sorted(folder.iterdir())[:-KEPT_IN_QUARANTINE]:
            if _is_inside(oldest):
                oldest.unlink(missing_ok=True)
    except OSError:
        blob.unlink(missing_ok=True)  # there is no room to keep it, and nobody may load it


def _is_inside(path: Path) -> bool:
    """Whether the file, or the link itself, lies in the client's cache: only such files may be moved or deleted."""
    from huggingface_hub import constants

    caches = (Path(cache).resolve() for cache in (constants.HF_HUB_CACHE, constants.HF_ASSETS_CACHE))
    return any((path.parent.resolve() / path.name).is_relative_to(cache) for cache in caches)


def _remove_links(path: Path) -> None:
    """Remove the links in the cache by which `path` leads out of it, so that the file is downloaded anew."""
    while path.is_symlink() and _is_inside(path):
        target = path.parent / path.readlink()
        path.unlink()
        path = target


def _remedy(fault: str) -> str:
    if "Git-LFS" in fault:
        return "this mirror does not have the weights; unset HF_ENDPOINT to use the Hub itself"
    return "check your proxy and HF_ENDPOINT; if they do not alter files, report it to the publisher"

"""Pinned files of the Hugging Face Hub: fetched with its own client, verified each time, repaired once.

The client compares sizes only, and keeps damaged bytes in its cache for good; hence the digests here.
"""

from __future__ import annotations

import os
import shutil
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganzoo.errors import CorruptWeightsError, PullError
from ganzoo.hub.errors import explain_download_error, full_name, is_incomplete
from ganzoo.hub.pins import GitFile, Pinned, git_digest
from ganzoo.utils.files import atomic_write, sha256_of
from ganzoo.utils.progress import Progress, silent

if TYPE_CHECKING:
    import httpx2

__all__ = ["bound_client", "fetch", "is_cached"]

MEMOISE_BYTES = 256_000_000  # hashing takes 28 ms for 45 MB, but most of a second from a gigabyte on
ORPHAN_SECONDS = 3600
KEPT_IN_QUARANTINE = 3
BACKOFF = (0.5, 1.0, 2.0)  # between four tries
LONGEST_HEAD = 3.0  # the client asks 7 times and waits 23 s in between: a silent host is given up after 44 s
LONGEST_ANSWER = 300.0  # to what is sent; the client would wait for ever
LONGEST_RETRY_AFTER = 5

_LFS_POINTER = b"version https://git-lfs"


def fetch(file: Pinned, *, progress: Progress = silent) -> Path:
    """A local path that holds exactly the pinned bytes; asks the network only for what is not cached.

    Size and digest are verified at every call (above `MEMOISE_BYTES`, once for each size, time and
    inode of the cached file). Wrong bytes are moved to quarantine and fetched once more. `progress`
    is told of the bytes that have arrived.

    Raises:
        PullError: it cannot be fetched; `kind` says why.
        CorruptWeightsError: wrong bytes arrived twice. They are in quarantine, not in the cache.
    """
    path, fault = _fetch_once(file, progress)
    if fault:
        try:
            path, fault = _fetch_once(file, progress)
        except PullError as error:
            text = f"the local copy was damaged ({fault}) and put aside; {error}"
            raise PullError(text, kind=error.kind) from error
    if fault:
        raise CorruptWeightsError(f"{full_name(file)} was wrong twice: {fault} - {_remedy(fault)}")
    return path


def is_cached(file: Pinned) -> bool:
    """Whether the file is in the local cache with the right size; neither network nor hashing."""
    path = _repository(file) / "snapshots" / file.revision / file.filename
    return path.is_file() and file.size in (None, path.stat().st_size)


def bound_client() -> None:
    """Let the client be quiet, and give up on a dead or throttling host within a minute where it could take a day.

    Process-global, hence for the command line only: a library must not change its host's client.
    """
    import httpx2
    from huggingface_hub import get_session, logging, set_client_factory

    logging.set_verbosity_error()  # type: ignore[no-untyped-call]  # retries are its business; our one line says how it ended
    hooks = get_session().event_hooks  # the client's own: without them HF_HUB_OFFLINE has no effect
    hooks = {
        "request": [*hooks.get("request", ()), _cap_timeouts],
        "response": [*hooks.get("response", ()), _cap_retry_after],
    }
    set_client_factory(lambda: httpx2.Client(event_hooks=hooks, follow_redirects=True, timeout=None))


def _cap_timeouts(request: httpx2.Request) -> None:
    longest = LONGEST_HEAD if request.method == "HEAD" else LONGEST_ANSWER
    limits = request.extensions.get("timeout", {})
    request.extensions["timeout"] = {
        name: min(limits.get(name) or longest, longest) for name in ("connect", "read", "write", "pool")
    }


def _cap_retry_after(response: httpx2.Response) -> None:
    response.headers.pop("ratelimit", None)  # it would win over Retry-After
    wait = response.headers.get("retry-after", "")
    if wait.isdigit():
        response.headers["retry-after"] = str(min(int(wait), LONGEST_RETRY_AFTER))


# --- download ------------------------------------------------------------------------------------


def _fetch_once(file: Pinned, progress: Progress) -> tuple[Path, str]:
    """The path, and what is wrong with the bytes there: those are in quarantine then."""
    if not is_cached(file):
        _make_room(file)
    path = _download(file, progress)
    return path, _verify_or_quarantine(path, file)


def _download(file: Pinned, progress: Progress) -> Path:
    """One call of the client, repeated for the faults that it gives up on at once."""
    from huggingface_hub import hf_hub_download

    delays = iter(BACKOFF)
    while True:
        try:
            path = hf_hub_download(
                file.repo,
                file.filename,
                revision=file.revision,
                repo_type=file.repo_type,
                tqdm_class=_reporting(f"downloading {full_name(file)}", progress),
                library_name="ganzoo",
            )
            return Path(path)
        except Exception as error:  # the client lets errors of httpx2, the OS and its transports escape
            delay = next(delays, None)
            if delay is None or not _is_passing(error):
                raise explain_download_error(error, file) from error
            time.sleep(delay)


def _reporting(what: str, progress: Progress) -> type:
    """A tqdm class for the client that draws nothing and tells `progress`."""
    from huggingface_hub.utils.tqdm import tqdm

    class Reporting(tqdm):  # the client's own `silent_tqdm` lacks what its Xet transfers call
        def __init__(self, *args: object, **options: Any) -> None:
            super().__init__(*args, **{**options, "disable": True})  # type: ignore[no-untyped-call]
            self.n, self.total = options.get("initial") or 0, options.get("total")

        def update(self, n: float | None = 1) -> None:
            self.n += n or 0  # which tqdm itself does not count while it is disabled
            progress(what, int(self.n), int(self.total or 0))

    return Reporting


def _is_passing(error: Exception) -> bool:
    """Whether another try may help that the client has not made itself.

    It repeats timeouts, refused connections and cut bodies, five times each; to repeat those would
    multiply the two loops. A fresh HEAD signs a fresh URL, which mends the 403 of an expired one.
    """
    import httpx2
    from huggingface_hub.errors import HfHubHTTPError

    if isinstance(error, HfHubHTTPError):
        status = error.response.status_code
        return status >= 500 or (status == 403 and type(error) is HfHubHTTPError)
    return isinstance(error, httpx2.ReadError) or is_incomplete(error)


def _make_room(file: Pinned) -> None:
    """Remove what killed downloads of this repository left, then see that the file fits.

    Raises:
        PullError: of kind ``disk``, before a single request is made.
    """
    cache = _repository(file).parent
    old = time.time() - ORPHAN_SECONDS
    for orphan in (_repository(file) / "blobs").glob("*.incomplete"):
        with suppress(OSError):
            if orphan.stat().st_mtime < old:
                orphan.unlink()
    existing = next(folder for folder in (cache, *cache.parents) if folder.exists())
    free = shutil.disk_usage(existing).free
    if file.size is not None and free < file.size:
        text = f"{full_name(file)} takes {file.size:,} bytes, {cache} has {free:,} free"
        raise PullError(f"{text} - make room there or set HF_HOME to a folder on another disk", kind="disk")


def _repository(file: Pinned) -> Path:
    """The repository's folder in the client's cache, whose layout is documented.

    The client's own functions for this import its HTTP stack: 0.1 s that `ganzoo list` would pay.
    """
    from huggingface_hub import constants

    return Path(constants.HF_HUB_CACHE, f"{file.repo_type}s--{file.repo.replace('/', '--')}")


# --- verify --------------------------------------------------------------------------------------


def _verify_or_quarantine(path: Path, file: Pinned) -> str:
    """What is wrong with the bytes at `path`, which are then no longer there; nothing if they are right."""
    try:
        before = path.stat()
        fault = _find_fault(path, file)
        if fault:
            _quarantine(path, before)
        return fault
    except FileNotFoundError:
        return "the cached file vanished while it was read"
    except OSError as error:
        raise explain_download_error(error, file) from error


def _find_fault(path: Path, file: Pinned) -> str:
    size = path.stat().st_size
    with path.open("rb") as opened:
        if opened.read(len(_LFS_POINTER)) == _LFS_POINTER:
            return "a Git-LFS pointer instead of the weights"
    if file.size not in (None, size):
        return f"{size:,} bytes, expected {file.size:,}"
    if isinstance(file, GitFile):
        name, digest, expected = "git digest", git_digest(path), file.oid
    else:
        name, digest, expected = "sha256", _digest(path, file.sha256), file.sha256
    return "" if digest == expected else f"{name} {digest[:12]}..., expected {expected[:12]}..."


def _digest(path: Path, expected: str) -> str:
    """The file's SHA-256; for a large file that was found right before and not touched since, from a note."""
    if path.stat().st_size < MEMOISE_BYTES:
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
    """Move the bytes out of the cache, moved rather than edited: another process may have mapped them."""
    from huggingface_hub import cached_assets_path

    blob = path.resolve()
    if not os.path.samestat(seen, blob.stat()):
        return  # another process has repaired it since
    try:
        folder = cached_assets_path("ganzoo", "quarantine")
        shutil.move(blob, folder / f"{time.time_ns()}-{blob.name}")
        for oldest in sorted(folder.iterdir())[:-KEPT_IN_QUARANTINE]:
            oldest.unlink(missing_ok=True)
    except OSError:
        blob.unlink(missing_ok=True)  # no room to keep it; it must not be loaded all the same


def _remedy(fault: str) -> str:
    if "Git-LFS" in fault:
        return "this Hub or mirror does not hold the content; unset HF_ENDPOINT to use another"
    return "a proxy or mirror on the way alters it, or the pin is wrong: report it to the model's publisher"

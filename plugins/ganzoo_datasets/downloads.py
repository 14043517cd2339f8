"""Help torchvision with its downloads: use archives that are there, give up early, and leave nothing behind."""

from __future__ import annotations

import gzip
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import Empty, Queue
from tempfile import NamedTemporaryFile
from threading import Thread
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

__all__ = ["LONGEST_ANSWER", "check_reachable", "extract_archives", "urls_of", "without_empty_folders"]

LONGEST_ANSWER = 5.0
"""The seconds that a host may take for its first answer. A resolver alone may take 30 s to say that there is none."""


def extract_archives(folder: Path) -> None:
    """Extract each ``.gz`` file of the folder whose content is not next to it. torchvision compares digests instead."""
    for archive in sorted(folder.glob("*-ubyte.gz")):
        target = archive.with_suffix("")
        if not target.exists():
            with gzip.open(archive) as packed, NamedTemporaryFile(dir=folder, delete=False) as file:
                try:
                    shutil.copyfileobj(packed, file)
                    os.replace(file.name, target)
                finally:
                    Path(file.name).unlink(missing_ok=True)


def urls_of(kind: Any) -> list[str]:
    """The addresses of a data set of torchvision; none if it names no address in the usual attributes."""
    mirrors, url = getattr(kind, "mirrors", ()), getattr(kind, "url", None)
    return [*mirrors, *([url] if url else [])]


def check_reachable(urls: Sequence[str]) -> None:
    """Wait until a host answers, at most `LONGEST_ANSWER` seconds. All are asked at the same time.

    Raises:
        OSError: no host answers.
    """
    answers: Queue[Exception | None] = Queue()
    for url in urls:
        Thread(target=_ask, args=(url, answers), daemon=True).start()
    error: Exception | None = None
    end = time.monotonic() + LONGEST_ANSWER
    for _ in urls:
        try:
            error = answers.get(timeout=max(0.0, end - time.monotonic()))
        except Empty:
            raise TimeoutError(f"no answer within {LONGEST_ANSWER:.0f} s") from None
        if error is None:
            return
    if error is not None:
        raise OSError(str(error)) from error


def _ask(url: str, answers: Queue[Exception | None]) -> None:
    try:
        request = Request(url, method="HEAD")  # noqa: S310 - the addresses are torchvision's
        urlopen(request, timeout=LONGEST_ANSWER).close()  # noqa: S310
        answers.put(None)
    except HTTPError:
        answers.put(None)  # any answer will do
    except Exception as error:
        answers.put(error)


@contextmanager
def without_empty_folders(folder: Path) -> Iterator[None]:
    """If the block fails, remove the folders on the way to `folder` that it made and left empty."""
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        yield
    except BaseException:
        for path in made:
            with suppress(OSError):
                path.rmdir()
        raise

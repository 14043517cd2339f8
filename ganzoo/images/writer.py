"""Write many picture files: threads encode and write them, while the caller makes the next pictures."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType

from torch import Tensor

from ganzoo.images.encoding import encode_pixels
from ganzoo.utils.files import write_aside

__all__ = ["PictureWriter"]

WAITING = 64
"""The most pictures that are in memory. Then `write` waits for the first of them."""


class PictureWriter:
    """A context in which `write` takes pictures. Their files appear in the order of the calls, each one complete.

    An error of a file is raised by a later `write`, or at the end, and no file after it appears. If the block itself
    ends with an error, or with Ctrl-C, the pictures that `write` has taken are still written. `done(1)` is called for
    each file that is there.
    """

    def __init__(self, done: Callable[[int], None], *, threads: int = 4) -> None:
        self._done = done
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="ganzoo-writer")
        self._waiting: deque[tuple[Future[Path], Path]] = deque()
        # All files under their temporary names: Ctrl-C may come before the queue knows of one.
        self._aside: set[Path] = set()

    def __enter__(self) -> PictureWriter:
        return self

    def write(self, pixels: Tensor, path: Path) -> None:
        """Write an image (C, H, W), uint8 or uint16, in the format that the ending of `path` names.

        Raises:
            OSError: a file cannot be written; it may be an earlier one.
        """
        self._waiting.append((self._pool.submit(self._write_aside, pixels, path), path))
        while self._waiting and (len(self._waiting) > WAITING or self._waiting[0][0].done()):
            self._finish_first()

    def _finish_first(self) -> None:
        """Let the first file appear under its name."""
        written, path = self._waiting[0]
        temporary = written.result()
        try:
            os.replace(temporary, path)
        except FileNotFoundError:
            if not path.exists():  # else Ctrl-C came after it was moved
                raise
        self._aside.discard(temporary)
        self._waiting.popleft()
        self._done(1)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            # After an error of a file, that file is the first in the queue, and fails again.
            while self._waiting and not isinstance(error, OSError):
                self._finish_first()
        finally:
            self._pool.shutdown(cancel_futures=True)
            for temporary in self._aside:
                temporary.unlink(missing_ok=True)

    def _write_aside(self, pixels: Tensor, path: Path) -> Path:
        temporary = write_aside(path, encode_pixels(pixels, path.suffix))
        self._aside.add(temporary)
        return temporary

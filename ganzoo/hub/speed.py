"""A floor on the speed of downloads: a host that sends a byte a second would keep the program busy for ever."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ganzoo.errors import InvalidRequestError, PullError

if TYPE_CHECKING:
    import httpx2

__all__ = ["VARIABLE", "minimum_speed", "with_floor"]

VARIABLE = "GANZOO_MINIMUM_SPEED"
USUAL = 1000.0


def minimum_speed() -> float:
    """The least bytes per second, as a mean over a minute: the environment variable, or else 1,000. 0 means no floor.

    Raises:
        InvalidRequestError: the variable is not a number of at least 0.
    """
    text = os.environ.get(VARIABLE, "")
    try:
        speed = float(text or USUAL)
    except ValueError:
        speed = -1.0
    if not 0 <= speed < float("inf"):
        raise InvalidRequestError(f"{VARIABLE} is {text!r}, not a number of bytes per second - use 0 for no limit")
    return speed


def with_floor(stream: Any, floor: float, seconds: float) -> httpx2.SyncByteStream:
    """The body of an answer. Reading it fails if in `seconds` fewer than `floor` bytes per second have arrived."""
    import httpx2

    class Timed(httpx2.SyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            started, count = time.monotonic(), 0
            for chunk in stream:
                count += len(chunk)
                passed = time.monotonic() - started
                if passed >= seconds:
                    _check(count / passed, floor)
                    started, count = time.monotonic(), 0
                yield chunk

        def close(self) -> None:
            stream.close()

    return Timed()


def _check(speed: float, floor: float) -> None:
    if speed < floor:
        text = f"the download is too slow: {speed:,.0f} bytes per second, below {floor:,.0f}"
        raise PullError(f"{text} - try again later, or set {VARIABLE} to a smaller number", kind="network")

"""Repeat requests to the Hub after errors that may pass."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from ganzoo.hub.errors import is_incomplete

__all__ = ["retried"]

BACKOFF = (0.5, 1.0, 2.0)  # seconds to wait between four tries

Result = TypeVar("Result")


def retried(request: Callable[[], Result]) -> Result:
    """The result of `request`, which is repeated after errors that may pass. Raises its last error."""
    for delay in BACKOFF:
        try:
            return request()
        except Exception as error:  # the client may also raise errors of httpx2, the system and its transports
            if not _may_pass(error):
                raise
        time.sleep(delay)
    return request()


def _may_pass(error: Exception) -> bool:
    """Whether another try may succeed, after an error that the client has not retried itself.

    The client retries timeouts, refused connections and incomplete bodies, five times each. A new try after a 403
    gets a new signed URL, which helps if the old one has expired.
    """
    import httpx2
    from huggingface_hub.errors import HfHubHTTPError

    if isinstance(error, HfHubHTTPError):
        status = error.response.status_code
        return status >= 500 or (status == 403 and type(error) is HfHubHTTPError)
    return isinstance(error, httpx2.ReadError) or is_incomplete(error)

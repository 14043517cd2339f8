"""How a caller is told of the progress of long work."""

from __future__ import annotations

from typing import Protocol

__all__ = ["Progress", "silent"]


class Progress(Protocol):
    """A function that long work calls now and then.

    `what` names the work, such as "sampling" or "downloading model.safetensors". `done` of `total` steps are
    finished: images, or bytes of a download. `total` is 0 where it is not known.
    """

    def __call__(self, what: str, done: int, total: int) -> None:
        """Show it, or do nothing."""
        ...


def silent(what: str, done: int, total: int) -> None:
    """Show nothing."""

"""Every error that ganzoo raises on purpose, each with the exit code that the command line gives it.

::

    GanzooError                 1   anything below
    ├── UsageError              2   the request is wrong; nothing was done
    │   ├── UnknownNameError        no such model, architecture, loss, layout or data set
    │   ├── AmbiguousNameError      several third-party plugins declare that name
    │   ├── InvalidConfigError      an unknown field, or a value the architecture cannot take
    │   ├── InvalidRequestError     what cannot be sampled: a count, a seed, a device
    │   └── OutputError             where the result cannot be written
    ├── PluginError             1   a plugin, or a record in it, is broken
    ├── WeightsError            1   weights cannot be used
    │   ├── PullError               they cannot be fetched; `kind` says why
    │   ├── CorruptWeightsError     they are not the bytes that were pinned, or not a weights file
    │   ├── MismatchError           their tensors are not those of the network
    │   └── LayoutError             no known layout reads them
    ├── NonFiniteError          1   NaN or infinity in weights, losses or images
    ├── DataError               1   a data set cannot be read
    │   └── UnreadableImage         a picture cannot be read
    ├── UnfinishedError         1   writing ended early; what is said to be written is whole
    │   └── Interrupted       130       by Ctrl-C
    ├── PublishError            1   a model cannot be uploaded
    └── RunError                1   a training run cannot be written, read or resumed
"""

from __future__ import annotations

__all__ = [
    "AmbiguousNameError",
    "CorruptWeightsError",
    "DataError",
    "GanzooError",
    "Interrupted",
    "InvalidConfigError",
    "InvalidRequestError",
    "LayoutError",
    "MismatchError",
    "NonFiniteError",
    "OutputError",
    "PluginError",
    "PluginWarning",
    "PublishError",
    "PullError",
    "RunError",
    "UnfinishedError",
    "UnknownNameError",
    "UnreadableImage",
    "UsageError",
    "WeightsError",
    "one_line",
]


class GanzooError(Exception):
    """The root: `except ganzoo.GanzooError` catches all that ganzoo raises on purpose."""

    exit_code = 1


class UsageError(GanzooError):
    """The request itself is wrong."""

    exit_code = 2


class UnknownNameError(UsageError, LookupError):
    """Nothing is registered under that name."""


class AmbiguousNameError(UsageError, LookupError):
    """Two third-party plugins declare the name; `plugin/name` tells them apart."""


class InvalidConfigError(UsageError, ValueError):
    """A config field that does not exist, or a value that the architecture cannot take."""


class InvalidRequestError(UsageError, ValueError):
    """A count, seed, batch size, device or option that cannot be sampled."""


class OutputError(UsageError, OSError):
    """The result cannot be written where it was asked for."""


class PluginError(GanzooError):
    """A plugin cannot be loaded, or a record of it is wrong."""


class PluginWarning(UserWarning):
    """A plugin was set aside; the others work."""


class WeightsError(GanzooError):
    """Weights cannot be used."""


class PullError(WeightsError):
    """A pinned file cannot be fetched.

    `kind` is stable, for programs: ``network``, ``offline``, ``gated``, ``missing``, ``disk``, ``http``.
    """

    def __init__(self, message: str, *, kind: str) -> None:
        super().__init__(message)
        self.kind = kind


class CorruptWeightsError(WeightsError):
    """The bytes are not those that were pinned, or are no weights file at all."""


class MismatchError(WeightsError):
    """The tensors of a file are not those of the network; the message lists all of them."""


class LayoutError(WeightsError):
    """No layout of the architecture reads this checkpoint."""


class NonFiniteError(GanzooError, ArithmeticError):
    """NaN or infinity where numbers were expected."""


class DataError(GanzooError):
    """A data set cannot be read."""


class PublishError(GanzooError):
    """A model cannot be uploaded to the Hub."""


class RunError(GanzooError):
    """A training run cannot be written, read or resumed."""


def one_line(error: BaseException) -> str:
    """The error's type and first line, for messages that quote another program's error."""
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[0]}" if text else type(error).__name__


class UnfinishedError(GanzooError):
    """Writing ended early; the message says how many pictures are whole, and how to go on."""


class Interrupted(UnfinishedError):
    """Ctrl-C while pictures were written."""

    exit_code = 130


class UnreadableImage(DataError):
    """A picture file that cannot be used; the message says which and why."""

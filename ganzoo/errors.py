"""Every error that ganzoo raises on purpose, each with the exit code that the command line gives it.

::

    GanzooError                 1   any of the errors below
    ├── UsageError              2   the request is wrong, and ganzoo has done nothing
    │   ├── UnknownNameError        no such model, architecture, loss, layout or data set
    │   ├── AmbiguousNameError      several third-party plugins declare the name
    │   ├── InvalidConfigError      an unknown config field, or a value that the architecture does not accept
    │   ├── InvalidRequestError     an impossible count, seed, batch size, device or option
    │   └── OutputError             the result cannot be written to the given path
    ├── PluginError             1   a plugin is broken, or one of its records
    ├── WeightsError            1   the weights cannot be used
    │   ├── PullError               a download failed; `kind` says why
    │   ├── CorruptWeightsError     the file is damaged, or not a weights file
    │   ├── MismatchError           the tensors do not fit the network
    │   └── LayoutError             no known layout reads the file
    ├── NonFiniteError          1   NaN or infinity in weights, losses or images
    ├── DataError               1   a data set cannot be read
    │   └── UnreadableImage         an image file cannot be read
    ├── UnfinishedError         1   writing images ended early
    │   └── Interrupted       130       because of Ctrl-C
    ├── EngineError             1   an engine cannot compute the images of a model
    ├── PublishError            1   a model cannot be uploaded
    └── RunError                1   a training run cannot be written, read or resumed
"""

from __future__ import annotations

__all__ = [
    "AmbiguousNameError",
    "CorruptWeightsError",
    "DataError",
    "EngineError",
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
    """The base of all errors that ganzoo raises on purpose: `except ganzoo.GanzooError` catches all of them."""

    exit_code = 1


class UsageError(GanzooError):
    """The request is wrong."""

    exit_code = 2


class UnknownNameError(UsageError, LookupError):
    """Nothing is registered under that name."""


class AmbiguousNameError(UsageError, LookupError):
    """Several third-party plugins declare the name. ``plugin/name`` means one of the records."""


class InvalidConfigError(UsageError, ValueError):
    """A config field does not exist, or the architecture does not accept its value."""


class InvalidRequestError(UsageError, ValueError):
    """A count, seed, batch size, device or option is not possible."""


class OutputError(UsageError, OSError):
    """The result cannot be written to the given path."""


class PluginError(GanzooError):
    """A plugin cannot be loaded, or one of its records is wrong."""


class PluginWarning(UserWarning):
    """A plugin is broken and was not loaded, or it changes settings of the whole process. All other plugins work."""


class WeightsError(GanzooError):
    """The weights cannot be used."""


class PullError(WeightsError):
    """A pinned file cannot be downloaded.

    `kind` says why: ``network``, ``offline``, ``gated``, ``missing``, ``disk`` or ``http``. Programs can rely on it.
    """

    def __init__(self, message: str, *, kind: str) -> None:
        super().__init__(message)
        self.kind = kind


class CorruptWeightsError(WeightsError):
    """The file does not have the pinned digest, or it is not a weights file."""


class MismatchError(WeightsError):
    """The tensors of a file do not fit the network. The message lists every tensor that differs."""


class LayoutError(WeightsError):
    """No layout of the architecture reads this checkpoint."""


class NonFiniteError(GanzooError, ArithmeticError):
    """A number is NaN or infinite."""


class DataError(GanzooError):
    """A data set cannot be read."""


class EngineError(GanzooError):
    """An engine cannot run a model, or its images are not those of PyTorch."""


class PublishError(GanzooError):
    """A model cannot be uploaded to the Hub."""


class RunError(GanzooError):
    """A training run cannot be written, read or resumed."""


def one_line(error: BaseException) -> str:
    """The type and the first line of an error, at most 300 characters, for messages that quote other code."""
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[0][:300]}" if text else type(error).__name__


class UnfinishedError(GanzooError):
    """Writing images ended early. The message says how many images are complete, and how to continue."""


class Interrupted(UnfinishedError):
    """The user pressed Ctrl-C while images were written."""

    exit_code = 130


class UnreadableImage(DataError):
    """An image file cannot be used. The message says which one and why."""

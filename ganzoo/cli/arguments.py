"""Types of what commands take: paths, counts, names and texts. Shells complete the names."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

from ganzoo.data.sources import data_set_names
from ganzoo.hub import download
from ganzoo.interface.configs import as_text_config
from ganzoo.pretrained.resolve import resolve
from ganzoo.pretrained.sources import HubReference, RegisteredExtractor, Source
from ganzoo.registry import lookup
from ganzoo.utils.names import HUB_DATA

__all__ = [
    "CLASS",
    "COUNT",
    "COUNT_OR_0",
    "DATA",
    "FOLDER",
    "MODEL",
    "PATH",
    "PICTURES",
    "TARGET",
    "TEXT",
    "Name",
    "bound_to_hub",
    "bounded",
    "registered",
    "resolved",
]


class _Path(click.Path):
    """A path. An empty text, which a shell makes of a variable without a value, is none."""

    def __init__(self) -> None:
        super().__init__(path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the path."""
        if not str(value):
            self.fail("the path is empty.", param, ctx)
        return super().convert(value, param, ctx)


PATH = _Path()

Choices = Callable[[click.Context], Iterable[str]]


class _Count(click.IntRange):
    """A number of things from 1 on. Python and PyTorch cannot count to any number that can be written."""

    most = 2**31 - 1

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the number."""
        count: int = super().convert(value, param, ctx)
        if count > self.most:
            self.fail(f"{count} is more than {self.most:,}.", param, ctx)
        return count


COUNT, COUNT_OR_0 = _Count(min=1), _Count(min=0)


class Name(click.ParamType):  # type: ignore[type-arg]  # generic from click 8.2 on only
    """A text for which shells suggest the names that `choices` returns for the command so far.

    With `paths`, shells suggest paths for a text that begins as one, and where no name fits. Completion does not
    import torch and prints nothing.
    """

    name = "text"

    def __init__(self, choices: Choices, *, paths: bool = False) -> None:
        self.choices = choices
        self.paths = paths

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Return the names that begin with `incomplete`."""
        if self.paths and incomplete.startswith((".", "/", "~")):
            return [CompletionItem(incomplete, type="file")]
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore"
            )  # a warning of a broken plugin would appear inside the line that the user types
            try:
                found = [CompletionItem(choice) for choice in self.choices(ctx) if choice.startswith(incomplete)]
            except Exception:  # an error would appear there too
                return []
        return found or ([CompletionItem(incomplete, type="file")] if self.paths else [])


def registered(kind: str) -> Name:
    """A name that plugins declare, of one kind such as ``losses``."""
    return Name(lambda ctx: getattr(lookup.registry(), kind))


MODEL = Name(lambda ctx: lookup.models(), paths=True)
"""A model: its name, its folder or its Hub reference."""


def bound_to_hub(data: str) -> str:
    """Limit how long the Hub's client waits, if `data` is a data set on the Hub. Returns `data`."""
    if data.startswith(HUB_DATA):
        download.bound_client()
    return data


class _Data(Name):
    """Data: a name of `choices`, a folder or a file, or a data set on the Hub."""

    def __init__(self, choices: Choices) -> None:
        super().__init__(choices, paths=True)

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Limit how long the Hub's client waits, if the data set is on the Hub."""
        return bound_to_hub(value)


DATA = _Data(lambda ctx: data_set_names())
"""A data set: its name, its folder or its file, or a data set on the Hub."""

PICTURES = _Data(lambda ctx: ())
"""A picture, a folder or an archive, or a data set on the Hub."""


FOLDER = Name(lambda ctx: (), paths=True)
"""The folder of a run or of a model."""


def _classes(ctx: click.Context) -> Iterable[str]:
    # After an option without a value, click leaves the name of the model in the words that it has not parsed.
    return resolve(ctx.params.get("name") or ctx.args[0]).info.classes


CLASS = Name(_classes)
"""A class of the model that the command line names before it."""


class _Text(Name):
    """A text. Shells complete its last word, if the model that the command line names before it knows such words."""

    def __init__(self) -> None:
        super().__init__(_vocabulary)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Return the text so far with each word that begins as its last one does."""
        before, space, last = incomplete.rpartition(" ")
        found = super().shell_complete(ctx, param, last)
        return [CompletionItem(f"{before}{space}{item.value}") for item in found]


def _vocabulary(ctx: click.Context) -> Iterable[str]:
    subject = resolve(ctx.params.get("name") or ctx.args[0]).info.subject
    return as_text_config(subject.config).vocabulary if subject.task.needs_text else ()


TEXT = _Text()
"""A text for the model that the command line names before it."""


def _targets(ctx: click.Context) -> Iterable[str]:
    return lookup.registry().feature_extractors[ctx.params.get("name") or ctx.args[0]].classes


TARGET = Name(_targets)
"""A class of the feature extractor that the command line names before it."""

Found = TypeVar("Found", bound=Source | RegisteredExtractor | None)


def resolved(name: str) -> Source:
    """Resolve the name of a model, once for the whole command.

    Raises:
        UnknownNameError, AmbiguousNameError: as for `resolve`.
    """
    return bounded(resolve(name))


def bounded(source: Found) -> Found:
    """Limit how long the Hub's client waits, if the source is a Hub reference: its description is on the Hub too."""
    if isinstance(source, HubReference):
        download.bound_client()
    return source

"""What several commands take: names, which shells complete, and the options of all that load or print."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable

import click
from click.shell_completion import CompletionItem

from ganzoo.hub import download, references
from ganzoo.pretrained import resolve
from ganzoo.registry import lookup
from ganzoo.utils import names

__all__ = ["AS_JSON", "CLASS", "DATA", "DEVICE", "FOLDER", "MODEL", "SUBJECT", "Name", "pinned", "registered"]

AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
DEVICE = click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:1 or mps.")

Choices = Callable[[click.Context], Iterable[str]]


class Name(click.ParamType):  # type: ignore[type-arg]  # generic from click 8.2 on only
    """A text that shells complete with what `choices` gives of the command so far; without torch, and in silence.

    With `paths`, what begins as a path is completed as one, and so is all if no name fits.
    """

    name = "text"

    def __init__(self, choices: Choices, *, paths: bool = False) -> None:
        self.choices = choices
        self.paths = paths

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """The names that begin as `incomplete` does."""
        if self.paths and incomplete.startswith((".", "/", "~")):
            return [CompletionItem(incomplete, type="file")]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of broken plugins: whoever completes a word cannot read of them
            try:
                found = [CompletionItem(choice) for choice in self.choices(ctx) if choice.startswith(incomplete)]
            except Exception:  # nothing may be printed between a word and its end
                return []
        return found or ([CompletionItem(incomplete, type="file")] if self.paths else [])


def registered(kind: str) -> Name:
    """The names of a kind of record, such as ``losses``."""
    return Name(lambda ctx: getattr(lookup.registry(), kind))


MODEL = Name(lambda ctx: lookup.models(), paths=True)
"""A model, by its name, its folder or its reference to the Hub."""

SUBJECT = Name(lambda ctx: [*lookup.models(), *lookup.registry().architectures], paths=True)
"""A model or an architecture."""

DATA = Name(lambda ctx: names.DATASETS, paths=True)
"""A data set, by its name or its folder."""

FOLDER = Name(lambda ctx: (), paths=True)
"""A folder of a run or of a model."""


def _classes(ctx: click.Context) -> Iterable[str]:
    # Behind an option that has no value yet, click leaves the model among the words that it has not read.
    return resolve.subject_of(ctx.params.get("name") or ctx.args[0]).classes


CLASS = Name(_classes)
"""A class of the model that the command names before it."""


def pinned(name: str) -> str:
    """The name of a model, a reference to the Hub with the commit that it means now."""
    if references.is_reference(name):
        download.bound_client()
        return references.pin(name)
    return name

"""Arguments and options that several commands share. Shells complete the names."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

from ganzoo.data.sources import data_set_names, with_options
from ganzoo.hub import download
from ganzoo.interface.configs import as_text_config
from ganzoo.interface.tasks import NOISE as KINDS_OF_NOISE
from ganzoo.pretrained.resolve import resolve
from ganzoo.pretrained.sources import HubReference, RegisteredExtractor, Source
from ganzoo.registry import lookup
from ganzoo.sampling.engines import AUTO, PRECISIONS, TORCH
from ganzoo.utils.device_names import check_device_name
from ganzoo.utils.names import HUB_DATA

__all__ = [
    "AS_JSON",
    "CLASS",
    "COUNT",
    "COUNT_OR_0",
    "CUTOFF",
    "DATA",
    "DATA_DIR",
    "DEVICE",
    "ENGINE",
    "FOLDER",
    "FPS",
    "MODEL",
    "NOISE",
    "OVERWRITE",
    "PATH",
    "PICTURES",
    "PRECISION",
    "SCALE",
    "SECONDS",
    "SETTINGS",
    "TARGET",
    "TEXT",
    "TRUNCATION",
    "Name",
    "bound_to_hub",
    "bounded",
    "columns",
    "pictures",
    "registered",
    "resolved",
    "take_columns",
    "take_pictures",
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

AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


class _Device(click.ParamType):  # type: ignore[type-arg]  # generic from click 8.2 on only
    """The name of a device. Whether this machine has it, only torch can say, which takes seconds to import."""

    name = "text"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Refuse what cannot be a device."""
        return check_device_name(value)


DEVICE = click.option(
    "--device",
    type=_Device(),
    default="auto",
    show_default=True,
    help="Device to compute on: auto, cpu, cuda, cuda:1 or mps.",
)
PRECISION = click.option(
    "--precision",
    type=click.Choice(PRECISIONS),
    default="fp32",
    show_default=True,
    help="Precision of the computation. bf16 changes the images.",
)
DATA_DIR = click.option(
    "--data-dir",
    type=PATH,
    default=Path("data"),
    show_default=True,
    help="Folder where data sets known by name are stored.",
)
SETTINGS = click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="FIELD=VALUE",
    help="Set any other field of the request, such as one of a plugin's task. Can be repeated.",
)
OVERWRITE = click.option("--overwrite", is_flag=True, help="Replace files that already exist.")

Choices = Callable[[click.Context], Iterable[str]]
Command = TypeVar("Command", bound=Callable[..., Any])


class _Count(click.IntRange):
    """A number of things from 1 on. Python and PyTorch cannot count to any number that can be written."""

    most = 2**31 - 1

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the number."""
        count: int = super().convert(value, param, ctx)
        if count > self.most:
            self.fail(f"{count} is more than {self.most:,}.", param, ctx)
        return count


COLUMNS = {"image": "pictures", "label": "classes", "text": "captions"}
"""What the columns of a table are for."""

COUNT, COUNT_OR_0 = _Count(min=1), _Count(min=0)

TRUNCATION = click.option(
    "--truncation",
    type=float,
    metavar="T",
    help="Truncation in (0, 1]: less variety, more fidelity. A model with styles takes -2 to 2; 0 is the mean image.",
)
CUTOFF = click.option(
    "--cutoff", type=COUNT, metavar="N", help="With --truncation: truncate the N coarsest styles only."
)
NOISE = click.option(
    "--noise",
    type=click.Choice(KINDS_OF_NOISE),
    help="Noise of the layers: random for each seed, fixed, the noise in the weights, or none. [default: random]",
)
SCALE = click.option(
    "--scale",
    type=COUNT,
    metavar="N",
    help="Enlarge each pixel to a square of N. [default: pictures of about 64 pixels, videos of about 256]",
)
FPS = click.option(
    "--fps", type=float, metavar="N", help="Of a film: frames in a second. [default: 12.5; of a video, 25]"
)
SECONDS = click.option("--seconds", type=float, metavar="N", help="Of a film: its length.")


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


ENGINE = click.option(
    "--engine",
    type=Name(lambda ctx: [AUTO, *lookup.registry().engines]),
    default=TORCH,
    show_default=True,
    help="Library that computes the images. auto: the fastest one that is installed.",
)

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


def pictures(text: str, *, kind: Name = PICTURES, required: bool = False) -> Callable[[Command], Command]:
    """The option --input, which takes several pictures: more words follow it when a shell expands ``*.png``.

    `take_pictures` puts its values `source` and `more` together.
    """

    def decorate(command: Command) -> Command:
        command = click.argument("more", nargs=-1, type=kind, metavar="")(command)
        return click.option(
            "--input", "source", multiple=True, type=kind, metavar="PATH...", required=required, help=text
        )(command)

    return decorate


def take_pictures(source: tuple[str, ...], more: tuple[str, ...], *, wanted: bool = True) -> tuple[str, ...]:
    """What --input names. The words after it belong to it; `wanted` says whether the command can take pictures.

    Raises:
        click.UsageError: there is no --input.
    """
    if more and not source:
        remedy = " - name pictures with --input" if wanted else ""
        raise click.UsageError(f"Got unexpected extra argument ({more[0]}){remedy}")
    return (*source, *more)


def columns(of: str) -> Callable[[Command], Command]:
    """The options that name columns of the data which the option `of` names. `take_columns` adds them to it."""

    def decorate(command: Command) -> Command:
        for kind, holds in reversed(COLUMNS.items()):
            text = f"Column of {of} that holds the {holds}, if it is a table. [default: found by its type and name]"
            command = click.option(f"--{kind}-column", metavar="NAME", help=text)(command)
        return command

    return decorate


def take_columns(of: str, data: str | None, options: dict[str, Any]) -> str | None:
    """`data` with the columns that are named in `options`, from which they are removed."""
    given = {kind: options.pop(f"{kind}_column") for kind in COLUMNS}
    named = [f"--{kind}-column" for kind, name in given.items() if name is not None]
    if named and data is None:
        raise click.UsageError(f"{named[0]} is about {of} - name the data with {of} too")
    return with_options(data, given) if named and data is not None else data


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

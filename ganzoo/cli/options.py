"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from ganzoo.cli.arguments import COUNT, PATH, PICTURES, Name
from ganzoo.data.sources import with_options
from ganzoo.interface.tasks import NOISE as KINDS_OF_NOISE
from ganzoo.registry import lookup
from ganzoo.sampling.engines import AUTO, PRECISIONS, TORCH
from ganzoo.utils.device_names import check_device_name

__all__ = [
    "AS_JSON",
    "CUTOFF",
    "DATA_DIR",
    "DEVICE",
    "ENGINE",
    "FPS",
    "NOISE",
    "OVERWRITE",
    "PRECISION",
    "SCALE",
    "SECONDS",
    "SETTINGS",
    "TRUNCATION",
    "columns",
    "pictures",
    "take_columns",
    "take_pictures",
]

Command = TypeVar("Command", bound=Callable[..., Any])

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

COLUMNS = {"image": "pictures", "label": "classes", "text": "captions"}
"""What the columns of a table are for."""

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


ENGINE = click.option(
    "--engine",
    type=Name(lambda ctx: [AUTO, *lookup.registry().engines]),
    default=TORCH,
    show_default=True,
    help="Library that computes the images. auto: the fastest for this model.",
)


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

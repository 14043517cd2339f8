"""The command that moves from one image to another: `interpolate`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ganzoo.cli.arguments import CLASS, MODEL, PATH, TEXT, resolved
from ganzoo.cli.loading import load_model, note_precision
from ganzoo.cli.options import (
    CUTOFF,
    DEVICE,
    ENGINE,
    FPS,
    NOISE,
    OVERWRITE,
    PRECISION,
    SCALE,
    SECONDS,
    SETTINGS,
    TRUNCATION,
)
from ganzoo.cli.output import say
from ganzoo.cli.progress import bars
from ganzoo.cli.refusals import OF_STYLES, refuse_options
from ganzoo.sampling.requests import parse_settings

__all__ = ["COMMANDS", "interpolate"]

_NEEDS = {
    "classes": ("--class", "label"),
    "from_class": ("--from-class", "label"),
    "to_class": ("--to-class", "label"),
    "texts": ("--text", "text"),
    "from_text": ("--from-text", "text"),
    "to_text": ("--to-text", "text"),
    **OF_STYLES,
}


@click.command()
@click.argument("name", type=MODEL)
@click.option(
    "--steps", type=click.IntRange(min=2), help="Number of images. [default: 15 steps between two; in a video, 50]"
)
@click.option("--seeds", metavar="A-B,C,...", help="Seeds of two or more images, such as 3,7 or 1-5,9. [default: 0,1]")
@click.option(
    "--latents",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Interpolate between latents of this file, which `ganzoo invert` has found.",
)
@click.option("--rows", metavar="A-B,C,...", help="With --latents: the rows of the images. [default: 0,1]")
@click.option(
    "--class",
    "classes",
    multiple=True,
    type=CLASS,
    metavar="NAME",
    help="Class to interpolate through, by name or number. Can be repeated.",
)
@click.option("--from-class", type=CLASS, metavar="NAME", help="Class of the first image, by name or number.")
@click.option(
    "--to-class", type=CLASS, metavar="NAME", help="Class of the last image. [default: that of the first image]"
)
@click.option(
    "--text", "texts", multiple=True, type=TEXT, help="Text to interpolate through. Can be repeated: --hold z keeps z."
)
@click.option("--from-text", type=TEXT, help="Text of the first image.")
@click.option("--to-text", type=TEXT, help="Text of the last image. [default: that of the first image]")
@TRUNCATION
@CUTOFF
@NOISE
@SETTINGS
@click.option(
    "--hold",
    multiple=True,
    metavar="INPUT",
    help="Input that keeps its value from the first image, such as z. Can be repeated.",
)
@click.option(
    "-o",
    "--output",
    type=PATH,
    help="File to write: .png or .jpg for a sheet; .gif, .webp, .mp4 or .webm for a film.",
)
@click.option("--loop", is_flag=True, help="Go on from the last image to the first. [default: a film runs back]")
@FPS
@SECONDS
@SCALE
@click.option("--grid", metavar="CxR", help="Of a film: columns and rows of cells. They share the seeds.")
@OVERWRITE
@DEVICE
@ENGINE
@PRECISION
def interpolate(
    name: str,
    output: Path | None,
    overwrite: bool,
    device: str,
    engine: str,
    precision: str,
    settings: tuple[str, ...],
    **options: Any,
) -> None:
    """Interpolate between two images, or through more.

    The latent moves on a great circle, and the class in a straight line. A model with styles moves the styles, in a
    straight line, and keeps the noise.
    """
    from ganzoo.sampling import interpolation_files

    source = resolved(name)
    refuse_options(source, options, _NEEDS)
    interpolation = interpolation_files.prepare_interpolation(
        source.name, source.info.subject, output, overwrite=overwrite, **options
    ).with_settings(source.name, parse_settings(settings))
    model = load_model(source, device, engine=engine, precision=precision)
    with bars() as progress:
        written = interpolation.write(model, progress=progress)
    say(written)
    note_precision(model)


COMMANDS = (interpolate,)

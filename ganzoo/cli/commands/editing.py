"""The command that moves images along directions of latent space: `edit`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from ganzoo.cli.arguments import CLASS, MODEL, PATH, TEXT, resolved
from ganzoo.cli.loading import load_model
from ganzoo.cli.options import CUTOFF, DEVICE, ENGINE, FPS, NOISE, OVERWRITE, SCALE, SECONDS, SETTINGS, TRUNCATION
from ganzoo.cli.output import say, tell
from ganzoo.cli.progress import bars
from ganzoo.cli.refusals import OF_STYLES, refuse_options

__all__ = ["COMMANDS", "edit"]


@click.command()
@click.argument("name", type=MODEL)
@click.option(
    "--directions",
    required=True,
    metavar="METHOD:N",
    help="sefa:N for the N strongest directions of the first layers' weights, pca:N for those of the activations.",
)
@click.option("--seeds", metavar="A-B,C,...", help="Seeds of the images, such as 1-5,9. [default: 0]")
@click.option(
    "--latents", type=PATH, metavar="FILE", help="Edit the images of these latents, which `ganzoo invert` has found."
)
@click.option("--rows", metavar="A-B,C,...", help="With --latents: the rows of the images. [default: all]")
@click.option("--class", "label", type=CLASS, metavar="NAME", help="Class of the images, by name or number.")
@click.option("--text", type=TEXT, help="What the images show.")
@TRUNCATION
@CUTOFF
@NOISE
@SETTINGS
@click.option(
    "--strength",
    type=float,
    default=3.0,
    show_default=True,
    help="How far to move to either side, in standard deviations of the latent.",
)
@click.option(
    "--columns", type=int, default=7, show_default=True, help="Number of images in a row; the middle one is unchanged."
)
@click.option(
    "-o",
    "--output",
    type=PATH,
    help="File to write: .png or .jpg for a sheet; .gif, .webp, .mp4 or .webm for a film.",
)
@FPS
@SECONDS
@SCALE
@click.option(
    "--grid",
    metavar="CxR",
    help="Of a film: its columns and rows. [default: a row for each image, a column for each direction]",
)
@OVERWRITE
@DEVICE
@ENGINE
def edit(name: str, output: Path | None, device: str, engine: str, **options: Any) -> None:
    """Move images along the directions of latent space that change them most.

    Writes a sheet: a row for each direction, the strengths in the columns, and the image itself in the middle.
    """
    from ganzoo.sampling.editing_files import prepare_editing
    from ganzoo.sampling.requests import parse_settings, with_fields

    source = resolved(name)
    refuse_options(source, options, {"label": ("--class", "label"), "text": ("--text", "text"), **OF_STYLES})
    settings = parse_settings(options.pop("settings"))
    editing = prepare_editing(source.name, source.info.subject, output, **options)
    editing = replace(editing, request=with_fields(editing.request, settings, of=source.name))
    model = load_model(source, device, engine=engine)
    with bars() as progress:
        written = editing.write(model, progress=progress)
    tell(editing.rows)
    say(written)


COMMANDS = (edit,)

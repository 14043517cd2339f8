"""Commands that generate images: `sample` and `interpolate`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ganzoo.cli import display
from ganzoo.cli.arguments import (
    AS_JSON,
    CLASS,
    COUNT,
    DEVICE,
    ENGINE,
    MODEL,
    OVERWRITE,
    PATH,
    PRECISION,
    SETTINGS,
    resolved,
)
from ganzoo.cli.output import say, tell
from ganzoo.cli.progress import bars
from ganzoo.cli.refusals import SAMPLES, refuse_options
from ganzoo.pretrained.load import load_from
from ganzoo.pretrained.sources import Source
from ganzoo.sampling.engines import check_engine, describe_difference
from ganzoo.sampling.grid import SampleGrid, make_grid
from ganzoo.sampling.requests import parse_settings
from ganzoo.utils.image_folders import list_folder

if TYPE_CHECKING:
    from ganzoo.sampling.latent_files import SavedLatents
    from ganzoo.sampling.model import Model

__all__ = ["COMMANDS", "interpolate", "load_model", "note_precision", "sample"]


@click.command()
@click.argument("name", type=MODEL)
@click.option("-n", "--count", type=COUNT, help="Number of images. [default: 64; with --sweep, 8 per row]")
@click.option("--seed", type=click.IntRange(min=0), help="Image i has the seed SEED + i. [default: 0]")
@click.option("--input", "source", type=PATH, help="Picture to translate, or a folder of pictures.")
@click.option(
    "--class",
    "classes",
    multiple=True,
    type=CLASS,
    metavar="NAME",
    help="Class to sample, by name or number. Can be repeated.",
)
@click.option("--per-class", type=COUNT, metavar="N", help="Sample N images of each class, one row per class.")
@click.option("--truncation", type=float, metavar="T", help="Truncation in (0, 1]: less variety, more fidelity.")
@SETTINGS
@click.option("--sweep", metavar="OPTION=A,B,...", help="Draw one row for each value, all with the same latents.")
@click.option(
    "--latents",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Generate the images of these latents, which `ganzoo invert` has found.",
)
@click.option("--direction", help="Direction of a translation. [default: the first that `ganzoo info` lists]")
@click.option(
    "--resize",
    type=COUNT,
    metavar="PIXELS",
    help="Resize each picture before its translation, so that the shorter side has this length.",
)
@click.option(
    "--tile",
    type=COUNT,
    metavar="PIXELS",
    help="Translate large pictures in overlapping square tiles of this side.",
)
@click.option("--sheet", is_flag=True, default=None, help="Write each picture and its translation side by side.")
@click.option(
    "--skip-existing", is_flag=True, default=None, help="Skip files that exist, to continue an interrupted command."
)
@click.option(
    "-o",
    "--output",
    type=PATH,
    help="A file for all images on one sheet, or a folder for one file per image.",
)
@click.option("--batch-size", type=COUNT, help="Images per batch. [default: 64; for translations, 1]")
@DEVICE
@ENGINE
@PRECISION
@click.option(
    "--format",
    "file_format",
    type=click.Choice(["png", "jpg", "webp", "npz"]),
    help="File format. [default: from the name of the output file, else png]",
)
@OVERWRITE
@AS_JSON
def sample(name: str, device: str, engine: str, precision: str, as_json: bool, **options: Any) -> None:
    """Sample images, or translate pictures.

    A model that translates needs the pictures with --input.

    NAME is a registered model, the folder of a model or of a run, or a Hub reference such as hf:OWNER/REPO.
    """
    model = resolved(name)
    refuse_options(model, options, _NEEDS)
    chosen = {option: value for option, value in options.items() if value not in (None, ())}
    load = partial(load_model, model, device, engine=engine, precision=precision)
    (_translate if model.info.subject.task.from_images else _sample)(model, load, as_json, **chosen)


Load = Callable[[], "Model"]
"""Loads the model, as the options of the command say."""


_NEEDS = {
    "count": ("-n", SAMPLES),
    "seed": ("--seed", SAMPLES),
    "classes": ("--class", "label"),
    "per_class": ("--per-class", "label"),
    "truncation": ("--truncation", "truncation"),
    "settings": ("--set", SAMPLES),
    "sweep": ("--sweep", SAMPLES),
    "latents": ("--latents", SAMPLES),
    "source": ("--input", "image"),
    "direction": ("--direction", "direction"),
    **{option: (f"--{option.replace('_', '-')}", "image") for option in ("resize", "tile", "sheet", "skip_existing")},
}


def _sample(
    source: Source,
    load: Load,
    as_json: bool,
    *,
    batch_size: int = 64,
    output: Path | None = None,
    file_format: str | None = None,
    overwrite: bool = False,
    latents: Path | None = None,
    **asked: Any,
) -> None:
    from ganzoo.sampling import image_files

    grid: SampleGrid | SavedLatents = _grid(source, asked) if latents is None else _saved_latents(latents, asked)
    target = image_files.choose_target(output, source.name, grid, file_format, overwrite=overwrite)
    model = load()
    if isinstance(grid, SampleGrid) and grid.columns:
        tell(f"rows: {', '.join(row.name for row in grid.rows)}")
    with bars() as progress:
        written = target.write(model, batch_size=batch_size, progress=progress)
    display.written(written, as_json=as_json)
    note_precision(model)


def _grid(source: Source, asked: dict[str, Any]) -> SampleGrid:
    subject = source.info.subject
    asked = {**parse_settings(asked.pop("settings", ())), **asked}
    return make_grid(partial(subject.request, source.name), subject.classes, **asked)


def _saved_latents(path: Path, asked: dict[str, Any]) -> SavedLatents:
    from ganzoo.sampling.latent_files import read_latents

    if asked:
        flags = " and ".join(_NEEDS[option][0] for option in asked)
        raise click.UsageError(f"the latents of {path} are complete - leave out {flags}")
    return read_latents(path)


def _translate(
    model: Source,
    load: Load,
    as_json: bool,
    *,
    source: Path | None = None,
    output: Path | None = None,
    file_format: str | None = None,
    overwrite: bool = False,
    skip_existing: bool = False,
    sheet: bool = False,
    **options: Any,
) -> None:
    from ganzoo.sampling import translated_files

    if source is None:
        raise click.UsageError(
            f"{model.name} translates pictures - name a picture, or a folder of pictures, with --input"
        )
    if file_format == "npz":
        raise click.UsageError("translations are pictures, not arrays - use --format png, jpg or webp")
    direction = model.info.subject.direction(model.name, options.pop("direction", None))
    sizes = [f"{option}{options[option]}" for option in ("resize", "tile") if option in options]
    label = "-".join([direction, *sizes, *(["sheet"] if sheet else [])])
    jobs = translated_files.match_files(
        source, output, label, file_format, overwrite=overwrite, skip_existing=skip_existing
    )
    loaded = load()
    with bars() as progress:
        outcome = translated_files.translate_files(
            loaded, jobs, side_by_side=sheet, direction=direction, progress=progress, **options
        )
    display.written(outcome.written, as_json=as_json)
    note_precision(loaded)
    for reason in outcome.skipped.values():
        tell(f"ganzoo: skipped: {reason}")
    left_out = list_folder(source).notes if source.is_dir() else ()
    for note in (*left_out, *(f"{count} {change}" for change, count in outcome.changes.items())):
        tell(f"ganzoo: note: {note}")
    if source.is_dir():
        tell(f"ganzoo: {len(outcome.written)} written, {len(outcome.skipped)} skipped")
    sys.exit(1 if outcome.skipped else 0)


_NEEDS_OF_ENDS = {
    "from_class": ("--from-class", "label"),
    "to_class": ("--to-class", "label"),
    "truncation": ("--truncation", "truncation"),
}


@click.command()
@click.argument("name", type=MODEL)
@click.option(
    "--steps", type=click.IntRange(min=2), default=16, show_default=True, help="Number of images, with both ends."
)
@click.option("--seeds", metavar="A,B", help="Seeds of the first and the last image. [default: 0,1]")
@click.option(
    "--latents",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Interpolate between latents of this file, which `ganzoo invert` has found.",
)
@click.option("--rows", metavar="A,B", help="With --latents: the rows of the two images. [default: 0,1]")
@click.option("--from-class", type=CLASS, metavar="NAME", help="Class of the first image, by name or number.")
@click.option(
    "--to-class", type=CLASS, metavar="NAME", help="Class of the last image. [default: that of the first image]"
)
@click.option("--truncation", type=float, metavar="T", help="Truncation in (0, 1]: less variety, more fidelity.")
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
    help="File to write: .png or .jpg for a row of images, .gif or .webp for an animation.",
)
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
    """Interpolate between two images.

    The latent moves on a great circle, and the class in a straight line.
    """
    from ganzoo.sampling import interpolation_files

    source = resolved(name)
    refuse_options(source, options, _NEEDS_OF_ENDS)
    interpolation = interpolation_files.prepare_interpolation(
        source.name, source.info.subject, output, overwrite=overwrite, **options
    ).with_settings(source.name, parse_settings(settings))
    model = load_model(source, device, engine=engine, precision=precision)
    say(interpolation.write(model))
    note_precision(model)


def load_model(source: Source, device: str, *, engine: str, precision: str = "fp32") -> Model:
    """Load a model onto a device, with a progress bar.

    A wrong device, engine or precision is refused before anything is downloaded.

    Raises:
        As `ganzoo.load`.
    """
    from ganzoo.hub import download
    from ganzoo.utils.devices import resolve_device

    check_engine(engine, precision)
    target = resolve_device(device)
    if source.on_hub:
        download.bound_client()
    with bars() as progress:
        return load_from(source, device=target, engine=engine, precision=precision, progress=progress)


def note_precision(model: Model) -> None:
    """Say how far images in 16 bits are from those in 32 bits, if the model has generated any."""
    difference = model.bf16_difference()
    if difference is not None:
        tell(f"ganzoo: note: {describe_difference(*difference)}")


COMMANDS = (sample, interpolate)

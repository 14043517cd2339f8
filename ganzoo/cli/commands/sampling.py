"""Commands that generate images: `sample` and `interpolate`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ganzoo.cli import display
from ganzoo.cli.arguments import (
    AS_JSON,
    CLASS,
    COUNT,
    CUTOFF,
    DEVICE,
    ENGINE,
    FPS,
    MODEL,
    NOISE,
    OVERWRITE,
    PATH,
    PRECISION,
    SCALE,
    SECONDS,
    SETTINGS,
    TEXT,
    TRUNCATION,
    pictures,
    resolved,
    take_pictures,
)
from ganzoo.cli.output import say, tell
from ganzoo.cli.progress import bars
from ganzoo.cli.refusals import SAMPLES, refuse_options
from ganzoo.data.pictures import open_pictures
from ganzoo.interface.picture_files import FileTree
from ganzoo.interface.tasks import STYLES
from ganzoo.pretrained.load import load_from
from ganzoo.pretrained.sources import Source
from ganzoo.sampling.engines import check_engine, describe_difference
from ganzoo.sampling.grid import SampleGrid, make_grid
from ganzoo.sampling.mixing import MixingSheet, make_mixing_sheet
from ganzoo.sampling.requests import parse_settings
from ganzoo.sampling.texts import read_texts
from ganzoo.utils.text import shortened

if TYPE_CHECKING:
    from ganzoo.sampling.image_files import Grid
    from ganzoo.sampling.latent_files import SavedLatents
    from ganzoo.sampling.model import Model
    from ganzoo.sampling.translated_files import Jobs, Outcome

__all__ = ["COMMANDS", "OF_STYLES", "interpolate", "load_model", "note_precision", "sample"]


@click.command()
@click.argument("name", type=MODEL)
@click.option("-n", "--count", type=COUNT, help="Number of images. [default: 64; of several rows, 8 per row]")
@click.option("--seed", type=click.IntRange(min=0), help="Image i has the seed SEED + i. [default: 0]")
@click.option("--seeds", metavar="A-B,C,...", help="Seeds of the images, as a list with ranges, such as 1-5,9.")
@pictures("Pictures to translate: one or several files, a folder, an archive, or hf:datasets/OWNER/NAME.")
@click.option(
    "--class",
    "classes",
    multiple=True,
    type=CLASS,
    metavar="NAME",
    help="Class to sample, by name or number. Can be repeated.",
)
@click.option("--per-class", type=COUNT, metavar="N", help="Sample N images of each class, one row per class.")
@click.option(
    "--text",
    "texts",
    multiple=True,
    type=TEXT,
    help="What the images show, such as 'a {red,blue} hat': a row for each. Can be repeated.",
)
@click.option("--texts", "text_file", type=PATH, metavar="FILE", help="Read texts from a file, one in each line.")
@TRUNCATION
@CUTOFF
@NOISE
@click.option(
    "--mix",
    metavar="ROWS,COLUMNS",
    help="Draw a sheet of mixed styles: those of the images in the first row upon those in the first column.",
)
@click.option(
    "--styles", type=click.Choice(STYLES), help="With --mix: the styles that the first row gives. [default: coarse]"
)
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
@SCALE
@click.option("--batch-size", type=COUNT, help="Images per batch. [default: 64; for translations, 1]")
@DEVICE
@ENGINE
@PRECISION
@click.option(
    "--format",
    "file_format",
    type=click.Choice(["png", "jpg", "webp", "tiff", "npy", "npz"]),
    help="File format. [default: from the name of the output file, else png]",
)
@OVERWRITE
@AS_JSON
def sample(
    name: str, device: str, engine: str, precision: str, as_json: bool, more: tuple[str, ...], **options: Any
) -> None:
    """Sample images, or translate pictures.

    A model that translates needs the pictures with --input.

    NAME is a registered model, the folder of a model or of a run, or a Hub reference such as hf:OWNER/REPO.
    """
    model = resolved(name)
    options["source"] = take_pictures(options["source"], more, wanted=model.info.subject.task.from_images)
    refuse_options(model, options, _NEEDS)
    chosen = {option: value for option, value in options.items() if value not in (None, ())}
    load = partial(load_model, model, device, engine=engine, precision=precision)
    (_translate if model.info.subject.task.from_images else _sample)(model, load, as_json, **chosen)


Load = Callable[[], "Model"]
"""Loads the model, as the options of the command say."""


OF_STYLES = {option: (f"--{option}", option) for option in ("truncation", "cutoff", "noise")}
"""The options of how styles become an image. `refuse_options` takes them."""

_NEEDS = {
    "count": ("-n", SAMPLES),
    "seed": ("--seed", SAMPLES),
    "seeds": ("--seeds", SAMPLES),
    "classes": ("--class", "label"),
    "per_class": ("--per-class", "label"),
    "texts": ("--text", "text"),
    "text_file": ("--texts", "text"),
    **OF_STYLES,
    "mix": ("--mix", "styles_from"),
    "styles": ("--styles", "styles"),
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
    scale: int | None = None,
    **asked: Any,
) -> None:
    from ganzoo.sampling import image_files

    grid: Grid = _grid(source, asked) if latents is None else _saved_latents(latents, asked)
    target = image_files.choose_target(output, source.name, grid, file_format, overwrite=overwrite, scale=scale)
    model = load()
    if isinstance(grid, SampleGrid) and grid.legend:
        tell(shortened(grid.legend))
    if isinstance(grid, SampleGrid) and grid.shows_examples:
        tell(f"ganzoo: note: no --text: the images show the examples of `ganzoo info {source.name}` in turn")
    with bars() as progress:
        written = target.write(model, batch_size=batch_size, progress=progress)
    display.written(written, as_json=as_json)
    if note := target.note_for(model):
        tell(f"ganzoo: note: {note}")
    note_precision(model)


def _grid(source: Source, asked: dict[str, Any]) -> SampleGrid | MixingSheet:
    subject = source.info.subject
    asked = {**parse_settings(asked.pop("settings", ())), **asked}
    if "text_file" in asked:
        asked["texts"] = [*asked.get("texts", ()), *read_texts(asked.pop("text_file"))]
    make_request = partial(subject.request, source.name)
    if "mix" not in asked:
        return make_grid(make_request, subject.classes, **asked)
    classes = asked.pop("classes", ())
    wrong = [option for option in ("count", "seeds", "per_class", "sweep") if option in asked]
    if wrong or len(classes) > 1:
        flags = " and ".join(_NEEDS[option][0] for option in wrong) or "all but one --class"
        raise click.UsageError(f"--mix says which images the sheet has - leave out {flags}")
    return make_mixing_sheet(make_request, **asked, **({"label": classes[0]} if classes else {}))


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
    source: Sequence[str] = (),
    output: Path | None = None,
    file_format: str | None = None,
    overwrite: bool = False,
    skip_existing: bool = False,
    sheet: bool = False,
    scale: int | None = None,
    **options: Any,
) -> None:
    if not source:
        raise click.UsageError(f"{model.name} translates pictures - name pictures, a folder or an archive with --input")
    if file_format == "npz":
        raise click.UsageError("translations are single images - use --format png, jpg, webp, tiff or npy")
    direction = model.info.subject.direction(model.name, options.pop("direction", None))
    sizes = [f"{option}{options[option]}" for option in ("resize", "tile") if option in options]
    label = "-".join([direction, *sizes, *(["sheet"] if sheet else [])])
    with bars() as progress:
        found = open_pictures(source, progress=progress)
    jobs, translate = _jobs(
        found, output, label, file_format, overwrite=overwrite, skip_existing=skip_existing, pairs=sheet, scale=scale
    )
    loaded = load()
    with bars() as progress:
        outcome = translate(
            loaded, jobs, side_by_side=sheet, scale=scale, direction=direction, progress=progress, **options
        )
    display.written(outcome.written, as_json=as_json)
    note_precision(loaded)
    for reason in outcome.skipped.values():
        tell(f"ganzoo: skipped: {reason}")
    for note in (*found.listing().notes, *(f"{count} {change}" for change, count in outcome.changes.items())):
        tell(f"ganzoo: note: {note}")
    if found.single is None:
        tell(f"ganzoo: {len(outcome.written)} written, {len(outcome.skipped)} skipped")
    sys.exit(1 if outcome.skipped else 0)


def _jobs(
    found: FileTree,
    output: Path | None,
    label: str,
    file_format: str | None,
    *,
    overwrite: bool,
    skip_existing: bool,
    pairs: bool,
    scale: int | None,
) -> tuple[Jobs, Callable[..., Outcome]]:
    """What is to be translated, and the function that does it: to files, or to one sheet of all."""
    from ganzoo.sampling.requests import check_scale
    from ganzoo.sampling.translated_files import match_files, translate_files
    from ganzoo.sampling.translated_sheet import match_sheet, names_sheet, translate_sheet

    check_scale(scale)
    if output is not None and names_sheet(found, output):
        if skip_existing:
            raise click.UsageError("--skip-existing is for single files - leave it out for a sheet, or name a folder")
        return match_sheet(found, output, file_format, side_by_side=pairs, overwrite=overwrite), translate_sheet
    if scale is not None and not pairs:
        raise click.UsageError("--scale is for sheets - add --sheet, or name one .png file for several pictures")
    jobs = match_files(found, output, label, file_format, overwrite=overwrite, skip_existing=skip_existing)
    return jobs, translate_files


_NEEDS_OF_ENDS = {
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
    refuse_options(source, options, _NEEDS_OF_ENDS)
    interpolation = interpolation_files.prepare_interpolation(
        source.name, source.info.subject, output, overwrite=overwrite, **options
    ).with_settings(source.name, parse_settings(settings))
    model = load_model(source, device, engine=engine, precision=precision)
    with bars() as progress:
        written = interpolation.write(model, progress=progress)
    say(written)
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

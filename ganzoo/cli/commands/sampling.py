"""The command that generates images, and translates them: `sample`."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ganzoo.cli import display
from ganzoo.cli.arguments import CLASS, COUNT, MODEL, PATH, TEXT, resolved
from ganzoo.cli.loading import Load, load_model, note_precision
from ganzoo.cli.options import (
    AS_JSON,
    CUTOFF,
    DEVICE,
    ENGINE,
    NOISE,
    OVERWRITE,
    PRECISION,
    SCALE,
    SETTINGS,
    TRUNCATION,
    pictures,
    take_pictures,
)
from ganzoo.cli.output import tell
from ganzoo.cli.progress import bars
from ganzoo.cli.refusals import OF_STYLES, SAMPLES, refuse_options
from ganzoo.cli.translation import translate
from ganzoo.interface.tasks import STYLES
from ganzoo.pretrained.sources import Source
from ganzoo.sampling.grid import SampleGrid, make_grid
from ganzoo.sampling.mixing import MixingSheet, make_mixing_sheet
from ganzoo.sampling.requests import parse_settings
from ganzoo.sampling.texts import read_texts
from ganzoo.utils.text import shortened

if TYPE_CHECKING:
    from ganzoo.sampling.image_files import Grid
    from ganzoo.sampling.latent_files import SavedLatents

__all__ = ["COMMANDS", "sample"]


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
    (translate if model.info.subject.task.from_images else _sample)(model, load, as_json, **chosen)


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


COMMANDS = (sample,)

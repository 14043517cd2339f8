"""The commands that make images."""

from __future__ import annotations

import dataclasses
import sys
from functools import partial
from pathlib import Path
from typing import Any

import click

from ganzoo.cli import display
from ganzoo.cli.arguments import AS_JSON, CLASS, DEVICE, MODEL, pinned
from ganzoo.cli.progress import bars
from ganzoo.interface.specs import HubFile
from ganzoo.interface.tasks import Task
from ganzoo.pretrained import resolve
from ganzoo.pretrained.load import load
from ganzoo.registry import lookup
from ganzoo.sampling.grid import make_grid
from ganzoo.sampling.requests import Subject

__all__ = ["COMMANDS", "interpolate", "load_model", "sample"]


@click.command()
@click.argument("name", type=MODEL)
@click.option("-n", "--count", type=click.IntRange(min=1), help="How many images. [default: 64; of a sweep, 8 a row]")
@click.option("--seed", type=click.IntRange(min=0), help="Image i has seed SEED + i. [default: 0]")
@click.option(
    "--input", "source", type=click.Path(path_type=Path), help="A picture, or a folder of them, to translate."
)
@click.option(
    "--class", "classes", multiple=True, type=CLASS, metavar="NAME", help="A class, by name or number; repeatable."
)
@click.option("--per-class", type=click.IntRange(min=1), metavar="N", help="So many of each class, a row each.")
@click.option("--truncation", type=float, metavar="T", help="In (0, 1]: less variety for more fidelity.")
@click.option("--sweep", metavar="OPTION=A,B,...", help="A row for each value, with the same latents.")
@click.option("--direction", help="Of a translation, by default the first that `ganzoo info` names.")
@click.option("--resize", type=click.IntRange(min=1), metavar="PIXELS", help="Make the shorter side that long before.")
@click.option("--tile", type=click.IntRange(min=1), metavar="PIXELS", help="Translate overlapping tiles of that side.")
@click.option("--sheet", is_flag=True, default=None, help="Write source and translation side by side.")
@click.option("--skip-existing", is_flag=True, default=None, help="Leave files that exist: go on where it stopped.")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="A file for one sheet, a folder for one file each."
)
@click.option("--batch-size", type=click.IntRange(min=1), help="Images at a time. [default: 64; of translations, 1]")
@DEVICE
@click.option(
    "--format", "file_format", type=click.Choice(["png", "jpg", "webp", "npz"]), help="By default the ending's."
)
@click.option("--overwrite", is_flag=True, help="Replace files that exist.")
@AS_JSON
def sample(name: str, device: str, as_json: bool, **options: Any) -> None:
    """Sample images from a model, by its name or its folder; or translate pictures with --input."""
    name = pinned(name)
    subject = resolve.subject_of(name)
    translates = subject.task.from_images
    strange = _OF_SAMPLES if translates else _OF_TRANSLATIONS | _of_other_tasks(subject.task)
    _refuse_options(name, subject.task, options, strange)
    chosen = {option: value for option, value in options.items() if value not in (None, ())}
    (_translate if translates else _sample)(name, subject, device, as_json, **chosen)


_OF_CLASSES = {"classes": "--class", "per_class": "--per-class"}
_OF_SAMPLES = {"count": "-n", "seed": "--seed", **_OF_CLASSES, "truncation": "--truncation", "sweep": "--sweep"}
_OF_TRANSLATIONS = {
    "source": "--input",
    **{option: f"--{option.replace('_', '-')}" for option in ("direction", "resize", "tile", "sheet", "skip_existing")},
}


def _of_other_tasks(task: type[Task]) -> dict[str, str]:
    """Options of samples that a task has no field for."""
    fields = {field.name for field in dataclasses.fields(task)}
    classes = {} if "label" in fields else _OF_CLASSES
    return classes if "truncation" in fields else {**classes, "truncation": "--truncation"}


def _refuse_options(name: str, task: type[Task], options: dict[str, Any], strange: dict[str, str]) -> None:
    given = [flag for option, flag in strange.items() if options[option] not in (None, ())]
    if given:
        raise click.UsageError(f"{name} takes no {' and no '.join(given)}: it is {task.name}")


def _sample(
    name: str,
    subject: Subject,
    device: str,
    as_json: bool,
    *,
    batch_size: int = 64,
    output: Path | None = None,
    file_format: str | None = None,
    overwrite: bool = False,
    **asked: Any,
) -> None:
    from ganzoo.sampling import image_files

    grid = make_grid(partial(subject.request, name), subject.classes, **asked)
    target = image_files.choose_target(output, name, grid, file_format, overwrite=overwrite)
    model = load_model(name, device)
    if grid.columns:
        click.echo(f"rows: {', '.join(row.name for row in grid.rows)}", err=True)
    with bars() as progress:
        written = target.write(model, batch_size=batch_size, progress=progress)
    display.written(written, as_json=as_json)


def _translate(
    name: str,
    subject: Subject,
    device: str,
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
        raise click.UsageError(f"{name} translates pictures: name one, or a folder of them, with --input")
    if file_format == "npz":
        raise click.UsageError("translations are pictures: --format is png, jpg or webp")
    direction = subject.direction(name, options.pop("direction", None))
    jobs = translated_files.match_files(
        source, output, direction, file_format, overwrite=overwrite, skip_existing=skip_existing
    )
    model = load_model(name, device)
    with bars() as progress:
        outcome = translated_files.translate_files(
            model, jobs, side_by_side=sheet, direction=direction, progress=progress, **options
        )
    display.written(outcome.written, as_json=as_json)
    for reason in outcome.skipped.values():
        click.echo(f"ganzoo: skipped: {reason}", err=True)
    sys.exit(1 if outcome.skipped else 0)


@click.command()
@click.argument("name", type=MODEL)
@click.option("--steps", type=click.IntRange(min=2), default=16, show_default=True, help="Images, both ends included.")
@click.option("--seeds", default="0,1", show_default=True, metavar="A,B", help="Of the two ends.")
@click.option("--from-class", type=CLASS, metavar="NAME", help="Of the first image, by name or number.")
@click.option("--to-class", type=CLASS, metavar="NAME", help="Of the last image. [default: that of the first]")
@click.option("--truncation", type=float, metavar="T", help="In (0, 1]: less variety for more fidelity.")
@click.option(
    "--hold", multiple=True, metavar="INPUT", help="An input that stays as at the start, such as z; repeatable."
)
@click.option("-o", "--output", type=click.Path(path_type=Path), help=".png or .jpg for a row, .gif or .webp to move.")
@click.option("--overwrite", is_flag=True, help="Replace a file that exists.")
@DEVICE
def interpolate(name: str, output: Path | None, overwrite: bool, device: str, **options: Any) -> None:
    """Walk from one image to another: the latent on a great circle, the class in a straight line."""
    from ganzoo.sampling import interpolation_files

    name = pinned(name)
    subject = resolve.subject_of(name)
    interpolation = interpolation_files.prepare_interpolation(name, subject, output, overwrite=overwrite, **options)
    click.echo(interpolation.write(load_model(name, device)))


def load_model(name: str, device: str) -> Any:
    """The model on its device; a device that does not exist is refused before anything is fetched."""
    from ganzoo.hub import download
    from ganzoo.utils.devices import resolve_device

    place = resolve_device(device)
    if resolve.is_registered(name) and isinstance(lookup.registry().models[name].weights, HubFile):
        download.bound_client()
    with bars() as progress:
        return load(name, device=place, progress=progress)


COMMANDS = (sample, interpolate)

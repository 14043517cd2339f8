"""The command that finds the latents of pictures: `invert`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

import click

from ganzoo.cli import display
from ganzoo.cli.arguments import CLASS, COUNT, COUNT_OR_0, MODEL, PATH, TEXT, resolved
from ganzoo.cli.loading import load_model
from ganzoo.cli.options import AS_JSON, DEVICE, OVERWRITE, SETTINGS, pictures, take_pictures
from ganzoo.cli.output import tell
from ganzoo.cli.progress import bars
from ganzoo.cli.refusals import refuse_options
from ganzoo.data.pictures import open_pictures
from ganzoo.sampling.requests import IMAGE_LOSSES, parse_settings
from ganzoo.utils.names import short_name

if TYPE_CHECKING:
    from ganzoo.pretrained.sources import Source
    from ganzoo.sampling.inverted_files import Report

__all__ = ["COMMANDS", "invert"]

_FEATURES = "features:"

_FIELDS = {"label": ("--class", "label"), "text": ("--text", "text")}
"""The options that are fields of the task. `refuse_options` takes them."""


@click.command()
@click.argument("name", type=MODEL)
@pictures(
    "Pictures to find the latents of: one or several files, a folder, an archive, or hf:datasets/OWNER/NAME.",
    required=True,
)
@click.option(
    "-o",
    "--output",
    type=PATH,
    help="Folder for pictures/, latents.npz and sheet.png. [default: INPUT-NAME]",
)
@click.option(
    "--degradation",
    multiple=True,
    metavar="NAME=SETTING",
    help="What is wrong with the pictures: noise=1.0, mask=FILE, box=X,Y,W,H, downsample=4, blur=2 or gray. "
    "The result is a picture without it. Can be repeated, in the order in which the defects came about.",
)
@click.option(
    "--damage",
    is_flag=True,
    help="The pictures are true ones: damage them first by --degradation, and compare the results with them.",
)
@click.option("--class", "label", type=CLASS, metavar="NAME", help="Class of the pictures. [default: found too]")
@click.option("--text", type=TEXT, help="What the pictures show. [default: found too]")
@SETTINGS
@click.option("--starts", type=COUNT, default=8, show_default=True, help="Searches for each picture.")
@click.option("--steps", type=COUNT_OR_0, default=200, show_default=True, help="Steps of each search.")
@click.option(
    "--combine",
    type=click.Choice(["best", "mean"]),
    default="best",
    show_default=True,
    help="Result: the best of what the searches find, which is an image of the generator, or the mean.",
)
@click.option(
    "--loss",
    default="l1",
    show_default=True,
    metavar="LOSS",
    help="How images are compared: l1, l2, or by the features of an extractor, such as features:mnist.",
)
@click.option(
    "--prior",
    type=click.FloatRange(min=0),
    default=0.05,
    show_default=True,
    help="Weight of the prior. With a larger one, latents stay closer to the mean.",
)
@click.option("--learning-rate", type=click.FloatRange(min=0), default=0.1, show_default=True, help="Length of a step.")
@click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Picture i has the seed SEED + i."
)
@DEVICE
@OVERWRITE
@AS_JSON
def invert(
    name: str,
    source: tuple[str, ...],
    more: tuple[str, ...],
    output: Path | None,
    overwrite: bool,
    device: str,
    as_json: bool,
    **options: Any,
) -> None:
    """Find the latents of pictures, or restore damaged pictures.

    Every picture has a latent from which the model generates a similar image. The command searches for it by gradient
    descent. With --degradation, it searches for an image that looks like the picture once it is damaged in the same
    way: noise and missing parts disappear.

    Each row of sheet.png shows the picture, the result, and the difference. With --damage it shows the true picture,
    the damaged one, the result, and the difference from the true one. `ganzoo sample --latents` and `ganzoo
    interpolate --latents` read latents.npz.
    """
    from ganzoo.sampling.inverted_files import prepare_files

    model = resolved(name)
    settings = parse_settings(options.pop("settings"))
    _check_early(model, options, settings)
    with bars() as progress:
        found = open_pictures(take_pictures(source, more), progress=progress)
    files = prepare_files(found, output, short_name(model.name), overwrite=overwrite)
    given = {name: options.pop(name) for name in _FIELDS}
    chosen = {**settings, **{name: value for name, value in given.items() if value is not None}}
    loaded = load_model(model, device, engine="torch")
    with bars() as progress:
        options["loss"] = _loss(options["loss"], progress)
        report = files.write(loaded, progress=progress, **options, **chosen)
    _show(report, found.listing().notes, as_json)


def _check_early(model: Source, options: dict[str, Any], settings: dict[str, Any]) -> None:
    """Refuse what the model cannot do before it is loaded.

    Raises:
        click.UsageError: --damage without --degradation, an unknown loss, or the model translates images or has no
            classes.
        InvalidRequestError: it has no such class.
    """
    subject = model.info.subject
    if options["damage"] and not options["degradation"]:
        raise click.UsageError("--damage needs a defect - name one with --degradation, such as noise=1.0")
    if options["loss"] not in IMAGE_LOSSES and not options["loss"].startswith(_FEATURES):
        known = f"give {', '.join(IMAGE_LOSSES)} or {_FEATURES}NAME, such as {_FEATURES}mnist"
        raise click.UsageError(f"there is no loss {options['loss']!r} to compare images by - {known}")
    if subject.task.from_images:
        raise click.UsageError(f"{model.name} is {subject.task.name}: it has no latents - choose a model that has")
    refuse_options(model, options, _FIELDS)
    subject.request(model.name, **settings, **{n: options[n] for n in _FIELDS if options[n] is not None})


def _loss(text: str, progress: Any) -> Any:
    """A name of a loss as it is; ``features:NAME`` as the loss by the features of that extractor."""
    if not text.startswith(_FEATURES):
        return text
    from ganzoo.evaluation.extractors import feature_loss

    return feature_loss(text.removeprefix(_FEATURES), progress=progress)


def _show(report: Report, left_out: Sequence[str], as_json: bool) -> None:
    if report.rows or as_json:
        display.table(report.rows, as_json=as_json)
    for reason in report.skipped.values():
        tell(f"ganzoo: skipped: {reason}")
    for note in (*left_out, *(f"{count} {change}" for change, count in report.changes.items())):
        tell(f"ganzoo: note: {note}")
    for key, of in (("psnr", "results"), ("psnr_damaged", "damaged pictures")):
        if report.rows and key in report.rows[0]:
            tell(f"ganzoo: mean PSNR of the {of}: {fmean(row[key] for row in report.rows):.2f} dB")
    if report.written:
        tell(f"ganzoo: wrote {', '.join(str(path) for path in report.written[-2:])}")
    sys.exit(1 if report.skipped else 0)


COMMANDS = (invert,)

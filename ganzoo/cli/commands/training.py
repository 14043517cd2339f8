"""The commands that train, and that bring models into folders."""

from __future__ import annotations

import dataclasses
import json
import os
import sys
from pathlib import Path
from typing import Any

import click

from ganzoo.cli import display, training_progress
from ganzoo.cli.arguments import AS_JSON, DATA, DEVICE, FOLDER, pinned, registered
from ganzoo.cli.progress import bars
from ganzoo.errors import InvalidConfigError, InvalidRequestError
from ganzoo.pretrained import resolve
from ganzoo.registry import lookup
from ganzoo.training.plan import PRECISIONS, Plan, make_plan

__all__ = ["COMMANDS", "export", "import_", "parse_settings", "train"]


@click.command()
@click.argument("architecture", type=registered("architectures"))
@click.option(
    "--data",
    required=True,
    type=DATA,
    help="A data set by name, such as fashion-mnist, or a folder of images.",
)
@click.option("-o", "--output", "folder", type=click.Path(path_type=Path), required=True, help="The run's folder.")
@click.option("--config", "settings", multiple=True, metavar="FIELD=VALUE", help="A field of the config; repeatable.")
@click.option("--loss", type=registered("losses"), help="An adversarial loss; by default the paper's.")
@click.option(
    "--regularizer",
    "regularizers",
    multiple=True,
    type=registered("regularizers"),
    metavar="NAME[=WEIGHT]",
    help="A penalty, such as r1=10; repeatable.",
)
@click.option(
    "--regularize-every",
    type=click.IntRange(min=1),
    metavar="ITERATIONS",
    help="Compute penalties so rarely, with weights so many times as large. [default: 1]",
)
@click.option(
    "--augment",
    "augmentations",
    multiple=True,
    type=registered("augmentations"),
    metavar="NAME",
    help="A change to what discriminators see; repeatable.",
)
@click.option(
    "--schedule",
    type=registered("schedules"),
    metavar="NAME[=SETTING]",
    help="How learning rates change, such as linear=0.5.",
)
@click.option("--iterations", type=click.IntRange(min=1), help="[default: the recipe's, else 10000]")
@click.option("--batch-size", type=click.IntRange(min=1), help="Of each process. [default: the recipe's, else 64]")
@click.option("--accumulate", type=click.IntRange(min=1), help="Add up the gradients of so many batches.")
@click.option("--seed", type=click.IntRange(min=0), help="[default: 0]")
@click.option("--ema", type=float, help="Decay of the averaged weights. [default: 0.999]")
@click.option("--precision", type=click.Choice(PRECISIONS), help="[default: fp32]")
@click.option("--mirror/--no-mirror", default=None, help="Turn half of the images left to right.")
@click.option("--crop", type=float, metavar="FACTOR", help="Make images so much larger, and take a part at random.")
@click.option("--limit", type=click.IntRange(min=1), help="Use only the first so many images.")
@click.option("--save-every", type=click.IntRange(min=1), default=1000, show_default=True, metavar="ITERATIONS")
@click.option("--data-dir", type=click.Path(path_type=Path), default=Path("data"), show_default=True)
@click.option("--workers", type=click.IntRange(min=0), help="Processes that read pictures. [default: cores, up to 4]")
@click.option("--compile", is_flag=True, help="Compile the networks with torch.compile.")
@click.option("--tensorboard", is_flag=True, help="Write for TensorBoard too: pip install 'ganzoo[tensorboard]'.")
@click.option("--init", type=FOLDER, metavar="RUN", help="Start from the networks of another run's newest checkpoint.")
@click.option("--resume", is_flag=True, help="Go on from the run's newest checkpoint.")
@DEVICE
def train(
    architecture: str,
    data: str,
    folder: Path,
    settings: tuple[str, ...],
    regularizers: tuple[str, ...],
    augmentations: tuple[str, ...],
    workers: int | None,
    **options: Any,
) -> None:
    """Train an architecture on a data set. The run's folder can be sampled at any time.

    What is not given is as the architecture's recipe for the data set has it: `ganzoo info ARCHITECTURE`.
    """
    make_plan(  # a wrong request is refused before torch is imported
        architecture,
        data,
        config=(config := parse_settings(settings)),
        **(chosen := _plan_options(options, regularizers, augmentations)),
    )
    from ganzoo.training.trainer import Trainer

    cores = min(4, os.cpu_count() or 1)
    rest = {name: value for name, value in options.items() if name not in chosen}
    with bars() as progress:
        trainer = Trainer(
            architecture,
            data,
            folder,
            config=config,
            workers=cores if workers is None else workers,
            progress=progress,
            **chosen,
            **rest,
        )
    training_progress.introduce(trainer)
    sys.exit(training_progress.follow(trainer))


@click.command()
@click.argument("run", type=FOLDER)
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="The folder to write.")
@click.option("--half", is_flag=True, help="Store the weights in 16 bits.")
@click.option(
    "--standing-stats",
    "standing",
    type=click.IntRange(min=1),
    metavar="BATCHES",
    help="Batch norm's statistics anew, of so many batches of samples.",
)
@click.option("--overwrite", is_flag=True, help="Replace a model that is there.")
def export(run: str, output: Path, half: bool, standing: int | None, overwrite: bool) -> None:
    """Copy the model of a run, or of the Hub, to a folder of its own."""
    from ganzoo.pretrained import exporting

    exporting.export(resolve.folder_of(pinned(run)), output, half=half, standing=standing or 0, overwrite=overwrite)
    click.echo(output)


@click.command("import")
@click.argument("architecture", type=registered("architectures"))
@click.argument("file", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="The folder to write.")
@click.option("--layout", default="auto", show_default=True, help="One that `ganzoo info ARCHITECTURE` names.")
@click.option("--config", "settings", multiple=True, metavar="FIELD=VALUE", help="What the file does not tell.")
@click.option("--dataset", default="not stated", show_default=True, help="What it was trained on.")
@click.option("--half", is_flag=True, help="Store the weights in 16 bits.")
@click.option("--overwrite", is_flag=True, help="Replace a model that is there.")
@AS_JSON
def import_(
    architecture: str, file: Path, output: Path, settings: tuple[str, ...], as_json: bool, **options: Any
) -> None:
    """Turn a checkpoint of another code base, .pth or .bin or .ckpt, into a folder that every command takes."""
    lookup.registry().architectures[architecture]  # a wrong name is refused before torch is imported
    from ganzoo.pretrained.importing import import_checkpoint

    made = import_checkpoint(architecture, file, output, config=parse_settings(settings), **options)
    display.facts({"folder": str(made.folder), "layout": made.layout, "config": made.config}, as_json=as_json)


def _plan_options(
    options: dict[str, Any], regularizers: tuple[str, ...], augmentations: tuple[str, ...]
) -> dict[str, Any]:
    """Of the options of `train`, those that decide what a run computes."""
    names = {field.name for field in dataclasses.fields(Plan)}
    chosen = {name: value for name, value in options.items() if name in names}
    if regularizers:
        chosen["regularizers"] = dict(map(_parse_weight, regularizers))
    if augmentations:
        chosen["augmentations"] = augmentations
    return chosen


def _parse_weight(text: str) -> tuple[str, float | None]:
    """``name=weight``, or a name alone, whose weight is its own.

    Raises:
        InvalidRequestError: a weight that is no number.
    """
    name, equals, weight = text.partition("=")
    try:
        return name, float(weight) if equals else None
    except ValueError as error:
        raise InvalidRequestError(f"--regularizer {text}: write it as name or name=weight") from error


def parse_settings(settings: tuple[str, ...]) -> dict[str, Any]:
    """``field=value`` pairs; a value is JSON where it reads as such (64, 0.5, [1200, 1200]), else text.

    Raises:
        InvalidConfigError: a pair without ``=``.
    """
    values: dict[str, Any] = {}
    for setting in settings:
        name, equals, text = setting.partition("=")
        if not equals:
            raise InvalidConfigError(f"--config {setting}: write it as field=value")
        try:
            value = json.loads(text)
        except ValueError:
            value = text
        values[name] = tuple(value) if isinstance(value, list) else value
    return values


COMMANDS = (train, export, import_)

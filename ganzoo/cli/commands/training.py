"""Commands that train models and write them into folders: `train`, `export` and `import`."""

from __future__ import annotations

import dataclasses
import json
import os
import sys
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from ganzoo.cli import display, training_progress
from ganzoo.cli.arguments import (
    AS_JSON,
    COUNT,
    COUNT_OR_0,
    DATA,
    DATA_DIR,
    DEVICE,
    MODEL,
    PATH,
    Name,
    bound_to_hub,
    columns,
    registered,
    resolved,
    take_columns,
)
from ganzoo.cli.output import say, tell
from ganzoo.cli.progress import bars
from ganzoo.data.sources import check_source
from ganzoo.errors import InvalidConfigError, InvalidRequestError
from ganzoo.hub import download
from ganzoo.registry import lookup
from ganzoo.sampling.engines import export_formats
from ganzoo.training.evaluation_schedule import SAMPLES
from ganzoo.training.plan import PRECISIONS, Plan, make_plan
from ganzoo.training.run_folder import check_folder, read_resources, resumed_plan
from ganzoo.utils.files import check_file, expand_home, read_lines
from ganzoo.utils.memory import keep_freed_memory

__all__ = ["COMMANDS", "export", "import_", "parse_settings", "train"]

CONFIG = click.option(
    "--config",
    "settings",
    multiple=True,
    metavar="FIELD=VALUE",
    help="Value for a field of the config, such as resolution=96x64, height x width; FIELD=@FILE takes the lines of a "
    "text file. Can be repeated.",
)


@click.command()
@click.argument("architecture", required=False, type=registered("architectures"))
@click.option(
    "--data",
    type=DATA,
    help="Data set to train on: a name such as fashion-mnist, a folder of images, an archive of images (.zip, .tar), "
    "shards-{0000..0007}.tar, .parquet files, or hf:datasets/OWNER/NAME.",
)
@columns("--data")
@click.option("-o", "--output", "folder", type=PATH, help="Folder for the files of the run.")
@CONFIG
@click.option("--loss", type=registered("losses"), help="Adversarial loss. [default: that of the paper]")
@click.option(
    "--regularizer",
    "regularizers",
    multiple=True,
    type=registered("regularizers"),
    metavar="NAME[=WEIGHT]",
    help="Penalty to add to the loss, such as r1=10. Can be repeated.",
)
@click.option(
    "--regularize-every",
    type=COUNT,
    metavar="N",
    help="Compute penalties only in every Nth iteration, with N times their weight. [default: the recipe's, else 1]",
)
@click.option(
    "--regularize-generator-every",
    type=COUNT,
    metavar="N",
    help="The same for penalties on the generator. [default: the recipe's, else 1]",
)
@click.option(
    "--augment",
    "augmentations",
    multiple=True,
    type=registered("augmentations"),
    metavar="NAME",
    help="Augmentation of the images that discriminators receive. Can be repeated.",
)
@click.option(
    "--schedule",
    type=registered("schedules"),
    metavar="NAME[=SETTING]",
    help="Schedule of the learning rates, such as linear=0.5.",
)
@click.option(
    "--recipe",
    metavar="NAME",
    help="Recipe to follow; `ganzoo info ARCHITECTURE` shows them. [default: that for the data set]",
)
@click.option("--iterations", type=COUNT, help="Number of iterations. [default: the recipe's, else 10000]")
@click.option(
    "--batch-size",
    type=COUNT,
    help="Images per batch in each process. [default: the recipe's, else 64]",
)
@click.option("--accumulate", type=COUNT, metavar="N", help="Accumulate gradients over N batches. [default: 1]")
@click.option("--seed", type=click.IntRange(min=0), help="Seed of the run. [default: 0]")
@click.option(
    "--ema",
    type=float,
    metavar="DECAY",
    help="Decay of the moving average of the weights (EMA). [default: the recipe's, else 0.999]",
)
@click.option(
    "--ema-half-life",
    type=COUNT_OR_0,
    metavar="IMAGES",
    help="Images after which the average has forgotten half of what it was, in place of --ema.",
)
@click.option("--precision", type=click.Choice(PRECISIONS), help="Precision of the computation. [default: fp32]")
@click.option("--mirror/--no-mirror", default=None, help="Mirror half of the images, left to right.")
@click.option("--crop", type=float, metavar="FACTOR", help="Enlarge images by this factor, and crop them at random.")
@click.option(
    "--limit",
    type=COUNT,
    metavar="N",
    help="Use only N images, from the start or of each class in turn.",
)
@click.option(
    "--depth",
    type=COUNT,
    metavar="8|16",
    help="Bits of each channel that are read of pictures, and that the model makes. [default: 8]",
)
@click.option(
    "--save-every",
    type=COUNT,
    default=1000,
    show_default=True,
    metavar="N",
    help="Save a checkpoint after every N iterations.",
)
@click.option(
    "--evaluate-every",
    type=COUNT_OR_0,
    default=0,
    metavar="N",
    help="Evaluate the model after every N iterations, and keep the best one in RUN/best.",
)
@click.option(
    "--metrics",
    default="fid",
    show_default=True,
    metavar="NAMES",
    help="Scores of these evaluations, the first of which decides: fid,kid,is,precision,recall,density,coverage.",
)
@click.option(
    "--evaluate-samples", type=COUNT, default=SAMPLES, show_default=True, metavar="N", help="Samples to evaluate."
)
@click.option(
    "--features",
    type=registered("feature_extractors"),
    help="Features to evaluate by. [default: those trained on the data, else inception]",
)
@click.option(
    "--stop-after",
    type=COUNT_OR_0,
    default=0,
    metavar="N",
    help="Stop when N evaluations in a row brought no better model. [default: never]",
)
@DATA_DIR
@click.option("--workers", type=COUNT_OR_0, help="Processes that read images. [default: CPU cores, up to 4]")
@click.option("--compile/--no-compile", help="Compile the networks with torch.compile.")
@click.option(
    "--track",
    multiple=True,
    metavar="NAME",
    help="Tracker to send metrics and samples to: tensorboard, wandb, mlflow, trackio, ... or none. Can be repeated.",
)
@click.option("--init", type=MODEL, metavar="NAME", help="Start from the weights of a model, or of another run.")
@click.option(
    "--freeze",
    type=COUNT_OR_0,
    metavar="N",
    help="With --init: the N layers of the discriminator that are nearest to the image do not learn.",
)
@click.option(
    "--resume",
    is_flag=False,
    flag_value="",
    metavar="[RUN]",
    help="Continue a run from its newest checkpoint: ganzoo train --resume RUN is enough.",
)
@DEVICE
@click.pass_context
def train(
    ctx: click.Context,
    /,
    architecture: str | None,
    data: str | None,
    folder: Path | None,
    settings: tuple[str, ...],
    regularizers: tuple[str, ...],
    augmentations: tuple[str, ...],
    workers: int | None,
    **options: Any,
) -> None:
    """Train an architecture on a data set.

    Options that you leave out have the values of the architecture's recipe for the data set, which
    `ganzoo info ARCHITECTURE` shows. While training runs, `ganzoo sample` can already sample the run's folder.

    `ganzoo train --resume RUN` continues a run with the options that it was started with.
    """
    data = take_columns("--data", data, options)
    options["metrics"] = tuple(options["metrics"].split(","))
    config, chosen = parse_settings(settings), _plan_options(options, regularizers, augmentations)
    resumed, options["resume"] = options["resume"], options["resume"] is not None
    rest = {name: value for name, value in options.items() if name not in chosen}
    # Either way, a wrong request is refused before torch is imported.
    if options["resume"]:
        folder, architecture = _run_to_resume(resumed, folder, architecture)
        plan = resumed_plan(folder, architecture=architecture, data=data, config=config, **chosen)
        then = read_resources(folder)
        rest |= {name: value for name, value in then.items() if name in rest and _is_default(ctx, name)}
        workers = then.get("workers") if workers is None else workers
    elif architecture is None or data is None or folder is None:
        raise click.UsageError(f"Missing {_missing(architecture, data)}.", ctx)
    else:
        plan = make_plan(architecture, data, config=config, **chosen)
    check_source(bound_to_hub(plan.data))
    check_folder(folder, plan, resume=options["resume"])
    from ganzoo.training.trainer import Trainer

    keep_freed_memory()
    cores = min(4, os.cpu_count() or 1)
    with bars() as progress:
        trainer = Trainer(
            plan.architecture,
            plan.data,
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
@click.argument("name", type=MODEL)
@click.option("-o", "--output", type=PATH, required=True, help="Folder, or file, to write.")
@click.option(
    "--format",
    "file_format",
    type=Name(lambda ctx: export_formats()),
    help="Write a file that works without ganzoo: onnx, openvino or torch-export. [default: a folder for ganzoo]",
)
@click.option("--direction", help="Direction of a translation, with --format. [default: the first]")
@click.option("--half", is_flag=True, help="Store the weights in 16 bits: half the file size.")
@click.option(
    "--standing-stats",
    "standing",
    type=COUNT,
    metavar="BATCHES",
    help="Compute the batch normalization statistics again, over this number of batches of samples.",
)
@click.option("--overwrite", is_flag=True, help="Replace what is already there.")
def export(
    name: str,
    output: Path,
    file_format: str | None,
    direction: str | None,
    half: bool,
    standing: int | None,
    overwrite: bool,
) -> None:
    """Copy a model to another folder, or to a file that works without ganzoo.

    NAME is a registered model, the folder of a run or of a model, or a Hub reference such as hf:OWNER/REPO. With
    --format, the images of the file are compared with those of PyTorch before it is left there. A text file next to it
    tells how to run it.
    """
    if file_format is not None:
        if half or standing:
            raise click.UsageError(
                "--half and --standing-stats are for folders - export a folder first, then that folder"
            )
        from ganzoo.pretrained.portable import export_file

        for path in export_file(resolved(name), output, file_format, direction=direction, overwrite=overwrite):
            say(path)
        return
    if direction is not None:
        raise click.UsageError("--direction is for files - leave it out, or add --format")
    from ganzoo.pretrained import exporting

    source = resolved(name)
    if source.on_hub:
        download.bound_client()
    with bars() as progress:
        exporting.export(source, output, half=half, standing=standing or 0, overwrite=overwrite, progress=progress)
    say(output)
    if source.info.license:
        tell(f"ganzoo: note: the license of these weights is {source.info.license}")


@click.command("import")
@click.argument("words", nargs=-1, metavar="[ARCHITECTURE] FILE")
@click.option("-o", "--output", type=PATH, required=True, help="Folder to write.")
@click.option(
    "--beside",
    type=PATH,
    multiple=True,
    metavar="FILE",
    help="Another file of the same model, such as its text encoder. Can be repeated.",
)
@click.option(
    "--layout",
    default="auto",
    show_default=True,
    help="Layout of the checkpoint. `ganzoo info ARCHITECTURE` lists the layouts.",
)
@click.option("--part", default="", help="Network to read, if the file holds several, such as g or g_ema.")
@click.option("--size", default="", help="Size of the images, such as 28x28, if the file allows several.")
@CONFIG
@click.option("--sheet", type=PATH, help="Picture file to write: seeds 0-7 for each assumption.")
@click.option("--dataset", default="not stated", show_default=True, help="Data set that the model was trained on.")
@click.option("--half", is_flag=True, help="Store the weights in 16 bits: half the file size.")
@click.option("--overwrite", is_flag=True, help="Replace a model that is already in the folder.")
@AS_JSON
def import_(
    words: tuple[str, ...],
    output: Path,
    settings: tuple[str, ...],
    sheet: Path | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Convert a checkpoint of another code base.

    The command writes a folder that every other command can use. FILE is a PyTorch checkpoint, such as .pth, .bin or
    .ckpt, a .safetensors file, or the index of a checkpoint in several files. Without ARCHITECTURE, the layouts of all
    architectures are tried.
    """
    architecture, file = _architecture_and_file(words)
    if sheet is not None:
        check_file(sheet, (".png",), overwrite=options["overwrite"])
    from ganzoo.cli import imports
    from ganzoo.pretrained.importing import import_checkpoint

    made = import_checkpoint(architecture, file, output, config=parse_settings(settings), **options)
    told = {"folder": str(made.folder), "architecture": made.architecture, "layout": made.layout, "config": made.config}
    display.facts(
        {**told, "part": made.part, "assumptions": [each.field for each in made.assumptions]}, as_json=as_json
    )
    for line in imports.notes(made):
        tell(f"ganzoo: note: {line}")
    if sheet is not None:
        imports.draw(made, sheet)


def _architecture_and_file(words: tuple[str, ...]) -> tuple[str | None, Path]:
    """ARCHITECTURE and FILE, or FILE alone. Refuses a wrong name before torch is imported."""
    if not 1 <= len(words) <= 2:
        raise click.UsageError("`ganzoo import` takes FILE, or ARCHITECTURE FILE - write: ganzoo import FILE -o FOLDER")
    *architectures, file = words
    for architecture in architectures:
        lookup.registry().architectures[architecture]
    return next(iter(architectures), None), PATH.convert(file, None, None)


def _run_to_resume(resumed: str, folder: Path | None, name: str | None) -> tuple[Path, str | None]:
    """The run's folder and the architecture, if it is given. `resumed` is the word after ``--resume``, or empty.

    One may write ``--resume RUN``, ``ARCHITECTURE --resume RUN`` or ``ARCHITECTURE -o RUN --resume``.
    """
    if folder is None:
        words = [word for word in (name, resumed) if word]
        if not words:
            raise click.UsageError("--resume needs the folder of a run - write: ganzoo train --resume RUN")
        return Path(words[-1]), words[0] if len(words) == 2 else None
    if name and resumed and Path(resumed) != folder:
        raise click.UsageError(f"--resume names {resumed}, and -o names {folder} - name one run, with --resume")
    return folder, name or (resumed if resumed and Path(resumed) != folder else None)


def _missing(architecture: str | None, data: str | None) -> str:
    """What a new run needs first, in click's words."""
    if architecture is None:
        return "argument 'ARCHITECTURE'"
    return "option '--data'" if data is None else "option '-o' / '--output'"


def _is_default(ctx: click.Context, name: str) -> bool:
    """Whether an option was not given on the command line."""
    return ctx.get_parameter_source(name) is ParameterSource.DEFAULT


def _plan_options(
    options: dict[str, Any], regularizers: tuple[str, ...], augmentations: tuple[str, ...]
) -> dict[str, Any]:
    """Select the options of `train` that belong to the training plan."""
    names = {field.name for field in dataclasses.fields(Plan)}
    chosen = {name: value for name, value in options.items() if name in names}
    if regularizers:
        chosen["regularizers"] = dict(map(_parse_weight, regularizers))
    if augmentations:
        chosen["augmentations"] = augmentations
    return chosen


def _parse_weight(text: str) -> tuple[str, float | None]:
    """Parse ``name=weight``. A name alone has the weight None: the default weight of the regularizer.

    Raises:
        InvalidRequestError: the weight is not a number.
    """
    name, equals, weight = text.partition("=")
    try:
        return name, float(weight) if equals else None
    except ValueError as error:
        raise InvalidRequestError(
            f"--regularizer {text}: the weight is not a number - write NAME or NAME=WEIGHT, such as r1=10"
        ) from error


def parse_settings(settings: tuple[str, ...]) -> dict[str, Any]:
    """Parse ``field=value`` pairs. A value that is valid JSON is read as JSON (64, 0.5, [1200, 1200]), else as text.

    ``field=@FILE`` is the list of the lines of a text file.

    Raises:
        InvalidConfigError: a pair has no ``=``, or the file cannot be read.
    """
    values: dict[str, Any] = {}
    for setting in settings:
        name, equals, text = setting.partition("=")
        if not equals:
            raise InvalidConfigError(f"--config {setting} has no value - write field=value")
        values[name] = _lines_of(text[1:], setting) if text.startswith("@") else _parse_value(text)
    return values


def _parse_value(text: str) -> Any:
    """A value of JSON, with a tuple in place of a list, or else the text itself."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return tuple(value) if isinstance(value, list) else value


def _lines_of(name: str, setting: str) -> tuple[str, ...]:
    """The lines of the text file that a setting names.

    Raises:
        InvalidConfigError: it cannot be read.
    """
    try:
        return tuple(read_lines(expand_home(name)))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        text = f"--config {setting}: cannot read {name}: {reason}"
        raise InvalidConfigError(f"{text} - name a text file with a value in each line") from error


COMMANDS = (train, export, import_)

"""The command that trains models: `train`."""

from __future__ import annotations

import dataclasses
import os
import sys
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from ganzoo.cli import training_progress
from ganzoo.cli.arguments import COUNT, COUNT_OR_0, DATA, MODEL, PATH, bound_to_hub, registered
from ganzoo.cli.config import CONFIG, parse_config
from ganzoo.cli.options import DATA_DIR, DEVICE, columns, take_columns
from ganzoo.cli.progress import bars
from ganzoo.data.sources import check_source
from ganzoo.errors import InvalidRequestError
from ganzoo.training.evaluation_schedule import SAMPLES
from ganzoo.training.plan import PRECISIONS, Plan, make_plan
from ganzoo.training.run_folder import check_folder, read_resources, resumed_plan
from ganzoo.utils.memory import keep_freed_memory

__all__ = ["COMMANDS", "train"]


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
    config, chosen = parse_config(settings), _plan_options(options, regularizers, augmentations)
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


COMMANDS = (train,)

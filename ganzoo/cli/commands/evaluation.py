"""Commands that judge images: `evaluate`, `quiz` and `fool`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from ganzoo.cli import display
from ganzoo.cli.arguments import CLASS, COUNT, COUNT_OR_0, DATA, MODEL, PATH, TARGET, registered
from ganzoo.cli.loading import load_model
from ganzoo.cli.options import (
    AS_JSON,
    DATA_DIR,
    DEVICE,
    ENGINE,
    OVERWRITE,
    PRECISION,
    columns,
    pictures,
    take_columns,
    take_pictures,
)
from ganzoo.cli.progress import bars
from ganzoo.errors import InvalidRequestError
from ganzoo.sampling.engines import check_engine

__all__ = ["COMMANDS", "evaluate", "fool", "quiz"]


@click.command()
@click.argument("name", metavar="SUBJECT", type=MODEL)
@click.option(
    "--against",
    type=DATA,
    help="Real images to compare with: a data set by name, a folder, an archive, or hf:datasets/OWNER/NAME. "
    "[default: the training data of the model; none for ppl, ppl-full and lpips]",
)
@columns("--against")
@click.option(
    "--metrics",
    help="Metrics to compute, separated by commas: is,fid,kid,prdc,authenticity,r-precision,ppl,ppl-full,lpips. "
    "[default: the first five; without is if the features have no classes]",
)
@click.option(
    "-n",
    "--count",
    type=COUNT,
    help="Number of images to compare. [default: 10000; all pictures of a folder]",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Image i has the seed SEED + i.")
@click.option(
    "--features",
    type=registered("feature_extractors"),
    help="Feature extractor. [default: the one trained on the data set of --against, or else inception]",
)
@click.option(
    "--resize",
    type=click.Choice(["own", "clean"]),
    default="own",
    show_default=True,
    help="Resizing to the size that the features take: the extractor's own, or clean-fid's, with antialiasing.",
)
@click.option(
    "--matcher",
    type=MODEL,
    help="For r-precision: model that compares images with the captions of --against. [default: SUBJECT]",
)
@click.option(
    "--is-splits",
    default="1,10",
    show_default=True,
    metavar="N,N,...",
    help="Numbers of splits for the Inception Score (IS), such as 1,10,20.",
)
@click.option("--direction", help="Direction of a translation. [default: the first that `ganzoo info` lists]")
@click.option(
    "--class", "label", type=CLASS, metavar="NAME", help="Compare samples of one class with real images of that class."
)
@click.option("--truncation", type=float, metavar="T", help="Truncation of class-conditional samples, in (0, 1].")
@click.option(
    "--limit",
    type=COUNT,
    metavar="N",
    help="Use only N real images, from the start or of each class in turn.",
)
@click.option(
    "--sheet",
    type=PATH,
    metavar="FILE",
    help="Write a picture of the samples that are most similar to training images.",
)
@click.option("-o", "--output", type=PATH, metavar="FILE", help="Write the results as JSON.")
@OVERWRITE
@click.option("--batch-size", type=COUNT, default=100, show_default=True, help="Images per batch.")
@DATA_DIR
@click.option("--workers", type=COUNT_OR_0, default=0, show_default=True, help="Processes that read images.")
@DEVICE
@ENGINE
@PRECISION
@AS_JSON
def evaluate(
    name: str,
    metrics: str | None,
    is_splits: str,
    output: Path | None,
    sheet: Path | None,
    overwrite: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Compute metrics that compare generated images with real ones.

    SUBJECT is a model, by its name, folder or Hub reference, or a folder or an archive of pictures. Each metric is
    shown next to its floor: the value that other real images reach. Metrics of different feature extractors, or with
    different resizing, cannot be compared. Path lengths (ppl, ppl-full) and diversity (lpips) need no real images.
    """
    from ganzoo.evaluation.prepare import prepare
    from ganzoo.hub.download import bound_client
    from ganzoo.sampling.formats import STILLS
    from ganzoo.utils.files import check_file

    for file, endings in ((output, (".json",)), (sheet, STILLS)):
        if file is not None:
            check_file(file, endings, overwrite=overwrite)
    chosen = None if metrics is None else metrics.split(",")
    bound_client()
    options["against"] = take_columns("--against", options["against"], options)
    running = {option: options.pop(option) for option in ("data_dir", "device", "engine", "batch_size", "workers")}
    check_engine(running["engine"], options["precision"])
    prepared = prepare(name, metrics=chosen, is_splits=_parse_numbers("--is-splits", is_splits), **options)

    # A wrong request has been refused by now, and torch may be imported.
    from ganzoo.cli import reports
    from ganzoo.distributed.processes import is_main_process
    from ganzoo.evaluation import report
    from ganzoo.evaluation.evaluate import evaluate_prepared

    with bars() as progress:
        found = evaluate_prepared(prepared, sheet=sheet, progress=progress, **running)
    if not is_main_process():
        return
    if output is not None:
        report.write(found, output)
    reports.show(found, as_json=as_json)


@click.command()
@click.argument("name", type=DATA)
@click.option("--model", type=MODEL, help="Model to use. [default: the first that was trained on the data set]")
@click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Each seed gives other pictures."
)
@click.option(
    "-o",
    "--output",
    type=PATH,
    help="Picture file to write. [default: quiz-NAME-seedSEED.png, and the model if you name one]",
)
@click.option(
    "--restored",
    is_flag=False,
    flag_value="noise=1.0",
    metavar="[DEGRADATION]",
    help="Show pairs of a real picture and what the model restores of it after this damage. [with no value: noise=1.0]",
)
@OVERWRITE
@DATA_DIR
@DEVICE
@ENGINE
@AS_JSON
def quiz(name: str, device: str, engine: str, as_json: bool, **options: Any) -> None:
    """Make a quiz: which pictures are real?

    Writes a sheet of 8 real and 8 generated pictures with numbers, and a second sheet with the answers. With
    --restored, the sheet has 8 pairs, two in a row: which of the two is the original? NAME is a data set, such as
    fashion-mnist.
    """
    from ganzoo.evaluation import quiz

    prepared = quiz.prepare_quiz(name, **options)
    model = load_model(prepared.source, device, engine=engine)
    with bars() as progress:
        written = prepared.write(model, progress=progress)
    display.written(written, as_json=as_json)


@click.command()
@click.argument("name", metavar="FEATURES", type=registered("feature_extractors"))
@pictures(
    "Pictures to change: one or several files, a folder, an archive, or a data set by name.", kind=DATA, required=True
)
@click.option(
    "--epsilon",
    default="8/255",
    show_default=True,
    metavar="E",
    help="Largest change of a pixel, as a part of the pixel range [0, 1]. 8/255 is 8 steps of an 8-bit pixel.",
)
@click.option(
    "--steps",
    type=COUNT,
    default=1,
    show_default=True,
    help="Steps along the gradient: 1 is FGSM; more are PGD from a random start.",
)
@click.option(
    "--target",
    type=TARGET,
    metavar="CLASS",
    help="Class to be named, by name or number. [default: any other than the one of the picture itself]",
)
@click.option(
    "-n",
    "--count",
    type=COUNT,
    help="Number of pictures: random test images of a data set, or the first ones of a folder. "
    "[default: 8; all files that --input names]",
)
@click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of the test images and of the start."
)
@click.option(
    "-o",
    "--output",
    type=PATH,
    help="Picture file for the sheet. [default: fool-FEATURES-INPUT-... .png]",
)
@OVERWRITE
@DATA_DIR
@DEVICE
@AS_JSON
def fool(name: str, source: tuple[str, ...], more: tuple[str, ...], device: str, as_json: bool, **options: Any) -> None:
    """Change pictures a little, so that a classifier takes them for something else.

    Writes a sheet: each picture, the change enlarged, and the changed picture, with what the classifier says of both.
    FEATURES is a feature extractor, such as fashion-mnist.
    """
    from ganzoo.evaluation.attack import LEVELS
    from ganzoo.evaluation.fooling import SHOWN, prepare_fooling
    from ganzoo.hub.download import bound_client

    prepared = prepare_fooling(name, source=take_pictures(source, more), **options)
    bound_client()
    with bars() as progress:
        found = prepared.write(device=device, progress=progress)
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    rows = found.pop("pictures")
    display.table(rows[:SHOWN], as_json=False)
    click.echo()
    shown = {"epsilon": f"{found['epsilon'] * LEVELS:g}/255", "fooled": f"{found['fooled']:.1%} of {found['count']}"}
    display.facts({**found, **shown}, as_json=False)


def _parse_numbers(option: str, text: str) -> tuple[int, ...]:
    """Parse numbers that commas separate, such as ``1,10,20``.

    Raises:
        InvalidRequestError: `text` is something else.
    """
    try:
        return tuple(int(number) for number in text.split(","))
    except ValueError as error:
        raise InvalidRequestError(
            f"{option} {text} is not a list of numbers - write whole numbers, such as 1,10,20"
        ) from error


COMMANDS = (evaluate, quiz, fool)

"""The commands that say how good images are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ganzoo.cli import display
from ganzoo.cli.arguments import AS_JSON, CLASS, DATA, DEVICE, MODEL, pinned, registered
from ganzoo.cli.commands.sampling import load_model
from ganzoo.cli.progress import bars
from ganzoo.errors import InvalidRequestError

__all__ = ["COMMANDS", "evaluate", "quiz"]


@click.command()
@click.argument("name", metavar="SUBJECT", type=MODEL)
@click.option("--against", type=DATA, help="A data set by name, or a folder. [default: what the model learned]")
@click.option("--metrics", help="Some of is,fid,kid,prdc,authenticity. [default: all]")
@click.option("-n", "--count", type=click.IntRange(min=1), help="How many images. [default: 10000; of pictures, all]")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Image i has seed SEED + i.")
@click.option(
    "--features",
    type=registered("feature_extractors"),
    help="What to compare by. [default: of --against, else inception]",
)
@click.option("--is-splits", default="1,10", show_default=True, help="IS in so many splits each, such as 1,10,20.")
@click.option("--direction", help="Of a translation, by default the first that `ganzoo info` names.")
@click.option("--class", "label", type=CLASS, metavar="NAME", help="Samples of one class, against that class.")
@click.option("--truncation", type=float, metavar="T", help="Of samples of classes, in (0, 1].")
@click.option("--limit", type=click.IntRange(min=1), help="Compare with the first so many real images only.")
@click.option("--sheet", type=click.Path(path_type=Path), help="A picture of the samples most like training images.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="A JSON file to write.")
@click.option("--overwrite", is_flag=True, help="Replace files that exist.")
@click.option("--batch-size", type=click.IntRange(min=1), default=100, show_default=True, help="Images at a time.")
@click.option("--data-dir", type=click.Path(path_type=Path), default=Path("data"), show_default=True)
@click.option("--workers", type=click.IntRange(min=0), default=0, help="Processes that read pictures. [default: 0]")
@DEVICE
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
    """Say how good images are: of a model, by its name or folder, or of a folder of pictures.

    Beside each number stands its floor: what other real images come to. The features that numbers rest on are
    named, and numbers of different features cannot be compared.
    """
    from ganzoo.cli import reports
    from ganzoo.evaluation import report
    from ganzoo.evaluation.evaluate import evaluate as compute
    from ganzoo.hub.download import bound_client
    from ganzoo.sampling.image_files import STILLS
    from ganzoo.utils.files import check_file

    for file, endings in ((output, (".json",)), (sheet, STILLS)):
        if file is not None:
            check_file(file, endings, overwrite=overwrite)
    chosen: dict[str, Any] = {} if metrics is None else {"metrics": tuple(metrics.split(","))}
    bound_client()
    with bars() as progress:
        found = compute(
            pinned(name),
            is_splits=_parse_numbers("--is-splits", is_splits),
            sheet=sheet,
            progress=progress,
            **chosen,
            **options,
        )
    if output is not None:
        report.write(found, output)
    reports.show(found, as_json=as_json)


@click.command()
@click.argument("name", type=DATA)
@click.option("--model", type=MODEL, help="A model, if not the first that learned the data set.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Another seed, another quiz.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="The sheet. [default: quiz-NAME-seedSEED.png]")
@click.option("--overwrite", is_flag=True, help="Replace files that exist.")
@click.option("--data-dir", type=click.Path(path_type=Path), default=Path("data"), show_default=True)
@DEVICE
@AS_JSON
def quiz(name: str, device: str, as_json: bool, **options: Any) -> None:
    """Which clothes are real? A sheet of 8 real and 8 generated pictures, and the answers in a second file.

    NAME is a data set by name, such as fashion-mnist.
    """
    from ganzoo.evaluation import quiz

    prepared = quiz.prepare_quiz(name, **options)
    display.written(prepared.write(load_model(prepared.model, device)), as_json=as_json)


def _parse_numbers(option: str, text: str) -> tuple[int, ...]:
    """``1,10,20`` as numbers.

    Raises:
        InvalidRequestError: something else.
    """
    try:
        return tuple(int(number) for number in text.split(","))
    except ValueError as error:
        raise InvalidRequestError(f"{option} {text}: write whole numbers, such as 1,10,20") from error


COMMANDS = (evaluate, quiz)

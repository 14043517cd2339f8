"""The command line: one thin function a command; what it does stands in the library."""

from __future__ import annotations

import dataclasses
import json
import logging
import os
import signal
import sys
import traceback
import warnings
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import click

from ganzoo import display, plans, zoo
from ganzoo.arguments import AS_JSON, CLASS, DATA, DEVICE, FOLDER, MODEL, SUBJECT, pinned, registered
from ganzoo.cli_publish import COMMANDS, WITHOUT_PLUGINS
from ganzoo.errors import GanzooError, InvalidConfigError, InvalidRequestError, one_line
from ganzoo.plans import PRECISIONS
from ganzoo.plugins import SLOW_IMPORT
from ganzoo.registry import Registry
from ganzoo.series import plan_series
from ganzoo.signals import EXIT_CODES, catch_terminate
from ganzoo.specs import HubFile
from ganzoo.tasks import Task

__all__ = ["cli", "main"]

_state = {"debug": False}


def _show_versions(ctx: click.Context, param: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        from ganzoo.doctor import versions

        for name, version in versions().items():
            click.echo(f"{name} {version}")
        ctx.exit()


_VERSION_HELP = "Show the versions of ganzoo, of what it stands on, and of plugins."


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_show_versions, help=_VERSION_HELP)
@click.option("--no-plugins", is_flag=True, help="Leave all third-party plugins out.")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.pass_context
def cli(ctx: click.Context, no_plugins: bool, debug: bool) -> None:
    """A zoo of generative adversarial networks: list, pull, sample and train them."""
    _state["debug"] = debug
    warnings.showwarning = _tell  # type: ignore[assignment]
    logger = logging.getLogger("ganzoo")
    logger.setLevel(logging.INFO)
    logger.handlers = [_Echo()]
    if ctx.invoked_subcommand in WITHOUT_PLUGINS:
        return
    registry = Registry.discover(third_party=not no_plugins)
    for plugin in registry.plugins:
        if plugin in registry.broken:
            click.echo(f"ganzoo: warning: {plugin.complaint()}", err=True)
        elif plugin.seconds > SLOW_IMPORT:
            click.echo(f"ganzoo: note: plugin {plugin.key} takes {plugin.seconds:.1f} s to import", err=True)
    zoo.use(registry)


@cli.command("list")
@click.argument("pattern", default="*")
@click.option("--arch", "architecture", type=registered("architectures"), help="Only models of this architecture.")
@click.option("--task", help="Only models of this task, such as unconditional.")
@click.option("--cached", is_flag=True, help="Only models that need no download.")
@AS_JSON
def list_models(pattern: str, architecture: str | None, task: str | None, cached: bool, as_json: bool) -> None:
    """List the pretrained models. PATTERN selects names, as a shell does: 'dcgan-*'."""
    names = zoo.models(pattern, architecture=architecture, task=task)
    rows = [display.model_row(name) for name in names]
    display.table([row for row in rows if not cached or row["where"] != "hub"], as_json=as_json)


@cli.command()
@click.argument("name", type=SUBJECT)
@AS_JSON
def info(name: str, as_json: bool) -> None:
    """Show all that is known of a model, an architecture, or the features that `ganzoo evaluate` compares by."""
    display.facts(display.describe(pinned(name)), as_json=as_json)


@cli.command()
@click.argument("names", nargs=-1, type=MODEL)
@click.option("--all", "everything", is_flag=True, help="Pull every registered model.")
@AS_JSON
def pull(names: tuple[str, ...], everything: bool, as_json: bool) -> None:
    """Download and verify weights, of models and of features. After that, their use needs no network."""
    from ganzoo import hub

    if bool(names) == everything:
        raise click.UsageError("name the models to pull, or say --all")
    names = tuple(zoo.models()) if everything else names
    for name in filter(zoo.is_registered, names):
        zoo.record_of(name)  # refuse a wrong name before anything is fetched
    hub.bound_client()
    sys.exit(display.pull_all(names, as_json=as_json))


@cli.command()
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
    subject = zoo.subject_of(name)
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
    subject: zoo.Subject,
    device: str,
    as_json: bool,
    *,
    batch_size: int = 64,
    output: Path | None = None,
    file_format: str | None = None,
    overwrite: bool = False,
    **asked: Any,
) -> None:
    from ganzoo import outputs

    series = plan_series(partial(subject.request, name), subject.classes, **asked)
    target = outputs.plan(output, name, series, file_format, overwrite=overwrite)
    model = _load_model(name, device)
    if series.columns:
        click.echo(f"rows: {', '.join(row.name for row in series.rows)}", err=True)
    with display.counter("sampling", len(series)) as progress:
        written = target.write(model, batch_size=batch_size, progress=progress)
    display.written(written, as_json=as_json)


def _translate(
    name: str,
    subject: zoo.Subject,
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
    from ganzoo import translated_files

    if source is None:
        raise click.UsageError(f"{name} translates pictures: name one, or a folder of them, with --input")
    if file_format == "npz":
        raise click.UsageError("translations are pictures: --format is png, jpg or webp")
    direction = zoo.direction_of(name, subject, options.pop("direction", None))
    jobs = translated_files.plan_jobs(
        source, output, direction, file_format, overwrite=overwrite, skip_existing=skip_existing
    )
    model = _load_model(name, device)
    with display.counter("translating", len(jobs)) as progress:
        outcome = translated_files.run_jobs(
            model, jobs, side_by_side=sheet, direction=direction, progress=progress, **options
        )
    display.written(outcome.written, as_json=as_json)
    for reason in outcome.skipped.values():
        click.echo(f"ganzoo: skipped: {reason}", err=True)
    sys.exit(1 if outcome.skipped else 0)


def _load_model(name: str, device: str) -> Any:
    """The model on its device; a device that does not exist is refused before anything is fetched."""
    from ganzoo import hub
    from ganzoo.devices import resolve_device

    place = resolve_device(device)
    if zoo.is_registered(name) and isinstance(zoo.registry().models[name].weights, HubFile):
        hub.bound_client()
    return zoo.load(name, device=place, progress=display.download_bar())


@cli.command()
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
    from ganzoo import walks

    name = pinned(name)
    subject = zoo.subject_of(name)
    walk = walks.plan_walk(name, subject, output, overwrite=overwrite, **options)
    click.echo(walk.write(_load_model(name, device)))


@cli.command()
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
    plans.make_plan(  # a wrong request is refused before torch is imported
        architecture,
        data,
        config=(config := _parse_settings(settings)),
        **(chosen := _plan_options(options, regularizers, augmentations)),
    )
    from ganzoo.trainer import Trainer

    cores = min(4, os.cpu_count() or 1)
    rest = {name: value for name, value in options.items() if name not in chosen}
    trainer = Trainer(
        architecture,
        data,
        folder,
        config=config,
        workers=cores if workers is None else workers,
        reading=display.reading(),
        **chosen,
        **rest,
    )
    display.introduce(trainer)
    sys.exit(display.follow(trainer))


@cli.command()
@click.argument("subject", type=MODEL)
@click.option("--against", type=DATA, help="A data set by name, or a folder. [default: what the model learned]")
@click.option("--metrics", help="Some of is,fid,kid,prdc,authenticity. [default: all]")
@click.option("-n", "--count", type=click.IntRange(min=1), help="How many images. [default: 10000; of pictures, all]")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Image i has seed SEED + i.")
@click.option(
    "--features",
    type=registered("features"),
    help="What to compare by. [default: of --against, else inception]",
)
@click.option("--is-splits", default="1,10", show_default=True, help="IS in so many splits each, such as 1,10,20.")
@click.option("--direction", help="Of a translation, by default the first that `ganzoo info` names.")
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
    subject: str,
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
    from ganzoo import reports
    from ganzoo.evaluation import evaluate as compute
    from ganzoo.hub import bound_client
    from ganzoo.outputs import check_file

    for file, endings in ((output, (".json",)), (sheet, (".png", ".jpg", ".webp"))):
        if file is not None:
            check_file(file, endings, overwrite=overwrite)
    chosen: dict[str, Any] = {} if metrics is None else {"metrics": tuple(metrics.split(","))}
    bound_client()
    with reports.progress() as tell:
        found = compute(
            pinned(subject),
            is_splits=_parse_numbers("--is-splits", is_splits),
            sheet=sheet,
            tell=tell,
            download=display.download_bar(),
            **chosen,
            **options,
        )
    if output is not None:
        reports.write(found, output)
    reports.show(found, as_json=as_json)


@cli.command()
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
    from ganzoo import quiz

    plan = quiz.plan(name, **options)
    display.written(plan.write(_load_model(plan.model, device)), as_json=as_json)


@cli.command()
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
    from ganzoo import published

    published.copy(zoo.folder_of(pinned(run)), output, half=half, standing=standing or 0, overwrite=overwrite)
    click.echo(output)


@cli.command("import")
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
    zoo.registry().architectures[architecture]  # a wrong name is refused before torch is imported
    from ganzoo.importing import import_checkpoint

    made = import_checkpoint(architecture, file, output, config=_parse_settings(settings), **options)
    display.facts({"folder": str(made.folder), "layout": made.layout, "config": made.config}, as_json=as_json)


@cli.command()
@click.option("--debug", "culprit", metavar="NAME", help="Show the traceback of this plugin.")
@AS_JSON
def plugins(culprit: str | None, as_json: bool) -> None:
    """List the plugins: their state and what they declare."""
    found = zoo.registry().plugins
    if culprit is None:
        display.table([display.plugin_row(plugin) for plugin in found], as_json=as_json)
        return
    matching = [p for p in found if culprit in (p.key, p.distribution, p.entry_point)]
    if not matching:
        raise click.UsageError(f"no plugin {culprit!r} is installed")
    for plugin in matching:
        click.echo(plugin.traceback or f"{plugin.key} is {plugin.state}")


def _plan_options(
    options: dict[str, Any], regularizers: tuple[str, ...], augmentations: tuple[str, ...]
) -> dict[str, Any]:
    """Of the options of `train`, those that decide what a run computes."""
    names = {field.name for field in dataclasses.fields(plans.Plan)}
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


def _parse_numbers(option: str, text: str) -> tuple[int, ...]:
    """``1,10,20`` as numbers.

    Raises:
        InvalidRequestError: something else.
    """
    try:
        return tuple(int(number) for number in text.split(","))
    except ValueError as error:
        raise InvalidRequestError(f"{option} {text}: write whole numbers, such as 1,10,20") from error


def _parse_settings(settings: tuple[str, ...]) -> dict[str, Any]:
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


for _command in COMMANDS:
    cli.add_command(_command)


def main() -> NoReturn:
    """Run the command line: one line for every error, and the exit codes that `ganzoo.errors` states."""
    terminated = catch_terminate()
    try:
        code = cli.main(standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        code = error.exit_code
    except click.ClickException as error:
        click.echo(f"ganzoo: error: {error.format_message()}", err=True)
        code = error.exit_code
    except GanzooError as error:
        code = _fail(str(error), error.exit_code)
    except (KeyboardInterrupt, click.Abort):
        code = _fail("interrupted", 130)
    except OSError as error:
        code = _fail(str(error), 1)
    except Exception as error:
        code = _fail(f"{one_line(error)} - this is a fault of ganzoo: `ganzoo --debug ...` shows where", 1)
    sys.exit(EXIT_CODES[signal.SIGTERM] if terminated else code or 0)


class _Echo(logging.Handler):
    """What the library has to say, as a line of ours."""

    def emit(self, record: logging.LogRecord) -> None:
        click.echo(f"ganzoo: {record.getMessage()}", err=True)


def _tell(message: Warning | str, *_: Any) -> None:
    click.echo(f"ganzoo: warning: {message}", err=True)


def _fail(message: str, code: int) -> int:
    if _state["debug"]:
        traceback.print_exc()
    click.echo(f"ganzoo: error: {message}", err=True)
    return code

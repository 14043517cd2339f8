"""What the command line shows: tables and progress for people, tab-separated text and JSON for programs."""

from __future__ import annotations

import dataclasses
import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from ganzoo import hub, zoo
from ganzoo.cards import usage
from ganzoo.errors import GanzooError
from ganzoo.plugins import Plugin
from ganzoo.signals import EXIT_CODES, postponed
from ganzoo.specs import Architecture, BundledFile, FeatureExtractor, HubFile, PretrainedModel

if TYPE_CHECKING:
    from ganzoo.loop import Record
    from ganzoo.trainer import Trainer

__all__ = [
    "calm_uploads",
    "counter",
    "describe",
    "download_bar",
    "facts",
    "follow",
    "introduce",
    "model_row",
    "plugin_row",
    "pull_all",
    "reading",
    "table",
    "written",
]

Row = dict[str, Any]

NOT_STATED = "not stated"


def model_row(name: str) -> Row:
    """A model as `ganzoo list` shows it."""
    model = zoo.registry().models[name]
    channels, height, width = zoo.config_of(model).image_shape
    return {
        "name": name,
        "architecture": model.architecture,
        "task": zoo.registry().architectures[model.architecture].task.name,
        "resolution": f"{height}x{width}x{channels}",
        "dataset": model.dataset,
        "size": zoo.weights_size(model),
        "where": _where(model.weights),
        "licence": model.licence or NOT_STATED,
    }


def plugin_row(plugin: Plugin) -> Row:
    """A plugin as `ganzoo plugins` shows it."""
    return {
        "plugin": plugin.key,
        "version": plugin.version,
        "state": str(plugin.state),
        "api": ".".join(map(str, plugin.api)) if plugin.api else "",
        "import_ms": round(plugin.seconds * 1000),
        "declares": plugin.declares,
        "problem": f"{plugin.stage}: {plugin.problem}" if plugin.problem else "",
    }


def describe(name: str) -> Row:
    """All that is known of a model, by its name, its folder or its reference, of an architecture, or of features.

    Raises:
        UnknownNameError: it is none of them.
    """
    found = zoo.registry()
    if name in found.models:
        return _describe_model(name, found.models[name])
    if name in found.architectures:
        return _describe_architecture(name, found.architectures[name])
    if name in found.features:
        return _describe_features(name, found.features[name])
    if not zoo.is_registered(name):
        return _describe_published(name)
    known = [*found.models, *found.architectures, *found.features]
    raise found.unknown("model, architecture or feature extractor", name, known)


def table(rows: Sequence[Row], *, as_json: bool) -> None:
    """Rows as a table on a terminal, tab-separated with a heading when piped, or as a JSON list."""
    if as_json:
        click.echo(json.dumps(rows, indent=2))
    elif not sys.stdout.isatty():
        for line in ([list(rows[0])] if rows else []) + [list(row.values()) for row in rows]:
            click.echo("\t".join(map(_text, line)))
    else:
        _rich_table(rows)


def facts(entries: Row, *, as_json: bool) -> None:
    """One thing's facts, a line each."""
    if as_json:
        click.echo(json.dumps(entries, indent=2))
        return
    width = max(map(len, entries)) + 2
    for name, value in entries.items():
        lines = [f"{k} = {v}" for k, v in value.items()] if isinstance(value, Mapping) else [_shown(name, value)]
        for i, line in enumerate(lines):
            click.echo(f"{name.replace('_', ' ') if i == 0 else '':{width}}{line}")


def pull_all(names: Iterable[str], *, as_json: bool) -> int:
    """Pull each model and say what came of it; one that fails does not keep the others from it. The exit code."""
    rows: list[Row] = []
    failures = 0
    for name in names:
        if sys.stderr.isatty():
            click.echo(f"pulling {name} ...", err=True)
        try:
            pulled = zoo.pull(name, progress=download_bar())
        except GanzooError as error:
            failures += 1
            click.echo(f"ganzoo: error: {name}: {error}", err=True)
            rows.append({"name": name, "error": str(error)})
            continue
        name = pulled.name
        rows.append({"name": name, "path": str(pulled.path), "size": pulled.size, "bundled": pulled.bundled})
        if not as_json:
            here = "is bundled" if zoo.is_registered(name) else "is here"
            told = f"{here}: nothing to pull" if pulled.bundled else f"{_size(pulled.size)} verified at {pulled.path}"
            click.echo(f"{name}\t{told}")
    if as_json:
        click.echo(json.dumps(rows, indent=2))
    return 1 if failures else 0


def written(paths: Sequence[Any], *, as_json: bool) -> None:
    """Say where results were written: the paths are the command's output."""
    if as_json:
        click.echo(json.dumps([str(path) for path in paths], indent=2))
    else:
        for path in paths:
            click.echo(path)


def download_bar() -> type | None:
    """A tqdm class that shows bytes and rate on a terminal's stderr; None where nobody looks."""
    if not sys.stderr.isatty():
        return None
    from huggingface_hub.utils.tqdm import tqdm

    return tqdm


def calm_uploads() -> None:
    """Let the client show no bars where nobody looks; process-global, hence for the command line only."""
    if not sys.stderr.isatty():
        from huggingface_hub.utils.tqdm import disable_progress_bars

        disable_progress_bars()


@contextmanager
def counter(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """A function to be told how many more are done; it shows a bar on a terminal, else nothing."""
    if not sys.stderr.isatty():
        yield lambda done: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda done: bar.advance(task, done)


def reading() -> Callable[[int, int], None]:
    """To be told how many of how many pictures are read; a line on a terminal that is written over."""
    told = time.monotonic()

    def tell(done: int, total: int) -> None:
        nonlocal told
        if sys.stderr.isatty() and (done == total or time.monotonic() - told > 0.1):
            told = time.monotonic()
            click.echo(f"\r\x1b[Kreading pictures: {done}/{total}", err=True, nl=done == total)

    return tell


def introduce(trainer: Trainer) -> None:
    """Say what will be trained on what, and what was done to the data."""
    if not trainer.crew.is_main:
        return
    plan, crew = trainer.plan, trainer.crew
    batch = plan.batch_size * plan.accumulate * crew.size
    parts = f"{plan.batch_size} x {crew.size} processes x {plan.accumulate}"
    images = f"{len(trainer.data):,} images, batches of {batch}{'' if batch == plan.batch_size else f' ({parts})'}"
    click.echo(f"{plan.architecture} on {plan.data}: {images}, on {trainer.loop.gan.device}", err=True)
    _tell_notes(trainer, trainer.data.notes)


def _tell_notes(trainer: Trainer, notes: Iterable[str]) -> None:
    for note in notes:
        click.echo(f"{trainer.plan.data}: {note}", err=True)


def follow(trainer: Trainer) -> int:
    """Train a run to its end, with a bar on a terminal and a line for every 100 iterations elsewhere.

    SIGINT and SIGTERM let the iteration end and save. Of several processes the first shows. Returns
    the exit code.
    """
    known = set(trainer.data.notes)
    show = _nothing if not trainer.crew.is_main else _bar if sys.stderr.isatty() else _lines
    total = trainer.plan.iterations
    with show(trainer) as tell, postponed(patient=trainer.crew.size > 1) as received:
        for record in trainer:
            tell(record)
            if received:
                trainer.stop()
            if trainer.stopping and record.step < total:
                trainer.save()
                break
    if trainer.crew.is_main:
        _tell_notes(trainer, sorted(set(trainer.data.notes) - known))
    if trainer.crew.is_main and trainer.step < total:
        click.echo(f"ganzoo: stopped and saved after step {trainer.step} - go on with --resume", err=True)
    elif trainer.crew.is_main:
        click.echo(trainer.folder)
    return EXIT_CODES[received[0]] if received and trainer.step < total else 0


@contextmanager
def _nothing(trainer: Trainer) -> Iterator[Callable[[Record], None]]:
    yield lambda record: None


@contextmanager
def _lines(trainer: Trainer) -> Iterator[Callable[[Record], None]]:
    """A line for every 100 iterations, and for the last."""
    total, first, started = trainer.plan.iterations, trainer.step, time.monotonic()

    def tell(record: Record) -> None:
        if record.step % 100 == 0 or record.step == total:
            rate = (record.step - first) / (time.monotonic() - started)
            minutes, seconds = divmod(round((total - record.step) / rate), 60)
            left = f"{minutes}:{seconds:02d} left"
            click.echo(f"{record.step}/{total}  {rate:.1f} it/s  {left}  {_figures(record)}", err=True)

    yield tell


@contextmanager
def _bar(trainer: Trainer) -> Iterator[Callable[[Record], None]]:
    """A bar with rate and time left, and below it the figures of the latest iteration."""
    from rich.console import Console, Group
    from rich.live import Live
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    rate = TextColumn("{task.description}")
    bar = Progress(
        BarColumn(), MofNCompleteColumn(), rate, TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn()
    )
    started, first = time.monotonic(), trainer.step
    task = bar.add_task("", total=trainer.plan.iterations, completed=first)
    latest = ""

    def tell(record: Record) -> None:
        nonlocal latest
        latest = _figures(record)
        done = (record.step - first) / (time.monotonic() - started)
        bar.update(task, completed=record.step, description=f"{done:.1f} it/s")

    console = Console(stderr=True)
    with Live(get_renderable=lambda: Group(bar, latest), console=console, refresh_per_second=4):
        yield tell


def _figures(record: Record) -> str:
    return "  ".join(f"{name} {value:.3f}" for name, value in {**record.losses, **record.scores}.items())


def _describe_model(name: str, model: PretrainedModel) -> Row:
    spec = zoo.registry().architectures[model.architecture]
    option, call = usage(spec.task)
    return {
        **model_row(name),
        "summary": model.summary,
        "paper": spec.paper,
        "weights": _source(model.weights),
        "sha256": model.weights.sha256,
        "classes": list(model.classes),
        **({"directions": list(zoo.config_of(model).directions)} if spec.task.from_images else {}),
        "config": dataclasses.asdict(zoo.config_of(model)),
        "sample_it": f"ganzoo sample {name}{option}",
        "in_python": f'ganzoo.load("{name}").{call}',
    }


def _describe_published(name: str) -> Row:
    described, subject = zoo.description_of(name), zoo.subject_of(name)
    channels, height, width = subject.config.image_shape
    option, call = usage(subject.task)
    return {
        "name": name,
        "architecture": described.architecture,
        "plugin": described.plugin or "ganzoo",
        "task": subject.task.name,
        "resolution": f"{height}x{width}x{channels}",
        "dataset": described.dataset,
        "sha256": described.sha256,
        "classes": list(described.classes),
        **({"directions": list(subject.config.directions)} if subject.task.from_images else {}),
        "config": dataclasses.asdict(subject.config),
        "sample_it": f"ganzoo sample {name}{option}",
        "in_python": f'ganzoo.load("{name}").{call}',
    }


def _describe_architecture(name: str, spec: Architecture) -> Row:
    found = zoo.registry()
    layouts = [layout for layout in found.layouts.values() if layout.architecture == name]
    return {
        "name": name,
        "summary": spec.summary,
        "paper": spec.paper,
        "task": spec.task.name,
        "default_loss": spec.default_loss,
        "losses": list(found.losses),
        "regularizers": list(found.regularizers),
        "augmentations": list(found.augmentations),
        "schedules": list(found.schedules),
        "recipes": {data: {**recipe.config, **recipe.options} for data, recipe in spec.recipes.items()},
        "config": dataclasses.asdict(spec.config()),
        "layouts": [f"{x.name} ({x.source})" for x in layouts],
        "models": zoo.models(architecture=name),
        "train_it": f"ganzoo train {name} --data FOLDER -o RUN",
        **({"import_it": f"ganzoo import {name} FILE -o FOLDER"} if layouts else {}),
    }


def _describe_features(name: str, spec: FeatureExtractor) -> Row:
    return {
        "name": name,
        "summary": spec.summary,
        "source": spec.source,
        "dataset": spec.dataset,
        "licence": spec.licence or NOT_STATED,
        "features": spec.features,
        "classes": spec.classes,
        "accepts": spec.accepts,
        "size": zoo.weights_size(spec),
        "where": _where(spec.weights),
        "weights": _source(spec.weights),
        "sha256": spec.weights.sha256,
        "evaluate_by_it": f"ganzoo evaluate MODEL --features {name}",
    }


def _source(weights: HubFile | BundledFile) -> str:
    if isinstance(weights, BundledFile):
        return f"bundled in {weights.package}"
    return f"hf:{weights.repo}@{weights.revision} {weights.filename}"


def _where(weights: HubFile | BundledFile) -> str:
    if isinstance(weights, BundledFile):
        return "bundled"
    return "cached" if hub.is_cached(weights) else "hub"


def _rich_table(rows: Sequence[Row]) -> None:
    from rich.console import Console
    from rich.table import Table

    if not rows:
        click.echo("nothing matches", err=True)
        return
    grid = Table(box=None, header_style="bold")
    for number, name in enumerate(rows[0]):
        grid.add_column(name.replace("_", " "), no_wrap=number == 0, overflow="fold")  # names are copied
    for row in rows:
        grid.add_row(*(_shown(name, value) for name, value in row.items()))
    Console().print(grid)


def _shown(name: str, value: Any) -> str:
    """A value as people read it."""
    return _size(value) if name == "size" else _text(value) or "none"


def _text(value: Any) -> str:
    """A value in one field of a table: lists with commas, mappings with semicolons."""
    if isinstance(value, Mapping):
        return "; ".join(f"{name}: {_text(item)}" for name, item in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_text, value))
    return "" if value is None else " ".join(str(value).split())  # a tab or a line break would break the table


def _size(count: int | None) -> str:
    if count is None:
        return "unknown"
    return f"{count / 1e6:.1f} MB" if count >= 1e6 else f"{count / 1e3:.0f} kB"

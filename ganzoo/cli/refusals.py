"""Refuse options that the task of a model has no use for, and say which models take them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

import click

from ganzoo.interface.tasks import Task
from ganzoo.pretrained.sources import Source
from ganzoo.registry import lookup

__all__ = ["OF_STYLES", "SAMPLES", "refuse_options"]

SAMPLES = ""
"""Stands for a field that every task has, except those that translate images."""

Needs = Mapping[str, tuple[str, str]]
"""By the name of an option's parameter: the option as users type it, and the field of the task that it needs."""

OF_STYLES: Needs = {option: (f"--{option}", option) for option in ("truncation", "cutoff", "noise")}
"""The options of how styles become an image."""


def refuse_options(source: Source, options: Mapping[str, Any], needs: Needs) -> None:
    """Refuse the given options whose field the task of the model does not have.

    Raises:
        click.UsageError: names the options, and what to do.
    """
    task = source.info.subject.task
    given = [need for option, need in needs.items() if options.get(option) not in (None, ())]
    wrong = [(flag, field) for flag, field in given if not _has(task, field)]
    if wrong:
        flags = [flag for flag, _ in wrong]
        problem = f"{source.name} takes no {' and no '.join(flags)}: it is {task.name}"
        raise click.UsageError(f"{problem} - leave out {' and '.join(flags)}{_instead(task, wrong)}")


def _has(task: type[Task], field: str) -> bool:
    if field == SAMPLES:
        return not task.from_images
    return field in {each.name for each in dataclasses.fields(task)}


def _instead(task: type[Task], wrong: Iterable[tuple[str, str]]) -> str:
    """Where the wish can be fulfilled: by another option of this model, or by models of another task."""
    if task.from_images:
        return "; name the pictures to translate with --input"
    able = [each for each in lookup.registry().architectures.values() if all(_has(each.task, f) for _, f in wrong)]
    tasks = sorted({each.task.name for each in able} - {task.name})
    if tasks:
        return f", or choose a model of `ganzoo list --task {tasks[0]}`"
    return f", or choose a model of {' or '.join(sorted(each.name for each in able))}" if able else ""

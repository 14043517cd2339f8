"""The exact command that computes what a plan says."""

from __future__ import annotations

import json
import shlex
from typing import Any

from ganzoo.training.plan import Plan, make_plan

__all__ = ["command_of"]

_PLAIN = (
    "loss",
    "iterations",
    "batch_size",
    "accumulate",
    "seed",
    "ema",
    "precision",
    "schedule",
    "regularize_every",
    "crop",
    "limit",
    "init",
)
"""The options that are written as ``--name value``."""


def command_of(plan: Plan, folder: str, *, data: str = "") -> str:
    """The command that computes what `plan` says: all that is not as the recipe or the defaults have it.

    `data` is written in place of the plan's.
    """
    usual = make_plan(plan.architecture, plan.data)
    words = ["ganzoo", "train", plan.architecture, "--data", data or plan.data]
    for name, value in plan.config.items():
        if name not in usual.config or usual.config[name] != value:
            words += ["--config", f"{name}={_text(value)}"]
    for name in _PLAIN:
        if getattr(plan, name) != getattr(usual, name):
            words += [f"--{name.replace('_', '-')}", str(getattr(plan, name))]
    if plan.regularizers != usual.regularizers:
        words += [word for name, weight in plan.regularizers.items() for word in ("--regularizer", f"{name}={weight}")]
    if plan.augmentations != usual.augmentations:
        words += [word for name in plan.augmentations for word in ("--augment", name)]
    if plan.mirror != usual.mirror:
        words += ["--mirror" if plan.mirror else "--no-mirror"]
    return shlex.join([*words, "-o", folder])


def _text(value: Any) -> str:
    """A config value as ``--config`` reads it."""
    return value if isinstance(value, str) else json.dumps(value)

"""The exact command that trains what a plan describes."""

from __future__ import annotations

import dataclasses
import shlex

from ganzoo.interface.configs import OF_TEXTS
from ganzoo.registry import lookup
from ganzoo.training.plan import Plan, make_plan
from ganzoo.utils.commands import words_of

__all__ = ["command_of"]


def command_of(plan: Plan, folder: str, *, data: str = "") -> str:
    """The command that trains what `plan` describes, in `folder`.

    It names only what differs from the architecture's recipe and from the defaults. `data` replaces the plan's
    data, for instance to hide a path of this machine.
    """
    if plan.init and lookup.registry().architectures[plan.architecture].task.needs_text:
        # The model to start from brings its vocabulary, which may be long.
        config = {name: value for name, value in plan.config.items() if name not in OF_TEXTS}
        plan = dataclasses.replace(plan, config=config)
    usual = dataclasses.replace(make_plan(plan.architecture, plan.data, recipe=plan.recipe), recipe=None)
    words = ["ganzoo", "train", plan.architecture, "--data", data or plan.data, *words_of(plan, usual=usual)]
    return shlex.join([*words, "-o", folder])

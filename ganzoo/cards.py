"""The model card that a run leaves: its facts and the exact command, the rest for a person to write."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING, Any

from ganzoo.plans import Plan, make_plan

if TYPE_CHECKING:
    from ganzoo.trainer import Trainer

__all__ = ["command_of", "render_card"]

STUB = "<!-- stub -->"
"""The mark of a card that nobody has worked on: the run may write it anew."""

_PLAIN = ("loss", "iterations", "batch_size", "accumulate", "seed", "ema", "precision", "schedule", "crop", "limit")
"""The options that are written as ``--name value``."""

_CARD = """---
license: unknown
library_name: ganzoo
pipeline_tag: {tag}
datasets:
- {dataset}
tags:
- gan
- {architecture}
---
{stub}
# {name}

To be written: what it makes, and for whom. (Remove the line with "stub" above, or this card is written anew.)

![64 samples at seed 0](samples/{step:08d}.png)

| fact | value |
|---|---|
| architecture | `{architecture}` |
| images | {size} |
| data set | {dataset}, {count:,} images |
| config | `{config}` |
| loss | {loss} |
| iterations | {step:,} |
| seed | {seed} |

## Use

```bash
ganzoo sample {folder}
```

## Training

```bash
{command}
```

## Limits

To be written: what it cannot do, and what it does badly.
"""


def render_card(trainer: Trainer) -> str:
    """A card for what the run has so far."""
    plan = trainer.plan
    channels, height, width = trainer.config.image_shape
    return _CARD.format(
        tag=trainer.task.pipeline_tag,
        stub=STUB,
        name=trainer.folder.resolve().name,
        dataset=plan.data,
        architecture=plan.architecture,
        size=f"{height}x{width}, {'grey' if channels == 1 else 'RGB' if channels == 3 else f'{channels} channels'}",
        count=len(trainer.data),
        config=json.dumps(dict(plan.config)),
        loss=trainer.loss_name,
        step=trainer.step,
        seed=plan.seed,
        folder=shlex.quote(str(trainer.folder)),
        command=command_of(plan, str(trainer.folder)),
    )


def command_of(plan: Plan, folder: str) -> str:
    """The command that computes what `plan` says: all that is not as the recipe or the defaults have it."""
    usual = make_plan(plan.architecture, plan.data)
    words = ["ganzoo", "train", plan.architecture, "--data", plan.data]
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

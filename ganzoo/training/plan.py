"""What a training run is asked to do: the options, and the plan that decides what it computes. No torch."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ganzoo.errors import InvalidRequestError
from ganzoo.registry import lookup

__all__ = ["Plan", "TrainingOptions", "make_plan", "schedule_of"]

PRECISIONS = ("fp32", "bf16", "fp16")

_LEAST = {"iterations": 0, "batch_size": 1, "accumulate": 1, "seed": 0, "regularize_every": 1}


@dataclass(frozen=True, kw_only=True)
class TrainingOptions:
    """How long and by which means; what the paper prescribes of a network stands in the architecture's config.

    `batch_size` is that of one process, and of one of the `accumulate` parts whose gradients are added up
    for each update. `ema` is the decay of the weights' exponential moving average, 0 to publish the
    weights themselves. `precision` is that of the networks' arithmetic; weights stay in 32 bits.
    `schedule` names how learning rates change, with a setting if wanted: ``linear=0.5``.
    `regularizers` are weights by name, computed in every `regularize_every`-th iteration with weights so
    many times as large (lazy regularization, arXiv:1912.04958, section 3.1): the same on average, for less
    time. `augmentations` are applied, in their order, to all that discriminators see; `mirror` turns half
    of the training images left to right, and `crop` makes them so many times as large and takes a part of
    the right size, at random.
    """

    iterations: int = 10_000
    batch_size: int = 64
    accumulate: int = 1
    seed: int = 0
    ema: float = 0.999
    precision: Literal["fp32", "bf16", "fp16"] = "fp32"
    schedule: str = "constant"
    regularizers: Mapping[str, float] = field(default_factory=dict)
    regularize_every: int = 1
    augmentations: tuple[str, ...] = ()
    mirror: bool = False
    crop: float = 1.0

    def __post_init__(self) -> None:
        for name, least in _LEAST.items():
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < least:
                raise InvalidRequestError(f"{name} is a whole number of at least {least}, not {value!r}")
        if not _is_number(self.ema) or not 0 <= self.ema < 1:
            raise InvalidRequestError(f"ema is a decay in [0, 1), not {self.ema!r}")
        if not _is_number(self.crop) or not 1 <= self.crop <= 2:
            raise InvalidRequestError(f"crop is a number from 1 to 2, not {self.crop!r}")
        if self.precision not in PRECISIONS:
            raise InvalidRequestError(f"precision is {', '.join(PRECISIONS[:-1])} or fp16, not {self.precision!r}")
        for name, weight in self.regularizers.items():
            if not _is_number(weight) or weight < 0:
                raise InvalidRequestError(f"the weight of {name} is a number of at least 0, not {weight!r}")
        object.__setattr__(self, "augmentations", tuple(self.augmentations))
        object.__setattr__(self, "regularizers", dict(self.regularizers))


@dataclass(frozen=True, kw_only=True)
class Plan(TrainingOptions):
    """All that decides what a run computes; kept in ``run.json`` so that a resumed run is the same run.

    `init` is the folder of another run, whose networks it starts from.
    """

    architecture: str
    data: str
    config: Mapping[str, Any] = field(default_factory=dict)
    loss: str | None = None
    limit: int | None = None
    init: str | None = None

    def as_json(self) -> str:
        """For ``run.json``."""
        return json.dumps(dataclasses.asdict(self), indent=2) + "\n"

    def differences(self, other: Mapping[str, Any]) -> list[str]:
        """What a plan that was read from ``run.json`` says otherwise.

        A longer training is no difference, unless the schedule depends on the length.
        """
        ours, theirs = _flat(json.loads(self.as_json())), _flat(other)
        free = {"iterations"} if self.schedule.partition("=")[0] == "constant" else set()
        names = sorted((ours.keys() | theirs.keys()) - free)
        return [f"{n}: {theirs.get(n)} then, {ours.get(n)} now" for n in names if ours.get(n) != theirs.get(n)]


def make_plan(architecture: str, data: str, *, config: Mapping[str, Any] | None = None, **options: Any) -> Plan:
    """The plan of a run: what is asked for, else what the architecture's recipe for the data says, else the defaults.

    `config` and `options` override those of the recipe; an option of None is not asked for. A
    regularizer's weight of None is the regularizer's own.

    Raises:
        UnknownNameError: no such architecture, loss, regularizer, augmentation or schedule.
        InvalidConfigError: a field of the config that does not exist or a value that cannot be.
        InvalidRequestError: an option that does not exist or a value that cannot be.
    """
    recipe = lookup.registry().architectures[architecture].recipe(data)
    asked = {**recipe.options, **{name: value for name, value in options.items() if value is not None}}
    known = {f.name for f in dataclasses.fields(Plan)} - {"architecture", "data", "config"}  # which are no options
    unknown = sorted(asked.keys() - known)
    if unknown:
        raise InvalidRequestError(f"there is no training option {', '.join(unknown)}")
    asked["regularizers"] = _weights(asked.get("regularizers") or {})
    plan = Plan(architecture=architecture, data=data, config={**recipe.config, **(config or {})}, **asked)
    _check(plan)
    return plan


def schedule_of(text: str) -> tuple[str, float]:
    """The name and the setting of a schedule: ``linear=0.5``, or ``linear`` with its own setting.

    Raises:
        UnknownNameError: no such schedule.
        InvalidRequestError: the setting is no number from 0 to 1.
    """
    name, equals, setting = text.partition("=")
    default = lookup.registry().schedules[name].default
    try:
        value = float(setting) if equals else default
    except ValueError:
        value = math.nan
    if not 0 <= value <= 1:
        raise InvalidRequestError(f"the setting of the schedule {name} is a number from 0 to 1, not {setting!r}")
    return name, value


def _check(plan: Plan) -> None:
    found = lookup.registry()
    _, loss = lookup.check_config(plan.architecture, plan.config, plan.loss)
    schedule_of(plan.schedule)
    for name in plan.augmentations:
        found.augmentations[name]
    for name in plan.regularizers:
        losses = found.regularizers[name].losses
        if losses and loss.name not in losses:
            raise InvalidRequestError(f"the regularizer {name} goes with {', '.join(losses)}, not with {loss.name}")


def _weights(regularizers: Mapping[str, float | None]) -> dict[str, float]:
    known = lookup.registry().regularizers
    return {name: known[name].weight if weight is None else weight for name, weight in regularizers.items()}


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _flat(entries: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in entries.items():
        flat |= _flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {prefix + name: value}
    return flat

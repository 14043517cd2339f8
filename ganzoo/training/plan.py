"""The options of training, and the plan of a run: everything that decides what it computes. It needs no torch."""

from __future__ import annotations

import dataclasses
import json
import math
import reprlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from ganzoo.data.sources import pin_source
from ganzoo.errors import InvalidRequestError, RunError, one_line
from ganzoo.interface.configs import with_written_resolution
from ganzoo.interface.specs import Recipe
from ganzoo.pretrained.resolve import resolve
from ganzoo.registry import lookup
from ganzoo.utils.commands import flag
from ganzoo.utils.files import expand_home
from ganzoo.utils.json_files import MAX_WHOLE, read_object
from ganzoo.weights.folder import CONFIG

__all__ = [
    "Plan",
    "TrainingOptions",
    "check_options",
    "check_plan",
    "follow_rule",
    "is_run",
    "make_plan",
    "read_entries",
    "schedule_of",
    "weights_of",
]

PRECISIONS = ("fp32", "bf16", "fp16")

_MINIMA = {
    **{"iterations": 0, "batch_size": 1, "accumulate": 1, "seed": 0, "ema_half_life": 0},
    **{"regularize_every": 1, "regularize_generator_every": 1, "freeze": 0},
}


@dataclass(frozen=True, kw_only=True)
class TrainingOptions:
    """How long to train, and with which methods. Learning rates and other settings of a paper are in the config.

    Args:
        iterations: The number of training steps.
        batch_size: The number of images in a batch, for each process and each part of `accumulate`.
        accumulate: The number of batches for each update, which applies the mean of their gradients.
        seed: Decides all random numbers of the run.
        ema: The decay of the exponential moving average of the weights, in [0, 1). With 0, the weights
            themselves are published.
        ema_half_life: The number of images after which the average has forgotten half of what it was, in place of
            `ema`. With 0, `ema` decides.
        precision: The precision in which the networks compute. The weights stay in 32 bits.
        schedule: How the learning rates change, with a setting from 0 to 1 if wanted: ``linear=0.5``.
        regularizers: The weights of penalties, by name.
        regularize_every: The number of iterations from one with penalties to the next. Their weights are
            multiplied by it, so the penalties are the same on average, in less time (lazy regularization,
            arXiv:1912.04958, section 3.1).
        regularize_generator_every: The same for penalties on generators.
        augmentations: Changes to all images that discriminators see, in this order.
        freeze: The number of layers of each discriminator, from the image on, that keep their weights
            (arXiv:2002.10964).
        mirror: Flip half of the training images left to right.
        crop: Enlarge the training images by this factor, from 1 to 2, and take a random part of the right size.

    Raises:
        InvalidRequestError: A value is not of the right type or is out of its range.
    """

    iterations: int = 10_000
    batch_size: int = 64
    accumulate: int = 1
    seed: int = 0
    ema: float = 0.999
    ema_half_life: int = 0
    precision: Literal["fp32", "bf16", "fp16"] = "fp32"
    schedule: str = "constant"
    regularizers: Mapping[str, float] = field(default_factory=dict, metadata=flag("--regularizer"))
    regularize_every: int = 1
    regularize_generator_every: int = 1
    augmentations: tuple[str, ...] = field(default=(), metadata=flag("--augment"))
    freeze: int = 0
    mirror: bool = False
    crop: float = 1.0

    def __post_init__(self) -> None:
        for name, minimum in _MINIMA.items():
            _check_whole(name, getattr(self, name), minimum)
        if not _is_number(self.ema) or not 0 <= self.ema < 1:
            raise InvalidRequestError(f"ema must be a number from 0 to below 1, not {self.ema!r}")
        if not _is_number(self.crop) or not 1 <= self.crop <= 2:
            raise InvalidRequestError(f"crop must be a number from 1 to 2, not {self.crop!r}")
        if self.precision not in PRECISIONS:
            raise InvalidRequestError(f"precision must be {', '.join(PRECISIONS[:-1])} or fp16, not {self.precision!r}")
        for name, weight in self.regularizers.items():
            if not _is_number(weight) or weight < 0:
                raise InvalidRequestError(f"the weight of {name} must be a number of at least 0, not {weight!r}")
        object.__setattr__(self, "augmentations", tuple(self.augmentations))
        object.__setattr__(self, "regularizers", dict(self.regularizers))


@dataclass(frozen=True, kw_only=True)
class Plan(TrainingOptions):
    """Everything that decides what a run computes. ``run.json`` keeps it, so that a resumed run is the same run.

    Its fields are also the options of `ganzoo train`; `ganzoo.training.command` writes the command from them.

    Args:
        architecture: A registered architecture.
        data: A data set by name, a folder of images, files of a known format, or a data set on the Hub.
        config: Fields of the architecture's config, by name.
        loss: A registered adversarial loss. None is the architecture's own.
        limit: Use only this many images of the data, the first ones. None uses all.
        init: Another run or a model, to start from its weights: a folder, a registered name or a reference to the Hub.
            None starts from random weights.
        recipe: The recipe of the architecture that the plan follows. None is the recipe for the data.
    """

    architecture: str = field(metadata=flag(None))
    data: str = field(metadata=flag(None))
    config: Mapping[str, Any] = field(default_factory=dict, metadata=flag("--config", merged=True))
    loss: str | None = None
    limit: int | None = None
    init: str | None = None
    recipe: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.limit is not None:
            _check_whole("limit", self.limit, 1)
        for name in ("architecture", "data", "schedule", "loss", "init", "recipe"):
            _check_text(name, getattr(self, name), optional=name in ("loss", "init", "recipe"))
        if not isinstance(self.config, Mapping):
            raise InvalidRequestError(f"config must be a mapping, not {self.config!r}")

    def as_json(self) -> str:
        """The content of ``run.json``."""
        return json.dumps(dataclasses.asdict(self), indent=2) + "\n"

    def entries(self) -> dict[str, Any]:
        """The content of ``run.json`` as one level, with names such as ``config.resolution``."""
        return _flat(json.loads(self.as_json()))

    def differences(self, other: Mapping[str, Any]) -> list[str]:
        """One text for each field in which `other`, as read from ``run.json``, differs from this plan.

        Another number of iterations is a difference only if the schedule depends on it. An option that the file does
        not have is newer than the run, which had its default.
        """
        ours, theirs = self.entries(), _flat({**_DEFAULTS, **other})
        free = {"iterations"} if self.schedule.partition("=")[0] == "constant" else set()
        names = sorted((ours.keys() | theirs.keys()) - free)
        return [f"{n}: {theirs.get(n)} then, {ours.get(n)} now" for n in names if ours.get(n) != theirs.get(n)]


_DEFAULTS = {"ema_half_life": 0, "regularize_generator_every": 1, "recipe": None, "freeze": 0}
"""The options that earlier versions did not have."""


def read_entries(path: Path) -> dict[str, Any]:
    """The entries of the plan in the file ``run.json`` of a run, as they are in the file.

    Raises:
        RunError: the file cannot be read, or is damaged.
    """
    try:
        return read_object(path)
    except (OSError, ValueError) as error:
        problem = getattr(error, "strerror", None) or one_line(error)
        raise RunError(f"{path} is damaged ({problem}) - start a new run in another folder") from error


def make_plan(architecture: str, data: str, *, config: Mapping[str, Any] | None = None, **options: Any) -> Plan:
    """The plan of a run. `config` and `options` override the architecture's recipe for the data, and the defaults.

    With `init`, the config of the model to start from overrides the recipe's. A data set on the Hub gets the commit
    that it means now.

    `options` are the other fields of `Plan`. An option of None counts as not given. A regularizer with a weight
    of None gets its own default weight.

    Raises:
        UnknownNameError: The registry has no architecture, loss, regularizer, augmentation or schedule of a name.
        InvalidConfigError: A field of the config does not exist, or its value is not possible.
        InvalidRequestError: An option or a recipe does not exist, or a value is not possible. Or the model to start
            from is of another architecture.
    """
    recipe = _recipe(architecture, data, options.get("recipe"))
    given = {name: value for name, value in options.items() if value is not None}
    check_options({**recipe.options, **given})
    initial: Mapping[str, Any] = {}
    if given.get("init"):
        given["init"], initial = _pin_start(given["init"], architecture)
    kind = lookup.registry().architectures[architecture].config
    config = with_written_resolution(kind, {**recipe.config, **initial, **(config or {})})
    asked = {**follow_rule(recipe, architecture, config, {**recipe.options, **given}), **given}
    asked["regularizers"] = weights_of(asked.get("regularizers") or {})
    plan = Plan(architecture=architecture, data=data, config=config, **asked)
    check_plan(plan)
    return dataclasses.replace(plan, data=pin_source(data))


def is_run(name: str) -> bool:
    """Whether `name` is the folder of a run that was saved, whose weights are those of its newest checkpoint."""
    return (expand_home(name) / "checkpoints").is_dir()


def _pin_start(init: str, architecture: str) -> tuple[str, dict[str, Any]]:
    """The name of the model that a run starts from, and its config without the defaults of the architecture.

    A reference to the Hub gets the commit that it means now.

    Raises:
        UnknownNameError: Nothing has that name.
        InvalidRequestError: It is of another architecture.
    """
    if is_run(init) and not (expand_home(init) / CONFIG).is_file():
        return init, {}  # its checkpoint is there, and its model was not written yet
    source = resolve(expand_home(init) if is_run(init) else init)
    info = source.info
    if info.architecture != architecture:
        text = f"{init} is of the architecture {info.architecture}, not {architecture}"
        raise InvalidRequestError(f"{text} - train {info.architecture}, or start from another model")
    kind = lookup.registry().architectures[architecture].config
    defaults = {field.name: field.default for field in dataclasses.fields(kind)}
    given = dataclasses.asdict(lookup.check_config(architecture, info.config)[0])
    return init if is_run(init) else source.name, {n: value for n, value in given.items() if value != defaults[n]}


def follow_rule(
    recipe: Recipe, architecture: str, config: Mapping[str, Any], options: Mapping[str, Any]
) -> dict[str, Any]:
    """`options`, and those that the recipe's rule computes from the config and from them."""
    if recipe.rule is None:
        return dict(options)
    defaults = {each.name: each.default for each in dataclasses.fields(TrainingOptions)}
    checked, _ = lookup.check_config(architecture, config)
    return {**options, **recipe.rule(checked, {**defaults, **options})}


def _recipe(architecture: str, data: str, name: str | None) -> Recipe:
    """The recipe of that name, or the one for the data.

    Raises:
        InvalidRequestError: The architecture has no recipe of that name.
    """
    spec = lookup.registry().architectures[architecture]
    if name is not None and name not in spec.recipes:
        known = ", ".join(spec.recipes) or "none"
        raise InvalidRequestError(f"{architecture} has no recipe {name!r} - its recipes are: {known}")
    return spec.recipe(data) if name is None else spec.recipes[name]


def check_options(options: Iterable[str]) -> None:
    """Check the names of training options.

    Raises:
        InvalidRequestError: One of them does not exist.
    """
    known = [f.name for f in dataclasses.fields(Plan) if f.name not in ("architecture", "data", "config")]
    unknown = sorted(set(options) - set(known))
    if unknown:
        raise InvalidRequestError(f"there is no training option {', '.join(unknown)} - use {', '.join(known)}")


def schedule_of(text: str) -> tuple[str, float]:
    """The name and the setting of a schedule such as ``linear=0.5``; ``linear`` alone has its default setting.

    Raises:
        UnknownNameError: There is no such schedule.
        InvalidRequestError: The setting is not a number from 0 to 1.
    """
    name, equals, setting = text.partition("=")
    default = lookup.registry().schedules[name].default
    try:
        value = float(setting) if equals else default
    except ValueError:
        value = math.nan
    if not 0 <= value <= 1:
        raise InvalidRequestError(
            f"the schedule {name} takes a number from 0 to 1, such as {name}=0.5, not {setting!r}"
        )
    return name, value


def check_plan(plan: Plan) -> None:
    """Look up every name in the registry, and check that the regularizers work with the loss.

    Raises:
        UnknownNameError, InvalidConfigError, InvalidRequestError: as for `make_plan`.
    """
    found = lookup.registry()
    _, loss = lookup.check_config(plan.architecture, plan.config, plan.loss)
    if plan.freeze and not plan.init:
        raise InvalidRequestError(
            "freeze keeps layers of a trained discriminator - name a run to start from: --init RUN"
        )
    schedule_of(plan.schedule)
    for name in plan.augmentations:
        found.augmentations[name]
    for name in plan.regularizers:
        losses = found.regularizers[name].losses
        if losses and loss.name not in losses:
            raise InvalidRequestError(
                f"the regularizer {name} does not work with the loss {loss.name} - use {' or '.join(losses)}, "
                "or another regularizer"
            )


def weights_of(regularizers: Mapping[str, float | None]) -> dict[str, float]:
    """The weights by name, with each regularizer's default weight in place of None."""
    known = lookup.registry().regularizers
    return {name: known[name].weight if weight is None else weight for name, weight in regularizers.items()}


def _check_whole(name: str, value: Any, minimum: int) -> None:
    """Refuse what is no whole number of at least `minimum`, or too large for ``run.json``."""
    if not isinstance(value, int) or isinstance(value, bool) or value < minimum:
        raise InvalidRequestError(f"{name} must be a whole number of at least {minimum}, not {value!r}")
    if value >= MAX_WHOLE:
        raise InvalidRequestError(f"{name} must be below 2^63, not {reprlib.repr(value)}")


def _check_text(name: str, value: Any, *, optional: bool) -> None:
    """Refuse what is no text, or no path, or has bytes that are not UTF-8, which JSON cannot hold."""
    if value is None and optional:
        return
    if not isinstance(value, str) or not value:
        raise InvalidRequestError(f"{name} must be a text, not {value!r}")
    if "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
        raise InvalidRequestError(f"{name} is {value!a}, which is not UTF-8 - rename the folder")


def _is_number(value: Any) -> bool:
    """Whether `value` is a finite number, and not a boolean."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _flat(entries: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested entries as one level, with names such as ``config.resolution``."""
    flat: dict[str, Any] = {}
    for name, value in entries.items():
        flat |= _flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {prefix + name: value}
    return flat

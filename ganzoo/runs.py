"""A training run in a folder: what was asked for, checkpoints, metrics, sheets, and the published model."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ganzoo import checkpoints, zoo
from ganzoo.data import ImageData, load_data
from ganzoo.devices import resolve_device
from ganzoo.errors import RunError, one_line
from ganzoo.files import replacing
from ganzoo.images import contact_sheet, save_picture, to_pictures
from ganzoo.outputs import check_writable
from ganzoo.published import Description, write_folder
from ganzoo.randomness import derive
from ganzoo.training import Record, Trainer, TrainingOptions

__all__ = ["Plan", "Run"]

_PLAN = "run.json"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """All that decides what a run computes; kept in ``run.json`` so that a resumed run is the same run."""

    architecture: str
    data: str
    options: TrainingOptions
    config: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    loss: str | None = None
    limit: int | None = None

    def differences(self, other: Mapping[str, Any]) -> list[str]:
        """What a plan read from ``run.json`` says otherwise; a longer training is no difference."""
        ours, theirs = _flat(json.loads(json.dumps(dataclasses.asdict(self)))), _flat(dict(other))
        names = sorted((ours.keys() | theirs.keys()) - {"options.iterations"})
        return [f"{n}: {theirs.get(n)} then, {ours.get(n)} now" for n in names if ours.get(n) != theirs.get(n)]


class Run:
    """A run that trains: iterate to train on; `save` at any moment between two records.

    Raises:
        RunError: the folder holds another run, or one to be resumed that differs from `plan`.
    """

    def __init__(
        self,
        folder: str | Path,
        plan: Plan,
        *,
        data_root: str | Path = "data",
        device: str | torch.device = "auto",
        resume: bool = False,
        save_every: int = 1000,
    ) -> None:
        place = resolve_device(str(device))
        self.folder = Path(folder)
        self.plan = plan
        self.save_every = save_every
        self._check_folder(resume)
        self.config, _ = zoo.check_config(plan.architecture, plan.config, plan.loss)
        self.task = zoo.registry().architectures[plan.architecture].task
        self.data: ImageData = load_data(plan.data, self.config.image_shape, root=data_root, limit=plan.limit)
        torch.manual_seed(derive(plan.options.seed, "initialisation"))
        gan = zoo.create(plan.architecture, loss=plan.loss, **plan.config).to(place)
        self.trainer = Trainer(gan, self.data, plan.options)
        if resume:
            self._restore()
        self._write_plan()

    def __iter__(self) -> Iterator[Record]:
        """Train to the end, saving as often as was asked and once more when done."""
        metrics = self.folder / "metrics.jsonl"
        _forget_after(self.trainer.step, metrics)
        with metrics.open("a", buffering=1) as file:  # a line at a time: what a killed run did can be read
            for record in self.trainer:
                file.write(json.dumps({"step": record.step, **record.losses, **record.scores}) + "\n")
                if record.step % self.save_every == 0 or record.step == self.plan.options.iterations:
                    self.save()
                yield record

    def save(self) -> None:
        """Write a checkpoint, a contact sheet of fixed seeds, and the published model so far.

        Raises:
            RunError: there is no room; the checkpoint before is intact.
        """
        checkpoint = self.trainer.checkpoint()
        state = {**checkpoint.state, "data": _digest(self.data)}
        checkpoints.save(self.folder / "checkpoints", checkpoint._replace(state=state))
        sheets = self.folder / "samples"
        sheets.mkdir(exist_ok=True)
        save_picture(self._sheet(), sheets / f"{self.trainer.step:08d}.png")
        config = dataclasses.asdict(self.config)
        description = Description(self.plan.architecture, config, self.plan.data, self.data.classes)
        write_folder(self.folder, self.trainer.published(), description)

    def _sheet(self) -> Any:
        from ganzoo.sampling import Model

        model = Model(self.trainer.average, self.task, self.config.image_shape)
        return contact_sheet(to_pictures(model.sample(64)), scale=2)

    def _restore(self) -> None:
        checkpoint = checkpoints.latest(self.folder / "checkpoints")
        if checkpoint is None:
            raise RunError(f"{self.folder} holds no usable checkpoint - start anew in another folder")
        if checkpoint.step > self.plan.options.iterations:
            raise RunError(f"{self.folder} is at step {checkpoint.step} already - ask for more --iterations")
        if checkpoint.state["data"] != _digest(self.data):
            raise RunError(f"{self.plan.data} is not the data that {self.folder} was trained on - start anew")
        self.trainer.restore(checkpoint)

    def _check_folder(self, resume: bool) -> None:
        check_writable(self.folder)
        plan = self.folder / _PLAN
        if not plan.exists():
            if resume:
                raise RunError(f"{self.folder} holds no run to resume")
            return
        if not resume:
            raise RunError(f"{self.folder} holds a run already - continue it with --resume, or choose another folder")
        try:
            before = json.loads(plan.read_text())
        except ValueError as error:
            raise RunError(f"{plan} is damaged ({one_line(error)}) - start anew in another folder") from error
        differences = self.plan.differences(before)
        if differences:
            raise RunError(f"{self.folder} was started otherwise: " + "; ".join(differences))

    def _write_plan(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        with replacing(self.folder / _PLAN) as temporary:
            temporary.write_text(json.dumps(dataclasses.asdict(self.plan), indent=2) + "\n")


def _forget_after(step: int, metrics: Path) -> None:
    """Drop the records after `step` that a killed run left, and the half line at its end."""
    if metrics.exists():
        kept = [line for line in metrics.read_text().splitlines() if _step(line) <= step]
        with replacing(metrics) as temporary:
            temporary.write_text("".join(line + "\n" for line in kept))


def _step(line: str) -> float:
    try:
        return float(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError):
        return math.inf


def _digest(data: ImageData) -> str:
    """What tells two data sets apart that have one name."""
    return hashlib.sha256(data.images.numpy().tobytes()).hexdigest()


def _flat(entries: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in entries.items():
        flat |= _flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {prefix + name: value}
    return flat

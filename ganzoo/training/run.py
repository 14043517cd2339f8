"""A training run: how it is opened, and its state while it trains."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import torch

from ganzoo.data.datasets import Data, Domains
from ganzoo.data.load import load_data
from ganzoo.data.sources import check_source, find_data
from ganzoo.distributed.processes import ProcessGroup, join_process_group
from ganzoo.errors import DataError, RunError
from ganzoo.interface.configs import Config
from ganzoo.interface.tasks import Task
from ganzoo.registry import lookup
from ganzoo.sampling.model import Model
from ganzoo.training import checkpoints
from ganzoo.training.captions import changed_words, no_captions, text_settings, with_token_ids
from ganzoo.training.loop import Loop
from ganzoo.training.plan import Plan
from ganzoo.training.run_folder import check_folder, write_plan
from ganzoo.training.start import read_start
from ganzoo.training.techniques import Techniques, resolve_techniques
from ganzoo.utils.devices import is_out_of_memory
from ganzoo.utils.locks import FolderLock, InUse
from ganzoo.utils.precision import float32_on_cpu
from ganzoo.utils.progress import Progress, silent
from ganzoo.utils.seeds import derive_seed
from ganzoo.weights.folder import Description

__all__ = ["MetricsLogger", "Resources", "Run", "open_run"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Resources:
    """What a run uses of this machine. It can change the rounding of numbers, but not what the run computes.

    `device` is ``auto``, ``cpu``, ``cuda``, ``cuda:1`` or ``mps``. `data_dir` is the folder of downloaded data
    sets. `workers` processes read images ahead. `compile` compiles the networks with PyTorch's compiler.
    """

    device: str = "auto"
    data_dir: str | Path = "data"
    workers: int = 0
    compile: bool = False


class MetricsLogger(Protocol):
    """Anything that writes metrics down, such as an observer."""

    def log(self, step: int, metrics: Mapping[str, float]) -> None:
        """Write the metrics of iteration `step` down."""
        ...


@dataclass(eq=False)
class Run:
    """One training run: its folder, its plan, and the state of its training. `open_run` makes it.

    `config` is the complete config of the architecture, `loss_name` the adversarial loss, and `task` what the
    model generates. `saved_step` is the step of the last checkpoint, None if there is none yet. `lock`
    keeps other processes from training in the folder; only the main process has it. `loggers` get all metrics.
    """

    folder: Path
    plan: Plan
    config: Config
    loss_name: str
    task: type[Task]
    data: Data | Domains
    loop: Loop
    processes: ProcessGroup
    saved_step: int | None = None
    lock: FolderLock | None = None
    loggers: list[MetricsLogger] = field(default_factory=list)

    @property
    def step(self) -> int:
        """The number of finished iterations."""
        return self.loop.step

    def model(self) -> Model:
        """The model as it is now, with averaged weights, as `ganzoo.load` reads it from the folder later."""
        name = self.folder.resolve().name
        return Model(self.loop.average, self.task, self.config, name=name, classes=self.data.classes)

    def description(self) -> Description:
        """What the ``config.json`` of a published folder says of the model."""
        plan, config = self.plan, dataclasses.asdict(self.config)
        plugin = lookup.provider_of(plan.architecture)
        return Description(plan.architecture, config, plan.data, self.data.classes, plugin=plugin)

    def log(self, metrics: Mapping[str, float]) -> None:
        """Give metrics of the current step, by name, to all loggers."""
        for logger in self.loggers:
            logger.log(self.step, metrics)

    def save_checkpoint(self) -> None:
        """Write a checkpoint, from which the run can be resumed.

        Raises:
            NonFiniteError: A weight is NaN or infinite; nothing was written.
            RunError: The disk is full, for instance; earlier checkpoints are intact.
        """
        checkpoint = self.loop.checkpoint()
        state = {**checkpoint.state, "data": self._digest}
        checkpoints.save(self.folder / "checkpoints", checkpoint._replace(state=state))
        self.saved_step = self.step

    def restore(self) -> None:
        """Continue from the newest checkpoint of the folder.

        Raises:
            RunError: There is no checkpoint, it is further than the plan's iterations, or it was trained on other
                data.
        """
        checkpoint = checkpoints.latest(self.folder / "checkpoints")
        if checkpoint is None:
            raise RunError(
                f"{self.folder} holds no usable checkpoint to resume - name the folder of a run that was saved"
            )
        if checkpoint.step > self.plan.iterations:
            raise RunError(f"{self.folder} is at step {checkpoint.step} already - ask for more --iterations")
        if checkpoint.state["data"] != self._digest:
            raise RunError(
                f"{self.plan.data} is not the data that {self.folder} was trained on"
                f"{changed_words(self.folder, self.config)} - start a new run in another folder"
            )
        self.loop.restore(checkpoint)
        self.saved_step = checkpoint.step

    @cached_property
    def _digest(self) -> str:
        """A digest of the data, so that a run is not resumed on other data."""
        return self.data.digest()


@float32_on_cpu()
def open_run(
    plan: Plan,
    folder: Path,
    resources: Resources = Resources(),
    *,
    resume: bool = False,
    progress: Progress = silent,
) -> Run:
    """Start the run that `plan` describes in `folder`, or resume the run that is there; it has not trained yet.

    A run that was killed before its first checkpoint starts again at step 0.

    Raises:
        UsageError: The device does not exist, or the data set is unknown.
        DataError: The data cannot be read, or the architecture cannot be trained on it.
        RunError: The folder holds another run, or another process trains in it. Or a run to resume, or to start
            from, has no usable checkpoint. Or the networks do not fit in the device's memory.
        MismatchError: No tensor of the model to start from fits.
        WeightsError: The weights to start from cannot be downloaded, or are damaged.
    """
    # Check first: a wrong request must leave no folder, and must not wait for a download.
    check_source(plan.data)
    config, loss = lookup.check_config(plan.architecture, plan.config, plan.loss)
    task = lookup.registry().architectures[plan.architecture].task
    techniques = resolve_techniques(plan)
    check_folder(folder, plan, resume=resume)
    saved = resume and checkpoints.any_saved(folder / "checkpoints")
    start = read_start(plan.init, progress=progress) if plan.init and not saved else None

    # Join the process group before the data is read: it decides who downloads, and on which device each trains.
    processes, device = join_process_group(resources.device)
    # A run to resume must not change any more, from here on. A new run has no folder yet.
    lock = _lock(folder) if resume and processes.is_main else None
    # The main process downloads; the others wait, and find the files then.
    place = find_data(plan.data)
    with processes.main_first() if place.record or place.on_hub else nullcontext():
        data = _read_data(plan, config, task, resources, progress)

    # The classes and words of the data are part of the config, and the networks are built from the config.
    settings = {**plan.config, **_classes_of(plan, task, data), **text_settings(plan, data, config)}
    config, _ = lookup.check_config(plan.architecture, settings)
    data = with_token_ids(data, config)
    loop = _make_loop(plan, settings, data, techniques, processes, resources, device)
    run = Run(folder, plan, config, loss.name, task, data, loop, processes, lock=lock)

    # Replace the initial weights, if there are others to continue from.
    if saved:
        run.restore()
    elif start and (news := start.load_into(loop.gan, loop.average)) and processes.is_main:
        _log.info("%s", news)
    if resume and not saved and processes.is_main:
        _log.info("%s has no checkpoint yet: it starts again at step 0", folder)

    # Write last, when everything that can fail is done, and when every process has checked the folder.
    processes.wait()
    if processes.is_main:
        folder.mkdir(parents=True, exist_ok=True)
        run.lock = lock or _lock(folder)
        check_folder(folder, plan, resume=resume)  # again: another process may have started a run since
        write_plan(folder, plan)
    return run


def _make_loop(
    plan: Plan,
    settings: Mapping[str, Any],
    data: Data | Domains,
    techniques: Techniques,
    processes: ProcessGroup,
    resources: Resources,
    device: torch.device,
) -> Loop:
    """The networks with the config `settings`, on `device`, in a loop that has not trained yet.

    Raises:
        RunError: They do not fit in the memory of `device`.
    """
    # Seed directly before the networks are built: nothing else may change their initial weights.
    torch.manual_seed(derive_seed(plan.seed, "initialisation"))  # respelling this word would change all runs
    try:
        gan = lookup.create(plan.architecture, loss=plan.loss, **settings).to(device)
        return Loop(
            gan,
            data,
            plan,
            techniques=techniques,
            processes=processes,
            workers=resources.workers,
            compile=resources.compile,
        )
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        problem = f"{device} has too little memory for the networks of {plan.architecture}"
        raise RunError(f"{problem} - make them smaller with --config, or choose another --device") from error


def _lock(folder: Path) -> FolderLock:
    """Keep other processes from training in `folder`.

    Raises:
        RunError: Another process trains in it.
    """
    try:
        return FolderLock(folder)
    except InUse as error:
        raise RunError(f"{folder} is used by {error} - wait until it ends, or choose another folder") from error


def _read_data(
    plan: Plan, config: Config, task: type[Task], resources: Resources, progress: Progress
) -> Data | Domains:
    """The plan's data, at the size of the config's images, or larger by the factor `crop`.

    Raises:
        DataError: It cannot be read, or it has no classes or captions and the task needs them.
    """
    record = find_data(plan.data).record
    if task.needs_text and record is not None and not record.captions:  # nobody shall wait for a download
        raise no_captions(plan, task)
    channels, height, width = config.image_shape
    data = load_data(
        plan.data,
        (channels, round(height * plan.crop), round(width * plan.crop)),
        parts=task.trains_on,
        paired=task.paired,
        root=resources.data_dir,
        limit=plan.limit,
        workers=resources.workers,
        needs_labels=task.needs_labels,
        needs_text=task.needs_text,
        progress=progress,
    )
    if task.needs_text and data.captions is None:
        raise no_captions(plan, task)
    if task.needs_labels and not data.classes:
        raise DataError(
            f"{plan.architecture} is {task.name}, and {plan.data} has no classes - "
            "put the pictures of each class into a folder of their own"
        )
    return data


def _classes_of(plan: Plan, task: type[Task], data: Data | Domains) -> dict[str, Any]:
    """The number of classes of the data, as a field of the config; empty for a task without classes.

    Raises:
        DataError: The plan's config has another number.
    """
    if not task.needs_labels:
        return {}
    found = len(data.classes)
    asked = plan.config.get("classes", found)
    if asked != found:
        raise DataError(
            f"{plan.data} has {found} classes, and the config says {asked} - leave classes out of the config"
        )
    return {"classes": found}

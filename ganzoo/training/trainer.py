"""The trainer: a run in a folder, from what was asked for to a model that can be loaded."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from ganzoo.data.datasets import Data, Domains
from ganzoo.data.load import DATASETS, check_source, load_data
from ganzoo.data.toy_distributions import PointData
from ganzoo.distributed.processes import join_process_group
from ganzoo.errors import DataError, NonFiniteError, RunError, one_line
from ganzoo.registry import lookup
from ganzoo.sampling.model import Model
from ganzoo.training import checkpoints
from ganzoo.training.checkpoints import Checkpoint
from ganzoo.training.loop import Loop, Record
from ganzoo.training.observer import Observer
from ganzoo.training.observers import (
    Card,
    Curves,
    Metrics,
    Published,
    Sheets,
    TensorBoard,
    TranslationSheets,
    check_tensorboard,
)
from ganzoo.training.plan import Plan, make_plan
from ganzoo.training.point_figure import PointFigure
from ganzoo.utils.files import atomic_write, check_writable
from ganzoo.utils.progress import Progress, silent
from ganzoo.utils.seeds import derive_seed

__all__ = ["Trainer"]

_PLAN = "run.json"


class Trainer(Iterator[Record]):
    """Trains an architecture on a data set, in a folder: an iterator of records, or `run()` for all at once.

    The folder holds checkpoints, metrics, sheets of samples, and the model so far, which `ganzoo.load`
    reads at any time. It is saved every `save_every` iterations and at the end, and whenever `save` is
    called between two records. `options` are the fields of `TrainingOptions`, and ``loss`` and ``limit``;
    what is not given is as the architecture's recipe for the data set says. `progress` is told of the
    pictures that have been read. Started by ``torchrun``, the processes train as one, and the
    first of them writes.

    Raises:
        UsageError: a name, an option or a device that does not exist, or data that the architecture cannot take.
        DataError: the data cannot be read.
        RunError: the folder holds another run, or one to be resumed that was started otherwise.
    """

    def __init__(
        self,
        architecture: str,
        data: str,
        folder: str | Path,
        *,
        config: dict[str, Any] | None = None,
        resume: bool = False,
        device: str | torch.device = "auto",
        data_dir: str | Path = "data",
        workers: int = 0,
        save_every: int = 1000,
        compile: bool = False,  # noqa: A002 - the field's word
        tensorboard: bool = False,
        progress: Progress = silent,
        **options: Any,
    ) -> None:
        self.plan = make_plan(architecture, data, config=config, **options)
        check_source(data)
        if tensorboard:
            check_tensorboard()
        self.folder = Path(folder)
        self.save_every = save_every
        self.config, loss = lookup.check_config(architecture, self.plan.config, self.plan.loss)
        self.loss_name = loss.name
        self.task = lookup.registry().architectures[architecture].task
        self.processes, device = join_process_group(str(device))
        _check_folder(self.folder, self.plan, resume)
        # Read before the data is, which may take long.
        start = _newest(Path(self.plan.init), "start from") if self.plan.init and not resume else None
        with self.processes.main_first() if data in DATASETS else nullcontext():  # to download
            self.data = self._load_data(data_dir, workers, progress)
        settings = self._settle_classes()
        torch.manual_seed(derive_seed(self.plan.seed, "initialisation"))
        gan = lookup.create(architecture, loss=self.plan.loss, **settings).to(device)
        self.loop = Loop(gan, self.data, self.plan, processes=self.processes, workers=workers, compile=compile)
        self.saved_step: int | None = None
        if resume:
            self._restore()
        elif start:
            self.loop.start_from(start, of=str(self.plan.init))
        self.processes.wait()  # none writes before all have looked
        self._observers: list[Observer] = []
        if self.processes.is_main:
            self._write_plan()
            self._observers = [kind(self) for kind in _observers(self.data, tensorboard)]

    @property
    def step(self) -> int:
        """How many iterations are done."""
        return self.loop.step

    @property
    def stopping(self) -> bool:
        """Whether a process was asked to stop, and all know it: time to save and to leave."""
        return self.loop.stopping

    def stop(self) -> None:
        """Ask all processes to stop after the next iteration; `stopping` tells when they are to."""
        self.loop.stop_asked = True

    def run(self) -> Record | None:
        """Train to the end; the last record, None if there was nothing left to do."""
        record = None
        for record in self:  # noqa: B007 - the last one is wanted
            pass
        return record

    def __next__(self) -> Record:
        """Run one iteration, and save when it is time.

        Raises:
            StopIteration: all iterations are done.
            NonFiniteError: a loss is NaN or infinite; the last checkpoint is from before.
            RunError: there is no room to write; the last checkpoint is intact.
        """
        try:
            record = next(self.loop)
            for observer in self._observers:
                observer.record(record)
            self.tell({**record.losses, **record.metrics})
            if record.step % self.save_every == 0 or record.step == self.plan.iterations:
                self.save()
        except NonFiniteError as error:
            raise NonFiniteError(f"{error} - {self._safe()}") from error
        except OSError as error:
            raise RunError(f"cannot write to {self.folder}: {one_line(error)} - {self._safe()}") from error
        return record

    def save(self) -> None:
        """Write a checkpoint, and all that is to be seen of the run so far.

        Raises:
            NonFiniteError: NaN or infinity among the weights; nothing was written.
            RunError: there is no room; the checkpoint before is intact.
        """
        if not self.processes.is_main:
            return
        checkpoint = self.loop.checkpoint()
        state = {**checkpoint.state, "data": self._digest}
        checkpoints.save(self.folder / "checkpoints", checkpoint._replace(state=state))
        self.saved_step = self.step
        for observer in self._observers:
            observer.save()

    def tell(self, figures: Mapping[str, float]) -> None:
        """Let all observers know of figures of this step."""
        for observer in self._observers:
            observer.figures(self.step, figures)

    def model(self) -> Model:
        """The model so far, averaged weights and all, as `ganzoo.load` will read it."""
        name = self.folder.resolve().name
        return Model(self.loop.average, self.task, self.config, name=name, classes=self.data.classes)

    @cached_property
    def _digest(self) -> str:
        return self.data.digest()

    def _load_data(self, root: str | Path, workers: int, progress: Progress) -> Data | Domains:
        channels, *size = self.config.image_shape
        height, width = (round(side * self.plan.crop) for side in size)
        data = load_data(
            self.plan.data,
            (channels, height, width),
            parts=self.task.trains_on,
            root=root,
            limit=self.plan.limit,
            workers=workers,
            progress=progress,
        )
        if self.task.needs_labels and not data.classes:
            raise DataError(
                f"{self.plan.architecture} is {self.task.name}, and {self.plan.data} has no classes - "
                "put the pictures of each class into a folder of their own"
            )
        return data

    def _settle_classes(self) -> dict[str, Any]:
        """The config as it was asked for, with as many classes as the data has.

        Raises:
            DataError: another number was asked for.
        """
        settings = dict(self.plan.config)
        if not self.task.needs_labels:
            return settings
        found = len(self.data.classes)
        if settings.setdefault("classes", found) != found:
            raise DataError(f"{self.plan.data} has {found} classes, and the config says {settings['classes']}")
        self.config, _ = lookup.check_config(self.plan.architecture, settings)
        return settings

    def _restore(self) -> None:
        checkpoint = _newest(self.folder, "resume")
        if checkpoint.step > self.plan.iterations:
            raise RunError(f"{self.folder} is at step {checkpoint.step} already - ask for more --iterations")
        if checkpoint.state["data"] != self._digest:
            raise RunError(f"{self.plan.data} is not the data that {self.folder} was trained on - start anew")
        self.loop.restore(checkpoint)
        self.saved_step = checkpoint.step

    def _safe(self) -> str:
        if self.saved_step is None:
            return "no checkpoint had been written yet"
        return f"the checkpoint of step {self.saved_step} is intact: go on from it with --resume"

    def _write_plan(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        with atomic_write(self.folder / _PLAN) as temporary:
            temporary.write_text(self.plan.as_json())


def _observers(data: Data | Domains, tensorboard: bool) -> list[type[Observer]]:
    """What is to be seen of a run on such data; Metrics first, which cuts the file that others read."""
    shown: type[Observer] = Sheets
    if isinstance(data, Domains):
        shown = TranslationSheets
    elif isinstance(data, PointData):
        shown = PointFigure
    return [Metrics, Published, shown, Card, Curves, *([TensorBoard] if tensorboard else [])]


def _check_folder(folder: Path, plan: Plan, resume: bool) -> None:
    """Refuse a folder that cannot be written, that holds a run already, or none like this to resume."""
    check_writable(folder)
    path = folder / _PLAN
    if not path.exists():
        if resume:
            raise RunError(f"{folder} holds no run to resume")
        return
    if not resume:
        raise RunError(f"{folder} holds a run already - continue it with --resume, or choose another folder")
    try:
        before = json.loads(path.read_text())
    except ValueError as error:
        raise RunError(f"{path} is damaged ({one_line(error)}) - start anew in another folder") from error
    differences = plan.differences(before)
    if differences:
        told = "; ".join(differences)
        raise RunError(f"{folder} was started otherwise: {told} - another run can start from it, with --init {folder}")


def _newest(folder: Path, to: str) -> Checkpoint:
    """The newest usable checkpoint of a run."""
    checkpoint = checkpoints.latest(folder / "checkpoints")
    if checkpoint is None:
        raise RunError(f"{folder} holds no usable checkpoint to {to} - name the folder of a run that was saved")
    return checkpoint

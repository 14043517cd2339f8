"""The trainer: runs a training run to its end, saves it, and lets observers follow it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from ganzoo.data.datasets import Domains
from ganzoo.data.toy_distributions import PointData
from ganzoo.errors import NonFiniteError, RunError, one_line
from ganzoo.sampling.model import Model
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
from ganzoo.training.plan import make_plan
from ganzoo.training.point_figure import PointFigure
from ganzoo.training.record import Record
from ganzoo.training.run import Resources, Run, open_run
from ganzoo.utils.devices import is_out_of_memory
from ganzoo.utils.progress import Progress, silent

__all__ = ["Trainer"]


class Trainer(Iterator[Record]):
    """Trains an architecture on a data set: an iterator of records, or `run()` for all iterations at once.

    The folder gets checkpoints, metrics, sheets of samples, and the model, which `ganzoo.load` can read at any
    time. They are written every `save_every` iterations, at the end, and when `save` is called. Several processes
    that ``torchrun`` has started train one model together, and the first of them writes.

    Args:
        architecture: A registered architecture.
        data: A data set by name, or a folder of images.
        folder: Where the run is written.
        config: Fields of the architecture's config. They override the recipe's.
        resume: Continue the run that is in the folder.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:1`` or ``mps``.
        data_dir: The folder of downloaded data sets.
        workers: How many processes read images ahead, if the data is not in memory.
        save_every: The number of iterations between two checkpoints.
        compile: Compile the networks with PyTorch's compiler.
        tensorboard: Write for TensorBoard too.
        progress: Called while the data is read.
        options: Fields of `TrainingOptions`, and `loss`, `limit` and `init`. What is not given is as the
            architecture's recipe for the data set says.

    Raises:
        UsageError: A name, an option or a device does not exist.
        DataError: The data cannot be read, or the architecture cannot be trained on it.
        RunError: The folder holds another run, or a run that was started with other options.
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
        plan = make_plan(architecture, data, config=config, **options)
        if tensorboard:
            check_tensorboard()
        resources = Resources(str(device), data_dir, workers, compile)
        self.training_run = open_run(plan, Path(folder), resources, resume=resume, progress=progress)
        self.save_every = save_every
        is_main = self.training_run.processes.is_main
        self._observers = _observers_of(self.training_run, tensorboard=tensorboard) if is_main else []
        self.training_run.loggers.extend(self._observers)

    @property
    def step(self) -> int:
        """The number of finished iterations."""
        return self.training_run.step

    @property
    def stopping(self) -> bool:
        """Whether any process was asked to stop. All processes see it after the same iteration."""
        return self.training_run.loop.stopping

    def stop(self) -> None:
        """Ask all processes to stop after the next iteration; then `stopping` is true."""
        self.training_run.loop.stop_asked = True

    def run(self) -> Record | None:
        """Train to the end. Returns the last record, or None if all iterations were done already."""
        record = None
        for record in self:  # noqa: B007 - the last one is wanted
            pass
        return record

    def __next__(self) -> Record:
        """Run one iteration, and save every `save_every` iterations and after the last.

        Raises:
            StopIteration: All iterations are done.
            NonFiniteError: A loss is NaN or infinite. The last checkpoint is from before.
            RunError: The disk is full, or the device's memory, for instance. The last checkpoint is intact.
        """
        run = self.training_run
        try:
            record = next(run.loop)
            for observer in self._observers:
                observer.record(record)
            run.log({**record.losses, **record.metrics})
            if record.step % self.save_every == 0 or record.step == run.plan.iterations:
                self.save()
        except NonFiniteError as error:
            raise NonFiniteError(f"{error} - {self._last_checkpoint()}") from error
        except OSError as error:
            raise RunError(f"cannot write to {run.folder}: {one_line(error)} - {self._last_checkpoint()}") from error
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            raise RunError(self._too_little_memory()) from error
        return record

    def save(self) -> None:
        """Write a checkpoint, then the model, the sheets and the curves as they are now.

        Raises:
            NonFiniteError: A weight is NaN or infinite; nothing was written.
            RunError: The disk is full, for instance; earlier checkpoints are intact.
        """
        if not self.training_run.processes.is_main:
            return
        self.training_run.save_checkpoint()
        for observer in self._observers:
            observer.save()

    def model(self) -> Model:
        """The model as it is now, with averaged weights."""
        return self.training_run.model()

    def _too_little_memory(self) -> str:
        """What a person can do when the memory is full: a smaller batch size makes another run."""
        run, step = self.training_run, self.training_run.saved_step
        problem = f"{run.loop.gan.device} has too little memory for batches of {run.plan.batch_size} images"
        remedy = "use a smaller --batch-size, and --accumulate to add up several batches, in another folder"
        if step is None:
            return f"{problem} - {remedy}; no checkpoint was written yet"
        return f"{problem} - {remedy}; start from the checkpoint of step {step} with --init {run.folder}"

    def _last_checkpoint(self) -> str:
        """What a person can do after a failure."""
        step = self.training_run.saved_step
        if step is None:
            return "no checkpoint was written yet: start again in another folder"
        return f"the checkpoint of step {step} is intact: continue from it with --resume"


def _observers_of(run: Run, *, tensorboard: bool) -> list[Observer]:
    """The observers that fit the run's data.

    Metrics comes first: it shortens ``metrics.jsonl`` to the resumed step before Curves reads it. TensorBoard comes
    last: it reads the picture that an observer before it has drawn.
    """
    observers = [Metrics(run), Published(run), _pictures_of(run), Card(run), Curves(run)]
    return [*observers, TensorBoard(run)] if tensorboard else observers


def _pictures_of(run: Run) -> Observer:
    """The observer that draws what the run's model generates."""
    if isinstance(run.data, Domains):
        return TranslationSheets(run, run.data)
    if isinstance(run.data, PointData):
        return PointFigure(run, run.data.mixture)
    return Sheets(run, run.data)

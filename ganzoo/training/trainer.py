"""The trainer: runs a training run to its end, saves it, and lets observers follow it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from html import escape
from pathlib import Path
from typing import Any

import torch

from ganzoo.data.datasets import Domains
from ganzoo.data.toy_distributions import PointData
from ganzoo.errors import NonFiniteError, RunError, one_line
from ganzoo.evaluation.comparison import ReadOptions
from ganzoo.sampling.model import Model
from ganzoo.training.advice import diverged_advice
from ganzoo.training.evaluation_schedule import SAMPLES, EvaluationSchedule
from ganzoo.training.evaluations import Evaluations, prepare_evaluations
from ganzoo.training.notebook import LiveView, trainer_html
from ganzoo.training.observer import Observer
from ganzoo.training.observers import (
    Card,
    Curves,
    Metrics,
    Published,
    Sheets,
    TranslationSheets,
)
from ganzoo.training.plan import make_plan
from ganzoo.training.point_figure import PointFigure
from ganzoo.training.record import Record
from ganzoo.training.run import Resources, Run, open_run
from ganzoo.training.run_folder import resumed_plan, write_resources
from ganzoo.training.trackers import Tracker, check_trackers
from ganzoo.utils.devices import is_out_of_memory
from ganzoo.utils.precision import float32_on_cpu
from ganzoo.utils.progress import Progress, silent

__all__ = ["Trainer"]

FIRST_CHECKPOINT = 30.0
"""The seconds until a first checkpoint is written, if `save_every` iterations take longer."""

CHECKPOINT_EVERY = 180.0
"""The seconds from one checkpoint to the next, if `save_every` iterations take longer."""

MOST_TIME_SAVING = 0.05
"""Checkpoints that are written by time take at most this part of the time, however large they are."""


class Trainer(Iterator[Record]):
    """Trains an architecture on a data set: an iterator of records, or `run()` for all iterations at once.

    The folder gets checkpoints, metrics, sheets of samples, and the model, which `ganzoo.load` can read at any
    time. They are written every `save_every` iterations, at the end, and when `save` is called. Whatever `save_every`
    is, a checkpoint is also written after half a minute, and then at least every few minutes. Several processes that
    ``torchrun`` has started train one model together, and the first of them writes. No other process can train in
    the folder, until all iterations are done, or this process has ended or dropped the trainer.

    Args:
        architecture: A registered architecture.
        data: A data set by name, or a folder of images.
        folder: Where the run is written.
        config: Fields of the architecture's config. They override the recipe's.
        resume: Continue the run that is in the folder, or start it again if it has no checkpoint yet. What is not
            given is then as the run was started, and what is given must be equal, except for more iterations.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:1`` or ``mps``.
        data_dir: The folder of downloaded data sets.
        workers: How many processes read images ahead, if the data is not in memory.
        save_every: The number of iterations between two checkpoints.
        compile: Compile the networks with PyTorch's compiler.
        track: The names of trackers that get all metrics, the settings and the sheets, such as ``wandb``: those of
            accelerate, and those that were registered with it. ``none`` alone is none, also for a resumed run.
        evaluate_every: The number of iterations from one evaluation of the model to the next; 0 for none. The record
            of such an iteration has the scores among its metrics, in the main process. The best model by the first
            score is kept in the run's folder ``best``.
        metrics: The scores: ``fid``, ``kid``, ``is``, ``precision``, ``recall``, ``density``, ``coverage`` and
            ``authenticity``.
        evaluate_samples: The number of samples that are compared with the training images.
        features: The feature extractor. None is one that was trained on the data, or else Inception.
        stop_after: The number of evaluations without a new best value after which the run ends; 0 for never.
        progress: Called while the data is read.
        options: Fields of `TrainingOptions`, and `loss`, `limit` and `init`. What is not given is as the
            architecture's recipe for the data set says.

    Raises:
        UsageError: A name, an option or a device does not exist.
        DataError: The data cannot be read, or the architecture cannot be trained on it.
        RunError: The folder holds another run, or a run that was started with other options, or another process
            trains in it.
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
        track: str | Sequence[str] = (),
        evaluate_every: int = 0,
        metrics: Sequence[str] = ("fid",),
        evaluate_samples: int = SAMPLES,
        features: str | None = None,
        stop_after: int = 0,
        progress: Progress = silent,
        **options: Any,
    ) -> None:
        if resume:
            plan = resumed_plan(Path(folder), architecture=architecture, data=data, config=config, **options)
        else:
            plan = make_plan(architecture, data, config=config, **options)
        trackers = check_trackers(track)
        schedule = EvaluationSchedule(
            every=evaluate_every,
            metrics=tuple(metrics),
            samples=evaluate_samples,
            features=features,
            stop_after=stop_after,
        )
        if schedule.every:
            prepare_evaluations(schedule, plan, progress=progress)
        resources = Resources(str(device), data_dir, workers, compile)
        self.training_run = open_run(plan, Path(folder), resources, resume=resume, progress=progress)
        self.save_every = save_every
        self._checkpoint_due = time.monotonic() + FIRST_CHECKPOINT
        is_main = self.training_run.processes.is_main
        if is_main:
            used = {**vars(resources), "data_dir": str(Path(data_dir).absolute())}
            used |= {"save_every": save_every, "track": trackers, **schedule.as_options()}
            write_resources(Path(folder), plan, used)
        self._observers = _observers_of(self.training_run, trackers) if is_main else []
        self.training_run.loggers.extend(self._observers)
        self._evaluations: Evaluations | None = None
        if is_main and schedule.every:
            reading = ReadOptions(root=data_dir, workers=workers)
            self._evaluations = Evaluations(self.training_run, schedule, reading=reading, progress=progress)
        self._view: LiveView | None = None

    def __repr__(self) -> str:
        plan = self.training_run.plan
        return f"<ganzoo.Trainer {plan.architecture} on {plan.data}: iteration {self.step} of {plan.iterations}>"

    def _repr_html_(self) -> str:
        """What a notebook shows: how far the run is, its curves and its samples. It never raises."""
        curves = next((each for each in self._observers if isinstance(each, Curves)), None)
        try:
            return trainer_html(self.training_run, curves)
        except Exception:  # a notebook must go on, and so must the training
            return f"<code>{escape(repr(self))}</code>"

    def _ipython_display_(self) -> None:
        """Show the run in a notebook. While it trains, the same output is drawn again."""
        self._view = LiveView(lambda: {"text/plain": repr(self), "text/html": self._repr_html_()})

    @property
    def step(self) -> int:
        """The number of finished iterations."""
        return self.training_run.step

    @property
    def stopping(self) -> bool:
        """Whether any process was asked to stop. All processes see it after the same iteration."""
        return self.training_run.loop.stopping

    def stop(self) -> None:
        """Ask all processes to stop after the next iteration: it is saved, `stopping` is true, and iteration ends."""
        self.training_run.loop.stop_asked = True

    def run(self) -> Record | None:
        """Train to the end. Returns the last record, or None if all iterations were done already."""
        record = None
        for record in self:  # noqa: B007 - the last one is wanted
            pass
        return record

    @float32_on_cpu()
    def __next__(self) -> Record:
        """Run one iteration, and save every `save_every` iterations, after the last, and if it is time.

        Raises:
            StopIteration: All iterations are done, or the run was stopped.
            NonFiniteError: A loss is NaN or infinite. The last checkpoint is from before.
            RunError: The disk is full, or the device's memory, for instance. The last checkpoint is intact.
        """
        run = self.training_run
        if self.stopping:
            raise StopIteration
        with self._advised():
            record = self._evaluated(next(run.loop))
            for observer in self._observers:
                observer.record(record)
            run.log({**record.losses, **record.metrics})
            last = record.step == run.plan.iterations
            if record.step % self.save_every == 0 or last or self.stopping:
                self._save()
                if last or self.stopping:
                    self.close()
                if last and run.lock:
                    run.lock.release()  # another process may make the run longer, while this one goes on
            elif run.processes.is_main and time.monotonic() >= self._checkpoint_due:
                self._save_checkpoint()  # without sheets and curves, which stay comparable at regular steps
            if self._view is not None:
                self._view.refresh(now=last)
        return record

    def _evaluated(self, record: Record) -> Record:
        """The record of an iteration, with the scores of the model among its metrics if an evaluation is due."""
        if self._evaluations is None or self.stop_reason or not self._evaluations.is_due(record.step):
            return record
        scores = self._evaluations.evaluate()
        if self._evaluations.stop_reason:
            self.stop()
        return record._replace(metrics={**record.metrics, **scores})

    @property
    def stop_reason(self) -> str:
        """Why the run ends before its last iteration, if evaluations have shown no progress; else empty."""
        return self._evaluations.stop_reason if self._evaluations else ""

    @float32_on_cpu()
    def save(self) -> None:
        """Write a checkpoint, then the model, the sheets and the curves as they are now.

        Raises:
            NonFiniteError: A weight is NaN or infinite; nothing was written.
            RunError: The disk is full, for instance; earlier checkpoints are intact.
        """
        with self._advised():
            self._save()

    def _save(self) -> None:
        if not self.training_run.processes.is_main:
            return
        self._save_checkpoint()
        for observer in self._observers:
            observer.save()

    def _save_checkpoint(self) -> None:
        """Write a checkpoint, and decide when the next one is due."""
        started = time.monotonic()
        self.training_run.save_checkpoint()
        ended = time.monotonic()
        self._checkpoint_due = ended + max(CHECKPOINT_EVERY, (ended - started) / MOST_TIME_SAVING)

    def close(self) -> None:
        """End the runs of the trackers. It is called after the last iteration; call it if you stop earlier."""
        for observer in self._observers:
            observer.close()

    def model(self) -> Model:
        """The model as it is now, with averaged weights."""
        return self.training_run.model()

    @contextmanager
    def _advised(self) -> Iterator[None]:
        """Add to an error what a person can do: which checkpoint is intact, and how to go on.

        Raises:
            NonFiniteError: A loss or a weight is NaN or infinite.
            RunError: A file could not be written.
        """
        run = self.training_run
        try:
            yield
        except NonFiniteError as error:
            what = str(error).partition(" - ")[0]
            raise NonFiniteError(f"{what} - {diverged_advice(run.folder, run.saved_step, run.config)}") from error
        except OSError as error:
            step = run.saved_step
            advice = (
                "no checkpoint was written yet: start again with --resume"
                if step is None
                else f"the checkpoint of step {step} is intact: continue from it with --resume"
            )
            raise RunError(f"cannot write to {run.folder}: {one_line(error)} - {advice}") from error
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            raise RunError(self._too_little_memory()) from error

    def _too_little_memory(self) -> str:
        """What a person can do when the memory is full: a smaller batch size makes another run."""
        run, step = self.training_run, self.training_run.saved_step
        problem = f"{run.loop.gan.device} has too little memory for batches of {run.plan.batch_size} images"
        remedy = "use a smaller --batch-size, and --accumulate to add up several batches, in another folder"
        if step is None:
            return f"{problem} - {remedy}; no checkpoint was written yet"
        return f"{problem} - {remedy}; start from the checkpoint of step {step} with --init {run.folder}"


def _observers_of(run: Run, trackers: Sequence[str]) -> list[Observer]:
    """The observers that fit the run's data.

    Metrics comes first: it shortens ``metrics.jsonl`` to the resumed step before Curves reads it. Trackers come last:
    they read the picture that an observer before them has drawn.
    """
    observers = [Metrics(run), Published(run), _pictures_of(run), Card(run), Curves(run)]
    return [*observers, *(Tracker(run, name) for name in trackers)]


def _pictures_of(run: Run) -> Observer:
    """The observer that draws what the run's model generates."""
    if isinstance(run.data, Domains):
        return TranslationSheets(run, run.data)
    if isinstance(run.data, PointData):
        return PointFigure(run, run.data.mixture)
    return Sheets(run, run.data)

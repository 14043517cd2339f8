"""Trackers: the services that follow a run, such as TensorBoard or wandb, by accelerate's classes for them."""

from __future__ import annotations

import dataclasses
import json
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from ganzoo.errors import InvalidRequestError, RunError, UnknownNameError, one_line
from ganzoo.training.observer import Observer
from ganzoo.training.tracker_services import OTHER, PROJECT, SERVICES, Session
from ganzoo.utils.files import atomic_write
from ganzoo.utils.json_files import read_object
from ganzoo.utils.names import suggest

if TYPE_CHECKING:
    from ganzoo.training.run import Run

__all__ = ["Tracker", "check_trackers"]

IDS = "trackers.json"
"""The file of a run's folder with the ids of the run, by the trackers' names."""

PICTURES = ("samples", "frames")
"""The folders in which other observers draw a picture at each save."""


def check_trackers(names: str | Sequence[str]) -> tuple[str, ...]:
    """The names of trackers, or the name of one, each once; ``none`` alone is none.

    Raises:
        UnknownNameError: accelerate has no such tracker.
        InvalidRequestError: A tracker's package is not installed.
    """
    names, classes = (names,) if isinstance(names, str) else tuple(names), _classes()
    if names == ("none",):
        return ()
    for name in names:
        if name not in classes:
            raise UnknownNameError(f"there is no tracker {name!r}{suggest(name, classes)}")
        if name in SERVICES and find_spec(name) is None:
            raise InvalidRequestError(f"--track {name} needs the package {name} - pip install {name}")
    return tuple(dict.fromkeys(names))


class Tracker(Observer):
    """Sends all metrics, the settings and the sheets of samples to one of accelerate's trackers.

    Training goes on if the tracker fails. It is then left alone until the next save, so that a service that cannot be
    reached does not slow down each iteration; only its first failure is a warning.

    Raises:
        RunError: The tracker does not start.
    """

    def __init__(self, run: Run, name: str) -> None:
        super().__init__(run)
        self.name = name
        self._service = SERVICES.get(name, OTHER)
        self._failed = self._warned = self._closed = False
        try:
            self.tracker = self._start()
        except Exception as error:  # a package of somebody else may raise anything
            advice = "solve this and continue with --resume, or leave it out with --track none"
            raise RunError(f"{name} cannot start: {one_line(error)} - {advice}") from error

    def log(self, step: int, metrics: Mapping[str, float]) -> None:
        """Send metrics."""
        plain = self._service.plain_names
        values = {_plain(name) if plain else name: value for name, value in metrics.items()}
        self._try(partial(self.tracker.log, values, step=step))

    def save(self) -> None:
        """Send the sheet of this step, or the frame of points."""
        self._failed = False
        for path in (self.folder / name / f"{self.run.step:08d}.png" for name in PICTURES):
            if path.exists():
                self._try(partial(self._service.log_picture, self.tracker, path, self.run.step))

    def close(self) -> None:
        """End the tracker's run. After that, nothing is sent any more."""
        self._try(self.tracker.finish)
        self._closed = True

    def _start(self) -> Any:
        """Start the tracker's run of this folder, or continue it, and send the settings."""
        from accelerate import PartialState

        PartialState()  # accelerate's trackers ask it which process they are in
        ids = _read_ids(self.folder)
        session = Session(self.folder, self.run.step, ids.get(self.name, uuid4().hex), resumed=self.name in ids)
        tracker = self._make(session)
        tracker.start()
        if not (session.resumed and self._service.settings_once):
            tracker.store_init_configuration(_settings(self.run))
        own_id = self._service.id_of(tracker.tracker) if self._service.id_of else session.id
        with atomic_write(self.folder / IDS) as temporary:
            temporary.write_text(json.dumps({**ids, self.name: own_id}, indent=2) + "\n")
        return tracker

    def _make(self, session: Session) -> Any:
        """The tracker. One that somebody has registered with accelerate gets what accelerate itself gives it."""
        kind = _classes()[self.name]
        if self._service is not OTHER:
            return kind(**self._service.arguments(session))
        return kind(PROJECT, str(session.folder)) if kind.requires_logging_directory else kind(PROJECT)

    def _try(self, call: Callable[[], object]) -> None:
        """Call the tracker, unless it has just failed."""
        if self._failed or self._closed:
            return
        try:
            call()
        except Exception as error:  # it may be the network, and training must go on
            self._failed = True
            if not self._warned:
                self._warned = True
                warnings.warn(
                    f"{self.name} failed at step {self.run.step} ({one_line(error)}) - training goes on, and "
                    "metrics.jsonl has all metrics",
                    stacklevel=2,
                )


def _classes() -> Mapping[str, Any]:
    """The classes of accelerate's trackers, and of those that somebody has registered with accelerate."""
    from accelerate.tracking import LOGGER_TYPE_TO_CLASS

    classes: Mapping[str, Any] = {str(name): kind for name, kind in LOGGER_TYPE_TO_CLASS.items()}
    return classes


def _settings(run: Run) -> dict[str, Any]:
    """The plan of a run and the complete config of its architecture, as plain values by name."""
    config = {f"config.{name}": value for name, value in dataclasses.asdict(run.config).items()}
    settings = {**run.plan.entries(), **config, "loss": run.loss_name, "device": str(run.loop.gan.device)}
    scalars = (bool, int, float, str, type(None))
    return {name: value if isinstance(value, scalars) else str(value) for name, value in settings.items()}


def _read_ids(folder: Path) -> dict[str, str]:
    """The ids of the run, by the trackers' names; a damaged file is like none, and the trackers start new runs."""
    try:
        return {name: value for name, value in read_object(folder / IDS).items() if isinstance(value, str)}
    except (OSError, ValueError):
        return {}


def _plain(name: str) -> str:
    """A metric's name of letters, digits and a few signs: ``D(G(z))`` becomes ``D_G_z``."""
    return re.sub(r"[^\w /.-]+", "_", name).strip("_")

"""What accelerate's trackers call the things that all of them have: a run's name and id, a project, a picture."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

__all__ = ["OTHER", "PROJECT", "SERVICES", "Service", "Session"]

PROJECT = "ganzoo"
"""The project of all runs, unless the tracker's own environment variable names another."""


class Session(NamedTuple):
    """One process that trains a run: the run's `folder`, and the `step` that it starts after.

    `id` is the tracker's id of the run. It is kept in the folder, so that a resumed run has it again; `resumed` says
    that the tracker knows it already.
    """

    folder: Path
    step: int
    id: str
    resumed: bool

    @property
    def name(self) -> str:
        """The name of the run for people."""
        return self.folder.resolve().name


class Service(NamedTuple):
    """How to use one of accelerate's trackers.

    `arguments(session)` are those of its class. `log_picture(tracker, path, step)` logs a sheet of samples. `id_of`
    reads the id of a run from what the tracker wraps, if the tracker chooses it; else it has that of the session.
    With `plain_names`, the names of metrics may hold only letters, digits and some signs. With `settings_once`, the
    settings of a run are not sent again when it is resumed.
    """

    arguments: Callable[[Session], dict[str, Any]]
    log_picture: Callable[[Any, Path, int], None]
    id_of: Callable[[Any], str] | None = None
    plain_names: bool = False
    settings_once: bool = False


def _project(variable: str) -> str:
    return os.environ.get(variable) or PROJECT


def _known(session: Session) -> str | None:
    """The id of a run that the tracker knows; None lets the tracker choose one."""
    return session.id if session.resumed else None


def _with_images(value: Callable[[Image.Image], Any], **options: str) -> Callable[[Any, Path, int], None]:
    """Log a picture with the tracker's `log_images`, which takes what `value` makes of it."""

    def log_picture(tracker: Any, path: Path, step: int) -> None:
        with Image.open(path) as picture:
            tracker.log_images({path.parent.name: value(picture.convert("RGB"))}, step=step, **options)

    return log_picture


def _one(picture: Image.Image) -> Image.Image:
    return picture


def _several(picture: Image.Image) -> list[Image.Image]:
    return [picture]


def _batch(picture: Image.Image) -> np.ndarray:
    """A batch of one image, (1, H, W, 3)."""
    return np.asarray(picture)[None]


def _if_it_can(tracker: Any, path: Path, step: int) -> None:
    """Log a picture with a tracker that somebody has registered, if it takes images as most do."""
    if hasattr(tracker, "log_images"):
        _with_images(_several)(tracker, path, step)


def _with_trackio(tracker: Any, path: Path, step: int) -> None:
    import trackio

    tracker.log({path.parent.name: trackio.Image(str(path))}, step=step)


def _with_comet(tracker: Any, path: Path, step: int) -> None:
    tracker.tracker.log_image(str(path), name=path.parent.name, step=step)


def _with_dvclive(tracker: Any, path: Path, step: int) -> None:
    tracker.tracker.log_image(f"{path.parent.name}/{path.name}", path)


def _with_mlflow(tracker: Any, path: Path, step: int) -> None:
    tracker.log_artifact(str(path), path.parent.name)


SERVICES: Mapping[str, Service] = {
    "aim": Service(
        lambda session: {"run_name": session.name, "logging_dir": None, "run_hash": _known(session)},
        _with_images(_one),
        id_of=lambda run: str(run.hash),
    ),
    "clearml": Service(
        lambda session: {
            **{"run_name": PROJECT, "task_name": session.name, "reuse_last_task_id": False},
            "continue_last_task": _known(session) or False,
        },
        _with_images(_one),
        id_of=lambda task: str(task.id),
    ),
    "comet_ml": Service(
        lambda session: {
            **{"run_name": _project("COMET_PROJECT_NAME"), "mode": "get_or_create"},
            "experiment_key": session.id,
        },
        _with_comet,
    ),
    "dvclive": Service(
        lambda session: {
            **{"dir": str(session.folder / "dvclive"), "resume": session.resumed},
            "dvcyaml": str(session.folder / "dvclive" / "dvc.yaml"),
            **{"report": None, "save_dvc_exp": False},  # a report, or an experiment of git, at each step is slow
        },
        _with_dvclive,
    ),
    "mlflow": Service(
        lambda session: {"experiment_name": PROJECT, "run_name": session.name, "run_id": _known(session)},
        _with_mlflow,
        id_of=lambda run: str(run.info.run_id),
        plain_names=True,
        settings_once=True,  # it refuses changes, such as more iterations
    ),
    "swanlab": Service(
        lambda session: {
            **{"run_name": _project("SWANLAB_PROJECT"), "experiment_name": session.name},
            **{"id": session.id, "resume": "allow", "logdir": str(session.folder / "swanlab")},
        },
        _with_images(_several),
        plain_names=True,
    ),
    "tensorboard": Service(
        lambda session: {
            **{"run_name": "tensorboard", "logging_dir": session.folder},
            "purge_step": session.step + 1,  # hides what a killed run wrote after its last checkpoint
        },
        _with_images(_batch, dataformats="NHWC"),
        settings_once=True,  # each time, it would list another run
    ),
    "trackio": Service(
        lambda session: {
            **{"run_name": _project("TRACKIO_PROJECT"), "name": f"{session.name}-{session.id[:8]}"},
            "resume": "allow",  # by its name
        },
        _with_trackio,
    ),
    "wandb": Service(
        lambda session: {
            **{"run_name": _project("WANDB_PROJECT"), "name": session.name, "dir": str(session.folder)},
            **{"id": session.id, "resume": "allow"},
        },
        _with_images(_several),
    ),
}
"""By the names of accelerate's trackers, which are also the names of the packages that they need."""

OTHER = Service(lambda session: {}, _if_it_can)
"""A tracker that somebody has registered with accelerate."""

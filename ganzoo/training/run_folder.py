"""The folder of a run: the plan that it was started with, and its checkpoints."""

from __future__ import annotations

from pathlib import Path

from ganzoo.errors import RunError
from ganzoo.training import checkpoints
from ganzoo.training.checkpoints import Checkpoint
from ganzoo.training.plan import Plan, read_entries
from ganzoo.utils.files import atomic_write, check_writable

__all__ = ["check_folder", "latest_checkpoint", "write_plan"]

_PLAN = "run.json"


def check_folder(folder: Path, plan: Plan, *, resume: bool) -> None:
    """Check that a new run can start in `folder`, or that the run in it can be resumed with `plan`.

    Raises:
        OutputError: The folder cannot be made or written.
        RunError: A new run, but the folder holds a run already. Or a run to resume, but there is none, or its
            plan is damaged or differs from `plan`.
    """
    check_writable(folder)
    path = folder / _PLAN
    if not path.exists():
        if resume:
            raise RunError(f"{folder} holds no run to resume - omit --resume to start one")
        return
    if not resume:
        raise RunError(f"{folder} holds a run already - continue it with --resume, or choose another folder")
    before = read_entries(path)
    differences = plan.differences(before)
    if differences:
        raise RunError(
            f"{folder} was started with other options: {'; '.join(differences)} - use the same options again, "
            f"or start a new run in another folder from its weights, with --init {folder}"
        )


def write_plan(folder: Path, plan: Plan) -> None:
    """Write `plan` to the folder, which is made if it does not exist."""
    folder.mkdir(parents=True, exist_ok=True)
    with atomic_write(folder / _PLAN) as temporary:
        temporary.write_text(plan.as_json())


def latest_checkpoint(folder: Path, to: str) -> Checkpoint:
    """The newest undamaged checkpoint of a run; `to` tells in the error's message what it was needed for.

    Raises:
        RunError: The folder has no undamaged checkpoint.
    """
    checkpoint = checkpoints.latest(folder / "checkpoints")
    if checkpoint is None:
        raise RunError(f"{folder} holds no usable checkpoint to {to} - name the folder of a run that was saved")
    return checkpoint

"""What a person can do when training has failed."""

from __future__ import annotations

import shlex
from pathlib import Path

from ganzoo.interface.configs import Config

__all__ = ["diverged_advice"]


def diverged_advice(folder: Path, saved_step: int | None, config: Config) -> str:
    """What to do after a loss or a weight has become NaN or infinite.

    On the CPU, a resumed run repeats the same step, so it needs other settings. They need another folder.
    """
    rates = " ".join(f"--config {name}={rate / 2:g}" for name, rate in _learning_rates(config).items())
    smaller = f"smaller learning rates{f', such as {rates}' if rates else ''}"
    if saved_step is None:
        return f"no checkpoint was written yet, and --resume repeats the step: start in another folder with {smaller}"
    return (
        f"the checkpoint of step {saved_step} is intact, but --resume repeats the step: start in another folder with "
        f"{smaller}, from its weights (--init {shlex.quote(str(folder))}) or anew"
    )


def _learning_rates(config: Config) -> dict[str, float]:
    """The fields of a config that are learning rates, by name."""
    return {name: value for name, value in vars(config).items() if name.endswith("learning_rate")}

"""The one trainer: it applies the updates that a GAN asks for, and never learns what they mean."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn

from ganzoo.checkpoints import Checkpoint
from ganzoo.data import Batches, ImageData
from ganzoo.errors import InvalidRequestError, NonFiniteError
from ganzoo.gan import GAN, Update
from ganzoo.published import keep_published
from ganzoo.randomness import derive
from ganzoo.weights import load_into

__all__ = ["Record", "Trainer", "TrainingOptions"]


@dataclass(frozen=True, kw_only=True)
class TrainingOptions:
    """How long and on what to train; what the paper prescribes stands in the architecture's config.

    `ema` is the decay of the weights' exponential moving average, 0 to publish the weights
    themselves. `precision` is that of the networks' arithmetic; weights stay in 32 bits.
    """

    iterations: int = 10_000
    batch_size: int = 64
    seed: int = 0
    ema: float = 0.999
    precision: Literal["fp32", "bf16"] = "fp32"

    def __post_init__(self) -> None:
        for name, least in (("iterations", 0), ("batch_size", 1), ("seed", 0)):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < least:
                raise InvalidRequestError(f"{name} is a whole number of at least {least}, not {value!r}")
        if not isinstance(self.ema, (int, float)) or not 0 <= self.ema < 1:
            raise InvalidRequestError(f"ema is a decay in [0, 1), not {self.ema!r}")
        if self.precision not in ("fp32", "bf16"):
            raise InvalidRequestError(f"precision is fp32 or bf16, not {self.precision!r}")


class Record(NamedTuple):
    """One finished iteration: its number from 1, and every loss and score as ``group/name``."""

    step: int
    losses: Mapping[str, float]
    scores: Mapping[str, float]


class Trainer(Iterator[Record]):
    """Trains a GAN, one iteration at a time; ends after `options.iterations`.

    On the CPU, two trainers with the same GAN, data and options go through the same states bit for
    bit, and so does one that starts from the `checkpoint` of another.
    """

    def __init__(self, gan: GAN, data: ImageData, options: TrainingOptions) -> None:
        self.gan = gan.train()
        self.options = options
        self.step = 0
        self.average = copy.deepcopy(gan).eval().requires_grad_(False)
        keep_published(self.average)
        self.optimizers = gan.optimizers()
        self.batches = Batches(data, options.batch_size, seed=options.seed, device=gan.device)

    def __next__(self) -> Record:
        """Run one iteration.

        Raises:
            StopIteration: all iterations are done.
            NonFiniteError: a loss is NaN or infinite. Updates before it in this step have been applied:
                go on from a checkpoint, not from here.
        """
        if self.step >= self.options.iterations:
            raise StopIteration
        # Everything random in this step follows from here, so that a resumed run is the same run.
        torch.manual_seed(derive(self.options.seed, "step", self.step))
        losses: dict[str, Tensor] = {}
        scores: dict[str, Tensor] = {}
        for update in self._updates():
            self.apply(update)
            losses |= {f"{update.group}/{name}": loss.detach() for name, loss in update.losses.items()}
            scores |= {name: score.detach() for name, score in update.scores.items()}
        self.step += 1
        self._update_average()
        return Record(self.step, _numbers(losses), _numbers(scores))

    def _updates(self) -> Iterator[Update]:
        """The training step's updates, computed in the precision that was asked for.

        Autocast ends before each update is applied: it keeps copies of the weights, which would be old after.
        """
        steps = self.gan.training_step(self.batches)
        while True:
            with torch.autocast(self.gan.device.type, torch.bfloat16, enabled=self.options.precision == "bf16"):
                update = next(steps, None)
            if update is None:
                return
            yield update

    def apply(self, update: Update) -> None:
        """Minimise the sum of the update's losses in its group, one step of that group's optimizer.

        Raises:
            NonFiniteError: the sum is NaN or infinite; nothing was changed.
        """
        total = torch.stack([loss.float() for loss in update.losses.values()]).sum()
        if not total.isfinite():
            terms = ", ".join(f"{name} {loss.item():g}" for name, loss in update.losses.items())
            raise NonFiniteError(f"step {self.step + 1}: the loss of {update.group} is not finite ({terms})")
        optimizer = self.optimizers[update.group]
        optimizer.zero_grad(set_to_none=True)
        total.backward()  # type: ignore[no-untyped-call]
        optimizer.step()

    @torch.no_grad()
    def _update_average(self) -> None:
        """ema <- d ema + (1 - d) now, with d shorter at the start, when the average holds the initial noise."""
        decay = min(self.options.ema, self.step / (self.step + 10))
        for name in self.gan.published:
            _lerp_state(self.average.get_submodule(name), self.gan.get_submodule(name), 1 - decay)

    def published(self) -> dict[str, Tensor]:
        """The averaged state of the submodules that sampling needs."""
        return dict(self.average.state_dict())

    def checkpoint(self) -> Checkpoint:
        """All that another trainer needs to go on from here."""
        state: dict[str, Any] = {
            "position": self.batches.position,
            "optimizers": {group: optimizer.state_dict() for group, optimizer in self.optimizers.items()},
        }
        return Checkpoint(self.step, {"networks": self.gan.state_dict(), "average": self.published()}, state)

    def restore(self, checkpoint: Checkpoint) -> None:
        """Go on from `checkpoint`, which a trainer of the same GAN, data and options made."""
        load_into(self.gan, checkpoint.networks["networks"], of="the checkpoint")
        load_into(self.average, checkpoint.networks["average"], of="the checkpoint")
        for group, optimizer in self.optimizers.items():
            optimizer.load_state_dict(checkpoint.state["optimizers"][group])
        self.batches.position = checkpoint.state["position"]
        self.step = checkpoint.step


def _lerp_state(average: nn.Module, current: nn.Module, weight: float) -> None:
    """Move `average` towards `current`: parameters and running statistics alike; counters are copied."""
    ours, theirs = list(average.state_dict().values()), list(current.state_dict().values())
    floats = [i for i, tensor in enumerate(ours) if tensor.is_floating_point()]
    torch._foreach_lerp_([ours[i] for i in floats], [theirs[i] for i in floats], weight)
    for tensor, source in zip(ours, theirs, strict=True):
        if not tensor.is_floating_point():
            tensor.copy_(source)


def _numbers(tensors: Mapping[str, Tensor]) -> dict[str, float]:
    return {name: tensor.item() for name, tensor in tensors.items()}

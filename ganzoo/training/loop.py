"""The training loop: it applies the updates that a GAN asks for, and never learns what they mean."""

from __future__ import annotations

import copy
import math
import os
import shutil
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ganzoo.data.batches import Batches
from ganzoo.data.datasets import Data, Domains
from ganzoo.distributed.global_batch import global_batch
from ganzoo.distributed.processes import ProcessGroup
from ganzoo.errors import InvalidRequestError, NonFiniteError
from ganzoo.interface.gan import GAN, DiscriminatorOutput, Update, keep_published
from ganzoo.registry import lookup
from ganzoo.training.augment import _augment
from ganzoo.training.checkpoints import Checkpoint
from ganzoo.training.ema import _Averaged
from ganzoo.training.plan import TrainingOptions, schedule_of
from ganzoo.utils.devices import seed_device
from ganzoo.utils.precision import at_least_float32
from ganzoo.utils.seeds import derive_seed
from ganzoo.weights.fit import load_into

__all__ = ["Loop", "Record"]

_DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


class Record(NamedTuple):
    """One finished iteration: its number from 1, and every loss (``group/name``) and score, over all processes."""

    step: int
    losses: Mapping[str, float]
    metrics: Mapping[str, float]


class Loop(Iterator[Record]):
    """Trains a GAN, one iteration at a time; ends after `options.iterations`.

    On the CPU, two loops with the same GAN, data and options go through the same states bit for bit,
    and so does one that starts from the `checkpoint` of another. The processes of a `processes` go through
    the states of one with a batch `processes.world_size` times as large, to the rounding of sums.

    Augmentations stay on the GAN's discriminators, in training mode. `compile` compiles its networks, but
    for discriminators whose gradients are penalised: PyTorch cannot compile second derivatives.
    """

    def __init__(
        self,
        gan: GAN,
        data: Data | Domains,
        options: TrainingOptions,
        *,
        processes: ProcessGroup = ProcessGroup(),  # noqa: B008 - frozen
        workers: int = 0,
        compile: bool = False,  # noqa: A002 - the field's word
    ) -> None:
        self.gan = gan.train().to(memory_format=gan.memory_format)
        self.options = options
        self.processes = processes
        self.step = 0
        self.stop_asked = False
        self.stopping = False
        self.average = copy.deepcopy(gan).eval().requires_grad_(False)
        keep_published(self.average)
        self._averaged = _Averaged(self.average, gan)
        self.optimizers = gan.optimizers()
        self.batches = Batches(
            data,
            options.batch_size,
            seed=options.seed,
            device=gan.device,
            processes=processes,
            workers=workers,
            mirror=options.mirror,
            crop=options.crop,
        )
        self._rates = {g: [part["lr"] for part in o.param_groups] for g, o in self.optimizers.items()}
        self._schedule, self._setting = schedule_of(options.schedule)
        self._penalties = {name: lookup.registry().regularizers[name].load() for name in options.regularizers}
        self._scaler = torch.amp.GradScaler(gan.device.type, enabled=options.precision == "fp16")
        _augment(gan, options.augmentations)
        if compile:
            _compile(gan, eager=gan.discriminators if self._penalties else ())

    def __next__(self) -> Record:
        """Run one iteration.

        Raises:
            StopIteration: all iterations are done.
            NonFiniteError: a loss is NaN or infinite. The networks are as this iteration left them: go
                on from a checkpoint, not from here.
        """
        if self.step >= self.options.iterations:
            raise StopIteration
        # Everything random in this step follows from here, so that a resumed run is the same run.
        seed_device(derive_seed(self.options.seed, "step", self.step), self.gan.device)
        self._set_rates()
        figures = _Figures()
        with global_batch(self.processes, self.options.batch_size):
            steps = [self.gan.training_step(self.batches) for _ in range(self.options.accumulate)]
            while (group := self._accumulate(steps, figures)) is not None:
                self._apply(group)
        record, self.stopping = figures.record(self.step + 1, self.processes, self.stop_asked)
        self.step += 1
        self._update_average()
        return record

    def _accumulate(self, steps: Sequence[Iterator[Update]], figures: _Figures) -> str | None:
        """Add up the gradients of the next update of every part, in step; its group, None where all are done.

        Autocast covers the GAN's own computation only: it keeps copies of the weights, which would be
        old after an update. A graph is freed before the next part makes its own.
        """
        kind, dtype = self.gan.device.type, _DTYPES[self.options.precision]
        group = None
        for step in steps:
            with torch.autocast(kind, dtype, enabled=dtype != torch.float32):
                update = next(step, None)
            if update is None:
                return None
            if group is None:
                group = update.group
                self.optimizers[group].zero_grad(set_to_none=True)
            losses = {**update.losses, **self._penalise(update.discriminators)}
            total = torch.stack([at_least_float32(loss) for loss in losses.values()]).sum()
            self._scaler.scale(total / len(steps)).backward()  # type: ignore[no-untyped-call]
            figures.add(f"{group}/", losses)
            figures.add("", update.metrics)
            figures.add("", _verdicts(self.gan, update.discriminators))
        return group

    def _penalise(self, outputs: Sequence[DiscriminatorOutput]) -> dict[str, Tensor]:
        """The weighted penalties on what the discriminators saw in an update, if any of them is due."""
        every, weights = self.options.regularize_every, self.options.regularizers
        if not outputs or self.step % every:
            return {}
        return {
            name: weights[name] * every * torch.stack([penalty(each) for each in outputs]).sum()
            for name, penalty in self._penalties.items()
        }

    def _apply(self, group: str) -> None:
        """One step of the group's optimizer, by the mean of the gradients over all processes."""
        optimizer = self.optimizers[group]
        parameters = (p for part in optimizer.param_groups for p in part["params"])
        self.processes.average_([p.grad for p in parameters if p.grad is not None])
        self._scaler.step(optimizer)
        self._scaler.update()

    def _set_rates(self) -> None:
        progress = self.step / self.options.iterations
        factor = lookup.registry().schedules[self._schedule].factor(progress, self._setting)
        for group, optimizer in self.optimizers.items():
            for part, rate in zip(optimizer.param_groups, self._rates[group], strict=True):
                part["lr"] = rate * factor

    def _update_average(self) -> None:
        """ema <- d ema + (1 - d) now, with d shorter at the start, when the average holds the initial noise."""
        decay = min(self.options.ema, self.step / (self.step + 10))
        self._averaged.move(1 - decay)

    def published(self) -> dict[str, Tensor]:
        """The averaged state of the submodules that sampling needs."""
        return dict(self.average.state_dict())

    def checkpoint(self) -> Checkpoint:
        """All that another loop needs to go on from here."""
        state: dict[str, Any] = {
            "position": self.batches.position,
            "optimizers": {group: optimizer.state_dict() for group, optimizer in self.optimizers.items()},
            "scaler": self._scaler.state_dict(),
        }
        return Checkpoint(self.step, {"networks": self.gan.state_dict(), "average": self.published()}, state)

    def start_from(self, checkpoint: Checkpoint, *, of: str = "the checkpoint") -> None:
        """Take the networks of `checkpoint`, which a loop with the same GAN made; all else starts anew.

        Raises:
            MismatchError: they are others; `of` names them.
        """
        load_into(self.gan, checkpoint.networks["networks"], of=of)
        load_into(self.average, checkpoint.networks["average"], of=of)

    def restore(self, checkpoint: Checkpoint) -> None:
        """Go on from `checkpoint`, which a loop with the same GAN, data and options made."""
        self.start_from(checkpoint)
        for group, optimizer in self.optimizers.items():
            optimizer.load_state_dict(checkpoint.state["optimizers"][group])
        self._scaler.load_state_dict(checkpoint.state["scaler"])
        self.batches.position = checkpoint.state["position"]
        self.step = checkpoint.step


class _Figures:
    """The losses and scores of an iteration by name; what comes several times is averaged."""

    def __init__(self) -> None:
        self.losses: dict[str, list[Tensor]] = defaultdict(list)
        self.scores: dict[str, list[Tensor]] = defaultdict(list)

    def add(self, prefix: str, figures: Mapping[str, Tensor]) -> None:
        """Losses have their group for a prefix, scores have none."""
        kind = self.losses if prefix else self.scores
        for name, figure in figures.items():
            kind[prefix + name].append(at_least_float32(figure.detach()))

    def record(self, step: int, processes: ProcessGroup, stop: bool) -> tuple[Record, bool]:
        """The means over all processes, and whether one of these wants to stop.

        They leave the device together: to fetch each would make a GPU wait as often.

        Raises:
            NonFiniteError: names the losses that are not finite.
        """
        everything = [*self.losses.values(), *self.scores.values()]
        means = torch.stack([torch.stack(figures).mean() for figures in everything])
        means = torch.cat([means, means.new_tensor([float(stop)])])
        processes.average_([means])
        *numbers, stopping = means.tolist()
        losses = dict(zip(self.losses, numbers, strict=False))
        scores = dict(zip(self.scores, numbers[len(losses) :], strict=True))
        bad = [f"{name} is {loss:g}" for name, loss in losses.items() if not math.isfinite(loss)]
        if bad:
            raise NonFiniteError(f"step {step}: {', '.join(bad)}")
        return Record(step, losses, scores), stopping > 0


def _verdicts(gan: GAN, outputs: Sequence[DiscriminatorOutput]) -> dict[str, Tensor]:
    """D(x) and D(G(z)) of every discriminator: probabilities where the loss knows them, else raw scores."""
    verdicts: dict[str, Tensor] = {}
    for each in outputs:
        name = f"D_{each.name}" if each.name else "D"
        for what, scores in zip(("x", "G(z)"), each.logits, strict=True):
            probability = gan.loss.probability or torch.Tensor.clone
            verdicts[f"{name}({what})"] = probability(at_least_float32(scores.detach())).mean()
    return verdicts


def _compile(gan: GAN, *, eager: Sequence[str]) -> None:
    """Compile the GAN's networks in place, but for those in `eager`.

    Raises:
        InvalidRequestError: there is no C++ compiler, which PyTorch's own cannot do without.
    """
    if not any(map(shutil.which, filter(None, (os.environ.get("CXX"), "g++", "clang++", "cl")))):
        raise InvalidRequestError("--compile needs a C++ compiler, g++ for instance, and there is none here")
    for name, network in gan.named_children():
        if name not in eager:
            network.compile()

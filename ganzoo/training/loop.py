"""The training loop: it applies the updates that a GAN asks for, whatever the GAN's architecture."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

import torch
from torch import Tensor

from ganzoo.data.batches import Batches
from ganzoo.data.datasets import Data, Domains
from ganzoo.distributed.global_batch import global_batch
from ganzoo.distributed.gradients import averaged_gradients
from ganzoo.distributed.processes import ProcessGroup
from ganzoo.errors import InvalidRequestError
from ganzoo.interface.gan import GAN, Update
from ganzoo.training.augment import augment_discriminators
from ganzoo.training.checkpoints import Checkpoint
from ganzoo.training.ema import MovingAverage, decay_of
from ganzoo.training.faster_layers import faster_layers
from ganzoo.training.freeze import freeze_layers
from ganzoo.training.plan import TrainingOptions
from ganzoo.training.record import Record, Recorder
from ganzoo.training.techniques import Techniques, resolve_techniques
from ganzoo.utils.devices import note_slow_bf16, seed_device
from ganzoo.utils.precision import at_least_float32, float32_on_cpu
from ganzoo.utils.seeds import derive_seed
from ganzoo.weights.fit import load_into

__all__ = ["Loop"]

_DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


class Loop(Iterator[Record]):
    """Trains a GAN, one iteration for each `next`, and ends after `options.iterations`.

    On the CPU, two loops with the same GAN, data and options give the same weights bit for bit. So does a
    loop that continues from the `checkpoint` of another. Several `processes` give the same weights as one
    process with a batch `processes.world_size` times as large, up to the rounding of sums.

    Args:
        gan: The networks to train. They stay on their device. Augmentations stay on its discriminators, in
            training mode.
        data: The images to train on.
        options: How long to train, and with which methods.
        techniques: The schedule, penalties and augmentations that `options` names. By default the loop looks
            them up in the registry, once.
        processes: The processes that train together; each has its own loop.
        workers: How many processes read images ahead, if the data is not in memory.
        compile: Compile the networks with PyTorch's compiler, except those with a penalty on their gradients.
    """

    @float32_on_cpu()
    def __init__(
        self,
        gan: GAN,
        data: Data | Domains,
        options: TrainingOptions,
        *,
        techniques: Techniques | None = None,
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
        if options.precision == "bf16" and processes.is_main:
            note_slow_bf16(gan.device)
        self.techniques = techniques or resolve_techniques(options)
        self._stateful = self.techniques.modules().to(gan.device)
        self._ema = MovingAverage(gan)
        self.average = self._ema.gan
        freeze_layers(gan, options.freeze)
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
        self._initial_rates = {
            name: [group["lr"] for group in optimizer.param_groups] for name, optimizer in self.optimizers.items()
        }
        self._scaler = torch.amp.GradScaler(gan.device.type, enabled=options.precision == "fp16")
        augment_discriminators(gan, [*self.techniques.augmentations.values()])
        if compile:
            # PyTorch cannot compile second derivatives, which penalties on gradients need.
            eager = gan.discriminators if self.techniques.penalties else ()
            _compile(gan, eager=(*eager, *(gan.published if self.techniques.generator_penalties else ())))
        elif gan.device.type == "cpu":
            faster_layers(gan)

    @float32_on_cpu()
    def __next__(self) -> Record:
        """Run one iteration.

        Raises:
            StopIteration: All iterations are done.
            NonFiniteError: A loss is NaN or infinite. The networks may hold NaN too: continue from a checkpoint.
        """
        if self.step >= self.options.iterations:
            raise StopIteration
        # Everything random below follows from this seed. So a resumed run repeats the iteration exactly.
        seed_device(derive_seed(self.options.seed, "step", self.step), self.gan.device)
        # Learning rates are a function of the finished part of the run, so they need no state to resume.
        self._scale_learning_rates(self.techniques.schedule(self.step / self.options.iterations))
        recorder, adversarial, shown = Recorder(self.gan), False, False
        # Inside, several processes draw random numbers and take batch norm's statistics over all their rows.
        with global_batch(self.processes, self.options.batch_size):
            # With `accumulate`, several training steps advance together: all of them compute their first update,
            # then their second, and so on. So each update sees the weights that the update before it left.
            first, *others = [self._training_step() for _ in range(self.options.accumulate)]
            for update in first:  # the forward pass, up to the GAN's next update
                optimizer = self.optimizers[update.group]
                # Clear the gradients that the losses of other groups left in these parameters.
                optimizer.zero_grad(set_to_none=True)
                # `map` is lazy: backward frees the graph of a step before the next step builds its own.
                for missing, part in enumerate(chain([update], map(next, others)), start=1 - self.options.accumulate):
                    # Penalties are losses like the GAN's own: one backward pass serves all.
                    losses = {**part.losses, **self._penalties(part)}
                    total = torch.stack([at_least_float32(loss) for loss in losses.values()]).sum()
                    # Each process has seen its own rows: the mean is the gradient of the global batch. It is
                    # computed during the last backward pass.
                    with averaged_gradients(() if missing else _parameters(optimizer), self.processes):
                        # The scaler keeps small gradients from becoming zero in fp16; otherwise it changes nothing.
                        self._scaler.scale(total / self.options.accumulate).backward()  # type: ignore[no-untyped-call]
                    adversarial = adversarial or bool(part.discriminators)
                    shown = shown or bool(part.generators)
                    recorder.add(part, losses)
                    recorder.add_metrics(self._adapt(part))
                self._scaler.step(optimizer)
                self._scaler.update()
                _count_versions(optimizer)
            for other in others:  # to its end, where the first one is: what follows the last update may count images
                next(other, None)
        self._check_generators_shown(shown or not adversarial)
        # It also stops a run whose loss is not finite, before the average takes such weights in.
        record, self.stopping = recorder.record(self.step + 1, self.processes, stop=self.stop_asked)
        self.step += 1
        self._ema.update(decay_of(self.options, self.step, self._images_per_iteration()))
        return record

    def _training_step(self) -> Iterator[Update]:
        """The updates of one training step; each is computed under autocast, in the chosen precision.

        Autocast ends before the update is applied, because it caches the weights in 16 bits: the cached weights
        would be wrong afterwards.
        """
        dtype = _DTYPES[self.options.precision]
        updates = self.gan.training_step(self.batches)
        while True:
            with torch.autocast(self.gan.device.type, dtype, enabled=dtype != torch.float32):
                update = next(updates, None)
            if update is None:
                return
            yield update

    def _penalties(self, update: Update) -> dict[str, Tensor]:
        """The weighted penalties on the discriminators and on the generators of `update`."""
        techniques, options = self.techniques, self.options
        return {
            **self._weighted(techniques.penalties, update.discriminators, options.regularize_every),
            **self._weighted(techniques.generator_penalties, update.generators, options.regularize_generator_every),
        }

    def _weighted(
        self, penalties: Mapping[str, Callable[[Any], Tensor]], outputs: Sequence[Any], every: int
    ) -> dict[str, Tensor]:
        """Each penalty, summed over the networks that `outputs` are of.

        In most iterations there are none if `every` is above 1. The others have larger weights in return.
        """
        if not outputs or self.step % every:
            return {}
        return {
            name: self.options.regularizers[name] * every * torch.stack([penalty(each) for each in outputs]).sum()
            for name, penalty in penalties.items()
        }

    def _adapt(self, update: Update) -> dict[str, Tensor]:
        """Show what the discriminators saw to augmentations that adapt; returns their strengths, by metric."""
        adaptive = self.techniques.adaptive()
        for augmentation in adaptive.values():
            for output in update.discriminators:
                augmentation.observe(output)
        return {f"strength({name})": each.strength.clone() for name, each in adaptive.items()}

    def _check_generators_shown(self, shown: bool) -> None:
        """Refuse a penalty on generators that no update of an adversarial iteration applies."""
        if self.techniques.generator_penalties and not shown:
            names = ", ".join(self.techniques.generator_penalties)
            raise InvalidRequestError(f"this architecture has no latents for {names} - leave out --regularizer {names}")

    def _images_per_iteration(self) -> int:
        return self.options.batch_size * self.options.accumulate * self.processes.world_size

    def _scale_learning_rates(self, factor: float) -> None:
        """Set each learning rate to `factor` times the one that the GAN gave its optimizer."""
        for name, optimizer in self.optimizers.items():
            for group, rate in zip(optimizer.param_groups, self._initial_rates[name], strict=True):
                group["lr"] = rate * factor

    def published(self) -> dict[str, Tensor]:
        """The averaged weights of the submodules that sampling needs, by name."""
        return dict(self.average.state_dict())

    def checkpoint(self) -> Checkpoint:
        """Everything that another loop needs to continue from here."""
        state: dict[str, Any] = {
            "position": self.batches.position,
            "optimizers": {group: optimizer.state_dict() for group, optimizer in self.optimizers.items()},
            "scaler": self._scaler.state_dict(),
        }
        networks = {"networks": self.gan.state_dict(), "average": self.published()}
        if techniques := self._stateful.state_dict():
            networks["techniques"] = techniques
        return Checkpoint(self.step, networks, state)

    def restore(self, checkpoint: Checkpoint) -> None:
        """Continue from `checkpoint`, which a loop with the same GAN, data and options made.

        Raises:
            MismatchError: The networks have other names or shapes.
        """
        load_into(self.gan, checkpoint.networks["networks"], of="the checkpoint")
        load_into(self.average, checkpoint.networks["average"], of="the checkpoint")
        load_into(self._stateful, checkpoint.networks.get("techniques", {}), of="the checkpoint")
        for group, optimizer in self.optimizers.items():
            optimizer.load_state_dict(checkpoint.state["optimizers"][group])
        self._scaler.load_state_dict(checkpoint.state["scaler"])
        self.batches.position = checkpoint.state["position"]
        self.step = checkpoint.step


def _count_versions(optimizer: torch.optim.Optimizer) -> None:
    """Count a new version of each parameter, which PyTorch's fused optimizers leave out.

    By the versions, PyTorch refuses to compute gradients of a graph that was built with older weights.
    """
    torch.autograd.graph.increment_version(_parameters(optimizer))


def _parameters(optimizer: torch.optim.Optimizer) -> list[Tensor]:
    """The parameters that an optimizer changes."""
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]


def _compile(gan: GAN, *, eager: Sequence[str]) -> None:
    """Compile the GAN's networks in place, except those named in `eager`.

    Raises:
        InvalidRequestError: There is no C++ compiler, which PyTorch's compiler needs.
    """
    if not any(map(shutil.which, filter(None, (os.environ.get("CXX"), "g++", "clang++", "cl")))):
        raise InvalidRequestError("--compile found no C++ compiler - install one, such as g++, or omit --compile")
    for name, network in gan.named_children():
        if name not in eager:
            network.compile()

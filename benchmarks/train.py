"""How fast a training step is, compared with plain loops that compute the same: medians of alternating rounds of three
processes.

For each built-in architecture it measures three loops:

- ganzoo: the training loop with its defaults, as `ganzoo train` runs it.
- plain: a loop written by hand, with the same networks, losses, optimizers, average and data in memory. The difference
  is the cost of ganzoo's loop.
- reference: a loop as in the public examples. It decodes images one by one, uses optimizers that loop over the tensors,
  generates images twice where once is enough, and averages in a Python loop. The difference is the gain of
  ganzoo's defaults.
"""

from __future__ import annotations

import argparse
import copy
import statistics
from collections.abc import Callable, Iterator
from functools import partial
from operator import truediv
from typing import Any

import torch
from processes import alternate
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import v2

from ganzoo import GAN, Domains, ImageData, Loop, TrainingOptions, frozen
from ganzoo.images.tensors import to_pictures
from ganzoo.registry import lookup
from ganzoo.utils.memory import keep_freed_memory

_SMALL = {
    **{"resolution": 32, "channels": 1, "classes": 10, "class_dim": 32},
    **{"generator_depths": (4, 4, 2, 1), "discriminator_depths": (1, 2, 4, 4)},
}
CASES = {
    "gan": {},
    "dcgan": {"resolution": 32, "channels": 1, "generator_width": 64, "discriminator_width": 64},
    "cyclegan": {"resolution": 64, "width": 32, "blocks": 6, "discriminator_width": 32},
    "biggan": {"width": 16, **_SMALL},
    "biggan-deep": {"width": 32, **_SMALL},
}
BATCH_SIZES = {"cyclegan": 4}
CLASSES = 10
DECAY = 0.999
Step = Callable[[], object]


def pictures(shape: tuple[int, int, int], count: int = 2048) -> ImageData:
    """Random pictures in memory. Their content does not change the speed."""
    random = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (count, *shape), generator=random, dtype=torch.uint8)
    return ImageData("noise", images, torch.arange(count) % CLASSES, tuple("abcdefghij"))


def parts(name: str) -> dict[str, ImageData]:
    """A data set for each part of the architecture's batches."""
    shape = lookup.check_config(name, CASES[name])[0].image_shape
    return {part: pictures(shape) for part in lookup.registry().architectures[name].task.trains_on}


def networks(name: str, device: torch.device) -> GAN:
    """The GAN with the same initial weights at each call."""
    torch.manual_seed(0)
    return lookup.create(name, **CASES[name]).to(device)


def ours(name: str, batch_size: int, device: torch.device) -> Step:
    """One iteration of ganzoo's training loop with its defaults."""
    data = parts(name)
    whole = Domains("noise", data) if len(data) > 1 else data["image"]
    return Loop(networks(name, device), whole, TrainingOptions(iterations=10**9, batch_size=batch_size)).__next__


def plain(name: str, batch_size: int, device: torch.device) -> Step:
    """The same iteration by hand, with an average and with the losses as numbers, as in ganzoo's loop."""
    gan = networks(name, device).train()
    gan.to(memory_format=gan.memory_format)
    current = [gan.get_submodule(name) for name in gan.published]
    averages = copy.deepcopy(current)
    optimizers = gan.optimizers()
    data = parts(name)

    def batches() -> Iterator[Any]:
        while True:
            for rows in torch.randperm(2048).split(batch_size):
                images = {part: each.images[rows].to(device).float() for part, each in data.items()}
                labels = next(iter(data.values())).labels[rows].to(device)
                yield {"label": labels, **{part: each.div_(127.5).sub_(1) for part, each in images.items()}}

    source = batches()

    def step() -> list[float]:
        shown = []
        for update in gan.training_step(source):
            loss = sum(update.losses.values())
            optimizers[update.group].zero_grad()
            loss.backward()
            optimizers[update.group].step()
            shown += [term.item() for term in update.losses.values()]
            shown += [logit.sigmoid().mean().item() for each in update.discriminators for logit in each.logits]
        with torch.no_grad():
            torch._foreach_lerp_(_floats(averages), _floats(current), 1 - DECAY)
        return shown

    return step


def _floats(networks: list[nn.Module]) -> list[Tensor]:
    tensors = (tensor for network in networks for tensor in network.state_dict().values())
    return [tensor for tensor in tensors if tensor.is_floating_point()]


class Decoded(Dataset[tuple[Tensor, int]]):
    """Pictures and their classes. Each picture is converted to a tensor when it is needed, as in torchvision."""

    def __init__(self, data: ImageData) -> None:
        self.labels = data.labels
        self.pictures = to_pictures(data.images.float().div(127.5).sub(1))
        self.transform = v2.Compose([v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize([0.5], [0.5])])

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.transform(self.pictures[index]), int(self.labels[index])


def decoded(data: ImageData, batch_size: int) -> Iterator[list[Tensor]]:
    """Batches of pictures and their classes, without end."""
    loader = DataLoader(Decoded(data), batch_size, shuffle=True, drop_last=True)
    while True:
        yield from loader


def reference(name: str, batch_size: int, device: torch.device) -> Step:
    """One iteration as in the public example for such an architecture."""
    task = lookup.registry().architectures[name].task
    loop = _conditional if task.needs_labels else _translating if task.from_images else _generating
    return loop(name, batch_size, device)


def _generating(name: str, batch_size: int, device: torch.device) -> Step:
    """The loop of PyTorch's DCGAN example, with an average."""
    gan = networks(name, device).train()
    generator, discriminator = gan.generator, gan.discriminator
    average = copy.deepcopy(generator)
    optimizers = {key: _default(optimizer) for key, optimizer in gan.optimizers().items()}
    criterion = nn.BCEWithLogitsLoss()
    source = decoded(parts(name)["image"], batch_size)

    def step() -> list[float]:
        real = next(source)[0].to(device)
        ones, zeros = torch.ones(len(real), device=device), torch.zeros(len(real), device=device)
        optimizers["discriminator"].zero_grad()
        logits = discriminator(real)
        loss_real = criterion(logits, ones)
        loss_real.backward()
        fakes = discriminator(generator(gan.noise(len(real))).detach())
        loss_fake = criterion(fakes, zeros)
        loss_fake.backward()
        optimizers["discriminator"].step()
        optimizers["generator"].zero_grad()
        loss = criterion(discriminator(generator(gan.noise(len(real)))), ones)
        loss.backward()
        optimizers["generator"].step()
        with torch.no_grad():
            for ours, theirs in zip(average.parameters(), generator.parameters(), strict=True):
                ours.mul_(DECAY).add_(theirs, alpha=1 - DECAY)
        shown = (loss_real, loss_fake, loss, logits.sigmoid().mean(), fakes.sigmoid().mean())
        return [value.item() for value in shown]

    return step


def _conditional(name: str, batch_size: int, device: torch.device) -> Step:
    """The loop of BigGAN-PyTorch with an average: new images of random classes for the generator's step."""
    gan = networks(name, device).train()
    generator, discriminator = gan.generator, gan.discriminator
    average = copy.deepcopy(generator)
    optimizers = {key: _default(optimizer) for key, optimizer in gan.optimizers().items()}
    source = decoded(parts(name)["image"], batch_size)
    beta = gan.config.orthogonal_weight
    weights = [p for key, p in generator.named_parameters() if p.ndim > 1 and not key.startswith("embedding")]

    def made() -> tuple[Tensor, Tensor]:
        label = torch.randint(CLASSES, (batch_size,), device=device)
        return generator(gan.noise(batch_size), generator.embed(label)), label

    def orthogonality(weight: Tensor) -> Tensor:
        rows = weight.flatten(1)
        return ((rows @ rows.T) * (1 - torch.eye(len(rows), device=device))).square().sum()

    def step() -> list[float]:
        for _ in range(gan.config.discriminator_steps):
            optimizers["discriminator"].zero_grad()
            real, label = (each.to(device) for each in next(source))
            with torch.no_grad():
                fake, other = made()
            logits, fakes = discriminator(real, label), discriminator(fake, other)
            losses = [(1 - logits).relu().mean(), (1 + fakes).relu().mean()]
            sum(losses).backward()
            optimizers["discriminator"].step()
        optimizers["generator"].zero_grad()
        losses += [-discriminator(*made()).mean(), beta * sum(map(orthogonality, weights))]
        (losses[2] + losses[3]).backward()
        optimizers["generator"].step()
        with torch.no_grad():
            for ours, theirs in zip(average.parameters(), generator.parameters(), strict=True):
                ours.mul_(DECAY).add_(theirs, alpha=1 - DECAY)
        return [each.item() for each in (*losses, logits.mean(), fakes.mean())]

    return step


def _translating(name: str, batch_size: int, device: torch.device) -> Step:
    """The loop of CycleGAN's authors with an average: each discriminator has its own backward pass."""
    gan = networks(name, device).train()
    averages = copy.deepcopy([gan.a_to_b, gan.b_to_a])
    optimizers = {key: _default(optimizer) for key, optimizer in gan.optimizers().items()}
    sources = {part: decoded(data, batch_size) for part, data in parts(name).items()}
    one, squares = nn.L1Loss(), nn.MSELoss()

    def towards(logits: Tensor, target: float) -> Tensor:
        return squares(logits, torch.full_like(logits, target))

    def step() -> list[float]:
        a, b = (next(sources[part])[0].to(device) for part in "ab")
        fake_b, fake_a = gan.a_to_b(a), gan.b_to_a(b)
        with frozen(gan.discriminator_a, gan.discriminator_b):
            losses = [towards(gan.discriminator_b(fake_b), 1), towards(gan.discriminator_a(fake_a), 1)]
            losses += [10 * one(gan.b_to_a(fake_b), a), 10 * one(gan.a_to_b(fake_a), b)]
            losses += [5 * one(gan.b_to_a(a), a), 5 * one(gan.a_to_b(b), b)]
            optimizers["generators"].zero_grad()
            sum(losses).backward()
            optimizers["generators"].step()
        optimizers["discriminators"].zero_grad()
        for discriminator, real, pool, fake in (
            (gan.discriminator_a, a, gan.pool_a, fake_a),
            (gan.discriminator_b, b, gan.pool_b, fake_b),
        ):
            loss = (towards(discriminator(real), 1) + towards(discriminator(pool.exchange(fake)), 0)) / 2
            loss.backward()
            losses.append(loss)
        optimizers["discriminators"].step()
        with torch.no_grad():
            for average, network in zip(averages, (gan.a_to_b, gan.b_to_a), strict=True):
                for ours, theirs in zip(average.parameters(), network.parameters(), strict=True):
                    ours.mul_(DECAY).add_(theirs, alpha=1 - DECAY)
        return [loss.item() for loss in losses]

    return step


def _default(optimizer: torch.optim.Optimizer) -> torch.optim.Optimizer:
    """The same optimizer as a loop over the tensors, which is PyTorch's default on the CPU."""
    settings = {**optimizer.defaults, "fused": False, "foreach": False}
    settings.pop("decoupled_weight_decay", None)
    return type(optimizer)(optimizer.param_groups[0]["params"], **settings)


WAYS = {"ganzoo": ours, "plain": plain, "reference": reference}


def start(way: str, name: str, device: str) -> Callable[[], None]:
    """One iteration of a loop, as its user runs it: `ganzoo train` keeps freed memory, a script does not."""
    if way == "ganzoo":
        keep_freed_memory()
    step = WAYS[way](name, BATCH_SIZES.get(name, 64), torch.device(device))

    def call() -> None:
        step()
        if device != "cpu":
            torch.get_device_module(device).synchronize()

    return call


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9, help="rounds of each way (default: 9)")
    parser.add_argument("--steps", type=int, default=10, help="steps in a round (default: 10)")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--only", nargs="*", choices=CASES, help="architectures to measure (default: all)")
    chosen = parser.parse_args()
    print(f"{'':12}" + "".join(f"{way:>12}" for way in WAYS) + f"{'vs plain':>12}{'vs reference':>14}   (steps/s)")
    for name in chosen.only or CASES:
        seconds, _ = alternate(
            {way: partial(start, way, name, chosen.device) for way in WAYS}, chosen.rounds, chosen.steps
        )
        medians = {way: statistics.median(values) for way, values in seconds.items()}
        against = [statistics.median(map(truediv, seconds[way], seconds["ganzoo"])) for way in ("plain", "reference")]
        print(f"{name:12}" + "".join(f"{1 / medians[way]:12.1f}" for way in WAYS) + "{:12.2f}{:14.2f}".format(*against))


if __name__ == "__main__":
    main()

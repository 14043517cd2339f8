"""The one sampler: draw the inputs of each image, generate images from inputs."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from ganzoo.devices import resolve_device
from ganzoo.errors import GanzooError, InvalidRequestError, NonFiniteError
from ganzoo.gan import GAN, Inputs
from ganzoo.images import to_pictures
from ganzoo.tasks import Task

__all__ = ["Model", "check_seeds"]

SEEDS = 2**32  # PyTorch's CPU generator looks at 32 bits: seed 2**32 would give the images of seed 0


class Model:
    """A trained generator, ready to sample; the GAN is put into eval mode.

    Image i of seed s is image 0 of seed s + i: its inputs are drawn on the CPU from that number alone,
    bit for bit the same for every count, batch size and device, and its pixels the same but for rounding.
    """

    def __init__(
        self,
        gan: GAN,
        task: type[Task],
        image_shape: tuple[int, int, int],
        *,
        name: str = "model",
        classes: tuple[str, ...] = (),
    ) -> None:
        self.gan = gan.eval()
        self.task = task
        self.image_shape = image_shape
        self.name = name
        self.classes = classes

    def __repr__(self) -> str:
        return f"<ganzoo.Model {self.name}: {self.task.name}, {self.image_shape}, on {self.device}>"

    @property
    def device(self) -> torch.device:
        """Where images are generated."""
        return self.gan.device

    def to(self, device: str | torch.device) -> Model:
        """Move the networks, ``auto`` to the best there is; returns the model itself.

        Raises:
            InvalidRequestError: there is no such device.
        """
        self.gan.to(resolve_device(str(device)))
        return self

    def sample(self, count: int = 1, *, seed: int = 0, batch_size: int = 64, **options: Any) -> Tensor:
        """`count` images, (count, C, H, W) in [-1, 1] on the CPU. `options` are the fields of the task.

        Raises:
            InvalidRequestError: a count, seed, batch size or option that cannot be sampled.
            NonFiniteError: the network produced NaN or infinity.
        """
        return torch.cat(list(self.stream(count, seed=seed, batch_size=batch_size, **options)))

    def images(self, count: int = 1, *, seed: int = 0, batch_size: int = 64, **options: Any) -> list[Image.Image]:
        """As `sample`, as PIL images."""
        batches = self.stream(count, seed=seed, batch_size=batch_size, **options)
        return [picture for batch in batches for picture in to_pictures(batch)]

    def stream(self, count: int, *, seed: int = 0, batch_size: int = 64, **options: Any) -> Iterator[Tensor]:
        """As `sample`, batch by batch, for counts that do not fit in memory. Refuses bad requests at once."""
        request = self.request(**options)
        check_seeds(count, seed, batch_size)
        starts = range(0, count, batch_size)
        return (
            self.generate(self.draw(min(batch_size, count - start), seed=seed + start, request=request))
            for start in starts
        )

    def request(self, **options: Any) -> Task:
        """The task with `options` as its fields.

        Raises:
            InvalidRequestError: the task has no such option.
        """
        known = [field.name for field in dataclasses.fields(self.task)]
        for name in options:
            if name not in known:
                takes = f"takes {', '.join(known)}" if known else "takes no option"
                raise InvalidRequestError(f"{self.name} takes no {name} - it is {self.task.name} and {takes}")
        return self.task(**options)

    def draw(self, count: int = 1, *, seed: int = 0, request: Task | None = None) -> Inputs:
        """The inputs of `count` images, on the CPU; row i is drawn from seed + i alone.

        Raises:
            InvalidRequestError: a count or a seed that cannot be.
        """
        check_seeds(count, seed, 1)
        task = request or self.task()
        rows = [self.gan.draw(task, torch.Generator().manual_seed(seed + i)) for i in range(count)]
        return {name: torch.stack([row[name] for row in rows]) for name in rows[0]}

    def generate(self, inputs: Inputs) -> Tensor:
        """The images of `inputs`, (N, C, H, W) in [-1, 1] on the CPU.

        Raises:
            GanzooError: more at a time than the device has memory for.
            NonFiniteError: the network produced NaN or infinity.
        """
        try:
            with torch.inference_mode():
                images = self.gan.generate({name: value.to(self.device) for name, value in inputs.items()}).cpu()
        except torch.OutOfMemoryError as error:
            raise GanzooError(
                f"{self.device} has no room for this many at a time - use a smaller batch size"
            ) from error
        if not bool(images.isfinite().all()):
            raise NonFiniteError(f"{self.name} produced NaN or infinity - its weights or inputs are damaged")
        return images


def check_seeds(count: int, seed: int, batch_size: int) -> None:
    """Refuse what is not a whole, positive number of images of seeds in [0, 2**32).

    Raises:
        InvalidRequestError: names the value and its range.
    """
    for what, value, least in (("count", count, 1), ("seed", seed, 0), ("batch size", batch_size, 1)):
        if not hasattr(value, "__index__") or isinstance(value, bool) or value < least:
            raise InvalidRequestError(f"the {what} is a whole number of at least {least}, not {value!r}")
    if seed + count > SEEDS:
        raise InvalidRequestError(f"seeds go up to {SEEDS - 1}: image i has seed + i, here up to {seed + count - 1}")

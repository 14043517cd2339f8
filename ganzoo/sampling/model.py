"""The one sampler: draw the inputs of each image, generate images from inputs."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import chain, groupby, islice
from pathlib import Path
from threading import Lock
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from ganzoo.errors import GanzooError, InvalidRequestError, NonFiniteError
from ganzoo.images.files import read_image, take_picture
from ganzoo.images.tensors import from_bytes, resize, to_pictures
from ganzoo.interface.configs import Config
from ganzoo.interface.gan import GAN, Inputs
from ganzoo.interface.tasks import Task
from ganzoo.sampling.interpolation import walk
from ganzoo.sampling.requests import make_request
from ganzoo.sampling.tiling import check_tile, translate_batch
from ganzoo.utils.devices import resolve_device

__all__ = ["Model", "batched", "check_seeds", "source_image"]

SEEDS = 2**32  # PyTorch's CPU generator looks at 32 bits: seed 2**32 would give the images of seed 0


class Model:
    """A trained generator, ready to sample; the GAN is put into eval mode.

    Image i of seed s is image 0 of seed s + i: its inputs are drawn on the CPU from that number alone,
    bit for bit the same for every count, batch size and device, and its pixels the same but for rounding.

    With `fuse`, images are made by the faster function that `GAN.fused` gives, as long as the GAN is in eval mode.
    The GAN itself stays as it is, and several threads may sample at once.
    """

    def __init__(
        self,
        gan: GAN,
        task: type[Task],
        config: Config,
        *,
        name: str = "model",
        classes: tuple[str, ...] = (),
        fuse: bool = False,
    ) -> None:
        self.gan = gan.eval()
        self.task = task
        self.config = config
        self.name = name
        self.classes = classes
        self._fused = _Fused() if fuse else None

    def __repr__(self) -> str:
        return f"<ganzoo.Model {self.name}: {self.task.name}, {self.image_shape}, on {self.device}>"

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of one image; of a translation, those that it was trained on."""
        return self.config.image_shape

    @property
    def device(self) -> torch.device:
        """Where images are generated."""
        return self.gan.device

    def to(self, device: str | torch.device) -> Model:
        """Move the networks, ``auto`` to the best there is; returns the model itself.

        Raises:
            InvalidRequestError: there is no such device.
        """
        if self._fused is not None:
            self._fused = _Fused()
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
        return self.generate_each(((seed + i, request) for i in range(count)), batch_size=batch_size)

    def generate_each(self, shots: Iterable[tuple[int, Task]], *, batch_size: int = 64) -> Iterator[Tensor]:
        """The image of each seed and request, in batches (n, C, H, W) in [-1, 1] on the CPU."""
        remaining = iter(shots)
        while batch := list(islice(remaining, batch_size)):
            yield self.generate(self._draw_each(batch))

    def request(self, **options: Any) -> Task:
        """The task with `options` as its fields; a class may be given by its name, or by a part that no other has.

        Raises:
            InvalidRequestError: the task has no such option, or the option no such value.
        """
        return make_request(self.task, options, config=self.config, classes=self.classes, of=self.name)

    def draw(self, count: int = 1, *, seed: int = 0, request: Task | None = None) -> Inputs:
        """The inputs of `count` images, on the CPU; row i is drawn from seed + i alone.

        Raises:
            InvalidRequestError: a count or a seed that cannot be.
        """
        check_seeds(count, seed, 1)
        task = request or self.task()
        return self._draw_each([(seed + i, task) for i in range(count)])

    def _draw_each(self, shots: Iterable[tuple[int, Task]]) -> Inputs:
        rows = [self.gan.draw(request, torch.Generator().manual_seed(seed)) for seed, request in shots]
        return {name: torch.stack([row[name] for row in rows]) for name in rows[0]}

    def interpolate(
        self,
        start: Inputs,
        end: Inputs,
        *,
        steps: int = 16,
        hold: Sequence[str] = (),
        batch_size: int = 64,
    ) -> Tensor:
        """The images on the way from one image to another, both included, (steps, C, H, W).

        `start` and `end` are inputs of one image each, as `draw` gives them. The latent, ``z``, turns about
        the origin, for its length hardly varies; all else moves in a straight line. Inputs in `hold` stay as
        at the start.

        Raises:
            InvalidRequestError: fewer than two steps, or no such input to hold.
        """
        way = walk(start, end, steps, hold)
        rows = (slice(i, i + batch_size) for i in range(0, steps, batch_size))
        return torch.cat([self.generate({name: value[each] for name, value in way.items()}) for each in rows])

    def standing_statistics(self, batches: int = 16, *, batch_size: int = 64) -> None:
        """Replace batch norm's statistics by means over samples of seeds 0, 1, ...; see `GAN.standing_statistics`.

        Raises:
            InvalidRequestError: a translation, which has no samples.
        """
        if self.task.from_images:
            raise InvalidRequestError(f"{self.name} is {self.task.name}: it makes nothing of nothing")

        def samples(**options: Any) -> Iterator[Inputs]:
            request = self.request(**options)
            for start in range(0, batches * batch_size, batch_size):
                inputs = self.draw(batch_size, seed=start, request=request)
                yield {name: value.to(self.device) for name, value in inputs.items()}

        self.config = dataclasses.replace(self.config, **self.gan.standing_statistics(samples))

    def translate(
        self,
        images: Any,
        *,
        direction: str | None = None,
        resize: int | None = None,
        tile: int | None = None,
        batch_size: int = 8,
    ) -> Any:
        """Images translated, of any size, which is kept: an image for an image, a list for several.

        Each is a path or a PIL picture, for which a PIL picture comes back, or a tensor, (C, H, W) in
        [-1, 1], for which a tensor does; a tensor (N, C, H, W) gives one. `direction` is one of the model's,
        by default the first. `resize` makes the shorter side that long before, `tile` translates
        overlapping squares of that side one by one, for what does not fit in memory.

        Raises:
            InvalidRequestError: a direction that the model does not have, or a size or tile that cannot be.
            UnreadableImage: a picture that cannot be read.
            NonFiniteError: the network produced NaN or infinity.
        """
        if isinstance(images, Tensor) and images.ndim == 4:
            return torch.stack(self.translate(list(images), direction=direction, tile=tile, batch_size=batch_size))
        many = list(images) if isinstance(images, (list, tuple)) else [images]
        sources = (source_image(each, self.image_shape[0], resize) for each in many)
        made = self.translations(sources, direction=direction, tile=tile, batch_size=batch_size)
        results = [m if isinstance(s, Tensor) else to_pictures(m[None])[0] for m, s in zip(made, many, strict=True)]
        return results if isinstance(images, (list, tuple)) else results[0]

    def translations(
        self, sources: Iterable[Tensor], *, direction: str | None = None, tile: int | None = None, batch_size: int = 1
    ) -> Iterator[Tensor]:
        """Each source, (C, H, W) in [-1, 1], translated to the same size, as it comes.

        Neighbours of one size share a batch. Refuses bad requests at once.
        """
        self.request(direction=direction)
        check_tile(tile, self.config)
        check_seeds(1, 0, batch_size)
        return (
            image
            for batch in batched(sources, batch_size)
            for image in translate_batch(batch, partial(self._translate, direction), self.config, tile=tile)
        )

    def _translate(self, direction: str | None, images: Tensor) -> Tensor:
        """Images, (N, C, H, W), of a size that the network takes."""
        none = torch.Generator()
        rows = [self.gan.draw(self.request(image=image, direction=direction), none) for image in images]
        return self.generate({name: torch.stack([row[name] for row in rows]) for name in rows[0]})

    def generate(self, inputs: Inputs) -> Tensor:
        """The images of `inputs`, (N, C, H, W) in [-1, 1] on the CPU.

        Raises:
            GanzooError: more at a time than the device has memory for.
            NonFiniteError: the network produced NaN or infinity.
        """
        generate = self.gan.generate if self._fused is None else self._fused.function_of(self.gan)
        try:
            with torch.inference_mode():
                images = generate({name: value.to(self.device) for name, value in inputs.items()}).cpu()
        except torch.OutOfMemoryError as error:
            raise GanzooError(
                f"{self.device} has no room for this many at a time - use a smaller batch size"
            ) from error
        if not bool(images.isfinite().all()):
            raise NonFiniteError(f"{self.name} produced NaN or infinity - its weights or inputs are damaged")
        return images


class _Fused:
    """The fused function of a GAN, built when it is first needed and again when the weights have changed.

    Copies and pickles do not hold the function: they build their own.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._function: Callable[[Inputs], Tensor] | None = None
        self._tensors: list[Tensor] = []  # held, so that no new tensor can have the identity of an old one
        self._versions: list[tuple[int, int, int]] = []

    def __reduce__(self) -> tuple[type[_Fused], tuple[()]]:
        return _Fused, ()

    def function_of(self, gan: GAN) -> Callable[[Inputs], Tensor]:
        """`gan.fused()` for its present weights, or `gan.generate` where the GAN is being trained."""
        tensors = [*chain(gan.parameters(), gan.buffers())]
        if _in_training(gan) or any(tensor.is_inference() for tensor in tensors):  # these do not count their changes
            return gan.generate
        versions = [(id(tensor), tensor.data_ptr(), tensor._version) for tensor in tensors]
        with self._lock:
            if self._function is None or self._versions != versions:
                self._function = None  # its memory is free before more is needed
                self._function = gan.fused()
                self._tensors, self._versions = tensors, versions
            return self._function


def _in_training(gan: GAN) -> bool:
    """Whether a part of it is in training mode, or a parameter has a gradient.

    PyTorch's fused optimizers change a parameter without counting it as a new version; a gradient shows them.
    """
    return any(module.training for module in gan.modules()) or any(p.grad is not None for p in gan.parameters())


def source_image(image: Any, channels: int, resize_to: int | None = None) -> Tensor:
    """An image to be translated as (C, H, W) in [-1, 1]: of a path, a PIL picture, or such a tensor.

    `resize_to` is the length of the shorter side.

    Raises:
        InvalidRequestError: anything else, or another number of channels.
        UnreadableImage: a picture that cannot be read.
    """
    if isinstance(image, (str, Path)):
        pixels = read_image(Path(image), channels=channels).pixels
    elif isinstance(image, Image.Image):
        pixels = take_picture(image, channels=channels).pixels
    elif isinstance(image, Tensor) and image.ndim == 3 and len(image) == channels and image.is_floating_point():
        return image
    else:
        shown = tuple(image.shape) if isinstance(image, Tensor) else type(image).__name__
        raise InvalidRequestError(f"an image is a path, a picture, or floats ({channels}, H, W), not {shown}")
    if resize_to is not None:
        scale = resize_to / min(pixels.shape[1:])
        pixels = resize(pixels[None], [max(1, round(side * scale)) for side in pixels.shape[1:]])[0]
    return from_bytes(pixels)


def batched(images: Iterable[Tensor], size: int) -> Iterator[Tensor]:
    """Neighbours of one shape together, at most `size` of them: (n, C, H, W)."""
    for _, group in groupby(images, key=lambda image: image.shape):
        while chunk := list(islice(group, size)):
            yield torch.stack(chunk)


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

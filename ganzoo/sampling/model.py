"""A loaded model: it draws the inputs of each image, and generates images from inputs."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from html import escape
from itertools import islice
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from ganzoo.errors import InvalidRequestError, NonFiniteError
from ganzoo.images.tensors import round_to_pixels, to_pictures
from ganzoo.interface.configs import Config
from ganzoo.interface.gan import GAN, Inputs
from ganzoo.interface.tasks import Task
from ganzoo.sampling.degradations import make_damage
from ganzoo.sampling.directions import DRAWS, Directions, factorize, principal_components, shifted
from ganzoo.sampling.engine_generator import EngineGenerator
from ganzoo.sampling.engines import TORCH, check_engine
from ganzoo.sampling.fused import FusedGenerator
from ganzoo.sampling.interpolation import LATENT, path_of
from ganzoo.sampling.inversion import Combine, ImageLoss, Inversion, Search, search_images
from ganzoo.sampling.kept_directions import kept_directions
from ganzoo.sampling.requests import DIRECTION_METHODS, check_seeds, make_request
from ganzoo.sampling.sources import Source, batched, check_resize, source_image, target_images
from ganzoo.sampling.tiling import check_tile, translate_batch
from ganzoo.utils.devices import memory_for, note_slow_bf16, resolve_device
from ganzoo.utils.precision import float32_on_cpu
from ganzoo.utils.progress import Progress, silent

__all__ = ["Model"]

_AT_ONCE = 64  # so many draws are kept with all of their inputs


class Model:
    """A trained generator, ready to sample. It puts the GAN into eval mode.

    Image i of seed s is image 0 of seed s + i. Its inputs are drawn on the CPU from this number alone: they are
    bit for bit the same for every count, batch size and device. Its pixels are equal up to rounding.

    With `fuse`, the faster function of `GAN.fused` generates the images, as long as the GAN is in eval mode.
    The GAN itself does not change, and several threads may sample at the same time. `use` chooses another engine, or
    another precision.

    `license` is that of the weights, such as ``mit``; None if nothing says it. `depth` is the number of bits of each
    channel in the images that it learned from, 8 or 16; files of its images have as many.
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
        self.precision = "fp32"
        self.license: str | None = None
        self.depth = 8
        self._fused = FusedGenerator() if fuse else None
        self._engine: EngineGenerator | None = None
        self._first_inputs: Inputs = {}

    def __repr__(self) -> str:
        return f"<ganzoo.Model {self.name}: {self.task.name}, {self.image_shape}, on {self.device}>"

    def _repr_html_(self) -> str:
        """What a notebook shows: facts and a small sheet. It never raises, and a terminal does not call it."""
        from ganzoo.sampling.notebook import model_html

        try:
            return model_html(self)
        except Exception:  # the model may be damaged, or its device full: a notebook must go on
            return f"<code>{escape(object.__repr__(self))}</code>"

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of one generated image. A model that translates was trained on it, and takes other sizes too."""
        return self.config.image_shape

    @property
    def device(self) -> torch.device:
        """The device that generates the images."""
        return self.gan.device

    def to(self, device: str | torch.device) -> Model:
        """Move the networks to a device; ``auto`` chooses the best one here. Returns the model itself.

        Raises:
            InvalidRequestError: there is no such device.
        """
        if self._fused is not None:
            self._fused = FusedGenerator()
        self.gan.to(resolve_device(str(device)))
        return self

    def use(self, *, engine: str = TORCH, precision: str = "fp32") -> Model:
        """Generate images with another engine, or in another precision. Returns the model itself.

        `engine` is a registered engine, or ``auto``: the fastest one that is installed for the device. It is prepared
        when the first images are generated, and its images are compared with those of PyTorch. If they differ by more
        than 1e-4, or if the engine cannot be used, PyTorch generates the images, and one line in the log of ganzoo
        says why. `precision` is ``fp32``, or ``bf16`` for PyTorch's autocast in 16 bits, which changes the images;
        `bf16_difference` says by how much.

        Raises:
            UnknownNameError: there is no such engine.
            InvalidRequestError: there is no such precision, or the engine does not compute in it.
        """
        check_engine(engine, precision)
        if precision == "bf16":
            note_slow_bf16(self.device)
        self.precision, self._first_inputs = precision, {}
        self._engine = None if engine == TORCH or precision != "fp32" else EngineGenerator(engine)
        return self

    @property
    def engine(self) -> str:
        """The engine that generated the last images: ``torch`` before the first ones, and where no other one can."""
        return (self._engine and self._engine.used) or TORCH

    def bf16_difference(self) -> tuple[float, float] | None:
        """The largest and the mean difference of a pixel, in [-1, 1], between bf16 and fp32.

        It is computed over the first images that were generated in bf16, at most 4; None if there are none.
        """
        inputs = self._first_inputs
        if not inputs:
            return None
        half, self.precision = self.generate(inputs), "fp32"
        try:
            difference = (half - self.generate(inputs)).abs()
        finally:
            self.precision = "bf16"
        return float(difference.max()), float(difference.mean())

    def sample(self, count: int = 1, *, seed: int = 0, batch_size: int = 64, **options: Any) -> Tensor:
        """`count` images, (count, C, H, W) in [-1, 1] on the CPU. `options` are the fields of the task.

        Raises:
            InvalidRequestError: a count, seed, batch size or option is wrong.
            NonFiniteError: the network produced NaN or infinity.
        """
        return torch.cat(list(self.stream(count, seed=seed, batch_size=batch_size, **options)))

    def images(self, count: int = 1, *, seed: int = 0, batch_size: int = 64, **options: Any) -> list[Image.Image]:
        """The images of `sample` as PIL pictures."""
        batches = self.stream(count, seed=seed, batch_size=batch_size, **options)
        return [picture for batch in batches for picture in to_pictures(batch)]

    def stream(self, count: int, *, seed: int = 0, batch_size: int = 64, **options: Any) -> Iterator[Tensor]:
        """The images of `sample`, batch by batch, for counts too large for the memory. Refuses bad requests at once."""
        request = self.request(**options)
        check_seeds(count, seed, batch_size)
        return self.generate_each(((seed + i, request) for i in range(count)), batch_size=batch_size)

    def generate_each(
        self, seeded: Iterable[tuple[int, Task]], *, batch_size: int = 64, as_pixels: bool = False
    ) -> Iterator[Tensor]:
        """One image for each pair of a seed and a request, in batches (n, C, H, W) in [-1, 1] on the CPU.

        With `as_pixels`, they are uint8 or, of 16 bits, uint16.
        """
        remaining = iter(seeded)
        generate = self.generate_pixels if as_pixels else self.generate
        while batch := list(islice(remaining, batch_size)):
            yield generate(self.draw_each(batch))

    def request(self, **options: Any) -> Task:
        """Make a request: the model's task with `options` as its fields.

        A class may be given by its index, its name, or a part of the name that no other class contains.

        Raises:
            InvalidRequestError: the task has no such option, or an option has a wrong value.
        """
        return make_request(self.task, options, config=self.config, classes=self.classes, of=self.name)

    def draw(self, count: int = 1, *, seed: int = 0, request: Task | None = None) -> Inputs:
        """Draw the inputs of `count` images, on the CPU. Row i is drawn from `seed` + i alone.

        Raises:
            InvalidRequestError: a count below 1, or a seed outside of [0, 2**32).
        """
        check_seeds(count, seed, 1)
        task = request or self.task()
        return self.draw_each([(seed + i, task) for i in range(count)])

    @float32_on_cpu()
    def draw_each(self, seeded: Iterable[tuple[int, Task]]) -> Inputs:
        """Draw the inputs of one image for each pair of a seed and a request, on the CPU.

        Raises:
            InvalidRequestError: the model translates images, and a request has none.
        """
        rows = list(seeded)
        if self.task.from_images and any(getattr(request, "image", None) is None for _, request in rows):
            text = f"{self.name} translates images, and there is no image"
            raise InvalidRequestError(f"{text} - use `model.translate(images)`")
        return self.gan.draw_batch(rows)

    def interpolate(
        self,
        *points: Inputs,
        steps: int = 16,
        hold: Sequence[str] = (),
        loop: bool = False,
        batch_size: int = 64,
    ) -> Tensor:
        """Interpolate between two images, or through more: `steps` images (steps, C, H, W) in [-1, 1].

        `points` are the inputs of these images, from `draw`, in their order; each may hold several. All of them are
        among the images. The latent, ``z``, moves on a great circle, because the lengths of latents hardly differ.
        Every other input moves on a straight line. Some architectures move other inputs, such as styles, as
        `GAN.edit_inputs` says. The inputs in `hold` keep their values of the first point. All steps have the same
        length, up to what it takes to meet every point. With `loop`, the path goes on from the last point to the first.

        Raises:
            InvalidRequestError: fewer than two points, fewer steps than points, an unknown input in `hold`, or equal
                points.
        """
        path = path_of(self.gan, points, steps, hold, loop=loop)
        return torch.cat([self.generate(inputs) for inputs in path.batches(batch_size)])

    @float32_on_cpu()
    def directions(self, method: str, count: int, *, inputs: Inputs | None = None) -> Directions:
        """The `count` directions of latent space along which images change most, the strongest first.

        `method` is ``sefa`` (arXiv:2007.06600), from the weights of the first layers, or ``pca`` (arXiv:2004.02546),
        from the activations of 1024 draws. In all draws, the inputs that are not moved, such as a class, are those of
        the first row of `inputs`, by default of seed 0. What was found is kept in the cache, under the weights' digest.

        Raises:
            InvalidRequestError: there is no such method, or the model has no directions, or fewer.
        """
        if self.task.from_images or method not in DIRECTION_METHODS:
            text = "it has no latents" if self.task.from_images else f"there are no directions {method!r}"
            raise InvalidRequestError(f"{self.name}: {text} - there are {' and '.join(DIRECTION_METHODS)}, of latents")
        held = self._held_for_components(inputs) if method == "pca" else {}
        compute = partial(self._principal_components, held) if method == "pca" else self._factors
        return kept_directions(self.gan, self.config, method, count, held, partial(compute, count))

    def _factors(self, count: int) -> Directions:
        """The directions by the weights of the first layers."""
        return factorize(self.gan, count, of=self.name)

    def _held_for_components(self, inputs: Inputs | None) -> Inputs:
        """The inputs besides the latent, of one image, which are the same in all draws; those of `inputs` if given."""
        drawn = self.draw()
        return {name: (inputs or drawn).get(name, value)[:1] for name, value in drawn.items() if name != LATENT}

    def _principal_components(self, held: Inputs, count: int) -> Directions:
        """The directions by the activations of many draws with the same other inputs."""
        repeated = {name: value.expand(DRAWS, *value.shape[1:]) for name, value in held.items()}
        drawn = self.gan.edit_inputs({**repeated, LATENT: self._latents(DRAWS)})
        return principal_components(self.gan, drawn, count, of=self.name)

    def _latents(self, count: int) -> Tensor:
        """The latents of `count` images. Other inputs, such as noise, may be too large to keep them all."""
        starts = range(0, count, _AT_ONCE)
        return torch.cat([self.draw(min(_AT_ONCE, count - seed), seed=seed)[LATENT] for seed in starts])

    def edit(
        self, inputs: Inputs, directions: Directions, strengths: Sequence[float], *, batch_size: int = 64
    ) -> Tensor:
        """Images along directions: (N, K, S, C, H, W) in [-1, 1], for N inputs, K directions and S strengths.

        `inputs` are those of `draw`. A strength of 0 gives the image itself, and a strength of 1 moves its latent by
        1, which is one standard deviation of the latents.

        Raises:
            InvalidRequestError: the directions are those of another model.
        """
        moved = shifted(self.gan.edit_inputs(inputs), directions, strengths)
        total = len(moved[directions.input])
        rows = (slice(i, i + batch_size) for i in range(0, total, batch_size))
        images = torch.cat([self.generate({name: value[each] for name, value in moved.items()}) for each in rows])
        return images.view(-1, len(directions.vectors), len(strengths), *images.shape[1:])

    @float32_on_cpu()
    def standing_statistics(self, batches: int = 16, *, batch_size: int = 64) -> None:
        """Replace the statistics of batch norm by means over samples of seeds 0, 1, ...; see `GAN.standing_statistics`.

        Raises:
            InvalidRequestError: the model translates images, and has no samples.
        """
        if self.task.from_images:
            raise InvalidRequestError(
                f"{self.name} is {self.task.name}: it has no samples to compute standing statistics from - "
                "leave them out"
            )

        def samples(**options: Any) -> Iterator[Inputs]:
            request = self.request(**options)
            for start in range(0, batches * batch_size, batch_size):
                inputs = self.draw(batch_size, seed=start, request=request)
                yield {name: value.to(self.device) for name, value in inputs.items()}

        self.config = dataclasses.replace(self.config, **self.gan.standing_statistics(samples))

    def translate(
        self,
        images: Source | Sequence[Source],
        *,
        direction: str | None = None,
        resize: int | None = None,
        tile: int | None = None,
        batch_size: int = 8,
        **fields: Any,
    ) -> Any:
        """Translate images of any size. Each translation has the size of its source.

        A path or a PIL picture gives a PIL picture. A tensor (C, H, W) in [-1, 1] gives such a tensor. A list
        gives a list, and a tensor (N, C, H, W) gives one of N translations.

        `direction` is one of the model's directions, by default the first. `resize` first resizes each image,
        with antialiasing, until its shorter side has that many pixels. `tile` translates overlapping squares of
        that side one by one, for images that are too large for the memory. `fields` are other fields of the task.

        Raises:
            InvalidRequestError: the model does not have the direction, or cannot take the size or the tile.
            UnreadableImage: a picture cannot be read.
            NonFiniteError: the network produced NaN or infinity.
        """
        check_resize(resize)
        options: dict[str, Any] = {"direction": direction, "tile": tile, "batch_size": batch_size, **fields}
        if isinstance(images, (list, tuple)):
            return self._translate_list(images, resize, **options)
        if isinstance(images, Tensor) and images.ndim == 4:
            return torch.stack(self._translate_list(list(images), resize, **options))
        return self._translate_list([images], resize, **options)[0]

    def _translate_list(self, images: Sequence[Any], resize: int | None, **options: Any) -> list[Any]:
        """A tensor for each tensor, and a PIL picture for everything else."""
        tiled = options["tile"] is not None
        channels, depth = self.image_shape[0], self.depth
        sources = (source_image(image, channels, resize, tiled=tiled, depth=depth) for image in images)
        pairs = zip(images, self.translations(sources, **options), strict=True)
        return [made if isinstance(image, Tensor) else to_pictures(made[None])[0] for image, made in pairs]

    def translations(
        self,
        sources: Iterable[Tensor],
        *,
        direction: str | None = None,
        tile: int | None = None,
        batch_size: int = 1,
        **fields: Any,
    ) -> Iterator[Tensor]:
        """Translate sources, (C, H, W) in [-1, 1], one after the other, each to the same size.

        Successive sources with the same size share a batch. Refuses bad requests at once. `fields` are other fields
        of the task.
        """
        asked = {"direction": direction, **fields}
        self.request(**asked)
        check_tile(tile, self.config)
        check_seeds(1, 0, batch_size)
        return (
            image
            for batch in batched(sources, batch_size)
            for image in translate_batch(batch, partial(self._translate, asked), self.config, tile=tile)
        )

    def _translate(self, asked: Mapping[str, Any], images: Tensor) -> Tensor:
        """Translate images, (N, C, H, W), of a size that the network takes. `asked` are fields of the task."""
        requests = (self.request(image=image, **asked) for image in images)
        return self.generate(self.gan.draw_batch((0, request) for request in requests))

    def invert(
        self,
        images: Source | Sequence[Source],
        *,
        starts: int = 8,
        steps: int = 200,
        loss: str | ImageLoss = "l1",
        prior: float = 0.05,
        learning_rate: float = 0.1,
        combine: Combine = "best",
        degradation: str | Sequence[str] | None = None,
        seed: int = 0,
        progress: Progress = silent,
        **options: Any,
    ) -> Inversion:
        """Find the inputs that generate `images`: paths, pictures, or floats (C, H, W) or (N, C, H, W) in [-1, 1].

        The search begins at several drawn inputs for each image, `starts`, and takes `steps` steps of Adam.
        `GAN.inversion_priors` says which inputs change. It minimizes the difference between images, ``l1``, ``l2`` or
        a function such as `ganzoo.feature_loss("mnist")`, plus `prior` times half the mean square of the inputs,
        which keeps them where training drew them. The result is the best of what the starts found, with the
        smallest sum, or their mean, which is no image of the generator.

        `degradation`, such as ``noise=1.0``, says what is wrong with the images. They are then compared behind this
        defect, so that the result is an image without it. Other pictures are cropped and resized to the model's size;
        damaged ones must have it.

        Image i of seed s is image 0 of seed s + i, whatever the number of images: each is searched for by itself, and
        its starts are one batch. `options` are the fields of the task; a `label` that is given stays.

        Raises:
            InvalidRequestError: a value is wrong, an image has the wrong size, or the model translates images.
            UnreadableImage: a picture cannot be read.
            NonFiniteError: the search led to NaN or infinity.
        """
        search = Search(
            starts=starts, steps=steps, prior=prior, learning_rate=learning_rate, combine=combine, loss=loss
        )
        if self.task.from_images:
            text = "it has no latents to find - use a model that generates images from latents"
            raise InvalidRequestError(f"{self.name} is {self.task.name}: {text}")
        request, damage = self.request(**options), make_damage(degradation, self.image_shape)
        targets = target_images(images, damage.shape, exact=bool(damage.defects), depth=self.depth)
        check_seeds(len(targets), seed, 1)
        with (
            torch.inference_mode(False),
            torch.enable_grad(),
            float32_on_cpu(),
            memory_for(self.device, remedy="use fewer starts"),
        ):
            fused = self.gan.generate if self._fused is None else self._fused.function_of(self.gan, packs=False)
            return search_images(
                self.gan,
                fused,
                lambda seeds: self.draw_each((each, request) for each in seeds),
                targets,
                search,
                damage,
                seed=seed,
                progress=progress,
            )

    @float32_on_cpu()
    def generate(self, inputs: Inputs) -> Tensor:
        """Generate images from `inputs`: (N, C, H, W) in [-1, 1] on the CPU.

        Raises:
            GanzooError: the device has too little memory for N images.
            NonFiniteError: the network produced NaN or infinity.
        """
        return self._generate(inputs, Tensor.cpu)

    def generate_pixels(self, inputs: Inputs) -> Tensor:
        """The images of `generate` as files have them: uint8, or uint16 if `depth` is 16, (N, C, H, W) on the CPU.

        Raises:
            As `generate`.
        """
        if self.depth == 8:
            return self._generate(inputs, lambda images: round_to_pixels(images).cpu())
        return round_to_pixels(self._generate(inputs, Tensor.cpu), self.depth)  # GPUs lack operations on uint16

    @float32_on_cpu()
    def _generate(self, inputs: Inputs, bring: Callable[[Tensor], Tensor]) -> Tensor:
        """Generate images on the device, check them there, and `bring` them to the CPU."""
        with memory_for(self.device):
            images = self._compute({name: value.to(self.device) for name, value in inputs.items()})
            with torch.inference_mode():
                finite = bool(images.isfinite().all())
                images = bring(images)
        if not finite:
            raise NonFiniteError(f"{self.name} produced NaN or infinity - its weights or inputs are damaged")
        return images

    def _by_torch(self) -> Callable[[Inputs], Tensor]:
        """The function that generates images by PyTorch, prepared when it is first asked for."""
        single = self.precision == "fp32"
        return self.gan.generate if self._fused is None else self._fused.function_of(self.gan, packs=single)

    def _compute(self, inputs: Inputs) -> Tensor:
        """Images on the device of the networks, by the engine or else by PyTorch."""
        prepared = self._engine and self._engine.function_of(self.gan, self.task, self.config, inputs, self._by_torch)
        if self._engine and prepared:
            try:
                with torch.no_grad():
                    return prepared(inputs)
            except Exception as error:  # of any kind: the libraries raise their own
                self._engine.give_up(self.gan, inputs, error)
        generate = self._by_torch()
        if self.precision == "fp32":
            with torch.inference_mode():
                return generate(inputs)
        self._first_inputs = self._first_inputs or {name: value[:4].cpu() for name, value in inputs.items()}
        with torch.inference_mode(), torch.autocast(self.device.type, torch.bfloat16):
            return generate(inputs).float()

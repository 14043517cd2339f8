"""The conformance suite: what every architecture must do, built-in or not.

A plugin's whole test of it::

    @pytest.mark.parametrize("check", ganzoo.testing.CHECKS)
    def test_conformance(check):
        check("my-architecture")

or no test at all: ``pytest -p ganzoo.conformance --conformance my-architecture``.
"""

from __future__ import annotations

import copy
import dataclasses
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ganzoo import checkpoints, zoo
from ganzoo.data import Domains, ImageData
from ganzoo.declared import DECLARED
from ganzoo.errors import GanzooError, InvalidRequestError
from ganzoo.gan import GAN, Inputs
from ganzoo.images import to_pictures
from ganzoo.loop import Loop, Record
from ganzoo.plans import TrainingOptions
from ganzoo.processes import Crew, join
from ganzoo.published import Description, write_folder
from ganzoo.sampling import Model

__all__ = ["CHECKS", "noise_data", "run_processes", "tiny_data", "tiny_gan", "tiny_loop", "tiny_model"]

# ruff: noqa: S101, S603 - assertions are what this module is for, and it runs this interpreter only


def noise_data(image_shape: tuple[int, int, int], count: int = 20) -> ImageData:
    """A data set of `count` random images, the same each time."""
    random = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (count, *image_shape), generator=random, dtype=torch.uint8)
    return ImageData("noise", images, torch.arange(count) % 2, ("even", "odd"))


def tiny_data(architecture: str) -> ImageData | Domains:
    """Noise of the shape and in the parts that the architecture takes at its tiny size."""
    parts = zoo.registry().architectures[architecture].task.trains_on
    shape = _tiny_config(architecture).image_shape
    if len(parts) == 1:
        return noise_data(shape)
    return Domains("noise", {part: noise_data(shape, 20 + 3 * i) for i, part in enumerate(parts)})


def tiny_gan(architecture: str, loss: str | None = None) -> GAN:
    """The architecture at its declared `tiny` size, initialised the same each time."""
    torch.manual_seed(0)
    return zoo.create(architecture, loss=loss, **zoo.registry().architectures[architecture].tiny)


def tiny_model(architecture: str) -> Model:
    """An untrained model of tiny size."""
    spec = zoo.registry().architectures[architecture]
    return Model(tiny_gan(architecture), spec.task, _tiny_config(architecture), name=architecture)


def tiny_loop(
    architecture: str,
    iterations: int = 6,
    *,
    loss: str | None = None,
    crew: Crew = Crew(),  # noqa: B008 - frozen
    batch_size: int = 6,
    **options: Any,
) -> Loop:
    """A training loop of the tiny architecture on noise."""
    options = {"iterations": iterations, "batch_size": batch_size, **options}
    gan = tiny_gan(architecture, loss).to(torch.get_default_dtype())
    return Loop(gan, tiny_data(architecture), TrainingOptions(**options), crew=crew)


def check_documents_itself(architecture: str) -> None:
    """It has a summary and names its paper; config, networks and model are documented."""
    spec = zoo.registry().architectures[architecture]
    assert spec.summary
    assert spec.paper
    generated = f"{spec.config.__name__}("  # what a dataclass without a docstring is given
    assert not (spec.config.__doc__ or generated).startswith(generated), "the config has no docstring"
    assert type(tiny_gan(architecture)).__doc__ != GAN.__doc__, "the GAN has no docstring of its own"


def check_groups_are_disjoint(architecture: str) -> None:
    """Every trainable parameter is in exactly one optimizer."""
    gan = tiny_gan(architecture)
    optimized = [p for o in gan.optimizers().values() for group in o.param_groups for p in group["params"]]
    assert len(optimized) == len(set(optimized)), "a parameter is in two optimizers"
    assert set(optimized) == {p for p in gan.parameters() if p.requires_grad}, "a parameter is in no optimizer"


def check_updates_move_their_group(architecture: str) -> None:
    """One iteration updates every group, and each update moves its own group's parameters and no others.

    What stays must have a gradient of zero, as the last bias of a Wasserstein critic has; none is no gradient.
    """
    loop = tiny_loop(architecture)
    gan, optimizers = loop.gan, loop.optimizers
    seen = set()
    for update in gan.training_step(loop.batches):
        assert all(loss.ndim == 0 and loss.isfinite() for loss in update.losses.values())
        before = {name: p.detach().clone() for name, p in gan.named_parameters()}
        gan.zero_grad()
        torch.stack([*update.losses.values()]).sum().backward()  # type: ignore[no-untyped-call]
        optimizers[update.group].step()
        moved = {name for name, p in gan.named_parameters() if not torch.equal(p, before[name])}
        own = {p for group in optimizers[update.group].param_groups for p in group["params"]}
        due = {n for n, p in gan.named_parameters() if p in own and (p.grad is None or bool(p.grad.any()))}
        assert due, f"update of {update.group}: all gradients are zero"
        assert moved == due, f"update of {update.group}"
        seen.add(update.group)
    assert seen == set(optimizers), "a group is never updated"


def check_says_what_was_judged(architecture: str) -> None:
    """Updates show what the discriminators saw and said; D(x) and D(G(z)) are recorded of each."""
    gan = tiny_gan(architecture)
    spec = zoo.registry().architectures[architecture]
    assert gan.loss == zoo.registry().losses[spec.default_loss].load(), "gan.loss is not the loss it was given"
    judges = [gan.get_submodule(name) for name in gan.judges]
    assert judges, "gan.judges names no discriminator"
    updates = [update for update in gan.training_step(tiny_loop(architecture).batches) if update.judged]
    assert updates, "no update says what was judged"
    for judged in (each for update in updates for each in update.judged):
        assert judged.real.shape == judged.fake.shape
        assert torch.equal(judged.discriminator(judged.real), judged.discriminator(judged.real)) or gan.training
    scores = next(tiny_loop(architecture)).scores
    assert any(name.startswith("D") and name.endswith("(x)") for name in scores)


def check_trains_with_every_loss(architecture: str) -> None:
    """Any registered adversarial loss gives finite iterations."""
    for loss in zoo.registry().losses:
        records = list(tiny_loop(architecture, 2, loss=loss))
        assert [record.step for record in records] == [1, 2]


def check_trains_with_every_regularizer(architecture: str) -> None:
    """Any registered penalty that goes with the default loss adds its term, and moves the discriminator."""
    default = zoo.registry().architectures[architecture].default_loss
    plain = list(tiny_loop(architecture, 2))
    for name, spec in zoo.registry().regularizers.items():
        if spec.losses and default not in spec.losses:
            continue
        records = list(tiny_loop(architecture, 2, regularizers={name: 1.0}))
        assert any(loss.endswith(f"/{name}") for loss in records[0].losses), f"{name} is no term of any update"
        assert records[1].losses != plain[1].losses, f"{name} changes nothing"


def check_trains_with_every_augmentation(architecture: str) -> None:
    """Whatever is registered changes what the discriminators see in training, and nothing of the images made."""
    plain = list(tiny_loop(architecture, 2))
    for name in zoo.registry().augmentations:
        loop = tiny_loop(architecture, 2, augmentations=(name,))
        assert list(loop) != plain, f"{name} changes nothing"


def check_accumulates(architecture: str) -> None:
    """Two batches of three in one iteration are finite, repeatable, and not one batch of three."""
    runs = [list(tiny_loop(architecture, 2, batch_size=3, accumulate=n)) for n in (2, 2, 1)]
    assert runs[0] == runs[1]
    assert runs[0] != runs[2]


def check_resumes_exactly(architecture: str) -> None:
    """24 iterations equal 10, a checkpoint on disk, and 14 more in a new loop, bit for bit."""
    options: dict[str, Any] = {"schedule": "linear=0.2", "mirror": True}
    whole, first, second = (tiny_loop(architecture, 24, **options) for _ in range(3))
    expected = list(whole)
    records = [next(first) for _ in range(10)]
    torch.manual_seed(12345)  # whatever state the new process is in must not matter
    _restore_from_disk(first, second)
    records += list(second)
    assert records == expected
    _assert_same_state(whole.gan.state_dict(), second.gan.state_dict())
    _assert_same_state(whole.published(), second.published())


def check_two_processes_are_one(architecture: str) -> None:
    """Two processes give the losses and weights of one whose batch is twice as large, and resume bit for bit."""
    with tempfile.TemporaryDirectory() as folder, _in_double_precision():
        run_processes(2, "-m", "ganzoo.testing", architecture, folder)
        alone = tiny_loop(architecture, 6, batch_size=6)
        records = list(alone)
        found = checkpoints.latest(Path(folder))
    assert found is not None
    told = [Record(*entry) for entry in found.state["records"]]
    for ours, theirs in zip(records, told, strict=True):
        assert ours.losses.keys() == theirs.losses.keys()
        for name, loss in {**ours.losses, **ours.scores}.items():
            theirs_too = {**theirs.losses, **theirs.scores}[name]
            assert abs(loss - theirs_too) < 1e-6 * max(1, abs(loss)), f"step {ours.step}: {name}"
    _assert_close_state(alone.gan.state_dict(), found.networks["networks"])
    _assert_close_state(alone.published(), found.networks["average"])


def check_inputs_follow_their_seeds(architecture: str) -> None:
    """The inputs of image i of seed s are those of image 0 of seed s + i, bit for bit; a translation draws none."""
    model = _trained(architecture)
    if model.task.from_images:
        return
    inputs = model.draw(5, seed=3)
    for i in range(5):
        alone = model.draw(1, seed=3 + i)
        assert all(torch.equal(alone[name][0], inputs[name][i]) for name in inputs)


def check_images_follow_their_seeds(architecture: str) -> None:
    """Image i of seed s is image 0 of seed s + i, at every batch size, to 1e-5; another seed gives another."""
    model = _trained(architecture)
    images = _make(model, 5, seed=3)
    for i in range(5):
        assert torch.allclose(_make(model, 1, seed=3 + i)[0], images[i], rtol=0, atol=1e-5)
    for batch_size in (1, 2, 5):
        assert torch.allclose(_make(model, 5, seed=3, batch_size=batch_size), images, rtol=0, atol=1e-5)
    assert not torch.allclose(images[0], images[1], rtol=0, atol=1e-5), "two seeds give one image"


def check_images_are_images(architecture: str) -> None:
    """Images have the config's shape and lie in [-1, 1], and PIL images come out."""
    model = _trained(architecture)
    images = _make(model, 3)
    channels, height, width = model.image_shape
    assert images.shape == (3, channels, height, width)
    assert images.dtype == torch.float32
    assert images.abs().max() <= 1
    assert [picture.size for picture in to_pictures(images)] == [(width, height)] * 3


def check_any_size_is_translated(architecture: str) -> None:
    """A translation keeps the size of its image, whatever it is, in tiles too; it has all that it names."""
    model = tiny_model(architecture)
    if not model.task.from_images:
        return
    assert model.config.directions
    for direction in model.config.directions:
        for size in ((1, 1), (5, 3), (23, 17), (40, 64)):
            image = torch.rand(model.image_shape[0], *size) * 2 - 1
            assert model.translate(image, direction=direction).shape == image.shape
    tile = 4 * model.config.size_multiple * -(-model.config.minimum_size // model.config.size_multiple)
    image = torch.rand(model.image_shape[0], 2 * tile + 3, tile + 1) * 2 - 1
    assert model.translate(image, tile=tile).shape == image.shape
    _assert_raises(InvalidRequestError, lambda: model.translate(image, direction="no such direction"))
    _assert_raises(InvalidRequestError, lambda: model.translate(image, tile=4 * model.config.size_multiple + 1))


def check_sampling_has_no_side_effects(architecture: str) -> None:
    """Sampling twice gives the same, changes no weight, and leaves the caller's random state alone."""
    model = _trained(architecture)
    state = copy.deepcopy(model.gan.state_dict())
    random = torch.get_rng_state()
    assert torch.equal(_make(model, 2), _make(model, 2))
    assert torch.equal(torch.get_rng_state(), random)
    _assert_same_state(model.gan.state_dict(), state)


def check_devices_and_dtypes(architecture: str) -> None:
    """It generates wherever its parameters are and in their precision, and trains in bfloat16.

    The meta device stands for every device but the CPU, up to where autocast is used, which it does not know;
    a GPU is tried too if there is one.
    """
    model = _trained(architecture)
    inputs = _inputs(model)
    images = model.generate(inputs)
    double = copy.deepcopy(model.gan).double().generate(_converted(inputs, torch.float64))
    assert double.dtype == torch.float64, "some part of it is in a precision of its own"
    assert torch.allclose(double.float(), images, rtol=0, atol=1e-3)
    elsewhere = _on_meta(model.gan, inputs)
    assert elsewhere is None or (elsewhere.device.type, elsewhere.shape) == ("meta", images.shape)
    assert [record.step for record in tiny_loop(architecture, 2, precision="bf16")] == [1, 2]
    if torch.cuda.is_available():
        assert torch.allclose(model.to("cuda").generate(inputs), images, rtol=0, atol=1e-2)


def check_bad_requests_are_refused(architecture: str) -> None:
    """Counts, seeds and options that cannot be are refused at once, not when the first batch is made."""
    model = tiny_model(architecture)
    bad: list[dict[str, Any]] = [{"count": 0}, {"seed": -1}, {"seed": 2**32}, {"batch_size": 0}, {"no_such_option": 1}]
    for request in bad:
        _assert_raises(InvalidRequestError, partial(model.stream, **{"count": 1, **request}))


def check_fuses(architecture: str) -> None:
    """After `fuse` it makes the same images, to 1e-5."""
    model = _trained(architecture)
    before = _make(model, 3)
    model.gan.fuse()
    assert torch.allclose(_make(model, 3), before, atol=1e-5)


def check_published_round_trip(architecture: str) -> None:
    """What is written to a published folder loads into a model that gives the same images."""
    model = _trained(architecture)
    tensors = model.gan.state_dict()
    config = dataclasses.asdict(_tiny_config(architecture))
    with tempfile.TemporaryDirectory() as folder:
        write_folder(Path(folder), tensors, Description(architecture, config, "noise"))
        loaded = zoo.load(Path(folder))
        damaged = Path(folder, "model.safetensors")
        damaged.write_bytes(damaged.read_bytes()[:-1] + b"\x7f")
        _assert_raises(GanzooError, lambda: zoo.load(Path(folder)))
    assert torch.allclose(_make(loaded, 3), _make(model, 3), atol=1e-5)  # its memory may be in another order


def _make(model: Model, count: int, *, seed: int = 0, batch_size: int = 64) -> Tensor:
    """The images of these seeds; of a translation, what it makes of the noise of these seeds."""
    if not model.task.from_images:
        return model.sample(count, seed=seed, batch_size=batch_size)
    noise = [torch.rand(model.image_shape, generator=torch.Generator().manual_seed(seed + i)) for i in range(count)]
    return torch.stack(list(model.translations([2 * image - 1 for image in noise], batch_size=batch_size)))


def _inputs(model: Model) -> Inputs:
    """The inputs of two images; of a translation, those of noise."""
    if not model.task.from_images:
        return model.draw(2)
    random = torch.Generator().manual_seed(0)
    images = [torch.rand(model.image_shape, generator=random) for _ in range(2)]
    rows = [model.gan.draw(model.request(image=2 * image - 1), random) for image in images]
    return {name: torch.stack([row[name] for row in rows]) for name in rows[0]}


def _on_meta(gan: GAN, inputs: Inputs) -> Tensor | None:
    """What it generates on the meta device; None if it got as far as PyTorch's autocast, which knows no meta device."""
    try:
        return copy.deepcopy(gan).to("meta").generate({name: value.to("meta") for name, value in inputs.items()})
    except RuntimeError as error:
        if "unsupported scalarType" not in str(error):
            raise
        return None


def _converted(inputs: Inputs, dtype: torch.dtype) -> Inputs:
    return {name: value.to(dtype) if value.is_floating_point() else value for name, value in inputs.items()}


def _trained(architecture: str) -> Model:
    """A model after a few iterations: running statistics and averages are no longer those of the start."""
    loop = tiny_loop(architecture)
    list(loop)
    spec = zoo.registry().architectures[architecture]
    return Model(loop.average, spec.task, _tiny_config(architecture), name=architecture)


def _restore_from_disk(source: Loop, target: Loop) -> None:
    """Let `target` go on where `source` is, by a checkpoint that is written and read."""
    with tempfile.TemporaryDirectory() as folder:
        checkpoints.save(Path(folder), source.checkpoint())
        checkpoint = checkpoints.latest(Path(folder))
    assert checkpoint is not None
    target.restore(checkpoint)


@contextmanager
def _in_double_precision() -> Iterator[None]:
    """Sums in another order differ in the last bit, and Adam makes steps of full length of what should be zero."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def run_processes(size: int, *arguments: str, timeout: float = 300) -> None:
    """Run this interpreter with `arguments` in several processes that find each other, as under ``torchrun``.

    Raises:
        AssertionError: one of them failed; the message is what it wrote to stderr.
    """
    for _ in range(3):  # another program may take the port before the first process does
        codes, told = _run_once(size, arguments, timeout)
        if not any("EADDRINUSE" in text for text in told):
            break
    assert not any(codes), "\n".join(told)


def _run_once(size: int, arguments: Sequence[str], timeout: float) -> tuple[list[int], list[str]]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    shared = {**os.environ, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "OMP_NUM_THREADS": "1"}
    shared |= {"WORLD_SIZE": str(size), "LOCAL_WORLD_SIZE": str(size)}
    processes = [
        subprocess.Popen(
            [sys.executable, *arguments],
            env={**shared, "RANK": str(rank), "LOCAL_RANK": str(rank)},
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(size)
    ]
    try:
        told = [process.communicate(timeout=timeout)[1] for process in processes]
    finally:
        for process in processes:  # one waits for ever where the other has failed
            process.kill()
    return [process.returncode for process in processes], told


def _train_in_crew(architecture: str, folder: Path) -> None:
    """Train three images a process for six iterations; then again, with a stop after three. The main one saves."""
    crew, _ = join("cpu")
    assert crew.size > 1
    torch.set_num_threads(1)
    with _in_double_precision():
        loop, first, second = (tiny_loop(architecture, 6, batch_size=3, crew=crew) for _ in range(3))
        records = list(loop)
        again = [next(first) for _ in range(3)]
        _restore_from_disk(first, second)
        again += list(second)
    assert again == records, "resumed otherwise"
    _assert_same_state(loop.gan.state_dict(), second.gan.state_dict())
    if crew.is_main:
        checkpoint = loop.checkpoint()
        state = {"records": [[r.step, dict(r.losses), dict(r.scores)] for r in records]}
        checkpoints.save(folder, checkpoint._replace(state=state))
    crew.wait()


def _tiny_config(architecture: str) -> Any:
    return zoo.check_config(architecture, zoo.registry().architectures[architecture].tiny)[0]


def _assert_same_state(ours: dict[str, Tensor], theirs: dict[str, Tensor]) -> None:
    assert ours.keys() == theirs.keys()
    different = [name for name, tensor in ours.items() if not torch.equal(tensor, theirs[name])]
    assert not different, f"{', '.join(different)} differ"


def _assert_close_state(ours: dict[str, Tensor], theirs: Mapping[str, Tensor]) -> None:
    assert ours.keys() == theirs.keys()
    for name, tensor in ours.items():
        difference = (tensor.double() - theirs[name].double()).abs().max().item() if tensor.numel() else 0
        assert difference < 1e-6, f"{name} differs by {difference:g}"


def _assert_raises(error: type[Exception], call: Callable[[], object]) -> None:
    try:
        call()
    except error:
        return
    raise AssertionError(f"no {error.__name__} was raised")


def _checks() -> Iterator[Callable[[str], None]]:
    for name, value in list(globals().items()):
        if name.startswith("check_"):
            yield value


CHECKS: tuple[Callable[[str], None], ...] = (*DECLARED, *_checks())
"""Every check, a function of the architecture's name that raises AssertionError."""

if __name__ == "__main__":
    _train_in_crew(sys.argv[1], Path(sys.argv[2]))

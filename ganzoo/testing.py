"""The conformance suite: what every architecture must do, built-in or not.

A plugin's whole test of it::

    @pytest.mark.parametrize("check", ganzoo.testing.CHECKS)
    def test_conformance(check):
        check("my-architecture")
"""

from __future__ import annotations

import copy
import dataclasses
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ganzoo import checkpoints, zoo
from ganzoo.data import ImageData
from ganzoo.errors import GanzooError, InvalidConfigError, InvalidRequestError
from ganzoo.gan import GAN
from ganzoo.published import Description, write_folder
from ganzoo.sampling import Model
from ganzoo.training import Trainer, TrainingOptions

__all__ = ["CHECKS", "noise_data", "tiny_gan", "tiny_model", "tiny_trainer"]

# ruff: noqa: S101, S603 - assertions are what this module is for, and it runs this interpreter only


def noise_data(image_shape: tuple[int, int, int], count: int = 20) -> ImageData:
    """A data set of `count` random images, the same each time."""
    random = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (count, *image_shape), generator=random, dtype=torch.uint8)
    return ImageData("noise", images, torch.arange(count) % 2, ("even", "odd"), ())


def tiny_gan(architecture: str, loss: str | None = None) -> GAN:
    """The architecture at its declared `tiny` size, initialised the same each time."""
    torch.manual_seed(0)
    return zoo.create(architecture, loss=loss, **zoo.registry().architectures[architecture].tiny)


def tiny_model(architecture: str) -> Model:
    """An untrained model of tiny size."""
    spec = zoo.registry().architectures[architecture]
    return Model(tiny_gan(architecture), spec.task, _tiny_config(architecture).image_shape, name=architecture)


def tiny_trainer(architecture: str, iterations: int = 6, **options: Any) -> Trainer:
    """A trainer of the tiny architecture on noise."""
    data = noise_data(_tiny_config(architecture).image_shape)
    return Trainer(tiny_gan(architecture), data, TrainingOptions(iterations=iterations, batch_size=6, **options))


def check_declares_without_torch(architecture: str) -> None:
    """Importing the module that declares it imports neither torch nor numpy."""
    module = zoo.registry().architectures[architecture].build.__module__
    code = f"import {module}, sys; sys.exit(any(name in sys.modules for name in ('torch', 'numpy')))"
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert finished.returncode == 0, f"importing {module} imports torch or numpy: {finished.stderr}"


def check_documents_itself(architecture: str) -> None:
    """It has a summary and names its paper; config, networks and model are documented."""
    spec = zoo.registry().architectures[architecture]
    assert spec.summary
    assert spec.paper
    generated = f"{spec.config.__name__}("  # what a dataclass without a docstring is given
    assert not (spec.config.__doc__ or generated).startswith(generated), "the config has no docstring"
    assert type(tiny_gan(architecture)).__doc__ != GAN.__doc__, "the GAN has no docstring of its own"


def check_config_is_strict(architecture: str) -> None:
    """Its config can be hashed, knows its image shape, refuses unknown fields and keeps what it is given."""
    spec = zoo.registry().architectures[architecture]
    config = spec.config()
    assert hash(config) == hash(spec.config())
    assert [n >= 1 for n in config.image_shape] == [True] * 3
    assert dataclasses.replace(config) == config
    _assert_raises(InvalidConfigError, lambda: zoo.create(architecture, no_such_field=1))


def check_builds_at_paper_size(architecture: str) -> None:
    """Its default config builds; on the meta device, which allocates nothing."""
    with torch.device("meta"):
        gan = zoo.create(architecture)
    assert sum(parameter.numel() for parameter in gan.parameters()) > 0


def check_groups_are_disjoint(architecture: str) -> None:
    """Every trainable parameter is in exactly one optimizer."""
    gan = tiny_gan(architecture)
    optimized = [p for o in gan.optimizers().values() for group in o.param_groups for p in group["params"]]
    assert len(optimized) == len(set(optimized)), "a parameter is in two optimizers"
    assert set(optimized) == {p for p in gan.parameters() if p.requires_grad}, "a parameter is in no optimizer"


def check_updates_move_their_group(architecture: str) -> None:
    """One iteration updates every group, and each update moves its own group's parameters and no others."""
    trainer = tiny_trainer(architecture)
    gan, optimizers = trainer.gan, trainer.optimizers
    seen = set()
    for update in gan.training_step(iter(trainer.batches)):
        assert all(loss.ndim == 0 and loss.isfinite() for loss in update.losses.values())
        before = {name: p.detach().clone() for name, p in gan.named_parameters()}
        trainer.apply(update)
        moved = {name for name, p in gan.named_parameters() if not torch.equal(p, before[name])}
        own = {p for group in optimizers[update.group].param_groups for p in group["params"]}
        assert moved == {name for name, p in gan.named_parameters() if p in own}, f"update of {update.group}"
        seen.add(update.group)
    assert seen == set(optimizers), "a group is never updated"


def check_trains_with_every_loss(architecture: str) -> None:
    """Any registered adversarial loss gives finite iterations."""
    for loss in zoo.registry().losses:
        gan = tiny_gan(architecture, loss)
        data = noise_data(_tiny_config(architecture).image_shape)
        records = list(Trainer(gan, data, TrainingOptions(iterations=2, batch_size=4)))
        assert [record.step for record in records] == [1, 2]


def check_resumes_exactly(architecture: str) -> None:
    """Six iterations equal three, a checkpoint on disk, and three more in a new trainer, bit for bit."""
    whole, first, second = (tiny_trainer(architecture) for _ in range(3))
    expected = list(whole)
    records = [next(first) for _ in range(3)]
    with tempfile.TemporaryDirectory() as folder:
        checkpoints.save(Path(folder), first.checkpoint())
        checkpoint = checkpoints.latest(Path(folder))
    assert checkpoint is not None
    torch.manual_seed(12345)  # whatever state the new process is in must not matter
    second.restore(checkpoint)
    records += list(second)
    assert records == expected
    _assert_same_state(whole.gan.state_dict(), second.gan.state_dict())
    _assert_same_state(whole.published(), second.published())


def check_images_follow_their_seeds(architecture: str) -> None:
    """Image i of seed s is image 0 of seed s + i: inputs bit for bit, pixels to 1e-5, at every batch size."""
    model = _trained(architecture)
    images, inputs = model.sample(5, seed=3), model.draw(5, seed=3)
    for i in range(5):
        alone = model.draw(1, seed=3 + i)
        assert all(torch.equal(alone[name][0], inputs[name][i]) for name in inputs)
    for batch_size in (1, 2, 5):
        assert torch.allclose(model.sample(5, seed=3, batch_size=batch_size), images, rtol=0, atol=1e-5)
    assert not torch.allclose(images[0], images[1], rtol=0, atol=1e-5), "two seeds give one image"


def check_images_are_images(architecture: str) -> None:
    """Images have the config's shape and lie in [-1, 1], and PIL images come out."""
    model = _trained(architecture)
    images = model.sample(3)
    channels, height, width = model.image_shape
    assert images.shape == (3, channels, height, width)
    assert images.dtype == torch.float32
    assert images.abs().max() <= 1
    assert [picture.size for picture in model.images(2)] == [(width, height)] * 2


def check_sampling_has_no_side_effects(architecture: str) -> None:
    """Sampling twice gives the same, changes no weight, and leaves the caller's random state alone."""
    model = _trained(architecture)
    state = copy.deepcopy(model.gan.state_dict())
    random = torch.get_rng_state()
    assert torch.equal(model.sample(2), model.sample(2))
    assert torch.equal(torch.get_rng_state(), random)
    _assert_same_state(model.gan.state_dict(), state)


def check_bad_requests_are_refused(architecture: str) -> None:
    """Counts, seeds and options that cannot be are refused at once, not when the first batch is made."""
    model = tiny_model(architecture)
    bad: list[dict[str, Any]] = [{"count": 0}, {"seed": -1}, {"seed": 2**32}, {"batch_size": 0}, {"no_such_option": 1}]
    for request in bad:
        _assert_raises(InvalidRequestError, partial(model.stream, **{"count": 1, **request}))


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
    assert torch.equal(loaded.sample(3), model.sample(3))


def _trained(architecture: str) -> Model:
    """A model after a few iterations: running statistics and averages are no longer those of the start."""
    trainer = tiny_trainer(architecture)
    list(trainer)
    spec = zoo.registry().architectures[architecture]
    return Model(trainer.average, spec.task, _tiny_config(architecture).image_shape, name=architecture)


def _tiny_config(architecture: str) -> Any:
    return zoo.check_config(architecture, zoo.registry().architectures[architecture].tiny)[0]


def _assert_same_state(ours: dict[str, Tensor], theirs: dict[str, Tensor]) -> None:
    assert ours.keys() == theirs.keys()
    different = [name for name, tensor in ours.items() if not torch.equal(tensor, theirs[name])]
    assert not different, f"{', '.join(different)} differ"


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


CHECKS: tuple[Callable[[str], None], ...] = tuple(_checks())
"""Every check, a function of the architecture's name that raises AssertionError."""

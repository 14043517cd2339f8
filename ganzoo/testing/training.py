"""Checks of training: updates, losses, penalties and augmentations, and runs that go on where they were."""

from __future__ import annotations

from typing import Any

import torch

from ganzoo.registry import lookup
from ganzoo.testing.asserting import assert_same_state
from ganzoo.testing.tiny import restore_from_disk, tiny_gan, tiny_loop

__all__ = ["CHECKS"]

# ruff: noqa: S101 - assertions are what this package is for


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


def check_updates_show_discriminator_outputs(architecture: str) -> None:
    """Updates show what the discriminators saw and said; D(x) and D(G(z)) are recorded of each."""
    gan = tiny_gan(architecture)
    spec = lookup.registry().architectures[architecture]
    assert gan.loss == lookup.registry().losses[spec.default_loss].load(), "gan.loss is not the loss it was given"
    discriminators = [gan.get_submodule(name) for name in gan.discriminators]
    assert discriminators, "gan.discriminators names no discriminator"
    updates = [update for update in gan.training_step(tiny_loop(architecture).batches) if update.discriminators]
    assert updates, "no update says what was output"
    for output in (each for update in updates for each in update.discriminators):
        assert output.real.shape == output.fake.shape
        assert torch.equal(output.discriminator(output.real), output.discriminator(output.real)) or gan.training
    metrics = next(tiny_loop(architecture)).metrics
    assert any(name.startswith("D") and name.endswith("(x)") for name in metrics)


def check_trains_with_every_loss(architecture: str) -> None:
    """Any registered adversarial loss gives finite iterations."""
    for loss in lookup.registry().losses:
        records = list(tiny_loop(architecture, 2, loss=loss))
        assert [record.step for record in records] == [1, 2]


def check_trains_with_every_regularizer(architecture: str) -> None:
    """Any registered penalty that goes with the default loss adds its term, and moves the discriminator."""
    default = lookup.registry().architectures[architecture].default_loss
    plain = list(tiny_loop(architecture, 2))
    for name, spec in lookup.registry().regularizers.items():
        if spec.losses and default not in spec.losses:
            continue
        records = list(tiny_loop(architecture, 2, regularizers={name: 1.0}))
        assert any(loss.endswith(f"/{name}") for loss in records[0].losses), f"{name} is no term of any update"
        assert records[1].losses != plain[1].losses, f"{name} changes nothing"


def check_trains_with_every_augmentation(architecture: str) -> None:
    """Whatever is registered changes what the discriminators see in training, and nothing of the images made."""
    plain = list(tiny_loop(architecture, 2))
    for name in lookup.registry().augmentations:
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
    restore_from_disk(first, second)
    records += list(second)
    assert records == expected
    assert_same_state(whole.gan.state_dict(), second.gan.state_dict())
    assert_same_state(whole.published(), second.published())


CHECKS = tuple(value for name, value in list(globals().items()) if name.startswith("check_"))
"""The checks of this module, functions of the architecture's name."""

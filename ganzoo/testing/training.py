"""Checks of training: updates, losses, penalties and augmentations, and runs that are resumed."""

from __future__ import annotations

from typing import Any

import torch

from ganzoo.registry import lookup
from ganzoo.testing.asserting import assert_same_state
from ganzoo.testing.tiny import restore_from_disk, tiny_gan, tiny_loop

__all__ = ["CHECKS"]

# ruff: noqa: S101 - this package asserts on purpose


def check_groups_are_disjoint(architecture: str) -> None:
    """`optimizers` must put every trainable parameter into exactly one optimizer."""
    gan = tiny_gan(architecture)
    optimized = [p for o in gan.optimizers().values() for group in o.param_groups for p in group["params"]]
    assert len(optimized) == len(set(optimized)), "a parameter is in two optimizers"
    assert set(optimized) == {p for p in gan.parameters() if p.requires_grad}, (
        "a trainable parameter is in no optimizer, or a frozen one is in an optimizer"
    )


def check_updates_move_their_group(architecture: str) -> None:
    """`training_step` must update every group, and each update must change only the parameters of its group.

    Use `frozen` and `detach`. A parameter of the group may stay the same only if its gradient is zero, like that of the
    last bias of a Wasserstein critic. A parameter without a gradient fails the check.
    """
    loop = tiny_loop(architecture)
    gan, optimizers = loop.gan, loop.optimizers
    updated = set()
    for update in gan.training_step(loop.batches):
        right = all(loss.ndim == 0 and loss.isfinite() for loss in update.losses.values())
        assert right, f"update of {update.group}: a loss is not a finite scalar"
        before = {name: p.detach().clone() for name, p in gan.named_parameters()}
        gan.zero_grad()
        torch.stack([*update.losses.values()]).sum().backward()  # type: ignore[no-untyped-call]
        optimizers[update.group].step()
        moved = {name for name, p in gan.named_parameters() if not torch.equal(p, before[name])}
        own = {p for group in optimizers[update.group].param_groups for p in group["params"]}
        due = {n for n, p in gan.named_parameters() if p in own and (p.grad is None or bool(p.grad.any()))}
        assert due, f"update of {update.group}: all gradients are zero"
        text = f"update of {update.group}: these parameters must change, but do not, or the other way around"
        assert moved == due, f"{text}: {', '.join(sorted(moved ^ due))}"
        updated.add(update.group)
    assert updated == set(optimizers), f"these groups are never updated: {set(optimizers) - updated}"


def check_updates_show_discriminator_outputs(architecture: str) -> None:
    """`gan.loss` must be the given loss, and `gan.discriminators` must name the discriminators.

    Updates must hold in `discriminators` what each discriminator saw and returned (see `discriminate`), so that D(x)
    and D(G(z)) are recorded.
    """
    gan = tiny_gan(architecture)
    spec = lookup.registry().architectures[architecture]
    assert gan.loss == lookup.registry().losses[spec.default_loss].load(), (
        "gan.loss is not the loss that `build` was given"
    )
    discriminators = [gan.get_submodule(name) for name in gan.discriminators]
    assert discriminators, "gan.discriminators names no discriminator"
    updates = [update for update in gan.training_step(tiny_loop(architecture).batches) if update.discriminators]
    assert updates, "no update has `discriminators`"
    for output in (each for update in updates for each in update.discriminators):
        assert output.real.shape == output.fake.shape, "real and generated images have different shapes"
        again = torch.equal(output.discriminator(output.real), output.discriminator(output.real))
        assert again or gan.training, "the discriminator returns other logits for the same images"
    metrics = next(tiny_loop(architecture)).metrics
    assert any(name.startswith("D") and name.endswith("(x)") for name in metrics), "D(x) is not recorded"


def check_trains_with_every_loss(architecture: str) -> None:
    """Training must run with every registered adversarial loss: use `self.loss`, and assume nothing of its logits."""
    for loss in lookup.registry().losses:
        records = list(tiny_loop(architecture, 2, loss=loss))
        assert [record.step for record in records] == [1, 2], f"two iterations with {loss} do not run"


def check_trains_with_every_regularizer(architecture: str) -> None:
    """Every registered penalty that is for the default loss must add a term to an update and change the training.

    Penalties on generators must do so if an update has `generators`.
    """
    default = lookup.registry().architectures[architecture].default_loss
    plain = list(tiny_loop(architecture, 2))
    shown = any(update.generators for update in tiny_gan(architecture).training_step(tiny_loop(architecture).batches))
    for name, spec in lookup.registry().regularizers.items():
        if (spec.losses and default not in spec.losses) or (spec.on_generator and not shown):
            continue
        records = list(tiny_loop(architecture, 2, regularizers={name: 1.0}))
        assert any(loss.endswith(f"/{name}") for loss in records[0].losses), (
            f"no update has a term for the penalty {name}"
        )
        assert records[1].losses != plain[1].losses, f"the penalty {name} changes nothing"


def check_trains_with_every_augmentation(architecture: str) -> None:
    """Every registered augmentation must change the training: it applies to `gan.discriminators`, so name them all.

    One that adapts is tried at full strength.
    """
    plain = list(tiny_loop(architecture, 2))
    for name in lookup.registry().augmentations:
        loop = tiny_loop(architecture, 2, augmentations=(name,))
        for adaptive in loop.techniques.adaptive().values():
            adaptive.strength.fill_(1)
        assert list(loop) != plain, f"the augmentation {name} changes nothing"


def check_accumulates(architecture: str) -> None:
    """Gradient accumulation over two batches must be repeatable, and must differ from one batch."""
    runs = [list(tiny_loop(architecture, 2, batch_size=3, accumulate=n)) for n in (2, 2, 1)]
    assert runs[0] == runs[1], "the same run gives other losses"
    assert runs[0] != runs[2], "the second batch changes nothing"


def check_resumes_exactly(architecture: str) -> None:
    """A run that is stopped after 10 of 24 iterations and resumed must equal a run without a stop, bit for bit.

    Keep all state in parameters, buffers and optimizers, and draw random numbers only from PyTorch's global state.
    """
    options: dict[str, Any] = {"schedule": "linear=0.2", "mirror": True}
    whole, first, second = (tiny_loop(architecture, 24, **options) for _ in range(3))
    expected = list(whole)
    records = [next(first) for _ in range(10)]
    torch.manual_seed(12345)  # the random state of the new process must not matter
    restore_from_disk(first, second)
    records += list(second)
    assert records == expected, "the resumed run has other losses"
    assert_same_state(whole.gan.state_dict(), second.gan.state_dict())
    assert_same_state(whole.published(), second.published())


CHECKS = tuple(value for name, value in list(globals().items()) if name.startswith("check_"))
"""The checks of this module. Each takes the name of an architecture."""

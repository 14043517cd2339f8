"""Checks of training: updates, losses, penalties and augmentations, and runs that are resumed."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor

from ganzoo.interface.gan import GAN, Update
from ganzoo.registry import lookup
from ganzoo.testing.asserting import assert_same_state
from ganzoo.testing.tiny import restore_from_disk, tiny_gan, tiny_loop
from ganzoo.training.loop import Loop

__all__ = ["CHECKS"]

# ruff: noqa: S101 - this package asserts on purpose

_MAX_STEPS = 12  # after so many steps, a network that grows has its last layers, and every phase has begun


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
    last bias of a Wasserstein critic, or if a network has not grown that far. A group that has no update, or a
    parameter that has no gradient, in any of the first 12 training steps fails the check.
    """
    loop = tiny_loop(architecture)
    waiting = {name for name, p in loop.gan.named_parameters() if p.requires_grad}
    groups = set(loop.optimizers)
    for _ in range(_MAX_STEPS):
        for update in loop.gan.training_step(loop.batches):
            waiting -= _apply(update, loop)
            groups.discard(update.group)
        if not waiting and not groups:
            return
    assert not groups, f"these groups are never updated: {', '.join(sorted(groups))}"
    raise AssertionError(f"these parameters have no gradient in {_MAX_STEPS} steps: {', '.join(sorted(waiting))}")


def _apply(update: Update, loop: Loop) -> set[str]:
    """Apply an update, and check what it moves. Returns the parameters of its group that have a gradient."""
    gan, optimizer, what = loop.gan, loop.optimizers[update.group], f"update of {update.group}"
    right = all(loss.ndim == 0 and loss.isfinite() for loss in update.losses.values())
    assert right, f"{what}: a loss is not a finite scalar"
    before = {name: p.detach().clone() for name, p in gan.named_parameters()}
    gan.zero_grad()
    torch.stack([*update.losses.values()]).sum().backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    own = {p for group in optimizer.param_groups for p in group["params"]}
    gradients = {name: p.grad for name, p in gan.named_parameters() if p in own and p.grad is not None}
    due = {name for name, gradient in gradients.items() if bool(gradient.any())}
    assert due, f"{what}: all gradients are zero"
    moved = {name for name, p in gan.named_parameters() if not torch.equal(p, before[name])}
    # Momentum may move a parameter whose gradient is zero.
    wrong = (due - moved) | (moved - gradients.keys())
    text = f"{what}: these parameters must change, but do not, or the other way around"
    assert not wrong, f"{text}: {', '.join(sorted(wrong))}"
    return set(gradients)


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
    outputs = [each for update in _first_updates(gan, architecture) for each in update.discriminators]
    assert outputs, "no update has `discriminators`"
    for output in outputs:
        assert output.real.shape == output.fake.shape, "real and generated images have different shapes"
        again = torch.equal(output.discriminator(output.real), output.discriminator(output.real))
        assert again or gan.training, "the discriminator returns other logits for the same images"
    metrics = [name for record in tiny_loop(architecture, 2) for name in record.metrics]
    assert any(name.startswith("D") and name.endswith("(x)") for name in metrics), "D(x) is not recorded"


def _first_updates(gan: GAN, architecture: str) -> list[Update]:
    """The updates of two training steps, without applying them: GANs may begin with a step that trains other parts."""
    batches = tiny_loop(architecture).batches
    return [update for _ in range(2) for update in gan.training_step(batches)]


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
    shown = any(update.generators for update in _first_updates(tiny_gan(architecture), architecture))
    for name, spec in lookup.registry().regularizers.items():
        if (spec.losses and default not in spec.losses) or (spec.on_generator and not shown):
            continue
        records = list(tiny_loop(architecture, 2, regularizers={name: 1.0}))
        assert any(loss.endswith(f"/{name}") for record in records for loss in record.losses), (
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


def check_discriminator_layers_are_in_order(architecture: str) -> None:
    """`discriminator_layers` must list the layers of every discriminator in the order in which an image passes them.

    By default, that is the order in which the children of the discriminator were defined. Override it otherwise.
    """
    gan = tiny_gan(architecture)
    listed = gan.discriminator_layers()
    assert set(listed) == set(gan.discriminators), "discriminator_layers names other networks than `discriminators`"
    calls: dict[str, list[int]] = {name: [] for name in listed}
    for name, layers in listed.items():
        own = set(gan.get_submodule(name).parameters())
        found = [parameter for layer in layers for parameter in layer.parameters()]
        assert len(found) == len(set(found)), f"a parameter of {name} is in two layers"
        assert own.issuperset(found), f"a layer of {name} has parameters of another network"
        for number, layer in enumerate(layers):
            for module in layer.modules():
                module.register_forward_pre_hook(partial(_note_call, calls[name], number))
    _first_updates(gan, architecture)
    for name, numbers in calls.items():
        first = list(dict.fromkeys(numbers))
        assert first == sorted(first), f"the layers of {name} are called in the order {first}"


def _note_call(calls: list[int], number: int, *_: Any) -> None:
    calls.append(number)


def check_freezes_layers(architecture: str) -> None:
    """`freeze` must keep the first layers of each discriminator and nothing else, also in a run that is resumed."""
    layers = tiny_gan(architecture).discriminator_layers()
    if min(map(len, layers.values())) < 2:
        return
    plain, whole, first, second = (tiny_loop(architecture, 3, freeze=number) for number in (0, 1, 1, 1))
    start = {name: parameter.detach().clone() for name, parameter in whole.gan.named_parameters()}
    kept = {name for name, parameter in whole.gan.named_parameters() if not parameter.requires_grad}
    list(plain)
    expected = list(whole)
    assert kept, "no parameter is frozen"
    assert any(name.startswith(tuple(layers)) for name in _moved(plain, start)), "no discriminator learns in 3 steps"
    assert _moved(whole, start) == _moved(plain, start) - kept, "freezing stops the wrong parameters"
    next(first)
    restore_from_disk(first, second)
    assert list(second) == expected[1:], "the resumed run has other losses"
    assert_same_state(whole.gan.state_dict(), second.gan.state_dict())
    for group, optimizer in whole.optimizers.items():
        _assert_same_optimizer(optimizer, second.optimizers[group])


def _assert_same_optimizer(ours: torch.optim.Optimizer, theirs: torch.optim.Optimizer) -> None:
    states = zip(ours.state_dict()["state"].items(), theirs.state_dict()["state"].items(), strict=True)
    for (number, state), (other, found) in states:
        assert number == other, "the optimizers have states of other parameters"
        same = all(torch.equal(torch.as_tensor(state[key]), torch.as_tensor(found[key])) for key in state)
        assert same, "the optimizer of the resumed run has another state"


def _moved(loop: Loop, start: Mapping[str, Tensor]) -> set[str]:
    """The parameters that are not as at the start."""
    return {name for name, parameter in loop.gan.named_parameters() if not torch.equal(parameter, start[name])}


CHECKS = tuple(value for name, value in list(globals().items()) if name.startswith("check_"))
"""The checks of this module. Each takes the name of an architecture."""

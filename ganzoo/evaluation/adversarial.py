"""Adversarial examples: pictures changed so little that people see no difference, and a classifier says another class.

A step moves every pixel x by the sign of the gradient of the classifier's loss L (arXiv:1412.6572, section 4). Several
smaller steps, each followed by a projection back to the allowed distance, are PGD (arXiv:1706.06083, section 2.1).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from ganzoo.errors import InvalidRequestError
from ganzoo.evaluation.attack import LEVELS, check_attack
from ganzoo.evaluation.extractors import load_extractor
from ganzoo.interface.extractor import Extractor
from ganzoo.utils.devices import resolve_device
from ganzoo.utils.precision import float32_on_cpu
from ganzoo.utils.progress import Progress, silent
from ganzoo.utils.seeds import derive_seed

__all__ = ["AdversarialExamples", "fool"]

STEP = 2.5
"""Each of n steps has the length 2.5 epsilon / n, so that they can reach any point within the distance epsilon."""


class AdversarialExamples(NamedTuple):
    """What `fool` made of N images, all on the CPU.

    `images` are the changed images, uint8 (N, C, H, W). `before` and `after` are the probabilities (N, K) that the
    classifier gives to its K classes for the given and for the changed images. `fooled` (N,) says for which images the
    attack reached its goal.
    """

    images: Tensor
    before: Tensor
    after: Tensor
    fooled: Tensor

    @property
    def share(self) -> float:
        """The share of the images for which the attack reached its goal, in [0, 1]."""
        return self.fooled.float().mean().item()


@float32_on_cpu()
def fool(
    features: str,
    images: Tensor,
    *,
    epsilon: float = 8 / 255,
    steps: int = 1,
    target: int | None = None,
    seed: int = 0,
    device: str = "auto",
    batch_size: int = 64,
    progress: Progress = silent,
) -> AdversarialExamples:
    """Change images so that the classifier registered as `features` says another class, or the class `target`.

    `images` are uint8 (N, C, H, W) with 1 or 3 channels. No pixel changes by more than `epsilon`, in units of the pixel
    range [0, 1]: 8/255 is 8 of the 255 steps that a picture file has. One step is FGSM; several `steps` are PGD from a
    random start, which depends on `seed` and the number of the image alone. Without `target`, the attack leads away
    from the class that the classifier says of the image itself. An image counts as fooled if the classifier says
    another class than before, and if this is the `target` where one is given.

    The changed images are rounded to 8 bits before they are judged: what is reported is true of the picture file.

    Raises:
        UnknownNameError: there is no such feature extractor.
        InvalidRequestError: an option is wrong, or the extractor passes no gradient to its images.
        WeightsError: the weights cannot be downloaded, are damaged, or do not fit.
    """
    check_attack(features, epsilon=epsilon, steps=steps, target=target, batch_size=batch_size)
    if images.dtype != torch.uint8 or images.ndim != 4 or images.shape[1] not in (1, 3) or not len(images):
        shown = f"{images.dtype} {tuple(images.shape)}"
        raise InvalidRequestError(f"images to change are uint8 (N, C, H, W) with 1 or 3 channels, not {shown}")
    network = load_extractor(features, device=resolve_device(device), progress=progress)
    attack = _Attack(features, network, round(epsilon * LEVELS, 6), steps, target, seed)
    parts = []
    for part in attack.run(images, batch_size):
        parts.append(part)
        progress("changing images", sum(len(each.fooled) for each in parts), len(images))
    return AdversarialExamples(*map(torch.cat, zip(*parts, strict=True)))


class _Attack(NamedTuple):
    """An attack on a classifier. `reach` is epsilon in steps of an 8-bit pixel; images are floats in [0, 255]."""

    name: str
    network: Extractor
    reach: float
    steps: int
    target: int | None
    seed: int

    def run(self, images: Tensor, batch_size: int) -> Iterator[AdversarialExamples]:
        """Change batch after batch. What becomes of an image does not depend on the others."""
        device = next(self.network.parameters()).device
        for start in range(0, len(images), batch_size):
            originals = images[start : start + batch_size].to(device).float()
            with torch.no_grad():
                before = self.network(originals).logits.softmax(1)
            said = before.argmax(1)
            changed = _rounded(self._changed(originals, said, start), originals, self.reach)
            with torch.no_grad():
                after = self.network(changed.to(torch.uint8)).logits.softmax(1)
            fooled = after.argmax(1) != said
            if self.target is not None:
                fooled &= after.argmax(1) == self.target
            yield AdversarialExamples(changed.to(torch.uint8).cpu(), before.cpu(), after.cpu(), fooled.cpu())

    def _changed(self, originals: Tensor, said: Tensor, first: int) -> Tensor:
        """x + step sign(gradient), `steps` times, each time within the reach and within [0, 255]."""
        changed = originals if self.steps == 1 else self._random_start(originals, first)
        step = self.reach if self.steps == 1 else STEP * self.reach / self.steps
        for _ in range(self.steps):
            moved = changed + step * self._gradient(changed, said).sign()
            changed = torch.clamp(moved, originals - self.reach, originals + self.reach).clamp(0, 255)
        return changed

    def _random_start(self, originals: Tensor, first: int) -> Tensor:
        """Each image moved at random, uniformly within the reach."""
        seeds = (derive_seed(self.seed, "start", first + i) for i in range(len(originals)))
        draws = [torch.rand(originals.shape[1:], generator=torch.Generator().manual_seed(seed)) for seed in seeds]
        moves = torch.stack(draws).to(originals.device).mul(2).sub(1) * self.reach
        return (originals + moves).clamp(0, 255)

    def _gradient(self, images: Tensor, said: Tensor) -> Tensor:
        """The gradient that leads away from the classes `said`, or to the target."""
        images = images.detach().requires_grad_()
        logits = self.network(images).logits
        if not logits.requires_grad:
            raise InvalidRequestError(f"{self.name} passes no gradient to its images - name another feature extractor")
        goal = said if self.target is None else torch.full_like(said, self.target)
        loss = cross_entropy(logits, goal, reduction="sum")  # a sum: an image's gradient has nothing of the others
        (gradient,) = torch.autograd.grad(loss if self.target is None else -loss, images)
        return gradient


def _rounded(changed: Tensor, originals: Tensor, reach: float) -> Tensor:
    """Whole numbers, as a picture file has them, still within the reach."""
    whole = int(reach)
    return torch.clamp(changed.round(), originals - whole, originals + whole).clamp(0, 255)

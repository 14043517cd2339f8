"""Degradations by the texts that users write, such as ``noise=1.0``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ganzoo.errors import GanzooError, InvalidRequestError
from ganzoo.interface.defect import Defect
from ganzoo.registry import lookup
from ganzoo.utils.seeds import derive_seed

__all__ = ["Damage", "make_damage"]

Shape = tuple[int, int, int]


@dataclass(frozen=True)
class Damage:
    """Defects of images, one after the other. None at all leaves images as they are.

    `shape` is (C, H, W) of a damaged image.
    """

    defects: tuple[Defect, ...]
    shape: Shape

    def apply(self, images: Tensor) -> Tensor:
        """What is not random in the damage, of images (N, C, H, W). It is differentiable."""
        for defect in self.defects:
            images = defect.apply(images)
        return images

    def known(self, images: Tensor) -> Tensor:
        """Damaged images (N, C, H, W) in which what they do not tell is constant."""
        if self.defects and (known := self.defects[-1].known) is not None:
            return known(images)
        return images

    def inflict(self, image: Tensor, seed: int) -> Tensor:
        """Damage an image (C, H, W) in [-1, 1], with the random numbers of `seed`. The result is a picture: in [-1, 1].

        Raises:
            InvalidRequestError: there is nothing to damage it with.
        """
        if not self.defects:
            raise InvalidRequestError("there is no defect to damage the pictures with - name a degradation")
        random = torch.Generator().manual_seed(derive_seed(seed, "damage"))
        for defect in self.defects:
            image = defect.apply(image[None])[0]
            image = image if defect.noise is None else defect.noise(image, random)
        return image.clamp(-1, 1)


def make_damage(texts: str | Sequence[str] | None, shape: Shape) -> Damage:
    """The damage that `texts` describe, in their order, to images of this shape.

    Each text is ``NAME=SETTING``, or ``NAME`` alone for a degradation without settings.

    Raises:
        UnknownNameError: there is no such degradation.
        InvalidRequestError: a setting is missing, or makes no sense for such images.
    """
    asked = [texts] if isinstance(texts, str) else texts or ()
    damage = Damage((), shape)
    for text in asked:
        defect = _prepare(text, damage.shape)
        made = defect.apply(torch.zeros(1, *damage.shape)).shape
        damage = Damage((*damage.defects, defect), (made[1], made[2], made[3]))
    if any(defect.known is not None for defect in damage.defects[:-1]):
        raise InvalidRequestError("missing pixels come last - name such a degradation after all others")
    return damage


def _prepare(text: str, shape: Shape) -> Defect:
    name, equals, setting = text.partition("=")
    spec = lookup.registry().degradations[name]
    if bool(spec.setting) != bool(equals and setting):
        form = f"{name}={spec.setting}" if spec.setting else name
        raise InvalidRequestError(f"the degradation {text} has the wrong form - write {form}")
    try:
        return spec.load()(setting, shape)
    except GanzooError:
        raise
    except (ValueError, RuntimeError) as error:
        raise InvalidRequestError(
            f"the degradation {text} does not work on images of shape {shape}: {error}"
        ) from error

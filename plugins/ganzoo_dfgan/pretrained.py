"""The weights of DF-GAN that come with ganzoo."""

from __future__ import annotations

from collections.abc import Iterator

from ganzoo import BundledFile, PretrainedModel
from ganzoo_dfgan.config import PORTRAITS

__all__ = ["pretrained_models"]

_VOCABULARY = (
    *("a", "and", "beard", "black", "blond", "blue", "brown", "dark", "face", "frown", "glasses", "green", "grey"),
    *("hair", "hat", "light", "long", "pale", "pink", "purple", "red", "shirt", "short", "smile", "tan", "white"),
    *("with", "yellow"),
)
_EXAMPLES = (
    "a tan face with long brown hair, a frown and a red shirt",
    "a dark face with long blond hair, a frown and a green shirt",
    "a light face with long blond hair, a smile and a pink shirt",
    "a pale face with short blue hair, a beard, a smile and a grey shirt",
    "a light face with long brown hair, dark glasses, a frown and a blue shirt",
    "a light face with long brown hair, a smile and a yellow shirt",
    "a light face with short black hair, a frown and a blue shirt",
    "a dark face with short brown hair, light glasses, a smile and a white shirt",
    "a light face with long brown hair, a frown and a yellow shirt",
    "a light face with short brown hair, a frown and a yellow shirt",
    "a pale face with long blond hair, dark glasses, a smile and a pink shirt",
    "a tan face with short red hair, a frown and a yellow shirt",
    "a light face with long brown hair, a smile and a green shirt",
    "a tan face with long brown hair, a smile and a yellow shirt",
    "a tan face with long red hair, a frown and a grey shirt",
    "a light face with long brown hair, a frown and a green shirt",
)
"""Some of the captions that it was trained on."""


def pretrained_models() -> Iterator[PretrainedModel]:
    """Our own model."""
    yield PretrainedModel(
        name="dfgan-pixelfaces",
        architecture="dfgan",
        summary="portraits in the style of pixel art from a description, 32x32",
        dataset="pixelfaces",
        license="apache-2.0",
        config={**PORTRAITS.config, "vocabulary": _VOCABULARY, "examples": _EXAMPLES},
        weights=BundledFile(
            package="ganzoo_dfgan",
            path="weights/dfgan-pixelfaces.safetensors",
            sha256="a361323e5b1c20a0faa1818a0d477e249a22f2cb16dae6826bb0ddc5126d3e7d",
        ),
    )

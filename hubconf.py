"""ganzoo for `torch.hub`, which downloads a checkout and runs it without installing it.

torch.hub.load("OWNER/ganzoo", "load", "dcgan-fashion-mnist").images(8)
"""

import sys as _sys
from pathlib import Path as _Path
from typing import Any as _Any

dependencies = [
    "accelerate",
    "click",
    "huggingface_hub",
    "matplotlib",
    "numpy",
    "PIL",
    "pluggy",
    "rich",
    "safetensors",
    "torch",
    "torch_fidelity",
    "torchvision",
]

_sys.path.insert(0, str(_Path(__file__).resolve().parent / "plugins"))  # the built-in architectures

import ganzoo as _ganzoo  # noqa: E402


def load(name: str, **options: _Any) -> _ganzoo.Model:
    """Load a pretrained model: a registered name, a folder, or hf:owner/repository. Takes what `ganzoo.load` takes."""
    return _ganzoo.load(name, **options)


def create(architecture: str, **config: _Any) -> _ganzoo.GAN:
    """Build an untrained network of an architecture. Takes what `ganzoo.create` takes."""
    return _ganzoo.create(architecture, **config)


def models(pattern: str = "*") -> list[str]:
    """The names of the registered models that match a pattern."""
    return _ganzoo.models(pattern)

"""ganzoo: every generative adversarial network behind one registry, one sampler and one trainer."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ganzoo.errors import GanzooError
from ganzoo.hooks import hookimpl
from ganzoo.specs import (
    Architecture,
    BundledFile,
    HubFile,
    Layout,
    Loss,
    PretrainedModel,
    Reading,
    Shapes,
)
from ganzoo.tasks import ClassConditional, ImageToImage, Task, Unconditional

if TYPE_CHECKING:
    from ganzoo.data import load_data
    from ganzoo.gan import GAN, AdversarialLoss, Batch, Inputs, Update, frozen
    from ganzoo.latents import draw_latent
    from ganzoo.runs import Plan, Run
    from ganzoo.sampling import Model
    from ganzoo.training import Trainer, TrainingOptions
    from ganzoo.zoo import create, load, models, pull

__version__ = "0.1.0"

__all__ = [
    "GAN",
    "AdversarialLoss",
    "Architecture",
    "Batch",
    "BundledFile",
    "ClassConditional",
    "GanzooError",
    "HubFile",
    "ImageToImage",
    "Inputs",
    "Layout",
    "Loss",
    "Model",
    "Plan",
    "PretrainedModel",
    "Reading",
    "Run",
    "Shapes",
    "Task",
    "Trainer",
    "TrainingOptions",
    "Unconditional",
    "Update",
    "create",
    "draw_latent",
    "frozen",
    "hookimpl",
    "load",
    "load_data",
    "models",
    "pull",
]

# Imported on first use (PEP 562): a plugin that only declares, and `ganzoo list`, never import torch.
_LAZY = {
    "gan": ("GAN", "AdversarialLoss", "Batch", "Inputs", "Update", "frozen"),
    "latents": ("draw_latent",),
    "runs": ("Plan", "Run"),
    "sampling": ("Model",),
    "data": ("load_data",),
    "training": ("Trainer", "TrainingOptions"),
    "zoo": ("create", "load", "models", "pull"),
}
_HOME = {name: f"ganzoo.{module}" for module, names in _LAZY.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(set(__all__) | set(globals()))

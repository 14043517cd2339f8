"""ganzoo: every generative adversarial network behind one registry, one sampler and one trainer."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ganzoo.errors import GanzooError
from ganzoo.hooks import hookimpl
from ganzoo.specs import (
    Architecture,
    Augmentation,
    BundledFile,
    Derived,
    FeatureExtractor,
    HubFile,
    Layout,
    Loss,
    PretrainedModel,
    Reading,
    Recipe,
    Regularizer,
    Schedule,
    Shapes,
)
from ganzoo.tasks import ClassConditional, ImageToImage, Task, Unconditional

if TYPE_CHECKING:
    from ganzoo.data import Domains, ImageData
    from ganzoo.evaluation import Evaluation, Score, evaluate
    from ganzoo.extractors import Extracted, Extractor
    from ganzoo.gan import GAN, AdversarialLoss, Batch, Inputs, Judged, Update, frozen, judge
    from ganzoo.latents import draw_latent, draw_truncated
    from ganzoo.loading import load, pull
    from ganzoo.loop import Loop, Record
    from ganzoo.plans import TrainingOptions
    from ganzoo.precision import at_least_single
    from ganzoo.processes import gather_rows, own_rows
    from ganzoo.sampling import Model
    from ganzoo.sources import load_data
    from ganzoo.trainer import Trainer
    from ganzoo.zoo import create, models

__version__ = "0.1.0"

__all__ = [
    "GAN",
    "AdversarialLoss",
    "Architecture",
    "Augmentation",
    "Batch",
    "BundledFile",
    "ClassConditional",
    "Derived",
    "Domains",
    "Evaluation",
    "Extracted",
    "Extractor",
    "FeatureExtractor",
    "GanzooError",
    "HubFile",
    "ImageData",
    "ImageToImage",
    "Inputs",
    "Judged",
    "Layout",
    "Loop",
    "Loss",
    "Model",
    "PretrainedModel",
    "Reading",
    "Recipe",
    "Record",
    "Regularizer",
    "Schedule",
    "Score",
    "Shapes",
    "Task",
    "Trainer",
    "TrainingOptions",
    "Unconditional",
    "Update",
    "at_least_single",
    "create",
    "draw_latent",
    "draw_truncated",
    "evaluate",
    "frozen",
    "gather_rows",
    "hookimpl",
    "judge",
    "load",
    "load_data",
    "models",
    "own_rows",
    "pull",
]

# Imported on first use (PEP 562): a plugin that only declares, and `ganzoo list`, never import torch.
_LAZY = {
    "data": ("Domains", "ImageData"),
    "evaluation": ("Evaluation", "Score", "evaluate"),
    "extractors": ("Extracted", "Extractor"),
    "gan": ("GAN", "AdversarialLoss", "Batch", "Inputs", "Judged", "Update", "frozen", "judge"),
    "latents": ("draw_latent", "draw_truncated"),
    "loop": ("Loop", "Record"),
    "plans": ("TrainingOptions",),
    "precision": ("at_least_single",),
    "processes": ("gather_rows", "own_rows"),
    "sampling": ("Model",),
    "sources": ("load_data",),
    "trainer": ("Trainer",),
    "loading": ("load", "pull"),
    "zoo": ("create", "models"),
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

"""ganzoo: generative adversarial networks of every architecture with one registry, one sampler and one trainer."""

from __future__ import annotations

from ganzoo.utils.interrupts import end_quietly_at_start

end_quietly_at_start()

# ruff: noqa: E402 - the line above comes before all imports that take time

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ganzoo.errors import DataError, GanzooError, InvalidRequestError, UnreadableImage
from ganzoo.interface.data_sources import DataRequest, DataSource, PictureSet
from ganzoo.interface.hooks import hookimpl
from ganzoo.interface.picture_files import Archive, FileTree, PictureFiles
from ganzoo.interface.records import FrozenRecord
from ganzoo.interface.resolutions import FirstMap, Resolution, check_multiple, first_map, image_size
from ganzoo.interface.specs import (
    Architecture,
    Augmentation,
    Degradation,
    Engine,
    ExportFormat,
    FeatureExtractor,
    Loss,
    PretrainedModel,
    Recipe,
    Regularizer,
    Schedule,
)
from ganzoo.interface.tasks import (
    ClassConditional,
    ImageToImage,
    PairedTranslation,
    StyleBased,
    Task,
    TextConditional,
    Unconditional,
)
from ganzoo.interface.weights_files import (
    Assumption,
    BundledFile,
    Derived,
    HubFile,
    Layout,
    PackageFile,
    Reading,
    Shapes,
    read_sizes,
)
from ganzoo.interface.words import encode_text, split_words
from ganzoo.utils.progress import Progress
from ganzoo.utils.version import __version__ as __version__

if TYPE_CHECKING:
    from ganzoo.data.datasets import Domains, ImageData
    from ganzoo.data.load import load_data
    from ganzoo.data.toy_distributions import Mixture, PointData
    from ganzoo.distributed.processes import gather_rows, own_rows
    from ganzoo.evaluation.adversarial import AdversarialExamples, fool
    from ganzoo.evaluation.evaluate import evaluate
    from ganzoo.evaluation.extractors import feature_loss
    from ganzoo.evaluation.result import Evaluation, Score
    from ganzoo.images.changes import changed_by, diffuse
    from ganzoo.images.files import read_picture
    from ganzoo.interface.attention import DotProductAttention
    from ganzoo.interface.defect import Defect
    from ganzoo.interface.engine import EngineFunctions, SamplingNetwork
    from ganzoo.interface.extractor import Extractor, ExtractorOutput, ImageDistance
    from ganzoo.interface.fusing import fuse_layers
    from ganzoo.interface.gan import (
        GAN,
        AdaptiveAugmentation,
        AdversarialLoss,
        Batch,
        DiscriminatorOutput,
        GeneratorOutput,
        Inputs,
        TextMatcher,
        Update,
        discriminate,
        frozen,
    )
    from ganzoo.interface.latents import Prior, draw_latent, draw_text, draw_truncated
    from ganzoo.pretrained.files import verified_path
    from ganzoo.pretrained.load import load, pull
    from ganzoo.registry.lookup import create, models
    from ganzoo.sampling.directions import Directions
    from ganzoo.sampling.inversion import Inversion
    from ganzoo.sampling.model import Model
    from ganzoo.training.loop import Loop
    from ganzoo.training.plan import TrainingOptions
    from ganzoo.training.record import Record
    from ganzoo.training.trainer import Trainer
    from ganzoo.utils.precision import at_least_float32

__all__ = [
    "GAN",
    "AdaptiveAugmentation",
    "AdversarialExamples",
    "AdversarialLoss",
    "Architecture",
    "Archive",
    "Assumption",
    "Augmentation",
    "Batch",
    "BundledFile",
    "ClassConditional",
    "DataError",
    "DataRequest",
    "DataSource",
    "Defect",
    "Degradation",
    "Derived",
    "Directions",
    "DiscriminatorOutput",
    "Domains",
    "DotProductAttention",
    "Engine",
    "EngineFunctions",
    "Evaluation",
    "ExportFormat",
    "Extractor",
    "ExtractorOutput",
    "FeatureExtractor",
    "FileTree",
    "FirstMap",
    "FrozenRecord",
    "GanzooError",
    "GeneratorOutput",
    "HubFile",
    "ImageData",
    "ImageDistance",
    "ImageToImage",
    "Inputs",
    "InvalidRequestError",
    "Inversion",
    "Layout",
    "Loop",
    "Loss",
    "Mixture",
    "Model",
    "PackageFile",
    "PairedTranslation",
    "PictureFiles",
    "PictureSet",
    "PointData",
    "PretrainedModel",
    "Prior",
    "Progress",
    "Reading",
    "Recipe",
    "Record",
    "Regularizer",
    "Resolution",
    "SamplingNetwork",
    "Schedule",
    "Score",
    "Shapes",
    "StyleBased",
    "Task",
    "TextConditional",
    "TextMatcher",
    "Trainer",
    "TrainingOptions",
    "Unconditional",
    "UnreadableImage",
    "Update",
    "at_least_float32",
    "changed_by",
    "check_multiple",
    "create",
    "diffuse",
    "discriminate",
    "draw_latent",
    "draw_text",
    "draw_truncated",
    "encode_text",
    "evaluate",
    "feature_loss",
    "first_map",
    "fool",
    "frozen",
    "fuse_layers",
    "gather_rows",
    "hookimpl",
    "image_size",
    "load",
    "load_data",
    "models",
    "own_rows",
    "pull",
    "read_picture",
    "read_sizes",
    "split_words",
    "verified_path",
]

# These names are imported on first use (PEP 562), so that `import ganzoo` and `ganzoo list` do not import torch.
_LAZY = {
    "data.datasets": ("Domains", "ImageData"),
    "data.load": ("load_data",),
    "data.toy_distributions": ("Mixture", "PointData"),
    "distributed.processes": ("gather_rows", "own_rows"),
    "evaluation.adversarial": ("AdversarialExamples", "fool"),
    "evaluation.evaluate": ("evaluate",),
    "evaluation.extractors": ("feature_loss",),
    "evaluation.result": ("Evaluation", "Score"),
    "images.changes": ("changed_by", "diffuse"),
    "images.files": ("read_picture",),
    "interface.attention": ("DotProductAttention",),
    "interface.defect": ("Defect",),
    "interface.engine": ("EngineFunctions", "SamplingNetwork"),
    "interface.extractor": ("ExtractorOutput", "Extractor", "ImageDistance"),
    "interface.fusing": ("fuse_layers",),
    "interface.gan": (
        "GAN",
        "AdaptiveAugmentation",
        "AdversarialLoss",
        "Batch",
        "DiscriminatorOutput",
        "GeneratorOutput",
        "Inputs",
        "TextMatcher",
        "Update",
        "discriminate",
        "frozen",
    ),
    "interface.latents": ("Prior", "draw_latent", "draw_text", "draw_truncated"),
    "pretrained.files": ("verified_path",),
    "pretrained.load": ("load", "pull"),
    "registry.lookup": ("create", "models"),
    "sampling.directions": ("Directions",),
    "sampling.inversion": ("Inversion",),
    "sampling.model": ("Model",),
    "training.loop": ("Loop",),
    "training.plan": ("TrainingOptions",),
    "training.record": ("Record",),
    "training.trainer": ("Trainer",),
    "utils.precision": ("at_least_float32",),
}
_HOME = {name: f"ganzoo.{module}" for module, names in _LAZY.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*__all__, *(name for name in globals() if name.startswith("__"))])

"""The records that a plugin declares: plain frozen data, checked when made, free of torch."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from ganzoo.errors import PluginError
from ganzoo.interface.configs import Config
from ganzoo.interface.tasks import Task

if TYPE_CHECKING:
    from torch import Tensor

    from ganzoo.interface.extractor import Extractor
    from ganzoo.interface.gan import GAN, AdversarialLoss, DiscriminatorOutput

__all__ = [
    "API",
    "Architecture",
    "Augmentation",
    "BundledFile",
    "Derived",
    "FeatureExtractor",
    "HubFile",
    "Layout",
    "Loss",
    "PretrainedModel",
    "Reading",
    "Recipe",
    "Regularizer",
    "Schedule",
    "Shapes",
]

API = (2, 0)
"""The version of this interface. Another major breaks plugins; a newer minor only adds."""

Shapes = Mapping[str, tuple[int, ...]]
"""The tensors of a state dict by name, as shapes alone."""

_NAME = re.compile(r"[a-z0-9]+(?:[._-][a-z0-9]+)*")
_REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_REVISION = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How to train on a data set: values in place of the defaults of the config and of the training options."""

    config: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("config", "options"):
            object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """A way to build a GAN.

    `config` is a frozen dataclass whose defaults are the paper's. `build(config, loss)` is the only
    function of a declaring module that imports torch, and does so inside its body. `recipes` say by
    name of the data set how to train on it; that named ``*`` is for all others. `tiny` overrides
    fields of the config so that a test can train it in a moment.
    """

    name: str
    summary: str
    paper: str
    task: type[Task]
    config: type[Config]
    default_loss: str
    build: Callable[[Any, AdversarialLoss], GAN]
    recipes: Mapping[str, Recipe] = field(default_factory=dict)
    tiny: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _check_name(self.name)
        if not (isinstance(self.task, type) and issubclass(self.task, Task)):
            raise PluginError(f"architecture {self.name}: task {self.task!r} is no type of ganzoo.tasks")
        if not _is_frozen_dataclass(self.config):
            raise PluginError(f"architecture {self.name}: config {self.config!r} is not a frozen dataclass")
        for data, recipe in self.recipes.items():
            if not isinstance(recipe, Recipe):
                raise PluginError(f"architecture {self.name}: the recipe for {data} is {recipe!r}, no Recipe")
        for name in ("recipes", "tiny"):
            object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))

    def recipe(self, data: str) -> Recipe:
        """How to train on the data set of that name."""
        return self.recipes.get(data) or self.recipes.get("*") or Recipe()


@dataclass(frozen=True, kw_only=True)
class Loss:
    """An adversarial loss; `load()` imports torch and returns the pair of functions."""

    name: str
    summary: str
    paper: str
    load: Callable[[], AdversarialLoss]

    def __post_init__(self) -> None:
        _check_name(self.name)


@dataclass(frozen=True, kw_only=True)
class Regularizer:
    """A penalty on discriminators; `load()` imports torch and returns it, a function to a scalar.

    What is added to the discriminator's losses is its value times a weight, by default `weight`.
    `losses` are the adversarial losses that it makes sense with, if not with all.
    """

    name: str
    summary: str
    paper: str
    weight: float
    losses: tuple[str, ...] = ()
    load: Callable[[], Callable[[DiscriminatorOutput], Tensor]]

    def __post_init__(self) -> None:
        _check_name(self.name)


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """A change to all that discriminators look at in training, real or not (DiffAugment, arXiv:2006.10738).

    `load()` imports torch and returns a differentiable function from (N, C, H, W) to the same shape
    that draws for each image on its own, from PyTorch's global random state.
    """

    name: str
    summary: str
    paper: str
    load: Callable[[], Callable[[Tensor], Tensor]]

    def __post_init__(self) -> None:
        _check_name(self.name)


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """How learning rates change: `factor(progress, setting)` multiplies them.

    `progress` is the part of the run that is done, in [0, 1); `setting` is one number that the user
    may give, by default `default`.
    """

    name: str
    summary: str
    default: float
    factor: Callable[[float, float], float]

    def __post_init__(self) -> None:
        _check_name(self.name)


@dataclass(frozen=True, kw_only=True)
class HubFile:
    """One file of a Hugging Face Hub repository, pinned by commit and by content.

    `size` is in bytes, None where it is not known exactly (the digest decides). `layout` names the
    foreign layout that the file is in; None means safetensors with our own names.
    """

    repo: str
    revision: str
    filename: str
    sha256: str
    size: int | None = None
    repo_type: str = "model"
    layout: str | None = None

    def __post_init__(self) -> None:
        if not _REPOSITORY.fullmatch(self.repo) or self.repo_type not in ("model", "dataset", "space"):
            raise PluginError(f"{self.repo_type} {self.repo!r} is no owner/name of a model, dataset or space")
        if not self.filename or ".." in self.filename.split("/") or self.filename.startswith("/"):
            raise PluginError(f"{self.repo}: {self.filename!r} is no path inside a repository")
        if not _REVISION.fullmatch(self.revision):
            raise PluginError(f"{self.repo}: revision {self.revision!r} is not a 40-digit commit")
        _check_sha256(self.repo, self.sha256)


@dataclass(frozen=True, kw_only=True)
class BundledFile:
    """A safetensors file that is shipped inside `package` at `path`."""

    package: str
    path: str
    sha256: str

    def __post_init__(self) -> None:
        _check_sha256(f"{self.package}/{self.path}", self.sha256)


@dataclass(frozen=True, kw_only=True)
class FeatureExtractor:
    """A pretrained network whose features images are compared by.

    `source` is the paper or the code that it comes from. `dataset` is what it was trained on: metrics mean
    most for images of that kind. It returns `num_features` features and `num_classes` logits for each image.
    `accepts` tells people what happens to images of other sizes and colors. `build()` imports torch and
    returns the network without its weights; its state dict has the names of the file.
    """

    name: str
    summary: str
    source: str
    dataset: str
    license: str | None
    num_features: int
    num_classes: int
    accepts: str
    weights: HubFile | BundledFile
    build: Callable[[], Extractor]

    def __post_init__(self) -> None:
        _check_name(self.name)
        _check_weights(f"feature extractor {self.name}", self.weights)
        if isinstance(self.weights, HubFile) and self.weights.layout is not None:
            raise PluginError(
                f"feature extractor {self.name}: its weights have a layout, which only those of models may have"
            )


@dataclass(frozen=True, kw_only=True)
class PretrainedModel:
    """Trained weights of an architecture, and what one must know to use them.

    `name` is ``<architecture>-<what it learned>``; a dot and a tag mark another party's weights for
    the same thing. `license` is None where its publisher states none.
    """

    name: str
    architecture: str
    summary: str
    dataset: str
    license: str | None
    weights: HubFile | BundledFile
    config: Mapping[str, Any] = field(default_factory=dict)
    classes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _check_name(self.name)
        _check_weights(f"model {self.name}", self.weights)
        for fact in ("architecture", "summary", "dataset"):
            if not isinstance(getattr(self, fact), str):
                raise PluginError(f"model {self.name}: {fact} {getattr(self, fact)!r} is no text")
        object.__setattr__(self, "classes", tuple(self.classes))
        object.__setattr__(self, "config", MappingProxyType(dict(self.config)))


@dataclass(frozen=True)
class Derived:
    """A tensor that a checkpoint does not hold as such: what `make` makes of those that it holds, in that order."""

    sources: tuple[str, ...]
    make: Callable[..., Tensor]


@dataclass(frozen=True, kw_only=True)
class Reading:
    """How a layout reads one checkpoint: the config its shapes imply, and where each of our tensors is.

    `tensors` maps our names to the checkpoint's, or to what is derived from these; `ignored` are the
    checkpoint's names that carry nothing for the network. Any name in neither is an error. `classes` are the
    names of its classes, where whoever writes such files means the same ones always.
    """

    config: Mapping[str, Any]
    tensors: Mapping[str, str | Derived]
    ignored: frozenset[str] = frozenset()
    classes: tuple[str, ...] = ()

    @property
    def read(self) -> set[str]:
        """The checkpoint's names of all that is read."""
        found = self.tensors.values()
        return {name for each in found for name in (each.sources if isinstance(each, Derived) else (each,))}


@dataclass(frozen=True, kw_only=True)
class Layout:
    """The naming that another code base gives to an architecture's tensors.

    `read(shapes)` looks at names and shapes alone and returns None for a checkpoint that is not in
    this layout. `source` is the public code that writes such files, `example` some names in them, by
    which people tell them apart.
    """

    name: str
    architecture: str
    source: str
    read: Callable[[Shapes], Reading | None]
    example: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _check_name(self.name)


def _is_frozen_dataclass(kind: Any) -> bool:
    parameters = getattr(kind, "__dataclass_params__", None) if isinstance(kind, type) else None
    return bool(getattr(parameters, "frozen", False))


def _check_name(name: Any) -> None:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise PluginError(f"{name!r} is not a name: lower-case letters and digits, joined by '-', '.' or '_'")


def _check_weights(what: str, weights: Any) -> None:
    if not isinstance(weights, (HubFile, BundledFile)):
        raise PluginError(f"{what}: weights {weights!r} are no HubFile or BundledFile")


def _check_sha256(what: str, digest: str) -> None:
    if not isinstance(digest, str) or not _SHA256.fullmatch(digest):
        raise PluginError(f"{what}: sha256 {digest!r} is not 64 lower-case hex digits")

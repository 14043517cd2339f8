"""The records that a plugin declares. They are frozen and checked when they are made. No torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from typing import TYPE_CHECKING, Any

from ganzoo.errors import PluginError
from ganzoo.interface.configs import Config
from ganzoo.interface.records import CheckedRecord, NamedRecord, is_frozen, label_of
from ganzoo.interface.tasks import Task
from ganzoo.interface.weights_files import BundledFile, WeightsFile

if TYPE_CHECKING:
    from torch import Tensor

    from ganzoo.interface.defect import Defect
    from ganzoo.interface.engine import EngineFunctions
    from ganzoo.interface.extractor import Extractor
    from ganzoo.interface.gan import GAN, AdversarialLoss, DiscriminatorOutput, GeneratorOutput

__all__ = [
    "API",
    "Architecture",
    "Augmentation",
    "Degradation",
    "Engine",
    "ExportFormat",
    "FeatureExtractor",
    "Loss",
    "PretrainedModel",
    "Recipe",
    "Regularizer",
    "Schedule",
]

API = (2, 0)
"""The version of this interface. Another major version breaks plugins. A newer minor version only adds to it."""


class Recipe(CheckedRecord):
    """How to train on a data set: values that replace defaults of the config and of the training options.

    `rule(config, options)` returns more options, those that depend on the config and on other options, such as a
    penalty whose weight follows the resolution. It gets the config, and all options that are known, by name.
    """

    config: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    rule: Callable[[Any, Mapping[str, Any]], Mapping[str, Any]] | None = None


class Architecture(NamedRecord):
    """A way to build a GAN.

    `paper` is where it was published. `config` is a frozen dataclass whose defaults are the paper's. `default_loss` is
    the name of a loss. `build(config, loss)` returns the GAN; it imports torch inside its body, since the module that
    declares it must not. `recipes` maps the name of a data set to its recipe; the recipe ``*`` is for all other data.
    A recipe may also have a name that is no data set, by which users ask for it.
    `tiny` are config values that make the GAN small enough for a test to train it in a moment.

    Raises:
        PluginError: the name is not a name, a value has the wrong type, or `config` is not a frozen dataclass.
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
        super().__post_init__()
        if not is_frozen(self.config):
            text = f"{label_of(self)}: config is {self.config!r}, not a frozen dataclass"
            raise PluginError(f"{text} - decorate it with @dataclass(frozen=True)")

    def recipe(self, data: str) -> Recipe:
        """The recipe for the data set of that name; without one, the recipe ``*`` or an empty one."""
        return self.recipes.get(data) or self.recipes.get("*") or Recipe()


class Loss(NamedRecord):
    """An adversarial loss. `load()` imports torch and returns the loss."""

    name: str
    summary: str
    paper: str
    load: Callable[[], AdversarialLoss]


class Regularizer(NamedRecord):
    """A penalty on discriminators. `load()` imports torch and returns it, a function that returns a scalar.

    Training adds the scalar times a weight to the losses of the discriminator. `weight` is the default weight.
    `losses` are the names of the adversarial losses that the penalty makes sense with. None listed means all losses.
    With `on_generator`, it is a penalty on generators: it gets a `GeneratorOutput`, and the scalar is added to the
    losses of the generator. A penalty with state is a module: its buffers are part of checkpoints.
    """

    name: str
    summary: str
    paper: str
    weight: float
    losses: tuple[str, ...] = ()
    on_generator: bool = False
    load: Callable[[], Callable[[DiscriminatorOutput], Tensor] | Callable[[GeneratorOutput], Tensor]]


class Augmentation(NamedRecord):
    """A change to all images that discriminators see in training, real and generated (arXiv:2006.10738).

    `load()` imports torch and returns a differentiable function from images (N, C, H, W) to images of the same shape.
    The function changes each image differently, with random numbers from PyTorch's global random state. It may be an
    `AdaptiveAugmentation`, whose strength follows the discriminators.
    """

    name: str
    summary: str
    paper: str
    load: Callable[[], Callable[[Tensor], Tensor]]


class Degradation(NamedRecord):
    """A known defect of pictures, which a generator can undo: it searches for an image that looks the same behind it.

    `setting` names what users write after ``NAME=``, such as ``SIGMA``. It is empty for a degradation without settings.
    `load()` imports torch and returns a function. The function takes the text of the setting and the shape (C, H, W) of
    undamaged images, and returns the `Defect`. It raises InvalidRequestError for a setting that makes no sense.
    """

    name: str
    summary: str
    setting: str = ""
    load: Callable[[], Callable[[str, tuple[int, int, int]], Defect]]


class Schedule(NamedRecord):
    """How learning rates change during a run: they are multiplied by `factor(progress, setting)`.

    `progress` is the finished part of the run, in [0, 1). `setting` is a number that the user may give. `default` is
    its default.
    """

    name: str
    summary: str
    default: float
    factor: Callable[[float, float], float]


class FeatureExtractor(NamedRecord):
    """A pretrained network that computes features of images, by which image sets are compared.

    `source` is the paper or the code that it comes from. `dataset` is what it was trained on; evaluation is most
    meaningful for similar images. For each image it returns `num_features` features and `num_classes` logits, 0 if it
    is no classifier. `classes` are the names of these classes, if they have any. `accepts` tells people what happens to
    images of other sizes and colors, and `channels` are the numbers of channels that it takes. `input_size` is the side
    of the square that it resizes all images to; None if it takes them as they are.

    `weights` is the file of its weights, and `heads` a second one, for layers that were trained on top of a network of
    others. `build()` imports torch and returns the network without its weights. Its state dict has the names that the
    files have, or those that `adapt(tensors)` returns for the tensors of the files.

    Raises:
        PluginError: the name is not a name, a value has the wrong type, the weights have a layout, or the number of
            class names is wrong.
    """

    name: str
    summary: str
    source: str
    dataset: str
    license: str | None
    num_features: int
    num_classes: int
    accepts: str
    weights: WeightsFile
    build: Callable[[], Extractor]
    classes: tuple[str, ...] = ()
    channels: tuple[int, ...] = (1, 3)
    input_size: int | None = None
    heads: WeightsFile | None = None
    adapt: Callable[[Mapping[str, Tensor]], Mapping[str, Tensor]] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.classes and len(self.classes) != self.num_classes:
            text = f"{label_of(self)}: it names {len(self.classes)} classes and has {self.num_classes}"
            raise PluginError(f"{text} - name all of them, or none")
        for file in self.files:
            if not isinstance(file, BundledFile) and file.layout is not None:
                text = f"{label_of(self)}: its weights have the layout {file.layout!r}"
                raise PluginError(f"{text} - only the weights of a PretrainedModel may have one")

    @property
    def files(self) -> tuple[WeightsFile, ...]:
        """All files of its weights."""
        return (self.weights,) if self.heads is None else (self.weights, self.heads)

    @property
    def digest(self) -> str:
        """The SHA-256 of its files, which tells these weights from any other."""
        return "+".join(file.sha256 for file in self.files)


class ExportFormat(NamedRecord):
    """The form in which an engine keeps a model, as a file that works without ganzoo: `ganzoo export --format NAME`.

    `files` are the names of all files that the engine's `prepare` writes for a model, the one that users open first.
    They differ only in their endings. `usage` is Python code of two lines that runs the first file, with ``FILE`` for
    its path and ``INPUTS`` for a dictionary of NumPy arrays; it leaves the images in ``image``.
    """

    name: str
    files: tuple[str, ...]
    usage: str

    @property
    def ending(self) -> str:
        """The ending of the file that users open."""
        return f".{self.files[0].rpartition('.')[2]}"


class Engine(NamedRecord):
    """What computes images with a trained network: PyTorch's own operations, or another library.

    `source` is where the library comes from. `devices` are the types of the devices that it computes on, such as
    ``cpu``. `requires` are the distributions that it needs, and `install` is the command that installs them. `speed`
    is how many times as fast as ``torch`` it usually is, by type of device; ``auto`` means the fastest installed one,
    and never one without a number. `load()` imports the library and returns the functions that prepare and run a
    network. `format` is the form of its files, if `ganzoo export` can write them.
    """

    name: str
    summary: str
    source: str
    devices: tuple[str, ...]
    requires: tuple[str, ...] = ()
    install: str = ""
    speed: Mapping[str, float] = field(default_factory=dict)
    format: ExportFormat | None = None
    load: Callable[[], EngineFunctions]


class PretrainedModel(NamedRecord):
    """Trained weights of an architecture, and what a user must know about them.

    `name` is ``<architecture>-<what it learned>``. A dot and a tag at its end mark weights that somebody else
    published. `license` is None if the publisher states none. `config` are the values that differ from the defaults of
    the architecture's config. `classes` are the names of its classes, if it has any. `depth` is the number of bits of
    each channel in the images that it learned from: 8, or 16.

    Raises:
        PluginError: the name is not a name, a value has the wrong type, or there is no such depth.
    """

    name: str
    architecture: str
    summary: str
    dataset: str
    license: str | None
    weights: WeightsFile
    config: Mapping[str, Any] = field(default_factory=dict)
    classes: tuple[str, ...] = ()
    depth: int = 8

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.depth not in (8, 16):
            raise PluginError(f"{label_of(self)}: depth is 8 or 16, not {self.depth}")

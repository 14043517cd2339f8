"""Where a model comes from: the registry, a folder or the Hub.

Each source tells what is known of its model, and brings and reads its weights. All of them have the same properties
and methods. Importing this module does not import torch.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganzoo.errors import CorruptWeightsError, UnknownNameError
from ganzoo.hub import download, references
from ganzoo.hub.pins import Pinned
from ganzoo.hub.references import Reference
from ganzoo.interface.specs import FeatureExtractor, PretrainedModel
from ganzoo.interface.weights_files import BundledFile, HubFile, WeightsFile
from ganzoo.pretrained.files import local_path, match_layout, read_weights, weights_path
from ganzoo.pretrained.info import ModelInfo, read_info
from ganzoo.utils.files import expand_home, sha256_of
from ganzoo.utils.progress import Progress, silent
from ganzoo.weights.folder import CONFIG, DISCRIMINATOR, WEIGHTS
from ganzoo.weights.layouts import rename
from ganzoo.weights.tensors import read_tensors

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Folder", "HubReference", "Registered", "RegisteredExtractor", "Source"]


@dataclass(frozen=True)
class _Record:
    """A record that a plugin declares. `name` is the name that the user typed."""

    name: str
    record: PretrainedModel | FeatureExtractor

    def __str__(self) -> str:
        return self.name

    @property
    def weights(self) -> WeightsFile:
        """Where the weights are."""
        return self.record.weights

    @property
    def on_hub(self) -> bool:
        """Whether the weights are on the Hub, and not part of an installed package."""
        return isinstance(self.record.weights, HubFile)

    @property
    def bundled(self) -> bool:
        """Whether the weights are part of the plugin that declares them."""
        return isinstance(self.record.weights, BundledFile)

    def fetch(self, *, progress: Progress = silent) -> Path:
        """Return the weights file, downloaded and verified if it is on the Hub.

        Raises:
            WeightsError: the file cannot be downloaded or converted, or the package that has it is not installed.
        """
        return weights_path(self.record, progress=progress)


@dataclass(frozen=True)
class Registered(_Record):
    """A model that a plugin declares."""

    record: PretrainedModel

    @property
    def model_name(self) -> str:
        """The name that the loaded model gets."""
        return self.name

    @property
    def info(self) -> ModelInfo:
        """What the plugin declares."""
        record = self.record
        return ModelInfo(
            name=self.name,
            architecture=record.architecture,
            config=record.config,
            dataset=record.dataset,
            classes=record.classes,
            sha256=record.weights.sha256,
            license=record.license,
            summary=record.summary,
            depth=record.depth,
        )

    def check(self, path: Path) -> None:
        """Refuse a file that the declared layout does not fit. `path` is what `fetch` returned.

        Raises:
            LayoutError: the layout does not fit the file.
        """
        match_layout(self.record, path)

    def read(self, path: Path) -> tuple[Mapping[str, Any], Mapping[str, Tensor]]:
        """Read the config and the tensors, under ganzoo's names. `path` is what `fetch` returned.

        Raises:
            WeightsError: the file is damaged, or its layout is another one.
            NonFiniteError: the weights contain NaN or infinity.
        """
        tensors = read_weights(self.record, path)
        match = match_layout(self.record, path)
        if match is None:
            return self.record.config, tensors
        return {**match.reading.config, **self.record.config}, rename(tensors, match)

    def read_discriminator(self, *, progress: Progress = silent) -> Mapping[str, Tensor]:
        """Return no tensors: a plugin declares the generator alone."""
        return {}


class _Published(ABC):
    """What a published folder and a repository of the Hub have in common."""

    @property
    @abstractmethod
    def info(self) -> ModelInfo: ...

    def check(self, path: Path) -> None:
        """Refuse weights that ``config.json`` does not describe. `path` is what `fetch` returned.

        Raises:
            CorruptWeightsError: the file cannot be read, or its digest is not the one in ``config.json``.
        """
        expected = self.info.sha256
        try:
            found = sha256_of(path)
        except OSError as error:
            text = f"{self.info.name}: {WEIGHTS} cannot be read: {error.strerror}"
            raise CorruptWeightsError(f"{text} - export or download the model again") from error
        if found != expected:
            text = f"{self.info.name}: {WEIGHTS} has sha256 {found[:12]}..., but {CONFIG} says {expected[:12]}..."
            raise CorruptWeightsError(f"{text} - the file is damaged: get it again")

    def read(self, path: Path) -> tuple[Mapping[str, Any], Mapping[str, Tensor]]:
        """Read the config, and the tensors as they are named in the file. `path` is what `fetch` returned.

        Raises:
            WeightsError: the file is damaged.
            NonFiniteError: the weights contain NaN or infinity.
        """
        return self.info.config, read_tensors(path, sha256=self.info.sha256)

    def read_discriminator(self, *, progress: Progress = silent) -> Mapping[str, Tensor]:
        """Read the tensors that only training needs; there are none if they were not published.

        Raises:
            WeightsError: the file is damaged, or cannot be downloaded.
        """
        digest = self.info.discriminator
        return read_tensors(self._fetch_discriminator(progress), sha256=digest) if digest else {}

    @abstractmethod
    def _fetch_discriminator(self, progress: Progress) -> Path: ...


@dataclass(frozen=True)
class Folder(_Published):
    """A published folder, such as that of a run. `name` is the path that the user typed."""

    name: str
    path: Path

    @classmethod
    def at(cls, path: str | Path) -> Folder:
        """The folder at a path, in which ``~`` is the home folder.

        Raises:
            UnknownNameError: there is no such folder.
        """
        folder = expand_home(path)
        if not folder.is_dir():
            known = "name the folder of a run, or a model that `ganzoo list` shows"
            raise UnknownNameError(f"there is no folder {path} - {known}")
        return cls(str(path), folder)

    def __str__(self) -> str:
        return self.name

    @property
    def model_name(self) -> str:
        """The name that the loaded model gets."""
        return self.path.resolve().name

    @cached_property
    def info(self) -> ModelInfo:
        """What ``config.json`` says.

        Raises:
            CorruptWeightsError: the folder is not a published model.
            UnknownNameError: no installed plugin provides the architecture.
        """
        return read_info(self.path, of=self.name)

    @property
    def weights(self) -> Path:
        """Where the weights are."""
        return self.path / WEIGHTS

    @property
    def on_hub(self) -> bool:
        """Whether the weights are on the Hub."""
        return False

    @property
    def bundled(self) -> bool:
        """Whether nothing is to be fetched."""
        return True

    def fetch_folder(self) -> Path:
        """Return the folder with ``config.json`` and ``model.safetensors``."""
        return self.path

    def fetch(self, *, progress: Progress = silent) -> Path:
        """Return the weights file. Nothing is downloaded."""
        return self.weights

    def _fetch_discriminator(self, progress: Progress) -> Path:
        return self.path / DISCRIMINATOR


@dataclass(frozen=True)
class HubReference(_Published):
    """A repository of the Hub that `ganzoo publish` wrote. `asked` is what the user typed.

    The Hub is asked once, when a commit or a file is needed for the first time. Every property but `asked` then
    means that commit, and raises PullError if the Hub cannot be reached or has no such repository or revision.
    """

    asked: Reference

    def __str__(self) -> str:
        return str(self.asked)

    @cached_property
    def pinned(self) -> Reference:
        """The reference with the commit that it means now."""
        return references.pin(self.asked)

    @property
    def name(self) -> str:
        """The pinned reference, as users type it."""
        return str(self.pinned)

    @property
    def model_name(self) -> str:
        """The name that the loaded model gets."""
        return self.name

    @cached_property
    def _files(self) -> tuple[Pinned, Pinned]:
        return references.pinned_files(self.pinned)

    @cached_property
    def info(self) -> ModelInfo:
        """What ``config.json`` says. The weights are not downloaded.

        Raises:
            WeightsError: the file cannot be downloaded, or the repository does not hold a published model.
            UnknownNameError: no installed plugin provides the architecture.
        """
        return read_info(download.fetch(self._files[0]).parent, of=self.name)

    @property
    def weights(self) -> Pinned:
        """Where the weights are."""
        return self._files[1]

    @property
    def on_hub(self) -> bool:
        """Whether the weights are on the Hub."""
        return True

    @property
    def bundled(self) -> bool:
        """Whether nothing is to be fetched."""
        return False

    def fetch_folder(self, *, progress: Progress = silent) -> Path:
        """Download and verify ``config.json`` and ``model.safetensors``, and return their folder.

        Raises:
            WeightsError: a file cannot be downloaded, or has the wrong bytes.
        """
        config, weights = self._files
        download.fetch(weights, progress=progress)
        return download.fetch(config).parent

    def fetch(self, *, progress: Progress = silent) -> Path:
        """Download and verify the weights file, and return it.

        Raises:
            WeightsError: the file cannot be downloaded, or has the wrong bytes.
        """
        return self.fetch_folder(progress=progress) / WEIGHTS

    def _fetch_discriminator(self, progress: Progress) -> Path:
        return download.fetch(references.pinned_discriminator(self.pinned), progress=progress)


Source = Registered | Folder | HubReference
"""Where a model comes from."""


@dataclass(frozen=True)
class RegisteredExtractor(_Record):
    """A feature extractor that a plugin declares: `ganzoo pull` fetches its weights, but it is not a model."""

    record: FeatureExtractor

    def fetch(self, *, progress: Progress = silent) -> Path:
        """Return the weights file, after all files of the weights are there and verified."""
        path, *_ = [local_path(file, progress=progress) for file in self.record.files]
        return path

    def check(self, path: Path) -> None:
        """Nothing is left to check: `fetch` has verified the file."""

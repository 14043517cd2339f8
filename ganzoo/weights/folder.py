"""Published folders: a trained model as two files, ``config.json`` and ``model.safetensors``.

A third file, ``discriminator.safetensors``, may hold the networks that only training needs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from ganzoo.errors import CorruptWeightsError, OutputError, one_line
from ganzoo.utils.files import atomic_write, check_writable, sha256_of
from ganzoo.utils.json_files import read_object
from ganzoo.weights.tensors import check_finite, write_tensors

if TYPE_CHECKING:
    from torch import Tensor


__all__ = ["CONFIG", "DISCRIMINATOR", "WEIGHTS", "Description", "check_replaceable", "read_description", "write_folder"]

CONFIG = "config.json"
WEIGHTS = "model.safetensors"
DISCRIMINATOR = "discriminator.safetensors"

_OPTIONAL = ("assumptions", "discriminator", "depth")
"""The entries of ``config.json`` that are left out if they have their default."""


class Description(NamedTuple):
    """The content of ``config.json``: how to build the network, and the SHA-256 of its weights.

    `plugin` is the distribution that provides the architecture, or an empty text for ganzoo itself. `assumptions` are
    the config fields that an imported file did not tell. `discriminator` is the SHA-256 of the file with the networks
    that only training needs, or an empty text if there is none. `depth` is the number of bits of each channel in the
    images that it learned from.
    """

    architecture: str
    config: Mapping[str, Any]
    dataset: str
    classes: tuple[str, ...] = ()
    sha256: str = ""  # `write_folder` fills it in, and `read_description` requires it
    plugin: str = ""
    assumptions: tuple[str, ...] = ()
    discriminator: str = ""  # `write_folder` fills it in
    depth: int = 8


def write_folder(
    folder: Path,
    tensors: Mapping[str, Tensor],
    description: Description,
    *,
    half: bool = False,
    discriminator: Mapping[str, Tensor] = MappingProxyType({}),
) -> None:
    """Write a published folder. `half` stores floating-point weights in 16 bits, which halves the size.

    `discriminator` holds the tensors that only training needs; if there are any, they get a file of their own.

    ``config.json`` holds the digest of the weights and is written last. If the second write fails, the digest is
    wrong, and the folder cannot be read with the weights of another model.

    Raises:
        NonFiniteError: a weight is NaN or infinite, or too large for 16 bits.
    """
    folder.mkdir(parents=True, exist_ok=True)
    stored = {name: t.half() if half and t.is_floating_point() else t for name, t in tensors.items()}
    check_finite(stored, of=f"{folder / WEIGHTS} in 16 bits" if half else str(folder / WEIGHTS))
    check_finite(discriminator, of=str(folder / DISCRIMINATOR))
    write_tensors(folder / WEIGHTS, stored, {"architecture": description.architecture})
    complete = description._replace(
        config=dict(description.config),
        sha256=sha256_of(folder / WEIGHTS),
        discriminator=_write_discriminator(folder, discriminator),
    )
    with atomic_write(folder / CONFIG) as temporary:
        # Versions that do not know an entry can read the folders that do not need it.
        usual = {name: Description._field_defaults[name] for name in _OPTIONAL}
        entries = {name: value for name, value in complete._asdict().items() if usual.get(name, ...) != value}
        temporary.write_text(json.dumps(entries, indent=2) + "\n")


def _write_discriminator(folder: Path, tensors: Mapping[str, Tensor]) -> str:
    """Write the tensors that only training needs, or delete what an earlier model has left. Returns the digest."""
    path = folder / DISCRIMINATOR
    if not tensors:
        path.unlink(missing_ok=True)
        return ""
    write_tensors(path, tensors)
    return sha256_of(path)


def check_replaceable(folder: Path, *, overwrite: bool) -> None:
    """Check that a model can be written to `folder`.

    Raises:
        OutputError: it holds a model and `overwrite` is off, or it cannot be written to.
    """
    check_writable(folder)
    if (folder / CONFIG).exists() and not overwrite:
        raise OutputError(f"{folder} holds a model - replace it with --overwrite, or choose another folder")


def read_description(folder: Path) -> Description:
    """Read the ``config.json`` of a published folder.

    Raises:
        CorruptWeightsError: ``config.json`` is missing or malformed.
    """
    try:
        description = Description(**read_object(folder / CONFIG))
        _check_types(description)
        return description._replace(classes=tuple(description.classes), assumptions=tuple(description.assumptions))
    except (OSError, ValueError, TypeError) as error:
        problem = getattr(error, "strerror", None) or one_line(error)
        raise CorruptWeightsError(f"{folder} is no published model - its {CONFIG}: {problem}") from error


def _check_types(description: Description) -> None:
    digest = description.discriminator
    texts = (description.architecture, description.dataset, description.sha256, description.plugin, digest)
    if not isinstance(description.assumptions, (list, tuple)) or not all(map(_is_text, description.assumptions)):
        raise TypeError("assumptions must be a list of texts")
    if not isinstance(description.classes, list) or not all(isinstance(t, str) for t in (*texts, *description.classes)):
        raise TypeError("architecture, dataset, digests and plugin must be texts, and classes a list of texts")
    if description.depth not in (8, 16):
        raise TypeError(f"depth must be 8 or 16, not {description.depth!r}")
    if not isinstance(description.config, dict) or len(description.sha256) != 64 or len(digest) not in (0, 64):
        raise TypeError("config must be a mapping, and sha256 must have 64 digits")


def _is_text(value: object) -> bool:
    return isinstance(value, str)

"""Published folders: what a trained model is exchanged as, ``config.json`` and ``model.safetensors``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ganzoo.errors import CorruptWeightsError, OutputError, one_line
from ganzoo.utils.files import atomic_write, check_writable, sha256_of
from ganzoo.weights.tensors import check_finite, write_tensors

if TYPE_CHECKING:
    from torch import Tensor


__all__ = ["CONFIG", "WEIGHTS", "Description", "check_replaceable", "read_description", "write_folder"]

CONFIG = "config.json"
WEIGHTS = "model.safetensors"


class Description(NamedTuple):
    """What ``config.json`` says: how to build the network, and the digest of its weights.

    `plugin` is the distribution that provides the architecture, empty for one of ganzoo's own.
    """

    architecture: str
    config: Mapping[str, Any]
    dataset: str
    classes: tuple[str, ...] = ()
    sha256: str = ""  # filled in by `write_folder`, demanded by `read_description`
    plugin: str = ""


def write_folder(folder: Path, tensors: Mapping[str, Tensor], description: Description, *, half: bool = False) -> None:
    """Write a published folder; `half` stores floating-point weights in 16 bits, half the size.

    ``config.json`` states the digest and is written last: between the two files the folder is refused,
    never read with another model's weights.
    """
    folder.mkdir(parents=True, exist_ok=True)
    stored = {name: t.half() if half and t.is_floating_point() else t for name, t in tensors.items()}
    check_finite(stored, of=f"{folder / WEIGHTS} in 16 bits" if half else str(folder / WEIGHTS))
    write_tensors(folder / WEIGHTS, stored, {"architecture": description.architecture})
    complete = description._replace(config=dict(description.config), sha256=sha256_of(folder / WEIGHTS))
    with atomic_write(folder / CONFIG) as temporary:
        temporary.write_text(json.dumps(complete._asdict(), indent=2) + "\n")


def check_replaceable(folder: Path, *, overwrite: bool) -> None:
    """Refuse a folder that holds a model already, unless it may be replaced.

    Raises:
        OutputError: it does, or it cannot be written.
    """
    check_writable(folder)
    if (folder / CONFIG).exists() and not overwrite:
        raise OutputError(f"{folder} holds a model - replace it with --overwrite, or choose another folder")


def read_description(folder: Path) -> Description:
    """What a published folder says of itself.

    Raises:
        CorruptWeightsError: ``config.json`` is missing or malformed.
    """
    try:
        description = Description(**json.loads((folder / CONFIG).read_text()))
        _check_types(description)
        return description._replace(classes=tuple(description.classes))
    except (OSError, ValueError, TypeError, RecursionError) as error:
        problem = getattr(error, "strerror", None) or one_line(error)
        raise CorruptWeightsError(f"{folder} is no published model - its {CONFIG}: {problem}") from error


def _check_types(description: Description) -> None:
    texts = (description.architecture, description.dataset, description.sha256, description.plugin)
    if not isinstance(description.classes, list) or not all(isinstance(t, str) for t in (*texts, *description.classes)):
        raise TypeError("architecture, dataset, sha256 and plugin are texts, classes is a list of texts")
    if not isinstance(description.config, dict) or len(description.sha256) != 64:
        raise TypeError("config is a mapping, sha256 has 64 digits")

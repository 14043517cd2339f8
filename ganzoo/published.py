"""Published folders: what a trained model is exchanged as, ``config.json`` and ``model.safetensors``."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ganzoo.errors import CorruptWeightsError, one_line
from ganzoo.files import replacing
from ganzoo.weights import sha256_of, write_tensors

if TYPE_CHECKING:
    from torch import Tensor

    from ganzoo.gan import GAN

__all__ = ["CONFIG", "WEIGHTS", "Description", "published_tensors", "read_description", "write_folder"]

CONFIG = "config.json"
WEIGHTS = "model.safetensors"


class Description(NamedTuple):
    """What ``config.json`` says: how to build the network, and the digest of its weights."""

    architecture: str
    config: Mapping[str, Any]
    sha256: str
    dataset: str = "not stated"
    classes: tuple[str, ...] = ()


def published_tensors(gan: GAN) -> dict[str, Tensor]:
    """The state of the submodules that sampling needs, named as in the whole network."""
    return {name: t for name, t in gan.state_dict().items() if name.split(".")[0] in gan.published}


def write_folder(
    folder: Path,
    tensors: Mapping[str, Tensor],
    *,
    architecture: str,
    config: Any,
    dataset: str,
    classes: tuple[str, ...] = (),
    half: bool = False,
) -> None:
    """Write a published folder; `half` stores floating-point weights in 16 bits, half the size.

    The digest in ``config.json`` is written last: between the two files the folder is refused, never
    read with another model's weights.
    """
    folder.mkdir(parents=True, exist_ok=True)
    stored = {name: t.half() if half and t.is_floating_point() else t for name, t in tensors.items()}
    write_tensors(folder / WEIGHTS, stored, {"architecture": architecture})
    description = Description(
        architecture, dataclasses.asdict(config), sha256_of(folder / WEIGHTS), dataset, classes
    )
    with replacing(folder / CONFIG) as temporary:
        temporary.write_text(json.dumps(description._asdict(), indent=2) + "\n")


def read_description(folder: Path) -> Description:
    """What a published folder says of itself.

    Raises:
        CorruptWeightsError: ``config.json`` is missing or malformed.
    """
    try:
        description = Description(**json.loads((folder / CONFIG).read_text()))
        # JSON knows no tuples, frozen configs no lists.
        config = {name: tuple(v) if isinstance(v, list) else v for name, v in description.config.items()}
        return description._replace(config=config, classes=tuple(description.classes))
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise CorruptWeightsError(f"{folder} is no published model: its {CONFIG}: {one_line(error)}") from error

"""A run's model as a folder of its own: half as large, or with statistics of its own samples."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ganzoo.pretrained.load import assemble_published
from ganzoo.weights.folder import WEIGHTS, Description, check_replaceable, read_description, write_folder
from ganzoo.weights.tensors import read_tensors

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["export"]


def export(source: Path, target: Path, *, half: bool = False, standing: int = 0, overwrite: bool = False) -> None:
    """Copy a published model, such as a run's, to a folder of its own; see `write_folder` for `half`.

    `standing` gives batch norm the statistics of so many batches of 64 samples, 0 leaves it as it was trained.

    Raises:
        CorruptWeightsError: `source` is no published model, or damaged.
        OutputError: `target` holds a model and `overwrite` is not set.
    """
    description = read_description(source)
    check_replaceable(target, overwrite=overwrite)
    tensors: Mapping[str, Tensor] = read_tensors(source / WEIGHTS, sha256=description.sha256)
    if standing:
        tensors, description = _stand(tensors, description, standing, of=str(source))
    write_folder(target, tensors, description, half=half)


def _stand(
    tensors: Mapping[str, Tensor], description: Description, batches: int, *, of: str
) -> tuple[Mapping[str, Tensor], Description]:
    model = assemble_published(
        description.architecture, description.config, tensors, name=of, classes=description.classes
    )
    model.standing_statistics(batches)
    return model.gan.state_dict(), description._replace(config=dataclasses.asdict(model.config))

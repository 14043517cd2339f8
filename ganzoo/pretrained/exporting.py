"""Export a published model, such as a run's, to another folder."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ganzoo.pretrained.info import provided
from ganzoo.pretrained.load import assemble_published
from ganzoo.weights.folder import WEIGHTS, Description, check_replaceable, read_description, write_folder
from ganzoo.weights.tensors import read_tensors

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["export"]


def export(source: Path, target: Path, *, half: bool = False, standing: int = 0, overwrite: bool = False) -> None:
    """Copy the published model in the folder `source` to the folder `target`.

    `half` stores the weights in 16 bits, which halves the file. With `standing`, the batch normalization statistics
    are computed again over that many batches of 64 samples. With 0 they stay as they were trained.

    Raises:
        CorruptWeightsError: `source` is not a published model, or its weights are damaged.
        OutputError: `target` already has a model and `overwrite` is not set, or it cannot be written.
    """
    description = read_description(source)
    check_replaceable(target, overwrite=overwrite)
    tensors: Mapping[str, Tensor] = read_tensors(source / WEIGHTS, sha256=description.sha256)
    if standing:
        tensors, description = _with_standing_statistics(tensors, description, standing, of=str(source))
    write_folder(target, tensors, description, half=half)


def _with_standing_statistics(
    tensors: Mapping[str, Tensor], description: Description, batches: int, *, of: str
) -> tuple[Mapping[str, Tensor], Description]:
    architecture = provided(description, of=of)
    model = assemble_published(architecture, description.config, tensors, name=of, classes=description.classes)
    model.standing_statistics(batches)
    return model.gan.state_dict(), description._replace(config=dataclasses.asdict(model.config))

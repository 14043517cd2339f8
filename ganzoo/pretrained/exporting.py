"""Export a model, whether it is registered, in a folder or on the Hub, to a folder of its own."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganzoo.pretrained.info import provided
from ganzoo.pretrained.load import assemble_published
from ganzoo.pretrained.sources import Registered, Source
from ganzoo.registry import lookup
from ganzoo.utils.progress import Progress, silent
from ganzoo.weights.folder import Description, check_replaceable, read_description, write_folder

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["export"]


def export(
    source: Source,
    target: Path,
    *,
    half: bool = False,
    standing: int = 0,
    overwrite: bool = False,
    progress: Progress = silent,
) -> None:
    """Write the model to the folder `target`, under ganzoo's own names of tensors.

    `half` stores the weights in 16 bits, which halves the file. With `standing`, the batch normalization statistics
    are computed again over that many batches of 64 samples. With 0 they stay as they were trained.

    Raises:
        WeightsError: the weights cannot be downloaded, or are damaged.
        OutputError: `target` already has a model and `overwrite` is not set, or it cannot be written.
    """
    check_replaceable(target, overwrite=overwrite)
    path = source.fetch(progress=progress)
    config, tensors = source.read(path)
    description = _describe(source, path, config)
    if standing:
        tensors, description = _with_standing_statistics(tensors, description, standing, of=str(source))
    write_folder(target, tensors, description, half=half)


def _describe(source: Source, path: Path, config: Mapping[str, Any]) -> Description:
    """What the new ``config.json`` says. A registered model states only some fields: all are written."""
    if not isinstance(source, Registered):
        return read_description(path.parent)
    info = source.info
    whole = dataclasses.asdict(lookup.check_config(info.architecture, config)[0])
    return Description(info.architecture, whole, info.dataset, info.classes, plugin=info.plugin, depth=info.depth)


def _with_standing_statistics(
    tensors: Mapping[str, Tensor], description: Description, batches: int, *, of: str
) -> tuple[Mapping[str, Tensor], Description]:
    architecture = provided(description, of=of)
    model = assemble_published(architecture, description.config, tensors, name=of, classes=description.classes)
    model.standing_statistics(batches)
    return model.gan.state_dict(), description._replace(config=dataclasses.asdict(model.config))

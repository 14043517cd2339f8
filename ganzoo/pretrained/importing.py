"""Import a checkpoint of another code base: rename its tensors, check them, and write a published folder."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ganzoo.errors import InvalidRequestError, LayoutError, MismatchError
from ganzoo.pretrained.load import assemble
from ganzoo.registry import lookup
from ganzoo.utils.files import expand_home, sha256_of
from ganzoo.weights import pickles
from ganzoo.weights.folder import Description, check_replaceable, write_folder
from ganzoo.weights.layouts import Match, find_layout, rename
from ganzoo.weights.tensors import read_header, read_tensors

if TYPE_CHECKING:
    from torch import Tensor

    from ganzoo.sampling.model import Model

__all__ = ["Imported", "import_checkpoint"]

OURS = "ganzoo"
"""The name that `--layout` has for ganzoo's own tensor names."""


class Imported(NamedTuple):
    """The published folder that was written, the layout that read the checkpoint, and the complete config."""

    folder: Path
    layout: str
    config: dict[str, Any]


def import_checkpoint(
    architecture: str,
    file: str | Path,
    folder: str | Path,
    *,
    layout: str = "auto",
    config: Mapping[str, Any] | None = None,
    dataset: str = "not stated",
    half: bool = False,
    overwrite: bool = False,
) -> Imported:
    """Write a checkpoint of another code base, or of ganzoo, as a published folder that `ganzoo.load` reads.

    `layout` is the name of a layout that is registered for the architecture, ``ganzoo`` for ganzoo's own tensor
    names, or ``auto`` to try all of them. `config` gives the fields that the file does not tell, and overrides the
    others. Pickles are read with ``weights_only=True`` in a separate process. `half` stores the weights in 16 bits.

    Raises:
        UnknownNameError: there is no such architecture or layout.
        InvalidRequestError: there is no such file.
        LayoutError: no layout reads the file, or several do. The message lists the tensors found and expected.
        MismatchError: the tensors do not fit the network that the config describes.
        CorruptWeightsError: the file is not a checkpoint, or cannot be read safely.
        OutputError: the folder already has a model and `overwrite` is not set, or it cannot be written.
    """
    source, target = expand_home(file), Path(folder)
    lookup.check_config(architecture, config or {})
    known = _layouts(architecture, layout)
    if not source.is_file():
        raise InvalidRequestError(f"there is no file {source} - check the path of the checkpoint")
    check_replaceable(target, overwrite=overwrite)
    path = pickles.convert_to_safetensors(source, sha256=sha256_of(source))
    model, name = _read(architecture, path, known, config or {}, of=str(source))
    whole = dataclasses.asdict(model.config)
    plugin = lookup.provider_of(architecture)
    description = Description(architecture, whole, dataset, model.classes, plugin=plugin)
    write_folder(target, model.gan.state_dict(), description, half=half)
    return Imported(target, name, whole)


def _layouts(architecture: str, layout: str) -> list[Any]:
    """The layouts to try, none for ganzoo's own names.

    Raises:
        UnknownNameError: the architecture has no such layout.
    """
    found = lookup.registry()
    names = [name for name, each in found.layouts.items() if each.architecture == architecture]
    if layout == OURS:
        return []
    if layout != "auto" and layout not in names:
        raise found.unknown(f"layout of {architecture}", layout, [OURS, *names])
    return [found.layouts[name] for name in (names if layout == "auto" else [layout])]


def _read(
    architecture: str, path: Path, layouts: list[Any], config: Mapping[str, Any], *, of: str
) -> tuple[Model, str]:
    """Read the model in a file. Returns it with the name of its layout; ganzoo's own names are tried last."""
    tensors = read_tensors(path)
    try:
        match = find_layout(read_header(path).shapes, layouts, of=of)
    except LayoutError as error:
        return _read_ours(architecture, tensors, config, of=of, error=error), OURS
    return _read_match(architecture, tensors, match, config, of=of), match.layout.name


def _read_match(
    architecture: str, tensors: Mapping[str, Tensor], match: Match, config: Mapping[str, Any], *, of: str
) -> Model:
    merged = {**match.reading.config, **config}
    classes = match.reading.classes
    return assemble(architecture, merged, rename(tensors, match), name=of, classes=classes)


def _read_ours(
    architecture: str, tensors: Mapping[str, Tensor], config: Mapping[str, Any], *, of: str, error: LayoutError
) -> Model:
    try:
        return assemble(architecture, config, tensors, name=of)
    except MismatchError as mismatch:
        text = f"{error}; ganzoo's own names do not fit with this config either"
        raise LayoutError(text) from mismatch

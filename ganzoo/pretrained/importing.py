"""Foreign checkpoints into published folders: read once, renamed by their layout, checked, written as ours."""

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
"""What our own names are called as a layout."""


class Imported(NamedTuple):
    """What was made of a checkpoint: the folder, the layout that read it, and the whole config."""

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
    """A checkpoint of another code base, or of ours, as a published folder that `ganzoo.load` reads.

    `layout` is the name of one that is registered for the architecture, ``ganzoo`` for our own names, or
    ``auto`` for whichever reads the file. What the file does not tell, `config` does; it overrides what it
    tells. Pickles are read with ``weights_only=True``, in a process of their own. `half` stores 16 bits.

    Raises:
        UnknownNameError: no such architecture or layout.
        InvalidRequestError: there is no such file.
        LayoutError: no layout reads it, or several do; the message says what was found and expected.
        MismatchError: the tensors do not fit the network that they imply.
        CorruptWeightsError: no checkpoint, or one that cannot be read safely.
        OutputError: the folder holds a model and `overwrite` is not set.
    """
    source, target = expand_home(file), Path(folder)
    lookup.check_config(architecture, config or {})
    known = _layouts(architecture, layout)
    if not source.is_file():
        raise InvalidRequestError(f"there is no file {source}")
    check_replaceable(target, overwrite=overwrite)
    path = pickles.convert_to_safetensors(source, sha256=sha256_of(source))
    model, name = _read(architecture, path, known, config or {}, of=str(source))
    whole = dataclasses.asdict(model.config)
    plugin = lookup.provider_of(architecture)
    description = Description(architecture, whole, dataset, model.classes, plugin=plugin)
    write_folder(target, model.gan.state_dict(), description, half=half)
    return Imported(target, name, whole)


def _layouts(architecture: str, layout: str) -> list[Any]:
    """The layouts to try; none for our own names.

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
    """The model in a file, and the name of the layout that read it: our own names are tried last."""
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
        raise LayoutError(f"{error}; nor do our own names fit with this config") from mismatch

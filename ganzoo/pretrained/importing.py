"""Import a checkpoint of another code base: rename its tensors, check them, and write a published folder."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ganzoo.errors import InvalidRequestError, LayoutError, MismatchError, WeightsError
from ganzoo.interface.weights_files import Assumption, Layout, Reading, Shapes
from ganzoo.pretrained.load import assemble
from ganzoo.registry import lookup
from ganzoo.utils.files import expand_home
from ganzoo.weights.folder import Description, check_replaceable, write_folder
from ganzoo.weights.layouts import Match, find_layouts, rename
from ganzoo.weights.shards import read_checkpoint

if TYPE_CHECKING:
    from torch import Tensor

    from ganzoo.sampling.model import Model

__all__ = ["Imported", "candidates", "import_checkpoint"]

OURS = "ganzoo"
"""The name that `--layout` has for ganzoo's own tensor names."""


class Imported(NamedTuple):
    """The published folder that was written, what read the checkpoint, and the complete config.

    `assumptions` are the config fields that the file does not tell, with the values that were assumed. `size` is the
    assumed size of the images, and `other_sizes` are other sizes that the shapes allow; both are empty if the shapes
    tell the size. `part` is the name of the network in the file; it is empty if the file is the network. `notes` are
    the layout's.
    """

    folder: Path
    layout: str
    config: dict[str, Any]
    architecture: str = ""
    assumptions: tuple[Assumption, ...] = ()
    size: str = ""
    other_sizes: tuple[str, ...] = ()
    part: str = ""
    notes: tuple[str, ...] = ()


def import_checkpoint(
    architecture: str | None,
    file: str | Path,
    folder: str | Path,
    *,
    beside: Sequence[str | Path] = (),
    layout: str = "auto",
    part: str = "",
    size: str = "",
    config: Mapping[str, Any] | None = None,
    dataset: str = "not stated",
    half: bool = False,
    overwrite: bool = False,
) -> Imported:
    """Write a checkpoint of another code base, or of ganzoo, as a published folder that `ganzoo.load` reads.

    Without an `architecture`, the layouts of all architectures are tried. `beside` are other files of the same model,
    such as that of its text encoder; the generator is in `file`. `layout` is the name of a layout, ``ganzoo``
    for ganzoo's own tensor names, or ``auto`` to try all of them. `part` is the name of the network in a file with
    several. `size` is the size of the images, such as ``28x28``, where the shapes allow several. `config` gives the
    fields that the file does not tell, and overrides the others. Pickles are read with ``weights_only=True`` in a
    separate process. The index of a checkpoint in several files stands for all of them. `half` stores the weights in
    16 bits.

    Raises:
        UnknownNameError: there is no such architecture or layout.
        InvalidRequestError: there is no such file, a file is given twice, the images cannot have that size, or the
            config lacks a list, such as the words, that is in no tensor.
        LayoutError: no layout reads the file, or several do. The message lists the tensors found and expected.
        MismatchError: the tensors do not fit the network that the config describes.
        WeightsError: the weights are quantized.
        CorruptWeightsError: the file is not a checkpoint, or cannot be read safely.
        OutputError: the folder already has a model and `overwrite` is not set, or it cannot be written.
    """
    source, others, target = expand_home(file), [expand_home(each) for each in beside], Path(folder)
    given = dict(config or {})
    if architecture is not None:
        lookup.check_config(architecture, given)
    known = _layouts(architecture, layout)
    for each in (source, *others):
        _check_file(each)
    check_replaceable(target, overwrite=overwrite)
    tensors, extra = read_checkpoint(source), _read_beside(source, others)
    match, model = _read(architecture, tensors, extra, known, given, part=part, size=size, of=str(source))
    reading = None if match is None else match.reading
    name = architecture if match is None else match.layout.architecture
    assumed = tuple(each for each in (reading.assumptions if reading else ()) if each.field not in given)
    _write(target, model, name or "", dataset, [each.field for each in assumed], half=half)
    return Imported(
        target,
        OURS if match is None else match.layout.name,
        dataclasses.asdict(model.config),
        name or "",
        assumed,
        *_sizes(reading, size),
        part="" if match is None else match.part,
        notes=() if reading is None else reading.notes,
    )


def _check_file(path: Path) -> None:
    """Refuse what is no file.

    Raises:
        InvalidRequestError: there is no such file, or it is a folder.
    """
    if path.is_dir():
        raise InvalidRequestError(f"{path} is a folder - give the file of the checkpoint in it")
    if not path.is_file():
        raise InvalidRequestError(f"there is no file {path} - check the path of the checkpoint")


def _read_beside(source: Path, others: Sequence[Path]) -> dict[str, Tensor]:
    """The tensors of the other files of a model.

    Raises:
        InvalidRequestError: two of the files are one.
    """
    if len({path.resolve() for path in (source, *others)}) <= len(others):
        raise InvalidRequestError(f"--beside {others[-1]}: this file is given twice - name each file of the model once")
    return {name: tensor for path in others for name, tensor in read_checkpoint(path).items()}


def _sizes(reading: Reading | None, size: str) -> tuple[str, tuple[str, ...]]:
    """The size that was assumed, and those that the shapes allow too; nothing if the user gave the size."""
    if reading is None or size:
        return "", ()
    return reading.size, tuple(reading.other_sizes)


def _layouts(architecture: str | None, layout: str) -> list[Layout]:
    """The layouts to try, none for ganzoo's own names.

    Raises:
        UnknownNameError: the architecture has no such layout.
    """
    found = lookup.registry()
    known = {name: each for name, each in found.layouts.items() if architecture in (None, each.architecture)}
    if layout == OURS:
        return []
    if layout != "auto" and layout not in known:
        raise found.unknown(f"layout of {architecture}" if architecture else "layout", layout, [OURS, *known])
    return list(known.values()) if layout == "auto" else [known[layout]]


def _read(
    architecture: str | None,
    tensors: Mapping[str, Tensor],
    extra: Mapping[str, Tensor],
    layouts: list[Layout],
    config: Mapping[str, Any],
    *,
    part: str,
    size: str,
    of: str,
) -> tuple[Match | None, Model]:
    """The layout that reads the tensors, and the model; no layout for ganzoo's own names, which are tried last.

    `extra` are the tensors of the files beside.
    """
    held = {**tensors, **extra}
    shapes, beside = ({name: tuple(each.shape) for name, each in found.items()} for found in (tensors, extra))
    try:
        matches = find_layouts(shapes, layouts, of=of, part=part, beside=beside)
    except LayoutError as error:
        if architecture is None:
            raise
        return None, _read_ours(architecture, held, config, of=of, error=_with_hint(error, shapes, part, of=of))
    if len(matches) > 1:
        raise LayoutError(f"{of} can be read in several ways - write one of: {'; '.join(_choices(matches, of))}")
    match = matches[0]._replace(reading=_of_size(matches[0].reading, size, of=of))
    needed = {match.in_file(name) for name in match.reading.read}
    _check_floating({name: tensor for name, tensor in held.items() if name in needed}, of=of)
    lookup.check_config(match.layout.architecture, config)
    _check_lists(match.reading, config, of=of)
    merged, classes = {**match.reading.config, **config}, match.reading.classes
    return match, assemble(match.layout.architecture, merged, rename(held, match), name=of, classes=classes)


def _check_lists(reading: Reading, config: Mapping[str, Any], *, of: str) -> None:
    """Refuse a config without a list that is in no tensor, or with one of another length.

    Raises:
        InvalidRequestError: says how to give it.
    """
    for field, length in reading.lists.items():
        given = f"--config {field} has {len(config[field]):,}" if field in config else "no file holds them"
        if field not in config or len(config[field]) != length:
            text = f"{of}: the model needs the {length:,} texts of its {field}, in their order, and {given}"
            raise InvalidRequestError(f"{text} - write --config {field}=@FILE, a text file with one in each line")


def _check_floating(tensors: Mapping[str, Tensor], *, of: str) -> None:
    """Refuse weights that are whole numbers: they are quantized, and the file does not say how.

    Raises:
        WeightsError: names the first of them.
    """
    for name, tensor in tensors.items():
        if tensor.ndim and not tensor.is_floating_point():
            kind = str(tensor.dtype).removeprefix("torch.")
            text = f"{of} is quantized: {name} holds whole numbers ({kind}), without the scale that makes them weights"
            raise WeightsError(f"{text} - get the file from before quantization")


def _choices(matches: list[Match], of: str) -> Iterator[str]:
    """The commands that tell several matches apart."""
    for match in matches:
        part = f" --part {match.part}" if match.part and len({each.part for each in matches}) > 1 else ""
        yield f"ganzoo import {match.layout.architecture} {of} --layout {match.layout.name}{part}"


def _read_ours(
    architecture: str, tensors: Mapping[str, Tensor], config: Mapping[str, Any], *, of: str, error: LayoutError
) -> Model:
    try:
        return assemble(architecture, config, tensors, name=of)
    except MismatchError as mismatch:
        raise error from mismatch


def _with_hint(error: LayoutError, shapes: Shapes, part: str, *, of: str) -> LayoutError:
    """The error for one architecture, with the others that can read the checkpoint."""
    text = f"{error}; ganzoo's own names do not fit with this config either"
    with suppress(LayoutError):
        matches = find_layouts(shapes, _layouts(None, "auto"), of=of, part=part)
        others = " or ".join(sorted({match.layout.architecture for match in matches}))
        text = f"{text}. The file opens as {others} - write: ganzoo import {of} -o FOLDER"
    return LayoutError(text)


def _of_size(reading: Reading, size: str, *, of: str) -> Reading:
    """The reading for images of that size, such as ``28x28`` or ``28``; the most likely one without a size.

    Raises:
        InvalidRequestError: the shapes do not allow that size.
    """
    wanted = f"{size}x{size}" if size.isdigit() else size
    if wanted in ("", reading.size):
        return reading
    if wanted not in reading.other_sizes:
        known = ", ".join(filter(None, (reading.size, *reading.other_sizes))) or "only the size that its shapes tell"
        raise InvalidRequestError(f"{of} cannot make images of {wanted} - possible are {known}")
    return reading.other_sizes[wanted]


def _write(folder: Path, model: Model, architecture: str, dataset: str, assumed: list[str], *, half: bool) -> None:
    plugin = lookup.provider_of(architecture)
    whole = dataclasses.asdict(model.config)
    description = Description(architecture, whole, dataset, model.classes, plugin=plugin, assumptions=tuple(assumed))
    write_folder(folder, model.gan.state_dict(), description, half=half)


def candidates(made: Imported) -> Iterator[tuple[str, Model]]:
    """The imported model, then the same weights with one assumption changed, each with a label for people.

    Raises:
        WeightsError: the folder that was written cannot be read.
    """
    from ganzoo.pretrained.load import load
    from ganzoo.weights.folder import WEIGHTS
    from ganzoo.weights.tensors import read_tensors

    yield ", ".join(f"{each.field}={each.value}" for each in made.assumptions) or "as imported", load(made.folder)
    tensors = read_tensors(made.folder / WEIGHTS)
    for each in made.assumptions:
        for value in each.others:
            changed = {**made.config, each.field: value}
            yield f"{each.field}={value}", assemble(made.architecture, changed, tensors, name=str(made.folder))

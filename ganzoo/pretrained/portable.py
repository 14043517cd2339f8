"""Export a model to a file that works without ganzoo, in the format of an engine."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ganzoo.errors import EngineError, GanzooError, InvalidRequestError, OutputError, UnknownNameError, one_line
from ganzoo.interface.configs import as_class_config
from ganzoo.interface.gan import GAN, Inputs
from ganzoo.interface.specs import Engine, ExportFormat
from ganzoo.pretrained.load import load_from
from ganzoo.pretrained.portable_card import SOURCE, describe_file
from ganzoo.pretrained.sources import Source
from ganzoo.sampling.comparison import other_inputs
from ganzoo.sampling.engine_generator import open_function, quietly, sampling_functions
from ganzoo.sampling.engines import export_formats, why_unusable
from ganzoo.sampling.model import Model
from ganzoo.utils.files import check_file
from ganzoo.utils.names import suggest

__all__ = ["export_file"]

_ROWS = 3

Generate = Callable[[Inputs], Tensor]


def export_file(
    source: Source, path: Path, file_format: str, *, direction: str | None = None, overwrite: bool = False
) -> list[Path]:
    """Write a model as a file that works without ganzoo, and next to it a text file that tells how to run it.

    The file takes any number of images, and a model that translates takes any size that its network takes. Its inputs
    are ``z``, ``label``, ``truncation`` or ``source_image``, whichever the model has, and its output is ``image``. Its
    images are compared with those of the model before it is moved to `path`. `direction` is that of a translation.

    Raises:
        UnknownNameError: there is no such format.
        InvalidRequestError: the model has no such direction, or a library is not installed.
        OutputError: a file exists and `overwrite` is off, or the folder cannot be written.
        EngineError: the model cannot be exported in this format, or its images differ.
    """
    formats = export_formats()
    if file_format not in formats:
        raise UnknownNameError(f"there is no format {file_format!r}{suggest(file_format, formats)}")
    engine = formats[file_format]
    written = engine.format
    assert written is not None  # noqa: S101 - `export_formats` lists no others
    targets = _targets(path, written, overwrite=overwrite)
    problem = why_unusable(engine, "cpu")
    if problem:
        raise InvalidRequestError(f"the format {file_format} cannot be written: {problem}")
    subject = source.info.subject
    if subject.task.from_images:
        subject.direction(source.name, direction)
    elif direction is not None:
        raise InvalidRequestError(f"{source.name} takes no direction: it is {subject.task.name} - leave it out")
    model = load_from(source, device="cpu")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror} - choose another folder") from error
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".ganzoo-", ignore_cleanup_errors=True) as folder:
        inputs = _write(model, engine, Path(folder), direction)
        for name in written.files:
            if not (Path(folder) / name).is_file():
                raise EngineError(f"the engine {engine.name} has not written {name} - report it to its authors")
        card = Path(folder) / "card.md"
        card.write_text(describe_file(source, model, targets[0], written, inputs, direction))
        made = [*(Path(folder) / name for name in written.files), card]
        for file, target in reversed(list(zip(made, targets, strict=True))):  # the file that users open comes last
            os.replace(file, target)
    return targets


def _targets(path: Path, written: ExportFormat, *, overwrite: bool) -> list[Path]:
    """The files to write: `path`, the other files of the format, and the text."""
    check_file(path, (written.ending,), overwrite=overwrite)
    others = [path.with_suffix(f".{name.rpartition('.')[2]}") for name in written.files[1:]]
    card = path.with_name(f"{path.name}.md")
    for other in (*others, card):
        check_file(other, (other.suffix,), overwrite=overwrite)
    return [path, *others, card]


@torch.no_grad()
def _write(model: Model, engine: Engine, folder: Path, direction: str | None) -> Inputs:
    """Write the engine's files into the folder and compare their images. Returns inputs of the file for two images."""
    door = _door(model, direction)
    example = {name: value[:2] for name, value in door.public.items()}
    batches = [example, *other_inputs(door.public, model.task, model.config)]
    expected = _Expected(model.gan, door)
    problem: Exception | None = None
    for function in sampling_functions(model.gan):
        shutil.rmtree(folder)
        folder.mkdir()
        through = _through(door, function)
        try:
            with quietly():
                open_function(engine.load(), through, example, expected, batches, model.task, form=folder, prepare=True)
            return example
        except Exception as error:  # of any kind: the libraries raise their own
            problem = error
    reason = str(problem) if isinstance(problem, GanzooError) else one_line(problem or EngineError())
    written = engine.format.name if engine.format else engine.name
    raise EngineError(f"{model.name} cannot be exported as {written}: {reason} - try another --format") from problem


class _Door(NamedTuple):
    """How the inputs of a file, `public`, become inputs of the network, `own`: three images of each.

    `tables` holds, for each input of the network that the class decides, its value for each label. `renamed` is the
    network's name for ``source_image``.
    """

    public: Inputs
    own: Inputs
    tables: Mapping[str, Tensor]
    renamed: str = ""

    def to_own(self, inputs: Inputs) -> Inputs:
        """The inputs of the network."""
        own = {self.renamed if name == SOURCE else name: value for name, value in inputs.items() if name != "label"}
        return own | {name: table[inputs["label"]] for name, table in self.tables.items()}


def _door(model: Model, direction: str | None) -> _Door:
    if model.task.from_images:
        random = torch.Generator().manual_seed(0)
        images = torch.rand(_ROWS, *model.image_shape, generator=random) * 2 - 1
        rows = [model.gan.draw(model.request(image=image, direction=direction), random) for image in images]
        [name] = [name for name, value in rows[0].items() if value.ndim == 3]
        own = {each: torch.stack([row[each] for row in rows]) for each in rows[0]}
        return _Door({SOURCE if each == name else each: value for each, value in own.items()}, own, {}, name)
    if "label" not in {field.name for field in fields(model.task)} or not as_class_config(model.config).classes:
        own = model.draw(_ROWS)
        return _Door(own, own, {})
    return _door_with_labels(model)


def _door_with_labels(model: Model) -> _Door:
    """Inputs that differ between two labels of one seed are functions of the label, and become a table."""
    count = as_class_config(model.config).classes
    labels = [(7 * row + 1) % count for row in range(_ROWS)]
    drawn: list[Inputs] = [_drawn(model, 0, label) for label in range(count)]
    own_rows = [_drawn(model, row, label) for row, label in enumerate(labels)]
    own = {name: torch.stack([row[name] for row in own_rows]) for name in own_rows[0]}
    decided = [name for name in own if any(not torch.equal(row[name], drawn[0][name]) for row in drawn[1:])]
    tables = {name: torch.stack([row[name] for row in drawn]) for name in decided}
    public: dict[str, Any] = {name: value for name, value in own.items() if name not in tables}
    return _Door(public | ({"label": torch.tensor(labels)} if tables else {}), own, tables)


def _drawn(model: Model, seed: int, label: int) -> Inputs:
    return model.gan.draw(model.request(label=label), torch.Generator().manual_seed(seed))


def _through(door: _Door, function: Generate) -> Generate:
    return lambda inputs: function(door.to_own(inputs))


class _Expected:
    """The images that PyTorch generates from inputs of the file; from the model's own inputs, where these are known."""

    def __init__(self, gan: GAN, door: _Door) -> None:
        self._gan, self._door = gan, door

    def __call__(self, inputs: Inputs) -> Tensor:
        """Images (N, C, H, W)."""
        first = next(iter(inputs))
        rows = len(inputs[first])
        known = all(torch.equal(value, self._door.public[name][:rows]) for name, value in inputs.items())
        own = {name: value[:rows] for name, value in self._door.own.items()} if known else self._door.to_own(inputs)
        return self._gan.generate(own)

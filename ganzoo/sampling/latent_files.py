"""Files of latents, the inputs of generated images: written by an inversion, read to generate from them."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganzoo.errors import InvalidRequestError, one_line
from ganzoo.utils.files import atomic_write, open_regular

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from ganzoo.interface.gan import Inputs
    from ganzoo.sampling.model import Model

__all__ = ["SavedLatents", "read_latents", "write_latents"]

_NAMES = "names"
"""The array of the names of the images, which is no input."""

_MOST_BYTES = 2**31  # of all arrays together; a compressed file of a few kilobytes may claim any size


@dataclass(frozen=True)
class SavedLatents:
    """The latents of a file, a row for each image: what `ganzoo sample --latents` makes images from."""

    path: Path
    inputs: Inputs
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.names)

    @property
    def file_label(self) -> str:
        """Its part of the default file name."""
        return self.path.stem

    @property
    def columns(self) -> int | None:
        """None: its contact sheet may be laid out freely."""
        return None

    def check(self) -> None:
        """Nothing is left to check before a model is loaded."""

    def options_after(self, done: int) -> str | None:
        """None: no options make the images after the first `done` only."""
        return None

    def numbers(self) -> dict[str, list[float]]:
        """The row of every image."""
        return {"rows": list(range(len(self)))}

    def batches(self, model: Model, size: int) -> Iterator[Tensor]:
        """Generate the images, pixels (n, C, H, W).

        Raises:
            InvalidRequestError: the latents are those of another model.
        """
        self.check_for(model)
        for first in range(0, len(self), size):
            yield model.generate_pixels(self.part(slice(first, first + size)))

    def check_for(self, model: Model) -> None:
        """Check that the model takes these latents.

        Raises:
            InvalidRequestError: it takes others; the message gives both shapes.
        """
        drawn = model.draw()
        for known in (drawn, model.gan.inversion_inputs(drawn)):
            if _shapes(known) == _shapes(self.inputs):
                return
        text = f"{self.path} holds {_text(self.inputs)}, and {model.name} takes {_text(drawn)}"
        raise InvalidRequestError(f"{text} - name the model that the latents were found for")

    def part(self, which: slice) -> Inputs:
        """The latents of some images."""
        return {name: value[which] for name, value in self.inputs.items()}

    def row(self, index: int) -> Inputs:
        """The latents of one image, with a batch dimension.

        Raises:
            InvalidRequestError: there is no such row.
        """
        if not 0 <= index < len(self):
            raise InvalidRequestError(f"{self.path} has no row {index} - its rows are 0 to {len(self) - 1}")
        return self.part(slice(index, index + 1))


def write_latents(path: Path, inputs: Inputs, names: Sequence[str]) -> None:
    """Write latents as an npz file: an array for each input, (N, ...), and ``names``, (N,). It is written whole."""
    import numpy as np

    arrays: dict[str, Any] = {name: value.numpy() for name, value in inputs.items()}
    with atomic_write(path) as temporary:
        np.savez(temporary, **{**arrays, _NAMES: np.asarray(names)})


def read_latents(path: Path) -> SavedLatents:
    """Read an npz file of latents. It may come from anybody: nothing in it is executed.

    Raises:
        InvalidRequestError: it is no such file, is damaged, or holds numbers that are not finite.
    """
    import numpy as np
    import torch

    try:
        with open_regular(path) as file:
            if sum(entry.file_size for entry in zipfile.ZipFile(file).infolist()) > _MOST_BYTES:
                raise ValueError("its arrays are too large")
            arrays = dict(np.load(path, allow_pickle=False))
        stored = arrays.pop(_NAMES, None)
        inputs = {name: torch.from_numpy(array) for name, array in arrays.items()}
    except (OSError, ValueError, TypeError, EOFError, zipfile.BadZipFile, MemoryError) as error:
        reason = getattr(error, "strerror", None) or one_line(error)
        raise InvalidRequestError(f"{path} is no file of latents ({reason}) - `ganzoo invert` writes them") from error
    rows = {value.shape[0] if value.ndim else 0 for value in inputs.values()}
    if len(rows) != 1 or not min(rows):
        text = f"{path} is no file of latents: its arrays do not have one number of rows"
        raise InvalidRequestError(f"{text} - `ganzoo invert` writes such files")
    if not all(bool(value.isfinite().all()) for value in inputs.values()):
        raise InvalidRequestError(f"{path} holds NaN or infinity - it is damaged")
    names = tuple(f"image{row:04d}" for row in range(*rows)) if stored is None else _safe(path, stored.tolist(), *rows)
    return SavedLatents(path, {name: value.to(_dtype(value)) for name, value in inputs.items()}, names)


def _dtype(value: Tensor) -> torch.dtype:
    import torch

    return torch.float32 if value.is_floating_point() else value.dtype


def _safe(path: Path, names: Sequence[str], rows: int) -> tuple[str, ...]:
    """The names that the file gives its images, if they are different names of files."""
    good = len(names) == rows == len(set(names)) and all(name and name == Path(name).name for name in names)
    if not good:
        text = f"{path} is no file of latents: its names are not a file name for each row"
        raise InvalidRequestError(f"{text} - `ganzoo invert` writes such files")
    return tuple(names)


def _shapes(inputs: Inputs) -> dict[str, tuple[int, ...]]:
    return {name: tuple(value.shape[1:]) for name, value in inputs.items()}


def _text(inputs: Inputs) -> str:
    return ", ".join(f"{name} {shape}" for name, shape in _shapes(inputs).items())

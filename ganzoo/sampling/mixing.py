"""The sheet of `ganzoo sample --mix`: the styles of its first row upon the images of its first column. No torch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ganzoo.errors import InvalidRequestError
from ganzoo.interface.tasks import Task
from ganzoo.sampling.grid import MakeRequest
from ganzoo.sampling.requests import check_seeds, check_whole, with_user_names
from ganzoo.utils.names import join_label

if TYPE_CHECKING:
    from torch import Tensor

    from ganzoo.sampling.model import Model

__all__ = ["MixingSheet", "make_mixing_sheet"]

_STYLES = "coarse"


@dataclass(frozen=True)
class MixingSheet:
    """A first row of `columns` images, a first column of `rows` images, and a mixed image for each pair of them.

    All have the request `plain`, but for mixed ones: those of column j have `mixed[j]`. The images of the first column
    have the seeds `seed`, `seed` + 1, ..., and those of the first row the seeds after them. The corner is white.
    """

    rows: int
    plain: Task
    mixed: tuple[Task, ...]
    seed: int
    file_label: str

    def __len__(self) -> int:
        return (self.rows + 1) * self.columns

    @property
    def columns(self) -> int:
        """The number of columns of the sheet, with the first one."""
        return len(self.mixed) + 1

    @property
    def names(self) -> list[str]:
        """The name of each image's file, without the ending."""
        return [f"row{row}-column{column}" for row in range(self.rows + 1) for column in range(self.columns)]

    def check(self) -> None:
        """Refuse seeds that do not exist.

        Raises:
            InvalidRequestError: the last seed is too large.
        """
        check_seeds(self.rows + len(self.mixed), self.seed, 1)

    def options_after(self, done: int) -> str | None:
        """None: no options make the images after the first `done` only."""
        return None

    def numbers(self) -> dict[str, list[float]]:
        """Nothing: an image has two seeds."""
        return {}

    def batches(self, model: Model, size: int) -> Iterator[Tensor]:
        """Generate the images, pixels (n, C, H, W), row by row."""
        import torch

        from ganzoo.images.tensors import to_pixels

        yield to_pixels(torch.ones(1, *model.image_shape), model.depth)
        seeds = range(self.seed + self.rows, self.seed + self.rows + len(self.mixed))
        yield from model.generate_each(((seed, self.plain) for seed in seeds), batch_size=size, as_pixels=True)
        for seed in range(self.seed, self.seed + self.rows):
            yield from model.generate_each([(seed, self.plain)], as_pixels=True)
            yield from model.generate_each(((seed, each) for each in self.mixed), batch_size=size, as_pixels=True)


def make_mixing_sheet(
    make_request: MakeRequest, *, mix: str, styles: str | None = None, seed: int = 0, **options: Any
) -> MixingSheet:
    """The sheet for ``--mix ROWS,COLUMNS``; `options` are fields of the task. `styles` are by default the coarse ones.

    Raises:
        InvalidRequestError: `mix` is no such pair, or an option is wrong.
    """
    rows, columns = _parse(mix)
    first = seed + rows
    check_seeds(rows + columns, seed, 1)
    mixed = (make_request(styles=styles or _STYLES, styles_from=first + j, **options) for j in range(columns))
    shown = (f"{name}{value}" for name, value in with_user_names(options).items())
    label = join_label([f"mix{rows}x{columns}", styles or _STYLES, *([f"seed{seed}"] if seed else []), *shown])
    return MixingSheet(rows, make_request(**options), tuple(mixed), seed, label)


def _parse(text: str) -> tuple[int, int]:
    try:
        rows, columns = (int(number) for number in text.split(","))
    except ValueError:
        raise InvalidRequestError(f"--mix {text} is not ROWS,COLUMNS - write two numbers, such as 3,5") from None
    check_whole("number of rows", rows, 1)
    check_whole("number of columns", columns, 1)
    return rows, columns

"""All translations of several pictures on one sheet."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganzoo.errors import InvalidRequestError, OutputError
from ganzoo.interface.picture_files import FileTree
from ganzoo.sampling.formats import FORMATS, STILLS
from ganzoo.sampling.translated_files import Job, Jobs, Outcome, read_sources
from ganzoo.utils.files import check_file
from ganzoo.utils.locks import locked_output
from ganzoo.utils.progress import Progress, silent

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

    from ganzoo.sampling.model import Model

__all__ = ["match_sheet", "names_sheet", "translate_sheet"]

MOST_PICTURES = 1000
"""The most pictures on the sheet, with the sources if they are shown. Nobody can look at more."""

SIDE = 256
"""The longest side of a picture on the sheet. Larger ones are shown smaller."""


def names_sheet(pictures: FileTree, output: Path) -> bool:
    """Whether several pictures are to be on one sheet: `output` is a picture, and no folder."""
    return pictures.single is None and output.suffix.lower() in STILLS and not output.is_dir()


def match_sheet(
    pictures: FileTree,
    sheet: Path,
    file_format: str | None = None,
    *,
    side_by_side: bool = False,
    overwrite: bool = False,
) -> Jobs:
    """The jobs of `translate_sheet`: all pictures, with the sheet as their target.

    Raises:
        InvalidRequestError: there are too many pictures.
        OutputError: the sheet cannot be written, or exists, or `file_format` is another format than its ending says.
    """
    if file_format not in (None, FORMATS[sheet.suffix.lower()]):
        raise OutputError(f"{sheet} ends in {sheet.suffix}, but --format says {file_format} - leave out --format")
    check_file(sheet, STILLS, overwrite=overwrite)
    paths = pictures.listing().images
    most = MOST_PICTURES // (2 if side_by_side else 1)
    if len(paths) > most:
        raise InvalidRequestError(
            f"{pictures.root} holds {len(paths):,} pictures, and {most:,} fit on one sheet - name a folder with -o"
        )
    each = tuple(Job(path, sheet) for path in paths)
    return Jobs(each, sheet, is_folder=False, overwrite=overwrite, files=pictures)


def translate_sheet(
    model: Model,
    jobs: Jobs,
    *,
    side_by_side: bool = False,
    scale: int | None = None,
    resize: int | None = None,
    progress: Progress = silent,
    **options: Any,
) -> Outcome:
    """Translate the pictures one after the other, and write them on one sheet at the end.

    `side_by_side` shows each source with its translation to its right. `scale` enlarges all pictures. Sources that
    cannot be read are skipped. `resize` and `options` are those of `Model.translate`.

    Raises:
        OutputError: without `overwrite`, another process writes the sheet; or the sheet is too large.
    """
    outcome, pictures = Outcome(), []
    waiting: deque[tuple[Job, Tensor]] = deque()
    with locked_output(jobs.output, is_folder=False, shared=jobs.overwrite):
        check_file(jobs.output, STILLS, overwrite=jobs.overwrite)  # another process may have written it
        tiled = options.get("tile") is not None
        sources = read_sources(model, jobs.each, jobs.files, resize, tiled, waiting, outcome, progress)
        for done, made in enumerate(model.translations(sources, **options), start=1):
            source = waiting.popleft()[1]
            pictures += [_thumbnail(image) for image in ([source, made] if side_by_side else [made])]
            progress("translating", done + len(outcome.skipped), len(jobs.each))
        if pictures:
            _save(pictures, jobs.output, pairs=side_by_side, scale=scale)
            outcome.written.append(jobs.output)
    return outcome


def _thumbnail(image: Tensor) -> Image:
    from ganzoo.images.tensors import to_pictures

    picture = to_pictures(image[None])[0]
    picture.thumbnail((SIDE, SIDE))
    return picture


def _save(pictures: Sequence[Image], path: Path, *, pairs: bool, scale: int | None) -> None:
    """Write the pictures, each in the middle of a cell; all cells have one size."""
    from ganzoo.images.files import save_picture
    from ganzoo.images.sheets import centered, contact_sheet, enlargement, sheet_size
    from ganzoo.sampling.formats import check_sheet

    width, height = (max(picture.size[side] for picture in pictures) for side in (0, 1))
    factor = scale or enlargement(width)
    columns = 2 * math.ceil(math.sqrt(len(pictures) / 2) / math.sqrt(2)) if pairs else None
    check_sheet(sheet_size(len(pictures), width * factor, height * factor, columns)[1:], path, scaled=bool(scale))
    cells = [centered(picture, (width, height)) for picture in pictures]
    save_picture(contact_sheet(cells, columns=columns, scale=factor), path)

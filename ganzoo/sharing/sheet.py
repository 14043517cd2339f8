"""Draw the picture of a model card: samples, or one translation."""

from __future__ import annotations

import shutil
from pathlib import Path

from ganzoo.interface.configs import as_translation_config
from ganzoo.interface.picture_files import PictureList
from ganzoo.sampling import image_files, translated_files
from ganzoo.sampling.grid import make_grid
from ganzoo.sampling.model import Model

__all__ = ["draw_sheet"]

COUNT = 64


def draw_sheet(model: Model, path: Path, *, source: Path | None = None, newest: Path | None = None) -> bool:
    """Draw 64 samples at seed 0 into the file `path`. Returns False if there is nothing to draw.

    A model that translates needs the picture file `source`, which is drawn next to its translation. Without it, the
    newest sheet in the folder `newest` is copied. There is nothing to draw for a translation without either, or for
    a model whose samples are not pictures.

    Raises:
        OutputError: `path` cannot be written.
        DataError: `source` cannot be read.
    """
    _, height, width = model.image_shape
    if height * width == 1:
        return False
    if not model.task.from_images:
        grid = make_grid(model.request, model.classes, count=COUNT)
        image_files.choose_target(path, model.name, grid, None, overwrite=True).write(model, batch_size=COUNT)
        return True
    if source is not None:
        direction = as_translation_config(model.config).directions[0]
        jobs = translated_files.match_files(PictureList([source]), path, direction, overwrite=True)
        return bool(translated_files.translate_files(model, jobs, side_by_side=True, direction=direction).written)
    sheets = sorted(newest.glob("*.png")) if newest else []
    if sheets:
        shutil.copyfile(sheets[-1], path)
    return bool(sheets)

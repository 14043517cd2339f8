"""The picture of a model card: what the model makes."""

from __future__ import annotations

import shutil
from pathlib import Path

from ganzoo.images.tensors import MODES
from ganzoo.interface.configs import as_translation_config
from ganzoo.sampling import image_files, translated_files
from ganzoo.sampling.grid import make_grid
from ganzoo.sampling.model import Model

__all__ = ["draw_sheet"]

COUNT = 64


def draw_sheet(model: Model, path: Path, *, source: Path | None = None, newest: Path | None = None) -> bool:
    """Draw 64 samples at seed 0; of a translation, the picture `source` beside what becomes of it.

    Where there is no source, the last sheet of a run's folder `newest` is taken. False where there is nothing
    to draw: a translation without pictures, or a model of points.

    Raises:
        As writing samples or translating a picture does.
    """
    channels, height, width = model.image_shape
    if channels not in MODES or height * width == 1:
        return False
    if not model.task.from_images:
        grid = make_grid(model.request, model.classes, count=COUNT)
        image_files.choose_target(path, model.name, grid, None, overwrite=True).write(model, batch_size=COUNT)
        return True
    if source is not None:
        direction = as_translation_config(model.config).directions[0]
        jobs = translated_files.match_files(source, path, direction, overwrite=True)
        return bool(translated_files.translate_files(model, jobs, side_by_side=True, direction=direction).written)
    sheets = sorted(newest.glob("*.png")) if newest else []
    if sheets:
        shutil.copyfile(sheets[-1], path)
    return bool(sheets)

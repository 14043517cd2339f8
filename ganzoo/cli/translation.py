"""Translate pictures, as `ganzoo sample` does with a model that translates."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ganzoo.cli import display
from ganzoo.cli.loading import Load, note_precision
from ganzoo.cli.output import tell
from ganzoo.cli.progress import bars
from ganzoo.data.pictures import open_pictures
from ganzoo.interface.picture_files import FileTree
from ganzoo.pretrained.sources import Source

if TYPE_CHECKING:
    from ganzoo.sampling.translated_files import Jobs, Outcome

__all__ = ["translate"]


def translate(
    model: Source,
    load: Load,
    as_json: bool,
    *,
    source: Sequence[str] = (),
    output: Path | None = None,
    file_format: str | None = None,
    overwrite: bool = False,
    skip_existing: bool = False,
    sheet: bool = False,
    scale: int | None = None,
    **options: Any,
) -> None:
    """Translate the pictures of `source`, print the files, and end the process: with 1 if some were skipped.

    `options` are those of `Model.translate` that were given.

    Raises:
        click.UsageError: there is no picture, or options do not go together.
        GanzooError: the pictures cannot be read, or the files cannot be written.
    """
    if not source:
        raise click.UsageError(f"{model.name} translates pictures - name pictures, a folder or an archive with --input")
    if file_format == "npz":
        raise click.UsageError("translations are single images - use --format png, jpg, webp, tiff or npy")
    direction = model.info.subject.direction(model.name, options.pop("direction", None))
    sizes = [f"{option}{options[option]}" for option in ("resize", "tile") if option in options]
    label = "-".join([direction, *sizes, *(["sheet"] if sheet else [])])
    with bars() as progress:
        found = open_pictures(source, progress=progress)
    jobs, run = _jobs(
        found, output, label, file_format, overwrite=overwrite, skip_existing=skip_existing, pairs=sheet, scale=scale
    )
    loaded = load()
    with bars() as progress:
        outcome = run(loaded, jobs, side_by_side=sheet, scale=scale, direction=direction, progress=progress, **options)
    display.written(outcome.written, as_json=as_json)
    note_precision(loaded)
    for reason in outcome.skipped.values():
        tell(f"ganzoo: skipped: {reason}")
    for note in (*found.listing().notes, *(f"{count} {change}" for change, count in outcome.changes.items())):
        tell(f"ganzoo: note: {note}")
    if found.single is None:
        tell(f"ganzoo: {len(outcome.written)} written, {len(outcome.skipped)} skipped")
    sys.exit(1 if outcome.skipped else 0)


def _jobs(
    found: FileTree,
    output: Path | None,
    label: str,
    file_format: str | None,
    *,
    overwrite: bool,
    skip_existing: bool,
    pairs: bool,
    scale: int | None,
) -> tuple[Jobs, Callable[..., Outcome]]:
    """What is to be translated, and the function that does it: to files, or to one sheet of all."""
    from ganzoo.sampling.requests import check_scale
    from ganzoo.sampling.translated_files import match_files, translate_files
    from ganzoo.sampling.translated_sheet import match_sheet, names_sheet, translate_sheet

    check_scale(scale)
    if output is not None and names_sheet(found, output):
        if skip_existing:
            raise click.UsageError("--skip-existing is for single files - leave it out for a sheet, or name a folder")
        return match_sheet(found, output, file_format, side_by_side=pairs, overwrite=overwrite), translate_sheet
    if scale is not None and not pairs:
        raise click.UsageError("--scale is for sheets - add --sheet, or name one .png file for several pictures")
    jobs = match_files(found, output, label, file_format, overwrite=overwrite, skip_existing=skip_existing)
    return jobs, translate_files

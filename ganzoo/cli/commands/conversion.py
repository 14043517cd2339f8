"""Commands that bring models into other forms: `export` and `import`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ganzoo.cli import display
from ganzoo.cli.arguments import COUNT, MODEL, PATH, Name, resolved
from ganzoo.cli.config import CONFIG, parse_config
from ganzoo.cli.options import AS_JSON
from ganzoo.cli.output import say, tell
from ganzoo.cli.progress import bars
from ganzoo.hub import download
from ganzoo.registry import lookup
from ganzoo.sampling.engines import export_formats
from ganzoo.utils.files import check_file

__all__ = ["COMMANDS", "export", "import_"]


@click.command()
@click.argument("name", type=MODEL)
@click.option("-o", "--output", type=PATH, required=True, help="Folder, or file, to write.")
@click.option(
    "--format",
    "file_format",
    type=Name(lambda ctx: export_formats()),
    help="Write a file that works without ganzoo: onnx, openvino or torch-export. [default: a folder for ganzoo]",
)
@click.option("--direction", help="Direction of a translation, with --format. [default: the first]")
@click.option("--half", is_flag=True, help="Store the weights in 16 bits: half the file size.")
@click.option(
    "--standing-stats",
    "standing",
    type=COUNT,
    metavar="BATCHES",
    help="Compute the batch normalization statistics again, over this number of batches of samples.",
)
@click.option("--overwrite", is_flag=True, help="Replace what is already there.")
def export(
    name: str,
    output: Path,
    file_format: str | None,
    direction: str | None,
    half: bool,
    standing: int | None,
    overwrite: bool,
) -> None:
    """Copy a model to another folder, or to a file that works without ganzoo.

    NAME is a registered model, the folder of a run or of a model, or a Hub reference such as hf:OWNER/REPO. With
    --format, the images of the file are compared with those of PyTorch before it is left there. A text file next to it
    tells how to run it.
    """
    if file_format is not None:
        if half or standing:
            raise click.UsageError(
                "--half and --standing-stats are for folders - export a folder first, then that folder"
            )
        from ganzoo.pretrained.portable import export_file

        for path in export_file(resolved(name), output, file_format, direction=direction, overwrite=overwrite):
            say(path)
        return
    if direction is not None:
        raise click.UsageError("--direction is for files - leave it out, or add --format")
    from ganzoo.pretrained import exporting

    source = resolved(name)
    if source.on_hub:
        download.bound_client()
    with bars() as progress:
        exporting.export(source, output, half=half, standing=standing or 0, overwrite=overwrite, progress=progress)
    say(output)
    if source.info.license:
        tell(f"ganzoo: note: the license of these weights is {source.info.license}")


@click.command("import")
@click.argument("words", nargs=-1, metavar="[ARCHITECTURE] FILE")
@click.option("-o", "--output", type=PATH, required=True, help="Folder to write.")
@click.option(
    "--beside",
    type=PATH,
    multiple=True,
    metavar="FILE",
    help="Another file of the same model, such as its text encoder. Can be repeated.",
)
@click.option(
    "--layout",
    default="auto",
    show_default=True,
    help="Layout of the checkpoint. `ganzoo info ARCHITECTURE` lists the layouts.",
)
@click.option("--part", default="", help="Network to read, if the file holds several, such as g or g_ema.")
@click.option("--size", default="", help="Size of the images, such as 28x28, if the file allows several.")
@CONFIG
@click.option("--sheet", type=PATH, help="Picture file to write: seeds 0-7 for each assumption.")
@click.option("--dataset", default="not stated", show_default=True, help="Data set that the model was trained on.")
@click.option("--half", is_flag=True, help="Store the weights in 16 bits: half the file size.")
@click.option("--overwrite", is_flag=True, help="Replace a model that is already in the folder.")
@AS_JSON
def import_(
    words: tuple[str, ...],
    output: Path,
    settings: tuple[str, ...],
    sheet: Path | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Convert a checkpoint of another code base.

    The command writes a folder that every other command can use. FILE is a PyTorch checkpoint, such as .pth, .bin or
    .ckpt, a .safetensors file, or the index of a checkpoint in several files. Without ARCHITECTURE, the layouts of all
    architectures are tried.
    """
    architecture, file = _architecture_and_file(words)
    if sheet is not None:
        check_file(sheet, (".png",), overwrite=options["overwrite"])
    from ganzoo.cli import imports
    from ganzoo.pretrained.importing import import_checkpoint

    made = import_checkpoint(architecture, file, output, config=parse_config(settings), **options)
    told = {"folder": str(made.folder), "architecture": made.architecture, "layout": made.layout, "config": made.config}
    display.facts(
        {**told, "part": made.part, "assumptions": [each.field for each in made.assumptions]}, as_json=as_json
    )
    for line in imports.notes(made):
        tell(f"ganzoo: note: {line}")
    if sheet is not None:
        imports.draw(made, sheet)


def _architecture_and_file(words: tuple[str, ...]) -> tuple[str | None, Path]:
    """ARCHITECTURE and FILE, or FILE alone. Refuses a wrong name before torch is imported."""
    if not 1 <= len(words) <= 2:
        raise click.UsageError("`ganzoo import` takes FILE, or ARCHITECTURE FILE - write: ganzoo import FILE -o FOLDER")
    *architectures, file = words
    for architecture in architectures:
        lookup.registry().architectures[architecture]
    return next(iter(architectures), None), PATH.convert(file, None, None)


COMMANDS = (export, import_)

"""What `ganzoo import` says of the assumptions that it made, and the sheet that shows them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image

    from ganzoo.pretrained.importing import Imported

__all__ = ["draw", "notes"]

_SEEDS = 8
_WORDS = {
    "activation": "the activation between its layers",
    "projection": "the activation before its reshape",
    "output": "the activation of its last layer",
    "latent": "the distribution of its latent",
    "epsilon": "the epsilon of its norms",
}


def notes(made: Imported) -> Iterator[str]:
    """One line for each thing that the file does not tell, with the option that changes it."""
    for each in made.assumptions:
        what = _WORDS.get(each.field, each.field)
        options = " or ".join(f"--config {each.field}={value}" for value in each.others)
        change = f" - change it with {options}" if options else ""
        yield f"the file does not tell {what}; {each.field}={each.value} is assumed{change}"
    if made.other_sizes:
        sizes = " or ".join(f"--size {size}" for size in made.other_sizes)
        yield f"the file does not tell the size of the images; {made.size} is assumed - change it with {sizes}"
    yield from made.notes


def draw(made: Imported, path: Path) -> None:
    """Write a sheet: a row of the same seeds for the imported model, and for each assumption changed on its own."""
    from ganzoo.images.files import save_picture
    from ganzoo.images.sheets import contact_sheet, enlargement, labeled
    from ganzoo.pretrained.importing import candidates

    rows: list[tuple[str, Image.Image]] = []
    for label, model in candidates(made):
        pictures = model.images(_SEEDS, batch_size=_SEEDS)
        sheet = contact_sheet(pictures, columns=_SEEDS, scale=enlargement(pictures[0].width))
        rows.append((label, sheet))
    save_picture(labeled(rows), path)

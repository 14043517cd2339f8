"""The layout of all checkpoints of sequential generators.

The code that reads one is imported when there is one: `ganzoo list` does not wait for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ganzoo import Layout

if TYPE_CHECKING:
    from ganzoo import Reading, Shapes

__all__ = ["LAYOUTS"]


def _read(shapes: Shapes) -> Reading | None:
    from ganzoo_sequential.reading import read

    return read(shapes)


def _explain(shapes: Shapes) -> str:
    from ganzoo_sequential.refusals import explain

    return explain(shapes)


LAYOUTS = (
    Layout(
        name="sequence",
        architecture="sequential",
        source="any code whose generator is a sequence of layers",
        example=("model.0.weight", "fc1.weight", "net.0.weight"),
        read=_read,
        general=True,
        explain=_explain,
    ),
)
"""The layouts that ganzoo can read."""

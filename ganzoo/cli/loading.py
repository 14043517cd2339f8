"""Load the model that a command computes with."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ganzoo.cli.output import tell
from ganzoo.cli.progress import bars
from ganzoo.pretrained.load import load_from
from ganzoo.pretrained.sources import Source
from ganzoo.sampling.engines import check_engine, describe_difference

if TYPE_CHECKING:
    from ganzoo.sampling.model import Model

__all__ = ["Load", "load_model", "note_precision"]

Load = Callable[[], "Model"]
"""Loads the model, as the options of the command say."""


def load_model(source: Source, device: str, *, engine: str, precision: str = "fp32") -> Model:
    """Load a model onto a device, with a progress bar.

    A wrong device, engine or precision is refused before anything is downloaded.

    Raises:
        As `ganzoo.load`.
    """
    from ganzoo.hub import download
    from ganzoo.utils.devices import resolve_device
    from ganzoo.utils.memory import keep_freed_memory

    keep_freed_memory()
    check_engine(engine, precision)
    target = resolve_device(device)
    if source.on_hub:
        download.bound_client()
    with bars() as progress:
        return load_from(source, device=target, engine=engine, precision=precision, progress=progress)


def note_precision(model: Model) -> None:
    """Say how far images in 16 bits are from those in 32 bits, if the model has generated any."""
    difference = model.bf16_difference()
    if difference is not None:
        tell(f"ganzoo: note: {describe_difference(*difference)}")

"""Tiny models for pages."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from ganzoo.images.files import save_picture
from ganzoo.images.tensors import to_pictures
from ganzoo.registry import lookup
from models import publish


def tiny(architecture: str) -> dict[str, object]:
    return dict(lookup.registry().architectures[architecture].tiny)


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders of three models, by their architecture, and a picture."""
    folder = tmp_path_factory.mktemp("models")
    count = lookup.check_config("biggan", tiny("biggan"))[0].classes  # type: ignore[attr-defined]
    names = ["<b>newt</b>", *(f"kind {i}" for i in range(1, count))]
    publish(folder / "dcgan", "dcgan", tiny("dcgan"))
    publish(folder / "biggan", "biggan", tiny("biggan"), classes=names)
    publish(folder / "cyclegan", "cyclegan", tiny("cyclegan"))
    shape = lookup.check_config("dcgan", tiny("dcgan"))[0].image_shape
    random = torch.Generator().manual_seed(3)
    save_picture(to_pictures(torch.rand(1, *shape, generator=random) * 2 - 1)[0], folder / "photo.png")
    return folder

"""A `Model` as notebooks show it: its facts, and a small sheet of samples, as HTML.

`Model` imports this module, so that it cannot be named in a type here.
"""

from __future__ import annotations

import base64
import io
from html import escape
from typing import Any

__all__ = ["model_html"]

MOST_PIXELS = 65_536
"""The most pixels that are generated for a sheet: 8 images of 64x64, one of 256x256, and none of 512x512."""

MOST_IMAGES = 8


def model_html(model: Any) -> str:
    """The facts about a model, with a sheet of its first seeds if that is quick. Without an image, the facts alone."""
    rows = "".join(f"<tr><td>{escape(name)}</td><td>{escape(text)}</td></tr>" for name, text in _facts(model).items())
    return f"<div><b>{escape(model.name)}</b><table>{rows}</table>{_sheet(model)}</div>"


def _facts(model: Any) -> dict[str, str]:
    parameters = sum(parameter.numel() for parameter in model.gan.parameters())
    facts = {
        "task": model.task.name,
        "image shape": "x".join(map(str, model.image_shape)),
        "parameters": f"{parameters:,}",
        "device": str(model.device),
    }
    facts |= {"classes": str(len(model.classes))} if model.classes else {}
    return facts | ({"license": model.license} if model.license else {})


def _sheet(model: Any) -> str:
    """An image element with samples; a text in its place if the model has none, or if they would take long."""
    from ganzoo.images.sheets import contact_sheet, enlargement
    from ganzoo.images.tensors import MODES

    channels, height, width = model.image_shape
    if model.task.from_images:
        return "<code>model.translate(&quot;photo.jpg&quot;)</code> translates a picture"
    count = min(MOST_IMAGES, MOST_PIXELS // (height * width))
    if channels not in MODES or height * width == 1 or count == 0:
        return "<code>model.sample()</code> generates an image"
    pictures = model.images(count)
    encoded = io.BytesIO()
    contact_sheet(pictures, columns=count, scale=enlargement(width)).save(encoded, "PNG")
    data = base64.b64encode(encoded.getvalue()).decode()
    return f'<img src="data:image/png;base64,{data}" alt="samples of seeds 0 to {count - 1}">'

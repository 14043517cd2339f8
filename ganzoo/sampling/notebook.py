"""A `Model` as notebooks show it: its facts, and a small sheet of samples, as HTML.

`Model` imports this module, so that it cannot be named in a type here.
"""

from __future__ import annotations

from html import escape
from typing import Any

from ganzoo.images.html import facts_html, picture_html

__all__ = ["model_html", "sheet_html"]

MOST_PIXELS = 65_536
"""The most pixels that are generated for a sheet: 8 images of 64x64, one of 256x256, and none of 512x512."""

MOST_IMAGES = 8


def model_html(model: Any) -> str:
    """The facts about a model, with a sheet of its first seeds if that is quick. Without an image, the facts alone."""
    return f"<div><b>{escape(model.name)}</b>{facts_html(_facts(model))}{sheet_html(model)}</div>"


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


def sheet_html(model: Any) -> str:
    """An image element with samples; a text in its place if the model has none, or if they would take long."""
    from ganzoo.images.sheets import contact_sheet, enlargement

    _, height, width = model.image_shape
    if model.task.from_images:
        return "<code>model.translate(&quot;photo.jpg&quot;)</code> translates a picture"
    count = min(MOST_IMAGES, MOST_PIXELS // (height * width))
    if height * width == 1 or count == 0:
        return "<code>model.sample()</code> generates an image"
    pictures = model.images(count)
    sheet = contact_sheet(pictures, columns=count, scale=enlargement(width))
    return picture_html(sheet, f"samples of seeds 0 to {count - 1}")

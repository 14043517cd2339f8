"""Refuse images that a feature extractor cannot look at, before anything is loaded. It imports no torch."""

from __future__ import annotations

from ganzoo.errors import InvalidRequestError
from ganzoo.registry import lookup

__all__ = ["check_channels"]


def check_channels(features: str, channels: int, *, of: str) -> None:
    """Refuse images with so many channels, if the feature extractor takes others. RGBA counts as RGB.

    Raises:
        UnknownNameError: there is no such extractor.
        InvalidRequestError: names the channels that it takes. The message calls the images' model `of`.
    """
    taken = lookup.registry().feature_extractors[features].channels
    if (3 if channels == 4 else channels) in taken:
        return
    wanted = " or ".join(map(str, taken))
    text = f"{of} makes images with {channels} channels, and the features {features} are of {wanted}"
    raise InvalidRequestError(f"{text} - name an extractor that takes them with --features")

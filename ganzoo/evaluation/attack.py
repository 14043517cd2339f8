"""The options of an attack on a classifier, checked without torch."""

from __future__ import annotations

from fractions import Fraction

from ganzoo.errors import InvalidRequestError
from ganzoo.interface.specs import FeatureExtractor
from ganzoo.registry import lookup
from ganzoo.sampling.requests import check_whole, find_class

__all__ = ["LEVELS", "check_attack", "find_classifier", "parse_epsilon"]

LEVELS = 255
"""The steps between the darkest and the brightest value of a pixel in a picture file."""


def check_attack(
    features: str, *, epsilon: float, steps: int = 1, target: int | None = None, batch_size: int = 1
) -> None:
    """Refuse options that no attack on the classifier `features` can have.

    Raises:
        UnknownNameError: there is no such feature extractor.
        InvalidRequestError: names the option and its range.
    """
    spec = find_classifier(features)
    for what, value in (("number of steps", steps), ("batch size", batch_size)):
        check_whole(what, value, 1)
    if target is not None:
        find_class(target, spec.classes, spec.num_classes, of=features)
    if not 1 <= round(epsilon * LEVELS, 6) <= LEVELS:
        text = f"epsilon is a part of the pixel range, from 1/255 to 1, not {epsilon:g}"
        raise InvalidRequestError(f"{text} - such as 8/255, which is 8 steps of an 8-bit pixel")


def find_classifier(features: str) -> FeatureExtractor:
    """The record of a feature extractor that names classes.

    Raises:
        UnknownNameError: there is no such feature extractor.
        InvalidRequestError: it is no classifier.
    """
    spec = lookup.registry().feature_extractors[features]
    if not spec.num_classes:
        known = [name for name, each in lookup.registry().feature_extractors.items() if each.num_classes]
        raise InvalidRequestError(f"{features} names no classes - use one of {', '.join(known)}")
    return spec


def parse_epsilon(text: str) -> float:
    """A number, or a fraction such as ``8/255``.

    Raises:
        InvalidRequestError: it is something else.
    """
    try:
        return float(Fraction(text))
    except (ValueError, ZeroDivisionError, OverflowError) as error:
        raise InvalidRequestError(f"--epsilon {text} is not a number - write it as 8/255 or 0.03") from error

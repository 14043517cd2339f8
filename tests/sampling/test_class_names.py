"""Classes by name: a name is found whatever form its accents have."""

from __future__ import annotations

from unicodedata import normalize

import pytest

from ganzoo.sampling.requests import exact_class, find_class


@pytest.mark.parametrize("stored", ["NFC", "NFD"])
@pytest.mark.parametrize("typed", ["NFC", "NFD"])
def test_accents_are_compared_in_one_form(stored, typed):
    """A Mac may write an accent as a character of its own, and a keyboard writes one character for both."""
    names = [normalize(stored, name) for name in ("dogs", "café")]
    assert find_class(normalize(typed, "Café"), names, 2, of="m") == 1
    assert find_class(normalize(typed, "fé"), names, 2, of="m") == 1
    assert exact_class(normalize(typed, "café"), names, of="m") == 1

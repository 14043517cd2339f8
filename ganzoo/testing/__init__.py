"""The conformance suite: checks that every architecture and every feature extractor must pass.

A plugin runs all checks of its architecture with this test::

    @pytest.mark.parametrize("check", ganzoo.testing.CHECKS)
    def test_conformance(check):
        check("my-architecture")

or without a test file: ``pytest -p ganzoo.conformance --conformance my-architecture``. For a feature extractor, use
`FEATURE_CHECKS`. The docstring of each check says what the plugin must do.
"""

from __future__ import annotations

from collections.abc import Callable

from ganzoo.testing import channels, declaring, engines, extracting, processes, rectangles, sampling, texts, training
from ganzoo.testing.processes import run_processes
from ganzoo.testing.tiny import noise_data, tiny_data, tiny_gan, tiny_loop, tiny_model

__all__ = [
    "CHECKS",
    "FEATURE_CHECKS",
    "noise_data",
    "run_processes",
    "tiny_data",
    "tiny_gan",
    "tiny_loop",
    "tiny_model",
]

CHECKS: tuple[Callable[[str], None], ...] = tuple(
    check
    for module in (declaring, training, processes, sampling, channels, rectangles, texts, engines)
    for check in module.CHECKS
)
"""All checks of an architecture. Each takes the architecture's name, and raises AssertionError if it fails."""

FEATURE_CHECKS: tuple[Callable[[str], None], ...] = extracting.CHECKS
"""All checks of a feature extractor. Each takes its name, and raises AssertionError if it fails."""

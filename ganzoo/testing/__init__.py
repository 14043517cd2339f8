"""The conformance suite: what every architecture, and every feature extractor, must do, built-in or not.

A plugin's whole test of it::

    @pytest.mark.parametrize("check", ganzoo.testing.CHECKS)
    def test_conformance(check):
        check("my-architecture")

and of a feature extractor's the same with `FEATURE_CHECKS`,

or no test at all: ``pytest -p ganzoo.conformance --conformance my-architecture``.
"""

from __future__ import annotations

from collections.abc import Callable

from ganzoo.testing import declaring, extracting, processes, sampling, training
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
    check for module in (declaring, training, processes, sampling) for check in module.CHECKS
)
"""Every check, a function of the architecture's name that raises AssertionError."""

FEATURE_CHECKS: tuple[Callable[[str], None], ...] = extracting.CHECKS
"""Every check of a feature extractor, a function of its name that raises AssertionError."""

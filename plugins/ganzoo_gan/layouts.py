"""Foreign layouts of the first GAN: none. No public code base is known whose checkpoints hold exactly this network."""

from __future__ import annotations

from ganzoo import Layout

__all__ = ["LAYOUTS"]

LAYOUTS: tuple[Layout, ...] = ()
"""The layouts that ganzoo can read."""

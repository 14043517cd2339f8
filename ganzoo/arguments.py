"""What several commands take: names, and the options of all that load or print."""

from __future__ import annotations

import click

from ganzoo import hub, remote

__all__ = ["AS_JSON", "DEVICE", "pinned"]

AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
DEVICE = click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:1 or mps.")


def pinned(name: str) -> str:
    """The name of a model, a reference to the Hub with the commit that it means now."""
    if remote.is_reference(name):
        hub.bound_client()
        return remote.pin(name)
    return name

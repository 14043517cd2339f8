"""Print lines. Everything that is printed for people goes through here, except help and shell scripts."""

from __future__ import annotations

import click

from ganzoo.utils.text import printable, shortened

__all__ = ["say", "say_lines", "tell"]


def say(text: object) -> None:
    """Print one line to stdout. Control characters in it are escaped, line breaks too."""
    click.echo(printable(text))


def tell(text: object, *, keep: str = "") -> None:
    """Print one line to stderr, shortened. Control characters in it are escaped, line breaks too, except `keep`."""
    click.echo(shortened(printable(text, keep=keep)), err=True)


def say_lines(text: str) -> None:
    """Print a text of several lines to stdout. Its other control characters are escaped."""
    click.echo(printable(text, keep="\n\t"))

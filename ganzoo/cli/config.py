"""The option --config, which gives values to the fields of a config."""

from __future__ import annotations

import json
from typing import Any

import click

from ganzoo.errors import InvalidConfigError
from ganzoo.utils.files import expand_home, read_lines

__all__ = ["CONFIG", "parse_config"]

CONFIG = click.option(
    "--config",
    "settings",
    multiple=True,
    metavar="FIELD=VALUE",
    help="Value for a field of the config, such as resolution=96x64, height x width; FIELD=@FILE takes the lines of a "
    "text file. Can be repeated.",
)


def parse_config(settings: tuple[str, ...]) -> dict[str, Any]:
    """Parse ``field=value`` pairs. A value that is valid JSON is read as JSON (64, 0.5, [1200, 1200]), else as text.

    ``field=@FILE`` is the list of the lines of a text file.

    Raises:
        InvalidConfigError: a pair has no ``=``, or the file cannot be read.
    """
    values: dict[str, Any] = {}
    for setting in settings:
        name, equals, text = setting.partition("=")
        if not equals:
            raise InvalidConfigError(f"--config {setting} has no value - write field=value")
        values[name] = _lines_of(text[1:], setting) if text.startswith("@") else _parse_value(text)
    return values


def _parse_value(text: str) -> Any:
    """A value of JSON, with a tuple in place of a list, or else the text itself."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return tuple(value) if isinstance(value, list) else value


def _lines_of(name: str, setting: str) -> tuple[str, ...]:
    """The lines of the text file that a setting names.

    Raises:
        InvalidConfigError: it cannot be read.
    """
    try:
        return tuple(read_lines(expand_home(name)))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        text = f"--config {setting}: cannot read {name}: {reason}"
        raise InvalidConfigError(f"{text} - name a text file with a value in each line") from error

"""Write the package of `ganzoo new-plugin`: one small architecture, which passes the conformance suite."""

from __future__ import annotations

import keyword
import re
from importlib.resources import files
from pathlib import Path
from string import Template

from ganzoo.errors import InvalidRequestError, OutputError
from ganzoo.registry import lookup
from ganzoo.utils.files import check_writable

__all__ = ["write_plugin"]

_NAME = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")
_RENAMED = {"gitignore": ".gitignore"}  # build tools leave a template named .gitignore out of the wheel


def write_plugin(name: str, folder: Path | None = None) -> list[Path]:
    """Write the package ``ganzoo-NAME`` with the architecture NAME into `folder`. Returns the files.

    Raises:
        InvalidRequestError: `name` cannot be the name of a package, or an architecture already has it.
        OutputError: the folder is not empty, or cannot be written.
    """
    name = name.removeprefix("ganzoo-")
    _check_name(name)
    target = folder or Path(f"ganzoo-{name}")
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise OutputError(f"{target} already exists - choose another folder with -o")
    check_writable(target)
    words = {
        "name": name,
        "distribution": f"ganzoo-{name}",
        "package": f"ganzoo_{name.replace('-', '_')}",
        "kind": "".join(part.capitalize() for part in name.split("-")),
        "title": f"The architecture {name}",
    }
    return [_write(template, target, words) for template in _templates()]


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name) or keyword.iskeyword(name):
        raise InvalidRequestError(
            f"{name!r} cannot be the name of a plugin - use lowercase letters and digits, joined by '-'"
        )
    known = lookup.registry().architectures
    if name in known:
        raise InvalidRequestError(f"{name} is an architecture of {known.owner(name)} - choose another name")


def _templates() -> list[tuple[str, str]]:
    """The templates: their paths, in which ``__`` means ``/``, and their texts."""
    found = [
        entry for entry in files("ganzoo.cli").joinpath("templates", "plugin").iterdir() if entry.name.endswith(".tmpl")
    ]
    return sorted((entry.name.removesuffix(".tmpl"), entry.read_text(encoding="utf-8")) for entry in found)


def _write(template: tuple[str, str], target: Path, words: dict[str, str]) -> Path:
    path, text = template
    head, _, rest = path.partition("__")
    parts = [words["package"] if head == "PACKAGE" else head, rest] if rest else [_RENAMED.get(path, path)]
    file = target.joinpath(*parts).with_name(parts[-1].replace("NAME", words["name"]))
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(Template(text).substitute(words), encoding="utf-8")
    return file

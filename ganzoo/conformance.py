"""The conformance suite as a plugin of pytest: ``pytest -p ganzoo.conformance --conformance NAME``.

NAME is an architecture, or a distribution, of which all architectures are meant. The checks need no file
of tests; in a plugin's pyproject.toml, ``addopts = "-p ganzoo.conformance --conformance NAME"`` makes
`pytest` alone run them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

__all__ = ["Conformance", "pytest_addoption", "pytest_collection_modifyitems"]


class Conformance(pytest.Item):
    """One check of one architecture."""

    def __init__(self, *, check: Callable[[str], None], architecture: str, **options: Any) -> None:
        super().__init__(**options)
        self.check = check
        self.architecture = architecture

    def runtest(self) -> None:
        """Check it; an AssertionError says what is wrong."""
        self.check(self.architecture)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """What is shown of it."""
        return self.path, None, self.name


def pytest_addoption(parser: pytest.Parser) -> None:
    """The option that asks for the suite."""
    parser.getgroup("ganzoo").addoption(
        "--conformance", action="append", default=[], metavar="NAME", help="an architecture, or all of a distribution"
    )


@pytest.hookimpl(tryfirst=True)  # so that -k selects among the checks too
def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    """Add the suite of each architecture that was asked for."""
    for name in _architectures(config.getoption("--conformance")):
        from ganzoo.testing import CHECKS

        for check in CHECKS:
            title = f"{name}[{check.__name__.removeprefix('check_')}]"
            items.append(Conformance.from_parent(session, name=title, check=check, architecture=name))


def _architectures(names: Iterable[str]) -> Iterable[str]:
    from ganzoo import zoo

    for name in names:
        found = zoo.registry()
        of_it = [p.declares.get("architectures", []) for p in found.plugins if p.distribution == name]
        if name not in found.architectures and not of_it:
            raise pytest.UsageError(str(found.unknown("architecture or plugin", name, found.architectures)))
        yield from [name] if name in found.architectures else [each for declared in of_it for each in declared]

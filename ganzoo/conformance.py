"""The conformance suite as a plugin of pytest: ``pytest -p ganzoo.conformance --conformance NAME``.

NAME is an architecture, a feature extractor, or a distribution, of which all of these are meant. The checks need no
file of tests; in a plugin's pyproject.toml, ``addopts = "-p ganzoo.conformance --conformance NAME"`` makes
`pytest` alone run them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

__all__ = ["Conformance", "pytest_addoption", "pytest_collection_modifyitems"]

_KINDS = ("architectures", "feature_extractors")


class Conformance(pytest.Item):
    """One check of one architecture, or of one feature extractor."""

    def __init__(self, *, check: Callable[[str], None], subject: str, **options: Any) -> None:
        super().__init__(**options)
        self.check = check
        self.subject = subject

    def runtest(self) -> None:
        """Check it; an AssertionError says what is wrong."""
        self.check(self.subject)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """What is shown of it."""
        return self.path, None, self.name


def pytest_addoption(parser: pytest.Parser) -> None:
    """The option that asks for the suite."""
    parser.getgroup("ganzoo").addoption(
        "--conformance",
        action="append",
        default=[],
        metavar="NAME",
        help="an architecture or feature extractor, or all of a distribution",
    )


@pytest.hookimpl(tryfirst=True)  # so that -k selects among the checks too
def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    """Add the suite of each architecture and feature extractor that was asked for."""
    for kind, name in _subjects(config.getoption("--conformance")):
        from ganzoo import testing

        for check in testing.CHECKS if kind == "architectures" else testing.FEATURE_CHECKS:
            title = f"{name}[{check.__name__.removeprefix('check_')}]"
            items.append(Conformance.from_parent(session, name=title, check=check, subject=name))


def _subjects(names: Iterable[str]) -> Iterator[tuple[str, str]]:
    """The kind and the name of all that is meant."""
    from ganzoo.registry import lookup

    found = lookup.registry()
    for name in names:
        meant = [(kind, name) for kind in _KINDS if name in getattr(found, kind)]
        of_it = [plugin.declares for plugin in found.plugins if plugin.distribution == name]
        meant = meant or [(kind, each) for declares in of_it for kind in _KINDS for each in declares.get(kind, ())]
        if not meant:
            known = [*found.architectures, *found.feature_extractors]
            raise pytest.UsageError(str(found.unknown("architecture, feature extractor or plugin", name, known)))
        yield from meant

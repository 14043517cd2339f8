"""The conformance suite as a plugin of pytest: ``pytest -p ganzoo.conformance --conformance NAME``.

NAME is an architecture, a feature extractor or a distribution. A distribution means all architectures and feature
extractors that it provides. The checks need no test file. With ``addopts = "-p ganzoo.conformance --conformance NAME"``
in the pyproject.toml of a plugin, the command ``pytest`` runs them.
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
        """Run the check. An AssertionError says what is wrong."""
        self.check(self.subject)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """The path, line and title in pytest's report."""
        return self.path, None, self.name


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option ``--conformance``."""
    parser.getgroup("ganzoo").addoption(
        "--conformance",
        action="append",
        default=[],
        metavar="NAME",
        help="check this architecture or feature extractor, or all of this distribution",
    )


@pytest.hookimpl(tryfirst=True)  # so that -k selects among the checks too
def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    """Add the checks of each architecture and feature extractor that ``--conformance`` names."""
    for kind, name in _subjects(config.getoption("--conformance")):
        from ganzoo import testing

        for check in testing.CHECKS if kind == "architectures" else testing.FEATURE_CHECKS:
            title = f"{name}[{check.__name__.removeprefix('check_')}]"
            items.append(Conformance.from_parent(session, name=title, check=check, subject=name))


def _subjects(names: Iterable[str]) -> Iterator[tuple[str, str]]:
    """The kind and the name of each architecture and feature extractor that `names` mean."""
    from ganzoo.registry import lookup

    found = lookup.registry()
    for name in names:
        meant = [(kind, name) for kind in _KINDS if name in getattr(found, kind)]
        provided = [plugin.declares for plugin in found.plugins if plugin.distribution == name]
        meant = meant or [(kind, each) for declares in provided for kind in _KINDS for each in declares.get(kind, ())]
        if not meant:
            known = [*found.architectures, *found.feature_extractors]
            raise pytest.UsageError(str(found.unknown("architecture, feature extractor or plugin", name, known)))
        yield from meant

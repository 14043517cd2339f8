"""Every registered architecture passes the conformance suite."""

import pytest

from ganzoo import testing, zoo


@pytest.mark.parametrize("check", testing.CHECKS, ids=lambda check: check.__name__.removeprefix("check_"))
@pytest.mark.parametrize("architecture", zoo.registry().architectures)
def test_conformance(architecture, check):
    check(architecture)

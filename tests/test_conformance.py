"""Every registered architecture, and every feature extractor, passes the conformance suite."""

import pytest

from ganzoo import testing, zoo


def name_of(check):
    return check.__name__.removeprefix("check_")


@pytest.mark.parametrize("check", testing.CHECKS, ids=name_of)
@pytest.mark.parametrize("architecture", zoo.registry().architectures)
def test_conformance(architecture, check):
    check(architecture)


@pytest.mark.parametrize("check", testing.FEATURE_CHECKS, ids=name_of)
@pytest.mark.parametrize("features", zoo.registry().features)
def test_conformance_of_features(features, check):
    check(features)

"""Each schedule matches its definition."""

import math

import pytest

from ganzoo.registry import lookup

ZOO = lookup.registry()
NAMES = ("constant", "linear", "cosine", "exponential")

every_schedule = pytest.mark.parametrize("name", NAMES)


@every_schedule
def test_each_says_what_it_does_and_has_a_setting(name):
    spec = ZOO.schedules[name]
    assert spec.summary
    assert 0 <= spec.default <= 1


@pytest.mark.parametrize(
    ("name", "setting", "factors"),  # at 0, 1/4, 1/2, 3/4
    [
        ("constant", 1, [1, 1, 1, 1]),
        ("constant", 0.3, [0.3, 0.3, 0.3, 0.3]),
        ("linear", 0, [1, 0.75, 0.5, 0.25]),
        ("linear", 0.5, [1, 1, 1, 0.5]),
        ("linear", 0.25, [1, 1, 2 / 3, 1 / 3]),
        ("linear", 1, [1, 1, 1, 1]),
        ("cosine", 0, [1, (1 + math.sqrt(0.5)) / 2, 0.5, (1 - math.sqrt(0.5)) / 2]),
        ("cosine", 0.2, [1, 0.6 + 0.4 * math.sqrt(0.5), 0.6, 0.6 - 0.4 * math.sqrt(0.5)]),
        ("cosine", 1, [1, 1, 1, 1]),
        ("exponential", 0.0001, [1, 0.1, 0.01, 0.001]),
        ("exponential", 1, [1, 1, 1, 1]),
    ],
)
def test_factors(name, setting, factors):
    factor = ZOO.schedules[name].factor
    assert [factor(quarter / 4, setting) for quarter in range(4)] == pytest.approx(factors)


@pytest.mark.parametrize(("name", "end"), [("linear", 0), ("cosine", 0.2), ("exponential", 0.2)])
def test_ends(name, end):
    setting = 0.2
    assert ZOO.schedules[name].factor(1 - 1e-9, setting) == pytest.approx(end, abs=1e-8)


@pytest.mark.parametrize(("kept", "falling"), [(100, 100), (50, 150)])
def test_linear_is_the_rule_of_cyclegan(kept, falling):
    """Their factor is 1 - max(0, epoch + 1 - kept) / (falling + 1). In this test, epochs are short."""
    fine = 1000
    kept, falling = kept * fine, falling * fine
    factor = ZOO.schedules["linear"].factor
    for epoch in range(0, kept + falling, fine // 2):
        theirs = 1 - max(0, epoch + 1 - kept) / (falling + 1)
        assert factor(epoch / (kept + falling), kept / (kept + falling)) == pytest.approx(theirs, abs=2 / falling)


@every_schedule
def test_finite_and_never_rising(name):
    factor = ZOO.schedules[name].factor
    for setting in (0, 1e-300, 0.01, 0.5, 1 - 1e-16, 1):
        factors = [factor(progress, setting) for progress in (0, 1e-300, 0.3, 0.5, 0.999, 1 - 1e-16)]
        assert factors == sorted(factors, reverse=True)
        assert 0 <= factors[-1] <= factors[0] <= 1

"""Every registered architecture, and every feature extractor, passes the conformance suite."""

import dataclasses
import subprocess
import sys

import pytest
import torch
from torch import nn

from ganzoo import testing
from ganzoo.registry import lookup
from ganzoo.testing import training
from ganzoo.testing.tiny import tiny_config, trained_model


def name_of(check):
    return check.__name__.removeprefix("check_")


LARGER = ("dinov2-vit-b-14", "dinov2-vit-l-14", "clip-vit-l-14")
"""Extractors with the network of a smaller one, which stands for them."""

QUICK = ("extractor_is_declared_without_torch", "extractor_is_described")


def is_long(name, check):
    """Whether others stand for it in the default run: two processes start slowly, and some extractors are large."""
    if name_of(check) == "two_processes_are_one":
        return name != "gan"
    large = ("inception", "dinov2-vit-s-14", "clip-vit-b-32", "lpips-vgg16")
    return name in large and name_of(check) != "extractor_is_declared_without_torch"


def cases(names, checks):
    """Each check of each name."""
    return [
        pytest.param(name, check, id=f"{name}-{name_of(check)}", marks=[pytest.mark.long] * is_long(name, check))
        for name in names
        for check in checks
        if name not in LARGER or name_of(check) in QUICK
    ]


@pytest.mark.parametrize(("architecture", "check"), cases(lookup.registry().architectures, testing.CHECKS))
def test_conformance(architecture, check):
    check(architecture)


@pytest.mark.parametrize(("features", "check"), cases(lookup.registry().feature_extractors, testing.FEATURE_CHECKS))
def test_conformance_of_features(features, check):
    check(features)


@pytest.mark.parametrize(
    ("names", "counts"),
    [
        (("gan", "mnist"), {"gan": len(testing.CHECKS), "mnist": len(testing.FEATURE_CHECKS)}),
        pytest.param(
            ("ganzoo",),
            {"biggan": len(testing.CHECKS), "inception": len(testing.FEATURE_CHECKS)},
            marks=pytest.mark.long,
        ),
    ],
)
def test_pytest_collects_the_suites_that_are_asked_for(names, counts, tmp_path):
    asked = [word for name in names for word in ("--conformance", name)]
    command = [sys.executable, "-m", "pytest", "-p", "ganzoo.conformance", "--collect-only", "-q", *asked, tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    collected = [line.partition("[")[0] for line in done.stdout.splitlines() if "[" in line]
    assert {name: sum(each.endswith(name) for each in collected) for name in counts} == counts, done.stdout


def test_pytest_says_what_it_does_not_know(tmp_path):
    command = [sys.executable, "-m", "pytest", "-p", "ganzoo.conformance", "--conformance", "gam", tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 4
    assert "there is no architecture, feature extractor or plugin 'gam' - did you mean gan or dfgan" in done.stderr


def test_a_parameter_that_never_has_a_gradient_is_found(monkeypatch):
    """A network may grow, but a parameter that no update reaches in 12 steps is a mistake."""
    loop = training.tiny_loop("gan")
    loop.gan.generator.register_parameter("lost", nn.Parameter(torch.zeros(1)))
    loop.optimizers["generator"].add_param_group({"params": [loop.gan.generator.lost]})
    monkeypatch.setattr(training, "tiny_loop", lambda architecture: loop)
    with pytest.raises(AssertionError, match=r"no gradient in 12 steps: generator\.lost$"):
        training.check_updates_move_their_group("gan")


@pytest.mark.parametrize("architecture", lookup.registry().architectures)
def test_built_in_architectures_take_five_channels(architecture):
    """The check lets those pass that refuse five channels."""
    spec = lookup.registry().architectures[architecture]
    if hasattr(spec.config(), "channels"):
        assert tiny_config(architecture, channels=5).image_shape[0] == 5
    else:
        last = dataclasses.replace(spec.tiny["layers"][-1], outputs=5)
        trained = trained_model(architecture, layers=(*spec.tiny["layers"][:-1], last))
        assert trained.sample(2).shape[:2] == (2, 5)

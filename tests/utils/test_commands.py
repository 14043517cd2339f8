"""The words of a command line: one rule for each type of field."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from ganzoo.utils.commands import flag, words_of


@dataclass(frozen=True)
class Options:
    name: str = field(default="dcgan", metadata=flag(None))
    seed: int = field(default=0, metadata=flag(always=True))
    batch_size: int = 64
    rate: float = 0.5
    mirror: bool = False
    sheet: Path | None = None
    label: str | None = field(default=None, metadata=flag("--class"))
    augmentations: tuple[str, ...] = field(default=(), metadata=flag("--augment"))
    splits: tuple[int, ...] = field(default=(1, 10), metadata=flag("--is-splits", separator=","))
    weights: Mapping[str, float] = field(default_factory=dict, metadata=flag("--weight"))
    config: Mapping[str, Any] = field(default_factory=dict, metadata=flag("--config", merged=True))


USUAL = Options(mirror=True, weights={"r1": 1}, config={"size": 8, "widths": (4, 4)})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, []),
        ({"name": "gan"}, []),
        ({"seed": 7}, []),
        ({"batch_size": 32}, ["--batch-size", "32"]),
        ({"rate": 1e-5}, ["--rate", "1e-05"]),
        ({"mirror": False}, ["--no-mirror"]),
        ({"sheet": Path("a b.png")}, ["--sheet", "a b.png"]),
        ({"label": "coat"}, ["--class", "coat"]),
        ({"augmentations": ("color", "cutout")}, ["--augment", "color", "--augment", "cutout"]),
        ({"splits": (1, 10, 20)}, ["--is-splits", "1,10,20"]),
        ({"splits": ()}, []),
        ({"weights": {"r1": 1, "gp": 0.5}}, ["--weight", "r1=1", "--weight", "gp=0.5"]),
        (
            {"config": {"size": 8, "widths": (4, 8), "latent": "normal", "deep": True}},
            ["--config", "widths=[4, 8]", "--config", "latent=normal", "--config", "deep=true"],
        ),
    ],
    ids=str,
)
def test_what_is_not_usual_is_written(change, words):
    changed = replace(USUAL, **change)
    assert words_of(changed, usual=USUAL) == ["--seed", str(changed.seed), *words]


def test_true_is_the_flag_itself():
    assert words_of(USUAL, usual=replace(USUAL, mirror=False)) == ["--seed", "0", "--mirror"]

"""The options that decide the numbers of an evaluation, and the command that computes the same numbers again."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from typing import Any

from ganzoo.utils.commands import flag, words_of

__all__ = [
    "ALL_METRICS",
    "BY_DISTANCE",
    "CLEAN",
    "DISTANCE",
    "FEWEST",
    "LPIPS",
    "METRIC_NAMES",
    "PATHS",
    "RESIZINGS",
    "R_PRECISION",
    "USUAL_FEATURES",
    "EvaluationOptions",
    "Settings",
]

FEWEST = 10
"""Fewer images than this are refused."""

METRIC_NAMES = ("is", "fid", "kid", "prdc", "authenticity")
"""The names of `ganzoo.evaluation.metrics.METRICS`, without torch. They are the default."""

R_PRECISION = "r-precision"
"""The metric of images and their captions, `ganzoo.evaluation.r_precision`."""

PATHS = ("ppl", "ppl-full")
"""The lengths of paths between latents, `ganzoo.evaluation.path_length`: at their ends, and anywhere on them."""

LPIPS = "lpips"
"""How different the samples of a model look, `ganzoo.evaluation.diversity`."""

BY_DISTANCE = (*PATHS, LPIPS)
"""The metrics of distances between two images. They need no real images; these only give the floor of `LPIPS`."""

ALL_METRICS = (*METRIC_NAMES, R_PRECISION, *BY_DISTANCE)
"""All metrics that users can ask for."""

USUAL_FEATURES = "inception"
"""The features for data sets that no extractor was trained on."""

DISTANCE = "lpips-vgg16"
"""The extractor whose distances between images `BY_DISTANCE` uses."""

CLEAN = "clean"
RESIZINGS = ("own", CLEAN)
"""Who resizes images to the size that an extractor takes: it itself, or `ganzoo.evaluation.resizing`."""


@dataclass(frozen=True)
class Settings:
    """Settings of metrics: the seed of random choices, the splits of IS, and the k of nearest-neighbor metrics."""

    seed: int = 0
    is_splits: tuple[int, ...] = (1, 10)
    neighbors: int = 5


@dataclass(frozen=True, kw_only=True)
class EvaluationOptions:
    """The options of `ganzoo evaluate` on which its numbers depend; `ganzoo.evaluate` explains them.

    Where an image is read from and how fast, such as the batch size, is not among them. The metadata of a field says
    how `command` writes it. What may have another default in a later version is always written. `features` is None if
    no metric is computed from features, and `against` if there are no real images.
    """

    subject: str = field(metadata=flag(None))
    against: str | None = field(metadata=flag(always=True))
    features: str | None = field(metadata=flag(always=True))
    count: int | None = field(default=None, metadata=flag("-n", always=True))
    seed: int = field(default=0, metadata=flag(always=True))
    metrics: tuple[str, ...] = field(default=METRIC_NAMES, metadata=flag(separator=","))
    is_splits: tuple[int, ...] = field(default=Settings.is_splits, metadata=flag(separator=","))
    direction: str | None = None
    label: int | str | None = field(default=None, metadata=flag("--class"))
    truncation: float | None = None
    limit: int | None = None
    precision: str = "fp32"
    matcher: str | None = None
    resize: str = RESIZINGS[0]

    @property
    def by_features(self) -> tuple[str, ...]:
        """The metrics that are computed from features, each once."""
        return tuple(dict.fromkeys(metric for metric in self.metrics if metric in METRIC_NAMES))

    @property
    def by_distance(self) -> tuple[str, ...]:
        """The metrics that are computed from distances between two images, each once."""
        return tuple(dict.fromkeys(metric for metric in self.metrics if metric in BY_DISTANCE))

    @property
    def by_texts(self) -> bool:
        """Whether images are compared with their captions."""
        return R_PRECISION in self.metrics

    @property
    def settings(self) -> Settings:
        """The settings of the metrics."""
        return Settings(seed=self.seed, is_splits=self.is_splits)

    @property
    def request(self) -> dict[str, Any]:
        """The options of the request to the model, without those that are None."""
        options = {"direction": self.direction, "label": self.label, "truncation": self.truncation}
        return {name: value for name, value in options.items() if value is not None}

    @property
    def command(self) -> str:
        """The command line that computes the same numbers."""
        usual = EvaluationOptions(subject=self.subject, against=self.against, features=self.features)
        return shlex.join(["ganzoo", "evaluate", self.subject, *words_of(self, usual=usual)])

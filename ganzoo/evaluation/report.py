"""Reports of an evaluation: tables, the section of a model card, and the JSON file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from ganzoo.errors import InvalidRequestError
from ganzoo.evaluation.metrics import Estimate
from ganzoo.utils.files import atomic_write
from ganzoo.utils.json_files import read_object

__all__ = ["facts", "markdown", "read", "rows", "write"]

USUAL = "inception"
"""The features by which FID and KID have no other name. Those by other features, or another resizing, are named so."""

NAMES = {
    "is/1": "IS, 1 split",
    "clarity": "clarity, E H(y|x), nats",
    "variety": "variety, H(y), nats",
    "fid": "FID",
    "kid": "KID",
    "r-precision": "R-precision",
    "ppl": "PPL, ends of paths",
    "ppl-full": "PPL, whole paths",
    "lpips": "LPIPS diversity",
}
"""The names of metrics in tables. Metrics that are not listed keep their names."""

_LIMIT = 10_000_000  # bytes; the nearest training images are in the file
_HOW_TO_WRITE = "write it with `ganzoo evaluate NAME -o FILE`"


def rows(result: Mapping[str, Any]) -> list[dict[str, str]]:
    """The rows of the table, from the JSON of an evaluation. The column of the numbers names the features."""
    column = f"by {result['features']['name']} features"
    known = dict.fromkeys(name for score in result["scores"].values() for name in score)
    baselines = [name for name in known if name not in Estimate._fields]
    return [
        {
            "metric": _name(metric, result),
            column: _digits(score["value"]),
            "plus_minus": "" if score["uncertainty"] is None else _digits(score["uncertainty"]),
            **{name: _with_uncertainty(score[name]) if name in score else "" for name in baselines},
        }
        for metric, score in result["scores"].items()
    ]


def markdown(result: Mapping[str, Any]) -> str:
    """The section of a model card, from the JSON of an evaluation."""
    table = rows(result)
    heading = [name.replace("plus_minus", "±") for name in table[0]]
    cells = [heading, *([cell.replace("|", r"\|") for cell in row.values()] for row in table)]
    lines = [f"| {' | '.join(row)} |" for row in cells]
    lines.insert(1, "|---" * len(heading) + "|")
    known = facts(result)
    lines_below = [f"- {role}: {known[key]}" for role, key in (("judged", "images"), ("reference", "against"))]
    shown = (*result["images"], "features", "matcher", "distance")
    lines_below += [f"- {name}: {value}" for name, value in known.items() if name in shown]
    return "\n".join(["## Evaluation", "", *lines, "", *lines_below, "", "```bash", result["command"], "```", ""])


def facts(result: Mapping[str, Any]) -> dict[str, Any]:
    """What was compared, and with which features, as texts for users, from the JSON of an evaluation."""
    parts = {name: f"{part['count']:,} x {part['what']}" for name, part in result["images"].items()}
    images, against = parts.pop("judged"), parts.pop("reference", "no real images, which these numbers do not need")
    features = f"{result['features']['name']} (trained on {result['features']['trained_on']})"
    if "resize" in result["features"]:
        features += f", {result['features']['resize']} resizing"
    known = {"images": f"{images}, seed {result['seed']}", "against": against, **parts, "features": features}
    for role in ("matcher", "distance"):
        if judge := result.get(role):
            known[role] = f"{judge['name']} (trained on {judge['trained_on']})"
            if judge == result["features"]:
                known.pop("features", None)
    return known


class _HasJson(Protocol):
    """An `Evaluation`, which cannot be named here: it imports this module to show itself."""

    def as_json(self) -> dict[str, Any]: ...


def write(evaluation: _HasJson, path: Path) -> None:
    """Write the JSON file that a model card quotes. The file is complete, or it is not written."""
    with atomic_write(path) as temporary:
        temporary.write_text(json.dumps(evaluation.as_json(), indent=2) + "\n")


def read(path: Path) -> dict[str, Any]:
    """Read the file that `write` has written.

    Raises:
        InvalidRequestError: the file cannot be read, or has other contents.
    """
    try:
        result = read_object(path, limit=_LIMIT)
        markdown(result)
    except OSError as error:
        raise InvalidRequestError(f"{path} cannot be read: {error.strerror} - {_HOW_TO_WRITE}") from error
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, StopIteration) as error:
        raise InvalidRequestError(f"{path} is not the result of an evaluation - {_HOW_TO_WRITE}") from error
    return result


def _name(metric: str, result: Mapping[str, Any]) -> str:
    """The name of a number, with what makes it another number than others of this name."""
    kind, _, splits = metric.partition("/")
    name = NAMES.get(metric) or (f"{kind.upper()}, {splits} splits" if splits else metric)
    features = result["features"]
    words = {"fid": _unusual(features), "kid": _unusual(features), "ppl": _path(result), "ppl-full": _path(result)}
    return f"{name} ({', '.join(words[metric])})" if words.get(metric) else name


def _unusual(features: Mapping[str, Any]) -> list[str]:
    """How the features differ from those of a FID that is only called so."""
    return [*([] if features["name"] == USUAL else [features["name"]]), *filter(None, [features.get("resize")])]


def _path(result: Mapping[str, Any]) -> list[str]:
    path = result.get("distance", {}).get("path")
    return [f"in {path}"] if path else []


def _with_uncertainty(estimate: Mapping[str, float | None]) -> str:
    value, uncertainty = (estimate[field] for field in Estimate._fields)
    text = _digits(value or 0.0)
    return text if uncertainty is None else f"{text} ± {_digits(uncertainty)}"


def _digits(value: float) -> str:
    """The number with four digits, and at most five decimals."""
    decimals = max(0, min(5, 4 - len(str(int(abs(value))))))
    return f"{value:.{decimals if abs(value) >= 0.1 else 5}f}"

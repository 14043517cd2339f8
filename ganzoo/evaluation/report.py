"""What the command line shows of an evaluation."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganzoo.errors import InvalidRequestError
from ganzoo.evaluation.metrics import Estimate
from ganzoo.utils.files import atomic_write

if TYPE_CHECKING:
    from ganzoo.evaluation.result import Evaluation


__all__ = ["facts", "markdown", "read", "rows", "write"]

NAMES = {
    "is/1": "IS, 1 split",
    "clarity": "clarity, E H(y|x), nats",
    "variety": "variety, H(y), nats",
    "fid": "FID",
    "kid": "KID",
}
"""Metrics as people read them; the others are called what they are called."""


def rows(said: Mapping[str, Any]) -> list[dict[str, str]]:
    """The table of an evaluation's JSON; the column of the numbers is called what the features are called."""
    column = f"by {said['features']['name']} features"
    yardsticks = [name for name in next(iter(said["scores"].values())) if name not in Estimate._fields]
    return [
        {
            "metric": _name(metric),
            column: _digits(score["value"]),
            "plus_minus": "" if score["uncertainty"] is None else _digits(score["uncertainty"]),
            **{name: _with_uncertainty(score[name]) for name in yardsticks},
        }
        for metric, score in said["scores"].items()
    ]


def markdown(said: Mapping[str, Any]) -> str:
    """A model card's section of an evaluation's JSON."""
    table = rows(said)
    heading = [name.replace("plus_minus", "±") for name in table[0]]
    cells = [heading, *([cell.replace("|", r"\|") for cell in row.values()] for row in table)]
    lines = [f"| {' | '.join(row)} |" for row in cells]
    lines.insert(1, "|---" * len(heading) + "|")
    known = facts(said)
    told = [f"- {role}: {known[key]}" for role, key in (("judged", "images"), ("reference", "against"))]
    told += [f"- {name}: {value}" for name, value in known.items() if name in (*said["images"], "features")]
    return "\n".join(["## Evaluation", "", *lines, "", *told, "", "```bash", said["command"], "```", ""])


def facts(said: Mapping[str, Any]) -> dict[str, Any]:
    """What was compared, by which features, for people to read, of an evaluation's JSON."""
    parts = {name: f"{part['count']:,} x {part['what']}" for name, part in said["images"].items()}
    images, against = parts.pop("judged"), parts.pop("reference")
    features = f"{said['features']['name']} (trained on {said['features']['trained_on']})"
    return {"images": f"{images}, seed {said['seed']}", "against": against, **parts, "features": features}


def write(found: Evaluation, path: Path) -> None:
    """The JSON file that a model card quotes, whole or not at all."""
    with atomic_write(path) as temporary:
        temporary.write_text(json.dumps(found.as_json(), indent=2) + "\n")


def read(path: Path) -> dict[str, Any]:
    """What `write` wrote.

    Raises:
        InvalidRequestError: it is no such file.
    """
    try:
        said: dict[str, Any] = json.loads(path.read_text())
        markdown(said)
    except OSError as error:
        raise InvalidRequestError(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise InvalidRequestError(f"{path} is no evaluation - `ganzoo evaluate NAME -o FILE` writes one") from error
    return said


def _name(metric: str) -> str:
    kind, _, splits = metric.partition("/")
    return NAMES.get(metric) or (f"{kind.upper()}, {splits} splits" if splits else metric)


def _with_uncertainty(estimate: Mapping[str, float | None]) -> str:
    value, uncertainty = (estimate[field] for field in Estimate._fields)
    text = _digits(value or 0.0)
    return text if uncertainty is None else f"{text} ± {_digits(uncertainty)}"


def _digits(value: float) -> str:
    """Four digits, and no more than five decimals."""
    decimals = max(0, min(5, 4 - len(str(int(abs(value))))))
    return f"{value:.{decimals if abs(value) >= 0.1 else 5}f}"

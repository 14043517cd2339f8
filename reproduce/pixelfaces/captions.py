"""captions.py FOLDER: describe the portraits that make.mjs drew, and hold some combinations of words out of training.

FOLDER/attributes.json says what each portrait shows. The portraits move to FOLDER/train and FOLDER/heldout, each with
their captions in metadata.jsonl.
"""

import json
import sys
from pathlib import Path
from typing import Any

COLORS = {
    **{"black": (30, 25, 25), "brown": (95, 60, 30), "blond": (200, 160, 80), "red": (175, 50, 40)},
    **{"grey": (150, 150, 150), "white": (235, 235, 235), "green": (60, 140, 80), "blue": (60, 100, 180)},
    **{"purple": (130, 60, 140), "pink": (230, 130, 160), "orange": (220, 120, 40), "yellow": (240, 210, 90)},
}
TONES = {"pale": 215, "light": 170, "tan": 125, "dark": -1}
"""The names of skin tones, and the mean of red, green and blue that each of them exceeds."""

HELD_OUT = (
    ("long red hair", "glasses"),
    ("short blond hair", "a dark face"),
    ("long brown hair", "a pale face"),
    ("black hair", "a pink shirt"),
)
"""No portrait for training has both parts of a pair."""


def rgb(code: str) -> tuple[int, ...]:
    """Red, green and blue, from 0 to 255, of a code such as #b6e3f4."""
    return tuple(bytes.fromhex(code.lstrip("#")))


def color(code: str) -> str:
    """The name of the nearest color."""
    return min(COLORS, key=lambda name: sum((a - b) ** 2 for a, b in zip(rgb(code), COLORS[name], strict=True)))


def caption(face: dict[str, Any]) -> str:
    """A sentence such as "a dark face with long red hair, a smile and a blue shirt"."""
    tone = next(name for name, least in TONES.items() if sum(rgb(face["skinColor"])) / 3 > least)
    parts = []
    if face.get("hat"):
        parts.append(f"a {color(face['hatColor'])} hat")
    elif face.get("hair"):
        parts.append(f"{'long' if face['hair'].startswith('long') else 'short'} {color(face['hairColor'])} hair")
    if face.get("glasses"):
        parts.append(f"{'dark' if face['glasses'].startswith('dark') else 'light'} glasses")
    if face.get("beard"):
        parts.append("a beard")
    parts.append("a smile" if face["mouth"].startswith("happy") else "a frown")
    return f"a {tone} face with {', '.join(parts)} and a {color(face['clothingColor'])} shirt"


def is_held_out(text: str) -> bool:
    """Whether a caption has both parts of a pair that training does not see."""
    return any(all(part in text for part in pair) for pair in HELD_OUT)


def main(folder: Path) -> None:
    """Move each portrait to its part, and write the captions of both parts."""
    lines: dict[str, list[str]] = {"train": [], "heldout": []}
    for part in lines:
        (folder / part).mkdir(exist_ok=True)
    for i, face in enumerate(json.loads((folder / "attributes.json").read_text())):
        name, text = f"{i:06d}.png", caption(face)
        part = "heldout" if is_held_out(text) else "train"
        (folder / name).rename(folder / part / name)
        lines[part].append(json.dumps({"file_name": name, "text": text}) + "\n")
    for part, written in lines.items():
        (folder / part / "metadata.jsonl").write_text("".join(written))


if __name__ == "__main__":
    main(Path(sys.argv[1]))

"""Evaluate models and write the numbers into their cards, and the complete results into a JSON file next to each card.

python reproduce/cards.py gan-mnist dcgan-mnist dcgan-fashion-mnist
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import ganzoo
from ganzoo.evaluation import report

CARDS = Path(__file__).parents[1] / "model_cards"
SECTION = re.compile(r"## Evaluation\n.*?(?=^## )", re.DOTALL | re.MULTILINE)


def replace_section(text: str, section: str) -> str:
    """The text of a card with `section` as its evaluation."""
    if SECTION.search(text):
        return SECTION.sub(lambda match: section + "\n", text)
    return text.replace("## Limits\n", f"{section}\n## Limits\n")


def main() -> None:
    """Evaluate each model with the default settings."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+")
    parser.add_argument("--against")
    parser.add_argument("--data-dir", default="data")
    chosen = parser.parse_args()
    for name in chosen.models:
        found = ganzoo.evaluate(name, against=chosen.against, data_dir=chosen.data_dir)
        report.write(found, CARDS / f"{name}.json")
        card = CARDS / f"{name}.md"
        card.write_text(replace_section(card.read_text(), report.markdown(found.as_json())))
        print(f"{name}: FID {found.score('fid').value:.3f}, floor {found.score('fid').baselines['floor'].value:.3f}")


if __name__ == "__main__":
    main()

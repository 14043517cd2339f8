"""Does a class-conditional model generate the class that it is asked for? A registered classifier of the data answers.

    python experiments/classes.py biggan-fashion-mnist fashion-mnist

For each class it generates the same number of samples, with the seeds 0, 1, ... The table shows the share of them that
the classifier assigns to that class, and the mean over classes. It does so for several truncations. The column
"variance" is the mean variance between the samples of a class: smaller truncations have less variety.
"""

from __future__ import annotations

import argparse

import torch
from torch import Tensor

import ganzoo
from ganzoo.evaluation.extractors import load_extractor
from ganzoo.images.tensors import to_pixels
from ganzoo.interface.extractor import Extractor


def agreement(samples: Tensor, label: int, classifier: Extractor) -> float:
    """The share of the images, in [-1, 1], that the classifier assigns to the class `label`."""
    with torch.inference_mode():
        return float((classifier(to_pixels(samples)).logits.argmax(1) == label).float().mean())


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("features")
    parser.add_argument("--count", type=int, default=100, help="samples of each class (default: 100)")
    parser.add_argument("--truncations", type=float, nargs="+", default=[0.1, 0.4, 0.7, 1.0])
    chosen = parser.parse_args()
    model = ganzoo.load(chosen.model)
    classifier = load_extractor(chosen.features, device=torch.device("cpu"))
    ways = {"as in training": {}, **{f"truncation {t}": {"truncation": t} for t in chosen.truncations}}
    print(f"{'':16}{'mean':>8}{'variance':>10}  " + "".join(f"{name[:9]:>11}" for name in model.classes))
    for way, options in ways.items():
        made = [model.sample(chosen.count, label=label, **options) for label in range(len(model.classes))]
        shares = [agreement(samples, label, classifier) for label, samples in enumerate(made)]
        variance = sum(float(samples.var(0).mean()) for samples in made) / len(made)
        mean = sum(shares) / len(shares)
        print(f"{way:16}{mean:8.3f}{variance:10.4f}  " + "".join(f"{share:11.2f}" for share in shares))


if __name__ == "__main__":
    main()

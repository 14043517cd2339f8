"""Whether a class-conditional model makes the class that it is asked for, by a registered classifier of the same data.

    python experiments/classes.py biggan-fashion-mnist fashion-mnist --data-dir data

Of each class as many samples, seeds 0, 1, ...; the share of them that the classifier takes for that class, by class
and in the mean over classes, beside its accuracy on the data's test images. And at several truncations, how the
fidelity that the classifier sees is paid for by variety: the mean variance between samples of a class.
"""

from __future__ import annotations

import argparse

import torch
from torch import Tensor

import ganzoo
from ganzoo.evaluation.extractors import load_extractor
from ganzoo.images.tensors import to_bytes
from ganzoo.interface.extractor import Extractor


def agreement(samples: Tensor, label: int, classifier: Extractor) -> float:
    """The share of images in [-1, 1] that are taken for the class."""
    with torch.inference_mode():
        return float((classifier(to_bytes(samples)).logits.argmax(1) == label).float().mean())


def main() -> None:
    """Print the tables."""
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

"""attributes.py MODEL PORTRAITS: how many attributes that texts ask for are in the pictures.

A classifier learns the attributes from the real portraits of PORTRAITS/train and their captions. It then looks at the
first portraits of PORTRAITS/heldout, and at one picture of MODEL for each of their captions. The share that it gets
right of real ones is what a perfect model would have; that of the captions in another order is what is right by chance.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

import ganzoo

WORDS = {
    "skin": ("pale face", "light face", "tan face", "dark face"),
    "head": ("long", "short", "hat"),
    "color": tuple(f"{c} h" for c in ("black", "brown", "blond", "red", "blue", "grey", "pink", "purple", "green")),
    "glasses": ("dark glasses", "light glasses", ""),
    "beard": ("beard", ""),
    "mouth": ("smile", "frown"),
    "shirt": tuple(f"{c} shirt" for c in ("yellow", "grey", "green", "red", "white", "black", "blue", "pink")),
}
"""The values of each attribute, as captions name them: the first that a caption holds. The empty one is the absence."""


def labels(captions: Sequence[str]) -> Tensor:
    """(N, attributes) int64: the value of each attribute."""
    rows = [[next(i for i, v in enumerate(values) if v in text) for values in WORDS.values()] for text in captions]
    return torch.tensor(rows)


def read(folder: Path, limit: int | None = None) -> tuple[Tensor, list[str]]:
    """The pictures of a folder, (N, 3, 32, 32) in [-1, 1], and their captions."""
    lines = [json.loads(line) for line in (folder / "metadata.jsonl").read_text().splitlines()][:limit]
    pictures = [ganzoo.read_picture(folder / line["file_name"], channels=3) for line in lines]
    return torch.stack(pictures), [line["text"] for line in lines]


class Classifier(nn.Module):
    """Pictures (N, 3, 32, 32) in [-1, 1] to the logits of each attribute."""

    def __init__(self) -> None:
        super().__init__()
        widths = (3, 32, 64, 128)
        layers = [(nn.Conv2d(a, b, 4, stride=2, padding=1), nn.BatchNorm2d(b), nn.ReLU()) for a, b in pairwise(widths)]
        self.features = nn.Sequential(*[layer for block in layers for layer in block], nn.Flatten())
        self.heads = nn.ModuleList(nn.Linear(128 * 16, len(values)) for values in WORDS.values())

    def forward(self, pictures: Tensor) -> list[Tensor]:
        """One (N, values) for each attribute."""
        features = self.features(pictures)
        return [head(features) for head in self.heads]


def train(pictures: Tensor, targets: Tensor, epochs: int) -> Classifier:
    """Adam with one cycle of the learning rate, 128 portraits in each step."""
    torch.manual_seed(0)
    network = Classifier()
    optimizer = torch.optim.Adam(network.parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, epochs * (len(pictures) // 128))
    for _ in range(epochs):
        for rows in torch.randperm(len(pictures))[: len(pictures) // 128 * 128].split(128):
            logits = network(pictures[rows])
            loss = torch.stack([functional.cross_entropy(row, targets[rows, i]) for i, row in enumerate(logits)]).sum()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    return network.eval()


@torch.inference_mode()
def right(network: Classifier, pictures: Tensor, targets: Tensor) -> Tensor:
    """(attributes,): the share of the pictures with the attribute that they should have."""
    logits = network(pictures)
    return torch.stack([(row.argmax(1) == targets[:, i]).float().mean() for i, row in enumerate(logits)])


def pictures_of(model: ganzoo.Model, captions: Sequence[str], seed: int) -> Iterator[Tensor]:
    """A picture for each caption, (3, 32, 32) in [-1, 1]; caption i has the seed `seed` + i."""
    for i, text in enumerate(captions):
        yield model.sample(1, seed=seed + i, text=text)[0]


def main() -> None:
    """Print a row for each attribute, and the mean."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("portraits", type=Path)
    parser.add_argument("-n", type=int, default=1000, help="how many held-out captions")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    pictures, captions = read(chosen.portraits / "train")
    network = train(pictures, labels(captions), chosen.epochs)
    real, captions = read(chosen.portraits / "heldout", chosen.n)
    made = torch.stack([*pictures_of(ganzoo.load(chosen.model), captions, chosen.seed)])
    targets = labels(captions)
    shares = [right(network, made, targets), right(network, real, targets)]
    shares.append(right(network, real, targets.roll(len(targets) // 2, 0)))
    print(f"{'attribute':10} {'model':>6} {'real':>6} {'chance':>6}")
    for name, *row in zip([*WORDS, "mean"], *[[*column.tolist(), column.mean()] for column in shares], strict=True):
        print(f"{name:10} {row[0]:6.3f} {row[1]:6.3f} {row[2]:6.3f}")


if __name__ == "__main__":
    main()

"""The two emoji sets as unpaired domains, and how well a model translates between them.

    npm pack emoji-datasource-google@16.0.0 emoji-datasource-twitter@16.0.0   # and unpack each into a folder
    python reproduce/emoji.py prepare google/package twitter/package emoji
    ganzoo train cyclegan --data emoji ... -o run
    python reproduce/emoji.py evaluate run emoji

`prepare` puts the pictures on white. It leaves out flags, since one set draws them waving, and skin tones, since they
are almost copies. The pictures of 200 names become ``testA`` and ``testB``, all others ``trainA`` and ``trainB``.
Training does not see which pictures have the same name.

`evaluate` compares translations of the test pictures with the pictures of the same name in the other set: by the mean
absolute difference in [-1, 1], and by the Fréchet distance of features. The features are those of a small network that
is trained here, on the training pictures, to tell the two sets apart.
"""

from __future__ import annotations

import argparse
import json
import random
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor, nn

import ganzoo
from ganzoo.images.files import save_picture
from ganzoo.images.sheets import contact_sheet
from ganzoo.images.tensors import to_pictures
from ganzoo.sampling.sources import source_image

HELD_OUT = 200
TONES = {f"1f3f{digit}" for digit in "bcdef"}


def prepare(google: Path, twitter: Path, out: Path) -> None:
    """Write trainA, trainB, testA and testB."""
    sets = [google / "img/google/64", twitter / "img/twitter/64"]
    flags = {each["image"] for each in json.loads((google / "emoji.json").read_text()) if each["category"] == "Flags"}
    names = sorted({path.name for path in sets[0].iterdir()} & {path.name for path in sets[1].iterdir()} - flags)
    names = [name for name in names if not TONES & set(Path(name).stem.split("-"))]
    random.Random(0).shuffle(names)
    parts = {"train": names[HELD_OUT:], "test": names[:HELD_OUT]}
    for part, chosen in ((part + domain, chosen) for part, chosen in parts.items() for domain in "AB"):
        (out / part).mkdir(parents=True, exist_ok=True)
        for name in chosen:
            flatten(sets[part.endswith("B")] / name).save(out / part / name)
    print({part: len(chosen) for part, chosen in parts.items()})


def flatten(path: Path) -> Image.Image:
    """The picture on white, 64x64."""
    picture = Image.open(path).convert("RGBA")
    white = Image.new("RGBA", picture.size, "white")
    return Image.alpha_composite(white, picture).convert("RGB").resize((64, 64), Image.Resampling.LANCZOS)


def load(folder: Path) -> Tensor:
    """The pictures of a folder in the order of their names, (N, 3, 64, 64) in [-1, 1]."""
    return torch.stack([source_image(path, 3) for path in sorted(folder.iterdir())])


def train_features(a: Tensor, b: Tensor) -> nn.Sequential:
    """Train a network to tell the two sets apart; it returns 32 features for each image."""
    torch.manual_seed(0)
    body = nn.Sequential()
    for inputs, outputs in ((3, 16), (16, 32), (32, 32)):
        body.extend([nn.Conv2d(inputs, outputs, 3, stride=2, padding=1), nn.ReLU()])
    body.extend([nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(128, 32), nn.Tanh()])
    head = nn.Linear(32, 1)
    images, labels = torch.cat([a, b]), torch.cat([torch.zeros(len(a)), torch.ones(len(b))])
    optimizer = torch.optim.Adam([*body.parameters(), *head.parameters()], 1e-3)
    for _ in range(20):
        for part in torch.randperm(len(images)).split(64):
            loss = nn.functional.binary_cross_entropy_with_logits(head(body(images[part]))[:, 0], labels[part])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return body.eval()


@torch.no_grad()
def distance(body: nn.Module, ours: Tensor, theirs: Tensor) -> float:
    """The Fréchet distance between the features of two image sets (arXiv:1706.08500, equation 6)."""
    x, y = (body(images).double() for images in (ours, theirs))
    first, second = torch.cov(x.T), torch.cov(y.T)
    root = torch.linalg.eigvals(first @ second).real.clamp_min(0).sqrt().sum()
    return float((x.mean(0) - y.mean(0)).square().sum() + first.trace() + second.trace() - 2 * root)


def evaluate(model: str, folder: Path, sheet: Path | None) -> None:
    """Print the table. `sheet` is a path for rows of sources, translations and targets."""
    loaded = ganzoo.load(model)
    a, b = load(folder / "testA"), load(folder / "testB")
    body = train_features(load(folder / "trainA"), load(folder / "trainB"))
    print(f"{'direction':16}{'L1: as it is':>14}{'translated':>12}{'features: as it is':>20}{'translated':>12}")
    pictures: list[Image.Image] = []
    for direction, source, target in zip(sorted(loaded.config.directions), (a, b), (b, a), strict=True):
        made = loaded.translate(source, direction=direction, batch_size=20)
        before, after = ((images - target).abs().mean().item() for images in (source, made))
        far, near = distance(body, source, target), distance(body, made, target)
        print(f"{direction:16}{before:14.3f}{after:12.3f}{far:20.2f}{near:12.2f}")
        for start in (0, 10):
            for images in (source, made, target):
                pictures += to_pictures(images[start : start + 10])
    if sheet:
        save_picture(contact_sheet(pictures, columns=10), sheet)


def main() -> None:
    """Run one of the two commands."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("prepare")
    for name in ("google", "twitter", "out"):
        command.add_argument(name, type=Path)
    command.set_defaults(run=lambda chosen: prepare(chosen.google, chosen.twitter, chosen.out))
    command = commands.add_parser("evaluate")
    command.add_argument("model")
    command.add_argument("folder", type=Path)
    command.add_argument("--sheet", type=Path)
    command.set_defaults(run=lambda chosen: evaluate(chosen.model, chosen.folder, chosen.sheet))
    chosen = parser.parse_args()
    chosen.run(chosen)


if __name__ == "__main__":
    main()

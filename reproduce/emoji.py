"""The two emoji sets as unpaired domains, and how well a model translates between them.

    npm pack emoji-datasource-google@16.0.0 emoji-datasource-twitter@16.0.0   # and unpack each into a folder
    python reproduce/emoji.py prepare google/package twitter/package emoji
    ganzoo train cyclegan --data emoji ... -o run
    python reproduce/emoji.py evaluate run emoji
    python reproduce/emoji.py pairs emoji paired                              # for pix2pix
    ganzoo train pix2pix --data paired --recipe emoji -o run2

`prepare` puts the pictures on white. It leaves out flags, since one set draws them waving, and skin tones, since they
are almost copies. The pictures of 200 names become ``testA`` and ``testB``, those of 100 names ``validationA`` and
``validationB``, all others ``trainA`` and ``trainB``. Training does not see which pictures have the same name.

`pairs` writes the training pictures again as pairs that agree in shape: each picture of the first set is stretched so
that it lies where that of the second set does, and pairs whose shapes still differ (`LEAST_OVERLAP`) are left out.

`evaluate` compares translations of the test pictures with the pictures of the same name in the other set:

- by the mean absolute difference in [-1, 1];
- by the shares of flat and of smooth patches (`flat_share`);
- by the Fréchet distance of features. The features are those of a small network that is trained here, on the training
  pictures, to tell the two sets apart. The floor is the distance between real pictures: as many training pictures of
  the set against its test pictures.

`--part validation` does the same with the validation pictures, to choose among checkpoints. `gap` is the number to
choose by, smaller is better: L1 relative to that of leaving the pictures as they are, plus the differences from the
other set in the shares of flat and of smooth patches. It is 0 for the other set's own pictures.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from PIL import Image, ImageChops
from torch import Tensor, nn

import ganzoo
from ganzoo.images.files import save_picture
from ganzoo.images.sheets import contact_sheet
from ganzoo.images.tensors import to_pictures
from ganzoo.sampling.sources import source_image

TEST, VALIDATION = 200, 100
LEVELS = 6
"""The largest range of a flat patch, in levels of 255."""
WHITE = 250
"""From this level on in every channel, a pixel is white."""
LEAST_OVERLAP = 0.75
"""The least intersection over union of two shapes."""
TONES = {f"1f3f{digit}" for digit in "bcdef"}


def prepare(google: Path, twitter: Path, out: Path) -> None:
    """Write trainA, trainB, validationA, validationB, testA and testB."""
    sets = [google / "img/google/64", twitter / "img/twitter/64"]
    flags = {each["image"] for each in json.loads((google / "emoji.json").read_text()) if each["category"] == "Flags"}
    names = sorted({path.name for path in sets[0].iterdir()} & {path.name for path in sets[1].iterdir()} - flags)
    names = [name for name in names if not TONES & set(Path(name).stem.split("-"))]
    random.Random(0).shuffle(names)
    held_out = TEST + VALIDATION
    parts = {"train": names[held_out:], "validation": names[TEST:held_out], "test": names[:TEST]}
    for part, chosen in ((part + domain, chosen) for part, chosen in parts.items() for domain in "AB"):
        (out / part).mkdir(parents=True, exist_ok=True)
        for name in chosen:
            flatten(sets[part.endswith("B")] / name).save(out / part / name)
    print({part: len(chosen) for part, chosen in parts.items()})


def pairs(folder: Path, out: Path) -> None:
    """Write trainA and trainB with the pairs that agree in shape."""
    for part in ("trainA", "trainB"):
        (out / part).mkdir(parents=True, exist_ok=True)
    count = 0
    for path in sorted((folder / "trainA").iterdir()):
        target = Image.open(folder / "trainB" / path.name)
        source = moved(Image.open(path), target)
        if overlap(source, target) >= LEAST_OVERLAP:
            source.save(out / "trainA" / path.name)
            target.save(out / "trainB" / path.name)
            count += 1
    print({"pairs": count})


def shape_of(picture: Image.Image) -> Image.Image:
    """White where the picture is not white, black elsewhere."""
    return picture.convert("L").point(lambda level: 255 * (level < WHITE - 5))


def moved(picture: Image.Image, target: Image.Image) -> Image.Image:
    """The picture, stretched so that what is not white fills the same box as in `target`."""
    left, top, right, bottom = shape_of(target).getbbox() or (0, 0, *target.size)
    part = picture.crop(shape_of(picture).getbbox()).resize((right - left, bottom - top), Image.Resampling.LANCZOS)
    whole = Image.new("RGB", target.size, "white")
    whole.paste(part, (left, top))
    return whole


def overlap(first: Image.Image, second: Image.Image) -> float:
    """The intersection of two shapes over their union."""
    shapes = [shape_of(picture) for picture in (first, second)]
    both, either = (combine(*shapes).histogram()[255] for combine in (ImageChops.darker, ImageChops.lighter))
    return both / max(either, 1)


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


def flat_share(images: Tensor, *, shaded: bool = False) -> float:
    """The share of flat patches among the 3x3 patches whose middle is not white.

    A patch is flat if in every channel the largest and the smallest of its nine values differ by at most `LEVELS` of
    255 levels. A pixel is white if all its channels have at least `WHITE` levels. With `shaded`, a slope does not
    count: from each channel of a patch, the plane that fits it best by least squares is taken off first. So an even
    shade is smooth and not flat, and a fine mottling is neither.

    Args:
        images: (N, 3, H, W) in [-1, 1].
    """
    levels = (images + 1) * 127.5
    patches = nn.functional.unfold(levels, 3).unflatten(1, (3, 9))  # (N, 3, 9, patches)
    if shaded:
        across, down = torch.tensor([[-1.0, 0, 1] * 3, [-1.0] * 3 + [0] * 3 + [1] * 3])
        for axis in (across, down):  # of length 6, squared, and at right angles to each other
            patches = patches - axis[:, None] * torch.einsum("ncpk,p->nck", patches, axis / 6)[:, :, None]
    flat = (patches.amax(2) - patches.amin(2)).amax(1) <= LEVELS
    drawn = levels[:, :, 1:-1, 1:-1].amin(1).flatten(1) < WHITE
    return float((flat & drawn).sum() / drawn.sum())


@torch.no_grad()
def distance(body: nn.Module, ours: Tensor, theirs: Tensor) -> float:
    """The Fréchet distance between the features of two image sets (arXiv:1706.08500, equation 6)."""
    x, y = (body(images).double() for images in (ours, theirs))
    first, second = torch.cov(x.T), torch.cov(y.T)
    root = torch.linalg.eigvals(first @ second).real.clamp_min(0).sqrt().sum()
    return float((x.mean(0) - y.mean(0)).square().sum() + first.trace() + second.trace() - 2 * root)


def measures(images: Tensor, target: Tensor, body: nn.Module) -> dict[str, float]:
    """What the table shows of images; `target` has the other set's pictures of the same names."""
    return {
        "L1": (images - target).abs().mean().item(),
        "flat": flat_share(images),
        "smooth": flat_share(images, shaded=True),
        "features": distance(body, images, target),
    }


def gap(made: Mapping[str, float], source: Mapping[str, float], target: Mapping[str, float]) -> float:
    """How far translations are from the other set: 0 for the set itself, 1 and more for pictures left as they are."""
    return made["L1"] / source["L1"] + sum(abs(made[name] - target[name]) for name in ("flat", "smooth"))


def evaluate(names: Sequence[str], folder: Path, part: str, sheet: Path | None) -> None:
    """Print the table of all directions that the models share.

    `sheet` is a path for rows of sources, translations of each model, and targets.
    """
    models = {name: ganzoo.load(name) for name in names}
    directions = set.intersection(*({*model.config.directions} for model in models.values()))
    a, b = load(folder / f"{part}A"), load(folder / f"{part}B")
    train_a, train_b = load(folder / "trainA"), load(folder / "trainB")
    body = train_features(train_a, train_b)
    print(f"{'':45}" + "".join(f"{name:>10}" for name in ("L1", "flat", "smooth", "features", "gap")))
    pictures: list[Image.Image] = []
    ends = {"noto2twemoji": (a, b, train_b), "twemoji2noto": (b, a, train_a)}
    for direction in sorted(directions):
        source, target, seen = ends[direction]
        made = {name: each.translate(source, direction=direction, batch_size=20) for name, each in models.items()}
        rows = {"as it is": source, **made, "the other set": target}
        found = {name: measures(images, target, body) for name, images in rows.items()}
        found["the other set"]["features"] = distance(body, seen[torch.randperm(len(seen))[: len(target)]], target)
        for name, row in found.items():
            row["gap"] = gap(row, found["as it is"], found["the other set"])
            print(f"{direction:15}{name:30}" + "".join(f"{value:10.3f}" for value in row.values()))
        for start in (0, 10):
            for images in rows.values():
                pictures += to_pictures(images[start : start + 10])
    if sheet:
        save_picture(contact_sheet(pictures, columns=10), sheet)


def main() -> None:
    """Run one of the commands."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("prepare")
    for name in ("google", "twitter", "out"):
        command.add_argument(name, type=Path)
    command.set_defaults(run=lambda chosen: prepare(chosen.google, chosen.twitter, chosen.out))
    command = commands.add_parser("pairs")
    for name in ("folder", "out"):
        command.add_argument(name, type=Path)
    command.set_defaults(run=lambda chosen: pairs(chosen.folder, chosen.out))
    command = commands.add_parser("evaluate")
    command.add_argument("model")
    command.add_argument("folder", type=Path)
    command.add_argument("--part", choices=("test", "validation"), default="test")
    command.add_argument("--beside", metavar="MODEL", action="append", default=[], help="another model, repeatable")
    command.add_argument("--sheet", type=Path)
    command.set_defaults(
        run=lambda chosen: evaluate([chosen.model, *chosen.beside], chosen.folder, chosen.part, chosen.sheet)
    )
    chosen = parser.parse_args()
    chosen.run(chosen)


if __name__ == "__main__":
    main()

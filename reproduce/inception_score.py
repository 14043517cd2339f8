"""Noise whose pixels are optimized for the Inception Score gets a higher score than real pictures.

    python reproduce/inception_score.py docs/inception-score.png

Gradient descent changes pictures of noise until a classifier is sure of the class of each picture, and all classes are
equally frequent: IS = exp(H(y) - E H(y|x)). The table shows IS, its two terms and FID for real test pictures, for noise
and for the optimized noise. The sheet shows some pictures of each, in this order. Pixels have 8 bits, as in files.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from torch import Tensor, nn

import ganzoo
from ganzoo.evaluation.extractors import load_extractor
from ganzoo.evaluation.metrics import Settings, entropies, fid, inception_score
from ganzoo.images.files import save_picture
from ganzoo.images.sheets import contact_sheet
from ganzoo.images.tensors import to_pictures
from ganzoo.interface.extractor import Extractor, ExtractorOutput

DATA = "fashion-mnist"
SHAPE = (1, 28, 28)
COLUMNS = 12


def optimize(noise: Tensor, network: Extractor, steps: int) -> Tensor:
    """Change `noise`, (N, 1, 28, 28) in [0, 255], by `steps` steps of Adam towards the highest score; returns uint8.

    The score is highest if the classifier is sure of each image and all classes are equally frequent. So each image
    gets one of the classes as its target, in turn.
    """
    pixels = noise.clone().requires_grad_()
    optimizer = torch.optim.Adam([pixels], lr=8.0)
    for step in range(1, steps + 1):
        logits = run_in_batches(pixels, network).logits
        classes = torch.arange(len(pixels)) % logits.shape[1]
        loss = nn.functional.cross_entropy(logits, classes)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            pixels.clamp_(0, 255)
        if step % 10 == 0:
            clarity, variety = entropies(logits.detach())
            print(f"step {step}: IS {(variety - clarity).exp().item():.2f}", flush=True)
    return pixels.detach().round().to(torch.uint8)


def run_in_batches(images: Tensor, network: Extractor) -> ExtractorOutput:
    """The features and logits of all images."""
    outputs = [network(part) for part in images.split(100)]
    return ExtractorOutput(torch.cat([o.features for o in outputs]), torch.cat([o.logits for o in outputs]))


def main() -> None:
    """Print the table and write the sheet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sheet", type=Path)
    parser.add_argument("--data-dir", type=Path, default=Path("data"))
    parser.add_argument("-n", "--count", type=int, default=300)
    parser.add_argument("--steps", type=int, default=40)
    chosen = parser.parse_args()
    torch.manual_seed(0)
    network = load_extractor(DATA, device=torch.device("cpu"))
    training, test = (
        ganzoo.load_data(DATA, SHAPE, root=chosen.data_dir, split=split).images for split in ("train", "test")
    )
    noise = torch.rand(chosen.count, *SHAPE) * 255
    shown = {"real": test[: chosen.count], "noise": noise.round().to(torch.uint8)}
    shown["optimized noise"] = optimize(noise, network, chosen.steps)
    with torch.inference_mode():
        reference = run_in_batches(training[:10_000], network)
        print(f"{'':16}{'IS':>8}{'clarity':>9}{'variety':>9}{'FID':>9}")
        for name, images in shown.items():
            output = run_in_batches(images, network)
            scores = inception_score(output, Settings(is_splits=(1,))) | fid(output, reference, Settings())
            values = [scores[key].value for key in ("is/1", "clarity", "variety", "fid")]
            print("{:16}{:8.2f}{:9.3f}{:9.3f}{:9.2f}".format(name, *values))
    rows = torch.cat([images[:COLUMNS] for images in shown.values()])
    save_picture(contact_sheet(to_pictures(rows / 127.5 - 1), columns=COLUMNS, scale=2), chosen.sheet)


if __name__ == "__main__":
    main()

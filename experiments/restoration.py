"""Does a generator remove noise better than filters do? This compares them on test images of Fashion-MNIST.

    pip install scikit-image
    OMP_NUM_THREADS=2 python experiments/restoration.py
    OMP_NUM_THREADS=2 python experiments/restoration.py --model dcgan-digiface --input faces/    # pictures of a folder

The images get normal noise with the standard deviation `--sigma`, where black is -1 and white is 1, and become pictures
again: they are cut off at black and white. Each filter gets the setting, out of many, with the best mean PSNR, which
nobody without the true images could choose. The generator gets its default settings, except for the options below.
The last column is the part of the images that the bundled classifier names right, where they have classes.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from skimage.restoration import denoise_nl_means, denoise_tv_chambolle
from torch import Tensor

import ganzoo
from ganzoo.evaluation.extractors import load_extractor
from ganzoo.images.files import save_picture
from ganzoo.images.sheets import contact_sheet
from ganzoo.images.tensors import from_pixels, to_pictures, to_pixels
from ganzoo.sampling.degradations import make_damage
from ganzoo.sampling.inversion import psnr

Filter = Callable[[np.ndarray], np.ndarray]
"""A function from a picture (H, W, C) in [0, 1] to a picture like it."""


NLM = {"fast_mode": False, "channel_axis": -1}


def blurs(shape: tuple[int, int, int]) -> Iterator[tuple[str, Callable[[Tensor], Tensor]]]:
    """Gaussian blurs."""
    for width in np.arange(0.4, 3.01, 0.2):
        yield f"blur {width:.1f}", make_damage(f"blur={width}", shape).apply


def filters(sigma: float) -> Iterator[tuple[str, Filter]]:
    """Non-local means and total variation, with many settings. `sigma` is for pixels in [0, 1]."""
    for strength in (0.4, 0.6, 0.8, 1.0, 1.3, 1.7):
        for patch in (3, 5, 7):
            yield (
                f"non-local means {strength} {patch}",
                lambda x, h=strength, p=patch: denoise_nl_means(x, p, 11, h * sigma, sigma=sigma, **NLM),
            )
            yield (
                f"non-local means {strength} {patch} without sigma",
                lambda x, h=strength, p=patch: denoise_nl_means(x, p, 11, h * sigma, **NLM),
            )
    for weight in (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0, 1.3, 1.6, 2.0):
        yield f"total variation {weight}", lambda x, w=weight: denoise_tv_chambolle(x, w, channel_axis=-1)


def each(function: Filter) -> Callable[[Tensor], Tensor]:
    """A filter as a function of images (N, C, H, W) in [-1, 1]."""

    def apply(images: Tensor) -> Tensor:
        pictures = (images.movedim(1, -1).numpy().astype(np.float64) + 1) / 2
        return torch.from_numpy(np.stack([function(picture) for picture in pictures])).float().movedim(-1, 1) * 2 - 1

    return apply


def parse() -> argparse.Namespace:
    """The options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="dcgan-fashion-mnist")
    parser.add_argument("--data", default="fashion-mnist")
    parser.add_argument("--data-dir", default="data")
    parser.add_argument("--input", type=Path, help="folder of pictures, in place of --data")
    parser.add_argument("--sigma", type=float, default=1.0)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--starts", type=int, default=8)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--combine", default="best", choices=("best", "mean"))
    parser.add_argument("--sheet", type=Path, default=Path("restoration.png"))
    return parser.parse_args()


def tuned(noisy: Tensor, true: Tensor, sigma: float) -> dict[str, Tensor]:
    """What each kind of filter makes of the noisy images with its best setting."""
    shape = (true.shape[1], true.shape[2], true.shape[3])
    known = [*blurs(shape), *((name, each(function)) for name, function in filters(sigma / 2))]
    best = {}
    for kind in ("blur", "non-local means", "total variation"):
        made = {name: function(noisy) for name, function in known if name.startswith(kind)}
        name = max(made, key=lambda name: psnr(made[name], true).mean().item())
        best[name] = made[name].clamp(-1, 1)
    return best


def images_of(options: argparse.Namespace, shape: tuple[int, int, int]) -> tuple[Tensor, Callable[[Tensor], str]]:
    """The true images (N, C, H, W), and a function that names the part of images like them with the right class."""
    if options.input:
        files = sorted(options.input.iterdir())[: options.count]
        return torch.stack([ganzoo.read_picture(file, channels=shape[0]) for file in files]), lambda _: ""
    data = ganzoo.load_data(options.data, shape, split="test", root=options.data_dir)
    batch = next(data.stream(iter([list(range(options.count))])))
    classifier = load_extractor(options.data, device=torch.device("cpu"))

    def named_right(images: Tensor) -> str:
        right = classifier(to_pixels(images)).logits.argmax(1) == batch["label"]
        return f"{right.float().mean().item():.2f}"

    return from_pixels(batch["image"]), named_right


def main() -> None:
    """Print a row for the noisy images, for the best setting of each filter, and for the generator."""
    options = parse()
    model = ganzoo.load(options.model)
    true, named_right = images_of(options, model.image_shape)
    damage = make_damage(f"noise={options.sigma}", model.image_shape)
    noisy = torch.stack([damage.inflict(image, seed) for seed, image in enumerate(true)])
    filtered = tuned(noisy, true, options.sigma)
    search = {name: getattr(options, name) for name in ("starts", "steps", "combine")}
    found = model.invert(noisy, degradation=f"noise={options.sigma}", **search).images
    shown = {"the true images": true, "noisy": noisy, **filtered, f"{model.name} {search}": found}
    for name, images in shown.items():
        print(f"{name:75} {psnr(images, true).mean().item():6.2f} dB   {named_right(images)}")
    best = max(psnr(images, true).mean().item() for images in filtered.values())
    print(f"the generator gains {psnr(found, true).mean().item() - best:.2f} dB over the best filter")
    rows = zip(*(images[:20] for images in shown.values()), strict=True)
    pictures = [picture for row in rows for picture in to_pictures(torch.stack(row))]
    save_picture(contact_sheet(pictures, columns=len(shown), scale=2), options.sheet)


if __name__ == "__main__":
    main()

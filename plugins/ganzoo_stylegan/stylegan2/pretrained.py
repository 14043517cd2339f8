"""Weights of StyleGAN2 on the Hub, which others have published. None of them are ours."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ganzoo import HubFile, PretrainedModel

__all__ = ["pretrained_models"]

_CONVERTED = {
    "ffhq": (1024, "646c7e7c5e3fc4cf8e83dcfe5dce505cc74b61d8982c09563932aa15c4baf18c", 132_717_355),
    "car": (512, "c69f161fd576801027cbaa8b09142b5dd9f508034b2d0f4a2a0cdcbc1d587c9c", 123_949_595),
    "cat": (256, "ff1036877c8964ba7c9e84316e67ea26bea64bbfcf6bd6c645f45589d248727f", 120_878_283),
    "church": (256, "596f59f0ab72d3d5e821846dbf53fff0406c0103ff4fa46ae0a2508d80b3a2d0", 120_878_283),
    "horse": (256, "894bc6a08a6bbe4c22bf91195dd4fdd4ee7f6859e06ce3517e7b3bfa9a8b2565", 120_878_283),
}
"""The resolution, the digest and the size of the authors' own weights, in a conversion."""

_SUMMARIES = {
    "ffhq": "faces at 1024x1024, the authors' own weights",
    "car": "cars of 384x512 pixels, the authors' own weights",
    "cat": "cats at 256x256, the authors' own weights",
    "church": "churches at 256x256, the authors' own weights",
    "horse": "horses at 256x256, the authors' own weights",
}

_SMALL = {"resolution": 256, "classes": 3, "base_width": 16384}
_CIFAR = {"resolution": 32, "classes": 10, "mapping_layers": 2, "base_width": 16384}
_ANIMALS = ("cat", "dog", "wild")
_OBJECTS = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


def pretrained_models() -> Iterator[PretrainedModel]:
    """The authors' weights as converted for rosinality's code, and those of StudioGAN."""
    for name, (resolution, sha256, size) in _CONVERTED.items():
        yield PretrainedModel(
            name=f"stylegan2-{name}",
            architecture="stylegan2",
            summary=_SUMMARIES[name],
            dataset=name if name == "ffhq" else f"lsun-{name}",
            license=None,
            config={"resolution": resolution, **({"shown": (384, 512)} if name == "car" else {})},
            weights=HubFile(
                repo="aaronb/StyleGAN2",
                revision="5fde0cdb3664b04e8126dc6b0cab010e7813c18b",
                filename=f"stylegan2-{name}-config-f.pt",
                sha256=sha256,
                size=size,
                layout="rosinality-stylegan2",
            ),
        )
    yield _studiogan(
        "afhq",
        "animal faces at 512x512, of StudioGAN",
        {"resolution": 512},
        revision="d649877b012c0207f4bf5f9bdfd29421d177f05e",
        filename="AFHQ-V2-512-uncond-tailored/AFHQ_V2_uncond-StyleGAN2-paper-no-ADA-train-2022_03_13_15_47_04/"
        "model=G_ema-best-weights-step=140000.pth",
        sha256="b1e972145b4985d46572ae80c78309634d8eeac6bf5922af7f42c48f225c3bc0",
    )
    yield _studiogan(
        "afhq.ada",
        "faces of cats, dogs or wild animals at 256x256, of StudioGAN, with ADA",
        _SMALL,
        revision="7297a41ca14de2b5016e79d6deacf9d10f5144d4",
        filename="Efficient-AFHQ-V2-256/AFHQv2-StyleGAN2-256Res-ADA-train-2022_02_28_10_07_21/"
        "model=G_ema-best-weights-step=192000.pth",
        sha256="ffb162bc46320a036e461b9ce1b11ab0afbcc602a585df802dc67c485c3ed844",
    )
    yield _studiogan(
        "afhq.plain",
        "faces of cats, dogs or wild animals at 256x256, of StudioGAN",
        _SMALL,
        revision="99c3c660c30211936c7a04a4a4df1dc062c0850e",
        filename="Efficient-AFHQ-V2-256/AFHQv2-StyleGAN2-256Res-train-2022_02_26_17_44_48/"
        "model=G_ema-best-weights-step=86000.pth",
        sha256="bdbb9c86df3cb76bd7443f636b7676f0881a565076481d9d75900f3de2d44189",
    )
    yield _studiogan(
        "cifar10.apa",
        "the ten classes of CIFAR-10, of StudioGAN, with APA",
        _CIFAR,
        revision="99c3c660c30211936c7a04a4a4df1dc062c0850e",
        filename="Efficient-CIFAR10-100%/CIFAR10-StyleGAN2-APA-train-2022_02_02_22_00_43/"
        "model=G_ema-best-weights-step=410000.pth",
        sha256="4ef85892b1650ab2d248f2a7bbbe016b016be7ff5a8cfcd57db9d0dadec04680",
    )
    yield _studiogan(
        "cifar10.diffaug",
        "the ten classes of CIFAR-10, of StudioGAN, with DiffAugment",
        _CIFAR,
        revision="99c3c660c30211936c7a04a4a4df1dc062c0850e",
        filename="Efficient-CIFAR10-100%/CIFAR10-StyleGAN2-DiffAug-train-2022_02_15_00_54_13/"
        "model=G_ema-best-weights-step=550000.pth",
        sha256="8c93394d853fe67b295bb46fe57cb0470b3afd5a9997075460bdf8950a121012",
    )


def _studiogan(
    name: str, summary: str, config: Mapping[str, Any], *, revision: str, filename: str, sha256: str
) -> PretrainedModel:
    classes = {0: (), 3: _ANIMALS, 10: _OBJECTS}[config.get("classes", 0)]
    return PretrainedModel(
        name=f"stylegan2-{name}",
        architecture="stylegan2",
        summary=summary,
        dataset="cifar10" if name.startswith("cifar10") else "afhq-v2",
        license=None,
        config=config,
        classes=classes,
        weights=HubFile(
            repo="Mingguksky/PyTorch-StudioGAN",
            revision=revision,
            filename=f"studiogan_official_ckpt/{filename}",
            sha256=sha256,
            layout="stylegan2-pytorch",
        ),
    )

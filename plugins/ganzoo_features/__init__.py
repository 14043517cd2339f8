"""Networks whose features images are compared by: Inception, DINOv2, CLIP, LPIPS, and small classifiers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import ganzoo
from ganzoo import BundledFile, FeatureExtractor, HubFile
from ganzoo_features.layouts import adapt_clip, adapt_dinov2, adapt_lpips

if TYPE_CHECKING:
    from ganzoo import Extractor

__all__: list[str] = []

GANZOO_API = (2, 0)

AS_TORCH_FIDELITY = (
    "any size, resized to 224x224 as torch-fidelity does (bilinear, not antialiased); gray becomes color"
)

CLOTHES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)


@ganzoo.hookimpl
def ganzoo_feature_extractors() -> Iterable[FeatureExtractor]:
    """Inception, which most papers use; DINOv2, CLIP and LPIPS; and a classifier for each small data set."""
    yield _inception()
    yield _dinov2("s", width=384, depth=12, weights=DINOV2_SMALL)
    yield _dinov2("b", width=768, depth=12, weights=DINOV2_BASE)
    yield _dinov2("l", width=1024, depth=24, weights=DINOV2_LARGE)
    yield _clip("b-32", width=768, depth=12, patch=32, outputs=512, weights=CLIP_BASE)
    yield _clip("l-14", width=1024, depth=24, patch=14, outputs=768, weights=CLIP_LARGE)
    yield _lpips()
    yield _classifier(
        "mnist",
        "handwritten digits",
        "27a578e8b262dcd67bb50dc45e8322af7e549db468947590c63281d42e164c0d",
        classes=tuple("0123456789"),
    )
    yield _classifier(
        "fashion-mnist",
        "clothes, shoes and bags",
        "8b9741e7772d9f339da3ff3368c82d5af1ec95afc362f4b0547d0d4d975b672c",
        classes=CLOTHES,
    )


DINOV2_SMALL = HubFile(
    repo="facebook/dinov2-small",
    revision="ed25f3a31f01632728cabb09d1542f84ab7b0056",
    filename="model.safetensors",
    sha256="ae1e99fcefd534ed978cdeb8326f08030c96e28b7a81ffcbc98a857c84d14be1",
)
DINOV2_BASE = HubFile(
    repo="facebook/dinov2-base",
    revision="f9e44c814b77203eaa57a6bdbbd535f21ede1415",
    filename="model.safetensors",
    sha256="d73036b56966966d07975d696bde331762f37297e2f095de8cea0040c3aa0841",
    size=346_345_912,
)
DINOV2_LARGE = HubFile(
    repo="facebook/dinov2-large",
    revision="47b73eefe95e8d44ec3623f8890bd894b6ea2d6c",
    filename="model.safetensors",
    sha256="399fba97a95f22c36834418bc69373364a99af3a1153da1c0fb31db567c92e23",
    size=1_217_522_888,
)
CLIP_BASE = HubFile(
    repo="openai/clip-vit-base-patch32",
    revision="3d74acf9a28c67741b2f4f2ea7635f0aaf6f0268",
    filename="pytorch_model.bin",
    sha256="a63082132ba4f97a80bea76823f544493bffa8082296d62d71581a4feff1576f",
    size=605_247_071,
)
CLIP_LARGE = HubFile(
    repo="openai/clip-vit-large-patch14",
    revision="32bd64288804d66eefd0ccbe215aa642df71cc41",
    filename="model.safetensors",
    sha256="a2bf730a0c7debf160f7a6b50b3aaf3703e7e88ac73de7a314903141db026dcb",
    size=1_710_540_580,
)
VGG16 = HubFile(
    repo="timm/vgg16.tv_in1k",
    revision="b8d8aa2dd860af9233c8c67385a8097fd6c35d3f",
    filename="model.safetensors",
    sha256="57b026918159a6bf9faf8405c3a551903768e7138989d9c6224a14227203fad8",
)
LPIPS_HEADS = HubFile(
    repo="vivym/lpips",
    revision="270571f1fb2a2c4c5f920cec96cd87838c345982",
    filename="vgg_lpips_linear.safetensors",
    sha256="0c6387bf2e51e434dedbc0ca4c5894f605c415b8d128bfe720e13456eb4333ac",
)


def _inception() -> FeatureExtractor:
    def build() -> Extractor:
        from ganzoo_features.inception import Inception

        return Inception()

    return FeatureExtractor(
        name="inception",
        summary="Inception-v3 with TensorFlow's weights of 2015, the usual network for FID and IS",
        source="arXiv:1512.00567; weights converted by https://github.com/mseitzer/pytorch-fid",
        dataset="imagenet",
        license="apache-2.0",
        num_features=2048,
        num_classes=1008,
        accepts="any size, resized to 299x299 as TensorFlow 1 does (bilinear, not antialiased); gray becomes color",
        build=build,
        weights=HubFile(
            repo="RaphaelLiu/EvalCrafter-Models",
            # not `main`, where the file has only 293 bytes
            revision="6040b4d40fdcde446a0cf753b0527585b6b77c54",
            filename="pt_inception-2015-12-05-6726825d.pth",
            sha256="6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2",
            size=95_628_359,
        ),
        input_size=299,
    )


def _dinov2(letter: str, *, width: int, depth: int, weights: HubFile) -> FeatureExtractor:
    def build() -> Extractor:
        from ganzoo_features.vit import DinoV2

        return DinoV2(width, depth)

    return FeatureExtractor(
        name=f"dinov2-vit-{letter}-14",
        summary=f"DINOv2, a vision transformer of {depth} layers that was trained without labels",
        source="arXiv:2304.07193; weights converted by https://github.com/huggingface/transformers",
        dataset="lvd-142m",
        license="apache-2.0",
        num_features=width,
        num_classes=0,
        accepts=AS_TORCH_FIDELITY,
        build=build,
        weights=weights,
        input_size=224,
        adapt=adapt_dinov2,
    )


def _clip(kind: str, *, width: int, depth: int, patch: int, outputs: int, weights: HubFile) -> FeatureExtractor:
    def build() -> Extractor:
        from ganzoo_features.vit import Clip

        return Clip(width, depth, patch=patch, outputs=outputs)

    return FeatureExtractor(
        name=f"clip-vit-{kind}",
        summary=f"the image side of CLIP, a vision transformer of {depth} layers that was trained on captions",
        source="arXiv:2103.00020; weights converted by https://github.com/huggingface/transformers",
        dataset="wit-400m",
        license="mit",
        num_features=outputs,
        num_classes=0,
        accepts=AS_TORCH_FIDELITY,
        build=build,
        weights=weights,
        input_size=224,
        adapt=adapt_clip,
    )


def _lpips() -> FeatureExtractor:
    def build() -> Extractor:
        from ganzoo_features.lpips import Lpips

        return Lpips()

    return FeatureExtractor(
        name="lpips-vgg16",
        summary="LPIPS by VGG16: how different two images look, for path lengths and diversity",
        source="arXiv:1801.03924; VGG16 by torchvision, heads by https://github.com/richzhang/PerceptualSimilarity",
        dataset="imagenet",
        license="bsd-3-clause",
        num_features=1472,
        num_classes=0,
        accepts="any size; a shorter side above 256 is reduced to 256, one below 64 enlarged to 64; gray becomes color",
        build=build,
        weights=VGG16,
        heads=LPIPS_HEADS,
        adapt=adapt_lpips,
    )


def _classifier(dataset: str, of: str, sha256: str, classes: tuple[str, ...]) -> FeatureExtractor:
    """The small classifier for a data set, which has the name of the data set."""

    def build() -> Extractor:
        from ganzoo_features.classifier import Classifier

        return Classifier(len(classes))

    return FeatureExtractor(
        name=dataset,
        summary=f"a small convolutional classifier of {of}, trained here",
        source="reproduce/classifier.py",
        dataset=dataset,
        license="apache-2.0",
        num_features=128,
        num_classes=len(classes),
        classes=classes,
        accepts="any size, resized to 28x28 (bilinear, antialiased); color becomes gray",
        build=build,
        weights=BundledFile(package="ganzoo_features", path=f"weights/{dataset}.safetensors", sha256=sha256),
        input_size=28,
    )

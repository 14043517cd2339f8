"""Networks whose features image sets are compared by: Inception, and small classifiers of digits and clothes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import ganzoo
from ganzoo import BundledFile, FeatureExtractor, HubFile

if TYPE_CHECKING:
    from ganzoo import Extractor

__all__: list[str] = []

GANZOO_API = (2, 0)

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


def _build_inception() -> Extractor:
    from ganzoo_features.inception import Inception

    return Inception()


def _build_classifier() -> Extractor:
    from ganzoo_features.classifier import Classifier

    return Classifier(10)


@ganzoo.hookimpl
def ganzoo_feature_extractors() -> Iterable[FeatureExtractor]:
    """Inception, which most papers use, and a classifier for each small data set that bundled models have learned."""
    yield FeatureExtractor(
        name="inception",
        summary="Inception-v3 with TensorFlow's weights of 2015, the usual network for FID and IS",
        source="arXiv:1512.00567; weights converted by https://github.com/mseitzer/pytorch-fid",
        dataset="imagenet",
        license="apache-2.0",
        num_features=2048,
        num_classes=1008,
        accepts="any size, resized to 299x299 as TensorFlow 1 does (bilinear, not antialiased); gray becomes color",
        build=_build_inception,
        weights=HubFile(
            repo="RaphaelLiu/EvalCrafter-Models",
            # not `main`, where the file has only 293 bytes
            revision="6040b4d40fdcde446a0cf753b0527585b6b77c54",
            filename="pt_inception-2015-12-05-6726825d.pth",
            sha256="6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2",
            size=95_628_359,
        ),
    )
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


def _classifier(dataset: str, of: str, sha256: str, classes: tuple[str, ...]) -> FeatureExtractor:
    """The small classifier for a data set, which has the name of the data set."""
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
        build=_build_classifier,
        weights=BundledFile(package="ganzoo_features", path=f"weights/{dataset}.safetensors", sha256=sha256),
    )

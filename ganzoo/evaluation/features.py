"""Features of image sets: extracted batch by batch, and kept for data sets, by the digest of their content."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from pathlib import Path

import torch
from torch import Tensor

from ganzoo.errors import GanzooError, NonFiniteError
from ganzoo.evaluation.image_sets import ImageSet, Part
from ganzoo.interface.extractor import Extractor, ExtractorOutput
from ganzoo.registry import lookup
from ganzoo.utils.devices import is_out_of_memory
from ganzoo.utils.progress import Progress
from ganzoo.weights.tensors import read_header, read_tensors, write_tensors

__all__ = ["FeatureCache"]

FORMAT = 2
"""The format of the cached files. A new number makes ganzoo extract all features again."""


class FeatureCache:
    """Extracts the features of each image set once, with one extractor: `network`, registered as `name`.

    Features of data sets are also written to ganzoo's part of the Hub client's assets cache, and read from there for
    the same pixels and the same weights. If the cache cannot be written, nothing is kept.
    """

    def __init__(self, name: str, network: Extractor, *, batch_size: int, progress: Progress) -> None:
        self._name = name
        self._network = network
        self._batch_size = batch_size
        self._progress = progress
        self._known: dict[int, ExtractorOutput] = {}

    def features_of(self, part: Part) -> ExtractorOutput:
        """Features and logits of the images of `part`, float32 on the CPU.

        Only one batch of images is in memory at a time.

        Raises:
            GanzooError: the device has too little memory for a batch.
            NonFiniteError: the features contain NaN or infinity.
        """
        if id(part.images) not in self._known:
            self._known[id(part.images)] = self._read_or_extract(part.images)
        return part.rows_of(self._known[id(part.images)])

    def _read_or_extract(self, images: ImageSet) -> ExtractorOutput:
        digest = images.digest()
        if digest is None:
            return self._extract(images)
        path = _cached_path(digest, self._name)
        with suppress(GanzooError, OSError):  # the file is missing or damaged
            return _read(path)
        output = self._extract(images)
        with suppress(OSError):
            write_tensors(path, output._asdict(), {"digest": _digest(output)})
        return output

    def _extract(self, images: ImageSet) -> ExtractorOutput:
        features: list[Tensor] = []
        logits: list[Tensor] = []
        done = 0
        self._progress(images.name, 0, len(images))
        for batch in images.batches(self._batch_size):
            output = self._extract_batch(batch)
            features.append(output.features.float().cpu())
            logits.append(output.logits.float().cpu())
            done += len(batch)
            self._progress(images.name, done, len(images))
        found = ExtractorOutput(torch.cat(features), torch.cat(logits))
        if not all(bool(each.isfinite().all()) for each in found):
            raise NonFiniteError(f"the features of {images.name} contain NaN or infinity - use other --features")
        return found

    def _extract_batch(self, batch: Tensor) -> ExtractorOutput:
        device = next(self._network.parameters()).device
        try:
            with torch.inference_mode():
                output: ExtractorOutput = self._network(batch.to(device))
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            text = f"{device} has too little memory for {len(batch)} images at a time - use a smaller batch size"
            raise GanzooError(text) from error
        return output


def _cached_path(digest: str, features: str) -> Path:
    from huggingface_hub import cached_assets_path

    weights = lookup.registry().feature_extractors[features].weights.sha256
    name = hashlib.sha256(f"{FORMAT} {digest} {features} {weights}".encode()).hexdigest()
    return cached_assets_path("ganzoo", "features") / f"{name}.safetensors"


def _read(path: Path) -> ExtractorOutput:
    """Read a cached file.

    Raises:
        GanzooError: the file is damaged.
        OSError: the file does not exist.
    """
    tensors = read_tensors(path)
    output = ExtractorOutput(tensors["features"], tensors["logits"])
    if read_header(path).metadata.get("digest") != _digest(output):
        raise GanzooError(f"{path} is damaged - delete it")
    return output


def _digest(output: ExtractorOutput) -> str:
    digest = hashlib.sha256()
    for tensor in output:
        digest.update(tensor.contiguous().numpy().data)
    return digest.hexdigest()

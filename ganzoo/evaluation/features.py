"""Features of image sets: extracted batch by batch, and kept for data sets, by the digest of their content."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from pathlib import Path

import torch
from torch import Tensor

from ganzoo.errors import GanzooError, NonFiniteError
from ganzoo.evaluation.batches import Batches
from ganzoo.evaluation.image_sets import ImageSet, Part
from ganzoo.evaluation.options import CLEAN, RESIZINGS
from ganzoo.evaluation.resizing import clean_resize
from ganzoo.interface.extractor import Extractor, ExtractorOutput
from ganzoo.registry import lookup
from ganzoo.utils.devices import is_out_of_memory
from ganzoo.weights.tensors import read_header, read_tensors, write_tensors

__all__ = ["FeatureCache"]

FORMAT = 2
"""The format of the cached files. A new number makes ganzoo extract all features again."""


class FeatureCache:
    """Extracts the features of each image set once, with one extractor: `network`, registered as `name`.

    Features of data sets are also written to ganzoo's part of the Hub client's assets cache, and read from there for
    the same pixels, the same resizing and the same weights. If the cache cannot be written, nothing is kept.

    The processes of `batches` share the work. Each calls `extract` for the same parts in the same order; only the main
    one gets features.
    """

    def __init__(self, name: str, network: Extractor, batches: Batches, *, resize: str = RESIZINGS[0]) -> None:
        self._name = name
        self._network = network
        self._batches = batches
        self._resize = resize
        self._known: dict[int, ExtractorOutput | None] = {}

    @property
    def has_features(self) -> bool:
        """Whether this process gets features: it is the main one."""
        return self._batches.processes.is_main

    def features_of(self, part: Part) -> ExtractorOutput:
        """Features and logits of the images of `part`, float32 on the CPU.

        Only one batch of images is in memory at a time.

        Raises:
            GanzooError: the device has too little memory for a batch.
            NonFiniteError: the features contain NaN or infinity.
        """
        self.extract(part)
        found = self._known[id(part.images)]
        assert found is not None, "only the main process has features"  # noqa: S101
        return part.rows_of(found)

    def extract(self, part: Part) -> None:
        """Extract the features of the set that `part` is of, with all processes. Raises what `features_of` does."""
        if id(part.images) not in self._known:
            self._known[id(part.images)] = self._read_or_extract(part.images)

    def _read_or_extract(self, images: ImageSet) -> ExtractorOutput | None:
        processes = self._batches.processes
        path = self._cached_path(images) if processes.is_main else None
        kept = _read(path)
        if processes.from_main(kept is not None):
            return kept
        output = self._extract(images)
        if path is not None and output is not None:
            with suppress(OSError):
                write_tensors(path, output._asdict(), {"digest": _digest(output)})
        return output

    def _cached_path(self, images: ImageSet) -> Path | None:
        """Where the features of these images are kept; None if they are not to be kept."""
        digest = images.digest()
        return None if digest is None else _path_of(digest, self._name, self._resize)

    def _extract(self, images: ImageSet) -> ExtractorOutput | None:
        """The features of all images in the main process, None in the others."""
        outputs = self._batches.map(images.name, len(images), lambda own: map(self._extract_batch, images.read(own)))
        if outputs is None:
            return None
        found = ExtractorOutput(*map(torch.cat, zip(*outputs, strict=True)))
        if not all(bool(each.isfinite().all()) for each in found):
            raise NonFiniteError(f"the features of {images.name} contain NaN or infinity - use other --features")
        return found

    def _extract_batch(self, batch: Tensor) -> ExtractorOutput:
        device = next(self._network.parameters()).device
        try:
            with torch.inference_mode():
                output: ExtractorOutput = self._network(self._resized(batch.to(device)))
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            text = f"{device} has too little memory for {len(batch)} images at a time - use a smaller batch size"
            raise GanzooError(text) from error
        return ExtractorOutput(*(each.float().cpu() for each in output))

    def _resized(self, batch: Tensor) -> Tensor:
        side = lookup.registry().feature_extractors[self._name].input_size
        return batch if self._resize != CLEAN or side is None else clean_resize(batch, side)


def _path_of(digest: str, features: str, resize: str) -> Path:
    from huggingface_hub import cached_assets_path

    words = [str(FORMAT), digest, features, lookup.registry().feature_extractors[features].digest]
    if resize != RESIZINGS[0]:
        words.append(resize)
    name = hashlib.sha256(" ".join(words).encode()).hexdigest()
    return cached_assets_path("ganzoo", "features") / f"{name}.safetensors"


def _read(path: Path | None) -> ExtractorOutput | None:
    """Read a cached file; None if it is missing or damaged."""
    if path is None:
        return None
    with suppress(GanzooError, OSError):
        tensors = read_tensors(path)
        output = ExtractorOutput(tensors["features"], tensors["logits"])
        if read_header(path).metadata.get("digest") == _digest(output):
            return output
    return None


def _digest(output: ExtractorOutput) -> str:
    digest = hashlib.sha256()
    for tensor in output:
        digest.update(tensor.contiguous().numpy().data)
    return digest.hexdigest()

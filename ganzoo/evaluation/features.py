"""What a network sees in a set of images, batch by batch; of data sets it is kept, by the digest of their content."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from pathlib import Path

import torch
from torch import Tensor

from ganzoo.errors import GanzooError, NonFiniteError
from ganzoo.evaluation.image_sets import ImageSet
from ganzoo.interface.extractor import Extractor, ExtractorOutput
from ganzoo.registry import lookup
from ganzoo.utils.progress import Progress
from ganzoo.weights.tensors import read_header, read_tensors, write_tensors

__all__ = ["see"]

FORMAT = 1  # of what the cache holds; another number makes every cached file anew


def see(images: ImageSet, features: str, network: Extractor, *, batch_size: int, progress: Progress) -> ExtractorOutput:
    """Features and logits of all images, float32 on the CPU: of `network`, which is the one registered as `features`.

    Only a batch of images is in memory at a time. Features of data sets are kept in ganzoo's part of the Hub
    client's assets cache, and used again for the same pixels and the same weights.

    Where nothing can be written, nothing is kept.

    Raises:
        GanzooError: more images at a time than the device has memory for.
        NonFiniteError: features hold NaN or infinity.
    """
    digest = images.digest()
    if digest is None:
        return _extract(images, network, batch_size, progress)
    path = _place(digest, features)
    with suppress(GanzooError, OSError):  # absent or damaged
        return _read(path)
    seen = _extract(images, network, batch_size, progress)
    with suppress(OSError):
        write_tensors(path, seen._asdict(), {"digest": _digest(seen)})
    return seen


def _place(digest: str, features: str) -> Path:
    from huggingface_hub import cached_assets_path

    weights = lookup.registry().feature_extractors[features].weights.sha256
    name = hashlib.sha256(f"{FORMAT} {digest} {features} {weights}".encode()).hexdigest()
    return cached_assets_path("ganzoo", "features") / f"{name}.safetensors"


def _read(path: Path) -> ExtractorOutput:
    """What was kept.

    Raises:
        GanzooError: it is damaged.
        OSError: it is not there.
    """
    tensors = read_tensors(path)
    seen = ExtractorOutput(tensors["features"], tensors["logits"])
    if read_header(path).metadata.get("digest") != _digest(seen):
        raise GanzooError(f"{path} is damaged")
    return seen


def _digest(seen: ExtractorOutput) -> str:
    digest = hashlib.sha256()
    for tensor in seen:
        digest.update(tensor.contiguous().numpy().data)
    return digest.hexdigest()


def _extract(images: ImageSet, network: Extractor, batch_size: int, progress: Progress) -> ExtractorOutput:
    features: list[Tensor] = []
    logits: list[Tensor] = []
    device = next(network.parameters()).device
    done = 0
    progress(images.name, 0, len(images))
    for batch in images.batches(batch_size):
        seen = _look(batch, network, device)
        features.append(seen.features.float().cpu())
        logits.append(seen.logits.float().cpu())
        done += len(batch)
        progress(images.name, done, len(images))
    found = ExtractorOutput(torch.cat(features), torch.cat(logits))
    if not all(bool(each.isfinite().all()) for each in found):
        raise NonFiniteError(f"the features of {images.name} hold NaN or infinity")
    return found


def _look(batch: Tensor, network: Extractor, device: torch.device) -> ExtractorOutput:
    try:
        with torch.inference_mode():
            seen: ExtractorOutput = network(batch.to(device))
    except torch.OutOfMemoryError as error:
        raise GanzooError(
            f"{device} has no room for {len(batch)} images at a time - use a smaller batch size"
        ) from error
    return seen

"""R-precision: how often a picture is nearer to its own caption than to 99 others (arXiv:1711.10485, section 4)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import cast

import torch
from torch import Tensor

from ganzoo.data.captions import Captions
from ganzoo.errors import InvalidRequestError
from ganzoo.evaluation.batches import Batches
from ganzoo.evaluation.image_sets import Part
from ganzoo.evaluation.metrics import Estimate
from ganzoo.evaluation.options import R_PRECISION
from ganzoo.images.tensors import fit, from_pixels, to_channels
from ganzoo.interface.configs import as_text_config
from ganzoo.interface.gan import TextMatcher
from ganzoo.interface.words import caption_ids
from ganzoo.sampling.model import Model
from ganzoo.utils.precision import float32_on_cpu
from ganzoo.utils.seeds import derive_seed

__all__ = ["CANDIDATES", "MatchingModel", "r_precision"]

CANDIDATES = 100
"""The captions among which the picture's own is to be found."""

Ids = tuple[int, ...]
"""The token ids of a caption, which tell whether two captions are the same."""


class MatchingModel:
    """A model that compares pictures with texts: its GAN is a `TextMatcher`.

    Raises:
        InvalidRequestError: its GAN is none.
    """

    def __init__(self, model: Model) -> None:
        if not isinstance(model.gan, TextMatcher):
            text = f"{model.name} does not compare pictures with texts"
            raise InvalidRequestError(f"{text} - name a model that does with --matcher")
        self.model = model
        self._matcher = cast("TextMatcher", model.gan)

    def ids(self, text: str) -> Ids:
        """The token ids of a caption, of which only as many words count as the model reads.

        Raises:
            InvalidRequestError: the model does not know a word.
        """
        return tuple(caption_ids(text, as_text_config(self.model.config), of=self.model.name))

    @float32_on_cpu()
    @torch.no_grad()
    def texts(self, captions: Sequence[Ids], batch_size: int) -> Tensor:
        """The embeddings (M, D) of captions, on the CPU."""
        parts = (captions[start : start + batch_size] for start in range(0, len(captions), batch_size))
        rows = (torch.tensor(part, device=self.model.device) for part in parts)
        return torch.cat([self._matcher.match_texts(each).cpu() for each in rows])

    @float32_on_cpu()
    @torch.no_grad()
    def images(self, pictures: Tensor) -> Tensor:
        """The embeddings (N, D) of pictures, uint8 (N, C, H, W) of any size, on the CPU."""
        channels, height, width = self.model.image_shape
        fitted = fit(to_channels(pictures, channels), (height, width))
        return self._matcher.match_images(from_pixels(fitted).to(self.model.device)).cpu()


def r_precision(
    part: Part, matcher: MatchingModel, captions: Captions, *, seed: int, batches: Batches
) -> Estimate | None:
    """How often the caption of an image is nearer to it than 99 others are, and its standard error.

    The others are drawn by `seed` from all `captions`, without those that share a picture with its own caption. A tie
    counts as a miss. The processes of `batches` share the images; others than the main one get None.

    Raises:
        InvalidRequestError: there are fewer than 100 different captions for an image, or the matcher does not know a
            word of them.
    """
    own = [matcher.ids(text) for text in part.texts]
    relatives = _relatives(captions, matcher)
    number = {ids: row for row, ids in enumerate(dict.fromkeys([*relatives, *own]))}
    rows = _candidates(own, relatives, number, seed)
    images = batches.map(
        f"comparing {part.name} with captions", part.size, lambda chunks: map(matcher.images, _read(part, chunks))
    )
    if images is None:
        return None
    texts = matcher.texts(list(number), batches.size)
    batched = zip(torch.split(rows, batches.size), images, strict=True)
    fits = torch.cat([(texts[of] @ each[:, :, None])[:, :, 0] for of, each in batched])  # (N, 100)
    hits = (fits[:, 0] > fits[:, 1:].amax(1)).double()
    return Estimate(hits.mean().item(), hits.std(correction=0).item() / len(hits) ** 0.5)


def _candidates(own: Sequence[Ids], relatives: Mapping[Ids, set[Ids]], number: Mapping[Ids, int], seed: int) -> Tensor:
    """(N, 100): of each image, the `number` of its `own` caption and of 99 others."""
    random = torch.Generator().manual_seed(derive_seed(seed, "r-precision"))
    left_out = ({number[each] for each in {ids, *relatives.get(ids, ())}} for ids in own)
    rows = [[number[ids], *_others(len(relatives), out, random)] for ids, out in zip(own, left_out, strict=True)]
    return torch.tensor(rows)


def _read(part: Part, chunks: Iterable[Sequence[int]]) -> Iterator[Tensor]:
    """The images of a part at the positions of each chunk."""
    rows = range(part.size) if part.rows is None else part.rows
    return part.images.read([rows[position] for position in chunk] for chunk in chunks)


def _relatives(captions: Captions, matcher: MatchingModel) -> dict[Ids, set[Ids]]:
    """For each caption, all captions of the pictures that have it, in the order of the data."""
    found: dict[Ids, set[Ids]] = defaultdict(set)
    for texts in captions.texts:
        together = [matcher.ids(text) for text in texts]
        for ids in together:
            found[ids].update(together)
    return found


def _others(pool: int, left_out: set[int], random: torch.Generator) -> list[int]:
    """99 of the rows 0 to `pool` - 1, without those in `left_out`."""
    drawn = torch.randperm(pool, generator=random)[: CANDIDATES - 1 + len(left_out)].tolist()
    others = [row for row in drawn if row not in left_out][: CANDIDATES - 1]
    if len(others) < CANDIDATES - 1:
        text = f"{R_PRECISION} compares {CANDIDATES} different captions, and there are {pool}"
        raise InvalidRequestError(f"{text} - use more pictures, with other captions, or leave the metric out")
    return others

"""Checks of models that read texts; all others pass."""

from __future__ import annotations

from functools import partial

import torch

from ganzoo.errors import InvalidRequestError
from ganzoo.interface.configs import as_text_config
from ganzoo.interface.gan import TextMatcher
from ganzoo.interface.tasks import TextConditional
from ganzoo.interface.words import encode_text
from ganzoo.registry import lookup
from ganzoo.sampling.model import Model
from ganzoo.testing.asserting import assert_raises
from ganzoo.testing.tiny import noise_data, tiny_config, tiny_loop

__all__ = ["CHECKS"]

# ruff: noqa: S101 - this package asserts on purpose

_STEPS = 12  # as many as in the check of updates: layers that are 0 at the start, and late phases, are trained then


def check_images_follow_their_texts(architecture: str) -> None:
    """Another text must change the image of a seed; the same words must not, however they are written.

    The image must be the same in a batch with longer and shorter texts, to 1e-5. A text that the model cannot read
    must be refused. Without a text, image i must show example i of the config; use `draw_text`. Models that read no
    texts pass.
    """
    if not lookup.registry().architectures[architecture].task.needs_text:
        return
    model = _trained(architecture)
    examples = as_text_config(model.config).examples
    texts = [*examples, examples[0].upper(), examples[0].split()[0]]
    alone = torch.cat([model.sample(1, seed=3, text=text) for text in texts])
    together = torch.cat([*model.generate_each((3, model.request(text=text)) for text in texts)])
    assert torch.allclose(alone, together, rtol=0, atol=1e-5), "an image depends on the other texts of its batch"
    assert torch.equal(alone[0], alone[len(examples)]), "upper case gives another image"
    assert not torch.equal(alone[0], alone[1]), "another text gives the same image"
    shown = torch.cat([model.sample(1, seed=seed, text=text) for seed, text in enumerate(examples)])
    assert torch.allclose(model.sample(len(examples)), shown, rtol=0, atol=1e-5), "image i does not show example i"
    for wrong in ("", "zyzzyva", "\x1b", " ".join([examples[0]] * 200)):
        assert_raises(InvalidRequestError, partial(model.sample, 1, text=wrong))
        assert_raises(InvalidRequestError, partial(model.draw, 1, request=TextConditional(text=wrong)))


def check_matches_images_with_texts(architecture: str) -> None:
    """The embeddings of a `TextMatcher` must have length 1 and one dimension, and depend on their own row alone.

    All other models pass.
    """
    if not lookup.registry().architectures[architecture].task.needs_text:
        return
    model = _trained(architecture)
    if not isinstance(model.gan, TextMatcher):
        return
    config = as_text_config(model.config)
    ids = [encode_text(text, config) for text in config.examples]
    images = noise_data(model.image_shape, len(ids)).images / 127.5 - 1
    with torch.no_grad():
        pairs = [(model.gan.match_images, images), (model.gan.match_texts, torch.tensor(ids))]
        found = [match(rows) for match, rows in pairs]
        single = [torch.cat([match(row[None]) for row in rows]) for match, rows in pairs]
    assert found[0].shape == found[1].shape, f"embeddings have the shapes {[tuple(each.shape) for each in found]}"
    for embeddings, one_by_one in zip(found, single, strict=True):
        assert torch.allclose(embeddings.norm(dim=1), torch.ones(len(ids)), atol=1e-4), (
            "an embedding has another length"
        )
        assert torch.allclose(embeddings, one_by_one, atol=1e-5), "an embedding depends on the other rows"
        assert not torch.equal(embeddings[0], embeddings[1]), "two rows have the same embedding"


def _trained(architecture: str) -> Model:
    loop = tiny_loop(architecture, _STEPS)
    list(loop)
    task = lookup.registry().architectures[architecture].task
    return Model(loop.average, task, tiny_config(architecture), name=architecture)


CHECKS = tuple(value for name, value in list(globals().items()) if name.startswith("check_"))
"""The checks of this module. Each takes the name of an architecture."""

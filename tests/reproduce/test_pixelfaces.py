"""The programs that describe portraits, hold some of them out of training, and count attributes."""

import importlib.util
import json
from pathlib import Path

import pytest
import torch

import ganzoo
from ganzoo.images.files import save_picture
from ganzoo.images.tensors import to_pictures

FOLDER = Path(__file__).parents[2] / "reproduce" / "pixelfaces"


def program(name):
    spec = importlib.util.spec_from_file_location(f"reproduce_{name}", FOLDER / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


captions, attributes = program("captions"), program("attributes")

FACE = {
    **{
        "skinColor": "#8d5524",
        "hair": "long03",
        "hairColor": "#cc1a00",
        "mouth": "happy01",
        "clothingColor": "#00b159",
    },
    **{"glasses": "dark02", "hatColor": "#2663a3"},
}


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({}, "a dark face with long red hair, dark glasses, a smile and a green shirt"),
        ({"glasses": None, "beard": "variant01"}, "a dark face with long red hair, a beard, a smile and a green shirt"),
        (
            {"hat": "variant02", "glasses": "light01"},
            "a dark face with a blue hat, light glasses, a smile and a green shirt",
        ),
        (
            {"hair": "short01", "mouth": "sad01"},
            "a dark face with short red hair, dark glasses, a frown and a green shirt",
        ),
        ({"skinColor": "#ffdbac"}, "a pale face with long red hair, dark glasses, a smile and a green shirt"),
    ],
)
def test_a_caption_says_what_a_portrait_shows(changes, text):
    assert captions.caption({**FACE, **changes}) == text
    assert len(attributes.labels([text])[0]) == len(attributes.WORDS)


@pytest.mark.parametrize(
    ("text", "held_out"),
    [
        ("a dark face with long red hair, dark glasses, a smile and a green shirt", True),
        ("a dark face with long red hair, a smile and a green shirt", False),
        ("a dark face with short red hair, dark glasses, a smile and a green shirt", False),
        ("a dark face with short blond hair, a frown and a red shirt", True),
        ("a light face with short blond hair, dark glasses, a frown and a red shirt", False),
        ("a pale face with long brown hair, a frown and a red shirt", True),
        ("a tan face with short black hair, a frown and a pink shirt", True),
        ("a tan face with a black hat, a frown and a pink shirt", False),
    ],
)
def test_whole_combinations_are_held_out(text, held_out):
    assert captions.is_held_out(text) == held_out


def test_portraits_move_to_their_part_with_their_captions(tmp_path):
    faces = [FACE, {**FACE, "glasses": None}]
    (tmp_path / "attributes.json").write_text(json.dumps(faces))
    for i in range(len(faces)):
        save_picture(to_pictures(torch.zeros(1, 3, 32, 32))[0], tmp_path / f"{i:06d}.png")
    captions.main(tmp_path)
    for part, name, face in (("heldout", "000000.png", faces[0]), ("train", "000001.png", faces[1])):
        line = json.loads((tmp_path / part / "metadata.jsonl").read_text())
        assert line == {"file_name": name, "text": captions.caption(face)}
        pictures, texts = attributes.read(tmp_path / part)
        assert (pictures.shape, texts) == ((1, 3, 32, 32), [captions.caption(face)])
    data = ganzoo.load_data(str(tmp_path / "train"), (3, 32, 32), needs_text=True)
    assert data.captions.texts == ((captions.caption(faces[1]),),)


def test_attributes_are_read_from_captions():
    text = "a dark face with short blue hair, light glasses, a smile and a black shirt"
    values = [options[i] for options, i in zip(attributes.WORDS.values(), attributes.labels([text])[0], strict=True)]
    assert values == ["dark face", "short", "blue h", "light glasses", "", "smile", "black shirt"]


def test_the_share_that_is_right_counts_each_attribute():
    class Sure(torch.nn.Module):
        def forward(self, pictures):
            return [torch.eye(len(v))[[0, 1]] for v in attributes.WORDS.values()]

    targets = torch.tensor([[0] * 7, [0] * 6 + [1]])
    assert attributes.right(Sure(), torch.zeros(2, 3, 32, 32), targets).tolist() == [0.5] * 6 + [1.0]

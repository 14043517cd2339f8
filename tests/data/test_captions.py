"""Captions of a folder of pictures: which lines are read, which are refused, and which caption a batch has."""

from __future__ import annotations

import json

import pytest
import torch

from ganzoo.data import folders
from ganzoo.data.batches import Batches
from ganzoo.data.captions import Captions
from ganzoo.data.datasets import ImageData
from ganzoo.data.load import load_data
from ganzoo.distributed.processes import ProcessGroup
from ganzoo.errors import DataError
from pictures import grey
from text_configs import KnownWords, Letters

SHAPE = (1, 4, 4)


def write(folder, *lines) -> None:
    (folder / "metadata.jsonl").write_text(
        "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    )


def captioned(folder, *lines):
    """A folder of the pictures a.png and b.png with these lines, as data."""
    grey(folder, a=10, b=20)
    write(folder, *lines)
    return load_data(str(folder), SHAPE, needs_text=True)


def test_texts_lists_and_several_lines_are_the_captions_of_a_picture(tmp_path):
    data = captioned(
        tmp_path,
        {"file_name": "b.png", "text": ["Blue!", "all blue"], "label": 3},
        "",
        {"file_name": "./a.png", "text": "a red one"},
        {"file_name": "a.png", "text": "red"},
    )
    assert data.captions.texts == (("a red one", "red"), ("Blue!", "all blue"))
    assert data.captions.vocabulary == ("a", "all", "blue", "one", "red")
    assert data.notes == ()


def test_the_file_may_be_beside_its_pictures_or_above(tmp_path):
    for part in ("train", "test"):
        (tmp_path / part / "x").mkdir(parents=True)
        grey(tmp_path / part / "x", a=10)
    grey(tmp_path / "train", b=20)
    write(tmp_path, *({"file_name": f"{part}/x/a.png", "text": part} for part in ("train", "test")))
    write(tmp_path / "train", {"file_name": "b.png", "text": "below"})
    data = load_data(str(tmp_path), SHAPE, needs_text=True)
    assert data.captions.texts == (("below",), ("train",))
    assert data.labels is None


def test_captions_are_read_only_if_they_are_needed(tmp_path):
    grey(tmp_path, a=10)
    write(tmp_path, "damaged")
    data = load_data(str(tmp_path), SHAPE)
    assert data.captions is None
    assert data.notes == ()
    (tmp_path / "metadata.jsonl").unlink()
    assert load_data(str(tmp_path), SHAPE, needs_text=True).captions is None


GOOD = {"file_name": "a.png", "text": "red"}


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([GOOD, "{"], "line 2: Expecting property name enclosed in double quotes at character 2 - write"),
        (["[]"], "metadata.jsonl, line 1: it holds a list, not an object"),
        ([GOOD, "", {"text": "blue"}], "metadata.jsonl, line 3: it has no file_name"),
        ([{**GOOD, "file_name": "c.png"}], "metadata.jsonl, line 1: there is no picture c.png"),
        ([{**GOOD, "file_name": "\x1b"}], r"metadata.jsonl, line 1: there is no picture \x1b"),
        ([{**GOOD, "file_name": "a\0.png"}], r"metadata.jsonl, line 1: there is no picture a\x00.png"),
        ([{**GOOD, "file_name": "a" * 300}], "metadata.jsonl, line 1: there is no picture aaa"),
        ([{"file_name": "a.png"}], "metadata.jsonl, line 1: it has no text"),
        ([{**GOOD, "text": []}], "metadata.jsonl, line 1: it has no text"),
        ([{**GOOD, "text": ["red", 3]}], "metadata.jsonl, line 1: it has no text"),
        ([{**GOOD, "text": " "}], "metadata.jsonl, line 1: its text has no word"),
        ([GOOD], "b.png has no caption in "),
        ([GOOD, "\udcff"], "metadata.jsonl, line 2: it is not UTF-8 - write"),
        ([{**GOOD, "text": "x" * 100_000}], "metadata.jsonl, line 1: it has more than 100,000 bytes"),
    ],
)  # fmt: skip
def test_faults_are_named_with_their_line(tmp_path, lines, message):
    grey(tmp_path, a=10, b=20)
    text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    (tmp_path / "metadata.jsonl").write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(DataError) as caught:
        load_data(str(tmp_path), SHAPE, needs_text=True)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_skipped_pictures_take_their_captions_with_them(tmp_path):
    grey(tmp_path, a=10, b=20, c=30)
    (tmp_path / "b.png").write_bytes(b"no picture")
    write(tmp_path, *({"file_name": f"{name}.png", "text": name} for name in "abc"))
    data = load_data(str(tmp_path), SHAPE, needs_text=True)
    assert data.captions.texts == (("a",), ("c",))
    assert load_data(str(tmp_path), SHAPE, needs_text=True, limit=1).captions.texts == (("a",),)


def test_pictures_that_are_read_later_have_the_same_batches(tmp_path, monkeypatch):
    """An unreadable picture is replaced by the next one, with the caption of that one."""
    grey(tmp_path, a=10, b=20, c=30)
    write(tmp_path, *({"file_name": f"{name}.png", "text": name} for name in "abc"))
    monkeypatch.setattr(folders, "MEMORY_BYTES", 0)
    data = load_data(str(tmp_path), SHAPE, needs_text=True)
    (tmp_path / "b.png").write_bytes(b"no picture")
    data = data.with_captions(data.captions.encoded(KnownWords(("a", "b", "c"), 2)), "noted")
    batches = Batches(data, 3, seed=0, device=torch.device("cpu"))
    shades = {1: 10, 3: 30}
    for _ in range(3):
        batch = next(batches)
        shown = batch["image"][:, 0, 0, 0].add(1).mul(127.5).round().int().tolist()
        assert [shades[ids[0]] for ids in batch["text"].tolist()] == shown
    assert "noted" in data.notes


def numbered(*counts: int) -> ImageData:
    """Picture i is of shade i and has `counts[i]` captions, of which caption k is the words i and k."""
    texts = tuple(tuple(f"{i} {100 + k}" for k in range(count)) for i, count in enumerate(counts))
    captions = Captions(texts)
    vocabulary = tuple(map(str, range(200)))
    images = torch.arange(len(counts), dtype=torch.uint8).view(-1, 1, 1, 1).expand(-1, 1, 2, 2).contiguous()
    return ImageData("numbers", images, captions=captions.encoded(KnownWords(vocabulary, 3)))


def batches_of(data: ImageData, size: int, **options) -> Batches:
    return Batches(data, size, seed=0, device=torch.device("cpu"), **options)


def pairs(batch) -> list[tuple[int, int]]:
    """The picture and the caption of each row. Word 0 has the id 1, and the last id is padding."""
    text = batch["text"]
    assert text.dtype == torch.int64
    assert not text[:, 2].any()
    shades = batch["image"][:, 0, 0, 0].add(1).mul(127.5).round().int().tolist()
    assert shades == (text[:, 0] - 1).tolist()
    return [(shade, int(ids[1]) - 101) for shade, ids in zip(shades, text, strict=True)]


def test_the_captions_of_a_picture_come_in_turn():
    batches = batches_of(numbered(1, 2, 3, 1, 2), 5)
    epochs = [dict(pairs(next(batches))) for _ in range(6)]
    for picture, count in enumerate((1, 2, 3, 1, 2)):
        shown = [epoch[picture] for epoch in epochs]
        assert sorted(shown[:count]) == list(range(count))
        assert shown == (shown[:count] * 6)[:6]


def test_captions_depend_on_the_position_alone():
    """Not on the batch size, nor on the processes, nor on a stop."""
    data = numbered(1, 2, 3, 1, 2)
    single = batches_of(data, 1)
    whole = [pair for _ in range(24) for pair in pairs(next(single))]
    assert len(set(whole)) == 9
    large = batches_of(data, 8)
    assert [pair for _ in range(3) for pair in pairs(next(large))] == whole
    large.position = 8
    assert pairs(next(large)) == whole[8:16]
    both = [batches_of(data, 4, processes=ProcessGroup(rank, 2)) for rank in range(2)]
    assert [pair for _ in range(3) for process in both for pair in pairs(next(process))] == whole


def test_a_digest_holds_the_captions():
    images = torch.zeros(1, 1, 2, 2, dtype=torch.uint8)
    digests = {
        ImageData("x", images, captions=captions).digest()
        for captions in (None, Captions((("a",),)), Captions((("b",),)), Captions((("a", "b"),)))
    }
    assert len(digests) == 4


def test_long_captions_are_cut():
    captions = Captions((("a b c",), ("c", "c a")))
    known = KnownWords(captions.vocabulary, 2)
    assert captions.encoded(known).ids.tolist() == [[1, 2], [3, 0], [3, 1]]
    assert captions.too_long(known) == 1


def test_examples_are_different_and_can_be_asked_for():
    captions = Captions((("A red, small one",), ("blue 🙂",), ("A red, small one",), ("blue",), ("green",)))
    assert captions.examples(3, KnownWords(captions.vocabulary, 9)) == ("A red, small one", "blue", "green")
    assert captions.examples(1, KnownWords(captions.vocabulary, 2)) == ("a red",)


def test_a_tokenizer_reads_any_word():
    captions = Captions((("ab cd",), ("é",)))
    letters = Letters(3)
    assert captions.encoded(letters).ids.tolist() == [[97, 98, 99], [233, 0, 0]]
    assert captions.too_long(letters) == 1
    assert captions.examples(2, letters) == ("ab", "é")

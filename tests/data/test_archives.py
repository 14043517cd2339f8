"""Archives: what is in them is read as from a folder, and nothing is unpacked."""

from __future__ import annotations

import io
import json
import os
import re
import struct
import tarfile
import zipfile
from pathlib import Path

import pytest
import torch

from ganzoo.data import folders
from ganzoo.data.batches import Batches
from ganzoo.data.load import load_data
from ganzoo.distributed.processes import ProcessGroup
from ganzoo.errors import DataError
from packed import png, shard, tarred, zipped
from pictures import corrupt, grey

PACKERS = {"zip": zipped, "tar": tarred}

SHAPE = (1, 4, 4)


@pytest.fixture(params=PACKERS)
def pack(request, tmp_path):
    """A function that packs a folder into an archive."""
    return lambda folder, name="packed": PACKERS[request.param](folder, tmp_path / f"{name}.{request.param}")


def write(folder: Path, name: str, text: str) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)


def class_folders(folder):
    grey(folder / "cat", a=10, b=20)
    grey(folder / "dog", c=30)


def train_and_val(folder):
    class_folders(folder / "train")
    grey(folder / "val" / "cat", z=90)


def nvidia(folder):
    grey(folder / "00000", img00000000=10, img00000001=20)
    grey(folder / "00001", img00001000=30)
    pairs = [["00000/img00000000.png", 6], ["00000/img00000001.png", 10], ["00001/img00001000.png", 6]]
    write(folder, "dataset.json", json.dumps({"labels": pairs}))


def table_of_labels(folder):
    grey(folder, a=10, b=20)
    write(folder, "labels.csv", "file_name,label\na.png,wet\nb.png,dry\n")


def captions(folder):
    grey(folder / "train", a=10, b=20)
    lines = [{"file_name": "train/a.png", "text": ["one", "first"]}, {"file_name": "train/b.png", "text": "two"}]
    write(folder, "metadata.jsonl", "\n".join(map(json.dumps, lines)))


def webdataset(folder):
    grey(folder, **{"000": 10, "001": 20, "002": 30})
    for number, label in enumerate("010"):
        write(folder, f"00{number}.cls", label)
        write(folder, f"00{number}.txt", f"picture {number}")


def untidy(folder):
    class_folders(folder)
    grey(folder / "__MACOSX" / "cat", a=1)
    grey(folder / "cat" / ".thumbnails", a=1)
    corrupt(folder / "cat", "damaged")
    write(folder, "read.me", "hello")
    grey(folder, stray=70)


LAYOUTS = (class_folders, train_and_val, nvidia, table_of_labels, captions, webdataset, untidy)


def told(data, root: Path) -> dict:
    """All that is known of a data set, without the place where it is."""
    rows = range(len(data))
    images = next(data.stream(iter([rows])))["image"][:, 0, 0, 0].tolist()
    labels = None if data.labels is None else data.labels.tolist()
    texts = None if data.captions is None else data.captions.texts
    return {
        "images": images,
        "labels": labels,
        "classes": data.classes,
        "texts": texts,
        "notes": sorted(note.replace(str(root), "") for note in data.notes),
    }


@pytest.mark.parametrize("memory", [2**31, 0], ids=["in memory", "streamed"])
@pytest.mark.parametrize("needs", [{}, {"needs_labels": True}, {"needs_text": True}], ids=lambda n: next(iter(n), ""))
@pytest.mark.parametrize("layout", LAYOUTS)
def test_an_archive_is_read_as_the_folder_that_was_packed(tmp_path, monkeypatch, pack, layout, needs, memory):
    monkeypatch.setattr(folders, "MEMORY_BYTES", memory)
    layout(tmp_path / "folder")
    archive = pack(tmp_path / "folder")
    packed = load_data(str(archive), SHAPE, **needs)
    assert told(packed, archive) == told(load_data(str(tmp_path / "folder"), SHAPE, **needs), tmp_path / "folder")
    assert isinstance(packed, folders.PictureData) == (memory == 0)
    assert sorted(tmp_path.iterdir()) == sorted([tmp_path / "folder", archive]), "nothing was unpacked"


def test_a_folder_around_all_files_is_taken_for_the_whole(tmp_path, pack):
    class_folders(tmp_path / "folder" / "photos")
    grey(tmp_path / "folder" / "__MACOSX" / "photos", a=1)
    data = load_data(str(pack(tmp_path / "folder")), SHAPE)
    assert (data.classes, data.labels.tolist()) == (("cat", "dog"), [0, 0, 1])


def test_a_limit_takes_one_of_each_class_in_turn(tmp_path, pack):
    class_folders(tmp_path / "folder")
    data = load_data(str(pack(tmp_path / "folder")), SHAPE, limit=2)
    assert (data.images[:, 0, 0, 0].tolist(), data.labels.tolist()) == ([10, 30], [0, 1])


@pytest.mark.parametrize("nested", ["", "horse2zebra"])
def test_domains_and_pairs_may_be_packed(tmp_path, pack, nested):
    grey(tmp_path / "folder" / nested / "trainA", a=10, b=20)
    grey(tmp_path / "folder" / nested / "trainB", a=30, b=40)
    grey(tmp_path / "folder" / nested / "testA", c=50)
    archive = str(pack(tmp_path / "folder"))
    domains = load_data(archive, SHAPE, parts=("a", "b"))
    assert {key: part.images[:, 0, 0, 0].tolist() for key, part in domains.parts.items()} == {
        "a": [10, 20],
        "b": [30, 40],
    }
    pairs = load_data(archive, SHAPE, paired=True)
    assert pairs.both.images[:, :, 0, 0].tolist() == [[10, 30], [20, 40]]
    with pytest.raises(DataError, match="has no testB - unpaired training needs a folder with testA and testB"):
        load_data(archive, SHAPE, parts=("a", "b"), split="test")


# --- the order of training ----------------------------------------------------------------------


@pytest.fixture
def streamed(tmp_path, monkeypatch, pack):
    """16 pictures in an archive, which are not kept in memory."""
    monkeypatch.setattr(folders, "MEMORY_BYTES", 0)
    grey(tmp_path / "folder", **{f"p{i:02}": i for i in range(16)})
    return load_data(str(pack(tmp_path / "folder")), SHAPE)


def shades(batches: Batches, count: int) -> list[list[int]]:
    return [((next(batches)["image"][:, 0, 0, 0] + 1) * 127.5).round().int().tolist() for _ in range(count)]


def make(data, size=4, **options) -> Batches:
    return Batches(data, size, seed=3, device=torch.device("cpu"), **options)


def test_the_order_is_that_of_a_folder_and_workers_do_not_change_it(streamed, tmp_path):
    folder = load_data(str(tmp_path / "folder"), SHAPE)
    wanted = shades(make(folder), 6)
    assert shades(make(streamed), 6) == wanted
    next(streamed.stream(iter([[0]])))  # the archive is open in this process when workers are forked
    assert shades(make(streamed, workers=2), 6) == wanted


def test_a_resumed_run_and_several_processes_have_the_same_order(streamed):
    wanted = shades(make(streamed), 6)
    resumed = make(streamed)
    resumed.position = 8
    assert shades(resumed, 4) == wanted[2:]
    halves = [shades(make(streamed, 2, processes=ProcessGroup(rank, 2)), 6) for rank in range(2)]
    assert [[*first, *second] for first, second in zip(*halves, strict=True)] == wanted


def test_the_digest_is_of_the_content_and_not_of_the_place(streamed, tmp_path):
    (moved,) = (path.rename(tmp_path / f"moved{path.suffix}") for path in tmp_path.glob("packed.*"))
    again = load_data(str(moved), SHAPE)
    assert again.digest() == streamed.digest()
    before = again.content_digest()
    assert before == load_data(str(tmp_path / "folder"), SHAPE).content_digest()
    grey(tmp_path / "folder", p03=99)
    PACKERS[moved.suffix[1:]](tmp_path / "folder", moved)
    assert load_data(str(moved), SHAPE).content_digest() != before


# --- zip ------------------------------------------------------------------------------------------


def edited(archive: Path, name: str, edit) -> None:
    """Change bytes of a member's headers: `edit(content, local, central)` gets the places of both."""
    content = bytearray(archive.read_bytes())
    local = content.index(b"PK\x03\x04", content.index(name.encode()) - 30)
    central = content.index(b"PK\x01\x02", content.rindex(name.encode()) - 46)
    edit(content, local, central)
    archive.write_bytes(content)


def encrypt(content, local, central):
    content[local + 6] |= 1
    content[central + 8] |= 1


def wrong_checksum(content, local, central):
    content[local + 14] ^= 1
    content[central + 16] ^= 1


def unknown_method(content, local, central):
    struct.pack_into("<H", content, local + 8, 99)
    struct.pack_into("<H", content, central + 10, 99)


@pytest.mark.parametrize(
    ("edit", "problem"),
    [
        (encrypt, "is encrypted - unpack the archive"),
        (wrong_checksum, "Bad CRC-32"),
        (unknown_method, "compression method is not supported|type 99"),
    ],
)
def test_a_picture_that_cannot_be_unpacked_is_skipped(tmp_path, edit, problem):
    archive = zipped(grey(tmp_path / "folder", a=1, b=2), tmp_path / "packed.zip")
    edited(archive, "a.png", edit)
    data = load_data(str(archive), SHAPE)
    assert data.images[:, 0, 0, 0].tolist() == [2]
    assert len(data.notes) == 1
    assert data.notes[0].startswith(f"1 skipped, the first: {archive / 'a.png'}")
    assert re.search(problem, data.notes[0])


def test_a_bomb_is_not_unpacked(tmp_path, monkeypatch):
    archive = tmp_path / "packed.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("a.png", bytes(1_000_000))
        packed.writestr("b.png", png(7))
    monkeypatch.setattr("ganzoo_datasets.zips.MAX_BYTES", 100_000)
    data = load_data(str(archive), SHAPE)
    assert data.notes == (f"1 skipped, the first: {archive / 'a.png'} has 1,000,000 bytes, over 100,000",)


def test_names_that_lead_out_of_the_archive_stay_in_it(tmp_path):
    archive = tmp_path / "packed.zip"
    (tmp_path / "secret.png").write_bytes(png(99))
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("../secret.png", png(1))
        packed.writestr(f"{tmp_path}/secret.png", png(2))
    assert sorted(load_data(str(archive), SHAPE).images[:, 0, 0, 0].tolist()) == [1, 2]


@pytest.mark.parametrize("suffix", PACKERS)
@pytest.mark.parametrize("content", [b"", b"no archive" * 200, "half"], ids=["empty", "other", "half"])
def test_a_damaged_archive_is_one_line(tmp_path, suffix, content):
    archive = PACKERS[suffix](grey(tmp_path / "folder", **{f"p{i}": i for i in range(20)}), tmp_path / f"a.{suffix}")
    archive.write_bytes(archive.read_bytes()[: archive.stat().st_size // 2] if content == "half" else content)
    with pytest.raises(DataError, match=f"^{archive} cannot be read as a {suffix} archive: .* - ") as caught:
        load_data(str(archive), SHAPE)
    assert "\n" not in str(caught.value)


# --- shards of WebDataset -------------------------------------------------------------------------


def sample(shade: int, label: int) -> dict[str, bytes]:
    return {"png": png(shade), "cls": str(label).encode(), "txt": f"shade {shade}".encode(), "json": b"{}"}


@pytest.fixture
def shards(tmp_path):
    """Two shards, which have the same keys, and a third one for validation."""
    folder = tmp_path / "shards"
    folder.mkdir()
    for number in range(2):
        samples = {f"{i:03}": sample(100 * number + i, (number + i) % 11) for i in range(3)}
        shard(folder / f"train-{number:04}.tar", samples)
    shard(folder / "val-0000.tar", {"000": sample(250, 0)})
    return folder


@pytest.mark.parametrize("name", ["", "train-{0000..0001}.tar", "train-{0000,0001}.tar", "train-*.tar"])
def test_shards_are_one_data_set(shards, name):
    source = str(shards / name)
    data = load_data(source, SHAPE)
    assert data.images[:, 0, 0, 0].tolist() == [0, 1, 2, 100, 101, 102]
    assert (data.labels.tolist(), data.classes) == ([0, 1, 2, 1, 2, 3], ("0", "1", "2", "3"))
    assert data.notes == (
        f"6 left out, because they are no pictures (.json): {shards / 'train-0000.tar' / '000.json'}",
    )
    texts = load_data(source, SHAPE, needs_text=True).captions.texts
    assert texts[-2:] == (("shade 101",), ("shade 102",))


def test_numbers_are_no_names_of_splits(tmp_path):
    """img2dataset calls shards ``00000.tar``."""
    for number in range(2):
        shard(tmp_path / f"{number:05}.tar", {"a": sample(number, 0)})
    assert load_data(str(tmp_path), SHAPE).images[:, 0, 0, 0].tolist() == [0, 1]


def test_another_split_of_shards(shards):
    assert load_data(f"{shards}?split=val", SHAPE).images[:, 0, 0, 0].tolist() == [250]
    with pytest.raises(DataError, match=r"has no webdataset files split=test - choose others with \?split=NAME"):
        load_data(f"{shards}?split=test", SHAPE)


def test_compressed_shards_are_refused(tmp_path):
    with tarfile.open(tmp_path / "a.tar", "w:gz") as packed:
        packed.addfile(tarfile.TarInfo("a.png"), io.BytesIO(b""))
    with pytest.raises(DataError, match=r"a\.tar cannot be read as a tar archive: .* - it must be whole and not comp"):
        load_data(str(tmp_path / "a.tar"), SHAPE)


def test_links_and_devices_in_a_tar_are_no_files(tmp_path):
    with tarfile.open(tmp_path / "a.tar", "w") as packed:
        link = tarfile.TarInfo("link.png")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        packed.addfile(link)
        pipe = tarfile.TarInfo("pipe.png")
        pipe.type = tarfile.FIFOTYPE
        packed.addfile(pipe)
        info = tarfile.TarInfo("a.png")
        info.size = len(png(5))
        packed.addfile(info, io.BytesIO(png(5)))
    assert load_data(str(tmp_path / "a.tar"), SHAPE).images[:, 0, 0, 0].tolist() == [5]


def test_an_archive_that_is_cut_in_training_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr(folders, "MEMORY_BYTES", 0)
    archive = tarred(grey(tmp_path / "folder", a=1, b=2), tmp_path / "a.tar")
    data = load_data(str(archive), SHAPE)
    os.truncate(archive, 100)
    with pytest.raises(DataError, match=r"holds no readable image - .*\.png cannot be read: the archive ends inside"):
        next(data.stream(iter([[0]])))

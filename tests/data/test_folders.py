"""Folders of pictures: classes, and pictures that workers read into memory or when they are needed."""

from __future__ import annotations

import gc
import multiprocessing
import os
import resource
import shutil
import signal
import time
from itertools import count, islice
from pathlib import Path
from unicodedata import normalize

import numpy as np
import pytest
import torch
from PIL import Image

from ganzoo.data import picture_data, workers
from ganzoo.data.batches import Batches
from ganzoo.data.datasets import Data, Domains, ImageData
from ganzoo.data.load import load_data
from ganzoo.data.picture_data import PictureData
from ganzoo.errors import DataError
from pictures import corrupt, grey

CPU = torch.device("cpu")
SHARED_MEMORY = r" - use --workers 0 or fewer workers, or enlarge /dev/shm, in Docker with --shm-size 2g$"
WORKERS = pytest.mark.parametrize("workers", [0, 2])


def load(folder: Path, shape: tuple[int, int, int] = (1, 4, 4), **options) -> Data:
    return load_data(str(folder), shape, **options)


def shades(images: torch.Tensor) -> list[int]:
    return images[:, 0, 0, 0].tolist()


def photographs(folder: Path, number: int) -> Path:
    """Two classes of colored pictures of several sizes."""
    random = np.random.default_rng(0)
    for i in range(number):
        path = folder / ("cats", "dogs")[i % 2] / f"{i:03d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 256, (8 + i % 3, 8 + i % 2, 3), dtype=np.uint8)).save(path)
    return folder


@pytest.fixture
def no_memory(monkeypatch):
    """No data set fits in memory."""
    monkeypatch.setattr("ganzoo.data.folders.MEMORY_BYTES", 15)


def equal(batch, other) -> bool:
    return batch.keys() == other.keys() and all(torch.equal(batch[key], other[key]) for key in batch)


# --- classes ----------------------------------------------------------------------------------


def test_subfolders_are_classes(tmp_path):
    grey(tmp_path / "dogs", a=20, b=21)
    grey(tmp_path / "cats", z=10)
    grey(tmp_path / "cats" / "black", a=5)
    grey(tmp_path / "elks", a=30)
    data = load(tmp_path)
    assert data.classes == ("cats", "dogs", "elks")
    assert shades(data.images) == [5, 10, 20, 21, 30]
    assert (data.labels.tolist(), data.labels.dtype) == ([0, 0, 1, 1, 2], torch.int64)
    assert data.notes == ()


@pytest.mark.parametrize("folders", [[""], ["cats"], ["", "cats"], ["", "cats", "dogs"], ["cats/black", "cats/white"]])
def test_what_are_no_classes(tmp_path, folders):
    for folder in folders:
        grey(tmp_path / folder, a=1)
    data = load(tmp_path)
    assert len(data) == len(folders)
    assert (data.labels, data.classes) == (None, ())


def test_folders_without_pictures_are_no_classes(tmp_path):
    grey(tmp_path / "cats", a=1)
    grey(tmp_path / "dogs", a=2)
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").write_text("not a picture at the top")
    assert load(tmp_path).classes == ("cats", "dogs")


@pytest.mark.parametrize(("limit", "labels"), [(1, [0]), (3, [0, 0, 1]), (9, [0, 0, 1, 1])])
def test_a_limit_keeps_all_classes_known(tmp_path, limit, labels):
    grey(tmp_path / "cats", a=1, b=2)
    grey(tmp_path / "dogs", a=3, b=4)
    data = load(tmp_path, limit=limit)
    assert data.labels.tolist() == labels
    assert shades(data.images) == [1, 2, 3, 4][:limit]
    assert data.classes == ("cats", "dogs")


@pytest.mark.parametrize("limit", [None, 3])
def test_labels_follow_their_images_where_others_are_skipped(tmp_path, limit):
    grey(corrupt(tmp_path / "cats", "a", "c"), b=1)
    corrupt(tmp_path / "dogs", "a")
    grey(corrupt(tmp_path / "elks", "b"), a=2, c=3, d=4)
    data = load(tmp_path, limit=limit)
    assert shades(data.images) == [1, 2, 3, 4][:limit]
    assert data.labels.tolist() == [0, 1, 1, 1][:limit]
    assert data.classes == ("cats", "elks")
    assert "left out, because no picture can be read: the classes dogs" in data.notes


# --- what a person expects ----------------------------------------------------------------------


BOTH = pytest.mark.parametrize("memory", [2**31, 15], ids=["in memory", "as needed"])
"""Pictures that fit in memory, and pictures that do not."""


def rows(data: Data) -> tuple[list[int], list[int] | None]:
    """Shades and labels of all pictures."""
    batch = next(data.stream(iter([range(len(data))])))
    return shades(batch["image"]), batch["label"].tolist() if "label" in batch else None


@BOTH
def test_hidden_files_and_folders_are_no_pictures_and_no_classes(tmp_path, monkeypatch, memory):
    """What notebooks, desktops, archive tools, network storage and killed programs leave."""
    monkeypatch.setattr("ganzoo.data.folders.MEMORY_BYTES", memory)
    for name in ("cats", "dogs"):
        grey(tmp_path / name, a=1)
        for hidden in (".ipynb_checkpoints", ".thumbnails", "__MACOSX", "@eaDir"):
            grey(tmp_path / name / hidden, a=200)
            grey(tmp_path / hidden / name, a=200)
        grey(tmp_path / name, **{"._a": 200, ".1f2e.a": 200})
        grey(tmp_path, **{"._a": 200, ".1f2e.a": 200})
    data = load(tmp_path)
    assert (rows(data), data.classes) == (([1, 1], [0, 1]), ("cats", "dogs"))
    assert data.notes[0].startswith("22 hidden pictures of other programs were left out, the first: ")


def test_the_folder_itself_may_be_hidden(tmp_path):
    assert rows(load(grey(tmp_path / ".cache" / "faces", a=1)))[0] == [1]


def test_a_class_folder_may_be_a_link(tmp_path):
    grey(tmp_path / "all" / "cats", a=1)
    grey(tmp_path / "elsewhere", a=2)
    (tmp_path / "all" / "dogs").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "all" / "dogs" / "up").symlink_to(tmp_path / "all")  # a circle
    (tmp_path / "elsewhere" / "myself").symlink_to(".")
    data = load(tmp_path / "all")
    assert data.classes == ("cats", "dogs")
    assert rows(data)[0] == [1, 2]


@BOTH
def test_a_class_without_readable_pictures_is_no_class(tmp_path, monkeypatch, memory):
    monkeypatch.setattr("ganzoo.data.folders.MEMORY_BYTES", memory)
    grey(tmp_path / "cats", a=1)
    corrupt(tmp_path / "birds", "a", "b")
    grey(corrupt(tmp_path / "dogs", "a"), b=2)
    data = load(tmp_path)
    assert data.classes == ("cats", "dogs")
    assert set(rows(data)[1]) == {0, 1}
    assert "left out, because no picture can be read: the classes birds" in data.notes


@BOTH
def test_a_stray_picture_beside_class_folders_is_left_out_where_classes_are_needed(tmp_path, monkeypatch, memory):
    monkeypatch.setattr("ganzoo.data.folders.MEMORY_BYTES", memory)
    grey(grey(tmp_path / "cats", a=1).parent / "dogs", a=2)
    grey(tmp_path, preview=3)
    data = load(tmp_path, needs_labels=True)
    assert (rows(data), data.classes) == (([1, 2], [0, 1]), ("cats", "dogs"))
    assert f"1 outside of the class folders left out, the first: {tmp_path / 'preview.png'}" in data.notes
    data = load(tmp_path)
    assert (sorted(rows(data)[0]), rows(data)[1], data.classes) == ([1, 2, 3], None, ())


@BOTH
@pytest.mark.parametrize("others", [(), ("val",), ("test", "val"), ("Validation",)])
def test_a_folder_of_splits_gives_its_training_images(tmp_path, monkeypatch, memory, others):
    monkeypatch.setattr("ganzoo.data.folders.MEMORY_BYTES", memory)
    for split in ("train", *others):
        for label, name in enumerate(("cats", "dogs")):
            grey(tmp_path / split / name, a=(10 if split == "train" else 100) + label)
    data = load(tmp_path)
    assert (rows(data), data.classes) == (([10, 11], [0, 1]), ("cats", "dogs"))
    unused = f", and {' and '.join(f'{name}/' for name in others)} are not" if others else ""
    assert data.notes[0] == f"the pictures in {tmp_path / 'train'} are used{unused}"


def test_other_folders_next_to_train_are_classes(tmp_path):
    for name in ("bus", "train"):
        grey(tmp_path / name, a=1)
    assert load(tmp_path).classes == ("bus", "train")


def test_a_name_is_one_class_however_its_accents_are_written(tmp_path):
    forms = [normalize(form, "café") for form in ("NFC", "NFD")]
    grey(tmp_path / "dogs", a=1)
    for shade, name in enumerate(forms):
        grey(tmp_path / name, **{f"p{shade}": 2 + shade})
    data = load(tmp_path)
    assert data.classes == (forms[0], "dogs")
    assert sorted(rows(data)[1]) == [0, 0, 1]


@pytest.mark.parametrize("limit", [3, 5])
def test_a_limit_leaves_no_class_out(tmp_path, limit):
    for shade, name in enumerate(("cats", "dogs", "elks")):
        grey(tmp_path / name, a=10 * shade, b=10 * shade + 1)
    data = load(tmp_path, limit=limit)
    assert rows(data) == {3: ([0, 10, 20], [0, 1, 2]), 5: ([0, 1, 10, 11, 20], [0, 0, 1, 1, 2])}[limit]
    assert data.notes == ()


# --- into memory, by workers ------------------------------------------------------------------


@pytest.mark.parametrize("limit", [None, 70, 30])
def test_workers_read_what_is_read_without_them(tmp_path, monkeypatch, limit):
    """More pictures than a worker reads at once."""
    corrupt(photographs(tmp_path, 135) / "cats", "0000", "067a")
    told: list[list[tuple[int, int]]] = [[], []]
    alone = load(tmp_path, (3, 8, 8), limit=limit, progress=lambda what, *numbers: told[0].append(numbers))
    monkeypatch.setattr("ganzoo.data.folders.WORTH_WORKERS", 1)
    state = torch.get_rng_state()
    data = load(tmp_path, (3, 8, 8), limit=limit, workers=2, progress=lambda what, *numbers: told[1].append(numbers))
    assert not multiprocessing.active_children()
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(data.images, alone.images)
    assert torch.equal(data.labels, alone.labels)
    assert (data.notes, told[1]) == (alone.notes, told[0])
    assert len(data) == told[0][-1][0] == told[0][-1][1] == (limit or 135)


def test_a_few_pictures_are_read_without_workers(tmp_path, monkeypatch):
    monkeypatch.setattr("ganzoo.data.workers.DataLoader", None)
    assert shades(load(grey(tmp_path, a=1, b=2), workers=2).images) == [1, 2]
    monkeypatch.setattr("ganzoo.data.folders.WORTH_WORKERS", 2)
    assert shades(load(tmp_path, workers=2, limit=1).images) == [1]


# --- as they are needed -----------------------------------------------------------------------


@WORKERS
def test_what_does_not_fit_in_memory_gives_the_same_batches(tmp_path, monkeypatch, workers):
    in_memory = load(photographs(tmp_path, 9), (3, 8, 8))
    monkeypatch.setattr("ganzoo.data.folders.MEMORY_BYTES", 9 * 3 * 8 * 8 - 1)
    files = load(tmp_path, (3, 8, 8), workers=workers)
    assert isinstance(in_memory, ImageData)
    assert isinstance(files, PictureData)
    assert (len(files), files.name, files.classes) == (9, str(tmp_path), ("cats", "dogs"))
    assert files.notes == ("the pictures are read as they are needed: too many to keep in memory",)
    expected = Batches(in_memory, 4, seed=0, device=CPU, mirror=True)
    batches = Batches(files, 4, seed=0, device=CPU, mirror=True, workers=workers)
    state = torch.get_rng_state()
    assert all(equal(next(batches), next(expected)) for _ in range(6))
    assert torch.equal(torch.get_rng_state(), state)
    assert not files.skipped


@WORKERS
def test_setting_the_position_continues_exactly(tmp_path, no_memory, workers):
    files = load(photographs(tmp_path, 7), (3, 8, 8))
    whole = list(islice(Batches(files, 3, seed=0, device=CPU), 8))
    batches = Batches(files, 3, seed=0, device=CPU, workers=workers)
    for position in (0, 12, 3):
        batches.position = position
        for step in range(position // 3, position // 3 + 4):
            assert equal(next(batches), whole[step])
        assert batches.position == position + 12
        assert len(multiprocessing.active_children()) == workers  # those of before have ended
    batches.close()
    assert not multiprocessing.active_children()
    assert equal(next(batches), whole[5])


@WORKERS
def test_domains_are_read_side_by_side(tmp_path, monkeypatch, workers):
    grey(tmp_path / "trainA", a=1, b=2, c=3)
    grey(tmp_path / "trainB", a=4, b=5)
    in_memory = load(tmp_path, parts=("a", "b"))
    monkeypatch.setattr("ganzoo.data.folders.MEMORY_BYTES", 2 * 16)
    data = load(tmp_path, parts=("a", "b"))
    assert isinstance(data, Domains)
    assert [type(part) for part in data.parts.values()] == [PictureData, ImageData]
    expected = Batches(in_memory, 2, seed=0, device=CPU)
    assert all(
        equal(batch, next(expected)) for batch in islice(Batches(data, 2, seed=0, device=CPU, workers=workers), 4)
    )


@pytest.mark.parametrize("limit", [1, 2, 9])
def test_a_limit_takes_one_of_each_class_in_turn(tmp_path, no_memory, limit):
    grey(tmp_path / "cats", a=10, b=20)
    grey(tmp_path / "dogs", a=30)
    data = load(tmp_path, (1, 4, 4), limit=limit)
    assert len(data) == len(data.labels) == min(limit, 3)
    batch = next(data.stream(iter([range(len(data))])))
    assert shades(batch["image"]) == {1: [10], 2: [10, 30], 9: [10, 20, 30]}[limit]
    assert batch["label"].tolist() == {1: [0], 2: [0, 1], 9: [0, 0, 1]}[limit]
    assert data.classes == ("cats", "dogs")
    assert ("the limit of 1 leaves 1 of 2 classes without images: dogs" in data.notes) == (limit == 1)


# --- as they are needed, and cannot be read ---------------------------------------------------


@WORKERS
def test_what_cannot_be_read_is_replaced_by_the_next(tmp_path, no_memory, workers):
    """The label is that of the picture that replaces it, and the first picture follows the last."""
    grey(corrupt(tmp_path / "cats", "b", "c"), a=10)
    grey(corrupt(tmp_path / "dogs", "b"), a=20)
    data = load(tmp_path)
    batches = list(data.stream(iter([[0, 1, 2], [3], [4, 4]]), workers=workers))
    assert [shades(batch["image"]) for batch in batches] == [[10, 20, 20], [20], [10, 10]]
    assert [batch["label"].tolist() for batch in batches] == [[0, 1, 1], [1], [0, 0]]
    bad = [tmp_path / "cats/b.png", tmp_path / "cats/c.png", tmp_path / "dogs/b.png"]
    assert sorted(problem.split(" is not a picture")[0] for problem in data.skipped) == [str(path) for path in bad]


def test_only_what_was_met_is_known_to_be_skipped(tmp_path, no_memory):
    data = load(grey(corrupt(tmp_path, "b", "d"), a=1, c=3))
    assert data.skipped == set()
    next(data.stream(iter([[0, 1]])))
    assert len(data.skipped) == 1


def test_where_none_can_be_read_it_is_said_at_once(tmp_path, no_memory):
    with pytest.raises(DataError, match=r"holds no readable image - the first problem: .*a\.png is not a picture"):
        load(corrupt(tmp_path, "a", "b"))


@WORKERS
def test_pictures_may_vanish(tmp_path, no_memory, workers):
    data = load(grey(tmp_path / "all", a=1, b=2))
    stream = data.stream(([0, 1] for _ in count()), workers=workers)
    assert shades(next(stream)["image"]) == [1, 2]
    shutil.rmtree(tmp_path / "all")
    with pytest.raises(DataError, match=r"holds no readable image - the first problem: .* No such file") as caught:
        list(islice(stream, 10))  # what was read ahead comes first
    assert "\n" not in str(caught.value)


# --- workers ----------------------------------------------------------------------------------


def test_ctrl_c_is_not_for_workers(tmp_path, no_memory):
    """It reaches all processes of a terminal, but the trainer needs pictures until its step ends."""
    stream = load(grey(tmp_path, a=1)).stream(([0] for _ in count()), workers=2)
    next(stream), next(stream)  # one of each, so that both are at work
    for worker in multiprocessing.active_children():
        os.kill(worker.pid, signal.SIGINT)
    assert all(shades(next(stream)["image"]) == [1] for _ in range(20))


@pytest.mark.parametrize("cycle", [False, True])
def test_workers_end_with_the_batches(tmp_path, no_memory, cycle):
    """At once, even as part of a reference cycle, where a loader would wait 5 s for each worker."""
    batches = Batches(load(grey(tmp_path, a=1)), 1, seed=0, device=CPU, workers=2)
    next(batches)
    batches.myself = batches if cycle else None
    before = time.monotonic()
    del batches
    gc.collect()
    assert not multiprocessing.active_children()
    assert time.monotonic() - before < 8


@pytest.mark.skipif(multiprocessing.get_start_method() != "fork", reason="the worker has to inherit what kills it")
def test_a_worker_that_dies_is_an_error_of_one_line(tmp_path, no_memory, monkeypatch):
    data = load(grey(tmp_path, a=1))
    monkeypatch.setattr("ganzoo.data.picture_data.read_image", lambda *args, **kwargs: os._exit(1))
    with pytest.raises(DataError, match=rf"^reading pictures failed: .* worker \(pid.*{SHARED_MEMORY}"):
        next(data.stream(iter([[0]]), workers=1))


class Lost:
    """A batch that cannot be passed on, as in a container with a full /dev/shm."""

    def __reduce__(self):
        raise RuntimeError("unable to write to file </torch_7_1>: No space left on device (28)")


@pytest.mark.skipif(multiprocessing.get_start_method() != "fork", reason="the worker has to inherit the fault")
@pytest.mark.parametrize("batch", [0, pytest.param(3, marks=pytest.mark.long)])
def test_a_full_shared_memory_is_an_error_and_not_a_hang(tmp_path, no_memory, monkeypatch, capfd, batch):
    """The error happens in a thread of the worker, which would print it and go on."""
    pack = workers._pack
    data = load(grey(tmp_path, **{f"p{i}": i for i in range(9)}))
    monkeypatch.setattr(workers, "_pack", lambda pairs: Lost() if pairs[0][0].number == batch else pack(pairs))
    before = time.monotonic()
    stream = data.stream(iter([[i] for i in range(9)]), workers=2)
    assert len(list(islice(stream, batch))) == batch
    with pytest.raises(DataError, match=rf"^reading pictures failed: .*No space left on device.*{SHARED_MEMORY}"):
        next(stream)
    assert not multiprocessing.active_children()
    assert time.monotonic() - before < 20
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.long
def test_a_silent_worker_is_given_up(tmp_path, no_memory, monkeypatch):
    monkeypatch.setattr(workers, "LONGEST_BATCH", 1)
    data = load(grey(tmp_path, a=1))
    monkeypatch.setattr(picture_data, "read_image", lambda *args, **kwargs: time.sleep(60))
    with pytest.raises(DataError, match=rf"^reading pictures failed: .*timed out after 1 seconds.*{SHARED_MEMORY}"):
        next(data.stream(iter([[0]]), workers=1))


def test_a_large_batch_does_not_run_out_of_open_files(tmp_path, no_memory):
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    data = load(grey(tmp_path, a=1))
    resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/proc/self/fd")) + 100, limits[1]))
    try:
        batches = list(data.stream(iter([[0] * 300] * 3), workers=1))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert [len(batch["image"]) for batch in batches] == [300] * 3


# --- the digest -------------------------------------------------------------------------------


def test_the_digest_is_of_names_and_sizes_wherever_the_folder_is(tmp_path, no_memory, monkeypatch):
    data = load(grey(tmp_path / "here", a=1, b=2))
    before = data.digest()
    shutil.copytree(tmp_path / "here", tmp_path / "there")
    monkeypatch.chdir(tmp_path / "there")
    for folder in (tmp_path / "there", Path("../there"), Path(".")):
        assert load(folder).digest() == before
    assert load(tmp_path / "here", limit=1).digest() != before


@pytest.mark.parametrize("change", ["size", "name", "class", "one more", "one less"])
def test_the_digest_tells_folders_apart(tmp_path, no_memory, change):
    grey(tmp_path / "cats", a=1, b=2)
    grey(tmp_path / "dogs", a=3)
    picture, before = tmp_path / "cats" / "b.png", load(tmp_path).digest()
    if change == "size":
        picture.write_bytes(picture.read_bytes() + b"\0")
    elif change == "name":
        picture.rename(picture.with_name("c.png"))
    elif change == "class":
        picture.rename(tmp_path / "dogs" / "b.png")
    elif change == "one more":
        corrupt(tmp_path / "dogs", "b")
    else:
        picture.unlink()
    assert load(tmp_path).digest() != before


def test_a_link_to_nowhere_and_a_name_in_no_encoding_have_a_digest(tmp_path, no_memory):
    grey(tmp_path, a=1)
    (tmp_path / "b.png").symlink_to("nowhere")
    before = load(tmp_path).digest()
    shutil.copy(tmp_path / "a.png", tmp_path / os.fsdecode(b"\xff.png"))
    data = load(tmp_path)
    assert data.digest() != before
    assert shades(next(data.stream(iter([[0, 1, 2]])))["image"]) == [1, 1, 1]

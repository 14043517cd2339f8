"""Training data: folders and named sets into memory, and batches that follow from seed and position alone."""

from __future__ import annotations

import os
import struct
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest
import torch
from PIL import Image

from ganzoo.data import DATASETS, Batches, ImageData, load_data
from ganzoo.errors import DataError, InvalidRequestError, UnknownNameError

CPU = torch.device("cpu")


def grey(folder: Path, **shades: int) -> Path:
    """A folder of 4x4 pictures, each of one shade."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, shade in shades.items():
        Image.new("L", (4, 4), shade).save(folder / f"{name}.png")
    return folder


def load(folder: Path, shape: tuple[int, int, int] = (1, 4, 4), **options) -> ImageData:
    return load_data(str(folder), shape, root=folder / "unused", **options)


def shades(data: ImageData) -> list[int]:
    return data.images[:, 0, 0, 0].tolist()


# --- folders ----------------------------------------------------------------------------------


def test_a_folder_is_read_in_the_order_of_its_paths_with_all_subfolders(tmp_path):
    grey(tmp_path, b=20, a=10, c=30)
    grey(tmp_path / "b" / "deep", a=25)
    data = load(tmp_path)
    assert shades(data) == [10, 25, 20, 30]  # a, b/deep/a, b, c
    assert (data.images.dtype, data.images.shape) == (torch.uint8, (4, 1, 4, 4))
    assert (data.labels, data.classes, data.notes) == (None, (), ())
    assert data.name == str(tmp_path)


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
def test_all_pictures_of_a_folder_get_the_same_channels(tmp_path, mode, channels):
    Image.new("RGBA", (4, 4), (255, 0, 0, 51)).convert(mode).save(tmp_path / "a.png")
    data = load(tmp_path, (channels, 4, 4))
    opaque = {"L": {1: [76], 3: [76] * 3, 4: [76] * 3 + [255]}, "RGB": {1: [76], 3: [255, 0, 0], 4: [255, 0, 0, 255]}}
    laid = {1: [219], 3: [255, 204, 204], 4: [255, 0, 0, 51]}
    assert data.images[0, :, 2, 2].tolist() == {**opaque, "RGBA": laid}[mode][channels]
    assert data.notes == (("1 had transparency, laid on white",) if mode == "RGBA" and channels != 4 else ())


@pytest.mark.parametrize("size", [(12, 4), (4, 12), (13, 4)], ids=str)
def test_the_centre_is_kept(tmp_path, size):
    array = np.full((size[1], size[0]), 200, np.uint8)
    top, left = (size[1] - 4) // 2, (size[0] - 4) // 2
    array[top : top + 4, left : left + 4] = np.arange(16, dtype=np.uint8).reshape(4, 4)
    Image.fromarray(array).save(tmp_path / "a.png")
    data = load(tmp_path)
    assert data.images[0, 0].tolist() == np.arange(16).reshape(4, 4).tolist()
    assert data.notes == ("1 had another size, cropped and resized",)


def test_after_the_crop_comes_the_resize(tmp_path):
    """A 16x8 picture, whose outer quarters are bright, becomes the mean of its middle's blocks of four."""
    random = np.random.default_rng(0)
    array = np.full((8, 16), 255, np.uint8)
    array[:, 4:12] = np.kron(random.integers(0, 200, (4, 4)), np.ones((2, 2)))
    Image.fromarray(array).save(tmp_path / "a.png")
    found = load(tmp_path, (1, 4, 4)).images[0, 0]
    # The antialiasing triangle of half size takes 3/8 + 3/8 of the own block, 1/8 of each neighbour.
    middle = array[:, 4:12].astype(float)
    padded = np.pad(middle, 1, constant_values=np.nan)
    weights = np.array([1, 3, 3, 1])
    expected = np.empty((4, 4))
    for y, x in np.ndindex(4, 4):
        window = padded[2 * y : 2 * y + 4, 2 * x : 2 * x + 4]
        weight = np.outer(weights, weights) * ~np.isnan(window)
        expected[y, x] = np.nansum(window * weight) / weight.sum()
    assert np.abs(found.numpy() - expected).max() <= 1


def test_proportions_of_the_target_are_kept(tmp_path):
    array = np.zeros((8, 8), np.uint8)
    array[2:6] = 100  # the middle of 4x8 that is to remain
    Image.fromarray(array).save(tmp_path / "a.png")
    data = load(tmp_path, (1, 4, 8))
    assert (data.images == 100).all()
    assert data.images.shape == (1, 1, 4, 8)


@pytest.mark.parametrize("size", [(1, 1), (1, 50), (50, 1), (3, 2)], ids=str)
def test_tiny_and_thin_pictures_are_enlarged(tmp_path, size):
    Image.new("L", size, 77).save(tmp_path / "a.png")
    assert (load(tmp_path, (1, 16, 16)).images == 77).all()


def test_what_cannot_be_read_is_skipped_and_counted(tmp_path):
    grey(tmp_path, b=10, d=20)
    (tmp_path / "a.png").write_bytes(b"no picture")
    (tmp_path / "c.png").mkdir()
    (tmp_path / "e.png").symlink_to("nowhere")
    os.mkfifo(tmp_path / "f.png")
    (tmp_path / "notes.txt").write_text("not looked at")
    data = load(tmp_path)
    assert shades(data) == [10, 20]
    assert len(data.notes) == 1
    assert data.notes[0].startswith(f"4 skipped, the first: {tmp_path / 'a.png'} is not a picture")


def test_changes_are_counted(tmp_path):
    for i in range(3):
        Image.new("RGBA", (4, 4), (0, 0, 0, 50 * i)).save(tmp_path / f"{i}.png")
    Image.new("CMYK", (4, 4)).save(tmp_path / "4.jpg")
    Image.new("L", (5, 4)).save(tmp_path / "5.png")
    assert set(load(tmp_path).notes) == {
        "3 had transparency, laid on white",
        "1 had CMYK colours, converted without a profile",
        "1 had another size, cropped and resized",
    }


def test_endings_may_be_upper_case(tmp_path):
    Image.new("L", (4, 4), 9).save(tmp_path / "A.PNG")
    assert shades(load(tmp_path)) == [9]


@pytest.mark.parametrize(("limit", "expected"), [(1, [10]), (2, [10, 20]), (9, [10, 20, 30]), (None, [10, 20, 30])])
def test_the_limit_counts_readable_pictures(tmp_path, limit, expected):
    grey(tmp_path, b=10, c=20, d=30)
    (tmp_path / "a.png").write_bytes(b"")
    assert shades(load(tmp_path, limit=limit)) == expected


@pytest.mark.parametrize("limit", [0, -1])
def test_a_limit_is_positive(tmp_path, limit):
    with pytest.raises(InvalidRequestError, match=f"not {limit}"):
        load(grey(tmp_path, a=1), limit=limit)


def test_a_folder_without_pictures_is_an_error(tmp_path):
    (tmp_path / "a.txt").write_text("text")
    with pytest.raises(DataError, match=r"holds no readable image - looked for \.bmp, \.gif"):
        load(tmp_path)
    (tmp_path / "b.png").write_bytes(b"")
    with pytest.raises(DataError, match=r"holds no readable image - the first problem: .*b\.png is not a picture"):
        load(tmp_path)


def test_neither_a_folder_nor_a_name(tmp_path):
    (tmp_path / "file").touch()
    for source in (tmp_path / "missing", tmp_path / "file"):
        with pytest.raises(UnknownNameError, match="neither a folder nor a data set"):
            load_data(str(source), (1, 4, 4), root=tmp_path)
    with pytest.raises(UnknownNameError, match="did you mean fashion-mnist"):
        load_data("fashion_mnist", (1, 4, 4), root=tmp_path)


# --- named sets -------------------------------------------------------------------------------


def idx(array: np.ndarray) -> bytes:
    """MNIST's own format: unsigned bytes."""
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.astype(np.uint8).tobytes()


@pytest.fixture
def mnist(tmp_path):
    """A Fashion-MNIST of three images, where torchvision looks for it."""
    folder = tmp_path / "FashionMNIST" / "raw"
    folder.mkdir(parents=True)
    images = np.stack([np.full((28, 28), 80 * i) for i in range(3)])
    for part in ("train", "t10k"):
        (folder / f"{part}-images-idx3-ubyte").write_bytes(idx(images))
        (folder / f"{part}-labels-idx1-ubyte").write_bytes(idx(np.array([9, 0, 3])))
    return tmp_path


def test_a_named_set_has_labels_and_classes(mnist, capsys):
    data = load_data("fashion-mnist", (1, 28, 28), root=mnist)
    assert shades(data) == [0, 80, 160]
    assert data.labels.tolist() == [9, 0, 3]
    assert data.labels.dtype == torch.int64
    assert data.classes[9] == "Ankle boot"
    assert data.notes == ()
    assert capsys.readouterr().out == ""


def test_a_named_set_is_fitted_to_the_shape_and_says_so(mnist):
    data = load_data("fashion-mnist", (3, 32, 32), root=mnist, limit=2)
    assert data.images.shape == (2, 3, 32, 32)
    assert (data.images[1] == 80).all()
    assert data.labels.tolist() == [9, 0]
    assert data.notes == ("images are 1x28x28 and were made 3x32x32",)


def test_colour_sets_are_turned_channels_first(monkeypatch, tmp_path):
    class CIFAR10:
        def __init__(self, root, download):
            self.data = np.arange(2 * 32 * 32 * 3, dtype=np.uint32).astype(np.uint8).reshape(2, 32, 32, 3)
            self.targets = [1, 0]
            self.classes = ["airplane", "automobile"]

    monkeypatch.setattr("torchvision.datasets.CIFAR10", CIFAR10)
    data = load_data("cifar10", (3, 32, 32), root=tmp_path)
    assert data.images[0, :, 0, 1].tolist() == [3, 4, 5]
    assert data.labels.tolist() == [1, 0]


def test_a_set_that_is_neither_here_nor_to_be_had(monkeypatch, tmp_path, capsys):
    def unreachable(*args, **kwargs):
        raise URLError("no route to host")

    monkeypatch.setattr("torchvision.datasets.mnist.download_and_extract_archive", unreachable)
    with pytest.raises(DataError, match=r"mnist is not in .* --data-dir") as caught:
        load_data("mnist", (1, 28, 28), root=tmp_path)
    assert "\n" not in str(caught.value)
    assert capsys.readouterr().out == ""


def test_every_known_set_exists_in_torchvision():
    from torchvision import datasets

    assert all(hasattr(datasets, source.kind) for source in DATASETS.values())


# --- batches ----------------------------------------------------------------------------------


def numbered(count: int, *, labelled: bool = True) -> ImageData:
    """Image i is of shade i and has label 100 + i."""
    images = torch.arange(count, dtype=torch.uint8).view(-1, 1, 1, 1).expand(-1, 1, 2, 2).contiguous()
    return ImageData("numbers", images, torch.arange(count) + 100 if labelled else None, (), ())


def numbers(batch) -> list[int]:
    return batch["image"][:, 0, 0, 0].add(1).mul(127.5).round().int().tolist()


def stream(data: ImageData, size: int, count: int, *, seed: int = 0) -> list[int]:
    """The first `count` numbers."""
    batches = Batches(data, size, seed=seed, device=CPU)
    found: list[int] = []
    while len(found) < count:
        found += numbers(next(batches))
    return found[:count]


@pytest.mark.parametrize("size", [1, 3, 10, 11, 25])
def test_every_epoch_shows_every_image_once(size):
    """Whatever the batch size: batches cross epochs, and may be larger than the data set."""
    shown = stream(numbered(10), size, 50)
    epochs = [shown[i : i + 10] for i in range(0, 50, 10)]
    assert all(sorted(epoch) == list(range(10)) for epoch in epochs)
    assert len(set(map(tuple, epochs))) == 5  # each in an order of its own


def test_the_order_does_not_depend_on_the_batch_size():
    orders = {tuple(stream(numbered(10), size, 60)) for size in (1, 4, 10, 60)}
    assert len(orders) == 1


def test_the_order_depends_on_the_seed_alone():
    torch.manual_seed(1)
    first = stream(numbered(50), 5, 50)
    torch.manual_seed(2)
    assert stream(numbered(50), 5, 50) == first
    assert stream(numbered(50), 5, 50, seed=1) != first


def test_batches_leave_the_global_randomness_alone():
    state = torch.get_rng_state()
    stream(numbered(10), 4, 40)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("position", [0, 4, 7, 10, 12, 23, 40])
@pytest.mark.parametrize("size", [4, 25])
def test_setting_the_position_continues_exactly(position, size):
    whole = stream(numbered(10), 1, position + 2 * size)
    batches = Batches(numbered(10), size, seed=0, device=CPU)
    next(batches)  # a used one is set as well as a new one
    batches.position = position
    assert numbers(next(batches)) + numbers(next(batches)) == whole[position:]
    assert batches.position == position + 2 * size


def test_labels_follow_their_images():
    batches = Batches(numbered(10), 4, seed=0, device=CPU)
    for _ in range(10):
        batch = next(batches)
        assert batch["label"].tolist() == [100 + number for number in numbers(batch)]


def test_without_labels_there_is_no_label():
    assert set(next(Batches(numbered(3, labelled=False), 2, seed=0, device=CPU))) == {"image"}


def test_values_span_minus_one_to_one():
    data = ImageData("x", torch.tensor([0, 51, 255], dtype=torch.uint8).view(3, 1, 1, 1), None, (), ())
    image = next(Batches(data, 3, seed=0, device=CPU))["image"]
    assert image.dtype == torch.float32
    assert sorted(image.ravel().tolist()) == pytest.approx([-1, -0.6, 1])
    assert data.images.ravel().tolist() == [0, 51, 255]  # the data set is untouched

"""Loading data sets: folders, torchvision's sets by name, two domains; and the errors."""

from __future__ import annotations

import gzip
import os
import struct
import time
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest
import torch
from PIL import Image

from ganzoo.data.batches import Batches
from ganzoo.data.datasets import Domains, ImageData
from ganzoo.data.load import load_data
from ganzoo.errors import DataError, InvalidRequestError, UnknownNameError
from ganzoo.registry import lookup
from pictures import corrupt, grey


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
    # The antialiasing triangle of half size takes 3/8 + 3/8 of the own block, 1/8 of each neighbor.
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
    assert len(data.notes) == 2
    assert data.notes[0].startswith(f"4 skipped, the first: {tmp_path / 'a.png'} is not a picture")
    assert data.notes[1] == f"1 left out, because they are no pictures (.txt): {tmp_path / 'notes.txt'}"


def test_changes_are_counted(tmp_path):
    for i in range(3):
        Image.new("RGBA", (4, 4), (0, 0, 0, 50 * i)).save(tmp_path / f"{i}.png")
    Image.new("CMYK", (4, 4)).save(tmp_path / "4.jpg")
    Image.new("L", (5, 4)).save(tmp_path / "5.png")
    assert set(load(tmp_path).notes) == {
        "3 had transparency, laid on white",
        "1 had CMYK colors, converted without a profile",
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


@pytest.mark.parametrize(
    ("limit", "expected"),
    [(None, [(0, 3), (1, 3), (2, 3), (2, 2)]), (2, [(0, 2), (1, 2), (2, 2)]), (1, [(0, 1), (1, 1)])],
)
def test_it_is_told_how_many_are_read_and_when_all_are(tmp_path, limit, expected):
    grey(corrupt(tmp_path, "a", "d"), b=10, c=20)
    told = []
    load(tmp_path, limit=limit, progress=lambda what, done, total: told.append((done, total)))
    assert told == expected


@pytest.mark.parametrize("limit", [0, -1])
def test_a_limit_is_positive(tmp_path, limit):
    with pytest.raises(InvalidRequestError, match=f"not {limit}"):
        load(grey(tmp_path, a=1), limit=limit)


def test_a_folder_without_pictures_is_an_error(tmp_path):
    (tmp_path / "a.txt").write_text("text")
    with pytest.raises(DataError, match=r"holds no readable image - looked for \.apng, \.avif, \.bmp, \.gif"):
        load(tmp_path)
    (tmp_path / "b.png").write_bytes(b"")
    with pytest.raises(DataError, match=r"holds no readable image - the first problem: .*b\.png is not a picture"):
        load(tmp_path)


@pytest.mark.parametrize("source", ["", "~no-such-user/faces", "x" * 300, "a\0b"], ids=["none", "user", "long", "null"])
def test_what_cannot_even_be_a_path(tmp_path, source):
    with pytest.raises(UnknownNameError, match="neither a folder nor a data set"):
        load_data(source, (1, 4, 4), root=tmp_path)


def test_neither_a_folder_nor_a_name(tmp_path):
    (tmp_path / "file").touch()
    for source in (tmp_path / "missing", tmp_path / "file"):
        with pytest.raises(UnknownNameError, match="neither a folder nor a data set"):
            load_data(str(source), (1, 4, 4), root=tmp_path)
    with pytest.raises(UnknownNameError, match="did you mean fashion-mnist"):
        load_data("fashion_mnist", (1, 4, 4), root=tmp_path)


@pytest.mark.parametrize("source", ["faces", "./faces", "~/faces", "."])
def test_a_folder_may_be_relative_or_at_home(tmp_path, monkeypatch, source):
    grey(tmp_path / "faces", a=7)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    data = load_data(source, (1, 4, 4))
    assert shades(data) == [7]
    assert data.name == source


# --- named sets -------------------------------------------------------------------------------


def idx(array: np.ndarray) -> bytes:
    """MNIST's own format: unsigned bytes."""
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.astype(np.uint8).tobytes()


@pytest.fixture
def mnist(tmp_path):
    """A Fashion-MNIST with three images, in torchvision's layout."""
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
    text = "the limit of 2 leaves 8 of 10 classes without images: Trouser, Pullover, Dress, Coat, Sandal, ..."
    assert data.notes == ("images were converted from 1x28x28 to 3x32x32", text)


def test_a_named_set_is_cropped_to_the_proportions(mnist):
    """The middle half of the rows, which become brighter by 9 from one to the next."""
    rows = np.tile(9 * np.arange(28)[:, None], (1, 28))
    (mnist / "FashionMNIST/raw/train-images-idx3-ubyte").write_bytes(idx(np.stack([rows] * 3)))
    data = load_data("fashion-mnist", (1, 14, 28), root=mnist)
    assert data.images[0, 0, :, 5].tolist() == [9 * row for row in range(7, 21)]


def test_color_sets_are_turned_channels_first(monkeypatch, tmp_path):
    class CIFAR10:
        def __init__(self, root, download, train):
            assert train
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

    monkeypatch.setattr("ganzoo_datasets.torchvision_sets.check_reachable", lambda urls: None)
    monkeypatch.setattr("torchvision.datasets.mnist.download_and_extract_archive", unreachable)
    with pytest.raises(DataError, match=r"mnist is not in .* --data-dir") as caught:
        load_data("mnist", (1, 28, 28), root=tmp_path)
    assert "\n" not in str(caught.value)
    assert f"mnist is not in {tmp_path / 'MNIST/raw'} and" in str(caught.value)
    assert "name the folder that holds MNIST/raw with --data-dir" in str(caught.value)
    assert capsys.readouterr().out == ""
    assert list(tmp_path.iterdir()) == []


def test_a_silent_host_is_given_up_after_five_seconds(monkeypatch, tmp_path):
    """A resolver may take 30 s to say that there is no host of that name."""
    monkeypatch.setattr("ganzoo_datasets.downloads.LONGEST_ANSWER", 0.2)
    monkeypatch.setattr("ganzoo_datasets.downloads.urlopen", lambda *args, **options: time.sleep(3))
    begin = time.monotonic()
    with pytest.raises(DataError, match=r"could not be downloaded .*no answer within"):
        load_data("mnist", (1, 28, 28), root=tmp_path)
    assert time.monotonic() - begin < 2
    assert list(tmp_path.iterdir()) == []


def test_archives_that_are_there_are_used_as_they_are(mnist):
    folder = mnist / "FashionMNIST" / "raw"
    for file in list(folder.iterdir()):
        (folder / f"{file.name}.gz").write_bytes(gzip.compress(file.read_bytes()))
        file.unlink()
    assert shades(load_data("fashion-mnist", (1, 28, 28), root=mnist)) == [0, 80, 160]


def test_every_known_set_exists_in_torchvision():
    from torchvision import datasets

    sources = [each for each in lookup.registry().data_sources.values() if "test" in each.splits]
    assert len(sources) == 6
    for each in sources:
        kept = each.load().args[0]
        assert hasattr(datasets, kept.kind)
        assert kept.folder == each.folder


@pytest.fixture
def celeba(tmp_path, monkeypatch):
    """A CelebA with five pictures in torchvision's layout. The second and the fifth are not for training."""
    folder = tmp_path / "celeba"
    (folder / "img_align_celeba").mkdir(parents=True)
    names = [f"{i:06d}.jpg" for i in range(1, 6)]
    random = np.random.default_rng(0)
    for name in names:
        coarse = Image.fromarray(random.integers(0, 256, (12, 10, 3), dtype=np.uint8))
        coarse.resize((178, 218)).save(folder / "img_align_celeba" / name)
    for file, values, header in [
        ("list_eval_partition.txt", "{split}", ""),
        ("identity_CelebA.txt", "{split}", ""),
        ("list_attr_celeba.txt", "-1  1", "5\nBald Young\n"),
        ("list_bbox_celeba.txt", "1 2 3 4", "5\nimage_id x_1 y_1 width height\n"),
        ("list_landmarks_align_celeba.txt", "1 2", "5\nlefteye_x lefteye_y\n"),
    ]:
        lines = [f"{name} {values.format(split=int(i in (1, 4)))}\n" for i, name in enumerate(names)]
        (folder / file).write_text(header + "".join(lines))
    monkeypatch.setattr("torchvision.datasets.celeba.check_integrity", lambda path, md5: os.path.isfile(path))
    return tmp_path


def test_celeba_is_its_training_part_cropped_to_the_centre(celeba):
    data = load_data("celeba", (3, 64, 64), root=celeba)
    assert (data.images.shape, data.images.dtype) == ((3, 3, 64, 64), torch.uint8)
    assert (data.name, data.labels, data.classes) == ("celeba", None, ())
    assert data.notes == ("3 had another size, cropped and resized",)
    for image, number in zip(data.images, (1, 3, 4), strict=True):
        with Image.open(celeba / "celeba" / "img_align_celeba" / f"{number:06d}.jpg") as picture:
            middle = picture.crop((0, 20, 178, 198)).resize((64, 64), Image.Resampling.BILINEAR)
        assert np.abs(image.permute(1, 2, 0).numpy().astype(int) - np.asarray(middle)).max() <= 1


def test_celeba_may_be_at_home_and_skips_what_is_missing(celeba, monkeypatch):
    monkeypatch.setenv("HOME", str(celeba))
    (celeba / "celeba" / "img_align_celeba" / "000001.jpg").unlink()
    told = []
    data = load_data(
        "celeba", (3, 8, 8), root="~", limit=1, progress=lambda what, done, total: told.append((done, total))
    )
    assert len(data) == 1
    assert told[-1] == (1, 1)
    assert "000001.jpg cannot be read: No such file" in data.notes[0]


def test_celeba_that_is_not_whole_is_fetched_or_said_to_be_missing(celeba, monkeypatch):
    def unreachable(*args):
        raise RuntimeError("To download files from GDrive, 'gdown' is required.\nYou can install it with pip.")

    (celeba / "celeba" / "list_attr_celeba.txt").unlink()
    monkeypatch.setattr("torchvision.datasets.celeba.download_file_from_google_drive", unreachable)
    with pytest.raises(DataError, match=r"celeba is not in .*'gdown' is required.* --data-dir") as caught:
        load_data("celeba", (3, 64, 64), root=celeba)
    assert "\n" not in str(caught.value)


# --- domains ----------------------------------------------------------------------------------


def domains(folder: Path, **options) -> Domains:
    return load_data(str(folder), (1, 4, 4), parts=("a", "b"), **options)


def test_two_folders_are_two_domains(tmp_path):
    grey(tmp_path / "trainA", a=1, b=2, c=3)
    grey(corrupt(tmp_path / "trainB", "a"), b=20)
    data = domains(tmp_path)
    assert {key: shades(part) for key, part in data.parts.items()} == {"a": [1, 2, 3], "b": [20]}
    assert (len(data), data.name, data.classes) == (3, str(tmp_path), ())
    assert len(data.notes) == 1
    assert data.notes[0].startswith("b: 1 skipped, the first: ")
    assert {key: len(part) for key, part in domains(tmp_path, limit=2).parts.items()} == {"a": 2, "b": 1}


def test_domains_have_no_labels_in_common(tmp_path):
    for domain in ("trainA", "trainB"):
        for kind in ("cats", "dogs"):
            grey(tmp_path / domain / kind, x=1)
    assert set(next(Batches(domains(tmp_path), 2, seed=0, device=torch.device("cpu")))) == {"a", "b"}


@pytest.mark.parametrize(
    ("there", "missing"),
    [([], "no trainA and no trainB"), (["trainA"], "no trainB"), (["trainB", "testA"], "no trainA")],
)
def test_without_both_domains_it_says_what_is_wanted(tmp_path, there, missing):
    for name in there:
        grey(tmp_path / name, a=1)
    with pytest.raises(DataError) as caught:
        domains(tmp_path)
    assert str(caught.value) == f"{tmp_path} has {missing} - unpaired training needs a folder with trainA and trainB"


def test_a_named_set_has_no_domains(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=r"^mnist has no trainA and no trainB - .* with trainA and trainB$"):
        domains(Path("mnist"))
    with pytest.raises(UnknownNameError, match="neither a folder nor a data set"):
        domains(tmp_path / "missing")
    grey(tmp_path / "trainA", a=1)
    corrupt(tmp_path / "trainB", "a")
    with pytest.raises(DataError, match=r"trainB holds no readable image"):
        domains(tmp_path)

"""Pairs of pictures: which they are, and that both pictures of a pair stay together."""

import pytest
import torch
from PIL import Image

from ganzoo.data import folders
from ganzoo.data.batches import Batches
from ganzoo.data.load import load_data
from ganzoo.data.pairs import Pairs
from ganzoo.errors import DataError, UnreadableImage
from ganzoo.images.files import read_halves

COUNT = 6


def gradient(number, start):
    """A gray picture of 8x8 that differs from its mirror image, in shades that tell its number."""
    picture = Image.new("L", (8, 8), start + 10 * number)
    picture.paste(start + 10 * number + 5, (0, 0, 3, 8))
    return picture


@pytest.fixture(params=["two folders", "halves", "halves in train"])
def paired(request, tmp_path):
    """Pictures of 8x8: those of b are brighter by 100 than their partners."""
    for number in range(COUNT):
        a, b = gradient(number, 0), gradient(number, 100)
        if request.param == "two folders":
            for folder, picture, ending in (("trainA", a, "png"), ("trainB", b, "bmp")):
                (tmp_path / folder).mkdir(exist_ok=True)
                picture.save(tmp_path / folder / f"{number}.{ending}")
        else:
            folder = tmp_path / ("train" if "train" in request.param else "")
            folder.mkdir(exist_ok=True)
            both = Image.new("L", (16, 8))
            both.paste(a, (0, 0))
            both.paste(b, (8, 0))
            both.save(folder / f"{number}.png")
    return tmp_path


def load(folder, side=8, **options):
    data = load_data(str(folder), (1, side, side), parts=("a", "b"), paired=True, **options)
    assert isinstance(data, Pairs)
    return data


def batches(data, **options):
    return Batches(data, 4, seed=3, device=torch.device("cpu"), **options)


@pytest.mark.parametrize("in_memory", [True, False])
def test_pairs_stay_together(paired, in_memory, monkeypatch):
    if not in_memory:
        monkeypatch.setattr(folders, "MEMORY_BYTES", 0)
    stream = batches(load(paired), mirror=True, crop=8 / 6)
    orders = []
    for _ in range(5):
        batch = next(stream)
        assert batch["a"].shape == batch["b"].shape == (4, 1, 6, 6)
        torch.testing.assert_close(batch["b"] - batch["a"], torch.full((4, 1, 6, 6), 100 / 127.5))
        orders.append(batch["a"])
    stream.position = 8
    assert torch.equal(next(stream)["a"], orders[2])


def test_it_has_two_parts_of_equal_length(paired):
    data = load(paired)
    assert len(data) == len(data.parts["a"]) == len(data.parts["b"]) == COUNT
    (first,) = data.parts["b"].stream(iter([[0]]))
    assert int(first["image"].min()) == 100


def test_a_limit_counts_pairs(paired):
    assert len(load(paired, limit=2)) == 2


def test_pictures_are_resized_together(paired):
    batch = next(batches(load(paired, side=4)))
    torch.testing.assert_close(batch["b"] - batch["a"], torch.full((4, 1, 4, 4), 100 / 127.5))


def test_a_damaged_picture_takes_its_partner_with_it(paired):
    folder = next((paired / name for name in ("trainB", "train") if (paired / name).is_dir()), paired)
    damaged = sorted(folder.iterdir())[1]
    damaged.write_bytes(b"no picture")
    data = load(paired)
    assert len(data) == COUNT - 1
    assert any(damaged.name in note for note in data.notes)
    batch = next(batches(data))
    torch.testing.assert_close(batch["b"] - batch["a"], torch.full((4, 1, 8, 8), 100 / 127.5))


def test_a_picture_without_a_partner_is_named(tmp_path):
    for folder, names in (("trainA", "12"), ("trainB", "1")):
        (tmp_path / folder).mkdir()
        for name in names:
            gradient(0, 0).save(tmp_path / folder / f"{name}.png")
    with pytest.raises(DataError, match=r"trainA/2\.png has no partner in .*trainB - give both"):
        load(tmp_path)


def test_what_is_left_out_of_either_folder_is_noted(tmp_path):
    for folder, other in (("trainA", ".old.png"), ("trainB", "read.me")):
        (tmp_path / folder).mkdir()
        gradient(0, 0).save(tmp_path / folder / "1.png")
        (tmp_path / folder / other).touch()
    hidden, readme = load(tmp_path).notes
    assert hidden.endswith(f"the first: {tmp_path / 'trainA' / '.old.png'}")
    assert readme.endswith(f"no pictures (.me): {tmp_path / 'trainB' / 'read.me'}")


def test_a_data_set_by_name_has_no_pairs():
    with pytest.raises(DataError, match="mnist has no pairs - name a folder or an archive with trainA and trainB"):
        load("mnist")


def test_another_partner_is_other_data(tmp_path):
    digests = set()
    for shade in (100, 130):
        for folder, start in (("trainA", 0), ("trainB", shade)):
            (tmp_path / folder).mkdir(exist_ok=True)
            gradient(0, start).save(tmp_path / folder / "0.png")
        digests.add(load(tmp_path).digest())
    assert len(digests) == 2


def test_halves_of_an_upright_picture(tmp_path):
    """EXIF data turns the whole picture, not each half."""
    exif = Image.Exif()
    exif[0x0112] = 6  # stored with its left side up
    stored = Image.new("L", (8, 16), 0)
    stored.paste(200, (0, 0, 8, 8))
    stored.save(tmp_path / "pair.png", exif=exif)
    left, right = read_halves(tmp_path / "pair.png", channels=1, size=(8, 8))
    assert left.pixels.unique().tolist() != right.pixels.unique().tolist()


def test_a_picture_of_one_column_has_no_halves(tmp_path):
    Image.new("L", (1, 8)).save(tmp_path / "thin.png")
    with pytest.raises(UnreadableImage, match="has no two halves"):
        read_halves(tmp_path / "thin.png", channels=1, size=(8, 8))

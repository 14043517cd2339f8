"""Images of any size for a network that takes only some sizes: padding, cropping, tiles, batches and resizing."""

from dataclasses import dataclass

import pytest
import torch
from PIL import Image
from torch import nn
from torch.nn.functional import pad

import ganzoo
from ganzoo import ImageToImage, Model
from ganzoo.errors import InvalidRequestError, NonFiniteError, UnreadableImage
from ganzoo.images.tensors import from_pixels, to_pictures
from ganzoo.sampling.sources import batched, source_image
from ganzoo.sampling.tiling import check_tile, translate_batch


@dataclass(frozen=True)
class Config:
    """Sides are multiples of 4, from 8 on."""

    image_shape: tuple[int, int, int] = (3, 16, 16)
    size_multiple: int = 4
    minimum_size: int = 8
    directions: tuple[str, ...] = ("a2b",)


SIZES = [(8, 8), (65, 63), (1, 1), (2, 3), (5, 40), (16, 16), (9, 10)]


def noise(*size, channels=3, seed=0):
    return torch.rand(channels, *size, generator=torch.Generator().manual_seed(seed)) * 2 - 1


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_the_network_sees_what_it_takes_and_the_size_is_kept(size):
    seen = []

    def network(images):
        seen.append(tuple(images.shape[2:]))
        return -images

    images = noise(*size)[None]
    assert torch.equal(translate_batch(images, network, Config()), -images)
    [(height, width)] = seen
    assert height % 4 == width % 4 == 0
    assert (height, width) == tuple(max(8, -(-side // 4) * 4) for side in size)


def test_padding_is_by_reflection():
    images = noise(9, 14)[None]
    seen = []
    translate_batch(images, lambda x: seen.append(x) or x, Config())
    assert torch.equal(seen[0], pad(images, (1, 1, 1, 2), mode="reflect"))


def test_what_is_smaller_than_its_padding_is_reflected_again_and_again():
    images = torch.tensor([[[[1.0, 2.0, 3.0]]]])
    seen = []
    translate_batch(images, lambda x: seen.append(x) or x, Config())
    assert seen[0][0, 0, 0].tolist() == [3, 2, 1, 2, 3, 2, 1, 2]
    assert (seen[0] == seen[0][:, :, :1]).all()


@pytest.mark.parametrize("size", [(64, 64), (65, 130), (16, 100), (5, 5), (33, 32)], ids=str)
def test_tiles_of_what_looks_at_single_pixels_are_the_whole(size):
    images = noise(*size)[None]
    seen = []

    def network(part):
        seen.append(tuple(part.shape[2:]))
        return part.sin()

    made = translate_batch(images, network, Config(), tile=32)
    assert torch.allclose(made, images.sin(), atol=1e-6)
    assert all(max(sides) <= 32 and sides[0] % 4 == sides[1] % 4 == 0 for sides in seen)


def test_tiles_leave_no_seams():
    """If a network adds another constant to each tile, neighboring pixels of the result still differ by little."""
    number = iter(range(100))
    made = translate_batch(torch.zeros(1, 3, 160, 160), lambda part: part + next(number) % 2, Config(), tile=64)
    steps = torch.cat([made.diff(dim=2).flatten(), made.diff(dim=3).flatten()]).abs()
    assert made.max() > 0.9
    assert made.min() < 0.1
    assert steps.max() < 0.1


@pytest.mark.parametrize("tile", [0, 4, 17, 24, -16])
def test_tiles_that_cannot_be(tile):
    with pytest.raises(InvalidRequestError, match=rf"multiple of 16 and at least 8, not {tile}"):
        check_tile(tile, Config())


def test_neighbors_of_one_size_share_a_batch():
    sizes = [(8, 8)] * 3 + [(8, 9)] + [(8, 8)] * 2
    batches = list(batched((noise(*size) for size in sizes), 2))
    assert [tuple(batch.shape) for batch in batches] == [
        (2, 3, 8, 8),
        (1, 3, 8, 8),
        (1, 3, 8, 9),
        (2, 3, 8, 8),
    ]


class Negative(ganzoo.GAN):
    """Turns an image into its negative."""

    published = ("generator",)

    def __init__(self, factor=-1.0):
        super().__init__()
        self.generator = nn.Linear(1, 1)
        self.factor = factor

    def optimizers(self):
        return {}

    def training_step(self, batches):
        yield from ()

    def draw(self, request, random):
        if request.direction not in (None, "a2b"):
            raise InvalidRequestError(f"no direction {request.direction}")
        return {"a": request.image}

    def generate(self, inputs):
        return inputs["a"] * self.factor


@pytest.fixture
def model():
    return Model(Negative(), ImageToImage, Config(), name="negative")


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "a.png"
    Image.new("RGB", (13, 7), (255, 0, 51)).save(path)
    return path


def test_a_path_and_a_picture_give_a_picture(model, picture):
    with Image.open(picture) as opened:
        made = [model.translate(picture), model.translate(str(picture)), model.translate(opened)]
    for each in made:
        assert (each.size, each.mode, each.getpixel((5, 5))) == ((13, 7), "RGB", (0, 255, 204))


def test_a_list_gives_a_list(model, picture):
    image = noise(9, 9)
    made = model.translate([picture, image, picture], batch_size=2)
    assert isinstance(made[0], Image.Image)
    assert torch.equal(made[1], -image)
    assert made[2].size == (13, 7)


def test_a_batch_gives_a_batch(model):
    images = torch.stack([noise(9, 5, seed=seed) for seed in range(3)])
    assert torch.equal(model.translate(images), -images)


def test_memory_does_not_grow_with_the_number_of_images(model):
    """The second batch is read after the first is done."""
    asked = []

    def sources():
        for number in range(1000):
            asked.append(number)
            yield noise(8, 8)

    made = model.translations(sources(), batch_size=2)
    next(made)
    assert len(asked) <= 3


@pytest.mark.parametrize(("size", "expected"), [((13, 7), (30, 16)), ((7, 13), (16, 30)), ((8, 8), (16, 16))])
def test_the_shorter_side_is_resized(model, tmp_path, size, expected):
    Image.new("RGB", size).save(tmp_path / "a.png")
    assert model.translate(tmp_path / "a.png", resize=16).size == expected


@pytest.mark.parametrize(("size", "expected"), [((7, 13), (16, 30)), ((13, 7), (30, 16)), ((64, 48), (21, 16))])
def test_tensors_are_resized_as_pictures_are(model, size, expected):
    """Except for the rounding to bytes."""
    pixels = torch.randint(0, 256, (3, *size), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    image = from_pixels(pixels)
    made = model.translate(image, resize=16)
    assert made.shape == (3, *expected)
    assert made.abs().max() <= 1
    picture = source_image(to_pictures(image[None])[0], 3, 16)
    assert (source_image(image, 3, 16) - picture).abs().max() <= 1.01 / 127.5
    assert torch.equal(made, -source_image(image, 3, 16))


def test_resized_tensors_stay_in_their_range():
    for value in (-1.0, 1.0):
        resized = source_image(torch.full((3, 50, 37), value), 3, 11)
        assert torch.allclose(resized, torch.tensor(value))
        assert resized.abs().max() <= 1
    stripes = torch.tensor([-1.0, 1.0]).repeat(32).expand(3, 64, 64)
    assert source_image(stripes, 3, 16).abs().max() < 0.3, "antialiased: black and white become gray"


def test_a_batch_is_resized(model):
    images = torch.stack([noise(20, 40, seed=seed) for seed in range(3)])
    made = model.translate(images, resize=8)
    assert made.shape == (3, 3, 8, 16)
    assert torch.equal(made[1], model.translate(images[1], resize=8))


@pytest.mark.parametrize("resize", [0, -3, 2.5, True])
def test_a_side_that_cannot_be(model, picture, resize):
    for images in (picture, noise(9, 9), noise(9, 9)[None], [picture], []):
        with pytest.raises(InvalidRequestError, match=f"whole number of at least 1, not {resize}$") as caught:
            model.translate(images, resize=resize)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("image", [3, torch.zeros(1, 4, 4), torch.zeros(4, 4), torch.zeros(3, 4, 4).byte()], ids=repr)
def test_what_is_no_image(model, image):
    with pytest.raises(InvalidRequestError, match=r"an image is a path, a picture, or floats \(3, H, W\)"):
        model.translate(image)


def test_what_cannot_be_read(model, tmp_path):
    (tmp_path / "a.png").write_text("no picture")
    with pytest.raises(UnreadableImage, match="is not a picture"):
        model.translate(tmp_path / "a.png")
    with pytest.raises(UnreadableImage, match="floating-point"):
        source_image(Image.new("F", (4, 4), 2), 3)


def test_bad_requests_are_refused(model):
    image = noise(8, 8)
    for options in ({"direction": "b2a"}, {"tile": 5}, {"batch_size": 0}):
        with pytest.raises(InvalidRequestError):
            model.translate(image, **options)
    unconditional = Model(Negative(), ganzoo.Unconditional, Config())
    with pytest.raises(InvalidRequestError, match="takes no direction - it is unconditional"):
        unconditional.translate(image)


def test_non_finite_translations_are_refused():
    broken = Model(Negative(float("nan")), ImageToImage, Config())
    with pytest.raises(NonFiniteError):
        broken.translate(noise(8, 8))


# --- too large for one piece -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "options", "told"),
    [
        (
            (50_994, 40),
            {},
            "is 50994 pixels wide and 40 high, and .* fit in one piece - translate it in tiles with --tile",
        ),
        ((2100, 2100), {}, "is 2100 pixels wide and 2100 high, and 4,194,304 pixels"),
        ((50_994, 40), {"shorter_side": 256}, "resized, is 326362 pixels wide and 256 high, and"),
        (
            (50_994, 40),
            {"shorter_side": 2048, "tiled": True},
            "resized, is 2610893 pixels wide and 2048 high, over 89,478,485",
        ),
    ],
    ids=["wide", "large", "resized", "resized too far for tiles"],
)
def test_a_picture_that_is_too_large_for_the_network_is_refused_before_it_is_decoded(
    tmp_path, monkeypatch, size, options, told
):
    """A GIF file of 3 kB can be as wide as that."""
    picture = Image.new("P", size)
    picture.save(tmp_path / "a.gif")
    assert (tmp_path / "a.gif").stat().st_size < 10_000
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", lambda self: pytest.fail("decoded"))
    for source in (tmp_path / "a.gif", picture):
        with pytest.raises(UnreadableImage, match=told):
            source_image(source, 3, **options)


def test_a_large_picture_can_be_translated_in_tiles(tmp_path):
    Image.new("P", (20_000, 16)).save(tmp_path / "a.gif")
    assert source_image(tmp_path / "a.gif", 3, tiled=True).shape == (3, 16, 20_000)
    assert source_image(tmp_path / "a.gif", 3, 8).shape == (3, 8, 10_000)

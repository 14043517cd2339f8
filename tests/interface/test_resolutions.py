"""Sizes of images: how they are written, which first maps reach them, and what the nearest ones are."""

import pytest

import ganzoo
from ganzoo.errors import InvalidConfigError
from ganzoo.interface.configs import takes_rectangles
from ganzoo.interface.resolutions import check_multiple, first_map, first_maps, image_size, parse_resolution
from ganzoo.registry import lookup

DOUBLINGS = range(2, 6)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        *[(64, 64), ("64", 64), ("96x64", (96, 64)), ([96, 64], (96, 64)), ((96, 64), (96, 64))],
        *[("64x64", 64), ([64, 64], 64), ((64,), 64), ("1x2", (1, 2))],
    ],
)
def test_a_resolution_is_written_in_several_ways(written, meant):
    assert parse_resolution(written) == meant
    assert lookup.check_config("gan", {"resolution": written})[0].resolution == meant


@pytest.mark.parametrize(
    "written",
    [0, -4, True, 64.0, None, "x", "", "96X64", "-4", "1e3", "96x", [], [1, 2, 3], [64, 0], [64, "96"], [[4]]],
)
def test_what_is_no_resolution(written):
    told = r"^gan: resolution is a number of pixels, or height x width such as 96x64, not "
    with pytest.raises(InvalidConfigError, match=told):
        lookup.check_config("gan", {"resolution": written})


@pytest.mark.parametrize(
    ("resolution", "size", "doublings"),
    [
        *[(16, (4, 4), 2), (128, (4, 4), 5), (28, (7, 7), 2), (48, (6, 6), 3)],
        *[((96, 64), (6, 4), 4), ((64, 96), (4, 6), 4), ((16, 1024), (4, 256), 2)],
    ],
)
def test_the_first_map_of_a_resolution(resolution, size, doublings):
    found = first_map(resolution, DOUBLINGS)
    assert found == (size, doublings)
    assert tuple(side * 2**doublings for side in size) == image_size(resolution)
    assert found.pixels == size[0] * size[1]
    assert found.sides == (4, 8, 16, 32, 64, 128)[: doublings + 1]


@pytest.mark.parametrize(
    ("resolution", "nearest"),
    [
        *[(100, "are 96 and 112"), (8, "are 16 and 20"), (225, "are 224 and 192"), (10**8, "are 224 and 192")],
        *[
            ((100, 60), "are 96x64 and 104x56"),
            ((60, 100), "are 64x96 and 56x104"),
            ((218, 178), "are 224x192 and 224x160"),
        ],
        *[((5, 1000), "are 16x1000 and 16x1004"), ((65, 64), "are 64 and 64x56")],
    ],
)
def test_what_cannot_be_reached_says_what_is_near(resolution, nearest):
    with pytest.raises(ValueError, match=f"a power of 2 from 4 to 32, .* - the nearest {nearest}$") as caught:
        first_map(resolution, DOUBLINGS)
    for size in str(caught.value).partition("nearest are ")[2].split(" and "):
        assert first_map(parse_resolution(size), DOUBLINGS).doublings in DOUBLINGS


@pytest.mark.parametrize(
    ("resolution", "nearest"),
    [(100, None), ((24, 100), None), (62, "are 64 and 60"), ((100, 62), "are 100x64 and 100x60"), (4, "is 24")],
)
def test_multiples(resolution, nearest):
    if nearest is None:
        check_multiple(resolution, 4, least=24)
        return
    told = f"both sides must be multiples of 4, from 24 on with 3 layers - the nearest {nearest}$"
    with pytest.raises(ValueError, match=told):
        check_multiple(resolution, 4, least=24, reason="with 3 layers")


def test_every_architecture_with_a_resolution_makes_rectangles():
    configs = {name: spec.config for name, spec in lookup.registry().architectures.items()}
    assert [name for name, kind in configs.items() if "resolution" in kind.__dataclass_fields__] == [
        name for name, kind in configs.items() if takes_rectangles(kind)
    ]


def test_an_unreachable_resolution_is_refused_in_one_line():
    told = "^dcgan: resolution 100x60 cannot be reached: .* - the nearest are 96x64 and 104x56$"
    with pytest.raises(InvalidConfigError, match=told):
        ganzoo.create("dcgan", resolution=(100, 60))


@pytest.mark.parametrize(
    ("pixels", "sizes"),
    [
        *[(16, [(4, 4)]), (24, [(6, 4), (4, 6)]), (36, [(6, 6), (9, 4), (4, 9)])],
        *[(0, []), (12, []), (17, []), (64, []), (2**40, [])],
    ],
)
def test_first_maps_of_so_many_pixels(pixels, sizes):
    """8x8 pixels are nobody's first map, and would be taken for 16x4."""
    assert [each.size for each in first_maps(pixels, 3)] == sizes

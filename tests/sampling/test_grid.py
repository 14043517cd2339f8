"""What the options of `ganzoo sample` mean: which images, in which order, under which names."""

from functools import partial

import pytest

from ganzoo import ClassConditional, Unconditional
from ganzoo.errors import InvalidRequestError
from ganzoo.sampling.grid import Row, SampleGrid, make_grid
from ganzoo.sampling.requests import find_class, make_request

NAMES = ("T-shirt/top", "ankle boot", "crane (bird)", "crane (machine)", "maillot", "maillot, tank suit", "corgi")


class Config:
    classes = len(NAMES)


ask = partial(make_request, ClassConditional, config=Config, classes=NAMES, of="the model")
planned = partial(make_grid, lambda **options: ask(options), NAMES)
label = partial(ClassConditional, truncation=None)


# --- classes by name --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "index"),
    [(0, 0), ("6", 6), ("corgi", 6), ("Corgi ", 6), ("boot", 1), ("bird", 2), ("maillot", 4), ("tank suit", 5)],
)
def test_a_class_is_found(asked, index):
    assert find_class(asked, NAMES, len(NAMES), of="it") == index


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("crane", r"it: class 'crane' may be crane \(bird\) \(2\), crane \(machine\) \(3\) - name one"),
        ("cprgi", r"it has no class 'cprgi' - did you mean corgi \(6\)\?"),
        ("zzz", r"it has no class 'zzz' - it has T-shirt/top \(0\), ankle boot \(1\), .*corgi \(6\)$"),
        (7, "it has no class 7 - its classes are 0 to 6"),
        ("-1", "it has no class -1 - its classes are 0 to 6"),
    ],
)
def test_no_class_is_found(asked, told):
    with pytest.raises(InvalidRequestError, match=told):
        find_class(asked, NAMES, len(NAMES), of="it")


def test_classes_without_names_go_by_number():
    assert find_class("3", (), 5, of="it") == 3
    with pytest.raises(InvalidRequestError, match="its classes have no names, use a number from 0 to 4"):
        find_class("dog", (), 5, of="it")


def test_of_a_thousand_classes_some_are_shown():
    with pytest.raises(InvalidRequestError, match=r"\(7\), \.\.\. \(1000 in all\)$"):
        find_class("dog", [f"number{i}x" for i in range(1000)], 1000, of="it")


def test_requests_are_checked():
    assert ask({"label": "corgi", "truncation": 0.5}) == ClassConditional(label=6, truncation=0.5)
    with pytest.raises(
        InvalidRequestError, match="takes no direction - it is class-conditional and takes label, trunc"
    ):
        ask({"direction": "a2b"})
    with pytest.raises(
        InvalidRequestError, match=r"takes no label \(--class\) - it is unconditional and takes no option"
    ):
        make_request(Unconditional, {"label": 1}, config=Config, classes=(), of="it")


@pytest.mark.parametrize("value", [0, -0.1, 1.01, float("nan"), float("inf"), True, "half"])
def test_truncations_that_cannot_be(value):
    with pytest.raises(InvalidRequestError, match="truncation is a number above 0 and at most 1, not"):
        ClassConditional(truncation=value)


# --- grids ------------------------------------------------------------------------------------


def test_nothing_asked_is_a_mix():
    assert planned() == SampleGrid((Row(ClassConditional()),), range(64))
    assert planned(count=3, seed=7, truncation=0.5) == SampleGrid(
        (Row(ClassConditional(truncation=0.5)),), range(7, 10)
    )


def test_one_class_has_count_images():
    assert planned(classes=("boot",), count=5) == SampleGrid((Row(label(label=1)),), range(5))


def test_several_classes_have_a_row_each():
    rows = (Row(label(label=6), "6-corgi"), Row(label(label=0), "0-t-shirt-top"))
    assert planned(classes=("corgi", "0")) == SampleGrid(rows, range(8))
    assert planned(classes=("corgi", "0"), per_class=3) == SampleGrid(rows, range(3))


def test_per_class_alone_is_of_all():
    found = planned(per_class=2)
    assert [row.request.label for row in found.rows] == list(range(7))
    assert (len(found), found.columns) == (14, 2)


def test_a_sweep_has_a_row_for_each_value():
    found = planned(sweep="truncation=0.1,1.0", classes=("corgi",), count=4)
    assert [row.request for row in found.rows] == [ClassConditional(label=6, truncation=t) for t in (0.1, 1.0)]
    assert [row.name for row in found.rows] == ["truncation0.1", "truncation1.0"]
    assert [row.request.label for row in planned(sweep="class=bird,6").rows] == [2, 6]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"per_class": 2, "sweep": "truncation=0.1"}, "a sweep takes at most one class"),
        ({"classes": ("0", "1"), "sweep": "truncation=0.1"}, "a sweep takes at most one class"),
        ({"classes": ("0", "1"), "count": 4}, "--per-class says how many of each - leave out -n"),
        ({"classes": ("corgi", "6")}, "a class is named twice"),
        ({"classes": ("wolf",)}, "no class 'wolf'"),
        ({"sweep": "truncation"}, "write it as OPTION=VALUE,VALUE"),
        ({"sweep": "truncation="}, "write it as OPTION=VALUE,VALUE"),
        ({"sweep": "truncation=0.1,2"}, "truncation is a number above 0 and at most 1, not 2"),
        ({"sweep": "truncation=0.1,"}, "truncation is a number above 0 and at most 1, not ''"),
        ({"sweep": "truncation=0.1", "truncation": 0.3}, "--truncation and a sweep of it contradict each other"),
        ({"sweep": "class=0", "classes": ("1",)}, "--class and a sweep of it contradict each other"),
        ({"sweep": "seed=1,2"}, "takes no seed"),
    ],
)
def test_what_does_not_go_together(options, told):
    with pytest.raises(InvalidRequestError, match=told):
        planned(**options)


def test_rows_of_unnamed_classes():
    unnamed = partial(make_request, ClassConditional, config=Config, classes=(), of="it")
    found = make_grid(lambda **options: unnamed(options), (), classes=("1", "2"))
    assert [row.name for row in found.rows] == ["class1", "class2"]
    with pytest.raises(InvalidRequestError, match="its classes have no names - say which ones with --class"):
        make_grid(lambda **options: unnamed(options), (), per_class=2)


def test_columns_share_their_seed():
    found = planned(classes=("0", "6"), per_class=2, seed=9_999)
    assert [(cell.seed, cell.request.label, cell.name) for cell in found] == [
        (9_999, 0, "0-t-shirt-top-seed09999"),
        (10_000, 0, "0-t-shirt-top-seed10000"),
        (9_999, 6, "6-corgi-seed09999"),
        (10_000, 6, "6-corgi-seed10000"),
    ]
    assert found.numbers() == {"seeds": [9_999, 10_000, 9_999, 10_000], "label": [0, 0, 6, 6]}


def test_only_one_row_goes_on():
    assert planned(count=10, seed=3).options_after(4) == "--seed 7 -n 6"
    assert planned(per_class=3).options_after(4) is None


@pytest.mark.parametrize(
    ("options", "label"),
    [
        ({}, ""),
        ({"count": 64}, ""),
        ({"count": 16}, "n16"),
        ({"classes": ("boot",)}, "1-ankle-boot"),
        ({"classes": ("1",), "truncation": 0.4}, "1-ankle-boot-truncation0.4"),
        ({"classes": ("corgi", "0")}, "6-corgi-0-t-shirt-top"),
        ({"per_class": 8}, "per-class"),
        ({"per_class": 2}, "n2-per-class"),
        ({"sweep": "truncation=0.1,1", "count": 2}, "n2-sweep-truncation-0.1-1"),
        ({"sweep": "truncation=0.1,1", "classes": ("boot",)}, "sweep-truncation-0.1-1-1-ankle-boot"),
    ],
)
def test_the_label_holds_what_changes_the_images(options, label):
    assert planned(**options).label == label


def test_a_long_label_is_cut_and_still_its_own():
    values = ",".join(str(i / 100) for i in range(1, 60))
    first, second = (planned(sweep=f"truncation={values},{last}").label for last in (0.7, 0.8))
    assert first != second
    assert len(first) < 100


# --- lists of seeds ---------------------------------------------------------------------------


def test_a_list_of_seeds():
    grid = planned(seeds="1-3,9")
    assert grid == SampleGrid((Row(ClassConditional()),), (1, 2, 3, 9))
    assert grid.names == ["seed0001", "seed0002", "seed0003", "seed0009"]
    assert grid.file_label == "seeds1to3-9"
    assert grid.numbers()["seeds"] == [1, 2, 3, 9]
    assert grid.options_after(2) == "--seeds 3,9"


def test_a_list_of_seeds_in_each_row():
    grid = planned(seeds="4,2", classes=("corgi", "0"))
    assert [(cell.seed, cell.request.label) for cell in grid] == [(4, 6), (2, 6), (4, 0), (2, 0)]
    assert grid.columns == 2


@pytest.mark.parametrize("other", [{"count": 2}, {"seed": 0}, {"per_class": 2}])
def test_a_list_says_how_many(other):
    with pytest.raises(InvalidRequestError, match="leave out -n, --seed and --per-class"):
        planned(seeds="1,2", **other)


def test_no_seed_is_named_twice():
    with pytest.raises(InvalidRequestError, match="names a seed twice"):
        planned(seeds="1-3,2")

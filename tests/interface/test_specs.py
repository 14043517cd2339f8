"""Records are frozen, and refuse what they cannot be."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest

from ganzoo.errors import InvalidConfigError, PluginError
from ganzoo.interface.configs import replace_config
from ganzoo.interface.specs import Augmentation, BundledFile, Layout, Reading, Recipe, Regularizer, Schedule
from ganzoo.interface.tasks import ClassConditional, ImageToImage, Task, Unconditional
from plugin_factory import Config, architecture, hub_file, loss, model


def bundled_file(**changes: Any) -> BundledFile:
    return BundledFile(**({"package": "p", "path": "q", "sha256": "a" * 64} | changes))


def layout(name: str, **changes: Any) -> Layout:
    return Layout(**({"name": name, "architecture": "gan", "source": "s", "read": lambda shapes: None} | changes))


def regularizer(name: str, **changes: Any) -> Regularizer:
    facts = {"summary": "s", "paper": "p", "weight": 1.0, "load": lambda: abs}
    return Regularizer(**({"name": name} | facts | changes))


def augmentation(name: str, **changes: Any) -> Augmentation:
    return Augmentation(**({"name": name, "summary": "s", "paper": "p", "load": lambda: abs} | changes))


def schedule(name: str, **changes: Any) -> Schedule:
    return Schedule(**({"name": name, "summary": "s", "default": 1.0, "factor": max} | changes))


def gan_model(name: str, **changes: Any) -> Any:
    return model(name, "gan", **changes)


NAMED = [architecture, loss, regularizer, augmentation, schedule, gan_model, layout]
FILES = [hub_file(), bundled_file()]
RECORDS = [*(make("a-name") for make in NAMED), *FILES, Recipe(), Reading(config={}, tensors={})]


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: type(record).__name__)
def test_records_are_frozen(record: Any) -> None:
    for field in dataclasses.fields(record):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(record, field.name, None)


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: type(record).__name__)
def test_records_take_no_other_fields(record: Any) -> None:
    values = {field.name: getattr(record, field.name) for field in dataclasses.fields(record)}
    assert type(record)(**values) == record
    with pytest.raises(TypeError, match="no_such_field"):
        type(record)(**values, no_such_field=1)
    with pytest.raises(TypeError, match="positional"):
        type(record)(*values.values())


@pytest.mark.parametrize("make", NAMED)
@pytest.mark.parametrize("name", ["a", "dcgan", "biggan-deep-128", "dcgan-mnist.huggan", "a_b", "3d"])
def test_names(make: Callable[[str], Any], name: str) -> None:
    assert make(name).name == name


@pytest.mark.parametrize("make", NAMED)
@pytest.mark.parametrize("name", ["", "A", "a b", "a/b", "-a", "a-", "a--b", "../a", "a\n", "é", "a:b", None, 3, b"a"])
def test_names_refused(make: Callable[[Any], Any], name: Any) -> None:
    with pytest.raises(PluginError, match="is not a name"):
        make(name)


@pytest.mark.parametrize("digest", ["", "a" * 63, "a" * 65, "A" * 64, "g" * 64, "a" * 64 + "\n"])
@pytest.mark.parametrize("make", [hub_file, bundled_file])
def test_sha256_refused(make: Callable[..., Any], digest: str) -> None:
    with pytest.raises(PluginError, match="is not 64 lower-case hex digits"):
        make(sha256=digest)


@pytest.mark.parametrize("revision", ["", "main", "v1.0", "a" * 39, "a" * 41, "A" * 40, "refs/pr/1"])
def test_revision_refused(revision: str) -> None:
    with pytest.raises(PluginError, match=r"a/b: revision .* is not a 40-digit commit"):
        hub_file(revision=revision)


@pytest.mark.parametrize("task", [Unconditional, ClassConditional, ImageToImage])
def test_tasks(task: type[Task]) -> None:
    assert architecture("a", task=task).task is task


@pytest.mark.parametrize("task", ["unconditional", Unconditional(), dict, None])
def test_task_refused(task: Any) -> None:
    with pytest.raises(PluginError, match=r"architecture a: task .* is no type of ganzoo\.tasks"):
        architecture("a", task=task)


@dataclass
class Thawed:
    size: int = 1


@pytest.mark.parametrize("config", [Thawed, Config(), dict, SimpleNamespace, {"size": 1}, None])
def test_config_must_be_a_frozen_dataclass(config: Any) -> None:
    with pytest.raises(PluginError, match=r"architecture a: config .* is not a frozen dataclass"):
        architecture("a", config=config)


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda given: model("a", "gan", config=given), "config"),
        (lambda given: architecture("a", tiny=given), "tiny"),
        (lambda given: Recipe(config=given), "config"),
        (lambda given: Recipe(options=given), "options"),
    ],
)
def test_mappings_cannot_be_changed_from_outside(make: Callable[[Any], Any], field: str) -> None:
    given = {"size": 8}
    kept = getattr(make(given), field)
    given["size"] = 9
    assert kept == {"size": 8}
    with pytest.raises(TypeError):
        kept["size"] = 9


def test_recipes_are_the_architectures_own() -> None:
    given = {"ring": Recipe()}
    spec = architecture("a", recipes=given)
    given["*"] = Recipe()
    assert spec.recipes == {"ring": Recipe()}
    with pytest.raises(TypeError):
        spec.recipes["*"] = Recipe()


def test_recipe_must_be_one() -> None:
    with pytest.raises(PluginError, match=r"architecture a: the recipe for ring is \{'iterations': 5\}, no Recipe"):
        architecture("a", recipes={"*": Recipe(), "ring": {"iterations": 5}})


RING, REST = Recipe(config={"size": 2}), Recipe(options={"iterations": 5})


@pytest.mark.parametrize(
    ("recipes", "data", "recipe"),
    [
        ({}, "ring", Recipe()),
        ({"ring": RING}, "ring", RING),
        ({"ring": RING}, "rings", Recipe()),
        ({"ring": RING, "*": REST}, "ring", RING),
        ({"ring": RING, "*": REST}, "mnist", REST),
        ({"ring": Recipe(), "*": REST}, "ring", Recipe()),
        ({"*": REST}, "", REST),
    ],
)
def test_recipe_of_a_data_set(recipes: dict[str, Recipe], data: str, recipe: Recipe) -> None:
    assert architecture("a", recipes=recipes).recipe(data) == recipe


@dataclass(frozen=True)
class Pair:
    left: int = 1
    right: int = 2

    def __post_init__(self) -> None:
        if self.left > self.right:
            raise ValueError(f"left {self.left} is above right {self.right}")


@pytest.mark.parametrize(
    ("base", "values", "result"),
    [
        (Pair, {}, Pair(1, 2)),
        (Pair, {"right": 5}, Pair(1, 5)),
        (Pair(0, 7), {"left": 3}, Pair(3, 7)),
        (Pair(0, 7), {}, Pair(0, 7)),
    ],
)
def test_replace_config(base: Any, values: dict[str, int], result: Pair) -> None:
    assert replace_config(base, values, of="x") == result


@pytest.mark.parametrize("base", [Pair, Pair()], ids=["type", "instance"])
@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"up": 1}, r"x has no config field up - its fields are left, right$"),
        ({"up": 1, "left": 1, "down": 2}, r"x has no config field down, up - its fields are left, right$"),
        ({"left": 3}, r"x: left 3 is above right 2$"),
        ({"left": "one"}, r"x: left is int, not 'one'$"),
    ],
)
def test_replace_config_refuses(base: Any, values: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidConfigError, match=message):
        replace_config(base, values, of="x")


@dataclass(frozen=True)
class Optional:
    depth: int | None = None


@pytest.mark.parametrize("value", [None, 3])
def test_none_is_a_value_where_it_is_one(value: Any) -> None:
    assert replace_config(Optional, {"depth": value}, of="x") == Optional(value)


def test_a_wrong_value_beside_none() -> None:
    with pytest.raises(InvalidConfigError, match=r"x: depth is int, not 2\.5$"):
        replace_config(Optional, {"depth": 2.5}, of="x")


@dataclass(frozen=True)
class Rates:
    rate: float = 0.5
    decays: tuple[float, ...] = ()


def test_whole_numbers_become_fractions_where_these_are_meant() -> None:
    """Adam, for one, takes no 0 for 0.0."""
    config = replace_config(Rates, {"rate": 0, "decays": [1, 0.5]}, of="x")
    assert [type(value) for value in (config.rate, *config.decays)] == [float, float, float]

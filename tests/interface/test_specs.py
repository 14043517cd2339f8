"""Records are frozen, and refuse wrong values."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest

from ganzoo.errors import InvalidConfigError, PluginError
from ganzoo.interface.configs import replace_config
from ganzoo.interface.specs import Augmentation, FeatureExtractor, Recipe, Regularizer, Schedule
from ganzoo.interface.tasks import ClassConditional, ImageToImage, Task, Unconditional
from ganzoo.interface.weights_files import BundledFile, Derived, Layout, PackageFile, Reading
from plugin_factory import Config, architecture, hub_file, loss, model


def package_file(**changes: Any) -> PackageFile:
    facts = {"distribution": "some-faces", "version": "1.0", "package": "p", "path": "q.pth", "sha256": "a" * 64}
    return PackageFile(**(facts | changes))


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


def extractor(name: str, **changes: Any) -> FeatureExtractor:
    facts = {"summary": "s", "source": "s", "dataset": "d", "license": None, "accepts": "a", "build": lambda: None}
    counts = {"num_features": 2, "num_classes": 3}
    return FeatureExtractor(**({"name": name, "weights": hub_file()} | facts | counts | changes))


NAMED = [architecture, loss, regularizer, augmentation, schedule, gan_model, layout, extractor]
FILES = [hub_file(), bundled_file(), package_file()]
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
@pytest.mark.parametrize(
    "name", ["", "A", "a" * 101, "a b", "a/b", "-a", "a-", "a--b", "../a", "a\n", "é", "a:b", None, 3, b"a"]
)
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
    with pytest.raises(PluginError, match=r"Architecture a: task is .*, not a subclass of Task"):
        architecture("a", task=task)


@dataclass
class Thawed:
    size: int = 1


@pytest.mark.parametrize("config", [Thawed, Config(), dict, SimpleNamespace, {"size": 1}, None])
def test_config_must_be_a_frozen_dataclass(config: Any) -> None:
    with pytest.raises(PluginError, match=r"Architecture a: config is .*, not a (class|frozen dataclass)"):
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
    with pytest.raises(PluginError, match=r"Architecture a: recipes\['ring'\] is \{'iterations': 5\}, not a Recipe"):
        architecture("a", recipes={"*": Recipe(), "ring": {"iterations": 5}})


WRONG = [
    (lambda **given: gan_model("a", **given), "PretrainedModel a", "license", 3, "3, not a text or None"),
    (lambda **given: gan_model("a", **given), "PretrainedModel a", "summary", None, "None, not a text"),
    (lambda **given: gan_model("a", **given), "PretrainedModel a", "classes", "cat", "'cat', not a tuple"),
    (
        lambda **given: gan_model("a", **given),
        "PretrainedModel a",
        "config",
        [("size", 8)],
        "[('size', 8)], not a mapping",
    ),
    (
        lambda **given: gan_model("a", **given),
        "PretrainedModel a",
        "weights",
        "x.pth",
        "'x.pth', not a HubFile or a Bundled",
    ),
    (lambda **given: architecture("a", **given), "Architecture a", "paper", 1511, "1511, not a text"),
    (lambda **given: architecture("a", **given), "Architecture a", "build", "DCGAN", "'DCGAN', not a function"),
    (
        lambda **given: architecture("a", **given),
        "Architecture a",
        "recipes",
        Recipe(),
        "Recipe(",
    ),
    (lambda **given: architecture("a", **given), "Architecture a", "tiny", None, "None, not a mapping"),
    (lambda **given: Recipe(**given), "Recipe", "options", "ema=0", "'ema=0', not a mapping"),
    (lambda **given: loss("a", **given), "Loss a", "load", abs(1), "1, not a function"),
    (lambda **given: regularizer("a", **given), "Regularizer a", "weight", "10", "'10', not a finite number"),
    (lambda **given: regularizer("a", **given), "Regularizer a", "weight", math.nan, "nan, not a finite number"),
    (lambda **given: regularizer("a", **given), "Regularizer a", "weight", True, "True, not a finite number"),
    (lambda **given: regularizer("a", **given), "Regularizer a", "losses", "hinge", "'hinge', not a tuple"),
    (lambda **given: augmentation("a", **given), "Augmentation a", "summary", b"s", "b's', not a text"),
    (lambda **given: schedule("a", **given), "Schedule a", "default", None, "None, not a finite number"),
    (lambda **given: schedule("a", **given), "Schedule a", "factor", 0.5, "0.5, not a function"),
    (lambda **given: layout("a", **given), "Layout a", "example", "main.0.weight", "'main.0.weight', not a tuple"),
    (lambda **given: layout("a", **given), "Layout a", "read", None, "None, not a function"),
    (lambda **given: extractor("a", **given), "FeatureExtractor a", "num_classes", 10.0, "10.0, not a whole number"),
    (lambda **given: extractor("a", **given), "FeatureExtractor a", "num_features", True, "True, not a whole number"),
    (lambda **given: extractor("a", **given), "FeatureExtractor a", "license", (), "(), not a text or None"),
    (hub_file, "HubFile a/b", "size", "12", "'12', not a whole number or None"),
    (hub_file, "HubFile a/b", "layout", True, "True, not a text or None"),
    (hub_file, "HubFile a/b", "revision", 1, "1, not a text"),
    (hub_file, "HubFile", "repo", None, "None, not a text"),
    (bundled_file, "BundledFile p", "path", 3, "3, not a text"),
    (lambda **given: Reading(**{"config": {}, "tensors": {}} | given), "Reading", "ignored", "u0", "'u0', not a set"),
    (lambda **given: Reading(**{"config": {}, "tensors": {}} | given), "Reading", "tensors", 1, "1, not a mapping"),
    (
        lambda **given: Derived(**{"sources": ("a",), "make": abs} | given),
        "Derived",
        "sources",
        "a",
        "'a', not a tuple",
    ),
]


@pytest.mark.parametrize(("make", "label", "field", "value", "told"), WRONG)
def test_wrong_types_are_refused(make: Callable[..., Any], label: str, field: str, value: Any, told: str) -> None:
    with pytest.raises(PluginError) as caught:
        make(**{field: value})
    assert str(caught.value).startswith(f"{label}: {field} is {told}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: gan_model("a", classes=("cat", 3)), "PretrainedModel a: an item of classes is 3, not a text"),
        (lambda: gan_model("a", config={3: 1}), "PretrainedModel a: a key of config is 3, not a text"),
        (lambda: regularizer("a", losses=["hinge", None]), "Regularizer a: an item of losses is None, not a text"),
        (lambda: Reading(config={}, tensors={"x": 3}), "Reading: tensors['x'] is 3, not a text or a Derived"),
        (lambda: Reading(config={}, tensors={}, ignored={3}), "Reading: an item of ignored is 3, not a text"),
    ],
)
def test_wrong_types_inside_are_refused(make: Callable[[], Any], told: str) -> None:
    with pytest.raises(PluginError) as caught:
        make()
    assert str(caught.value) == told


def test_every_field_of_every_record_has_a_type_that_is_checked() -> None:
    for record in [*RECORDS, Derived(("a",), abs)]:
        for field in dataclasses.fields(record):
            with pytest.raises(PluginError):
                dataclasses.replace(record, **{field.name: object()})


def test_lists_and_sets_are_frozen() -> None:
    assert gan_model("a", classes=["cat", "dog"]).classes == ("cat", "dog")
    assert Reading(config={}, tensors={}, ignored={"u0"}).ignored == frozenset({"u0"})


def test_a_layout_is_for_models_alone() -> None:
    with pytest.raises(
        PluginError, match="FeatureExtractor a: its weights have the layout 'x' - only the weights of a"
    ):
        extractor("a", weights=hub_file(layout="x"))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"repo": "clothes"}, "HubFile clothes: repo 'clothes' is not written as owner/name"),
        ({"repo_type": "page"}, "HubFile a/b: repo_type 'page' is not one of model, dataset, space"),
        ({"filename": "../x"}, "HubFile a/b: filename '../x' is not a path inside the repository"),
        ({"filename": "/x"}, "HubFile a/b: filename '/x' is not a path inside the repository"),
        ({"filename": ""}, "HubFile a/b: filename '' is not a path inside the repository"),
        ({"filename": "a\nb"}, "HubFile a/b: filename 'a\\nb' is not a path inside the repository"),
        ({"filename": "a//b"}, "HubFile a/b: filename 'a//b' is not a path inside the repository"),
        ({"repo": "../.."}, "HubFile ../..: repo '../..' is not written as owner/name"),
        ({"size": -1}, "HubFile a/b: size -1 is no number of bytes"),
        ({"size": 2**63}, "HubFile a/b: size 9223372036854775808 is no number of bytes"),
    ],
)
def test_a_file_must_be_in_a_repository(change: dict[str, Any], told: str) -> None:
    with pytest.raises(PluginError) as caught:
        hub_file(**change)
    assert str(caught.value) == told


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
    """Adam, for example, does not accept 0 instead of 0.0."""
    config = replace_config(Rates, {"rate": 0, "decays": [1, 0.5]}, of="x")
    assert [type(value) for value in (config.rate, *config.decays)] == [float, float, float]


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"distribution": "some faces"}, "distribution 'some faces' is not the name of a package on PyPI"),
        ({"distribution": "--upgrade"}, "distribution '--upgrade' is not the name of a package on PyPI"),
        ({"version": ">=1"}, "version '>=1' is not one version - give it whole, such as 1.1.1"),
        ({"version": ""}, "version '' is not one version"),
        ({"path": "../q"}, "'p/../q' is not a path inside the distribution"),
        ({"path": ""}, "'p/' is not a path inside the distribution"),
        ({"package": "/etc"}, "'/etc/q.pth' is not a path inside the distribution"),
        ({"sha256": "12"}, "sha256 '12' is not 64 lower-case hex digits"),
    ],
)
def test_package_files_that_cannot_be(changes: dict[str, str], text: str) -> None:
    with pytest.raises(PluginError) as refused:
        package_file(**changes)
    assert text in str(refused.value)


def test_a_package_file_says_where_it_is_and_how_it_is_installed() -> None:
    file = package_file(package="faces.weights")
    assert file.location == "faces/weights/q.pth"
    assert file.install == "pip install --no-deps some-faces==1.0"

"""Names: whose record a name means, messages about unknown names, and records that use records of others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from ganzoo.errors import AmbiguousNameError, GanzooError, InvalidConfigError, UnknownNameError
from ganzoo.interface.hooks import KINDS
from ganzoo.interface.specs import Augmentation, Degradation, Regularizer, Schedule
from ganzoo.interface.weights_files import Layout
from ganzoo.pretrained.resolve import resolve
from ganzoo.registry import lookup
from ganzoo.registry.plugin import PluginState
from ganzoo.registry.registry import Registry
from plugin_factory import Config, architecture, declaring, hub_file, loss, model, registry_of


def having_loss(name: str, summary: str) -> Any:
    return declaring(losses=[loss(name, summary=summary)])


def whole(name: str, **changes: Any) -> Any:
    """A plugin with an architecture, a loss and a model, which all have that name."""
    return declaring(
        architectures=[architecture(name, default_loss=name, summary=changes.pop("summary", "a test"))],
        losses=[loss(name, **changes)],
        models=[model(f"{name}-test", name)],
    )


BUILTIN = declaring(
    losses=[loss("non-saturating"), loss("hinge", summary="ganzoo")], architectures=[architecture("gan")]
)


@pytest.mark.parametrize("order", [("ganzoo", "aaa"), ("aaa", "ganzoo")])
def test_builtin_has_the_bare_name(order: tuple[str, str]) -> None:
    registry = registry_of({owner: having_loss("hinge", owner) for owner in order})
    assert registry.losses["hinge"].summary == "ganzoo"
    assert registry.losses["ganzoo/hinge"].summary == "ganzoo"
    assert registry.losses["aaa/hinge"].summary == "aaa"
    assert set(registry.losses) == {"hinge", "aaa/hinge"}


def test_builtin_wins_over_several() -> None:
    registry = registry_of({owner: having_loss("hinge", owner) for owner in ("aaa", "bbb", "ganzoo")})
    assert registry.losses["hinge"].summary == "ganzoo"
    assert list(registry.losses) == ["aaa/hinge", "bbb/hinge", "hinge"]


def test_only_third_party_has_the_bare_name() -> None:
    registry = registry_of({"aaa": having_loss("hinge", "aaa")})
    assert list(registry.losses) == ["hinge"]
    assert registry.losses["hinge"] is registry.losses["aaa/hinge"]


def test_ambiguous_name_lists_the_choices() -> None:
    registry = registry_of({owner: having_loss("hinge", owner) for owner in ("aaa", "bbb")})
    with pytest.raises(AmbiguousNameError, match="several plugins declare the loss hinge - say aaa/hinge or bbb/hinge"):
        registry.losses["hinge"]
    assert "hinge" in registry.losses
    assert list(registry.losses) == ["aaa/hinge", "bbb/hinge"]
    assert registry.losses["bbb/hinge"].summary == "bbb"


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("hing", " - did you mean hinge"),
        ("HINGE", " - did you mean hinge"),
        ("non_saturating", " - did you mean non-saturating?"),
        ("minmax", " - did you mean minimax?"),
        ("aaa/hing", " - did you mean aaa/hinge"),
        ("bbb/hinge", " - did you mean hinge or aaa/hinge?"),
        ("xyz", " - there are aaa/hinge, hinge, minimax, non-saturating"),
        ("", " - there are "),
        ("/", " - there are "),
        ("/hing", ""),
        ("a/b/hinge", " - did you mean"),
    ],
)
def test_unknown_name(name: str, hint: str) -> None:
    losses = [loss("hinge"), loss("minimax"), loss("non-saturating")]
    registry = registry_of({"ganzoo": declaring(losses=losses), "aaa": having_loss("hinge", "aaa")})
    assert name not in registry.losses
    assert registry.losses.get(name) is None
    with pytest.raises(UnknownNameError) as raised:
        registry.losses[name]
    assert not isinstance(raised.value, KeyError)
    assert str(raised.value).startswith(f"there is no loss {name!r}{hint}")


@pytest.mark.parametrize("kind", KINDS)
def test_empty_registry(kind: str) -> None:
    index = getattr(Registry(), kind)
    assert (len(index), list(index)) == (0, [])
    with pytest.raises(UnknownNameError, match=f"there is no {index.kind} 'x' - none is registered"):
        index["x"]


OTHERS = {
    "regularizers": Regularizer(name="x", summary="a test", paper="none", weight=1.0, load=lambda: abs),
    "augmentations": Augmentation(name="x", summary="a test", paper="none", load=lambda: abs),
    "degradations": Degradation(name="x", summary="a test", load=lambda: abs),
    "schedules": Schedule(name="x", summary="a test", default=1.0, factor=max),
}


@pytest.mark.parametrize("kind", OTHERS)
def test_each_kind_has_its_index(kind: str) -> None:
    registry = registry_of({"aaa": declaring(**{kind: [OTHERS[kind]]})})
    assert registry.plugins[0].declares == {kind: ["x"]}
    assert {each: list(getattr(registry, each)) for each in KINDS} == {each: [] for each in KINDS} | {kind: ["x"]}
    assert getattr(registry, kind)["aaa/x"] is OTHERS[kind]


@pytest.mark.parametrize("kind", OTHERS)
def test_a_record_of_another_kind_sets_its_plugin_aside(kind: str) -> None:
    registry = registry_of({"aaa": declaring(**{kind: [OTHERS[kind]], "losses": [OTHERS[kind]]})})
    [plugin] = registry.broken
    assert (plugin.stage, plugin.declares) == ("ganzoo_losses", {})
    assert "which is not of type Loss" in plugin.problem
    assert not getattr(registry, kind)


def test_iteration_gives_each_record_once_by_a_usable_name() -> None:
    plugins = {
        "ganzoo": declaring(losses=[loss("a"), loss("b")]),
        "xxx": declaring(losses=[loss("a"), loss("c"), loss("d")]),
        "yyy": declaring(losses=[loss("c"), loss("e")]),
    }
    index = registry_of(plugins).losses
    assert list(index) == ["a", "xxx/a", "b", "xxx/c", "yyy/c", "d", "e"]
    assert len({id(index[name]) for name in index}) == len(index) == 7


def test_one_distribution_may_not_declare_a_name_twice() -> None:
    registry = registry_of({"aaa:one": having_loss("hinge", "one"), "aaa:two": having_loss("hinge", "two")})
    assert [(plugin.key, plugin.problem) for plugin in registry.broken] == [
        ("aaa:two", "another plugin of aaa declares hinge too - rename one of them")
    ]
    assert registry.losses["hinge"].summary == "one"


# Records that rest on others.


@pytest.mark.parametrize("order", [("arch", "weights"), ("weights", "arch")])
def test_plugins_may_rest_on_each_other_in_any_order(order: tuple[str, str]) -> None:
    plugins = {"arch": whole("net"), "weights": declaring(models=[model("net-horses", "net", config={"size": 16})])}
    registry = registry_of({name: plugins[name] for name in order})
    assert not registry.broken
    assert sorted(registry.models) == ["net-horses", "net-test"]


def test_records_mean_their_own_distributions_first() -> None:
    registry = registry_of({"aaa": whole("net", summary="aaa"), "bbb": whole("net", summary="bbb")})
    assert not registry.broken
    for owner in ("aaa", "bbb"):
        spec = registry.architectures[registry.models[f"{owner}/net-test"].architecture]
        assert spec.summary == owner
        assert spec is registry.architectures[f"{owner}/net"]
        assert registry.losses[spec.default_loss] is registry.losses[f"{owner}/net"]


def test_own_architecture_is_meant_where_a_builtin_has_the_name() -> None:
    theirs = declaring(architectures=[architecture("gan", summary="theirs")], models=[model("gan-test", "gan")])
    registry = registry_of({"ganzoo": BUILTIN, "aaa": theirs})
    assert registry.models["gan-test"].architecture == "aaa/gan"
    assert registry.architectures["gan"].summary == "a test"


def test_unambiguous_references_stay_as_they_were_written() -> None:
    registry = registry_of({"aaa": whole("net")})
    assert registry.models["net-test"].architecture == "net"
    assert registry.architectures["net"].default_loss == "net"


def test_other_distributions_record_must_be_named_where_several_have_it() -> None:
    plugins = {"aaa": whole("net"), "bbb": whole("net")}
    vague = registry_of({**plugins, "ccc": declaring(models=[model("x", "net")])})
    assert [plugin.problem for plugin in vague.broken] == [
        "several plugins declare the architecture net - say aaa/net or bbb/net"
    ]
    exact = registry_of({**plugins, "ccc": declaring(models=[model("x", "bbb/net")])})
    assert exact.models["x"].architecture == "bbb/net"


def test_plugins_that_rest_on_a_fallen_one_fall_too() -> None:
    base = declaring(losses=[loss("base")], models=[model("x", "nowhere")])
    plugins = {
        "bottom": base,
        "middle": declaring(architectures=[architecture("net", default_loss="base")]),
        "top": declaring(models=[model("net-test", "net")]),
        "apart": declaring(losses=[loss("apart")]),
    }
    registry = registry_of(plugins)
    assert [plugin.key for plugin in registry.broken] == ["bottom:plugin", "middle:plugin", "top:plugin"]
    assert registry.broken[2].problem.endswith("bottom:plugin is broken, middle:plugin is broken")
    assert list(registry.losses) == ["apart"]
    assert not registry.architectures
    assert not registry.models
    assert [plugin.declares for plugin in registry.broken] == [{}, {}, {}]


def test_name_of_a_fallen_plugin_is_no_longer_ambiguous() -> None:
    fallen = declaring(losses=[loss("hinge")], models=[model("x", "nowhere")])
    registry = registry_of({"aaa": fallen, "bbb": having_loss("hinge", "bbb")})
    assert registry.losses["hinge"].summary == "bbb"


def test_disabled_plugins_are_told_of() -> None:
    registry = Registry()
    registry.load("aaa", "main", lambda: pytest.fail("it was imported"), disabled=["aaa"])
    assert registry.plugins[0].state is PluginState.DISABLED
    with pytest.raises(UnknownNameError, match="may provide it: aaa:main is disabled"):
        registry.models["x"]


# The zoo's functions look names up in the registry that is in use.


@pytest.fixture
def small_zoo() -> Registry:
    registry = registry_of({"ganzoo": BUILTIN, "aaa": whole("net"), "bbb": declaring(models=[model("gan-b", "gan")])})
    assert not registry.broken
    lookup.use(registry)
    return registry


def test_use(small_zoo: Registry) -> None:
    assert lookup.registry() is small_zoo
    lookup.use(None)
    assert lookup.registry() is not small_zoo
    assert lookup.registry() is lookup.registry()


@pytest.mark.parametrize(
    ("request_", "names"),
    [
        ({}, ["gan-b", "net-test"]),
        ({"pattern": "net-*"}, ["net-test"]),
        ({"pattern": "nothing-*"}, []),
        ({"architecture": "gan"}, ["gan-b"]),
        ({"architecture": "ganzoo/gan"}, ["gan-b"]),
        ({"architecture": "aaa/net"}, ["net-test"]),
        ({"task": "unconditional"}, ["gan-b", "net-test"]),
        ({"pattern": "net*", "architecture": "gan"}, []),
    ],
)
def test_models(small_zoo: Registry, request_: Mapping[str, str], names: list[str]) -> None:
    assert lookup.models(**request_) == names


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({"architecture": "nut"}, "there is no architecture 'nut' - did you mean net"),
        ({"task": "paint"}, "there is no task 'paint' - there are unconditional"),
    ],
)
def test_models_of_nothing(small_zoo: Registry, request_: Mapping[str, str], message: str) -> None:
    with pytest.raises(UnknownNameError, match=message):
        lookup.models(**request_)


def test_check_config(small_zoo: Registry) -> None:
    config, own = lookup.check_config("net", {"size": 16})
    assert config == Config(size=16)
    assert own is small_zoo.losses["net"]
    assert lookup.check_config("net", {}, "hinge")[1] is small_zoo.losses["hinge"]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (("nut", {}), UnknownNameError, "there is no architecture 'nut'"),
        (("net", {}, "hing"), UnknownNameError, "there is no loss 'hing' - did you mean hinge"),
        (("net", {"depth": 1}), InvalidConfigError, "net has no config field depth - its fields are size"),
        (("net", {"size": 0}), InvalidConfigError, "net: size is at least 1, not 0"),
    ],
)
def test_check_config_refuses(
    small_zoo: Registry, arguments: tuple[Any, ...], error: type[GanzooError], message: str
) -> None:
    with pytest.raises(error, match=message) as raised:
        lookup.check_config(*arguments)
    assert raised.value.exit_code == 2


def test_create_builds_with_the_config_and_the_loss(small_zoo: Registry) -> None:
    built: Any = lookup.create("net", size=32)
    assert built.config == Config(size=32)
    assert built.loss == "net"
    other: Any = lookup.create("net", loss="hinge")
    assert (other.config, other.loss) == (Config(), "hinge")


def test_ambiguous_model_is_refused_with_the_choices() -> None:
    lookup.use(registry_of({"aaa": whole("net"), "bbb": whole("net")}))
    with pytest.raises(AmbiguousNameError, match="say aaa/net-test or bbb/net-test"):
        resolve("net-test")
    assert lookup.models() == ["aaa/net-test", "bbb/net-test"]
    assert lookup.models(architecture="bbb/net") == ["bbb/net-test"]


@dataclass(frozen=True)
class Raising:
    def __post_init__(self) -> None:
        raise ZeroDivisionError("odd")


def test_foreign_error_of_a_config_sets_its_plugin_aside() -> None:
    registry = registry_of({"ganzoo": BUILTIN, "aaa": declaring(architectures=[architecture("x", config=Raising)])})
    assert [(p.key, p.problem) for p in registry.broken] == [("aaa:plugin", "ZeroDivisionError: odd")]
    assert registry.broken[0].where.startswith(__file__)


def test_a_plugins_own_layout_comes_before_a_built_in_of_its_name():
    ours = Layout(name="huggan", architecture="net", source="a", read=lambda shapes: None)
    theirs = Layout(name="huggan", architecture="other", source="b", read=lambda shapes: None)
    pinned = model("net-test", "net", weights=hub_file(layout="huggan"))
    registry = registry_of(
        {
            "ganzoo:builtin": declaring(
                architectures=[architecture("other")], losses=[loss("non-saturating")], layouts=[theirs]
            ),
            "outside:net": declaring(architectures=[architecture("net")], models=[pinned], layouts=[ours]),
        }
    )
    assert registry.broken == []
    assert registry.layouts[registry.models["net-test"].weights.layout].source == "a"


@pytest.mark.parametrize(
    ("records", "told"),
    [
        ({"models": [model("net-a", "net", weights=hub_file(layout="nowhere"))]}, "no layout 'nowhere'"),
        (
            {"models": [model("net-a", "net", weights=hub_file(layout="of-other"))]},
            "belongs to the architecture other, not to net",
        ),
        ({"layouts": [Layout(name="x", architecture="no-net", source="a", read=lambda s: None)]}, "no architecture"),
    ],
)
def test_a_layout_that_cannot_be_used_is_noticed_at_once(records, told):
    elsewhere = Layout(name="of-other", architecture="other", source="b", read=lambda shapes: None)
    both = [architecture("other"), architecture("net")]
    registry = registry_of(
        {
            "ganzoo:builtin": declaring(architectures=both, losses=[loss("non-saturating")], layouts=[elsewhere]),
            "outside:net": declaring(**records),
        }
    )
    assert [plugin.key for plugin in registry.broken] == ["outside:net"]
    assert told in registry.broken[0].problem

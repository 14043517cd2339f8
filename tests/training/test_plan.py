"""Plans: what is asked for, what the recipe says, the defaults; and what cannot be."""

import dataclasses
import json
from dataclasses import dataclass

import pytest

import ganzoo_diffaugment
import ganzoo_losses
import ganzoo_schedules
from ganzoo import Recipe
from ganzoo.errors import GanzooError, InvalidConfigError, InvalidRequestError, UnknownNameError
from ganzoo.registry import lookup
from ganzoo.training.plan import Plan, TrainingOptions, make_plan, schedule_of
from plugin_factory import architecture, declaring, registry_of


@dataclass(frozen=True)
class Config:
    size: int = 8
    widths: tuple[int, ...] = (4,)

    @property
    def image_shape(self):
        return (3, self.size, self.size)


RECIPES = {
    "ring": Recipe(config={"size": 2, "widths": (16, 16)}, options={"iterations": 5, "regularizers": {"r1": 0.5}}),
    "*": Recipe(config={"size": 4}, options={"iterations": 7, "schedule": "linear", "loss": "hinge"}),
    "wrong": Recipe(options={"data": "ring", "config": {}, "colors": 1}),
}


@pytest.fixture(autouse=True)
def _registry():
    nets = declaring(architectures=[architecture("net", config=Config, recipes=RECIPES), architecture("plain")])
    plugins = {"losses": ganzoo_losses, "schedules": ganzoo_schedules, "diffaugment": ganzoo_diffaugment, "nets": nets}
    registry = registry_of({f"ganzoo:{name}": plugin for name, plugin in plugins.items()})
    assert not registry.broken
    lookup.use(registry)


# What wins.


def test_defaults():
    plan = make_plan("plain", "ring")
    assert plan == Plan(architecture="plain", data="ring")
    options = {field.name: getattr(plan, field.name) for field in dataclasses.fields(TrainingOptions)}
    assert TrainingOptions(**options) == TrainingOptions()


@pytest.mark.parametrize(
    ("data", "recipe"),
    [("ring", RECIPES["ring"]), ("mnist", RECIPES["*"]), ("/home/me/pictures", RECIPES["*"])],
)
def test_the_recipe_of_the_data_set_comes_before_the_defaults(data, recipe):
    plan = make_plan("net", data)
    assert plan == Plan(architecture="net", data=data, config=recipe.config, **recipe.options)


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"iterations": 3}, {"iterations": 3}),
        ({"iterations": 0, "seed": 4}, {"iterations": 0, "seed": 4}),
        ({"iterations": None, "loss": None, "mirror": None}, {}),
        ({"mirror": False, "limit": 9}, {"mirror": False, "limit": 9}),
        ({"regularizers": {}}, {"regularizers": {}}),
        ({"regularizers": {"wgan-gp": 1}}, {"regularizers": {"wgan-gp": 1}}),  # in place of, not beside
        ({"augmentations": ["cutout", "color"]}, {"augmentations": ("cutout", "color")}),
        ({"config": {"size": 6}}, {"config": {"size": 6, "widths": (16, 16)}}),
        ({"config": {}}, {}),
    ],
)
def test_what_is_asked_for_comes_before_the_recipe(asked, told):
    assert make_plan("net", "ring", **asked) == dataclasses.replace(make_plan("net", "ring"), **told)


@pytest.mark.parametrize(
    ("asked", "weights"),
    [
        ({"r1": None}, {"r1": 10}),
        ({"roth": None, "label-smoothing": None}, {"roth": 0.1, "label-smoothing": 0.1}),
        ({"wgan-gp": None, "r1": 0}, {"wgan-gp": 10, "r1": 0}),
    ],
)
def test_a_regularizer_has_a_weight_of_its_own(asked, weights):
    assert make_plan("plain", "mnist", regularizers=asked).regularizers == weights


@pytest.mark.parametrize(
    ("text", "schedule"),
    [
        ("constant", ("constant", 1)),
        ("constant=0.25", ("constant", 0.25)),
        ("linear", ("linear", 0.5)),
        ("linear=1", ("linear", 1)),
        ("cosine=0", ("cosine", 0)),
        ("exponential=1e-3", ("exponential", 0.001)),
    ],
)
def test_schedules_may_have_a_setting(text, schedule):
    assert schedule_of(text) == schedule


# What cannot be.

OPTIONS = (
    "iterations, batch_size, accumulate, seed, ema, ema_half_life, precision, schedule, regularizers, "
    "regularize_every, regularize_generator_every, augmentations, freeze, mirror, crop, loss, limit, depth, init, "
    "recipe"
)


@pytest.mark.parametrize(
    ("asked", "error", "message"),
    [
        ({"colors": 1, "color": 2}, InvalidRequestError, f"there is no training option color, colors - use {OPTIONS}"),
        ({"iterations": -1}, InvalidRequestError, "iterations must be a whole number of at least 0, not -1"),
        ({"batch_size": 0}, InvalidRequestError, "batch_size must be a whole number of at least 1, not 0"),
        ({"batch_size": 1.5}, InvalidRequestError, "batch_size must be a whole number of at least 1, not 1.5"),
        ({"accumulate": True}, InvalidRequestError, "accumulate must be a whole number of at least 1, not True"),
        ({"regularize_every": 0}, InvalidRequestError, "regularize_every must be a whole number of at least 1, not 0"),
        ({"seed": 2**63}, InvalidRequestError, "seed must be below 2^63, not 9223372036854775808"),
        ({"seed": -3}, InvalidRequestError, "seed must be a whole number of at least 0, not -3"),
        ({"ema": 1}, InvalidRequestError, "ema must be a number from 0 to below 1, not 1"),
        ({"ema": float("nan")}, InvalidRequestError, "ema must be a number from 0 to below 1, not nan"),
        ({"precision": "fp8"}, InvalidRequestError, "precision must be fp32, bf16 or fp16, not 'fp8'"),
        ({"regularizers": {"r2": 1}}, UnknownNameError, "there is no regularizer 'r2' - did you mean r1?"),
        ({"regularizers": {"r2": None}}, UnknownNameError, "there is no regularizer 'r2' - did you mean r1?"),
        ({"regularizers": {"r1": -1}}, InvalidRequestError, "the weight of r1 must be a number of at least 0, not -1"),
        *(
            (
                {"regularizers": {"r1": w}},
                InvalidRequestError,
                f"the weight of r1 must be a number of at least 0, not {w!r}",
            )
            for w in (float("nan"), float("inf"), "1", True)
        ),
        (
            {"loss": "hinge", "regularizers": {"roth": None}},
            InvalidRequestError,
            "the regularizer roth does not work with the loss hinge - "
            "use minimax or non-saturating, or another regularizer",
        ),
        (
            {"loss": "wasserstein", "regularizers": {"label-smoothing": 0.1}},
            InvalidRequestError,
            "the regularizer label-smoothing does not work with the loss wasserstein - "
            "use minimax or non-saturating or least-squares, or another regularizer",
        ),
        (
            {"augmentations": ["translate"]},
            UnknownNameError,
            "there is no augmentation 'translate' - did you mean translation?",
        ),
        (
            {"schedule": "expo=0.5"},
            UnknownNameError,
            "there is no schedule 'expo' - did you mean exponential?",
        ),
        *(
            (
                {"schedule": f"linear={setting}"},
                InvalidRequestError,
                f"the schedule linear takes a number from 0 to 1, such as linear=0.5, not {setting!r}",
            )
            for setting in ("", "half", "-0.1", "1.5", "nan", "0.5=0.5")
        ),
        ({"loss": "hing"}, UnknownNameError, "there is no loss 'hing' - did you mean hinge?"),
        ({"config": {"size": "big"}}, InvalidConfigError, "net: size is int, not 'big'"),
        ({"config": {"colors": 1}}, InvalidConfigError, "net has no config field colors - its fields are size, widths"),
        ({"architecture": "nut"}, UnknownNameError, "there is no architecture 'nut' - did you mean net?"),
        ({"data": "wrong"}, InvalidRequestError, f"there is no training option colors, config, data - use {OPTIONS}"),
    ],
)
def test_what_cannot_be_is_told_in_a_line(asked, error, message):
    with pytest.raises(GanzooError) as raised:
        make_plan(**({"architecture": "net", "data": "ring"} | asked))
    assert type(raised.value) is error
    assert str(raised.value) == message
    assert raised.value.exit_code == 2


# Runs that go on.


def kept(**asked):
    """What ``run.json`` holds."""
    return json.loads(make_plan(**({"architecture": "net", "data": "ring"} | asked)).as_json())


def test_a_plan_survives_json():
    plan = make_plan("net", "ring", augmentations=["color"], regularizers={"r1": None}, limit=5, schedule="cosine")
    assert plan.as_json().endswith("}\n")
    again = make_plan(**json.loads(plan.as_json()))
    assert plan.differences(json.loads(again.as_json())) == []
    assert again == dataclasses.replace(plan, config={"size": 2, "widths": [16, 16]})  # JSON has no tuples


@pytest.mark.parametrize(
    ("then", "now", "differences"),
    [
        ({}, {}, []),
        ({"iterations": 10}, {"iterations": 20}, []),
        ({"iterations": 10, "schedule": "constant=0.5"}, {"iterations": 20, "schedule": "constant=0.5"}, []),
        (
            {"iterations": 10, "schedule": "linear"},
            {"iterations": 20, "schedule": "linear"},
            ["iterations: 10 then, 20 now"],
        ),
        ({}, {"init": "run"}, ["init: None then, run now"]),
        ({"schedule": "linear=0.5"}, {"schedule": "linear=0.2"}, ["schedule: linear=0.5 then, linear=0.2 now"]),
        ({}, {"config": {"size": 6}}, ["config.size: 2 then, 6 now"]),
        ({}, {"config": {"widths": (16, 8)}}, ["config.widths: [16, 16] then, [16, 8] now"]),
        ({"regularizers": {"r1": 1}}, {"regularizers": {"r1": 2}}, ["regularizers.r1: 1 then, 2 now"]),
        ({"regularizers": {}}, {}, ["regularizers.r1: None then, 0.5 now"]),
        ({}, {"regularize_every": 4}, ["regularize_every: 1 then, 4 now"]),
        ({}, {"augmentations": ["color"]}, ["augmentations: [] then, ['color'] now"]),
        ({"seed": 1, "limit": 5}, {}, ["limit: 5 then, None now", "seed: 1 then, 0 now"]),
    ],
)
def test_differences(then, now, differences, tmp_path, monkeypatch):
    (tmp_path / "run/checkpoints").mkdir(parents=True)  # a run to start from
    monkeypatch.chdir(tmp_path)
    plan = make_plan(**({"architecture": "net", "data": "ring"} | now))
    assert plan.differences(kept(**then)) == differences


def test_what_an_older_run_does_not_say_is_a_difference():
    older = kept()
    del older["batch_size"]
    assert make_plan("net", "ring").differences(older) == ["batch_size: None then, 64 now"]


def test_what_is_newer_than_an_older_run_is_none():
    """Runs of 0.2 know nothing of these options, which had no effect then."""
    older = kept()
    for name in ("ema_half_life", "regularize_generator_every", "recipe"):
        del older[name]
    assert make_plan("net", "ring").differences(older) == []
    assert make_plan("net", "ring", ema_half_life=5).differences(older) == ["ema_half_life: 0 then, 5 now"]


# Recipes by name, and with a rule.


def test_a_recipe_may_be_asked_for_by_name():
    plan = make_plan("net", "photos", recipe="ring")
    assert (plan.data, plan.recipe, plan.iterations, plan.config["size"]) == ("photos", "ring", 5, 2)


def test_a_recipe_that_is_not_there():
    with pytest.raises(InvalidRequestError, match="plain has no recipe 'ring' - its recipes are: none"):
        make_plan("plain", "photos", recipe="ring")


def test_a_rule_sees_the_config_and_the_options_and_gives_way_to_what_is_asked_for():
    def rule(config, options):
        return {"iterations": 100 * config.size, "ema_half_life": 10 * options["batch_size"]}

    ruled = Recipe(config={"size": 3}, options={"batch_size": 8}, rule=rule)
    nets = declaring(architectures=[architecture("net", config=Config, recipes={"*": ruled})])
    plugins = {"losses": ganzoo_losses, "schedules": ganzoo_schedules, "nets": nets}
    lookup.use(registry_of({f"ganzoo:{name}": plugin for name, plugin in plugins.items()}))
    assert make_plan("net", "photos").iterations == 300
    plan = make_plan("net", "photos", config={"size": 4}, batch_size=2, iterations=7)
    assert (plan.iterations, plan.ema_half_life) == (7, 20)


def test_options_are_the_plans_own():
    weights, names = {"r1": 1.0}, ["color"]
    options = TrainingOptions(regularizers=weights, augmentations=names)
    weights["r1"], names[0] = 2.0, "cutout"
    assert (options.regularizers, options.augmentations) == ({"r1": 1.0}, ("color",))


@pytest.mark.parametrize(
    ("architecture", "batch_size", "ema"),
    [
        ("gan", 100, 0.999),
        ("dcgan", 128, 0.999),
        ("biggan", 64, 0.9999),
        ("biggan-deep", 64, 0.9999),
        ("cyclegan", 1, 0),
    ],
)
@pytest.mark.parametrize("data", ["mnist", "cifar10", "photos/"])
def test_what_is_not_said_is_as_the_paper_has_it(architecture, batch_size, ema, data):
    """Whatever the data. docs/reproduce.md lists the exceptions."""
    lookup.use(None)  # the installed plugins
    plan = make_plan(architecture, data)
    assert (plan.batch_size, plan.ema) == (batch_size, ema)

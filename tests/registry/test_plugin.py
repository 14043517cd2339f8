"""Every kind of broken plugin, installed together with good ones: none of them stops `ganzoo list`."""

from __future__ import annotations

import csv
import json
import sys
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any, NamedTuple

import pytest
from click.testing import CliRunner

from ganzoo.cli.main import cli
from ganzoo.errors import PluginError, PluginWarning, UnknownNameError
from ganzoo.registry import lookup
from ganzoo.registry.plugin import PluginState
from ganzoo.registry.registry import Registry
from plugin_factory import install, install_plugin, run, run_python


class Fault(NamedTuple):
    """A fault in a good plugin, and what the message must say. ``# here`` marks the line that it must name."""

    code: str
    stage: str
    cause: str
    target: str = ""  # the entry point's value, where that is what is wrong


def models(body: str, cause: str) -> Fault:
    return Fault(f"@ganzoo.hookimpl\ndef ganzoo_models():\n    {body}\n", "ganzoo_models", cause)


def architectures(body: str, cause: str, before: str = "") -> Fault:
    code = f"{before}\n@ganzoo.hookimpl\ndef ganzoo_architectures():\n    {body}\n"
    return Fault(code, "ganzoo_architectures", cause)


def config(body: str, cause: str) -> Fault:
    before = f"from dataclasses import dataclass\n@dataclass(frozen=True)\nclass Own:\n{body}\n"
    return architectures("yield architecture('x', config=Own)", cause, before)


UNPRINTABLE = """
class Odd(Exception):
    def __str__(self):
        raise RuntimeError
raise Odd  # here
"""
SHAPED = "    image_shape: tuple = (1, 8, 8)\n"
TRANSLATES = SHAPED + "    directions: tuple = ('a2b',)\n    size_multiple: int = 4\n    minimum_size: int = 8\n"


def task_config(task: str, body: str, cause: str) -> Fault:
    """An architecture for that task, whose config has these fields."""
    before = f"from dataclasses import dataclass\n@dataclass(frozen=True)\nclass Own:\n{body}\n"
    return architectures(f"yield architecture('x', config=Own, task=ganzoo.{task})", cause, before)


RAISING_CONFIG = """
    size: int = 1
    def __post_init__(self):
        raise KeyError('odd')  # here
"""

FAULTS = {
    "import-error": Fault("import nowhere_at_all  # here", "import", "ModuleNotFoundError: No module named 'nowhere"),
    "raises": Fault("raise ValueError('boom')  # here", "import", "ValueError: boom"),
    "raises-nothing": Fault("raise ValueError  # here", "import", "ValueError ("),
    "raises-lines": Fault("raise ValueError('one\\n\\n  two')  # here", "import", "ValueError: one two ("),
    "raises-much": Fault("raise ValueError('word ' * 1000)  # here", "import", "word ... ("),
    "unprintable": Fault(UNPRINTABLE, "import", "Odd: <exception str() failed>"),
    "syntax-error": Fault("def  # here", "import", "SyntaxError: invalid syntax"),
    "exits": Fault("import sys; sys.exit(3)  # here", "import", "SystemExit: 3"),
    "base-exception": Fault("raise BaseException('odd')  # here", "import", "BaseException: odd"),
    "generator-exit": Fault("raise GeneratorExit  # here", "import", "GeneratorExit ("),
    "no-attribute": Fault("", "import", "'no_attribute' has no attribute 'absent'", "no_attribute:absent"),
    "no-module": Fault("", "import", "ModuleNotFoundError: No module named 'absent'", "absent"),
    "no-target": Fault("", "import", "AttributeError", "no target!"),
    "no-api": Fault(
        "del GANZOO_API", "version", "it does not define GANZOO_API = (major, minor) - this ganzoo has plugin API"
    ),
    "older-major": Fault("GANZOO_API = (0, 9)", "version", "upgrade the plugin"),
    "previous-major": Fault(
        "GANZOO_API = (1, 0)", "version", "it needs plugin API 1.0, this ganzoo has 2.0 - upgrade the plugin"
    ),
    "newer-major": Fault("GANZOO_API = (3, 0)", "version", "it needs plugin API 3.0, this ganzoo has"),
    "newer-minor": Fault("GANZOO_API = (2, 99)", "version", "upgrade ganzoo"),
    "text-api": Fault(
        "GANZOO_API = '1.0'", "version", "GANZOO_API is '1.0', not a pair of whole numbers such as (2, 0)"
    ),
    "short-api": Fault(
        "GANZOO_API = (1,)", "version", "GANZOO_API is (1,), not a pair of whole numbers such as (2, 0)"
    ),
    "extra-argument": Fault(
        "@ganzoo.hookimpl\ndef ganzoo_layouts(extra): ...", "hooks", "Argument(s) {'extra'} are declared"
    ),
    "misspelt-hook": Fault("@ganzoo.hookimpl\ndef ganzoo_layout(): ...", "hooks", "unknown hook 'ganzoo_layout'"),
    "unmarked-hook": Fault("def ganzoo_models(): ...", "hooks", "ganzoo_models is not marked with @ganzoo.hookimpl"),
    "wrong-marker": Fault(
        "import pluggy\n@pluggy.HookimplMarker('other')\ndef ganzoo_models(): ...",
        "hooks",
        "ganzoo_models is not marked with @ganzoo.hookimpl",
    ),
    "no-hook": Fault(
        "del ganzoo_architectures, ganzoo_losses, ganzoo_models",
        "hooks",
        "no hook - the hooks are ganzoo_architectures",
    ),
    "hook-raises": models("raise KeyError('boom')  # here", "KeyError: 'boom'"),
    "hook-raises-late": models("yield model('x', 'gan'); raise KeyError('boom')  # here", "KeyError: 'boom'"),
    "hook-exits": models("import sys; sys.exit(0)  # here", "SystemExit: 0"),
    "forgets-return": models("[model('x', 'gan')]", "it returned None, not records"),
    "returns-number": models("return 5", "TypeError: 'int' object is not iterable"),
    "returns-one": models("return model('x', 'gan')", "TypeError: 'PretrainedModel' object is not iterable"),
    "returns-text": models("return ['x\\n' * 1000]", "it returned 'x\\nx\\n"),
    "returns-none": models(
        "return [model('x', 'gan'), None]", "it returned None, which is not of type PretrainedModel"
    ),
    "returns-others": models("yield loss('x')", "which is not of type PretrainedModel"),
    "returns-no-end": models(
        "for i in range(10**9): yield model(f'x{i}', 'gan')", "it returns more than 10,000 records - does its loop end"
    ),
    "returns-no-end-of-others": models("while True: yield 5", "it returned 5, which is not of type PretrainedModel"),
    "penalises-by-loss": Fault(
        "@ganzoo.hookimpl\ndef ganzoo_regularizers():\n    yield loss('x')",
        "ganzoo_regularizers",
        "which is not of type Regularizer",
    ),
    "twice": models("return [model('x', 'gan'), model('x', 'gan')]", "it declares x twice"),
    "bad-name": models("yield model('A B', 'gan')", "'A B' is not a name"),
    "bad-sha256": models(
        "BundledFile(package='p', path='q', sha256='12')  # here", "p/q: sha256 '12' is not 64 lower-case hex digits"
    ),
    "bad-revision": models("hub_file(revision='main')", "a/b: revision 'main' is not a 40-digit commit"),
    "bad-task": architectures(
        "yield architecture('x', task='draw')", "Architecture x: task is 'draw', not a subclass of Task"
    ),
    "bad-config": architectures(
        "yield architecture('x', config=dict)", "Architecture x: config is <class 'dict'>, not a frozen dataclass"
    ),
    "bad-license": models("yield model('x', 'gan', license=3)", "PretrainedModel x: license is 3, not a text or None"),
    "text-classes": models(
        "yield model('x', 'gan', classes='cat')", "PretrainedModel x: classes is 'cat', not a tuple"
    ),
    "bad-size": models("hub_file(size='12')", "HubFile a/b: size is '12', not a whole number or None"),
    # these faults show only when all plugins are loaded
    "no-architecture": models("yield model('x', 'nowhere')", "there is no architecture 'nowhere'"),
    "no-loss": architectures("yield architecture('x', default_loss='nowhere')", "there is no loss 'nowhere'"),
    "no-field": models("yield model('x', 'no-field', config={'depth': 3})", "x has no config field depth"),
    "no-value": models("yield model('x', 'no-value', config={'size': 0})", "x: size is at least 1, not 0"),
    "no-default": config("    size: int", "missing 1 required positional argument: 'size'"),
    "no-shape": config(
        "    image_shape: tuple = (8, 8)", "x: Own.image_shape is (8, 8), not the (C, H, W) of one image"
    ),
    "no-classes": task_config("ClassConditional", SHAPED, "x: Own has no field 'classes', the number of classes"),
    "fixed-classes": task_config(
        "ClassConditional",
        SHAPED + "    @property\n    def classes(self): return 3",
        "x: Own has no field 'classes', the number of classes",
    ),
    "no-number-of-classes": task_config(
        "ClassConditional", SHAPED + "    classes: tuple = ('cat',)", "x: Own.classes is ('cat',), not the number of"
    ),
    "no-directions": task_config("ImageToImage", SHAPED, "x: Own has no field or property 'directions', the names of"),
    "one-direction": task_config(
        "ImageToImage", SHAPED + "    directions: str = 'a2b'", "x: Own.directions is 'a2b', not the names of its"
    ),
    "no-routes": task_config(
        "ImageToImage", TRANSLATES, "x: Own has no field or property 'routes', for each direction"
    ),
    "other-routes": task_config(
        "ImageToImage",
        TRANSLATES + "    @property\n    def routes(self): return {'b2a': ('b', 'a')}",
        "x: Own.routes is {'b2a': ('b', 'a')}, not for each direction",
    ),
    "no-multiple": task_config(
        "ImageToImage",
        TRANSLATES.replace("4", "0") + "    @property\n    def routes(self): return {'a2b': ('a', 'b')}",
        "x: Own.size_multiple is 0, not the whole number that both sides",
    ),
    "raising-config": config(RAISING_CONFIG, "KeyError: 'odd'"),
    "no-bundle": models(
        "yield model('x', 'gan', weights=BundledFile(package='email', path='x.y', sha256='0' * 64))",
        "x: the package email has no file x.y",
    ),
    "no-package": models(
        "yield model('x', 'gan', weights=BundledFile(package='absent', path='x.y', sha256='0' * 64))",
        "ModuleNotFoundError: No module named 'absent'",
    ),
}
INCOMPATIBLE = {"no-api", "older-major", "previous-major", "newer-major", "newer-minor", "text-api", "short-api"}

LOUD = """
import sys, time, warnings
print("printed at import")
warnings.warn("warned at import")
time.sleep(0.2)

@ganzoo.hookimpl
def ganzoo_layouts():
    print("printed by a hook")
    return []
"""
GOOD = ("good-a:shared", "good-b:shared", "good-loud:main")


def install_good(site: Path) -> None:
    install_plugin(site, "good-a", entry_point="shared")
    install_plugin(site, "good-b", entry_point="shared")
    install_plugin(site, "good-loud", LOUD)


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder where every bad plugin is installed, and some good ones."""
    site = tmp_path_factory.mktemp("crowd")
    install_good(site)
    for name, fault in FAULTS.items():
        install_plugin(site, name, fault.code, target=fault.target)
    return site


@pytest.fixture(scope="module")
def listed(crowd: Path) -> CompletedProcess[str]:
    return run(crowd, "list", "--json")


@pytest.fixture(scope="module")
def states(crowd: Path) -> dict[str, Any]:
    return {row["plugin"]: row for row in json.loads(run(crowd, "plugins", "--json").stdout)}


def test_list_goes_on(listed: CompletedProcess[str]) -> None:
    assert listed.returncode == 0
    names = {row["name"] for row in json.loads(listed.stdout)}
    assert names == {*lookup.models(), "good-a-test", "good-b-test", "good-loud-test"}


def test_stderr_holds_two_lines_for_each_fault_and_what_plugins_print(listed: CompletedProcess[str]) -> None:
    lines = [line for line in listed.stderr.splitlines() if not line.startswith("printed")]
    assert len(lines) == 2 * len(FAULTS)
    assert len(listed.stderr.splitlines()) == len(lines) + 2


@pytest.mark.parametrize("name", FAULTS)
def test_fault_is_named(name: str, listed: CompletedProcess[str], crowd: Path) -> None:
    lines = listed.stderr.splitlines()
    start = f"ganzoo: warning: plugin {name}:main 1.0 is not loaded: {FAULTS[name].stage}: "
    [at] = [i for i, line in enumerate(lines) if line.startswith(start)]
    assert FAULTS[name].cause in lines[at]
    assert len(lines[at]) < 600
    assert lines[at + 1] == f"  upgrade it, or hide this message with GANZOO_DISABLE_PLUGINS={name}:main"


@pytest.mark.parametrize("name", [name for name, fault in FAULTS.items() if "# here" in fault.code])
def test_line_to_blame_is_named(name: str, listed: CompletedProcess[str], crowd: Path) -> None:
    module = crowd / f"{name.replace('-', '_')}.py"
    line = next(i for i, text in enumerate(module.read_text().splitlines(), 1) if "# here" in text)
    [line_of_plugin] = [text for text in listed.stderr.splitlines() if f" plugin {name}:main " in text]
    assert line_of_plugin.endswith(f" ({module}:{line})")


@pytest.mark.parametrize("name", FAULTS)
def test_nothing_of_a_broken_plugin_stays(name: str, states: dict[str, Any]) -> None:
    row = states[f"{name}:main"]
    assert row["state"] == ("incompatible" if name in INCOMPATIBLE else "broken")
    assert row["declares"] == {}


@pytest.mark.parametrize("key", GOOD)
def test_good_plugins_load(key: str, states: dict[str, Any]) -> None:
    name = key.partition(":")[0]
    row = states[key]
    assert (row["state"], row["version"], row["problem"]) == ("loaded", "1.0", "")
    assert row["declares"] == {"architectures": [name], "losses": [name], "models": [f"{name}-test"]}


def test_builtin_plugins_load_first(states: dict[str, Any]) -> None:
    builtin = [key for key in states if key.startswith("ganzoo:")]
    assert list(states) == builtin + sorted(
        (key for key in states if key not in builtin), key=lambda key: key.split(":")
    )
    assert {states[key]["state"] for key in builtin} == {"loaded"}


def test_time_is_shown(states: dict[str, Any]) -> None:
    assert 200 <= states["good-loud:main"]["import_ms"] < 20_000
    assert states["good-a:shared"]["import_ms"] < 200


def test_plugins_as_text(crowd: Path, states: dict[str, Any]) -> None:
    finished = run(crowd, "plugins")
    rows = list(csv.DictReader(finished.stdout.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE))
    assert finished.returncode == 0
    assert list(rows[0]) == list(states[rows[0]["plugin"]])
    for row in rows:
        same = ("version", "state", "api")
        assert [row[column] for column in same] == [states[row["plugin"]][column] for column in same]
        declared = [name for names in states[row["plugin"]]["declares"].values() for name in names]
        assert all(name in row["declares"] for name in declared)
    assert [row["plugin"] for row in rows] == list(states)


def test_indexes_hold_only_good_records(crowd: Path) -> None:
    code = """
import json, warnings
from ganzoo.registry.registry import Registry
found = Registry.discover()
print(json.dumps([list(index) for index in (found.architectures, found.losses, found.layouts)]))
"""
    found = run_python(crowd, "-c", code, GANZOO_DISABLE_PLUGINS="ganzoo,good-loud")
    assert json.loads(found.stdout) == [["good-a", "good-b"], ["good-a", "good-b"], []]


def test_unknown_name_may_be_a_broken_plugins(tmp_path: Path) -> None:
    install_plugin(tmp_path, "horses", "raise ValueError")
    finished = run(tmp_path, "pull", "horses-test")
    last = finished.stderr.splitlines()[-1]
    assert finished.returncode == 2
    assert last.startswith("ganzoo: error: there is no model or feature extractor 'horses-test'")
    assert last.endswith("; a plugin that is not loaded may provide it: horses:main is broken")
    silenced = run(tmp_path, "--no-plugins", "pull", "horses-test")
    assert silenced.returncode == 2
    assert silenced.stderr.endswith("; a plugin that is not loaded may provide it: horses:main is disabled\n")


def test_strict(tmp_path: Path) -> None:
    install_plugin(tmp_path, "good")
    strict = {"GANZOO_STRICT_PLUGINS": "1"}
    assert run(tmp_path, "list", **strict).returncode == 0
    install_plugin(tmp_path, "bad", "raise ValueError('boom')")
    finished = run(tmp_path, "list", **strict)
    assert (finished.returncode, finished.stdout) == (1, "")
    assert finished.stderr.startswith("ganzoo: error: plugin bad:main 1.0 is not loaded: import: ValueError: boom (")
    assert run(tmp_path, "list", **strict, GANZOO_DISABLE_PLUGINS="bad").returncode == 0


@pytest.mark.parametrize("name", ["raises", "raises:main"])
def test_debug_shows_the_traceback(name: str, crowd: Path) -> None:
    finished = run(crowd, "plugins", "--debug", name)
    assert finished.returncode == 0
    assert finished.stdout.startswith("Traceback (most recent call last)")
    assert finished.stdout.rstrip().endswith("ValueError: boom")
    assert str(crowd / "raises.py") in finished.stdout


# In this process, with a path that is taken back.


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder on the path: a plugin installed in it is found as long as the test runs."""
    monkeypatch.syspath_prepend(tmp_path)
    known = set(sys.modules)
    yield tmp_path
    for module in [name for name in set(sys.modules) - known if (tmp_path / f"{name}.py").exists()]:
        del sys.modules[module]


def disabled_of(registry: Registry) -> set[str]:
    return {plugin.key for plugin in registry.plugins if plugin.state is PluginState.DISABLED}


@pytest.mark.parametrize(
    ("setting", "keys"),
    [
        ("", set()),
        (" , ", set()),
        ("good-a", {"good-a:shared"}),
        ("Good_A", {"good-a:shared"}),
        ("shared", {"good-a:shared", "good-b:shared"}),
        ("good-b:shared", {"good-b:shared"}),
        ("good-a, good-b:shared,nobody", {"good-a:shared", "good-b:shared"}),
        ("*", set(GOOD)),
        ("ganzoo:dcgan", {"ganzoo:dcgan"}),
    ],
)
def test_disabled_plugins_are_not_even_imported(
    setting: str, keys: set[str], site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_good(site)
    monkeypatch.setenv("GANZOO_DISABLE_PLUGINS", setting)
    registry = Registry.discover()
    assert disabled_of(registry) == keys
    for key in GOOD:
        name = key.partition(":")[0]
        assert (name in registry.architectures) == (key not in keys)
        assert (name.replace("-", "_") in sys.modules) == (key not in keys)
    assert not registry.broken


def test_no_plugins(site: Path) -> None:
    install_plugin(site, "bad", "raise ValueError")
    finished = CliRunner().invoke(cli, ["--no-plugins", "plugins", "--json"])
    assert finished.exit_code == 0
    assert finished.stderr == ""
    rows = {row["plugin"]: row["state"] for row in json.loads(finished.stdout)}
    assert rows.pop("bad:main") == "disabled"
    assert set(rows.values()) == {"loaded"}


def test_debug_of_an_unknown_plugin(site: Path) -> None:
    finished = CliRunner().invoke(cli, ["plugins", "--debug", "nobody"])
    assert finished.exit_code == 2
    assert "no plugin 'nobody' is installed" in finished.stderr


def test_library_warns_of_each_broken_plugin_once(site: Path) -> None:
    install_plugin(site, "bad-a", "raise ValueError")
    install_plugin(site, "bad-b", "GANZOO_API = (3, 0)")
    lookup.use(None)
    with pytest.warns(PluginWarning) as warned:
        lookup.models()
    assert [str(w.message).split(" is not loaded")[0] for w in warned] == [
        "plugin bad-a:main 1.0",
        "plugin bad-b:main 1.0",
    ]
    lookup.models()


def test_ctrl_c_during_an_import_is_the_users(site: Path) -> None:
    install_plugin(site, "slow", "raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        Registry.discover()
    listed = run(site, "list")
    assert (listed.returncode, listed.stdout) == (130, "")
    remedy = "hide it with GANZOO_DISABLE_PLUGINS=slow:main"
    assert listed.stderr.strip() == f"ganzoo: error: interrupted while plugin slow:main was loaded - {remedy}"


def test_strict_error_names_the_plugin(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_plugin(site, "bad", "GANZOO_API = (3, 0)")
    monkeypatch.setenv("GANZOO_STRICT_PLUGINS", "1")
    with pytest.raises(PluginError, match=r"plugin bad:main 1\.0 is not loaded: version"):
        Registry.discover()


def test_first_distribution_on_the_path_counts(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_plugin(site, "twofold")
    (site / "older").mkdir()
    install(site / "older", "twofold", {}, {"main": "absent"}, version="0.9")
    monkeypatch.setattr(sys, "path", [*sys.path, str(site / "older")])
    found = Registry.discover()
    assert [(p.key, p.version, p.state) for p in found.plugins if p.distribution == "twofold"] == [
        ("twofold:main", "1.0", PluginState.LOADED)
    ]


def test_damaged_installations_do_no_harm(site: Path) -> None:
    install_plugin(site, "good")
    install(site, "nameless", {}, {"main": "absent"})
    (site / "nameless-1.0.dist-info" / "METADATA").unlink()
    install(site, "garbled", {}, {})
    (site / "garbled-1.0.dist-info" / "entry_points.txt").write_text("[ganzoo]\nno equals sign\n")
    registry = Registry.discover()
    assert "good-test" in registry.models
    assert [plugin.key for plugin in registry.broken] == ["unknown:main"]


def test_broken_plugins_names_are_free(site: Path) -> None:
    install_plugin(site, "first", "raise ValueError")
    install_plugin(
        site, "second", "@ganzoo.hookimpl\ndef ganzoo_losses():\n    yield loss('first')\n    yield loss('second')"
    )
    registry = Registry.discover()
    assert registry.losses["first"].load() == "first"
    with pytest.raises(UnknownNameError, match=r"may provide it: first:main is broken$"):
        registry.models["first-test"]


def test_two_threads_discover_the_plugins_once(site: Path) -> None:
    """Else the filters of warnings that one thread puts back may be those that the other one has set."""
    install_plugin(site, "slow", "import time\ntime.sleep(0.2)")
    lookup.use(None)
    before = list(warnings.filters)
    with ThreadPoolExecutor(8) as pool:
        registries = list(pool.map(lambda _: lookup.registry(), range(8)))
    assert len({id(registry) for registry in registries}) == 1
    assert warnings.filters == before

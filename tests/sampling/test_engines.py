"""Engines: prepared once, believed after a comparison, and left out with one line that says why."""

from __future__ import annotations

import copy
import errno
import os
import pickle
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import huggingface_hub.utils._cache_assets as assets
import pytest
import torch

from ganzoo import Engine, EngineFunctions, Model
from ganzoo.errors import InvalidRequestError, UnknownNameError
from ganzoo.registry import lookup
from ganzoo.sampling import engine_generator, prepared_forms
from ganzoo.sampling.comparison import is_faster
from ganzoo.testing.engines import assert_engine_agrees
from ganzoo.testing.tiny import make_images, trained_model
from ganzoo.utils import devices


class Graph:
    """A real engine: PyTorch's exported graph in a file. It counts what it does, and may change its images."""

    def __init__(self):
        self.prepared = self.opened = 0
        self.change = lambda images: images

    def prepare(self, network, folder):
        self.prepared += 1
        torch.export.save(network.export(), folder / "graph.pt2")

    def open(self, network, folder):
        self.opened += 1
        module = torch.export.load(folder / "graph.pt2").module()
        return lambda inputs: self.change(module(**inputs))


def declare(name, graph, **changes):
    facts = {"summary": "a test", "source": "none", "devices": ("cpu",)}
    engine = Engine(name=name, **(facts | changes), load=lambda: EngineFunctions(graph.prepare, graph.open))
    lookup.registry().engines.put("ganzoo-graph", engine)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr(assets, "HF_ASSETS_CACHE", str(tmp_path / "assets"))
    return tmp_path / "assets" / "ganzoo" / "engines" / "default"


@pytest.fixture
def graph(cache):
    graph = Graph()
    declare("graph", graph)
    return graph


@pytest.fixture
def plain():
    return trained_model("dcgan")


def on(plain, engine="graph"):
    """A model with the same GAN that uses an engine."""
    return Model(plain.gan, plain.task, plain.config, name=plain.name, fuse=True).use(engine=engine)


def same(images, expected):
    return torch.allclose(images, expected, rtol=0, atol=1e-5)


def lines(caplog):
    """What ganzoo tells people; PyTorch logs too."""
    return [r.getMessage() for r in caplog.records if r.name.startswith("ganzoo") and r.levelname == "WARNING"]


def kept(cache):
    return sorted(cache.iterdir()) if cache.is_dir() else []


# --- prepared once ----------------------------------------------------------------------------


def test_it_is_prepared_once_and_then_read(graph, cache, plain):
    expected = plain.sample(5)
    model = on(plain)
    assert (model.engine, graph.prepared) == ("torch", 0)
    assert same(model.sample(5, batch_size=2), expected)
    assert (model.engine, graph.prepared, graph.opened) == ("graph", 1, 1)
    assert same(on(plain).sample(5), expected)
    assert (graph.prepared, graph.opened) == (1, 2)
    [folder] = kept(cache)
    assert sorted(path.name for path in folder.iterdir()) == ["graph.pt2", "prepared.json"]


@pytest.mark.parametrize("change", ["in place", "optimizer", "another tensor"])
def test_other_weights_are_prepared_anew(graph, plain, change):
    model = on(plain)
    before = model.sample(2)
    parameters = list(plain.gan.parameters())
    with torch.no_grad():
        if change == "in place":
            parameters[0].mul_(1.5)
        elif change == "optimizer":
            parameters[0].grad = torch.ones_like(parameters[0])
            torch.optim.Adam(parameters[:1], 0.1, fused=True).step()
            parameters[0].grad = None
        else:
            plain.gan.generator[0].weight = torch.nn.Parameter(parameters[0] * 1.5)
    expected = plain.sample(2)
    assert not same(before, expected)
    assert same(model.sample(2), expected)
    assert graph.prepared == 2


def test_while_it_is_trained_torch_generates(graph, plain):
    model = on(plain)
    plain.gan.generator[1].train()
    model.sample(2)
    assert graph.prepared == 0


@pytest.mark.parametrize("damage", ["bytes", "missing", "no list", "list"])
def test_a_damaged_form_is_prepared_anew(graph, cache, plain, damage):
    expected = on(plain).sample(2)
    [folder] = kept(cache)
    if damage == "bytes":
        content = (folder / "graph.pt2").read_bytes()
        (folder / "graph.pt2").write_bytes(content[:-1] + b"x")
    elif damage == "list":
        (folder / "prepared.json").write_text('{"graph.pt2": 3}')
    else:
        (folder / {"missing": "graph.pt2", "no list": "prepared.json"}[damage]).unlink()
    assert same(on(plain).sample(2), expected)
    assert graph.prepared == 2
    assert same(on(plain).sample(2), expected)
    assert graph.prepared == 2


def test_a_form_that_gives_other_images_is_prepared_anew(graph, plain):
    """As after an upgrade of the architecture's code, which the name of the folder does not know."""
    expected = on(plain).sample(2)
    calls = []

    def once(images):
        calls.append(len(images))
        return images + 1 if len(calls) == 1 else images

    graph.change = once
    assert same(on(plain).sample(2), expected)
    assert (graph.prepared, calls[0]) == (2, 2)


def test_a_cache_that_cannot_be_written_costs_only_time(graph, cache, plain, monkeypatch, caplog):
    cache.parents[2].write_text("a file where the cache should be")
    for _ in range(2):
        assert same(on(plain).sample(2), plain.sample(2))
    assert (graph.prepared, lines(caplog)) == (2, [])


def test_a_full_disk_costs_only_time(graph, cache, plain, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(shutil, "copytree", full)
    assert same(on(plain).sample(2), plain.sample(2))
    assert kept(cache) == []


def test_the_oldest_forms_are_removed(graph, cache, plain, monkeypatch):
    monkeypatch.setattr(prepared_forms, "KEPT", 2)
    for i in range(3):
        with torch.no_grad():
            next(plain.gan.parameters()).mul_(1.1)
        on(plain).sample(1)
        os.utime(max(kept(cache), key=lambda folder: folder.stat().st_mtime), (i + 1e9, i + 1e9))
    assert (len(kept(cache)), graph.prepared) == (2, 3)


def test_inputs_of_another_name_are_another_function(graph):
    plain = trained_model("cyclegan")
    model = on(plain)
    image = torch.rand(3, 33, 21) * 2 - 1
    for direction in plain.config.directions:
        assert same(model.translate(image, direction=direction), plain.translate(image, direction=direction))
    assert graph.prepared == 2


# --- believed after a comparison ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda images: images + 2e-4, "EngineError: its images differ from PyTorch's by up to 0.0002"),
        (lambda images: images * torch.nan, "EngineError: its images differ from PyTorch's by up to nan"),
        (lambda images: images[:, :1], "EngineError: its images have the shape (2, 1, 16, 16), not (2, 3, 16, 16)"),
        (lambda images: images if len(images) == 2 else images + 1, "EngineError: its images differ"),
    ],
    ids=["differs", "nan", "shape", "other batches"],
)
def test_an_engine_with_other_images_is_not_used(graph, cache, plain, caplog, change, reason):
    graph.change = change
    model = on(plain)
    assert same(model.sample(3), plain.sample(3))
    model.sample(3)
    [line] = lines(caplog)
    assert line.startswith(f"the engine graph is not used: {reason}")
    assert line.endswith(" - torch generates the images instead")
    assert (model.engine, kept(cache)) == ("torch", [])


def test_an_engine_with_other_images_of_another_size_is_not_used(graph, caplog):
    plain = trained_model("cyclegan")
    side = plain.image_shape[1]
    graph.change = lambda images: images if images.shape[2] == side else images + 1
    make_images(on(plain), 1)
    assert "its images differ" in caplog.text


def test_an_engine_that_cannot_take_the_network_is_not_used(graph, plain, caplog, monkeypatch):
    monkeypatch.setattr(graph, "prepare", lambda network, folder: 1 / 0)
    assert same(on(plain).sample(2), plain.sample(2))
    text = "the engine graph is not used: ZeroDivisionError: division by zero - torch generates the images instead"
    assert lines(caplog) == [text]


def test_an_engine_that_takes_only_the_plain_function_gets_it(graph, plain, monkeypatch):
    prepare, taken = graph.prepare, []

    def picky(network, folder):
        taken.append(network)
        if len(taken) == 1:
            raise RuntimeError("not this one")
        prepare(network, folder)

    monkeypatch.setattr(graph, "prepare", picky)
    model = on(plain)
    assert same(model.sample(2), plain.sample(2))
    assert (model.engine, len(taken)) == ("graph", 2)


def test_an_engine_that_fails_later_is_left(graph, plain, caplog):
    model = on(plain)
    model.sample(2)
    graph.change = lambda images: 1 / 0
    for _ in range(2):
        assert same(model.sample(2), plain.sample(2))
    assert lines(caplog) == [
        "the engine graph failed (ZeroDivisionError: division by zero) - torch generates the images instead"
    ]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (
            {"requires": ("no-such-package",), "install": "pip install no-such-package"},
            "no-such-package not installed: pip install no-such-package",
        ),
        ({"devices": ("cuda",)}, "it computes on cuda, not on cpu"),
    ],
)
def test_what_is_not_here_is_not_used(graph, plain, caplog, changes, reason):
    declare("absent", graph, **changes)
    assert same(on(plain, "absent").sample(2), plain.sample(2))
    assert lines(caplog) == [f"the engine absent is not used: {reason} - torch generates the images instead"]


def test_auto_is_the_fastest_that_is_installed_and_right(cache, plain, monkeypatch, caplog):
    engines = lookup.registry().engines
    for name in list(engines):
        monkeypatch.setitem(engines._owners[name], "ganzoo", replace(engines[name], speed={}))  # whatever is installed
    answers = iter([False, True])
    monkeypatch.setattr(engine_generator, "is_faster", lambda *given: next(answers))
    made = {name: Graph() for name in ("unknown", "slow", "wrong", "hasty", "good", "absent")}
    declare("unknown", made["unknown"])
    declare("slow", made["slow"], speed={"cpu": 0.9})
    declare("good", made["good"], speed={"cpu": 1.5})
    declare("hasty", made["hasty"], speed={"cpu": 2})
    declare("wrong", made["wrong"], speed={"cpu": 3})
    declare("absent", made["absent"], speed={"cpu": 9}, requires=("no-such-package",))
    made["wrong"].change = lambda images: -images
    model = on(plain, "auto")
    assert same(model.sample(2), plain.sample(2))
    assert model.engine == "good"
    assert [name for name, graph in made.items() if graph.prepared] == ["wrong", "hasty", "good"]
    [line] = lines(caplog)
    assert line.startswith("the engine wrong is not used: EngineError: its images differ from PyTorch's by up to ")
    assert line.endswith(" - the next engine is tried")


def test_the_faster_function_is_found():
    calls = []

    def function(name, seconds):
        return lambda inputs: calls.append(name) or time.sleep(seconds) or torch.zeros(1)

    quick, slow = function("quick", 0), function("slow", 0.05)
    assert is_faster(quick, slow, {})
    assert calls[:4] == ["quick", "slow", "quick", "slow"]
    assert not is_faster(slow, quick, {})


def test_auto_leaves_the_images_to_torch_where_it_is_faster(graph, plain, monkeypatch, caplog):
    declare("graph", graph, speed={"cpu": 9})
    monkeypatch.setattr(engine_generator, "is_faster", lambda *given: False)
    model = on(plain, "auto")
    assert same(model.sample(2), plain.sample(2))
    assert model.engine == "torch"
    assert lines(caplog) == []


def test_a_named_engine_prepares_nothing_for_torch(graph, plain, monkeypatch):
    model = on(plain)
    monkeypatch.setattr(Model, "_by_torch", None)
    model.sample(2)
    assert model.engine == "graph"


# --- copies, threads, processes -----------------------------------------------------------------


def test_copies_and_pickles_open_their_own(graph, plain):
    model = on(plain)
    expected = model.sample(2)
    for copied in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert same(copied.sample(2), expected)
        assert copied.engine == "graph"
    assert (graph.prepared, graph.opened) == (1, 3)


def test_threads_share_one(graph, plain):
    model = on(plain)
    expected = plain.sample(8)
    with ThreadPoolExecutor(4) as pool:
        images = list(pool.map(lambda seed: model.sample(1, seed=seed), range(8)))
    assert same(torch.cat(images), expected)
    assert graph.prepared == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.filterwarnings("ignore:.*fork")
def test_a_forked_process_uses_torch(graph, plain):
    model = on(plain)
    expected = model.sample(1)
    graph.change = lambda images: 1 / 0
    child = os.fork()
    if not child:
        os._exit(0 if same(model.sample(1), expected) else 1)
    assert os.waitpid(child, 0)[1] == 0


# --- requests -----------------------------------------------------------------------------------


def test_wrong_engines_and_precisions_are_refused(plain):
    with pytest.raises(UnknownNameError, match="there is no engine 'openvin' - did you mean openvino"):
        plain.use(engine="openvin")
    with pytest.raises(InvalidRequestError, match="there is no precision 'fp8' - use fp32 or bf16"):
        plain.use(precision="fp8")
    with pytest.raises(InvalidRequestError, match="the engine openvino computes in fp32 - leave out bf16"):
        plain.use(engine="openvino", precision="bf16")


def test_bf16_states_its_difference(plain):
    expected = plain.sample(6)
    assert plain.bf16_difference() is None
    with torch.no_grad():
        expected = [parameter.mul_(3) for parameter in plain.gan.parameters()] and plain.sample(6)
    images = plain.use(precision="bf16").sample(6)
    assert images.dtype == torch.float32
    largest, mean = plain.bf16_difference()
    assert largest == pytest.approx(float((images - expected)[:4].abs().max()), rel=0.05)
    assert 0 < mean < largest < 0.2
    assert plain.precision == "bf16"
    assert same(plain.use().sample(6), expected)
    assert plain.bf16_difference() is None


def test_auto_does_not_change_bf16(graph, plain):
    declare("graph", graph, speed={"cpu": 9})
    plain.use(engine="auto", precision="bf16").sample(1)
    assert graph.prepared == 0


@pytest.fixture
def no_bf16(monkeypatch):
    devices.note_slow_bf16.cache_clear()
    monkeypatch.setattr(devices, "has_bf16", lambda device: False)
    yield
    devices.note_slow_bf16.cache_clear()


def test_a_processor_without_bf16_is_named_once(no_bf16, plain, caplog):
    for _ in range(2):
        plain.use(precision="bf16")
    assert lines(caplog) == [
        "this processor has no bf16 instructions: bf16 takes about twice the time of fp32 here - "
        "leave out --precision bf16"
    ]


def test_training_says_it_too(no_bf16, caplog):
    from ganzoo.testing import tiny_loop

    tiny_loop("gan", 1, precision="bf16")
    assert "this processor has no bf16 instructions" in caplog.text
    assert devices.note_slow_bf16.cache_info().currsize == 1


@pytest.mark.parametrize(
    ("machine", "found", "expected"),
    [
        ("x86_64", {"_is_avx512_bf16_supported": True, "_is_amx_tile_supported": False}, True),
        ("AMD64", {"_is_avx512_bf16_supported": False, "_is_amx_tile_supported": True}, True),
        ("x86_64", {"_is_avx512_bf16_supported": False, "_is_amx_tile_supported": False}, False),
        ("riscv64", {"_is_avx512_bf16_supported": True, "_is_amx_tile_supported": True}, None),
    ],
)
def test_bf16_instructions_are_looked_for(monkeypatch, machine, found, expected):
    monkeypatch.setattr("platform.machine", lambda: machine)
    for name, value in found.items():
        monkeypatch.setattr(torch.cpu, name, lambda value=value: value)
    if expected is None:
        expected = bool(torch.backends.mkldnn.is_available() and torch.ops.mkldnn._is_mkldnn_bf16_supported())
    assert devices.has_bf16(torch.device("cpu")) is expected


# --- architectures ------------------------------------------------------------------------------


@pytest.mark.parametrize("architecture", ["dcgan", "cyclegan", "biggan"])
def test_built_in_architectures_can_be_exported(architecture):
    """The conformance suite lets an architecture pass that engines cannot take."""
    assert_engine_agrees(trained_model(architecture), "torch")


def test_a_wrong_engine_does_not_conform(graph):
    graph.change = lambda images: images + (len(images) > 3)
    with pytest.raises(AssertionError, match="graph differs from PyTorch by 1 for"):
        assert_engine_agrees(trained_model("gan"), "graph")

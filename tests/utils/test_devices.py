"""Devices by their names."""

import inspect

import pytest
import torch

import ganzoo
from ganzoo.errors import InvalidRequestError
from ganzoo.utils import devices
from ganzoo.utils.devices import resolve_device, seed_device


@pytest.mark.parametrize("name", ["cpu", "cpu:0"])
def test_the_cpu_is_always_there(name):
    assert resolve_device(name) == torch.device(name)


@pytest.mark.parametrize(
    ("cuda", "mps", "expected"),
    [(True, True, "cuda"), (True, False, "cuda"), (False, True, "mps"), (False, False, "cpu")],
)
def test_auto_is_the_first_that_is_there(monkeypatch, cuda, mps, expected):
    monkeypatch.setattr("torch.cuda.is_available", lambda: cuda)
    monkeypatch.setattr("torch.backends.mps.is_available", lambda: mps)
    assert resolve_device("auto") == torch.device(expected)


def test_auto_can_be_used():
    assert torch.ones(1, device=resolve_device("auto")).item() == 1


@pytest.mark.parametrize("name", ["gpu", "GPU", "CPU", "", " cpu", "cuda:x", "cuda:-1", "cpu;", "0", "cuda:0:1"])
def test_nonsense_is_told_what_there_is(name):
    with pytest.raises(InvalidRequestError, match=f"^'{name}' is not a device - use auto, cpu, cuda, cuda:1 or mps$"):
        resolve_device(name)


@pytest.mark.parametrize("name", ["meta", "cuda:99", "xla", "hpu", "vulkan", "opengl"])
def test_a_device_that_holds_no_values_or_is_not_here(name):
    with pytest.raises(
        InvalidRequestError, match=rf"^this machine has no device {name} \(.*\) - use --device cpu$"
    ) as caught:
        resolve_device(name)
    assert caught.value.exit_code == 2
    assert len(str(caught.value)) < 250  # PyTorch's own text may fill a screen
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is one")
@pytest.mark.parametrize("name", ["cuda", "cuda:0", "cuda:1"])
def test_cuda_where_there_is_none(name):
    with pytest.raises(InvalidRequestError, match=f"^this machine has no device {name}"):
        resolve_device(name)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is none")
def test_cuda_where_there_is_one():
    assert resolve_device("cuda") == torch.device("cuda")
    with pytest.raises(InvalidRequestError, match=r"^this machine has no device cuda:64"):
        resolve_device("cuda:64")


def test_seeding_is_that_of_pytorch():
    seed_device(2**40 + 5, torch.device("cpu"))
    numbers = torch.rand(4)
    torch.manual_seed(2**40 + 5)
    assert torch.equal(torch.rand(4), numbers)


def test_the_default_device_is_the_same_everywhere(monkeypatch):
    for function in (ganzoo.load, ganzoo.evaluate, ganzoo.Trainer):
        assert inspect.signature(function).parameters["device"].default == "auto"
    asked = []
    monkeypatch.setattr(devices, "resolve_device", lambda name: asked.append(name) or torch.device("cpu"))
    ganzoo.load("dcgan-mnist")
    assert asked == ["auto"]

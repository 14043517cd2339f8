"""OpenVINO as an engine."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

import openvino
import torch
from torch import Tensor

from ganzoo import EngineFunctions, SamplingNetwork

__all__ = ["FUNCTIONS"]

_FILE = "model.xml"


def _prepare(network: SamplingNetwork, folder: Path) -> None:
    # Given the network itself, OpenVINO traces it, and gets other pictures for attention; the exported graph is right.
    exported = network.export()
    with _without_telemetry():
        model = openvino.convert_model(exported)
    for port, name in zip(model.inputs, network.example, strict=True):
        port.get_tensor().set_names({name})
    model.outputs[0].get_tensor().set_names({"image"})
    openvino.save_model(model, folder / _FILE, compress_to_fp16=False)


@contextmanager
def _without_telemetry() -> Iterator[None]:
    """Inside, OpenVINO's converter reports nothing to its authors: it does without the package that would."""
    name = "openvino_telemetry"
    before = sys.modules.get(name)
    sys.modules[name] = None  # type: ignore[assignment]  # an import of it then fails
    try:
        import openvino.tools.ovc  # noqa: F401 - it looks for the package when it is imported

        yield
    finally:
        del sys.modules[name]
        if before is not None:
            sys.modules[name] = before


def _open(network: SamplingNetwork, folder: Path) -> Callable[[Mapping[str, Tensor]], Tensor]:
    settings = {
        "INFERENCE_PRECISION_HINT": "f32",  # without it, 16 bits where the processor has them
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_NUM_THREADS": torch.get_num_threads(),
        "ENABLE_MMAP": False,  # the file may be removed
    }
    core = openvino.Core()
    core.set_property({"ENABLE_MMAP": settings.pop("ENABLE_MMAP")})
    model = core.compile_model(folder / _FILE, "CPU", settings)
    lock = Lock()  # a compiled model serves one caller at a time, with all threads

    def run(inputs: Mapping[str, Tensor]) -> Tensor:
        arrays = {name: value.contiguous().numpy() for name, value in inputs.items()}
        with lock:
            return torch.from_numpy(model(arrays)["image"].copy())

    return run


FUNCTIONS = EngineFunctions(_prepare, _open)
"""The converter and the plugin for processors, in 32 bits."""

"""ONNX Runtime as an engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import onnxruntime
import torch
from torch import Tensor

from ganzoo import EngineFunctions, SamplingNetwork

__all__ = ["FUNCTIONS"]

_FILE = "model.onnx"


def _prepare(network: SamplingNetwork, folder: Path) -> None:
    names = list(network.example)
    program = torch.onnx.export(network.export(), dynamo=True, input_names=names, output_names=["image"], verbose=False)
    if program is None:
        raise RuntimeError("PyTorch's ONNX exporter returned nothing")
    program.save(folder / _FILE, external_data=False)


def _open(network: SamplingNetwork, folder: Path) -> Callable[[Mapping[str, Tensor]], Tensor]:
    onnxruntime.disable_telemetry_events()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 3  # errors
    session = onnxruntime.InferenceSession(folder / _FILE, options, providers=["CPUExecutionProvider"])

    def run(inputs: Mapping[str, Tensor]) -> Tensor:
        arrays = {name: value.contiguous().numpy() for name, value in inputs.items()}
        return torch.from_numpy(session.run(["image"], arrays)[0])

    return run


FUNCTIONS = EngineFunctions(_prepare, _open)
"""PyTorch's exporter, and the provider for processors."""

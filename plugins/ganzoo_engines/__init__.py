"""What computes images: PyTorch's own operations, PyTorch's compiler, OpenVINO or ONNX Runtime."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import ganzoo
from ganzoo import Engine, ExportFormat

if TYPE_CHECKING:
    from ganzoo import EngineFunctions

__all__: list[str] = []

GANZOO_API = (2, 0)

_TORCH_EXPORT = ExportFormat(
    name="torch-export",
    files=("model.pt2",),
    usage="""import numpy as np, torch
image = torch.export.load(FILE).module()(**{name: torch.as_tensor(value) for name, value in INPUTS.items()})""",
)
_OPENVINO = ExportFormat(
    name="openvino",
    files=("model.xml", "model.bin"),
    usage="""import numpy as np, openvino
image = openvino.Core().compile_model(FILE, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})(INPUTS)["image"]""",
)
_ONNX = ExportFormat(
    name="onnx",
    files=("model.onnx",),
    usage="""import numpy as np, onnxruntime
image = onnxruntime.InferenceSession(FILE, providers=["CPUExecutionProvider"]).run(["image"], INPUTS)[0]""",
)


@ganzoo.hookimpl
def ganzoo_engines() -> Iterable[Engine]:
    """PyTorch in two ways, and two libraries for processors."""
    yield Engine(
        name="torch",
        summary="PyTorch's own operations, ready at once",
        source="https://docs.pytorch.org/docs/stable/user_guide/torch_compiler/export.html",
        devices=("cpu", "cuda", "mps"),
        format=_TORCH_EXPORT,
        load=_load_torch,
    )
    yield Engine(
        name="compile",
        summary="PyTorch's compiler; it compiles anew in each process, which takes half a minute",
        source="https://docs.pytorch.org/docs/stable/generated/torch.compile.html",
        devices=("cpu", "cuda"),
        load=_load_compile,
    )
    yield Engine(
        name="openvino",
        summary="OpenVINO, for processors",
        source="https://docs.openvino.ai",
        devices=("cpu",),
        requires=("openvino",),
        install="pip install openvino",
        speed={"cpu": 2.0},
        format=_OPENVINO,
        load=_load_openvino,
    )
    yield Engine(
        name="onnxruntime",
        summary="ONNX Runtime, for processors",
        source="https://onnxruntime.ai",
        devices=("cpu",),
        requires=("onnxruntime", "onnx", "onnxscript"),
        install="pip install onnxruntime onnx onnxscript",
        speed={"cpu": 1.5},
        format=_ONNX,
        load=_load_onnxruntime,
    )


def _load_torch() -> EngineFunctions:
    from ganzoo_engines import pytorch

    return pytorch.EXPORTED


def _load_compile() -> EngineFunctions:
    from ganzoo_engines import pytorch

    return pytorch.COMPILED


def _load_openvino() -> EngineFunctions:
    from ganzoo_engines import intel

    return intel.FUNCTIONS


def _load_onnxruntime() -> EngineFunctions:
    from ganzoo_engines import onnx_files

    return onnx_files.FUNCTIONS

"""What engines take and give: a sampling function as a module, and the functions that prepare and run it."""

from __future__ import annotations

import keyword
import re
from collections.abc import Callable, Mapping
from inspect import Parameter, Signature
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from ganzoo.interface.gan import Inputs

__all__ = ["EngineFunctions", "SamplingNetwork", "identifier"]


OUTPUT = "image"
"""The name of the output in the files of engines. No input has this name."""


class SamplingNetwork(nn.Module):
    """A GAN's sampling function as a module: `network(**inputs)` gives images (N, C, H, W) in [-1, 1].

    `example` are inputs of two images, on the device that will compute. Its names are Python identifiers, and `forward`
    has parameters of the same names. The first dimension of each input counts the images. With `any_size`, height and
    width of inputs (N, C, H, W) may differ from those of the example.
    """

    def __init__(self, function: Callable[[Inputs], Tensor], example: Inputs, *, any_size: bool = False) -> None:
        super().__init__()
        self.example = example
        self.any_size = any_size
        signature = Signature([Parameter(name, Parameter.POSITIONAL_OR_KEYWORD) for name in example])

        def forward(*values: Tensor, **named: Tensor) -> Tensor:
            return function(dict(signature.bind(*values, **named).arguments))

        forward.__signature__ = signature  # type: ignore[attr-defined]  # PyTorch names the exported inputs by it
        self.forward = forward

    @property
    def dynamic_shapes(self) -> dict[str, dict[int, Any]]:
        """Which dimensions of each input may have any length, as `torch.export.export` takes it."""
        batch, side = torch.export.Dim("batch"), torch.export.Dim.DYNAMIC
        return {
            name: {0: batch, 2: side, 3: side} if self.any_size and value.ndim == 4 else {0: batch}
            for name, value in self.example.items()
        }

    @torch.no_grad()
    def export(self) -> torch.export.ExportedProgram:
        """The network as a graph of PyTorch's operations, with its weights, for any number of images.

        Raises:
            Exception: PyTorch cannot export the function, for instance because it branches on the values of tensors.
        """
        return torch.export.export(
            self, (), kwargs=dict(self.example), dynamic_shapes=self.dynamic_shapes, strict=False
        )


class EngineFunctions(NamedTuple):
    """What an engine does. Both functions may raise any error: PyTorch's own operations are used then.

    `prepare(network, folder)` writes the network into an empty folder, in the engine's own form. The folder is kept, so
    that it is not prepared again. It stays empty if the engine has no files.

    `open(network, folder)` returns a function that takes inputs with the names of `network.example` and returns images
    on the device of the inputs. It reads what `prepare` wrote, perhaps in another process; the folder may be removed
    afterwards. `network` is the network that was prepared. Several threads may call the function at the same time.
    """

    prepare: Callable[[SamplingNetwork, Path], None]
    open: Callable[[SamplingNetwork, Path], Callable[[Mapping[str, Tensor]], Tensor]]


def identifier(name: str) -> str:
    """A name as the name of an input: an identifier of Python, and not that of the output.

    ``class`` becomes ``class_``, and ``image`` becomes ``image_``.
    """
    plain = re.sub(r"\W", "_", name)
    return f"{plain}_" if keyword.iskeyword(plain) or plain == OUTPUT or not plain.isidentifier() else plain

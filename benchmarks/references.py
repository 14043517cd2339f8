"""Generators of other code bases, from checkouts of their repositories, with random weights and their documented call.

The folder of the checkouts holds `BigGAN-PyTorch`, `pytorch-pretrained-BigGAN`, `examples` (of PyTorch),
`pytorch-CycleGAN-and-pix2pix` and `stylegan2-pytorch`. Nothing of them is part of ganzoo.
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import MagicMock, patch

import torch
from torch import Tensor, nn

Call = Callable[[dict[str, Tensor]], Tensor]
Reference = tuple[nn.Module, Call]
"""The network, and how it is called with the inputs of ganzoo's network."""


def biggan(folder: Path) -> Reference:
    """ajbrock/BigGAN-PyTorch at 128 pixels, as its script for ImageNet sets it up."""
    sys.path.insert(0, str(folder / "BigGAN-PyTorch"))
    network = importlib.import_module("BigGAN").Generator(
        **{"G_ch": 96, "dim_z": 120, "shared_dim": 128, "hier": True, "n_classes": 1000, "no_optim": True}
    )
    return network, lambda inputs: network(inputs["z"], inputs["class"])


def biggan_deep(folder: Path) -> Reference:
    """huggingface/pytorch-pretrained-BigGAN at 128 pixels and truncation 0.4; its downloads are not needed here."""
    for name in ("boto3", "botocore", "botocore.exceptions", "requests", "tqdm"):
        sys.modules.setdefault(name, MagicMock())
    parent = ModuleType("pytorch_pretrained_biggan")  # without its `__init__`, which needs more packages
    parent.__path__ = [str(folder / "pytorch-pretrained-BigGAN" / parent.__name__)]
    sys.modules[parent.__name__] = parent
    package = importlib.import_module("pytorch_pretrained_biggan.model")
    model = package.BigGAN(package.BigGANConfig())
    nn.init.ones_(model.generator.bn.weight)
    nn.init.zeros_(model.generator.bn.bias)
    with torch.no_grad():  # one power iteration: with random vectors, spectral norms make weights of any size
        model.train()
        model.generator(torch.randn(1, 256) / 8, 0.4)

    def call(inputs: dict[str, Tensor]) -> Tensor:
        # `model(z, one_hot, truncation)` without the product of the one-hot vector and the embedding
        images: Tensor = model.generator(torch.cat([inputs["z"], inputs["class"]], dim=1), 0.4)
        return images

    return model, call


def dcgan(folder: Path) -> Reference:
    """The generator of pytorch/examples. Its script cannot be imported, so the class is taken out of it."""
    tree = ast.parse((folder / "examples/dcgan/main.py").read_text())
    found = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "Generator"]
    names: dict[str, Any] = {"nn": nn, "nz": 100, "ngf": 64, "nc": 3}
    exec(compile(ast.Module(found, []), "main.py", "exec"), names)  # the user's own checkout
    network = names["Generator"](1)
    return network, lambda inputs: network(inputs["z"][:, :, None, None])


def cyclegan(folder: Path) -> Reference:
    """The generator of junyanz/pytorch-CycleGAN-and-pix2pix with nine blocks."""
    path = folder / "pytorch-CycleGAN-and-pix2pix/models/networks.py"
    spec = importlib.util.spec_from_file_location("junyanz_networks", path)
    if spec is None or spec.loader is None:
        raise FileNotFoundError(path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    norm = partial(nn.InstanceNorm2d, affine=False, track_running_stats=False)
    network = module.ResnetGenerator(3, 3, 64, norm_layer=norm, n_blocks=9)
    return network, lambda inputs: network(inputs["a"])


def stylegan2(folder: Path) -> Reference:
    """rosinality/stylegan2-pytorch at 256 pixels. On a CPU it needs none of the operations that it compiles."""
    sys.path.insert(0, str(folder / "stylegan2-pytorch"))
    with patch("torch.utils.cpp_extension.load"):
        network = importlib.import_module("model").Generator(256, 512, 8)

    def call(inputs: dict[str, Tensor]) -> Tensor:
        shapes = [noise.shape[2:] for noise in network.make_noise()]
        parts = inputs["noise"].split([shape.numel() for shape in shapes], 1)
        noise = [part.view(-1, 1, *shape) for part, shape in zip(parts, shapes, strict=True)]
        images: Tensor = network([inputs["z"]], noise=noise)[0]
        return images.clamp(-1, 1)

    return network, call


REFERENCES: dict[str, Callable[[Path], Reference]] = {
    "biggan": biggan,
    "biggan-deep": biggan_deep,
    "dcgan": dcgan,
    "cyclegan": cyclegan,
    "stylegan2": stylegan2,
}
"""By ganzoo's name of the architecture."""

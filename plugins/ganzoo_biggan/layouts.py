"""Layouts of BigGAN generators: those of other code bases, and the one that ganzoo 0.1 wrote.

The weights of other code bases are divided by their spectral norms when they are converted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any

from ganzoo import Derived, Layout, Reading, Resolution, Shapes, read_sizes
from ganzoo_biggan.config import generator_depths
from ganzoo_biggan.imagenet import imagenet

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["LAYOUTS", "read_deep_0_1", "read_pretrained", "read_pytorch", "read_wide_0_1"]

Source = str | Derived


def read_pretrained(shapes: Shapes) -> Reading | None:
    """pytorch-pretrained-BigGAN: DeepMind's BigGAN-deep, with batch statistics for 51 truncations.

    The file holds weights under PyTorch's spectral norm, with both vectors. The outputs of its first layer are ordered
    by pixel, then channel. Its embedding is transposed. Its last convolution has 128 output channels, of which the
    first 3 are the image.
    """
    layers = sorted({int(name.split(".")[2]) for name in shapes if name.startswith("generator.layers.")})
    attention = next((i for i in layers if f"generator.layers.{i}.gamma" in shapes), None)
    first, rgb = "generator.gen_z", "generator.conv_to_rgb"
    if attention is None or f"{first}.weight_orig" not in shapes or f"{rgb}.weight_orig" not in shapes:
        return None
    blocks = [i for i in layers if i != attention]
    channels = shapes[f"{first}.weight_orig"][0] // 16
    tensors: dict[str, Source] = {
        "embedding.weight": Derived(("embeddings.weight",), lambda weight: weight.T.contiguous()),
        "project.weight": Derived(_vectors(first), lambda *given: _by_channel(_divide(*given), channels)),
        "project.bias": Derived((f"{first}.bias",), lambda bias: _by_channel(bias, channels)),
        "gain": "generator.bn.weight",
        "bias": "generator.bn.bias",
        "norm.means": "generator.bn.running_means",
        "norm.variances": "generator.bn.running_vars",
        "to_image.weight": Derived(_vectors(rgb), lambda *given: _divide(*given)[:3].clone()),
        "to_image.bias": Derived((f"{rgb}.bias",), lambda bias: bias[:3].clone()),
    }
    resolution = 4 * 2 ** (attention // 2)
    for ours, theirs in _pretrained_attention(f"generator.layers.{attention}"):
        tensors[f"attention.{resolution}.{ours}"] = theirs
    for k, i in enumerate(blocks):
        for ours, theirs in _pretrained_block(f"generator.layers.{i}"):
            tensors[f"blocks.{k}.{ours}"] = theirs
    if not blocks or not _complete(tensors, shapes):
        return None
    if shapes[f"generator.layers.{blocks[0]}.conv_0.weight_orig"][1] != channels:
        return None  # the first map has not 4x4 pixels, as all of these networks have
    class_dim, classes = shapes["embeddings.weight"]
    config = {
        "resolution": 4 * 2 ** (len(blocks) // 2),
        "classes": classes,
        "width": shapes[f"{rgb}.bias"][0],
        "attention": (resolution,),
        "latent_dim": shapes[f"{first}.weight_orig"][1] - class_dim,
        "class_dim": class_dim,
        "statistics": shapes["generator.bn.running_means"][0],
        "generator_spectral_norm": False,
    }
    return Reading(config=config, tensors=_generators(tensors), classes=imagenet() if classes == 1000 else ())


def _pretrained_block(theirs: str) -> Iterator[tuple[str, Source]]:
    for i in range(4):
        norm, conv = f"{theirs}.bn_{i}", f"{theirs}.conv_{i}"
        yield f"norms.{i}.means", f"{norm}.running_means"
        yield f"norms.{i}.variances", f"{norm}.running_vars"
        yield f"norms.{i}.gain.weight", Derived(_vectors(f"{norm}.scale"), _divide)
        yield f"norms.{i}.bias.weight", Derived(_vectors(f"{norm}.offset"), _divide)
        yield f"convs.{i}.weight", Derived(_vectors(conv), _divide)
        yield f"convs.{i}.bias", f"{conv}.bias"


def _pretrained_attention(theirs: str) -> Iterator[tuple[str, Source]]:
    yield "gamma", Derived((f"{theirs}.gamma",), _scalar)
    for ours, name in {"theta": "theta", "phi": "phi", "g": "g", "o": "o_conv"}.items():
        yield f"{ours}.weight", Derived(_vectors(f"{theirs}.snconv1x1_{name}"), _divide)


def _vectors(name: str) -> tuple[str, str, str]:
    return (f"{name}.weight_orig", f"{name}.weight_u", f"{name}.weight_v")


def _divide(weight: Tensor, u: Tensor, v: Tensor) -> Tensor:
    """W / (u W v), as in `torch.nn.utils.spectral_norm`."""
    return weight / (u @ weight.flatten(1) @ v)


def _by_channel(rows: Tensor, channels: int) -> Tensor:
    """Reorder the rows of the first layer from (pixel, channel) to (channel, pixel)."""
    return rows.view(16, channels, -1).transpose(0, 1).reshape(rows.shape)


def _scalar(gamma: Tensor) -> Tensor:
    return gamma.reshape(())


def read_pytorch(shapes: Shapes) -> Reading | None:
    """BigGAN-PyTorch, ``G_ema.pth``: with a shared embedding and a split latent (ImageNet), or without (CIFAR).

    Its spectral norm takes one step of the power method from a stored vector each time a weight is used. Weights
    without such a vector have no spectral norm. The file does not hold the epsilon of batch norm; 1e-5 is the default
    of that code.
    """
    stages = next(i for i in count() if f"blocks.{i}.0.conv1.weight" not in shapes)
    if not stages or "linear.weight" not in shapes or "output_layer.2.weight" not in shapes:
        return None
    if "blocks.0.0.conv_sc.weight" not in shapes or "blocks.0.0.conv3.weight" in shapes:
        return None  # BigGAN-deep
    names = set(shapes)
    shared = "shared.weight" in names
    tensors: dict[str, Source] = {"embedding.weight": "shared.weight"} if shared else {}
    tensors |= _layer(names, "project", "linear")
    tensors |= _layer(names, "to_image", "output_layer.2")
    tensors |= {"gain": "output_layer.0.gain", "bias": "output_layer.0.bias", **_kept(names, "norm", "output_layer.0")}
    attention = tuple(8 * 2**i for i in range(stages) if f"blocks.{i}.1.gamma" in names)
    for resolution in attention:
        theirs = f"blocks.{resolution.bit_length() - 4}.1"
        tensors[f"attention.{resolution}.gamma"] = Derived((f"{theirs}.gamma",), _scalar)
        for part in ("theta", "phi", "g", "o"):
            tensors |= _layer(names, f"attention.{resolution}.{part}", f"{theirs}.{part}")
    for i in range(stages):
        tensors |= _pytorch_block(names, f"blocks.{i}", f"blocks.{i}.0")
    if not _complete(tensors, shapes):
        return None
    reading = Reading(
        config=_pytorch_config(shapes, stages, attention, shared=shared),
        tensors=_generators(tensors),
        classes=imagenet() if shared and shapes["shared.weight"][0] == 1000 else (),
        ignored=frozenset(name for name in names if name.endswith((".sv0", ".accumulation_counter"))),
    )
    pixels = shapes["linear.weight"][0] // shapes["blocks.0.0.conv1.weight"][1]
    return read_sizes(pixels, stages, partial(_with_resolution, reading))


def _with_resolution(reading: Reading, resolution: Resolution) -> Reading:
    return replace(reading, config={**reading.config, "resolution": resolution})


def _pytorch_config(shapes: Shapes, stages: int, attention: tuple[int, ...], *, shared: bool) -> dict[str, Any]:
    first, gains = shapes["linear.weight"][1], shapes["blocks.0.0.bn1.gain.weight"]
    classes, class_dim = shapes["shared.weight"] if shared else (gains[0], gains[0])
    hierarchical = shared and gains[1] > class_dim
    channels = [shapes["blocks.0.0.conv1.weight"][1], *(shapes[f"blocks.{i}.0.conv1.weight"][0] for i in range(stages))]
    return {
        "channels": shapes["output_layer.2.weight"][0],
        "classes": classes,
        **_generator_size(channels),
        "attention": attention,
        "latent_dim": first * (stages + 1) if hierarchical else first,
        "class_dim": class_dim,
        "hierarchical": hierarchical,
        "shared": shared,
        "epsilon": 1e-5,
        "generator_spectral_norm": False,
    }


def _pytorch_block(names: set[str], ours: str, theirs: str) -> dict[str, Source]:
    tensors = _layer(names, f"{ours}.shortcut", f"{theirs}.conv_sc")
    for i in range(2):
        tensors |= _layer(names, f"{ours}.convs.{i}", f"{theirs}.conv{i + 1}")
        tensors |= _kept(names, f"{ours}.norms.{i}", f"{theirs}.bn{i + 1}")
        for part in ("gain", "bias"):
            tensors |= _layer(names, f"{ours}.norms.{i}.{part}", f"{theirs}.bn{i + 1}.{part}", table="shared.weight")
    return tensors


def _layer(names: set[str], ours: str, theirs: str, table: str | None = None) -> dict[str, Source]:
    """A layer's weight, and its bias if it has one.

    If the file does not hold `table`, the shared embedding, the weight is a table with a row for each class, and is
    transposed.
    """
    weight: Source = f"{theirs}.weight"
    if f"{theirs}.u0" in names:
        weight = Derived((f"{theirs}.weight", f"{theirs}.u0"), _divide_step)
    elif table is not None and table not in names:
        weight = Derived((f"{theirs}.weight",), lambda rows: rows.T.contiguous())
    return {f"{ours}.weight": weight} | ({f"{ours}.bias": f"{theirs}.bias"} if f"{theirs}.bias" in names else {})


def _divide_step(weight: Tensor, u: Tensor) -> Tensor:
    """W / |W v|, where v is u W normalized: one step of the power method."""
    matrix = weight.flatten(1)
    v = u[0] @ matrix
    sigma: Tensor = (matrix @ (v / v.norm())).norm()
    return weight / sigma


def _kept(names: set[str], ours: str, theirs: str) -> dict[str, Source]:
    """Batch statistics. The names have an extra ``bn`` if the file comes from the code's own batch norm."""
    where = f"{theirs}.bn" if f"{theirs}.bn.stored_mean" in names else theirs
    row: Callable[..., Tensor] = lambda statistic: statistic[None]  # noqa: E731
    kinds = {"means": "mean", "variances": "var"}
    return {f"{ours}.{kind}": Derived((f"{where}.stored_{name}",), row) for kind, name in kinds.items()}


def _complete(tensors: dict[str, Source], shapes: Shapes) -> bool:
    """Whether the file holds everything that the tensors are made from."""
    return Reading(config={}, tensors=tensors).read <= set(shapes)


def _generators(tensors: dict[str, Source]) -> dict[str, Source]:
    """The tensors under the names that they have in the GAN."""
    return {f"generator.{name}": source for name, source in tensors.items()}


def _generator_size(channels: Sequence[int]) -> dict[str, Any]:
    """The config fields that give a generator these channels at 4, 8, ... pixels."""
    resolution = 4 * 2 ** (len(channels) - 1)
    usual = generator_depths(resolution)
    width = channels[-1] // usual[-1]
    if list(channels) == [width * depth for depth in usual]:
        return {"resolution": resolution, "width": width}
    return {"resolution": resolution, "width": 1, "generator_depths": tuple(channels)}


def read_wide_0_1(shapes: Shapes) -> Reading | None:
    """A BigGAN generator that ganzoo 0.1 published.

    The file does not hold the epsilon of batch norm. If classes do not share an embedding, it does not show whether
    the latent is split; this reading says that it is not. The config of a published folder holds both.
    """
    return _read_0_1(shapes, deep=False)


def read_deep_0_1(shapes: Shapes) -> Reading | None:
    """A BigGAN-deep generator with spectral norm that ganzoo 0.1 published; without it, the names did not change.

    The file does not hold the epsilon of batch norm. The config of a published folder does.
    """
    return _read_0_1(shapes, deep=True)


def _read_0_1(shapes: Shapes, *, deep: bool) -> Reading | None:
    tensors = {_name_since_0_1(name): name for name in shapes}
    if tensors.keys() == set(shapes) or not all(name.startswith("generator.") for name in shapes):
        return None
    if deep == any(".beside." in name for name in shapes):  # only BigGAN has weights in its shortcuts
        return None
    try:
        config = _config_0_1({ours.removeprefix("generator."): shapes[name] for ours, name in tensors.items()}, deep)
    except (KeyError, IndexError):  # a tensor is missing, or has too few dimensions
        return None
    return Reading(config=config, tensors=tensors)


def _name_since_0_1(name: str) -> str:
    """The name that a tensor of version 0.1 has now."""
    renamed = name.replace(".parametrizations.weight.original", ".weight").replace(".beside.", ".shortcut.")
    return renamed.replace(".parametrizations.weight.0.u", ".spectral_norm.u")


def _config_0_1(shapes: Shapes, deep: bool) -> dict[str, Any]:
    """The config of a generator from the shapes of its tensors, by their present names without ``generator.``."""
    blocks = next(i for i in count() if f"blocks.{i}.convs.0.weight" not in shapes)
    last, step = (3, 2) if deep else (1, 1)  # the last convolution of a block; the blocks for each upsampling
    outputs = [shapes[f"blocks.{i}.convs.{last}.weight"][0] for i in range(step - 1, blocks, step)]
    channels = [shapes["project.bias"][0] // 16, *outputs]
    return {
        "channels": shapes["to_image.bias"][0],
        **_generator_size(channels),
        **(_deep_inputs(shapes) if deep else _wide_inputs(shapes, parts=len(channels))),
        "attention": tuple(4 * 2**i for i in range(len(channels)) if f"attention.{4 * 2**i}.gamma" in shapes),
        "shared": "embedding.weight" in shapes,
        "generator_spectral_norm": "project.spectral_norm.u" in shapes,
        "statistics": shapes["norm.means"][0],
    }


def _deep_inputs(shapes: Shapes) -> dict[str, Any]:
    """Latent and classes of a BigGAN-deep; its first layer gets both, one after the other."""
    inputs = shapes["project.weight"][1]
    if "embedding.weight" in shapes:
        classes, class_dim = shapes["embedding.weight"]
        return {"classes": classes, "class_dim": class_dim, "latent_dim": inputs - class_dim}
    latent = min(128, inputs - 1)  # the default, as the file does not show where the latent ends
    return {"classes": inputs - latent, "latent_dim": latent}


def _wide_inputs(shapes: Shapes, *, parts: int) -> dict[str, Any]:
    """Latent and classes of a BigGAN; each block gets the class and, if the latent is split, a part of it."""
    part, condition = shapes["project.weight"][1], shapes["blocks.0.norms.0.gain.weight"][1]
    if "embedding.weight" not in shapes:
        return {"classes": condition, "latent_dim": part, "hierarchical": False}
    classes, class_dim = shapes["embedding.weight"]
    hierarchical = condition > class_dim
    latent = part * parts if hierarchical else part
    return {"classes": classes, "class_dim": class_dim, "latent_dim": latent, "hierarchical": hierarchical}


LAYOUTS = (
    Layout(
        name="pretrained-biggan",
        architecture="biggan-deep",
        source="https://github.com/huggingface/pytorch-pretrained-BigGAN/blob/master/pytorch_pretrained_biggan/model.py",
        example=("embeddings.weight", "generator.gen_z.weight_orig", "generator.layers.0.bn_0.running_means"),
        read=read_pretrained,
    ),
    Layout(
        name="biggan-pytorch",
        architecture="biggan",
        source="https://github.com/ajbrock/BigGAN-PyTorch/blob/master/BigGAN.py",
        example=("linear.weight", "linear.u0", "blocks.0.0.conv1.weight", "output_layer.2.weight"),
        read=read_pytorch,
    ),
    *(
        Layout(
            name=f"ganzoo-0.1-{architecture}",
            architecture=architecture,
            source="ganzoo 0.1",
            example=("generator.project.parametrizations.weight.original", "generator.norm.means"),
            read=read,
        )
        for architecture, read in (("biggan", read_wide_0_1), ("biggan-deep", read_deep_0_1))
    ),
)
"""The layouts that ganzoo can read."""

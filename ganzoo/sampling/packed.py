"""Layers prepared for the device that runs them: oneDNN's own layouts of weights on CPUs, channels_last on CUDA.

oneDNN, the library behind PyTorch's convolutions on CPUs, first brings the weight of a convolution into a layout that
suits the processor. PyTorch does so at each call. With the wide layers of small maps, as in BigGAN, this takes several
times as long as the convolution. `torch.compile` prepares the weights of an inference once ("freezing"); so do we, with
the same operations of PyTorch.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from functools import cache, partial
from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from ganzoo.interface.attention import DotProductAttention
from ganzoo.interface.gan import GAN, Inputs
from ganzoo.sampling.winograd import WinogradConvolution, suits_winograd
from ganzoo.utils.kernels import has_few_outputs, split_kernel, subpixel_convolution, suits_subpixels
from ganzoo.utils.products import multiply

__all__ = ["packed"]

_Convolution = (nn.Conv2d, nn.ConvTranspose2d)

_PAIRS = 2**20
"""The pairs of a query and a key in a block of attention. Their weights have 4 MiB."""

_FEWEST_PAIRS = 2**16
"""The pairs in an image below which PyTorch's attention of all images at once is as fast."""


@torch.no_grad()
def packed(function: Callable[[Inputs], Tensor], gan: GAN) -> Callable[[Inputs], Tensor]:
    """The same function with faster layers, if `function` is a module; else `function` itself.

    Its convolutions and linear layers are replaced. The modules of `gan` stay as they are. On CPUs, a ReLU that follows
    a replaced layer in a sequential is computed with it. Results differ by rounding alone. A function with numbers that
    are not finite stays as it is.
    """
    if not isinstance(function, nn.Module) or not _is_finite(function):
        return function
    device = gan.device.type
    prepare = {"cpu": _on_cpu, "cuda": _on_cuda}.get(device)
    kept = set(gan.modules())
    for module in list(function.modules()):
        if prepare is not None and module not in kept:
            for name, layer in list(module.named_children()):
                setattr(module, name, prepare(layer))
            _join_activations(module)
    return function


def _is_finite(function: nn.Module) -> bool:
    """Whether all numbers are finite. The ReLU of oneDNN makes 0 of NaN, which would hide damaged weights."""
    ends = [torch.stack(p.aminmax()) for p in function.parameters() if p.is_floating_point() and p.numel()]
    return not ends or bool(torch.stack(ends).isfinite().all())


def _on_cuda(layer: nn.Module) -> nn.Module:
    """A convolution with its weight in channels_last, the layout of the tensor cores. The layer itself stays."""
    if type(layer) not in _Convolution:
        return layer
    faster = copy.deepcopy(layer, {id(parameter): parameter for parameter in layer.parameters()})  # it shares them
    weight = cast("Tensor", layer.weight).to(memory_format=torch.channels_last)
    faster.weight = nn.Parameter(weight, requires_grad=False)
    return faster


def _on_cpu(layer: nn.Module) -> nn.Module:
    """The packed layer, if oneDNN has one of this kind."""
    kind: type[nn.Module] = type(layer)
    if kind is DotProductAttention and _works(nn.Linear):
        return _BlockwiseAttention()
    if kind not in _EXAMPLES or cast("Tensor", layer.weight).dtype != torch.float32:
        return layer
    if isinstance(layer, _Convolution) and (layer.groups > 1 or isinstance(layer.padding, str)):
        return layer
    return _pack(layer) if _works(kind) else layer  # type: ignore[arg-type]  # a class has a hash


def _pack(layer: nn.Module) -> nn.Module:
    if isinstance(layer, nn.Linear):
        return _PackedLinear(layer)
    if has_few_outputs(layer):
        return nn.Sequential(*map(_PackedConvolution, _split(cast("nn.Conv2d", layer))))
    if suits_subpixels(layer) and _works(nn.Conv2d):
        return _as_subpixels(cast("nn.ConvTranspose2d", layer))
    if suits_winograd(layer) and _works(nn.Linear):
        return _WinogradOrPacked(cast("nn.Conv2d", layer))
    return _PackedConvolution(cast("nn.Conv2d | nn.ConvTranspose2d", layer))


def _split(layer: nn.Conv2d) -> Iterator[nn.Conv2d]:
    """Two convolutions that are one with few outputs."""
    vertical, horizontal = cast("tuple[int, int]", layer.padding)
    for weight, bias, padding in zip(
        split_kernel(layer.weight.detach()), (None, layer.bias), ((0, horizontal), (vertical, 0)), strict=True
    ):
        yield _convolution(weight, bias, padding, layer.padding_mode)


def _as_subpixels(layer: nn.ConvTranspose2d) -> nn.Module:
    """A transposed convolution with few outputs as a convolution."""
    kernel, bias, padding, join = subpixel_convolution(layer)
    return nn.Sequential(_PackedConvolution(_convolution(kernel, bias, padding)), _JoinSubpixels(join))


def _convolution(
    weight: Tensor, bias: Tensor | None, padding: tuple[int, int], padding_mode: str = "zeros"
) -> nn.Conv2d:
    outputs, inputs, *size = weight.shape
    with torch.device("meta"):
        made = nn.Conv2d(inputs, outputs, size, padding=padding, padding_mode=padding_mode)  # type: ignore[arg-type]
    made.weight = nn.Parameter(weight, requires_grad=False)
    made.bias = None if bias is None else nn.Parameter(bias, requires_grad=False)
    return made


def _join_activations(module: nn.Module) -> None:
    """Let the packed layers of a sequential compute the ReLU that follows them."""
    layers = list(module.named_children()) if isinstance(module, nn.Sequential) else []
    for (_, layer), (name, following) in pairwise(layers):
        if isinstance(layer, _Packed) and layer.joins_relu and type(following) is nn.ReLU:
            layer.activation = "relu"
            setattr(module, name, nn.Identity())


class _Packed(nn.Module):
    """A layer whose weight is in a layout of oneDNN. Several threads may call it at the same time."""

    activation = "none"
    joins_relu = True


class _WinogradOrPacked(_Packed):
    """A convolution by Winograd's algorithm for images that are large enough, or else a packed one."""

    def __init__(self, layer: nn.Conv2d) -> None:
        super().__init__()
        self.winograd, self.packed = WinogradConvolution(layer), _PackedConvolution(layer)

    def forward(self, x: Tensor) -> Tensor:
        if not self.winograd.is_faster(x):
            self.packed.activation = self.activation
            y: Tensor = self.packed(x)
            return y
        if not self.winograd.weights:
            self.winograd.prepare(self.packed.plain())
        y = self.winograd(x.float())
        return y.relu_() if self.activation == "relu" else y


class _JoinSubpixels(nn.Module):
    """The pixels of a transposed convolution from the outputs of its convolution."""

    def __init__(self, join: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.join = join

    def forward(self, y: Tensor) -> Tensor:
        return self.join(y)


class _BlockwiseAttention(DotProductAttention):
    """Attention of some queries at a time, by oneDNN's products, so that their weights stay in the cache."""

    def forward(self, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """(N, L, E) from (N, L, D), (N, S, D) and (N, S, E)."""
        if queries.shape[1] * keys.shape[1] < _FEWEST_PAIRS:
            return super().forward(queries, keys, values)
        found = [self._of_image(*image) for image in zip(queries.float(), keys.float(), values.float(), strict=True)]
        return torch.stack(found)

    def _of_image(self, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        columns = values.t()
        blocks = torch.split(queries, max(1, _PAIRS // len(keys)))
        return torch.cat([multiply(multiply(block, keys).softmax(-1), columns) for block in blocks])


class _PackedLinear(_Packed):
    def __init__(self, layer: nn.Linear) -> None:
        super().__init__()
        self.weight = torch.ops.mkldnn._reorder_linear_weight(layer.weight.detach())
        self.bias = layer.bias

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = torch.ops.mkldnn._linear_pointwise(x.float(), self.weight, self.bias, self.activation, [], "")
        return y


class _PackedConvolution(_Packed):
    """A convolution or a transposed convolution. The best layout depends on the size of the image.

    So the weight is packed at the first call, and again if images of another size follow. The weight as it was before
    is not kept.
    """

    def __init__(self, layer: nn.Conv2d | nn.ConvTranspose2d) -> None:
        super().__init__()
        self.transposed = isinstance(layer, nn.ConvTranspose2d)
        self.joins_relu = not self.transposed  # with a ReLU, oneDNN has no fast code for some transposed ones
        self.bias = layer.bias
        reflects = layer.padding_mode != "zeros"
        borders = layer._reversed_padding_repeated_twice if reflects else []
        self.pad = partial(functional.pad, pad=borders, mode=layer.padding_mode) if reflects else None
        padding = (0, 0) if reflects else layer.padding
        outer = (padding, layer.output_padding) if self.transposed else (padding,)
        self.geometry = [list(cast("tuple[int, int]", each)) for each in (*outer, layer.stride, layer.dilation)]
        kind = "_transpose" if self.transposed else ""
        self.reorder = getattr(torch.ops.mkldnn, f"_reorder_convolution{kind}_weight")
        self.convolve = getattr(torch.ops.mkldnn, f"_convolution{kind}_pointwise")
        self.packed: tuple[list[int], Tensor] = ([], layer.weight.detach())

    def forward(self, x: Tensor) -> Tensor:
        x = x.float()  # under autocast, some of the operations before give 16 bits
        if self.pad is not None:
            x = self.pad(x)
        size, weight = self.packed  # read once: another thread may replace the pair
        wanted = [1, *x.shape[1:]]  # the batch size makes no difference
        if size != wanted:
            weight = self.reorder(self._plain(weight), *self.geometry, 1, wanted)
            self.packed = (wanted, weight)
        y: Tensor = self.convolve(x, weight, self.bias, *self.geometry, 1, self.activation, [], "")
        return y

    def plain(self) -> Tensor:
        """The weight in PyTorch's own layout."""
        return self._plain(self.packed[1])

    def _plain(self, weight: Tensor) -> Tensor:
        if not weight.is_mkldnn:
            return weight
        plain = weight.to_dense()
        return plain.transpose(0, 1).contiguous() if self.transposed else plain


@cache
def _works(kind: type[nn.Module]) -> bool:
    """Whether the operations exist here and give right results. PyTorch does not promise to keep them as they are."""
    if not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return False
    with torch.device("meta"):  # on the CPU, PyTorch's own initial values would change its seed
        layer = _EXAMPLES[kind]()
    draw = partial(torch.randn, generator=torch.Generator().manual_seed(0), dtype=torch.float32, device="cpu")
    for name, parameter in list(layer.named_parameters()):
        setattr(layer, name, nn.Parameter(draw(parameter.shape)))
    images = [draw(2, 3, 4, 4), draw(1, 3, 3, 2)]  # two sizes, so that the weight is packed again
    try:
        ready = _pack(layer)
        return all(
            torch.allclose(ready(x), layer(x), atol=1e-5) for x in (images if kind in _Convolution else [draw(2, 3)])
        )
    except (AttributeError, RuntimeError, TypeError):
        return False


_EXAMPLES: dict[type[nn.Module], Callable[[], nn.Module]] = {
    nn.Linear: partial(nn.Linear, 3, 5),
    nn.Conv2d: partial(nn.Conv2d, 3, 5, 3, padding=1),
    nn.ConvTranspose2d: partial(nn.ConvTranspose2d, 3, 5, 3, stride=2, padding=1, output_padding=1),
}

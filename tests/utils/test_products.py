"""Products by oneDNN: those of PyTorch, with first and second gradients."""

import pytest
import torch
from torch.nn import functional

from ganzoo.utils import products
from ganzoo.utils.products import linear, multiply

needs_onednn = pytest.mark.skipif(not products._works(), reason="PyTorch has no oneDNN here")


@pytest.fixture
def tensors():
    """Large enough for oneDNN: 200 x 160 x 144 multiplications."""
    random = torch.Generator().manual_seed(0)
    shapes = (200, 160), (144, 160), (144,)
    return [(torch.randn(shape, generator=random) / 4).requires_grad_() for shape in shapes]


def is_by_onednn(y):
    """Whether the node of a product, or the one before its view, is that of oneDNN."""
    return "_Linear" in f"{y.grad_fn} {y.grad_fn.next_functions}"


def gradients(function, tensors):
    """The output, its gradients, and the gradients of their squares."""
    y = function(*tensors)
    first = torch.autograd.grad(y.square().sum(), tensors, create_graph=True)
    second = torch.autograd.grad(sum(each.square().sum() for each in first), tensors)
    return [y, *first, *second]


@needs_onednn
@pytest.mark.parametrize("rows", [(200,), (10, 20), (2, 10, 10)])
def test_outputs_and_two_gradients_are_those_of_pytorch(tensors, rows):
    x, weight, bias = tensors
    x = x.detach().view(*rows, -1).requires_grad_()
    assert is_by_onednn(linear(x, weight, bias))
    ours, theirs = (gradients(function, [x, weight, bias]) for function in (linear, functional.linear))
    for a, b in zip(ours, theirs, strict=True):
        assert torch.allclose(a, b, rtol=1e-4, atol=1e-5 * b.abs().max().item())


@needs_onednn
def test_matrices_in_any_layout(tensors):
    a, b = tensors[0], tensors[1].t()
    assert is_by_onednn(linear(a, b.t()))
    for function in (linear, multiply):
        assert torch.allclose(function(a, b.t()), a @ b, atol=1e-5)
        assert torch.allclose(function(b.t(), a), b.t() @ a.t(), atol=1e-5)


def test_what_onednn_is_not_for_is_left_to_pytorch(tensors):
    x, weight, bias = tensors
    for case in (
        (x[:2], weight, bias),
        [each.double() for each in tensors],
        (x[:0], weight, bias),
        (x[0], weight, bias),
    ):
        y = linear(*case)
        assert not is_by_onednn(y)
        assert torch.equal(y, functional.linear(*case))
    with torch.autocast("cpu", torch.bfloat16):
        assert linear(x, weight, bias).dtype == torch.bfloat16

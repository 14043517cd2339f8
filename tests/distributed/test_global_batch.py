"""Each process draws and averages its part of what one process computes for the global batch."""

import itertools
import json
import sys
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional

from ganzoo import testing
from ganzoo.distributed.global_batch import global_batch
from ganzoo.distributed.processes import ProcessGroup, join_process_group

# Two processes of three rows each; where there are two batches in one, these follow each other in either.
ROWS = {1: ([0, 1, 2], [3, 4, 5]), 2: ([0, 1, 2, 6, 7, 8], [3, 4, 5, 9, 10, 11])}


def alone(draw, images):
    torch.manual_seed(7)
    return draw(images)


def one_of_two(rank, draw, images):
    torch.manual_seed(7)
    with global_batch(ProcessGroup(rank, 2), 3):
        return draw(images)


# Random numbers.

CREATE = {
    "randn": lambda x: torch.randn(len(x), 4),
    "randn of a tuple": lambda x: torch.randn((len(x), 4)),
    "randn of a shape": lambda x: torch.randn(x.shape),
    "randn of a list": lambda x: torch.randn([len(x)]),
    "rand": lambda x: torch.rand(len(x), 1, 1, 1, dtype=torch.float64),
    "rand of a size": lambda x: torch.rand(size=(len(x), 2)),
    "rand of a generator": lambda x: torch.rand(len(x), generator=torch.Generator().manual_seed(3)),
    "randint": lambda x: torch.randint(99, (len(x), 2)),
    "randint from": lambda x: torch.randint(-99, 99, (len(x),)),
    "randint by name": lambda x: torch.randint(high=99, size=(len(x),)),
    "randint from by name": lambda x: torch.randint(50, high=99, size=(len(x),), dtype=torch.int32),
    "normal of numbers": lambda x: torch.normal(2.0, 3.0, (len(x), 2)),
    "normal of numbers by name": lambda x: torch.normal(mean=2, std=3.0, size=x.shape),
}
OF_TENSORS = {
    "randn_like": torch.randn_like,
    "rand_like": lambda x: torch.rand_like(x, dtype=torch.float64),
    "randint_like": lambda x: torch.randint_like(x, 2, 99),
    "normal": lambda x: torch.normal(x, x.exp()),
    "normal of deviations": lambda x: torch.normal(1.0, x.exp()),
    "bernoulli": lambda x: torch.bernoulli(x.sigmoid()),
    "x.bernoulli": lambda x: x.sigmoid().bernoulli(),
    "gumbel_softmax": functional.gumbel_softmax,
}
IN_PLACE = {
    "normal_": lambda x: torch.empty_like(x).normal_(1.0, std=2.0),
    "uniform_": lambda x: torch.empty(len(x), 5).uniform_(-1, 1),
    "random_": lambda x: torch.empty(len(x), dtype=torch.int64).random_(99),
    "exponential_": lambda x: x.new_empty(x.shape).exponential_(2.0),
    "bernoulli_": lambda x: torch.empty_like(x).bernoulli_(0.3),
    "bernoulli_ of tensors": lambda x: torch.empty_like(x).bernoulli_(x.sigmoid()),
    "log_normal_": lambda x: torch.empty_like(x).log_normal_(),
}
DROPOUT = {
    "dropout": nn.Dropout(0.3),
    "dropout in place": lambda x: functional.dropout(x.clone(), 0.3, inplace=True),
    "dropout1d": lambda x: nn.Dropout1d(0.3)(x.flatten(2)),
    "dropout2d": nn.Dropout2d(0.3),
    "dropout3d": lambda x: functional.dropout3d(x[:, :, None], 0.3, True),
    "alpha_dropout": nn.AlphaDropout(0.3),
    "feature_alpha_dropout": nn.FeatureAlphaDropout(0.3),
}
DRAWS = CREATE | OF_TENSORS | IN_PLACE | DROPOUT


@pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS)
@pytest.mark.parametrize("batches", ROWS)
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last], ids=str)
def test_each_has_its_rows_of_what_one_would_draw(draw, batches, layout):
    images = torch.linspace(-2, 2, 6 * batches * 36).view(-1, 4, 3, 3).contiguous(memory_format=layout)
    whole, following = alone(draw, images), torch.rand(())
    assert len(set(whole.flatten().tolist())) > 1
    for rank, rows in enumerate(ROWS[batches]):
        part = one_of_two(rank, draw, images[rows])
        assert part.dtype == whole.dtype
        assert torch.equal(part, whole[rows])
        assert torch.equal(torch.rand(()), following)


@pytest.mark.parametrize(
    "draw",
    [
        lambda x: torch.randn(4),
        lambda x: torch.rand(()),
        lambda x: torch.randn(0, 3),
        lambda x: torch.randint(9, (2, 3)),
        lambda x: torch.rand_like(x[:, 0, 0, 0][:2]),
        lambda x: torch.empty(5).normal_(),
        lambda x: functional.dropout(torch.ones(4, 3)),
        lambda x: torch.bernoulli(torch.full((2,), 0.5)),
        lambda x: torch.normal(0.0, 1.0, (4,)),
    ],
)
def test_what_has_no_row_for_each_image_is_alike(draw):
    images = torch.ones(3, 4, 3, 3)
    assert all(torch.equal(one_of_two(rank, draw, images), alone(draw, images)) for rank in (0, 1))


def test_a_tensor_is_filled_where_it_is():
    tensor = torch.zeros(3, 2)
    assert one_of_two(1, lambda x: x.normal_(), tensor) is tensor
    assert torch.equal(tensor, alone(lambda x: torch.randn(6, 2), None)[3:])


@pytest.mark.parametrize(
    "dropout", [nn.Dropout(), nn.Dropout2d(), nn.AlphaDropout(), nn.FeatureAlphaDropout()], ids=str
)
def test_dropout_is_the_identity_in_eval_mode(dropout):
    images = torch.randn(3, 4, 3, 3)
    assert torch.equal(one_of_two(1, dropout.eval(), images), images)


@pytest.mark.parametrize("draw", DROPOUT.values(), ids=DROPOUT)
def test_gradients_flow_through_what_was_drawn(draw):
    images, weights = torch.randn(6, 4, 3, 3, requires_grad=True), torch.randn(6, 36)
    (whole,) = torch.autograd.grad((alone(draw, images).flatten(1) * weights).sum(), images)
    assert whole.abs().max() > 0
    for rank, rows in enumerate(ROWS[1]):
        part = one_of_two(rank, draw, images[rows])
        (gradient,) = torch.autograd.grad((part.flatten(1) * weights[rows]).sum(), images)
        torch.testing.assert_close(gradient[rows], whole[rows])


def test_one_process_draws_as_ever():
    torch.manual_seed(7)
    with global_batch(ProcessGroup(), 3):
        drawn = torch.randn(3, 4)
    assert torch.equal(drawn, alone(lambda x: torch.randn(3, 4), None))


# Batch norm, in two real processes.

CASES = {
    f"{dtype}-{len(shape)}d-{'affine' if affine else 'plain'}-{momentum}": (shape, affine, momentum, dtype)
    for dtype, shape, affine, momentum in itertools.product(
        ("float64", "float32"), ((6, 5), (6, 3, 2, 4)), (True, False), (0.1, 1.0, None)
    )
}


def difference(processes, shape, affine, momentum, dtype):
    """The largest relative difference of this process's rows, gradients and statistics to those of the global batch.

    A momentum of None is for no running statistics.
    """
    dtype = getattr(torch, dtype)
    random = torch.Generator().manual_seed(0)
    images, upward, again = (torch.randn(shape, generator=random, dtype=dtype) + 1 for _ in range(3))
    scale, shift = (torch.randn(shape[1], generator=random, dtype=dtype) for _ in range(2))
    rows = ROWS[1][processes.rank]

    def run(x, upward, again):
        x, *parameters = (tensor.clone().requires_grad_() for tensor in ((x, scale, shift) if affine else (x,)))
        running = [None, None] if momentum is None else [torch.zeros_like(scale), torch.ones_like(scale)]
        out = functional.batch_norm(x, *running, *(parameters or (None, None)), True, momentum or 0.0, 1e-3)
        first = torch.autograd.grad((out * upward).sum(), (x, *parameters), create_graph=True)
        penalty = (first[0].square() * again).sum()
        second = torch.autograd.grad(penalty, (x, *parameters[:1]))
        of_images, of_parameters = [out, first[0], second[0]], [*first[1:], *second[1:]]
        return of_images, of_parameters, [] if momentum is None else running

    of_images, of_parameters, running = run(images, upward, again)
    with global_batch(processes, 3):
        ours_of_images, ours_of_parameters, ours_running = run(images[rows], upward[rows], again[rows])
    ours_of_parameters = [tensor.detach().clone() for tensor in ours_of_parameters]
    processes.average_(ours_of_parameters)
    pairs = [
        *zip(ours_of_images, [tensor[rows] for tensor in of_images], strict=True),
        *zip([processes.world_size * tensor for tensor in ours_of_parameters], of_parameters, strict=True),
        *zip(ours_running, running, strict=True),
    ]
    return max(((ours - theirs).abs().max() / max(1, theirs.abs().max())).item() for ours, theirs in pairs)


@pytest.fixture(scope="module")
def differences(tmp_path_factory):
    """The differences of every case, for each of two processes that are started as ``torchrun`` starts them."""
    folder = tmp_path_factory.mktemp("processes")
    testing.run_processes(2, __file__, str(folder))
    return [json.loads((folder / rank).read_text()) for rank in "01"]


@pytest.mark.parametrize("case", CASES)
def test_batch_norm_is_that_of_the_global_batch(differences, case):
    """Its output, gradients, second gradients and running statistics."""
    bound = 1e-6 if case.startswith("float64") else 1e-5
    assert [of_rank[case] < bound for of_rank in differences] == [True, True]


LEAVING = """
import atexit, os, pathlib, sys
threads = lambda: [pathlib.Path(f"/proc/self/task/{task}/comm").read_text() for task in os.listdir("/proc/self/task")]
gloo = lambda: sum("gloo" in name for name in threads())
atexit.register(lambda: pathlib.Path(sys.argv[1], os.environ["RANK"]).write_text(str(gloo())))
from ganzoo.testing.processes import train_in_processes
train_in_processes("gan", pathlib.Path(sys.argv[1], "run"))
assert gloo()
"""


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="threads are counted as Linux shows them")
def test_processes_leave_their_group_before_they_end(tmp_path):
    """Otherwise its threads may abort a process at its end: "terminate called without an active exception"."""
    testing.run_processes(2, "-c", LEAVING, str(tmp_path))
    assert [(tmp_path / rank).read_text() for rank in "01"] == ["0", "0"]


def test_batch_norm_in_eval_mode_looks_at_nothing_else():
    """It needs no other process."""
    images = torch.randn(3, 4, 3, 3)
    norm = nn.BatchNorm2d(4).eval()
    assert torch.equal(one_of_two(1, norm, images), norm(images))


def test_other_functions_keep_their_arguments():
    """Also an argument with the name of one of our own parameters."""
    images = torch.randn(3, 2, 4, 4)
    padded = one_of_two(0, lambda x: functional.pad(x, (1, 1, 1, 1), mode="reflect"), images)
    assert torch.equal(padded, functional.pad(images, (1, 1, 1, 1), mode="reflect"))


def main(folder):
    processes, _ = join_process_group("cpu")
    torch.set_num_threads(1)
    Path(folder, str(processes.rank)).write_text(
        json.dumps({name: difference(processes, *case) for name, case in CASES.items()})
    )
    processes.wait()


if __name__ == "__main__":
    main(sys.argv[1])

"""Gradients as means over all processes, computed in buckets while the backward pass goes on.

DistributedDataParallel and PyTorch's composable `replicate` do the same for a network that runs forward once. A
discriminator runs several times before its backward pass, and penalties differentiate it twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ganzoo.distributed.processes import ProcessGroup

if TYPE_CHECKING:
    from torch.distributed import Work

__all__ = ["BUCKET_BYTES", "averaged_gradients"]

BUCKET_BYTES = 25 * 2**20
"""The size of a message, as in DistributedDataParallel: large ones cost less, small ones start earlier."""


@contextmanager
def averaged_gradients(
    parameters: Iterable[Tensor], processes: ProcessGroup, *, bucket_bytes: int = BUCKET_BYTES
) -> Iterator[None]:
    """A context for one backward pass. After it, the gradients of `parameters` are means over all processes.

    All processes must compute the same graph, since they exchange gradients in the order of the backward pass.
    """
    if processes.world_size == 1:
        yield
        return
    buckets = _Buckets(processes.world_size, bucket_bytes)
    hooks = [each.register_post_accumulate_grad_hook(buckets.add) for each in parameters]  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
    buckets.finish()


class _Buckets:
    """Collects gradients; a full bucket is sent while the next one fills."""

    def __init__(self, world_size: int, size: int) -> None:
        self.world_size = world_size
        self.size = size
        self.bucket: list[Tensor] = []
        self.sent: list[tuple[list[Tensor], Tensor, Work]] = []

    def add(self, parameter: Tensor) -> None:
        """Take the gradient of a parameter, which is complete."""
        self.bucket += [] if parameter.grad is None else [parameter.grad]
        if sum(each.nbytes for each in self.bucket) >= self.size:
            self._send()

    def finish(self) -> None:
        """Wait for all buckets, and write the means into the gradients."""
        self._send()
        for gradients, total, work in self.sent:
            work.wait()
            means = torch.split(total.div_(self.world_size), [each.numel() for each in gradients])
            for gradient, mean in zip(gradients, means, strict=True):
                gradient.copy_(mean.view_as(gradient))

    def _send(self) -> None:
        if self.bucket:
            total = torch.cat([gradient.flatten() for gradient in self.bucket])
            self.sent.append((self.bucket, total, torch.distributed.all_reduce(total, async_op=True)))
            self.bucket = []

"""The weights that a run starts from: those of another run, or those of a published model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from torch import Tensor, nn

from ganzoo.errors import MismatchError, RunError
from ganzoo.pretrained.resolve import resolve
from ganzoo.training import checkpoints
from ganzoo.training.plan import is_run
from ganzoo.utils.files import expand_home
from ganzoo.utils.progress import Progress, silent
from ganzoo.weights.fit import load_fitting

__all__ = ["Start", "read_start"]

MOST_NAMED = 3
"""The most tensors that a message names."""


class Start(NamedTuple):
    """The tensors that a run starts from, by name: of its networks, and of the average of those that sampling needs.

    A published model has the average, and the discriminator if that was published. `name` is what the user typed.
    """

    name: str
    networks: Mapping[str, Tensor]
    average: Mapping[str, Tensor]

    def load_into(self, networks: nn.Module, average: nn.Module) -> str:
        """Copy all tensors whose names and shapes are those of the networks. Returns one line: what starts new.

        The line is empty if nothing starts new.

        Raises:
            MismatchError: No tensor of the average fits, or a frozen layer would start new.
        """
        new = load_fitting(networks, self.networks)
        if len(load_fitting(average, self.average)) == len(average.state_dict()):
            text = f"{self.name} does not fit the network: no tensor has the name and shape of one here"
            raise MismatchError(f"{text} - start from a model of this architecture")
        frozen = {name for name, parameter in networks.named_parameters() if not parameter.requires_grad}
        if missing := [name for name in new if name in frozen]:
            text = f"{self.name} has no {missing[0]} of this shape, and --freeze would keep it untrained"
            raise MismatchError(f"{text} - leave out --freeze, or start from a run or a model with its discriminator")
        return f"{self.name}: {self._describe(networks, new)}" if new else ""

    def _describe(self, networks: nn.Module, new: list[str]) -> str:
        """Which tensors start new: whole networks by their names, and single tensors with both shapes."""
        all_names = list(networks.state_dict())
        whole = [part for part, _ in networks.named_children() if _of(part, all_names) == _of(part, new) != []]
        single = [name for name in new if name.partition(".")[0] not in whole]
        shapes = {name: tuple(tensor.shape) for name, tensor in networks.state_dict().items()}
        lines = [f"the {part} starts new" for part in whole]
        lines += [f"{name} starts new: {self._shape(name)} there, {shapes[name]} here" for name in single[:MOST_NAMED]]
        lines += [f"and so do {len(single) - MOST_NAMED} more tensors"] if len(single) > MOST_NAMED else []
        return ", ".join(lines)

    def _shape(self, name: str) -> str:
        return str(tuple(self.networks[name].shape)) if name in self.networks else "none"


def read_start(name: str, *, progress: Progress = silent) -> Start:
    """Read the newest checkpoint of a run, or the weights of a model: a registered one, a folder or one of the Hub.

    Raises:
        RunError: The run has no undamaged checkpoint.
        UnknownNameError: Nothing has that name.
        WeightsError: The weights cannot be downloaded, or are damaged.
    """
    if is_run(name):
        found = checkpoints.latest(expand_home(name) / "checkpoints")
        if found is None:
            raise RunError(f"{name} holds no usable checkpoint to start from - name the folder of a run that was saved")
        return Start(name, found.networks["networks"], found.networks["average"])
    source = resolve(name)
    _, tensors = source.read(source.fetch(progress=progress))
    return Start(name, {**tensors, **source.read_discriminator(progress=progress)}, tensors)


def _of(part: str, names: Iterable[str]) -> list[str]:
    return [name for name in names if name.startswith(f"{part}.")]

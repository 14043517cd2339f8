"""Foreign checkpoints: find the layout of a state dict, and give its tensors ganzoo's names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from ganzoo.errors import LayoutError
from ganzoo.interface.weights_files import Derived, Layout, Reading, Shapes

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Match", "find_layout", "rename"]


class Match(NamedTuple):
    """A layout that reads a network in a checkpoint. All names of the network in the file start with `prefix`."""

    layout: Layout
    prefix: str
    reading: Reading


def find_layout(shapes: Shapes, layouts: Iterable[Layout], *, of: str) -> Match:
    """The only layout that reads a checkpoint. `of` names the checkpoint in errors.

    Training scripts save several networks in one file, such as ``{"netG_state_dict": {...}, ...}``. Each network is
    tried on its own, without the ``module.`` that data parallelism puts before its names.

    Raises:
        LayoutError: no layout or several layouts read it, or the layout does not use all tensors.
    """
    layouts = list(layouts)
    parts = _split_by_network(shapes)
    matches = [
        Match(layout, prefix, reading)
        for prefix, part in parts.items()
        for layout in layouts
        if (reading := layout.read(part)) is not None
    ]
    if len(matches) != 1:
        raise LayoutError(_explain_failure(shapes, layouts, matches, of))
    match = matches[0]
    unread = set(parts[match.prefix]) - match.reading.read - match.reading.ignored
    if unread:
        raise LayoutError(f"{of}: the layout {match.layout.name} does not use {', '.join(sorted(unread))}")
    return match


def rename(tensors: Mapping[str, Tensor], match: Match) -> dict[str, Tensor]:
    """The tensors that the layout reads, with ganzoo's names."""
    return {ours: _tensor(tensors, match.prefix, theirs) for ours, theirs in match.reading.tensors.items()}


def _tensor(tensors: Mapping[str, Tensor], prefix: str, theirs: str | Derived) -> Tensor:
    """One tensor of the checkpoint, or a tensor that is computed from several."""
    if isinstance(theirs, Derived):
        return theirs.make(*(tensors[prefix + name] for name in theirs.sources))
    return tensors[prefix + theirs]


def _split_by_network(shapes: Shapes) -> dict[str, dict[str, tuple[int, ...]]]:
    """The shapes of each network in a file, without the prefix that its names share; by that prefix."""
    parts: dict[str, dict[str, tuple[int, ...]]] = {}
    for name, shape in shapes.items():
        container, slash, bare = name.rpartition("/")
        prefix = container + slash + ("module." if bare.startswith("module.") else "")
        parts.setdefault(prefix, {})[name.removeprefix(prefix)] = shape
    return parts


def _explain_failure(shapes: Shapes, layouts: list[Layout], matches: list[Match], of: str) -> str:
    """The message for a checkpoint that no layout or several layouts read."""
    if matches:
        found = ", ".join(f"{match.layout.name} at {match.prefix or 'the top'!r}" for match in matches)
        return f"{of} can be read in several ways: {found} - save only one network in the file"
    known = "; ".join(f"{each.name}, with {', '.join(each.example)} ({each.source})" for each in layouts) or "none"
    some = ", ".join(f"{name} {shape}" for name, shape in list(shapes.items())[:4])
    return f"{of} is in no known layout: it holds {len(shapes)} tensors ({some}, ...) - known layouts are {known}"

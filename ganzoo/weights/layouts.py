"""Foreign checkpoints: which layout a state dict is in, and its tensors under our names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from ganzoo.errors import LayoutError
from ganzoo.interface.weights_files import Derived, Layout, Reading, Shapes

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Match", "find_layout", "rename"]


class Match(NamedTuple):
    """A layout that reads a checkpoint; `prefix` is where in the file the network stands."""

    layout: Layout
    prefix: str
    reading: Reading


def find_layout(shapes: Shapes, layouts: Iterable[Layout], *, of: str) -> Match:
    """The one layout that reads the checkpoint `of`.

    Training scripts save several networks in one file, as ``{"netG_state_dict": {...}, ...}``: each
    part (see `ganzoo.weights.pickles`) is tried on its own, without the ``module.`` that data parallelism adds.

    Raises:
        LayoutError: none or several read it, or a layout leaves tensors unread.
    """
    layouts = list(layouts)
    parts = _parts(shapes)
    matches = [
        Match(layout, prefix, reading)
        for prefix, part in parts.items()
        for layout in layouts
        if (reading := layout.read(part)) is not None
    ]
    if len(matches) != 1:
        raise LayoutError(_explain(shapes, layouts, matches, of))
    match = matches[0]
    unread = set(parts[match.prefix]) - match.reading.read - match.reading.ignored
    if unread:
        raise LayoutError(f"{of}: the layout {match.layout.name} leaves {', '.join(sorted(unread))} unread")
    return match


def rename(tensors: Mapping[str, Tensor], match: Match) -> dict[str, Tensor]:
    """The tensors that the match's layout reads, under our names."""
    return {ours: _find(tensors, match.prefix, theirs) for ours, theirs in match.reading.tensors.items()}


def _find(tensors: Mapping[str, Tensor], prefix: str, theirs: str | Derived) -> Tensor:
    if isinstance(theirs, Derived):
        return theirs.make(*(tensors[prefix + name] for name in theirs.sources))
    return tensors[prefix + theirs]


def _parts(shapes: Shapes) -> dict[str, dict[str, tuple[int, ...]]]:
    """The shapes of each network in a file, by the prefix that its names share."""
    parts: dict[str, dict[str, tuple[int, ...]]] = {}
    for name, shape in shapes.items():
        container, slash, bare = name.rpartition("/")
        prefix = container + slash + ("module." if bare.startswith("module.") else "")
        parts.setdefault(prefix, {})[name.removeprefix(prefix)] = shape
    return parts


def _explain(shapes: Shapes, layouts: list[Layout], matches: list[Match], of: str) -> str:
    if matches:
        found = ", ".join(f"{match.layout.name} at {match.prefix or 'the top'!r}" for match in matches)
        return f"{of} can be read in several ways: {found}"
    known = "; ".join(f"{each.name}, with {', '.join(each.example)} ({each.source})" for each in layouts) or "none"
    some = ", ".join(f"{name} {shape}" for name, shape in list(shapes.items())[:4])
    return f"{of} is in no known layout: it holds {len(shapes)} tensors ({some}, ...) - known are {known}"

"""Foreign checkpoints: find the layout of a state dict, and give its tensors ganzoo's names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from ganzoo.errors import GanzooError, LayoutError
from ganzoo.interface.weights_files import Derived, Layout, Reading, Shapes

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Match", "find_layout", "find_layouts", "rename"]

_COUNT = "num_batches_tracked"
_AVERAGES = {
    *("ema", "g_ema", "gema", "ema_g", "netg_ema", "generator_ema", "ema_model", "params_ema"),
    *("g_running", "generator_smooth"),
}
_MAX_WRAPPERS = 6
_FEW = 4  # so many layouts are listed in an error


class Match(NamedTuple):
    """A layout that reads a network in a checkpoint. All names of the network in the file start with `prefix`."""

    layout: Layout
    prefix: str
    reading: Reading

    @property
    def part(self) -> str:
        """The name of the network in the file, which ``--part`` takes; an empty text if the file is the network."""
        return self.prefix.strip("/.")

    def in_file(self, name: str) -> str:
        """The whole name of a tensor that the layout knows as `name`."""
        return name if name in self.layout.beside else self.prefix + name


def find_layout(shapes: Shapes, layouts: Iterable[Layout], *, of: str, part: str = "") -> Match:
    """The only layout that reads a checkpoint which is published or registered. `of` names it in errors.

    Raises:
        LayoutError: as `find_layouts`; or several layouts read it, or several networks in it are generators.
    """
    layouts = list(layouts)
    matches = find_layouts(shapes, layouts, of=of, part=part)
    if len(matches) > 1:
        found = ", ".join(f"{match.part or 'the whole file'} as {match.layout.name}" for match in matches)
        remedy = "it must hold one network only; `ganzoo import FILE --part NAME` writes one of them as a folder"
        raise LayoutError(f"{of} can be read in several ways: {found} - {remedy}")
    return matches[0]


def find_layouts(
    shapes: Shapes, layouts: Iterable[Layout], *, of: str, part: str = "", beside: Shapes = MappingProxyType({})
) -> list[Match]:
    """All layouts that read a checkpoint, each with the network that it reads.

    Training scripts save several networks in one file, such as ``{"netG_state_dict": {...}, ...}``, and put prefixes
    such as ``module.`` before all names. Each network is tried on its own, with and without the prefixes. `part` is
    the name of the one that is wanted. Of a network and its average, the average is read. General layouts are tried
    only if no other layout reads the file. `beside` are the tensors of other files that belong to the network; the
    layout must read all of them.

    Raises:
        LayoutError: no layout reads it, or the only one that does leaves tensors unread.
    """
    layouts = list(layouts)
    parts = {prefix: found for prefix, found in _networks(shapes).items() if not part or _is_part(prefix, part)}
    if not parts:
        raise LayoutError(f"{of} has no part {part!r} - its parts are {', '.join(_names(shapes)) or 'without names'}")
    for general in (False, True):
        tried = [layout for layout in layouts if layout.general == general]
        matches = list(_matches(parts, tried, {**shapes, **beside}))
        whole = [match for match in matches if not _unread(match, parts, beside)]
        if whole:
            return _averages(_innermost(whole))
        if matches:
            unread = ", ".join(sorted(_unread(matches[0], parts, beside)))
            text = f"{of}: the layout {matches[0].layout.name} does not use {unread}"
            raise LayoutError(f"{text} - leave these tensors out only if they are no part of the generator")
    raise LayoutError(_explain_failure(shapes, parts, layouts, of))


def rename(tensors: Mapping[str, Tensor], match: Match) -> dict[str, Tensor]:
    """The tensors that the layout reads, with ganzoo's names.

    Files of old versions of PyTorch have no counts in their batch norms, which sampling does not need: they become 0.
    """
    renamed = {ours: _tensor(tensors, match, theirs) for ours, theirs in match.reading.tensors.items()}
    if not any(name.startswith(match.prefix) and name.endswith(_COUNT) for name in tensors):
        import torch

        for name in [name for name in renamed if name.endswith(".running_mean")]:
            renamed.setdefault(name.replace("running_mean", _COUNT), torch.zeros((), dtype=torch.int64))
    return renamed


def _tensor(tensors: Mapping[str, Tensor], match: Match, theirs: str | Derived) -> Tensor:
    """One tensor of the checkpoint, or a tensor that is computed from several."""
    if isinstance(theirs, Derived):
        return theirs.make(*(_tensor(tensors, match, name) for name in theirs.sources))
    return tensors[match.in_file(theirs)]


# --- the networks in a file ----------------------------------------------------------------------


def _networks(shapes: Shapes) -> dict[str, Shapes]:
    """The shapes of each network in a file without the prefix that its names share, by that prefix.

    A nested dict is a network of its own, as is what lies behind a prefix that all names of a dict have, or behind a
    word for a network, such as ``generator.``. The shortest prefix comes first.
    """
    containers: dict[str, dict[str, tuple[int, ...]]] = {}
    for name, shape in shapes.items():
        container, slash, bare = name.rpartition("/")
        containers.setdefault(container + slash, {})[bare] = shape
    return {container + prefix: inner for container, found in containers.items() for prefix, inner in _unwrapped(found)}


_WRAPPER = re.compile(r"module|_orig_mod|model|net|network|gan")
"""The words that training scripts put before all names of a network."""

_GENERATOR = re.compile(
    r"((net|model)_?)?g(en(erator)?)?(_?(net(work)?|model))?(_?(a|b|ab|ba|ema))?|g?_?ema(_model)?|g_running",
    re.IGNORECASE,
)
"""The words that they put before the names of a generator or its average."""

_BESIDE = re.compile(
    r"((net|model)_?)?d(is(c(riminator)?)?)?(_?(net(work)?|model))?(_?(a|b))?|critic|\w*loss\w*|fid|inception\w*|lpips|vgg",
    re.IGNORECASE,
)
"""The words before the names of networks that training needs beside a generator."""

_INPUT = re.compile(r"\w*emb(ed(der|ding)?s?)?\d*|(label|class|cond)\w*", re.IGNORECASE)
"""The words before the names of what belongs to a generator: its class or another condition enters there."""


def _unwrapped(shapes: Shapes) -> Iterator[tuple[str, Shapes]]:
    """A dict of tensors as it is, then what lies behind each prefix that may be a wrapper."""
    waiting: list[tuple[str, Shapes]] = [("", shapes)]
    while waiting:
        prefix, found = waiting.pop(0)
        yield prefix, found
        firsts = {name.partition(".")[0] for name in found if "." in name}
        for first in sorted(firsts):
            if _is_wrapper(first, firsts, found) and prefix.count(".") < _MAX_WRAPPERS:
                start = f"{first}."
                inner = {name.removeprefix(start): shape for name, shape in found.items() if name.startswith(start)}
                waiting.append((prefix + start, inner))


def _is_wrapper(first: str, firsts: set[str], shapes: Shapes) -> bool:
    """Whether what lies behind the first word of names is a whole network: what lies beside it must not belong to it.

    `firsts` are the first words of all names with several words.
    """
    others = firsts - {first}
    if not others and all("." in name for name in shapes):
        return not first.isdigit()
    if _GENERATOR.fullmatch(first):
        return not any(map(_INPUT.fullmatch, others))
    beside = all(map(_BESIDE.fullmatch, others)) and not any(shape for name, shape in shapes.items() if "." not in name)
    return beside and bool(_WRAPPER.fullmatch(first.lower()))


def _words(prefix: str) -> list[str]:
    return [word for word in re.split(r"[./]", prefix) if word]


def _is_part(prefix: str, part: str) -> bool:
    """Whether a network is the one that a user means: by its whole prefix, or by one word of it."""
    return part.strip("/.") == prefix.strip("/.") or part in _words(prefix)


def _names(shapes: Shapes) -> list[str]:
    """The names of the parts of a file, for messages: of its dicts, or else of its prefixes."""
    prefixes = [prefix for prefix in _networks(shapes) if prefix]
    return [prefix.strip("/.") for prefix in prefixes if prefix.endswith("/")] or [p.strip(".") for p in prefixes]


# --- matching ------------------------------------------------------------------------------------


def _matches(parts: Mapping[str, Shapes], layouts: Sequence[Layout], file: Shapes) -> Iterator[Match]:
    """Each layout with each network that it reads; once for the same tensors behind a longer prefix.

    `file` has the shapes of the whole file, and of the files beside it.
    """
    seen: set[tuple[str, frozenset[str]]] = set()
    for prefix, shapes in parts.items():
        for layout in layouts:
            reading = layout.read({**shapes, **{name: file[name] for name in layout.beside if name in file}})
            if reading is not None:
                key = (layout.name, frozenset(prefix + name for name in reading.read))
                if key not in seen:
                    seen.add(key)
                    yield Match(layout, prefix, reading)


def _unread(match: Match, parts: Mapping[str, Shapes], beside: Shapes) -> set[str]:
    return {*parts[match.prefix], *beside} - match.reading.read - match.reading.ignored


def _innermost(matches: list[Match]) -> list[Match]:
    """Only the generator, where a layout also reads it together with the discriminator beside it."""
    inner = {match.prefix for match in matches}
    return [m for m in matches if not any(each != m.prefix and each.startswith(m.prefix) for each in inner)] or matches


def _averages(matches: list[Match]) -> list[Match]:
    """Only the average of a network, where a file holds both; else all matches."""
    averages = [match for match in matches if any(word.lower() in _AVERAGES for word in _words(match.prefix))]
    return averages or matches


# --- what a refusal says -------------------------------------------------------------------------


def _explain_failure(shapes: Shapes, parts: Mapping[str, Shapes], layouts: Sequence[Layout], of: str) -> str:
    """The message for a checkpoint that no layout reads."""
    shown = [name for name in shapes if not name.endswith(_COUNT)]
    some = ", ".join(f"{name} {tuple(shapes[name])}" for name in shown[:4])
    held = f"{of} is in no known layout: it holds {len(shapes)} tensors ({some}, ...)"
    near = _quantized(shapes) or next(_near(parts, layouts), "") or _explained(parts, layouts)
    if near:
        return f"{held} - {near}"
    if len(layouts) > _FEW:
        return f"{held} - it fits none of the {len(layouts)} layouts that `ganzoo info ARCHITECTURE` lists"
    known = "; ".join(f"{each.name}, with {', '.join(each.example)} ({each.source})" for each in layouts) or "none"
    return f"{held} - known layouts are {known}"


def _quantized(shapes: Shapes) -> str:
    """What to do with a quantized network, whose weights are packed objects; an empty text for any other."""
    quantized = any(name.rpartition(".")[2] == "zero_point" for name in shapes)
    return "it is quantized: get the file from before quantization" if quantized else ""


def _explained(parts: Mapping[str, Shapes], layouts: Sequence[Layout]) -> str:
    """Why a general layout does not read the generator in the file; an empty text without such a layout."""
    generators = [prefix for prefix in parts if prefix and _GENERATOR.fullmatch(_words(prefix)[-1])]
    shapes = parts[next(iter([*generators, *parts]))]
    reasons = [(layout.architecture, layout.explain(shapes)) for layout in layouts if layout.explain]
    return "; ".join(f"{architecture} does not fit: {reason}" for architecture, reason in reasons)


def _near(parts: Mapping[str, Shapes], layouts: Sequence[Layout]) -> Iterator[str]:
    """The layouts that would read the file without some of its tensors: biases, norms, or one module."""
    for prefix, shapes in parts.items():
        modules = sorted({name.rpartition(".")[0] for name in shapes})
        biases = [name for name in shapes if name.endswith(".bias") and len(shapes.get(f"{name[:-4]}weight", ())) > 1]
        inside = [[name for name in shapes if name.startswith(f"{module}.")] for module in modules]
        extras = [biases, *([name] for name in shapes), *inside]
        for extra in filter(None, extras):
            rest = {name: shape for name, shape in shapes.items() if name not in extra}
            for layout in layouts:
                if rest and not layout.general and _reads(layout, rest):
                    more = f" and {len(extra) - 1} more" if len(extra) > 1 else ""
                    yield f"the layout {layout.name} of {layout.architecture} fits, but for {prefix}{extra[0]}{more}"


def _reads(layout: Layout, shapes: Shapes) -> bool:
    """Whether a layout reads what is left of a file. What it has to say of these rests is not about the file."""
    try:
        return layout.read(shapes) is not None
    except GanzooError:
        return False

"""The images that `ganzoo sample` makes: a grid with a request for each row and a seed for each column. No torch."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from ganzoo.errors import InvalidRequestError
from ganzoo.interface.tasks import Task
from ganzoo.sampling.number_lists import label_numbers, parse_seeds, written_numbers
from ganzoo.sampling.requests import check_seeds
from ganzoo.sampling.texts import choices_in, expand, legend_of, row_names
from ganzoo.utils.names import join_label, slug

if TYPE_CHECKING:
    from torch import Tensor

    from ganzoo.sampling.model import Model

__all__ = ["Cell", "Row", "SampleGrid", "make_grid"]

MakeRequest = Callable[..., Task]
"""Makes a request from options, such as `Model.request`. It refuses wrong options."""

_IN_ONE_ROW, _IN_EACH_ROW = 64, 8  # the default number of images: in a single row, and in each of several


@dataclass(frozen=True)
class Row:
    """The request of one row. `name` is the row's part of file names; it is empty for a single row."""

    request: Task
    name: str = ""


@dataclass(frozen=True)
class Cell:
    """One image: its seed, its request, and the name of its file without the ending."""

    seed: int
    request: Task
    name: str


@dataclass(frozen=True)
class SampleGrid:
    """Each row has an image for each of the `seeds`. The images of one column share their latent.

    `label` tells the options that differ from the defaults, for file names. It is empty if none does. `across` is the
    number of requests that the contact sheet has side by side. `legend` tells users what its rows and columns are.
    """

    rows: tuple[Row, ...]
    seeds: Sequence[int]
    label: str = dataclasses.field(default="", compare=False)
    across: int = 1
    legend: str = dataclasses.field(default="", compare=False)

    def __len__(self) -> int:
        return len(self.rows) * len(self.seeds)

    def __iter__(self) -> Iterator[Cell]:
        largest = self.seeds[-1] if isinstance(self.seeds, range) else max(self.seeds)
        digits = max(4, len(str(largest)))
        for row in self.rows:
            prefix = f"{row.name}-" if row.name else ""
            for seed in self.seeds:
                yield Cell(seed, row.request, f"{prefix}seed{seed:0{digits}d}")

    @property
    def columns(self) -> int | None:
        """The number of columns of its contact sheet; None for a single row, which may be laid out freely."""
        return len(self.seeds) * self.across if len(self.rows) > 1 else None

    @property
    def shows_examples(self) -> bool:
        """Whether images show the examples that a model remembers, because nobody said a text."""
        return any(type(row.request).needs_text and getattr(row.request, "text", "") is None for row in self.rows)

    @property
    def file_label(self) -> str:
        """Its part of the default file name."""
        listed = join_label([f"seeds{label_numbers(self.seeds)}"]) if not isinstance(self.seeds, range) else ""
        return "-".join(filter(None, [listed or f"seed{self.seeds[0]}", self.label]))

    @property
    def names(self) -> list[str]:
        """The name of each image's file, without the ending."""
        return [cell.name for cell in self]

    def check(self) -> None:
        """Refuse seeds that do not exist.

        Raises:
            InvalidRequestError: the last seed is too large.
        """
        for seed in (self.seeds[0], self.seeds[-1]):
            check_seeds(1, seed, 1)

    def batches(self, model: Model, size: int) -> Iterator[Tensor]:
        """Generate the images, pixels (n, C, H, W)."""
        seeded = ((cell.seed, cell.request) for cell in self)
        return model.generate_each(seeded, batch_size=size, as_pixels=True)

    def options_after(self, done: int) -> str | None:
        """The options of `ganzoo sample` that make the images after the first `done`; None for several rows."""
        if len(self.rows) > 1:
            return None
        rest = self.seeds[done:]
        return f"--seed {rest[0]} -n {len(rest)}" if isinstance(rest, range) else f"--seeds {written_numbers(rest)}"

    def numbers(self) -> dict[str, list[Any]]:
        """The seed of every image, its text if it has one, and each option that has a number in all rows."""
        found: dict[str, list[Any]] = {"seeds": [cell.seed for cell in self]}
        for field in dataclasses.fields(self.rows[0].request):
            values = [getattr(row.request, field.name) for row in self.rows]
            kinds = str if field.name == "text" else (int, float)
            if all(isinstance(value, kinds) for value in values):
                found[field.name] = [value for value in values for _ in self.seeds]
        return found


def make_grid(
    make_request: MakeRequest,
    class_names: Sequence[str],
    *,
    count: int | None = None,
    seed: int | None = None,
    seeds: str | None = None,
    classes: Sequence[str] = (),
    per_class: int | None = None,
    texts: Sequence[str] = (),
    sweep: str | None = None,
    **options: Any,
) -> SampleGrid:
    """The grid for the options of `ganzoo sample`. Without options it is one row of 64 images.

    `seeds` is a list such as ``1-5,9``, with an image for each in each row. It takes the place of `seed` and a count.
    Each of several `classes`, given by name or number, has a row of `per_class` images, by default 8. A single class
    has `count` images. `per_class` without `classes` means all classes in `class_names`. Each of several `texts` has a
    row of `count` images, by default 8. ``a {red,blue} hat`` is two texts. With two pairs of braces or more, there is
    one image of each, and the words of the last pair are side by side. `sweep` has a row for each of several values of
    one option, such as ``truncation=0.1,0.4``.

    Raises:
        InvalidRequestError: an option is wrong, or two options exclude each other.
    """
    several = len(classes) > 1 or per_class is not None
    if seeds is not None and any(each is not None for each in (count, seed, per_class)):
        raise InvalidRequestError("--seeds says which images, and how many - leave out -n, --seed and --per-class")
    pick = partial(_pick, seeds, seed or 0)
    if several and sweep is not None:
        raise InvalidRequestError("a sweep takes at most one class - leave out --per-class, and all but one --class")
    if several and count is not None:
        raise InvalidRequestError("with several classes, --per-class says how many of each - leave out -n")
    all_texts = [each for text in texts for each in expand(text)]
    if len(all_texts) > 1 and sweep is not None:
        raise InvalidRequestError("a sweep takes at most one text - leave out all but one --text, and braces")
    if len(all_texts) > 1:
        return _text_grid(make_request, texts, all_texts, pick, count, options)
    one = {**options, **({"label": classes[0]} if classes else {}), **({"text": all_texts[0]} if texts else {})}
    if sweep is not None:
        rows = _sweep(make_request, sweep, one)
        of_class = f"-{_class_name(rows[0].request, class_names)}" if classes else ""
        return _labeled(rows, pick(_IN_EACH_ROW, count), _IN_EACH_ROW, f"sweep-{sweep}{of_class}")
    if several:
        rows = _class_rows(make_request, class_names, classes, options)
        named = "-".join(row.name for row in rows) if classes else "per-class"
        return _labeled(rows, pick(_IN_EACH_ROW, per_class), _IN_EACH_ROW, named)
    request = make_request(**one)
    return _labeled((Row(request),), pick(_IN_ONE_ROW, count), _IN_ONE_ROW, _class_name(request, class_names))


def _text_grid(
    make_request: MakeRequest,
    asked: Sequence[str],
    texts: Sequence[str],
    pick: Callable[[int, int | None], Sequence[int]],
    count: int | None,
    options: dict[str, Any],
) -> SampleGrid:
    """A row for each of the `texts`, which the user has `asked` for with braces or one by one."""
    if len(set(texts)) < len(texts):
        raise InvalidRequestError("a text is given twice - give each text once")
    choices = choices_in(asked[0]) if len(asked) == 1 else []
    usual = _IN_EACH_ROW if len(choices) < 2 else 1
    seeds = pick(usual, count)
    named = zip(texts, row_names(texts), strict=True)
    rows = tuple(Row(make_request(text=text, **options), name) for text, name in named)
    grid = _labeled(rows, seeds, usual, "-".join(asked))
    if choices and len(seeds) == 1:
        return dataclasses.replace(grid, across=len(choices[-1]), legend=legend_of(choices))
    return dataclasses.replace(grid, legend=f"rows: {'; '.join(texts)}")


def _pick(listed: str | None, first: int, usual: int, count: int | None) -> Sequence[int]:
    """The seeds of a row: those that are `listed`, or else so many from the `first` one on.

    Raises:
        InvalidRequestError: it is no list of seeds, or a seed is in it twice: both would have one file name.
    """
    if listed is None:
        return range(first, first + (usual if count is None else count))
    seeds = parse_seeds(listed)
    if len(set(seeds)) < len(seeds):
        raise InvalidRequestError(f"--seeds {listed} names a seed twice - name each seed once")
    return seeds


def _labeled(rows: tuple[Row, ...], seeds: Sequence[int], usual: int, name: str) -> SampleGrid:
    """The grid, with a label that holds `name`, an unusual count, and the options that all rows share."""
    unusual = isinstance(seeds, range) and len(seeds) != usual
    label = join_label([f"n{len(seeds)}" if unusual else "", name, *_shared(rows)])
    return SampleGrid(rows, seeds, label, legend=f"rows: {', '.join(row.name for row in rows)}" if rows[1:] else "")


def _shared(rows: tuple[Row, ...]) -> Iterator[str]:
    """Each option that has one value in all rows, and not its default, such as ``truncation0.4``."""
    for field in dataclasses.fields(rows[0].request):
        values = {getattr(row.request, field.name) for row in rows}
        if field.name != "label" and len(values) == 1 and values != {field.default}:
            yield f"{'' if field.name == 'text' else field.name}{values.pop()}"


def _class_rows(
    make_request: MakeRequest, names: Sequence[str], classes: Sequence[str], options: dict[str, Any]
) -> tuple[Row, ...]:
    if not classes and not names:
        raise InvalidRequestError("its classes have no names - say which ones with --class, by number")
    requests = [make_request(label=label, **options) for label in (classes or range(len(names)))]
    labels: list[Any] = [getattr(request, "label", None) for request in requests]
    if len(set(labels)) < len(labels):
        raise InvalidRequestError("a class is named twice - give each --class once")
    return tuple(Row(request, _class_name(request, names)) for request in requests)


def _class_name(request: Task, names: Sequence[str]) -> str:
    """The class of a request for file names, such as ``7-sneaker``; empty if it has none."""
    label = getattr(request, "label", None)
    if label is None:
        return ""
    return slug(f"{label}-{names[label]}" if names else f"class{label}")


def _sweep(make_request: MakeRequest, text: str, options: dict[str, Any]) -> tuple[Row, ...]:
    name, equals, values = text.partition("=")
    if not equals or not values.strip(","):
        raise InvalidRequestError(f"--sweep {text} has no values - write it as OPTION=VALUE,VALUE,...")
    field = "label" if name == "class" else name
    if options.get(field) is not None:
        raise InvalidRequestError(f"--{name} and a sweep of it contradict each other - leave out --{name}")
    options.pop(field, None)
    return tuple(
        Row(make_request(**{**options, field: _value(value)}), slug(f"{name}{value}")) for value in values.split(",")
    )


def _value(text: str) -> Any:
    """The number that `text` is, or else the text itself."""
    try:
        return json.loads(text)
    except ValueError:
        return text.strip()

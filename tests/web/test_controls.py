"""The controls of a page come from the fields of a task, also of one that ganzoo has never seen."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import pytest
from torch import Tensor

from ganzoo import InvalidRequestError, Task
from ganzoo.registry import lookup
from ganzoo.sampling.requests import Subject, request_words
from ganzoo.web.controls import Control, controls_of, fields_from


@dataclass(frozen=True)
class Config:
    image_shape: tuple[int, int, int] = (3, 8, 8)
    moods: tuple[str, ...] = ("calm", "wild")


class Painting(Task):
    """A task of an outsider."""

    name: ClassVar[str] = "painting"

    mood: str | None = None
    brush: Literal["thin", "thick"] = "thin"
    noise: float | None = field(default=None, metadata={"range": (0, 2)})
    layers: int = 4
    signed: bool = False
    title: str | None = None
    canvas: Tensor | None = None


OF_PAINTING = {control.field: control for control in controls_of(Subject(Painting, Config(), ()))}


def subject_of(architecture: str, classes: tuple[str, ...] = ()) -> Subject:
    spec = lookup.registry().architectures[architecture]
    return Subject(spec.task, spec.config(**spec.tiny), classes)


def test_the_task_of_an_outsider_has_its_controls() -> None:
    kinds = {name: control.kind for name, control in OF_PAINTING.items()}
    assert kinds == {
        **{"mood": "choice", "brush": "choice", "noise": "number"},
        **{"layers": "whole", "signed": "switch", "title": "text"},
    }, "a tensor has no control"
    assert [text for text, _ in OF_PAINTING["mood"].choices] == ["calm", "wild"]
    assert [text for text, _ in OF_PAINTING["brush"].choices] == ["thin", "thick"]
    assert (OF_PAINTING["noise"].least, OF_PAINTING["noise"].most) == (0, 2)
    assert not OF_PAINTING["brush"].optional


def test_what_a_page_sends_becomes_the_fields_that_differ() -> None:
    controls = tuple(OF_PAINTING.values())
    raw = ["wild", "thin", "0.5", 4, True, ""]
    assert fields_from(controls, raw) == {"mood": "wild", "noise": 0.5, "signed": True}
    assert fields_from(controls, ["", "thin", "", 4, False, ""]) == {}


def test_classes_are_chosen_by_name() -> None:
    label = controls_of(subject_of("biggan", ("crane", "dog", "crane")))[0]
    assert label.label == "class"
    assert label.choices == (("crane (0)", 0), ("dog", 1), ("crane (2)", 2))
    assert label.value("crane (2)") == 2
    unnamed = controls_of(subject_of("biggan"))[0]
    assert unnamed.choices[0] == ("class 0", 0)


def test_directions_are_those_of_the_model() -> None:
    (direction,) = controls_of(subject_of("cyclegan"))
    assert direction.kind == "choice"
    assert [value for _, value in direction.choices] == list(subject_of("cyclegan").config.directions)  # type: ignore[attr-defined]
    assert controls_of(subject_of("dcgan")) == ()


@pytest.mark.parametrize(
    ("name", "raw", "message"),
    [
        ("mood", "sad", "mood: 'sad' is no choice - choose one from the list"),
        ("noise", 3, "noise is a number from 0 to 2, not '3'"),
        ("noise", "nan", "noise is a number from 0 to 2, not 'nan'"),
        ("noise", True, "noise is a number from 0 to 2, not 'True'"),
        ("layers", 2.5, "layers is a whole number, not '2.5'"),
        ("layers", [1], "layers is a whole number, not '[1]'"),
    ],
)
def test_impossible_values_are_refused(name: str, raw: Any, message: str) -> None:
    with pytest.raises(InvalidRequestError) as raised:
        OF_PAINTING[name].value(raw)
    assert str(raised.value) == message


@pytest.mark.parametrize("raw", ["1e999", 10**400, "inf"])
def test_numbers_that_are_too_large_are_refused(raw: Any) -> None:
    with pytest.raises(InvalidRequestError, match="is a whole number"):
        Control("n", "n", "whole").value(raw)


def test_the_fields_of_an_outsider_are_words_of_the_command_line() -> None:
    request = Painting(mood="wild", noise=0.5, signed=True)
    assert request_words(request) == ["--set", "mood=wild", "--set", "noise=0.5", "--set", "signed=true"]
    assert request_words(Painting()) == []

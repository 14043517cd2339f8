"""The quiz as a game: one picture after the other, real or generated? No gradio."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ganzoo.data.sources import find_data, is_named
from ganzoo.evaluation.quiz import Quiz
from ganzoo.utils.files import expand_home
from ganzoo.web.shelf import Shown

if TYPE_CHECKING:
    from PIL.Image import Image

    from ganzoo.sampling.model import Model

__all__ = ["Game", "has_quiz", "start"]


@dataclass(frozen=True)
class Game:
    """The `cards` of a game, each a picture and whether it is real, and the `guesses` so far: is it real?"""

    cards: tuple[tuple[Image, bool], ...]
    guesses: tuple[bool, ...] = ()

    @property
    def is_over(self) -> bool:
        """Whether every card has a guess."""
        return len(self.guesses) == len(self.cards)

    @property
    def picture(self) -> Image | None:
        """The picture to guess next; None at the end."""
        return None if self.is_over else self.cards[len(self.guesses)][0]

    @property
    def score(self) -> int:
        """The number of right guesses."""
        return sum(guess == is_real for guess, (_, is_real) in zip(self.guesses, self.cards, strict=False))

    def guess(self, is_real: bool) -> Game:
        """The game after one more guess; at the end, the same game."""
        return self if self.is_over else replace(self, guesses=(*self.guesses, is_real))

    @property
    def line(self) -> str:
        """One line for users: what the last picture was, and the score."""
        if not self.guesses:
            return f"Picture 1 of {len(self.cards)}: is it real or generated?"
        right = self.guesses[-1] == self.cards[len(self.guesses) - 1][1]
        was = "real" if self.cards[len(self.guesses) - 1][1] else "generated"
        score = f"{'Right' if right else 'Wrong'}: it was {was}. Score: {self.score} of {len(self.guesses)}."
        if self.is_over:
            return f"{score} The game is over. Chance alone gives {len(self.cards) // 2} of {len(self.cards)}."
        return f"{score} Picture {len(self.guesses) + 1} of {len(self.cards)}: is it real or generated?"

    def captions(self) -> list[tuple[Image, str]]:
        """All pictures that have been guessed, with what they were."""
        seen = zip(self.cards, self.guesses, strict=False)
        return [
            (picture, f"{'real' if real else 'generated'} ({'right' if guess == real else 'wrong'})")
            for (picture, real), guess in seen
        ]


def has_quiz(shown: Shown, data_dir: Path) -> bool:
    """Whether the real pictures of a game are on this machine: the test images of the model's data set."""
    dataset = shown.source.info.dataset
    record = find_data(dataset).record if is_named(dataset) else None
    if shown.subject.task.from_images or record is None or "test" not in record.splits:
        return False
    return not record.folder or (expand_home(data_dir) / record.folder).is_dir()


def start(model: Model, shown: Shown, data_dir: Path, seed: int) -> Game:
    """A new game with a model and test images of its data set.

    Raises:
        DataError: the data set is not complete. It is not downloaded.
    """
    dataset = shown.source.info.dataset
    quiz = Quiz(dataset, shown.source, seed, Path("quiz.png"), data_dir, download=False)
    return Game(tuple(quiz.draw(model)))

"""What users ask of a film: its speed, its length, its size and its layout. All is checked before a model is loaded."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from ganzoo.errors import InvalidRequestError, OutputError
from ganzoo.sampling.formats import MOVING
from ganzoo.sampling.requests import check_scale

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["ANIMATION_FPS", "FILMS", "Film", "can_write_videos", "is_film", "prepare_film"]

VIDEOS = (".mp4", ".webm")
FILMS = (*MOVING, *VIDEOS)
"""The endings of films."""

MOST_SECONDS, MOST_FPS = 600.0, 60.0
MOST_FPS_OF_GIF = 50.0  # a GIF counts in hundredths of a second, and browsers slow down what shows a picture for one
MOST_SIDE = 8192
"""The longest side of a frame."""

MOST_BYTES = 2**31
"""The most memory for the pictures of a film."""

ANIMATION_FPS, _VIDEO_FPS = 12.5, 25.0
_VIDEO_PIXELS = 256  # players show a smaller video as a stamp


@dataclass(frozen=True)
class Film:
    """A film, which ends where it begins: it runs there and back, or else on a closed path.

    `length` is the number of frames that a user asks for, by the seconds; None if nobody asks. `grid` is the number of
    columns and of rows. With `scale` None, small pictures are enlarged to about 64 pixels, and those of a video until
    the whole has about 256.
    """

    path: Path
    fps: float
    length: int | None = None
    scale: int | None = None
    grid: tuple[int, int] | None = None

    @property
    def is_video(self) -> bool:
        """Whether it is a video, and not an animated picture."""
        return self.path.suffix.lower() in VIDEOS

    def steps(self, usual: int, *, closed: bool = False) -> int:
        """The number of different images: those that `length` needs, or else the `usual` number."""
        if self.length is None:
            return usual
        return self.length if closed else max(2, self.length // 2 + 1)

    def check(self, image_shape: Sequence[int], cells: int, columns: int, steps: int) -> None:
        """Refuse a film that no player shows, or that no memory holds.

        Each of its frames has so many `cells` in so many `columns`; `steps` is the number of different images.

        Raises:
            OutputError: its sides are too long, or it has too many pixels.
        """
        channels, height, width = image_shape
        sides = (columns * width, math.ceil(cells / columns) * height)
        scale = self._scale(width, sides[0])
        if scale * max(sides) > MOST_SIDE:
            size = f"{scale * sides[0]} pixels wide and {scale * sides[1]} high"
            text = f"{self.path}: a frame {size} is too large, {MOST_SIDE} on a side are the most"
            raise OutputError(f"{text} - use a smaller --scale, or fewer images")
        area = sides[0] * sides[1] * (1 if self.is_video else scale**2)  # see `images.films.save_film`
        if steps * area * channels > MOST_BYTES:
            text = f"{self.path}: {steps} frames need {steps * area * channels / 1e9:.1f} GB of memory"
            raise OutputError(f"{text}, and {MOST_BYTES / 1e9:.1f} GB are the most - make it shorter or smaller")

    def write(self, frames: Iterable[Sequence[Image]], columns: int, *, closed: bool = False) -> None:
        """Write the frames, each made of its cells, and then the same frames back, unless the path is closed.

        Raises:
            OSError: the file cannot be written.
        """
        from functools import partial

        from ganzoo.images.films import save_film
        from ganzoo.images.sheets import contact_sheet, enlarged

        pictures, width = [], 0
        for cells in frames:
            width = cells[0].width
            pictures.append(cells[0] if len(cells) == 1 else contact_sheet(cells, columns=columns))
        enlarge = partial(enlarged, scale=self._scale(width, pictures[0].width))
        whole = pictures if closed else [*pictures, *pictures[-2:0:-1]]
        save_film(whole, self.path, fps=self.fps, enlarge=enlarge)

    def _scale(self, cell_width: int, frame_width: int) -> int:
        from ganzoo.images.sheets import enlargement

        if self.scale is not None:
            return self.scale
        return enlargement(frame_width, _VIDEO_PIXELS) if self.is_video else enlargement(cell_width)


def is_film(path: Path) -> bool:
    """Whether the ending of a path is that of a film."""
    return path.suffix.lower() in FILMS


def prepare_film(
    path: Path,
    *,
    fps: float | None = None,
    seconds: float | None = None,
    scale: int | None = None,
    grid: str | None = None,
    steps: int | None = None,
) -> Film | None:
    """Check the options of a film; None if `path` is a sheet, which has none but `scale`.

    Raises:
        InvalidRequestError: an option is wrong, or is not for sheets, or what a video needs is not installed.
    """
    check_scale(scale)
    given = {"--fps": fps, "--seconds": seconds, "--grid": grid}
    if not is_film(path):
        wrong = [option for option, value in given.items() if value is not None]
        if wrong:
            endings = f"{', '.join(FILMS[:-1])} or {FILMS[-1]}"
            raise InvalidRequestError(f"{' and '.join(wrong)} is for films - name a {endings} file with -o")
        return None
    if seconds is not None and steps is not None:
        raise InvalidRequestError("--seconds and --steps both say how many images - leave out one of them")
    suffix = path.suffix.lower()
    rate = _checked("--fps", fps, MOST_FPS_OF_GIF if suffix == ".gif" else MOST_FPS)
    rate = rate or (_VIDEO_FPS if suffix in VIDEOS else ANIMATION_FPS)
    duration = _checked("--seconds", seconds, MOST_SECONDS)
    if suffix in VIDEOS:
        _need_encoder(path)
    return Film(path, rate, None if duration is None else max(1, round(rate * duration)), scale, _parse_grid(grid))


def _checked(option: str, value: float | None, most: float) -> float | None:
    if value is not None and not 0 < value <= most:
        raise InvalidRequestError(f"{option} {value:g} cannot be - write a number above 0, and at most {most:g}")
    return value


def _parse_grid(text: str | None) -> tuple[int, int] | None:
    """The columns and the rows of ``3x2``."""
    if text is None:
        return None
    found = re.fullmatch(r"([0-9]{1,3})x([0-9]{1,3})", text.strip().lower())
    if found is None or 0 in (columns := int(found[1]), rows := int(found[2])):
        raise InvalidRequestError(f"--grid {text} is no grid - write columns and rows, such as 3x2")
    return columns, rows


def can_write_videos() -> bool:
    """Whether the package that videos need is installed."""
    try:
        import_module("av")
    except ImportError:
        return False
    return True


def _need_encoder(path: Path) -> None:
    if not can_write_videos():
        text = f"{path}: a video needs the package av"
        raise InvalidRequestError(f"{text} - `pip install 'ganzoo[video]'`, or name a .gif or .webp file")

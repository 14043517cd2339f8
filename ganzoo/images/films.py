"""Films: animated GIF and WebP pictures, and MP4 and WebM videos. A file is complete, or it is not written."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from PIL import Image

from ganzoo.images.files import format_of
from ganzoo.utils.files import atomic_write

__all__ = ["save_animation", "save_film", "save_video"]


class _Codec(NamedTuple):
    container: str
    name: str
    options: dict[str, str]


_CODECS = {
    ".mp4": _Codec("mp4", "libx264", {"crf": "18", "preset": "medium"}),
    ".webm": _Codec("webm", "libvpx-vp9", {"crf": "24", "b": "0", "deadline": "good", "cpu-used": "4"}),
}
"""By the ending of a file. At these qualities, eyes see no difference from the pictures."""

_BT709, _LIMITED = 1, 1
"""What a video says of its colors. Players guess them from the size if it says nothing, and guess wrong."""

Frame = Callable[[Image.Image], Image.Image]


def save_film(pictures: Sequence[Image.Image], path: Path, *, fps: float, enlarge: Frame = lambda each: each) -> None:
    """Write pictures of one size in the form that the ending of `path` names: .gif, .webp, .mp4 or .webm.

    `fps` pictures are shown in a second. `enlarge` makes a frame of a picture. For a video it is called for one picture
    after the other, so that large frames take no memory.

    Raises:
        ImportError: a video needs PyAV.
        OSError: the file cannot be written.
    """
    if path.suffix.lower() in _CODECS:
        save_video(map(enlarge, pictures), path, fps=fps)
    else:
        save_animation([enlarge(picture) for picture in pictures], path, milliseconds=1000 / fps)


def save_animation(pictures: Sequence[Image.Image], path: Path, *, milliseconds: float, rest: int = 0) -> None:
    """Write a GIF or a WebP animation that repeats without end.

    Each picture is shown for so many `milliseconds`, and the last one for `rest` milliseconds more. A GIF counts in
    steps of 10 milliseconds: its pictures are shown for one step more or less, so that the whole takes its time.
    """
    encoded = io.BytesIO()
    kind = format_of(path)
    durations = _durations(len(pictures), milliseconds, step=10 if kind == "GIF" else 1)
    durations[-1] += rest
    smaller: dict[str, Any] = {"optimize": True} if kind == "GIF" else {"quality": 90}
    pictures[0].save(encoded, kind, save_all=True, append_images=pictures[1:], duration=durations, loop=0, **smaller)
    with atomic_write(path, synced=False) as temporary:
        temporary.write_bytes(encoded.getvalue())


def _durations(count: int, milliseconds: float, step: int) -> list[int]:
    """Multiples of `step`, each close to `milliseconds`, whose sums are as close to the exact times as can be."""
    times = [step * round(i * milliseconds / step) for i in range(count + 1)]
    return [after - before for before, after in pairwise(times)]


def save_video(frames: Iterator[Image.Image], path: Path, *, fps: float) -> None:
    """Write a video: H.264 for .mp4, VP9 for .webm. Both have yuv420p, the one form of pixels that all players know.

    It has half as many color samples in each direction, so the sides of a frame are even: the last row or
    column of an odd one is repeated. Transparent pixels are laid on white.

    Raises:
        ImportError: PyAV is not installed.
        OSError: the file cannot be written.
    """
    av = import_module("av")
    with atomic_write(path, synced=False) as temporary, temporary.open("wb") as file:
        _encode(av, file, frames, _CODECS[path.suffix.lower()], Fraction(fps).limit_denominator(1000))


def _encode(av: Any, file: BinaryIO, frames: Iterator[Image.Image], codec: _Codec, rate: Fraction) -> None:
    stream = None
    with av.open(file, "w", format=codec.container) as container:
        for picture in map(_for_video, frames):
            if stream is None:
                stream = _open_stream(container, codec, rate, picture.size)
            frame = av.VideoFrame.from_image(picture)
            container.mux(stream.encode(frame.reformat(format="yuv420p", dst_colorspace="ITU709")))
        container.mux(stream.encode() if stream is not None else [])


def _open_stream(container: Any, codec: _Codec, rate: Fraction, size: tuple[int, int]) -> Any:
    stream = container.add_stream(codec.name, rate=rate, options=codec.options)
    stream.width, stream.height = size
    stream.pix_fmt = "yuv420p"
    context = stream.codec_context
    context.color_primaries = context.color_trc = context.colorspace = _BT709
    context.color_range = _LIMITED
    return stream


def _for_video(picture: Image.Image) -> Image.Image:
    """The picture in RGB, on white, with even sides: the last row or column of an odd one is there twice."""
    if picture.mode == "RGBA":
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
    rgb = picture.convert("RGB")
    right, bottom = rgb.width % 2, rgb.height % 2
    even = Image.new("RGB", (rgb.width + right, rgb.height + bottom))
    for corner in ((right, bottom), (right, 0), (0, bottom), (0, 0)):
        even.paste(rgb, corner)
    return even

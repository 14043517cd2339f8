"""Films as players read them: their frames, their colors, their time; whole or not there."""

import av
import numpy as np
import pytest
from PIL import Image

from ganzoo.images.films import save_animation, save_film
from ganzoo.images.sheets import enlarged

VIDEOS = [(".mp4", "h264"), (".webm", "vp9")]


def colored(number, size=(28, 28), mode="RGB"):
    """A picture of one color, another one for each number."""
    return Image.new("RGB", size, (10 * number, 255 - 10 * number, 100)).convert(mode)


def frames_of(path):
    with av.open(str(path)) as container:
        return [frame.to_image() for frame in container.decode(video=0)]


def distance(found, expected):
    return np.abs(np.asarray(found).astype(int) - np.asarray(expected.convert("RGB")).astype(int)).max()


@pytest.mark.parametrize(("ending", "codec"), VIDEOS)
def test_a_video_has_the_frames_the_colors_and_the_time(tmp_path, ending, codec):
    pictures = [colored(number) for number in range(20)]
    save_film(pictures, tmp_path / f"film{ending}", fps=12.5)
    found = frames_of(tmp_path / f"film{ending}")
    assert len(found) == 20
    assert all(distance(frame, picture) <= 6 for frame, picture in zip(found, pictures, strict=True))
    with av.open(str(tmp_path / f"film{ending}")) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == (codec, "yuv420p")
        assert stream.average_rate == pytest.approx(12.5)
        assert stream.codec_context.colorspace == 1  # BT.709: what the pixels were converted with
        assert container.duration / 1e6 == pytest.approx(20 / 12.5, abs=0.01)


@pytest.mark.parametrize(("ending", "codec"), VIDEOS)
@pytest.mark.parametrize("size", [(27, 28), (28, 27), (1, 1), (33, 35)])
def test_odd_sides_get_their_last_line_twice(tmp_path, ending, codec, size):
    save_film([colored(5, size)] * 3, tmp_path / f"odd{ending}", fps=10)
    frame = frames_of(tmp_path / f"odd{ending}")[0]
    assert frame.size == tuple(side + side % 2 for side in size)
    assert distance(frame, colored(5, frame.size)) <= 6  # also in the line that was added


@pytest.mark.parametrize("mode", ["L", "RGBA"])
def test_gray_and_transparent_pictures(tmp_path, mode):
    picture = colored(5, mode=mode)
    if mode == "RGBA":
        picture.putalpha(0)
    save_film([picture] * 2, tmp_path / "film.mp4", fps=10)
    expected = picture if mode == "L" else Image.new("RGB", picture.size, "white")
    assert distance(frames_of(tmp_path / "film.mp4")[0], expected) <= 6


def test_frames_are_enlarged_one_after_the_other(tmp_path):
    seen = []

    def enlarge(picture):
        seen.append(picture)
        return enlarged(picture, 3)

    save_film([colored(number) for number in range(4)], tmp_path / "film.mp4", fps=10, enlarge=enlarge)
    assert len(seen) == 4
    assert frames_of(tmp_path / "film.mp4")[0].size == (84, 84)


@pytest.mark.parametrize("ending", [".mp4", ".webm", ".gif", ".webp"])
@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
def test_what_ends_early_leaves_the_old_file(tmp_path, ending, error):
    path = tmp_path / f"film{ending}"
    path.write_bytes(b"old")

    def enlarge(picture):
        if picture.getpixel((0, 0))[0] == 20:
            raise error
        return picture

    with pytest.raises(error):
        save_film([colored(number) for number in range(5)], path, fps=10, enlarge=enlarge)
    assert [each.name for each in tmp_path.iterdir()] == [path.name]
    assert path.read_bytes() == b"old"


def test_a_name_with_a_colon_is_a_file(tmp_path):
    save_film([colored(1)] * 2, tmp_path / "http:a.mp4", fps=10)
    assert len(frames_of(f"file:{tmp_path}/http:a.mp4")) == 2


@pytest.mark.parametrize(("ending", "step"), [(".gif", 10), (".webp", 1)])
def test_an_animation_takes_its_time(tmp_path, ending, step):
    pictures = [colored(number) for number in range(24)]
    save_animation(pictures, tmp_path / f"film{ending}", milliseconds=1000 / 24)
    durations = []
    with Image.open(tmp_path / f"film{ending}") as film:
        for number in range(film.n_frames):
            film.seek(number)
            film.load()
            durations.append(film.info["duration"])
    assert sum(durations) == 1000
    assert {duration % step for duration in durations} == {0}
    assert max(durations) - min(durations) <= step

"""Picture files that threads write: in order, complete, and errors at once."""

import errno
import os
import threading
from pathlib import Path

import pytest
import torch
from PIL import Image

from ganzoo.images import writer as module
from ganzoo.images.writer import PictureWriter


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def gray(shade: int) -> torch.Tensor:
    return torch.full((1, 4, 4), shade, dtype=torch.uint8)


def files() -> list[str]:
    return sorted(path.name for path in Path().iterdir())


def write(count: int, done: list[int], ending: str = "png") -> None:
    with PictureWriter(done.append) as writer:
        for number in range(count):
            writer.write(gray(number), Path(f"{number:03}.{ending}"))


def test_each_picture_is_in_its_file():
    done: list[int] = []
    write(40, done)
    assert done == [1] * 40
    assert [Image.open(name).getpixel((0, 0)) for name in files()] == list(range(40))


def test_files_appear_in_order_even_if_the_first_takes_longest(monkeypatch):
    later = threading.Event()
    encode = module.encode_pixels

    def slow(pixels: torch.Tensor, ending: str) -> bytes:
        if pixels[0, 0, 0] == 0:
            assert later.wait(60)
        else:
            later.set()
        return encode(pixels, ending)

    moved: list[str] = []
    replace = os.replace
    monkeypatch.setattr(module, "encode_pixels", slow)
    monkeypatch.setattr("os.replace", lambda source, target: (moved.append(target.name), replace(source, target)))
    write(6, [])
    assert moved == [f"{number:03}.png" for number in range(6)]


def test_few_pictures_wait_in_memory(monkeypatch):
    monkeypatch.setattr(module, "WAITING", 3)
    with PictureWriter(lambda done: None) as writer:
        for number in range(20):
            writer.write(gray(number), Path(f"{number:03}.png"))
            assert len(writer._waiting) <= 3
    assert len(files()) == 20


def test_after_an_error_no_later_file_appears(monkeypatch):
    write_aside = module.write_aside

    def full(path: Path, content: bytes) -> Path:
        if path.name == "005.png":
            raise OSError(errno.ENOSPC, "No space left on device")
        return write_aside(path, content)

    monkeypatch.setattr(module, "write_aside", full)
    done: list[int] = []
    with pytest.raises(OSError, match="No space left"):
        write(2000, done)
    assert files() == [f"{number:03}.png" for number in range(5)]
    assert len(done) == 5


@pytest.mark.parametrize("stop", [KeyboardInterrupt, ValueError])
def test_what_was_taken_before_an_interruption_is_written(stop):
    def write_and_stop() -> None:
        with PictureWriter(lambda done: None) as writer:
            for number in range(10):
                writer.write(gray(number), Path(f"{number:03}.png"))
            raise stop

    with pytest.raises(stop):
        write_and_stop()
    assert files() == [f"{number:03}.png" for number in range(10)]


def test_an_interruption_before_the_queue_knows_of_a_picture_leaves_no_temporary_file(monkeypatch):
    submit = module.ThreadPoolExecutor.submit

    def interrupted(pool, function, picture, path):
        future = submit(pool, function, picture, path)
        if path.stem == "003":
            future.result()
            raise KeyboardInterrupt
        return future

    monkeypatch.setattr(module.ThreadPoolExecutor, "submit", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write(6, [])
    assert files() == ["000.png", "001.png", "002.png"]

"""Texts that a person may have written, or replaced by something else."""

import os

import pytest

from ganzoo.utils import files
from ganzoo.utils.files import read_text


def test_a_text_in_utf_8(tmp_path):
    (tmp_path / "a.md").write_bytes("é\r\nb\n".encode())
    assert read_text(tmp_path / "a.md") == "é\nb\n"


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda path: path.symlink_to("/dev/zero")])
def test_what_is_no_file_is_not_read(tmp_path, make):
    make(tmp_path / "a.md")
    with pytest.raises(OSError, match="it is not a regular file"):
        read_text(tmp_path / "a.md")


def test_no_text_is_so_long(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "MAX_TEXT_BYTES", 3)
    (tmp_path / "a.md").write_bytes(b"abcd")
    with pytest.raises(OSError, match="it has more than 3 bytes"):
        read_text(tmp_path / "a.md")


def test_other_bytes(tmp_path):
    (tmp_path / "a.md").write_bytes(b"a\xff")
    with pytest.raises(UnicodeDecodeError):
        read_text(tmp_path / "a.md")
    assert read_text(tmp_path / "a.md", errors="replace") == "a\ufffd"

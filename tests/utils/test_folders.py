"""Folders that are replaced as a whole."""

import pytest

from ganzoo.utils.folders import recover_folder, replaced_folder


def content(folder):
    return {path.name: path.read_text() for path in folder.iterdir()}


def test_a_folder_is_replaced_as_a_whole(tmp_path):
    for text in ("first", "second"):
        with replaced_folder(tmp_path / "best") as folder:
            (folder / text).write_text(text)
    assert content(tmp_path / "best") == {"second": "second"}
    assert [path.name for path in tmp_path.iterdir()] == ["best"]


def test_an_error_leaves_the_old_folder(tmp_path):
    with replaced_folder(tmp_path / "best") as folder:
        (folder / "a").write_text("a")
    with pytest.raises(FileNotFoundError), replaced_folder(tmp_path / "best") as folder:
        (folder / "b" / "c").write_text("no such folder")
    assert content(tmp_path / "best") == {"a": "a"}
    assert [path.name for path in tmp_path.iterdir()] == ["best"]


def test_a_kill_between_the_renames_is_undone(tmp_path):
    with replaced_folder(tmp_path / "best") as folder:
        (folder / "a").write_text("a")
    (tmp_path / "best").rename(tmp_path / ".best-old")
    (tmp_path / ".best-12345678").mkdir()
    recover_folder(tmp_path / "best")
    assert content(tmp_path / "best") == {"a": "a"}
    assert [path.name for path in tmp_path.iterdir()] == ["best"]


def test_a_kill_after_the_renames_is_finished(tmp_path):
    for name in ("best", ".best-old"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a").write_text(name)
    recover_folder(tmp_path / "best")
    assert content(tmp_path / "best") == {"a": "best"}
    assert [path.name for path in tmp_path.iterdir()] == ["best"]

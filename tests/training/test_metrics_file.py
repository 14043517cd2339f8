"""``metrics.jsonl`` after kills, full disks and damaged bytes."""

import json
import warnings

import pytest

from ganzoo.training.metrics_file import append_metrics, drop_after, read_metrics


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "metrics.jsonl"
    for step in (1, 2, 3):
        append_metrics(path, step, {"loss": step / 2})
    return path


def test_lines_are_json(path):
    assert [json.loads(line) for line in path.read_text().splitlines()][1] == {"step": 2, "loss": 1.0}
    assert read_metrics(path) == [(1, {"loss": 0.5}), (2, {"loss": 1.0}), (3, {"loss": 1.5})]


def test_there_may_be_no_file(tmp_path):
    assert read_metrics(tmp_path / "metrics.jsonl") == []


def test_lines_after_a_step_are_dropped(path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        drop_after(path, 2)
    assert [step for step, _ in read_metrics(path)] == [1, 2]


@pytest.mark.parametrize(
    "line",
    [
        b'{"step": 2, "loss": 1.0',
        b'{"step": 2, "lo\xffss": 1.0}',
        b"\xff",
        b"\x00\x00\x00",
        b"[]",
        b"null",
        b"7",
        b"{}",
        b'{"loss": 1.0}',
        b'{"step": "2"}',
        b'{"step": 2, "loss": "high"}',
        b'{"step": 2, "loss": [1]}',
        b'{"step": true}',
        b"[" * 100_000,
    ],
)
def test_a_damaged_line_is_skipped_with_a_warning(path, line):
    first, _, last = path.read_bytes().splitlines()
    path.write_bytes(b"\n".join([first, line, last]) + b"\n")
    assert [step for step, _ in read_metrics(path)] == [1, 3]
    with pytest.warns(UserWarning, match=r"metrics\.jsonl: line 2 cannot be read - skipped"):
        drop_after(path, 3)
    assert path.read_bytes() == first + b"\n" + last + b"\n"


def test_several_damaged_lines_are_one_warning(path):
    path.write_bytes(b"a\nb\n" + path.read_bytes() + b'{"step": 4, "lo')
    with pytest.warns(UserWarning, match="3 lines, the first is 1, cannot be read") as caught:
        drop_after(path, 9)
    assert len(caught) == 1
    assert [step for step, _ in read_metrics(path)] == [1, 2, 3]

"""Values that no command takes: they are refused in one line, before anything is done."""

import pytest
from click.testing import CliRunner

from ganzoo.cli.main import cli

HUGE = str(10**20)


@pytest.mark.parametrize(
    "words",
    [
        ["sample", "gan-mnist", "-n", HUGE],
        ["sample", "gan-mnist", "--batch-size", HUGE],
        ["export", "run", "-o", "out", "--standing-stats", HUGE],
        ["train", "dcgan", "--data", "mnist", "-o", "run", "--accumulate", HUGE],
        ["train", "dcgan", "--data", "mnist", "-o", "run", "--workers", HUGE],
        ["evaluate", "gan-mnist", "--limit", HUGE],
    ],
)
def test_no_count_is_larger_than_what_can_be_counted(words):
    done = CliRunner().invoke(cli, words)
    assert done.exit_code == 2
    assert f"Invalid value for '{words[-2]}'" in done.output.replace("'-n' / '--count'", "'-n'")
    assert f"{HUGE} is more than 2,147,483,647." in done.output


@pytest.mark.parametrize(
    "words",
    [
        ["card", "gan-mnist", "-o", ""],
        ["quiz", "mnist", "-o", ""],
        ["sample", "gan-mnist", "-o", ""],
        ["train", "dcgan", "--data", "mnist", "-o", ""],
        ["import", "dcgan", "", "-o", "out"],
        ["evaluate", "gan-mnist", "--data-dir", ""],
    ],
)
def test_an_empty_path_is_none(words, tmp_path, monkeypatch):
    """A shell makes it of a variable without a value. As the current folder, it would get 64 pictures."""
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(cli, words)
    assert done.exit_code == 2
    assert "the path is empty." in done.output
    assert list(tmp_path.iterdir()) == []

"""Tables: the columns of Parquet files, as most data sets of the Hub have them."""

from __future__ import annotations

import io
from pathlib import Path

import pyarrow as arrow
import pytest
import torch
from pyarrow import parquet

from ganzoo.data import folders
from ganzoo.data.batches import Batches
from ganzoo.data.load import load_captions, load_data
from ganzoo.errors import DataError, InvalidRequestError
from packed import png, table

SHAPE = (1, 4, 4)


def shades(data) -> list[int]:
    return next(data.stream(iter([range(len(data))])))["image"][:, 0, 0, 0].tolist()


@pytest.fixture
def file(tmp_path):
    """A function that writes a table, and returns its path with options."""

    def write(*given, options: str = "", **columns) -> str:
        (tmp_path / "a.parquet").write_bytes(table(*given, **columns))
        return f"{tmp_path / 'a.parquet'}{options}"

    return write


@pytest.mark.parametrize("memory", [2**31, 0], ids=["in memory", "streamed"])
def test_pictures_classes_and_captions_are_found_by_their_types(file, monkeypatch, memory):
    monkeypatch.setattr(folders, "MEMORY_BYTES", memory)
    source = file([10, 20, 30], label=(["no", "yes", "never"], [1, 0, 1]), text=["a", "b c", "d"], number=[7, 8, 9])
    data = load_data(source, SHAPE)
    assert shades(data) == [10, 20, 30]
    assert (data.labels.tolist(), data.classes, data.captions) == ([1, 0, 1], ("no", "yes", "never"), None)
    assert load_data(source, SHAPE, needs_text=True).captions.texts == (("a",), ("b c",), ("d",))
    assert load_captions(source).texts == (("a",), ("b c",), ("d",))


def test_several_files_are_one_data_set_in_the_order_of_their_names(tmp_path, monkeypatch):
    monkeypatch.setattr(folders, "MEMORY_BYTES", 0)
    for number in (1, 0):
        content = table(range(5 * number, 5 * number + 5), label=(["a", "b"], [number] * 5))
        (tmp_path / f"train-{number:05}-of-00002.parquet").write_bytes(content)
    (tmp_path / "test-00000-of-00001.parquet").write_bytes(table([99]))
    data = load_data(str(tmp_path), SHAPE)
    assert (shades(data), data.labels.tolist()) == (list(range(10)), [0] * 5 + [1] * 5)
    orders = []
    for workers in (0, 2):
        batches = Batches(data, 5, seed=0, device=torch.device("cpu"), workers=workers)
        orders.append([next(batches)["image"] for _ in range(4)])
    assert torch.equal(torch.cat(orders[0]), torch.cat(orders[1]))
    assert shades(load_data(f"{tmp_path}?split=test", SHAPE)) == [99]


def test_columns_are_named_by_options(file):
    source = file([1, 2], image="img", fine=(["a", "b"], [0, 1]), coarse=(["c", "d"], [1, 0]), words=["x", "y"])
    assert load_data(source, SHAPE).labels is None
    with pytest.raises(
        DataError, match=r"label column is not clear: .*a\.parquet has several .*: fine, coarse, of img,"
    ):
        load_data(source, SHAPE, needs_labels=True)
    data = load_data(f"{source}?label=coarse&text=words", SHAPE)
    assert (data.labels.tolist(), data.classes) == ([1, 0], ("c", "d"))
    assert load_data(f"{source}?image=img&text=words", SHAPE, needs_text=True).captions.texts == (("x",), ("y",))
    with pytest.raises(DataError, match=r"has no column photo - its columns are img, fine, coarse, words"):
        load_data(f"{source}?image=photo", SHAPE)
    with pytest.raises(InvalidRequestError, match="parquet data has no option column - its options are image, label,"):
        load_data(f"{source}?column=img", SHAPE)


@pytest.mark.parametrize(
    ("values", "classes", "labels"),
    [([10, 9, 10], ("9", "10"), [1, 0, 1]), (["b", "a", "b"], ("a", "b"), [1, 0, 1])],
    ids=["numbers", "names"],
)
def test_a_column_of_any_values_may_be_the_classes(file, values, classes, labels):
    data = load_data(file([1, 2, 3], kind=values, options="?label=kind"), SHAPE)
    assert (data.classes, data.labels.tolist()) == (classes, labels)


def test_rows_without_a_label_are_left_out_if_labels_are_needed(file):
    source = file([1, 2, 3], label=(["a", "b"], [0, -1, 1]))
    assert load_data(source, SHAPE).labels is None
    data = load_data(source, SHAPE, needs_labels=True)
    assert (shades(data), data.labels.tolist()) == ([1, 3], [0, 1])
    assert data.notes == (f"1 without a label left out, the first: {Path(source) / '000001'}",)


def test_a_row_without_a_picture_is_skipped(file):
    source = file([1, None, 3])
    data = load_data(source, SHAPE)
    assert (shades(data), data.notes) == (
        [1, 3],
        (f"1 skipped, the first: {Path(source) / '000001'} holds no picture",),
    )


def test_plain_bytes_are_pictures_too(tmp_path):
    written = io.BytesIO()
    parquet.write_table(arrow.table({"jpg": [png(5), png(6)]}), written)
    (tmp_path / "a.parquet").write_bytes(written.getvalue())
    assert shades(load_data(str(tmp_path / "a.parquet"), SHAPE)) == [5, 6]


def test_a_table_without_pictures_or_captions_is_one_line(file, tmp_path):
    written = io.BytesIO()
    parquet.write_table(arrow.table({"number": [1]}), written)
    (tmp_path / "b.parquet").write_bytes(written.getvalue())
    with pytest.raises(DataError, match=r"image column is not clear: .* has no such column, of number - name one with"):
        load_data(str(tmp_path / "b.parquet"), SHAPE)
    with pytest.raises(DataError, match=r"row 1 of .* has no caption in the column text"):
        load_data(file([1, 2], text=["a", ""]), SHAPE, needs_text=True)


@pytest.mark.parametrize("content", [b"", b"no table", "half"], ids=["empty", "other", "half"])
def test_a_damaged_table_is_one_line(file, content):
    path = Path(file(list(range(9))))
    path.write_bytes(path.read_bytes()[:200] if content == "half" else content)
    with pytest.raises(DataError, match=rf"^{path} cannot be read as parquet data: Arrow") as caught:
        load_data(str(path), SHAPE)
    assert "\n" not in str(caught.value)


def test_without_pyarrow_one_line_says_how_to_install_it(file, monkeypatch):
    source = file([1])
    monkeypatch.setattr("ganzoo.data.sources.missing_distributions", lambda names: list(names))
    with pytest.raises(
        InvalidRequestError, match=r"^parquet data cannot be read: pyarrow not installed: pip install 'ga"
    ):
        load_data(source, SHAPE)

"""Data sets in files: a folder packed into archives, and tables of pictures as the Hub has them."""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as arrow
from PIL import Image
from pyarrow import parquet


def zipped(folder: Path, archive: Path) -> Path:
    """The files of a folder in a zip archive."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for path in sorted(folder.rglob("*")):
            packed.write(path, path.relative_to(folder))
    return archive


def tarred(folder: Path, archive: Path) -> Path:
    """The files of a folder in a tar archive, in the order in which the disk has them."""
    with tarfile.open(archive, "w") as packed:
        packed.add(folder, arcname=".")
    return archive


def shard(archive: Path, samples: dict[str, dict[str, bytes]]) -> Path:
    """A shard of WebDataset: for each key, its files by their endings."""
    with tarfile.open(archive, "w") as packed:
        for key, files in samples.items():
            for ending, content in files.items():
                info = tarfile.TarInfo(f"{key}.{ending}")
                info.size = len(content)
                packed.addfile(info, io.BytesIO(content))
    return archive


def png(shade: int) -> bytes:
    """The file of a 4x4 picture of one shade."""
    content = io.BytesIO()
    Image.new("L", (4, 4), shade).save(content, "PNG")
    return content.getvalue()


def table(shades: Sequence[int | None], *, image: str = "image", rows: int = 2, **columns: Any) -> bytes:
    """A Parquet file as `datasets` writes it. A column `(names, values)` has classes; a shade of None is no picture."""
    features: dict[str, Any] = {image: {"_type": "Image"}}
    content: dict[str, Any] = {image: [None if s is None else {"bytes": png(s), "path": None} for s in shades]}
    for name, values in columns.items():
        if isinstance(values, tuple):
            features[name], values = {"names": values[0], "_type": "ClassLabel"}, values[1]
        content[name] = values
    stated = {"huggingface": json.dumps({"info": {"features": features}})}
    written = io.BytesIO()
    parquet.write_table(arrow.table(content).replace_schema_metadata(stated), written, row_group_size=rows)
    return written.getvalue()

"""Your own images, from a Parquet file that holds them or names their files: as Hugging Face stores data sets.

What it measures
    Nothing by itself: it gives the images of the table in [0, 1], with their labels.

Why it matters
    Most public data sets of images can be had so, and a data warehouse exports nothing else.

How to read it
    `path` is a file, or a folder whose `*.parquet` files are read in the order of their names. The column of images
    holds PNG or JPEG bytes, paths relative to the file, or both as a struct of `bytes` and `path`. Labels are class
    numbers or names; `3.0` is the number 3. The classes are `names`, or those that Hugging Face wrote into the file,
    whose numbers are then never taken for names, or the labels where these are names, in natural order ("b2" before
    "b10"); numbers and names in one column are an error. Every further column of numbers, texts, dates or truth values
    is an attribute of the images, of which nothing is known where a cell, or the column in one of the files, is
    missing. An image's index is its row, from 0, through all files. 8-bit values are divided by 255. What a resized
    image is, `image_folder` explains. Needs the extra `parquet`.

References
    Apache Parquet, File Format. Hugging Face, Datasets, `datasets.Image` and `datasets.ClassLabel`.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from auditor.reading import Column, Further, Names, Pictures, classes_taken, load_pictures, named, parts, printable
from auditor.telling.reason import os_reason, reason
from auditor.values import Attribute, DataError, FilePath, IntArray, Preview, Samples

_AT_ONCE = 64  # images of one batch, which are in memory together


class Params(Pictures):
    """Where the table is, which of its columns matter, and what becomes of the images."""

    path: FilePath
    """The file, or the folder of its parts."""
    image_column: str = "image"
    """The column of images or of their paths."""
    label_column: str = "label"
    """The column of labels."""
    names: Names | None = None
    """Names of the classes, in the order of the model's."""


def preview(params: Params) -> Preview:
    """What all columns but that of images say; a file that isn't as it should be is for `load` to explain."""
    try:
        files = parts(params.path, "*.parquet")
        labels, names, _ = _labels(files, params)
        known = _further(files, params)
    except DataError:
        return Preview(params.most(None), (0.0, 1.0), named(params.names))
    most = params.most(len(labels))
    return Preview(
        most, (0.0, 1.0), named(names), labels=classes_taken(labels), attributes=known, majority=params.majority(labels)
    )


def load(params: Params) -> Samples:
    """Load the images as (N, H, W, C) float32 in [0, 1]; raise DataError for what can't be used."""
    files = parts(params.path, "*.parquet")
    labels, classes, starts = _labels(files, params)

    def fetch(positions: IntArray) -> Iterator[tuple[str, Path | bytes]]:
        for path, first, end in zip(files, starts, starts[1:], strict=False):
            yield from _contents(path, positions[(positions >= first) & (positions < end)] - first, params)

    rows = np.arange(len(labels))
    return load_pictures(fetch, labels, rows, "parquet", classes, params, attributes=_further(files, params))


def _labels(files: Sequence[Path], params: Params) -> tuple[IntArray, Sequence[str] | None, Sequence[int]]:
    """The labels of all files, the names of the classes where there are any, and the row that each file begins at."""
    column, starts, names, by_number = Column(), [0], params.names, False
    for path in files:
        with _opened(path) as file:
            written = _written_names(file, params.label_column)
            names, by_number = names or written, by_number or written is not None
            _check_columns(file, path, params)
            for row, label in _values(file, range(file.metadata.num_row_groups), params.label_column):
                column.add(_text(label, f"{printable(path)}, row {row}"), f"{printable(path)}, row {row}")
        starts.append(len(column))
    if not len(column):
        raise DataError(f"{printable(params.path)} has no rows")
    return *column.numbered(names, by_number), starts


def _further(files: Sequence[Path], params: Params) -> Mapping[str, Attribute]:
    """The further columns of all files that hold plain values, as attributes (N,)."""
    further, types = Further(), import_module("pyarrow").types
    taken = (params.image_column, params.label_column)
    columns: dict[str, None] = {}
    for path in files:
        with _opened(path) as file:
            found = [field.name for field in file.schema_arrow if _is_plain(field.type, types)]
            columns |= dict.fromkeys(name for name in found if name not in taken and found.count(name) == 1)
    for path in files:
        with _opened(path) as file:
            there = [name for name in columns if name in file.schema_arrow.names]
            groups, rows = range(file.metadata.num_row_groups), file.metadata.num_rows
            cells = [[_cell(value) for _, value in _values(file, groups, name)] for name in there]
            for row in range(rows):
                known = {name: values[row] for name, values in zip(there, cells, strict=True)}
                further.add({name: known.get(name, "") for name in columns})
    return further.attributes()


def _is_plain(kind: Any, types: Any) -> bool:
    if types.is_dictionary(kind):
        return _is_plain(kind.value_type, types)
    asked = (types.is_integer, types.is_floating, types.is_boolean, types.is_string, types.is_large_string)
    return any(ask(kind) for ask in (*asked, types.is_date, types.is_timestamp))


def _cell(value: Any) -> str:
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _text(label: Any, where: str) -> str:
    """A label as text; raise DataError where there is none, or it is neither a name nor a class number."""
    if label is None or label != label:  # NaN, as pandas writes it
        raise DataError(f"{where}: the label is missing; a number or name is needed")
    if not isinstance(label, int | float | str) or isinstance(label, bool):
        raise DataError(f"{where}: the label is a {type(label).__name__}; a number or name is needed")
    if isinstance(label, str):
        return label.strip()
    if label < 0 or not float(label).is_integer():
        raise DataError(f"{where}: the label {label} is no class number (0 and up)")
    return str(int(label))


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    try:
        pyarrow, parquet = import_module("pyarrow"), import_module("pyarrow.parquet")
    except ImportError as error:
        message = "dataset 'parquet' needs pyarrow: pip install 'robustness-auditor[parquet]'"
        raise DataError(message) from error
    try:
        # Pages are read as they are needed, not a whole row group at once.
        with (
            path.open("rb") as raw,
            parquet.ParquetFile(raw, buffer_size=1 << 16, page_checksum_verification=True) as file,
        ):
            yield file
    except (pyarrow.ArrowException, UnicodeDecodeError, MemoryError) as error:
        raise DataError(f"{printable(path)} can't be read as a Parquet file: {printable(reason(error))}") from error
    except OSError as error:
        raise DataError(f"{printable(path)} can't be read: {printable(os_reason(error))}") from error


def _check_columns(file: Any, path: Path, params: Params) -> None:
    found = file.schema_arrow.names
    for column in (params.image_column, params.label_column):
        if found.count(column) != 1:
            message = "has two columns named" if column in found else "has no column named"
            raise DataError(f"{printable(path)} {message} {column!r} (its columns: {', '.join(found) or 'none'})")


def _written_names(file: Any, column: str) -> list[str] | None:
    """The names of the classes, if Hugging Face's description of the file has them."""
    written = (file.schema_arrow.metadata or {}).get(b"huggingface")
    try:
        names = json.loads(written or b"{}")["info"]["features"][column]["names"]
    except (ValueError, KeyError, TypeError):
        return None
    return [str(name) for name in names] if isinstance(names, list) else None


def _values(file: Any, groups: Any, column: str) -> Iterator[tuple[int, Any]]:
    """Numbers and values of the rows of some row groups, a batch at a time."""
    for group in groups:
        row = sum(file.metadata.row_group(before).num_rows for before in range(group))
        for batch in file.iter_batches(batch_size=_AT_ONCE, row_groups=[group], columns=[column], use_threads=False):
            for value in batch.column(0):
                yield row, value.as_py()
                row += 1


def _contents(path: Path, rows: IntArray, params: Params) -> Iterator[tuple[str, Path | bytes]]:
    """What stands for each image, of rows that ascend."""
    if not len(rows):
        return
    with _opened(path) as file:
        sizes = [file.metadata.row_group(group).num_rows for group in range(file.metadata.num_row_groups)]
        holding = np.unique(np.searchsorted(np.cumsum(sizes), rows, side="right"))
        wanted = iter(rows.tolist())
        next_row = next(wanted)
        for row, value in _values(file, holding.tolist(), params.image_column):
            if row == next_row:
                yield _content(value, path, row)
                next_row = next(wanted, -1)


def _content(value: Any, path: Path, row: int) -> tuple[str, Path | bytes]:
    shown = f"{printable(path)}, row {row}"
    inner = value.get("bytes") or value.get("path") if isinstance(value, dict) else value
    if isinstance(inner, bytes):
        return shown, inner
    if not isinstance(inner, str) or not inner:
        raise DataError(f"{shown}: there is no image; bytes, a path, or a struct of `bytes` and `path` is needed")
    return f"{shown}: {printable(path.parent / inner)}", path.parent / inner

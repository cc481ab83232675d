"""Your own images, from a table that names the file and the label of each.

What it measures
    Nothing by itself: it gives the images that the table names, in [0, 1], with their labels.

Why it matters
    Labels often live in a table beside the images, and a test set is often just a list.

How to read it
    The file is UTF-8 with a header line; paths are PNG or JPEG files relative to it. A label is a class number, or
    a name; `3.0` is the number 3. With `names` the classes are those, in that order; without, names are numbered in
    natural order ("b2" before "b10"), so that a misspelt one is a class of its own. Without `names`, numbers and
    names in one column are an error, as is an empty cell. The report lists the number of each name. An image's
    index is its row below the header, from 0. 8-bit values are divided by 255. What a resized image is,
    `image_folder` explains.

References
    RFC 4180, Common Format and MIME Type for Comma-Separated Values (CSV) Files.
"""

import csv
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field

from auditor.reading import Column, Names, Pictures, classes_taken, load_pictures, named, printable
from auditor.telling.reason import os_reason, reason
from auditor.values import DataError, FilePath, IntArray, Preview, Samples


class Params(Pictures):
    """Where the table is, which of its columns matter, and what becomes of the images."""

    path: FilePath
    """The table, such as `test.csv`."""
    image_column: str = "path"
    """The column of paths, relative to the table."""
    label_column: str = "label"
    """The column of labels."""
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] = ","
    """What stands between two columns, such as `;`."""
    names: Names | None = None
    """Names of the classes, in the order of the model's."""


def preview(params: Params) -> Preview:
    """What the labels say; a table that isn't as it should be is for `load` to explain."""
    column = Column()
    try:
        for line, _, label in _rows(params):
            column.add(label, f"{line}")
        labels, names = column.numbered(params.names)
    except DataError:
        return Preview(params.most(None), (0.0, 1.0), named(params.names))
    return Preview(params.most(len(labels)), (0.0, 1.0), named(names), labels=classes_taken(labels))


def load(params: Params) -> Samples:
    """Load the images as (N, H, W, C) float32 in [0, 1]; raise DataError for what can't be used."""
    shown, folder = printable(params.path), Path(params.path).parent
    column, lines, paths = Column(), array("q"), []
    for line, path, label in _rows(params):
        column.add(label, f"{shown}:{line}")
        lines.append(line)
        paths.append(path)
    labels, names = column.numbered(params.names)

    def fetch(positions: IntArray) -> Iterator[tuple[str, Path]]:
        for position in positions:
            path = folder / paths[position]
            if not _is_file(path):
                raise DataError(f"{shown}:{lines[position]}: there is no file {printable(path)}")
            yield printable(path), path

    return load_pictures(fetch, labels, np.arange(len(labels)), "csv", names, params)


def _rows(params: Params) -> Iterator[tuple[int, str, str]]:
    """Every row's line in the file, path and label; raise DataError where there is none."""
    shown = printable(params.path)
    rows = 0
    try:
        with Path(params.path).open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, delimiter=params.delimiter, strict=True)
            header = next(reader, [])
            for column in (params.image_column, params.label_column):
                if header.count(column) != 1:
                    message = "has two columns named" if column in header else "has no column named"
                    raise DataError(f"{shown} {message} {column!r} (its columns: {', '.join(header) or 'none'})")
            image, label = header.index(params.image_column), header.index(params.label_column)
            for row in filter(None, reader):
                if len(row) != len(header):
                    raise DataError(f"{shown}:{reader.line_num}: {len(row)} values, the header has {len(header)}")
                rows += 1
                yield reader.line_num, row[image], row[label].strip()
    except OSError as error:
        raise DataError(f"{shown} can't be read: {os_reason(error)}") from error
    except (csv.Error, UnicodeDecodeError) as error:
        raise DataError(
            f"{shown} is no table in UTF-8 with {params.delimiter!r} between columns: {reason(error)}"
        ) from error
    if not rows:
        raise DataError(f"{shown} has no rows below its header")


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # such as a name that is too long for any file
        return False

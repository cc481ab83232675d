"""Your own images, from a table that names the file and the label of each.

What it measures
    Nothing by itself: it gives the images that the table names, in [0, 1], with their labels.

Why it matters
    Labels often live in a table beside the images, and a test set is often just a list.

How to read it
    The file is UTF-8 with a header line; paths are PNG or JPEG files relative to it. A label is a class number, or
    a name; `3.0` is the number 3. With `names` the classes are those, in that order; without, names are numbered in
    natural order ("b2" before "b10"), so that a misspelt one is a class of its own. Without `names`, numbers and
    names in one column are an error, as is an empty cell. The report lists the number of each name. Every further
    column is an attribute of the images, numbers where all its cells are numbers, else names; there an empty cell
    says that nothing is known. An image's index is its row below the header, from 0. 8-bit values are divided by 255.
    What a resized image is, `image_folder` explains.

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

from auditor.reading import Column, Further, Names, Pictures, classes_taken, load_pictures, named, printable
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
    """What the labels and further columns say; a table that isn't as it should be is for `load` to explain."""
    column, further = Column(), Further()
    try:
        for line, _, label, cells in _rows(params):
            column.add(label, f"{line}")
            further.add(cells)
        labels, names = column.numbered(params.names)
    except DataError:
        return Preview(params.most(None), (0.0, 1.0), named(params.names))
    found = further.attributes()
    most = params.most(len(labels))
    return Preview(
        most, (0.0, 1.0), named(names), labels=classes_taken(labels), attributes=found, majority=params.majority(labels)
    )


def load(params: Params) -> Samples:
    """Load the images as (N, H, W, C) float32 in [0, 1]; raise DataError for what can't be used."""
    shown, folder = printable(params.path), Path(params.path).parent
    column, further, lines, paths = Column(), Further(), array("q"), []
    for line, path, label, cells in _rows(params):
        column.add(label, f"{shown}:{line}")
        further.add(cells)
        lines.append(line)
        paths.append(path)
    labels, names = column.numbered(params.names)

    def fetch(positions: IntArray) -> Iterator[tuple[str, Path]]:
        for position in positions:
            path = folder / paths[position]
            if not _is_file(path):
                raise DataError(f"{shown}:{lines[position]}: there is no file {printable(path)}")
            yield printable(path), path

    rows = np.arange(len(labels))
    return load_pictures(fetch, labels, rows, "csv", names, params, attributes=further.attributes())


def _rows(params: Params) -> Iterator[tuple[int, str, str, dict[str, str]]]:
    """Every row's line in the file, path, label, and other cells by column; raise DataError where there is none."""
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
            # A column without a name, or with that of another, can't be asked for.
            names = [name.strip() for name in header]
            others = [at for at, name in enumerate(names) if at not in (image, label) and name]
            others = [at for at in others if names.count(names[at]) == 1]
            for row in filter(None, reader):
                if len(row) != len(header):
                    raise DataError(f"{shown}:{reader.line_num}: {len(row)} values, the header has {len(header)}")
                rows += 1
                yield reader.line_num, row[image], row[label].strip(), {names[at]: row[at] for at in others}
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

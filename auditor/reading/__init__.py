"""What datasets share: files read row by row, pictures, tables, and `make_samples`, the one door for samples.

Import what datasets use from `auditor.reading`. It imports `compute` and `values`.
"""

from auditor.reading import intake, keras_archives, resembling
from auditor.reading.belonging import together
from auditor.reading.common import (
    SHADES,
    Names,
    Subset,
    classes_taken,
    make_samples,
    named,
    natural,
    packaged,
    printable,
)
from auditor.reading.files import GZIP, at_positions, begins, explained, opened, parts, read_rows, remaining
from auditor.reading.intake import NO_ATTRIBUTE, check_images, whole_numbers
from auditor.reading.pictures import SUFFIXES, Pictures, load_pictures
from auditor.reading.tables import Column, Further

__all__ = [
    "GZIP",
    "NO_ATTRIBUTE",
    "SHADES",
    "SUFFIXES",
    "Column",
    "Further",
    "Names",
    "Pictures",
    "Subset",
    "at_positions",
    "begins",
    "check_images",
    "classes_taken",
    "explained",
    "intake",
    "keras_archives",
    "load_pictures",
    "make_samples",
    "named",
    "natural",
    "opened",
    "packaged",
    "parts",
    "printable",
    "read_rows",
    "remaining",
    "resembling",
    "together",
    "whole_numbers",
]

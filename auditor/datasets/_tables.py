"""Labels as tables hold them: numbers or names, to class numbers."""

from array import array
from collections.abc import Sequence

import numpy as np

from auditor.core import IntArray
from auditor.errors import DataError, one_of


class Column:
    """The labels of a table, each different one kept once, with where it was first seen."""

    def __init__(self) -> None:
        self._codes = array("q")
        self._seen: dict[str, tuple[int, str]] = {}

    def __len__(self) -> int:
        return len(self._codes)

    def add(self, label: str, where: str) -> None:
        """Add the label of the next row; `where` says for people which that is."""
        if label not in self._seen:
            self._seen[label] = (len(self._seen), where)
        self._codes.append(self._seen[label][0])

    def numbered(self, names: Sequence[str] | None) -> tuple[IntArray, Sequence[str] | None]:
        """Class numbers (N,), and the names of the classes where there are any: `names`, or those seen, sorted.

        Raises DataError for a label that is no name and no number of a class.
        """
        if names is None and not all(map(_is_number, self._seen)):
            names = sorted(self._seen)
        numbers = {name: number for number, name in enumerate(names or ())}
        known = range(10**9 if names is None else len(names))
        found = np.empty(len(self._seen), np.int64)
        for label, (code, where) in self._seen.items():
            if label not in numbers and not (_is_number(label) and int(label) in known):
                raise DataError(f"{where}: {one_of(label, names or (), 'label')}")
            found[code] = numbers[label] if label in numbers else int(label)
        return found[np.frombuffer(self._codes, np.int64)], names


def _is_number(label: str) -> bool:
    return label.isascii() and label.isdigit() and len(label) < 10

"""Labels as tables hold them, numbers or names, to class numbers; and what further columns say of the images."""

import re
from array import array
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from auditor.reading.common import natural
from auditor.values import Attribute, DataError, IntArray, from_texts, one_of

# A table that was once read as numbers, with a cell missing, has 3.0 where it had 3.
_WHOLE = re.compile(r"([0-9]{1,9})(?:\.0*)?")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")


class Column:
    """The labels of a table, each different one kept once, with where it was first seen."""

    def __init__(self) -> None:
        self._codes = array("q")
        self._seen: dict[str, tuple[int, str]] = {}

    def __len__(self) -> int:
        return len(self._codes)

    def add(self, label: str, where: str) -> None:
        """Add the label of the next row; `where` says for people which that is.

        Raises DataError where there is none.
        """
        if not label:
            raise DataError(f"{where}: the label is empty; every image needs one, or leave its row out")
        if label not in self._seen:
            self._seen[label] = (len(self._seen), where)
        self._codes.append(self._seen[label][0])

    def numbered(self, names: Sequence[str] | None, by_number: bool = False) -> tuple[IntArray, Sequence[str] | None]:
        """Class numbers (N,), and the names of the classes where there are any: `names`, or those seen, in order.

        by_number: numbers are those of classes, also where a class has one for its name. Raises DataError for a label
        that is no name and no number of a class, for numbers that may be either, and without `names` for numbers and
        names in one column.
        """
        if names is None:
            names = self._own_names()
        numbers = {name: number for number, name in enumerate(names or ())}
        if by_number:
            numbers = {name: number for name, number in numbers.items() if _whole(name) is None}
        self._check_meaning(numbers)
        several = {name for name, times in Counter(names or ()).items() if times > 1 and name in numbers}
        known = range(10**9 if names is None else len(names))
        found = np.empty(len(self._seen), np.int64)
        for label, (code, where) in self._seen.items():
            whole = _whole(label)
            named = _called(label, numbers)
            if named in several:
                raise DataError(f"{where}: several classes are called {label!r}; write the number of the one meant")
            number = numbers.get(named, whole)
            if number is None or number not in known:
                raise DataError(f"{where}: {one_of(label, names or (), 'label')}")
            found[code] = number
        return found[np.frombuffer(self._codes, np.int64)], names

    def _check_meaning(self, numbers: Mapping[str, int]) -> None:
        """Raise DataError where some labels are numbers of classes and others numbers that are names of other ones."""
        seen = [(label, where, _whole(label)) for label, (_, where) in self._seen.items() if _whole(label) is not None]
        number = next(((label, where) for label, where, _ in seen if _called(label, numbers) not in numbers), None)
        for label, where, whole in seen:
            known = numbers.get(_called(label, numbers))
            if number is not None and known not in (None, whole):
                both = (
                    f"{where}: the label {label} is the name of class {known}, where {number[0]} ({number[1]}) is none"
                )
                raise DataError(f"{both}: it may be that of class {whole} as well; write names alone, or other `names`")

    def _own_names(self) -> Sequence[str] | None:
        """The names that there are, in natural order; None where all labels are numbers of classes."""
        numeric = [label for label in self._seen if _NUMBER.fullmatch(label)]
        odd = next((label for label in numeric if _whole(label) is None), None)
        if odd is not None:
            where = f"{self._seen[odd][1]}: the label {odd} is no class number (0, 1, 2 and so on)"
            raise DataError(f"{where}; if it is a name, list all names in the order of the model's classes in `names`")
        if not numeric:
            return sorted(sorted(self._seen), key=natural)
        other = next((label for label in self._seen if label not in numeric), None)
        if other is not None:
            both = f"{self._seen[other][1]}: the label {other!r} is a name, where {numeric[0]} is a number"
            raise DataError(f"{both}; list all names in the order of the model's classes in `names`, or mend the table")
        return None


class Further:
    """The further columns of a table, by name, as texts; each different text is kept once."""

    def __init__(self) -> None:
        self._columns: dict[str, list[str]] = {}
        self._seen: dict[str, str] = {}

    def add(self, cells: Mapping[str, str]) -> None:
        """Add the cells of the next row; every row has the same columns."""
        for name, cell in cells.items():
            text = cell.strip()
            self._columns.setdefault(name, []).append(self._seen.setdefault(text, text))

    def attributes(self) -> Mapping[str, Attribute]:
        """The columns as attributes (N,): numbers where all that is written are numbers, or else names."""
        return {name: from_texts(texts) for name, texts in self._columns.items()}


def _called(label: str, numbers: Mapping[str, int]) -> str:
    """The name that a label may be: as it stands, or 3 where it is 3.0."""
    return label if label in numbers else str(_whole(label))


def _whole(label: str) -> int | None:
    found = _WHOLE.fullmatch(label)
    return int(found[1]) if found else None

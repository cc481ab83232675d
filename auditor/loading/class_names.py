"""Names of classes that a checkpoint comes with, beside those of the data: in another order every label is permuted,
and what is measured is of another network.

Formats read them off their files, `check_order` is the one place where they are compared.
"""

import ast
import json
import re
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from auditor.classifiers import Loaded
from auditor.telling.lists import listed
from auditor.values import Classifier, ModelError, Samples, distinct_names

_SHOWN, _LISTED = 3, 10
_MOST = 1 << 20  # bytes of a list of names
_BESIDE = ("labels.txt", "class_names.txt", "classes.txt", "classes.json", "class_names.json")


def read_names(text: str, count: int) -> tuple[str, ...]:
    """The names of `count` classes, in order, of a text that lists them; nothing where it doesn't.

    text: a list, or a mapping of numbers to names or of names to numbers, as JSON or as Python prints it; or names
    parted by commas or lines.
    """
    found = _parsed(text)
    parted = text.strip().split("\n" if "\n" in text.strip() else ",")
    names = [name.strip() for name in parted] if found is None else _listed(found)
    return distinct_names(names) if len(names) == count and all(names) else ()


def with_names(classifier: Classifier, texts: Iterable[str]) -> Classifier:
    """The same with the names of its classes, of the first text that lists as many as there are."""
    listed = (read_names(text, classifier.class_count) for text in texts)
    names = next(filter(None, listed), ())
    return replace(classifier, classes=names) if isinstance(classifier, Loaded) else classifier


def texts_of(model: Path) -> list[str]:
    """What lists the classes of a model of one file or folder: within a TensorFlow Lite file, or beside the model."""
    found = []
    if model.suffix == ".tflite" and zipfile.is_zipfile(
        model
    ):  # its metadata's files follow the model as a zip archive
        with zipfile.ZipFile(model) as archive:
            lists = [one for one in archive.infolist() if one.filename.endswith(".txt") and one.file_size <= _MOST]
            found += [archive.read(one).decode("utf-8", errors="replace") for one in lists]
    folder = model if model.is_dir() else model.parent
    paths = [folder / name for name in (f"{model.stem}.txt", *_BESIDE)]
    found += [
        path.read_text("utf-8", errors="replace") for path in paths if path.is_file() and path.stat().st_size <= _MOST
    ]
    return [_unnumbered(text) for text in found]


def _unnumbered(text: str) -> str:
    """A list of names, one a line, without the numbers from 0 that may stand before them."""
    lines = [line.split(maxsplit=1) for line in text.splitlines() if line.strip()]
    if lines and all(len(parts) == 2 and parts[0] == str(number) for number, parts in enumerate(lines)):
        return "\n".join(parts[1] for parts in lines)
    return text


def check_order(name: str, told: tuple[str, ...], where: str, samples: Samples) -> None:
    """Raise ModelError where classes of the model `name` have other numbers than classes of the data of the same name.

    told: the names of the model's classes, in order; none where it has none. where: what lists them. Names count as the
    same whatever their case and whether their words are parted by spaces, `_` or `-`. What only one side knows says
    nothing; nor do numbers, unless both sides have the same: whoever counts from 1 means no other classes.
    """
    if not told or samples.classes is None:
        return
    theirs, ours = _places(told), _places(samples.classes)
    shared = theirs.keys() & ours.keys()
    if theirs.keys() != ours.keys():
        shared = {one for one in shared if not one.isdecimal()}
    moved = sorted((ours[one], theirs[one]) for one in shared if ours[one] != theirs[one])
    if not moved:
        return
    apart = [f"{samples.classes[our]!r} is {our} in the data and {their} in the model" for our, their in moved]
    message = f"{where} and {samples.source} number classes differently: {listed(apart, _SHOWN, '; ')}"
    way = f"number the data's as the model does ({listed(told, _LISTED)}), by `names` of the data where it has that"
    raise ModelError(f"model {name!r}: {message}; {way}, or mend the list if the model was trained on another")


def _places(names: tuple[str, ...]) -> dict[str, int]:
    """The numbers of names, written alike; without those that can't be told apart then."""
    alike = [re.sub(r"[\s_-]+", " ", name).strip().casefold() for name in names]
    return {name: number for number, name in enumerate(alike) if alike.count(name) == 1}


def _parsed(text: str) -> Any:
    """What a text is as JSON, or as a literal of Python; None where it is neither."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return None


def _listed(found: Any) -> list[str]:
    """Names in order, of a list of them or a mapping with the numbers 0, 1, …; else none."""
    if isinstance(found, Mapping):
        pairs = _numbered(found.items()) or _numbered((value, key) for key, value in found.items())
        numbers = sorted(pairs)
        found = [pairs[number] for number in numbers] if numbers == list(range(len(numbers))) else []
    if not isinstance(found, list | tuple) or not all(isinstance(one, str | int) for one in found):
        return []
    return [str(one).strip() for one in found]


def _numbered(pairs: Iterable[tuple[Any, Any]]) -> dict[int, str]:
    """Names by number, where each of the first ones is a number and no two are the same; else none."""
    every = list(pairs)
    if not all(isinstance(one, int) or (isinstance(one, str) and one.isdecimal()) for one, _ in every):
        return {}
    found = {int(one): str(name) for one, name in every}
    return found if len(found) == len(every) else {}

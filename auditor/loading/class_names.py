"""Names of classes that a checkpoint comes with, beside those of the data: in another order every label is permuted,
and what is measured is of another network.

`loading.named_files` says where they stand; here they are read, and this is the one place where they are compared.
"""

import ast
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

from auditor.classifiers import Loaded
from auditor.telling.lists import listed
from auditor.values import Classifier, ClassNames, ModelError, Samples

_SHOWN, _LISTED = 3, 10
_UNREAD = "\ufffd"  # what stands for bytes that are no text
_PLACEHOLDER = re.compile(r"LABEL_\d+")  # what Hugging Face's configurations say where nobody named anything
Moved = tuple[str, tuple[int, ...], tuple[int, ...]]


@dataclass(frozen=True)
class Listing:
    """What may list the classes: where it stands, and a text, or a list or mapping that was read already."""

    where: str
    content: Any


def read_names(listing: Listing, count: int) -> tuple[str, ...]:
    """The names of `count` classes, in order; nothing where that many aren't listed, or nobody named them.

    A text is a list, or a mapping of numbers to names or of names to numbers, as JSON or as Python prints it; or names
    parted by lines or commas, with their numbers from 0 before them or not. Raises ModelError for a mapping that leaves
    a number out or has it twice, and for names that aren't text.
    """
    content = parsed(listing) if isinstance(listing.content, str) else listing.content
    if content is None:
        text = _unnumbered(listing.content).strip()
        content = text.split("\n" if "\n" in text else ",")
    found = _in_order(listing.where, content, count) if isinstance(content, Mapping) else content
    if not isinstance(found, list | tuple) or not all(isinstance(one, str | int) for one in found):
        return ()
    names = tuple(str(one).strip() for one in found)
    if len(names) != count or not all(names) or all(map(_PLACEHOLDER.fullmatch, names)):
        return ()
    if any(_UNREAD in name for name in names):
        raise ModelError(f"{listing.where} isn't written in UTF-8, so its names can't be told; save it as that")
    return names


def with_names(classifier: Classifier, listings: Iterable[Listing]) -> Classifier:
    """The same with further names of its classes; raise ModelError where two lists of them contradict each other."""
    if not isinstance(classifier, Loaded):
        return classifier
    read = (ClassNames(one.where, read_names(one, classifier.class_count)) for one in listings)
    found = (*classifier.named, *(one for one in read if one.names))
    for first, second in combinations(found, 2):
        apart = _told(moved(first.names, second.names), "in the one", "in the other")
        if apart:
            message = f"{classifier.path}: {first.where} and {second.where} number classes differently: {apart}"
            raise ModelError(f"{message}; mend or remove the one that isn't the model's")
    return replace(classifier, named=found)


def check_order(name: str, told: ClassNames, samples: Samples) -> None:
    """Raise ModelError where classes of the model `name` have other numbers than classes of the data of the same name.

    What only one side knows says nothing.
    """
    apart = _told(moved(samples.classes or (), told.names), "in the data", "in the model")
    if apart:
        message = f"{told.where} and {samples.source} number classes differently: {apart}"
        way = f"number the data's as the model does ({listed(told.names, _LISTED)}), by `names` of the data"
        other = "where it has that, or mend the list if the model was trained on another"
        raise ModelError(f"model {name!r}: {message}; {way} {other}")


def moved(one: Sequence[str], other: Sequence[str]) -> list[Moved]:
    """Names that two lists of classes have at other places, with these, in the order of the first list.

    Names are held against each other as they are written, then those without a match whatever their case and form in
    Unicode, then whether their words are parted by spaces, `_` or `-`: what a list tells apart is never taken for the
    same. Several classes of one name have to be in the same places. Numbers for names say nothing, unless both lists
    have the same: whoever counts from 1 means no other classes.
    """
    left, right = dict(enumerate(one)), dict(enumerate(other))
    same = {_loosely(name) for name in one} == {_loosely(name) for name in other}
    found: list[Moved] = []
    singular = _singular(one), _singular(other)
    for alike in (_exactly, None, _whatever_case, _loosely):
        if alike is None:  # from here on without the numbers behind names that several classes have
            left, right = ({at: names[at] for at in rest} for rest, names in zip((left, right), singular, strict=True))
            alike = _exactly
        places, others, met = _places(left, alike), _places(right, alike), (set[int](), set[int]())
        for key in places.keys() & others.keys():
            here, there = places[key], others[key]
            if len(here) != len(there) or (key.isdecimal() and not same):
                continue
            if here != there:
                found.append((one[here[0]], here, there))
            met[0].update(here)
            met[1].update(there)
        left, right = (
            {at: name for at, name in rest.items() if at not in done}
            for rest, done in zip((left, right), met, strict=True)
        )
    return sorted(found, key=lambda one: one[1])


def parsed(listing: Listing) -> Any:
    """What a text is as JSON, or as a literal of Python; None where it is neither.

    Raises ModelError for JSON that says something twice, of which readers take one or the other.
    """

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        twice = [key for key, times in Counter(key for key, _ in pairs).items() if times > 1]
        if twice:
            raise ModelError(f"{listing.where} has {twice[0]!r} twice; leave one of the two")
        return dict(pairs)

    try:
        return json.loads(listing.content, object_pairs_hook=once)
    except (ValueError, RecursionError):
        pass
    try:
        return ast.literal_eval(listing.content)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return None


def _unnumbered(text: str) -> str:
    """A list of names, one a line, without the numbers from 0 that may stand before them."""
    lines = [line.split(maxsplit=1) for line in text.splitlines() if line.strip()]
    if lines and all(len(parts) == 2 and parts[0] == str(number) for number, parts in enumerate(lines)):
        return "\n".join(parts[1] for parts in lines)
    return text


def _in_order(where: str, found: Mapping[Any, Any], count: int) -> list[Any]:
    """Names in the order of their numbers, of a mapping of the one to the other; none where it maps something else."""
    pairs = list(found.items())
    if not all(_is_number(key) for key, _ in pairs):
        pairs = [(number, name) for name, number in pairs]
    if not pairs or not all(_is_number(number) for number, _ in pairs):
        return []
    numbers = sorted(int(number) for number, _ in pairs)
    if numbers == list(range(len(numbers))):
        return [name for _, name in sorted(pairs, key=lambda pair: int(pair[0]))]
    if count not in (len(numbers), numbers[-1] + 1):
        return []  # of another network
    missing = sorted({*range(count)} - {*numbers})
    told = f"no name for {listed(map(str, missing), _SHOWN)}" if missing else "two names for one number"
    raise ModelError(f"{where} numbers {count} classes with {told}: numbers are those of outputs, from 0 on; mend it")


def _is_number(value: Any) -> bool:
    return (isinstance(value, int) and not isinstance(value, bool)) or (isinstance(value, str) and value.isdecimal())


def _singular(names: Sequence[str]) -> list[str]:
    """Names without what `distinct_names` has put behind those that several classes have."""
    bare = [name.removesuffix(f" ({number})") for number, name in enumerate(names)]
    several = {name for name, times in Counter(bare).items() if times > 1 and name not in names}
    return [base if base in several else name for base, name in zip(bare, names, strict=True)]


def _places(names: Mapping[int, str], alike: Callable[[str], str]) -> dict[str, tuple[int, ...]]:
    """The numbers of all names that are alike."""
    found: dict[str, tuple[int, ...]] = {}
    for at, name in names.items():
        found[alike(name)] = (*found.get(alike(name), ()), at)
    return found


def _exactly(name: str) -> str:
    return " ".join(unicodedata.normalize("NFC", name).split())


def _whatever_case(name: str) -> str:
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", _exactly(name)).casefold())


def _loosely(name: str) -> str:
    return re.sub(r"[\s_-]+", " ", _whatever_case(name)).strip()


def _told(apart: Sequence[Moved], here: str, there: str) -> str:
    """Where names are in the one and the other list, in words; nothing where none has moved."""
    words = ((name, " and ".join(map(str, one)), " and ".join(map(str, other))) for name, one, other in apart)
    return listed([f"{name!r} is {one} {here} and {other} {there}" for name, one, other in words], _SHOWN, "; ")

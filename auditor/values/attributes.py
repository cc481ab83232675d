"""What is known of each image beside its label: where it was taken, by what, of whom. Numbers, or names."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

# (N,): float64 with NaN where a number is missing, or texts (dtype object) with "" where a name is.
Attribute = NDArray[Any]
# 007 is a name, and so is a number too long for float64 to tell from its neighbours.
_NUMBER = re.compile(r"[+-]?(?:0|[1-9][0-9]*)(?:\.[0-9]*)?(?:[eE][+-]?[0-9]{1,2})?|[+-]?\.[0-9]+")
_DIGITS = 15
_UNKNOWN = ("nan", "null", "none")


def from_texts(texts: Sequence[str]) -> Attribute:
    """An attribute as a table writes it: numbers where all that is written are numbers, or else names.

    What is empty is missing; among numbers, `nan`, `null` and `none` too, as programs write them.
    """
    known: dict[str, str] = {}
    stripped = [known.setdefault(text, text) for text in map(str.strip, texts)]
    numbers = {text: _number(text) for text in known}
    if any(text and number is None for text, number in numbers.items()) or not any(map(_told, numbers.values())):
        return np.array(stripped, dtype=object)
    return np.array([numbers[text] if text else np.nan for text in stripped], np.float64)


def _number(text: str) -> float | None:
    """The number that a text is, NaN where it says that there is none; None for a name."""
    if text.lower() in _UNKNOWN:
        return float("nan")
    exact = not text.lstrip("+-").isdecimal() or len(text.lstrip("+-")) <= _DIGITS
    return float(text) if exact and _NUMBER.fullmatch(text) else None


def _told(number: float | None) -> bool:
    return number is not None and number == number


def from_array(values: NDArray[Any]) -> Attribute | None:
    """An attribute from an array (N,) of numbers, truth values, dates or texts; None for what is no such array."""
    if values.ndim != 1:
        return None
    if values.dtype.kind == "f":
        return values.astype(np.float64)
    if values.dtype.kind in "iu":
        exact = not len(values) or (np.abs(values.astype(np.float64)) < 10.0**_DIGITS).all()
        return values.astype(np.float64) if exact else _names(map(str, values.tolist()))
    if values.dtype.kind == "b":
        return _names("true" if value else "false" for value in values.tolist())
    if values.dtype.kind == "M":
        return _names("" if np.isnat(value) else str(value) for value in values)
    if values.dtype.kind == "S":
        return _names(value.decode(errors="backslashreplace").strip() for value in values.tolist())
    if values.dtype.kind == "U" or (values.dtype.kind == "O" and all(isinstance(v, str) for v in values.tolist())):
        return _names(str(value).strip() for value in values.tolist())
    return None


def _names(texts: Any) -> Attribute:
    known: dict[str, str] = {}
    return np.array([known.setdefault(text, text) for text in texts], dtype=object)


def is_numeric(attribute: Attribute) -> bool:
    """Whether it holds numbers, not names."""
    return bool(attribute.dtype.kind == "f")


def is_missing(attribute: Attribute) -> NDArray[np.bool_]:
    """Where (N,) nothing is known."""
    missing: NDArray[np.bool_] = np.isnan(attribute) if is_numeric(attribute) else attribute == ""
    return missing


def in_words(value: Any) -> str:
    """A value of an attribute as a spec writes it: `3` for the number 3.0."""
    return repr(float(value)).removesuffix(".0") if isinstance(value, float) else str(value)


def digests(attributes: Mapping[str, Attribute]) -> Mapping[str, str]:
    """SHA-256 in hex of each attribute's values, in the order of the samples."""
    return {name: _digest(values) for name, values in attributes.items()}


def _digest(values: Attribute) -> str:
    digest = hashlib.sha256(b"numbers" if is_numeric(values) else b"names")
    for value in values.tolist():
        text = in_words(value).encode(errors="surrogatepass")
        digest.update(b"%d:" % len(text) + text)
    return digest.hexdigest()

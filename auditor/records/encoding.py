"""Values to JSON and back, guided by the dataclasses themselves; arrays go beside it, by name."""

import dataclasses
import math
import types
import typing
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray


def encode(value: Any, arrays: dict[str, NDArray[Any]], name: str = "") -> Any:
    """Turn nested dataclasses into JSON; arrays go to `arrays` under the path where they stood.

    Raises ValueError for an array of Python objects, which could be kept as a pickle only.
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = dataclasses.fields(value)
        return {f.name: encode(getattr(value, f.name), arrays, _join(name, f.name)) for f in fields}
    if isinstance(value, np.ndarray):
        if value.dtype.hasobject:
            raise ValueError(f"the array {name!r} holds Python objects; give it numbers, truth values or text")
        arrays[name] = value
        return {"array": name}
    if isinstance(value, Mapping):
        return {str(key): encode(item, arrays, _join(name, str(key))) for key, item in value.items()}
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, tuple | list):
        return [encode(item, arrays, _join(name, str(i))) for i, item in enumerate(value)]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)  # JSON has no NaN or infinity; `decode` reads them where a float belongs
    return value


def _join(name: str, part: str) -> str:
    """The path of what stands under a key: no two keys share one, and each can be the name of a file in an archive.

    A class's name is part of its metric's, and may be anything.
    """
    part = "".join(c if c.isprintable() and c not in "%/" else quote(c, "", errors="surrogatepass") for c in part)
    return f"{name}/{part}" if name else part


def decode(kind: Any, data: Any, arrays: Mapping[str, NDArray[Any]]) -> Any:
    """Build a value of type `kind` from what `encode` made of it; raise ValueError for what doesn't fit."""
    kind = _behind(kind)
    if kind is Any:
        return data
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if kind is np.ndarray or origin is np.ndarray:
        return arrays[data["array"]]
    if origin in (typing.Union, types.UnionType):
        return _decode_union(arguments, data, arrays)
    if origin is typing.Literal:
        if data not in arguments:
            raise ValueError(f"{data!r} is none of {arguments}")
        return data
    if dataclasses.is_dataclass(kind):
        return _decode_dataclass(kind, data, arrays)
    if origin is tuple:
        kinds = arguments[:1] * len(data) if arguments[-1] is Ellipsis else arguments
        return tuple(decode(k, item, arrays) for k, item in zip(kinds, data, strict=True))
    if origin is frozenset:
        return frozenset(data)
    if origin is not None and issubclass(origin, Mapping):
        return {key: decode(arguments[1], item, arrays) for key, item in data.items()}
    return _decode_plain(kind, data)


def _behind(kind: Any) -> Any:
    """What an alias of a type stands for; since NumPy 2.5, which needs Python 3.12, `NDArray` is one."""
    alias, arguments = typing.get_origin(kind) or kind, typing.get_args(kind)
    if (value := getattr(alias, "__value__", None)) is None:
        return kind
    return _behind(value[arguments] if arguments else value)


def _decode_union(kinds: tuple[Any, ...], data: Any, arrays: Mapping[str, NDArray[Any]]) -> Any:
    if data is None and types.NoneType in kinds:
        return None
    kinds = tuple(kind for kind in kinds if kind is not types.NoneType)
    if isinstance(data, dict) and "kind" in data and len(kinds) > 1:
        kinds = tuple(k for k in kinds if getattr(k, "kind", None) == data["kind"])
    if len(kinds) == 1:
        return decode(kinds[0], data, arrays)
    for kind in kinds:
        if isinstance(kind, type) and isinstance(data, kind):
            return data
    raise ValueError(f"{data!r} is none of {kinds}")


def _decode_dataclass(kind: Any, data: Any, arrays: Mapping[str, NDArray[Any]]) -> Any:
    hints = _hints(kind)
    fields = [f for f in dataclasses.fields(kind) if f.init]
    # A record of an older version lacks what was added since; what has no default is missed.
    known = [f for f in fields if f.name in data or not _has_default(f)]
    return kind(**{f.name: decode(hints[f.name], data[f.name], arrays) for f in known})


def _has_default(field: "dataclasses.Field[Any]") -> bool:
    return field.default is not dataclasses.MISSING or field.default_factory is not dataclasses.MISSING


def _decode_plain(kind: Any, data: Any) -> Any:
    if kind is float and isinstance(data, int | float | str) and not isinstance(data, bool):
        return float(data)
    if not isinstance(data, kind) or (kind is int and isinstance(data, bool)):
        raise ValueError(f"{data!r} is no {kind.__name__}")
    return data


@cache
def _hints(kind: Callable[..., Any]) -> dict[str, Any]:
    return typing.get_type_hints(kind)

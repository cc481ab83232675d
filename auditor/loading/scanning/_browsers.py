"""TensorFlow.js: weights in files that hold nothing but numbers, as many as the description beside them says."""

import json
from collections.abc import Iterator, Mapping
from math import prod
from pathlib import Path, PurePosixPath
from typing import Any

_BYTES = {"float32": 4, "float16": 2, "int32": 4, "uint8": 1, "uint16": 2, "bool": 1}
_MOST = 64 << 20


def shards(files: Mapping[str, Path]) -> frozenset[str]:
    """Which of some files, by their names, are such weights: a `model.json` among them accounts for every byte."""
    found: set[str] = set()
    for name, path in files.items():
        if path.suffix != ".json" or path.stat().st_size > _MOST:
            continue
        try:
            groups = list(_groups(json.loads(path.read_bytes())))
        except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
            continue  # it is none of these descriptions, or a broken one, which whoever opens it refuses
        for paths, size in groups:
            named = [str(PurePosixPath(name).parent / part) for part in paths]
            if all(part in files for part in named) and size == sum(files[part].stat().st_size for part in named):
                found |= set(named)
    return frozenset(found)


def _groups(told: Any) -> Iterator[tuple[list[str], int]]:
    """The files of every group of weights, and how many bytes they should have together."""
    for group in told["weightsManifest"]:
        kinds = ((part.get("quantization") or part)["dtype"] for part in group["weights"])
        sizes = (_BYTES[kind] * prod(part["shape"]) for kind, part in zip(kinds, group["weights"], strict=True))
        yield [str(PurePosixPath(part)) for part in group["paths"]], sum(sizes)

"""What formats need to open a checkpoint: its file, what runs it, and which of several parts is meant."""

from collections.abc import Collection, Mapping
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from auditor.telling.reason import reason
from auditor.values import ChoiceError, ModelError


def file_at(path: str) -> Path:
    """Return the path of one file; raise ModelError for a directory or nothing."""
    if Path(path).is_dir():
        raise ModelError(f"{path} is a directory; this format is one file")
    if not Path(path).is_file():
        raise ModelError(f"{path}: no such file")
    return Path(path)


def needed(module: str, extra: str) -> ModuleType:
    """Import what a format is run by; raise ModelError that names the extra to install where it is missing."""
    try:
        return import_module(module)
    except (ImportError, RuntimeError) as error:  # the latter where an extension was built for another version
        message = (
            f"{module} can't be imported ({reason(error)}); install it with: pip install 'robustness-auditor[{extra}]'"
        )
        raise ModelError(message) from error


def chosen(
    name: str | None, known: Collection[str], what: str, path: str, shapes: Mapping[str, Any] | None = None
) -> str:
    """Return `name` if it is known, or the only known one if it is None; else raise ChoiceError with the nearest.

    what: what it names, which is also the parameter that chooses it, as in `signature` or `input_name`. shapes: those
    of what is known, with the batch, as far as they are known; sizes that are no whole numbers are left open.
    """
    told = {one: shape for one, shape in (shapes or {}).items() if shape is not None}
    among = {one: _sizes(told[one]) if one in told else None for one in known}
    if name is None and len(known) == 1:
        return next(iter(known))
    if name is None:
        listed = [one if sizes is None else f"{one} {_shape_told(sizes)}" for one, sizes in among.items()]
        raise ChoiceError(f"{path}: choose one by `{what}`: {', '.join(listed)}", what, among)
    if name not in known:
        near = get_close_matches(name, list(known), n=3, cutoff=0) or ["none"]
        raise ChoiceError(f"{path} has no {what} {name!r}; nearest: {', '.join(near)}", what, among)
    return name


def _sizes(shape: Any) -> tuple[int | None, ...]:
    """A shape with None for what is left open, which may be a negative number or a name."""
    return tuple(int(size) if isinstance(size, int | np.integer) and size >= 0 else None for size in shape)


def _shape_told(sizes: tuple[int | None, ...]) -> str:
    return f"({', '.join('any' if size is None else str(size) for size in sizes)})"

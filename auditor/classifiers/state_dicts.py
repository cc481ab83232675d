"""What a file of PyTorch's weights holds, by its own words: names of tensors and their shapes, without PyTorch.

Of a pickle nothing is run: its operations are followed by a machine that makes numbers, texts, tuples and mappings of
them, and a blank of whatever they would call.
"""

import pickletools
import re
import zipfile
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from auditor.classifiers.tensor_tables import tensor_table

_MOST = 64 << 20  # bytes of a pickle that describes tensors
_SUFFIX = ".safetensors"
# What puts itself before every name: DataParallel, torch.compile, and modules that call the network their `model`, as
# those of Lightning do.
_WRAPPERS = ("module.", "_orig_mod.", "model.")
# What is pushed as it stands: numbers, texts, names of functions. Then constants, and how many a tuple takes.
_VALUES = re.compile(r"(SHORT_)?(BIN)?(UNICODE|STRING|BYTES)8?|(BIN)?(INT|FLOAT)[12]?|LONG[14]?|GLOBAL")
_CONSTANTS: Mapping[str, Any] = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_MARK, _BLANK = object(), object()


@dataclass(frozen=True)
class Weights:
    """Shapes of tensors by name. within: the key of the mapping that holds them, where that isn't the whole file."""

    shapes: Mapping[str, tuple[int, ...]]
    within: str = ""


@dataclass(frozen=True)
class _Tensor:
    shape: tuple[int, ...]


def is_safetensors(path: Path) -> bool:
    """Whether a file is one of the library safetensors, by its name."""
    return path.suffix.lower() == _SUFFIX


def weights_in(path: Path) -> Weights:
    """Names and shapes of the tensors in a file of `torch.save` or of safetensors; none where they can't be read."""
    try:
        if is_safetensors(path):
            return Weights({name: entry.shape for name, entry in tensor_table(path)[0].items()})
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                [entry] = [one for one in archive.infolist() if one.filename.split("/")[1:] == ["data.pkl"]]
                if entry.file_size > _MOST:
                    return Weights({})
                with archive.open(entry) as file:
                    return _found([_followed(file)])
        with path.open("rb") as file:  # the older form: three pickles of what wrote it, and then that of the weights
            return _found([_followed(file) for _ in range(4)])
    except Exception:  # of a file that is damaged or hostile, following it can fail in every way
        return Weights({})


def wrapping(names: Collection[str]) -> str:
    """What wrappers of a network have put before all names of its weights, one within another; nothing without any."""
    prefix = ""
    while inner := [one for one in _WRAPPERS if names and all(name.startswith(prefix + one) for name in names)]:
        prefix += inner[0]
    return prefix


def _found(values: Iterable[Any]) -> Weights:
    """The mapping with the most tensors: a value itself, or one that it holds under a name."""
    best = Weights({})
    for value in values:
        inner = value.items() if isinstance(value, dict) else ()
        for within, one in (("", value), *((str(key), held) for key, held in inner)):
            if isinstance(one, dict):
                shapes = {str(name): tensor.shape for name, tensor in one.items() if isinstance(tensor, _Tensor)}
                best = Weights(shapes, within) if len(shapes) > len(best.shapes) else best
    return best


def _followed(file: IO[bytes]) -> Any:
    """What a pickle would make, of which nothing is looked up, called or run."""
    stack: list[Any] = []
    memo: dict[Any, Any] = {}

    def since_mark() -> list[Any]:
        at = len(stack) - 1 - next(i for i, one in enumerate(reversed(stack)) if one is _MARK)
        taken = stack[at + 1 :]
        del stack[at:]
        return taken

    for operation, argument, _ in pickletools.genops(file):
        name = operation.name
        if _VALUES.fullmatch(name):
            stack.append(argument)
        elif name in _CONSTANTS:
            stack.append(_CONSTANTS[name])
        elif name == "MARK":
            stack.append(_MARK)
        elif name in ("EMPTY_DICT", "EMPTY_LIST"):
            stack.append({} if name == "EMPTY_DICT" else [])
        elif name in _TUPLES:
            taken = tuple(stack[-_TUPLES[name] :])
            del stack[-_TUPLES[name] :]
            stack.append(taken)
        elif name == "TUPLE":
            stack.append(tuple(since_mark()))
        elif name in ("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"):
            memo[len(memo) if argument is None else argument] = stack[-1]
        elif name in ("GET", "BINGET", "LONG_BINGET"):
            stack.append(memo[argument])
        elif name in ("REDUCE", "NEWOBJ", "STACK_GLOBAL"):
            given, called = stack.pop(), stack.pop()
            stack.append(f"{called} {given}" if name == "STACK_GLOBAL" else _made(called, given))
        elif name == "BINPERSID":
            stack[-1] = _BLANK
        elif name in ("SETITEM", "SETITEMS"):
            pairs = since_mark() if name == "SETITEMS" else [stack.pop(-2), stack.pop()]
            if isinstance(stack[-1], dict):
                stack[-1].update(zip(pairs[::2], pairs[1::2], strict=True))
        elif name in ("APPEND", "APPENDS"):
            more = since_mark() if name == "APPENDS" else [stack.pop()]
            if isinstance(stack[-1], list):
                stack[-1].extend(more)
        elif name == "BUILD":
            stack.pop()
        elif name not in ("PROTO", "FRAME", "STOP"):
            raise ValueError(f"{name} stands in no pickle of weights")
    return stack[-1]


def _made(called: Any, given: Any) -> Any:
    """What a call would give, as far as it is one of a file of weights: an ordered mapping, a tensor, a parameter."""
    if called == "collections OrderedDict":
        return {}
    if isinstance(called, str) and called.startswith("torch._utils _rebuild_tensor"):
        return _Tensor(tuple(map(int, given[2])))
    if called == "torch._utils _rebuild_parameter":
        return given[0]
    return _BLANK

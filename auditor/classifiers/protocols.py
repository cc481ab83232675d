"""What servers of models speak: TensorFlow Serving's REST API and the Open Inference Protocol."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

import numpy as np

from auditor.classifiers.opening import chosen
from auditor.classifiers.whole_numbers import Kind
from auditor.telling.reason import reason
from auditor.values import FloatArray, ModelError

Protocol = Literal["tensorflow_serving", "kserve_v2"]

_PATHS = {
    "tensorflow_serving": r"/v1/models/[^/:]+(/(versions|labels)/[^/:]+)?$",
    "kserve_v2": r"/v2/models/[^/]+(/versions/[^/]+)?$",
}
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_OURS = {"accept", "accept-encoding", "connection", "host", "transfer-encoding", "inference-header-content-length"}
_OURS |= {"content-encoding", "content-length", "content-type"}
_KINDS: dict[str, Kind | Literal["file"]] = {"DT_FLOAT": "float32", "FP32": "float32", "DT_STRING": "file"}
_KINDS |= {"BYTES": "file", "DT_UINT8": "uint8", "UINT8": "uint8", "DT_INT8": "int8", "INT8": "int8"}
_KINDS |= {"DT_INT16": "int16", "INT16": "int16", "DT_INT32": "int32", "INT32": "int32"}
BYTES, BINARY = "BYTES", "binary_tensor_data"
SHOWN = 160  # characters of an answer in an error
NOT_TOLD = "not told"


def address_problem(url: str, protocol: Protocol, secret: bool) -> str | None:
    """Say what is wrong with an address, or None; never repeat one that may hold a password."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        return f"`url` is no address: {reason(error)}"
    if parts.username is not None or parts.password is not None:
        return "`url` must not hold a user or a password; name a variable with a token in `token_variable` or `headers`"
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0 or re.search(r"[\s\x00-\x1f]", url):
        return f"`url` should begin with http:// or https:// and a host, got {url!r}"
    if parts.query or parts.fragment or not re.search(_PATHS[protocol], parts.path):
        example = "/v1/models/NAME" if protocol == "tensorflow_serving" else "/v2/models/NAME"
        return f"`url` of {protocol} should end with {example} or a version of it, got {url!r}"
    if secret and parts.scheme == "http" and parts.hostname not in ("localhost", "127.0.0.1", "::1"):
        return (
            "a token, in `token_variable` or `headers`, needs an address with https: over http all on the way read it"
        )
    return None


def named_in(text: str) -> list[str]:
    """The environment variables that a header's text names."""
    return _VARIABLE.findall(text)


def header_problem(headers: Mapping[str, str]) -> str | None:
    """Say what is wrong with headers to send, or None; never repeat a text that may hold a secret."""
    for name, text in headers.items():
        if not re.fullmatch(r"[A-Za-z0-9_-]+", name) or name.lower() in _OURS:
            return f"`headers` can't hold {name!r}: it is no name of a header, or one that is set here"
        rest = _VARIABLE.sub("", text)
        if rest == text:
            way = "as in `Bearer ${TOKEN}`: specs hold no secrets"
            return f"`headers`: {name} has to name an environment variable, {way}"
        if "$" in rest or not re.fullmatch(r"[\x20-\x7e]*", rest):
            return f"`headers`: {name} holds what a header can't, or a variable that isn't written as `${{NAME}}`"
    return None


def kind_told(datatype: str) -> Kind | Literal["file"] | None:
    """The kind of number, or `file`, that a server means; None for others."""
    return _KINDS.get(datatype)


@dataclass(frozen=True)
class Described:
    """What an endpoint tells of its model. inputs: type and shape (with the batch) by name; outputs: names."""

    version: str = NOT_TOLD
    inputs: Mapping[str, tuple[str, tuple[int, ...]]] | None = None
    outputs: tuple[str, ...] = ()


def of_serving(told: Any, signature: str | None) -> Described:
    """What TensorFlow Serving tells of a model, of this signature or the default one."""
    known = told["metadata"]["signature_def"]["signature_def"]
    name = chosen(signature or "serving_default", known, "signature", "the endpoint")
    inputs = {key: (str(part["dtype"]), _sizes(part)) for key, part in known[name]["inputs"].items()}
    return Described(str(told["model_spec"].get("version") or NOT_TOLD), inputs, tuple(known[name]["outputs"]))


def _sizes(tensor: Any) -> tuple[int, ...]:
    return tuple(int(part["size"]) for part in tensor["tensor_shape"].get("dim", []))


def of_kserve(told: Any) -> Described:
    """What a server of the Open Inference Protocol tells of a model."""
    sizes = [tuple(int(size) for size in part["shape"]) for part in told["inputs"]]
    inputs = {
        str(part["name"]): (str(part["datatype"]), size) for part, size in zip(told["inputs"], sizes, strict=True)
    }
    outputs = tuple(str(part["name"]) for part in told.get("outputs", []))
    return Described(", ".join(map(str, told.get("versions") or [])) or NOT_TOLD, inputs, outputs)


def part_of(answer: Any, key: str, url: str) -> list[Any]:
    """The list that an answer holds under a key."""
    if not isinstance(answer, dict) or key not in answer:
        got = ", ".join(map(str, answer))[:SHOWN] if isinstance(answer, dict) else type(answer).__name__
        raise ModelError(f"{url} answers without `{key}`, but with: {got or 'nothing'}; is `protocol` right?")
    found = answer[key]
    if not isinstance(found, list):
        raise ModelError(f"{url}: `{key}` should be a list, got {str(found)[:SHOWN]}")
    return found


def numbers(values: Any, url: str) -> FloatArray:
    """Lists of numbers as an array; raise ModelError for rows of different lengths and what is no number."""
    try:
        found = np.asarray(values)
    except ValueError as error:
        raise ModelError(f"{url} gives rows of different lengths") from error
    if found.dtype.kind not in "fiu":
        raise ModelError(f"{url} gives scores that aren't numbers: {str(values)[:SHOWN]}")
    with np.errstate(over="ignore"):  # infinity is told of later
        return found.astype(np.float32)

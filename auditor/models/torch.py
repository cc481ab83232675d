"""A PyTorch model: a TorchScript file, or a `.pt2` file of `torch.export`.

What it measures
    Nothing by itself: it opens the checkpoint that the checks measure.

Why it matters
    Most research networks are PyTorch's. Its own autograd is asked for gradients, so every attack works.

How to read it
    Neither form says how large an image is, so `shape` does. A TorchScript module is set to evaluate; a `.pt2`
    file keeps the mode it was exported in, and needs its batch size left open. Pickles, which could run any code,
    are never opened: not those of `torch.save`, and of a `.pt2` file, which may hold some, only the graph and plain
    tensors are read, and only PyTorch's own operators and plain sizes are let through. Either form is a program
    still: TorchScript could read and write files as whoever runs the audit, which is why operators that do are looked
    for first. Open only what you trust.

References
    PyTorch, "TorchScript"; "torch.export"; "Using PyTorch securely".
"""

import io
import json
import re
import warnings
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from auditor.classifiers import (
    Kind,
    Layout,
    ModelParameters,
    Size,
    as_kind,
    chosen,
    classifier,
    file_at,
    needed,
    of_any_size,
    opaque,
    pickled,
    taken_as,
    whole_range,
)
from auditor.compute import tensorflow
from auditor.telling.reason import reason
from auditor.values import Classifier, Count, FilePath, FloatArray, ModelError, Output, Tensor

_HOW = "write it with torch.jit.script(model).save(path), or with torch.export.save (path ending in .pt2)"
# What is read of a `.pt2` archive, below its one folder. Its sample inputs are pickles, compiled code is machine code.
_TABLES = re.compile(r"models/model\.json|data/(weights|constants)/model_\w+_config\.json")
_PLAIN = re.compile(
    r"archive_format|archive_version|byteorder|\.data/version|data/(weights|constants)/(weight|tensor)_\d+"
)
# What strings may hold in its tables, by key. PyTorch's loader looks targets up from its own name on, which leads to
# all of Python, evaluates sizes, imports what specs name, and makes Python source of names.
_STRINGS = {
    "target": re.compile(r"torch\.ops\.aten\.(?!__)\w+\.(?!__)\w+|_operator\.(getitem|add|sub|mul|floordiv)"),
    "expr_str": re.compile(r"(Symbol\('[a-z]+\d+'(, \w+=True)*\)|[-\d+*() ])+"),
    "in_spec": (_SPEC := re.compile(r'([\d\[\]{}:, ]|null|"(type|context|children_spec|builtins\.\w+|null|\[\])")*')),
    "out_spec": _SPEC,
}
_NAME = re.compile(r"[\w.+-]*")
# Of TorchScript, beside those that PyTorch itself calls nondeterministic.
_STATEFUL = {"prim::SetAttr", "prim::TimePoint", "aten::manual_seed", "aten::save", "aten::from_file"}


_Shape = Annotated[list[Count | Literal["any"]], Field(min_length=1, max_length=3)]


class Params(ModelParameters):
    """Where the checkpoint is, what it takes and what it gives."""

    path: FilePath
    """The TorchScript file, or the `.pt2` file."""
    output: Output
    """What the model gives: `probabilities` (a softmax), `logits` (before it), `log_probabilities`,
    `sigmoid` (one for each class, or a single one for two), or `scores` (which rank classes, and are none of these)."""
    shape: _Shape
    """Height, width and channels of an image: `[28, 28, 1]`; `[28, 28]` for grey ones without a place for channels,
    `[784]` for rows of numbers; `[any, any, 3]` where the network takes the size that the samples have."""
    output_name: str | None = None
    """The output to take where there are several: a key of the dictionary, or a number from 0."""
    dtype: Kind = "float32"
    """The kind of number it takes, which neither form says: images are rounded to whole numbers for it, and then it
    gives no gradients."""
    layout: Layout = "NCHW"
    """The order of its input where it has channels: first (`NCHW`, PyTorch's own) or last (`NHWC`)."""


def load(params: Params) -> Classifier:
    """Open the model; raise ModelError if it can't be opened or isn't a classifier."""
    path = file_at(params.path)
    refusal = pickled(path)
    if refusal:
        raise ModelError(refusal)
    torch = needed("torch", "torch")
    try:
        with warnings.catch_warnings(action="ignore"):  # of TorchScript's end of life
            module = _exported(torch, path) if path.suffix == ".pt2" else torch.jit.load(path, "cpu").eval()
    except ModelError:
        raise
    except Exception as error:  # zipfile, json, sympy and PyTorch's own: all mean the same here
        raise ModelError(f"{path} can't be opened as a PyTorch model: {reason(error)} ({_HOW})") from error
    for weight in module.parameters():
        weight.requires_grad_(False)
    find = partial(_stateful, torch, module)

    def of_size(size: Size) -> Classifier:
        sizes = [size[i % 2] if length == "any" else length for i, length in enumerate(params.shape)]
        shape = taken_as(tuple(sizes))
        run = _Runner(torch, module, params.layout, tuple(sizes), params.output_name, str(path), params.dtype)
        outputs = _differentiable(run) if run.has_gradient(shape) else opaque(run)
        whole = whole_range(params.dtype)
        return classifier(str(path), params.output, shape, outputs, own=run, find_stateful=find, whole=whole)

    return of_any_size(of_size, (None, *params.shape))


@dataclass(frozen=True, eq=False)
class _Runner:
    """Runs a module on arrays of images. shape: of one image, as the module takes it, but for the order of channels.

    output_name: which output is taken, of several. kind: of number that it takes.
    """

    torch: ModuleType
    module: Any
    layout: Layout
    shape: tuple[int, ...]
    output_name: str | None
    path: str
    kind: Kind

    @property
    def _reordered(self) -> bool:
        return self.layout == "NCHW" and len(self.shape) == 3

    def _given(self, images: FloatArray) -> Any:
        ordered = images.transpose(0, 3, 1, 2) if self._reordered else images.reshape(-1, *self.shape)
        # A copy with strides as PyTorch makes them: of one channel, others pass for channels that come last, what a
        # convolution then gives is ordered so, and `view` refuses it.
        copy = np.empty(ordered.shape, self.kind)
        copy[...] = as_kind(ordered, self.kind)
        return self.torch.from_numpy(copy)

    def _called(self, given: Any) -> Any:
        """The output (N, classes) that is taken."""
        found = self.module(given)
        if isinstance(found, dict):
            return found[chosen(self.output_name, found, "output_name", self.path)].float()
        several = list(found) if isinstance(found, tuple | list) else [found]
        numbers = list(map(str, range(len(several))))
        return several[int(chosen(self.output_name, numbers, "output_name", self.path))].float()

    def __call__(self, images: FloatArray) -> FloatArray:
        """Map images (N, H, W, C) float32 to outputs (N, classes) float32."""
        with self.torch.no_grad():
            found: FloatArray = self._called(self._given(images)).numpy()
        return found

    def pulled_back(self, images: FloatArray, upstream: FloatArray) -> FloatArray:
        """Gradient (N, H, W, C) of the outputs at images, weighted by upstream (N, classes)."""
        given = self._given(images).requires_grad_()
        outputs = self._called(given)
        (gradient,) = self.torch.autograd.grad(outputs, given, self.torch.tensor(upstream))
        found: FloatArray = gradient.numpy()
        return np.ascontiguousarray(found.transpose(0, 2, 3, 1)) if self._reordered else found.reshape(images.shape)

    def has_gradient(self, shape: tuple[int, int, int]) -> bool:
        """Whether PyTorch can differentiate the module; where it can't be run, `classifier` will say so."""
        try:
            outputs = self._called(self._given(np.zeros((2, *shape), np.float32)).requires_grad_())
        except ModelError:
            raise
        except Exception:
            return False
        return bool(getattr(outputs, "requires_grad", False))


def _stateful(torch: ModuleType, module: Any) -> tuple[str, ...]:
    """Names of a module's operations that read a clock or randomness, or keep state from one call to the next."""
    if isinstance(module, torch.jit.ScriptModule):
        # Frozen, it is without what only training does: dropout, and the statistics of a batch normalisation.
        graph = torch.jit.freeze(module, optimize_numerics=False).inlined_graph
        return tuple(node.kind() for node in _nodes(graph) if _keeps_state(node))
    calls = [node for node in module.graph.nodes if node.op == "call_function" and hasattr(node.target, "tags")]
    drawn = [node for node in calls if torch.Tag.nondeterministic_seeded in node.target.tags]
    changing = [node for node in calls if node.target._schema.is_mutable]
    kept = [node for node in changing if getattr(node.args[0], "op", "") == "get_attr"]
    return tuple(str(node.target) for node in (*drawn, *kept))


def _nodes(block: Any) -> Iterator[Any]:
    """The nodes of a TorchScript graph, those within branches and loops too."""
    for node in block.nodes():
        yield node
        for inner in node.blocks():
            yield from _nodes(inner)


def _keeps_state(node: Any) -> bool:
    # What changes a tensor in place ends so; only an attribute that is changed is left in a frozen graph.
    changes = node.kind().endswith("_") and next(node.inputs()).node().kind() == "prim::GetAttr"
    return node.isNondeterministic() or changes or node.kind() in _STATEFUL


def _differentiable(run: _Runner) -> Any:
    """A TensorFlow function from images to outputs whose gradient is PyTorch's."""
    tf = tensorflow()

    def outputs(images: Tensor) -> Any:
        def gradient(upstream: Tensor) -> Tensor:
            found = tf.numpy_function(run.pulled_back, [images, upstream], tf.float32)
            return tf.ensure_shape(found, images.shape)

        return tf.numpy_function(run, [images], tf.float32), gradient

    return tf.custom_gradient(outputs)


def _exported(torch: ModuleType, path: Path) -> Any:
    """Open a `.pt2` archive, of which only what can't hold a pickle reaches PyTorch's loader."""
    clean = io.BytesIO()
    with zipfile.ZipFile(path) as archive, zipfile.ZipFile(clean, "w") as copy:
        for name in archive.namelist():
            folder, _, inner = name.partition("/")
            if _TABLES.fullmatch(inner):
                copy.writestr(name, json.dumps(_checked(json.loads(archive.read(name)), path)))
            elif _PLAIN.fullmatch(inner):
                copy.writestr(name, archive.read(name))
        copy.writestr(f"{folder}/data/sample_inputs/model.pt", b"")
    clean.seek(0)
    return torch.export.load(clean).module()


def _checked(content: Any, path: Path, key: str = "") -> Any:
    """Return a table without what no network needs; raise ModelError for what could make PyTorch's loader run code."""
    if isinstance(content, dict):
        if content.get("use_pickle"):
            raise ModelError(f"{path} holds pickled tensors, which could run any code; {_HOW}")
        emptied: dict[str, Any] = {"metadata": {}, "guards_code": []}
        return {
            _checked(name, path): emptied[name] if name in emptied else _checked(value, path, name)
            for name, value in content.items()
        }
    if isinstance(content, list):
        return [_checked(part, path, key) for part in content]
    if isinstance(content, str) and not _STRINGS.get(key, _NAME).fullmatch(content):
        raise ModelError(f"{path} has a {key or 'name'} that isn't plain, which could run any code: {content[:80]!r}")
    return content

"""PyTorch, and its modules, however they were come by: what a spec says of them, and a classifier of one."""

import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Annotated, Any, Literal, cast

import numpy as np
from pydantic import Field

from auditor.classifiers.common import Layout, classifier, opaque
from auditor.classifiers.inputs import Size, of_any_size, taken_as
from auditor.classifiers.opening import chosen, needed
from auditor.classifiers.preprocessing import ModelParameters
from auditor.classifiers.whole_numbers import Kind, as_kind, whole_range
from auditor.compute import tensorflow
from auditor.values import Classifier, Count, FloatArray, ModelError, Output, Tensor

# Of TorchScript, beside those that PyTorch itself calls nondeterministic.
_STATEFUL = {"prim::SetAttr", "prim::TimePoint", "aten::manual_seed", "aten::save", "aten::from_file"}

_Shape = Annotated[list[Count | Literal["any"]], Field(min_length=1, max_length=3)]


class TorchParameters(ModelParameters):
    """What a PyTorch network takes and gives, which its file doesn't say."""

    output: Output
    """What the model gives: `probabilities` (a softmax), `logits` (before it), `log_probabilities`,
    `sigmoid` (one for each class, or a single one for two), or `scores` (which rank classes, and are none of these)."""
    shape: _Shape
    """Height, width and channels of an image: `[28, 28, 1]`; `[28, 28]` for grey ones without a place for channels,
    `[784]` for rows of numbers; `[any, any, 3]` where the network takes the size that the samples have."""
    output_name: str | None = None
    """The output to take where there are several: a key of the dictionary, or a number from 0."""
    layout: Layout = "NCHW"
    """The order of its input where it has channels: first (`NCHW`, PyTorch's own) or last (`NHWC`)."""


def pytorch(extra: str) -> ModuleType:
    """Import PyTorch, or raise ModelError that names the extra; without Triton, which compiles for other devices.

    Triton's copy of LLVM and TensorFlow's end the process where both are loaded in this order; builds of PyTorch for
    CUDA bring it, and import it for `torch.export` and torchvision.
    """
    sys.modules.setdefault("triton", cast(ModuleType, None))
    return needed("torch", extra)


def state_of(torch: ModuleType, models: ModuleType, name: str) -> Mapping[str, Any]:
    """The tensors of one of torchvision's networks by name, with shapes and, where possible, without numbers."""
    try:
        with torch.device("meta"):
            found: Mapping[str, Any] = models.get_model(name, weights=None).state_dict()
    except NotImplementedError:  # RegNets take their widths from tensors that have to hold numbers
        found = models.get_model(name, weights=None).state_dict()
    return found


def torch_classifier(
    torch: ModuleType,
    module: Any,
    path: str,
    params: TorchParameters,
    find_stateful: Callable[[], tuple[str, ...]],
    kind: Kind = "float32",
) -> Classifier:
    """Make a classifier of a module that is set to evaluate, whose gradients are PyTorch's own where it has any.

    find_stateful: as for `classifier`. kind: of number that the module takes. Raises ModelError as that does.
    """
    for weight in module.parameters():
        weight.requires_grad_(False)

    def of_size(size: Size) -> Classifier:
        sizes = [size[i % 2] if length == "any" else length for i, length in enumerate(params.shape)]
        shape = taken_as(tuple(sizes))
        run = _Runner(torch, module, params.layout, tuple(sizes), params.output_name, path, kind)
        outputs = _differentiable(run) if run.has_gradient(shape) else opaque(run)
        whole = whole_range(kind)
        return classifier(path, params.output, shape, outputs, own=run, find_stateful=find_stateful, whole=whole)

    return of_any_size(of_size, (None, *params.shape))


def torch_stateful(torch: ModuleType, module: Any) -> tuple[str, ...]:
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
            shapes = {name: getattr(part, "shape", None) for name, part in found.items()}
            return found[chosen(self.output_name, found, "output_name", self.path, shapes)].float()
        several = list(found) if isinstance(found, tuple | list) else [found]
        shapes = {str(number): getattr(part, "shape", None) for number, part in enumerate(several)}
        return several[int(chosen(self.output_name, shapes, "output_name", self.path, shapes))].float()

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


def _differentiable(run: _Runner) -> Any:
    """A TensorFlow function from images to outputs whose gradient is PyTorch's."""
    tf = tensorflow()

    def outputs(images: Tensor) -> Any:
        def gradient(upstream: Tensor) -> Tensor:
            found = tf.numpy_function(run.pulled_back, [images, upstream], tf.float32)
            return tf.ensure_shape(found, images.shape)

        return tf.numpy_function(run, [images], tf.float32), gradient

    return tf.custom_gradient(outputs)

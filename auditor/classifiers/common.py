"""What every checkpoint format owes: fixed batch shapes, finite logits, an honest declaration of its output.

A format reads its files and hands a function from images to outputs to `classifier`; all else is the same.
"""

import sys
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property, partial
from math import prod
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from auditor.classifiers.heads import as_two, in_rows, scores_told, way_to_rows
from auditor.classifiers.whole_numbers import Whole
from auditor.compute import in_order, tensorflow
from auditor.telling.numbers import times
from auditor.telling.reason import reason
from auditor.values import (
    Classifier,
    ClassNames,
    Count,
    FloatArray,
    Layer,
    ModelError,
    Output,
    Precision,
    Real,
    Tensor,
    declared_output_problem,
    distinct_names,
)

Layout = Literal["NCHW", "NHWC"]
Constants = dict[str, bool | int | Real]
ImageShape = Annotated[list[Count], Field(min_length=3, max_length=3)]
InputShape = Annotated[list[Count], Field(min_length=1, max_length=3)]

EXPORTED = "name an export in that precision as `other`"
OWN_OUTPUT = "the checkpoint's own output"
LOGARITHM = "the logarithm of the checkpoint's probabilities"
LOG_ODDS = "the log-odds of the checkpoint's sigmoids"
TAKEN_OFF = "the final softmax was taken off"
_Lower = Callable[[Precision, FloatArray], Callable[[FloatArray], Any]]
# What logits are where nothing is taken off.
_INVERTED: dict[Output, str] = {
    "logits": OWN_OUTPUT,
    "probabilities": LOGARITHM,
    "log_probabilities": OWN_OUTPUT,
    "sigmoid": LOG_ODDS,
    "scores": OWN_OUTPUT,
}
_LEAST_PROBABILITY = 1.2e-38  # the smallest normal float32: less is flushed to 0, and its logarithm is -inf
_LEAST_REST = 2.0**-25  # half of what lies between 1 and the float32 below it: a sigmoid of 1 is no more certain
# Predicted at a time: 200 images the size of CIFAR's or smaller, of larger ones as many as take as much memory, but
# not so few that it takes longer.
BATCH, _FEWEST = 200, 16
_VALUES = BATCH * 32 * 32 * 3


@dataclass(frozen=True, eq=False)
class Loaded:
    """A checkpoint of any format; see `auditor.values.Classifier` for what each part means.

    own: from images (N, H, W, C) to what the checkpoint itself gives (N, classes), as `output` declares it, by the
    format's own call and nothing of this package but the order of axes. outputs: the same as a function of tensors,
    differentiable if the format is. logits: `outputs` without a softmax or sigmoid at the end, where one could be
    taken off; else `outputs` itself. batch: how many images are predicted at a time. find_stateful: names of operations
    that read a clock, files, the environment or randomness, or keep state, where TensorFlow doesn't see them. lower: as
    `own`, computed in a precision, with example images; None where the format can't. at: makes the same for images of a
    height and width, where it takes any. whole: to which whole numbers images are rounded. named: the names
    of the classes, by every list of them in its files and beside them. note: what becomes of images before the model
    sees them.
    """

    path: str
    output: Output
    input_shape: tuple[int, int, int]
    class_count: int
    own: Callable[[FloatArray], Any]
    outputs: Callable[[Tensor], Tensor]
    logits: Callable[[Tensor], Tensor]
    logits_from: str
    find_layers: Callable[[], tuple[Layer, ...]]
    batch: int
    find_stateful: Callable[[], tuple[str, ...]]
    lower: _Lower | None = None
    at: "Callable[[tuple[int, int]], Classifier] | None" = None
    whole: Whole | None = None
    named: tuple[ClassNames, ...] = ()
    note: str = ""

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes, told apart, by the first list of them; none where nothing lists them."""
        return distinct_names(self.named[0].names) if self.named else ()

    @property
    def as_given(self) -> "Loaded | None":
        """The same with nothing taken off what the checkpoint gives; None where nothing was."""
        if self.logits is self.outputs:
            return None
        return replace(self, logits=self.outputs, logits_from=_INVERTED[self.output])

    def forward(self, images: Tensor) -> Tensor:
        """Map an image tensor (N, H, W, C) float32 to logits (N, classes) float32, differentiably."""
        tf = tensorflow()
        given = tf.ensure_shape(tf.cast(self.logits(images), tf.float32), (None, self.class_count))
        how = self.logits_from.partition("; ")[0]  # what follows is a remark
        if how == LOGARITHM:
            return tf.math.log(tf.maximum(given, _LEAST_PROBABILITY))
        if how == LOG_ODDS:
            against = tf.maximum(1 - given, _LEAST_REST)
            return tf.math.log(tf.maximum(given, _LEAST_PROBABILITY)) - tf.math.log(against)
        return given

    @cached_property
    def _compiled(self) -> Any:
        return tensorflow().function(self.forward, autograph=False)

    def predict(self, images: FloatArray) -> FloatArray:
        """Map images (N, H, W, C) to logits (N, classes) float32, the same whatever N is."""
        return in_batches(self._compiled, images, self.class_count, self.batch, self.path)

    def answers(self, images: FloatArray, batch: int | None = None) -> FloatArray:
        """Map images (N, H, W, C) to the checkpoint's own output (N, classes) float32, in such batches."""
        return in_batches(self.own, images, self.class_count, batch or self.batch, self.path)

    def lowered(self, precision: Precision, examples: FloatArray) -> Callable[[FloatArray], FloatArray]:
        """Answers of the same network computed in lower precision; raise ModelError where it can't be."""
        if self.lower is None:
            raise ModelError(f"{self.path}: its format can't be computed in {precision}; {EXPORTED}")
        own = self.lower(precision, examples)
        return lambda images: in_batches(own, images, self.class_count, self.batch, f"{self.path} in {precision}")

    def check_declaration(self, images: FloatArray) -> None:
        """Raise ModelError if `output` isn't what the checkpoint gives for these images."""
        problem = declared_output_problem(self.answers(images), self.output)
        if problem:
            raise ModelError(f"{self.path}: {problem}")

    def layers(self) -> tuple[Layer, ...]:
        """Return the layers in order, from input to output, as far as the format shows them."""
        return self.find_layers()


def classifier(
    path: str,
    output: Output,
    shape: tuple[int, int, int],
    outputs: Callable[[Tensor], Tensor],
    logits: Callable[[Tensor], Tensor] | None = None,
    find_layers: Callable[[], tuple[Layer, ...]] = tuple,
    batch: int | None = None,
    own: Callable[[FloatArray], Any] | None = None,
    taken_off: str = TAKEN_OFF,
    find_stateful: Callable[[], tuple[str, ...]] = tuple,
    lower: _Lower | None = None,
    whole: Whole | None = None,
) -> Classifier:
    """Make a classifier of a function from images (N, H, W, C) to outputs (N, classes), as `output` declares them.

    logits: the same function without its softmax or sigmoid, if that could be taken off, as `taken_off` tells. batch:
    how many images are predicted at a time; by their size if left out. own: the format's own call, from arrays;
    `outputs`, compiled, if left out. Outputs (N,), (N, K, 1, 1) and (N, 1, 1, K) become rows. One number for each image
    is two classes: a sigmoid p is probabilities 1 - p and p, a logit z is logits 0 and z. find_stateful, lower, whole:
    as for `Loaded`. Two black images are tried; raises ModelError if that fails or gives anything else than two rows of
    numbers.
    """
    try:
        tried = np.asarray(outputs(tensorflow().zeros((2, *shape))))
    except ModelError:
        raise
    except Exception as error:  # whatever runs the checkpoint has its own errors: all mean the same here
        message = f"{path} can't be run on images of {times(shape)}: {reason(error)}"
        raise ModelError(message) from error
    classes = scores_told(tried.shape)
    if not classes or len(tried) != 2 or not _floating(tried):
        message = f"for 2 images this gives {tried.dtype} of shape {tried.shape}{way_to_rows(tried.shape)}"
        raise ModelError(f"{path}: one output of shape (N, classes ≥ 2) is needed, {message}")
    how = taken_off if logits else _INVERTED[output]
    own = own or compiled_call(outputs, shape)
    if tried.ndim != 2:
        own, outputs, logits = in_rows(own, classes), in_rows(outputs, classes), logits and in_rows(logits, classes)
        lower = lower and _lower_by(partial(in_rows, classes=classes), lower)
    if classes == 1:
        if output not in ("sigmoid", "logits"):
            told = f"declared as `output: {output}`, but each image gets one number"
            raise ModelError(f"{path}: {told}; a single unit is `output: sigmoid`, or `logits` before that")
        classes, own, logits = 2, as_two(own, output), logits and as_two(logits, "logits")
        outputs = as_two(outputs, output)
        lower = lower and _lower_by(partial(as_two, output=output), lower)
        if output == "sigmoid":
            output, how = "probabilities", taken_off if logits else LOGARITHM
    batch = batch or fitting(shape)
    logits = logits or outputs
    found = Loaded(path, output, shape, classes, own, outputs, logits, how, find_layers, batch, find_stateful, lower)
    return replace(found, whole=whole)


def _floating(values: Any) -> bool:
    return bool(values.dtype.kind == "f" or values.dtype.name == "bfloat16")


def compiled_call(outputs: Callable[[Tensor], Tensor], shape: tuple[int, int, int]) -> Callable[[FloatArray], Any]:
    """A function of tensors as one of arrays: compiled, as eagerly a model keeps what all of its layers gave."""
    tf = tensorflow()
    taken = (tf.TensorSpec((None, *shape), tf.float32),)
    compiled = tf.function(outputs, autograph=False, input_signature=taken)

    def call(images: FloatArray) -> Any:
        # TensorFlow refuses what its signature doesn't allow with a lock held: other threads would wait for ever.
        if images.shape[1:] != shape:
            raise ValueError(f"images of {times(shape)} are taken, none of {times(images.shape[1:])}")
        return compiled(images)

    return call


def _lower_by(wrapped: Callable[[Callable[[Any], Any]], Callable[[Any], Any]], lower: _Lower) -> _Lower:
    return lambda precision, examples: wrapped(lower(precision, examples))


def fitting(shape: tuple[int, int, int]) -> int:
    """How many images of this shape are predicted at a time."""
    return max(_FEWEST, min(BATCH, _VALUES // prod(shape)))


def opaque(run: Callable[..., FloatArray]) -> Callable[..., Tensor]:
    """Make a TensorFlow function of a NumPy function, as from images to outputs (N, classes); it gives no gradient."""
    tf = tensorflow()

    def noted(*given: FloatArray) -> FloatArray:
        try:
            return run(*given)
        except ModelError as error:
            _raised.append(error)
            raise

    def outputs(*given: Tensor) -> Tensor:
        return tf.numpy_function(noted, list(given), tf.float32)

    return outputs


_raised: deque[ModelError] = deque(maxlen=100)  # of all threads: TensorFlow calls such a function in one of its own


@contextmanager
def own_errors() -> Iterator[None]:
    """Raise the ModelError of a function that `opaque` wrapped, where TensorFlow has made an error of its own of it."""
    try:
        yield
    except Exception as error:
        tf = sys.modules.get("tensorflow")  # where nothing has imported it, it made no error
        if tf is not None and isinstance(error, tf.errors.OpError):
            own = next((one for one in reversed(_raised) if str(one) in str(error)), None)
            if own is not None:
                raise own from error
        raise


def in_batches(
    function: Callable[[Any], Any], images: FloatArray, class_count: int, batch: int, name: str
) -> FloatArray:
    """Run a function over images (N, H, W, C) in batches of one fixed shape, the last one padded: (N, classes) float32.

    Convolutions round differently for different batch shapes; with one shape an image's logits don't depend
    on its neighbours. Raises ModelError where an output isn't finite.
    """
    rows = np.empty((len(images), class_count), dtype=np.float32)

    def fill(start: int) -> None:
        part = images[start : start + batch]
        padded = np.concatenate([part, np.repeat(part[-1:], batch - len(part), axis=0)])
        with own_errors():
            rows[start : start + len(part)] = np.asarray(function(padded)).astype(np.float32)[: len(part)]

    in_order(fill, range(0, len(images), batch))
    broken = ~np.isfinite(rows).all(axis=1)
    if broken.any():
        first = int(np.flatnonzero(broken)[0])
        message = f"{name} gives NaN or infinity for {int(broken.sum())} of {len(rows)} images (first: number {first})"
        raise ModelError(message)
    return rows

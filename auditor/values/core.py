"""The values that flow through an audit. All frozen; none knows how it is stored, judged or drawn."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from auditor.values.errors import CheckError, one_of
from auditor.values.figures import Figure
from auditor.values.metrics import (
    FloatArray,
    IntArray,
    Metric,
    MetricInfo,
    MetricKind,
    crossed,
    crossing,
    exact,
    highest,
    lowest,
    mean,
    median,
    proportion,
)
from auditor.values.outputs import Output
from auditor.values.sampling import fingerprints, in_turn, ranking

# Metrics have a file of their own, and are asked for here with everything else.
__all__ = [
    "FloatArray",
    "IntArray",
    "Metric",
    "MetricInfo",
    "MetricKind",
    "crossed",
    "crossing",
    "exact",
    "highest",
    "lowest",
    "mean",
    "median",
    "proportion",
]

Tensor = Any  # a TensorFlow tensor; TensorFlow itself is imported only where it runs


# --- what is audited


@dataclass(frozen=True)
class Samples:
    """Labelled images.

    images: (N, H, W, C) float32 within `box`. labels: (N,) int64 class numbers from 0.
    indices: (N,) int64, each image's row in its source. classes: a name for every class, where known.
    digest: SHA-256 of exactly these images, labels and indices. repeats: rows whose image is that of an earlier row,
    which each leads to. remarks: what to know of the data, in sentences. A dataset may leave out digest and repeats.
    """

    images: FloatArray
    labels: IntArray
    indices: IntArray
    box: tuple[float, float]
    classes: tuple[str, ...] | None
    source: str
    digest: str = ""
    repeats: Mapping[int, int] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.labels)

    def class_name(self, label: int) -> str:
        """Return the name of class `label`, or its number where the data has no names."""
        return self.classes[label] if self.classes and 0 <= label < len(self.classes) else str(label)

    @cached_property
    def fingerprints(self) -> tuple[bytes, ...]:
        """A name of every image by what it shows, in whatever units."""
        return fingerprints(self.images, self.box)

    def class_number(self, name: str, what: str) -> int:
        """The number of the class of this name; raise CheckError, naming `what` asks for it, if there is none."""
        if self.classes is None:
            raise CheckError(f"{what}: the classes of {self.source} have no names; give the number of {name!r}")
        if name not in self.classes:
            raise CheckError(f"{what}: {one_of(name, self.classes, 'class')}")
        return self.classes.index(name)

    def position(self, row: int, what: str) -> int:
        """Where the image of a row of the source stands; raise CheckError, naming `what` asks for it, if it doesn't."""
        found = np.flatnonzero(self.indices == row)
        if found.size:
            return int(found[0])
        if row in self.repeats:
            first = f"holds the same image as row {self.repeats[row]}, and an image counts once"
            raise CheckError(f"{what}: row {row} {first}; name that row, or set `duplicates: count` in `data`")
        span = f"it holds {len(self)} rows from {self.indices.min()} to {self.indices.max()}"
        raise CheckError(f"{what}: row {row} is not in {self.source} ({span})")


@dataclass(frozen=True)
class Preview:
    """What is known of samples before they are loaded: how many images at most, and the box of their values.

    classes: the names of the classes in order, where they are known. sizes: how many images each of them has at most,
    where that is known. remarks: what should be known before a run.
    """

    images: int | None
    box: tuple[float, float]
    classes: tuple[str, ...] | None = None
    remarks: tuple[str, ...] = ()
    sizes: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Layer:
    """One named layer of a classifier.

    name, kind: as the format calls them (`conv2d`, `Conv2D`). is_convolution: a 2-D convolution.
    kernel: (kh, kw, in, out) float32 for a convolution, else None.
    activations: a differentiable function from image tensors (N, H, W, C) to (N, h, w, channels).
    aliases: other names that it may be asked for by, such as that of the variable that holds its kernel.
    """

    name: str
    kind: str
    is_convolution: bool
    kernel: FloatArray | None
    activations: Callable[[Tensor], Tensor]
    aliases: tuple[str, ...] = ()


class Classifier(Protocol):
    """A loaded checkpoint behind the one face that checks and attacks know."""

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """(H, W, C) of one image."""

    @property
    def class_count(self) -> int:
        """How many classes the classifier tells apart."""

    @property
    def logits_from(self) -> str:
        """One phrase: how logits were obtained from this checkpoint."""

    @property
    def output(self) -> Output:
        """What the checkpoint gives, which says what its logits mean: see `auditor.values.outputs.probabilities`."""

    def __hash__(self) -> int:
        """Classifiers are hashable: compiled attacks are kept by classifier."""

    def forward(self, images: Tensor) -> Tensor:
        """Map an image tensor (N, H, W, C) float32 to logits (N, classes) float32, differentiably."""

    def predict(self, images: FloatArray) -> FloatArray:
        """Map images (N, H, W, C) to logits (N, classes) float32, the same whatever N is.

        Raises ModelError where an output isn't finite.
        """

    def answers(self, images: FloatArray, batch: int | None = None) -> FloatArray:
        """Map images (N, H, W, C) to the checkpoint's own output (N, classes) float32, as `output` declares it.

        By the format's own plain call, which shares nothing with `forward` and `predict` that could change a number.
        batch: how many are given to it at a time, the last batch padded; as many as `predict` takes if left out.
        Raises ModelError as `predict` does.
        """

    def check_declaration(self, images: FloatArray) -> None:
        """Raise ModelError if the spec's `output` isn't what the checkpoint gives for images (N, H, W, C)."""

    def layers(self) -> tuple[Layer, ...]:
        """Return the layers in order, from input to output."""


@dataclass(frozen=True)
class Checkpoint:
    """The files of a model, before any of them is loaded.

    files: by name, as `sha256sum` names them in their folder. digests: the SHA-256 of each. pinned: whether the spec
    says these digests, and so vouches for every byte. signed: whether the spec names a key that has signed them.
    unchecked: whether a signature lies beside them, and the spec names no key to check it with.
    """

    files: Mapping[str, Path]
    digests: Mapping[str, str]
    pinned: bool
    signed: bool = False
    unchecked: bool = False


@dataclass(frozen=True)
class Counted:
    """A metric that counts adversarial images: an image that fooled the model, at a radius of at most `radius` where
    one is given, has the value `fell` (0 or 1) in it, and any other the opposite.
    """

    metric: str
    fell: float
    radius: float | None = None


@dataclass(frozen=True)
class Proof:
    """What lets anybody check adversarial images without running the attack.

    norm: what changes are measured in. box: least and greatest value of a pixel, where images were kept within.
    before, after: logits (N, K) of originals and images, as the check saw them; in a record, what the checkpoint itself
    answers in its own call, which takes their place once it was asked. radii: (N,), how far each image may be from its
    original.
    least: the probability of its target from which an image counts as fooling; 0 where being called it is enough.
    Where several images were made of one original, a metric holds the mean of their values for it.
    """

    norm: Literal["linf", "l2", "l1", "l0"]
    box: tuple[float, float] | None
    before: FloatArray
    after: FloatArray
    counted: tuple[Counted, ...]
    radii: FloatArray | None = None
    least: float = 0.0


@dataclass(frozen=True)
class AdversarialImages:
    """What one case made and another may take further; all arrays have N rows.

    images, originals: (N, H, W, C) float32. labels: (N,) true classes, -1 where an image has none (noise).
    targets: (N,) the class that was aimed for; where that was any wrong one, the class the source model gave.
    fooled: (N,) whether the source model gave that class.
    indices: (N,) rows in the data source, -1 for noise. model: the source model's name in the spec.
    stopped_early: whether the attack left each image as soon as it had fooled the source.
    """

    images: FloatArray
    originals: FloatArray
    labels: IntArray
    targets: IntArray
    fooled: NDArray[np.bool_]
    indices: IntArray
    model: str
    stopped_early: bool = False
    proof: Proof | None = None


# --- what is measured


@dataclass(frozen=True)
class Diagnostic:
    """A tell-tale test of the measurement itself; one that is not `ok` voids a pass.

    inflates, deflates: the metrics that may have come out too high, or too low, where the test is not `ok`: of
    these, a pass of a `min`, or of a `max`, is void. With neither, every pass is.
    """

    name: str
    ok: bool
    message: str
    inflates: tuple[str, ...] = ()
    deflates: tuple[str, ...] = ()


@dataclass(frozen=True)
class Table:
    """A small table that belongs to the evidence: cells are texts or numbers."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str | float | int, ...], ...]


@dataclass(frozen=True)
class Evidence:
    """What a check returns. No judgement.

    summary: one sentence with the finding in numbers. arrays: whatever else is worth keeping, by name.
    """

    summary: str
    metrics: Mapping[str, Metric]
    figures: tuple[Figure, ...] = ()
    tables: tuple[Table, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()
    notes: tuple[str, ...] = ()
    arrays: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    adversarial: AdversarialImages | None = None


@dataclass(frozen=True)
class Passes:
    """What a measurement takes of a classifier.

    gradients: images passed through it with their gradient; of a Jacobian, once for each class. predictions: images
    passed without. traces: how many searches are compiled.
    """

    gradients: int = 0
    predictions: int = 0
    traces: int = 0

    def __add__(self, other: "Passes") -> "Passes":
        return Passes(
            self.gradients + other.gradients, self.predictions + other.predictions, self.traces + other.traces
        )

    def __mul__(self, images: int) -> "Passes":
        """The same for so many images; what is compiled once stays so."""
        return Passes(self.gradients * images, self.predictions * images, self.traces)


class Engine(Protocol):
    """A way to work off independent tasks: one after the other, in several processes, or on many machines."""

    def __call__(
        self, function: Callable[[Classifier, Any], Any], classifier: Classifier, tasks: Sequence[Any]
    ) -> list[Any]:
        """Give function(classifier, task) of every task, in their order.

        The function is a module's own, and tasks and results are dataclasses of plain values and arrays.
        """


def one_by_one(function: Callable[[Classifier, Any], Any], classifier: Classifier, tasks: Sequence[Any]) -> list[Any]:
    """Work off tasks here, one after the other."""
    return [function(classifier, task) for task in tasks]


@dataclass(frozen=True)
class Context:
    """Everything a check may use while it runs. A model is loaded when it is first asked for.

    model_name: the spec's name of `classifier`. seed: belongs to this case alone; derive streams from it
    with `compute.randomness`. model(name): a classifier of the spec. adversarial(id): the images another case of the
    spec made. checkpoint(name): the files of a model, which is not loaded for it. engine: where tasks that take long
    are worked off. spec_seed: what all cases of the spec share, so that they look at the same images.
    """

    model_name: str
    samples: Samples
    seed: int
    model: Callable[[str], Classifier]
    adversarial: Callable[[str], AdversarialImages]
    checkpoint: Callable[[str], Checkpoint]
    engine: Engine = one_by_one
    spec_seed: int = 0

    @property
    def classifier(self) -> Classifier:
        """The model to measure."""
        return self.model(self.model_name)

    def sample(self, most: int, among: IntArray | None = None) -> IntArray:
        """Positions (n,) of up to `most` of the samples, or of those at the positions `among` (M,).

        Every class has its share, less than one image more or less; of a class it is any images, the same for every
        case and model of a spec, whatever order they stand in. Fewer are the first of more. See `sampling`.
        """
        there = np.arange(len(self.samples)) if among is None else among
        labels, names = self.samples.labels[there], self.samples.fingerprints
        ranks = ranking(self.spec_seed, labels, (names[position] for position in there))
        return there[in_turn(labels, most, ranks)]

    def class_number(self, value: int | str, what: str) -> int:
        """The number of a class given by number or name; raise CheckError if data or classifier have no such class."""
        if isinstance(value, str):
            return self.samples.class_number(value, what)
        last = self.classifier.class_count - 1
        if not 0 <= value <= last:
            raise CheckError(f"{what} {value} is no class of model {self.model_name!r}: it knows 0 to {last}")
        return value

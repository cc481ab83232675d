"""A checkpoint before and after it is loaded: its files, and the one face that checks and attacks know."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

from auditor.values.metrics import FloatArray
from auditor.values.outputs import Output

Tensor = Any  # a TensorFlow tensor; TensorFlow itself is imported only where it runs


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


Precision = Literal["bfloat16", "float16", "int8"]


@runtime_checkable
class Lowerable(Protocol):
    """A classifier that may be computed in lower precision too."""

    def lowered(self, precision: Precision, examples: FloatArray) -> Callable[[FloatArray], FloatArray]:
        """A function as `Classifier.answers`, of the same network computed in a lower precision.

        examples: images (n, H, W, C) that ranges of activations are taken from, where it needs some. Raises ModelError
        where this network, or its format, can't be computed so.
        """


@runtime_checkable
class Led(Protocol):
    """A classifier that another one's gradients lead attacks on."""

    @property
    def name(self) -> str:
        """The other one's name in the spec."""

    @property
    def twin(self) -> "Classifier":
        """The other one."""

    def leading(self, images: Tensor) -> Tensor:
        """Map images (N, H, W, C) to the other one's logits (N, classes), which attacks differentiate."""


@dataclass(frozen=True)
class NoGradient:
    """Why a model says nothing of how its answers change with an image.

    lender: the other model of the spec whose gradients lead attacks on it, and nothing else; None where none does.
    """

    why: str
    lender: str | None = None


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

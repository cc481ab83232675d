"""What a check returns, and what lets anybody check it again."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from auditor.values.figures import Figure
from auditor.values.metrics import FloatArray, IntArray, Metric


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
    doubts: names of the tell-tale tests that the measurement failed which made them.
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
    doubts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Recount:
    """What a check says of images that were made before, without making any: whoever verifies asks for it.

    metrics, summary: those that follow from the images alone, as `run` gives them. norm, box, radii, least: what the
    check's parameters allow the images, as in `Proof`. targets: (N,) the classes that the images were driven to; None
    where any wrong one would do.
    """

    metrics: Mapping[str, Metric]
    summary: str
    norm: Literal["linf", "l2", "l1", "l0"]
    box: tuple[float, float] | None
    radii: FloatArray | None = None
    least: float = 0.0
    targets: IntArray | None = None


@dataclass(frozen=True)
class Diagnostic:
    """A tell-tale test of the measurement itself; one that is not `ok` voids a pass.

    inflates, deflates: the metrics that may have come out too high, or too low, where the test is not `ok`: of
    these, a pass of a `min`, or of a `max`, is void. With neither, every pass is. A test of attacks names
    them where it is `ok`, too: then a pass says that these attacks found no more.
    """

    name: str
    ok: bool
    message: str
    inflates: tuple[str, ...] = ()
    deflates: tuple[str, ...] = ()


@dataclass(frozen=True)
class Table:
    """A small table that belongs to the evidence: cells are texts or numbers.

    shares: the columns whose numbers are shares, which people read in per cent.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str | float | int, ...], ...]
    shares: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if unknown := set(self.shares) - set(self.columns):
            raise ValueError(f"{sorted(unknown)} are no columns of the table {self.title!r}; it has {self.columns}")


@dataclass(frozen=True)
class Evidence:
    """What a check returns. No judgement.

    summary: one sentence with the finding in numbers. arrays: whatever else is worth keeping, by name. caveats: what
    makes it show less than it seems to, to stand in the line of the verdict.
    """

    summary: str
    metrics: Mapping[str, Metric]
    figures: tuple[Figure, ...] = ()
    tables: tuple[Table, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()
    notes: tuple[str, ...] = ()
    arrays: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    adversarial: AdversarialImages | None = None
    caveats: tuple[str, ...] = ()

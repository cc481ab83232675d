"""Can a text hide in noise images that only one network reads back?

What it measures
    Every byte of a text becomes a few digits in base K, K being the number of classes; every digit becomes
    one noise image, pushed until the owner's network calls it that class. Reading is classifying. Counted
    are the bytes the owner's network reads back, and those that strangers' networks read: networks
    retrained from another seed that took no part in making the images.

Why it matters
    The article that this check follows supposes that such images carry messages only the owner of the
    weights can read. Plain ascent doesn't give that: what convinces one network convinces its siblings.

How to read it
    `owner_recovered` near 1 and `stranger_recovered` near 0 is a secret; both near 1 is a public notice.
    With `decoys` the images are also pushed away from their class on those networks, so that the message
    leans on what is the owner's alone; strangers must then be others. Strangers are
    given every chance: each may read the most likely class, or the second, or any other place in its order of
    classes, whichever reads most, since images pushed away from their class often leave it in second place.
    `stranger_recovered` is that of the stranger who reads most; its limits allow for this choice among strangers
    and places. A secret against these strangers is not yet a
    secret against one who trains many networks or studies the images.

References
    Zhu et al., HiDDeN: Hiding Data with Deep Networks, ECCV 2018.
    Liu et al., Delving into Transferable Adversarial Examples, ICLR 2017 (ensembles make images transfer).
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from auditor.compute import tensorflow, uniform
from auditor.measuring import lints, natural_panel, share
from auditor.search import (
    Ascending,
    Objective,
    ascend,
    gives_gradient,
    margin,
    no_gradient,
    passes_of_ascent,
    towards_target,
)
from auditor.values import (
    NOT_NEGATIVE,
    CheckError,
    Classifier,
    Context,
    Count,
    EachOnce,
    Evidence,
    Expectation,
    FloatArray,
    ImageGrid,
    Metric,
    MetricInfo,
    ModelNames,
    Passes,
    PositiveReal,
    Refers,
    Remark,
    Table,
    Tensor,
    exact,
    highest,
    pictured,
    proportion,
)

_COLUMNS = ("network", "reads its choice no.", "text", "images right", "bytes right")


class Params(Ascending):
    """The text, who may not read it, and how the images are made."""

    message: Annotated[str, Field(min_length=1, max_length=500)] = "Meet me at nine."
    """The text to hide, as UTF-8."""
    strangers: ModelNames
    """Networks that try to read it and took no part in making it."""
    decoys: Annotated[list[str], *EachOnce, Refers("model")] = Field(default_factory=list)
    """Networks the images are made unreadable to; none for plain ascent."""
    steps: Count = 20
    """How many steps."""
    step_size: PositiveReal | None = None
    """Standard deviation of one step over the pixels of an image, in the units of the box; 0.1 of its width if left
    out."""
    clip: bool = True
    """Whether images are clipped to the box after every step, and so stay valid."""
    enough: PositiveReal = 1.0
    """With decoys: the margin, in logits, past which it earns nothing to win by more on the owner's network or
    to lose by more on a decoy. Large margins leave the class in second place for strangers to find."""

    SHARE: ClassVar[float] = 0.1

    @model_validator(mode="after")
    def _apart(self) -> "Params":
        both = sorted(set(self.strangers) & set(self.decoys))
        if both:
            raise ValueError(f"{both[0]!r} is both a stranger and a decoy; a stranger must have taken no part")
        return self


METRICS = {
    "owner_recovered": MetricInfo("proportion", "share of bytes the owner's network reads back"),
    "stranger_recovered": MetricInfo("highest", "the same for the stranger who reads most, at its best place"),
    "stranger_recovered.*": MetricInfo("highest", "the same for one stranger, at its best place"),
    "owner_digits": MetricInfo("proportion", "share of images the owner reads right"),
    "stranger_digits.*": MetricInfo("highest", "share of images that one stranger reads right, at its best place"),
    "bits_per_image": MetricInfo("exact", "bits of text that one image carries", bounds=NOT_NEGATIVE),
    "images": MetricInfo("exact", "number of images the text takes", bounds=NOT_NEGATIVE),
}


def cost(params: Params, images: int, class_count: int) -> Passes:
    """What it takes of a model at most, on so many images of so many classes."""
    count = len(encode(params.message.encode(), class_count))
    asked = Passes(predictions=count * (1 + len(params.strangers)))
    return passes_of_ascent(count, params, 1 + len(params.decoys)) + asked


def unsighted(params: Params, model: str, blind: lints.Blind) -> Iterator[Remark]:
    """What can't run since a model gives no gradient; blind: why, by its name."""
    return lints.without_gradients((model, *params.decoys), blind)


def lint(params: Params, expectations: Sequence[Expectation], box: tuple[float, float]) -> Iterator[Remark]:
    """Whether the steps are in the units of the box."""
    return lints.of_pace(params, box)


def run(context: Context, params: Params) -> Evidence:
    """Write the text into images, then let owner and strangers read."""
    if context.model_name in {*params.strangers, *params.decoys}:
        raise CheckError(f"{context.model_name!r} owns the message; it can't be a stranger or a decoy as well")
    owner, samples = context.classifier, context.samples
    base = owner.class_count
    data = params.message.encode()
    digits = encode(data, base)
    noise = uniform(context.seed, "noise", len(digits), samples.images.shape[1:], samples.box)
    decoys = [context.model(n) for n in params.decoys]
    # One that gives none would be left out of the sum without a word.
    if not all(gives_gradient(one, noise[:1], own=True) for one in (owner, *decoys)):
        raise no_gradient()
    objective = _private(owner, decoys, params.enough)
    box = samples.box if params.clip else None
    ascent = ascend(objective, owner.forward, noise, digits, params.pace(samples.box), box)

    readers = {context.model_name: owner, **{name: context.model(name) for name in params.strangers}}
    ranked = {name: _ranked(name, reader, ascent.images, base) for name, reader in readers.items()}
    place = {name: 0 if name == context.model_name else _best_place(digits, r) for name, r in ranked.items()}
    read = {name: order[:, place[name]] for name, order in ranked.items()}
    right = {name: _same_bytes(digits, found, base) for name, found in read.items()}
    by_place = {name: _by_place(digits, ranked[name], base) for name in params.strangers}
    keenest = max(by_place, key=lambda name: highest(by_place[name].read).value)
    keen = max(by_place[keenest].read.values(), key=lambda metric: metric.value)
    metrics = {
        "owner_recovered": _share(right[context.model_name]),
        "stranger_recovered": highest(
            {f"{name}, {place}": metric for name, places in by_place.items() for place, metric in places.read.items()}
        ),
        "owner_digits": _share(read[context.model_name] == digits),
        "bits_per_image": exact(8 / digits_per_byte(base)),
        "images": exact(len(digits)),
        **{f"stranger_recovered.{name}": highest(places.read) for name, places in by_place.items()},
        **{f"stranger_digits.{name}": highest(places.digits) for name, places in by_place.items()},
    }
    how = f"made against {len(params.decoys)} decoys" if params.decoys else "made by plain ascent"
    summary = (
        f"A text of {len(data)} bytes in {len(digits)} images, {how}: the owner reads "
        f"{share(metrics['owner_recovered'])} of the bytes, the best stranger ({keenest}) "
        f"{share(keen)}."
    )
    rows = tuple(
        (
            name,
            place[name] + 1,
            decode(found, base),
            float((found == digits).mean()),
            float(right[name].mean()),
        )
        for name, found in read.items()
    )
    labels = tuple(f"{digit}" for digit in digits)
    return Evidence(
        summary=summary,
        metrics=metrics,
        figures=pictured(
            lambda: ImageGrid(
                title="The message",
                caption="One image per digit, in reading order; below each the class the owner should read.",
                alt=f"{len(digits)} noise images, of which the owner reads {share(metrics['owner_digits'])}.",
                panel=natural_panel(ascent.images, samples.box, labels=labels),
            ),
        ),
        tables=(Table("What each network reads", _COLUMNS, rows, shares=_COLUMNS[-2:]),),
        notes=(
            f"By chance a stranger reads one image in {base}, one byte in {base ** digits_per_byte(base)}.",
            *params.told(samples.box),
        ),
        arrays={
            "images": ascent.images,
            "digits": digits,
            **{f"read/{n}": found for n, found in read.items()},
        },
    )


# --- text and digits


def digits_per_byte(base: int) -> int:
    """How many digits in this base hold a byte: 3 in base 10, 8 in base 2."""
    return math.ceil(round(math.log(256, base), 9))


def encode(data: bytes, base: int) -> NDArray[np.int64]:
    """Write every byte as a fixed number of digits, most significant first."""
    places = base ** np.arange(digits_per_byte(base))[::-1]
    return (np.frombuffer(data, np.uint8).astype(np.int64)[:, None] // places % base).ravel()


def decode(digits: NDArray[np.int64], base: int) -> str:
    """Read digits back as text; what is no byte or no UTF-8 shows as `\N{REPLACEMENT CHARACTER}`."""
    places = base ** np.arange(digits_per_byte(base))[::-1]
    values = (digits.reshape(-1, len(places)) * places).sum(axis=1)
    return bytes(np.where(values < 256, values, 0xFF).astype(np.uint8)).decode(errors="replace")


def _same_bytes(written: NDArray[np.int64], found: NDArray[np.int64], base: int) -> NDArray[np.bool_]:
    size = digits_per_byte(base)
    same: NDArray[np.bool_] = (written == found).reshape(-1, size).all(axis=1)
    return same


def _ranked(name: str, reader: Classifier, images: FloatArray, base: int) -> NDArray[np.int64]:
    """Classes from most to least likely, for every image: (N, K)."""
    if reader.class_count != base:
        raise CheckError(f"{name!r} tells {reader.class_count} classes apart, the owner {base}: they share no alphabet")
    return np.argsort(-reader.predict(images), axis=1, kind="stable").astype(np.int64)


@dataclass(frozen=True)
class _Places:
    """What a stranger reads at each place in its order of classes: shares of bytes, and of digits."""

    read: dict[str, Metric]
    digits: dict[str, Metric]


def _by_place(digits: NDArray[np.int64], ranked: NDArray[np.int64], base: int) -> _Places:
    places = range(ranked.shape[1])
    return _Places(
        {f"place {p + 1}": _share(_same_bytes(digits, ranked[:, p], base)) for p in places},
        {f"place {p + 1}": _share(ranked[:, p] == digits) for p in places},
    )


def _share(read: NDArray[np.bool_]) -> Metric:
    """A share of images, or of bytes, that were made from noise: each is one of its own."""
    return proportion(read, clusters=-1 - np.arange(read.size))


def _best_place(digits: NDArray[np.int64], ranked: NDArray[np.int64]) -> int:
    """The place in a stranger's order of classes at which most digits stand."""
    return int((ranked == digits[:, None]).sum(axis=0).argmax())


def _private(owner: Classifier, decoys: list[Classifier], enough: float) -> Objective:
    """Raise the class's margin on the owner and descend it on the decoys, each only as far as `enough`."""
    if not decoys:
        return towards_target(owner.forward, "logit" if owner.output == "scores" else "log_probability", owner.output)
    tf = tensorflow()

    def objective(images: Tensor, targets: Tensor) -> Tensor:
        mine = tf.minimum(margin(owner.forward(images), targets), enough)
        theirs = [tf.maximum(margin(decoy.forward(images), targets), -enough) for decoy in decoys]
        return mine - tf.add_n(theirs) / len(theirs)

    return objective

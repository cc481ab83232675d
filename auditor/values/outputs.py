"""What a checkpoint's numbers mean: one reading of each kind of output, which everything that tells a probability uses.

Attacks raise scores that rank classes as the output does (`logits` in this package, whatever they were made of), so
there are two ways back: from the output as it is to probabilities, and from logits to what the output should then be.
"""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from auditor.values.errors import CheckError

FloatArray = NDArray[np.floating[Any]]
Output = Literal["logits", "probabilities", "log_probabilities", "sigmoid", "scores"]

_SUM = 1e-3  # how far from 1 rows of float32 probabilities may sum
_COARSEST, _FINEST = 2.0**-4, 2.0**-16  # steps of quantised probabilities
_EVEN = 1e-6  # a rest of less is rounding
_MARGINS = 20  # that a spread of logits may hold before it says nothing of what decides: usually it is ten at most
_RESOLVED = 1e-4  # of the two logits that decide: a spread of less is one of rounding


def probabilities(logits: FloatArray, output: Output) -> NDArray[np.float64]:
    """The probability of every class (…, K) that logits (…, K) of a classifier mean, in float64.

    output: what its checkpoint gives. Of `sigmoid` each is of its own, and a row need not sum to 1. Raises CheckError
    for `scores`, which rank classes and say no more.
    """
    import scipy.special

    check_tells_probabilities(output)
    wide = np.asarray(logits, dtype=np.float64)
    found: NDArray[np.float64] = scipy.special.expit(wide) if output == "sigmoid" else scipy.special.softmax(wide, -1)
    return found


def check_tells_probabilities(output: Output) -> None:
    """Raise CheckError for `scores`, which rank classes and say no more."""
    if output == "scores":
        message = "this model is declared as `output: scores`, which rank classes and are no probabilities"
        raise CheckError(
            f"{message}: nothing that asks how certain it is can be measured on it. `accuracy`, `robust_accuracy`, "
            "`security_curve` and `minimal_perturbation` ask only which class leads"
        )


def told_probabilities(answers: FloatArray, output: Output) -> NDArray[np.float64]:
    """The same of a checkpoint's own output (…, K), as `output` declares it. Raises CheckError for `scores`."""
    wide = np.asarray(answers, dtype=np.float64)
    if output == "probabilities":
        found: NDArray[np.float64] = wide / np.maximum(wide.sum(axis=-1, keepdims=True), 1e-300)
        return found
    if output == "sigmoid":
        return wide
    return probabilities(wide, output)


def comparable(logits: FloatArray, output: Output) -> NDArray[np.float64]:
    """What a checkpoint's own output would be, if these were its logits (…, K), up to its own rounding."""
    wide = np.asarray(logits, dtype=np.float64)
    if output == "log_probabilities":
        import scipy.special

        found: NDArray[np.float64] = scipy.special.log_softmax(wide, axis=-1)
        return found
    return wide if output in ("logits", "scores") else probabilities(wide, output)


def normalised(answers: FloatArray, output: Output) -> NDArray[np.float64]:
    """A checkpoint's own output (…, K), without what quantising took from the sums of its rows."""
    return told_probabilities(answers, output) if output == "probabilities" else np.asarray(answers, np.float64)


# --- on which scale is it told?


def decisive_spread(logits: FloatArray) -> NDArray[np.float64]:
    """The spread of each image's logits (N, K), as far as it bears on which class leads: (N,).

    A class that is never near, as a dummy at -1e7 is, stretches the spread as it likes. So it is twenty times the
    margin between the two greatest at most.
    """
    margin, size, spread = _margins(logits)
    found: NDArray[np.float64] = np.minimum(spread, np.maximum(_MARGINS * margin, _RESOLVED * size))
    return found


def decisive_range(logits: FloatArray) -> float:
    """The range of all logits (N, K), as far as it bears on which classes lead: twenty median margins at most.

    Differences of logits are small or large beside that.
    """
    margin, size, _ = _margins(logits)
    bearing = max(_MARGINS * float(np.median(margin)), _RESOLVED * float(np.median(size)))
    return min(float(np.ptp(np.asarray(logits, np.float64))), bearing)


def within_reach(logits: FloatArray, reach: float) -> NDArray[np.float64]:
    """Logits (N, K) of which none lies further than `reach` below its image's greatest: what does is put there."""
    wide = np.asarray(logits, np.float64)
    found: NDArray[np.float64] = np.maximum(wide, wide.max(axis=1, keepdims=True) - reach)
    return found


def _margins(logits: FloatArray) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Of each image: the margin of its greatest logit over the next, the size of these two, and the spread of all."""
    wide = np.asarray(logits, np.float64)
    second, first = np.partition(wide, -2, axis=1)[:, -2:].T
    return first - second, np.maximum(np.abs(first), np.abs(second)), first - wide.min(axis=1)


# --- is it what it is declared as?


def like_probabilities(rows: FloatArray) -> bool:
    """Whether every row (N, classes) is a distribution, up to rounding: no logits are."""
    return bool((rows >= 0).all() and np.allclose(rows.sum(axis=1), 1, atol=_SUM))


def quantised_step(rows: FloatArray) -> float | None:
    """The step that all values of rows within [0, 1] are whole numbers of, if there is one: 1/256 of 8 bits."""
    step = 0.0
    for level in np.unique(np.asarray(rows, np.float64)):
        step = _common_step(float(level), step)
        if 0 < step < _FINEST:
            return None
    return step if 0 < step <= _COARSEST else None


def _common_step(one: float, other: float) -> float:
    """The greatest step that both are whole numbers of, by Euclid's algorithm up to the rounding of float32."""
    while other > _EVEN:
        rest = one % other
        one, other = other, 0.0 if other - rest < _EVEN else rest
    return one


def like_quantised_probabilities(rows: FloatArray) -> bool:
    """Whether every row (N, classes) is what some distribution becomes where each value is rounded to whole steps."""
    if not ((rows >= 0) & (rows <= 1)).all():
        return False
    step = quantised_step(rows)
    if step is None:
        return False
    wide = np.asarray(rows, np.float64)
    least = np.maximum(wide - step / 2, 0).sum(axis=1)
    most = (wide + step / 2).sum(axis=1)
    return bool((least <= 1 + _SUM).all() and (most >= 1 - _SUM).all())


def like_low_precision_probabilities(rows: FloatArray) -> bool:
    """Whether every row (N, classes) is a distribution up to the rounding of bfloat16 or float16, which its values are.

    Some units of the last place are let pass, as a softmax is rounded more than once before it is done.
    """
    exact, precision = np.asarray(rows, np.float32), precision_of(rows)
    if precision == "float32":
        return False
    most = 2.0**-7 if precision == "bfloat16" else 2.0**-9
    return bool((exact >= 0).all() and (np.abs(exact.sum(axis=1) - 1) <= most).all())


def precision_of(values: FloatArray) -> Literal["bfloat16", "float16", "float32"]:
    """The least precise type that all of these values are exact in."""
    exact = np.ascontiguousarray(values, np.float32)
    if not (exact.view(np.uint32) & 0xFFFF).any():
        return "bfloat16"
    with np.errstate(over="ignore"):
        return "float16" if (exact == exact.astype(np.float16)).all() else "float32"


def _distribution(rows: FloatArray) -> bool:
    return like_probabilities(rows) or like_low_precision_probabilities(rows) or like_quantised_probabilities(rows)


def declared_output_problem(raw: FloatArray, output: Output) -> str | None:
    """Say what is wrong with calling `raw` (N, classes) `output`, or None. NaN is left to whoever predicts."""
    if not np.isfinite(raw).all() or output == "scores":
        return None
    within = bool((raw >= 0).all() and (raw <= 1).all())
    sums = raw.sum(axis=1)
    span = f"sums from {sums.min():.3g} to {sums.max():.3g}, values from {raw.min():.3g} to {raw.max():.3g}"
    said = f"declared as `output: {output}`, but"
    neither = "`scores` where it is neither: it ranks classes, and no probability is told of it"
    if output == "logits":
        if _distribution(raw):
            return f"{said} every row is positive and sums to 1; write `output: probabilities`"
        if within and raw.max() > 0.5:
            ways = f"`sigmoid` if each class has a sigmoid of its own, {neither}"
            return f"{said} all values lie in [0, 1], so that no class could be told as likely ({span}); write {ways}"
        return None
    if output == "sigmoid":
        if _distribution(raw):
            return f"{said} every row sums to 1, as of a softmax; write `output: probabilities`"
        return None if within else f"{said} a sigmoid lies in [0, 1] ({span}); {_instead(raw)}"
    if output == "log_probabilities":
        if (raw <= _SUM).all() and np.allclose(np.exp(np.asarray(raw, np.float64)).sum(axis=1), 1, atol=1e-2):
            return None
        way = "write `output: probabilities`" if _distribution(raw) else _instead(raw)
        return f"{said} the exponentials of rows don't sum to 1 ({span}); {way}"
    if _distribution(raw):
        return None
    return f"{said} rows are no distribution ({span}); {_instead(raw)}"


def _instead(raw: FloatArray) -> str:
    """What rows that are no distribution may be, in words that make no number wrong."""
    if (raw >= 0).all() and (raw <= 1).all():
        return (
            "write `output: sigmoid` if each class has a sigmoid of its own, so that rows need not sum to 1, and "
            "`scores` where it is neither: then no probability is told"
        )
    if (raw <= 0).all() and np.allclose(np.exp(np.asarray(raw, np.float64)).sum(axis=1), 1, atol=1e-2):
        return "write `output: log_probabilities`"
    return (
        "write `output: logits` if a softmax was to follow when it was trained, and `scores` if not: then no "
        "probability is told"
    )

"""What does a linear classifier look for in each class?

What it measures
    The gradient of every class's logit with respect to the pixels. For a linear classifier (softmax
    regression) it is the same for every image: the class's weights, one map per class.

Why it matters
    It is the one kind of classifier whose whole reasoning fits in a picture. Maps that look nothing like
    their class point to a classifier that leans on background or artefacts.

How to read it
    Blue pixels speak for the class, red against it, white is indifferent; all maps share the limits
    ±`limit`. `resemblance` is the correlation of a map with the mean image of its class, less the mean of
    all classes; `matched` is the share of maps that resemble their own class's mean more than any other. Both are of
    all classes that have images, no sample of them, so they have no interval; a class without images has a map, but
    nothing to compare it with.

References
    Bishop, Pattern Recognition and Machine Learning, 2006, section 4.3 (softmax regression).
    Simonyan, Vedaldi and Zisserman, Deep Inside Convolutional Networks, 2014 (a logit's gradient as an image).
"""

from collections.abc import Iterator

import numpy as np

from auditor.compute import tensorflow, uniform
from auditor.measuring import lints, natural_panel
from auditor.search import no_gradient
from auditor.telling.numbers import number, percent
from auditor.values import (
    A_SHARE,
    CheckError,
    Context,
    Evidence,
    FloatArray,
    Heatmap,
    ImageGrid,
    MetricInfo,
    Panel,
    Parameters,
    Passes,
    PositiveReal,
    Remark,
    exact,
    pictured,
)

_TOLERANCE = 1e-4


class Params(Parameters):
    """How to draw the maps."""

    limit: PositiveReal = 0.5
    """Weights of ± this size get the strongest colours."""


METRICS = {
    "resemblance": MetricInfo(
        "exact", "correlation of a class's map with its mean image less that of all, mean of all classes"
    ),
    "resemblance.*": MetricInfo("exact", "the same for one class"),
    "matched": MetricInfo("exact", "share of maps that resemble their own class more than any other", bounds=A_SHARE),
}


def cost(params: Params, images: int, class_count: int) -> Passes:
    """What it takes of a model at most, on so many images of so many classes."""
    return Passes(gradients=2 * class_count)


def unsighted(params: Params, model: str, blind: lints.Blind) -> Iterator[Remark]:
    """What can't run since a model gives no gradient; blind: why, by its name."""
    return lints.without_gradients((model,), blind)


def run(context: Context, params: Params) -> Evidence:
    """Take every logit's gradient at two images; equal gradients mean a linear classifier."""
    samples, count = context.samples, context.classifier.class_count
    noise = uniform(context.seed, "linear", 1, samples.images.shape[1:], samples.box)
    maps = _gradients(context, noise)
    elsewhere = _gradients(context, samples.images[context.sample(1)])
    drift = float(np.abs(maps - elsewhere).max() / max(float(np.abs(maps).max()), 1e-12))
    if drift > _TOLERANCE:
        raise CheckError(
            f"model {context.model_name!r} isn't linear (its gradients differ by {percent(drift)} between two images), "
            "so it has no weight map; look at its `filters` instead"
        )
    classes = range(count)
    names = tuple(samples.class_name(c) for c in classes)
    shown = [c for c in classes if (samples.labels == c).any()]
    if len(shown) < 2:
        raise CheckError(f"{samples.source} has images of {len(shown)} classes; maps are compared with those of two")
    compared = tuple(names[c] for c in shown)
    means = np.stack([samples.images[samples.labels == c].mean(axis=0) for c in shown])

    flat_maps, flat_means = maps[shown].reshape(len(shown), -1), (means - means.mean(axis=0)).reshape(len(shown), -1)
    correlation = np.corrcoef(flat_maps, flat_means)[: len(shown), len(shown) :]
    own = np.diag(correlation)
    matched = int((correlation.argmax(axis=1) == np.arange(len(shown))).sum())
    least = int(own.argmin())
    absent = ", ".join(names[c] for c in classes if c not in shown)
    return Evidence(
        summary=f"{matched} of {len(shown)} maps resemble their own class most; mean correlation {number(own.mean())}.",
        metrics={
            "resemblance": exact(own.mean()),
            "matched": exact(matched / len(shown)),
            **{f"resemblance.{name}": exact(value) for name, value in zip(compared, own, strict=True)},
        },
        notes=(f"There is no image of {absent}: what has none is compared with nothing.",) if absent else (),
        figures=pictured(
            lambda: ImageGrid(
                title="Weights of each class",
                caption=f"One map per class, from red (−{params.limit:g}, against) through white (0) to blue "
                f"(+{params.limit:g}, for).",
                alt=f"Weight maps of {count} classes; the least like its class is {compared[least]} "
                f"(correlation {number(own[least])}).",
                panel=Panel(_grey(maps), names, "", "diverging", (-params.limit, params.limit)),
            ),
            lambda: ImageGrid(
                title="Mean image of each class",
                caption="What the maps are compared with: the mean of the class's images.",
                alt="Mean images of the classes, in the same order as the maps.",
                panel=natural_panel(means, samples.box, labels=compared),
            ),
            lambda: Heatmap(
                title="Which mean does a map resemble?",
                caption="Correlation of each map (rows) with each class's mean image less the mean of all (columns).",
                alt=f"{matched} of {len(shown)} maps correlate most with their own class.",
                values=correlation,
                row_labels=compared,
                column_labels=compared,
                row_title="map of",
                column_title="mean of",
                limits=(-1.0, 1.0),
                palette="diverging",
            ),
        ),
        arrays={"maps": maps, "correlation": correlation},
    )


def _gradients(context: Context, image: FloatArray) -> FloatArray:
    """Gradient of every logit at one image (1, H, W, C): (classes, H, W, C)."""
    tf = tensorflow()
    count = context.classifier.class_count
    x = tf.repeat(tf.constant(image), count, axis=0)
    with tf.GradientTape() as tape:
        tape.watch(x)
        own = tf.linalg.diag_part(context.classifier.forward(x))
    gradient = tape.gradient(own, x)
    if gradient is None:
        raise no_gradient()
    found: FloatArray = gradient.numpy()
    return found


def _grey(maps: FloatArray) -> FloatArray:
    grey: FloatArray = maps.mean(axis=-1, keepdims=True)
    return grey

"""What do the filters of a convolution layer look for, and which are dead?

What it measures
    For every filter of one convolution layer: its weights, its response to one real image, and the image
    that excites it most, found by gradient ascent on its mean activation from uniform noise. Filters that never
    respond to any sample are counted as dead.

Why it matters
    Filters are what the network looks at. Dead ones are wasted capacity and a sign of training gone wrong;
    filters that respond to noise-like patterns are footholds for attacks.

How to read it
    Left the weights (blue adds, red takes away; the mean over input channels where there are several), then
    the response to the chosen image, right the image of greatest mean activation. `activation_gain` is how
    much the mean activation rose on the way from noise. These are numbers of all filters of the layer, no sample of
    them, so they have no interval. The images are not clipped to the box: they show a
    direction, not a picture somebody could hand in.

References
    Erhan et al., Visualizing Higher-Layer Features of a Deep Network, 2009.
    Olah, Mordvintsev and Schubert, Feature Visualization, Distill, 2017.
"""

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from auditor.compute import uniform
from auditor.measuring import lints, natural_panel
from auditor.search import Ascending, ascend_to_targets
from auditor.telling.numbers import number
from auditor.values import (
    A_SHARE,
    NOT_NEGATIVE,
    Bars,
    CheckError,
    Context,
    Count,
    Evidence,
    Expectation,
    FloatArray,
    Layer,
    MetricInfo,
    Panel,
    Remark,
    Strip,
    distinct_names,
    exact,
    one_of,
    pictured,
    same_name,
)

_BATCH = 100


class Params(Ascending):
    """Which layer, which image, how long the ascent."""

    layer: str | None = None
    """The convolution layer, by name; the first one if left out."""
    image: Annotated[int, Field(ge=0)] | None = None
    """Row, in the data source, of the image whose activations are shown; the first sample if left out."""
    samples: Count = 500
    """How many samples to look for dead filters on; fewer if there aren't as many."""
    steps: Count = 50
    """How many steps."""


METRICS = {
    "filters": MetricInfo("exact", "number of filters in the layer", bounds=NOT_NEGATIVE),
    "dead_filters": MetricInfo(
        "exact", "filters that respond to no sample at any place", of_those=True, bounds=NOT_NEGATIVE
    ),
    "activation_start": MetricInfo("exact", "mean activation of all filters, each on noise, before the first step"),
    "activation_end": MetricInfo("exact", "the same on the images found for them"),
    "activation_gain": MetricInfo("exact", "end less start, the mean of all filters"),
    "excited": MetricInfo("exact", "share of filters whose mean activation rose", bounds=A_SHARE),
    "vanished": MetricInfo(
        "exact", "share of gradients too small to follow (standard deviation below 1e-8)", bounds=A_SHARE
    ),
}


def unsighted(params: Params, model: str, blind: lints.Blind) -> Iterator[Remark]:
    """What can't run since a model gives no gradient; blind: why, by its name."""
    return lints.without_gradients((model,), blind)


def lint(params: Params, expectations: Sequence[Expectation], box: tuple[float, float]) -> Iterator[Remark]:
    """Whether the steps are in the units of the box."""
    return lints.of_pace(params, box)


def run(context: Context, params: Params) -> Evidence:
    """Find an exciting image for all filters at once, one row of a batch each."""
    place, layer = _find_layer(context, params.layer)
    kernel, samples = layer.kernel, context.samples
    if kernel is None:
        raise CheckError(f"layer {layer.name!r} of model {context.model_name!r} has no kernel to show")
    count = kernel.shape[-1]
    position = 0 if params.image is None else samples.position(params.image, "`image`")

    noise = uniform(context.seed, "noise", count, samples.images.shape[1:], samples.box)
    filters = np.arange(count)
    ascent = ascend_to_targets(
        context.classifier, "logit", noise, filters, params.pace(samples.box), None, engine=context.engine, layer=place
    )
    own = ascent.values[:, filters, filters]
    start, end = own[0], own[-1]

    looked_at = samples.images[context.sample(params.samples)]
    dead = _greatest_response(layer, looked_at) <= 0
    response = np.asarray(layer.activations(samples.images[position : position + 1]))[0]

    rose = int((end > start).sum())
    metrics = {
        "filters": exact(count),
        "dead_filters": exact(int(dead.sum())),
        "activation_start": exact(start.mean()),
        "activation_end": exact(end.mean()),
        "activation_gain": exact((end - start).mean()),
        "excited": exact(rose / count),
        "vanished": exact(ascent.vanished.mean()),
    }
    summary = (
        f"Layer {layer.name!r}: {int(dead.sum())} of {count} filters are dead over {len(looked_at)} samples; an "
        f"ascent from noise raises the mean activation from {number(start.mean())} to {number(end.mean())} "
        f"(that of {rose} filters rose)."
    )
    names = tuple(f"filter {i}" + (" (dead)" if dead[i] else "") for i in filters)
    label = samples.class_name(int(samples.labels[position]))
    return Evidence(
        summary=summary,
        metrics=metrics,
        figures=pictured(
            lambda: _strip(context, layer, kernel, response, ascent.images, names, (label, position), (start, end)),
            lambda: Bars(
                title="Mean activation after the ascent",
                caption="Of each filter, on the image found for it.",
                alt=f"Mean activation of {count} filters, from {number(end.min())} to {number(end.max())}.",
                labels=tuple(str(i) for i in filters),
                values=end,
                limits=(min(0.0, float(end.min())), max(float(end.max()), 1e-9)),
                unit="mean activation",
            ),
        ),
        notes=tuple(params.told(samples.box)),
        arrays={"kernel": kernel, "images": ascent.images, "activation": own, "dead": dead},
    )


def _find_layer(context: Context, wanted: str | None) -> tuple[int, Layer]:
    """The convolution layer of this name, or the first one, with its place among the layers."""
    layers = context.classifier.layers()
    if not layers:
        message = (
            f"the format of model {context.model_name!r} shows no layers; the network itself, in a format that does"
        )
        raise CheckError(f"{message}, can be looked into; `accuracy`, and attacks that need no gradient, take this one")
    # Layers of nested networks may have one name: each then has its place behind it, and says so in the figures.
    names = distinct_names([layer.name for layer in layers])
    layers = tuple(dataclasses.replace(layer, name=name) for layer, name in zip(layers, names, strict=True))
    convolutions = {place: layer for place, layer in enumerate(layers) if layer.is_convolution}
    known = [layer.name for layer in convolutions.values()]
    if not convolutions:
        raise CheckError(f"model {context.model_name!r} shows no convolution layer; its `weight_maps` may say more")
    if wanted is None:
        return next(iter(convolutions.items()))
    other = next((layer for layer in layers if layer.name == wanted and not layer.is_convolution), None)
    if other:
        message = f"layer {wanted!r} is a {other.kind}, not a 2-D convolution"
        raise CheckError(f"{message} (convolutions of model {context.model_name!r}: {', '.join(known)})")
    found = [(place, layer) for place, layer in convolutions.items() if wanted in (layer.name, *layer.aliases)]
    alike = same_name(wanted, known)
    if len(found) > 1 or (not found and alike):
        told = ", ".join(layer.name for _, layer in found) or ", ".join(alike)
        raise CheckError(f"layer {wanted!r} could be any of several of model {context.model_name!r}: {told}; name one")
    if not found:
        raise CheckError(one_of(wanted, known, f"convolution layer of model {context.model_name!r}"))
    return found[0]


def _greatest_response(layer: Layer, images: FloatArray) -> NDArray[np.float32]:
    """The greatest activation of every channel at any place of any image: (channels,)."""
    parts = [
        np.asarray(layer.activations(images[i : i + _BATCH])).max(axis=(0, 1, 2)) for i in range(0, len(images), _BATCH)
    ]
    greatest: NDArray[np.float32] = np.max(parts, axis=0)
    return greatest


def _strip(
    context: Context,
    layer: Layer,
    kernel: FloatArray,
    response: FloatArray,
    images: FloatArray,
    names: tuple[str, ...],
    shown: tuple[str, int],
    activation: tuple[FloatArray, FloatArray],
) -> Strip:
    weights = kernel.mean(axis=2).transpose(2, 0, 1)[..., None]
    most = float(np.abs(weights).max()) or 1.0
    label, position = shown
    start, end = activation
    texts = tuple(f"{number(a)} → {number(b)}" for a, b in zip(start, end, strict=True))
    # Each image found is stretched to its own middle 98%: unclipped pixels have no common range.
    low, high = np.quantile(images, (0.01, 0.99), axis=(1, 2, 3), keepdims=True)
    stretched = (images - low) / np.maximum(high - low, 1e-9)
    channels = kernel.shape[2]
    averaged = "" if channels == 1 else f" (mean over {channels} input channels)"
    return Strip(
        title=f"Filters of {layer.name}",
        caption=f"For each filter: its weights{averaged}, its response to a real {label} "
        f"(row {context.samples.indices[position]}), and the image that excites it most with its mean activation "
        "before and after the ascent. Brightness of the last is stretched image by image.",
        alt=f"{len(names)} filters of layer {layer.name} with weights, response and most exciting image; the "
        f"mean activation rises from {number(start.mean())} to {number(end.mean())}.",
        panels=(
            Panel(weights, (), "weights", "diverging", (-most, most)),
            Panel(
                response.transpose(2, 0, 1)[..., None],
                (),
                f"response to a {label}",
                "grey",
                (0.0, max(float(response.max()), 1e-9)),
            ),
            natural_panel(stretched, (0.0, 1.0), "excites it most", texts),
        ),
        row_labels=names,
    )

"""What accuracy is left when an image may be turned, moved and scaled at its worst?

What it measures
    The share of images that get their true class under every one of a grid of turns and shifts, and of random turns,
    shifts and scales drawn for each image. It needs no gradients.

Why it matters
    Nobody holds a camera straight. Small turns and shifts that nobody would call an attack make networks err that
    resist large changes of pixels.

How to read it
    `robust_accuracy` counts an image that is right as it is and under everything that was tried; what wasn't tried may
    still make it err, so it is an upper bound. `grid_accuracy` is that of the grid alone. `mean_accuracy` is what is
    right on average over all that was tried: what careless use meets, where `robust_accuracy` is what a malicious one
    does. The threat model is the whole of `degrees`, `shift`, `scale`, `border` and `interpolation`: with other rules
    for what comes in at the edges and for what lies between pixels, the numbers are others.

References
    Engstrom et al., Exploring the Landscape of Spatial Robustness, ICML 2019.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from auditor.compute import generator
from auditor.corruptions import Border, Interpolation, transformed
from auditor.measuring import fewest, lints, natural_panel, several, share
from auditor.search import block_size
from auditor.telling.numbers import number, percent
from auditor.values import (
    A_SHARE,
    BLACK_BOX,
    EVASION,
    WORLD,
    Classifier,
    Context,
    Count,
    Diagnostic,
    Evidence,
    Expectation,
    FloatArray,
    Heatmap,
    IntArray,
    MetricInfo,
    Parameters,
    Passes,
    Real,
    Remark,
    Strip,
    mean,
    pictured,
    proportion,
)


class Params(Parameters):
    """How far images may be turned, moved and scaled, by which rules, and how densely that is tried."""

    degrees: Annotated[Real, Field(ge=0, le=180)] = 30.0
    """The widest turn, to either side."""
    shift: Annotated[Real, Field(ge=0, le=0.5)] = 0.1
    """The farthest shift along each axis, to either side, in parts of the image's side."""
    scale: Annotated[Real, Field(ge=1, le=2)] = 1.0
    """How many times as large or as small an image may become; of the random ones alone."""
    border: Border = "black"
    """What comes in from beyond the edges: `black` (the least value of the box), the nearest `edge`, or a `mirror`."""
    interpolation: Interpolation = "bilinear"
    """What lies between pixels: `bilinear` or the `nearest`."""
    angles: Count = 7
    """How many turns the grid has, evenly from one end to the other."""
    shifts: Count = 5
    """How many shifts the grid has along each axis."""
    random: Annotated[int, Field(ge=0)] = 20
    """How many turns, shifts and scales to draw for each image besides."""
    samples: Count = 200
    """How many images, every class in proportion; fewer if there aren't as many."""
    show: Count = 8
    """How many of the broken images to show."""

    @model_validator(mode="after")
    def _something_moves(self) -> Self:
        if not (self.degrees or self.shift or (self.scale > 1 and self.random)):
            raise ValueError("nothing moves: give `degrees` or `shift`, or `scale` with `random`")
        return self


METRICS = {
    "robust_accuracy": MetricInfo("proportion", "share of images right under everything that was tried", "higher"),
    "grid_accuracy": MetricInfo("proportion", "share of images right under all of the grid", "higher"),
    "mean_accuracy": MetricInfo(
        "mean", "share of an image's transformed versions given its true class", "higher", bounds=A_SHARE
    ),
    "clean_accuracy": MetricInfo("proportion", "share of the same images right as they are", "higher"),
}

_COARSE = 0.05


def most(params: Params, images: int | None) -> dict[str, int | None]:
    """The greatest n each metric can have, of so many images."""
    return dict.fromkeys(METRICS, fewest(params.samples, images))


def cost(params: Params, images: int, class_count: int) -> Passes:
    """What it takes of a model at most, on so many images of so many classes."""
    tried = len(_turns(params)) * len(_shifts(params)) ** 2 + params.random
    return Passes(predictions=fewest(params.samples, images) * (1 + tried))


def lint(params: Params, expectations: Sequence[Expectation], box: tuple[float, float]) -> Iterator[Remark]:
    """What makes the claim weak."""
    if not lints.claims(expectations, ("robust_accuracy", "grid_accuracy")):
        return
    if not params.random:
        message = "nothing is tried between the points of the grid, so that a coarse one passes for robustness"
        yield Remark(("random",), f"{message}; draw some")
    if params.degrees and params.angles < 3:
        yield Remark(("angles",), f"{params.angles} of all turns up to {params.degrees:g} degrees; take more")


def controls(params: Params) -> tuple[str, ...]:
    """What this speaks to in the frameworks of `auditor.values.controls`."""
    return tuple(dict.fromkeys((*EVASION, *BLACK_BOX, *WORLD)))


@dataclass(frozen=True)
class Task:
    """A block of images (n, H, W, C) and what to do to each: moves (transformations, n, 4), as `transformed` takes."""

    images: FloatArray
    moves: FloatArray
    box: tuple[float, float]
    border: Border
    interpolation: Interpolation


def answered(classifier: Classifier, task: Task) -> IntArray:
    """What a classifier says of a block under every transformation: classes (transformations, n)."""
    made = [transformed(task.images, task.box, moves, task.border, task.interpolation) for moves in task.moves]
    said: IntArray = classifier.predict(np.concatenate(made)).argmax(axis=1)
    return said.reshape(len(made), -1)


@dataclass(frozen=True)
class _Tried:
    """What was done to the images at the positions `chosen` (n,): moves (transformations, n, 4), the first `grid` of
    them the same for all; what was said (transformations, n), and whether that, and that of images as they are (n,),
    is right.
    """

    chosen: IntArray
    moves: FloatArray
    grid: int
    said: IntArray
    right: NDArray[np.bool_]
    clean: NDArray[np.bool_]

    @property
    def on_grid(self) -> NDArray[np.bool_]:
        """Which images are right as they are and under all of the grid (n,)."""
        held: NDArray[np.bool_] = self.clean & self.right[: self.grid].all(axis=0)
        return held

    @property
    def held(self) -> NDArray[np.bool_]:
        """Which are right under everything (n,)."""
        held: NDArray[np.bool_] = self.clean & self.right.all(axis=0)
        return held


def run(context: Context, params: Params) -> Evidence:
    """Classify images as they are, under a grid of turns and shifts, and under random ones."""
    samples, chosen = context.samples, context.sample(params.samples)
    labels, rows = samples.labels[chosen], samples.indices[chosen]
    clean = context.classifier.predict(samples.images[chosen]).argmax(axis=1) == labels
    tried = _tried(context, params, chosen, labels, clean)
    held = tried.held
    metrics = {
        "robust_accuracy": proportion(held, rows=rows),
        "grid_accuracy": proportion(tried.on_grid, rows=rows),
        "mean_accuracy": mean(tried.right.mean(axis=0), (0.0, 1.0), rows),
        "clean_accuracy": proportion(clean, rows=rows),
    }
    height, width = samples.images.shape[1:3]
    down, across = number(params.shift * height), number(params.shift * width)
    far = f"up to {params.degrees:g} degrees, {down} rows and {across} columns"
    model = f"{far}, up to {params.scale:g} times as large or small" if params.scale > 1 else far
    summary = (
        f"{share(metrics['robust_accuracy'])} of the images are right under everything tried, "
        f"{percent(metrics['mean_accuracy'].value)} on average, {share(metrics['clean_accuracy'])} as they are."
    )
    count = f"{several(tried.grid, 'point')} of a grid and {several(params.random, 'random one')}"
    rules = f"{params.interpolation} between pixels, {params.border} beyond the edges"
    return Evidence(
        summary=summary,
        metrics=metrics,
        figures=pictured(lambda: _surface(params, tried, height), lambda: _fallen(context, params, tried)),
        diagnostics=(_dense(tried),) if params.random else (),
        notes=(f"Threat model: {model}; {rules}. Tried for each image: {count}.",),
        arrays={"moves": tried.moves, "predicted": tried.said.astype(np.int32), "labels": labels, "indices": rows},
    )


def _tried(context: Context, params: Params, chosen: IntArray, labels: IntArray, clean: NDArray[np.bool_]) -> _Tried:
    samples = context.samples
    height, width = samples.images.shape[1:3]
    grid = [(a, y * height, x * width, 1.0) for a in _turns(params) for y in _shifts(params) for x in _shifts(params)]
    fixed = np.repeat(np.array(grid)[:, None, :], len(chosen), axis=1)
    drawn = np.stack([_drawn(context, params, int(row)) for row in samples.indices[chosen]], axis=1)
    moves = np.concatenate([fixed, drawn])
    size = block_size(samples.images[0].size)
    few = max(1, len(moves) // 4)  # so that few images keep several cores busy
    places = [(i, t) for i in range(0, len(chosen), size) for t in range(0, len(moves), few)]
    tasks = [
        Task(
            samples.images[chosen[i : i + size]],
            moves[t : t + few, i : i + size],
            samples.box,
            params.border,
            params.interpolation,
        )
        for i, t in places
    ]
    said = np.empty(moves.shape[:2], np.int64)
    for (i, t), found in zip(places, context.engine(answered, context.classifier, tasks), strict=True):
        said[t : t + few, i : i + size] = found
    return _Tried(chosen, moves, len(grid), said, said == labels, clean)


def _turns(params: Params) -> list[float]:
    return _spread(params.degrees, params.angles)


def _shifts(params: Params) -> list[float]:
    return _spread(params.shift, params.shifts)


def _spread(far: float, count: int) -> list[float]:
    """So many values from one end to the other; the middle, of one."""
    return [0.0] if count == 1 or not far else np.linspace(-far, far, count).tolist()


def _drawn(context: Context, params: Params, row: int) -> FloatArray:
    """The random transformations of one image (random, 4)."""
    height, width = context.samples.images.shape[1:3]
    ends = np.array([params.degrees, params.shift * height, params.shift * width, np.log(params.scale)])
    moves: FloatArray = generator(context.seed, "spatial", row).uniform(-1, 1, (params.random, 4)) * ends
    moves[:, 3] = np.exp(moves[:, 3])
    return moves


def _dense(tried: _Tried) -> Diagnostic:
    """Whether random ones, that lie between the points of the grid, break much that holds on it."""
    name, on_grid = "grid is dense enough", int(tried.on_grid.sum())
    broken = on_grid - int(tried.held.sum())
    told = f"random ones broke {broken} of {on_grid} images that hold on the grid"
    if broken <= _COARSE * on_grid:
        return Diagnostic(name, True, told)
    message = f"{told}: more of them, or a denser grid, would break more; raise `random`, `angles` or `shifts`"
    return Diagnostic(name, False, message, inflates=("robust_accuracy", "grid_accuracy"))


def _surface(params: Params, tried: _Tried, height: int) -> Heatmap:
    """Accuracy over turn and shift: at each, the images right under all shifts that reach so far along an axis."""
    turns, shifts = _turns(params), _shifts(params)
    right = tried.right[: tried.grid].reshape(len(turns), len(shifts) ** 2, -1)
    reach = [max(abs(y), abs(x)) for y in shifts for x in shifts]
    steps = sorted({round(far, 9) for far in reach})
    at = [[i for i, far in enumerate(reach) if round(far, 9) == step] for step in steps]
    values = np.array([[turn[which].all(axis=0).mean() for which in at] for turn in right])
    least = percent(values.min())
    return Heatmap(
        title="Accuracy over turn and shift",
        caption="Share of the images that get their true class at a turn under every shift of the grid that reaches so "
        f"far along an axis; the lowest is {least}.",
        alt=f"Accuracy at {several(len(turns), 'turn')} and {several(len(steps), 'shift')}; the lowest is {least}.",
        values=values,
        row_labels=tuple(f"{turn:g}°" for turn in turns),
        column_labels=tuple(number(step * height) for step in steps),
        row_title="turn",
        column_title="shift, in rows",
        n=np.full(values.shape, right.shape[2]),
    )


def _fallen(context: Context, params: Params, tried: _Tried) -> tuple[Strip, ...]:
    """Images that are right as they are and fall, each with the smallest turn and shift that does it."""
    samples, shown = context.samples, np.flatnonzero(tried.clean & ~tried.held)[: params.show]
    if not shown.size:
        return ()
    ends = np.maximum([params.degrees, *(params.shift * size for size in samples.images.shape[1:3])], 1e-9)
    sizes = (np.abs(tried.moves[:, shown, :3]) / ends).sum(axis=2) + np.abs(np.log(tried.moves[:, shown, 3]))
    which = np.where(tried.right[:, shown], np.inf, sizes).argmin(axis=0)
    positions, moves = tried.chosen[shown], tried.moves[which, shown]
    before = samples.images[positions]
    after = transformed(before, samples.box, moves, params.border, params.interpolation)
    true = tuple(samples.class_name(int(label)) for label in samples.labels[positions])
    said = tried.said[which, shown]
    given = tuple(
        f"called {samples.class_name(int(one))}, {a:.0f}°, {y:+.1f}, {x:+.1f}"
        for one, (a, y, x, _) in zip(said, moves, strict=True)
    )
    return (
        Strip(
            title="Broken images",
            caption="Right as they are, and wrong after the smallest of what was tried that made them so: the class "
            "they are given, the turn anticlockwise, and the rows and columns moved.",
            alt=f"{several(len(shown), 'image')} that fall; the first is a {true[0]} that is {given[0]}.",
            panels=(
                natural_panel(before, samples.box, "as it is", true),
                natural_panel(after, samples.box, "moved", given),
            ),
        ),
    )

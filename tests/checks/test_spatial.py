"""spatial"""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from auditor.checks import spatial
from auditor.checks.spatial import Params, run
from auditor.judging.verdict import judge
from auditor.values import Context, Expectation, Samples
from tests.checks.test_corruptions import problems

SIDE = 31  # so that no point leaves it
OFFSETS = np.array([-8, -6, -5, -4, -2, 2, 4, 5, 6, 8])


@dataclass(frozen=True, eq=False)
class Sides:
    """Class 1 where an image is brighter on its right than on its left. It gives no gradient: there is no `forward`."""

    input_shape: tuple[int, int, int] = (SIDE, SIDE, 1)
    logits_from: str = "its own output"
    output: str = "logits"
    class_count: int = 2

    def predict(self, images: np.ndarray) -> np.ndarray:
        columns = images.astype(np.float64).sum(axis=(1, 3))
        right = columns[:, SIDE // 2 + 1 :].sum(axis=1) - columns[:, : SIDE // 2].sum(axis=1)
        return np.stack([np.zeros(len(images)), right], axis=1).astype(np.float32)


def context(low: float = 0.0, high: float = 1.0) -> Context:
    """A bright point in the middle row of each image, so many columns beside the middle."""
    images = np.full((len(OFFSETS), SIDE, SIDE, 1), low, np.float32)
    images[np.arange(len(OFFSETS)), SIDE // 2, SIDE // 2 + OFFSETS] = high
    labels = (OFFSETS > 0).astype(np.int64)
    data = Samples(images, labels, np.arange(len(OFFSETS)), (low, high), None, "points", "0" * 64)
    return Context("model", data, 7, {"model": Sides()}.__getitem__, {}.__getitem__, {}.__getitem__)


@pytest.mark.parametrize("far", [3, 4, 5])
def test_points_hold_that_lie_further_from_the_middle_than_they_are_moved(far):
    params = Params(degrees=0.0, shift=far / SIDE, shifts=3, random=15)
    found = run(context(), params)
    assert found.metrics["clean_accuracy"].successes == len(OFFSETS)
    # One that is moved onto the middle itself is on neither side, and called 0.
    reach = np.abs(OFFSETS) - (OFFSETS > 0) * 0.5 + (OFFSETS < 0) * 0.5
    assert found.metrics["robust_accuracy"].successes == (reach > far).sum()
    assert found.metrics["grid_accuracy"].successes == (reach > far).sum()


def test_the_mean_is_over_all_that_was_tried():
    """Of nine shifts, three go each way: a point near the middle holds under six, one further off under all."""
    found = run(context(), Params(degrees=0.0, shift=3 / SIDE, shifts=3, random=0))
    near = np.abs(OFFSETS) < 3
    assert found.metrics["mean_accuracy"].value == pytest.approx((near * 6 / 9 + ~near).mean())
    assert found.metrics["mean_accuracy"].n == len(OFFSETS)
    assert found.arrays["predicted"].shape == (9, len(OFFSETS))
    assert found.diagnostics == ()


def test_a_point_stays_on_its_side_up_to_a_quarter_turn():
    near = run(context(), Params(degrees=75.0, shift=0.0, angles=7, scale=1.2, random=10))
    assert near.metrics["robust_accuracy"].successes == len(OFFSETS)
    far = run(context(), Params(degrees=180.0, shift=0.0, angles=3, random=0))
    assert far.metrics["robust_accuracy"].successes == 0
    assert [figure.title for figure in far.figures] == ["Accuracy over turn and shift", "Broken images"]
    assert far.figures[0].values.tolist() == [[0.0], [1.0], [0.0]]


def test_a_grid_that_is_too_coarse_is_told_by_random_ones():
    found = run(context(), Params(degrees=180.0, shift=0.0, angles=1, random=20))
    assert found.metrics["grid_accuracy"].value == 1
    assert found.metrics["robust_accuracy"].value < 0.5
    verdict = judge(found.metrics, [Expectation("grid_accuracy", min=0.5)], 0.95, found.diagnostics)
    assert verdict.status == "inconclusive"
    assert "a denser grid" in verdict.message


def test_blocks_engines_and_the_box_change_nothing(monkeypatch):
    params = Params(shift=0.1, scale=1.3, random=7, border="mirror", interpolation="nearest")
    whole = run(context(), params)
    monkeypatch.setattr(spatial, "block_size", lambda _: 3)

    def backwards(function, classifier, tasks):
        return [function(classifier, task) for task in tasks[::-1]][::-1]

    assert np.array_equal(
        run(replace(context(), engine=backwards), params).arrays["predicted"], whole.arrays["predicted"]
    )
    wide = run(context(0.0, 256.0), params)
    assert np.array_equal(wide.arrays["predicted"], whole.arrays["predicted"])
    # What comes in is the least value of the box, so that it weighs on no side.
    black = Params(degrees=0.0, shift=3 / SIDE, random=3)
    signed, unit = run(context(-1.0, 1.0), black), run(context(), black)
    assert np.array_equal(signed.arrays["predicted"], unit.arrays["predicted"])


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("params: {degrees: 0, shift: 0}", "nothing moves"),
        ("params: {degrees: 200}", "should be at most 180"),
        ("params: {border: blak}", "did you mean 'black'"),
        ("params: {random: 0}, expect: {robust_accuracy: {min: 0.5}}", "between the points of the grid"),
        ("params: {angles: 2}, expect: {robust_accuracy: {min: 0.5}}", "take more"),
    ],
)
def test_mistakes_and_weak_claims_are_told_before_it_runs(tmp_path, given, told):
    assert told in " ".join(problems(tmp_path, f"- {{id: a, check: spatial, {given}}}"))

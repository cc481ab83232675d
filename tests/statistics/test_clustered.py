"""Where images come in clusters, limits are those of clusters; of clusters of one, those of independent images."""

import numpy as np
import pytest

from auditor.judging.verdict import judge
from auditor.statistics import bounds, independence, interval, limits
from auditor.statistics.clusters import effective, pairs_within
from auditor.statistics.ranks import rank_limits
from auditor.values import Expectation, Metric, auroc, binned, crossing, in_clusters, lowest, mean, median, proportion
from tests.statistics import clustered_shapes as shapes
from tests.statistics.clustered import PROCESSES, held

N = 120
ROWS = np.arange(N) + 7
RIGHT = np.random.default_rng(0).random(N) < 0.9
SURE = np.random.default_rng(1).random(N)


def made(clusters: np.ndarray | None) -> dict[str, Metric]:
    """A metric of each kind that is inferred from images, of rows in these clusters (n,)."""
    known = None if clusters is None else dict(zip(ROWS.tolist(), clusters.tolist(), strict=True))
    low, high = slice(0, N // 2), slice(N // 2, N)
    with in_clusters(known):
        halves = {name: proportion(RIGHT[part], rows=ROWS[part]) for name, part in (("a", low), ("b", high))}
        return {
            "proportion": proportion(RIGHT, rows=ROWS),
            "mean": mean(SURE, (0.0, 1.0), ROWS),
            "median": median(SURE, (0.0, 1.0), ROWS),
            "lowest": lowest(halves),
            "crossing": crossing([0.1, 0.2], np.stack([RIGHT, SURE > 0.6]), ROWS),
            "binned": binned(SURE - RIGHT, (SURE * 4).astype(int), ["1", "2", "3", "4"], ROWS),
            "auroc": auroc(("a", mean(SURE[low], rows=ROWS[low])), ("b", mean(SURE[high], rows=ROWS[high]))),
        }


def test_clusters_of_one_have_the_limits_of_independent_images_to_the_last_digit():
    alone, independent = made(np.arange(N) + 1000), made(None)
    for name, metric in alone.items():
        if name not in ("binned", "auroc"):
            assert limits(metric, 0.05) == limits(independent[name], 0.05), name
        assert limits(metric, 0.05) == pytest.approx(limits(independent[name], 0.05), abs=1e-12), name
        assert interval(metric, 0.95, "wilson") == pytest.approx(interval(independent[name], 0.95, "wilson")), name


def test_larger_clusters_have_wider_limits_whichever_metric():
    together, independent = made(np.arange(N) // 6), made(None)
    for name, metric in together.items():
        low, high = limits(metric, 0.05)
        least, most = limits(independent[name], 0.05)
        assert low <= least, name
        assert high >= most, name
        assert name == "crossing" or (low, high) != (least, most), name  # which only takes the radii asked for
        assert metric.value == independent[name].value


@pytest.mark.parametrize("clusters", [np.zeros(N, int), None], ids=["all in one", "unknown"])
def test_of_one_cluster_or_unknown_ones_nothing_is_inferred_and_a_gate_is_inconclusive(clusters):
    if clusters is None:
        with in_clusters({}):
            metric = proportion(RIGHT, rows=ROWS)
    else:
        metric = made(clusters)["proportion"]
    assert limits(metric, 0.05) == bounds(metric)
    verdict = judge({"accuracy": metric}, (Expectation("accuracy", min=0.01),), 0.95)
    assert verdict.status == "inconclusive"
    assert ("all its samples are of one cluster" if clusters is not None else "which of its samples") in verdict.message


def test_metrics_without_rows_are_unknown_and_noise_is_independent():
    with in_clusters(dict.fromkeys(ROWS.tolist(), 1)):
        assert limits(proportion(9, 10), 0.05) == (0.0, 1.0)
        noise = proportion(RIGHT, rows=-1 - np.arange(N))
    assert limits(noise, 0.05) == limits(proportion(RIGHT), 0.05)


def test_a_patient_on_both_sides_of_an_auroc_makes_it_worth_half_as_much():
    both = np.concatenate([np.arange(60), np.arange(60)])
    apart, shared = made(np.arange(N))["auroc"], made(both)["auroc"]
    assert limits(shared, 0.05)[0] < limits(apart, 0.05)[0]


def test_pairs_within_a_patient_move_the_limits_of_an_auroc_as_far_as_they_could_its_estimate():
    """Six patients of both sides, of whom each one's own pairs all agree and of the others' half: 1/6 + 5/6 / 2."""
    ours, theirs = np.repeat(np.arange(6), 3), np.repeat(np.arange(6), 2)
    rows = np.arange(30)
    known = dict(zip(rows.tolist(), np.concatenate([ours, theirs]).tolist(), strict=True))
    with in_clusters(known):
        area = auroc(("in", mean(ours + 0.5, rows=rows[:18])), ("out", mean(theirs * 1.0, rows=rows[18:])))
    assert pairs_within(ours, theirs) == np.equal.outer(ours, theirs).mean() == 1 / 6
    assert area.value == pytest.approx(1 / 6 + 5 / 12)
    low, high = rank_limits(area.value, 3, 0.05)
    assert limits(area, 0.05) == pytest.approx((max(0, (low - 1 / 6) / (5 / 6)), min(1, high / (5 / 6))))
    assert pairs_within(ours, theirs + 10) == 0


@pytest.mark.parametrize("told", ["opposite levels", "the wrong way round", "uneven patients, off by 0.2"])
def test_ranks_and_calibration_errors_hold_the_truth_by_clusters(told):
    [process] = [one for one in shapes.PROCESSES if told in one.name]
    ours, images = shapes.held(process, True, 60), shapes.held(process, False, 60)
    assert ours.covered >= 0.94
    assert max(ours.above, ours.below) <= 0.05
    assert images.covered < 0.94


def test_the_effective_number_is_the_textbook_s_for_equal_clusters():
    """n / (1 + (m - 1) rho), of clusters whose images are all the same: rho is 1."""
    values = np.repeat([1.0, 0.0, 1.0, 1.0], 25)
    assert effective(values, np.repeat(np.arange(4), 25)) == pytest.approx(4 * 3 / 4)  # as (G - 1) / G of G clusters
    with in_clusters({row: row // 5 for row in range(50)}):
        count, worth = independence(proportion(np.ones(50, bool), rows=np.arange(50)))
    assert (count, worth) == (10, 10.0)


def test_what_would_settle_it_is_told_for_clusters_too():
    known = {row: row // 4 for row in range(200)}
    with in_clusters(known):
        metric = proportion(np.arange(200) % 20 != 0, rows=np.arange(200))
    verdict = judge({"accuracy": metric}, (Expectation("accuracy", min=0.9),), 0.95)
    assert verdict.status == "inconclusive"
    assert "190/200 in 50 clusters" in verdict.message
    assert "samples would settle it" in verdict.message


@pytest.mark.parametrize("name", ["20 of 10, alike by 0.7, 90% right", "30 of 20, one in 20 all wrong"])
def test_intervals_of_clusters_hold_the_truth_where_those_of_images_don_t(name):
    process = next(one for one in PROCESSES if one.name == name)
    ours, images = held(process, "used", 150), held(process, "independent", 150)
    assert ours.covered >= 0.94
    assert ours.above <= 0.05
    assert images.covered < 0.7

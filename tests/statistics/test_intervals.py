"""Intervals hold what they promise, whatever is measured."""

import math
import os
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import beta, norm

from auditor.statistics.intervals import interval, limits
from auditor.statistics.pairs import change_limits, tango_limits
from auditor.statistics.shares import clean_sweep_needed
from auditor.values import Metric, crossing, highest, lowest, mean, median, proportion

confidences = st.sampled_from([0.8, 0.95, 0.99])
methods = st.sampled_from(["exact", "wilson"])


@st.composite
def proportions(draw):
    n = draw(st.integers(1, 500))
    return proportion(draw(st.integers(0, n)), n)


def means(least):
    return st.lists(st.floats(0, 1), min_size=least, max_size=6).map(lambda values: mean(values, (0.0, 1.0)))


# --- intervals of proportions


@given(metric=proportions(), confidence=confidences)
def test_the_exact_interval_is_made_of_beta_quantiles(metric, confidence):
    k, n, tail = metric.successes, metric.n, (1 - confidence) / 2
    low = beta.ppf(tail, k, n - k + 1) if k else 0.0
    high = beta.ppf(1 - tail, k + 1, n - k) if k < n else 1.0
    assert interval(metric, confidence) == pytest.approx((low, high), abs=1e-6)


@given(metric=proportions(), confidence=confidences)
def test_the_wilson_interval_is_wilsons_formula(metric, confidence):
    p, n, z = metric.value, metric.n, norm.ppf((1 + confidence) / 2)
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    assert interval(metric, confidence, "wilson") == pytest.approx((middle - half, middle + half), abs=1e-9)


@pytest.mark.parametrize(
    ("k", "n", "method", "low", "high"),
    [
        (0, 10, "exact", 0.0, 0.3085),
        (10, 100, "exact", 0.0490, 0.1762),
        # Newcombe, Two-sided confidence intervals for the single proportion, 1998, table I
        (81, 263, "exact", 0.2527, 0.3676),
        (81, 263, "wilson", 0.2553, 0.3662),
        (15, 148, "exact", 0.0578, 0.1617),
        (15, 148, "wilson", 0.0624, 0.1605),
        (0, 20, "exact", 0.0, 0.1684),
        (0, 20, "wilson", 0.0, 0.1611),
        (1, 29, "exact", 0.0009, 0.1776),
        (1, 29, "wilson", 0.0061, 0.1718),
    ],
)
def test_intervals_from_the_literature(k, n, method, low, high):
    assert interval(proportion(k, n), 0.95, method) == pytest.approx((low, high), abs=5.1e-5)


def test_no_samples_leave_every_proportion_possible():
    assert interval(proportion(0, 0), 0.95) == (0.0, 1.0)


def audits(truth: float, n: int) -> Counter[int]:
    """How many of 2000 audits, of n images each, find how many successes where the true rate is `truth`."""
    return Counter(np.random.default_rng(0).binomial(n, truth, 2000).tolist())


@pytest.mark.parametrize(("truth", "n"), [(0.5, 30), (0.97, 100), (0.02, 250)])
def test_the_exact_interval_covers_the_truth_as_often_as_it_says(truth, n):
    covered = 0
    for k, times in audits(truth, n).items():
        low, high = interval(proportion(k, n), 0.95)
        covered += times * (low <= truth <= high)
    assert covered / 2000 >= 0.95


# --- limits of means


@given(metric=means(least=1), confidence=confidences)
@settings(deadline=None)
def test_a_mean_lies_in_its_interval_and_the_interval_in_its_bounds(metric, confidence):
    low, high = interval(metric, confidence)
    assert -1e-9 <= low <= metric.value + 1e-9
    assert metric.value - 1e-9 <= high <= 1 + 1e-9


@given(metric=proportions(), confidence=confidences)
@settings(deadline=None)
def test_a_mean_of_noughts_and_ones_and_the_share_of_them_agree(metric, confidence):
    values = np.repeat([0.0, 1.0], [metric.n - metric.successes, metric.successes])
    assert interval(mean(values, (0.0, 1.0)), confidence) == pytest.approx(interval(metric, confidence), abs=1e-9)


@pytest.mark.parametrize("n", [1, 2, 5, 30])
@pytest.mark.parametrize("tail", [0.05, 0.005])
def test_the_lower_limit_of_a_mean_is_gaffkes(n, tail):
    """Against his own words: a quantile over draws of the gaps between ordered uniform numbers."""
    values, rng = np.random.default_rng(n).random(n), np.random.default_rng(0)
    ordered = np.sort(rng.random((200_000, n)), axis=1)
    gaps = np.diff(ordered, axis=1, prepend=0.0)  # the last gap, to 1, is that of the least possible value
    drawn = gaps @ values
    low, high = limits(mean(values, (0.0, 1.0)), tail)
    assert (drawn <= low).mean() == pytest.approx(tail, abs=4 * (tail / 200_000) ** 0.5)
    assert (1 - gaps @ (1 - values) >= high).mean() == pytest.approx(tail, abs=4 * (tail / 200_000) ** 0.5)


def test_equal_values_are_no_certainty_and_next_to_equal_ones_no_other_case():
    for values in ([0.86, 0.86], [0.5] * 20, [1.0] * 3):
        low, high = interval(mean(values, (0.0, 1.0)), 0.95)
        assert high - low > 0.1
        values[0] -= 1e-9
        assert interval(mean(values, (0.0, 1.0)), 0.95) == pytest.approx((low, high), abs=1e-6)


def test_many_values_take_no_other_limits_than_few_different_ones():
    """Beyond 512 different values they are put on a grid: as fine as not to be seen."""
    values = np.random.default_rng(0).beta(20, 1, 600)
    low, high = interval(mean(values, (0.0, 1.0)), 0.95)
    rounded = interval(mean(np.round(values * 400) / 400, (0.0, 1.0)), 0.95)
    assert rounded == pytest.approx((low, high), abs=2e-4)
    spread = 1.96 * values.std() / 600**0.5
    assert low < values.mean() - 0.9 * spread
    assert high > values.mean() + 0.9 * spread


def test_a_mean_s_limits_are_the_same_to_the_last_digit_however_many_threads_linear_algebra_has():
    code = (
        "import numpy as np; from auditor.statistics.means import mean_limits\n"
        "for n in (30, 200, 900): print(*mean_limits(np.random.default_rng(n).beta(0.3, 0.3, n), 0.0, 1.0, 0.05))"
    )
    told = [
        subprocess.run([sys.executable, "-c", code], env=os.environ | threads, capture_output=True, check=True).stdout
        for threads in ({"OPENBLAS_NUM_THREADS": "1"}, {"OPENBLAS_NUM_THREADS": "4"})
    ]
    assert len(told[0].split()) == 6
    assert told[0] == told[1]


def test_without_bounds_nothing_is_known_of_a_mean():
    """Bahadur and Savage, 1956: one value in a million may be as far off as it likes."""
    assert interval(mean([0.7, 0.8, 0.9]), 0.95) == (-math.inf, math.inf)
    assert interval(mean([0.7, 0.8, 0.9], (0.0, math.inf)), 0.95) == (-math.inf, math.inf)


def test_bounds_that_don_t_hold_are_refused():
    with pytest.raises(ValueError, match="don't lie within the bounds 0 to 1"):
        mean([0.5, 1.2], (0.0, 1.0))


# --- medians


def test_a_median_s_interval_holds_the_true_median_as_often_as_promised():
    draws = np.random.default_rng(0).exponential(size=(2000, 41))
    held = [low <= math.log(2) <= high for low, high in (interval(median(row), 0.9) for row in draws)]
    assert 0.89 <= np.mean(held) <= 0.97  # ranks are whole numbers, so it holds a little more often


def test_a_median_doesn_t_mind_what_was_never_found():
    values = np.array([0.1, 0.2, 0.3, 0.4, 0.5] * 10 + [np.inf] * 9)
    found = median(values)
    assert found.value == 0.3
    assert interval(found, 0.95)[1] <= 0.5


def test_few_values_leave_a_side_open():
    assert interval(median(np.array([0.4, 0.5])), 0.95) == (-math.inf, math.inf)
    assert interval(median(np.array([0.4, 0.5]), (0.0, 1.0)), 0.95) == (0.0, 1.0)


# --- how many clean successes it takes


@given(floor=st.floats(0.01, 0.999), confidence=confidences)
def test_a_clean_sweep_of_the_number_named_is_the_least_that_shows_it(floor, confidence):
    needed = clean_sweep_needed(floor, confidence)

    def shown(n):
        return limits(proportion(n, n), 1 - confidence)[0]

    assert shown(needed) >= floor - 1e-9
    assert needed == 1 or shown(needed - 1) < floor + 1e-9


def test_99_percent_takes_299_clean_successes_and_100_percent_more_than_there_are():
    assert clean_sweep_needed(0.99, 0.95) == 299
    assert clean_sweep_needed(1.0, 0.95) is None
    assert clean_sweep_needed(0.0, 0.95) == 1


# --- paired differences


def pairs(fell, rose, n):
    values = np.zeros(n)
    values[:fell], values[fell : fell + rose] = -1, 1
    return Metric("difference", (rose - fell) / n, n, values=values)


@st.composite
def counts(draw):
    n = draw(st.integers(2, 200))
    fell = draw(st.integers(0, n))
    return fell, draw(st.integers(0, n - fell)), n


@given(counts=counts(), confidence=confidences, method=methods)
@settings(deadline=None)
def test_a_difference_lies_in_its_interval_and_the_interval_turns_with_it(counts, confidence, method):
    fell, rose, n = counts
    low, high = interval(pairs(fell, rose, n), confidence, method)
    assert -1 <= low <= (rose - fell) / n <= high <= 1
    mirrored = interval(pairs(rose, fell, n), confidence, method)
    assert mirrored == pytest.approx((-high, -low), abs=1e-8)


@given(counts=counts(), confidence=confidences)
def test_tangos_limits_are_where_his_statistic_is_a_normal_quantile(counts, confidence):
    """The variance under each limit comes from maximising the likelihood numerically, not from the closed form."""
    from scipy.optimize import minimize_scalar

    fell, rose, n = counts
    z = norm.ppf((1 + confidence) / 2)
    for limit in tango_limits(fell, rose, n, (1 - confidence) / 2):
        if abs(limit) == 1:
            continue

        def loss(share, limit=limit):
            parts = ((fell, share), (rose, share + limit), (n - fell - rose, 1 - 2 * share - limit))
            return -sum(k * math.log(max(p, 1e-300)) for k, p in parts if k)

        span = (max(0.0, -limit), (1 - limit) / 2)
        share = minimize_scalar(loss, bounds=span, method="bounded", options={"xatol": 1e-12}).x
        spread = math.sqrt(max((2 * share + limit - limit**2) / n, 0))
        assert abs((rose - fell) / n - limit) == pytest.approx(z * spread, abs=2e-3)


@pytest.mark.parametrize("n", [1, 2, 20, 1000])
def test_tangos_limits_where_no_pair_changed_or_all_changed_alike(n):
    """With no pair changed the equation is d² = z² d (1 - d) / n, whose other root is z² / (n + z²)."""
    z2 = norm.ppf(0.95) ** 2
    assert tango_limits(0, 0, n, 0.05) == pytest.approx((-z2 / (n + z2), z2 / (n + z2)))
    low, high = tango_limits(n, 0, n, 0.05)
    assert (low, -1 < high < 1) == (-1, True)
    # All fell, and the likelihood of that is greatest where every pair that doesn't rise falls.
    share = (1 - high) / 2 if n * (1 + high) > 0 else 0
    assert high + 1 == pytest.approx(math.sqrt(z2 * (2 * share + high - high**2) / n), rel=1e-6)
    assert tango_limits(0, n, n, 0.05) == pytest.approx((-high, 1))


@pytest.mark.parametrize(("fall", "rise", "n"), [(0.02, 0.02, 200), (0.1, 0.05, 100), (0.005, 0.001, 500)])
def test_the_difference_covers_the_truth_as_often_as_it_says(fall, rise, n):
    drawn = np.random.default_rng(0).multinomial(n, (fall, rise, 1 - fall - rise), 2000)
    covered = {change_limits: 0, tango_limits: 0}
    for (fell, rose, _), times in Counter(map(tuple, drawn.tolist())).items():
        for method in covered:
            low, high = method(fell, rose, n, 0.025)
            covered[method] += times * (low <= rise - fall <= high)
    assert covered[change_limits] / 2000 >= 0.95
    assert covered[tango_limits] / 2000 >= 0.9


def test_where_all_that_changed_changed_alike_a_difference_has_the_limits_of_a_share():
    """And the whole risk of each, where two exact limits together have half."""
    for fell in (0, 3, 20):
        low, _ = change_limits(fell, 0, 20, 0.05)
        assert low == pytest.approx(-(beta.ppf(0.95, fell + 1, 20 - fell) if fell < 20 else 1.0))
    assert change_limits(0, 0, 2, 0.05)[0] < -0.7, "two images show nothing"


# --- extremes


def test_every_group_must_show_what_is_said_of_the_lowest():
    groups = {"a": proportion(55, 55), "b": proportion(52, 52), "c": proportion(1, 1)}
    low, high = limits(lowest(groups), 0.05)
    assert low == pytest.approx(0.05), "the one image of c"
    assert high == 1
    assert limits(lowest({**groups, "d": proportion(0, 0)}), 0.05)[0] == 0, "nothing is known of d"


def test_what_choosing_makes_look_better_is_shared_among_the_groups():
    groups = {str(i): proportion(k, 50) for i, k in enumerate((30, 35, 40, 45))}
    low, high = limits(lowest(groups), 0.05)
    assert low == pytest.approx(beta.ppf(0.05, 30, 21))
    assert high == pytest.approx(beta.ppf(1 - 0.05 / 4, 31, 20))
    low, high = limits(highest(groups), 0.05)
    assert low == pytest.approx(beta.ppf(0.05 / 4, 45, 6))
    assert high == pytest.approx(beta.ppf(0.95, 46, 5))


# --- the radius at which half are broken


def test_a_radius_is_shown_by_the_exact_limits_at_each_radius():
    held = np.zeros((3, 100), bool)
    held[0, :90], held[1, :55], held[2, :20] = True, True, True
    found = crossing([0.1, 0.2, 0.3], held)
    assert found.value == 0.3
    # At 0.2 neither that half hold is sure, nor that half are broken.
    assert interval(found, 0.95) == (0.1, 0.3)
    every = crossing([0.1, 0.2], np.ones((2, 100), bool))
    assert every.value == math.inf
    assert interval(every, 0.95) == (0.2, math.inf), "past the last radius nobody has looked"
    few = crossing([0.1, 0.2], np.ones((2, 3), bool))
    assert interval(few, 0.95) == (0.0, math.inf)
    none = crossing([0.1, 0.2], np.zeros((2, 100), bool))
    assert interval(none, 0.95) == (0.0, 0.1), "half may be broken well before the first radius"


def test_radii_that_print_alike_are_told_apart():
    held = np.array([[True] * 9 + [False], [False] * 10])
    metric = crossing([0.1, 0.1000001], held)
    assert (metric.value, [share.successes for share in metric.groups.values()]) == (0.1000001, [9, 0])

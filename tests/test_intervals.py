"""Intervals hold what they promise, whatever is measured."""

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import beta, norm

from auditor.core import Metric, mean, median, proportion
from auditor.intervals import clean_sweep_needed, difference_interval, interval

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


# --- intervals of means


@pytest.mark.parametrize("draw", ["uniform", "exponential"])
def test_the_bootstrap_interval_covers_the_mean_about_as_often_as_it_says(draw):
    rng = np.random.default_rng(1)
    truth = {"uniform": 0.5, "exponential": 1.0}[draw]
    found = [interval(mean(getattr(rng, draw)(size=60)), 0.95) for _ in range(200)]
    assert 0.9 <= np.mean([low <= truth <= high for low, high in found]) <= 0.99


@given(metric=means(least=2), confidence=confidences)
@settings(deadline=None)
def test_a_mean_lies_in_its_interval_and_the_interval_in_its_bounds(metric, confidence):
    low, high = interval(metric, confidence)
    assert -1e-9 <= low <= metric.value + 1e-9
    assert metric.value - 1e-9 <= high <= 1 + 1e-9


def test_the_same_values_have_the_same_interval():
    values = mean(np.random.default_rng(0).random(50))
    assert interval(values, 0.95) == interval(values, 0.95)


@pytest.mark.parametrize(("constant", "k"), [(0.0, 0), (0.5, 10), (1.0, 20)])
def test_equal_values_within_bounds_are_as_uncertain_as_coin_flips(constant, k):
    assert interval(mean([constant] * 20, (0.0, 1.0)), 0.95) == pytest.approx(interval(proportion(k, 20), 0.95))
    low, high = interval(mean([10 * constant - 5] * 20, (-5.0, 5.0)), 0.95)
    assert ((low + 5) / 10, (high + 5) / 10) == pytest.approx(interval(proportion(k, 20), 0.95))


def test_one_value_tells_no_more_than_the_bounds():
    assert interval(mean([0.7], (0.0, 1.0)), 0.95) == (0.0, 1.0)
    assert interval(mean([0.7]), 0.95) == (-math.inf, math.inf)


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


@given(floor=st.floats(0.01, 0.999), confidence=confidences, method=methods)
def test_a_clean_sweep_of_the_number_named_is_the_least_that_shows_it(floor, confidence, method):
    needed = clean_sweep_needed(floor, confidence, method)

    def shown(n):
        return interval(proportion(n, n), 2 * confidence - 1, method)[0]

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
    for limit in interval(pairs(fell, rose, n), confidence, "wilson"):
        if abs(limit) > 0.97 or abs(limit) < 1e-6:
            continue

        def loss(share, limit=limit):
            parts = ((fell, share), (rose, share + limit), (n - fell - rose, 1 - 2 * share - limit))
            return -sum(k * math.log(max(p, 1e-300)) for k, p in parts if k)

        span = (max(0.0, -limit), (1 - limit) / 2)
        share = minimize_scalar(loss, bounds=span, method="bounded", options={"xatol": 1e-12}).x
        spread = math.sqrt(max((2 * share + limit - limit**2) / n, 0))
        assert abs((rose - fell) / n - limit) == pytest.approx(z * spread, abs=2e-3)


@pytest.mark.parametrize(("fall", "rise", "n"), [(0.02, 0.02, 200), (0.1, 0.05, 100), (0.005, 0.001, 500)])
def test_the_exact_difference_covers_the_truth_as_often_as_it_says(fall, rise, n):
    drawn = np.random.default_rng(0).multinomial(n, (fall, rise, 1 - fall - rise), 2000)
    covered = {"exact": 0, "wilson": 0}
    for (fell, rose, _), times in Counter(map(tuple, drawn.tolist())).items():
        for method in covered:
            low, high = difference_interval(fell, rose, n, 0.025, method)
            covered[method] += times * (low <= rise - fall <= high)
    assert covered["exact"] / 2000 >= 0.95
    assert covered["wilson"] / 2000 >= 0.9

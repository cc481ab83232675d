"""Verdicts: total, monotone, never a pass without evidence, and with intervals that hold what they promise."""

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.stats import beta, norm

from auditor.core import Diagnostic, Expectation, Metric, exact, mean, median, proportion
from auditor.intervals import interval
from auditor.verdict import judge, samples_to_settle

RANK = ("pass", "inconclusive", "fail", "error")
SUSPECT = Diagnostic("zero gradients", False, "all gradients were zero")

shares = st.floats(0, 1)
confidences = st.sampled_from([0.8, 0.95, 0.99])
methods = st.sampled_from(["exact", "wilson"])


@st.composite
def proportions(draw, least=1):
    n = draw(st.integers(least, 500))
    return proportion(draw(st.integers(0, n)), n)


def means(least=1):
    return st.lists(shares, min_size=least, max_size=6).map(lambda values: mean(values, (0.0, 1.0)))


def medians():
    return st.lists(shares, min_size=1, max_size=6).map(lambda values: median(np.array(values), (0.0, 1.0)))


metrics = proportions() | means() | medians() | shares.map(exact)


def status(metric: Metric, low: float | None, high: float | None, confidence=0.95, method="exact", **more) -> str:
    return judge({"m": metric}, [Expectation("m", low, high)], confidence, method, **more).status


# --- what every verdict owes


@given(
    metric=proportions(least=0) | st.floats().map(exact) | st.lists(st.floats(), max_size=4).map(mean) | means(least=0),
    low=st.none() | st.floats(allow_nan=False),
    high=st.none() | st.floats(allow_nan=False),
)
@settings(deadline=None)
@pytest.mark.filterwarnings("ignore:(invalid value|overflow) encountered")
def test_every_metric_gets_a_verdict_and_no_nan_passes(metric, low, high):
    verdict = judge({"m": metric}, [Expectation("m", low, high)], 0.95)
    assert verdict.message
    if metric.n == 0 or not math.isfinite(metric.value):
        assert verdict.status == "error"


@given(metric=metrics, low=shares, by=shares, confidence=confidences, method=methods)
@settings(deadline=None)
def test_a_lower_floor_never_makes_it_worse(metric, low, by, confidence, method):
    strict, lax = (status(metric, floor, None, confidence, method) for floor in (low, low - by))
    assert RANK.index(lax) <= RANK.index(strict)


@given(metric=metrics, high=shares, by=shares, confidence=confidences, method=methods)
@settings(deadline=None)
def test_a_higher_ceiling_never_makes_it_worse(metric, high, by, confidence, method):
    strict, lax = (status(metric, None, ceiling, confidence, method) for ceiling in (high, high + by))
    assert RANK.index(lax) <= RANK.index(strict)


@given(metric=metrics, low=shares, high=shares)
@settings(deadline=None)
def test_two_bounds_are_as_strict_as_the_stricter(metric, low, high):
    worst = max(status(metric, low, None), status(metric, None, high), key=RANK.index)
    assert status(metric, low, high) == worst


@given(metric=metrics, low=shares, confidence=confidences)
@settings(deadline=None)
def test_a_failed_diagnostic_voids_a_pass_and_changes_nothing_else(metric, low, confidence):
    before = status(metric, low, None, confidence)
    after = judge({"m": metric}, [Expectation("m", low)], confidence, diagnostics=[SUSPECT])
    assert after.status == ("inconclusive" if before == "pass" else before)
    assert ("all gradients were zero" in after.message) == (before == "pass")


@given(value=shares, low=shares)
def test_an_exact_number_passes_or_fails(value, low):
    assert status(exact(value), low, None) == ("pass" if value >= low else "fail")


@pytest.mark.parametrize("nothing", [proportion(0, 0), proportion(np.zeros(0, bool)), mean([], (0.0, 1.0)), mean([])])
def test_nothing_measured_is_an_error_even_where_any_value_would_do(nothing):
    verdict = judge({"m": nothing}, [Expectation("m", 0.0, 1.0)], 0.95)
    assert verdict.status == "error"
    assert verdict.message == "m has no value: there was nothing to measure it on"


@pytest.mark.parametrize("broken", [mean([0.5, math.nan]), exact(math.nan), exact(math.inf)])
def test_a_value_that_is_no_number_is_an_error(broken):
    assert judge({"m": broken}, [Expectation("m", max=math.inf)], 0.95).status == "error"


def test_a_metric_that_was_not_measured_is_an_error_that_names_those_that_were():
    verdict = judge({"a": exact(1), "b": exact(2)}, [Expectation("c", min=0)], 0.95)
    assert (verdict.status, verdict.message) == ("error", "c was not measured (measured: a, b)")


def test_nothing_expected_passes_unless_the_measurement_is_suspect():
    assert judge({"m": proportion(0, 0)}, [], 0.95).status == "pass"
    assert judge({"m": exact(1)}, [], 0.95, diagnostics=[SUSPECT]).status == "inconclusive"
    assert judge({"m": exact(1)}, [], 0.95, diagnostics=[Diagnostic("fine", True, "")]).status == "pass"


def test_the_worst_finding_decides_and_explains():
    metrics = {"good": proportion(100, 100), "near": proportion(91, 100), "bad": proportion(50, 100)}
    verdict = judge(metrics, [Expectation("good", 0.5), Expectation("near", 0.9), Expectation("bad", 0.9)], 0.95)
    assert verdict.status == "fail"
    assert verdict.message == "bad is 0.5 (50/100, 95% interval 0.3983 to 0.6017): violates bad ≥ 0.9"
    assert [finding.status for finding in verdict.findings] == ["pass", "inconclusive", "fail"]


@pytest.mark.parametrize(("confidence", "shown"), [(0.95, "95%"), (0.995, "99.5%"), (0.999, "99.9%")])
def test_the_message_gives_the_confidence_without_rounding(confidence, shown):
    assert f"{shown} interval" in judge({"m": proportion(5, 9)}, [Expectation("m", 0.1)], confidence).message


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


@pytest.mark.parametrize(("truth", "n"), [(0.89, 200), (0.8999, 1000)])
def test_a_classifier_below_its_floor_hardly_ever_passes(truth, n):
    passed = sum(times for k, times in audits(truth, n).items() if status(proportion(k, n), 0.9, None) == "pass")
    assert passed / 2000 <= 0.025


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
    verdict = judge({"m": mean([0.7], (0.0, 1.0))}, [Expectation("m", 0.5)], 0.95)
    assert verdict.status == "inconclusive"
    assert verdict.message.endswith("a single value says nothing about the spread; measure more")


# --- how many samples would settle it


def test_all_successes_settle_99_percent_with_368_samples():
    """0.025 ** (1 / n) ≥ 0.99 from n = 368 on: the two-sided interval spends half its risk on each side."""
    assert status(proportion(367, 367), 0.99, None) == "inconclusive"
    assert status(proportion(368, 368), 0.99, None) == "pass"
    verdict = judge({"m": proportion(100, 100)}, [Expectation("m", 0.99)], 0.95)
    assert verdict.status == "inconclusive"
    assert verdict.message.endswith("but the interval reaches past it; about 368 samples would settle it")


@given(metric=proportions(), low=shares, confidence=confidences, method=methods)
@settings(deadline=None)
def test_the_number_of_samples_named_does_settle_it(metric, low, confidence, method):
    assume(low + 0.02 < metric.value)
    needed = samples_to_settle(metric, Expectation("m", low), confidence, method)
    assert needed >= metric.n
    more = proportion(round(metric.value * needed), needed)
    assert status(more, low, None, confidence, method) == "pass"


@given(n=st.integers(1, 60), low=st.floats(0.5, 0.999), confidence=confidences)
@settings(deadline=None)
def test_no_smaller_number_would_do_by_more_than_a_hundredth(n, low, confidence):
    needed = samples_to_settle(proportion(n, n), Expectation("m", low), confidence)
    least = max(n, math.ceil(math.log((1 - confidence) / 2) / math.log(low) - 1e-9))
    assert least <= needed <= least * 1.02 + 1


def test_the_number_for_a_mean_shrinks_its_standard_error_enough():
    values = np.random.default_rng(0).random(100)
    needed = samples_to_settle(mean(values, (0.0, 1.0)), Expectation("m", values.mean() - 0.02), 0.95)
    assert needed == pytest.approx((1.96 * values.std() / 0.02) ** 2, rel=0.1)


def test_the_number_for_equal_values_is_that_of_the_interval_they_are_judged_by():
    assert samples_to_settle(mean([1.0] * 100, (0.0, 1.0)), Expectation("m", 0.99), 0.95) == pytest.approx(368, abs=4)


def test_an_estimate_on_its_bound_is_never_settled():
    assert samples_to_settle(proportion(90, 100), Expectation("m", 0.9), 0.95) is None
    message = judge({"m": proportion(90, 100)}, [Expectation("m", 0.9)], 0.95).message
    assert message.endswith("it is too near for any practical number of samples to settle it")
    assert samples_to_settle(exact(0.9), Expectation("m", 0.9), 0.95) is None
    assert samples_to_settle(proportion(0, 0), Expectation("m", 0.9), 0.95) is None


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
    assert status(found, 0.15, None) == "pass"


def test_few_values_leave_a_side_open():
    assert interval(median(np.array([0.4, 0.5])), 0.95) == (-math.inf, math.inf)
    assert interval(median(np.array([0.4, 0.5]), (0.0, 1.0)), 0.95) == (0.0, 1.0)


def test_how_many_samples_would_settle_a_median():
    values = np.random.default_rng(1).random(60)
    found, wanted = median(values), Expectation("m", min=float(np.median(values)) - 0.02)
    needed = samples_to_settle(found, wanted, 0.95)
    assert needed is not None
    assert needed > 60


# --- what a suspect attack can flatter


WEAK = Diagnostic("one step", False, "a single step does better", ("robust_accuracy",), ("attack_success_rate",))


@pytest.mark.parametrize(
    ("expectation", "wanted"),
    [
        (Expectation("robust_accuracy", min=0.5), "inconclusive"),
        (Expectation("robust_accuracy.0.1", min=0.5), "inconclusive"),
        (Expectation("robust_accuracy", max=0.95), "pass"),  # a stronger attack would only leave less
        (Expectation("attack_success_rate", max=0.95), "inconclusive"),
        (Expectation("attack_success_rate", min=0.5), "pass"),
        (Expectation("clean_accuracy", min=0.5), "pass"),
    ],
    ids=str,
)
def test_a_weak_attack_voids_what_it_flatters_and_nothing_else(expectation, wanted):
    verdict = judge({expectation.metric: proportion(800, 1000)}, [expectation], 0.95, diagnostics=[WEAK])
    assert verdict.status == wanted
    if wanted == "inconclusive":
        assert verdict.message.endswith("the measurement itself is suspect (one step: a single step does better)")
        assert verdict.findings[0].status == "inconclusive"


def test_a_weak_attack_doesn_t_void_what_only_describes():
    assert judge({"robust_accuracy": proportion(8, 10)}, [], 0.95, diagnostics=[WEAK]).status == "pass"

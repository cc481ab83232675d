"""Verdicts: total, monotone, never a pass without evidence, and with intervals that hold what they promise."""

import math
from collections import Counter

import numpy as np
import pytest
import scipy.stats
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from auditor.judging.prospect import samples_to_settle
from auditor.judging.verdict import as_told_before, holm, judge
from auditor.values import (
    Baseline,
    Diagnostic,
    Expectation,
    Metric,
    crossing,
    exact,
    highest,
    lowest,
    mean,
    median,
    proportion,
)

RANK = ("descriptive", "pass", "inconclusive", "fail", "error")
HARMLESS = RANK[:2]
EASY = Expectation("n", min=0.5)
SUSPECT = Diagnostic("zero gradients", False, "all gradients were zero")

shares = st.floats(0, 1)
confidences = st.sampled_from([0.8, 0.95, 0.99])


@st.composite
def proportions(draw, least=1):
    n = draw(st.integers(least, 500))
    return proportion(draw(st.integers(0, n)), n)


def means(least=1):
    return st.lists(shares, min_size=least, max_size=6).map(lambda values: mean(values, (0.0, 1.0)))


def medians():
    return st.lists(shares, min_size=1, max_size=6).map(lambda values: median(np.array(values), (0.0, 1.0)))


def extremes():
    groups = st.lists(proportions(), min_size=1, max_size=4).map(lambda parts: {str(i): g for i, g in enumerate(parts)})
    return st.tuples(st.sampled_from([lowest, highest]), groups).map(lambda pair: pair[0](pair[1]))


@st.composite
def crossings(draw):
    n = draw(st.integers(1, 40))
    counts = sorted(draw(st.lists(st.integers(0, n), min_size=2, max_size=5)), reverse=True)
    return crossing(np.linspace(0.1, 0.9, len(counts)), np.array([np.arange(n) < k for k in counts]))


metrics = proportions() | means() | medians() | shares.map(exact) | extremes() | crossings()


def status(metric: Metric, low: float | None, high: float | None, confidence=0.95, **more) -> str:
    return judge({"m": metric}, [Expectation("m", low, high)], confidence, **more).status


# --- what every verdict owes


anything = proportions(least=0) | st.floats().map(exact) | st.lists(st.floats(), max_size=4).map(mean) | means(least=0)


@given(
    metric=anything | medians() | extremes() | crossings(),
    low=st.none() | st.floats(allow_nan=False),
    high=st.none() | st.floats(allow_nan=False),
)
@settings(deadline=None)
@pytest.mark.filterwarnings("ignore:(invalid value|overflow) encountered")
def test_every_metric_gets_a_verdict_and_no_nan_passes(metric, low, high):
    verdict = judge({"m": metric}, [Expectation("m", low, high)], 0.95)
    assert verdict.message
    # Infinite is a value for the radius at which half of the samples fall: none of the radii that were tried.
    if metric.n == 0 or math.isnan(metric.value) or (math.isinf(metric.value) and metric.kind != "crossing"):
        assert verdict.status == "error"


@pytest.mark.parametrize("floor", [0.0, -0.0, -1e-300, -0.5, -1.0, -7.0, -math.inf])
def test_what_no_share_can_fall_short_of_needs_no_more_samples(floor):
    # One miss of two leaves a ceiling of 0.9 open; a floor of nothing asks for nothing, below it or at it.
    assert samples_to_settle(proportion(0, 5), Expectation("m", floor), 0.95) == 5
    assert samples_to_settle(proportion(5, 5), Expectation("m", None, 1 - floor), 0.95) == 5
    alone = samples_to_settle(proportion(1, 2), Expectation("m", None, 0.9), 0.95)
    assert samples_to_settle(proportion(1, 2), Expectation("m", floor, 0.9), 0.95) == alone > 2


@given(metric=metrics, low=shares, by=shares, confidence=confidences)
@settings(deadline=None)
def test_a_lower_floor_never_makes_it_worse(metric, low, by, confidence):
    strict, lax = (status(metric, floor, None, confidence) for floor in (low, low - by))
    assert RANK.index(lax) <= RANK.index(strict)


@given(metric=metrics, high=shares, by=shares, confidence=confidences)
@settings(deadline=None)
def test_a_higher_ceiling_never_makes_it_worse(metric, high, by, confidence):
    strict, lax = (status(metric, None, ceiling, confidence) for ceiling in (high, high + by))
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
    assert after.status == ("inconclusive" if before in HARMLESS else before)
    assert ("all gradients were zero" in after.message) == (before in HARMLESS)


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


def test_nothing_expected_is_descriptive_unless_the_measurement_is_suspect():
    assert judge({"m": proportion(0, 0)}, [], 0.95).status == "descriptive"
    assert judge({"m": exact(1)}, [], 0.95, diagnostics=[SUSPECT]).status == "inconclusive"
    assert judge({"m": exact(1)}, [], 0.95, diagnostics=[Diagnostic("fine", True, "")]).status == "descriptive"


@pytest.mark.parametrize(
    ("metric", "low", "high", "claims"),
    [
        (proportion(0, 100), 0.0, None, False),
        (proportion(100, 100), None, 1.0, False),
        (proportion(0, 100), 0.0, 1.0, False),
        (proportion(0, 100), 0.0, 0.5, True),
        (proportion(50, 100), 1e-9, None, True),
        (lowest({"a": proportion(0, 9), "b": proportion(9, 9)}), 0.0, None, False),
        (mean([0.2, 0.4], (-1.0, 1.0)), -1.0, None, False),
        (mean([0.2, 0.4], (-1.0, 1.0)), 0.0, None, True),
        (median(np.array([1.0, np.inf, 2.0]), (0.0, np.inf)), 0.0, None, False),
        (crossing([0.1, 0.2], np.zeros((2, 9), bool)), 0.0, None, False),
        (exact(3), 0.0, None, True),
    ],
)
def test_a_gate_that_no_value_violates_claims_nothing(metric, low, high, claims):
    """0 of 100 hold, and `min: 0` is satisfied: no pass. Ranges are the kind's, [0, 1], or the metric's bounds."""
    verdict = judge({"m": metric}, [Expectation("m", low, high)], 0.95)
    assert (verdict.status != "descriptive") == claims
    assert ("claims nothing: it" in verdict.message) != claims
    beside = judge({"m": metric, "n": proportion(400, 400)}, [Expectation("m", low, high), Expectation("n", 0.9)], 0.95)
    assert beside.status in ("pass", "inconclusive", "fail"), "a gate that does claim something is judged beside it"


def test_a_margin_as_wide_as_all_shares_claims_nothing():
    rows = np.arange(50)
    now, before = {"m": proportion(rows < 0, rows=rows)}, Baseline("then", "", {"m": proportion(rows < 50, rows=rows)})
    for room, status in ((-1.0, "descriptive"), (-0.99, "fail")):
        assert judge(now, [Expectation("m", room, None, True)], 0.95, baseline=before).status == status


@pytest.mark.parametrize(
    ("k", "wanted", "told"),
    [
        (111, Expectation("m", max=0.05, share=True), "at least 49.4%"),
        (12, Expectation("m", max=0.05, share=True), "at least 3.4%"),
        (111, Expectation("m", min=0.9, share=True), "at most 61.5%"),
        (111, Expectation("m", min=0.2, max=0.4, share=True), "at least 49.4%"),
    ],
)
def test_a_fail_tells_the_limit_that_speaks_for_it(k, wanted, told):
    """Of 200: how good it may be at best, by the quantiles of beta distributions, rounded outwards."""
    low, high = scipy.stats.beta.ppf([0.05, 0.95], [k, k + 1], [200 - k + 1, 200 - k])
    known = {"at least": math.floor(1000 * low) / 10, "at most": math.ceil(1000 * high) / 10}
    assert float(told.split()[2].rstrip("%")) == known[told.rsplit(" ", 1)[0]]
    verdict = judge({"m": proportion(k, 200)}, [wanted], 0.95)
    assert verdict.status == "fail"
    assert f"({k}/200, {told} with 95% confidence): violates" in verdict.message


def test_a_fail_in_the_words_of_earlier_versions_had_its_gates_own_limit():
    verdict = judge({"m": proportion(111, 200), "n": proportion(200, 200)}, [EASY, Expectation("m", max=0.05)], 0.95)
    earlier = as_told_before(verdict)
    assert "m is 0.555 (111/200, at most 0.615 with 95% confidence): violates m ≤ 0.05" in earlier.message
    assert earlier.findings[0] == verdict.findings[0]
    assert earlier.findings[1].message == earlier.message


def test_the_worst_finding_decides_and_explains():
    metrics = {"good": proportion(100, 100), "near": proportion(91, 100), "bad": proportion(50, 100)}
    verdict = judge(metrics, [Expectation("good", 0.5), Expectation("near", 0.9), Expectation("bad", 0.9)], 0.95)
    assert verdict.status == "fail"
    assert verdict.message == "bad is 0.5 (50/100, at most 0.587 with 95% confidence): violates bad ≥ 0.9"
    assert [finding.status for finding in verdict.findings] == ["pass", "inconclusive", "fail"]


@pytest.mark.parametrize(("confidence", "shown"), [(0.95, "95%"), (0.995, "99.5%"), (0.999, "99.9%")])
def test_the_message_gives_the_confidence_without_rounding(confidence, shown):
    assert f"with {shown} confidence" in judge({"m": proportion(5, 9)}, [Expectation("m", 0.1)], confidence).message


def audits(truth: float, n: int) -> Counter[int]:
    """How many of 2000 audits, of n images each, find how many successes where the true rate is `truth`."""
    return Counter(np.random.default_rng(0).binomial(n, truth, 2000).tolist())


@pytest.mark.parametrize(("truth", "n"), [(0.89, 200), (0.8999, 1000)])
def test_a_classifier_below_its_floor_hardly_ever_passes(truth, n):
    passed = sum(times for k, times in audits(truth, n).items() if status(proportion(k, n), 0.9, None) == "pass")
    assert passed / 2000 <= 0.05


def test_a_single_value_settles_nothing():
    verdict = judge({"m": mean([0.7], (0.0, 1.0))}, [Expectation("m", 0.5)], 0.95)
    assert verdict.status == "inconclusive"
    assert verdict.message.endswith("a single value says nothing about the spread; measure more")


# --- how many samples would settle it


def test_all_successes_settle_99_percent_with_299_samples():
    """0.05 ** (1 / n) ≥ 0.99 from n = 299 on: a floor is a one-sided question."""
    assert status(proportion(298, 298), 0.99, None) == "inconclusive"
    assert status(proportion(299, 299), 0.99, None) == "pass"
    assert status(proportion(0, 298), None, 0.01) == "inconclusive"
    assert status(proportion(0, 299), None, 0.01) == "pass"
    verdict = judge({"m": proportion(100, 100)}, [Expectation("m", 0.99)], 0.95)
    assert verdict.status == "inconclusive"
    told = "but the interval reaches past it; about 299 samples would settle it, nine times in ten if the estimate is"
    assert told in verdict.message


@given(metric=proportions(), low=shares, confidence=confidences)
@settings(deadline=None)
def test_the_number_of_samples_named_does_settle_it(metric, low, confidence):
    assume(0 < low < metric.value - 0.02)
    needed = samples_to_settle(metric, Expectation("m", low), confidence)
    assert needed >= metric.n
    more = proportion(round(metric.value * needed), needed)
    assert status(more, low, None, confidence) == "pass"


def test_the_number_named_settles_it_nine_times_in_ten():
    """95 of 100 for a floor of 0.9: by SciPy's binomial alone, the first n from which on it always is so probable."""
    from scipy.stats import binom

    def power(n):
        return binom.sf(binom.isf(0.05, n, 0.9), n, 0.95)

    n = np.arange(100, 500)
    first = n[power(n) < 0.9].max() + 1
    assert samples_to_settle(proportion(95, 100), Expectation("m", 0.9), 0.95) == first
    assert power(256) >= 0.9 > power(116) + 0.25
    low_side = samples_to_settle(proportion(5, 100), Expectation("m", max=0.1), 0.95)
    assert low_side == first


@given(n=st.integers(1, 60), low=st.floats(0.5, 0.999), confidence=confidences)
@settings(deadline=None)
def test_no_smaller_number_would_do_by_more_than_a_hundredth(n, low, confidence):
    needed = samples_to_settle(proportion(n, n), Expectation("m", low), confidence)
    least = max(n, math.ceil(math.log(1 - confidence) / math.log(low) - 1e-9))
    assert least <= needed <= least * 1.02 + 1


def test_the_number_for_a_mean_shrinks_its_standard_error_enough():
    values = np.random.default_rng(0).random(100)
    needed = samples_to_settle(mean(values, (0.0, 1.0)), Expectation("m", values.mean() - 0.02), 0.95)
    assert needed == pytest.approx(((1.645 + 1.282) * values.std() / 0.02) ** 2, rel=0.1)


def test_the_number_for_equal_values_is_that_of_the_interval_they_are_judged_by():
    assert samples_to_settle(mean([1.0] * 100, (0.0, 1.0)), Expectation("m", 0.99), 0.95) == pytest.approx(299, abs=3)


def test_an_estimate_on_its_bound_is_never_settled():
    assert samples_to_settle(proportion(90, 100), Expectation("m", 0.9), 0.95) is None
    message = judge({"m": proportion(90, 100)}, [Expectation("m", 0.9)], 0.95).message
    assert message.endswith("it is too near for any practical number of samples to settle it")
    assert samples_to_settle(exact(0.9), Expectation("m", 0.9), 0.95) is None
    assert samples_to_settle(proportion(0, 0), Expectation("m", 0.9), 0.95) is None


def test_how_many_samples_would_settle_a_median():
    values = np.random.default_rng(1).random(60)
    found, wanted = median(values), Expectation("m", min=float(np.median(values)) - 0.02)
    needed = samples_to_settle(found, wanted, 0.95)
    assert needed is not None
    assert needed > 60


# --- extremes and radii


def test_an_image_of_one_class_shows_nothing_of_the_worst():
    """55/55, 52/52 and 1/1 right: the floor is open, and with none of the last it says so by name."""
    classes = {"0": proportion(55, 55), "1": proportion(52, 52), "2": proportion(1, 1)}
    assert status(lowest(classes), 0.85, None) == "inconclusive"
    assert status(lowest({"0": classes["0"], "1": classes["1"]}), 0.85, None) == "pass"
    verdict = judge({"m": lowest({**classes, "2": proportion(0, 0)})}, [Expectation("m", 0.85)], 0.95)
    assert verdict.status == "inconclusive"
    assert verdict.message.endswith("there are no samples of 2, so that nothing is known of it")


@pytest.mark.parametrize(("truths", "bound"), [((0.99, 0.99, 0.5), "min"), ((0.9, 0.9, 0.9, 0.9, 0.9), "max")])
def test_an_extreme_passes_falsely_as_seldom_as_promised(truths, bound):
    """The worst of three, of which one class has next to no image; and a ceiling for the worst of five equal ones."""
    rng, wrong, sizes = np.random.default_rng(0), 0, (55, 52, 1) if bound == "min" else (60,) * 5
    for _ in range(2000):
        drawn = {
            str(i): proportion(int(rng.binomial(n, p)), n) for i, (n, p) in enumerate(zip(sizes, truths, strict=True))
        }
        floor, ceiling = (0.85, None) if bound == "min" else (None, min(truths) - 1e-9)
        wrong += status(lowest(drawn), floor, ceiling) == "pass"
    assert wrong / 2000 <= 0.05 + 3 * (0.05 * 0.95 / 2000) ** 0.5


def test_more_than_the_last_radius_is_a_value():
    every = crossing([0.1, 0.2], np.ones((2, 100), bool))
    verdict = judge({"half_eps": every}, [Expectation("half_eps", min=0.01)], 0.95)
    assert verdict.status == "pass"
    assert "half_eps is more than 0.2, the last radius asked for (n = 100, at least 0.2" in verdict.message
    assert status(every, None, 0.2) == "fail"
    few = crossing([0.1, 0.2], np.ones((2, 3), bool))
    assert status(few, 0.15, None) == "inconclusive"
    unreached = median(np.full(30, np.inf), (0.0, np.inf))
    assert status(unreached, 0.3, None) == "pass", "nothing was found nearer, for any image"
    assert status(median(np.array([0.1] * 14 + [np.inf] * 16), (0.0, np.inf)), 0.3, None) == "inconclusive"


@pytest.mark.parametrize(
    ("held", "floor"),
    [
        ((100, 100), 0.3),  # past the last radius
        ((100, 0), 0.15),  # between two: half may be broken at 0.11
        ((0, 0), 0.05),  # before the first: half may be broken at once
        ((0, 0), 0.1),
    ],
)
def test_where_nobody_looked_no_radius_is_shown(held, floor):
    found = crossing([0.1, 0.2], np.array([np.arange(100) < k for k in held]))
    verdict = judge({"half_eps": found}, [Expectation("half_eps", min=floor)], 0.95)
    assert verdict.status == "inconclusive"
    assert verdict.message.endswith("what lies between two radii, or past the last, wasn't looked at")


def test_a_floor_under_a_radius_is_settled_by_the_share_at_the_next():
    """80 of 100 at 0.2 show 0.15, and 60 of 100 show nothing yet: exact limits of a share, by SciPy's own."""
    from scipy.stats import beta

    assert beta.ppf(0.05, 80, 21) > 0.5 > beta.ppf(0.05, 55, 46)
    for held, wanted in ((80, "pass"), (55, "inconclusive")):
        found = crossing([0.1, 0.2, 0.3], np.array([np.arange(100) < k for k in (100, held, 0)]))
        assert status(found, 0.15, None) == wanted
        needed = samples_to_settle(found, Expectation("m", 0.15), 0.95)
        assert needed == max(100, samples_to_settle(proportion(held, 100), Expectation("m", 0.5), 0.95))


def test_a_mean_without_bounds_settles_nothing_and_says_why():
    verdict = judge({"m": mean([0.7] * 500)}, [Expectation("m", 0.1)], 0.95)
    assert verdict.status == "inconclusive"
    assert "no known bounds" in verdict.message


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
    assert judge({"robust_accuracy": proportion(8, 10)}, [], 0.95, diagnostics=[WEAK]).status == "descriptive"


# --- bounds are one-sided questions


@given(metric=metrics, low=shares, confidence=confidences)
@settings(deadline=None)
def test_a_finding_is_judged_by_the_interval_it_shows(metric, low, confidence):
    finding = judge({"m": metric}, [Expectation("m", low)], confidence).findings[0]
    if metric.value >= low:
        assert (finding.status in HARMLESS) == (finding.low >= low)
    if metric.kind == "proportion":
        assert finding.high == 1, "nothing is asked about the upper side"


def test_both_bounds_are_judged_each_at_the_confidence():
    finding = judge({"m": proportion(50, 100)}, [Expectation("m", 0.3, 0.7)], 0.95).findings[0]
    floor = judge({"m": proportion(50, 100)}, [Expectation("m", min=0.3)], 0.95).findings[0]
    ceiling = judge({"m": proportion(50, 100)}, [Expectation("m", max=0.7)], 0.95).findings[0]
    assert (finding.low, finding.high) == (floor.low, ceiling.high)


# --- against a baseline


ROWS = np.arange(200)


def shares_of(right: int, first_wrong: int = 0) -> Metric:
    """200 images, of which `right` are right; the wrong ones begin at `first_wrong`."""
    outcome = np.ones(200, bool)
    outcome[first_wrong : first_wrong + 200 - right] = False
    return proportion(outcome, rows=ROWS)


def drop(now: Metric, before: Metric, margin: float, **more) -> str:
    wanted = Expectation("m", min=-margin, versus_baseline=True)
    return judge({"m": now}, [wanted], 0.95, baseline=Baseline("then", "", {"m": before}, **more)).status


def test_the_same_outcomes_pass_a_margin_that_the_samples_can_show():
    assert drop(shares_of(190), shares_of(190), 0.02) == "pass"
    assert drop(shares_of(190), shares_of(190), 0.01) == "inconclusive"
    assert drop(shares_of(180), shares_of(190), 0.02) == "fail"
    assert drop(shares_of(198), shares_of(150), 0.0) == "pass", "better than before"


def test_pairing_takes_out_what_both_have_in_common():
    """Ten wrong images each: the same ten tell of no change, ten others of twenty changes."""
    assert drop(shares_of(190), shares_of(190), 0.03) == "pass"
    assert drop(shares_of(190, first_wrong=50), shares_of(190), 0.03) == "inconclusive"


@given(before=st.lists(st.booleans(), min_size=30, max_size=60), seed=st.integers(0, 99), margin=shares, by=shares)
@settings(deadline=None)
def test_a_wider_margin_never_makes_it_worse(before, seed, margin, by):
    rows = np.arange(len(before))
    now = np.random.default_rng(seed).permutation(np.array(before))
    pair = proportion(now, rows=rows), proportion(np.array(before), rows=rows)
    assert RANK.index(drop(*pair, margin + by)) <= RANK.index(drop(*pair, margin))


def test_what_can_t_be_compared_is_an_error_that_says_why():
    wanted = [Expectation("m", min=-0.1, versus_baseline=True)]
    now = {"m": shares_of(190)}
    said = judge(now, wanted, 0.95).message
    assert "--audit-baseline" in said
    assert "`baseline`" in said
    assert "its seed was 1" in judge(now, wanted, 0.95, baseline=Baseline("then", "its seed was 1", {})).message
    assert (
        "has no m (it has: other)" in judge(now, wanted, 0.95, baseline=Baseline("t", "", {"other": exact(1)})).message
    )
    unpaired = judge({"m": proportion(9, 10)}, wanted, 0.95, baseline=Baseline("t", "", now))
    assert (unpaired.status, "isn't kept image by image" in unpaired.message) == ("error", True)


def test_a_doubt_about_the_baseline_voids_what_it_flatters():
    """A baseline whose robust accuracy is too high makes the drop too large, never too small."""
    weak = Diagnostic("one step", False, "a single step does better", inflates=("m",))
    strong = Diagnostic("one step", False, "a single step does better", deflates=("m",))
    assert drop(shares_of(190), shares_of(190), 0.05, diagnostics=(weak,)) == "pass"
    assert drop(shares_of(190), shares_of(190), 0.05, diagnostics=(strong,)) == "inconclusive"


# --- many gates together


@given(values=st.lists(st.floats(1e-6, 1), min_size=1, max_size=12), confidence=confidences)
def test_holm_rejects_what_the_step_down_procedure_rejects(values, confidence):
    """Against the textbook: compare the k-th smallest p-value with risk / (m - k + 1), stop at the first miss."""
    risk, m = 1 - confidence, len(values)
    assume(all(abs(p * (m - k) / risk - 1) > 1e-9 for p in values for k in range(m)))
    rejected = 0
    for k, p in enumerate(sorted(values)):
        if p > risk / (m - k):
            break
        rejected += 1
    level = holm(lambda at: sum(p <= 1 - at for p in values), m, confidence)
    assert sum(p <= 1 - level for p in values) == rejected


def test_holm_keeps_the_risk_of_any_wrong_pass():
    """Ten gates whose claims are all just false: one passes in at most 5% of audits, not in 40%."""
    rng = np.random.default_rng(0)
    wrong = {False: 0, True: 0}
    for _ in range(400):
        found = [proportion(k, 200) for k in rng.binomial(200, 0.9, 10).tolist()]

        def passed(level, found=found):
            return sum(status(metric, 0.9, None, level) == "pass" for metric in found)

        wrong[False] += passed(0.95) > 0
        wrong[True] += passed(holm(passed, 10, 0.95)) > 0
    assert wrong[True] / 400 <= 0.05
    assert wrong[False] / 400 > 0.2

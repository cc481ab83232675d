"""Pairs of outcomes: what changed, on the samples that both have."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.contingency_tables import mcnemar as textbook

from auditor.statistics.comparison import difference, fell, mcnemar, rose
from auditor.statistics.intervals import limits
from auditor.values import CheckError, exact, lowest, mean, median, proportion


def shares(outcomes, rows=None):
    array = np.array(outcomes, bool)
    return proportion(array, rows=np.arange(len(array)) if rows is None else np.array(rows))


@given(pairs=st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=80))
def test_the_difference_is_that_of_the_two_shares_and_mcnemar_s_the_textbook_s(pairs):
    now, before = (np.array(part) for part in zip(*pairs, strict=True))
    change = difference(shares(now), shares(before))
    assert change.value == pytest.approx(now.mean() - before.mean())
    table = [[(before & now).sum(), (before & ~now).sum()], [(~before & now).sum(), (~before & ~now).sum()]]
    assert mcnemar(change) == pytest.approx(textbook(table, exact=True).pvalue)
    assert set(fell(change)) == set(np.flatnonzero(before & ~now))
    assert set(rose(change)) == set(np.flatnonzero(~before & now))


def test_samples_are_matched_by_their_row_whatever_their_order():
    now = shares([True, False, True], rows=[7, 3, 5])
    before = shares([True, True, False], rows=[3, 7, 5])
    change = difference(now, before)
    assert (change.kind, change.n, fell(change).tolist(), rose(change).tolist()) == ("difference", 3, [3], [5])


def test_means_are_paired_value_by_value():
    rows = np.arange(3)
    apart = difference(mean([1.0, 2.0, 6.0], (0.0, 9.0), rows), mean([1.0, 1.0, 1.0], (0.0, 9.0), rows))
    assert (apart.kind, apart.value, apart.bounds) == ("mean", 2.0, (-9.0, 9.0))
    assert difference(exact(3), exact(5)).value == -2


def test_a_share_of_other_samples_is_compared_as_it_is():
    """Of 50 images attacked before one fell and of 450 attacked now 400 did: that isn't what the shared ones say."""
    before = shares(np.arange(50) < 1)
    now = shares(np.arange(450) >= 50)
    change = difference(now, before)
    assert change.kind == "gap"
    assert change.value == pytest.approx(400 / 450 - 1 / 50)
    assert fell(change).tolist() == [0]
    (low, high), risk = limits(change, 0.05), 0.025
    assert low == pytest.approx(limits(now, risk)[0] - limits(before, risk)[1])
    assert high == pytest.approx(limits(now, risk)[1] - limits(before, risk)[0])


def test_a_difference_of_medians_is_no_median_of_differences():
    """From 5 to 1.2, though two images of three haven't changed."""
    rows = np.arange(300)
    before = median(np.repeat([1.2, 5.0, 5.0], 100), rows=rows)
    now = median(np.where(rows < 199, 1.2, 5.0), rows=rows)
    change = difference(now, before)
    assert (change.kind, change.value) == ("gap", pytest.approx(-3.8))
    assert limits(change, 0.05)[0] < -3
    unreached = median(np.full(10, np.inf), rows=np.arange(10))
    same = difference(unreached, unreached)
    assert same.value == 0
    assert limits(same, 0.05)[0] == -np.inf, "both are out of reach, and how far apart nobody knows"


def test_the_worst_class_is_compared_even_where_it_is_another():
    before = lowest({"a": proportion(90, 100), "b": proportion(99, 100)})
    now = lowest({"a": proportion(99, 100), "b": proportion(85, 100)})
    change = difference(now, before)
    assert change.value == pytest.approx(-0.05)
    low, high = limits(change, 0.05)
    assert low < -0.1 < 0 < high
    assert difference(before, before).value == 0


@pytest.mark.parametrize(
    ("now", "before", "message"),
    [
        (proportion(3, 4), shares([True]), "isn't kept image by image"),
        (shares([True]), mean([1.0]), "it is a proportion now and was a mean"),
        (shares([], rows=[]), shares([True]), "there was nothing to measure it on now"),
    ],
)
def test_what_can_t_be_paired_is_refused(now, before, message):
    with pytest.raises(CheckError, match=message):
        difference(now, before)

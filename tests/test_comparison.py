"""Pairs of outcomes: what changed, on the samples that both have."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.contingency_tables import mcnemar as textbook

from auditor.comparison import difference, fell, mcnemar, rose
from auditor.core import exact, mean, median, proportion
from auditor.errors import CheckError


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
    before = shares([True, True, False], rows=[3, 7, 9])
    change = difference(now, before)
    assert (change.n, fell(change).tolist(), rose(change).tolist()) == (2, [3], [])


def test_means_and_medians_are_paired_value_by_value():
    rows = np.arange(3)
    apart = difference(mean([1.0, 2.0, 6.0], (0.0, 9.0), rows), mean([1.0, 1.0, 1.0], (0.0, 9.0), rows))
    assert (apart.kind, apart.value, apart.bounds) == ("mean", 2.0, (-9.0, 9.0))
    unreached = np.array([0.5, np.inf, np.inf])
    half = difference(median(unreached, rows=rows), median(np.array([0.7, np.inf, 0.2]), rows=rows))
    assert half.values.tolist() == pytest.approx([-0.2, 0.0, np.inf]), "what is out of reach both times hasn't changed"
    assert difference(exact(3), exact(5)).value == -2


@pytest.mark.parametrize(
    ("now", "before", "message"),
    [
        (proportion(3, 4), shares([True]), "isn't kept image by image"),
        (shares([True]), mean([1.0]), "it is a proportion now and was a mean"),
        (shares([True], rows=[1]), shares([True], rows=[2]), "none of the 1 images measured now"),
    ],
)
def test_what_can_t_be_paired_is_refused(now, before, message):
    with pytest.raises(CheckError, match=message):
        difference(now, before)

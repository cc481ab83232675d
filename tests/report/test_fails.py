"""A fail shows the limit that speaks for it: whether chance may have made it."""

import pytest

from auditor.report.html import render
from auditor.report.measures import measures
from auditor.statistics import interval
from auditor.values import Expectation, proportion
from tests.report.page import evidence, parse, record, run_of


def shown(successes: int, wanted: Expectation):
    found = record("a", evidence({"accuracy": proportion(successes, 200)}), wanted)
    assert found.verdict.status == "fail"
    (row,) = measures(found, {}).rows
    return row, measures(found, {}).headline


@pytest.mark.parametrize(
    ("successes", "wanted", "whole"),
    [
        (118, Expectation("accuracy", max=0.05), True),
        (118, Expectation("accuracy", max=0.55), False),
        (60, Expectation("accuracy", min=0.9), True),
        (176, Expectation("accuracy", min=0.9), False),
        (118, Expectation("accuracy", min=0.2, max=0.4), True),
    ],
)
def test_a_fail_has_both_ends_of_its_interval_and_says_whether_all_of_it_violates(successes, wanted, whole):
    row, headline = shown(successes, wanted)
    low, high = interval(proportion(successes, 200), 0.95)
    assert row.interval == f"{100 * low:.1f}% to {100 * high:.1f}%"
    (judged,) = row.judged
    for bar in (judged.bar, headline.bar):
        assert (bar.plot.low, bar.plot.high) == pytest.approx((low, high))
        assert f"interval {row.interval}" in bar.summary
    assert judged.surely.startswith("the whole interval" if whole else "the estimate violates it, the interval reaches")


def test_a_pass_keeps_the_limit_it_was_judged_by_and_the_page_says_it_of_a_fail():
    good = record("good", evidence({"accuracy": proportion(190, 200)}), Expectation("accuracy", min=0.5))
    (row,) = measures(good, {}).rows
    assert row.interval.startswith("≥ ")
    assert row.judged[0].surely == ""
    bad = record("bad", evidence({"accuracy": proportion(118, 200)}), Expectation("accuracy", max=0.05))
    page = parse(render(run_of(good, bad)))
    assert "the whole interval violates it" in page.one("article", id="case-bad").text
    assert "violates it" not in page.one("article", id="case-good").text

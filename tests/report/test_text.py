import math

import pytest

from auditor.report import text
from auditor.telling.escaping import visible
from auditor.values import Expectation, lowest, proportion


@pytest.mark.parametrize(
    ("value", "said"), [(0.01, "< 0.1 s"), (1.84, "1.8 s"), (59.7, "1 min 0 s"), (100, "1 min 40 s")]
)
def test_durations(value: float, said: str) -> None:
    assert text.seconds(value) == said


def test_thresholds_speak_the_units_of_their_metric() -> None:
    expectation = Expectation("x", min=0.07, max=0.5)
    assert text.wanted("proportion", expectation) == "≥ 7% and ≤ 50%"
    assert text.wanted("mean", expectation) == "≥ 0.07 and ≤ 0.5"


def test_an_interval_without_ends_is_unknown_once() -> None:
    assert text.span("mean", -math.inf, math.inf) == "unknown"
    assert text.span("mean", 0.0, math.inf) == "0 to unknown"


def test_prose_escapes_before_it_sets_code() -> None:
    assert text.prose("`a<b` & \x00") == "<code>a&lt;b</code> &amp; ␀"


def test_ordinary_scripts_are_left_alone() -> None:
    plain = "héllo שלום مرحبا 数字\n\t👩‍🔬"
    assert visible(plain) == plain


def test_references_end_with_a_full_stop() -> None:
    listed = "One, A Long Title,\n  2014.\nTwo, 2015 (why)."
    assert text.entries(listed) == ("One, A Long Title, 2014.", "Two, 2015 (why).")


def test_times_that_cannot_be_read_stay_as_they_are() -> None:
    assert text.moment("2026-07-01T14:00:00+02:00") == "1 July 2026, 12:00:00 UTC"
    assert text.moment("yesterday") == "yesterday"


def test_groups_that_share_the_lowest_value_are_all_named() -> None:
    tied = {"a": proportion(9, 10), "b": proportion(18, 20), "c": proportion(10, 10)}
    assert text.counted(lowest(tied)) == "a: 9 of 10, b: 18 of 20"
    assert text.counted(lowest({"z": proportion(8, 10), **tied})) == "z: 8 of 10"
    many = {name: proportion(1, 2) for name in "abcde"}
    assert text.counted(lowest(many)) == "a: 1 of 2, b: 1 of 2, c: 1 of 2 and 2 more"

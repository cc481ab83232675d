"""Numbers as people read them: the one rule, and where it bends so that nothing reads as its opposite."""

import math

import numpy as np
import pytest

from auditor.telling import numbers
from auditor.telling.numbers import same_told


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0.0, "0%"),
        (1.0, "100%"),
        (0.964, "96.4%"),
        (0.05, "5.0%"),
        (0.99996, "> 99.9%"),
        (0.0002, "< 0.1%"),
        (-0.032, "-3.2%"),
        (1.5, "150%"),
        (math.nan, "no value"),
    ],
)
def test_shares(value: float, said: str) -> None:
    assert numbers.percent(value) == said


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0.0, "0"),
        (3.0, "3"),
        (12345.0, "12,345"),
        (1.83777, "1.84"),
        (0.082149, "0.0821"),
        (1234.5, "1,234"),
        (4.1234e-5, "4.1e-5"),
        (0.9999, "1"),
        (-2.5, "-2.5"),
        (math.inf, "∞"),
        (-math.inf, "−∞"),
    ],
)
def test_numbers(value: float, said: str) -> None:
    assert numbers.number(value) == said


@pytest.mark.parametrize("value", [0.0, 1.0, 3e-5, -2e-4, 0.0123, 0.5, 12.25, 4321.5, 3e7, math.inf])
def test_a_number_of_an_array_is_told_as_any_other(value: float) -> None:
    for told in (numbers.number, numbers.percent, numbers.points, numbers.probability, numbers.radius):
        assert told(np.float32(value)) == told(float(np.float32(value)))


@pytest.mark.parametrize(
    ("value", "said"),
    [(0.6432, "0.643"), (0.9979, "0.998"), (0.99996, "> 0.999"), (1.0, "> 0.999"), (3.9e-7, "< 0.001")],
)
def test_a_probability_is_never_told_as_certain(value: float, said: str) -> None:
    assert numbers.probability(value) == said


@pytest.mark.parametrize(
    ("value", "said"), [(8 / 255, "8/255 (0.0314)"), (1 / 255, "1/255 (0.00392)"), (0.3, "0.3"), (0.05, "0.05")]
)
def test_a_radius_is_told_as_it_was_written_and_as_a_number(value: float, said: str) -> None:
    assert numbers.radius(value) == said


def test_limits_are_rounded_outwards() -> None:
    """0.95391 is at least 95.3%, not 95.4%: what is told is true."""
    assert numbers.percent(0.95391, to="lower") == "95.3%"
    assert numbers.percent(0.06142, to="upper") == "6.2%"
    assert numbers.number(1.4569, to="lower") == "1.45"
    assert numbers.percent(0.9, to="lower") == numbers.percent(0.9, to="upper") == "90.0%"


def test_what_misses_a_threshold_never_reads_as_if_it_met_it() -> None:
    assert numbers.percent(0.9396, least=0.94) == "93.96%"
    assert numbers.percent(0.9404, least=0.94) == "94.0%"
    assert numbers.percent(0.95395, least=0.9539, to="lower") == "95.39%"
    assert numbers.number(0.50004, most=0.5) == "0.50004"
    assert numbers.percent(0.0002, most=0.0001) == "0.02%"
    assert numbers.points(-0.1003, least=-0.1) == "-10.03"
    assert numbers.points(0.0503, most=0.05) == "+5.03"
    assert numbers.points(0.0003, most=0.0001) == "+0.03"


@pytest.mark.parametrize(
    ("value", "said"),
    [(0.0, "0"), (0.00439, "+0.4"), (-0.123, "-12.3"), (0.0003, "+0.03"), (1.0, "+100.0"), (-math.inf, "−∞")],
)
def test_points(value: float, said: str) -> None:
    assert numbers.points(value) == said


def test_limits_in_points_are_rounded_outwards() -> None:
    assert (numbers.points(0.01239, to="lower"), numbers.points(-0.01231, to="lower")) == ("+1.2", "-1.3")
    assert (numbers.points(0.01231, to="upper"), numbers.points(-0.01239, to="upper")) == ("+1.3", "-1.2")


def test_sentences_of_earlier_versions_may_have_more_digits_and_no_other_numbers() -> None:
    assert same_told("100.0% (60 of 60)", "100% (60 of 60)")
    assert same_told("is 0.555 (111/200, at most 0.6144)", "is 55.5% (111/200, at most 61.5%)")
    assert same_told("step 3, 1.0000", "step 3, > 0.999")
    assert same_told("drop is 0.00439", "drop is +0.4 points")
    assert not same_told("drop is 0.00539", "drop is +0.4 points")
    assert not same_told("drop is -0.00439", "drop is +0.4 points")
    assert not same_told("99.9% (60 of 60)", "100% (60 of 60)")
    assert not same_told("100%", "99.9%"), "fewer digits say less"
    assert not same_told("55.5% (112 of 200)", "55.5% (111 of 200)")
    assert not same_told("55.6%", "55.5%")
    assert not same_told("right 55.5%", "wrong 55.5%")
    assert not same_told("0.99", "> 0.999")
    assert same_told("0.9999", "1")
    assert not same_told("0.5", "1")

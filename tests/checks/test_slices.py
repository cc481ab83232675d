"""Metrics of groups: closed truth by plain NumPy, and what groups must obey whatever they are made by."""

import dataclasses

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auditor.measuring import by_groups
from auditor.statistics import limits
from auditor.values import (
    CheckError,
    Evidence,
    MetricInfo,
    Samples,
    Slice,
    exact,
    grouped,
    lowest,
    mean,
    median,
    proportion,
    spread,
)
from tests.support import samples

INFO = {
    "accuracy": MetricInfo("proportion", "share right", "higher"),
    "norm": MetricInfo("mean", "how far", "lower", bounds=(0.0, 4.0)),
    "half": MetricInfo("median", "half of them", "higher"),
    "count": MetricInfo("exact", "how many"),
}
SITES = np.array(["oslo", "b=1]", "oslo", "", "b=1]", "oslo"], object)
AGE = np.array([1.0, 2.0, 3.0, 4.0, np.nan, 6.0])
RIGHT = np.array([True, False, True, True, False, False])
FAR = np.array([0.0, 1.0, 2.0, 3.0, 4.0, 1.0])


def known() -> Samples:
    return dataclasses.replace(samples(6), attributes={"site": SITES, "age": AGE})


def evidence(order: np.ndarray | None = None) -> Evidence:
    at = np.arange(6) if order is None else order
    rows = np.arange(100, 106)[at]
    return Evidence(
        "as it is",
        {
            "accuracy": proportion(RIGHT[at], rows=rows),
            "norm": mean(FAR[at], (0.0, 4.0), rows),
            "half": median(FAR[at], rows=rows),
            "count": exact(3),
        },
    )


def test_each_group_is_what_plain_counting_says():
    found = by_groups(evidence(), known(), (Slice("site"),), INFO).metrics
    oslo = SITES == "oslo"
    assert (found["accuracy[site=oslo]"].successes, found["accuracy[site=oslo]"].n) == (2, 3)
    assert found["accuracy[site=b=1]]"].value == RIGHT[SITES == "b=1]"].mean()
    assert found["accuracy[site=]"].n == 1
    assert found["norm[site=oslo]"].value == FAR[oslo].mean()
    assert found["half[site=oslo]"].value == np.median(FAR[oslo])
    assert found["accuracy[*site]"].value == 0.0
    assert found["norm[*site]"].value == 3.0, "of what is better when it is low, the highest is the worst"
    assert found["accuracy[gap site]"].value == 1.0
    assert (found["accuracy"].successes, found["accuracy"].n) == (3, 6)
    assert not any(name.startswith("count[") for name in found)


def test_numbers_in_parts_of_equal_size():
    table = by_groups(evidence(), known(), (Slice("age", 2),), INFO)
    assert [table.metrics[f"accuracy[age={part}]"].n for part in ("1/2", "2/2", "")] == [3, 2, 1]
    assert table.tables[-1].rows == (("1/2", 3, "1 to 3"), ("2/2", 2, "4 to 6"), ("not known", 1, ""))
    assert list(grouped(AGE, Slice("age")).names) == ["1", "2", "3", "4", "6", ""]


def test_images_have_properties_of_their_own():
    data = known()
    found = by_groups(evidence(), data, (Slice("brightness", 2),), INFO).metrics
    light = data.images.astype(np.float64).mean(axis=(1, 2, 3))
    assert found["accuracy[brightness=1/2]"].value == RIGHT[np.argsort(light)[:3]].mean()


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (Slice("sit"), "unknown attribute 'sit'; did you mean 'site'"),
        (Slice("site", 4), "'site' holds names, such as 'oslo'; leave parts out"),
        (Slice("size", 2), "images have a `size` where `resize` made them of one"),
    ],
)
def test_what_makes_no_groups_is_an_error(asked, message):
    with pytest.raises(CheckError) as caught:
        by_groups(evidence(), known(), (asked,), INFO)
    assert message in str(caught.value)


def test_too_many_values_are_no_groups():
    with pytest.raises(CheckError, match=r"'n' has 101 different values, more than 100; say into how many parts"):
        grouped(np.arange(101.0), Slice("n"))


def test_noise_has_no_groups():
    noise = Evidence("", {"accuracy": proportion(RIGHT, rows=-1 - np.arange(6))})
    with pytest.raises(CheckError, match="no metric of this check is of single images of the data"):
        by_groups(noise, known(), (Slice("site"),), INFO)


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.sampled_from(["a", "b", "", "ü "]), min_size=6, max_size=6),
    st.permutations(range(6)),
    st.integers(2, 5),
)
def test_groups_part_the_images_and_their_order_changes_nothing(sites, order, parts):
    data = dataclasses.replace(samples(6), attributes={"site": np.array(sites, object), "age": AGE})
    slices = (Slice("site"), Slice("age", parts))
    found = by_groups(evidence(), data, slices, INFO).metrics
    other = by_groups(evidence(np.array(order)), data.only(np.array(order[::-1])), slices, INFO).metrics
    assert found.keys() == other.keys()
    for attribute in ("site", "age"):
        of_all = [part for name, part in found.items() if name.startswith(f"accuracy[{attribute}=")]
        assert sum(part.n for part in of_all) == 6
        assert sum(part.successes for part in of_all) == RIGHT.sum()
    for name, metric in found.items():
        assert (metric.value, metric.n) == (other[name].value, other[name].n) or np.isnan(metric.value)


def test_the_limits_of_a_gap_hold_two_groups_against_each_other():
    """Independently: Clopper and Pearson's limits by SciPy's beta distribution, at half of the risk and at a sixth."""
    from scipy.stats import beta

    groups = {"a": proportion(45, 50), "b": proportion(30, 40), "c": proportion(2, 2)}
    low, high = limits(spread(groups), 0.05)

    def ends(k, n, tail):
        return (beta.ppf(tail, k, n - k + 1) if k else 0.0, beta.ppf(1 - tail, k + 1, n - k) if k < n else 1.0)

    half = [ends(k, n, 0.025) for k, n in ((45, 50), (30, 40), (2, 2))]
    # c may be the best, and b or a the worst; or c the worst. It can't be both.
    assert high == pytest.approx(max(half[2][1] - half[1][0], half[0][1] - half[2][0]))
    sixth = [ends(k, n, 0.05 / 6) for k, n in ((45, 50), (30, 40), (2, 2))]
    assert low == pytest.approx(max(0.0, max(e[0] for e in sixth) - min(e[1] for e in sixth)))
    assert spread(groups).value == 0.25
    assert limits(spread({"a": proportion(1, 2)}), 0.05) == (0.0, 0.0)
    assert limits(spread({**groups, "d": proportion(0, 0)}), 0.05)[1] == 1.0
    assert lowest(groups).value == 0.75

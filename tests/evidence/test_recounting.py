"""How a metric that is recorded is held against the one that is counted again."""

import numpy as np
import pytest

from auditor.evidence.recounting import differs
from auditor.values import lowest, proportion


def weakest(*right: list[bool]):
    return lowest({str(number): proportion(np.array(one, bool)) for number, one in enumerate(right)})


def test_a_class_without_images_has_no_accuracy_then_and_now():
    """Data of one class, or of some: an honest record isn't called another than what is counted."""
    assert differs(weakest([True] * 6, []), weakest([True] * 6, []), 0) == ""
    fewer = differs(weakest([True] * 6, []), weakest([True] * 4 + [False] * 2, []), 0)
    assert fewer == "is 1, and 0.6667 counted again"
    other = differs(weakest([True] * 6, []), weakest([True] * 6, [True]), 0)
    assert other == "is a lowest of 6, and should be a lowest of 7"


@pytest.mark.parametrize("right", [[True, False], []])
def test_what_isnt_known_now_may_not_have_been_a_number(right):
    told = proportion(np.array(right, bool))
    assert differs(told, told, 0) == ""
    assert (differs(told, proportion(np.array([], bool)), 0) == "") is (not right)

"""Words that checks share: how many there are of something, and who has a value."""

import numpy as np
import pytest

from auditor.measuring.words import all_at, several


@pytest.mark.parametrize(
    ("count", "one", "told"),
    [(0, "image", "0 images"), (1, "image", "1 image"), (2, "image", "2 images"), (1, "class", "1 class"),
     (997, "class", "997 classes")],
)  # fmt: skip
def test_one_is_none_of_many(count, one, told):
    assert several(count, one) == told


@pytest.mark.parametrize(
    ("values", "told"),
    [([2, 1, 1, 1, 1], "a"), ([2, 1, 2, 1, 1], "a and c"), ([2, 2, 2, 1, 1], "a, b and c"),
     ([2, 2, 2, 2, 2], "a, b, c and 2 more")],
)  # fmt: skip
def test_all_that_share_a_value_are_told(values, told):
    assert all_at(2, list("abcde"), np.array(values)) == told

"""A fail that an earlier version put into other words still follows from its record; other numbers in them don't."""

from dataclasses import replace

import pytest

from auditor.evidence.arithmetic import arithmetic
from auditor.judging import as_told_before, judge
from auditor.values import Expectation, proportion
from tests.report.page import evidence, record

BAD = record("bad", evidence({"accuracy": proportion(118, 200)}), Expectation("accuracy", max=0.05))


def holds(verdict):
    return all(found.ok for found in arithmetic(replace(BAD, verdict=verdict)))


def test_now_and_before():
    now = judge(BAD.evidence.metrics, BAD.expectations, 0.95)
    assert holds(now)
    assert holds(as_told_before(now))
    assert as_told_before(now) != now


@pytest.mark.parametrize("forged", ["at least 0.01", "at most 0.01", "at most 0.9"])
def test_no_other_limit_follows(forged):
    now = judge(BAD.evidence.metrics, BAD.expectations, 0.95)
    said = now.message.replace(now.message[now.message.index("at ") : now.message.index(" with")], forged)
    assert forged in said
    assert not holds(replace(now, message=said, findings=(replace(now.findings[0], message=said),)))

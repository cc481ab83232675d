"""The same asked again with other seeds: counted, shown, and corrected for or refused where the spec says so."""

import dataclasses

import numpy as np
import pytest

from auditor.judging.conclusion import judged
from auditor.records.looks import look, share
from auditor.values import Evidence, Expectation, Record, Verdict, mean, proportion
from tests.support import last_run, spec, write

NOISE = (
    "- id: noise\n  check: noise_to_target\n  params: {target: 2, samples: 20, steps: 1, step_size: 0.3}\n"
    "  expect:\n    end_confidence: {min: 0.05}\n"
    "- {id: clean, check: accuracy, expect: {accuracy: {min: 0.5}}}\n"
)


def record(seed: int, value: float, own: int = 0) -> Record:
    evidence = Evidence("", {"m": mean([value, value], (0.0, 1.0))})
    told = {"spec": {"seed": seed}, "case": {"seed": own}}
    return Record("r", "a", "c", "k", "t", "m", {}, (), 0.95, "exact", Verdict("pass", ""), evidence, None, told, 0.0)


def test_a_look_is_another_seed_with_another_answer():
    from auditor.records.looks import answer, seed

    made = [record(0, 0.1), record(1, 0.2), record(1, 0.2), record(2, 0.1), record(3, 0.5)]
    earlier = [(seed(one), answer(one)) for one in made]
    assert look(record(9, 0.9), earlier) == 5
    assert look(record(9, 0.1), earlier) == 3, "two of the seeds gave the same answer"
    assert look(record(1, 0.2), earlier) == 2, "the second, as it was"
    assert look(record(0, 0.1), []) == 1


def test_another_id_is_another_seed(project):
    """What is random in a case depends on its id: to rename it until it passes is to look again."""
    from auditor.records.looks import answer, seed

    assert look(record(0, 0.2, own=7), [(seed(record(0, 0.1)), answer(record(0, 0.1)))]) == 2
    found = []
    for name in ("noise", "noise", "other"):
        write(project, spec(NOISE.replace("id: noise", f"id: {name}")))
        project.runpytest_inprocess("--audit-no-cache")
        found.append(last_run(project).records[name].look)
    assert found == [1, 1, 2]


def test_all_looks_together_have_no_more_than_the_risk():
    assert [share(k) for k in (1, 2, 3)] == pytest.approx([1 / 2, 1 / 6, 1 / 12])
    assert sum(map(share, range(1, 100_000))) < 1


def test_rerunning_until_it_passes_keeps_the_risk():
    """A share of 0.9 and a floor of 0.9: of audits that are run again up to ten times, at most 5% pass ever."""
    rng, passed = np.random.default_rng(0), {"count": 0, "correct": 0}
    demand = (Expectation("m", min=0.9 + 1e-9),)
    for _ in range(300):
        draws = [proportion(int(k), 200) for k in rng.binomial(200, 0.9, 10)]
        for reruns in passed:
            levels = [0.05 if reruns == "count" else 0.05 * share(k) for k in range(1, 11)]
            passed[reruns] += any(
                judged(
                    dataclasses.replace(
                        record(0, 0.5), evidence=Evidence("", {"m": m}), confidence=1 - risk, expectations=demand
                    )
                ).status
                == "pass"
                for m, risk in zip(draws, levels, strict=True)
            )
    assert passed["correct"] / 300 <= 0.05 + 3 * (0.05 * 0.95 / 300) ** 0.5
    assert passed["count"] / 300 > 0.15


def test_looks_are_counted_shown_and_judged_as_the_spec_says(project):
    def run(seed: int, reruns: str = "count"):
        write(project, spec(NOISE).replace("audit: tiny", f"audit: tiny\nseed: {seed}\nreruns: {reruns}"))
        result = project.runpytest_inprocess("--audit-no-cache")
        return result, last_run(project).records

    _, first = run(0)
    assert {name: one.look for name, one in first.items()} == {"noise": 1, "clean": 1}
    result, second = run(1)
    assert {name: one.look for name, one in second.items()} == {"noise": 2, "clean": 1}, "accuracy draws nothing"
    assert "noise: look 2 at the same question" in result.stdout.str()
    assert "Look 2 at the same question" in (project.path / "reports" / "tiny" / "index.html").read_text()
    _, corrected = run(2, "correct")
    assert corrected["noise"].look == 3
    assert corrected["noise"].confidence == pytest.approx(1 - 0.05 / 12)
    assert corrected["clean"].confidence == pytest.approx(1 - 0.05 / 2)
    result, refused = run(3, "refuse")
    assert refused["noise"].verdict.status == "error"
    assert "3 times before with another seed" in refused["noise"].verdict.message
    _, back = run(0, "refuse")
    assert back["noise"].verdict.status == "pass", "the seed that it was first measured with"

"""A pass that shows what speaks against the model has a word and a colour of its own, wherever people read it."""

from dataclasses import replace

import pytest

from auditor.report import outcome, summary
from auditor.report.html import render
from auditor.report.terminal import verdict_table
from auditor.values import Expectation, exact, proportion
from tests.report.page import evidence, parse, record, run_of

RIGHT = proportion(96, 100)
WEAK = record("poor", evidence(), Expectation("accuracy", max=0.99))
GOOD = record("fine", evidence(), Expectation("accuracy", min=0.8))
BOTH = record("between", evidence(), Expectation("accuracy", min=0.8, max=0.995))
MIXED = record(
    "mixed",
    evidence({"accuracy": RIGHT, "worst_class_accuracy": proportion(5, 100)}),
    Expectation("accuracy", min=0.8),
    Expectation("worst_class_accuracy", max=0.5),
)


def word(of):
    run = run_of(of)
    return outcome.word(run, run.cases[0])


@pytest.mark.parametrize(
    ("of", "wanted"),
    [
        (WEAK, outcome.WEAKNESS),
        (GOOD, "pass"),
        (BOTH, "pass"),
        (MIXED, "pass"),
        (record("x", evidence(), Expectation("accuracy", max=0.5)), "fail"),
        (record("x", evidence()), "descriptive"),
        (record("x", None, Expectation("accuracy", max=0.5)), "error"),
        # Of a success that an attacker has, more is the worse; of what isn't installed nobody knows.
        (replace(record("x", evidence({"success_rate": RIGHT}), Expectation("success_rate", min=0.9)),
                 check="noise_to_target"), outcome.WEAKNESS),
        (replace(record("x", evidence({"success_rate": RIGHT}), Expectation("success_rate", max=0.999)),
                 check="noise_to_target"), "pass"),
        (replace(WEAK, check="not_installed"), "pass"),
        # Where the attack began is a condition, neither good nor bad; alone it shows nothing.
        (replace(record("x", evidence({"success_rate": RIGHT, "start_confidence": exact(0.1)}),
                        Expectation("success_rate", min=0.9), Expectation("start_confidence", max=0.5)),
                 check="noise_to_target"), outcome.WEAKNESS),
        (replace(record("x", evidence({"start_confidence": exact(0.1)}), Expectation("start_confidence", max=0.5)),
                 check="noise_to_target"), "pass"),
    ],
)  # fmt: skip
def test_only_a_pass_whose_every_gate_asks_for_the_worse_side_shows_a_weakness(of, wanted):
    assert word(of) == wanted


def test_headline_table_card_summary_and_terminal_say_so():
    run = run_of(GOOD, WEAK, MIXED)
    page = parse(render(run))
    assert "1 pass shows a weakness that the spec expects: poor." in page.one("div", class_="banner").text
    row = page.one("tr", **{"data-case": "case-poor"})
    assert row.one("span", class_="badge").text.split(maxsplit=1)[1] == outcome.WEAKNESS
    assert row.attributes["data-state"] == "pass"  # which is what the filter chooses by
    assert "expected ≤ 99%" in " ".join(row.text.split())
    card = page.one("article", id="case-poor")
    assert "state-weakness" in card.attributes["class"]
    assert "Verdict: weakness, as expected." in card.text
    assert "state-pass" in page.one("article", id="case-fine").attributes["class"]
    of_gates = [
        badge.text.split(maxsplit=1)[1] for badge in page.one("article", id="case-mixed").all("span", class_="badge")
    ]
    assert sorted(of_gates) == ["pass", "pass", outcome.WEAKNESS]
    first = page.one("ol", class_="findings").all("li")[0]
    assert outcome.WEAKNESS in first.text
    assert f"▼ {outcome.WEAKNESS} | poor" in summary.render(run)
    assert outcome.WEAKNESS in verdict_table(run, False, 160)

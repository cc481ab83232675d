"""What an auditor reads first: purpose, people, gates by requirement, what remains; and who attacks, in words."""

from dataclasses import replace

import numpy as np
import pytest

from auditor.report.html import render
from auditor.report.threat import attacker
from auditor.telling.numbers import radius
from auditor.values import (
    Accountability,
    DataCard,
    Expectation,
    ManualEvidence,
    Person,
    Purpose,
    Requirement,
    Run,
    System,
    in_clusters,
    proportion,
)
from tests.report.page import Node, evidence, parse, provenance, record, run_of

R1 = Requirement("R1", "It is right.", "AI Act Art. 15(1)")
SAID = Accountability(
    system=System("Reads digits on forms", foreseeable_misuse=("cheques",), provider="Example Ltd"),
    responsible=Person("Ada", "owner", "2026-11-02"),
    approver=Person("Grace", "head"),
    requirements=(R1, replace(R1, id="R2", text="It was reviewed.")),
    evidence=(ManualEvidence("Labels", "checklist", "labels.md", "ab" * 32, "Grace", "2026-11-03", "", ("R2",)),),
    cards={"": DataCard(licence="CC BY-SA 3.0", source="forms")},
    not_applicable={"iso24029:formal": "nothing is proven here"},
)


def answered() -> Run:
    """Two gates of one requirement: the worse one fails, and is the more harmful."""
    floor = Expectation("accuracy", min=0.8)
    run = run_of(
        record("holds", evidence(), floor), record("falls", evidence({"accuracy": proportion(40, 100)}), floor)
    )
    why = [Purpose(("R1",), "as the last release", "minor"), Purpose(("R1",), "", "critical")]
    cases = tuple(replace(case, purpose=purpose) for case, purpose in zip(run.cases, why, strict=True))
    return replace(run, cases=cases, accountability=SAID)


@pytest.fixture(scope="module")
def page() -> Node:
    return parse(render(answered()))


def test_it_begins_with_what_the_system_is_for_and_who_answers_for_it(page):
    told = " ".join(page.one("section", aria_labelledby="purpose").text.split())
    for said in ("Reads digits on forms", "cheques", "Ada, owner, 2026-11-02", "Grace, head, no date: not signed off"):
        assert said in told
    assert "Formal methods (part 2): not applicable: nothing is proven here" in told
    assert "People looked at these; none of them is a pass of a gate" in told
    gist = " ".join(page.one("dl", class_="gist").text.split())
    assert "By Example Ltd; not pinned, no signature asked for" in gist
    assert "source: forms; licence: CC BY-SA 3.0. Shared with training: not known" in gist


def test_a_requirement_is_as_good_as_the_worst_that_speaks_to_it_and_a_document_is_no_outcome(page):
    rows = page.one("table", class_="owed").one("tbody").all("tr")
    texts = [" ".join(row.text.split()) for row in rows]
    assert [row.all("td")[0].text.strip().split()[-1] for row in rows] == ["fail", "measured"]
    assert "falls fail · critical" in texts[0]
    assert texts[0].index("falls") < texts[0].index("holds")
    assert "checklist: Labels (Grace, 2026-11-03)" in texts[1]
    remains = page.one("section", aria_labelledby="purpose").all("li")[0]
    assert " ".join(remains.text.split()).endswith("falls does not hold what the spec asks for.")


def test_what_was_violated_is_the_first_line_of_its_card_and_of_its_finding(page):
    falls = page.one("article", id="case-falls")
    lead = falls.one("p", class_="lead")
    assert lead.text.startswith("Verdict: fail. accuracy")
    assert page.one("ol", class_="findings").all("li")[0].text.count("accuracy") >= 1
    assert "Why this gate: as the last release" in page.one("article", id="case-holds").text


def test_a_page_says_how_to_check_it(page):
    told = [code.text for code in page.one("section", aria_labelledby="check").all("code", class_="command")]
    assert told == [
        "auditor verify REPORT --replay 5",
        "auditor verify REPORT --key KEY.pub",
        'pytest "specs/a.audit.yaml"',
    ]


def test_the_same_question_twice_says_what_differs_and_a_run_without_purpose_says_nothing_of_it():
    run = run_of(record("a", evidence(), params={"first": 5}), record("b", evidence(), params={"first": 9}))
    page = parse(render(run))
    assert [page.one("article", id=f"case-{i}").all("p", class_="facts")[0].text for i in "ab"] == [
        "first: 5",
        "first: 9",
    ]
    assert not page.all("section", aria_labelledby="purpose")


def test_who_attacks_is_told_in_words():
    attacks = [{"attack": "apgd", "steps": 40, "restarts": 2}, {"attack": "square", "steps": 100}]
    said = record("a", evidence(), params={"norm": "linf", "eps": 8 / 255, "attacks": attacks})
    found = attacker(replace(said, provenance={"versions": {"auditor": "0.1.0"}}))
    told = dict(found.rows)
    assert told["goal"] == "any wrong class (untargeted)"
    assert told["knowledge"] == "the model itself: it follows the gradient; the scores that the model gives"
    assert told["capability"] == "every pixel moves by at most 8/255 (0.0314)"
    assert told["budget"] == "apgd (steps 40, restarts 2); square (steps 100)"
    assert told["strength"].startswith("weaker than the standard ensemble")
    assert told["apgd, in full"] == "auditor 0.1.0: steps 40, restarts 2"
    assert attacker(record("a", evidence())) is None
    assert [radius(value) for value in (0.3, 1 / 255, 0.2, 4 / 255, 2)] == [
        "0.3",
        "1/255 (0.00392)",
        "0.2",
        "4/255 (0.0157)",
        "2",
    ]


def test_few_images_settle_no_tell_tale_test_and_none_of_many_has_a_limit():
    from auditor.values import Diagnostic

    sound = (Diagnostic("gradients", True, "none vanish"),)
    few = parse(render(run_of(record("a", evidence({"accuracy": proportion(3, 3)}, diagnostics=sound)))))
    assert "too few to tell" in few.one("article", id="case-a").one("section", class_="diagnostics").text
    many = parse(render(run_of(record("a", evidence({"accuracy": proportion(300, 300)}, diagnostics=sound)))))
    card = many.one("article", id="case-a").text
    assert "sound" in card
    assert "otherwise in up to 1.0%, by the rule of three (3/n, 95%)" in card


def test_no_rule_of_three_for_images_that_belong_together():
    """All 300 of 30 patients: 3/300 would be the limit of 300 patients, and the interval says otherwise."""
    rows = np.arange(300)
    with in_clusters({row: row // 10 for row in rows.tolist()}):
        metrics = {"accuracy": proportion(np.ones(300, bool), rows=rows)}
    card = parse(render(run_of(record("a", evidence(metrics))))).one("article", id="case-a").text
    assert "300 of 300 in 30 clusters" in card
    assert "rule of three" not in card
    assert "88.4% to 100%" in card  # 0.025 ** (1 / 30), of 30 patients


def test_the_first_screen_says_where_a_signature_would_lie_and_what_digests_alone_show(page):
    gist = page.one("dl", class_="gist")
    assert "attestation.json" in gist.text
    assert "not who made it" in gist.text
    assert next(link.attributes["href"] for link in gist.all("a")) == "#check"


def test_classes_that_are_called_by_their_number_are_said_once():
    said = provenance()
    named = record("a", evidence(), provenance={**said, "data": {**said["data"], "classes": ["0", "1", "cat"]}})
    audited = parse(render(run_of(named))).one("section", aria_labelledby="audited")
    assert "Classes by number: 0, 1, 2 cat" in audited.text

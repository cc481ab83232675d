"""What a spec says beside its checks: who answers, for what, by which documents, and what a framework still asks for."""
# ruff: noqa: E501 (specs and messages read best with one in a line)

import hashlib

import pytest

from auditor.spec.plan import Plan
from auditor.values import PROFILES, DataCard, Person
from tests.spec.test_document import BASE, folder, mistakes, plan  # noqa: F401 - the fixture is used by its name

DOCUMENT = b"every item was looked at"
SHA256 = hashlib.sha256(DOCUMENT).hexdigest()
SAID = (
    BASE.replace("first: 10", "first: 100")
    .replace("check: accuracy", "check: accuracy\n    requirement: R1\n    severity: critical\n    rationale: why")
    .replace("split: validation}", "split: validation, card: {licence: CC BY-SA 3.0, gaps: [no children]}}")
    + f"""\
system: {{intended_purpose: reads digits, foreseeable_misuse: [letters]}}
responsible: {{name: Ada, role: owner, date: 2026-11-01}}
approver: {{name: Grace, role: head}}
requirements:
  - {{id: R1, text: It is right., source: AI Act Art. 15(1)}}
  - {{id: R2, text: It was reviewed., source: T-12}}
evidence:
  - {{title: Review, document: review.txt, sha256: {SHA256}, by: Grace, date: 2026-11-02, requirement: [R2]}}
"""
)


@pytest.fixture
def documented(folder):  # noqa: F811
    (folder / "review.txt").write_bytes(DOCUMENT)
    return folder


def warnings(planned: Plan) -> list[str]:
    return [problem.message for problem in planned.warnings]


def test_what_is_said_is_carried_as_it_is_written(documented):
    planned = plan(documented, SAID)
    said = planned.accountability
    assert (said.system.intended_purpose, said.system.foreseeable_misuse) == ("reads digits", ("letters",))
    assert (said.responsible, said.approver) == (Person("Ada", "owner", "2026-11-01"), Person("Grace", "head"))
    assert [(one.id, one.source) for one in said.requirements] == [("R1", "AI Act Art. 15(1)"), ("R2", "T-12")]
    assert said.cards == {"": DataCard(licence="CC BY-SA 3.0", gaps=("no children",))}
    [document] = said.evidence
    assert (document.sha256, document.by, document.requirements) == (SHA256, "Grace", ("R2",))
    purpose = planned.case("clean").purpose
    assert (purpose.requirements, purpose.rationale, purpose.severity) == (("R1",), "why", "critical")
    assert not warnings(planned)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("requirement: R1", "requirement: R3", "s:9:18: unknown requirement 'R3'; did you mean 'R2'? (known: R1, R2)"),
        ("[R2]", "[R2, X]", "unknown requirement 'X' (known: R1, R2)"),
        ("id: R2", "id: R1", "id 'R1' is used twice; ids of requirements are unique"),
        ("intended_purpose", "intendedpurpose", "unknown key 'intendedpurpose'; did you mean 'intended_purpose'?"),
        ("severity: critical", "severity: grave", "`severity` should be 'critical', 'major' or 'minor', got 'grave'"),
        ("licence:", "license:", "unknown key 'license'; did you mean 'licence'?"),
        ("date: 2026-11-02", "date: soon", "`date` should be a date such as 2027-01-31, got 'soon'"),
        ("review.txt", "gone.txt", "gone.txt can't be read: No such file or directory"),
        (SHA256, "a" * 64, f"review.txt is another document than was looked at: its digest is {SHA256}"),
        ("system:", "profile: eu-ai-act\nsystem:", "unknown profile 'eu-ai-act'; did you mean 'eu-ai-act-15'?"),
        (
            "system:",
            "profile: iso-24029\nnot_applicable: {'aia:15.3': no}\nsystem:",
            "'aia:15.3' is asked for by no `profile` of this spec",
        ),
    ],
)
def test_a_mistake_is_named_where_it_stands(documented, old, new, told):
    found = mistakes(documented, SAID.replace(old, new, 1))
    assert any(told in message for message in found), found


def test_what_nothing_speaks_to_is_a_warning_and_so_is_who_approves_themself(documented):
    told = warnings(
        plan(documented, SAID.replace("requirement: [R2]", "requirement: R1").replace("Grace, role", "Ada, role"))
    )
    assert sorted(told) == [
        "'Ada' approves what they are responsible for; four eyes see more than two",
        "nothing speaks to the requirement 'R2': name it under `requirement` of a check",
    ]


def test_a_profile_names_every_control_that_nothing_speaks_to_and_no_reason_excuses(documented):
    text = SAID + "profile: iso-24029\nnot_applicable: {'iso24029:formal': nothing is proven here}\n"
    assert not warnings(plan(documented, text))
    [told] = warnings(plan(documented, text.replace("profile: iso-24029", "profile: [iso-24029, eu-ai-act-15]")))
    assert told.startswith("the profile asks for aia:15.4 (Resilience against errors, faults and inconsistencies)")
    both = warnings(plan(documented, text.replace("iso24029:formal", "iso24029:empirical")))
    assert [one for one in both if "iso24029:formal (Formal methods (part 2)), and no check speaks to it" in one]
    assert [one for one in both if one.endswith("and 'flip' speaks to it: say one or the other")]
    assert len(both) == 2
    assert {one.partition(":")[0] for asked in PROFILES.values() for one in asked} == {
        "nist",
        "iso24029",
        "aia",
        "owasp",
    }

"""A page explains its verdicts and the words of the field that are on it, and no others."""

import re
from pathlib import Path

from auditor.report.html import render
from auditor.report.outcome import STATES, WEAKNESS
from auditor.report.page import make_page
from auditor.report.terms import _TERMS, VERDICTS, terms
from auditor.values import Diagnostic, Expectation
from tests.report.page import evidence, parse, record, run_of, run_of_all_states

GLOSSARY = Path(__file__).parents[2] / "docs" / "reference" / "glossary.md"


def test_a_page_says_of_the_verdicts_on_it_what_they_mean_and_what_a_pass_does_not():
    assert set(VERDICTS) == {*STATES, WEAKNESS}
    section = parse(render(run_of_all_states())).one("section", class_="reading")
    explained = [badge.text.split(maxsplit=1)[1] for badge in section.all("span", class_="badge")]
    assert explained == ["error", "fail", "cut off", "not run", "inconclusive", "pass", "descriptive", "not selected"]
    assert "no others" in section.text
    weak = parse(render(run_of(record("a", evidence(), Expectation("accuracy", max=0.99)))))
    explained = weak.one("section", class_="reading").all("span", class_="badge")
    assert [badge.text.split(maxsplit=1)[1] for badge in explained] == [WEAKNESS]


def test_words_are_explained_where_they_occur_alone():
    assert [term.word for term in terms(["a Linf ball", "balloon, unboxed"], [])] == ["ball", "L∞, L2, L1, L0"]
    assert not terms(["How often is it right?", "L2x"], ["not_installed"])
    (pgd,) = terms([], ["pgd", "pgd"])
    assert pgd.word == "`pgd`"
    assert len(pgd.meaning) > len("an attack. ")
    section = parse(render(run_of(record("a", evidence(), title="Does a ball of logits hold?")))).one(
        "section", class_="reading"
    )
    listed = [term.text for term in section.one("details").all("dt")]
    # The title's, and those of the sentences on what was not tested.
    assert listed == ["ball", "logits", "threat model", "transfer"]


def test_what_a_diagnostic_or_a_parameter_says_counts_too():
    found = evidence(diagnostics=(Diagnostic("steady", True, "the saliency is the same"),))
    given = {"attacks": [{"attack": "fgsm"}], "restarts": 3}
    page = make_page(run_of(record("a", found, params=given)))
    assert [term.word for term in page.terms()] == ["`fgsm`", "restarts", "saliency"]


def test_the_glossary_of_the_documents_says_the_same():
    rows = re.findall(r"^\| (.+?) \| (.+?) \| .*\|$", GLOSSARY.read_text(), re.MULTILINE)
    documented = dict(rows)
    assert {word: documented.get(word) for word in _TERMS} == {word: meaning for word, (_, meaning) in _TERMS.items()}

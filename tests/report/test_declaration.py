"""The declaration: one sheet of what was measured, which says nothing that the report doesn't."""

from dataclasses import replace

import pytest

from auditor.report.declaration import render
from auditor.values import Baseline, Diagnostic, Expectation, exact, proportion
from tests.report.browser import beyond_the_edge, opened
from tests.report.page import Node, every_state, evidence, hostile_run, parse, record, run_of, run_of_everything
from tests.report.test_opening import SAID


def words(node: Node) -> str:
    return " ".join(node.text.split())


def rows(page: Node) -> list[list[str]]:
    return [[words(cell) for cell in row.content if not isinstance(cell, str)] for row in page.all("tr")[1:]]


def test_it_has_each_gate_with_n_and_interval_and_the_conditions():
    attack = {"norm": "linf", "eps": 0.1, "attacks": [{"attack": "apgd", "steps": 40}], "target": None}
    held = evidence({"robust_accuracy": proportion(60, 100)})
    run = run_of(
        record("right", evidence(), Expectation("accuracy", min=0.8)),
        record("holds", held, Expectation("robust_accuracy", max=0.7), check="robust_accuracy", params=attack),
        record("shown", evidence({"filters": exact(64)})),
        record("broken", None, Expectation("accuracy", min=0.8)),
    )
    page = parse(render(replace(run, accountability=SAID)))
    right, holds, shown, broken = rows(page)
    # by Clopper and Pearson, from tables
    assert right[1:] == ["accuracy", "96.0% 96 of 100", "90.1% to 98.9%", "≥ 80% ✓ pass"]
    assert holds[2:] == ["60.0% 60 of 100", "49.7% to 69.7%", "≤ 70% ▼ weakness, as expected"]
    for said in ("any wrong class (untargeted)", "every pixel moves by at most 0.1", "apgd (steps 40)"):
        assert said in holds[0]
    assert shown[1:] == ["filters", "64", "exact", "nothing: descriptive"]
    assert broken[1] == "! error the file is empty"
    told = words(page)
    for said in ("Reads digits on forms", "cheques", "Example Ltd", "c0ffee", "da7a", "5bec", "run-1", "source: forms"):
        assert said in told
    assert "Ada, owner, 2026-11-02" in told
    assert "Grace, head, no date: not signed off" in told
    assert "Patches: changes of one place" in told
    assert page.one("a").attributes["href"] == "index.html"


def test_what_weakens_a_pass_and_what_stands_beside_a_baseline_are_said_too():
    found = evidence(caveats=("the attack is weak",), diagnostics=(Diagnostic("steady", True, "always"),))
    before = Baseline("the last release", "", {"accuracy": proportion(90, 100)})
    page = parse(
        render(
            run_of(
                record("weak", found, Expectation("accuracy", min=0.8)),
                record("beside", evidence(), Expectation("accuracy", min=-0.2, versus_baseline=True), baseline=before),
            )
        )
    )
    weak, beside = rows(page)
    assert "But: the attack is weak" in weak[0]
    assert beside[1] == "accuracy less the baseline's"
    assert "The spec doesn’t say what the system is for" in words(page)
    assert words(page).count("nobody is named") == 2


@pytest.mark.parametrize("run", [every_state(), hostile_run(), run_of(), run_of_everything()])
def test_it_is_well_formed_whatever_the_records_hold(run):
    page = parse(render(run))
    assert not page.all("script")
    assert not page.all("img")
    assert len(page.all("tbody")) == sum(run.state(case) != "not selected" for case in run.cases)


def test_a_dozen_gates_take_one_sheet_of_paper_and_a_phone_needs_no_scrolling_aside(tmp_path, browser):
    import pypdfium2

    cases = [record(f"case-{i}", evidence(), Expectation("accuracy", min=0.8)) for i in range(14)]
    path = tmp_path / "declaration.html"
    path.write_text(render(replace(run_of(*cases), accountability=SAID)), encoding="utf-8")
    with opened(browser, path, viewport={"width": 375, "height": 800}) as page:
        assert not beyond_the_edge(page)
        page.pdf(path=tmp_path / "a.pdf", prefer_css_page_size=True)
    with pypdfium2.PdfDocument(tmp_path / "a.pdf") as document:
        assert len(document) == 1
        assert document[0].get_size() == pytest.approx((595, 842), abs=1)  # A4, in points
        assert "1 / 1" in document[0].get_textpage().get_text_bounded()

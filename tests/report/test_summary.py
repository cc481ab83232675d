"""The step summary, read back through a Markdown parser as GitHub would."""

import re

import pytest
from markdown_it import MarkdownIt

from auditor.report.summary import MOST_BYTES, render
from auditor.telling.escaping import visible
from auditor.values import Expectation
from tests.report.page import HOSTILE, Node, every_state, evidence, hostile_run, parse, record, run_of

MARKDOWN = MarkdownIt("commonmark", {"html": True}).enable("table")


def page(text: str) -> Node:
    return parse(MARKDOWN.render(text))


def rows(text: str) -> list[list[str]]:
    return [[cell.text for cell in row.all("td")] for row in page(text).one("tbody").all("tr")]


def test_the_table_has_every_selected_case_the_most_urgent_first():
    run = every_state()
    shown = rows(render(run))
    assert [(row[0], row[1]) for row in shown] == [
        ("! error", "broken"),
        ("✕ fail", "failing"),
        ("✕ fail", "expired"),
        ("↯ cut off", "killed"),
        ("– not run", "never-began"),
        ("? inconclusive", "unsure"),
        ("~ waived", "waived"),
        ("~ waived", "waived-doubt"),
        ("✓ pass", "passing"),
        ("• descriptive", "described"),
        ("• descriptive", "compared"),
        ("• descriptive", "nothing"),
    ]
    assert all(row[2:4] == ["accuracy", "release"] for row in shown)
    assert "violates accuracy ≤ 50%" in shown[1][4]
    assert shown[6][4].startswith("waived by Ada, until 2999-12-31: until the retraining; accuracy is 96.0%")
    said = page(render(run)).one("p").text
    assert "1 of 9 cases passed" in said
    assert "1 planned case was not selected" in said
    assert render(run) == render(run)


def test_hostile_text_is_text():
    summary = render(hostile_run())
    shown = page(summary)
    assert {node.tag for node in shown.walk()} == {"h2", "p", "table", "thead", "tbody", "tr", "th", "td"}
    on_one_line = " ".join(HOSTILE.split())
    assert visible(on_one_line) in shown.one("h2").text
    for row in rows(summary):
        assert len(row) == 5
    strange = next(row for row in rows(summary) if row[0] == "– not run")
    assert strange[1:4] == [visible(on_one_line)] * 3
    assert not re.search("[\x00-\x09\x0b-\x1f\u200b\u202e\ud800]", summary)
    # Links and mentions are found in what looks like one even where Markdown itself makes none.
    assert "http://" not in summary
    assert "@" not in summary


def thousand():
    cases = [record(f"case-{i:04}", evidence(), Expectation("accuracy", min=0.95)) for i in range(1000)]
    return run_of(*cases, record("failing", evidence(), Expectation("accuracy", max=0.5)))


def test_a_thousand_cases_fit():
    summary = render(thousand())
    assert len(rows(summary)) == 1001
    assert len(summary.encode()) < MOST_BYTES / 2
    assert "left out" not in summary


@pytest.mark.parametrize("room", [100_000, 20_000, 3_000])
def test_what_does_not_fit_is_left_out_from_the_end_and_counted(room):
    summary = render(thousand(), room)
    assert room / 2 < len(summary.encode()) <= room, "as much as fits, roughly"
    shown = rows(summary)
    assert shown[0][1] == "failing"
    assert f"{1001 - len(shown)} of 1001 cases are left out here" in page(summary).all("p")[-1].text


def test_without_room_there_is_nothing():
    assert render(thousand(), 100) == ""
    assert render(thousand(), -5) == ""

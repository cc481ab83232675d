import hashlib
import re
import subprocess
import sys
from base64 import b64encode
from dataclasses import replace
from itertools import pairwise

import pytest

from auditor.report.html import render
from auditor.values import Diagnostic, Expectation, Failure, Table, Waiver, exact, mean, proportion
from tests.report.page import (
    Node,
    every_figure,
    evidence,
    hostile_run,
    parse,
    provenance,
    record,
    run_of,
    run_of_all_states,
)


@pytest.fixture(scope="module")
def page() -> Node:
    return parse(render(run_of_all_states()))


def card(page: Node, case: str) -> Node:
    return page.one("article", id=f"case-{case}")


def test_every_case_has_a_row_and_a_card_in_its_state(page: Node) -> None:
    states = {
        "passing": "pass",
        "described": "descriptive",
        "failing": "fail",
        "unsure": "inconclusive",
        "broken": "error",
        "killed": "cut off",
        "never-began": "not run",
        "never-began-either": "not run",
        "left-out": "not selected",
    }
    rows = page.one("table", class_="overview").one("tbody").all("tr")
    order = "broken failing killed never-began never-began-either unsure passing described left-out"
    assert [row.attributes["data-case"] for row in rows] == [f"case-{case}" for case in order.split()]
    for row, case in zip(rows, order.split(), strict=True):
        state = states[case]
        assert card(page, case).attributes["data-state"] == state
        assert state in row.all("td")[0].text
        assert row.one("th").one("a").attributes["href"] == f"#case-{case}"


def test_counts(page: Node) -> None:
    counts = {e.attributes["data-count"]: e.one("dd").text for e in page.all("div") if "data-count" in e.attributes}
    assert counts == {
        "pass": "1",
        "descriptive": "1",
        "fail": "1",
        "inconclusive": "1",
        "error": "1",
        "waived": "0",
        "cut off": "1",
        "not run": "2",
        "not selected": "1",
    }
    totals = {e.one("dt").text: e.one("dd").text for e in page.one("dl", class_="counts").all("div")}
    assert totals["planned"] == "9"
    assert totals["run"] == "5"


PASSING = record("a", evidence(), Expectation("accuracy", min=0.5))
UNSURE = record("b", evidence(), Expectation("accuracy", min=0.95))
FAILING = record("c", evidence(), Expectation("accuracy", max=0.5))
BROKEN = record("d")
DESCRIBED = record("e", evidence())
HOLLOW = record("f", evidence({"accuracy": proportion(0, 100)}), Expectation("accuracy", min=0.0))
WAIVED = replace(FAILING, case="g", waiver=Waiver("Ada", "mended soon", "2999-12-31", standing="in force"))


@pytest.mark.parametrize(
    ("run", "overall", "said"),
    [
        (run_of(PASSING), "pass", "The one case passed."),
        (run_of(PASSING, unselected=["u"]), "incomplete", "1 planned case was not selected"),
        (run_of(PASSING, DESCRIBED), "pass", "The one case passed. 1 more is descriptive"),
        (run_of(DESCRIBED), "descriptive", "The one case is descriptive: nothing was claimed, so nothing passed."),
        (run_of(HOLLOW, DESCRIBED), "descriptive", "All 2 cases are descriptive"),
        (run_of(PASSING, WAIVED), "waived", "1 of 2 cases passed; 1 waived."),
        (run_of(WAIVED, unselected=["u"]), "incomplete", "0 of 1 cases passed; 1 waived."),
        (run_of(PASSING, UNSURE), "inconclusive", "1 of 2 cases passed; 1 inconclusive"),
        (run_of(PASSING, UNSURE, not_run=["n"]), "incomplete", "1 not run, 1 inconclusive"),
        (run_of(PASSING, cut_off=["k"]), "incomplete", "1 cut off"),
        (run_of(PASSING, UNSURE, FAILING, cut_off=["k"]), "fail", "1 failed"),
        (run_of(PASSING, UNSURE, FAILING, BROKEN), "error", "1 could not be measured"),
        (run_of(unselected=["u"]), "incomplete", "nothing is known"),
        (run_of(), "incomplete", "nothing is known"),
    ],
)
def test_overall_verdict(run: object, overall: str, said: str) -> None:
    banner = parse(render(run)).one("div", class_="banner")
    assert banner.attributes["data-overall"] == overall
    assert overall in banner.text
    assert said in banner.text


def test_absent_cases_say_what_is_missing(page: Node) -> None:
    assert "a crash, a kill, an interruption or a full disk" in card(page, "killed").text
    assert "the session ended before it began" in card(page, "never-began").text
    assert "Not selected in this run" in card(page, "left-out").text


def test_every_figure_and_image_has_its_alternative(page: Node) -> None:
    figures = card(page, "passing").all("figure")
    assert [f.attributes["aria-label"] for f in figures] == [f.alt for f in every_figure()]
    images = page.one("main").all("img")
    assert len(images) == 3 + 6 + 2
    assert all(image.attributes["alt"].strip() for image in images)
    alts = [image.attributes["alt"] for image in card(page, "passing").all("img")]
    assert alts[0] == "A grid, 1 of 3, one"
    assert "not numbers" in alts[1]
    assert "change, second, b" in alts
    assert all(svg.attributes.get("aria-label") or "aria-hidden" in _chain(svg) for svg in page.all("svg"))


def _chain(node: Node | None) -> set[str]:
    found: set[str] = set()
    while node is not None:
        found |= {*node.attributes, f"<{node.tag}>"}
        if node.tag == "svg" and "aria-label" in node.attributes:
            found.add("aria-hidden")  # a picture in a labelled picture
        node = node.parent
    return found


def test_nothing_is_loaded_and_only_our_own_script_runs() -> None:
    text = render(run_of_all_states())
    page = parse(text)
    for node in page.walk():
        for name in ("src", "srcset", "href", "action", "data", "poster", "xlink:href"):
            value = node.attributes.get(name, "data:")
            assert value.startswith("#" if name == "href" and node.tag == "a" else "data:"), (node.tag, name)
        assert not [name for name in node.attributes if name.startswith("on") or name == "style"]
        assert node.tag not in ("link", "iframe", "object", "embed", "base")
    style, script = page.one("style").text, page.one("script").text
    assert not re.search(r"url\(|@import|https?:|//[a-z]", style)
    assert not re.search(r"https?:|fetch|XMLHttp|import\(|innerHTML|eval", script)
    policy = page.one("meta", http_equiv="Content-Security-Policy").attributes["content"]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["img-src"] == "data:"
    for rule, content in (("style-src", style), ("script-src", script)):
        digest = b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert rules[rule] == f"'sha256-{digest}'"


def test_hostile_text_is_shown_as_text_everywhere() -> None:
    text = render(hostile_run())
    page = parse(text)
    assert len(page.all("script")) == 1
    assert not [n for n in page.walk() if n.attributes.get("src") == "x" or "onerror" in n.attributes]
    assert "alert(1)" not in page.one("script").text
    for character in ("\x1b", "\u202e", "\u200b", "\ud800"):
        assert character not in text
    assert "␛[31m⟨U+202E⟩gnp⟨U+200B⟩⟨U+D800⟩" in page.one("h1").text
    assert page.all("article")[2].attributes["id"] == "case-~2"
    text.encode()


def test_the_same_run_gives_the_same_page() -> None:
    assert render(run_of_all_states()) == render(run_of_all_states())


def test_ids_are_unique_and_links_lead_somewhere(page: Node) -> None:
    ids = [node.attributes["id"] for node in page.walk() if "id" in node.attributes]
    assert len(ids) == len(set(ids))
    assert {a.attributes["href"].removeprefix("#") for a in page.all("a")} <= set(ids)


def test_headings_skip_no_level(page: Node) -> None:
    levels = [int(n.tag[1]) for n in page.walk() if re.fullmatch("h[1-6]", n.tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_tables_have_captions_and_scopes(page: Node) -> None:
    tables = page.all("table")
    assert len(tables) > 5
    assert all(table.one("caption").text.strip() for table in tables)
    assert all(th.attributes.get("scope") in ("row", "col", "colgroup") for th in page.all("th"))


def test_metrics_show_value_base_interval_meaning_and_judgement(page: Node) -> None:
    row = card(page, "unsure").one("table", class_="metrics").one("tbody").one("tr")
    for said in (
        "96.0%",
        "96 of 100",
        "≥ 91.0%",
        "share of images given their true class",
        "≥ 95%",
        "inconclusive",
    ):
        assert said in row.text
    assert row.one("span", class_="interval").attributes["aria-label"] == "96.0%, interval ≥ 91.0%, expected ≥ 95%"
    bar = row.one("svg")
    (interval,) = bar.one("g", stroke="var(--whisker)", stroke_width="4.5").all("path")
    (threshold,) = bar.one("g", stroke="var(--ink)").all("path")
    starts = [float(path.attributes["d"].split()[1]) for path in (interval, threshold)]
    assert starts[0] < starts[1]
    descriptive = card(page, "described").one("table", class_="metrics").text
    assert "n = 50" in descriptive
    assert "Expected" not in descriptive


def test_families_are_folded_when_there_are_many_metrics() -> None:
    family = {f"accuracy.{c}": proportion(c, 20) for c in range(12)}
    found = evidence({"accuracy": proportion(9, 10), **family})
    page = parse(render(run_of(record("many", found, Expectation("accuracy.3", min=0.01)))))
    folded = card(page, "many").one("section").one("details")
    assert "11 more" in folded.one("summary").text
    assert "accuracy.3" not in [code.text for code in folded.all("code")]
    assert "accuracy.4" in [code.text for code in folded.all("code")]
    few = evidence({"accuracy": proportion(9, 10), "accuracy.1": proportion(4, 5)})
    assert not card(parse(render(run_of(record("few", few)))), "few").one("section").all("details")


def test_errors_show_kind_message_and_folded_traceback(page: Node) -> None:
    broken = card(page, "broken")
    assert "DataError" in broken.text
    assert "the file is empty" in broken.text
    assert "open" not in broken.all("details")[0].attributes
    assert "Traceback (most" in broken.all("details")[0].one("pre").text
    assert "not judged" in broken.one("table", class_="metrics").text


def test_errors_that_explain_themselves_are_shown_without_the_name_of_their_class() -> None:
    failure = Failure("CheckError", "`first: 9` asks for more images than the 5 of npz", "")
    broken = card(parse(render(run_of(record("broken", None, failure=failure)))), "broken")
    assert "This could not be measured" in broken.text
    assert "asks for more images than the 5" in broken.text
    assert "CheckError" not in broken.text


def test_numbers_without_a_value_or_an_interval_are_shown_as_such() -> None:
    found = evidence(
        {"none": mean([]), "lost": mean([float("nan"), 1.0]), "odd": replace(proportion(1, 2), successes=3)}
    )
    cells = card(parse(render(run_of(record("a", found)))), "a").one("table", class_="metrics").text
    assert cells.count("no value") == 2
    assert cells.endswith("none") or "none\n" in cells


def test_the_findings_that_matter_most_come_first(page: Node) -> None:
    findings = page.one("ol", class_="findings").all("li")
    assert [f.one("a").attributes["href"] for f in findings] == ["#case-broken", "#case-failing", "#case-killed"]
    shown = parse(render(run_of(record("a", evidence(figures=every_figure()[1:])), UNSURE)))
    first, second = shown.one("ol", class_="findings").all("li")
    assert first.one("a").attributes["href"] == "#case-b"
    assert [image.attributes["alt"] for image in second.all("img")] == ["before, 1 of 1"]


def test_the_first_screen_says_what_was_audited_when_and_what_was_not_tested() -> None:
    run = replace(run_of(PASSING, BROKEN, unselected=["u"]), commit="abc123+")
    gist = parse(render(run)).one("dl", class_="gist")
    told = " ".join(gist.text.split())
    for said in ("m.keras (release) c0ffee", "1 July 2026", "on commit abc123+", "without a result: u.", "(transfer)"):
        assert said in told
    models = provenance()["models"] | {name: {"files": {f"{name}.bin": name}} for name in ("b", "c")}
    many = [record(name, evidence(), model=name, provenance=provenance() | {"models": models}) for name in "bc"]
    run = run_of(PASSING, *many)
    cases = [replace(case, model=model) for case, model in zip(run.cases, ("release", "b", "c"), strict=True)]
    gist = parse(render(replace(run, cases=tuple(cases)))).one("dl", class_="gist").text
    assert "b.bin" in gist
    assert "c.bin" not in gist
    assert "and 1 more" in gist
    assert "No record says which checkpoint" in parse(render(run_of(unselected=["u"]))).one("dl", class_="gist").text


def test_what_was_audited_comes_from_the_records() -> None:
    plain = parse(render(run_of(PASSING, BROKEN)))
    audited = plain.one("dl", class_="audited").text
    for said in ("specs/a.audit.yaml", "5bec", "m.keras", "c0ffee", "digits", "split: test", "da7a", "numpy 2.0"):
        assert said in audited
    assert not plain.one("section", aria_labelledby="audited").all("p", class_="bad")
    other = record("z", evidence(), provenance=provenance("0ther"), run="run-0")
    text = parse(render(replace(run_of(PASSING, other), spec_digest="newer"))).text
    assert "Records disagree about model 'release'" in text
    assert "another version of the spec than this run's: a, z" in text
    assert "this evidence was made in run run-0" in text


@pytest.mark.parametrize("lost", [{}, {"spec": 3, "models": "x", "data": None}, {"models": {"m": None}}])
def test_damaged_provenance_is_no_obstacle(lost: dict[str, object]) -> None:
    assert "Release gate" in render(run_of(record("a", evidence(), provenance=lost)))


def test_checks_that_are_gone_leave_a_note() -> None:
    page = parse(render(run_of(record("a", evidence(), check="long_gone"))))
    assert "unknown check 'long_gone'" in card(page, "a").text
    assert "96.0%" in card(page, "a").text


def test_the_command_repeats_one_case_and_is_safe_to_paste(page: Node) -> None:
    assert 'pytest "specs/a.audit.yaml::passing"' in card(page, "passing").one("p", class_="command").text
    strange = replace(run_of(PASSING), spec="a$(rm x)'.yaml")
    command = card(parse(render(strange)), "a").one("p", class_="command").text
    assert """pytest 'a$(rm x)'"'"'.yaml::a'""" in command


def test_a_failed_diagnostic_is_seen() -> None:
    found = evidence(diagnostics=(Diagnostic("gradient", False, "all zero"),))
    page = parse(render(run_of(record("a", found, Expectation("accuracy", min=0.1)))))
    assert card(page, "a").attributes["data-state"] == "inconclusive"
    assert "suspect gradient: all zero" in " ".join(card(page, "a").one("li", class_="suspect").text.split())


def test_tables_align_numbers() -> None:
    found = evidence({"errors": exact(3)}, tables=(Table("T", ("name", "n"), (("x", 0.123456), ("y", float("nan")))),))
    table = card(parse(render(run_of(record("a", found)))), "a").one("table", class_="brief")
    assert [cell.text for cell in table.all("td", class_="number")] == ["0.123", "no value"]


def test_everything_can_be_read_without_javascript(page: Node) -> None:
    assert "hidden" in page.one("form").attributes
    assert all("hidden" in button.attributes for button in page.all("button", class_="enlarge"))
    assert not [article for article in page.all("article") if "hidden" in article.attributes]


def test_importing_the_report_imports_no_heavy_library() -> None:
    heavy = ("tensorflow", "keras", "matplotlib", "scipy")
    code = f"import sys, auditor.report.html; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

"""The plugin through its public face: specs as pytest items."""

import json
import re
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

import auditor.compute.progress  # noqa: F401 - a session in this process would forget it, and find two of them
from tests.plain import left, make_plain, run_plain
from tests.support import FLIP, last_run, spec, states, write

# Too few images for a pass, a threshold the linear model misses, and a target it doesn't know.
EVERY_VERDICT = """\
- {id: good, check: accuracy, expect: {accuracy: {min: 0.9}}}
- {id: bad, check: accuracy, expect: {accuracy: {max: 0.5}}}
- {id: unsure, check: accuracy, params: {first: 3}, expect: {accuracy: {min: 0.9}}}
- {id: broken, check: accuracy, params: {first: 100000}}
- {id: described, check: accuracy}
"""


def test_every_check_is_an_item_with_a_stable_id(project):
    write(project, spec(FLIP))
    result = project.runpytest_inprocess("--co", "-q")
    ids = [line for line in result.outlines if "::" in line]
    assert ids == ["one.audit.yaml::clean", "one.audit.yaml::flip", "one.audit.yaml::onto"]
    assert not (project.path / "reports").exists()


def test_each_verdict_has_its_outcome(project):
    write(project, spec(EVERY_VERDICT))
    result = project.runpytest_inprocess("-v")
    result.assert_outcomes(passed=2, failed=3)
    result.stdout.fnmatch_lines(["*::good PASSED*", "*::bad FAILED*", "*::unsure INCONCLUSIVE*", "*::broken ERROR*"])
    result.stdout.fnmatch_lines(["*::described DESCRIPTIVE*"])
    result.stdout.fnmatch_lines(["*violates accuracy ≤ 50%*"])
    result.stdout.fnmatch_lines(["*`first: 100000` asks for more images than the*"])
    result.stdout.fnmatch_lines(["5 planned, 1 pass, 1 fail, 1 inconclusive, 1 error, 1 descriptive"])
    run = last_run(project)
    assert states(run) == {
        "good": "pass",
        "bad": "fail",
        "unsure": "inconclusive",
        "broken": "error",
        "described": "descriptive",
    }
    page = (project.path / "reports" / "tiny" / "index.html").read_text()
    assert all(f'id="case-{case}"' in page or f"#{case}" in page for case in states(run))


def test_inconclusive_may_warn_by_option_or_ini(project):
    write(project, spec("- {id: unsure, check: accuracy, params: {first: 3}, expect: {accuracy: {min: 0.9}}}"))
    assert project.runpytest_inprocess().ret == pytest.ExitCode.TESTS_FAILED
    warned = project.runpytest_inprocess("--audit-inconclusive=warn")
    warned.assert_outcomes(passed=1)
    warned.stdout.fnmatch_lines(
        [
            "*audit remarks*",
            "one.audit.yaml:8:*3 samples can't settle accuracy ≥ 0.9*at least 29*",
            "one.audit.yaml::unsure: inconclusive: *",
        ]
    )
    project.makeini("[pytest]\naudit_inconclusive = warn\n")
    project.runpytest_inprocess().assert_outcomes(passed=1)
    assert project.runpytest_inprocess("--audit-inconclusive=fail").ret == pytest.ExitCode.TESTS_FAILED
    project.makeini("[pytest]\naudit_inconclusive = maybe\n")
    result = project.runpytest_inprocess()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*'maybe'*allowed are fail and warn*"])


def test_a_chosen_case_brings_the_case_it_needs(project):
    write(project, spec(FLIP))
    project.runpytest_inprocess("-k", "onto").assert_outcomes(passed=1)
    assert states(last_run(project)) == {"clean": "not selected", "flip": "descriptive", "onto": "descriptive"}


def test_choosing_by_check_name_and_by_mark(project):
    write(project, spec(FLIP))
    project.runpytest_inprocess("-k", "digit_flip").assert_outcomes(passed=1)
    project.runpytest_inprocess("-m", "audit(check='transfer')").assert_outcomes(passed=1)


def test_last_failed_runs_what_failed_with_what_it_needs(project):
    text = FLIP.replace("onto: [steeper]}}", "onto: [steeper]}, expect: {transfer_rate: {max: 0.01}}}")
    write(project, spec(text))
    project.runpytest_inprocess().assert_outcomes(passed=2, failed=1)
    project.runpytest_inprocess("--lf").assert_outcomes(failed=1)
    assert states(last_run(project)) == {"clean": "pass", "flip": "descriptive", "onto": "fail"}
    part = last_run(project, audit="tiny/partial")
    assert states(part) == {"clean": "not selected", "flip": "descriptive", "onto": "fail"}


def test_junit_carries_metrics_and_html_every_figure(project):
    write(project, spec(FLIP))
    project.runpytest_inprocess("--junitxml=out.xml", "--html=out.html").assert_outcomes(passed=3)
    properties = {
        p.get("name"): p.get("value")
        for case in ET.parse(project.path / "out.xml").iter("testcase")
        if case.get("name") == "clean"
        for p in case.iter("property")
    }
    assert properties["audit_verdict"] == "pass"
    assert float(properties["accuracy"]) == 1.0
    pictures = set(re.findall(r"assets/[\w.-]+\.png", (project.path / "out.html").read_text()))
    records = last_run(project).records.values()
    assert len(pictures) == sum(len(record.evidence.figures) for record in records) > 5
    assert all((project.path / picture).stat().st_size > 100 for picture in pictures)


def test_two_workers_give_the_same_evidence(project):
    write(project, spec(FLIP))
    project.runpytest_inprocess("-p", "no:cacheprovider").assert_outcomes(passed=3)
    alone = {name: record.evidence for name, record in last_run(project).records.items()}
    result = project.runpytest_subprocess("-n", "2", "-p", "no:cacheprovider")
    result.assert_outcomes(passed=3)
    result.stdout.fnmatch_lines(["3 planned, 1 pass, 2 descriptive", "report: *index.html"])
    together = last_run(project).records
    for name, evidence in alone.items():
        other = together[name].evidence
        assert {k: m.value for k, m in evidence.metrics.items()} == {k: m.value for k, m in other.metrics.items()}
        if evidence.adversarial:
            assert evidence.adversarial.images.tobytes() == other.adversarial.images.tobytes()


def _with_check(folder: Path, body: str, checks: str) -> None:
    """Write an audit without TensorFlow that has a check of its own, `odd`, which does `body`."""
    make_plain(folder, checks)
    source = Path(__file__).parents[1] / "checks" / "example_check.txt"
    (folder / "more").mkdir()
    (folder / "more" / "odd.py").write_text(source.read_text().replace("BODY", body))
    with (folder / "conftest.py").open("a") as conftest:
        conftest.write(f"auditor.checks.__path__.append({str(folder / 'more')!r})\n")


def test_an_interruption_keeps_what_is_finished_and_says_what_is_missing(tmp_path):
    checks = "- {id: a, check: act, model: a}\n- {id: b, check: odd, model: a}\n- {id: c, check: act, model: a}\n"
    _with_check(tmp_path, "raise KeyboardInterrupt", checks)
    assert run_plain(tmp_path).returncode == pytest.ExitCode.INTERRUPTED
    assert states(left(tmp_path)) == {"a": "descriptive", "b": "cut off", "c": "not run"}
    page = (tmp_path / "reports" / "plain" / "index.html").read_text()
    assert "cut off" in page
    assert "not run" in page


def test_a_defect_in_a_check_is_an_error_with_its_traceback(tmp_path):
    _with_check(tmp_path, "return 1 / 0", "- {id: b, check: odd, model: a}\n- {id: a, check: act, model: a}\n")
    told = run_plain(tmp_path).stdout.splitlines()
    outcomes = pytest.RunResult.parse_summary_nouns(told)
    assert {noun: many for noun, many in outcomes.items() if noun != "warnings"} == {"passed": 1, "failed": 1}
    pytest.LineMatcher(told).fnmatch_lines(["*ZeroDivisionError: division by zero*"])
    assert left(tmp_path).records["b"].failure.kind == "ZeroDivisionError"


def test_spec_mistakes_stop_the_session_and_are_all_shown(project):
    write(project, spec("- {id: a, check: acuracy}\n- {id: b, check: accuracy, model: steepr}\n"))
    result = project.runpytest_inprocess()
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(["one.audit.yaml:8:20: unknown check 'acuracy'; did you mean 'accuracy'?*"])
    result.stdout.fnmatch_lines(["one.audit.yaml:9:37: unknown model 'steepr'; did you mean 'steeper'?*"])
    result.stdout.no_fnmatch_line("*Traceback*")


@pytest.mark.parametrize("name", ["tiny", "Tiny"])
def test_two_specs_may_not_share_a_report(project, name):
    write(project, spec("- {id: a, check: accuracy}"), "one")
    write(project, spec("- {id: a, check: accuracy}", audit=name), "two")
    result = project.runpytest_inprocess()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"*both say `audit: {name}`*"])


def test_a_report_folder_that_cannot_be_written_is_said_before_anything_runs(project):
    write(project, spec("- {id: a, check: accuracy}"))
    (project.path / "taken").write_text("a file where a folder should be")
    result = project.runpytest_inprocess("--audit-report", "taken")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*reports can't be written to*taken*"])


def test_report_folder_by_option_and_ini(project):
    write(project, spec("- {id: a, check: accuracy}"))
    project.makeini("[pytest]\naudit_report = from-ini\n")
    project.runpytest_inprocess()
    assert (project.path / "from-ini" / "tiny" / "index.html").exists()
    project.runpytest_inprocess("--audit-report", "from-option")
    assert (project.path / "from-option" / "tiny" / "index.html").exists()


def test_collection_imports_no_heavy_library_and_the_plugin_alone_almost_nothing(project):
    write(project, spec(FLIP))
    program = """
import json, sys, pytest
before = set(sys.modules)
import auditor.plugin.items, auditor.plugin.xdist
own = sorted(name for name in set(sys.modules) - before if name.split(".")[0] not in sys.stdlib_module_names)
code = pytest.main(["--co", "-q"])
heavy = [n for n in ("tensorflow", "keras", "scipy.stats", "matplotlib", "PIL") if n in sys.modules]
print("FOUND", json.dumps([int(code), own, heavy]))
"""
    result = project.run(sys.executable, "-c", program)
    found = json.loads(next(line for line in result.outlines if line.startswith("FOUND"))[6:])
    parts = ["plugin", "plugin.items", "plugin.options", "plugin.state", "plugin.xdist"]
    assert found == [0, ["auditor", *(f"auditor.{part}" for part in parts)], []]


TAGGED = """\
- {id: quick, check: accuracy, tags: [pr]}
- {id: slow, check: accuracy, tags: [pr, nightly]}
- {id: other, check: accuracy}
"""


def test_tags_of_checks_and_of_specs_are_marks_to_choose_by(project):
    write(project, spec(TAGGED))
    write(
        project,
        spec("- {id: whole, check: accuracy}", audit="second").replace("data:", "tags: [nightly]\ndata:"),
        "two",
    )
    for chosen, ids in {
        "pr": ["quick", "slow"],
        "nightly": ["slow", "whole"],
        "pr and not nightly": ["quick"],
        "not pr": ["other", "whole"],
    }.items():
        result = project.runpytest_inprocess("--co", "-q", "--strict-markers", "-m", chosen)
        result.stdout.fnmatch_lines([f"*.audit.yaml::{case}" for case in ids])
        assert f"{len(ids)}/4 tests collected" in str(result.stdout)


def test_a_tag_that_pytest_would_act_upon_is_refused(project):
    write(project, spec("- {id: a, check: accuracy, tags: [skip]}\n- {id: b, check: accuracy, tags: [PR]}"))
    result = project.runpytest_inprocess("--co")
    result.stdout.fnmatch_lines(
        [
            "*:8:*item 1 of `tags` should be another word, as this one means something else to pytest's -m, got 'skip'",
            "*:9:*item 1 of `tags` should be up to 50 of the characters a-z 0-9 _ -, the first a letter, got 'PR'",
        ]
    )


def test_on_a_terminal_a_case_says_how_far_it_is_until_it_is_done(project, monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    write(project, spec("- {id: a, check: robust_accuracy, params: {eps: 0.1, attacks: [{attack: pgd, steps: 300}]}}"))
    quiet = project.runpytest_inprocess("-v")
    assert "step " not in str(quiet.stdout)
    project.makeconftest(
        """
        import pytest

        @pytest.hookimpl(trylast=True)
        def pytest_configure(config):
            config.pluginmanager.getplugin("terminalreporter")._tw._file.isatty = lambda: True
        """
    )
    told = str(project.runpytest_inprocess("-v", "--audit-no-cache").stdout)
    assert re.search(r"one.audit.yaml::a \x1b7 \d+ s · pgd: step \d+ of 300, \d+ images\x1b\[K\x1b8", told)
    # What is written over and over is gone before the verdict stands there.
    assert re.search(r"\x1b7 \x1b\[K\x1b8DESCRIPTIVE", told)

"""The scan of a checkpoint as a check: it needs no model, and gates on what it finds."""

import sys

import pytest

from tests.models.suspects import SUSPECTS
from tests.support import last_run, spec, write

CHECKS = """\
- {id: scan, check: model_scan, model: odd, expect: {critical: {max: 0}, warnings: {max: 0}}}
- {id: pinned, check: model_scan, model: odd, expect: {unpinned: {max: 0}}}
"""


def scanned(project, path, more="", *arguments):
    models = f"odd: {{format: keras, path: {path}, output: probabilities{more}}}\n"
    write(project, spec(CHECKS, models=models))
    project.runpytest_inprocess(*arguments)
    return last_run(project)


def test_an_honest_checkpoint_passes_and_is_not_loaded(project):
    found = scanned(project, "steeper.keras")
    record = found.records["scan"]
    assert record.verdict.status == "pass"
    assert record.evidence.summary == "1 file was looked into: nothing critical, 0 warnings."
    assert record.provenance["models"]["odd"]["logits"] == "not loaded"
    assert not (project.path / ".audit_cache/loaded").exists()
    assert found.records["pinned"].verdict.status == "fail"

    digest = record.evidence.tables[-1].rows[0][1]
    found = scanned(project, "steeper.keras", f", sha256: {digest}")
    assert found.records["pinned"].verdict.status == "pass"
    assert found.records["pinned"].evidence.tables[-1].rows == (("steeper.keras", digest, "the spec's"),)


def test_what_is_found_fails_it_and_is_shown(project):
    path = SUSPECTS["Keras, Lambda layer in an inner model"](project.path)
    record = scanned(project, path.name).records["scan"]
    assert record.verdict.status == "fail"
    assert record.evidence.metrics["critical"].value == 2
    severity, file, kind, told = record.evidence.tables[0].rows[0]
    assert (severity, file, kind) == ("critical", "m.keras › config.json", "code")
    assert "it is Python code" in told
    assert "it is Python code" in (project.path / "reports/tiny/index.html").read_text()


def test_pickles_are_taken_apart(project, monkeypatch):
    pytest.importorskip("modelaudit_picklescan")
    path = SUSPECTS["pickle among Keras's assets"](project.path)
    rows = scanned(project, path.name).records["scan"].evidence.tables[0].rows
    assert [row[:3] for row in rows] == [
        ("warning", "m.keras › assets/tokens.pkl", "pickle"),
        ("critical", "m.keras › assets/tokens.pkl", "pickle"),
    ]
    assert "system" in rows[1][3]
    monkeypatch.setitem(sys.modules, "modelaudit_picklescan", None)
    record = scanned(project, path.name, "", "--audit-no-cache").records["scan"]
    assert record.verdict.status == "error"
    assert "pip install 'robustness-auditor[scan]'" in record.verdict.message


def test_what_cannot_be_looked_into_is_an_error(project):
    (project.path / "broken.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(600))
    record = scanned(project, "broken.h5").records["scan"]
    assert record.verdict.status == "error"
    assert "broken.h5: it can't be looked into" in record.verdict.message

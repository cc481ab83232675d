"""Every command on consoles that know little: the same exit codes, and words in place of missing characters."""

import io
import re
import sys

import pytest
from click.testing import CliRunner

from auditor.cli.main import main
from auditor.telling.console import Console, prepare, say
from tests.plain import left, make_plain, run_plain
from tests.support import INSIDE, NOT_OF_THE_FIELD, spec, write

CASES = """\
- {id: right, check: accuracy, expect: {accuracy: {min: 0.9}}}
- {id: wrong, check: accuracy, expect: {accuracy: {max: 0.5}}}
- {id: attacked, check: robust_accuracy, params: {eps: 0.3, attacks: [{attack: pgd, steps: 3}]}}
"""
COMMANDS = {
    "validate": ["validate", "one.audit.yaml"],
    "plan": ["plan", "one.audit.yaml"],
    "checks": ["checks"],
    "one check": ["checks", "robust_accuracy"],
    "schema": ["schema", "results"],
    "report": ["report"],
    "judge": ["judge", "reports/tiny", "--spec", "one.audit.yaml"],
    "diff": ["diff", "reports/tiny", "reports/tiny"],
    "verify": ["verify", "reports/tiny", "--without-model"],
    "cache": ["cache", "info"],
    "mistake": ["report", "nowhere ≥ 1"],
    "help": ["--help"],
    "replay": ["replay", "reports/tiny", "attacked"],
    "figures": ["figures", "reports/tiny", "wrong", "--output", "figures"],
}
WRONG = {"report": 1, "judge": 1, "mistake": 2}


def test_every_command_ends_as_it_does_elsewhere_on_a_console_that_knows_little(project):
    write(project, spec(CASES).replace("audit: tiny", "audit: tiny\ntitle: Größer ≥ als → 中文 ∞"))
    session = project.runpytest_inprocess()
    said = {}
    for name in main.commands:
        told = CliRunner().invoke(main, [name, "--help"]).output
        assert not (found := INSIDE.search(told) or NOT_OF_THE_FIELD.search(told)), (name, found)
    page = re.sub(
        r"<(script|style)\b.*?</\1>|<[^>]*>", " ", (project.path / "reports/tiny/index.html").read_text(), flags=re.S
    )
    for shown in (session.stdout.str(), page):
        assert not (found := INSIDE.search(shown)), found
        assert not (found := NOT_OF_THE_FIELD.search(shown)), found
    for charset in ("utf-8", "cp1252", "ascii"):
        for name, arguments in COMMANDS.items():
            result = CliRunner(charset=charset).invoke(main, arguments)
            assert not isinstance(result.exception, UnicodeError), (charset, name)
            assert result.exit_code == WRONG.get(name, 0), (charset, name, result.output)
            assert not (found := INSIDE.search(result.output)), (name, found)
            assert not (found := NOT_OF_THE_FIELD.search(result.output)), (name, found)
            said[charset, name] = result.output
    assert "What was checked again holds" in said["ascii", "verify"]
    assert re.search(r"^ok wrong: verdict: again fail$", said["ascii", "verify"], re.MULTILINE)
    assert "accuracy <= 50%" in said["ascii", "judge"]
    assert "accuracy <= 50%" in said["cp1252", "judge"]
    assert "accuracy ≤ 50%" in said["utf-8", "judge"]
    assert "Größer >= als" in said["cp1252", "plan"]
    assert r"Groer >= als -> \u4e2d\u6587 inf".replace("Groer", "Gro\\xdfer") in said["ascii", "plan"]


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_pytest_shows_tables_there_too(tmp_path, encoding):
    path = make_plain(tmp_path, "- {id: wrong, check: act, model: a, expect: {accuracy: {max: 0.5}}}\n")
    path.write_text(path.read_text().replace("audit: plain", "audit: plain\ntitle: A → 中"), "utf-8")
    result = run_plain(tmp_path, PYTHONIOENCODING=encoding, LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")
    assert result.returncode == pytest.ExitCode.TESTS_FAILED
    assert re.search(r"^=+ A -> \\u4e2d =+$", result.stdout, re.MULTILINE)
    assert "violates accuracy <= 50%" in result.stdout
    assert len([line for line in result.stdout.splitlines() if line.startswith(("verdict ", "fail "))]) == 2
    assert left(tmp_path).title == "A → 中", "files are UTF-8 wherever"


def test_no_file_is_read_or_written_in_the_encoding_of_a_locale(tmp_path):
    make_plain(tmp_path, "- {id: right, check: act, model: a}\n")
    result = run_plain(tmp_path, PYTHONWARNDEFAULTENCODING="1")
    assert result.returncode == 0
    told = [line for line in (result.stdout + result.stderr).splitlines() if "EncodingWarning" in line]
    assert not [line for line in told if "/auditor/" in line]


def test_what_a_stream_lacks_is_replaced_once_for_all(monkeypatch):
    stream = io.TextIOWrapper(io.BytesIO(), "ascii")
    monkeypatch.setattr(sys, "stdout", stream)
    say("≥ ≤ → … é ☃ \x1b[31m ::error::x")
    Console(width=60).print("[bold]✓[/] ∞ ::error::x")
    prepare(object())  # what can't be told is left alone
    stream.flush()
    shown = stream.buffer.getvalue().decode("ascii")
    assert shown == ">= <= -> ... e \\u2603 \\u241b[31m : :error::x\nok inf : :error::x\n"

"""`auditor diff-spec`: which gates are looser, gone, stricter or new, and by how much."""

from click.testing import CliRunner

from auditor.cli.main import main
from auditor.values import EXIT_NOT_PASSED
from tests.spec.test_document import BASE

OLD = (
    BASE
    + """\
  - id: gone
    check: accuracy
    params: {first: 200}
    expect: {accuracy: {min: 0.5}}
"""
)


def told(folder, old: str, new: str) -> tuple[int, list[str]]:
    for name, text in (("old", old), ("new", new)):
        (folder / f"{name}.audit.yaml").write_text(text)
    done = CliRunner().invoke(main, ["diff-spec", str(folder / "old.audit.yaml"), str(folder / "new.audit.yaml")])
    return done.exit_code, done.output.splitlines()


def test_what_is_looser_or_gone_is_named_with_how_far_and_ends_with_1(tmp_path):
    new = BASE.replace("min: 0.9", "min: 0.85")
    new = new.replace("{target: 3}", "{target: 3}\n    expect: {flip_rate: {max: 0.1}}")
    new += "waivers:\n  - {case: onto, owner: Ada, reason: later, expires: 2027-01-31}\n"
    code, lines = told(tmp_path, OLD, new)
    assert code == EXIT_NOT_PASSED
    assert lines == [
        "looser clean: accuracy ≥ 0.9 was asked, and accuracy ≥ 0.85 is, by 0.05",
        "stricter flip: flip_rate ≤ 0.1",
        "removed gone: the case is gone, which asked for accuracy ≥ 0.5",
        "waived onto: the new spec waives it, and the old one doesn't",
    ]


def test_what_is_stricter_or_new_ends_with_0(tmp_path):
    code, lines = told(tmp_path, BASE, OLD.replace("min: 0.9", "min: 0.95"))
    assert (code, lines) == (0, ["stricter clean: accuracy ≥ 0.95", "added gone: accuracy ≥ 0.5", "No gate is looser."])

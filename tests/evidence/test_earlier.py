"""Records and reports that an earlier version left: read, or refused with the reason.

`earlier.zip` was written by the version before the package was laid out in rooms: a folder of records with its report,
and the spec, model and data of it.
"""

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from auditor.cli.main import main
from auditor.records.formats import FORMAT
from auditor.records.store import Folder
from auditor.values import EXIT_NOT_CHECKED

AUDIT = "reports/earlier"


@pytest.fixture
def earlier(in_folder: Path) -> Path:
    """A folder as the earlier version left it."""
    shutil.unpack_archive(Path(__file__).with_name("earlier.zip"), in_folder)
    return in_folder


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def test_records_of_the_earlier_layout_are_rendered_and_verified_to_the_last_image(earlier):
    records = Folder(earlier / AUDIT).load_run().records
    holds = records["holds"].evidence
    assert (records["right"].evidence.metrics["accuracy"].successes, records["right"].verdict.status) == (60, "pass")
    assert (holds.metrics["robust_accuracy"].successes, holds.adversarial.fooled.sum()) == (4, 8)

    page = earlier / AUDIT / "index.html"
    page.unlink()
    assert invoke("report", AUDIT).exit_code == 1, "one case is inconclusive"
    assert "A record of an earlier version" in page.read_text(encoding="utf-8")

    told = invoke("verify", AUDIT)
    assert told.exit_code == EXIT_NOT_CHECKED, told.output
    assert "Nothing that was looked at is wrong, which is no confirmation" in " ".join(told.output.split())
    assert "the earlier version that made the record didn't have these" in " ".join(told.output.split())
    assert "8 of 12 fool the checkpoint, 0 unlike stored" in told.output
    assert "robust_accuracy, attack_success_rate count these images" in told.output


def test_records_of_another_format_are_refused_by_every_command_that_reads_them(earlier):
    plan = earlier / AUDIT / "run.json"
    plan.write_text(plan.read_text().replace(f'"format": {FORMAT - 1}', f'"format": {FORMAT - 2}'))
    why = f"has format {FORMAT - 2}; this version reads {FORMAT - 1} and {FORMAT}: run the audit again"
    for command in (
        ["report", AUDIT, "--accept-changed"],
        ["verify", AUDIT],
        ["diff", AUDIT, AUDIT],
        ["replay", AUDIT, "holds"],
    ):
        told = invoke(*command)
        assert told.exit_code in (1, 2), command
        assert why in " ".join(told.output.split()), (command, told.output)


def test_a_record_of_format_4_is_rendered_and_verified_with_all_that_its_spec_says(in_folder):
    """`format-4.zip` was written when records first said who answers; each later version reads it."""
    shutil.unpack_archive(Path(__file__).with_name("format-4.zip"), in_folder)
    run = Folder(in_folder / "reports/today").load_run()
    assert run.accountability.system.intended_purpose == "shows that records stay readable"
    assert [case.purpose.severity for case in run.cases] == ["critical", None]
    assert invoke("report", "reports/today").exit_code == 1, "one case is inconclusive"
    page = (in_folder / "reports/today/index.html").read_text(encoding="utf-8")
    assert "Ada" in page
    assert "made for this record" in page
    told = invoke("verify", "reports/today")
    assert told.exit_code == 0, told.output
    said = " ".join(told.output.split())
    assert "purpose, people, requirements, documents and data cards are the spec's" in said
    (in_folder / "review.md").write_text("Nobody looked.")
    assert "review.md is another document than was looked at" in " ".join(
        invoke("verify", "reports/today").output.split()
    )

"""Evidence that was forged: whoever holds a failing run edits it, seals it anew, and `auditor verify` has to say so."""

import dataclasses
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from auditor import catalog
from auditor.cli.main import main
from auditor.datasets import npz
from auditor.evidence.attestation import statement
from auditor.evidence.attestation import told as told_of
from auditor.evidence.verification import verify
from auditor.exports.publishing import render_report
from auditor.loading.resources import Resources
from auditor.records import manifest
from auditor.records.history import audits
from auditor.records.store import Folder
from auditor.run.runner import Work, begin_run, new_run, obtain_settled
from auditor.spec import make_plan
from auditor.values import RecordError, Waiver, proportion
from tests.support import data, make_tiny, spec

WRONG = 6  # labels that are wrong, so that the network errs on so many images
CHECKS = """\
- {id: clean, check: accuracy, expect: {accuracy: {min: 0.95}}}
- id: holds
  check: robust_accuracy
  params: {eps: 0.3, attacks: [{attack: apgd, steps: 10}]}
  expect: {robust_accuracy: {min: 0.5}}
- {id: barely, check: robust_accuracy, params: {eps: 0.004, attacks: [{attack: apgd, steps: 10}]}}
- {id: curve, check: security_curve, params: {eps: [0.1, 0.3], attacks: [{attack: apgd, steps: 10}]}}
- {id: flips, check: digit_flip, params: {target: 0, steps: 5, step_size: 0.3, objective: logit}}
- {id: noise, check: noise_to_target, params: {target: 1, samples: 10, step_size: 0.01, objective: logit}}
- {id: onto, check: transfer, params: {adversarial: flips, onto: [steeper]}, expect: {transfer_rate: {max: 0.1}}}
"""


@pytest.fixture(scope="module")
def honest(tmp_path_factory):
    """An audit that fails, as it should, with the spec it was run from."""
    folder = make_tiny(tmp_path_factory.mktemp("honest"))
    images, labels = data()
    labels = np.where(np.arange(60) < WRONG, (labels + 1) % 3, labels)
    np.savez(folder / "data.npz", images=images, labels=labels, classes=np.array(list("abc")))
    (folder / "one.audit.yaml").write_text(spec(CHECKS))
    plan = make_plan(folder / "one.audit.yaml", "one.audit.yaml")
    run, reports = new_run(plan, "honest", [case.id for case in plan.cases]), Folder(folder / "reports" / "tiny")
    begin_run(reports, run)
    work = Work(plan, run.id, reports, Resources())
    for case in plan.cases:
        obtain_settled(work, case)
    render_report(reports)
    return folder


@pytest.fixture
def copy(honest, tmp_path, monkeypatch):
    """A copy of the report to forge, and everything it was made of as it was."""
    shutil.copytree(honest, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def store(folder: Path) -> Folder:
    return Folder(folder / "reports" / "tiny")


def sealed(folder: Path, case: str, change) -> None:
    """Change a record, render and seal, as the product itself does it."""
    record = store(folder).load_run().records[case]
    store(folder).save(change(record))
    render_report(store(folder))


def wrong(folder: Path, **how) -> dict[tuple[str, str], str]:
    found = verify(folder / "reports" / "tiny", folder / "one.audit.yaml", **how)
    return {(f.of, f.what): f.seen for f in found if f.standing != "holds" and not f.ok}


def evidence(record, **more):
    return dataclasses.replace(record, evidence=dataclasses.replace(record.evidence, **more))


def passing(record):
    """With the verdict that its metrics now make."""
    from auditor.judging import judged

    return dataclasses.replace(record, verdict=judged(record))


def counted(record, made, held, rows):
    """With images, and metrics that count them as they say."""
    metrics = {**record.evidence.metrics, "robust_accuracy": proportion(held, rows=rows)}
    metrics["attack_success_rate"] = proportion(made.fooled, rows=made.indices)
    if not made.fooled.any():
        metrics.pop("distance", None)
    summary = record.evidence.summary.replace(told(record.evidence.metrics), told(metrics))
    return passing(evidence(record, metrics=metrics, adversarial=made, summary=summary))


def told(metrics) -> str:
    robust = metrics["robust_accuracy"]
    return f"{robust.value:.1%} ({robust.successes} of {robust.n})"


def perfect_accuracy(record):
    metric = record.evidence.metrics["accuracy"]
    right = np.ones(metric.n, np.bool_)
    return passing(
        evidence(record, metrics={**record.evidence.metrics, "accuracy": proportion(right, rows=metric.rows)})
    )


def originals_for_fallen(record):
    made = record.evidence.adversarial
    fell = made.fooled
    images = np.where(fell[:, None, None, None], made.originals, made.images)
    proof = dataclasses.replace(made.proof, after=np.where(fell[:, None], made.proof.before, made.proof.after))
    made = dataclasses.replace(
        made, images=images, fooled=np.zeros_like(fell), targets=np.where(fell, made.labels, made.targets), proof=proof
    )
    clean = record.evidence.metrics["clean_accuracy"]
    return counted(record, made, clean.values == 1, clean.rows)


def part(made, keep):
    """Some of the images that a record holds."""
    proof = made.proof
    some = {name: getattr(proof, name)[keep] for name in ("before", "after", "radii")}
    arrays = {
        name: getattr(made, name)[keep] for name in ("images", "originals", "labels", "targets", "fooled", "indices")
    }
    return dataclasses.replace(made, **arrays, proof=dataclasses.replace(proof, **some))


def without_fallen(record):
    made, robust = record.evidence.adversarial, record.evidence.metrics["robust_accuracy"]
    stays = ~np.isin(robust.rows, made.indices[made.fooled])
    return counted(record, part(made, ~made.fooled), (robust.values == 1)[stays], robust.rows[stays])


def without_misclassified(record):
    made, robust = record.evidence.adversarial, record.evidence.metrics["robust_accuracy"]
    stays = np.isin(robust.rows, made.indices)
    return counted(record, made, (robust.values == 1)[stays], robust.rows[stays])


def misclassified_as_held(record):
    made, robust = record.evidence.adversarial, record.evidence.metrics["robust_accuracy"]
    held = (robust.values == 1) | ~np.isin(robust.rows, made.indices)
    return counted(record, made, held, robust.rows)


def fallen_called_by_their_own_class(record):
    """Fallen images stay, and are said to have been driven to their own class, where they aren't."""
    made, robust = record.evidence.adversarial, record.evidence.metrics["robust_accuracy"]
    lie = dataclasses.replace(made, fooled=np.zeros_like(made.fooled), targets=made.labels)
    return counted(record, lie, np.isin(robust.rows, made.indices), robust.rows)


def lower_floor(record):
    [demand] = record.expectations
    return passing(dataclasses.replace(record, expectations=(dataclasses.replace(demand, min=0.1),)))


def false_sentence(record):
    return evidence(record, summary="60 of 60 images hold against everything that is known.")


def waived(record):
    return dataclasses.replace(record, waiver=Waiver("nobody", "it is fine", "9999-01-01", standing="in force"))


def other_seed(record):
    return dataclasses.replace(record, provenance={**record.provenance, "case": {"seed": 5}})


def steady_after_all(record):
    tested = [dataclasses.replace(one, ok=not one.ok) for one in record.evidence.diagnostics]
    return evidence(record, diagnostics=tuple(tested[:1] + list(record.evidence.diagnostics[1:])))


def nothing_transfers(record):
    from auditor.values import mean

    rate = mean(np.zeros(record.evidence.metrics["transfer_rate"].n), (0.0, 1.0))
    return passing(evidence(record, metrics={**record.evidence.metrics, "transfer_rate": rate}))


def test_the_honest_audit_fails_its_gates_and_is_told_as_it_is(copy):
    run = store(copy).load_run()
    assert {name: run.records[name].verdict.status for name in ("clean", "holds", "onto")} == dict.fromkeys(
        ("clean", "holds", "onto"), "fail"
    )
    assert run.records["clean"].evidence.metrics["accuracy"].successes == 60 - WRONG
    assert wrong(copy, replays=3) == {}
    again = [f for f in verify(store(copy).path, copy / "one.audit.yaml", replays=60) if f.what == "attacked again"]
    assert {f.of for f in again} == {"holds", "barely", "curve", "noise"}  # of `flips`, all did
    assert all("none comes out worse" in f.seen for f in again)
    assert all("but for 0 in any value" in f.seen for f in again if f.of != "curve")
    result = CliRunner().invoke(main, ["verify", "reports/tiny", "--spec", "one.audit.yaml"])
    assert result.exit_code == 0, result.output
    *_, last = result.output.splitlines()
    assert "What was checked again holds" in last
    assert "checked again" in result.output
    assert "taken from the record" in result.output
    assert "verything" not in result.output
    told = {(f.of, f.what): f.seen for f in verify(store(copy).path, copy / "one.audit.yaml") if f.standing[0] == "t"}
    held = ~run.records["holds"].evidence.adversarial.fooled
    assert told["holds", "held"].startswith(f"{held.sum()} of {held.sum()} images weren't attacked again: rows ")
    assert "figures" in told["clean", "beside the metrics"]
    assert "vanished" in told["flips", "metrics"]


@pytest.mark.parametrize(
    ("case", "forgery", "what"),
    [
        ("clean", perfect_accuracy, "counted again"),
        ("holds", without_fallen, "counted again"),
        ("holds", without_misclassified, "counted again"),
        ("holds", misclassified_as_held, "counted again"),
        ("holds", fallen_called_by_their_own_class, "predicted again"),
        ("holds", lower_floor, "asked"),
        ("holds", false_sentence, "summary"),
        ("holds", waived, "asked"),
        ("holds", other_seed, "asked"),
        ("holds", steady_after_all, "tell-tale tests"),
        ("onto", nothing_transfers, "counted again"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_forgery_is_found_without_an_attack(copy, case, forgery, what):
    sealed(copy, case, forgery)
    found = wrong(copy)
    assert (case, what) in found, found
    assert {of for of, _ in found} == {case}


def test_every_check_whose_images_others_take_can_be_counted_again():
    """Without it, `auditor verify` would take its metrics from the record."""
    makers = [name for name in catalog.names("checks") if catalog.makes_images(name)]
    assert [name for name in makers if not hasattr(catalog.load("checks", name), "recount")] == []


def test_a_failing_case_that_was_struck_is_missed(copy):
    folder = store(copy)
    run = folder.load_run()
    records = {name: record for name, record in run.records.items() if name != "holds"}
    cases = tuple(case for case in run.cases if case.id != "holds")
    folder.save_run(dataclasses.replace(run, cases=cases, records=records))
    render_report(folder)
    assert wrong(copy) == {("the run", "planned cases"): "holds: missing"}


def test_what_is_said_to_hold_falls_when_it_is_attacked_again(copy):
    """Fallen images as their originals, and an attack with next to no room sold as one with much: none contradicts
    itself, and both fall at once.
    """
    sealed(copy, "holds", originals_for_fallen)
    assert store(copy).load_run().records["holds"].verdict.status == "pass"
    assert wrong(copy) == {}
    assert "come out worse than the record says" in wrong(copy, replays=12)["holds", "attacked again"]
    result = CliRunner().invoke(main, ["verify", "reports/tiny", "--spec", "one.audit.yaml", "--replay", "12"])
    assert result.exit_code == 1


def test_evidence_of_a_small_radius_is_not_that_of_a_large_one(copy):
    run = store(copy).load_run()
    small, large = run.records["barely"], run.records["holds"]
    made = small.evidence.adversarial
    proof = dataclasses.replace(made.proof, radii=np.full(len(made.images), 0.3))
    lie = evidence(small, adversarial=dataclasses.replace(made, proof=proof), summary=large.evidence.summary)
    kept = {name: getattr(large, name) for name in ("case", "title", "params", "expectations", "provenance")}

    def sold(radii: bool):
        return passing(dataclasses.replace(lie if radii else evidence(small, summary=large.evidence.summary), **kept))

    sealed(copy, "holds", lambda _: sold(radii=False))
    assert wrong(copy)["holds", "threat model"] == "radii aren't those of its parameters"
    sealed(copy, "holds", lambda _: sold(radii=True))
    assert ("holds", "attacked again") in wrong(copy, replays=12)


def test_a_tell_tale_test_that_was_mended_by_hand_fails_again_with_the_whole_case(copy):
    def mended(record):
        *first, last = record.evidence.diagnostics
        return evidence(record, diagnostics=(*first, dataclasses.replace(last, ok=not last.ok)))

    sealed(copy, "holds", mended)
    assert wrong(copy) == {}
    assert ("holds", "tell-tale tests") in wrong(copy, replays="all")


def test_without_the_spec_nothing_is_confirmed(copy):
    (copy / "one.audit.yaml").rename(copy / "two.audit.yaml")
    result = CliRunner().invoke(main, ["verify", "reports/tiny"])
    assert result.exit_code == 3, result.output
    assert "Not checked: spec" in result.output
    assert "holds" not in result.output.splitlines()[-1]
    there = CliRunner().invoke(main, ["verify", "reports/tiny", "--spec", "two.audit.yaml", "--without-model"])
    assert there.exit_code == 0, there.output
    (copy / "data.npz").unlink()
    gone = CliRunner().invoke(main, ["verify", "reports/tiny", "--spec", "two.audit.yaml"])
    assert (gone.exit_code, "Not checked: checkpoint and data" in gone.output) == (3, True)


def test_records_that_were_edited_are_not_sealed_again_without_a_word(copy):
    path = store(copy).path / "records" / "holds" / "record.json"
    path.write_text(path.read_text().replace('"status": "fail"', '"status": "pass"'))
    for command in (["report", "reports/tiny"], ["judge", "reports/tiny", "--spec", "one.audit.yaml"]):
        refused = CliRunner().invoke(main, command)
        assert refused.exit_code == 2
        assert "records/holds/record.json has been changed" in refused.output
        assert "--accept-changed" in refused.output
    assert ("records/holds/record.json", "digests") in wrong(copy, model=False)
    judged = ["judge", "reports/tiny", "--spec", "one.audit.yaml", "--output", "judged", "--accept-changed"]
    for command, page in ((judged, "judged"), (["report", "reports/tiny", "--accept-changed"], "reports/tiny")):
        assert CliRunner().invoke(main, command).exit_code == 1
        assert (
            "what the run measured: records/holds/record.json has been changed"
            in (copy / page / "index.html").read_text()
        )
    found = wrong(copy, model=False)
    assert ("the records", "as they were sealed") in found
    with pytest.raises(RecordError, match="were changed after a run sealed them"):
        statement(store(copy).path)


def test_a_manifest_that_was_removed_is_missed(copy):
    (store(copy).path / "manifest.json").unlink()
    assert CliRunner().invoke(main, ["report", "reports/tiny"]).exit_code == 1
    assert "there is no manifest.json" in (store(copy).path / "index.html").read_text()
    assert ("the records", "as they were sealed") in wrong(copy, model=False)


def test_a_dataset_has_no_say_in_its_own_digest(copy, monkeypatch):
    """One that gives a digest of its own, and other images under it."""
    whole = npz.load

    def load(params):
        found = whole(params)
        return dataclasses.replace(found, images=found.images * np.float32(0.9), digest="0" * 64)

    monkeypatch.setattr(npz, "load", load)
    assert "0" * 64 not in (store(copy).path / "records" / "clean" / "record.json").read_text()
    assert wrong(copy)["clean", "data"] == "other data than was audited"


# --- runs in a chain


def rerun(folder: Path, name: str) -> None:
    """The same records as of another run, rendered as such."""
    run = store(folder).load_run()
    records = {key: dataclasses.replace(record, run=name) for key, record in run.records.items()}
    store(folder).save_run(dataclasses.replace(run, id=name, records=records))
    render_report(store(folder))


def asked(folder: Path, *commands: str) -> None:
    with closing(sqlite3.connect(folder / "reports" / "history.sqlite")) as database, database:
        for command in commands:
            database.execute(command)


def chain(folder: Path):
    found = verify(folder / "reports" / "tiny", folder / "one.audit.yaml", model=False)
    return next((f.standing, f.seen) for f in found if f.what == "chain")


def test_a_struck_run_leaves_a_gap(copy):
    """Three runs; the one in the middle, or the last but one, is taken out of the history."""
    assert chain(copy) == ("holds", "the first of its audit; 1 in all, without a gap")
    for name in ("second", "third"):
        rerun(copy, name)
    standing, seen = chain(copy)
    assert standing == "holds"
    assert seen.endswith("; 3 in all, without a gap")
    whole = (copy / "reports" / "history.sqlite").read_bytes()
    for struck, told in (
        ("second", "between run third and the one before, a run was struck, added or changed"),
        ("honest", "between run second and the one before, a run was struck, added or changed"),
        ("third", "run third isn't there as its manifest has it"),
    ):
        (copy / "reports" / "history.sqlite").write_bytes(whole)
        asked(copy, f"DELETE FROM runs WHERE id = '{struck}'")
        assert chain(copy) == ("doesn't hold", told)
        [audit] = audits(copy / "reports")
        assert audit.gaps == ((told,) if struck != "third" else ())
    (copy / "reports" / "history.sqlite").unlink()
    standing, seen = chain(copy)
    assert standing == "taken from the record"
    assert "no history.sqlite beside it knows this audit" in seen


def test_a_history_of_before_is_taken_up(copy):
    """Runs of version 2 have no links, and are no gap."""
    asked(copy, "ALTER TABLE runs DROP COLUMN link", "ALTER TABLE runs DROP COLUMN previous", "PRAGMA user_version = 2")
    rerun(copy, "second")
    assert chain(copy) == ("holds", "the first of its audit; 2 in all, without a gap")


# --- attestations


def attested(folder: Path, **changes):
    """What is stated of the run with other verdicts, waivers and choices of cases."""
    run = store(folder).load_run()
    records = {name: changes[name](record) if name in changes else record for name, record in run.records.items()}
    records = {name: record for name, record in records.items() if record is not None}
    cases = tuple(dataclasses.replace(case, selected=case.id in records) for case in run.cases)
    store(folder).save_run(dataclasses.replace(run, cases=cases, records=records, begun=frozenset(records)))
    render_report(store(folder))
    found = statement(store(folder).path)["predicate"]
    return found, found["configuration"][1]["annotations"]


def verdict(status: str):
    return lambda record: dataclasses.replace(record, verdict=dataclasses.replace(record.verdict, status=status))


GOOD = {name: verdict("pass") for name in ("clean", "holds", "onto")}


def test_a_statement_names_what_was_planned_and_what_ran(copy):
    found, about = attested(copy)
    run = store(copy).load_run()
    assert (found["result"], found["failedTests"]) == ("FAILED", ["clean", "holds", "onto"])
    assert about["planned"] == about["executed"] == [case.id for case in run.cases]
    assert (about["run"], about["previous"], about["link"]) == ("honest", "", manifest.link(store(copy).path).own)
    data = {"name": "npz", "digest": {"sha256": run.records["clean"].provenance["data"]["sha256"]}}
    assert found["configuration"][2:] == [data]
    assert attested(copy, **GOOD)[0]["result"] == "PASSED"


def test_a_part_of_the_cases_passes_with_a_warning_that_lists_the_rest(copy):
    found, about = attested(copy, **GOOD, curve=lambda _: None)
    assert (found["result"], found["warnedTests"], about["deselected"]) == ("WARNED", ["curve"], ["curve"])
    assert told_of({"predicate": found}) == "WARNED (not run: curve)"


def test_a_waived_case_is_listed(copy):
    found, about = attested(copy, **{**GOOD, "holds": waived})
    assert (found["result"], found["warnedTests"], about["waived"]) == ("WARNED", ["holds"], ["holds"])
    assert told_of({"predicate": found}) == "WARNED (waived: holds)"

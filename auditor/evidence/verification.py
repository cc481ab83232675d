"""Check a finished audit again: what its records say is derived from spec, data and checkpoint, and compared.

What a report claims rests on images; whether they lie within ball and box and fool the checkpoint takes one
prediction to see, however long it took to find them. That an image held takes an attack to see: some, that nobody could
foresee, are attacked again where that is asked for. What nothing here speaks for is said to be taken from the record.
"""

import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from auditor.evidence import attestation, keyless
from auditor.evidence.arithmetic import arithmetic
from auditor.evidence.attacking import Replays, attacked_again
from auditor.evidence.findings import Finding, found, taken, unchecked
from auditor.evidence.images import allowed, demanded, images
from auditor.evidence.planning import as_planned
from auditor.evidence.recounting import Again, grouped_again, recounted
from auditor.evidence.rendering import rendered
from auditor.loading.resources import Resources
from auditor.reading import intake
from auditor.records import history, manifest
from auditor.records.chain import gaps, remembered
from auditor.records.store import Folder
from auditor.spec import Plan, Source, make_plan
from auditor.telling.lists import listed
from auditor.telling.reason import named_reason, reason
from auditor.values import AuditError, Evidence, Record, Run, Samples

_NAMED = 3  # files that are named
_SINCE = ("per class",)
"""What records of this format say of data since some version, and those before don't show."""


def verify(
    path: Path,
    spec: Path | None = None,
    model: bool = True,
    allow_code: bool = False,
    root: Path | None = None,
    replays: Replays = 0,
) -> Iterator[Finding]:
    """Check an audit's folder. spec: where its spec is now, if not where it was. root: what its path starts from.

    model: whether to load checkpoint and data and predict every image again. allow_code: whether code of the
    checkpoint may run. replays: how many of each case's images that held are attacked again, or `all` that was done.
    Nothing is skipped in silence: what can't be checked is a finding that isn't ok, and what is believed says so.
    """
    try:
        wrong = manifest.broken(path)
    except AuditError as error:
        yield found("the folder", "digests", ok=False, seen=str(error))
        return
    for name, why in wrong.items():
        yield found(name, "digests", ok=False, seen=why)
    if not wrong:
        yield found("the folder", "digests", ok=True, seen=f"{len(manifest.files(path))} files are as they were sealed")
    try:
        run = Folder(path).load_run()
    except AuditError as error:
        yield found("the records", "readable", ok=False, seen=str(error))
        return
    if run.changed:
        yield found("the records", "as they were sealed", ok=False, seen=f"accepted: {'; '.join(run.changed)}")
    yield from rendered(path, run)
    for record in run.records.values():
        yield from arithmetic(record)
    yield from _chained(Folder(path), run)
    yield from _stated(path)
    earlier, where = Folder(path).earlier, spec or (root or Path()) / run.spec
    yield from _derived(run, where, Resources(allow_code=allow_code), model, replays, earlier)
    yield from _believed(run)


def _chained(folder: Folder, run: Run) -> Iterator[Finding]:
    """Whether the run stands in the chain of its audit, and whether the history beside it has a gap there."""
    link = manifest.link(folder.path)
    if link is None or not link.sound or (link.run, link.spec) != (run.id, run.spec_digest):
        yield found("the run", "chain", ok=False, seen="its manifest doesn't tie this run to the one before")
        return
    if link.records != manifest.records_digest(folder.path):
        yield found("the run", "chain", ok=False, seen="it is tied with other records than these")
        return
    before = f"tied to the run before it, {link.previous[:12]}" if link.previous else "the first of its audit"
    try:
        told = remembered(folder.reports / history.NAME, link.audit)
    except sqlite3.Error as error:
        yield found("the run", "chain", ok=False, seen=f"{history.NAME} can't be read: {reason(error)}")
        return
    if not told:
        yield taken("the run", "chain", f"{before}, says its manifest; no {history.NAME} beside it knows this audit")
        return
    wrong = gaps(told, None if run.part_of else link)
    yield found("the run", "chain", not wrong, "; ".join(wrong) or f"{before}; {len(told)} in all, without a gap")


def _stated(path: Path) -> Iterator[Finding]:
    """Whether the statements beside a report are about this one, and those that it speaks of are there.

    Who signed them takes a key to see.
    """
    layout = manifest.layout(path)
    if layout is not None and layout.signed_by and not (path / attestation.NAME).is_file():
        yield found(attestation.NAME, "there", ok=False, seen=f"the page says that {layout.signed_by[:12]} signed it")
    for name in (attestation.NAME, attestation.SUMMARY, keyless.NAME):
        if (path / name).is_file():
            try:
                attestation.check_fits(path / name, attestation.unsigned(path / name), path)
            except AuditError as error:
                yield found(name, "belongs to this report", ok=False, seen=str(error))
            else:
                yield found(
                    name, "belongs to this report", ok=True, seen="it states what is here; who signed it, --key says"
                )


def _believed(run: Run) -> Iterator[Finding]:
    """What a record says that nothing can speak for afterwards."""
    yield taken("the run", "circumstances", f"that it began {run.started}, what it remarked, and how long cases took")
    for record in run.records.values():
        parts = [name for name in ("figures", "tables", "notes") if record.evidence and getattr(record.evidence, name)]
        if record.baseline is not None:
            parts.append("what it is compared with")
        if record.look > 1 or record.reruns != "count":
            parts.append(f"that it is look {record.look} at its question")
        if record.failure is not None:
            parts.append(f"why it couldn't be measured ({record.failure.message})")
        if parts:
            yield taken(record.case, "beside the metrics", ", ".join(parts))


def _derived(
    run: Run, spec: Path, resources: Resources, model: bool, replays: Replays, earlier: bool
) -> Iterator[Finding]:
    """What follows from the spec, and from the data and the checkpoints that it names."""
    try:
        plan = make_plan(spec, files=False)
    except AuditError as error:
        said = f"{error}; --spec or --root says where it is"
        yield unchecked(str(spec), "spec", f"so nothing is known of what was to be audited: {said}")
        return
    yield from as_planned(run, plan, earlier)
    if not model:
        yield taken("the run", "checkpoint and data", "they were not looked at, as was asked, and so no image either")
        return
    try:
        plan = make_plan(spec)
    except AuditError as error:
        yield unchecked("the run", "checkpoint and data", str(error))
        return
    wanted = {case.id for case in plan.cases}
    for record in run.records.values():
        if record.evidence is not None and record.case in wanted:
            try:
                yield from _sources(record, plan, resources)
                again = Again(plan, plan.case(record.case), run, resources, earlier)
                yield from _measured(record, record.evidence, again, replays)
            except AuditError as error:
                yield found(record.case, "sources", ok=False, seen=str(error))
            except Exception as error:  # what a forger left may break anything
                yield found(record.case, "sources", ok=False, seen=f"it can't be derived: {named_reason(error)}")


def _measured(record: Record, evidence: Evidence, again: Again, replays: Replays) -> Iterator[Finding]:
    """The metrics of a record, and the images that they count."""
    restless = again.plan.random.intersection(again.case.models)
    if restless:
        told = f"{', '.join(sorted(restless))} answers by chance, as the spec declares: nothing comes out twice"
        yield taken(record.case, "metrics and images", told)
        return
    counted, seen = recounted(record, evidence, again)
    yield from seen
    yield from grouped_again(record, evidence, again)
    made = evidence.adversarial
    if made is not None and made.proof is not None:
        proof = made.proof
        if counted is not None:
            yield allowed(record, proof, counted)
            made, proof = demanded(made, proof, counted)
        classifier, samples = again.resources.own_call(again.plan, record.model), again.resources.samples(again.plan)
        any_wrong = counted is not None and counted.targets is None
        yield from images(record, made, proof, classifier, samples, any_wrong)
    yield from attacked_again(record, evidence, counted, again, replays)


def _sources(record: Record, plan: Plan, resources: Resources) -> Iterator[Finding]:
    """Whether checkpoint and data are the ones that were audited."""
    told = record.provenance
    yield _data(record, told["data"], resources.samples(plan))
    for name, entry in told.get("other data", {}).items():
        if name in plan.others:
            yield _data(record, entry, resources.other_samples(plan, name))
        else:
            yield found(record.case, "data", False, f"{name} is no data of the spec")
    for name, entry in told["models"].items():
        same = name in plan.models and _same(entry, plan.models[name], resources)
        which = "the checkpoint that" if same else "another checkpoint than"
        yield found(record.case, "checkpoint", same, f"{name} is {which} was audited")
        if same:
            yield from _names(record, name, entry, resources.names(plan.models[name]))


def _names(record: Record, model: str, entry: Mapping[str, Any], now: Mapping[str, str]) -> Iterator[Finding]:
    """Whether the files beside a model that list its classes, if any, are the ones that the data was held against."""
    then = entry.get("names", now)  # records of before don't say
    changed = sorted(name for name in {*then, *now} if then.get(name) != now.get(name))
    if then or now:
        told = f"{listed(changed, _NAMED)} beside {model}, which may list its classes, isn't what it was"
        seen = told if changed else f"{listed(sorted(now), _NAMED)} beside {model}, for its classes, is what it was"
        yield found(record.case, "class names", not changed, seen)


def _data(record: Record, told: Mapping[str, Any], samples: Samples) -> Finding:
    """Whether samples are the ones that were audited, and are described as they are."""
    same = told["sha256"] == samples.digest
    seen = "the data that was audited" if same else "other data than was audited"
    now = intake.told(samples)
    otherwise = [name for name in now if same and told.get(name, now[name] if name in _SINCE else None) != now[name]]
    if otherwise:
        seen = f"the data that was audited, but the record describes it otherwise: {', '.join(otherwise)}"
    return found(record.case, "data", same and not otherwise, seen)


def _same(entry: Mapping[str, Any], source: Source, resources: Resources) -> bool:
    """Whether a source is what a record names: the same files, whatever they are called, or the same endpoint."""
    files = sorted(resources.digests(source).values()) == sorted(entry["files"].values())
    steps = entry["params"].get("preprocessing") == source.shown.get("preprocessing")
    return files and steps and resources.known_by(source) == entry.get("known_by", {})

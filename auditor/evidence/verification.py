"""Check a finished audit again without running an attack: digests, pages, arithmetic, verdicts, and every image.

What a report claims rests on images; whether they lie within ball and box and fool the checkpoint takes one
prediction to see, however long it took to find them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from auditor.classifiers import disputed, fools
from auditor.exports.files import drawn_by, render_files
from auditor.judging import judged
from auditor.loading.resources import Resources
from auditor.measuring import numbered, of_each
from auditor.records import manifest
from auditor.records.store import Folder
from auditor.report.content import content
from auditor.report.layout import PICTURES
from auditor.search import distance
from auditor.spec import Plan, Source, make_plan
from auditor.telling.reason import reason
from auditor.values import (
    AdversarialImages,
    AuditError,
    Classifier,
    FloatArray,
    Metric,
    Proof,
    Record,
    Run,
    Samples,
    binned_value,
    crossed,
    highest,
    lowest,
)

_AGREE = 1e-3  # of the range of answers: other machines and versions round differently
_LEVELS = 255


@dataclass(frozen=True)
class Finding:
    """One thing that was checked: of which case (or file), what, whether it holds, and what was seen."""

    of: str
    what: str
    ok: bool
    seen: str


def verify(path: Path, spec: Path | None = None, model: bool = True, allow_code: bool = False) -> Iterator[Finding]:
    """Check an audit's folder. spec: where its spec is now, if not where it was.

    model: whether to load checkpoint and data and predict every image again. Nothing is skipped in silence: what
    can't be checked is a finding that isn't ok. allow_code: whether code of the checkpoint may run.
    """
    try:
        wrong = manifest.broken(path)
    except AuditError as error:
        yield Finding("the folder", "digests", ok=False, seen=str(error))
        return
    for name, why in wrong.items():
        yield Finding(name, "digests", ok=False, seen=why)
    if not wrong:
        yield Finding(
            "the folder", "digests", ok=True, seen=f"{len(manifest.files(path))} files are as they were sealed"
        )
    try:
        run = Folder(path).load_run()
    except AuditError as error:
        yield Finding("the records", "readable", ok=False, seen=str(error))
        return
    yield from _rendered(path, run)
    for record in run.records.values():
        yield from _arithmetic(record)
    if model:
        yield from _with_model(run, spec or Path(run.spec), Resources(allow_code=allow_code))


def _rendered(path: Path, run: Run) -> Iterator[Finding]:
    size = manifest.page_bytes(path)
    # Drawn anew, never taken from a cache.
    made = render_files(run) if size is None else render_files(run, size)
    told = manifest.drawn_by(path)
    if told is not None and told != drawn_by():
        yield from _of_other_versions(path, made, told)
        return
    same = {name: (path / name).is_file() and (path / name).read_bytes() == made[name] for name in made}
    pictures = [name for name in made if name.startswith(PICTURES)]
    if pictures and all(same[name] for name in pictures):
        seen = f"its {len(pictures)} pictures are what the records render to"
        yield Finding(PICTURES, "rendered", ok=True, seen=seen)
        same = {name: same[name] for name in made if name not in pictures}
    early = "; an earlier auditor drew it, which `auditor report` renders again" if told is None else ""
    for name, ok in same.items():
        seen = "it is what the records render to" if ok else f"it isn't what the records render to{early}"
        yield Finding(name, "rendered", ok, seen)


def _of_other_versions(path: Path, made: Mapping[str, bytes], told: Mapping[str, str]) -> Iterator[Finding]:
    """Files whose pictures were drawn by other versions than are installed: alike in all but how charts are drawn."""
    here = drawn_by()
    other = ", ".join(
        f"{name} {told.get(name, '?')}, not {here[name]}" for name in here if told.get(name) != here[name]
    )
    for name in (name for name in made if not name.startswith(PICTURES)):
        try:
            stored = (path / name).read_bytes()
            if name.endswith(".html"):
                alike = content(stored, lambda n: (path / n).read_bytes()) == content(made[name], lambda n: made[n])
            else:
                alike = stored == made[name]
            why = "" if alike else "its content isn't what the records render to"
        except (OSError, KeyError, ValueError) as error:
            why = f"it can't be compared: {reason(error)}"
        said = "its text, tables, numbers and images are what the records render to; its charts are not compared"
        if name.endswith(".html"):
            yield Finding(
                name, "rendered", not why, f"{why or said} (rendered with {other}: not compared byte by byte)"
            )
        else:
            yield Finding(name, "rendered", not why, why or "it is what the records render to")


# --- arithmetic


def _arithmetic(record: Record) -> Iterator[Finding]:
    """Whether metrics follow from their values, and the verdict from the metrics."""
    if record.evidence is None:
        return
    wrong = [name for name, metric in record.evidence.metrics.items() if not _follows(metric)]
    seen = f"{', '.join(wrong)} don't follow from their values" if wrong else "metrics follow from their values"
    yield Finding(record.case, "metrics", not wrong, seen)
    again = judged(record)
    same = again == record.verdict or repr(again) == repr(record.verdict)  # NaN is not equal to itself
    seen = f"again {again.status}" if same else f"{again.status} now ({again.message}); {record.verdict.status} stored"
    yield Finding(record.case, "verdict", same, seen)


def _follows(metric: Metric) -> bool:
    values = metric.values
    if metric.kind == "proportion":
        whole = values is None or (values.size == metric.n and values.sum() == metric.successes)
        return whole and (metric.n == 0 or metric.value == (metric.successes or 0) / metric.n)
    if metric.groups:
        return all(_follows(group) for group in metric.groups.values()) and _follows_groups(metric)
    if values is None:
        return metric.kind == "exact"
    expected = np.median(values) if metric.kind == "median" else values.mean() if values.size else np.nan
    return values.size == metric.n and bool(np.isclose(metric.value, expected, rtol=1e-9, equal_nan=True))


def _follows_groups(metric: Metric) -> bool:
    """Whether what is made of several metrics is what they make."""
    if metric.kind == "crossing":
        radii = metric.values if metric.values is not None else np.zeros(0)
        counted = {group.n for group in metric.groups.values()} == {metric.n}
        return counted and len(radii) == len(metric.groups) and metric.value == crossed(radii, metric.groups)
    if metric.kind == "binned":
        samples = sum(group.n for group in metric.groups.values())
        return metric.n == samples and metric.value == binned_value(metric.groups)
    made = {"lowest": lowest, "highest": highest}.get(metric.kind)
    again = made(metric.groups) if made else None
    return again is not None and (metric.value, metric.n) == (again.value, again.n)


# --- images, on the checkpoint


def _with_model(run: Run, spec: Path, resources: Resources) -> Iterator[Finding]:
    try:
        plan = make_plan(spec)
    except AuditError as error:
        yield Finding(str(spec), "spec", ok=False, seen=str(error))
        return
    same = plan.spec.digest == run.spec_digest
    told = "as it was before the run" if same else "has been changed since; --spec names the one that was run"
    yield Finding(str(spec), "spec", same, told)
    for record in run.records.values():
        try:
            yield from _sources(record, plan, resources)
            made = record.evidence.adversarial if record.evidence else None
            if made is not None and made.proof is not None:
                classifier = resources.own_call(plan, record.model)
                yield from _images(record, made, made.proof, classifier, resources.samples(plan))
        except AuditError as error:
            yield Finding(record.case, "sources", ok=False, seen=str(error))


def _sources(record: Record, plan: Plan, resources: Resources) -> Iterator[Finding]:
    """Whether checkpoint and data are the ones that were audited."""
    told = record.provenance
    if record.evidence is None:
        return
    same = told["data"]["sha256"] == resources.samples(plan).digest
    yield Finding(record.case, "data", same, "the data that was audited" if same else "other data than was audited")
    for name, entry in told["models"].items():
        same = name in plan.models and _same(entry, plan.models[name], resources)
        seen = (
            f"{name} is the checkpoint that was audited" if same else f"{name} is another checkpoint than was audited"
        )
        yield Finding(record.case, "checkpoint", same, seen)


def _same(entry: Mapping[str, Any], source: Source, resources: Resources) -> bool:
    """Whether a source is what a record names: the same files, whatever they are called, or the same endpoint."""
    files = sorted(resources.digests(source).values()) == sorted(entry["files"].values())
    steps = entry["params"].get("preprocessing") == source.shown.get("preprocessing")
    return files and steps and resources.known_by(source) == entry.get("known_by", {})


def _images(
    record: Record, made: AdversarialImages, proof: Proof, classifier: Classifier, samples: Samples
) -> Iterator[Finding]:
    count = len(made.images)
    real = made.indices >= 0
    place = {int(row): i for i, row in enumerate(samples.indices)}
    known = [place.get(int(row), -1) for row in made.indices[real]]
    theirs = samples.images[known] if known else samples.images[:0]
    true = min(known, default=0) >= 0 and np.array_equal(theirs, made.originals[real])
    true = true and np.array_equal(samples.labels[known], made.labels[real])
    told = f"{int(real.sum())} originals and labels are the data's" if true else "originals or labels aren't the data's"
    yield Finding(record.case, "originals", true, told)

    inside = np.isfinite(made.images).all(axis=(1, 2, 3))
    if proof.box is not None:
        inside &= (made.images >= proof.box[0]).all(axis=(1, 2, 3)) & (made.images <= proof.box[1]).all(axis=(1, 2, 3))
    if proof.radii is not None:
        inside &= distance(made.images, made.originals, proof.norm) <= proof.radii
    where = "ball and box" if proof.radii is not None else "the box" if proof.box else "what is finite"
    yield Finding(
        record.case, "within bounds", bool(inside.all()), f"{int(inside.sum())} of {count} lie within {where}"
    )

    # By a plain call of the checkpoint: what measured and what verifies must not share their mistakes.
    output, after, before = classifier.output, classifier.answers(made.images), classifier.answers(made.originals)
    apart = max(_apart(before, proof.before), _apart(after, proof.after))
    told = f"the checkpoint's answers differ by {apart:.1g} of their range from those stored"
    yield Finding(record.case, "logits", apart <= _AGREE, told)

    fooled = fools(after, output, made)
    wrong = int(disputed(after, output, made).sum())
    survive = fools(classifier.answers(_rounded(made.images, samples.box)), output, made)[made.fooled]
    told = f"{int(fooled.sum())} of {count} fool the checkpoint, {wrong} unlike stored"
    if survive.size:
        told += f"; {int(survive.sum())} of {survive.size} still do as 8-bit images"
    yield Finding(record.case, "predicted again", wrong == 0, told)
    yield _counts(record, made, proof)


def _rounded(images: FloatArray, box: tuple[float, float]) -> FloatArray:
    """Images as a PNG of 8 bits would keep them."""
    low, high = box
    levels = np.round((np.clip(images, low, high) - low) / (high - low) * _LEVELS)
    return (low + levels / _LEVELS * (high - low)).astype(np.float32)


def _apart(now: FloatArray, stored: FloatArray) -> float:
    if now.shape != stored.shape or not np.isfinite(stored).all():
        return float("inf")
    return float(np.abs(now - stored).max() / max(float(np.ptp(stored)), 1e-12)) if now.size else 0.0


def _counts(record: Record, made: AdversarialImages, proof: Proof) -> Finding:
    """Whether the metrics count exactly these images."""
    wrong = []
    metrics = record.evidence.metrics if record.evidence else {}
    for counted in proof.counted:
        metric = metrics.get(counted.metric)
        if metric is None or metric.values is None or metric.rows is None:
            wrong.append(counted.metric)
            continue
        broken = made.fooled.copy()
        if counted.radius is not None and proof.radii is not None:
            broken &= proof.radii <= counted.radius
        at = {int(row): i for i, row in enumerate(metric.rows)}
        rows = made.indices if (made.indices >= 0).all() else -1 - numbered(made.originals)
        there, numbers = np.unique(rows, return_inverse=True)
        values = np.array([metric.values[at[int(row)]] if int(row) in at else np.nan for row in there])
        wanted = of_each(np.where(broken, counted.fell, 1 - counted.fell), numbers)
        if not np.allclose(values, wanted, rtol=0, atol=1e-9):
            wrong.append(counted.metric)
    names = ", ".join(counted.metric for counted in proof.counted)
    seen = f"{', '.join(wrong)} don't count these images" if wrong else f"{names} count these images"
    return Finding(record.case, "counted", not wrong, seen)

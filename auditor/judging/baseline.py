"""The same case measured before, or on the model a release replaces: found, checked, and shown beside.

A baseline is a folder of records that `--audit-save-baseline` wrote, or the spec's model named `baseline`.
"""

import dataclasses
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from auditor import catalog
from auditor.records.store import Folder
from auditor.statistics import difference, fell, rose
from auditor.values import (
    AdversarialImages,
    Baseline,
    Evidence,
    Expectation,
    Figure,
    ImageGrid,
    IntArray,
    Panel,
    Record,
    RecordError,
    Samples,
    Strip,
    evenly,
)

MODEL = "baseline"
_SHOWN = 8


def find_baseline(path: Path, audit: str) -> Folder | None:
    """The records of an audit in a folder of baselines, or None; raise RecordError if the folder holds none at all."""
    if (path / "run.json").exists():
        folder = Folder(path)
        return folder if folder.load_plan().audit == audit else None
    if (path / audit / "run.json").exists():
        return Folder(path / audit)
    if not any(path.glob("*/run.json")):
        raise RecordError(f"--audit-baseline: {path} holds no records; --audit-save-baseline {path} makes them")
    return None


def from_records(
    folder: Folder, case: str, check: str, params: Mapping[str, Any], provenance: Mapping[str, Any]
) -> Baseline:
    """A case as a previous run measured it; what makes it incomparable is said in `mismatch`."""
    run = folder.load_plan()
    source = f"run {run.id[:8]} of {run.started}"
    record = folder.load(run.id, case)
    if record is None:
        return Baseline(source, "it has no record of this case", {})
    # Of which group is weakest here nothing is compared.
    ours, theirs = (
        {name: value for name, value in given.items() if name != "weak_segments"} for given in (params, record.params)
    )
    sliced = [re.sub(r" in \d+ parts$", "", str(one)) for one in params.get("slices", ())]
    mismatch = what_differs(dataclasses.replace(record, params=theirs), check, ours) or _other_source(
        record, provenance, sliced
    )
    if record.evidence is None or mismatch:
        return Baseline(source, mismatch or f"it ended in an error there: {record.verdict.message}", {})
    return Baseline(source, "", record.evidence.metrics, record.evidence.diagnostics, record.files)


def what_differs(record: Record, check: str, params: Mapping[str, Any]) -> str:
    """How a check and its parameters differ from what a record measured, or nothing."""
    if record.check != check:
        return f"its check was {record.check!r} and is {check!r} now"
    keys = sorted(key for key in params.keys() | record.params.keys() if params.get(key) != record.params.get(key))
    return ", ".join(f"its parameter {key} was {record.params.get(key)} and is {params.get(key)} now" for key in keys)


def _other_source(record: Record, provenance: Mapping[str, Any], sliced: Sequence[str]) -> str:
    """How the data or the seed differ: a comparison is of the same images, with the same random numbers.

    sliced: the attributes that groups are made by, which have to be the same too.
    """
    attributes = ((f"attribute {name}", "data", "attributes", name) for name in sliced)
    for what, *path in (("data", "data", "sha256"), ("seed", "spec", "seed"), *attributes):
        if _at(record.provenance, path) != _at(provenance, path):
            return f"its {what} was {_at(record.provenance, path)} and is {_at(provenance, path)} now"
    return ""


def _at(value: Any, path: list[str]) -> Any:
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


# --- what changed, as images


def changed_images(
    evidence: Evidence,
    baseline: Baseline,
    check: str,
    expectations: Sequence[Expectation],
    samples: Samples | None = None,
) -> tuple[Figure, ...]:
    """Images newly broken and newly fixed, by the first metric of which one can say so.

    samples: the data; without it only images that the evidence holds can be shown.
    """
    name = _telling(evidence, baseline, check, expectations)
    if name is None:
        return ()
    change = difference(evidence.metrics[name], baseline.metrics[name])
    info = catalog.describe(name, catalog.metrics_of(check))
    worse, better = (fell(change), rose(change)) if info and info.better == "higher" else (rose(change), fell(change))
    figures = (
        _gallery("Newly broken images", name, worse, evidence.adversarial, samples),
        _gallery("Newly fixed images", name, better, evidence.adversarial, samples),
    )
    return tuple(figure for figure in figures if figure is not None)


def _telling(evidence: Evidence, baseline: Baseline, check: str, expectations: Sequence[Expectation]) -> str | None:
    demanded = [e.metric for e in expectations if e.versus_baseline]
    promised = catalog.metrics_of(check)
    for name in dict.fromkeys([*demanded, *evidence.metrics]):
        now, before = evidence.metrics.get(name), baseline.metrics.get(name)
        info = catalog.describe(name, promised)
        if now is None or before is None or info is None or info.better is None or now.kind != "proportion":
            continue
        if now.rows is None or before.rows is None:
            continue
        shared = np.intersect1d(now.rows, before.rows)
        if shared.size and shared.min() >= 0:  # noise is no sample, so there is nothing of it to show here
            return name
    return None


def _gallery(
    title: str, metric: str, rows: IntArray, made: AdversarialImages | None, samples: Samples | None
) -> Figure | None:
    """Some of the images in these rows, beside the adversarial ones where the evidence has them."""
    attacked = {int(row): i for i, row in enumerate(made.indices)} if made else {}
    known = {int(row): i for i, row in enumerate(samples.indices)} if samples else attacked
    there = [int(row) for row in rows if int(row) in known]
    if not there:
        return None
    chosen = [there[i] for i in evenly(len(there), _SHOWN)]
    positions = [known[row] for row in chosen]
    shown = "all" if len(chosen) == len(rows) else f"{len(chosen)} of {len(rows)}"
    caption = f"By `{metric}`, compared with the baseline image by image; {shown} are shown."
    alt = f"{len(rows)} images differ from the baseline in {metric}."
    if samples:
        images, labels, box = samples.images[positions], samples.labels[positions], samples.box
        names = [samples.class_name(int(label)) for label in labels]
    elif made:
        images, names = made.originals[positions], [str(label) for label in made.labels[positions]]
        box = made.proof.box if made.proof and made.proof.box else (float(images.min()), float(images.max()))
    marks = tuple(f"row {row}, {name}" for row, name in zip(chosen, names, strict=True))
    natural = Panel(images, marks, "image", limits=box)
    if made is None or not set(chosen) <= attacked.keys():
        return ImageGrid(title, caption, alt, natural)
    now = Panel(made.images[[attacked[row] for row in chosen]], (), "attacked, now", limits=box)
    return Strip(title, caption, alt, (natural, now))

"""The same case measured before, or on the model a release replaces: found, checked, and shown beside.

A baseline is a folder of records that `--audit-save-baseline` wrote, or the spec's model named `baseline`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from auditor import catalog
from auditor.comparison import difference, fell, rose
from auditor.core import Baseline, Evidence, IntArray, Record, Samples
from auditor.errors import RecordError
from auditor.figures import Figure, ImageGrid, Panel, Strip, spread
from auditor.plan import Case
from auditor.store import Folder

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


def from_records(folder: Folder, case: Case, provenance: Mapping[str, Any]) -> Baseline:
    """The case as a previous run measured it; what makes it incomparable is said in `mismatch`."""
    run = folder.load_plan()
    source = f"run {run.id[:8]} of {run.started}"
    record = folder.load(run.id, case.id)
    if record is None:
        return Baseline(source, "it has no record of this case", {})
    mismatch = what_differs(record, case) or _other_source(record, provenance)
    if record.evidence is None or mismatch:
        return Baseline(source, mismatch or f"it ended in an error there: {record.verdict.message}", {})
    files = record.provenance.get("models", {}).get(record.model, {}).get("files", {})
    return Baseline(source, "", record.evidence.metrics, record.evidence.diagnostics, files)


def what_differs(record: Record, case: Case) -> str:
    """How a case differs from what a record of it measured, or nothing."""
    if record.check != case.check:
        return f"its check was {record.check!r} and is {case.check!r} now"
    now = case.params.model_dump(mode="json")
    keys = sorted(key for key in now.keys() | record.params.keys() if now.get(key) != record.params.get(key))
    return ", ".join(f"its parameter {key} was {record.params.get(key)} and is {now.get(key)} now" for key in keys)


def _other_source(record: Record, provenance: Mapping[str, Any]) -> str:
    """How the data or the seed differ: a comparison is of the same images, with the same random numbers."""
    for what, *path in (("data", "data", "sha256"), ("seed", "spec", "seed")):
        if _at(record.provenance, path) != _at(provenance, path):
            return f"its {what} was {_at(record.provenance, path)} and is {_at(provenance, path)} now"
    return ""


def _at(value: Any, path: list[str]) -> Any:
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


# --- what changed, as images


def changed_images(evidence: Evidence, baseline: Baseline, case: Case, samples: Samples) -> tuple[Figure, ...]:
    """Images newly broken and newly fixed, by the first metric of which one can say so."""
    name = _telling(evidence, baseline, case)
    if name is None:
        return ()
    change = difference(evidence.metrics[name], baseline.metrics[name])
    info = catalog.describe(name, catalog.metrics_of(case.check))
    worse, better = (fell(change), rose(change)) if info and info.better == "higher" else (rose(change), fell(change))
    kinds = (("Newly broken images", worse), ("Newly fixed images", better))
    return tuple(_gallery(title, name, rows, evidence, samples) for title, rows in kinds if rows.size)


def _telling(evidence: Evidence, baseline: Baseline, case: Case) -> str | None:
    demanded = [e.metric for e in case.expectations if e.versus_baseline]
    promised = catalog.metrics_of(case.check)
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


def _gallery(title: str, metric: str, rows: IntArray, evidence: Evidence, samples: Samples) -> Figure:
    chosen = rows[spread(len(rows), _SHOWN)]
    place = {int(row): i for i, row in enumerate(samples.indices)}
    positions = [place[int(row)] for row in chosen]
    names = tuple(
        f"row {row}, {samples.class_name(int(samples.labels[i]))}" for row, i in zip(chosen, positions, strict=True)
    )
    shown = "all" if len(chosen) == len(rows) else f"{len(chosen)} of {len(rows)}"
    caption = f"By `{metric}`, compared with the baseline image by image; {shown} are shown."
    alt = f"{len(rows)} images differ from the baseline in {metric}."
    natural = Panel(samples.images[positions], names, "image", limits=samples.box)
    made = evidence.adversarial
    if made is not None and set(chosen.tolist()) <= set(made.indices.tolist()):
        where = {int(row): i for i, row in enumerate(made.indices)}
        images = np.asarray(made.images[[where[int(row)] for row in chosen]])
        return Strip(title, caption, alt, (natural, Panel(images, (), "attacked, now", limits=samples.box)))
    return ImageGrid(title, caption, alt, natural)

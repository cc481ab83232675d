"""A finished audit as an MLflow run: numbers, verdicts and digests where a team looks at its models.

The experiment is named for the audit. The run holds every file of the audit's folder, so that `auditor verify` works
on what is downloaded from it. Model versions that a spec names `models:/name/version` are tagged with their verdict.
"""

import dataclasses
import hashlib
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

from auditor.loading.registry import connected, shown
from auditor.records import manifest
from auditor.report import outcome
from auditor.report.measures import interval_of
from auditor.spec import Plan, Registered, is_registered, registered
from auditor.values import Record, Run, references

_METRICS_AT_ONCE, _TAGS_AT_ONCE = 1000, 100  # as many as MLflow takes in one request
_LONGEST = 250
_FORBIDDEN = re.compile(r"[^A-Za-z0-9_. -]")
T = TypeVar("T")


def track(folder: Path, run: Run, plan: Plan, uri: str) -> str:
    """Log a finished run, whose files lie in `folder`, as a run of MLflow at `uri`; return where it is, in words.

    Raises TrackingError where MLflow can't be reached or refuses. A run that was begun and couldn't be finished is
    marked FAILED there, if that still can be done.
    """
    with connected(uri, f"{run.audit} isn't tracked") as mlflow:
        client = mlflow.MlflowClient()
        known = client.get_experiment_by_name(run.audit)
        experiment = known.experiment_id if known else client.create_experiment(run.audit)
        started = int(datetime.fromisoformat(run.started).timestamp() * 1000)
        run_id: str = client.create_run(experiment, start_time=started, run_name=run.id[:8]).info.run_id
        try:
            _log(mlflow, client, run_id, folder, run)
            _tag_versions(client, run_id, run, plan)
            client.set_terminated(run_id, "FINISHED")
        except Exception:
            client.set_terminated(run_id, "FAILED")
            raise
    where = f"{shown(uri).rstrip('/')}/#/experiments/{experiment}/runs/{run_id}"
    return where if uri.startswith("http") else f"run {run_id} of experiment {run.audit} ({shown(uri)})"


def _log(mlflow: Any, client: Any, run_id: str, folder: Path, run: Run) -> None:
    at = int(datetime.now().timestamp() * 1000)
    numbers = [mlflow.entities.Metric(key, value, at, 0) for key, value in metrics(run).items()]
    for part in _parts(numbers, _METRICS_AT_ONCE):
        client.log_batch(run_id, metrics=part)
    labels = [mlflow.entities.RunTag(key, value) for key, value in tags(run).items()]
    for part in _parts(labels, _TAGS_AT_ONCE):
        client.log_batch(run_id, tags=part)
    for name in (*manifest.files(folder), manifest.NAME):
        parent = PurePosixPath(name).parent.as_posix()
        client.log_artifact(run_id, str(folder / name), None if parent == "." else parent)


def _parts(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    return (items[start : start + size] for start in range(0, len(items), size))


def metrics(run: Run) -> Mapping[str, float]:
    """Every metric as `<case>.<metric>`, and the finite limits of its interval as `.low` and `.high` after it."""
    found: dict[str, float] = {}
    for record in run.records.values():
        for name, metric in (record.evidence.metrics if record.evidence else {}).items():
            if math.isfinite(metric.value):  # a server keeps numbers: what lies beyond all that was tried has none
                found[_key((record.case, name), found)] = float(metric.value)
    # A class may be called `low`: its metric has the name.
    for record in run.records.values():
        for name, end, limit in _limits(record):
            found[_key((record.case, name, end), found)] = limit
    return found


def _limits(record: Record) -> Iterator[tuple[str, str, float]]:
    for name, metric in (record.evidence.metrics if record.evidence else {}).items():
        if metric.kind == "exact":
            continue
        try:
            low, high = interval_of(metric, record)
        except ValueError:  # a stored record may hold numbers that have no interval
            continue
        yield from ((name, end, limit) for end, limit in (("low", low), ("high", high)) if math.isfinite(limit))


def _key(parts: tuple[str, ...], taken: Mapping[str, float]) -> str:
    """A name that MLflow allows; where it isn't the plain one, a digest keeps it apart from all others."""
    plain = ".".join(parts)
    allowed = _FORBIDDEN.sub("_", plain)
    if allowed == plain and len(plain) <= _LONGEST and plain not in taken:
        return plain
    mark = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:8]
    return f"{allowed[: _LONGEST - len(mark) - 1]}-{mark}"


def tags(run: Run) -> Mapping[str, str]:
    """Verdicts, what was audited, by what, and MLflow's own tags for commit, source and description."""
    counts = outcome.counts(run)
    return {
        "verdict": outcome.overall(counts),
        **{f"verdict.{case.id}": run.state(case) for case in run.cases},
        **{f"checkpoint.{model}": digest for model, digest in _checkpoints(run).items()},
        "audit.run": run.id,
        "spec.path": run.spec,
        "spec.sha256": run.spec_digest,
        "mlflow.source.name": run.spec,
        "mlflow.note.content": outcome.told(run),
        **({"mlflow.source.git.commit": run.commit} if run.commit else {}),
    }


def _checkpoints(run: Run) -> Mapping[str, str]:
    """SHA-256 of each model that was loaded; of several files, or where processes found different ones, all."""
    found: dict[str, set[str]] = {}
    for record in run.records.values():
        for model, entry in record.provenance.get("models", {}).items():
            found.setdefault(model, set()).update(entry["files"].values())
    return {model: ", ".join(sorted(digests)) for model, digests in found.items()}


def _tag_versions(client: Any, run_id: str, run: Run, plan: Plan) -> None:
    """Tag each registered version that was measured with the verdict on the cases that measured it."""
    digests = _checkpoints(run)
    measured: dict[Registered, list[str]] = {}
    for name, source in plan.models.items():
        for reference in references(source.written):
            if reference.to == "file" and is_registered(reference.name):
                named = dataclasses.replace(registered(reference.name), inner="")
                measured.setdefault(named, []).append(name)
    for version, names in measured.items():
        cases = tuple(case for case in run.cases if case.model in names)
        if not any(case.selected for case in cases):
            continue
        said = {
            "verdict": outcome.overall(outcome.counts(dataclasses.replace(run, cases=cases))),
            "run": run_id,
            "sha256": ", ".join(dict.fromkeys(digests[name] for name in names if name in digests)),
        }
        for key, value in said.items():
            client.set_model_version_tag(version.model, version.version, f"audit.{run.audit}.{key}", value)

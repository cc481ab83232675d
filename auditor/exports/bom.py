"""A run as an ML-BOM, `bom.json`: CycloneDX 1.7, with the audited model, its card, its data and what measured it.

https://cyclonedx.org/docs/1.7/json/. What the format has no place for stands in properties named `auditor:…`.
"""

import hashlib
import re
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

from auditor.exports.interchange import to_json
from auditor.report import outcome
from auditor.report.coverage import coverage
from auditor.report.measures import interval_of
from auditor.values import Record, Run

_SHA256 = re.compile(r"[0-9a-f]{64}")
Json = dict[str, Any]


def render(run: Run) -> str:
    """Put a run into JSON; the same run always gives the same document."""
    return to_json(bom(run))


def bom(run: Run) -> Json:
    """The bill of materials of what a run measured."""
    models = {name: entry for record in run.records.values() for name, entry in _mapping(record, "models").items()}
    data = {str(entry["sha256"]): entry for r in run.records.values() if "sha256" in (entry := _mapping(r, "data"))}
    sets = [f"data:{digest}" for digest in data]
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.7",
        "serialNumber": f"urn:uuid:{uuid.UUID(bytes=hashlib.sha256(ascii(run.id).encode()).digest()[:16], version=5)}",
        "version": 1,
        "metadata": {
            "timestamp": run.started,
            "tools": {"components": list(_tools(run))},
            "properties": list(_properties(run)),
        },
        "components": [
            *(_model(run, name, entry, sets) for name, entry in models.items() if isinstance(entry, Mapping)),
            *(_data(run, digest, entry) for digest, entry in data.items()),
        ],
    }


def _tools(run: Run) -> Iterator[Json]:
    """The auditor, and the libraries that it measured with."""
    found = {name: str(v) for record in run.records.values() for name, v in _mapping(record, "versions").items()}
    for name, version in found.items():
        yield {"type": "application" if name in ("auditor", "python") else "library", "name": name, "version": version}


def _properties(run: Run) -> Iterator[Json]:
    said = run.accountability
    yield _property("run", run.id)
    yield _property("spec", run.spec)
    yield _property("spec.sha256", run.spec_digest)
    yield _property("overall", outcome.overall(outcome.counts(run)))
    for name, person in (("responsible", said.responsible), ("approver", said.approver)):
        if person:
            yield _property(name, str(person))
    for requirement in said.requirements:
        told = f"{requirement.id}: {requirement.text} ({requirement.source})"
        yield _property("requirement", told)


def _property(name: str, value: str) -> Json:
    return {"name": f"auditor:{name}", "value": value}


def _model(run: Run, name: str, entry: Mapping[str, Any], sets: list[str]) -> Json:
    given = entry.get("files")
    files = given if isinstance(given, Mapping) else {}
    system = run.accountability.system
    named = {"version": system.version} if system and system.version else {}
    provided = {"supplier": {"name": system.provider}} if system and system.provider else {}
    known = {file: hashes for file, sha in files.items() if (hashes := _hashes(sha))}
    parts = [{"type": "file", "name": file, "hashes": hashes} for file, hashes in known.items()]
    whole = {"hashes": next(iter(known.values()))} if len(known) == len(files) == 1 else {}
    metrics = [one for record in run.records.values() if record.model == name for one in _metrics(run, record)]
    return {
        "type": "machine-learning-model",
        "bom-ref": f"model:{name}",
        "name": name,
        **named,
        **provided,
        **whole,
        **({"components": parts} if parts else {}),
        "modelCard": {
            "modelParameters": {"task": "image classification", "datasets": [{"ref": ref} for ref in sets]},
            "quantitativeAnalysis": {
                "performanceMetrics": metrics,
                "graphics": {"description": "Charts and images of every case stand in index.html beside this file."},
            },
            "considerations": _considerations(run),
        },
    }


def _metrics(run: Run, record: Record) -> Iterator[Json]:
    state = next((run.state(case) for case in run.cases if case.id == record.case), "not run")
    for name, metric in (record.evidence.metrics if record.evidence else {}).items():
        found: Json = {"type": name, "value": repr(float(metric.value))}
        found["slice"] = f"case {record.case} ({record.check}), n = {metric.n}, {state}"
        try:
            low, high = interval_of(metric, record)
        except ValueError:  # a stored record may hold numbers that have no interval
            yield found
            continue
        if metric.kind != "exact":
            found["confidenceInterval"] = {"lowerBound": repr(float(low)), "upperBound": repr(float(high))}
        yield found


def _considerations(run: Run) -> Json:
    system = run.accountability.system
    users = {"users": [system.users]} if system and system.users else {}
    cases = {"useCases": [system.intended_purpose]} if system else {}
    misuse = [f"Not for: {one}" for one in system.foreseeable_misuse] if system else []
    open_ones = [f"{case.id}: {outcome.message(run, case)}" for case in outcome.open_cases(run)]
    limits = [*misuse, *open_ones, *(f"Not tested: {one}" for one in coverage(run).untested)]
    return {**users, **cases, "technicalLimitations": limits}


def _data(run: Run, digest: str, entry: Mapping[str, Any]) -> Json:
    card = run.accountability.cards.get("")
    parts = [card.source, card.licence, card.collection_period, card.representativeness] if card else []
    told = "; ".join(part for part in parts if part)
    hashes = {"hashes": found} if (found := _hashes(digest)) else {}
    name = str(entry.get("dataset", "data"))
    about = {"type": "dataset", "name": name, "description": f"{entry.get('images', 'unknown')} images; evaluation"}
    return {
        "type": "data",
        "bom-ref": f"data:{digest}",
        "name": name,
        **({"description": told} if told else {}),
        **hashes,
        "data": [about],
    }


def _hashes(digest: Any) -> list[Json]:
    return [{"alg": "SHA-256", "content": digest}] if isinstance(digest, str) and _SHA256.fullmatch(digest) else []


def _mapping(record: Record, name: str) -> Mapping[str, Any]:
    """Provenance is read back from disk: what should be a mapping may be anything."""
    found = record.provenance.get(name)
    return found if isinstance(found, Mapping) else {}

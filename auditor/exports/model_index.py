"""A run as `model-index`, the metadata of a model card on the Hugging Face Hub (YAML, to stand at its head).

https://github.com/huggingface/hub-docs/blob/main/modelcard.md
"""

from typing import Any

import yaml

from auditor.report.measures import interval_of
from auditor.values import Record, Run

_MOST = 20


def render(run: Run) -> str:
    """Put a run into YAML: each case that measured is a result, with its first metrics and their intervals."""
    results = [_result(record) for record in run.records.values() if record.evidence]
    name = run.records[next(iter(run.records))].model if run.records else run.audit
    content = {"model-index": [{"name": name, "results": results}]}
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True)


def _result(record: Record) -> dict[str, Any]:
    data = record.provenance.get("data", {})
    dataset = str(data.get("dataset", "unknown"))
    split = data.get("params", {}).get("split")
    about = {"name": dataset, "type": dataset} | ({"split": str(split)} if split else {})
    return {
        "task": {"type": "image-classification", "name": record.title},
        "dataset": about,
        "metrics": [_metric(name, record) for name in list(record.evidence.metrics if record.evidence else ())[:_MOST]],
    }


def _metric(name: str, record: Record) -> dict[str, Any]:
    assert record.evidence is not None
    metric = record.evidence.metrics[name]
    found: dict[str, Any] = {"type": name, "value": float(metric.value), "name": f"{record.case}: {name}"}
    try:
        low, high = interval_of(metric, record)
    except ValueError:  # a stored record may hold numbers that have no interval
        return found
    return found | {"args": {"n": metric.n, "confidence": record.confidence, "low": float(low), "high": float(high)}}

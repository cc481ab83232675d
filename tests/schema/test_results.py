"""The JSON Schema of `results.json` is current, and lets nothing through that the format doesn't know."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

import auditor.spec.schema
from auditor.exports import results
from auditor.exports.results_schema import schema_text
from tests.report.page import every_state

COMMITTED = Path(auditor.spec.schema.__file__).parent / "results.schema.json"


def test_the_committed_file_is_current():
    stale = "auditor/spec/schema/results.schema.json is stale: run `make schema` and commit it"
    assert COMMITTED.exists(), stale
    assert COMMITTED.read_text(encoding="utf-8") == schema_text(), stale


def test_it_is_a_schema_that_explains_every_field_of_ours():
    schema = json.loads(schema_text())
    Draft202012Validator.check_schema(schema)
    ours = [schema, *(schema["$defs"][name] for name in ("Case", "Recorded", "Measured", "Compared", "Difference"))]
    assert all(field["description"] for part in ours for field in part["properties"].values())


@pytest.mark.parametrize(
    "spoil",
    [
        lambda document: document.update(more=1),
        lambda document: document.update(format=1),
        lambda document: document.pop("counts"),
        lambda document: document["cases"][0].update(state="passed"),
        lambda document: document["cases"][0]["record"]["verdict"].pop("message"),
        lambda document: document["cases"][0]["record"]["metrics"]["accuracy"].update(low="-inf"),
        lambda document: document["cases"][0]["record"]["verdict"]["findings"][0].update(extra=0),
    ],
)
def test_what_is_not_of_the_format_is_refused(spoil: Callable[[Any], Any]):
    validator = Draft202012Validator(json.loads(COMMITTED.read_text(encoding="utf-8")))
    document = json.loads(results.render(every_state()))
    assert not list(validator.iter_errors(document))
    spoil(document)
    assert list(validator.iter_errors(document))

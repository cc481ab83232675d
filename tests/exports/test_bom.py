"""The ML-BOM is valid by CycloneDX's own schema, and says what the records say; so does the model card's metadata."""

import json
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft7Validator
from referencing import Registry, Resource

from auditor.exports import model_index
from auditor.exports.bom import render
from auditor.values import Expectation, proportion
from tests.report.page import every_state, evidence, hostile_run, provenance, record, run_of
from tests.report.test_opening import SAID

DIGEST = "c0" * 32


def validator() -> Draft7Validator:
    with zipfile.ZipFile(Path(__file__).parent / "schemas" / "cyclonedx-1.7.zip") as file:
        schemas = {name: json.loads(file.read(name)) for name in file.namelist()}
    known = [(f"http://cyclonedx.org/schema/{name}", Resource.from_contents(s)) for name, s in schemas.items()]
    whole = schemas["bom-1.7.SNAPSHOT.schema.json"]
    return Draft7Validator(whole, registry=Registry().with_resources(known))


VALID = validator()


@pytest.mark.parametrize("run", [every_state(), hostile_run(), run_of()], ids=["every state", "hostile", "empty"])
def test_it_is_valid_whatever_the_records_hold(run):
    assert list(VALID.iter_errors(json.loads(render(run)))) == []


def test_it_says_what_was_measured_of_which_model_on_which_data():
    found = evidence({"accuracy": proportion(96, 100)})
    run = replace(run_of(record("a", found, Expectation("accuracy", min=0.5), provenance=provenance(DIGEST))))
    run = replace(run, accountability=SAID)
    made = json.loads(render(run))
    assert list(VALID.iter_errors(made)) == []
    model, data = made["components"]
    assert (model["name"], model["hashes"]) == ("release", [{"alg": "SHA-256", "content": DIGEST}])
    [metric] = model["modelCard"]["quantitativeAnalysis"]["performanceMetrics"]
    assert (metric["type"], metric["value"], metric["slice"]) == (
        "accuracy",
        "0.96",
        "case a (accuracy), n = 100, pass",
    )
    # Clopper and Pearson for 96 of 100, from tables
    bounds = [float(metric["confidenceInterval"][end]) for end in ("lowerBound", "upperBound")]
    assert bounds == pytest.approx([0.9007, 0.9890], abs=1e-4)
    assert model["modelCard"]["considerations"]["useCases"] == ["Reads digits on forms"]
    assert "Not for: cheques" in model["modelCard"]["considerations"]["technicalLimitations"]
    assert data["type"] == "data"
    assert "CC BY-SA 3.0" in data["description"]
    assert {"name": "numpy", "type": "library", "version": "2.0"} in made["metadata"]["tools"]["components"]


def test_a_model_cards_metadata_has_interval_and_n_beside_every_value():
    run = run_of(record("a", evidence({"accuracy": proportion(96, 100)}), provenance=provenance(DIGEST)))
    [model] = yaml.safe_load(model_index.render(run))["model-index"]
    [result] = model["results"]
    assert (result["dataset"]["name"], result["dataset"]["split"]) == ("digits", "test")
    [metric] = result["metrics"]
    assert (metric["type"], metric["value"], metric["args"]["n"]) == ("accuracy", 0.96, 100)
    assert metric["args"]["low"] == pytest.approx(0.9007, abs=1e-4)

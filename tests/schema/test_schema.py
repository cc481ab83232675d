"""The JSON Schema says of a spec what the auditor says of it."""

import re
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

import auditor.spec.schema
from auditor import catalog
from auditor.spec import schema
from auditor.spec.marked import parse
from auditor.values import SLICED

COMMITTED = Path(auditor.spec.schema.__file__).parent / "audit.schema.json"
SPECS = sorted((Path(__file__).parents[2] / "specs").glob("*.audit.yaml"))
BASE = """\
audit: demo
title: A demonstration
confidence: 19/20
models:
  release: {format: keras, path: a.keras, output: probabilities}
  other: {format: keras, path: b.keras, output: logits}
data: {dataset: npz, path: data.npz, box: [0, 255]}
other_data: {far: {dataset: idx, images: a, labels: b}}
checks:
  - {id: clean, check: accuracy, model: release, params: {first: 10}, expect: {accuracy: {min: 0.9}}}
  - {id: threes, check: accuracy, expect: {accuracy.3: {max: 1}}}
  - {id: flip, check: digit_flip, params: {target: 3, step_size: 8/255, objective: logit}}
  - {id: noise, check: noise_to_target, params: {target: all, clip: both}}
  - {id: onto, check: transfer, params: {adversarial: [flip, noise], onto: [other]}, expect: {images: {min: 1}}}
"""


@pytest.fixture(scope="module")
def built() -> dict:
    return schema.build()


def mistakes(built: dict, text: str) -> list[str]:
    validator = Draft202012Validator(built)
    return [error.message for error in validator.iter_errors(parse(text, "spec")[0])]


def test_the_committed_file_is_current():
    stale = "auditor/spec/schema/audit.schema.json is stale: run `make schema` and commit it"
    assert COMMITTED.exists(), stale
    assert COMMITTED.read_text(encoding="utf-8") == schema.text(), stale


@pytest.mark.parametrize("spec", SPECS, ids=[spec.name for spec in SPECS])
def test_an_editor_finds_it_from_where_a_spec_says_it_is(spec):
    said = spec.read_text(encoding="utf-8").splitlines()[0].removeprefix("# yaml-language-server: $schema=")
    assert (spec.parent / said).resolve() == COMMITTED.resolve()


def test_it_is_a_schema(built):
    of_schemas = Draft202012Validator(Draft202012Validator.META_SCHEMA)
    assert [error.message for error in of_schemas.iter_errors(built)] == []


def test_a_good_spec_is_valid(built):
    assert mistakes(built, BASE) == []


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.name)
def test_the_example_specs_are_valid(built, path):
    assert mistakes(built, path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("audit: demo\n", ""),
        ("audit: demo", "audit: my demo"),
        ("title: A", "titel: A"),
        ("confidence: 19/20", "confidence: 95"),
        ("confidence: 19/20", "confidence: 19|20"),
        ("  other:", "  an other:"),
        ("format: keras, path: a.keras", "format: torhc, path: a.keras"),
        ("format: keras, path: a.keras", "path: a.keras"),
        ("output: logits", "output: logit"),
        ("path: b.keras, ", ""),
        ("dataset: npz, path: data.npz", "dataset: mnist_5k"),
        ("box: [0, 255]", "box: [0]"),
        ("dataset: idx, images: a", "images: a"),
        ("labels: b", "lables: b"),
        ("{far:", "{so far:"),
        ("clean, check: accuracy", "clean, check: acuracy"),
        ("clean, check: accuracy", "clean"),
        ("model: release", "modle: release"),
        ("first: 10", "frist: 10"),
        ("first: 10", "first: 0"),
        ("{accuracy: {min", "{acuracy: {min"),
        ("accuracy.3", "errors.3"),
        ("accuracy.3", "accuracy.*"),
        ("{min: 0.9}", "0.9"),
        ("{min: 0.9}", "{}"),
        ("{min: 0.9}", "{least: 0.9}"),
        ("step_size: 8/255", "step_size: 0"),
        ("objective: logit", "objective: loss"),
        ("target: all", "target: [1]"),
        ("clip: both", "clip: some"),
        ("adversarial: [flip, noise]", "adversarial: []"),
        (", onto: [other]", ""),
        ("params: {adversarial: [flip, noise], onto: [other]}, ", ""),
    ],
)
def test_a_broken_spec_is_not(built, old, new):
    assert BASE.count(old) == 1
    assert mistakes(built, BASE.replace(old, new))


@pytest.mark.parametrize("kind", ["checks", "models", "datasets"])
def test_every_extension_is_offered_with_its_first_line_and_its_parameters(built, kind):
    choices = {
        "checks": built["$defs"]["CheckEntry"]["properties"]["check"],
        "models": next(iter(built["properties"]["models"]["patternProperties"].values()))["properties"]["format"],
        "datasets": built["properties"]["data"]["properties"]["dataset"],
    }[kind]["oneOf"]
    expected = [(name, catalog.documentation(kind, name)[""]) for name in catalog.names(kind)]
    assert [(choice["const"], choice["description"]) for choice in choices] == expected
    for name in catalog.names(kind):
        fields = catalog.params_of(kind, name).model_fields
        properties = built["$defs"][f"{kind}.{name}"]["properties"]
        assert {field: properties[field]["description"] for field in fields} == {
            field: info.description for field, info in fields.items()
        }


@pytest.mark.parametrize("name", catalog.names("checks"))
def test_every_metric_is_offered_with_its_text(built, name):
    choices = built["$defs"]["CheckEntry"]["allOf"]
    [then] = [c["then"] for c in choices if c["if"]["properties"]["check"]["const"] == name]
    expect = then["properties"]["expect"]
    offered = [text["description"] for text in (*expect["properties"].values(), *expect["patternProperties"].values())]
    promised = catalog.metrics_of(name)
    sliced = [m for m, info in promised.items() if "." not in m and info.kind in SLICED and not info.of_those]
    of_groups = [f"{promised[m].text}: of groups, by `slices` and `weak_segments`" for m in sliced]
    assert sorted(offered) == sorted([*of_groups, *(info.text for info in promised.values())])
    for metric in sliced:
        patterns = [p for p in expect["patternProperties"] if re.search(p, f"{metric}[site=a b]")]
        assert len(patterns) == 1
        assert re.search(patterns[0], f"{metric}[*site]")
        assert re.search(patterns[0], f"{metric}[gap site]")
        assert re.search(patterns[0], f"{metric}[weak]")
        assert not re.search(patterns[0], f"{metric}[site]")


def test_pydantic_leaves_nothing_of_its_own(built):
    def walk(part):
        if isinstance(part, dict):
            assert not {"gt", "ge", "lt", "le"} & part.keys()
            if "$ref" in part:
                assert part["$ref"].removeprefix("#/$defs/") in built["$defs"]
        for inner in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
            walk(inner)

    walk(built)

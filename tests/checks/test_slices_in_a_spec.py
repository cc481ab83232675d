"""Groups from a table's columns to the report: gates both ways, verified, and mistakes told before anything runs."""

import dataclasses
import json

import numpy as np
import pytest
from PIL import Image

from auditor.evidence.verification import verify
from auditor.records.store import Folder
from auditor.spec import make_plan
from auditor.values import SpecError
from tests.support import data, last_run, spec, write

# Every image of bergen that isn't of class a is turned over, so that the model gets it wrong.
SITES = ["oslo", "bergen", "oslo", ""]
CHECKS = """
- id: by-site
  check: accuracy
  slices: [site, {brightness: 2}]
  expect:
    accuracy[site=oslo]: {min: 0.8}
    accuracy[site=bergen]: {max: 0.9}
    accuracy[*site]: {min: 0.1}
    accuracy[gap site]: {min: 0.05}
- id: all-alike
  check: accuracy
  slices: [site]
  expect:
    accuracy[*site]: {min: 0.8}
    accuracy[gap site]: {max: 0.3}
"""


@pytest.fixture(scope="module")
def made():
    """Images (120, 6, 6, 1) as bytes, their labels, and the site of each."""
    images, labels = data(120)
    sites = np.array([SITES[i // 3 % 4] for i in range(120)])
    turned = (sites == "bergen") & (labels != 0)
    images = np.where(turned[:, None, None, None], images[:, ::-1], images)
    return (images[..., 0] * 255).round().astype(np.uint8), labels, sites


def table(project, made) -> None:
    pixels, labels, sites = made
    rows = ["path,label,site"]
    for i, image in enumerate(pixels):
        Image.fromarray(image).save(project.path / f"{i}.png")
        rows.append(f"{i}.png,{'abc'[labels[i]]},{sites[i]}")
    (project.path / "index.csv").write_text("\n".join(rows))


CSV = "dataset: csv, path: index.csv, channels: 1, names: [a, b, c]"


def test_gates_on_groups_both_ways(project, made):
    table(project, made)
    path = write(project, spec(CHECKS, data=CSV))
    project.runpytest_inprocess()
    run = last_run(project)
    record = run.records["by-site"]
    assert record.evidence is not None, record.failure
    _, labels, sites = made
    # Of what is turned over, the middle class stays as it is: it is right.
    right = ~((sites == "bergen") & (labels == 2))
    metrics = record.evidence.metrics
    for site in ("oslo", "bergen", ""):
        of = sites == site
        assert (metrics[f"accuracy[site={site}]"].successes, metrics[f"accuracy[site={site}]"].n) == (
            int(right[of].sum()),
            int(of.sum()),
        )
    assert metrics["accuracy[gap site]"].value == pytest.approx(1 - right[sites == "bergen"].mean())
    assert {finding.expectation.metric: finding.status for finding in record.verdict.findings} == {
        "accuracy[site=oslo]": "pass",
        "accuracy[site=bergen]": "pass",
        "accuracy[*site]": "pass",
        "accuracy[gap site]": "pass",
    }
    other = run.records["all-alike"]
    assert other.verdict.status == "fail"
    assert "accuracy[*site] is 66.7% (site=bergen: 20/30; lowest of 3" in other.verdict.message
    gap = "accuracy[gap site] is 33.3% (site=oslo: 60/60 against site=bergen: 20/30"
    assert gap in other.verdict.message
    assert record.params["slices"] == ["site", "brightness in 2 parts"]
    assert record.provenance["data"]["attributes"].keys() == {"site"}

    # What a report and a program see of it.
    page = (project.path / "reports" / "tiny" / "index.html").read_text()
    assert "accuracy by site" in page
    assert "not known" in page
    written = json.loads((project.path / "reports" / "tiny" / "results.json").read_text())
    case = next(case for case in written["cases"] if case["id"] == "by-site")
    assert case["record"]["metrics"]["accuracy[site=bergen]"]["n"] == 30
    assert case["record"]["metrics"]["accuracy[gap site]"]["kind"] == "spread"

    folder = Folder(project.path / "reports" / "tiny")
    findings = list(verify(folder.path, spec=path))
    assert [f for f in findings if f.of == "by-site" and not f.ok] == []
    assert any(f.what == "groups" and f.ok for f in findings if f.of == "by-site")

    # Who tells otherwise of a group is found out by the data, though record and verdict agree with each other.
    moved = dataclasses.replace(metrics["accuracy[site=oslo]"], successes=59, value=59 / 60, values=None, rows=None)
    forged = dataclasses.replace(record.evidence, metrics={**metrics, "accuracy[site=oslo]": moved})
    folder.save(dataclasses.replace(record, evidence=forged))
    wrong = [f for f in verify(folder.path, spec=path) if f.what == "groups" and not f.ok]
    assert ["accuracy[site=oslo]" in f.seen for f in wrong] == [True]


@pytest.mark.parametrize(
    ("slices", "expect", "message"),
    [
        ("[sit]", "{}", "unknown attribute 'sit'; did you mean 'site'"),
        ("[site, site]", "{}", "should name each once"),
        ("[site, {site: 2}]", "{}", "'site' is sliced by twice"),
        ("[{site: 4}]", "{}", "'site' holds names, such as"),
        ("[{brightness: 1}]", "{}", "should be"),
        ("[brightness]", "{}", "say into how many parts, such as {brightness: 4}"),
        ("[site]", "{'accuracy[site=osl]': {min: 0.5}}", "unknown group of site 'osl'; did you mean 'oslo'"),
        ("[site]", "{'accuracy[*sit]': {min: 0.5}}", "unknown slice 'sit'; did you mean 'site'"),
        ("[]", "{'accuracy[*site]': {min: 0.5}}", "name the attribute under `slices`"),
        ("[site]", "{'acuracy[*site]': {min: 0.5}}", "did you mean 'accuracy'"),
        ("[site]", "{'accuracy[worst site]': {min: 0.5}}", "names no groups: write `metric[site=oslo]`"),
        ("[site]", "{'accuracy[*site]': {min: 50}}", "is a share and lies between 0 and 1"),
        ("[site]", "{'worst_class_accuracy[*site]': {min: 0.5}}", "unknown metric that groups have"),
        ("[{brightness: 2}]", "{'accuracy[brightness=3/2]': {min: 0.5}}", "unknown group of brightness '3/2'"),
    ],
)
def test_mistakes_are_told_at_their_place(project, made, slices, expect, message):
    table(project, made)
    check = f"- {{id: one, check: accuracy, slices: {slices}, expect: {expect}}}"
    path = write(project, spec(check, data=CSV))
    with pytest.raises(SpecError) as caught:
        make_plan(path)
    assert message in str(caught.value)
    line = next(i for i, text in enumerate(path.read_text().splitlines(), 1) if "id: one" in text)
    assert {problem.line for problem in caught.value.problems} == {line}


def test_what_small_groups_can_show_is_said_before_they_run(project, made):
    table(project, made)
    (project.path / "index.csv").write_text(
        (project.path / "index.csv").read_text().replace(",\n", ",rome\n", 2).replace(",oslo", ",oslo")
    )
    check = (
        "- {id: one, check: accuracy, slices: [site], "
        "expect: {'accuracy[site=rome]': {min: 0.9}, 'accuracy[*site]': {min: 0.9}}}"
    )
    plan = make_plan(write(project, spec(check, data=CSV)))
    said = [problem.message for problem in plan.cases[0].warnings]
    assert any("2 samples can't settle accuracy[site=rome] ≥ 0.9" in message for message in said)
    assert any("2 samples can't settle accuracy[*site] ≥ 0.9" in message for message in said)
    assert any("28 of 120 images have no 'site': they are a group of their own, `[site=]`" in text for text in said)

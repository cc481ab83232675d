"""A spec that says which images belong together, from its data to verdict, report and verification."""

import json

import numpy as np
import pytest

from auditor.evidence.verification import verify
from auditor.spec import make_plan
from auditor.values import SpecError
from tests.support import data, last_run, spec, write

CHECKS = """\
- {id: clean, check: accuracy, slices: [site], expect: {accuracy: {min: 0.9}}}
- {id: images, check: data_quality}
- {id: outside, check: out_of_distribution, params: {samples: 40, data: more, kinds: []}}
"""
DATA = "dataset: npz, path: grouped.npz, attributes: [patient, site]"
MORE = "other_data:\n  more: {dataset: npz, path: more.npz}\n"


def prepare(folder, patients=6):
    images, labels = data(60)
    np.savez(
        folder / "grouped.npz",
        images=images,
        labels=labels,
        patient=np.arange(60) % patients,
        site=np.array(["oslo"] * 60),
    )
    np.savez(folder / "more.npz", images=1 - images[:40], labels=labels[:40])


def test_images_of_one_patient_count_once_in_verdict_report_and_verification(project, monkeypatch):
    prepare(project.path)
    write(project, "clusters: patient\n" + spec(CHECKS, data=DATA) + MORE)
    project.runpytest_inprocess("--audit-inconclusive=warn")
    run = last_run(project)
    record = run.records["clean"]
    metric = record.evidence.metrics["accuracy"]
    assert (metric.successes, metric.n, len(np.unique(metric.clusters))) == (60, 60, 6)
    # All of 6 patients right shows no more than 6 of 6: (0.05)^(1/6), where 60 of 60 would show 0.951.
    assert record.verdict.status == "inconclusive"
    assert "60/60 in 6 clusters, at least 60.6%" in record.verdict.message
    group = record.evidence.metrics["accuracy[site=oslo]"]
    assert len(np.unique(group.clusters)) == 6
    told = json.loads((project.path / "reports/tiny/results.json").read_text())
    found = told["cases"][0]["record"]["metrics"]["accuracy"]
    assert (found["clusters"], found["effective_n"]) == (6, 6.0)
    assert any("6 clusters by `patient`" in remark for remark in record.provenance["data"]["remarks"])
    outside = run.records["outside"].evidence.metrics["certain.data"]
    assert outside.clusters.size == 0  # of other data without patients nothing is inferred
    page = (project.path / "reports/tiny/index.html").read_text()
    assert "60 of 60 in 6 clusters" in page
    monkeypatch.chdir(project.path)
    found = list(verify(project.path / "reports" / "tiny"))
    assert all(finding.ok for finding in found), [finding for finding in found if not finding.ok]


def test_what_looks_alike_counts_once_where_the_spec_says_so(project):
    """Each image of another light is a near duplicate, no repeat: 60 images, of which 30 are of their own."""
    images, labels = data(30)
    both = np.concatenate([images, np.clip(0.12 + 0.8 * images, 0, 1)])
    np.savez(project.path / "alike.npz", images=both, labels=np.concatenate([labels, labels]))
    checks = "- {id: clean, check: accuracy, expect: {accuracy: {min: 0.92}}}\n"
    text = spec(checks, data="dataset: npz, path: alike.npz")
    write(project, text)
    write(project, "independent: deduplicated\n" + text.replace("tiny", "once"), "two")
    project.runpytest_inprocess("--audit-inconclusive=warn")
    every, once = last_run(project).records["clean"], last_run(project, "once").records["clean"]
    assert (every.verdict.status, once.verdict.status) == ("pass", "inconclusive")
    assert every.evidence.metrics["accuracy"].n == once.evidence.metrics["accuracy"].n
    assert len(np.unique(once.evidence.metrics["accuracy"].clusters)) <= 30


def test_an_attribute_that_is_not_there_is_told_before_anything_runs(project):
    prepare(project.path)
    checks = "- {id: clean, check: accuracy}\n"
    path = write(project, "clusters: patiend\n" + spec(checks, data=DATA))
    with pytest.raises(SpecError, match=r"one.audit.yaml:1:\d+: .*'patiend'.*patient"):
        make_plan(path)
    write(project, "clusters: patient\n" + spec(checks))
    with pytest.raises(SpecError, match="the data has no 'patient', nor any other attribute"):
        make_plan(path)
    write(project, "clusters: site\n" + spec(checks, data=DATA))
    assert "all images have one site, oslo" in make_plan(path).warnings[0].message

"""The weakest group: searched for on one half, measured on the other, on record, and found again by verification."""

import dataclasses
import json

import numpy as np
import pytest

from auditor.evidence.verification import verify
from auditor.measuring import weakest_groups
from auditor.records.store import Folder
from auditor.spec import make_plan
from auditor.values import CheckError, MetricInfo, Samples, Slice, SpecError, in_clusters, mean, median, proportion
from tests.statistics.weak_groups import WORLDS, held
from tests.support import data, last_run, spec, write

INFO = {
    "accuracy": MetricInfo("proportion", "share right", "higher"),
    "norm": MetricInfo("mean", "how far", "lower", bounds=(0.0, 1.0)),
    "half": MetricInfo("median", "half of them", "higher"),
    "plain": MetricInfo("mean", "neither good nor bad", bounds=(0.0, 1.0)),
}
N = 480


def known(n: int = N, **attributes) -> Samples:
    rng = np.random.default_rng(0)
    images = rng.random((n, 2, 2, 1)).astype(np.float32)
    return Samples(images, np.arange(n) % 3, np.arange(n) + 7, (0.0, 1.0), None, "these", attributes=attributes)


def sites(n: int = N) -> np.ndarray:
    return np.array([("oslo", "rome", "bonn", "lyon")[i // 3 % 4] for i in range(n)], object)


def light(n: int = N) -> np.ndarray:
    return np.array([("day", "night")[i // 12 % 2] for i in range(n)], object)


def found(samples: Samples, seed: int = 1, least: int = 15, slices=(), **metrics):
    return weakest_groups(metrics, samples, slices, least, seed, INFO)


def right(samples: Samples, weak: np.ndarray) -> np.ndarray:
    """Outside of the weak group 9 of 10 are right, inside none but every third."""
    return np.where(weak, np.arange(len(samples)) % 3 == 0, np.arange(len(samples)) % 10 > 0)


def test_the_group_is_found_and_measured_on_images_that_had_no_part_in_it():
    samples = known(site=sites(), light=light())
    weak = (sites() == "rome") & (light() == "night")
    hits = right(samples, weak)
    rows = samples.indices
    far = np.where(weak, 0.9, 0.2)
    found_by = found(
        samples,
        accuracy=proportion(hits, rows=rows),
        norm=mean(far, (0.0, 1.0), rows),
        half=median(np.where(weak, 1.0, np.inf), rows=rows),
        plain=mean(far, (0.0, 1.0), rows),
    )
    assert {name: one.group for name, one in found_by.items()} == dict.fromkeys(
        ("accuracy", "norm", "half"), "light=night, site=rome"
    )
    one = found_by["accuracy"]
    assert not set(one.by.rows) & set(one.metric.rows)
    assert set(one.by.rows) | set(one.metric.rows) == set(rows[weak])
    for part in (one.by, one.metric):
        assert (part.successes, part.n) == (hits[np.isin(rows, part.rows)].sum(), part.rows.size)
    # 4 sites, 2 lights, and the 8 pairs of them, of 60 images each.
    assert one.tried == 14


def test_halves_are_of_the_seed_and_whatever_order_images_stand_in():
    samples = known(site=sites(), light=light())
    hits = right(samples, sites() == "rome")
    one = found(samples, accuracy=proportion(hits, rows=samples.indices))["accuracy"]
    order = np.random.default_rng(3).permutation(N)
    other = found(samples.only(order), accuracy=proportion(hits, rows=samples.indices))["accuracy"]
    assert (one.group, one.metric.value, set(one.metric.rows)) == (
        other.group,
        other.metric.value,
        set(other.metric.rows),
    )
    again = found(samples, seed=2, accuracy=proportion(hits, rows=samples.indices))["accuracy"]
    assert set(again.metric.rows) != set(one.metric.rows)


def test_no_cluster_lies_on_both_halves():
    samples = known(site=sites(), patient=np.array([f"p{i // 5}" for i in range(N)], object))
    clusters = dict(zip(samples.indices.tolist(), (np.arange(N) // 5).tolist(), strict=True))
    samples = dataclasses.replace(samples, clusters=clusters)
    with in_clusters(clusters):
        metric = proportion(right(samples, sites() == "rome"), rows=samples.indices)
    one = found(samples, accuracy=metric)["accuracy"]
    assert one.group == "site=rome"
    assert not set(one.by.clusters) & set(one.metric.clusters)
    with pytest.raises(CheckError, match="no group of accuracy"):
        found(dataclasses.replace(samples, attributes={"patient": samples.attributes["patient"]}), accuracy=metric)


def test_numbers_are_searched_in_quarters_and_properties_where_slices_name_them():
    age = np.arange(N) / 2
    samples = known(age=age)
    rows = samples.indices
    one = found(samples, accuracy=proportion(right(samples, age < 60), rows=rows))["accuracy"]
    assert (one.group, one.means) == ("age=1/4", "age 0 to 59.5")
    bare = known()
    bright = bare.images.mean(axis=(1, 2, 3))
    dark = bright <= np.sort(bright)[N // 2 - 1]
    hits = proportion(right(bare, dark), rows=rows)
    assert found(bare, slices=(Slice("brightness", 2),), accuracy=hits)["accuracy"].group == "brightness=1/2"
    with pytest.raises(CheckError, match="no attributes to search"):
        found(bare, accuracy=hits)
    with pytest.raises(CheckError, match="with a worse side"):
        found(samples, plain=mean(np.zeros(N), (0.0, 1.0), rows))


def test_where_no_group_is_weaker_the_interval_holds_the_truth_as_often_as_it_says():
    """Every image is right with 0.9, whatever it is of: the search's own half calls most of its groups worse."""
    one = held(WORLDS[0], 150)
    slack = 3 * np.sqrt(0.05 * 0.95 / 150)
    assert one.covered >= 0.95 - slack
    assert max(one.above, one.below) <= 0.05 + slack
    assert one.below_searched > 0.3
    assert abs(one.error) < 0.02 < -one.error_searched


CHECKS = """
- id: weak
  check: accuracy
  weak_segments: 10
  expect:
    accuracy[weak]: {min: 0.8}
- id: known-to-be
  check: accuracy
  slices: [{brightness: 2}]
  weak_segments: 10
  expect:
    accuracy[weak]: {max: 0.9}
"""
NPZ = "dataset: npz, path: grouped.npz, attributes: [site, light]"


@pytest.fixture
def grouped(project):
    """240 images, of which those at night in rome are turned over, so that two classes of three are wrong."""
    images, labels = data(240)
    weak = (sites(240) == "rome") & (light(240) == "night") & (labels != 1)
    images = np.where(weak[:, None, None, None], images[:, ::-1], images)
    columns = {"site": sites(240).astype(str), "light": light(240).astype(str)}
    np.savez(project.path / "grouped.npz", images=images, labels=labels, **columns)
    return project


def test_what_is_found_is_judged_shown_and_verified(grouped):
    path = write(grouped, "correction: holm\n" + spec(CHECKS, data=NPZ))
    assert make_plan(path).hypotheses == 2
    grouped.runpytest_inprocess()
    run = last_run(grouped)
    record = run.records["weak"]
    assert record.evidence is not None, record.failure
    assert record.verdict.status == "fail"
    metric = record.evidence.metrics["accuracy[weak]"]
    group = metric.groups["light=night, site=rome"]
    told = f"accuracy[weak] is {group.value:.1%} (light=night, site=rome: {group.successes}/{group.n}, at most"
    assert told in record.verdict.message
    assert run.records["known-to-be"].verdict.status == "pass"
    assert record.params["weak_segments"] == 10
    folder = grouped.path / "reports" / "tiny"
    page = (folder / "index.html").read_text()
    assert "Weakest groups" in page
    assert f"light=night, site=rome: {group.successes} of {group.n}" in page
    written = json.loads((folder / "results.json").read_text())
    case = next(case for case in written["cases"] if case["id"] == "weak")["record"]
    assert case["metrics"]["accuracy[weak]"]["n"] == group.n
    row = next(table for table in case["tables"] if table["title"].startswith("Weakest"))["rows"][0]
    assert row[:4] == ["accuracy", "light=night, site=rome", "", 14]
    # Of its 30 images those of one class of three are right, and each is on one of the halves.
    assert row[4] + row[6] == 30
    assert round(row[4] * row[5] + row[6] * row[7], 3) == 10
    assert any(note.startswith("`[weak]`: of all groups by one attribute or two") for note in case["notes"])

    findings = list(verify(folder, spec=path))
    assert [f for f in findings if not f.ok] == []
    assert any(f.what == "groups" and f.ok for f in findings if f.of == "weak")

    # Who reports a better group in its place, or the half that it was found on, is told by the data.
    store, evidence = Folder(folder), record.evidence
    kind = dataclasses.replace(metric, groups={"site=oslo": dataclasses.replace(group, successes=15, value=1.0)})
    moved = dataclasses.replace(kind, value=1.0)
    for forged in (
        {"metrics": {**evidence.metrics, "accuracy[weak]": moved}},
        {"tables": tuple(t for t in evidence.tables if not t.title.startswith("Weakest"))},
    ):
        store.save(dataclasses.replace(record, evidence=dataclasses.replace(evidence, **forged)))
        wrong = [f for f in verify(folder, spec=path) if f.what == "groups" and not f.ok]
        assert [f.of for f in wrong] == ["weak"]


@pytest.mark.parametrize(
    ("asked", "source", "message"),
    [
        ("weak_segments: true", "dataset: npz, path: data.npz", "the data has no attributes to search"),
        ("weak_segments: 70", NPZ, "the largest group by an attribute has 120 images, and 140 give 70"),
        ("weak_segments: 200", NPZ, "240 images have no two halves with a group of 200 on each"),
        ("weak_segments: 1", NPZ, "should be true or false or at least 2, got 1"),
        ("expect: {'accuracy[weak]': {min: 0.5}}", NPZ, "say `weak_segments: true` in this check"),
        (
            "weak_segments: true, expect: {'accuracy[weak]': {max_drop: 0.1}}",
            NPZ,
            "may be of another group in each run; compare `accuracy[*attribute]`",
        ),
        ("weak_segments: true, expect: {'accuracy[weakest]': {min: 0.1}}", NPZ, "or `metric[weak]`"),
        ("weak_segments: true, expect: {'worst_class_accuracy[weak]': {min: 0.1}}", NPZ, "metric that groups have"),
    ],
)
def test_mistakes_are_told_at_their_place(grouped, asked, source, message):
    path = write(grouped, spec(f"- {{id: one, check: accuracy, {asked}}}", data=source))
    with pytest.raises(SpecError) as caught:
        make_plan(path)
    assert message in str(caught.value)
    line = next(i for i, text in enumerate(path.read_text().splitlines(), 1) if "id: one" in text)
    assert {problem.line for problem in caught.value.problems} == {line}

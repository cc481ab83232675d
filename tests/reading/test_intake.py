"""What every dataset's samples go through, a third party's too: form, digest, names, images that are there twice."""

import dataclasses
import hashlib

import numpy as np
import pytest

from auditor.reading.intake import admitted, told
from auditor.values import CheckError, DataError, Samples, distinct_names
from tests.support import data, last_run, samples, spec, states, write

IMAGES, LABELS = data(12)


def given(**changes) -> Samples:
    """What a dataset may give: no digest, a list of names."""
    return dataclasses.replace(Samples(IMAGES, LABELS, np.arange(12), (0.0, 1.0), ("a", "b", "c"), "own"), **changes)


def test_what_a_dataset_says_of_itself_is_computed():
    found = admitted(given(digest="f" * 64, images=IMAGES.astype(np.float64), labels=LABELS[:, None] * 1.0), "own")
    parts = (repr((12, 6, 6, 1)).encode(), IMAGES.tobytes(), LABELS.astype(np.int64).tobytes())
    expected = hashlib.sha256(b"".join((*parts, np.arange(12).tobytes()))).hexdigest()
    assert (found.digest, found.images.dtype, found.labels.dtype) == (expected, np.float32, np.int64)
    assert found.labels.tolist() == LABELS.tolist()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"images": IMAGES[0]}, "own: images have shape (6, 6, 1)"),
        ({"images": IMAGES * np.nan}, "own: 12 of 12 images (rows 0, 1, 2 and 9 more) hold NaN"),
        ({"images": IMAGES + 1}, "leave the box [0, 1]"),
        ({"box": (1.0, 0.0)}, "own: the box runs from 1.0 to 0.0; two numbers are needed, the lesser first"),
        ({"box": (0.0, np.inf)}, "own: the box runs from 0.0 to inf"),
        ({"labels": LABELS[:5]}, "own: 12 images need as many labels, got shape (5,)"),
        ({"labels": LABELS - 1}, "labels out of range (allowed: 0 to 2)"),
        ({"labels": LABELS / 2}, "own: 4 of 12 labels are no whole numbers"),
        ({"indices": np.zeros(12, np.int64)}, "own: every image needs a row of its own"),
        ({"indices": np.arange(5)}, "own: every image needs a row of its own"),
        ({"classes": ("a", "b\x00", "c")}, "own: the name of class 1, 'b\\x00', has the character U+0000"),
        ({"classes": ("a", "b\x1b[2J", "c")}, "U+001B"),
        ({"classes": ("\ud800", "b", "c")}, "own: the name of class 0, '\\ud800', has the character U+D800"),
        ({"classes": ("a", "b", "c\u202e")}, "U+202E"),
        ({"classes": ("a", "b\n", "c")}, "U+000A"),
        ({"classes": ("a", " ", "c")}, "own: the name of class 1 is empty"),
        ({"classes": ("a", 1, "c")}, "own: the name of class 1 is a int, not a text"),
        ({"classes": ()}, "a name for every class is needed"),
    ],
)
def test_what_no_verdict_should_rest_on_is_refused(changes, message):
    with pytest.raises(DataError) as caught:
        admitted(given(**changes), "own")
    assert message in str(caught.value)
    str(caught.value).encode()


def test_what_is_no_samples_is_refused():
    with pytest.raises(DataError, match="dataset 'own' gave a tuple; a dataset has to give Samples"):
        admitted((IMAGES, LABELS), "own")


def test_equal_names_are_told_apart_by_their_numbers():
    assert distinct_names(("crane", "dog", "crane")) == ("crane (0)", "dog", "crane (2)")
    assert distinct_names(("a", "b")) == ("a", "b")
    assert distinct_names(("a", "a", "a (0)")) == ("a (0) (0)", "a (1)", "a (0) (2)")
    assert admitted(given(classes=("c", "c", "dog")), "own").classes == ("c (0)", "c (1)", "dog")


def repeated(times: int, noise: int = 0) -> Samples:
    """One image so many times, with noise of so many grey levels."""
    levels = np.round(IMAGES[:1] * 255) + np.random.default_rng(1).integers(-noise, noise + 1, (times, 6, 6, 1))
    return given(images=levels / 255, labels=np.zeros(times, np.int64), indices=np.arange(times) + 50)


@pytest.mark.parametrize("noise", [0, 1])
def test_an_image_counts_once(noise):
    found = admitted(repeated(300, noise), "own")
    assert (len(found), found.indices.tolist()) == (1, [50])
    assert found.repeats == dict.fromkeys(range(51, 350), 50)
    said = told(found)
    assert (said["images"], said["distinct"], len(said["dropped"])) == (300, 1, 100)
    assert said["remarks"][0].startswith("299 of 300 images repeat another, ")
    with pytest.raises(CheckError) as caught:
        found.position(60, "`indices`")
    message = "`indices`: row 60 holds the same image as row 50, and an image counts once; name that row, or set"
    assert str(caught.value).startswith(message)


def test_a_spec_that_knows_better_says_so():
    found = admitted(repeated(300), "own", "count")
    assert (len(found), len(found.repeats)) == (300, 299)
    assert (told(found)["images"], told(found)["distinct"], told(found)["dropped"]) == (300, 1, [])
    assert "all of them count" in found.remarks[0]


def test_labels_that_contradict_each_other_are_pointed_out():
    twice = given(images=np.concatenate([IMAGES[:6], IMAGES[:6]]), labels=np.array([0] * 6 + [0, 0, 0, 1, 0, 2]))
    found = admitted(twice, "own")
    assert len(found) == 6
    assert found.remarks[1] == (
        "2 images are labelled otherwise than the image they repeat, so some labels are wrong: "
        "rows 9 is a b, 3 a a; 11 is a c, 5 a a"
    )


def test_samples_of_distinct_images_stay_what_they_are():
    whole = samples()
    found = admitted(whole, "own")
    assert np.array_equal(found.images, whole.images)
    assert (found.indices.tolist(), found.repeats, found.remarks) == (whole.indices.tolist(), {}, ())


ONCE = "{accuracy: {min: 0.99}}"
CHECKS = f"""\
- {{id: clean, check: accuracy, expect: {ONCE}}}
- {{id: first, check: accuracy, params: {{first: 300}}}}
- {{id: row, check: digit_flip, params: {{target: 1, indices: [7], objective: logit}}}}
- {{id: filter, check: filters, model: conv, params: {{image: 7, steps: 1}}}}
"""


def test_one_image_300_times_is_no_evidence(project):
    images = np.repeat(IMAGES[:1], 300, axis=0)
    np.savez(project.path / "same.npz", images=images, labels=np.zeros(300), classes=np.array(list("abc")))
    write(project, spec(CHECKS, data="dataset: npz, path: same.npz"))
    project.runpytest_inprocess()
    run = last_run(project)
    clean = run.records["clean"]
    assert (clean.evidence.metrics["accuracy"].n, clean.evidence.metrics["accuracy"].value) == (1, 1.0)
    assert clean.verdict.status == "inconclusive"
    said = clean.provenance["data"]
    assert (said["images"], said["distinct"], said["dropped"][:2]) == (300, 1, [1, 2])
    assert "300 exactly" not in said["remarks"][0]
    assert "299 of 300 images repeat another, 299 exactly: 1 are distinct" in said["remarks"][0]
    assert "; 299 more repeat one of them" in run.records["first"].verdict.message
    for case, what in (("row", "`indices`"), ("filter", "`image`")):
        assert f"{what}: row 7 holds the same image as row 0" in run.records[case].verdict.message
    page = (project.path / "reports" / "tiny" / "index.html").read_text()
    assert "299 of 300 images repeat another" in page

    write(project, spec(f"- {{id: clean, check: accuracy, expect: {ONCE}}}",
                        data="dataset: npz, path: same.npz, duplicates: count"))  # fmt: skip
    project.runpytest_inprocess()
    counted = last_run(project).records["clean"]
    assert (counted.evidence.metrics["accuracy"].n, counted.verdict.status) == (300, "inconclusive")
    assert "all 300 images are of one class (a)" in counted.verdict.message
    assert "299 of 300 images repeat others" in counted.evidence.caveats[-1]
    assert "all of them count, as the spec asks" in counted.provenance["data"]["remarks"][0]


ALL = """\
- {id: clean, check: accuracy}
- {id: noise, check: noise_to_target, params: {target: 1, samples: 20, objective: logit}}
- {id: flip, check: digit_flip, params: {target: 0, step_size: 0.3, objective: logit}}
- {id: onto, check: transfer, params: {adversarial: flip, onto: [steeper]}}
- {id: robust, check: robust_accuracy, params: {eps: 0.3, attacks: [{attack: pgd, steps: 5}]}}
- {id: curve, check: security_curve, params: {eps: [0.1, 0.1000001, 0.3], attacks: [{attack: fgsm}]}}
- {id: near, check: minimal_perturbation, params: {attacks: [{attack: fmn, steps: 20}]}}
- {id: maps, check: weight_maps}
- {id: filter, check: filters, model: conv, params: {steps: 2}}
- {id: message, check: covert_message, params: {message: hi, strangers: [steeper]}}
"""


def test_all_images_twice_change_no_check(project):
    """Nor does any interval get narrower: every metric has the n, and the value, that it has without the copies."""
    np.savez(project.path / "twice.npz", images=np.concatenate([IMAGES, IMAGES]), labels=np.tile(LABELS, 2),
             classes=np.array(list("abc")))  # fmt: skip
    np.savez(project.path / "once.npz", images=IMAGES, labels=LABELS, classes=np.array(list("abc")))
    write(project, spec(ALL, "once", data="dataset: npz, path: once.npz"), "once")
    write(project, spec(ALL, "twice", data="dataset: npz, path: twice.npz"), "twice")
    project.runpytest_inprocess()
    once, twice = last_run(project, "once"), last_run(project, "twice")
    assert states(once) == states(twice) == dict.fromkeys(once.records, "descriptive")
    for case, record in once.records.items():
        other = twice.records[case].evidence.metrics
        assert {name: (m.value, m.n) for name, m in record.evidence.metrics.items()} == {
            name: (m.value, m.n) for name, m in other.items()
        }, case
    # Radii that look alike to six digits are two.
    assert {"robust_accuracy.0.1", "robust_accuracy.0.1000001"} <= set(once.records["curve"].evidence.metrics)
    flipped = once.records["flip"].evidence.metrics["flipped"].value
    assert once.records["onto"].evidence.metrics["images"].value == flipped


def test_classes_of_one_name_keep_their_metrics(project):
    """With `{c: crane, c: crane}` a class used to vanish, and gates on it passed on the other's images."""
    labels = np.where(LABELS == 1, 2, LABELS)  # class 1 is never right: its images are labelled 2
    labels[np.flatnonzero(LABELS == 2)] = 1
    np.savez(project.path / "birds.npz", images=IMAGES, labels=labels, classes=np.array(["crane", "dog", "crane"]))
    expect = "- {id: %s, check: accuracy, expect: {%s: {min: 0.2}}}\n"
    checks = expect % ("both", "accuracy.crane") + expect % ("first", "accuracy.crane (0)")
    checks += expect % ("second", "accuracy.crane (2)")
    write(project, spec(checks, data="dataset: npz, path: birds.npz"))
    project.runpytest_inprocess()
    run = last_run(project)
    metrics = run.records["first"].evidence.metrics
    assert {name: (m.value, m.n) for name, m in metrics.items() if name.startswith("accuracy.")} == {
        "accuracy.crane (0)": (1.0, 4),
        "accuracy.dog": (0.0, 4),
        "accuracy.crane (2)": (0.0, 4),
    }
    assert run.records["first"].verdict.status != "error"
    assert run.records["second"].verdict.status == "fail"
    message = run.records["both"].verdict.message
    assert run.records["both"].verdict.status == "error"
    assert "accuracy.crane could be any of 2" in message
    assert "accuracy.crane (0), accuracy.crane (2)" in message

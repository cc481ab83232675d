"""What is said before anything runs: gates that their samples can't settle, and weak threat models."""

import numpy as np
import pytest
from click.testing import CliRunner

from auditor import catalog
from auditor.cli.main import main
from auditor.judging.verdict import judge
from auditor.spec.foresight import gates_of
from auditor.spec.plan import make_plan
from auditor.values import Expectation, Preview, SpecError, lowest, proportion
from tests.support import data, spec, write


@pytest.fixture
def lint(project):
    """Warnings, as (line, message), of a spec with these checks."""

    def found(checks: str, head: str = "", **more: str) -> list[tuple[int, str]]:
        path = write(project, spec(checks, **more).replace("audit: tiny", f"audit: tiny{head}"))
        return [(problem.line, problem.message) for problem in make_plan(path).warnings]

    return found


# --- what a network that learned nothing would reach


@pytest.mark.parametrize(
    ("metric", "low", "high"),
    [
        ("{check: accuracy, id: a, expect: {accuracy: BOUND}}", 0.5, 0.51),
        ("{check: accuracy, id: a, expect: {top_accuracy: BOUND}, params: {top: 2}}", 0.5, 0.51),
        ("{check: corruptions, id: a, expect: {corrupted_accuracy.fog: BOUND}}", 0.5, 0.51),
        ("{check: robust_accuracy, id: a, params: {eps: 0.1}, expect: {robust_accuracy: BOUND}}", 0.4, 0.6),
    ],
)
def test_a_floor_that_the_most_frequent_class_alone_reaches_is_told(lint, project, metric, low, high):
    """Of 60 images 30 are of one class."""
    images, labels = data(60)
    labels = np.where(np.arange(60) < 30, 0, np.where(labels == 0, 1, labels))
    np.savez(project.path / "data.npz", images=images, labels=labels)

    def told(bound: str, **more: str) -> list[str]:
        found = [message for _, message in lint("- " + metric.replace("BOUND", bound), **more)]
        return [message for message in found if "most frequent class, which 50" in message]

    assert len(told(f"{{min: {low}}}")) == 1
    assert told(f"{{min: {high}}}") == told("{max: 0.4}") == told("{max_drop: 0.1}") == []
    assert told(f"{{min: {low}}}", data="dataset: npz, path: data.npz, classes: [0, 1]") == []


def test_that_floor_is_in_the_line_of_the_verdict(project):
    path = write(project, spec("- {id: a, check: accuracy, expect: {accuracy: {min: 0.3}, accuracy.a: {min: 0.1}}}"))
    [case] = make_plan(path).cases
    assert len(case.caveats) == 1
    assert "for accuracy ≥ 0.3 always answering the most frequent class" in case.caveats[0]


# --- samples


@pytest.mark.parametrize(
    ("wanted", "count", "said"),
    [
        ("{min: 0.9}", 60, None),
        ("{min: 0.95}", 60, None),
        (
            "{min: 0.96}",
            60,
            "60 samples can't settle accuracy ≥ 0.96 with 95% confidence: it takes at least 74 without",
        ),
        ("{max: 0.04}", 60, "it takes at least 74 without a hit"),
        ("{min: 1}", 60, "no number of samples shows accuracy ≥ 1"),
        ("{max: 0}", 60, "no number of samples shows accuracy ≤ 0"),
        ("{min: 0.5}", 20, "20 samples are few: the interval of accuracy may reach 22.4% to either side"),
        ("{max_drop: 0.07}", 60, None),
        ("{max_drop: 0.05}", 60, None),
        ("{max_drop: 0.04}", 60, "≥ -0.04 with 95% confidence only if some rise: where none changes it takes 74"),
        ("{max_rise: 0.04}", 60, "≤ 0.04 with 95% confidence only if some fall: where none changes it takes 74"),
        ("{max_rise: 0}", 60, "less the baseline's ≤ 0 with 95% confidence unless some fall"),
        ("{max_drop: 0.04}", 3, "it takes at least 5, if all of them rise"),
    ],
)
def test_gates_are_held_against_the_samples_they_can_have(lint, wanted, count, said):
    found = lint(f"- id: a\n  check: accuracy\n  params: {{first: {count}}}\n  expect:\n    accuracy: {wanted}\n")
    if said is None:
        assert found == []
    else:
        assert [line for line, _ in found] == [12]
        assert said in found[0][1]


def test_the_data_s_size_is_known_before_it_is_loaded(lint):
    """60 images in the file: a check that would take 500 has 60."""
    [(_, message), *_] = lint(
        "- {id: a, check: robust_accuracy, params: {eps: 0.1}, expect: {clean_accuracy: {min: 0.99}}}"
    )
    assert message.startswith("60 samples can't settle clean_accuracy ≥ 0.99")


def test_a_class_has_its_own_images_and_no_more(lint, project):
    """100 images of each digit: a floor of 0.99 under one of them takes 299, whatever the other nine have."""
    gate = "- {id: a, check: accuracy, expect: {METRIC: {min: BOUND}}}"

    def said(metric, bound, data="dataset: mnist_5k"):
        return [m for _, m in lint(gate.replace("METRIC", metric).replace("BOUND", str(bound)), data=data)]

    [one] = said("accuracy.3", 0.99)
    assert one.startswith("100 samples can't settle accuracy.3 ≥ 0.99 with 95% confidence: it takes at least 299")
    [worst] = said("worst_class_accuracy", 0.99, "dataset: mnist_5k, count: 580")
    assert worst.startswith("58 samples can't settle worst_class_accuracy ≥ 0.99")
    assert said("accuracy.3", 0.97) == []
    assert said("accuracy.3", 0.99, "dataset: npz, path: data.npz") == [], "labels aren't read before the run"
    assert said("worst_class_accuracy", 0.99, "dataset: npz, path: data.npz") == []


def test_a_bad_class_is_shown_by_any_class_and_not_by_the_smallest_alone():
    """Of 3 and 500 images, the larger class shows a ceiling: its own exact limit at half the risk is below it."""
    from scipy.stats import beta

    found = lowest({"a": proportion(1, 3), "b": proportion(50, 500)})
    assert beta.ppf(1 - 0.05 / 2, 51, 450) < 0.5
    assert judge({"worst_class_accuracy": found}, [Expectation("worst_class_accuracy", max=0.5)], 0.95).status == "pass"
    preview = Preview(503, (0.0, 1.0), ("a", "b"), sizes=(3, 500))
    params = catalog.params_of("checks", "accuracy").model_validate({})

    def gates(**bounds):
        return gates_of("accuracy", params, [Expectation("worst_class_accuracy", **bounds)], 0.95, preview)

    assert not gates(max=0.5)
    assert [gate.hopeless for gate in gates(min=0.5)] == [True]


@pytest.mark.parametrize(
    ("check", "gate", "param", "fixing"),
    [
        ("minimal_perturbation", "nearest_distance: {min: 0.1}", "samples", "`samples`"),
        ("accuracy", "errors: {max: 3}", "first", "`first`"),
        ("digit_flip", "flipped: {max: 3}", "samples", "`samples` or `indices`"),
        ("digit_flip", "least_end_confidence: {max: 0.5}", "samples", "`samples` or `indices`"),
        ("filters", "dead_filters: {max: 3}", "samples", "`samples`"),
    ],
)
def test_what_moves_with_the_number_of_images_is_no_claim_without_it(project, check, gate, param, fixing):
    target = "target: 1, " if check == "digit_flip" else ""
    text = f"- {{id: a, check: {check}, params: {{{target}PARAMS}}, expect: {{{gate}}}}}"
    path = write(project, spec(text.replace("PARAMS", "")))
    with pytest.raises(SpecError, match=f"moves with their number; fix it by {fixing}$"):
        make_plan(path)
    make_plan(write(project, spec(text.replace("PARAMS", f"{param}: 50"))))


def test_99_percent_at_95_needs_299(lint):
    noise = "- {{id: a, check: noise_to_target, params: {{target: 1, samples: {}}}, expect: {{success_rate: {}}}}}"
    noise = noise.replace("success_rate: {}", "success_rate: {{min: 0.99}}")
    assert "at least 299" in lint(noise.format(298))[0][1]
    assert lint(noise.format(299)) == []
    assert lint(noise.format(298), head="\nconfidence: 0.9") == []


# --- threat models

ROBUST = (
    "- {id: a, check: robust_accuracy, params: {eps: 0.3, attacks: ATTACKS}, expect: {robust_accuracy: {min: 0.4}}}"
)
FGSM = "`fgsm` alone, a single gradient step, is no evidence of robustness; add {attack: apgd}"
BLIND = "no attack works without gradients"
START = "one attack from one start"
SQUARE = "{attack: square}"


@pytest.mark.parametrize(
    ("attacks", "said"),
    [
        (f"[{{attack: fgsm}}, {SQUARE}]", [FGSM, START]),
        ("[{attack: apgd, restarts: 3}]", [BLIND]),
        (f"[{{attack: apgd}}, {SQUARE}]", [START]),
        (f"[{{attack: apgd, restarts: 2}}, {SQUARE}]", []),
        (f"[{{attack: apgd}}, {{attack: fab}}, {SQUARE}]", []),
        ("[{attack: autoattack}]", []),
        (f"[{{attack: apgd, rivals: 2, loss: dlr}}, {SQUARE}]", []),
        (
            f"[{{attack: pgd, steps: 10, step_size: 0.01, restarts: 2}}, {SQUARE}]",
            ["10 steps of 0.01 reach 0.1, short of `eps` 0.3 even in a straight line"],
        ),
        (f"[{{attack: pgd, steps: 40, step_size: 0.01, restarts: 2}}, {SQUARE}]", []),
    ],
)
def test_a_claim_of_robustness_needs_attacks_that_could_refute_it(lint, attacks, said):
    found = [message for _, message in lint(ROBUST.replace("ATTACKS", attacks))]
    assert len(found) == len(said)
    assert all(any(part in message for message in found) for part in said)


def test_what_shows_a_weakness_may_be_as_weak_as_it_likes(lint):
    attack = ROBUST.replace("ATTACKS", "[{attack: fgsm}]")
    assert lint(attack.replace("min: 0.4", "max: 0.5")) == []
    assert lint(attack.replace("robust_accuracy: {min: 0.4}", "attack_success_rate: {min: 0.5}")) == []
    assert lint(attack.replace("robust_accuracy: {min: 0.4}", "attack_success_rate: {max: 0.5}")) != []


@pytest.mark.parametrize(
    ("eps", "box", "said"),
    [
        ("8", "", "`eps` 8 is wider than the box [0, 1]; for 8 of 255 grey levels write 8/255"),
        ("8/255", ", box: [0, 255]", "in the units of the box: did you mean 8?"),
        ("8/255", "", None),
        ("8", ", box: [0, 255]", None),
        ("8/255", ", box: [-1, 1]", "what is 8/255 in a box of width 1 is 0.0627451 in this one"),
        ("16/255", ", box: [-1, 1]", None),
        ("0.001", "", "`eps` 0.001 is less than half a grey level of the box [0, 1]; `eps` is in the units of the box"),
        ("0.5, norm: l2", "", None),
        ("0.5, norm: l2", ", box: [0, 255]", "did you mean 127.5?"),
        (
            "128, norm: l2",
            "",
            "`eps` 128 is very large, and `eps` is in the units of the box; for 128 of 255 grey levels",
        ),
        ("128, norm: l2", ", box: [0, 255]", None),
        ("0.5, norm: l2", ", box: [-1, 1]", "the same is 1 in the box [-1, 1]"),
        ("1, norm: l2", ", box: [-1, 1]", None),
        ("12, norm: l1", ", box: [-1, 1]", "the same is 24 in the box [-1, 1]"),
        ("24, norm: l1", ", box: [-1, 1]", None),
        ("12, norm: l1", "", None),
        ("12, norm: l1", ", box: [0, 255]", "did you mean 3060?"),
        ("0.5, norm: l0, attacks: [{attack: fmn}]", "", "`eps` 0.5 counts the values that may change"),
        ("5, norm: l0, attacks: [{attack: fmn}]", ", box: [0, 255]", None),
        ("8, attacks: [{attack: pgd, step_size: 2/255}]", ", box: [0, 255]", "short of `eps` 8"),
        ("0.1, attacks: [{attack: pgd, step_size: 2}]", "", "so it only jumps from edge to edge"),
    ],
)
def test_a_radius_in_other_units_than_the_box_is_noticed(lint, eps, box, said):
    found = lint(
        f"- {{id: a, check: robust_accuracy, params: {{eps: {eps}}}}}", data=f"dataset: npz, path: data.npz{box}"
    )
    assert [message for _, message in found if said and said in message] == [m for _, m in found]
    assert bool(found) == (said is not None)


@pytest.mark.parametrize(
    ("check", "params", "gate", "box", "said"),
    [
        (
            "minimal_perturbation",
            "norm: l2",
            "median_distance: {max: 0.5}",
            ", box: [0, 255]",
            "`median_distance` 0.5",
        ),
        ("minimal_perturbation", "norm: l2", "median_distance: {max: 0.5}", "", None),
        ("minimal_perturbation", "norm: linf", "median_distance: {max: 100}", "", "is wider than the box [0, 1]"),
        ("minimal_perturbation", "norm: l0", "median_distance: {max: 0.5}", "", "counts the values that may change"),
        ("minimal_perturbation", "norm: l0", "median_distance: {max: 5}", ", box: [0, 255]", None),
        ("security_curve", "eps: [8, 16]", "half_eps: {max: 8/255}", ", box: [0, 255]", "did you mean 8?"),
        ("security_curve", "eps: [8, 16]", "half_eps: {max: 8}", ", box: [0, 255]", None),
        ("digit_flip", "target: 1", "linf: {max: 0.1}", ", box: [0, 255]", "`linf` 0.1 is less than half a grey level"),
        ("digit_flip", "target: 1", "l2: {max: 2}", "", None),
    ],
)
def test_a_bound_on_a_distance_in_other_units_than_the_box_is_noticed(lint, check, params, gate, box, said):
    checks = f"- {{id: a, check: {check}, params: {{{params}}}, expect: {{{gate}}}}}"
    found = [m for _, m in lint(checks, data=f"dataset: npz, path: data.npz{box}")]
    assert [message for message in found if said and said in message] == found
    assert bool(found) == (said is not None)


def test_a_test_of_the_tool_itself_is_looked_at_too(lint):
    checks = "- {id: a, check: qualification, params: {eps: EPS, attacks: [{attack: apgd, steps: 40}]}}"
    [(_, told)] = lint(checks.replace("EPS", "8/255"), data="dataset: npz, path: data.npz, box: [0, 255]")
    assert "did you mean 8?" in told
    assert lint(checks.replace("EPS", "0.2")) == []


@pytest.mark.parametrize(("norm", "eps"), [("linf", 0.1), ("l2", 0.7), ("l1", 10), ("l0", 3)])
def test_the_same_share_of_any_box_is_as_good(lint, norm, eps):
    """What nobody doubts in [0, 1] isn't doubted in another box, with every length as many times as long."""
    for low, high in ((0, 1), (-1, 1), (0, 255), (-2, 3)):
        width = high - low
        radius = eps if norm == "l0" else eps * width
        found = lint(
            f"- {{id: a, check: security_curve, params: {{norm: {norm}, eps: [{radius}, {2 * radius}], "
            "attacks: [{attack: fmn}]}}\n"
            f"- {{id: b, check: digit_flip, params: {{target: 1, step_size: {0.02 * width}}}}}\n"
            f"- {{id: c, check: noise_to_target, params: {{target: 1, step_size: {0.2 * width}}}}}\n"
            f"- {{id: d, check: filters, params: {{step_size: {width}}}}}\n",
            data=f"dataset: npz, path: data.npz, box: [{low}, {high}]",
        )
        assert found == []


def test_no_radius_is_suggested_that_is_the_one_given(lint):
    [(_, message)] = lint("- {id: a, check: robust_accuracy, params: {eps: 0.001}}")
    assert "did you mean" not in message


@pytest.mark.parametrize(
    ("check", "step", "box", "said"),
    [
        ("digit_flip", "step_size: 0.02", "", None),
        ("digit_flip", "step_size: 0.02", ", box: [0, 255]", "that it is if left out; it is in the units of the box"),
        ("digit_flip", "step_size: 0.02", ", box: [0, 255]", "did you mean 5.1?"),
        ("digit_flip", "steps: 3", ", box: [0, 255]", None),
        ("digit_flip", "step_size: 1.0", ", box: [0, 255]", "what is 1 in a box of width 1 is 255 in this one"),
        ("digit_flip", "step_size: 1.5", ", box: [0, 255]", None),
        ("digit_flip", "step_size: 5.1", ", box: [0, 255]", None),
        ("digit_flip", "step_size: 1/255", ", box: [-1, 1]", "one grey level of 255 at most in the box [-1, 1]"),
        ("digit_flip", "step_size: 0.02", ", box: [-1, 1]", None),
        ("digit_flip", "step_size: 1/255", "", None),
        ("noise_to_target", "step_size: 1", ", box: [0, 255]", "did you mean 255?"),
        ("noise_to_target", "step_size: 255", "", "`step_size` 255 is far more than the 1 that it is if left out"),
        ("filters", "step_size: 1", ", box: [0, 255]", "did you mean 255?"),
        ("covert_message", "strangers: [steeper], step_size: 0.1", ", box: [0, 255]", "did you mean 25.5?"),
        ("minimal_perturbation", "attacks: [{attack: fmn, step_size: 1}]", ", box: [0, 255]", "did you mean 255?"),
        ("minimal_perturbation", "attacks: [{attack: ddn, first_radius: 1}]", ", box: [0, 255]", "did you mean 255?"),
        ("minimal_perturbation", "attacks: [{attack: ddn}]", ", box: [0, 255]", None),
    ],
)
def test_a_step_in_other_units_than_the_box_is_noticed(lint, check, step, box, said):
    target = "target: 1, " if check in ("digit_flip", "noise_to_target") else ""
    params = f"{{{target}{step}}}"
    found = [m for _, m in lint(f"- {{id: a, check: {check}, params: {params}}}",
                                data=f"dataset: npz, path: data.npz{box}")]  # fmt: skip
    assert [message for message in found if said and said in message] == found
    assert bool(found) == (said is not None)


def test_a_gate_on_an_objective_that_saturates_is_noticed(lint):
    gate = "- {id: a, check: CHECK, params: {target: 1, objective: OBJECTIVE}, expect: {METRIC: {BOUND: 0.3}}}"

    def found(check, metric, objective, bound):
        text = gate.replace("CHECK", check).replace("METRIC", metric).replace("OBJECTIVE", objective)
        return lint(text.replace("BOUND", bound))

    for check, metric in (("digit_flip", "flip_rate"), ("noise_to_target", "success_rate")):
        assert "`log_probability`" in found(check, metric, "probability", "max")[0][1]
        assert found(check, metric, "log_probability", "max") == []
        assert found(check, metric, "probability", "min") == []


def test_distances_and_curves_are_looked_at_too(lint):
    distance = "- {id: a, check: minimal_perturbation, expect: {median_distance: {min: 0.1}}}"
    assert [m for _, m in lint(distance) if "{attack: hopskipjump}" in m]
    curve = "- {id: a, check: security_curve, params: {eps: [0.1, 0.2]}, expect: {robust_accuracy.0.1: {min: 0.1}}}"
    assert [m for _, m in lint(curve) if "{attack: square}" in m]


# --- the commands


@pytest.mark.parametrize(
    ("check", "target", "message"),
    [
        ("digit_flip", "{}", "`target` 3, which it is if left out, is no class of the data, which has 0 a, 1 b, 2 c"),
        ("noise_to_target", "{target: 5}", "`target` 5 is no class of the data, which has 0 a, 1 b, 2 c"),
        ("noise_to_target", "{target: A}", "unknown class 'A'"),
        ("robust_accuracy", "{eps: 0.1, target: bb}", "unknown class 'bb'; did you mean 'b'? (known: a, b, c)"),
        ("minimal_perturbation", "{target: 3}", "`target` 3 is no class of the data"),
        ("noise_to_target", "{target: all}", None),
        ("robust_accuracy", "{eps: 0.1, target: c}", None),
        ("robust_accuracy", "{eps: 0.1, target: 2}", None),
    ],
)
def test_a_target_is_a_class_of_the_data_by_number_or_name(lint, check, target, message):
    def found():
        return lint(f"- {{id: a, check: {check}, params: {target}}}")

    if message is None:
        assert found() == []
        return
    with pytest.raises(SpecError) as caught:
        found()
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("target", "called"), [("{target: 2}", "3"), ("{target: '2'}", None), ("{target: 0}", None), ("{}", "4")]
)
def test_a_number_that_another_class_is_called_by_is_noticed(lint, project, target, called):
    """Folders 1 to 4 are classes 0 to 3, so that `target: 2` is the one that is called 3."""
    (project.path / "data.csv").write_text("path,label\n" + "".join(f"{i}.png,{i % 4 + 1}\n" for i in range(20)))
    data = "dataset: csv, path: data.csv, names: [1, 2, 3, 4]"
    found = [m for _, m in lint(f"- {{id: a, check: digit_flip, params: {target}}}", data=data) if "quotes" in m]
    number = "2" if target != "{}" else "3"
    said = f"`target` {number} is the number of the class '{called}'; the one that is called {number} is written"
    assert found == ([f"{said} '{number}', in quotes"] if called else [])


@pytest.mark.parametrize(
    ("check", "target", "wrong", "said"),
    [
        ("digit_flip", "{}", "`target` is 3 if left out, and the labels of the data go up to 1", None),
        ("noise_to_target", "{}", "`target` is 3 if left out, and the labels of the data go up to 1", None),
        ("digit_flip", "{target: cat}", "`target` 'cat': the classes of the data have no names", None),
        ("digit_flip", "{target: 2}", None, "`target` is 2, and the labels of the data go up to 1"),
        ("robust_accuracy", "{eps: 0.1, target: 7}", None, "`target` is 7, and the labels of the data go up to 1"),
        ("robust_accuracy", "{eps: 0.1}", None, None),
        ("noise_to_target", "{target: all}", None, None),
        ("digit_flip", "{target: 1}", None, None),
    ],
)
def test_a_target_is_held_against_labels_where_classes_have_no_names(lint, project, check, target, wrong, said):
    """A default that no image is of is a mistake; a number somebody wrote may be one that only the model knows."""
    np.savez(project.path / "two.npz", images=np.zeros((20, 6, 6, 1), np.float32), labels=np.arange(20) % 2)

    def found():
        return [
            m for _, m in lint(f"- {{id: a, check: {check}, params: {target}}}", data="dataset: npz, path: two.npz")
        ]

    if wrong is None:
        assert [message for message in found() if "labels of the data" in message] == found()
        assert [message.partition(":")[0] for message in found()] == ([said] if said else [])
        return
    with pytest.raises(SpecError) as caught:
        found()
    assert "one.audit.yaml:8:" in str(caught.value)
    assert wrong in str(caught.value)


@pytest.mark.parametrize("dataset", ["npz", "idx", "csv", "parquet"])
def test_files_tell_how_many_classes_their_labels_take(tmp_path, dataset):
    """By their labels alone: the images of this table and of this column aren't there."""
    labels = np.array([0, 4, 1, 1], np.uint8)
    paths = {"path": str(tmp_path / "data")}
    if dataset == "npz":
        paths["path"] += ".npz"
        np.savez(paths["path"], images=np.zeros((4, 6, 6, 1)), labels=labels)
    elif dataset == "idx":
        paths = {"images": str(tmp_path / "images"), "labels": str(tmp_path / "labels")}
        (tmp_path / "labels").write_bytes(b"\0\0\x08\x01\0\0\0\x04" + labels.tobytes())
    elif dataset == "csv":
        (tmp_path / "data").write_text("path,label\n" + "".join(f"{i}.png,{label}\n" for i, label in enumerate(labels)))
    else:
        pyarrow = pytest.importorskip("pyarrow")
        import pyarrow.parquet as parquet

        table = pyarrow.table({"image": [f"{i}.png" for i in range(4)], "label": labels})
        parquet.write_table(table, paths["path"])
    preview = catalog.preview(dataset, catalog.params_of("datasets", dataset)(**paths, count=2))
    assert (preview.images, preview.classes, preview.labels) == (2, None, 5)


def test_names_in_a_column_are_the_classes(tmp_path):
    (tmp_path / "data.csv").write_text("path,label\n0.png,dog\n1.png,cat\n2.png,dog\n")
    preview = catalog.preview("csv", catalog.params_of("datasets", "csv")(path=str(tmp_path / "data.csv")))
    assert (preview.images, preview.classes) == (3, ("cat", "dog"))


def test_validate_warns_with_the_line_and_fails_if_asked_to(project):
    path = write(project, spec("- {id: a, check: accuracy, expect: {accuracy: {min: 0.99}}}"))
    result = CliRunner().invoke(main, ["validate", str(path)])
    assert result.exit_code == 0
    assert "one.audit.yaml:8:55: warning: 60 samples can't settle accuracy ≥ 0.99" in result.output
    assert "1 checks, 1 expectations, 1 warning\n" in result.output
    assert CliRunner().invoke(main, ["validate", "--strict", str(path)]).exit_code == 2


def test_plan_shows_order_samples_and_doubts(project):
    path = write(
        project,
        spec(
            "- {id: onto, check: transfer, params: {adversarial: flip, onto: [steeper]}}\n"
            "- {id: flip, check: digit_flip, params: {target: 1}, expect: {flip_rate: {min: 0.99}}}\n"
        ),
    )
    result = CliRunner().invoke(main, ["plan", str(path)], env={"COLUMNS": "200"})
    assert result.exit_code == 0
    lines = [" ".join(line.split()) for line in result.output.splitlines()]
    assert lines[1] == "flip digit_flip of linear"
    assert lines[3] == "flip_rate ≥ 0.99 up to 60 samples, 299 needed at least"
    assert lines[4].startswith("line 9: 60 samples can't settle")
    assert lines[5] == "onto transfer of linear after flip"


def test_the_worked_examples_are_free_of_warnings(checkpoints):
    from pathlib import Path

    for path in sorted((Path(__file__).parents[2] / "specs").glob("*.audit.yaml")):
        assert make_plan(path).warnings == (), path

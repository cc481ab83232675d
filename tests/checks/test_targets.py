"""Targeted attacks: a rate with a denominator of what could be tried, under a name of its own."""

import numpy as np
import pytest

from auditor.checks import minimal_perturbation, robust_accuracy
from auditor.spec.plan import make_plan
from auditor.values import SpecError
from tests.support import LinearClassifier, context, linear_weights, make_tiny, samples, spec

_CHECK = """\
- id: towards-b
  check: robust_accuracy
  params: {eps: 0.5, %ssamples: 60, attacks: [{attack: fgsm}]}
  expect: {%s: {min: 0.5}}
"""


def test_images_of_the_target_are_not_counted_as_having_held():
    """Every image of another class falls; a third of all images are of the target's."""
    model = LinearClassifier(*linear_weights())
    params = robust_accuracy.Params(eps=1.0, target=1, samples=60, attacks=[{"attack": "pgd", "steps": 40}])
    found = robust_accuracy.run(context(model, samples()), params)
    held, fell = found.metrics["targeted_robust_accuracy"], found.metrics["targeted_success_rate"]
    assert (held.successes, held.n) == (0, 40)
    assert (fell.successes, fell.n) == (40, 40)
    assert found.metrics["clean_accuracy"].n == 40
    assert not {"robust_accuracy", "attack_success_rate"} & set(found.metrics)
    assert [counted.metric for counted in found.adversarial.proof.counted] == list(found.metrics)[::2][:2]
    assert (found.adversarial.labels != 1).all()
    assert "Images of class b can't be driven to it, so they weren't looked at." in found.notes


def test_distances_to_a_target_are_of_images_of_other_classes():
    model = LinearClassifier(*linear_weights())
    params = minimal_perturbation.Params(target=1, attacks=[{"attack": "fmn", "steps": 20}])
    found = minimal_perturbation.run(context(model, samples()), params)
    names = ("targeted_found", "clean_accuracy", "targeted_median_distance")
    assert {found.metrics[name].n for name in names} == {40}
    assert not {"found", "median_distance", "nearest_distance", "farthest_distance"} & set(found.metrics)
    assert found.adversarial.proof.counted[0].metric == "targeted_found"
    assert all("targeted" in name for d in found.diagnostics for name in (*d.inflates, *d.deflates))


@pytest.mark.parametrize(
    ("target", "name", "right"),
    [
        ("target: 1, ", "robust_accuracy", "targeted_robust_accuracy"),
        ("target: 1, ", "attack_success_rate", "targeted_success_rate"),
        ("", "targeted_robust_accuracy", "robust_accuracy"),
        ("", "targeted_success_rate", "attack_success_rate"),
    ],
)
def test_a_gate_on_the_other_name_is_told_the_right_one(tmp_path, target, name, right):
    path = make_tiny(tmp_path) / "a.audit.yaml"
    path.write_text(spec(_CHECK % (target, name)))
    with pytest.raises(SpecError) as caught:
        make_plan(path)
    (problem,) = caught.value.problems
    assert problem.message == f"{name!r} isn't measured with these parameters; what they measure is called {right!r}"
    path.write_text(spec(_CHECK % (target, right)))
    assert make_plan(path).case("towards-b").gates[0].most == 60


# --- few classes


def boxed_accuracy(model: LinearClassifier, images: np.ndarray, labels: np.ndarray, eps: float) -> np.ndarray:
    """Which images of a linear classifier no change within eps and the box [0, 1] brings to another class: (N,)."""
    flat = images.reshape(len(images), -1).astype(np.float64)
    logits = flat @ model.kernel + model.bias
    down, up = np.minimum(eps, flat), np.minimum(eps, 1 - flat)  # how far each pixel may fall and rise
    holds = np.ones(len(images), np.bool_)
    for other in range(model.kernel.shape[1]):
        slope = (model.kernel[:, other][:, None] - model.kernel[:, labels]).T
        gained = np.where(slope > 0, slope * up, -slope * down).sum(axis=1)
        ahead = logits[:, other] - logits[np.arange(len(labels)), labels]
        holds &= (labels == other) | (ahead + gained < 0)
    return holds


@pytest.mark.parametrize(("classes", "eps"), [(2, 0.15), (3, 0.05)])
def test_autoattack_is_decisive_on_few_classes_and_finds_the_closed_form(classes, eps):
    rng = np.random.default_rng(classes)
    model = LinearClassifier(rng.normal(0, 1, (36, classes)).astype(np.float32), np.zeros(classes, np.float32))
    here = samples()
    images = rng.random(here.images.shape).astype(np.float32)
    labels = model.predict(images).argmax(axis=1)
    here = type(here)(images, labels, here.indices, here.box, tuple("abc"[:classes]), "drawn", "0" * 64)
    attack = {"attack": "autoattack", "steps": 20, "queries": 200}
    found = robust_accuracy.run(context(model, here), robust_accuracy.Params(eps=eps, attacks=[attack], show=1))
    exact = boxed_accuracy(model, images, labels, eps)
    assert 0.2 < exact.mean() < 0.8
    assert found.metrics["robust_accuracy"].successes == exact.sum()
    assert [diagnostic.message for diagnostic in found.diagnostics if not diagnostic.ok] == []
    told = " ".join(str(row[0]) for row in found.tables[0].rows)
    assert f"{classes - 1} rival" in told
    assert "9 rivals" not in told

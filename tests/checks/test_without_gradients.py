"""Models that give no gradient: what can't run is told before it runs, and what can is decided."""

import re
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from auditor import catalog
from auditor.checks import minimal_perturbation, robust_accuracy, security_curve
from auditor.compute.backend import tensorflow
from auditor.judging.verdict import judge
from auditor.spec.plan import make_plan
from auditor.values import Expectation
from tests.models.formats import FORMS
from tests.support import LinearClassifier, context, linear_weights, samples


@dataclass(frozen=True, eq=False)
class Opaque(LinearClassifier):
    """A classifier that answers and doesn't say how its answers change."""

    def forward(self, images: Any) -> Any:
        tf = tensorflow()

        def answer(x: np.ndarray) -> np.ndarray:
            return x.reshape(len(x), -1) @ self.kernel + self.bias

        logits = tf.numpy_function(answer, [images], tf.float32)
        return tf.ensure_shape(logits, (None, self.class_count))


def judged(evidence, metric: str):
    return judge(evidence.metrics, [Expectation(metric, min=0.5)], 0.95, evidence.diagnostics)


def test_a_floor_on_robust_accuracy_can_be_settled_without_gradients():
    """Within a tenth of the way to its nearest boundary nothing falls, and the gate passes; within more all does."""
    here, model = samples(), Opaque(*linear_weights())
    attacks = [{"attack": "square", "steps": 300}]
    holds = robust_accuracy.run(context(model, here), robust_accuracy.Params(eps=0.03, attacks=attacks))
    assert holds.metrics["robust_accuracy"].successes == 60
    assert [d.message for d in holds.diagnostics if not d.ok] == []
    assert {"converged", "another start", "plain noise", "unbounded attack"} <= {d.name for d in holds.diagnostics}
    assert judged(holds, "robust_accuracy").status == "pass"
    falls = robust_accuracy.run(context(model, here), robust_accuracy.Params(eps=0.9, attacks=attacks))
    assert judged(falls, "robust_accuracy").status == "fail"


def test_a_search_that_is_too_short_doubts_itself_and_asks_for_no_gradient():
    """Two squares break none of what a hundred would: no pass, and advice that this model can follow."""
    model, params = Opaque(*linear_weights()), {"attacks": [{"attack": "square", "steps": 2}], "eps": 0.35}
    found = robust_accuracy.run(context(model, samples()), robust_accuracy.Params(**params))
    search, surrogate = found.tables[0].rows
    assert search[2] < search[1]  # it breaks few
    assert surrogate[2] == surrogate[1]  # as all can be: the templates are 0.6 apart, in their mean 0.3 from halfway
    assert found.metrics["robust_accuracy"].value == 0
    doubts = [d for d in found.diagnostics if not d.ok]
    assert doubts
    told = " ".join(d.message for d in doubts)
    assert "take more steps" in told
    assert "apgd" not in told
    assert "autoattack" not in told


def test_curves_and_distances_too():
    model, here = Opaque(*linear_weights()), samples()
    curve = security_curve.Params(eps=[0.01, 0.03], attacks=[{"attack": "square", "steps": 300}], samples=30)
    found = security_curve.run(context(model, here), curve)
    assert judged(found, "robust_accuracy.0.03").status == "pass"
    near = minimal_perturbation.Params(norm="l2", attacks=[{"attack": "hopskipjump", "steps": 10}], samples=10)
    told = " ".join(d.message for d in minimal_perturbation.run(context(model, here), near).diagnostics if not d.ok)
    assert "apgd" not in told


def test_a_model_that_has_a_gradient_is_still_asked_to_be_attacked_by_it():
    model = LinearClassifier(*linear_weights())
    params = robust_accuracy.Params(eps=0.03, attacks=[{"attack": "square", "steps": 50}])
    found = robust_accuracy.run(replace(context(model, samples()), seed=1), params)
    assert any("if the model has one, add `apgd`" in d.message for d in found.diagnostics if not d.ok)


@pytest.mark.parametrize("form", FORMS)
def test_formats_say_whether_they_give_gradients(form, tmp_path):
    params = FORMS[form].write(tmp_path) if FORMS[form].format == "onnx" else {"path": "m"}
    known = catalog.params_of("models", FORMS[form].format).model_construct(**params)
    assert (catalog.without_gradients(FORMS[form].format, known) == "") == FORMS[form].gradients


HEAD = """\
audit: blind
models:
  served: {format: tflite, path: m.tflite, output: logits}
  open: {format: keras, path: m.keras, output: logits}
  other: {format: keras, path: m.keras, output: logits}
data: {dataset: npz, path: data.npz}
checks:
"""


def warned(folder, check: str, head: str = HEAD) -> list[str]:
    for name in ("m.tflite", "m.keras", "data.npz"):
        (folder / name).touch()
    (folder / "a.audit.yaml").write_text(head + "  - " + check)
    return [problem.message for problem in make_plan(folder / "a.audit.yaml").cases[0].warnings]


@pytest.mark.parametrize(
    ("check", "told"),
    [
        ("{id: a, check: digit_flip}", "`robust_accuracy` with attacks that need none"),
        ("{id: a, check: noise_to_target}", "model 'served' gives no gradient .its format is tflite."),
        ("{id: a, check: filters}", "so the case will end in an error"),
        ("{id: a, check: weight_maps}", "so the case will end in an error"),
        (
            "{id: a, check: covert_message, model: open, params: {strangers: [other], decoys: [served]}}",
            "model 'served'",
        ),
        ("{id: a, check: robust_accuracy, params: {eps: 0.1}}", "`apgd` follows a gradient: .* Take {attack: square}"),
        ("{id: a, check: security_curve, params: {eps: [0.1, 0.2]}}", "`apgd` follows a gradient"),
        ("{id: a, check: minimal_perturbation}", "`fmn` follows a gradient: .* Take {attack: hopskipjump}"),
        ("{id: a, check: qualification, model: open, params: {resisting: [served]}}", "`apgd` follows a gradient"),
    ],
)
def test_what_cannot_run_is_told_before_it_runs(tmp_path, check, told):
    messages = warned(tmp_path, check)
    assert any(re.search(told, message) for message in messages), messages


LENT = "{format: tflite, path: m.tflite, output: logits, gradients: open}"


@pytest.mark.parametrize(
    ("check", "ends"),
    [
        ("digit_flip", True),
        ("noise_to_target", True),
        ("filters", True),
        ("weight_maps", True),
        ("covert_message, params: {strangers: [other], decoys: [open]}", True),
        ("robust_accuracy, params: {eps: 0.1}", False),
        ("security_curve, params: {eps: [0.1, 0.2]}", False),
        ("minimal_perturbation", False),
        ("qualification, model: open, params: {resisting: [served]}", False),
    ],
)
def test_lent_gradients_lead_attacks_and_nothing_else(tmp_path, check, ends):
    messages = warned(tmp_path, f"{{id: a, check: {check}}}", HEAD.replace(HEAD.splitlines()[2][10:], LENT))
    told = [message for message in messages if "will end in an error" in message]
    assert bool(told) is ends, messages
    assert all("(its format is tflite), and those of 'open' lead attacks alone, so" in message for message in told)
    assert all("`robust_accuracy` whose attacks follow those that are lent" in message for message in told)


@pytest.mark.parametrize(
    "check",
    [
        "{id: a, check: accuracy}",
        "{id: a, check: model_scan}",
        "{id: a, check: corruptions}",
        "{id: a, check: spatial}",
        "{id: a, check: out_of_distribution}",
        "{id: a, check: stability}",
        "{id: a, check: data_quality}",
        "{id: a, check: digit_flip, model: open}",
        "{id: a, check: robust_accuracy, params: {eps: 0.1, attacks: [{attack: square}]}}",
        "{id: a, check: transfer, model: open, params: {adversarial: b, onto: [served]}}\n"
        "  - {id: b, check: digit_flip, model: open}",
    ],
)
def test_what_can_run_is_not_warned_of(tmp_path, check):
    assert not [message for message in warned(tmp_path, check) if "will end in an error" in message]


def test_an_operator_without_a_gradient_is_named_before_anything_runs(tmp_path):
    from tests.models.test_onnx_operators import one

    head = HEAD.replace("tflite, path: m.tflite", "onnx, path: m.onnx")
    (tmp_path / "a.audit.yaml").write_text(head + "  - {id: a, check: robust_accuracy, params: {eps: 0.1}}")
    for name in ("m.keras", "data.npz"):
        (tmp_path / name).touch()
    for operator, told in (("Hardmax", True), ("Softmax", False)):
        (tmp_path / "m.onnx").write_bytes(one(operator)[0])
        messages = [problem.message for problem in make_plan(tmp_path / "a.audit.yaml").cases[0].warnings]
        named = [one for one in messages if "(the operator Hardmax can't be differentiated here)" in one]
        assert bool(named) is told, messages

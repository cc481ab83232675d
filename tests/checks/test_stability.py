"""stability"""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest

from auditor.checks.stability import Params, cost, instead, lint, run
from auditor.classifiers import keras_classifier
from auditor.classifiers.lower_precision import in_float
from auditor.evidence.verification import verify
from auditor.judging.verdict import judge
from auditor.spec import make_plan
from auditor.values import CheckError, Expectation, ModelError, SpecError
from tests.support import (
    CLASSES,
    INSIDE,
    LinearClassifier,
    context,
    last_run,
    linear_model,
    linear_weights,
    samples,
    spec,
    write,
)


@dataclass(frozen=True, eq=False)
class Moody(LinearClassifier):
    """It answers otherwise alone, at every third asking, and refuses what isn't finite."""

    asked: list[int] = field(default_factory=list)

    def answers(self, images: np.ndarray, batch: int | None = None) -> np.ndarray:  # noqa: ARG002
        if images.shape[1:] != self.input_shape:
            raise ValueError(f"expected {self.input_shape}")
        if not np.isfinite(images).all():
            raise ModelError("it gives NaN or infinity for 1 of 1 images")
        found = super().predict(images)
        if len(images) == 1:
            return np.roll(found, 1, axis=1) if images.mean() < 0.41 else found
        self.asked.append(1)
        return np.roll(found, 1, axis=1) if len(self.asked) == 2 else found


def softmax(logits):
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    return odds / odds.sum(axis=1, keepdims=True)


def test_shares_and_drift_are_those_of_what_was_asked():
    """The second time, all classes are passed on by one; alone, those of the darker images."""
    model, here = Moody(*linear_weights()), samples()
    honest = LinearClassifier(*linear_weights())
    steeper = LinearClassifier(model.kernel * 3, model.bias)
    evidence = run(context(model, here, {"export": steeper}), Params(other="export"))
    metrics = evidence.metrics
    assert metrics["same.twice"].successes == 0
    dark = (here.images.mean(axis=(1, 2, 3)) < 0.41).sum()
    assert 0 < dark < 60
    assert metrics["same.alone"].successes == 60 - dark
    assert metrics["same.other"].value == metrics["same.float16"].value == 1
    logits = honest.predict(here.images)
    told = softmax(logits.astype(np.float64))
    change = np.abs(told - softmax(3 * logits.astype(np.float64))).max(axis=1)
    assert metrics["drift.other"].value == pytest.approx(change.mean(), abs=1e-6)
    assert metrics["largest_drift.other"].value == pytest.approx(change.max(), abs=1e-6)
    assert metrics["drift.twice"].value == pytest.approx(
        np.abs(told - np.roll(told, 1, axis=1)).max(axis=1).mean(), abs=1e-6
    )
    assert metrics["flips"].value == 60
    assert len(evidence.figures[1].panels[1].labels) == 8
    assert "asked again" in evidence.figures[1].panels[1].labels[0]
    gates = [Expectation("same.other", min=0.94), Expectation("same.alone", min=0.9)]
    assert [one.status for one in judge(metrics, gates, 0.95).findings] == ["pass", "fail"]


def test_what_is_no_image_is_refused_or_answered():
    refusing = run(context(Moody(*linear_weights()), samples()), Params())
    assert refusing.metrics["unusable_answered"].value == 0
    told = {row[0]: row[2] for row in refusing.tables[0].rows}
    assert told["other size"] == "refused: expected (6, 6, 1)"
    assert told["nan"].startswith("refused: it gives NaN")
    assert told["white"].startswith("answered: ")

    @dataclass(frozen=True, eq=False)
    class Careless(LinearClassifier):
        """NaN is 0 to it, and it looks at the first six rows and columns of the first channel."""

        def answers(self, images: np.ndarray, batch: int | None = None) -> Any:  # noqa: ARG002
            return super().predict(np.nan_to_num(images[:, :6, :6, :1], posinf=0.0))

    careless = run(context(Careless(*linear_weights()), samples()), Params(samples=10))
    assert careless.metrics["unusable_answered"].value == 5
    assert {name for name, one in careless.metrics.items() if name.startswith("answered.") and one.value} == {
        f"answered.{row[0].replace(' ', '_')}" for row in careless.tables[0].rows
    }
    assert len(careless.tables[1].rows) == 4


def test_lower_precision_and_grey_levels():
    """Of 8-bit images float16 keeps every level apart; bfloat16, of 8 bits, moves what lies on the edge."""
    kernel = np.zeros((36, CLASSES), np.float32)
    kernel[:, 1] = 1
    levels = np.repeat((np.arange(30) + 200) / 255, 36).reshape(30, 6, 6, 1).astype(np.float32)
    bias = np.array([36 * 214.5 / 255, 0, -1000], np.float32)
    here = replace(samples(30), images=levels)
    evidence = run(context(LinearClassifier(kernel, bias), here), Params())
    assert evidence.metrics["same.float16"].successes == 30
    shares = levels[:, 0, 0, 0].astype(np.float64)
    step = 2.0**-8  # of bfloat16, between one half and 1
    rounded = np.floor(shares / step + 0.5) * step
    right = ((rounded > 214.5 / 255) == (shares > 214.5 / 255)).sum()
    assert evidence.metrics["same.bfloat16"].successes == right


def test_scores_have_classes_and_no_drift():
    model = LinearClassifier(*linear_weights(), output="scores")
    evidence = run(context(model, samples()), Params(samples=12))
    assert evidence.metrics["same.twice"].successes == 12
    assert not any("drift" in name for name in evidence.metrics)
    assert "no probabilities" in evidence.notes[0]


def test_what_cannot_be_compared_and_what_it_costs():
    model = LinearClassifier(*linear_weights())
    fewer = LinearClassifier(model.kernel[:, :2], model.bias[:2])
    with pytest.raises(CheckError, match="'two' tells apart 2 classes, and 'model' 3"):
        run(context(model, samples(), {"two": fewer}), Params(other="two"))
    assert instead(Params())["same.other"] == "same.twice"
    assert "same.other" not in instead(Params(other="x", precision=["int8"]))
    assert "same.in_int8" not in instead(Params(other="x", precision=["int8"]))
    assert instead(Params(other="x"))["same.in_int8"] == "same.twice"
    with pytest.raises(CheckError, match="'model' can't be computed in int8; name an export in it as `other`"):
        run(context(model, samples()), Params(precision=["int8"]))
    assert cost(Params(other="x"), 60, 3).predictions == 6 * 60 + 13


def rounded(values: np.ndarray, bits: int) -> np.ndarray:
    """Values to so many binary digits, by plain arithmetic."""
    found, power = np.frexp(np.asarray(values, np.float64))
    return np.ldexp(np.round(found * 2.0**bits) / 2.0**bits, power)


@pytest.mark.parametrize(("precision", "bits"), [("bfloat16", 8), ("float16", 11)])
def test_a_network_in_lower_precision_rounds_weights_and_images(precision, bits):
    """A linear one, whose logits in lower precision are sums of rounded products: bfloat16 has 8 bits, float16 11."""
    model = keras_classifier(linear_model("linear", scale=8.0), "here", "logits")
    here = samples(30)
    kernel, _ = linear_weights()
    evidence = run(context(model, here), Params(precision=[precision]))
    given = evidence.arrays[f"in_{precision}"]
    flat = here.images[evidence.arrays["indices"] - here.indices[0]].reshape(30, -1)
    exact = flat.astype(np.float64) @ (kernel * 8.0)
    own = rounded(flat, bits) @ rounded(kernel * 8.0, bits)
    # The sums are rounded too, at least once: half of the last binary digit.
    assert np.abs(given - own).max() <= np.abs(own).max() * 2.0**-bits
    assert np.abs(given - exact).max() > 2.0**-bits / 8
    assert evidence.metrics[f"same.in_{precision}"].successes == 30
    np.testing.assert_allclose(evidence.arrays["twice"], exact, atol=1e-4)  # the model itself is left as it was


def test_a_network_in_8_bit_integers_keeps_256_levels():
    """Of a linear one with logits up to 10 either way, 8-bit integers leave steps of some 20/255."""
    model = keras_classifier(linear_model("linear", scale=4.0), "here", "logits")
    evidence = run(context(model, samples(30)), Params(samples=12, precision=["int8"]))
    given, first = evidence.arrays["in_int8"], evidence.arrays["first"]
    assert evidence.metrics["same.in_int8"].successes == 12
    step = np.unique(np.diff(np.unique(given.round(5)))).min()
    assert step == pytest.approx((first.max() - first.min()) / 255, rel=0.3)
    assert 0 < np.abs(given - first).max() < 8 * step


CHECKS = """\
- {id: lower, check: stability, params: {precision: [bfloat16, int8], samples: 30}, expect: {same.in_int8: {min: 0.9}}}
- {id: stable, check: stability, params: {other: steeper, samples: 30}, expect: {same.other: {min: 0.9}}}
"""


def test_in_a_spec(project, monkeypatch):
    """A real checkpoint; what was measured is measured again, whatever time that takes."""
    write(project, spec(CHECKS))
    project.runpytest_inprocess().assert_outcomes(passed=2)
    record = last_run(project).records["stable"]
    assert record.evidence.metrics["same.twice"].successes == 30
    assert record.evidence.metrics["answered.white"].value == 1
    assert record.evidence.metrics["answered.nan"].value == 0
    other = next(row[2] for row in record.evidence.tables[0].rows if row[0] == "other size")
    assert "images of 6 × 6 × 1 are taken, none of 7 × 7 × 1" in other
    assert not INSIDE.search(other)
    lower = last_run(project).records["lower"].evidence
    assert "computed in bfloat16" in lower.summary
    assert lower.metrics["same.in_int8"].n == 30
    assert 0 < lower.metrics["largest_drift.in_bfloat16"].value < 0.02
    monkeypatch.chdir(project.path)
    found = list(verify(project.path / "reports" / "tiny"))
    assert all(finding.ok for finding in found), [finding for finding in found if not finding.ok]


def test_a_format_that_cannot_is_told_before_anything_runs(project):
    (project.path / "tiny.onnx").write_bytes(b"")
    check = "- {id: one, check: stability, model: other, params: {precision: [float16, int8]}}"
    models = "other: {format: onnx, path: tiny.onnx, output: logits}\n"
    path = write(project, spec(check, models=models))
    with pytest.raises(SpecError) as caught:
        make_plan(path)
    assert [problem.message for problem in caught.value.problems] == [
        f"model 'other' is of the format 'onnx', which can't be computed in {one} here (keras, weights can); name an "
        "export in it as `other`"
        for one in ("float16", "int8")
    ]


def test_who_gates_rounded_images_is_told_that_the_model_is_not():
    gates = [Expectation("same.float16", min=0.9), Expectation("same.in_bfloat16", min=0.9)]
    found = list(lint(Params(), gates, (0.0, 1.0)))
    assert [remark.at for remark in found] == [("precision",)]
    assert "says nothing of the model in float16; that is `same.in_float16`" in found[0].message
    assert not list(lint(Params(precision=["float16"]), gates, (0.0, 1.0)))


def test_a_network_within_a_network_is_computed_in_lower_precision_too():
    import keras

    inner = linear_model("linear")
    given = keras.Input((6, 6, 1))
    copy = in_float(keras.Model(given, keras.layers.Activation("linear")(inner(given))), "here", "bfloat16")
    assert {str(weight.dtype) for weight in copy.weights} == {"bfloat16"}

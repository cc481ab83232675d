"""Gradients by one model, answers by another: attacks on networks that have none of their own."""

import numpy as np
import pytest

from auditor.checks import robust_accuracy
from auditor.classifiers import WithTwin
from auditor.loading.resources import Resources
from auditor.run.engines.worker import work
from auditor.spec import make_plan
from auditor.values import SpecError
from tests.models.test_quantised import plain, quantised
from tests.support import (
    LinearClassifier,
    context,
    data,
    last_run,
    linear_model,
    linear_weights,
    samples,
    save_data,
    states,
    write,
)

EPS = 0.3
SPEC = """\
audit: phone
models:
  phone: {format: tflite, path: m.tflite, output: probabilities, gradients: floats}
  floats: {format: keras, path: floats.keras, output: probabilities, trusted: true}
  stranger: {format: tflite, path: m.tflite, output: probabilities, gradients: unlike}
  unlike: {format: keras, path: unlike.keras, output: probabilities, trusted: true}
data: {dataset: npz, path: data.npz}
checks:
  - {id: attacked, check: robust_accuracy, params: {eps: 0.3, samples: 60, attacks: [{attack: apgd, steps: 20}]}}
  - id: strange
    check: robust_accuracy
    model: stranger
    params: {eps: 0.01, samples: 60, attacks: [{attack: apgd, steps: 20}]}
    expect: {robust_accuracy: {min: 0.5}}
  - {id: weights, check: weight_maps}
  - {id: flips, check: digit_flip, params: {target: 1, samples: 20, steps: 2}}
  - {id: noise, check: noise_to_target, params: {target: 1, samples: 20, steps: 2}}
  - {id: looks, check: filters}
  - {id: hidden, check: covert_message, params: {message: a, strangers: [stranger], decoys: [floats]}}
  - {id: shown, check: covert_message, model: floats, params: {message: a, strangers: [unlike], decoys: [phone]}}
"""


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A network in 8 bits, the one in floats it was made from, and one that knows the classes in another order."""
    folder = tmp_path_factory.mktemp("twins")
    (folder / "m.tflite").write_bytes(quantised("int8"))
    linear_model(scale=2.0).save(folder / "floats.keras")
    other = linear_model(scale=2.0)
    kernel, bias = other.layers[-1].get_weights()
    other.layers[-1].set_weights([kernel[:, [1, 2, 0]], bias])
    other.save(folder / "unlike.keras")
    save_data(folder)
    return folder


def within_reach(images, labels):
    """Which images (N,) the network in 8 bits can be made to misread, by the best change of a linear one to each class:
    all pixels by eps, each to its side.
    """
    kernel, _ = linear_weights()
    broken = np.zeros(len(images), bool)
    for rival in range(kernel.shape[1]):
        side = np.sign(kernel[:, rival][None] - kernel[:, labels].T).reshape(images.shape)
        moved = np.clip(images + EPS * side, 0, 1)
        broken |= plain(quantised("int8"), moved).argmax(axis=1) != labels
    return broken


def test_a_network_in_8_bits_is_attacked_along_the_gradients_of_its_original(written, pytester):
    for file in written.iterdir():
        (pytester.path / file.name).write_bytes(file.read_bytes())
    write(pytester, SPEC, "phone")
    pytester.runpytest_inprocess()
    run = last_run(pytester, "phone")
    assert states(run) == {
        "attacked": "descriptive",
        "strange": "inconclusive",
        **dict.fromkeys(("weights", "flips", "noise", "looks", "hidden", "shown"), "error"),
    }, {case: record.verdict.message for case, record in run.records.items()}
    images, labels = data()
    evidence = run.records["attacked"].evidence
    made = evidence.adversarial
    own = plain(quantised("int8"), made.images).argmax(axis=1)
    np.testing.assert_array_equal(own != made.labels, made.fooled, "the network in 8 bits has the last word")
    lost = within_reach(images, labels)
    assert 0 < lost.sum() < 60
    assert abs(int((~made.fooled).sum()) - int((~lost).sum())) <= 1
    assert evidence.metrics["robust_accuracy"].successes == (~made.fooled).sum()
    [told] = [test for test in evidence.diagnostics if test.name == "lent gradients"]
    assert told.ok
    assert "robust_accuracy" in told.inflates
    assert "'floats', whose gradients attacks followed, name the same class for 100% of 60 images" in told.message
    models = run.records["attacked"].provenance["models"]
    assert models["floats"]["logits"] == "its gradients led attacks"
    assert len(models["floats"]["files"]["floats.keras"]) == 64
    assert "led astray" in run.records["strange"].verdict.message
    assert "gives no gradient" in run.records["weights"].verdict.message, "its weights aren't those of the other"
    plan = make_plan(pytester.path / "phone.audit.yaml")
    warned = {case.id for case in plan.cases if any("will end in an error" in one.message for one in case.warnings)}
    assert warned == {case for case, state in states(run).items() if state == "error"}, "and validate says it before"


def test_workers_follow_the_same_gradients_and_equal_sources_share_what_is_open(written):
    path = written / "phone.audit.yaml"
    path.write_text(SPEC)
    plan, resources = make_plan(path), Resources()
    here = resources.classifier(plan, "phone")
    assert resources.classifier(plan, "phone") is here
    source = resources.source_of(here)
    images = samples(5).images
    _, (own, led) = work(_both, source, source.loaded, here.input_shape, 0, images)
    np.testing.assert_allclose(own, here.predict(images), atol=1e-5)
    np.testing.assert_allclose(led, resources.classifier(plan, "floats").predict(images), atol=1e-5)
    assert np.abs(own - led).max() > 1e-3


def _both(classifier, images):
    return classifier.predict(images), classifier.leading(images).numpy()


def test_what_breaks_the_twin_alone_is_not_broken():
    """A network of a tenth of the slope and a bias is far from its boundary where its twin is beyond its own."""
    kernel, bias = linear_weights()
    given = samples(30)
    model = LinearClassifier(kernel, np.array([50.0, 0.0, 0.0], np.float32))  # class 0, whatever it is shown
    led = WithTwin(model, LinearClassifier(kernel, bias), "steep")
    params = robust_accuracy.Params(eps=0.5, samples=30, attacks=[{"attack": "apgd", "steps": 10}])
    made = robust_accuracy.run(context(led, given), params).adversarial
    called = made.labels[made.labels == 0]
    assert not made.fooled[made.labels == 0].any()
    assert len(called)
    alone = robust_accuracy.run(context(led.twin, given), params).adversarial
    assert alone.fooled[alone.labels == 0].all()


@pytest.mark.parametrize(
    ("model", "lends", "told"),
    [
        ("phone", "flots", "unknown other model 'flots'; did you mean 'floats'?"),
        ("phone", "phone", "unknown other model 'phone'"),
        ("phone", "blind", "'blind' gives no gradients either: its format is tflite"),
        ("phone", "stranger", "'stranger' takes gradients from another model itself"),
    ],
)
def test_mistakes_about_who_lends_gradients(written, model, lends, told):
    text = SPEC.replace("gradients: floats", f"gradients: {lends}")
    text = text.replace("  unlike:", "  blind: {format: tflite, path: m.tflite, output: probabilities}\n  unlike:")
    if lends == "stranger":
        text = text.replace("stranger: {format: tflite, path: m.tflite", "stranger: {format: keras, path: floats.keras")
    path = written / "wrong.audit.yaml"
    path.write_text(text)
    with pytest.raises(SpecError) as caught:
        make_plan(path)
    assert told in str(caught.value)
    path.unlink()

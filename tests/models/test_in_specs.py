"""Specs on other formats than Keras: paths, digests, layers by name, and what is said where gradients are missing."""

import shutil

import numpy as np
import pytest

from auditor.records.store import Folder
from tests.models.formats import onnx, saved_model, tf1_checkpoint, tflite
from tests.support import save_data, states, write

SPEC = """\
audit: formats
models:
  exported: {format: saved_model, path: exported, output: probabilities}
  tutorial: {format: tf1_checkpoint, path: model-1000, output: probabilities, input: x, logits: y_conv,
             constants: {keep_prob: 1.0}, reshape: [6, 6, 1]}
  other: {format: onnx, path: m.onnx, output: probabilities}
  phone: {format: tflite, path: m.tflite, output: probabilities}
data: {dataset: npz, path: data.npz}
checks:
  - {id: clean, check: accuracy, expect: {accuracy: {min: 0.9}}}
  - {id: clean-tutorial, check: accuracy, model: tutorial, expect: {accuracy: {min: 0.9}}}
  - {id: clean-other, check: accuracy, model: other, expect: {accuracy: {min: 0.9}}}
  - {id: filters, check: filters, model: tutorial, params: {layer: "h_conv2:0", steps: 3}}
  - {id: by-variable, check: filters, model: tutorial, params: {layer: "W_conv2:0", steps: 3}}
  - {id: wrong-layer, check: filters, model: tutorial, params: {layer: "h_conv3:0"}}
  - {id: flip, check: digit_flip, params: {target: 0, steps: 5, step_size: 0.3}}
  - {id: onto, check: transfer, params: {adversarial: flip, onto: [tutorial, other]}}
  - {id: by-a-twin, check: digit_flip, model: other, params: {target: 0, steps: 5, step_size: 0.3}}
  - {id: blind, check: digit_flip, model: phone, params: {target: 0, steps: 5, step_size: 0.3}}
  - id: scores
    check: robust_accuracy
    model: other
    params: {eps: 0.1, samples: 10, attacks: [{attack: square, steps: 5}]}
"""


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Made before pytester is, which forgets modules imported after it; TensorFlow can't be imported twice."""
    folder = tmp_path_factory.mktemp("formats")
    for make in (saved_model, tf1_checkpoint, onnx, tflite):
        make(folder)
    save_data(folder)
    return folder


def test_a_spec_on_several_formats(written, pytester):
    shutil.copytree(written, pytester.path, dirs_exist_ok=True)
    write(pytester, SPEC, "formats")
    pytester.runpytest_inprocess()
    run = Folder(pytester.path / "reports" / "formats").load_run()
    expected = dict.fromkeys(states(run), "descriptive")
    expected |= dict.fromkeys(("clean", "clean-tutorial", "clean-other"), "pass")
    expected |= {"wrong-layer": "error", "blind": "error"}
    assert states(run) == expected
    assert "did you mean 'h_conv2:0'" in run.records["wrong-layer"].verdict.message
    shown = [run.records[case].evidence.arrays["kernel"] for case in ("filters", "by-variable")]
    np.testing.assert_array_equal(*shown)
    told = run.records["blind"].verdict.message
    assert (
        "attacks that need none: hopskipjump, noise_search, pointwise, square; `accuracy` and `transfer` onto it"
        in told
    )
    flipped = {case: run.records[case].evidence.metrics["flip_rate"].value for case in ("flip", "by-a-twin")}
    assert flipped["by-a-twin"] == flipped["flip"] > 0
    origin = run.records["clean-other"].provenance
    assert origin["versions"]["onnxruntime"]
    for case, name in (("clean", "exported"), ("clean-tutorial", "model-1000")):
        [files] = [model["files"] for model in run.records[case].provenance["models"].values()]
        assert list(files) == [name]
        assert len(files[name]) == 64

"""Layers models of TensorFlow.js: what it answers itself, weights of few bytes, and files that don't fit."""

import json
from pathlib import Path

import numpy as np
import pytest

from auditor.loading.scanning import scan
from auditor.models.tfjs import Params, load
from auditor.values import ModelError
from tests.models.formats import network, tfjs
from tests.support import samples

BROWSER = Path(__file__).parent / "browser"


def test_what_tensorflow_js_wrote_answers_as_it_did_there():
    """An inner model, a shared tensor and a normalisation; `browser/written.js` wrote both by TensorFlow.js 4.22."""
    told = json.loads((BROWSER / "answers.json").read_text())
    classifier = load(Params(path=str(BROWSER / "model.json"), output="probabilities"))
    found = classifier.answers(np.array(told["images"], np.float32))
    np.testing.assert_allclose(found, told["probabilities"], atol=1e-6)
    assert classifier.logits_from == "the softmax of the final dense layer was taken off"
    names = [layer.name for layer in classifier.layers()]
    assert names[:5] == ["first", "backbone", "backbone/dw", "backbone/bn", "side"]


@pytest.mark.parametrize("kept", ["uint8", "uint16", "float16"])
def test_weights_of_few_bytes_are_unfolded_as_a_browser_does(tmp_path, kept):
    classifier = load(Params(**tfjs(tmp_path, kept), output="probabilities"))
    import keras

    rounded = keras.models.clone_model(network())
    arrays = network().get_weights()
    if kept == "float16":
        rounded.set_weights([array.astype(np.float16).astype(np.float32) for array in arrays])
    else:
        steps = {"uint8": 255, "uint16": 65535}[kept]
        scales = [(array.max() - array.min()) / steps for array in arrays]
        units = [np.round((array - array.min()) / scale) for array, scale in zip(arrays, scales, strict=True)]
        rounded.set_weights([u * s + a.min() for u, s, a in zip(units, scales, arrays, strict=True)])
    images = samples().images
    np.testing.assert_allclose(classifier.answers(images), np.asarray(rounded(images)), atol=1e-4)


def test_its_weights_are_numbers_to_the_scan_while_all_bytes_are_accounted_for(tmp_path):
    path = Path(tfjs(tmp_path)["path"])
    files = Params(path=str(path), output="logits").files_at(path)
    assert [file.name for file in files] == ["model.json", "group1-shard1of2.bin", "group1-shard2of2.bin"]
    assert scan({file.name: file for file in files}) == ()
    files[2].write_bytes(files[2].read_bytes() + b"\x80more")
    assert {threat.file for threat in scan({file.name: file for file in files})} == {files[1].name, files[2].name}


def changed(path: Path, change) -> None:
    told = json.loads(path.read_text())
    change(told)
    path.write_text(json.dumps(told))


def _layer(told):
    return told["modelTopology"]["config"]["layers"][2]


WRONG = {
    "a weight too few": (lambda t: t["weightsManifest"][0]["weights"].pop(), "bytes of weights, .* of them are used"),
    "a shard too few": (lambda t: t["weightsManifest"][0]["paths"].pop(), "the weights are cut short"),
    "another name": (
        lambda t: t["weightsManifest"][0]["weights"][0].update(name="frist/kernel"),
        "no weight is called first/kernel, which its network needs",
    ),
    "a layer too few": (lambda t: t["modelTopology"]["config"]["layers"].pop(), "no layer takes the weights last/bias"),
    "another shape": (
        lambda t: t["weightsManifest"][0]["weights"][1].update(shape=[2, 4]),
        r"first/bias has the shape \(2, 4\), but its layer takes \(8,\)",
    ),
    "weights elsewhere": (
        lambda t: t["weightsManifest"][0]["paths"].append("../secret"),
        "'../secret', which is no file in its folder",
    ),
    "code": (lambda t: _layer(t).update(class_name="Lambda"), "can't be built as a network: it needs Lambda"),
    "a layer nobody knows": (
        lambda t: _layer(t).update(class_name="Mine"),
        "can't be built as a network: it needs Mine",
    ),
    "no network": (lambda t: t.update(modelTopology=[]), "can't be built as a network: a list is no sequential"),
    "another type": (
        lambda t: t["weightsManifest"][0]["weights"][0].update(dtype="string"),
        "its manifest of weights can't be read",
    ),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_does_not_fit_is_refused_with_what_is_wrong(tmp_path, wrong):
    params = tfjs(tmp_path)
    change, told = WRONG[wrong]
    changed(Path(params["path"]), change)
    with pytest.raises(ModelError, match=told) as caught:
        load(Params(**params, output="probabilities"))
    assert "\n" not in str(caught.value)

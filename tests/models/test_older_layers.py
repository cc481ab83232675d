"""Whatever is rewritten for Keras 3 computes there what it computed where it was written, by name and setting."""

import json
import warnings
from pathlib import Path

import numpy as np
import pytest

from auditor.classifiers.older_keras import built
from auditor.classifiers.older_known import BROWSER, KERAS, NoOtherWayError, dialect_of
from auditor.classifiers.older_weights import fill_from_containers, fill_from_h5
from auditor.models import tfjs
from auditor.values import ModelError
from tests.models.older_layers import SIDE, named, network, operations_of, randomised

BROWSERS = json.loads((Path(__file__).parent / "browser" / "layers.json").read_text())
REFUSED_THERE = {
    "upSampling bilinear": "takes other pixels",
    "activation gelu_new": "isn't known to compute as TensorFlow.js does",
    "batchNormalization of rows": "normalises axis 1 of 4",  # 60 of 72 numbers were others there
}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A network of every layer and activation, written by TF-Keras in both kinds of file, and what it answers."""
    tf_keras = pytest.importorskip("tf_keras", reason="needs tf-keras")
    names, model = network(tf_keras, sorted(KERAS.activations))
    folder = tmp_path_factory.mktemp("layers")
    with warnings.catch_warnings(action="ignore"):
        model.save(folder / "m.h5", include_optimizer=False)
    model.save(folder / "m.keras")
    images = np.random.default_rng(0).normal(0.3, 1, (3, SIDE, SIDE, 2)).astype(np.float32)
    answers = dict(zip(names, (answer.numpy() for answer in model(images, training=False)), strict=True))
    return folder, json.loads(model.to_json()), images, answers


@pytest.mark.parametrize("ending", ["h5", "keras"])
def test_every_layer_that_is_rewritten_answers_as_tf_keras_does(written, ending):
    import io
    import zipfile

    import h5py

    folder, told, images, answers = written
    if ending == "keras":
        with zipfile.ZipFile(folder / "m.keras") as archive:
            told, kept = json.loads(archive.read("config.json")), io.BytesIO(archive.read("model.weights.h5"))
    model = built(json.loads(json.dumps(told)), KERAS)
    with h5py.File(folder / "m.h5" if ending == "h5" else kept) as file:
        if ending == "h5":
            fill_from_h5(model, file)
        else:
            fill_from_containers(model, told["config"]["layers"], file)
    found = dict(zip(answers, map(np.asarray, model(images, training=False)), strict=True))
    for name, expected in answers.items():
        np.testing.assert_allclose(found[name], expected, atol=2e-5 * np.abs(expected).max(), err_msg=name)


def test_no_layer_and_no_activation_is_rewritten_without_that(written):
    """So that a name that is added to the lists brings its comparison."""
    kinds, activations = named(written[1])
    assert KERAS.layers <= kinds
    assert KERAS.activations <= activations


def in_classes(topology, classes):
    """The same network with its answers in one row, as classifiers give them."""
    config = topology["config"]
    row = {"name": "row", "class_name": "Reshape", "config": {"name": "row", "target_shape": [classes]}}
    config["layers"].append({**row, "inbound_nodes": [[[*config["output_layers"][0], {}]]]})
    config["output_layers"] = [["row", 0, 0]]
    return topology


@pytest.mark.parametrize("name", sorted(BROWSERS["layers"]))
def test_every_layer_of_tensorflow_js_answers_as_it_did_there(name, tmp_path):
    """`browser/layers.js` wrote them all by TensorFlow.js 4.22."""
    told, images = BROWSERS["layers"][name], np.array(BROWSERS["images"], np.float32).reshape(1, SIDE, SIDE, 2)
    topology = json.loads(json.dumps(told["topology"]))
    topology = in_classes(topology.get("model_config", topology), int(np.prod(told["shape"][1:])))
    weights = [{**weight, "dtype": "float32"} for weight in told["weights"]]
    manifest = [{"paths": ["w.bin"], "weights": weights}]
    (tmp_path / "w.bin").write_bytes(np.array(told["values"], "<f4").tobytes())
    made = {"format": "layers-model", "generatedBy": "x", "modelTopology": topology, "weightsManifest": manifest}
    (tmp_path / "model.json").write_text(json.dumps(made))
    params = tfjs.Params(path=str(tmp_path / "model.json"), output="scores")
    if name in REFUSED_THERE:
        with pytest.raises(ModelError, match=REFUSED_THERE[name]):
            tfjs.load(params)
        return
    expected = np.array(told["answers"])
    found = tfjs.load(params).answers(images).ravel()
    np.testing.assert_allclose(found, expected, atol=2e-5 * np.abs(expected).max())


def test_no_layer_and_no_activation_of_tensorflow_js_is_rewritten_without_that():
    compared = [told["topology"] for name, told in BROWSERS["layers"].items() if name not in REFUSED_THERE]
    kinds, activations = named(compared)
    assert BROWSER.layers <= kinds
    assert BROWSER.activations <= activations


def sequence(*layers):
    given = {"class_name": "InputLayer", "config": {"batch_input_shape": [None, 4, 4, 1], "name": "given"}}
    listed = [{"class_name": kind, "config": {"name": kind.lower(), **config}} for kind, config in layers]
    return {"class_name": "Sequential", "config": {"name": "s", "layers": [given, *listed]}}


@pytest.mark.parametrize("dialect", [KERAS, BROWSER, dialect_of("1.2.2")])
def test_hard_sigmoid_is_that_of_its_framework_wherever_it_stands(dialect):
    """0.2 x + 0.5 within 0 and 1 (BinaryConnect, NIPS 2015), not Keras 3's x / 6 + 0.5, and so in copies of layers."""
    import keras

    grid = np.linspace(-4, 4, 16, dtype=np.float32).reshape(1, 4, 4, 1)
    inner = sequence(("Activation", {"activation": "hard_sigmoid"}))
    wrapped = {"class_name": "Activation", "config": {"name": "a", "activation": "hard_sigmoid"}}
    for layer in (
        ("Activation", {"activation": "hard_sigmoid"}),
        ("TimeDistributed", {"layer": wrapped}),
        ("Sequential", inner["config"]),
    ):
        model = built(sequence(layer), dialect)
        for either in (model, keras.models.clone_model(model)):
            np.testing.assert_allclose(np.asarray(either(grid)), np.clip(0.2 * grid + 0.5, 0, 1), atol=1e-6)


BILINEAR = sequence(("UpSampling2D", {"interpolation": "bilinear"}))


def test_what_frameworks_computed_in_different_ways_is_refused():
    for version in ("2.2.4", "2.2.4-tf", "2.3.1", ""):
        with pytest.raises(NoOtherWayError, match=r"interpolation 'bilinear', by which Keras .* takes other pixels"):
            built(json.loads(json.dumps(BILINEAR)), dialect_of(version))
    for version in ("2.3.0-tf", "2.4.0", "2.15.0"):
        assert built(json.loads(json.dumps(BILINEAR)), dialect_of(version)).output_shape == (None, 8, 8, 1)
    for kind, told in (
        ("LSTM", "recurrent_activation"),
        ("GRU", "recurrent_activation"),
        ("BatchNormalization", "eps"),
    ):
        with pytest.raises(NoOtherWayError, match=f"its {kind} doesn't say its {told}"):
            built(sequence((kind, {"units": 2})), KERAS)
    for layer in (("Activation", {"activation": "crelu"}), ("MultiHeadAttention", {"num_heads": 1, "key_dim": 2})):
        with pytest.raises(ModelError, match="isn't known to compute as Keras 1 and 2 does"):
            built(sequence(layer), KERAS)
    for kind in ("Resizing", "CenterCrop"):  # which fail in a browser
        with pytest.raises(ModelError, match=f"it needs {kind}, which Keras 3 isn't known to compute as TensorFlow.js"):
            built(sequence((kind, {"height": 2, "width": 2})), BROWSER)


def test_operations_of_tensorflow_are_known_as_tf_keras_spells_them():
    """`tf.pad` is written as `compat.v1.pad`, `...` in a slice as a class: each is computed as TF-Keras computes it."""
    tf_keras = pytest.importorskip("tf_keras", reason="needs tf-keras")
    given = tf_keras.layers.Input((SIDE, SIDE, 2))
    made = {name: tf_keras.layers.Flatten()(answer) for name, answer in operations_of(given).items()}
    model = tf_keras.Model(given, list(made.values()))
    images = np.random.default_rng(0).normal(0.3, 1, (3, SIDE, SIDE, 2)).astype(np.float32)
    found = built(json.loads(model.to_json()), KERAS)(images, training=False)
    for name, expected, answer in zip(made, model(images), found, strict=True):
        np.testing.assert_allclose(np.asarray(answer), expected.numpy(), atol=1e-5, err_msg=name)


def test_no_extra_is_advised_that_would_not_help(tmp_path, monkeypatch):
    tf_keras = pytest.importorskip("tf_keras", reason="needs tf-keras")
    import tensorflow as tf

    from auditor.models import keras

    def told(operation):
        given = tf_keras.layers.Input((SIDE, SIDE, 2))
        model = tf_keras.Model(given, tf_keras.layers.Dense(3)(tf_keras.layers.Flatten()(operation(given))))
        randomised(model)
        model.save(tmp_path / "m.keras")
        with pytest.raises(ModelError) as caught:
            keras.load(keras.Params(path=str(tmp_path / "m.keras"), output="logits"))
        return str(caught.value)

    monkeypatch.setattr(keras, "find_spec", {}.get)
    for helps in (lambda x: tf.math.cumsum(x, axis=1), tf_keras.layers.ThresholdedReLU(0.3)):
        assert "the extra `tf-keras` may open it" in told(helps)
    other = told(lambda x: tf.debugging.check_numerics(x, "what it writes"))
    assert "isn't known to do nothing but compute" in other
    assert "tf-keras" not in other

"""Files of Keras 1 and 2 and of TF-Keras, written by TF-Keras itself: what it answers is what is right."""

import json
import sys

import h5py
import numpy as np
import pytest

from auditor.models import keras as format_keras
from auditor.values import ModelError
from tests.support import CLASSES, SIZE, samples

tf_keras = pytest.importorskip("tf_keras", reason="needs tf-keras")


def network(operations: bool = True, strange: bool = False):
    """A trained network of two alike branches, an inner model that is called twice, and operations of TensorFlow."""
    import tensorflow as tf

    layers = tf_keras.layers
    inner = [layers.DepthwiseConv2D(3, name="dw"), layers.BatchNormalization(name="bn"), layers.LeakyReLU(0.1)]
    backbone = tf_keras.Sequential([layers.InputLayer((SIZE, SIZE, 4)), *inner], name="backbone")
    given = tf_keras.Input((SIZE, SIZE, 1))
    x = tf.nn.relu(1.0 - tf.math.truediv(given, 0.5) * 0.3 - 0.1) if operations else given
    x = tf.math.cumsum(x, axis=1) if strange else x
    left = layers.Conv2D(4, 3, padding="same", name="zeta")(x)
    right = layers.Conv2D(4, 3, padding="same", name="alpha")(x)
    x = layers.Add()([backbone(left), backbone(right)])
    x = layers.Conv2DTranspose(3, 2, name="up")(x)
    x = layers.SeparableConv2D(3, 2, name="separable")(x)
    if operations:
        x = tf.concat([x[:, :3, 1:], x[:, :3, 1:] * 2], -1)
    x = layers.Dense(CLASSES, activation="softmax", name="last")(layers.Flatten()(x))
    model = tf_keras.Model(given, x)
    random = np.random.default_rng(5)
    for weight in model.weights:
        drawn = random.normal(0, 0.7, weight.shape)
        weight.assign(1 + np.abs(drawn) if "variance" in weight.name else drawn)
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(samples(12).images, samples(12).labels, verbose=0)
    return model


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The network in both kinds of file, and what it answers."""
    folder, model = tmp_path_factory.mktemp("older"), network()
    for ending in ("h5", "keras"):
        model.save(folder / f"m.{ending}")
    return folder, model.predict(samples().images, verbose=0)


def opened(path, **more):
    return format_keras.load(format_keras.Params(path=str(path), output="probabilities", **more))


@pytest.mark.parametrize("ending", ["h5", "keras"])
def test_a_file_of_tf_keras_answers_as_tf_keras_does(files, ending, monkeypatch):
    monkeypatch.setitem(sys.modules, "tf_keras", None)  # it isn't needed
    folder, expected = files
    assert expected.std(axis=0).max() > 0.01
    classifier = opened(folder / f"m.{ending}")
    np.testing.assert_allclose(classifier.answers(samples().images), expected, atol=1e-5)
    assert classifier.logits_from == "the softmax of the final dense layer was taken off"
    names = [layer.name for layer in classifier.layers()]
    assert {"zeta", "alpha", "backbone/dw", "backbone/1/dw", "separable"} <= set(names)
    shown = {layer.name: np.asarray(layer.activations(samples(2).images)) for layer in classifier.layers()}
    assert np.abs(shown["backbone/dw"] - shown["backbone/1/dw"]).max() > 0.01  # each call on what it was called with


def test_weights_belong_to_layers_by_name_whatever_their_order(files, tmp_path):
    """Two branches of one shape, which a file may list in any order."""
    folder, expected = files
    (tmp_path / "m.h5").write_bytes((folder / "m.h5").read_bytes())
    with h5py.File(tmp_path / "m.h5", "a") as file:
        file["model_weights"].attrs["layer_names"] = file["model_weights"].attrs["layer_names"][::-1]
    np.testing.assert_allclose(opened(tmp_path / "m.h5").answers(samples().images), expected, atol=1e-5)


@pytest.mark.parametrize("ending", ["h5", "keras"])
def test_what_is_not_rewritten_is_opened_by_tf_keras(tmp_path, ending, monkeypatch):
    model = network(strange=True)
    model.save(tmp_path / f"m.{ending}")
    classifier = opened(tmp_path / f"m.{ending}")
    expected = model.predict(samples().images, verbose=0)
    np.testing.assert_allclose(classifier.answers(samples().images), expected, atol=1e-5)
    assert classifier.logits_from == "the final softmax was taken off"
    monkeypatch.setattr(format_keras, "find_spec", {}.get)
    with pytest.raises(ModelError, match=r"tf\.math\.cumsum .*the extra `tf-keras` may open it"):
        opened(tmp_path / f"m.{ending}")


def edited(path, change):
    with h5py.File(path, "a") as file:
        config = json.loads(file.attrs["model_config"])
        change(config["config"]["layers"])
        file.attrs["model_config"] = json.dumps(config)
    return path


def _operation(layers, name):
    next(layer for layer in layers if layer["class_name"] == "TFOpLambda")["config"]["function"] = name


WRONG = {
    "an operation that writes files": (lambda layers: _operation(layers, "io.write_file"), "tf.io.write_file"),
    "code": (lambda layers: layers[-1].update(class_name="Lambda"), "needs Lambda, which is Python code"),
    "a class of somebody's": (
        lambda layers: layers[-1].update(class_name="Mine", module="mine", registered_name="Own>Mine"),
        r"needs Own>Mine: .*custom_objects: \[module:Class\].*--audit-allow-code",
    ),
    "a layer too few": (lambda layers: layers.pop(), "can't be opened as a Keras checkpoint"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_may_hold_code_or_does_not_fit_is_refused(files, tmp_path, wrong):
    (tmp_path / "m.h5").write_bytes((files[0] / "m.h5").read_bytes())
    change, told = WRONG[wrong]
    with pytest.raises(ModelError, match=told) as caught:
        opened(edited(tmp_path / "m.h5", change))
    assert "\n" not in str(caught.value)


def test_weights_without_a_network_are_told(files, tmp_path):
    with h5py.File(files[0] / "m.h5") as file, h5py.File(tmp_path / "w.h5", "w") as weights:
        for name in file["model_weights"]:
            file.copy(file["model_weights"][name], weights, name)
        weights.attrs.update(file["model_weights"].attrs)
    with pytest.raises(ModelError, match="holds weights without a network; `format: weights`"):
        opened(tmp_path / "w.h5")


def test_keras_1_had_other_words_for_the_same(tmp_path):
    """As Keras 1.2 wrote it: no `layers` in `config`, its own names of parameters and of weights."""
    random = np.random.default_rng(2)
    kernel, bias = random.normal(size=(3, 3, 1, 5)), random.normal(size=5)
    last, offset = random.normal(size=(80, CLASSES)), random.normal(size=CLASSES)
    common = {"W_regularizer": None, "b_constraint": None, "trainable": True}
    convolution = {"nb_filter": 5, "nb_row": 3, "nb_col": 3, "border_mode": "valid", "subsample": [1, 1], "bias": True}
    convolution |= {"dim_ordering": "tf", "init": "glorot_uniform", "batch_input_shape": [None, SIZE, SIZE, 1]}
    dense = {"output_dim": CLASSES, "init": "glorot_uniform", "activation": "softmax", "bias": True, "input_dim": None}
    layers = [
        {"class_name": "Convolution2D", "config": {"name": "conv_1", "activation": "relu", **convolution, **common}},
        {"class_name": "Dropout", "config": {"name": "dropout_1", "p": 0.5, "trainable": True}},
        {"class_name": "Flatten", "config": {"name": "flatten_1", "trainable": True}},
        {"class_name": "Dense", "config": {"name": "dense_1", **dense, **common}},
    ]
    with h5py.File(tmp_path / "m.h5", "w") as file:
        file.attrs["keras_version"] = b"1.2.2"
        file.attrs["model_config"] = json.dumps({"class_name": "Sequential", "config": layers}).encode()
        group = file.create_group("model_weights")
        group.attrs["layer_names"] = [layer["config"]["name"].encode() for layer in layers]
        kept = {"conv_1": {"W": kernel, "b": bias}, "dense_1": {"W": last, "b": offset}}
        for layer in layers:
            name = layer["config"]["name"]
            arrays = kept.get(name, {})
            made = group.create_group(name)
            made.attrs["weight_names"] = [f"{name}_{part}".encode() for part in arrays]
            for part, array in arrays.items():
                made[f"{name}_{part}"] = array.astype(np.float32)
    images = samples().images
    patches = np.lib.stride_tricks.sliding_window_view(images, (3, 3), (1, 2))  # (N, 4, 4, 1, 3, 3)
    seen = np.maximum(np.einsum("nyxcij,ijco->nyxo", patches, kernel) + bias, 0)
    scores = seen.reshape(len(images), -1) @ last + offset
    odds = np.exp(scores - scores.max(axis=1, keepdims=True))
    found = opened(tmp_path / "m.h5").answers(images)
    np.testing.assert_allclose(found, odds / odds.sum(axis=1, keepdims=True), atol=1e-4)


CODE = """\
import keras


class Doubled(keras.layers.Layer):
    def call(self, inputs):
        return 2 * inputs
"""


def test_classes_of_ones_own_are_found_where_the_spec_says(tmp_path, monkeypatch):
    (tmp_path / "doubling.py").write_text(CODE)
    monkeypatch.syspath_prepend(tmp_path)
    from importlib import import_module

    import keras

    dense = keras.layers.Dense(CLASSES)
    given = keras.Input((SIZE, SIZE, 1))
    model = keras.Model(given, dense(keras.layers.Flatten()(import_module("doubling").Doubled()(given))))
    model.save(tmp_path / "m.keras")
    named = format_keras.Params(path=str(tmp_path / "m.keras"), output="logits", custom_objects=["doubling:Doubled"])
    with pytest.raises(ModelError, match=r"needs doubling\.Doubled: .*custom_objects"):
        format_keras.load(named.model_copy(update={"custom_objects": []}))
    with pytest.raises(ModelError, match=r"needs code, doubling:Doubled; .*--audit-allow-code"):
        format_keras.load(named)
    images = samples().images
    found = format_keras.load_with_code(named).answers(images)
    kernel, bias = dense.get_weights()
    np.testing.assert_allclose(found, 2 * images.reshape(len(images), -1) @ kernel + bias, atol=1e-5)
    with pytest.raises(ModelError, match=r"`custom_objects: doubling:Halved` can't be imported"):
        format_keras.load_with_code(named.model_copy(update={"custom_objects": ["doubling:Halved"]}))

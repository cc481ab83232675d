"""Keras checkpoints: logits from every form, wrong declarations, and files that can't be opened."""

import numpy as np
import pytest
from scipy.special import softmax

from auditor.classifiers.common import classifier
from auditor.compute.backend import tensorflow
from auditor.models import weights
from auditor.models.keras import Params, load
from auditor.values import Classifier, ModelError
from tests.support import CLASSES, SIZE, conv_model, linear_model, linear_weights, samples


def saved(tmp_path, model, output, name="m.keras") -> Classifier:
    model.save(tmp_path / name)
    return load(Params(path=str(tmp_path / name), output=output))


def expected_logits(images):
    kernel, bias = linear_weights()
    return images.reshape(len(images), -1) @ kernel + bias


def _separate_softmax(kind):
    import keras

    final = keras.layers.Softmax() if kind == "layer" else keras.layers.Activation("softmax")
    inner = linear_model(activation="linear")
    return keras.Sequential([keras.Input((SIZE, SIZE, 1)), *inner.layers, final])


def _hidden_softmax(scale=1.0):
    import keras

    inner = linear_model(scale=scale)
    return keras.Sequential([keras.Input((SIZE, SIZE, 1)), inner, keras.layers.Reshape((CLASSES,))])


FORMS = {
    "dense with softmax": (lambda: linear_model(), "probabilities", "the softmax of the final dense layer"),
    "softmax layer": (lambda: _separate_softmax("layer"), "probabilities", "the final softmax layer"),
    "softmax activation": (lambda: _separate_softmax("activation"), "probabilities", "the final softmax layer"),
    "logits": (lambda: linear_model(activation="linear"), "logits", "the checkpoint's own output"),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("ending", ["keras", "h5"])
def test_every_form_of_one_network_gives_the_same_logits(tmp_path, form, ending):
    make, output, how = FORMS[form]
    classifier = saved(tmp_path, make(), output, f"m.{ending}")
    images = samples().images
    assert classifier.logits_from.startswith(how)
    np.testing.assert_allclose(classifier.predict(images), expected_logits(images), atol=1e-5)
    assert classifier.input_shape == (SIZE, SIZE, 1)
    assert classifier.class_count == CLASSES


def test_a_probability_of_exactly_zero_has_a_finite_logarithm(tmp_path):
    classifier = saved(tmp_path, _hidden_softmax(scale=1000.0), "probabilities")
    logits = classifier.predict(samples().images)
    assert logits.min() < -85
    assert np.isfinite(logits).all()


def test_a_softmax_that_cannot_be_seen_is_inverted(tmp_path):
    classifier = saved(tmp_path, _hidden_softmax(), "probabilities")
    images = samples().images
    assert classifier.logits_from.startswith("the logarithm")
    found, expected = classifier.predict(images), expected_logits(images)
    # Logits are known up to a constant per image.
    np.testing.assert_allclose(
        found - found.mean(axis=1, keepdims=True), expected - expected.mean(axis=1, keepdims=True), atol=1e-4
    )


def test_a_prediction_does_not_depend_on_its_neighbours(tmp_path):
    classifier = saved(tmp_path, conv_model(), "probabilities")
    images = np.concatenate([samples().images] * 5)
    together = classifier.predict(images)
    np.testing.assert_array_equal(together[:1], classifier.predict(images[:1]))
    np.testing.assert_array_equal(together[-7:], classifier.predict(images[-7:]))


def test_layers_and_activations(tmp_path):
    classifier = saved(tmp_path, conv_model(), "probabilities")
    layers = {layer.name: layer for layer in classifier.layers()}
    assert [name for name, layer in layers.items() if layer.is_convolution] == ["first", "second"]
    assert layers["second"].kernel.shape == (3, 3, 4, 5)
    assert layers["second"].activations(samples(2).images).shape == (2, 2, 2, 5)
    assert layers["last"].kernel is None


@pytest.mark.parametrize(
    ("activation", "declared", "told"),
    [("softmax", "logits", "write `output: probabilities`"), ("linear", "probabilities", "write `output: logits`")],
)
def test_a_wrong_declaration_is_caught(tmp_path, activation, declared, told):
    classifier = saved(tmp_path, linear_model(activation), declared)
    with pytest.raises(ModelError, match=told):
        classifier.check_declaration(samples().images)


def test_nan_outputs_are_an_error(tmp_path):
    classifier = saved(tmp_path, linear_model("linear", scale=np.nan), "logits")
    with pytest.raises(ModelError, match=r"NaN or infinity for 60 of 60 images"):
        classifier.predict(samples().images)


def test_files_that_are_no_checkpoint(tmp_path):
    (tmp_path / "text.keras").write_text("I am a text")
    linear_model().save(tmp_path / "whole.keras")
    whole = (tmp_path / "whole.keras").read_bytes()
    (tmp_path / "half.keras").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "text.h5").write_text("I am a text")
    (tmp_path / "empty.keras").write_bytes(b"")
    for name in ("text.keras", "half.keras", "text.h5", "empty.keras"):
        with pytest.raises(ModelError, match=f"{name} can't be opened as a Keras checkpoint"):
            load(Params(path=str(tmp_path / name), output="logits"))


def test_code_in_a_checkpoint_is_refused(tmp_path):
    import keras

    model = keras.Sequential([keras.Input((SIZE, SIZE, 1)), keras.layers.Flatten(), keras.layers.Lambda(lambda x: x)])
    model.save(tmp_path / "code.keras")
    with pytest.raises(ModelError, match=r"code.keras can't be opened"):
        load(Params(path=str(tmp_path / "code.keras"), output="logits"))


def test_models_that_are_no_image_classifier(tmp_path):
    import keras

    films = keras.Sequential([keras.Input((6, 6, 6, 1)), keras.layers.Flatten(), keras.layers.Dense(3)])
    with pytest.raises(ModelError, match=r"one input of shape \(None, H, W, C\)"):
        saved(tmp_path, films, "logits")
    maps = keras.Sequential([keras.Input((SIZE, SIZE, 1)), keras.layers.Conv2D(3, 3)])
    with pytest.raises(ModelError, match="classes ≥ 2"):
        saved(tmp_path, maps, "logits")
    one = keras.Sequential([keras.Input((SIZE, SIZE, 1)), keras.layers.Flatten(), keras.layers.Dense(1)])
    with pytest.raises(ModelError, match="a single unit is `output: sigmoid`"):
        saved(tmp_path, one, "probabilities")


def test_weights_of_a_trained_functional_model_leave_the_optimizer_aside(tmp_path):
    import keras

    given = keras.Input((SIZE, SIZE, 1))
    x = keras.layers.Conv2D(3, 3, activation="relu")(given)
    x = keras.layers.Dropout(0.5)(keras.layers.Flatten()(keras.layers.BatchNormalization()(x)))
    model = keras.Model(given, keras.layers.Dense(CLASSES, activation="softmax")(x))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    images, labels = samples().images, samples().labels
    model.fit(images, labels, verbose=0)
    (tmp_path / "m.json").write_text(model.to_json())
    model.save_weights(tmp_path / "m.weights.h5")
    params = {"architecture": str(tmp_path / "m.json"), "path": str(tmp_path / "m.weights.h5")}
    classifier = weights.load(weights.Params(**params, output="probabilities"))
    assert classifier.logits_from == "the softmax of the final dense layer was taken off"
    expected = np.asarray(model(images, training=False))
    np.testing.assert_allclose(softmax(classifier.predict(images), axis=-1), expected, atol=1e-5)


@pytest.mark.parametrize(("side", "together"), [(28, 200), (32, 200), (64, 50), (224, 16)])
def test_large_images_are_predicted_fewer_at_a_time(side, together):
    tf, seen = tensorflow(), []

    def outputs(images):
        seen.append(images.shape[0])
        return tf.reduce_mean(images, axis=(1, 2))

    made = classifier("means", "logits", (side, side, 3), outputs)
    assert made.predict(np.ones((3, side, side, 3), np.float32)).shape == (3, 3)
    assert seen[-1] == together

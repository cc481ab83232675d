"""An architecture as JSON, and its weights in every kind of file that Keras and TensorFlow write them to."""

import importlib
import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from auditor import catalog
from auditor.compute.backend import tensorflow
from auditor.loading.scanning import scan
from auditor.values import ModelError

OWN, OLDER = "keras", "tf_keras"


def network(keras):
    """Two branches of one shape, whose weights nobody must exchange, and a model among the layers."""
    layers = keras.layers
    given = keras.Input((8, 8, 3))
    x = layers.BatchNormalization()(layers.Conv2D(4, 3, name="first")(given))
    zeta = layers.Conv2D(4, 3, padding="same", name="zeta")(x)
    alpha = layers.Conv2D(4, 3, padding="same", name="alpha")(x)
    inner = keras.Sequential([layers.Input((6, 6, 4)), layers.DepthwiseConv2D(3), layers.Flatten()], name="inner")
    x = inner(layers.Subtract()([zeta, alpha]))
    model = keras.Model(given, layers.Dense(3, name="last")(x))
    random = np.random.default_rng(1)
    for weight in model.weights:
        drawn = random.normal(0, 0.4, weight.shape)
        weight.assign(1 + np.abs(drawn) if "variance" in weight.name else drawn)
    return model


@pytest.fixture(scope="module", params=[OWN, OLDER])
def written(request, tmp_path_factory):
    """A folder with a network's architecture and weights, trained a step; images, and what it says of them."""
    tf = tensorflow()
    keras = pytest.importorskip(request.param)
    folder, model = tmp_path_factory.mktemp(request.param), network(keras)
    images = np.random.default_rng(0).random((5, 8, 8, 3), np.float32)
    (folder / "m.json").write_text(model.to_json())
    model.compile("adam", "mse")
    model.fit(images, np.zeros((5, 3)), verbose=0)
    model.save_weights(str(folder / "m.weights.h5"))
    tf.train.Checkpoint(net=model, adam=model.optimizer).save(str(folder / "both"))
    tf.train.Checkpoint(model).write(str(folder / "alone"))
    paths = ["m.weights.h5", "both-1", "both-1.index", "alone.index"]
    if request.param == OLDER:
        model.save_weights(str(folder / "plain"))
        model.save_weights(str(folder / "m.h5"))
        paths += ["plain", "m.h5"]
    return SimpleNamespace(folder=folder, paths=paths, images=images, logits=model.predict(images, verbose=0))


def opened(folder, path, architecture="m.json"):
    module = catalog.load("models", "weights")
    params = module.Params(path=str(folder / path), architecture=str(folder / architecture), output="logits")
    return module.load(params), params.files_at(folder / path)


def test_weights_answer_as_the_network_did_that_saved_them(written):
    for path in written.paths:
        model, files = opened(written.folder, path)
        np.testing.assert_allclose(model.answers(written.images), written.logits, rtol=1e-5, atol=1e-5, err_msg=path)
        begins = path.removesuffix(".index")
        expected = [f"{begins}.index", f"{begins}.data-00000-of-00001"] if "." not in begins else [path]
        assert [file.name for file in files] == expected  # what is hashed, and scanned
    assert not scan({file.name: file for file in written.folder.iterdir() if file.name != "checkpoint"})


def test_weights_of_layers_that_are_called_otherwise_are_given_to_none(written):
    told = json.loads((written.folder / "m.json").read_text().replace('"zeta"', '"omega"'))
    (written.folder / "other.json").write_text(json.dumps(told))
    with pytest.raises(ModelError, match=r"both-1.index doesn't fit other.json: no weight is called omega/kernel"):
        opened(written.folder, "both-1", "other.json")


def test_a_checkpoint_without_its_data_and_one_of_a_graph(written, tmp_path):
    (tmp_path / "m.json").write_text((written.folder / "m.json").read_text())
    (tmp_path / "a.index").write_bytes((written.folder / "alone.index").read_bytes())
    with pytest.raises(ModelError, match=r"a.index is the index of a checkpoint, whose data \(`.data-…`\) aren't"):
        opened(tmp_path, "a")
    tf1 = tensorflow().compat.v1
    with tf1.Graph().as_default(), tf1.Session() as session:
        session.run(tf1.Variable(1.0, name="v").initializer)
        tf1.train.Saver().save(session, str(tmp_path / "old"), write_meta_graph=False)
    with pytest.raises(ModelError, match=r"checkpoint of TensorFlow 1, .*`format: tf1_checkpoint`"):
        opened(tmp_path, "old")


def test_variables_of_one_name_are_not_guessed_between(tmp_path):
    tf, keras = tensorflow(), importlib.import_module(OWN)
    model = network(keras)
    Path(tmp_path / "m.json").write_text(model.to_json())
    tf.train.Checkpoint(a=model, b=network(keras)).write(str(tmp_path / "two"))
    with pytest.raises(ModelError, match=r"several of its variables are called .*, so which layer they are of isn't"):
        opened(tmp_path, "two")

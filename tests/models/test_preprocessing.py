"""What stands before a network is part of it: a network made for other pixels gives the same results behind it."""

import json
import shutil
import warnings
from functools import cache

import numpy as np
import pytest
from pydantic import ValidationError
from scipy.special import softmax

from auditor import catalog
from auditor.checks import filters, robust_accuracy
from auditor.classifiers.preparing import prepared
from auditor.classifiers.preprocessing import Preprocessing
from auditor.compute.backend import tensorflow
from auditor.evidence.replay import replay
from auditor.evidence.verification import verify
from auditor.loading.resources import Resources
from auditor.models import keras as keras_format
from auditor.records.store import Folder
from auditor.report.origin import origin
from auditor.spec.plan import make_plan
from auditor.values import ModelError, Samples, SpecError
from tests.models.formats import network, onnx, tf1_checkpoint, torch_network
from tests.support import CLASSES, SIZE, context, samples, save_data, states, write

SHARES = np.array([0.6, 0.3, 0.1], np.float32)  # of the colours in what the colour network sees
MEAN, STD = [120.0, 100.0, 90.0], [60.0, 50.0, 70.0]


def colours(count: int = 60) -> Samples:
    """The tiny images in three channels of different noise."""
    grey = samples(count)
    noise = np.random.default_rng(5).normal(0, 0.05, (*grey.images.shape[:3], 3))
    images = np.clip(grey.images + noise, 0, 1).astype(np.float32)
    return Samples(images, grey.labels, grey.indices, grey.box, grey.classes, "colours", "1" * 64)


def rebuilt(entry, kernel, bias):
    """The tiny network behind other layers: `entry` leads from its input to a tensor (N, 6, 6, C)."""
    tensorflow()
    import keras

    old = network()
    first = keras.layers.Conv2D(8, 3, activation="relu", name="first")
    given = keras.Input(entry[0])
    x = given
    for layer in entry[1:]:
        x = layer(x)
    x = first(x)
    first.set_weights([kernel, bias])
    for layer in old.layers[1:]:
        copy = type(layer).from_config(layer.get_config())
        x = copy(x)
        copy.set_weights(layer.get_weights())
    return keras.Model(given, x)


@cache
def plain(channels: int):
    kernel, bias = network().get_layer("first").get_weights()
    kernel = kernel if channels == 1 else kernel * SHARES[:, None]
    return rebuilt([(SIZE, SIZE, channels)], kernel, bias), kernel, bias


def for_other_pixels(kernel, bias, mean, std, scale):
    """Weights for images (scale · x - mean) / std that answer as the given ones do for x."""
    mean, std = np.asarray(mean)[:, None], np.asarray(std)[:, None]
    return kernel * std / scale, bias + (kernel * mean / scale).sum(axis=(0, 1, 2))


def variants(channels: int):
    """Networks that see other pixels, and what to write in the spec for each."""
    import keras

    _, kernel, bias = plain(channels)
    mean, std = MEAN[:channels], STD[:channels]
    first = (channels, SIZE, SIZE), keras.layers.Permute((2, 3, 1))
    yield {"layout": "nchw"}, rebuilt(first, kernel, bias)
    other = for_other_pixels(kernel, bias, mean, std, 255.0)
    yield {"scale": 255, "mean": mean, "std": std}, rebuilt([(SIZE, SIZE, channels)], *other)
    flat = (SIZE * SIZE * channels,), keras.layers.Reshape((SIZE, SIZE, channels))
    yield {"layout": "flat"}, rebuilt(flat, kernel, bias)
    if channels == 3:
        turned = for_other_pixels(kernel[:, :, ::-1], bias, mean, std, 255.0)
        steps = {"channels": "bgr", "scale": 255, "mean": mean, "std": std, "layout": "nchw"}
        yield steps, rebuilt(first, *turned)


def opened(model, folder, steps, shape):
    model.save(folder / "m.keras")
    base = keras_format.load(keras_format.Params(path=str(folder / "m.keras"), output="probabilities"))
    return prepared("m", base, Preprocessing(**steps) if steps else None, shape, (0.0, 1.0))


def robust(classifier, given):
    params = robust_accuracy.Params(eps=0.18, samples=60, attacks=[{"attack": "apgd", "steps": 15}])
    metrics = robust_accuracy.run(context(classifier, given), params).metrics
    return {name: metrics[name].value for name in ("clean_accuracy", "robust_accuracy")}


@pytest.mark.parametrize("channels", [1, 3])
def test_a_network_for_other_pixels_answers_the_same(tmp_path, channels):
    given = samples() if channels == 1 else colours()
    shape = given.images.shape[1:]
    expected = opened(plain(channels)[0], tmp_path, None, shape).predict(given.images)
    for steps, model in variants(channels):
        classifier = opened(model, tmp_path, steps, shape)
        assert classifier.input_shape == shape
        np.testing.assert_allclose(classifier.predict(given.images), expected, rtol=1e-3, atol=1e-3, err_msg=str(steps))


def test_the_same_robust_accuracy_at_the_same_eps(tmp_path):
    """Of a network for BGR, channels first, 0 to 255 less a mean, and of the same for plain RGB."""
    given, shape = colours(), (SIZE, SIZE, 3)
    expected = robust(opened(plain(3)[0], tmp_path, None, shape), given)
    assert 0.1 < expected["robust_accuracy"] < 0.9 < expected["clean_accuracy"]
    steps, model = list(variants(3))[-1]
    assert robust(opened(model, tmp_path, steps, shape), given) == expected


def test_gradients_go_through(tmp_path):
    tf, given = tensorflow(), colours(10)
    found = []
    for steps, model in (({}, plain(3)[0]), list(variants(3))[-1]):
        classifier, images = opened(model, tmp_path, steps, (SIZE, SIZE, 3)), tf.constant(given.images)
        with tf.GradientTape() as tape:
            tape.watch(images)
            value = classifier.forward(images)[:, 1]
        found.append(tape.gradient(value, images).numpy())
    assert np.abs(found[0]).max() > 0.1
    np.testing.assert_allclose(found[1], found[0], rtol=1e-3, atol=1e-4)


def test_images_of_another_size_and_colour(tmp_path):
    given = samples(20)
    logits = opened(network(), tmp_path, None, (SIZE, SIZE, 1)).predict(given.images)
    larger = given.images.repeat(2, axis=1).repeat(2, axis=2)
    resized = opened(network(), tmp_path, {"resize": [SIZE, SIZE]}, (2 * SIZE, 2 * SIZE, 1))
    np.testing.assert_allclose(resized.predict(larger), logits, rtol=1e-4, atol=1e-4)
    grey = opened(network(), tmp_path, {"channels": "grey"}, (SIZE, SIZE, 3))
    np.testing.assert_allclose(grey.predict(given.images.repeat(3, axis=3)), logits, rtol=1e-4, atol=1e-4)
    for channels in ("rgb", "bgr"):
        coloured = opened(plain(3)[0], tmp_path, {"channels": channels}, (SIZE, SIZE, 1))
        np.testing.assert_allclose(coloured.predict(given.images), logits, rtol=1e-3, atol=1e-3)
    same = opened(plain(3)[0], tmp_path, {"channels": "rgb"}, (SIZE, SIZE, 3)).predict(colours(20).images)
    np.testing.assert_allclose(same, opened(plain(3)[0], tmp_path, None, (SIZE, SIZE, 3)).predict(colours(20).images))


def keras_rows():
    """The network as one that takes rows of numbers."""
    import keras

    _, kernel, bias = plain(1)
    return rebuilt([(SIZE * SIZE,), keras.layers.Reshape((SIZE, SIZE, 1))], kernel, bias)


def rows_of_saved_model(folder):
    keras_rows().export(folder / "exported", verbose=False)
    return {"path": str(folder / "exported")}


def rows_of_tflite(folder):
    pytest.importorskip("ai_edge_litert")
    path = folder / "m.tflite"
    path.write_bytes(tensorflow().lite.TFLiteConverter.from_keras_model(keras_rows()).convert())
    return {"path": str(path)}


def rows_of_onnx(folder):
    params = onnx(folder)
    rows_to_images(folder / "m.onnx")
    return params


def rows_of_torch(folder):
    torch = pytest.importorskip("torch")
    model = torch.nn.Sequential(torch.nn.Unflatten(1, (1, SIZE, SIZE)), torch_network()).eval()
    with warnings.catch_warnings(action="ignore"):  # of TorchScript's end of life
        torch.jit.script(model).save(folder / "m.pt")
    return {"path": str(folder / "m.pt"), "shape": [SIZE * SIZE]}


def rows_of_tf1_checkpoint(folder):
    return {**tf1_checkpoint(folder), "reshape": None}


ROWS = {
    "saved_model": (rows_of_saved_model, True),
    "tf1_checkpoint": (rows_of_tf1_checkpoint, True),
    "torch": (rows_of_torch, True),
    "tflite": (rows_of_tflite, False),
    "onnx": (rows_of_onnx, False),
}


@pytest.mark.parametrize("form", ROWS)
def test_other_formats_that_take_rows(tmp_path, form):
    tf, given, (make, differentiable) = tensorflow(), samples(20), ROWS[form]
    module = catalog.load("models", form)
    base = module.load(module.Params(**{"output": "probabilities", **make(tmp_path)}))
    assert base.input_shape == (1, 1, SIZE * SIZE)
    classifier = prepared("m", base, Preprocessing(layout="flat"), (SIZE, SIZE, 1), (0.0, 1.0))
    expected = np.log(np.asarray(network()(given.images)))
    found = np.log(softmax(classifier.predict(given.images), axis=-1))
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3)
    if differentiable:
        found = []
        for forward in (classifier.forward, lambda images: tf.math.log(network()(images))):
            with tf.GradientTape() as tape:
                images = tf.constant(given.images)
                tape.watch(images)
                value = tf.nn.log_softmax(forward(images))[:, 1]
            found.append(tape.gradient(value, images).numpy())
        assert np.abs(found[1]).max() > 0.1
        np.testing.assert_allclose(found[0], found[1], rtol=1e-3, atol=1e-3)


def test_grey_images_of_torch_without_a_place_for_channels(tmp_path):
    torch = pytest.importorskip("torch")
    model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Unflatten(1, (1, SIZE, SIZE)), torch_network()).eval()
    with warnings.catch_warnings(action="ignore"):  # of TorchScript's end of life
        torch.jit.script(model).save(tmp_path / "m.pt")
    module, given = catalog.load("models", "torch"), samples(20)
    params = module.Params(path=str(tmp_path / "m.pt"), output="probabilities", shape=[SIZE, SIZE])
    found = softmax(module.load(params).predict(given.images), axis=-1)
    np.testing.assert_allclose(np.log(found), np.log(np.asarray(network()(given.images))), rtol=1e-3, atol=1e-3)


def rows_to_images(path):
    """Let a network in ONNX take rows of numbers."""
    import onnx

    model = onnx.load(path)
    shape = onnx.numpy_helper.from_array(np.array([-1, 1, SIZE, SIZE]), "shape")
    model.graph.initializer.append(shape)
    model.graph.node.insert(0, onnx.helper.make_node("Reshape", ["rows", "shape"], ["x"]))
    rows = onnx.helper.make_tensor_value_info("rows", onnx.TensorProto.FLOAT, ["batch", SIZE * SIZE])
    del model.graph.input[:]
    model.graph.input.append(rows)
    onnx.save(model, path)


def test_layers_are_shown_by_name_and_take_samples(tmp_path):
    steps, model = list(variants(3))[-1]
    classifier = opened(model, tmp_path, steps, (SIZE, SIZE, 3))
    evidence = filters.run(context(classifier, colours()), filters.Params(layer="second", steps=3))
    assert evidence.metrics["filters"].value == 6
    assert evidence.arrays["images"].shape[1:] == (SIZE, SIZE, 3)


def test_a_prediction_does_not_depend_on_its_neighbours(tmp_path):
    steps, model = list(variants(3))[-1]
    classifier, images = opened(model, tmp_path, steps, (SIZE, SIZE, 3)), colours(60).images
    together = classifier.predict(np.concatenate([images] * 4))
    np.testing.assert_array_equal(together[-7:], classifier.predict(images[-7:]))


@pytest.mark.parametrize(
    ("steps", "shape", "told"),
    [
        ({"layout": "nchw"}, (6, 6, 1), "makes 1 × 6 × 6 of the data's 6 × 6 × 1, but the checkpoint takes 6 × 6 × 1"),
        ({"layout": "flat"}, (6, 6, 1), "makes 1 × 1 × 36 of the data's 6 × 6 × 1"),
        ({"resize": [7, 6]}, (9, 9, 1), "makes 7 × 6 × 1 of the data's 9 × 9 × 1"),
        ({"channels": "bgr"}, (6, 6, 1), "makes 6 × 6 × 3 of the data's 6 × 6 × 1"),
        ({"channels": "grey"}, (6, 6, 2), "takes images of 1 or 3 channels, but the data has 6 × 6 × 2"),
        ({"mean": [1, 2, 3]}, (6, 6, 1), "`mean` holds 3 numbers, one a channel, but its images have 1"),
        ({"std": [1, 2]}, (6, 6, 1), "`std` holds 2 numbers"),
    ],
)
def test_shapes_that_do_not_fit_are_told(tmp_path, steps, shape, told):
    with pytest.raises(ModelError, match=told):
        opened(network(), tmp_path, steps, shape)


def test_lengths_that_contradict_each_other_are_mistakes_of_the_spec():
    with pytest.raises(ValidationError, match="`mean` 3, `std` 1"):
        Preprocessing(mean=[1.0, 2.0, 3.0], std=[1.0])
    with pytest.raises(ValidationError, match="`mean` 1, `channels: rgb` 3"):
        Preprocessing(mean=[1.0], channels="rgb")


# --- in specs

SPEC = """\
audit: prepared
models:
  release: {format: keras, path: first.keras, output: probabilities, preprocessing: PREPROCESSING, trusted: true}
  plain: {format: keras, path: plain.keras, output: probabilities, trusted: true}
data: {dataset: npz, path: data.npz}
checks:
  - id: holds
    check: robust_accuracy
    params: {eps: 46/255, full_length: true, attacks: [{attack: apgd, steps: 10}]}
  - id: holds-plain
    check: robust_accuracy
    model: plain
    params: {eps: 46/255, attacks: [{attack: apgd, steps: 10}]}
  - {id: onto, check: transfer, params: {adversarial: holds, onto: [plain]}}
"""
STEPS = "{scale: 255, mean: [120], std: [60]}"


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("prepared")
    network().save(folder / "plain.keras")
    _, kernel, bias = plain(1)
    other = for_other_pixels(kernel, bias, MEAN[:1], STD[:1], 255.0)
    rebuilt([(SIZE, SIZE, 1)], *other).save(folder / "first.keras")
    save_data(folder)
    return folder


def test_a_record_says_what_stood_before_the_network_and_can_be_verified(written, pytester, monkeypatch):
    shutil.copytree(written, pytester.path, dirs_exist_ok=True)
    monkeypatch.chdir(pytester.path)
    path = write(pytester, SPEC.replace("PREPROCESSING", STEPS), "prepared")
    pytester.runpytest_inprocess()
    folder = Folder(pytester.path / "reports" / "prepared")
    run = folder.load_run()
    assert set(states(run).values()) == {"descriptive"}
    values = {case: record.evidence.metrics for case, record in run.records.items()}
    robust = [values[case]["robust_accuracy"].value for case in ("holds", "holds-plain")]
    assert robust[0] == pytest.approx(robust[1], abs=0.05)  # each case has a start of its own
    assert 0.1 < robust[0] < 0.9
    told = run.records["holds"].provenance["models"]["release"]["params"]["preprocessing"]
    assert (told["scale"], told["mean"], told["std"]) == (255, [120], [60])
    assert "multiplied by 255, less 120, divided by 60" in origin(run).models[0].logits
    assert all(finding.ok for finding in verify(folder.path))
    fooled = run.records["holds"].evidence.adversarial
    again = replay(folder, "holds", int(fooled.indices[fooled.fooled][0]))
    assert again.fooled == (True, True)
    path.write_text(SPEC.replace("PREPROCESSING", STEPS.replace("60", "61")))
    wrong = {(finding.of, finding.what) for finding in verify(folder.path) if not finding.ok}
    assert {("holds", "checkpoint"), ("holds", "logits")} <= wrong
    assert not any(of == "holds-plain" for of, _ in wrong)


@pytest.mark.parametrize(
    ("steps", "told"),
    [
        ("{std: [0]}", "item 1 of `models.release.preprocessing.std` should be above 0, got 0"),
        ("{mean: [1, 2], std: [1]}", "`mean` 2, `std` 1"),
        ("{channels: rbg}", "did you mean 'rgb'"),
        ("{scales: 2}", "unknown key 'scales'; did you mean 'scale'"),
        ("{resize: [28]}", "`models.release.preprocessing.resize` should have 2 or more entries"),
    ],
)
def test_a_mistake_in_a_spec_has_its_place(written, tmp_path, steps, told):
    shutil.copytree(written, tmp_path, dirs_exist_ok=True)
    path = tmp_path / "one.audit.yaml"
    path.write_text(SPEC.replace("PREPROCESSING", steps))
    with pytest.raises(SpecError) as caught:
        make_plan(path)
    assert told in str(caught.value)
    assert ":3:" in str(caught.value)


def test_data_of_another_shape_names_the_way_out(written, tmp_path):
    shutil.copytree(written, tmp_path, dirs_exist_ok=True)
    images = np.zeros((2 * CLASSES, 8, 8, 1), np.float32)
    np.savez(tmp_path / "data.npz", images=images, labels=np.arange(2 * CLASSES) % CLASSES)
    path = tmp_path / "one.audit.yaml"
    path.write_text(SPEC.replace("PREPROCESSING", STEPS))
    plan = make_plan(path)
    with pytest.raises(ModelError, match="takes images of 6 × 6 × 1, but npz has 8 × 8 × 1; `preprocessing`"):
        Resources().classifier(plan, "plain")
    assert json.loads(plan.models["release"].params.model_dump_json())["preprocessing"]["scale"] == 255

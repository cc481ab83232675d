"""`auditor init` and models of which a spec has to name a part: it asks which, and says what there is."""

from pathlib import Path

import numpy as np
import pytest
import yaml
from click.testing import CliRunner

from auditor.cli.main import main
from auditor.compute.backend import tensorflow
from auditor.loading import resources
from auditor.models import tflite
from auditor.values import ChoiceError
from tests.models import formats as forms
from tests.starting.test_init import write_numbers
from tests.support import CLASSES, samples


def _several():
    """Four numbers that are no scores, scores of each class as those of the next, and scores."""
    tensorflow()
    import keras

    network = forms.network()
    scores = network.outputs[0]
    boxes, turned = keras.layers.Dense(4, name="boxes"), keras.layers.Dense(CLASSES, name="turned")
    model = keras.Model(network.inputs, {"boxes": boxes(scores), "turned": turned(scores), "kinds": scores})
    turned.set_weights([np.roll(np.eye(CLASSES), 1, axis=1), np.zeros(CLASSES)])
    return model


def _keras(folder):
    _several().save(folder / "several.keras")


def _saved_model(folder):
    """Without the signature that is usual, and with one that gives no scores."""
    tf, module = tensorflow(), tensorflow().Module()
    module.network = _several()
    spec = [tf.TensorSpec((None, *forms.SHAPE), tf.float32, "pixels")]
    named = {
        "predict": tf.function(lambda pixels: {"kinds": module.network(pixels)["kinds"]}, input_signature=spec),
        "means": tf.function(lambda pixels: {"mean": tf.reduce_mean(pixels)}, input_signature=spec),
    }
    tf.saved_model.save(module, folder / "signed", signatures=named)
    module = tf.Module()
    module.network = _several()
    served = tf.function(lambda pixels: module.network(pixels), input_signature=spec)
    tf.saved_model.save(module, folder / "served", signatures={"serving_default": served, "means": named["means"]})


def _onnx(folder):
    onnx = pytest.importorskip("onnx")
    model = onnx.load(forms.onnx_one(folder)["path"])
    model.graph.output.append(onnx.helper.make_tensor_value_info("g", onnx.TensorProto.FLOAT, [1, CLASSES]))
    model.graph.output.append(onnx.helper.make_tensor_value_info("a", onnx.TensorProto.FLOAT, [1, 8, 4, 4]))
    onnx.save(model, folder / "m.onnx")


def _tflite(folder):
    pytest.importorskip("ai_edge_litert")
    converter = tensorflow().lite.TFLiteConverter.from_keras_model(_several())
    (folder / "m.tflite").write_bytes(converter.convert())


WRITTEN = {
    "several.keras": (_keras, {"output_name": "kinds"}, "of 150 images, these are right by `kinds` 150, `turned` "),
    "signed": (_saved_model, {"signature": "predict"}, "which `signature` is meant? predict (assumed)"),
    "served": (_saved_model, {"signature": "serving_default", "output_name": "kinds"}, "`means`, `serving_default`"),
    "m.onnx": (_onnx, {"output_name": "y"}, "whether the output `y` is meant, or `g`"),
    "m.tflite": (_tflite, {"output_name": "kinds"}, "`boxes` (4), `kinds` (3), `turned` (3)"),
}


@pytest.fixture(scope="module")
def begun(tmp_path_factory):
    """What `init` said of each of them, and where it wrote specs."""
    folder, prober, said = tmp_path_factory.mktemp("choices"), resources.Prober(), {}
    write_numbers(folder)
    for write in dict.fromkeys(one[0] for one in WRITTEN.values()):
        write(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(resources, "Prober", lambda *_: prober)
        for name in WRITTEN:
            said[name] = CliRunner().invoke(main, ["init", name, "data.npz", "--yes", "--output", f"{name}.audit.yaml"])
    return folder, said


@pytest.mark.parametrize("name", WRITTEN)
def test_the_part_that_gives_scores_is_named(begun, name):
    folder, said = begun
    assert said[name].exit_code == 0, said[name].output
    wanted, told = WRITTEN[name][1:]
    assert told in " ".join(said[name].output.split())
    assert "(assumed)" in said[name].output
    entry = yaml.safe_load(Path(folder / f"{name}.audit.yaml").read_text())["models"]["release"]
    assert {key: entry.get(key) for key in wanted} == wanted
    assert "150 of 150 images are right" in said[name].output


def test_what_another_process_tells_of_a_choice_is_all_that_there_is(begun):
    """Names and shapes, as data: nobody has to read them off a sentence."""
    folder, _ = begun
    with pytest.raises(ChoiceError) as raised:
        tflite.load(tflite.Params(path=str(folder / "m.tflite"), output="scores"))
    assert raised.value.parameter == "output_name"
    assert raised.value.among == {"boxes": (None, 4), "kinds": (None, CLASSES), "turned": (None, CLASSES)}
    classifier = tflite.load(tflite.Params(path=str(folder / "m.tflite"), output="scores", output_name="kinds"))
    images = samples(20).images
    np.testing.assert_allclose(classifier.answers(images), np.asarray(forms.network()(images)), atol=1e-5)

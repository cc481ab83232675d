"""TensorFlow Lite files of whole numbers, outside too, held against plain calls of the interpreter."""

from functools import cache

import numpy as np
import pytest

from auditor.checks import robust_accuracy
from auditor.classifiers.preparing import prepared
from auditor.classifiers.preprocessing import Preprocessing
from auditor.compute.backend import tensorflow
from auditor.loading.fitting import check_fit
from auditor.models import tflite
from auditor.values import ModelError
from tests.support import SIZE, context, linear_model, samples

SHAPE = (SIZE, SIZE, 1)


@cache
def quantised(kind: str, reach: float = 1.0) -> bytes:
    """A linear softmax, all of it in 8 bits, with images up to `reach`; kind: what it takes and gives."""
    pytest.importorskip("ai_edge_litert")
    tf = tensorflow()
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    images = reach * samples(30).images / samples(30).images.max()
    model = linear_model(scale=2.0 / reach)
    concrete = tf.function(lambda x: model(x)).get_concrete_function(tf.TensorSpec((None, *SHAPE)))
    converter = tf.lite.TFLiteConverter.from_concrete_functions([convert_variables_to_constants_v2(concrete)])
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([image[None]] for image in images)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.as_dtype(kind)
    return converter.convert()


def plain(content, images):
    """As Google's documentation calls one: image by image, quantised by hand."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=content)
    interpreter.allocate_tensors()
    [source], [target] = interpreter.get_input_details(), interpreter.get_output_details()
    (step, zero), (unit, nothing) = source["quantization"], target["quantization"]
    assert step, unit
    bounds, rows = np.iinfo(source["dtype"]), []
    for image in images:
        levels = np.round(image.astype(np.float64) / step) + zero
        interpreter.set_tensor(source["index"], np.clip(levels, bounds.min, bounds.max).astype(source["dtype"])[None])
        interpreter.invoke()
        rows.append((interpreter.get_tensor(target["index"])[0].astype(np.float64) - nothing) * unit)
    return np.array(rows)


def opened(folder, content):
    (folder / "m.tflite").write_bytes(content)
    return tflite.load(tflite.Params(path=str(folder / "m.tflite"), output="probabilities"))


@pytest.mark.parametrize("kind", ["int8", "uint8"])
def test_images_are_quantised_and_scores_brought_back(tmp_path, kind):
    content, given = quantised(kind), samples(40)
    classifier = opened(tmp_path, content)
    check_fit("m", classifier, given)
    # Between levels and beyond the box, where it has to round and to cut off.
    for images in (given.images, np.linspace(-0.5, 1.5, 40 * 36, dtype=np.float32).reshape(40, *SHAPE)):
        expected = plain(content, images)
        np.testing.assert_allclose(classifier.answers(images), expected, atol=1e-6)
        np.testing.assert_array_equal(classifier.predict(images).argmax(axis=1), expected.argmax(axis=1))
    square = robust_accuracy.Params(eps=0.3, samples=10, attacks=[{"attack": "square", "steps": 20}])
    found = robust_accuracy.run(context(classifier, given), square).adversarial
    assert found.fooled.any()
    again = plain(content, found.images).argmax(axis=1)
    np.testing.assert_array_equal(again[found.fooled] != found.labels[found.fooled], True)


def test_pixels_reach_a_network_of_bytes_as_they_are(tmp_path):
    """Made for 0 to 255, its step is about 1: given 8-bit values times 1/255, `scale: 255` makes bytes of them."""
    content = quantised("uint8", 255.0)
    levels = np.random.default_rng(0).integers(0, 256, (8, *SHAPE)).astype(np.uint8)
    classifier = prepared("m", opened(tmp_path, content), Preprocessing(scale=255), SHAPE, (0.0, 1.0))
    expected = plain(content, levels)
    np.testing.assert_allclose(classifier.answers(levels / np.float32(255)), expected, atol=1e-6)


@pytest.mark.parametrize(
    ("reach", "scale", "told"),
    [
        (
            255.0,
            1,
            r"takes whole numbers, but is given values from 0.00\d+ to 1, .* `preprocessing: \{scale: 255\}`",
        ),
        (1.0, 255, r"takes values from 0 to 1, in steps of 0.0039\d, .* of which [3-9]\d\.\d% are cut off; .*1/255"),
    ],
)
def test_images_of_another_range_are_refused(tmp_path, reach, scale, told):
    base = opened(tmp_path, quantised("uint8", reach))
    classifier = prepared("m", base, Preprocessing(scale=scale) if scale != 1 else None, SHAPE, (0.0, 1.0))
    with pytest.raises(ModelError, match=told):
        check_fit("m", classifier, samples(20))

"""Data that a network can't take as it is: what is said tells what to write, and writing it makes it right."""

import numpy as np
import pytest

from auditor.classifiers.plain_preprocessing import plainly_prepared
from auditor.classifiers.preparing import prepared
from auditor.classifiers.preprocessing import Preprocessing
from auditor.loading.fitting import check_fit, probes
from auditor.values import ModelError
from tests.models import formats
from tests.models.formats import opened
from tests.support import CLASSES, SIZE, LinearClassifier, linear_weights, samples

STEPS = [
    {},
    {"scale": 255, "mean": 127.5, "std": 127.5},
    {"scale": 255, "mean": [104.0, 117.0, 123.0], "channels": "bgr"},
    {"channels": "grey", "std": 0.3},
    {"resize": [9, 4], "layout": "nchw"},
    {"resize": [3, 8], "mean": 0.5, "layout": "flat"},
    {"resize": {"size": 5, "method": "bicubic", "keep_aspect": True}, "center_crop": [4, 5], "preset": "imagenet-tf"},
    {"resize": {"size": 9, "method": "bicubic", "antialias": False}, "preset": "imagenet-caffe"},
]


@pytest.mark.parametrize("steps", STEPS, ids=str)
@pytest.mark.parametrize("channels", [1, 3])
def test_both_ways_to_prepare_images_agree(steps, channels):
    """One in TensorFlow for attacks, one in NumPy for the checkpoint's own call."""
    if channels == 1 and isinstance(steps.get("mean"), list) and "channels" not in steps:
        pytest.skip("three numbers for one channel")
    given, wanted = np.random.default_rng(0).random((5, 7, 6, channels), np.float32), Preprocessing(**steps)
    plain = plainly_prepared(given, wanted.within((0.0, 1.0), "m"), (0.0, 1.0))
    taker = LinearClassifier(*linear_weights(), input_shape=plain.shape[1:])
    other = np.asarray(prepared("m", taker, wanted, (7, 6, channels), (0.0, 1.0)).prepare(given))
    assert other.shape == plain.shape
    np.testing.assert_allclose(plain, other, rtol=1e-5, atol=1e-4)


def test_one_number_stands_for_all_channels():
    images = np.random.default_rng(0).random((5, 4, 4, 3), np.float32)
    one, each = (
        Preprocessing(scale=255, mean=127.5, std=64.0),
        Preprocessing(scale=255, mean=[127.5] * 3, std=[64.0] * 3),
    )
    np.testing.assert_array_equal(plainly_prepared(images, one, (0.0, 1.0)), plainly_prepared(images, each, (0.0, 1.0)))
    np.testing.assert_allclose(
        plainly_prepared(images, one, (0.0, 1.0)), (images * 255 - 127.5) / 64, rtol=1e-5, atol=1e-5
    )
    assert str(one) == "multiplied by 255, less 127.5, divided by 64"
    again = Preprocessing.model_validate_json(one.model_dump_json())
    assert again == one
    taker = LinearClassifier(*linear_weights(), input_shape=(4, 4, 3))
    with pytest.raises(ModelError, match="`mean` holds 1 numbers, one a channel, but its images have 3"):
        prepared("m", taker, Preprocessing(mean=[127.5]), (4, 4, 3), (0.0, 1.0))


def channels_first(folder):
    import keras

    given = keras.Input((1, SIZE, SIZE))
    last = keras.layers.Dense(CLASSES, activation="softmax")(keras.layers.Flatten()(given))
    keras.Model(given, last).save(folder / "m.keras")
    return {"path": str(folder / "m.keras")}


def test_channels_at_the_other_end_are_found_or_told_with_what_to_write(tmp_path):
    given = samples()
    network = opened("keras", channels_first(tmp_path))
    with pytest.raises(ModelError, match=r"its channels come first, which `preprocessing: \{layout: nchw\}` sees to"):
        check_fit("m", network, given)
    with pytest.raises(ModelError, match=r"its channels come first, which `preprocessing: \{layout: nchw\}` sees to"):
        prepared("m", network, Preprocessing(scale=2.0, layout="nhwc"), (SIZE, SIZE, 1), (0.0, 1.0))
    for steps in (None, Preprocessing(scale=2.0), Preprocessing(layout="nchw")):
        made = prepared("m", network, steps, (SIZE, SIZE, 1), (0.0, 1.0))
        check_fit("m", made, given)
        assert made.logits_from.endswith("laid out nchw") is (steps == Preprocessing(layout="nchw"))
    # Rows of colours, whose order of channels no shape tells.
    rows = prepared("m", LinearClassifier(*linear_weights(), input_shape=(1, 1, 36)), None, (3, 4, 3), (0.0, 1.0))
    wide = type(given)(**{**given.__dict__, "images": np.zeros((len(given), 3, 4, 3), np.float32)})
    with pytest.raises(ModelError, match="makes rows of them"):
        check_fit("m", rows, wide)

    last = opened("keras", formats.keras(tmp_path))
    with pytest.raises(ModelError, match=r"its channels come last, so `layout: nchw` is too much"):
        prepared("m", last, Preprocessing(layout="nchw"), (SIZE, SIZE, 1), (0.0, 1.0))


@pytest.mark.parametrize(("written", "read"), [("NHWC", "NCHW"), ("NCHW", "NHWC")])
def test_an_onnx_file_that_is_read_the_wrong_way_round_says_which_is_right(tmp_path, written, read):
    params = formats.onnx(tmp_path, layout=written)
    with pytest.raises(ModelError, match=f"write `layout: {written}`"):
        check_fit("m", opened("onnx", {**params, "layout": read}), samples(), read)
    check_fit("m", opened("onnx", params), samples(), written)


def test_a_declaration_is_tried_in_blocks_and_on_noise_too(monkeypatch):
    """Sharp sigmoids sum to 1 on images that they know; of 32 large images no more than 16 are held at once."""
    from auditor.classifiers.common import classifier

    asked = []

    def own(images):
        asked.append(len(images))
        return np.full((len(images), CLASSES), 1 / CLASSES, np.float32)

    made = classifier("m", "probabilities", (224, 224, 3), lambda images: own(images), own=own)
    asked.clear()
    given = samples(40)
    large = np.zeros((40, 224, 224, 3), np.float32)
    check_fit("m", made, type(given)(**{**given.__dict__, "images": large}))
    assert asked == [16, 16]
    images = probes(given)
    np.testing.assert_array_equal(images[:16], given.images[:16])
    assert len(images) == 32
    assert images[16:].std() > 0.25
    assert ((images >= 0) & (images <= 1)).all()

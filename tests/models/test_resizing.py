"""What is done to images before a network sees them is what its framework does, to 1/255, on photographs."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydantic import ValidationError

from auditor.classifiers.plain_preprocessing import plainly_prepared
from auditor.classifiers.preparing import prepared
from auditor.classifiers.preprocessing import Preprocessing
from auditor.compute.backend import tensorflow
from auditor.datasets import image_folder
from auditor.reading import packaged
from auditor.spec.plan import make_plan
from auditor.values import DataError, ModelError, SpecError
from tests.support import LinearClassifier, linear_model, linear_weights

SHADE = 1 / 255
WAYS = [(method, antialias) for method in ("bilinear", "bicubic") for antialias in (True, False)]
CLIP = ([0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711])


@pytest.fixture(scope="module")
def photographs() -> list[Image.Image]:
    """One lies, one stands: 160 × 120 and 100 × 151 pixels."""
    pytest.importorskip("sklearn")
    china, flower = (Image.open(path) for path in packaged("sklearn", *(f"datasets/images/{n}.jpg" for n in NAMES)))
    return [china.crop((200, 100, 360, 220)), flower.crop((200, 60, 300, 211))]


NAMES = ("china", "flower")


def both_ways(steps: Preprocessing, images: np.ndarray, box: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
    """What an attack sees, and what the checkpoint's own call is given."""
    plain = plainly_prepared(images, steps.within(box, "m"), box)
    taker = LinearClassifier(*linear_weights(), input_shape=plain.shape[1:])
    return np.asarray(prepared("m", taker, steps, images.shape[1:], box).prepare(images)), plain


def pixels(photograph: Image.Image) -> np.ndarray:
    return (np.asarray(photograph, np.float32) / 255)[np.newaxis]


def by_pillow(photograph: Image.Image, method: str) -> np.ndarray:
    """As torchvision does with pictures: `Resize(48)`, `CenterCrop((40, 45))`; both by Pillow."""
    width, height = photograph.size
    size = (int(48 * width / height), 48) if height < width else (48, int(48 * height / width))
    small = photograph.resize(size, getattr(Image.Resampling, method.upper()))
    left, top = round((size[0] - 45) / 2), round((size[1] - 40) / 2)
    return np.asarray(small.crop((left, top, left + 45, top + 40)), np.float64) / 255


@pytest.mark.parametrize("method", ["bilinear", "bicubic"])
def test_a_shorter_side_and_the_middle_are_those_of_pillow_and_torchvision(photographs, method, tmp_path):
    way = {"size": 48, "method": method, "keep_aspect": True}
    for number, photograph in enumerate(photographs):
        wanted = by_pillow(photograph, method)
        found = both_ways(Preprocessing(resize=way, center_crop=[40, 45]), pixels(photograph), (0.0, 1.0))
        for made in found:
            assert np.abs(made[0] - wanted).max() <= SHADE
        (tmp_path / "all").mkdir(exist_ok=True)
        photograph.save(tmp_path / "all" / f"{number}.png")
    samples = image_folder.load(image_folder.Params(path=str(tmp_path), resize=way, center_crop=[40, 45]))
    for number, photograph in enumerate(photographs):  # of data Pillow makes them itself
        np.testing.assert_allclose(samples.images[number], by_pillow(photograph, method), atol=1e-6)


BY_TORCHVISION = """
import numpy, PIL.Image
from torchvision import transforms
mode = transforms.InterpolationMode("{method}")
steps = [transforms.Resize(48, mode), transforms.CenterCrop(45), transforms.ToTensor()]
whole = transforms.Compose([*steps, transforms.Normalize({mean}, {std})])
for number in range(2):
    numpy.save(f"{{number}}.npy", whole(PIL.Image.open(f"{{number}}.png")).numpy())
"""


@pytest.mark.parametrize("method", ["bilinear", "bicubic"])
def test_torchvision_itself(photographs, method, tmp_path):
    if find_spec("torchvision") is None:
        pytest.skip("torchvision isn't installed")
    for number, photograph in enumerate(photographs):
        photograph.save(tmp_path / f"{number}.png")
    program = BY_TORCHVISION.format(method=method, mean=CLIP[0], std=CLIP[1])
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True)  # beside TensorFlow it may crash
    asked = Preprocessing(
        preset="clip", resize={"size": 48, "method": method, "keep_aspect": True}, center_crop=45, layout="nchw"
    )
    for number, photograph in enumerate(photographs):
        wanted = np.load(tmp_path / f"{number}.npy")
        for made in both_ways(asked, pixels(photograph), (0.0, 1.0)):
            assert (np.abs(made[0] - wanted).max(axis=(1, 2)) <= SHADE / np.array(CLIP[1])).all()


@pytest.mark.parametrize(("method", "antialias"), WAYS)
def test_resizing_is_that_of_keras(photographs, method, antialias, tmp_path):
    tensorflow()
    import keras

    photograph = photographs[0]
    layer = keras.layers.Resizing(50, 44, interpolation=method, antialias=antialias, data_format="channels_last")
    wanted = np.clip(np.asarray(layer(pixels(photograph))), 0, 1)
    way = {"size": [50, 44], "method": method, "antialias": antialias}
    for made in both_ways(Preprocessing(resize=way), pixels(photograph), (0.0, 1.0)):
        assert _alike(made, wanted, method, antialias)
    (tmp_path / "all").mkdir()
    photograph.save(tmp_path / "all" / "0.png")
    samples = image_folder.load(image_folder.Params(path=str(tmp_path), resize=way))
    assert _alike(samples.images, wanted, method, antialias)
    if (method, antialias) == ("bilinear", False):
        made = keras.utils.image_dataset_from_directory(tmp_path, image_size=(50, 44), batch_size=1, verbose=False)
        [(given, _)] = list(made.as_numpy_iterator())
        np.testing.assert_allclose(samples.images * 255, given, atol=0.01)
        both = both_ways(Preprocessing(resize=[50, 44]), pixels(photograph), (0.0, 1.0))
        assert all(np.abs(one * 255 - given).max() < 0.01 for one in both), "a list alone is Keras' own way"


def _alike(made, wanted, method, antialias):
    """Within a shade; but for one value in a thousand where Pillow cuts off what Keras lets pass between two steps."""
    apart = np.abs(made - wanted)
    return (apart <= SHADE).mean() > 0.999 if (method, antialias) == ("bicubic", True) else apart.max() <= SHADE


@pytest.mark.parametrize("box", [(0.0, 1.0), (0.0, 255.0), (-1.0, 1.0)])
def test_presets_are_those_of_keras_and_of_clip(photographs, box):
    tensorflow()
    import keras

    apps, whole = keras.applications, np.asarray(photographs[1], np.float32)[np.newaxis]
    wanted = {
        "imagenet-torch": apps.densenet.preprocess_input(whole.copy(), data_format="channels_last"),
        "imagenet-caffe": apps.resnet50.preprocess_input(whole.copy(), data_format="channels_last"),
        "imagenet-tf": apps.inception_v3.preprocess_input(whole.copy(), data_format="channels_last"),
        "mobilenet": apps.mobilenet_v2.preprocess_input(whole.copy(), data_format="channels_last"),
        "clip": (whole / 255 - CLIP[0]) / CLIP[1],
    }
    for name, expected in wanted.items():
        images = (box[0] + whole / 255 * (box[1] - box[0])).astype(np.float32)
        for made in both_ways(Preprocessing(preset=name), images, box):
            np.testing.assert_allclose(made, expected, rtol=1e-4, atol=1e-3 if name == "imagenet-caffe" else 1e-5)
    grey = both_ways(Preprocessing(preset="imagenet-tf"), np.full((1, 4, 4, 1), box[1], np.float32), box)
    assert all((made == 1).all() and made.shape == (1, 4, 4, 3) for made in grey)


def test_what_is_done_is_told_in_the_order_in_which_it_is_done():
    way = {"size": 256, "method": "bicubic", "keep_aspect": True}
    steps = Preprocessing(preset="clip", resize=way, center_crop=224, layout="nchw")
    told = (
        "resized to 256 on the shorter side (bicubic, with anti-aliasing), cut to the middle 224 × 224, made rgb, less"
    )
    assert str(steps.within((0.0, 1.0), "m")).startswith(told)
    assert Preprocessing.model_validate_json(steps.model_dump_json()) == steps
    assert not {"preset", "center_crop"} & Preprocessing(scale=2.0).model_dump().keys(), "as in records of before"


def test_what_cannot_be_meant_is_refused():
    with pytest.raises(
        ValidationError, match="says what pixels are made into already; leave out `scale` and `mean`, or it"
    ):
        Preprocessing(preset="clip", mean=0.5, scale=2.0)
    with pytest.raises(ValidationError, match="`size` is one number: the length of the shorter side"):
        Preprocessing(resize={"size": [3, 4], "keep_aspect": True})
    taker = LinearClassifier(*linear_weights(), input_shape=(9, 9, 1))
    steps = Preprocessing(resize={"size": 8, "keep_aspect": True}, center_crop=9)
    with pytest.raises(ModelError, match=r"cuts 9 × 9 out of 8 × 12, which is smaller \(the data: 16 × 24 × 1\)"):
        prepared("m", taker, steps, (16, 24, 1), (0.0, 1.0))
    with pytest.raises(ModelError, match=r"known for samples in .* but these are in \[0, 2\]; write `scale`"):
        prepared("m", taker, Preprocessing(preset="clip"), (9, 9, 3), (0.0, 2.0))


def test_pictures_that_are_too_small_or_differ_are_told(photographs, tmp_path):
    for number, photograph in enumerate(photographs):
        (tmp_path / "all").mkdir(exist_ok=True)
        photograph.save(tmp_path / "all" / f"{number}.png")
    with pytest.raises(DataError, match=r"0\.png: `center_crop` cuts 130 × 130 out of 120 × 160, which is smaller"):
        image_folder.load(image_folder.Params(path=str(tmp_path), center_crop=130))
    with pytest.raises(DataError, match=r"set `resize: \[height, width\]` and `center_crop`"):
        image_folder.load(image_folder.Params(path=str(tmp_path), resize={"size": 50, "keep_aspect": True}))
    assert image_folder.load(image_folder.Params(path=str(tmp_path), center_crop=90)).images.shape == (2, 90, 90, 3)


SPEC = """\
audit: twice
models:
  m:
    format: keras
    path: m.keras
    output: probabilities
    preprocessing:
      resize: MODEL
data: {dataset: image_folder, path: images, channels: 1, resize: DATA}
checks: [{id: right, check: accuracy}]
"""


@pytest.mark.parametrize(
    ("model", "data", "told"),
    [
        ("[6, 6]", "[6, 6]", "one.audit.yaml:8:7: images would be resized twice, by `data` (line 9) and here"),
        ("{sise: 6}", "[6, 6]", "unknown key 'sise'; did you mean 'size'?"),
        ("{size: 0}", "[6, 6]", "`models.m.preprocessing.resize.size` should be at least 1, got 0"),
        (
            "[6, 6]",
            "{size: 6, method: cubic}",
            "should be 'bilinear' or 'bicubic', got 'cubic'; did you mean 'bicubic'",
        ),
        ("[6]", "[6, 6]", "`models.m.preprocessing.resize` should have 2 or more entries"),
    ],
)
def test_mistakes_in_a_spec(tmp_path: Path, model, data, told):
    linear_model().save(tmp_path / "m.keras")
    (tmp_path / "images").mkdir()
    path = tmp_path / "one.audit.yaml"
    path.write_text(SPEC.replace("MODEL", model).replace("DATA", data))
    with pytest.raises(SpecError) as caught:
        make_plan(path)
    assert told in str(caught.value)

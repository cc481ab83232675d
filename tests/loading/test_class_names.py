"""Names of classes that a model comes with: read as people write them, held against those of the data."""

import json
import zipfile
from dataclasses import replace

import numpy as np
import pytest

from auditor.loading.class_names import check_order, read_names, texts_of
from auditor.loading.fitting import check_fit
from auditor.loading.resources import Resources
from auditor.spec.plan import make_plan
from auditor.values import ModelError
from tests.models import formats
from tests.models.formats import opened
from tests.support import CLASSES, data, samples

NAMES = ("cat", "dog", "ship, large")
PLAIN = ("cat", "dog", "ship")


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("{0: 'cat', 1: 'dog', 2: 'ship, large'}", NAMES),  # as ultralytics writes it
        (json.dumps({"2": "ship, large", "0": "cat", "1": "dog"}), NAMES),  # `id2label`
        (json.dumps({"ship, large": 2, "cat": 0, "dog": 1}), NAMES),
        (json.dumps(NAMES), NAMES),
        ("('cat', 'dog', 'ship, large')", NAMES),
        ("cat\ndog\nship, large\n", NAMES),
        ("cat, dog,ship", PLAIN),
        ("[7, 1, 3]", ("7", "1", "3")),
        ("crane,crane,ship", ("crane (0)", "crane (1)", "ship")),
        ("cat, dog", ()),  # of another number of classes
        ("{0: 'cat', 1: 'dog', 3: 'ship'}", ()),
        ("{'a': {'b': 1}, 'c': 2, 'd': 3}", ()),
        ("[" * 100_000, ()),
        ("a,,b", ()),
        ("", ()),
    ],
    ids=lambda value: str(value)[:20],
)
def test_names_are_read_as_people_write_them(text, names):
    assert read_names(text, 3) == names


def of(*classes):
    return replace(samples(len(classes)), classes=classes, source="photos")


@pytest.mark.parametrize(
    ("told", "known", "moved"),
    [
        (PLAIN, PLAIN, ""),
        (("T-Shirt", "ankle_boot"), ("t shirt", "Ankle boot"), ""),
        (PLAIN, ("dog", "cat", "ship"), "'dog' is 0 in the data and 1 in the model; 'cat' is 1 in the data and 0"),
        (("0", "1", "2", "10"), ("0", "1", "10", "2"), "'10' is 2 in the data and 3 in the model"),
        (("kitten", "dog", "ship"), ("cat", "ship", "dog"), "'ship' is 1 in the data and 2 in the model"),
        (("1", "2", "3"), ("0", "1", "2"), ""),  # whoever counts from 1
        (("a b", "a_b"), ("a_b", "a b"), ""),  # not to be told apart
        (("n01", "n02"), ("tench", "goldfish"), ""),
        ((), ("cat", "dog"), ""),
    ],
)
def test_classes_in_another_order_are_refused(told, known, moved):
    if not moved:
        check_order("m", told, "its file", of(*known))
        return
    with pytest.raises(ModelError) as raised:
        check_order("m", told, "its file", of(*known))
    assert moved in str(raised.value)
    assert f"as the model does ({', '.join(told)})" in str(raised.value)


def test_data_without_names_has_no_order():
    """What is refused with names isn't without them."""
    moved = of(*reversed(PLAIN))
    with pytest.raises(ModelError, match="in the data and"):
        check_order("m", PLAIN, "its file", moved)
    check_order("m", PLAIN, "its file", replace(moved, classes=None))


@pytest.mark.parametrize("key", ["names", "classes", "class_names", "labels", "id2label"])
def test_names_in_an_onnx_file_are_held_against_the_datas(tmp_path, key):
    """An honest user's folders are in the order of the alphabet, the network's classes in that of its training."""
    onnx = pytest.importorskip("onnx")
    params = formats.onnx(tmp_path)
    trained = [f"kind {number}" for number in np.random.default_rng(0).permutation(CLASSES)]
    written = onnx.load(params["path"])
    onnx.helper.set_model_props(written, {"author": "a, b, c", key: str(dict(enumerate(trained)))})
    onnx.save(written, params["path"])
    model = opened("onnx", params)
    assert model.classes == tuple(trained)
    check_fit("m", model, replace(samples(), classes=tuple(trained)))
    with pytest.raises(ModelError, match=r"one beside it, and .* differently: 'kind 0' is 0 in the data"):
        check_fit("m", model, replace(samples(), classes=tuple(sorted(trained))))


def test_names_beside_a_model_or_in_a_phone_s_file_are_held_against_the_data(tmp_path):
    """As Teachable Machine, TensorFlow's model maker and people write them."""
    (tmp_path / "m.keras").touch()
    (tmp_path / "labels.txt").write_text("0 ship\n1 cat\n2 dog\n")
    assert [read_names(text, 3) for text in texts_of(tmp_path / "m.keras")] == [("ship", "cat", "dog")]
    phone = tmp_path / "phone" / "m.tflite"
    phone.parent.mkdir()
    phone.write_bytes(b"TFL3 and what follows")
    with zipfile.ZipFile(phone, "a") as archive:
        archive.writestr("labels.txt", "dog\nship\ncat\n")
    assert [read_names(text, 3) for text in texts_of(phone)] == [("dog", "ship", "cat")]

    params = formats.keras(tmp_path)
    images, labels = data(30)
    np.savez(tmp_path / "data.npz", images=images, labels=labels, classes=np.array(PLAIN))
    spec = tmp_path / "a.audit.yaml"
    spec.write_text(
        f"audit: a\nmodels: {{m: {{format: keras, path: {params['path']}, output: probabilities, trusted: true}}}}\n"
        "data: {dataset: npz, path: data.npz}\nchecks: [{id: c, check: accuracy}]\n"
    )
    with pytest.raises(ModelError, match="'cat' is 0 in the data and 1 in the model"):
        Resources().classifier(make_plan(spec), "m")
    (tmp_path / "labels.txt").write_text("\n".join(PLAIN))
    Resources().classifier(make_plan(spec), "m")

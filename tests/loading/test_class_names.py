"""Names of classes that a model comes with: read as people write them, held against those of the data."""

import json
import zipfile
from dataclasses import replace
from functools import partial

import h5py
import numpy as np
import pytest

from auditor.compute.backend import tensorflow
from auditor.evidence.verification import verify
from auditor.loading.class_names import Listing, check_order, moved, read_names, with_names
from auditor.loading.fitting import check_fit
from auditor.loading.holding import Files
from auditor.loading.named_files import beside, of_file, within
from auditor.loading.naming import Naming
from auditor.loading.resources import Resources
from auditor.models import tflite
from auditor.run.case_key import case_key
from auditor.spec.plan import make_plan
from auditor.values import ClassNames, ModelError
from tests.models import formats
from tests.models.formats import opened
from tests.support import (
    CLASSES,
    LinearClassifier,
    data,
    last_run,
    linear_model,
    linear_weights,
    samples,
    states,
)

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
        ("crane,crane,ship", ("crane", "crane", "ship")),
        ("0 Class 1\r\n1 Class 2\r\n2 Class 3\r\n", ("Class 1", "Class 2", "Class 3")),  # as Teachable Machine does
        ('{"0": "LABEL_0", "1": "LABEL_1", "2": "LABEL_2"}', ()),  # nobody named them
        ('{"0": "cat", "3": "dog"}', ()),  # of another network
        ('{"a": true, "b": false}', ()),
        ("cat, dog", ()),  # of another number of classes
        ("{'a': {'b': 1}, 'c': 2, 'd': 3}", ()),
        ("[" * 100_000, ()),
        ("a,,b", ()),
        ("", ()),
    ],
    ids=lambda value: str(value)[:20],
)
def test_names_are_read_as_people_write_them(text, names):
    assert read_names(Listing("it", text), 3) == names


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{0: 'cat', 1: 'dog', 3: 'ship'}", "it numbers 3 classes with no name for 2: numbers are those of outputs"),
        ('{"1": "cat", "2": "dog", "3": "ship"}', "with no name for 0"),
        ('{"cat": 0, "dog": 2}', "with no name for 1"),
        ('{"0": "cat", "1": "dog", "01": "ship"}', "no name for 2"),
        ('{"0": "cat", "1": "dog", "2": "ship", "02": "boat"}', "two names for one number"),
        ('{"0": "cat", "1": "dog", "1": "bird", "2": "ship"}', "it has '1' twice"),
        ("cat\ndog\nsh\ufffdp", "isn't written in UTF-8"),
    ],
)
def test_lists_that_leave_a_class_in_doubt_are_refused(text, told):
    with pytest.raises(ModelError, match=told):
        read_names(Listing("it", text), 3)


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
        (("a b", "a_b"), ("a_b", "a b"), "'a_b' is 0 in the data and 1 in the model"),  # told apart by both
        (("Polish", "polish", "x"), ("polish", "Polish", "x"), "'polish' is 0 in the data and 1"),
        (("cr\u00e9pe", "\uff24og"), ("cre\u0301pe", "dog"), ""),  # composed or not, of full width
        (("cr\u00e9pe", "crepe"), ("crepe", "cre\u0301pe"), "'crepe' is 0 in the data and 1 in the model"),
        (("Strasse", "x"), ("x", "stra\u00dfe"), "is 0 in the data and 1 in the model"),
        (("crane", "crane", "ship"), ("crane (0)", "crane (1)", "ship"), ""),  # several of a name, as data has them
        (
            ("crane", "ship", "crane"),
            ("crane (0)", "crane (1)", "boat"),
            "'crane (0)' is 0 and 1 in the data and 0 and 2",
        ),
        (("cat (0)", "cat (1)", "x"), ("cat (1)", "cat (0)", "x"), "'cat (1)' is 0 in the data and 1 in the model"),
        (("cat", "cat (1)", "x"), ("cat (1)", "cat", "x"), "'cat (1)' is 0 in the data and 1 in the model"),
        (("n01", "n02"), ("tench", "goldfish"), ""),
    ],
)
def test_classes_in_another_order_are_refused(told, known, moved):
    if not moved:
        check_order("m", ClassNames("its file", told), of(*known))
        return
    with pytest.raises(ModelError) as raised:
        check_order("m", ClassNames("its file", told), of(*known))
    assert moved in str(raised.value)
    assert f"as the model does ({', '.join(told)})" in str(raised.value)


def test_data_without_names_has_no_order():
    """What is refused with names isn't without them."""
    elsewhere = of(*reversed(PLAIN))
    with pytest.raises(ModelError, match="in the data and"):
        check_order("m", ClassNames("its file", PLAIN), elsewhere)
    check_order("m", ClassNames("its file", PLAIN), replace(elsewhere, classes=None))


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
    assert model.named == (ClassNames(f"`{key}` in its metadata", tuple(trained)),)
    check_fit("m", model, replace(samples(), classes=tuple(trained)))
    with pytest.raises(ModelError, match=rf"`{key}` in its metadata and .* differently: 'kind 0' is 0 in the data"):
        check_fit("m", model, replace(samples(), classes=tuple(sorted(trained))))


@pytest.mark.parametrize("seed", range(40))
def test_no_permutation_of_names_is_let_pass(seed):
    """However names are written and however alike they are, each is in another place than the one it had."""
    rng = np.random.default_rng(seed)
    pool = ["cat", "Cat", "CAT", "a b", "a_b", "a-b", "e\u0301", "\u00e9", "E", "cat (0)", "cat (1)", "1", "10", "x"]
    names = tuple(rng.permutation(pool)[:8].tolist())
    order = rng.permutation(8)
    assert moved(names, names) == []
    assert bool(moved(names, tuple(names[at] for at in order))) is bool((order != np.arange(8)).any())


def listed_in(path):
    return {one.where: names for one in within(path) if (names := read_names(one, 3))}


def test_names_in_a_phone_s_file_are_read(tmp_path):
    phone = tmp_path / "m.tflite"
    phone.write_bytes(b"TFL3 and what follows")
    with zipfile.ZipFile(phone, "a") as archive:
        archive.writestr("labels.txt", "dog\nship\ncat\n")
    assert listed_in(phone) == {"labels.txt in the model's file": ("dog", "ship", "cat")}


def test_names_in_keras_files_are_read_where_people_put_them(tmp_path):
    """A layer that makes names of numbers, a class of somebody's own, attributes of HDF5; each by Keras or h5py."""
    tensorflow()
    import keras

    class Named(keras.Model):
        def __init__(self, class_names, **more):
            super().__init__(**more)
            self.class_names = class_names

        def get_config(self):
            return {**super().get_config(), "class_names": self.class_names}

    linear = linear_model()
    (entry,), scores = linear.inputs, linear.outputs[0]

    def translated(**more):
        numbers = keras.ops.argmax(scores, axis=-1)
        return keras.layers.StringLookup(vocabulary=list(PLAIN), invert=True, name="names", **more)(numbers)

    def saved(name, model):
        model.save(tmp_path / name)
        return listed_in(tmp_path / name)

    assert saved("plain.keras", linear) == {}
    own = Named(list(PLAIN), inputs=entry, outputs=scores)
    for file in ("own.keras", "own.h5"):
        assert saved(file, own) == {"`class_names` in the model's configuration": PLAIN}
    lookup = keras.Model(entry, {"scores": scores, "name": translated(num_oov_indices=0)})
    assert saved("lookup.keras", lookup) == {"the layer 'names', which makes names of numbers,": PLAIN}
    shifted = keras.Model(entry, {"scores": scores, "name": translated(num_oov_indices=1)})
    assert saved("shifted.keras", shifted) == {}, "its numbers aren't those of the outputs"
    (tmp_path / "own.json").write_text(own.to_json())
    assert listed_in(tmp_path / "own.json") == {"`class_names` in the model's configuration": PLAIN}
    with zipfile.ZipFile(tmp_path / "plain.keras", "a") as archive:
        archive.writestr("assets/labels.txt", "\n".join(PLAIN))
    assert listed_in(tmp_path / "plain.keras") == {"assets/labels.txt in the model's file": PLAIN}
    for key, value in {
        "class_names": np.array(PLAIN, dtype="S"),
        "labels": json.dumps(PLAIN),
        "classes": np.array(PLAIN, dtype=object),
    }.items():
        linear.save(tmp_path / "attribute.h5")
        with h5py.File(tmp_path / "attribute.h5", "a") as file:
            file.attrs[key] = value
        assert listed_in(tmp_path / "attribute.h5") == {f"the attribute `{key}` of the model's file": PLAIN}
    model = opened("keras", {"path": str(tmp_path / "attribute.h5")})
    with pytest.raises(
        ModelError, match=r"attribute.h5: `x` and `y` number classes differently: 'cat' is 0 in the one"
    ):
        with_names(model, [Listing("`x`", list(PLAIN)), Listing("`y`", "dog\ncat\nship")])
    assert [one.where for one in with_names(model, [Listing("`x`", list(PLAIN)), Listing("`y`", "a\nb\nc")]).named] == [
        "`x`",
        "`y`",
    ]


def test_a_saved_model_s_folder_is_looked_into(tmp_path):
    for part in ("", "assets", "assets.extra"):
        (tmp_path / part).mkdir(exist_ok=True)
        (tmp_path / part / "labels.txt").write_text("\n".join(PLAIN))
    (tmp_path / "assets" / "vocabulary.txt").write_text("dog\ncat\nship")
    assert set(listed_in(tmp_path)) == {
        f"{part}labels.txt in the model's folder" for part in ("", "assets/", "assets.extra/")
    }
    assert beside([tmp_path], []) == (), "what lies in a folder is the model's own"


def test_files_beside_a_model_are_those_that_are_not_its_own(tmp_path):
    names = ("m.weights.h5", "config.json", "m.txt", "labels.json", "notes.txt", "metadata.json", "classes.txt")
    for name in names:
        (tmp_path / name).touch()
    with (tmp_path / "classes.txt").open("wb") as file:
        file.truncate((1 << 24) + 1)  # no list of names is that long
    paths = [tmp_path / "config.json", tmp_path / "m.weights.h5"]
    assert {path.name for path in beside(paths, paths)} == {"m.txt", "labels.json", "metadata.json"}


@pytest.mark.parametrize(
    ("name", "content", "names"),
    [
        (
            "config.json",
            {"id2label": {"10": "k", **{str(i): "abcdefghij"[i] for i in range(10)}}},
            tuple("abcdefghijk"),
        ),
        ("config.json", {"id2label": {"0": "LABEL_0", "1": "LABEL_1"}, "label2id": {"LABEL_0": 0, "LABEL_1": 1}}, ()),
        (
            "config.json",
            {"id2label": {"0": "cat", "1": "dog"}, "label2id": {"LABEL_0": 0, "LABEL_1": 1}},
            ("cat", "dog"),
        ),
        ("config.json", {"id2label": {"0": "crane", "1": "crane"}, "label2id": {"crane": 1}}, ("crane", "crane")),
        ("config.json", {"label2id": {"dog": 1, "cat": 0}}, ("cat", "dog")),
        ("config.json", {"architecture": "resnet18", "label_names": ["cat", "dog"]}, ("cat", "dog")),
        ("config.json", {"name": "model", "layers": []}, ()),
        ("metadata.json", {"tmVersion": "2.4.5", "labels": ["Class 1", "Class 2"]}, ("Class 1", "Class 2")),
        ("class_indices.json", {"dog": 1, "cat": 0}, ("cat", "dog")),
    ],
)
def test_files_beside_a_model_are_read_as_tools_write_them(name, content, names):
    """Hugging Face's transformers, timm, Teachable Machine, and `class_indices` of Keras's generators."""
    count = max(2, len(names))
    for coding in ("utf-8", "utf-8-sig", "utf-16"):
        found = [
            read_names(one, count) for one in of_file(name, json.dumps(content).encode(coding), "beside the model")
        ]
        assert [one for one in found if one] == ([names] if names else [])


def test_a_configuration_that_contradicts_itself_is_refused():
    content = json.dumps({"id2label": {"0": "cat", "1": "dog"}, "label2id": {"cat": 1, "dog": 0}}).encode()
    with pytest.raises(
        ModelError, match=r"config.json beside .*: 'cat' is 1 by `label2id`, and `id2label` calls that 'dog'"
    ):
        list(of_file("config.json", content, "beside the model"))
    assert list(of_file("config.json", b"{ no JSON", "beside the model")) == []


SPEC = """\
audit: a
models:
  m: {format: weights, architecture: parts/m.json, path: m.weights.h5, output: probabilities, trusted: true}
data: {dataset: npz, path: data.npz}
checks: [{id: c, check: accuracy}]
"""


@pytest.fixture
def spec(tmp_path):
    """A model of two files in two folders."""
    model = linear_model()
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "m.json").write_text(model.to_json())
    model.save_weights(tmp_path / "m.weights.h5")
    images, labels = data(30)
    np.savez(tmp_path / "data.npz", images=images, labels=labels, classes=np.array(PLAIN))
    (tmp_path / "a.audit.yaml").write_text(SPEC)
    return tmp_path / "a.audit.yaml"


def test_names_beside_either_file_of_a_model_are_held_against_the_data_and_each_other(spec):
    folder = spec.parent
    told = partial(pytest.raises, ModelError)
    write = (folder / "parts" / "config.json").write_text
    write(json.dumps({"id2label": {"0": "ship", "1": "cat", "2": "dog"}}))
    with told(match=r"`id2label` in config.json beside the model and .*: 'cat' is 0 in the data and 1 in the model"):
        Resources().classifier(make_plan(spec), "m")
    (folder / "labels.txt").write_text("0 cat\n1 dog\n2 ship\n")
    with told(
        match="m.weights.h5: `id2label` in .* and labels.txt beside .* differently: 'ship' is 0 in the one and 2 in"
    ):
        Resources().classifier(make_plan(spec), "m")
    write(json.dumps({"id2label": {"0": "Cat", "1": "DOG", "2": "ship"}}))
    names = [one.where for one in Resources().let_in(make_plan(spec), "m").named]
    assert names == ["`id2label` in config.json beside the model", "labels.txt beside the model"]
    write(json.dumps({"id2label": {"0": "cat", "2": "ship"}}))
    with told(match="`id2label` in config.json beside the model numbers 3 classes with no name for 1"):
        Resources().classifier(make_plan(spec), "m")


def test_a_list_that_cannot_be_read_is_told_of(spec, monkeypatch):
    """Whether it names the classes otherwise, nobody knows."""
    (spec.parent / "labels.txt").write_text("\n".join(PLAIN))

    def refused(*_):
        raise PermissionError(13, "Permission denied", "labels.txt")

    monkeypatch.setattr("auditor.loading.holding.Files.content", refused)
    with pytest.raises(ModelError, match=r"labels.txt, which may list .*, can't be read: Permission denied"):
        Resources().let_in(make_plan(spec), "m")
    phone = spec.parent / "m.tflite"
    phone.write_bytes(b"TFL3 and what follows")
    with zipfile.ZipFile(phone, "a") as archive:
        archive.writestr("labels.txt", "\n".join(PLAIN))
    phone.write_bytes(phone.read_bytes().replace(b"cat", b"cot"))  # no longer what its checksum says
    plan = make_plan(spec)
    source = replace(plan.models["m"], params=tflite.Params(path=str(phone), output="probabilities"))
    with pytest.raises(ModelError, match=r"m.tflite may tell the names .*, and they can't be read: Bad CRC-32"):
        Naming(Files()).named(LinearClassifier(*linear_weights()), source, source)


def test_lists_of_names_are_part_of_what_a_result_depends_on(spec, pytester):
    """They are in the record, a case is measured anew where one changes, and whoever verifies finds out."""
    folder = spec.parent
    (folder / "labels.txt").write_text("\n".join(PLAIN))

    def key():
        plan = make_plan(spec)
        return case_key(plan, plan.cases[0], Resources())

    pytester.runpytest_inprocess(str(spec), "--rootdir", str(folder))
    run = last_run(pytester, "a")
    assert states(run) == {"c": "descriptive"}
    told = run.records["c"].provenance["models"]["m"]
    assert set(told["names"]) == {"labels.txt"}
    assert set(told["files"]) == {"parts/m.json", "m.weights.h5"}
    reports, keys = pytester.path / "reports" / "a", [key()]
    page = (reports / "index.html").read_text()
    assert told["names"]["labels.txt"] in page

    def findings():
        return [(one.ok, one.seen) for one in verify(reports, spec) if one.what == "class names"]

    assert findings() == [(True, "labels.txt beside m, for its classes, is what it was")]
    (folder / "labels.txt").write_text("cat\ndog\nboat")
    keys.append(key())
    assert findings() == [(False, "labels.txt beside m, which may list its classes, isn't what it was")]
    (folder / "labels.txt").unlink()
    keys.append(key())
    assert [ok for ok, _ in findings()] == [False]
    (folder / "labels.txt").write_text("\n".join(PLAIN))
    (folder / "parts" / "class_indices.json").write_text(json.dumps({name: at for at, name in enumerate(PLAIN)}))
    keys.append(key())
    assert findings() == [(False, "parts/class_indices.json beside m, which may list its classes, isn't what it was")]
    assert len(set(keys)) == len(keys)

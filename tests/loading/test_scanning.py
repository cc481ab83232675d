"""What is found in checkpoints that were made to do harm, and that nothing is found in honest ones."""

import io
import warnings
import zipfile

import pytest

from auditor.loading.scanning import scan
from auditor.values import Parameters
from tests.models.formats import FORMS
from tests.models.suspects import SUSPECTS


def files(path):
    """What is scanned of a checkpoint: the files at its path, as every format but TensorFlow 1 names them."""
    inside = Parameters().files_at(path) if path.suffix != ".meta" else tuple(path.parent.glob("*"))
    folder = path if path.is_dir() else path.parent
    return {file.relative_to(folder).as_posix(): file for file in inside}


# What stands for each in the words of the finding; None: nothing is found without loading or taking pickles apart.
FOUND = {
    "Keras, Lambda layer": "it is Python code",
    "Keras, Lambda layer in an inner model": "it is Python code",
    "Keras, Lambda layer in `.h5`": "it is Python code",
    "Keras, class from `subprocess`": "Popen comes from 'subprocess'",
    "Keras, a class of its own": "Layer comes from 'mine'",
    "Keras, `keras.utils.get_file`": "function 'get_file' comes from 'keras.utils'",
    "Keras, vocabulary from any file": "a vocabulary is read from",
    "zip, `../` in a name": "it would land outside of its folder",
    "zip, bomb": "bytes unfold to 67108864",
    "HDF5, external link": "it is a link into another file, '/etc/hostname'",
    "HDF5, external storage": "its values are bytes of another file",
    "HDF5, bomb": "0 bytes unfold to 4000000000000",
    "HDF5 within Keras, external link": "it is a link into another file, '/etc/hostname'",
    "SavedModel, reads a file": "the operation ReadFile",
    "SavedModel, writes a file": "the operation WriteFile",
    "SavedModel, calls Python": "the operation PyFunc",
    "SavedModel, prints into a file": "the operation PrintV2",
    "SavedModel, saves a checkpoint": "SaveV2 (SaveV2) stands where nothing is saved or restored",
    "TensorFlow 1, writes a file": "the operation WriteFile",
    "TorchScript, reads a file": "the operator `from_file` reads or writes a file of the model's choice",
    "pickle, `os.system`": "it is a pickle",
    "pickle, called `.keras`": "it is a pickle",
    "pickle in a file of `torch.save`": None,
    "pickle among Keras's assets": None,
    "ONNX, weights from any file": "bytes of a file outside of its folder, '../../../etc/hostname'",
}


@pytest.mark.parametrize("name", SUSPECTS)
def test_a_hostile_checkpoint_is_found(tmp_path, name):
    critical = [threat for threat in scan(files(SUSPECTS[name](tmp_path))) if threat.severity == "critical"]
    told = FOUND[name]
    assert bool(critical) == (told is not None)
    assert told is None or any(told in threat.message for threat in critical), critical


@pytest.mark.parametrize("form", FORMS)
def test_nothing_is_found_in_an_honest_one(tmp_path, form):
    FORMS[form].write(tmp_path)
    assert scan(files(tmp_path)) == ()


def test_nothing_is_found_in_the_example_networks(checkpoints):
    assert scan({path.name: path for path in checkpoints.glob("*.keras")}) == ()


def test_nothing_is_found_in_a_network_of_many_parts(tmp_path):
    import keras

    inputs = keras.Input((32, 32, 3))
    network = keras.applications.MobileNetV2((32, 32, 3), weights=None, classes=5)
    inner = keras.Sequential([keras.layers.Rescaling(2.0), keras.layers.RandomFlip(), network])
    model = keras.Model(inputs, keras.layers.Softmax()(inner(inputs)))
    model.compile(keras.optimizers.Adam(1e-3), keras.losses.SparseCategoricalCrossentropy(), ["accuracy"])
    for ending in ("keras", "h5"):
        with warnings.catch_warnings(action="ignore"):  # of HDF5's age
            model.save(tmp_path / f"m.{ending}")
    assert scan(files(tmp_path)) == ()


def deflated() -> bytes:
    """A zip file whose one compressed entry has been changed."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", "{}" * 100)
    whole = file.getvalue()
    return whole[:41] + b"\xff\xff" + whole[43:]


BROKEN = {
    "saved_model.pb": b"\xff" * 50,
    "m.meta": b"\xff" * 50,
    "m.json": b"{",
    "m.h5": b"\x89HDF\r\n\x1a\n" + bytes(600),
    "cut.keras": b"PK\x05\x06" + b"\xff" * 18,
    "deflated.keras": deflated(),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_cannot_be_read_is_said(tmp_path, name):
    (tmp_path / name).write_bytes(BROKEN[name])
    [threat] = scan(files(tmp_path))
    assert (threat.severity, threat.kind) == ("critical", "unreadable")


def test_names_in_archives(tmp_path):
    with zipfile.ZipFile(tmp_path / "m.keras", "w") as archive, warnings.catch_warnings(action="ignore"):
        link = zipfile.ZipInfo("link")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/hostname")
        for name in ("/etc/other", "c:\\windows", "a/../../b", "twice", "twice", "fine/..name"):
            archive.writestr(name, "x")
    found = {threat.file.removeprefix("m.keras › "): threat.kind for threat in scan(files(tmp_path))}
    assert found == {
        "link": "link",
        "/etc/other": "path outside",
        "c:\\windows": "path outside",
        "a/../../b": "path outside",
        "twice": "twice",
    }

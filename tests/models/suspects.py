"""Checkpoints that are harmless, but made as hostile ones are; and honest ones, for comparison.

Each function writes one into a folder and returns its path. What they would run touches a file at most.
"""

import json
import os
import pickle
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from auditor.compute.backend import tensorflow
from tests.models.formats import FORMS
from tests.support import CLASSES, SIZE, linear_model, linear_weights


def rewritten(path: Path, change: Callable[[str, bytes], bytes], **added: bytes) -> Path:
    """Give every entry of a zip file, by name and content, to `change`, keep what it returns, and add others."""
    with zipfile.ZipFile(path) as archive:
        kept = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in kept.items():
            archive.writestr(name, change(name, content))
        for name, content in added.items():
            archive.writestr(name, content, zipfile.ZIP_DEFLATED)
    return path


class Command:
    """A pickle that runs a harmless command when it is opened."""

    def __reduce__(self) -> Any:
        return os.system, ("true",)


def with_lambda(inner: bool = False) -> Any:
    """A network whose first layer is Python code, perhaps within another model."""
    tensorflow()
    import keras

    code = keras.layers.Lambda(lambda x: x + 0, output_shape=(SIZE, SIZE, 1))
    layers = [keras.Sequential([keras.Input((SIZE, SIZE, 1)), code])] if inner else [code]
    dense = keras.layers.Dense(CLASSES, activation="softmax")
    model = keras.Sequential([keras.Input((SIZE, SIZE, 1)), *layers, keras.layers.Flatten(), dense])
    dense.set_weights(linear_weights())
    return model


def keras_lambda(folder: Path) -> Path:
    with_lambda().save(folder / "m.keras")
    return folder / "m.keras"


def keras_inner_lambda(folder: Path) -> Path:
    with_lambda(inner=True).save(folder / "m.keras")
    return folder / "m.keras"


def h5_lambda(folder: Path) -> Path:
    with_lambda().save(folder / "m.h5")
    return folder / "m.h5"


def with_layer(folder: Path, layer: dict[str, Any]) -> Path:
    """An honest network in whose configuration one more layer stands."""
    linear_model().save(folder / "m.keras")

    def change(name: str, content: bytes) -> bytes:
        if name != "config.json":
            return content
        config = json.loads(content)
        config["config"]["layers"].insert(1, layer)
        return json.dumps(config).encode()

    return rewritten(folder / "m.keras", change)


def keras_module(folder: Path) -> Path:
    config = {"args": "true"}
    return with_layer(
        folder, {"module": "subprocess", "class_name": "Popen", "config": config, "registered_name": None}
    )


def keras_custom(folder: Path) -> Path:
    return with_layer(folder, {"module": "mine", "class_name": "Layer", "config": {}, "registered_name": "Mine>Layer"})


def keras_download(folder: Path) -> Path:
    """Keras's own function that writes files (CVE-2025-8747)."""
    config = {"function": {"module": "keras.utils", "class_name": "function", "config": "get_file"}}
    return with_layer(folder, {"module": "keras.layers", "class_name": "Wrapper", "config": config})


def keras_vocabulary(folder: Path) -> Path:
    """A layer that reads any file into its weights (CVE-2025-12058)."""
    config = {"vocabulary": str(folder / "secret"), "max_tokens": None}
    return with_layer(folder, {"module": "keras.layers", "class_name": "StringLookup", "config": config})


def zip_traversal(folder: Path) -> Path:
    linear_model().save(folder / "m.keras")
    return rewritten(folder / "m.keras", lambda _, content: content, **{"../escaped": b"out"})


def zip_bomb(folder: Path) -> Path:
    linear_model().save(folder / "m.keras")
    return rewritten(folder / "m.keras", lambda _, content: content, zeros=bytes(64 << 20))


def h5_external_link(folder: Path) -> Path:
    import h5py

    linear_model().save(folder / "m.h5")
    with h5py.File(folder / "m.h5", "a") as file:
        file["model_weights/elsewhere"] = h5py.ExternalLink("/etc/hostname", "/")
    return folder / "m.h5"


def h5_external_storage(folder: Path) -> Path:
    """Weights that are another file's bytes."""
    import h5py

    linear_model().save(folder / "m.h5")
    (folder / "secret").write_bytes(bytes(64))
    with h5py.File(folder / "m.h5", "a") as file:
        file.create_dataset("model_weights/elsewhere", (16,), "f4", external=[(str(folder / "secret"), 0, 64)])
    return folder / "m.h5"


def h5_bomb(folder: Path) -> Path:
    """Weights that take no room in the file, and terabytes once they are read."""
    import h5py

    linear_model().save(folder / "m.h5")
    with h5py.File(folder / "m.h5", "a") as file:
        file.create_dataset("model_weights/zeros", (10**12,), "f4", chunks=(10**6,))
    return folder / "m.h5"


def keras_external_link(folder: Path) -> Path:
    import h5py

    linear_model().save(folder / "m.keras")

    def change(name: str, content: bytes) -> bytes:
        if name != "model.weights.h5":
            return content
        (folder / "weights").write_bytes(content)
        with h5py.File(folder / "weights", "a") as file:
            file["layers/elsewhere"] = h5py.ExternalLink("/etc/hostname", "/")
        return (folder / "weights").read_bytes()

    path = rewritten(folder / "m.keras", change)
    (folder / "weights").unlink()
    return path


def exported(folder: Path, harm: Callable[[Any], Any]) -> Path:
    """A SavedModel that does something besides."""
    tf = tensorflow()
    module = tf.Module()
    module.kernel = tf.Variable(np.ones((SIZE * SIZE, CLASSES), np.float32))

    def call(images: Any) -> Any:
        with tf.control_dependencies([harm(tf)]):
            return {"y": tf.matmul(tf.reshape(images, (-1, SIZE * SIZE)), module.kernel)}

    taken = tf.TensorSpec((None, SIZE, SIZE, 1), tf.float32)
    tf.saved_model.save(module, folder / "exported", tf.function(call, input_signature=[taken]))
    return folder / "exported"


def saved_model_reads(folder: Path) -> Path:
    return exported(folder, lambda tf: tf.io.read_file("/etc/hostname"))


def saved_model_writes(folder: Path) -> Path:
    mark = str(folder / "mark")
    return exported(folder, lambda tf: tf.io.write_file(mark, "harmless"))


def saved_model_python(folder: Path) -> Path:
    return exported(folder, lambda tf: tf.numpy_function(lambda: np.float32(0), [], tf.float32))


def saved_model_prints(folder: Path) -> Path:
    """Appends to any file, by an operation that seems to print."""
    mark = str(folder / "mark")
    return exported(
        folder, lambda tf: tf.raw_ops.PrintV2(input="harmless", output_stream="file://" + mark) or tf.no_op()
    )


def saved_model_saves(folder: Path) -> Path:
    """Writes a checkpoint wherever it likes, as part of its prediction."""
    mark = str(folder / "mark")
    return exported(
        folder, lambda tf: tf.raw_ops.SaveV2(prefix=mark, tensor_names=["a"], shape_and_slices=[""], tensors=[1.0])
    )


def tf1_writes(folder: Path) -> Path:
    tf = tensorflow()
    tf1 = tf.compat.v1
    with tf1.Graph().as_default(), tf1.Session() as session:
        x = tf1.placeholder(tf.float32, (None, SIZE, SIZE, 1), name="x")
        kernel = tf1.Variable(np.ones((SIZE * SIZE, CLASSES), np.float32))
        with tf.control_dependencies([tf.io.write_file(str(folder / "mark"), "harmless")]):
            tf.matmul(tf.reshape(x, (-1, SIZE * SIZE)), kernel, name="y")
        session.run(tf1.global_variables_initializer())
        tf1.train.Saver().save(session, str(folder / "m"))
    return folder / "m.meta"


def pickle_command(folder: Path) -> Path:
    (folder / "m.pkl").write_bytes(pickle.dumps(Command()))
    return folder / "m.pkl"


def pickle_as_keras(folder: Path) -> Path:
    (folder / "m.keras").write_bytes(pickle.dumps(Command()))
    return folder / "m.keras"


def pickle_in_torch(folder: Path) -> Path:
    """What `torch.save` leaves: a zip file with a pickle."""
    with zipfile.ZipFile(folder / "m.pt", "w") as archive:
        archive.writestr("m/data.pkl", pickle.dumps(Command()))
        archive.writestr("m/version", b"3\n")
    return folder / "m.pt"


def pickle_in_keras(folder: Path) -> Path:
    linear_model().save(folder / "m.keras")
    return rewritten(folder / "m.keras", lambda _, content: content, **{"assets/tokens.pkl": pickle.dumps(Command())})


def torch_reads(folder: Path) -> Path:
    torch = pytest.importorskip("torch")

    class Reads(torch.nn.Module):
        def forward(self, x):
            return x.flatten(1)[:, :3] + torch.from_file("/etc/hostname", False, 1, dtype=torch.uint8)

    with warnings.catch_warnings(action="ignore"):  # of TorchScript's end of life
        torch.jit.script(Reads()).save(folder / "m.pt")
    return folder / "m.pt"


def onnx_elsewhere(folder: Path) -> Path:
    """Weights that are another file's bytes."""
    onnx = pytest.importorskip("onnx")
    model = onnx.load(FORMS["onnx"].write(folder)["path"])
    kept = model.graph.initializer[0]
    kept.ClearField("raw_data")
    kept.data_location = onnx.TensorProto.EXTERNAL
    kept.external_data.add(key="location", value="../../../etc/hostname")
    (folder / "m.onnx").write_bytes(model.SerializeToString())
    return folder / "m.onnx"


SUSPECTS: dict[str, Callable[[Path], Path]] = {
    "Keras, Lambda layer": keras_lambda,
    "Keras, Lambda layer in an inner model": keras_inner_lambda,
    "Keras, Lambda layer in `.h5`": h5_lambda,
    "Keras, class from `subprocess`": keras_module,
    "Keras, a class of its own": keras_custom,
    "Keras, `keras.utils.get_file`": keras_download,
    "Keras, vocabulary from any file": keras_vocabulary,
    "zip, `../` in a name": zip_traversal,
    "zip, bomb": zip_bomb,
    "HDF5, external link": h5_external_link,
    "HDF5, external storage": h5_external_storage,
    "HDF5, bomb": h5_bomb,
    "HDF5 within Keras, external link": keras_external_link,
    "SavedModel, reads a file": saved_model_reads,
    "SavedModel, writes a file": saved_model_writes,
    "SavedModel, calls Python": saved_model_python,
    "SavedModel, prints into a file": saved_model_prints,
    "SavedModel, saves a checkpoint": saved_model_saves,
    "TensorFlow 1, writes a file": tf1_writes,
    "TorchScript, reads a file": torch_reads,
    "pickle, `os.system`": pickle_command,
    "pickle, called `.keras`": pickle_as_keras,
    "pickle in a file of `torch.save`": pickle_in_torch,
    "pickle among Keras's assets": pickle_in_keras,
    "ONNX, weights from any file": onnx_elsewhere,
}

"""One small network, written in every format there is."""

import json
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from auditor import catalog
from auditor.compute.backend import tensorflow
from auditor.values import Classifier
from tests.models.serving import honest, start
from tests.support import CLASSES, SIZE, data

SHAPE = (SIZE, SIZE, 1)


@dataclass(frozen=True)
class Form:
    """How a format is written: `write` puts the network into a folder and returns the parameters that open it.

    gradients, layers: whether it gives gradients, and shows its convolutions. files: whether it is read from a path.
    """

    format: str
    write: Callable[[Path], dict[str, Any]]
    gradients: bool
    layers: bool = False
    files: bool = True


@cache
def network() -> Any:
    """Two random convolutions, and a softmax fitted to the data by least squares: a Keras model."""
    tensorflow()
    import keras

    model = keras.Sequential(
        [
            keras.Input(SHAPE),
            keras.layers.Conv2D(8, 3, activation="relu", name="first"),
            keras.layers.Conv2D(6, 3, activation="relu", name="second"),
            keras.layers.Flatten(),
            keras.layers.Dense(CLASSES, activation="softmax", name="last"),
        ]
    )
    random = np.random.default_rng(3)
    for name in ("first", "second"):
        layer = model.get_layer(name)
        layer.set_weights([random.normal(0, 0.5, part.shape) for part in layer.get_weights()])
    images, labels = data(300)
    features = np.asarray(keras.Model(model.inputs[0], model.layers[-2].output)(images))
    wanted = 8 * np.eye(CLASSES)[labels]
    design = np.column_stack([features, np.ones(len(features))])
    solved = np.linalg.solve(design.T @ design + 0.1 * np.eye(design.shape[1]), design.T @ wanted)
    model.get_layer("last").set_weights([solved[:-1], solved[-1]])
    return model


def keras(folder: Path) -> dict[str, Any]:
    network().save(folder / "m.keras")
    return {"path": str(folder / "m.keras")}


def legacy_keras(folder: Path) -> dict[str, Any]:
    network().save(folder / "m.h5")
    return {"path": str(folder / "m.h5")}


def saved_model(folder: Path) -> dict[str, Any]:
    network().export(folder / "exported", verbose=False)
    return {"path": str(folder / "exported")}


def plain_module(folder: Path) -> dict[str, Any]:
    """A `tf.Module` with two signatures, several outputs and a switch."""
    tf = tensorflow()
    module = tf.Module()
    module.network = network()

    def scores(pixels: Any, training: Any) -> dict[str, Any]:
        given = module.network(pixels)
        return {"scores": tf.where(training, tf.zeros_like(given), given), "size": tf.size(pixels)}

    specs = (tf.TensorSpec((None, *SHAPE), tf.float32, "pixels"), tf.TensorSpec((), tf.bool, "training"))
    named = {"scores": tf.function(scores, input_signature=specs)}
    named["other"] = tf.function(lambda pixels: {"same": pixels}, input_signature=specs[:1])
    tf.saved_model.save(module, folder / "module", signatures=named)
    choices = {"signature": "scores", "output_name": "scores", "constants": {"training": False}}
    return {"path": str(folder / "module"), **choices}


def tf1_checkpoint(folder: Path) -> dict[str, Any]:
    """A graph as tutorials wrote it: rows of pixels, reference and resource variables, dropout."""
    tf, weights = tensorflow(), network().get_weights()
    tf1 = tf.compat.v1
    with tf1.Graph().as_default(), tf1.Session() as session:
        x = tf1.placeholder(tf.float32, (None, SIZE * SIZE), name="x")
        keep = tf1.placeholder(tf.float32, name="keep_prob")
        names = ("W_conv1", "b_conv1", "W_conv2", "b_conv2", "W_fc", "b_fc")
        w = [tf1.Variable(weights[i], name=name, use_resource=i > 2) for i, name in enumerate(names)]
        image = tf.reshape(x, (-1, *SHAPE), name="x_image")
        first = tf.nn.relu(tf.nn.conv2d(image, w[0], 1, "VALID") + w[1], name="h_conv1")
        second = tf.nn.relu(tf.nn.conv2d(first, w[2], 1, "VALID") + w[3], name="h_conv2")
        flat = tf1.nn.dropout(tf.reshape(second, (-1, weights[4].shape[0])), keep_prob=keep, seed=0)
        tf.nn.softmax(tf.matmul(flat, w[4]) + w[5], name="y_conv")
        session.run(tf1.global_variables_initializer())
        tf1.train.Saver(sharded=True).save(session, str(folder / "model-1000"))
    choices = {"input": "x", "logits": "y_conv", "constants": {"keep_prob": 1.0}, "reshape": list(SHAPE)}
    return {"path": str(folder / "model-1000.meta"), **choices}


def frozen_graph(folder: Path, name: str = "m.pb") -> dict[str, Any]:
    """The tutorial's graph with its variables made constants, as TensorFlow 1 froze it."""
    tf1, choices = tensorflow().compat.v1, tf1_checkpoint(folder)
    with tf1.Graph().as_default() as graph, tf1.Session() as session:
        tf1.train.import_meta_graph(choices["path"]).restore(session, choices["path"].removesuffix(".meta"))
        frozen = tf1.graph_util.convert_variables_to_constants(session, graph.as_graph_def(), ["y_conv"])
    for part in folder.glob("model-1000*"):
        part.unlink()
    (folder / "checkpoint").unlink()
    tensorflow().io.write_graph(frozen, str(folder), name, as_text=name.endswith("txt"))
    return {**choices, "path": str(folder / name)}


def frozen_text(folder: Path) -> dict[str, Any]:
    return frozen_graph(folder, "m.pbtxt")


def tflite(folder: Path, batch: int | None = None) -> dict[str, Any]:
    pytest.importorskip("ai_edge_litert")
    tf, model = tensorflow(), network()
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    concrete = tf.function(lambda images: model(images)).get_concrete_function(tf.TensorSpec((batch, *SHAPE)))
    converter = tf.lite.TFLiteConverter.from_concrete_functions([convert_variables_to_constants_v2(concrete)])
    (folder / "m.tflite").write_bytes(converter.convert())
    return {"path": str(folder / "m.tflite")}


def tflite_one(folder: Path) -> dict[str, Any]:
    return tflite(folder, batch=1)


def onnx(folder: Path, batch: int | str = "batch", layout: str = "NCHW") -> dict[str, Any]:
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    make, weights = onnx.helper, network().get_weights()
    weights[0], weights[2] = (weight.transpose(3, 2, 0, 1) for weight in (weights[0], weights[2]))
    last = layout == "NHWC"
    nodes = [
        make.make_node("Transpose", ["x"], ["first"], perm=[0, 3, 1, 2] if last else [0, 1, 2, 3]),
        make.make_node("Conv", ["first", "w0", "w1"], ["a"]),
        make.make_node("Relu", ["a"], ["b"]),
        make.make_node("Conv", ["b", "w2", "w3"], ["c"]),
        make.make_node("Relu", ["c"], ["d"]),
        make.make_node("Transpose", ["d"], ["e"], perm=[0, 2, 3, 1]),
        make.make_node("Flatten", ["e"], ["f"]),
        make.make_node("Gemm", ["f", "w4", "w5"], ["g"]),
        make.make_node("Softmax", ["g"], ["y"], axis=1),
    ]
    kept = [onnx.numpy_helper.from_array(np.ascontiguousarray(w), f"w{i}") for i, w in enumerate(weights)]
    ends = [
        make.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [batch, *shape])
        for name, shape in (("x", SHAPE if last else (1, SIZE, SIZE)), ("y", (CLASSES,)))
    ]
    graph = make.make_graph(nodes, "net", ends[:1], ends[1:], kept)
    model = make.make_model(graph, opset_imports=[make.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, folder / "m.onnx")
    return {"path": str(folder / "m.onnx"), "layout": layout}


def onnx_one(folder: Path) -> dict[str, Any]:
    return onnx(folder, batch=1, layout="NHWC")


def torch_network() -> Any:
    torch = pytest.importorskip("torch")
    weights = [torch.tensor(part) for part in network().get_weights()]
    convolutions = [torch.nn.Conv2d(1, 8, 3), torch.nn.Conv2d(8, 6, 3)]
    last = torch.nn.Linear(weights[4].shape[0], CLASSES)
    with torch.no_grad():
        for layer, kernel, bias in zip(convolutions, weights[:4:2], weights[1:4:2], strict=True):
            layer.weight.copy_(kernel.permute(3, 2, 0, 1))
            layer.bias.copy_(bias)
        # PyTorch flattens channels first.
        rows = weights[4].reshape(2, 2, 6, CLASSES).permute(2, 0, 1, 3).reshape(-1, CLASSES)
        last.weight.copy_(rows.T)
        last.bias.copy_(weights[5])
    relu, dropout = torch.nn.ReLU(), torch.nn.Dropout(0.5)
    parts = (convolutions[0], relu, convolutions[1], relu, torch.nn.Flatten(), dropout, last, torch.nn.Softmax(1))
    return torch.nn.Sequential(*parts)


def torch_script(folder: Path) -> dict[str, Any]:
    """In training mode, as people forget to leave it."""
    torch = pytest.importorskip("torch")
    with warnings.catch_warnings(action="ignore"):  # of TorchScript's end of life
        torch.jit.script(torch_network().train()).save(folder / "m.pt")
    return {"path": str(folder / "m.pt"), "shape": list(SHAPE)}


def torch_channels_last(folder: Path) -> dict[str, Any]:
    torch = pytest.importorskip("torch")

    class ChannelsFirst(torch.nn.Module):
        def forward(self, images):
            return images.permute(0, 3, 1, 2)

    with warnings.catch_warnings(action="ignore"):  # of TorchScript's end of life
        torch.jit.script(torch.nn.Sequential(ChannelsFirst(), torch_network())).save(folder / "m.pt")
    return {"path": str(folder / "m.pt"), "shape": list(SHAPE), "layout": "NHWC"}


def torch_export(folder: Path) -> dict[str, Any]:
    torch = pytest.importorskip("torch")
    dynamic = ({0: torch.export.Dim("batch")},)
    images = torch.zeros(3, 1, SIZE, SIZE)
    program = torch.export.export(torch_network().eval(), (images,), dynamic_shapes=dynamic)
    torch.export.save(program, folder / "m.pt2")
    return {"path": str(folder / "m.pt2"), "shape": list(SHAPE)}


def weights(folder: Path) -> dict[str, Any]:
    model = network()
    (folder / "m.json").write_text(model.to_json())
    model.save_weights(folder / "m.weights.h5")
    return {"architecture": str(folder / "m.json"), "path": str(folder / "m.weights.h5")}


def tfjs(folder: Path, kept: str | None = None) -> dict[str, Any]:
    """As TensorFlow.js saves it; weights in two shards, perhaps in the one or two bytes of the type `kept`."""
    topology = {"class_name": "Sequential", "keras_version": "tfjs-layers 4.22.0", "backend": "tensor_flow.js"}
    layers: list[dict[str, Any]] = [
        {"class_name": "Conv2D", "config": {"name": "first", "filters": 8, "batch_input_shape": [None, *SHAPE]}},
        {"class_name": "Conv2D", "config": {"name": "second", "filters": 6}},
        {"class_name": "Flatten", "config": {"name": "rows", "trainable": True}},
        {"class_name": "Dense", "config": {"name": "last", "units": CLASSES, "activation": "softmax"}},
    ]
    for layer in layers[:2]:
        layer["config"] |= {"kernel_size": [3, 3], "activation": "relu", "data_format": "channels_last"}
        layer["config"]["kernel_initializer"] = {
            "class_name": "VarianceScaling",
            "config": {"scale": 1, "mode": "fan_avg"},
        }
    names = [f"{layer}/{part}" for layer in ("first", "second", "last") for part in ("kernel", "bias")]
    weights, content = [], b""
    for name, array in zip(names, network().get_weights(), strict=True):
        told: dict[str, Any] = {"name": name, "shape": list(array.shape), "dtype": "float32"}
        if kept == "float16":
            told["quantization"] = {"dtype": kept, "original_dtype": "float32"}
            array = array.astype("<f2")
        elif kept:
            least, scale = float(array.min()), float(np.ptp(array)) / np.iinfo(kept).max
            told["quantization"] = {"dtype": kept, "min": least, "scale": scale, "original_dtype": "float32"}
            array = np.round((array - least) / scale).astype(kept)
        weights.append(told)
        content += array.tobytes()
    half = len(content) // 2
    for number, part in enumerate((content[:half], content[half:]), 1):
        (folder / f"group1-shard{number}of2.bin").write_bytes(part)
    group = {"paths": [f"group1-shard{number}of2.bin" for number in (1, 2)], "weights": weights}
    topology |= {"config": {"name": "net", "layers": layers}}
    whole = {"format": "layers-model", "modelTopology": topology, "weightsManifest": [group]}
    (folder / "model.json").write_text(json.dumps(whole))
    return {"path": str(folder / "model.json")}


def tensorflow_serving(folder: Path) -> dict[str, Any]:
    return {"url": f"{_server()}/v1/models/net", "protocol": "tensorflow_serving", "batch_size": 64}


def kserve(folder: Path) -> dict[str, Any]:
    return {"url": f"{_server()}/v2/models/net/versions/7", "protocol": "kserve_v2"}


@cache
def _server() -> str:
    return start(honest(network()), SHAPE).url


FORMS = {
    "keras": Form("keras", keras, True, True),
    "keras, legacy .h5": Form("keras", legacy_keras, True, True),
    "saved_model of Keras": Form("saved_model", saved_model, True, True),
    "saved_model of a module": Form("saved_model", plain_module, True, True),
    "tf1_checkpoint": Form("tf1_checkpoint", tf1_checkpoint, True, True),
    "frozen_graph": Form("frozen_graph", frozen_graph, True, True),
    "frozen_graph as text": Form("frozen_graph", frozen_text, True, True),
    "tflite": Form("tflite", tflite, False),
    "tflite, batch of 1": Form("tflite", tflite_one, False),
    "onnx": Form("onnx", onnx, True),
    "onnx, batch of 1, channels last": Form("onnx", onnx_one, True),
    "torch script": Form("torch", torch_script, True),
    "torch script, channels last": Form("torch", torch_channels_last, True),
    "torch export": Form("torch", torch_export, True),
    "weights": Form("weights", weights, True, True),
    "tfjs": Form("tfjs", tfjs, True, True),
    "http, TensorFlow Serving": Form("http", tensorflow_serving, False, files=False),
    "http, KServe": Form("http", kserve, False, files=False),
}


def opened(form: str, params: dict[str, Any]) -> Classifier:
    """Open what a form has written; parameters may be changed first."""
    module = catalog.load("models", FORMS[form].format)
    classifier: Classifier = module.load(module.Params(**{"output": "probabilities", **params}))
    return classifier

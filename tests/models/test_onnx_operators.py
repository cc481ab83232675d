"""Every operator of ONNX that is computed in TensorFlow, beside what onnxruntime gives; gradients beside slopes."""

import numpy as np
import pytest

from auditor.classifiers.onnx_node import UntranslatedError
from auditor.classifiers.onnx_operators import OPERATORS
from auditor.classifiers.onnx_twin import read_graph, untranslated
from auditor.compute.backend import tensorflow

onnx = pytest.importorskip("onnx")
runtime = pytest.importorskip("onnxruntime")
make, FLOAT = onnx.helper, onnx.TensorProto.FLOAT
IMAGES, ROWS = (2, 7, 8), (6,)  # channels first


def random(*shape):
    return np.random.default_rng(len(shape)).normal(0, 1, shape).astype(np.float32)


def whole(*numbers):
    return np.array(numbers, np.int64)


def written(nodes, constants, given, opset=17):
    """A file of nodes that end in `y`; given: sizes of what it takes, behind the number of images."""
    ends = [make.make_tensor_value_info("x", FLOAT, ["n", *given]), make.make_tensor_value_info("y", FLOAT, None)]
    kept = [onnx.numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()]
    graph = make.make_graph(nodes, "net", ends[:1], ends[1:], kept)
    return make.make_model(graph, opset_imports=[make.make_opsetid("", opset)], ir_version=9).SerializeToString()


def one(kind, *constants, given=IMAGES, opset=17, first=True, outputs=("y",), **attributes):
    """One node that takes `x` and constants: None is left out."""
    named = {f"c{i}": value for i, value in enumerate(constants) if value is not None}
    names = [f"c{i}" if value is not None else "" for i, value in enumerate(constants)]
    taken = ["x", *names] if first else [*names, "x"]
    return written([make.make_node(kind, taken, list(outputs), **attributes)], named, given, opset), given


def several(*nodes, given=IMAGES, **constants):
    """Nodes, each with its operator, inputs, outputs and attributes, and constants by name."""
    made = [make.make_node(kind, taken, gives, **more) for kind, taken, gives, more in nodes]
    return written(made, constants, given), given


PLAIN = [
    "Abs",
    "Ceil",
    "Cos",
    "Erf",
    "Exp",
    "Floor",
    "HardSigmoid",
    "HardSwish",
    "Identity",
    "LogSoftmax",
    "Neg",
    "Relu",
    "Round",
    "Selu",
    "Sigmoid",
    "Sign",
    "Sin",
    "Softmax",
    "Softplus",
    "Softsign",
    "Tanh",
    "Elu",
    "LeakyRelu",
    "Reciprocal",
    "GlobalAveragePool",
    "GlobalMaxPool",
    "Flatten",
    "Transpose",
    "Dropout",
]
POSITIVE = ("Abs", ["x"], ["p"], {})
KERNEL, WIDE, TURNED = random(4, 2, 3, 3), random(4, 2, 3, 2), random(2, 3, 3, 2)
CASES = {
    **{
        kind: one(kind)
        for kind in PLAIN},
    "Sqrt": several(POSITIVE, ("Sqrt", ["p"], ["y"], {})),
    "Log": several(POSITIVE, ("Log", ["p"], ["y"], {})),
    "Pow": several(POSITIVE, ("Pow", ["p", "c"], ["y"], {}), c=np.float32(2.5)),
    "Pow by a whole number": one("Pow", whole(3)),
    "Mish": one("Mish", opset=18),
    "Gelu": one("Gelu", opset=20),
    "Gelu, about": one("Gelu", opset=20, approximate="tanh"),
    "Elu 2": one("Elu", alpha=2.0),
    "LeakyRelu .3": one("LeakyRelu", alpha=0.3),
    "HardSigmoid .1": one("HardSigmoid", alpha=0.1, beta=0.4),
    "PRelu": one("PRelu", random(2, 1, 1)),
    **{kind: one(kind, random(2, 1, 1) + 3) for kind in ("Add", "Sub", "Mul", "Div", "Max", "Min", "Sum", "Mean")},
    "Sub from": one("Sub", random(7, 1), first=False),
    "Clip": one("Clip", np.float32(-0.5), np.float32(0.7)),
    "Clip above": one("Clip", None, np.float32(0.7)),
    "Clip of old": one("Clip", opset=10, min=0.0, max=6.0),
    "Softmax over channels": one("Softmax", axis=1),
    "Softmax of old": one("Softmax", given=ROWS, opset=11),
    "BatchNormalization": one("BatchNormalization", random(2), random(2), random(2), np.abs(random(2)), epsilon=1e-3),
    "InstanceNormalization": one("InstanceNormalization", random(2), random(2)),
    "LayerNormalization": one("LayerNormalization", random(8), random(8)),
    "LayerNormalization of two": one("LayerNormalization", random(7, 8), axis=-2, epsilon=1e-3),
    "LRN": one("LRN", given=(9, 4, 3), size=5, alpha=0.1, beta=0.7, bias=1.5),
    "Conv": one("Conv", KERNEL, random(4)),
    "Conv, uneven": one("Conv", WIDE, strides=[2, 1], pads=[1, 0, 2, 1]),
    "Conv, spread": one("Conv", KERNEL, dilations=[2, 3], pads=[2, 3, 2, 3]),
    "Conv, same": one("Conv", WIDE, auto_pad="SAME_UPPER", strides=[2, 2]),
    "Conv, same below": one("Conv", WIDE, auto_pad="SAME_LOWER", strides=[2, 2]),
    "Conv, valid": one("Conv", KERNEL, auto_pad="VALID"),
    "Conv, depthwise": one("Conv", random(2, 1, 3, 3), random(2), group=2, pads=[1, 1, 1, 1], strides=[2, 2]),
    "Conv, depthwise twice": one("Conv", random(4, 1, 3, 3), group=2),
    "Conv, depthwise, uneven": one("Conv", random(4, 1, 3, 3), group=2, strides=[2, 1]),
    "Conv, groups": one("Conv", random(6, 2, 3, 3), random(6), given=(4, 7, 8), group=2),
    "GroupNormalization": one("GroupNormalization", random(6), random(6), given=(6, 4, 3), num_groups=2, opset=21),
    "GroupNormalization of old": one("GroupNormalization", random(3), random(3), given=(6, 4, 3), num_groups=3,
                                     epsilon=1e-2, opset=18),
    **{
        f"ConvTranspose, {name}": one("ConvTranspose", TURNED, random(3), **more)
        for name, more in {
            "plain": {},
            "uneven": {"strides": [2, 3], "pads": [1, 0, 0, 1]},
            "filled": {"strides": [2, 3], "output_padding": [1, 2]},
            "filled, cut": {"strides": [2, 2], "output_padding": [1, 1], "pads": [1, 1, 1, 1]},
            "spread": {"dilations": [2, 3], "strides": [2, 1]},
            "same": {"strides": [2, 1], "auto_pad": "SAME_UPPER"},
            "same below": {"strides": [2, 1], "auto_pad": "SAME_LOWER"},
            "valid": {"strides": [2, 2], "auto_pad": "VALID"},
            "to a size": {"strides": [2, 2], "output_shape": [12, 15]},
        }.items()
    },
    "ConvTranspose, groups": one("ConvTranspose", random(4, 3, 3, 3), random(6), given=(4, 7, 8), group=2,
                                 strides=[2, 2]),
    "ConvTranspose, depthwise": one("ConvTranspose", random(2, 1, 3, 2), group=2),
    **{
        f"{kind}, {name}": one(kind, kernel_shape=[3, 2], strides=[2, 2], **more)
        for kind in ("MaxPool", "AveragePool")
        for name, more in {
            "plain": {},
            "padded": {"pads": [1, 0, 1, 1]},
            "up": {"ceil_mode": 1},
            "up, padded": {"ceil_mode": 1, "pads": [1, 1, 1, 1]},
            "same": {"auto_pad": "SAME_UPPER"},
        }.items()
    },
    "AveragePool with padding": one("AveragePool", kernel_shape=[3, 3], pads=[1, 1, 1, 1], count_include_pad=1),
    "Gemm": one("Gemm", random(6, 5), random(5), given=ROWS, alpha=0.5, beta=2.0),
    "Gemm, turned": one("Gemm", random(5, 6), random(5), given=ROWS, transB=1),
    "MatMul": one("MatMul", random(8, 3)),
    "MatMul of its own": several(("Transpose", ["x"], ["t"], {"perm": [0, 1, 3, 2]}),
                                 ("MatMul", ["x", "t"], ["y"], {})),
    "Einsum": one("Einsum", random(2, 5), equation="nchw,ck->nkhw"),
    "Flatten from 2": one("Flatten", axis=2),
    "Flatten all": one("Flatten", axis=0),
    "Reshape": one("Reshape", whole(0, -1)),
    "Reshape, copied": one("Reshape", whole(0, 0, 2, -1)),
    "Reshape, as many": one("Reshape", whole(-1, 7, 16)),
    "Transpose in order": one("Transpose", perm=[0, 2, 3, 1]),
    "Squeeze": one("Squeeze", whole(1), given=(1, 3, 4)),
    "Squeeze of old": one("Squeeze", given=(1, 3, 4), opset=11, axes=[1]),
    "Unsqueeze": one("Unsqueeze", whole(1, -1)),
    "Unsqueeze of old": one("Unsqueeze", opset=11, axes=[1, 3]),
    "Concat": several(("Concat", ["x", "x"], ["y"], {"axis": 1})),
    "Split": several(("Split", ["x"], ["a", "b"], {"axis": 2}), ("Concat", ["b", "a"], ["y"], {"axis": 2}),
                     given=(2, 8, 3)),
    "Split unevenly": several(("Split", ["x", "c"], ["a", "y"], {"axis": 2}), c=whole(3, 4)),
    "Slice": one("Slice", whole(1, -3), whole(2**62, -1), whole(2, 3)),
    "Slice back": one("Slice", whole(-1), whole(-(2**62)), whole(3), whole(-2)),
    "Slice of old": one("Slice", opset=9, starts=[1], ends=[6], axes=[2]),
    "Gather": one("Gather", whole(1, -1), axis=2),
    "Gather one": one("Gather", whole(-2).reshape(()), axis=3),
    "Cast": several(("Cast", ["x"], ["i"], {"to": 7}), ("Cast", ["i"], ["y"], {"to": 1})),
    "Constant": several(("Constant", [], ["c"], {"value_floats": [2.0, 3.0]}), ("Gather", ["c", "i"], ["g"], {}),
                ("Mul", ["x", "g"], ["y"], {}), i=whole(1)),
    "Pad": one("Pad", whole(0, 0, 1, 2, 0, 1, 0, 1), np.float32(0.5)),
    "Pad of old": one("Pad", opset=10, pads=[0, 0, 1, 2, 0, 0, 0, 1], value=0.25),
    "Pad, reflected": one("Pad", whole(0, 0, 1, 2, 0, 0, 3, 1), mode="reflect"),
    "Pad of axes": one("Pad", whole(1, 2), None, whole(3), opset=18),
    "ReduceMean": one("ReduceMean", axes=[2, 3], keepdims=0),
    "ReduceMean of new": one("ReduceMean", whole(-1, -2), opset=18),
    "ReduceSum": one("ReduceSum", whole(1)),
    "ReduceSum of nothing": one("ReduceSum", noop_with_empty_axes=1),
    **{kind: one(kind, axes=[1], keepdims=0) for kind in ("ReduceMax", "ReduceMin", "ReduceProd", "ReduceL2")},
    "Resize": one("Resize", None, np.float32([1, 1, 2, 3]), mode="nearest", coordinate_transformation_mode="asymmetric",
                  nearest_mode="floor"),
    "Resize to": several(("Shape", ["x"], ["s"], {"end": 2}), ("Concat", ["s", "by"], ["to"], {"axis": 0}),
                         ("Resize", ["x", "", "", "to"], ["y"], {"mode": "nearest"}), by=whole(14, 16)),
    "Upsample": one("Upsample", np.float32([1, 1, 2, 2]), opset=9, mode="nearest"),
    "Tile": one("Tile", whole(1, 2, 1, 3)),
    "Where": several(("Greater", ["x", "c"], ["b"], {}), ("Less", ["x", "d"], ["e"], {}), ("Or", ["b", "e"], ["f"], {}),
                ("And", ["b", "f"], ["g"], {}), ("Not", ["g"], ["h"], {}), ("Where", ["h", "x", "c"], ["y"], {}),
                c=np.float32(0.3), d=np.float32(-1)),
    # What frameworks write of `x.view(x.size(0), -1)`, of heads and of a token for the class.
    "Shape, rows": several(("Shape", ["x"], ["s"], {}), ("Gather", ["s", "zero"], ["n"], {}),
                ("Unsqueeze", ["n", "at"], ["m"], {}),
                ("Concat", ["m", "rest"], ["to"], {"axis": 0}), ("Reshape", ["x", "to"], ["y"], {}),
                zero=whole(0).reshape(()), at=whole(0), rest=whole(-1)),
    "Shape, heads": several(("Shape", ["x"], ["s"], {}), ("Slice", ["s", "zero", "one"], ["n"], {}),
                ("Mul", ["n", "two"], ["m"], {}),
                ("Concat", ["m", "rest"], ["to"], {"axis": 0}), ("Reshape", ["x", "to"], ["y"], {}),
                zero=whole(0), one=whole(1), two=whole(2), rest=whole(7, -1)),
    "Expand": several(("Shape", ["x"], ["s"], {}), ("Slice", ["s", "zero", "one"], ["n"], {}),
                ("Concat", ["n", "rest"], ["to"], {"axis": 0}), ("Equal", ["to", "to"], ["same"], {}),
                ("ConstantOfShape", ["to"], ["full"], {"value": make.make_tensor("v", FLOAT, [1], [0.5])}),
                ("Expand", ["c", "to"], ["e"], {}), ("Add", ["e", "full"], ["f"], {}), ("Flatten", ["x"], ["r"], {}),
                ("Concat", ["f", "r"], ["y"], {"axis": 1}), zero=whole(0), one=whole(1), rest=whole(4), c=random(1, 4)),
}  # fmt: skip


def twin(content, given):
    tf, graph = tensorflow(), read_graph(content, "x")
    sizes = graph.sizes(np.ones((1, *given), np.float32), "y", block=None)
    taken = [tf.TensorSpec((None, *given), tf.float32)]
    return tf.function(lambda x: graph.computed(x, "y", sizes), autograph=False, input_signature=taken)


def session(content):
    options = runtime.SessionOptions()
    options.log_severity_level = 4
    return runtime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


@pytest.mark.parametrize("name", CASES)
def test_an_operator_gives_what_onnxruntime_gives(name):
    content, given = CASES[name]
    images = random(3, *given) * 1.5
    (expected,) = session(content).run(["y"], {"x": images})
    found = twin(content, given)(images).numpy()
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_no_operator_goes_untried():
    tried = {node.op_type for content, _ in CASES.values() for node in onnx.load_from_string(content).graph.node}
    assert tried == set(OPERATORS)


SMOOTH = ["Conv, uneven", "Conv, spread", "Conv, depthwise", "Conv, groups", "AveragePool, up, padded", "Gelu", "LRN"]
SMOOTH += ["LayerNormalization", "InstanceNormalization", "Softmax over channels", "HardSwish", "PRelu", "Shape, heads"]
SMOOTH += ["ConvTranspose, filled, cut", "ConvTranspose, groups", "ConvTranspose, spread", "GroupNormalization"]
SMOOTH += ["MaxPool, padded", "Elu 2", "Selu", "ReduceL2", "Pad, reflected", "MatMul of its own", "Expand"]


@pytest.mark.parametrize("name", SMOOTH)
def test_gradients_are_the_slopes_of_what_onnxruntime_gives(name):
    """Along a random direction, a sum of outputs with random weights rises as its gradient says."""
    tf = tensorflow()
    content, given = CASES[name]
    asked, images, along = session(content), random(2, *given), np.random.default_rng(1).normal(0, 1, (2, *given))
    weights = np.random.default_rng(2).normal(0, 1, asked.run(["y"], {"x": images})[0].shape)

    def total(step):
        moved = (images + step * along).astype(np.float32)
        return float((asked.run(["y"], {"x": moved})[0].astype(np.float64) * weights).sum())

    with tf.GradientTape() as tape:
        x = tf.constant(images)
        tape.watch(x)
        value = tf.reduce_sum(twin(content, given)(x) * weights.astype(np.float32))
    slope = float((tape.gradient(value, x).numpy() * along).sum())
    step = 1e-3
    assert slope == pytest.approx((total(step) - total(-step)) / (2 * step), rel=0.02, abs=0.02)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (one("MaxPool", kernel_shape=[2, 2], dilations=[2, 2])[0], "MaxPool with dilations"),
        (one("Softmax", opset=11)[0], "Softmax over several axes"),
        (one("Pad", whole(0, 0, 1, 2, 0, 0, 3, 1), mode="edge")[0], "Pad of the mode edge"),
        (one("LRN", size=4)[0], "LRN of an even size"),
        (one("ConvTranspose", TURNED, output_shape=[30, 30])[0], "ConvTranspose to more than its kernel reaches"),
        (one("Resize", None, np.float32([1, 1, 1.5, 2]))[0], "Resize of the mode nearest by"),
        (one("Resize", None, np.float32([1, 1, 2, 2]), mode="linear")[0], "Resize of the mode linear"),
    ],
)
def test_what_is_not_translated_is_named(content, told):
    with pytest.raises(UntranslatedError, match=told):
        twin(content, IMAGES)(random(2, *IMAGES))


def test_operators_that_nobody_knows_are_named():
    assert untranslated({"Relu": "", "Conv": "ai.onnx"}) == ""
    assert untranslated({"NonZero": "", "Relu": "com.microsoft"}) == (
        "the operators NonZero, Relu can't be differentiated here"
    )
    assert untranslated({"Relu": "", "QLinearConv": "", "NonZero": ""}) == (
        "it is quantised: the operator QLinearConv rounds to whole numbers; the network in floats that it was made "
        "from can lend its own, by `gradients`"
    )
    with pytest.raises(UntranslatedError, match="the operator Hardmax can't be differentiated here"):
        read_graph(one("Hardmax")[0], "x")

"""Frameworks' errors keep their reason, in a line that somebody reads."""

import json
import zipfile

import pytest

from auditor.classifiers.reason import reason
from auditor.models import keras, weights
from auditor.values import ModelError
from tests.support import CLASSES


def written_with_groups(folder):
    """A Keras file of another version: a layer has an argument that this one's doesn't know."""
    import keras as k

    model = k.Sequential([k.Input((6, 6, 2)), k.layers.DepthwiseConv2D(3), k.layers.Flatten(), k.layers.Dense(CLASSES)])
    model.save(folder / "new.keras")
    config = json.loads(model.to_json())
    for layer in config["config"]["layers"]:
        if layer["class_name"] == "DepthwiseConv2D":
            layer["config"]["groups"] = 1
    with zipfile.ZipFile(folder / "new.keras") as whole, zipfile.ZipFile(folder / "old.keras", "w") as copy:
        for name in whole.namelist():
            copy.writestr(name, json.dumps(config) if name == "config.json" else whole.read(name))
    (folder / "m.json").write_text(json.dumps(config))
    model.save_weights(folder / "m.weights.h5")


def test_what_keras_does_not_know_is_named(tmp_path):
    written_with_groups(tmp_path)
    architecture = {"architecture": str(tmp_path / "m.json"), "path": str(tmp_path / "m.weights.h5")}
    for load, params in (
        (keras.load, keras.Params(path=str(tmp_path / "old.keras"), output="logits")),
        (weights.load, weights.Params(**architecture, output="logits")),
    ):
        with pytest.raises(ModelError, match=r"passed to DepthwiseConv2D: \{'groups': 1\}") as caught:
            load(params)
        assert len(str(caught.value)) < 600
        assert "\n" not in str(caught.value)


def test_weights_that_do_not_fit_say_which(tmp_path):
    import keras as k

    model = k.Sequential([k.Input((6, 6, 1)), k.layers.Flatten(), k.layers.Dense(CLASSES)])
    (tmp_path / "m.json").write_text(model.to_json())
    k.Sequential([k.Input((6, 6, 2)), k.layers.Flatten(), k.layers.Dense(CLASSES)]).save_weights(
        tmp_path / "m.weights.h5"
    )
    params = {"architecture": str(tmp_path / "m.json"), "path": str(tmp_path / "m.weights.h5"), "output": "logits"}
    with pytest.raises(ModelError, match=r"doesn't fit m.json: .*\(36, 3\).*\(72, 3\)") as caught:
        weights.load(weights.Params(**params))
    assert len(str(caught.value)) < 3000


TRACE = "".join(
    f'  File "code/__torch__/torch/nn/modules/module_{i}.py", line {i}, in forward\n'
    f"    _{i} = (self.fc{i}).forward(x, )\n"
    f"         ~~~~~~~~~~~~~~~~~~~~~ <--- HERE\n"
    for i in range(1000)
)
RAN = f"""\
The following operation failed in the TorchScript interpreter.
Traceback of TorchScript, serialized code (most recent call last):
{TRACE}
Traceback of TorchScript, original code (most recent call last):
{TRACE}RuntimeError: mat1 and mat2 shapes cannot be multiplied (2x64 and 100x10)
"""
UNKNOWN = f"""\

Unknown builtin op: torchvision::nms.
Could not find any similar ops to torchvision::nms. This op may not exist or may not be supported in TorchScript.
:
{TRACE}"""
NODE = """\
Graph execution error:

Detected at node MatMul defined at (most recent call last):
<stack traces unavailable>
Node: 'MatMul'
Matrix size-incompatible: In[0]: [2,64], In[1]: [100,10]
\t [[{{node MatMul}}]] [Op:__inference_pruned_12]"""
CALLED = (
    "Exception encountered when calling Dense.call().\n\n\x1b[1mInput 0 of layer is incompatible: 36, not 72\x1b[0m\n"
)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (RAN, ["TorchScript interpreter", "shapes cannot be multiplied (2x64 and 100x10)"]),
        (UNKNOWN, ["Unknown builtin op: torchvision::nms.", "may not be supported in TorchScript"]),
        (NODE, ["Matrix size-incompatible: In[0]: [2,64], In[1]: [100,10]"]),
        (CALLED, ["calling Dense.call()", "36, not 72"]),
        ("config={'a': " + "1, " * 5000 + "} can't be read", ["config={'a'", "can't be read"]),
        ("\n".join(f"line {i}" for i in range(500)) + "\nValueError: that is why\n" + "more\n" * 50, ["that is why"]),
        ("", ["RuntimeError"]),
    ],
)
def test_the_reason_is_kept_and_the_rest_is_not(text, kept):
    found = reason(RuntimeError(text))
    assert all(part in found for part in kept), found
    assert "\n" not in found
    assert "\x1b" not in found
    assert len(found) <= 10 * 310

"""Errors of others keep their reason, in a line that somebody reads; and nothing else cuts them."""

import ast
import json
import zipfile
from pathlib import Path

import pytest

from auditor.models import keras, weights
from auditor.telling.reason import named_reason, os_reason, reason, trace
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


def test_the_operation_around_a_reason_is_left_out():
    told = "{{function_node __wrapped__IteratorGetNext}} corrupted record at 12 [Op:IteratorGetNext] name: "
    assert reason(RuntimeError(told)) == "corrupted record at 12 name:"


def test_an_error_that_says_little_has_its_name():
    assert named_reason(KeyError("w")) == "KeyError: 'w'"
    assert named_reason(EOFError()) == "EOFError"
    assert os_reason(FileNotFoundError(2, "No such file or directory", "a.npz")) == "No such file or directory"
    assert os_reason(OSError("Unable to open file")) == "Unable to open file"


def test_a_traceback_has_its_ends():
    """What began it and what ended it are kept, and of a long line as well."""

    def fall():
        raise ValueError("that is why " + "1, " * 5000 + "the end")

    def other(depth):  # of two functions in turn, so that Python itself folds nothing
        if depth:
            again(depth - 1)
        fall()

    def again(depth):
        other(depth)

    try:
        other(300)
    except ValueError:
        told = trace()
    lines = told.splitlines()
    assert len(lines) <= 121
    assert lines[0] == "Traceback (most recent call last):"
    assert lines[-1].startswith("ValueError: that is why")
    assert lines[-1].endswith("the end")
    assert max(map(len, lines)) <= 310
    assert "lines are left out" in lines[60]


HOUSE = Path(__file__).parents[2] / "auditor"
OURS = {
    node.name
    for path in HOUSE.rglob("*.py")
    for node in ast.parse(path.read_text()).body
    if isinstance(node, ast.ClassDef) and node.name.endswith("Error")
}
UNCUT = {"message", "msg", "reason", "__str__"}  # of an error, all that others wrote


def told_uncut(tree):
    """The lines where an error that others may have raised is put into a text as it is, or cut in another way."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler) and node.name and not _ours(node.type):
            yield from _uses(node, node.name)
        elif isinstance(node, ast.FunctionDef):
            for one in node.args.args:
                words = ast.unparse(one.annotation).split("|") if one.annotation else []
                if any(word.strip().endswith(("Error", "Exception")) and word.strip() not in OURS for word in words):
                    yield from _uses(node, one.arg)


def _ours(caught):
    kinds = caught.elts if isinstance(caught, ast.Tuple) else [caught]
    return all(isinstance(kind, ast.Name) and kind.id in OURS for kind in kinds)


def _uses(scope, name):
    above = {child: node for node in ast.walk(scope) for child in ast.iter_child_nodes(node)}
    for node in ast.walk(scope):
        if not (isinstance(node, ast.Name) and node.id == name):
            continue
        inner, outer = node, above[node]
        while isinstance(outer, ast.BoolOp | ast.IfExp | ast.Attribute):
            if isinstance(outer, ast.Attribute) and outer.attr in UNCUT:
                yield node.lineno
            inner, outer = outer, above[outer]
        written = isinstance(outer, ast.Call) and isinstance(outer.func, ast.Name) and outer.func.id in ("str", "repr")
        tested = isinstance(above.get(outer), ast.Compare)
        at_hand = isinstance(inner, ast.Attribute) and inner.attr in ("filename", "strerror")
        if (isinstance(outer, ast.FormattedValue) and not at_hand) or (written and not tested):
            yield node.lineno


def test_nothing_else_puts_what_others_raised_into_a_text():
    """Of a framework's error the first line often isn't the one that matters, and all of it may be pages."""
    found = [
        f"{path.relative_to(HOUSE)}:{line}"
        for path in sorted(HOUSE.rglob("*.py"))
        if path != HOUSE / "telling" / "reason.py"
        for line in told_uncut(ast.parse(path.read_text()))
    ]
    assert found == [], "`auditor.telling.reason` says it in ten lines at most"
    tracebacks = [str(path) for path in HOUSE.rglob("*.py") if "traceback.format" in path.read_text()]
    assert tracebacks == [str(HOUSE / "telling" / "reason.py")]


@pytest.mark.parametrize(
    ("body", "seen"),
    [
        ("raise A(f'{error}') from error", True),
        ("raise A(f'{error!r}') from error", True),
        ("raise A(str(error).splitlines()[0]) from error", True),
        ("raise A(f'{error.strerror or error}') from error", True),
        ("told = error.message", True),
        ("raise A(f'{reason(error)}') from error", False),
        ("raise A(f'{error.filename}: {os_reason(error)}') from error", False),
        ("found = one in str(error)", False),
    ],
)
def test_it_would_be_seen(body, seen):
    tree = ast.parse(f"try:\n    pass\nexcept ValueError as error:\n    {body}\n")
    assert bool(list(told_uncut(tree))) is seen

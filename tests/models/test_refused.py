"""Models in forms that aren't opened are told by what is in them, and the line that refuses one says what to do."""

import io
import json
import pickle
import re
import sys
import types
import zipfile
from collections import OrderedDict
from pathlib import Path

import pytest

from auditor.catalog import load
from auditor.classifiers import for_browsers, without_network, wrapping
from auditor.starting import formats
from auditor.values import ModelError

NET = """\
import torch


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.last = torch.nn.Linear(3, 4)

    def forward(self, x):
        return self.last(x.mean((2, 3)))
"""
GUIDE = Path(__file__).parents[2] / "docs" / "how-to" / "pytorch.md"


def archive(path: Path, *names: str) -> Path:
    with zipfile.ZipFile(path, "w") as made:
        for name in names:
            made.writestr(f"net/{name}", b"")
    return path


def test_pickles_of_torch_are_told_from_torchscript(tmp_path):
    saved = archive(tmp_path / "weights.pth", "data.pkl", "version", "data/0")
    script = archive(tmp_path / "script.pt", "data.pkl", "code/__torch__.py", "constants.pkl")
    exported = archive(tmp_path / "exported.pt2", "models/model.json")
    early = tmp_path / "early.pt"
    early.write_bytes(pickle.dumps({"weight": 1.0}, protocol=2))
    (tmp_path / "text.pt").write_text("no model")
    assert [bool(without_network(path)) for path in (saved, early, script, exported, tmp_path / "text.pt")] == [
        True,
        True,
        False,
        False,
        False,
    ]
    assert formats.model_format(script) == "torch"
    for path in (saved, early):
        for opened in (
            lambda path=path: formats.model_format(path),
            lambda path=path: load("models", "torch").load(
                load("models", "torch").Params(path=str(path), output="logits", shape=[4, 4, 1])
            ),
        ):
            with pytest.raises(ModelError, match=r"is a pickle of torch\.save") as told:
                opened()
            reason, _, script = str(told.value).partition("\n\n")
            assert "\n" not in reason
            compile(script, "export", "exec")
            assert f"torch.load({path.name!r}," in script  # all of it: it isn't known to hold weights alone
            assert "weights_only=False)  # runs the code that the file holds: only if you trust" in script
            assert "load_state_dict" not in script


def assert_script(script: str) -> None:
    """It is Python, of six lines, that loads weights alone and writes what is opened."""
    compile(script, "export", "exec")
    assert len(script.splitlines()) == 6
    assert "weights_only=True" in script or "safetensors.torch.load_file" in script
    assert "torch.jit.trace(model.eval(), example).save(" in script


def residual(stages: tuple[int, ...], deep: bool, classes: int = 7) -> dict[str, tuple[int, ...]]:
    """Names and shapes of tensors in a residual network of torchvision, as far as they tell which."""
    found: dict[str, tuple[int, ...]] = {"conv1.weight": (64, 3, 7, 7), "bn1.weight": (64,)}
    for stage, blocks in enumerate(stages, 1):
        for block in range(blocks):
            found[f"layer{stage}.{block}.conv2.weight"] = (32 << stage, 32 << stage, 3, 3)
            if deep:
                found[f"layer{stage}.{block}.conv3.weight"] = (128 << stage, 32 << stage, 1, 1)
    return {**found, "fc.weight": (classes, 2048 if deep else 512), "fc.bias": (classes,)}


def convolutions(*places: int) -> dict[str, tuple[int, ...]]:
    """Convolutions of a plain network at these places, and its last layer."""
    found = {f"features.{place}.weight": (64, 64, 3, 3) for place in places}
    return {**found, "features.0.weight": (64, 3, 3, 3), "classifier.6.weight": (7, 4096)}


def dense(*layers: int) -> dict[str, tuple[int, ...]]:
    each = [f"features.denseblock{b}.denselayer{i}.conv1.weight" for b, n in enumerate(layers, 1) for i in range(n)]
    return {**dict.fromkeys(each, (128, 64, 1, 1)), "classifier.weight": (7, 1024)}


def efficient(last: int, blocks: int) -> dict[str, tuple[int, ...]]:
    each = [f"features.{i % 7 + 1}.{i // 7}.block.0.0.weight" for i in range(blocks)]
    return {**dict.fromkeys(each, (32, 1, 3, 3)), "classifier.1.weight": (7, last)}


VGG16 = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)
# Blocks and widths as the papers and torchvision's documentation give them.
KNOWN = {
    "resnet18": residual((2, 2, 2, 2), False),
    "resnet34": residual((3, 4, 6, 3), False),
    "resnet50": residual((3, 4, 6, 3), True),
    "resnet101": residual((3, 4, 23, 3), True),
    "vgg16": convolutions(*VGG16),
    "vgg16_bn": {**convolutions(*VGG16), "features.1.running_mean": (64,)},
    "densenet121": dense(6, 12, 24, 16),
    "efficientnet_b0": efficient(1280, 16),
    "efficientnet_v2_s": efficient(1280, 40),
    "mobilenet_v2": {
        "features.1.conv.0.0.weight": (32, 1, 3, 3),
        "features.18.0.weight": (1280, 320, 1, 1),
        "classifier.1.weight": (7, 1280),
    },
    "mobilenet_v3_small": {"classifier.0.weight": (1024, 576), "classifier.3.weight": (7, 1024)},
}


def safetensors(path: Path, shapes: dict[str, tuple[int, ...]]) -> Path:
    """The header of such a file; nobody looks at the numbers behind it."""
    told = {name: {"dtype": "F32", "shape": shape, "data_offsets": [0, 0]} for name, shape in shapes.items()}
    header = json.dumps({"__metadata__": {"format": "pt"}, **told}).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header)
    return path


def test_weights_alone_are_refused_with_the_script_of_their_network(tmp_path):
    for name, shapes in KNOWN.items():
        path = safetensors(tmp_path / f"{name}.safetensors", shapes)
        with pytest.raises(ModelError, match="holds weights without their network") as told:
            formats.model_format(path)
        reason, _, script = str(told.value).partition("\n\n")
        assert f"`format: torch_weights` with `architecture: torchvision:{name}`" in reason
        assert f"\nmodel = torchvision.models.{name}(num_classes=7)\n" in script
        assert_script(script)
    # A block more, other kernels, no last layer: none that is known.
    others = [residual((2, 2, 2, 3), False), {**KNOWN["resnet18"], "conv1.weight": (64, 3, 3, 3)}, convolutions(0, 2)]
    others += [{key: shape for key, shape in KNOWN["resnet50"].items() if "fc" not in key}, {}]
    for shapes in others:
        assert "my_network" in without_network(safetensors(tmp_path / "other.safetensors", shapes))


@pytest.mark.parametrize("prefix", ["", "module.", "_orig_mod.", "model.", "_orig_mod.module.", "module.model."])
def test_what_wrappers_put_before_all_names_is_told_and_leaves_the_network_known(tmp_path, prefix):
    """By whoever opens weights too, who asks the same function."""
    shapes = {prefix + key: shape for key, shape in KNOWN["resnet18"].items()}
    assert wrapping(shapes) == prefix
    assert wrapping([*shapes, "other"]) == ""
    script = without_network(safetensors(tmp_path / "m.safetensors", shapes)).partition("\n\n")[2]
    assert "torchvision.models.resnet18(num_classes=7)" in script
    assert (f"key.removeprefix({prefix!r})" in script) is bool(prefix)


class Storage:
    """Where the numbers of a tensor lie."""


class Tensor:
    """What PyTorch pickles as a call of its own, with a shape."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape = shape


def test_pickled_weights_are_read_and_nothing_in_them_is_run(tmp_path, monkeypatch):
    """As PyTorch writes them, within what else is kept of a training; a call among them stays uncalled."""
    module = types.ModuleType("torch._utils")

    def rebuild(*_):
        raise AssertionError("it was called")

    rebuild.__module__, rebuild.__qualname__ = "torch._utils", "_rebuild_tensor_v2"
    module._rebuild_tensor_v2 = rebuild
    monkeypatch.setitem(sys.modules, "torch._utils", module)
    monkeypatch.setitem(sys.modules, "torch", types.ModuleType("torch"))

    class Pickler(pickle.Pickler):
        def persistent_id(self, part):
            return ("storage", "FloatStorage", "0", "cpu", 4) if isinstance(part, Storage) else None

        def reducer_override(self, part):
            if isinstance(part, Tensor):
                return rebuild, (Storage(), 0, part.shape, (1,) * len(part.shape), False, OrderedDict())
            return NotImplemented

    class Payload:
        def __reduce__(self):
            return Path.touch, (tmp_path / "run",)

    shapes = {f"module.{key}": shape for key, shape in KNOWN["resnet34"].items()}
    kept = {
        "epoch": 3,
        "args": Payload(),
        "state_dict": OrderedDict((key, Tensor(shape)) for key, shape in shapes.items()),
    }
    content = io.BytesIO()
    Pickler(content, protocol=2).dump(kept)
    with zipfile.ZipFile(tmp_path / "best.pth", "w") as made:
        made.writestr("best/data.pkl", content.getvalue())
    script = without_network(tmp_path / "best.pth").partition("\n\n")[2]
    assert_script(script)
    assert "torchvision.models.resnet34(num_classes=7)" in script
    assert """torch.load('best.pth', map_location="cpu", weights_only=True)['state_dict']""" in script
    assert "key.removeprefix('module.')" in script
    assert not (tmp_path / "run").exists()


def test_models_for_browsers_are_told_apart(tmp_path):
    path = tmp_path / "model.json"
    shards = {"weightsManifest": [{"paths": ["group1-shard1of1.bin"], "weights": []}]}
    path.write_text(json.dumps({"format": "layers-model", "modelTopology": {"model_config": {}}, **shards}))
    assert formats.model_format(path) == "tfjs"
    path.write_text(json.dumps({"format": "graph-model", "modelTopology": {"node": []}, **shards}))
    for opened in (
        lambda: formats.model_format(path),
        lambda: load("models", "tfjs").load(load("models", "tfjs").Params(path=str(path), output="logits")),
    ):
        with pytest.raises(ModelError, match=r"graph model of TensorFlow\.js.*can't turn back.*saved_model"):
            opened()
    for other in ("[]", "no json", json.dumps({"class_name": "Functional", "config": {}})):
        path.write_text(other)
        assert for_browsers(path) == (None, "")
        with pytest.raises(ModelError, match="an architecture without weights"):
            formats.model_format(path)


def test_the_script_of_the_guide_writes_what_is_opened(tmp_path, monkeypatch):
    torch = pytest.importorskip("torch", reason="needs torch")
    (script,) = [
        code for code in re.findall(r"```python\n(.*?)```", GUIDE.read_text("utf-8"), re.DOTALL) if "mynet" in code
    ]
    (tmp_path / "mynet.py").write_text(NET)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    from mynet import Net

    torch.save(Net().state_dict(), "weights.pth")
    assert without_network(Path("weights.pth"))
    exec(compile(script, str(GUIDE), "exec"), {})
    sys.modules.pop("mynet")
    assert not without_network(Path("model.pt"))
    torch.jit.load("model.pt")

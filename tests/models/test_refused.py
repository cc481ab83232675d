"""Models in forms that aren't opened are told by what is in them, and the line that refuses one says what to do."""

import json
import pickle
import re
import sys
import zipfile
from pathlib import Path

import pytest

from auditor.catalog import load
from auditor.classifiers import for_browsers, pickled
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
    assert [bool(pickled(path)) for path in (saved, early, script, exported, tmp_path / "text.pt")] == [
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
            with pytest.raises(
                ModelError, match=r"is a pickle of torch\.save.*weights_only=True.*torch\.jit\.trace"
            ) as told:
                opened()
            assert "\n" not in str(told.value)


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
    assert pickled(Path("weights.pth"))
    exec(compile(script, str(GUIDE), "exec"), {})
    sys.modules.pop("mynet")
    assert not pickled(Path("model.pt"))
    torch.jit.load("model.pt")

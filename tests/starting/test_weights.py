"""`auditor init` and weights of PyTorch alone: whose they are is read off their names and shapes."""

import sys

import numpy as np
import pytest
import yaml
from click.testing import CliRunner

from auditor.cli.main import main
from auditor.starting import architectures
from tests.models.test_refused import KNOWN, safetensors

MISSING = "pip install 'robustness-auditor[torchvision]'"


def told(result):
    return " ".join(result.output.split())


def test_without_torchvision_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(architectures, "find_spec", lambda _: None)
    safetensors(tmp_path / "m.safetensors", KNOWN["resnet18"])
    said = CliRunner().invoke(main, ["init", "m.safetensors", "--yes"])
    assert said.exit_code == 2
    assert f"m.safetensors holds weights of torchvision's resnet18: {MISSING} brings what opens those" in told(said)


@pytest.fixture(scope="module")
def torchvision():
    sys.modules.setdefault("triton", None)  # as `classifiers.pytorch` does, and why it does
    pytest.importorskip("torch")
    return pytest.importorskip("torchvision.models")


@pytest.mark.parametrize("name", ["resnet18", "squeezenet1_1"])
def test_a_spec_names_the_network_and_runs(torchvision, tmp_path, monkeypatch, name):
    """One is told by its names alone, the other by holding it against all that torchvision has."""
    import torch

    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    network = torchvision.get_model(name, weights=None, num_classes=3).eval()
    images = np.random.default_rng(0).random((60, 40, 40, 3), np.float32)
    given = torch.from_numpy(images.transpose(0, 3, 1, 2).copy())
    with torch.no_grad():
        if name == "resnet18":  # its classes in balance
            network.fc.bias -= network(given).mean(dim=0)
        labels = network(given).argmax(dim=1).numpy()
    torch.save({"state_dict": network.state_dict()}, "m.pth")
    np.savez("data.npz", images=images, labels=labels)
    said = CliRunner().invoke(main, ["init", "m.pth", "data.npz", "--yes"])
    assert said.exit_code == 0, said.output
    assert f"those of torchvision's {name}" in told(said)
    entry = yaml.safe_load((tmp_path / "m.audit.yaml").read_text("utf-8"))["models"]["release"]
    assert entry["architecture"] == f"torchvision:{name}"
    assert entry["shape"] == [40, 40, 3]
    if name != "resnet18":
        assert "of one class" in said.output, "it says one thing of all images, on which no gate stands"
        return
    run = CliRunner().invoke(main, ["run", "m.audit.yaml", "-k", "clean-accuracy", "-p", "no:cacheprovider"])
    assert run.exit_code == 0, run.output


def test_weights_of_no_network_that_is_known_are_asked_for(torchvision, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    safetensors(tmp_path / "m.safetensors", {"own.weight": (3, 4)})
    said = CliRunner().invoke(main, ["init", "m.safetensors", "--yes"])
    assert said.exit_code == 2
    assert "none of torchvision's networks has these weights" in told(said)
    assert "my_network" in said.output

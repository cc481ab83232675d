"""Weights of torchvision's networks, beside PyTorch's own call of them. Skipped where torchvision isn't installed."""

import re
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from auditor import catalog
from auditor.loading.scanning import scan
from auditor.values import ModelError
from tests.models.test_bad_files import Payload

sys.modules.setdefault("triton", None)  # as `classifiers.pytorch` does, and why it does
torch = pytest.importorskip("torch")
models = pytest.importorskip("torchvision.models")
CLASSES, NAME = 4, "squeezenet1_1"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A network with random weights, its file, images (N, H, W, C), and what PyTorch says of them."""
    torch.manual_seed(0)
    network = models.get_model(NAME, weights=None, num_classes=CLASSES).eval()
    path = tmp_path_factory.mktemp("weights") / "m.pth"
    torch.save(network.state_dict(), path)
    images = np.random.default_rng(0).random((3, 40, 48, 3), np.float32)
    with torch.no_grad():
        logits = network(torch.from_numpy(images.transpose(0, 3, 1, 2).copy())).numpy()
    return SimpleNamespace(weights=network.state_dict(), path=path, images=images, logits=logits, network=network)


def opened(path, architecture=f"torchvision:{NAME}", shape=(40, 48, 3)):
    given = {"path": str(path), "architecture": architecture, "output": "logits", "shape": list(shape)}
    module = catalog.load("models", "torch_weights")
    return module.load(module.Params(**given))


def test_weights_answer_as_pytorch_does_and_gradients_are_its_own(made):
    from auditor.compute import tensorflow

    model = opened(made.path)
    assert model.class_count == CLASSES
    assert np.abs(np.asarray(model.logits(made.images)) - made.logits).max() < 1e-5
    assert model.find_stateful() == ()

    tf = tensorflow()
    given = tf.constant(made.images)
    with tf.GradientTape() as tape:
        tape.watch(given)
        first = tf.reduce_sum(model.logits(given)[:, 0])
    theirs = torch.from_numpy(made.images.transpose(0, 3, 1, 2).copy()).requires_grad_()
    made.network(theirs)[:, 0].sum().backward()
    assert np.abs(tape.gradient(first, given).numpy() - theirs.grad.numpy().transpose(0, 2, 3, 1)).max() < 1e-6


def test_they_lie_in_other_files_and_under_other_names(made, tmp_path):
    safetensors = pytest.importorskip("safetensors.torch")
    safetensors.save_file(made.weights, tmp_path / "m.safetensors")
    for file, prefix in (("parallel.pth", "module."), ("trained.pth", "model."), ("both.pth", "_orig_mod.module.")):
        wrapped = {f"{prefix}{name}": part for name, part in made.weights.items()}
        torch.save({"epoch": 3, "state_dict": wrapped}, tmp_path / file)
    for name in ("m.safetensors", "parallel.pth", "trained.pth", "both.pth"):
        assert np.abs(np.asarray(opened(tmp_path / name).logits(made.images)) - made.logits).max() < 1e-5
    assert scan({"m.safetensors": tmp_path / "m.safetensors"}) == ()


def test_a_network_whose_widths_are_numbers_of_tensors_is_opened(tmp_path):
    torch.manual_seed(0)
    network = models.get_model("regnet_x_400mf", weights=None, num_classes=CLASSES).eval()
    torch.save(network.state_dict(), tmp_path / "m.pth")
    images = np.random.default_rng(0).random((2, 32, 32, 3), np.float32)
    with torch.no_grad():
        logits = network(torch.from_numpy(images.transpose(0, 3, 1, 2).copy())).numpy()
    answers = opened(tmp_path / "m.pth", "torchvision:regnet_x_400mf", (32, 32, 3)).answers(images)
    assert np.abs(answers - logits).max() < 1e-5


def test_what_does_not_fit_is_named(made, tmp_path):
    def told(content, **more):
        torch.save(content, tmp_path / "m.pth")
        with pytest.raises(ModelError) as caught:
            opened(tmp_path / "m.pth", **more)
        return str(caught.value)

    first, *others = made.weights
    assert re.search(
        rf"of {CLASSES} classes; missing: {first}; left over: new$",
        told({"new": torch.zeros(1), **{name: made.weights[name] for name in others}}),
    )
    assert f"another shape: {first} ([1], not [64, 3, 3, 3])" in told(made.weights | {first: torch.zeros(1)})
    assert "did you mean 'resnet50'" in told(made.weights, architecture="torchvision:resnet5O")
    assert "normalises its images itself" in told(made.weights, architecture="torchvision:inception_v3")
    assert "as 'state_dict' and as 'model'" in told({"state_dict": made.weights, "model": made.weights})
    assert "no weights by name" in told([torch.zeros(1)])
    assert "fit torchvision:resnet18" in told(made.weights, architecture="torchvision:resnet18")


def test_a_module_that_could_run_code_is_not_opened(made, tmp_path):
    for content in (made.network, made.weights | {"more": Payload(tmp_path / "mark")}):
        torch.save(content, tmp_path / "whole.pth")
        with pytest.raises(ModelError, match=r"can't be opened as weights of PyTorch|in which no weights are found"):
            opened(tmp_path / "whole.pth")
        assert not (tmp_path / "mark").exists()


def test_a_module_saved_whole_is_refused_with_the_script_that_opens_it(made, tmp_path):
    torch.save(made.network, tmp_path / "m.pth")
    with pytest.raises(ModelError, match=r"in which no weights are found.*so it isn't opened") as told:
        opened(tmp_path / "m.pth")
    script = str(told.value).partition("\n\n")[2].replace("'m.", f"'{tmp_path}/m.").replace("224, 224", "40, 48")
    exec(compile(script, "export", "exec"), {})
    traced = torch.jit.load(tmp_path / "m.traced.pt")(torch.from_numpy(made.images.transpose(0, 3, 1, 2).copy()))
    np.testing.assert_allclose(traced.detach().numpy(), made.logits, atol=1e-5)

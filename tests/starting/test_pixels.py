"""What `auditor init` finds out of how a model takes pixels, and that it claims nothing where it can't."""

import numpy as np
import pytest
import yaml
from click.testing import CliRunner

from auditor.classifiers.presets import PRESETS
from auditor.cli.main import main
from auditor.compute.backend import tensorflow
from auditor.loading import resources

SIDE = 6


def _photos(count=150):
    """Images (N, H, W, 3) in [0, 1] of which one channel is a little brighter than the others, and which it is."""
    labels, random = np.arange(count) % 3, np.random.default_rng(0)
    images = 0.45 + 0.06 * np.eye(3)[labels][:, None, None, :] + random.normal(0, 0.02, (count, SIDE, SIDE, 3))
    return images.astype(np.float32), labels


def _network(preset):
    """One that knows the brightest channel of images that a preset has prepared, by its means and nothing else."""
    tensorflow()
    import keras

    told = PRESETS[preset]
    std = np.broadcast_to(1.0 if told.std is None else told.std, 3)
    kernel = np.diag(std) / told.full
    bias = np.broadcast_to(told.mean, 3) / told.full
    if told.channels == "bgr":
        kernel, bias = kernel[:, ::-1], bias[::-1]
    model = keras.Sequential([keras.Input((SIDE, SIDE, 3)), keras.layers.GlobalAveragePooling2D()])
    model.add(keras.layers.Dense(3))
    model.layers[-1].set_weights([40 * kernel, 40 * bias])
    return model


@pytest.fixture(scope="module")
def begun(tmp_path_factory):
    """What `init` said of each model and data, and the spec that it wrote."""
    folder, prober = tmp_path_factory.mktemp("pixels"), resources.Prober()
    images, labels = _photos()
    np.savez(folder / "data.npz", images=images, labels=labels)
    np.savez(folder / "of_one.npz", images=images[labels == 0], labels=labels[labels == 0])
    np.savez(folder / "moved.npz", images=images, labels=(labels + 1) % 3)
    said = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(resources, "Prober", lambda *_: prober)
        for name in ("imagenet-torch", "imagenet-caffe"):
            _network(name).save(f"{name}.keras")
        for name, data in (
            ("imagenet-torch", "data"),
            ("imagenet-caffe", "data"),
            ("imagenet-caffe", "of_one"),
            ("imagenet-caffe", "moved"),
        ):
            spec = folder / f"{name}.{data}.audit.yaml"
            done = CliRunner().invoke(main, ["init", f"{name}.keras", f"{data}.npz", "--yes", "--output", spec.name])
            assert done.exit_code == 0, done.output
            said[name, data] = " ".join(done.output.split()), yaml.safe_load(spec.read_text("utf-8"))
    return said


def test_a_preset_that_is_clearly_the_best_is_taken_with_its_numbers(begun):
    said, spec = begun["imagenet-caffe", "data"]
    assert "150 of 150 (96.5% to 100%) images would be right if they were prepared as `imagenet-caffe`" in said
    assert spec["models"]["release"]["preprocessing"] == {"preset": "imagenet-caffe"}
    assert "150 of 150 images are right" in said


def test_of_presets_that_fit_alike_the_commoner_is_taken_and_all_are_told(begun):
    said, spec = begun["imagenet-torch", "data"]
    # Multiplied by 255 the signal drowns what is subtracted: right as often, but no network's usual input.
    assert "0..255 gets 150 right, imagenet-torch gets 150 right, clip gets 150 right" in said
    assert "which is it? imagenet-torch (assumed)" in said
    assert "hold `imagenet-torch`, which was taken, against how it was trained" in said
    assert spec["models"]["release"]["preprocessing"] == {"preset": "imagenet-torch"}


@pytest.mark.parametrize(
    ("data", "why"),
    [("of_one", "of one class, so nothing shows"), ("moved", "are in another order than the data's: mend the labels")],
)
def test_no_gate_stands_on_labels_that_show_nothing(begun, data, why):
    """Of images of one class, and where classes are permuted in a file that has no names."""
    said, spec = begun["imagenet-caffe", data]
    assert why in said
    assert "expect" not in spec["checks"][0]

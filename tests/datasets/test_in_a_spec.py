"""Files beside a spec, audited from it: paths are the spec's own, and what is wrong is an error of the case."""

import numpy as np
import pytest
from PIL import Image

from auditor.compute.backend import tensorflow
from auditor.records.store import Folder
from tests.datasets.test_idx import packed
from tests.support import CLASSES, SIZE, data, linear_model, linear_weights, spec

IDX = "dataset: idx, images: files/images, labels: files/labels, names: [a, b, c]"
CSV = "dataset: csv, path: files/index.csv, channels: 1, names: [a, b, c], count: 30"


@pytest.fixture
def files(project):
    """The tiny data as files of both kinds, in a folder beside the spec."""
    images, labels = data()
    pixels = (images[..., 0] * 255).round().astype(np.uint8)
    folder = project.path / "files"
    folder.mkdir()
    (folder / "images").write_bytes(packed(pixels))
    (folder / "labels").write_bytes(packed(labels.astype(np.uint8)))
    rows = ["path,label"]
    for i, (image, label) in enumerate(zip(pixels, labels, strict=True)):
        Image.fromarray(image).save(folder / f"{i}.png")
        rows.append(f"{i}.png,{'abc'[label]}")
    (folder / "index.csv").write_text("\n".join(rows))
    return project


def run(project, source: str, models: str = "", check: str = "- {id: clean, check: accuracy}"):
    (project.path / "one.audit.yaml").write_text(spec(check, models=models, data=source))
    project.runpytest_inprocess()
    return Folder(project.path / "reports" / "tiny").load_run().records["clean"]


@pytest.mark.parametrize(("source", "images"), [(IDX, 60), (CSV, 30)], ids=["idx", "csv"])
def test_an_audit_of_files(files, source, images):
    record = run(files, source)
    assert record.verdict.status == "descriptive"
    accuracy = record.evidence.metrics["accuracy"]
    assert (accuracy.value, accuracy.n) == (1.0, images)
    assert record.provenance["data"]["images"] == images
    assert all(name.startswith("files/") for name in record.provenance["data"]["files"])


def test_a_missing_image_is_an_error_of_the_case(files):
    (files.path / "files" / "4.png").unlink()
    record = run(files, CSV.removesuffix(", count: 30"))
    assert record.verdict.status == "error"
    assert f"files/index.csv:6: there is no file {files.path}/files/4.png" in record.verdict.message


@pytest.mark.parametrize("channels", [1, 3], ids=["grey", "rgb"])
def test_a_folder_for_every_class_from_spec_to_report(project, channels):
    """Classes by brightness of a third of the image, in colour of the red alone, under names of their own."""
    images, labels = data(12)
    for i, (image, label) in enumerate(zip(images, labels, strict=True)):
        folder = project.path / "test" / ("grebe", "heron", "ibis")[label]
        folder.mkdir(parents=True, exist_ok=True)
        shown = np.concatenate([image, *[np.zeros_like(image)] * (channels - 1)], axis=-1)
        Image.fromarray((shown.squeeze() * 255).round().astype(np.uint8)).save(folder / f"{i}.png")
    (linear_model() if channels == 1 else colour_model()).save(project.path / "birds.keras")
    birds = "birds: {format: keras, path: birds.keras, output: probabilities, trusted: true}\n"
    check = "- {id: clean, check: accuracy, model: birds}"
    record = run(project, f"dataset: image_folder, path: test, channels: {channels}, count: 9", birds, check)
    assert record.verdict.status == "descriptive", record.verdict.message
    assert (record.evidence.metrics["accuracy"].value, record.evidence.metrics["accuracy"].n) == (1.0, 9)
    page = (project.path / "reports" / "tiny" / "index.html").read_text()
    assert all(name in page for name in ("grebe", "heron", "ibis"))


def colour_model():
    """The linear classifier, looking at red alone."""
    tensorflow()
    import keras

    kernel, bias = linear_weights()
    layers = [keras.Input((SIZE, SIZE, 3)), keras.layers.Flatten(), keras.layers.Dense(CLASSES, activation="softmax")]
    model = keras.Sequential(layers)
    model.layers[-1].set_weights([np.stack([kernel, 0 * kernel, 0 * kernel], axis=1).reshape(-1, CLASSES), bias])
    return model

"""Files beside a spec, audited from it: paths are the spec's own, and what is wrong is an error of the case."""

import numpy as np
import pytest
from PIL import Image

from auditor.store import Folder
from tests.datasets.test_idx import packed
from tests.support import data, spec

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


def run(project, source: str):
    (project.path / "one.audit.yaml").write_text(spec("- {id: clean, check: accuracy}", data=source))
    project.runpytest_inprocess()
    return Folder(project.path / "reports" / "tiny").load_run().records["clean"]


@pytest.mark.parametrize(("source", "images"), [(IDX, 60), (CSV, 30)], ids=["idx", "csv"])
def test_an_audit_of_files(files, source, images):
    record = run(files, source)
    assert record.verdict.status == "pass"
    accuracy = record.evidence.metrics["accuracy"]
    assert (accuracy.value, accuracy.n) == (1.0, images)
    assert record.provenance["data"]["images"] == images
    assert all(name.startswith("files/") for name in record.provenance["data"]["files"])


def test_a_missing_image_is_an_error_of_the_case(files):
    (files.path / "files" / "4.png").unlink()
    record = run(files, CSV)
    assert record.verdict.status == "error"
    assert f"files/index.csv:6: there is no file {files.path}/files/4.png" in record.verdict.message

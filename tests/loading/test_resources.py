"""Models and data that don't fit, each an error of its case with the place and the reason."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

from auditor.loading.resources import Resources
from auditor.models import saved_model, tf1_checkpoint
from auditor.records.store import Folder
from auditor.spec.resolving import Source
from tests.support import linear_model, spec


def run_one(project, data=None, model=None):
    if data:
        np.savez(project.path / "data.npz", **data)
    entry = f"odd: {{format: keras, path: {model}, output: probabilities, trusted: true}}\n" if model else ""
    which = ", model: odd" if model else ""
    (project.path / "one.audit.yaml").write_text(
        spec(f"- {{id: odd, check: accuracy{which}}}\n- {{id: fine, check: accuracy}}", models=entry)
    )
    result = project.runpytest_inprocess()
    return result, Folder(project.path / "reports" / "tiny").load_run().records


IMAGES = np.random.default_rng(0).random((4, 6, 6, 1), np.float32)
LABELS = np.array([0, 1, 2, 0])
BAD_DATA = {
    "another shape": (
        {"images": np.zeros((4, 7, 7)), "labels": LABELS},
        "takes images of 6 × 6 × 1, but npz has 7 × 7 × 1",
    ),
    "colours for grey": (
        {"images": np.zeros((4, 6, 6, 3)), "labels": LABELS},
        "but npz has 6 × 6 × 3; `preprocessing: {channels: grey}` of the model makes them so",
    ),
    "transparency": (
        {"images": np.zeros((4, 6, 6, 4)), "labels": LABELS},
        "but npz has 6 × 6 × 4; no `preprocessing` makes them of 4 channels",
    ),
    "more classes": (
        {"images": IMAGES, "labels": LABELS, "classes": list("abcd")},
        "tells 3 classes apart, but npz has 4; name all that the model knows, in its order",
    ),
    "labels too high": (
        {"images": IMAGES, "labels": LABELS + 2},
        "labels up to 4, but model 'linear' knows classes 0 to 2",
    ),
    "labels from 1": (
        {"images": IMAGES, "labels": LABELS + 1},
        "labels up to 3, but model 'linear' knows classes 0 to 2; if they are numbered from 1, take 1 off each",
    ),
    "NaN": ({"images": np.full_like(IMAGES, np.nan), "labels": LABELS}, "hold NaN or infinity"),
    "outside the box": ({"images": IMAGES + 2, "labels": LABELS}, "leave the box"),
}


@pytest.mark.parametrize("what", BAD_DATA)
def test_data_that_does_not_fit(project, what):
    data, told = BAD_DATA[what]
    result, records = run_one(project, data)
    result.assert_outcomes(failed=2)
    assert told in records["odd"].verdict.message
    assert records["odd"].verdict.status == "error"


def test_models_that_cannot_be_used_leave_the_others_alone(project):
    import keras

    (project.path / "text.keras").write_text("no checkpoint")
    linear_model("linear", scale=np.nan).save(project.path / "nan.keras")
    linear_model("linear").save(project.path / "undeclared.keras")
    keras.Sequential([keras.Input((35,)), keras.layers.Dense(3)]).save(project.path / "rows.keras")
    for name, told in (
        ("rows", "takes images of 1 × 1 × 35, but npz has 6 × 6 × 1"),
        ("text", "can't be opened as a Keras checkpoint"),
        ("nan", "gives NaN or infinity"),
        ("undeclared", "write `output: logits`"),
    ):
        result, records = run_one(project, model=f"{name}.keras")
        result.assert_outcomes(passed=1, failed=1)
        assert told in records["odd"].verdict.message
        assert records["odd"].failure.traceback == ""
        assert records["fine"].verdict.status == "descriptive"


def test_provenance_names_what_was_used(project):
    _, records = run_one(project, model="steeper.keras")
    origin = records["odd"].provenance
    assert list(origin["models"]) == ["odd"]
    assert len(origin["models"]["odd"]["files"]["steeper.keras"]) == 64
    assert origin["data"]["images"] == 60
    assert origin["versions"]["tensorflow"]


def digest_of(params):
    return Resources().digests(Source("any", params, params))[params.path]


def printed(folder, *names):
    """What `sha256sum` prints for these files."""
    found = "".join(f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n" for name in names)
    return hashlib.sha256(found.encode()).hexdigest()


def test_the_digest_of_a_folder_covers_every_file_and_its_name(tmp_path: Path):
    (tmp_path / "inner").mkdir()
    for name in ("b", "inner/c", "a"):
        (tmp_path / name).write_text(name)
    params = saved_model.Params(path=str(tmp_path), output="logits")
    before = digest_of(params)
    assert before == printed(tmp_path, "a", "b", "inner/c")
    (tmp_path / "b").rename(tmp_path / "d")
    assert digest_of(params) != before


def test_the_digest_of_a_tensorflow_1_checkpoint_covers_its_shards(tmp_path: Path):
    names = ["m[1].data-00000-of-00002", "m[1].data-00001-of-00002", "m[1].index", "m[1].meta"]
    for name in (*names, "m[1].data", "m1.index", "checkpoint"):
        (tmp_path / name).write_text(name)
    params = tf1_checkpoint.Params(path=str(tmp_path / "m[1].meta"), output="logits", input="x", logits="y")
    assert digest_of(params) == printed(tmp_path, *names)
    assert digest_of(params.model_copy(update={"path": str(tmp_path / "m[1]")})) == printed(tmp_path, *names)

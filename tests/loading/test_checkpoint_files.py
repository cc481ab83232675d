"""Files of one name in different folders stay two files, wherever a name stands for one."""

import hashlib
from pathlib import Path

import numpy as np

from auditor.loading.checkpoint_files import all_labelled
from auditor.loading.resources import Resources
from auditor.run.case_key import source_identity
from auditor.spec.resolving import Source
from auditor.values import FilePath, Parameters
from tests.support import CLASSES, data, last_run, linear_model, spec, states, write


class Params(Parameters):
    """A model of two files."""

    path: FilePath
    other: FilePath


def written(folder: Path, content: str) -> Path:
    folder.mkdir(parents=True)
    (folder / "m.bin").write_text(content)
    return folder / "m.bin"


def test_each_is_called_by_what_differs(tmp_path):
    one, other = written(tmp_path / "a", "one"), written(tmp_path / "b" / "deep", "other")
    params = Params(path=str(one), other=str(other))
    assert all_labelled([one, other], params) == {"a/m.bin": one, "b/deep/m.bin": other}
    assert all_labelled([one], params) == {"m.bin": one}


def test_each_is_what_results_depend_on(tmp_path, monkeypatch):
    """As files of a model, and as those that a dataset finds by itself."""
    from auditor.datasets import mnist_5k

    paths = written(tmp_path / "a", "one"), written(tmp_path / "b", "other")
    params = Params(path=str(paths[0]), other=str(paths[1]))
    assert list(Resources().digests(Source("npz", params, params)).values()) == [
        hashlib.sha256(content).hexdigest() for content in (b"one", b"other")
    ]
    monkeypatch.setattr(mnist_5k, "own_files", lambda _: paths)
    own = mnist_5k.Params()
    before = source_identity(Source("mnist_5k", own, own), "datasets", Resources())
    assert len(before["files"]) == 2
    paths[0].write_text("changed")
    assert source_identity(Source("mnist_5k", own, own), "datasets", Resources()) != before


def test_two_models_of_one_file_name_are_two_models(project):
    """The other has its classes turned around: it gets wrong what the one gets right, but for the class amid them."""
    right, turned = linear_model(), linear_model()
    kernel, bias = right.layers[-1].get_weights()
    turned.layers[-1].set_weights([kernel[:, ::-1], bias[::-1]])
    models = ""
    for name, model in (("right", right), ("turned", turned)):
        (project.path / name).mkdir()
        model.save(project.path / name / "m.keras")
        models += f"{name}: {{format: keras, path: {name}/m.keras, output: probabilities, trusted: true}}\n"
    checks = "\n".join(f"- {{id: {name}, check: accuracy, model: {name}}}" for name in ("right", "turned"))
    write(project, spec(checks, models=models))
    project.runpytest_inprocess()
    run = last_run(project)
    assert "error" not in states(run).values()
    images, labels = data()
    scores = images.reshape(len(images), -1) @ kernel + bias
    said = {"right": scores.argmax(axis=1), "turned": CLASSES - 1 - scores.argmax(axis=1)}
    for name in said:
        record = run.records[name]
        assert record.evidence.metrics["accuracy"].value == np.mean(said[name] == labels)
        told = record.provenance["models"][name]["files"]
        digest = hashlib.sha256((project.path / name / "m.keras").read_bytes()).hexdigest()
        assert told == {f"{name}/m.keras": digest}

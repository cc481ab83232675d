"""ONNX models whose weights lie in files beside them: part of the model for opening, digest, scan, copy and twin."""

import hashlib

import numpy as np
import pytest

from auditor import catalog
from auditor.evidence.verification import verify
from auditor.loading.holding import held
from auditor.loading.resources import Resources
from auditor.loading.scanning import scan
from auditor.run.case_key import case_key
from auditor.search import gives_gradient
from auditor.spec.plan import make_plan
from auditor.values import ModelError
from tests.models import formats
from tests.support import last_run, samples, save_data, states

onnx = pytest.importorskip("onnx")
runtime = pytest.importorskip("onnxruntime")


def written(folder, location="m.onnx.data", **how):
    params = formats.onnx(folder)
    whole = onnx.load(params["path"])
    onnx.save(whole, folder / "whole.onnx")
    onnx.save(whole, params["path"], save_as_external_data=True, location=location, size_threshold=0, **how)
    return folder / "m.onnx"


def parameters(path):
    return catalog.load("models", "onnx").Params(path=str(path), output="probabilities")


def loaded(path):
    return catalog.load("models", "onnx").load(parameters(path))


@pytest.mark.parametrize("several", [False, True], ids=["one file", "one for each tensor"])
def test_what_lies_beside_a_model_is_part_of_it(tmp_path, several):
    path = written(tmp_path, None if several else "m.onnx.data", all_tensors_to_one_file=not several)
    (tmp_path / "whole.onnx").unlink()
    params, images = parameters(path), samples(40).images
    names = sorted(file.name for file in tmp_path.iterdir())
    assert sorted(file.name for file in params.files_at(path)) == names
    assert len(names) == (7 if several else 2)
    copies = held(params, tmp_path / "copies")
    assert set(copies.digests) == set(params.files_at(path))
    (own,) = runtime.InferenceSession(path).run(None, {"x": images.transpose(0, 3, 1, 2)})
    for file in params.files_at(path):
        file.unlink()  # what is loaded is the copy, all of it
    model = loaded(copies.params.path)
    np.testing.assert_array_equal(model.answers(images, batch=40), own)
    np.testing.assert_array_equal(model.predict(images).argmax(1), own.argmax(1))
    assert model.logits_from == "the final softmax was taken off"
    assert gives_gradient(model, images[:1]), "the twin has the weights too"
    assert scan({file.name: file for file in copies.copies.values()}) == ()


def test_bytes_that_no_weight_accounts_for_are_said(tmp_path):
    path = written(tmp_path)
    files = {name: tmp_path / name for name in ("m.onnx", "m.onnx.data")}
    assert scan(files) == ()
    with files["m.onnx.data"].open("ab") as file:
        file.write(bytes(64))
    assert scan(files) == (), "what aligns holds nothing"
    with files["m.onnx.data"].open("ab") as file:
        file.write(b"\xff\x00 more")
    assert [(one.severity, one.file) for one in scan(files)] == [("unknown", "m.onnx.data")]
    assert [one.kind for one in scan({path.name: path})] == ["outside file"]


def leading(path, location):
    model = onnx.load(path, load_external_data=False)
    for tensor in model.graph.initializer:
        next(entry for entry in tensor.external_data if entry.key == "location").value = str(location)
    path.write_bytes(model.SerializeToString())


@pytest.mark.parametrize("where", ["../outside.data", "/{}/outside.data", "sub/../../outside.data"])
def test_a_path_that_leads_out_of_the_folder_is_refused(tmp_path, where):
    (tmp_path / "model").mkdir()
    path = written(tmp_path / "model")
    (path.parent / "m.onnx.data").rename(tmp_path / "outside.data")
    leading(path, where.format(tmp_path))
    assert parameters(path).files_at(path) == (path,)
    [threat] = scan({path.name: path})
    assert (threat.severity, threat.kind) == ("critical", "outside file")
    with pytest.raises(ModelError, match="outside of its folder; that isn't read: make one file of them"):
        loaded(path)


def test_so_is_a_link_that_does(tmp_path):
    (tmp_path / "model").mkdir()
    path = written(tmp_path / "model")
    (path.parent / "m.onnx.data").rename(tmp_path / "outside.data")
    (path.parent / "m.onnx.data").symlink_to(tmp_path / "outside.data")
    assert parameters(path).files_at(path) == (path,)
    with pytest.raises(ModelError, match=r"a link that leads out of it is none"):
        loaded(path)


def test_what_is_missing_or_cut_short_is_said_by_name(tmp_path):
    path = written(tmp_path)
    content = (tmp_path / "m.onnx.data").read_bytes()
    (tmp_path / "m.onnx.data").write_bytes(content[:-5])
    with pytest.raises(ModelError, match=rf"'m\.onnx\.data', which is cut short: it has {len(content) - 5} bytes"):
        loaded(path)
    (tmp_path / "m.onnx.data").unlink()
    with pytest.raises(ModelError, match=r"its weights lie in 'm\.onnx\.data', which is no file in its folder") as told:
        loaded(path)
    assert "opset" not in str(told.value)


SPEC = """\
audit: a
models: {m: {format: onnx, path: m.onnx, output: probabilities}}
data: {dataset: npz, path: data.npz}
checks:
  - {id: clean, check: accuracy, expect: {accuracy: {min: 0.9}}}
"""


def test_a_result_depends_on_what_lies_beside_the_model(tmp_path, pytester):
    """The digest in the record is of both files; a case is measured anew where one changes, and `verify` says so."""
    path = written(tmp_path)
    save_data(tmp_path)
    (tmp_path / "a.audit.yaml").write_text(SPEC)
    pytester.runpytest_inprocess(str(tmp_path / "a.audit.yaml"), "--rootdir", str(tmp_path))
    run = last_run(pytester, "a")
    assert states(run) == {"clean": "pass"}
    told = run.records["clean"].provenance["models"]["m"]
    lines = [
        f"{hashlib.sha256((tmp_path / name).read_bytes()).hexdigest()}  {name}\n" for name in ("m.onnx", "m.onnx.data")
    ]
    assert told["files"] == {"m.onnx": hashlib.sha256("".join(lines).encode()).hexdigest()}
    assert told["not looked into"] == []

    def found():
        plan = make_plan(tmp_path / "a.audit.yaml")
        seen = verify(pytester.path / "reports" / "a", tmp_path / "a.audit.yaml", replays=1)
        return case_key(plan, plan.cases[0], Resources()), {(one.what, one.ok) for one in seen if not one.ok}

    before, wrong = found()
    assert wrong == set()
    weights = bytearray((path.parent / "m.onnx.data").read_bytes())
    weights[100] ^= 1
    (path.parent / "m.onnx.data").write_bytes(bytes(weights))
    after, wrong = found()
    assert before != after
    assert wrong

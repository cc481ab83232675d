"""Audits as MLflow runs, and models that MLflow holds. The store is a folder: it needs nothing beside mlflow-skinny."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from auditor.loading.registry import shown
from auditor.records import manifest
from tests.support import CLASSES, data, last_run, spec, states, write

os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"  # it starts on import
mlflow = pytest.importorskip("mlflow")

CHECKS = """\
- {id: good, check: accuracy, expect: {accuracy: {min: 0.9}}}
- {id: bad, check: accuracy, expect: {accuracy: {max: 0.5}}}
- {id: broken, check: accuracy, params: {first: 1000}}
"""
REGISTERED = "registered: {{format: keras, path: {}, output: probabilities, trusted: true}}\n"
ON_REGISTERED = "- {id: good, check: accuracy, model: registered, expect: {accuracy: {min: 0.9}}}\n"


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URI of an empty store, which nothing in the environment points to."""
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI"):
        monkeypatch.delenv(name, raising=False)
    return (tmp_path / "store").as_uri()


@pytest.fixture
def client(store: str):
    return mlflow.MlflowClient(store, store)


@pytest.fixture
def version(client, project, tmp_path: Path) -> str:
    """`models:/digits/2`: a folder with a checkpoint, a broken one, and what MLflow keeps beside it."""
    folder = tmp_path / "logged" / "data"
    folder.mkdir(parents=True)
    shutil.copy(project.path / "linear.keras", folder / "model.keras")
    client.create_registered_model("digits")
    client.create_model_version("digits", folder.as_uri())
    (folder.parent / "notes.txt").write_text("no checkpoint")
    client.create_model_version("digits", folder.parent.as_uri())
    return "models:/digits/2"


def only_run(client, audit: str = "tiny"):
    experiment = client.get_experiment_by_name(audit)
    (run,) = client.search_runs([experiment.experiment_id])
    return run


def test_a_finished_audit_is_a_run_with_numbers_verdicts_digests_and_files(
    project, store, client, tmp_path, monkeypatch
):
    monkeypatch.setenv("GITHUB_SHA", "f" * 40)
    write(project, spec(CHECKS))
    result = project.runpytest_inprocess(f"--audit-mlflow={store}")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    run, logged = last_run(project), only_run(client)
    result.stdout.fnmatch_lines([f"tracked: run {logged.info.run_id} of experiment tiny*"])
    assert logged.info.status == "FINISHED"

    results = json.loads((project.path / "reports/tiny/results.json").read_text())
    for case in results["cases"]:
        for name, metric in case["record"]["metrics"].items():
            found = logged.data.metrics
            assert found[f"{case['id']}.{name}"] == metric["value"]
            if metric["kind"] != "exact":
                assert found[f"{case['id']}.{name}.low"] == metric["low"]
                assert found[f"{case['id']}.{name}.high"] == metric["high"]
    assert logged.data.metrics["good.accuracy.low"] < logged.data.metrics["good.accuracy"] == 1

    tags = logged.data.tags
    told = {case: tags[f"verdict.{case}"] for case in states(run)}
    assert told == states(run) == {"good": "pass", "bad": "fail", "broken": "error"}
    assert tags["verdict"] == "error"
    assert tags["mlflow.source.git.commit"] == "f" * 40
    assert tags["spec.sha256"] == hashlib.sha256((project.path / "one.audit.yaml").read_bytes()).hexdigest()
    assert tags["checkpoint.linear"] == hashlib.sha256((project.path / "linear.keras").read_bytes()).hexdigest()

    copy = Path(
        mlflow.artifacts.download_artifacts(
            run_id=logged.info.run_id, tracking_uri=store, dst_path=str(tmp_path / "copy")
        )
    )
    assert manifest.broken(copy) == {}
    assert (copy / "index.html").exists()


def test_names_that_mlflow_refuses_or_that_meet_are_kept_apart(project, store, client):
    images, labels = data()
    labels = np.where(np.arange(len(labels)) == 0, 1, labels)  # one mistake, in the class called `low`
    np.savez(project.path / "data.npz", images=images, labels=labels, classes=np.array(["a/b", "low", "a:b"]))
    write(project, spec("- {id: good, check: accuracy}"))
    project.makeini(f"[pytest]\naudit_mlflow = {store}\n")
    assert project.runpytest_inprocess().ret == 0
    found = only_run(client).data.metrics
    measured = last_run(project).records["good"].evidence.metrics
    assert found["good.accuracy.low"] == measured["accuracy.low"].value < 1
    limits = 2 * sum(metric.kind != "exact" for metric in measured.values())
    assert len(found) == len(measured) + limits
    assert sum(key.startswith("good.accuracy.a_b-") for key in found) == CLASSES - 1


def test_a_registered_version_is_measured_and_tagged(project, store, client, version):
    models = REGISTERED.format(f"{version}/data/model.keras")
    write(project, spec(ON_REGISTERED + "- {id: bad, check: accuracy, expect: {accuracy: {max: 0.5}}}", models=models))
    project.runpytest_inprocess(f"--audit-mlflow={store}").assert_outcomes(passed=1, failed=1)
    digest = hashlib.sha256((project.path / "linear.keras").read_bytes()).hexdigest()
    told = last_run(project).records["good"].provenance["models"]["registered"]
    assert told["files"] == {f"{version}/data/model.keras": digest}
    assert told["params"]["path"] == f"{version}/data/model.keras"
    run = only_run(client)
    assert run.data.tags["verdict"] == "fail"  # of the other model, so not of this version
    assert client.get_model_version("digits", "2").tags == {
        "audit.tiny.verdict": "pass",
        "audit.tiny.run": run.info.run_id,
        "audit.tiny.sha256": digest,
    }
    assert client.get_model_version("digits", "1").tags == {}


def test_a_version_of_one_file_needs_no_name_and_fetching_tracks_nothing(
    project, store, client, version, monkeypatch, capfd
):
    write(project, spec(ON_REGISTERED, models=REGISTERED.format("models:/digits/1")))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store)
    project.runpytest_inprocess().assert_outcomes(passed=1)
    assert os.environ["MLFLOW_TRACKING_URI"] == store
    assert client.get_experiment_by_name("tiny") is None
    assert client.get_model_version("digits", "1").tags == {}

    from auditor.cli.main import main

    main(["verify", str(project.path / "reports/tiny")], standalone_mode=False)
    assert "registered is the checkpoint that was audited" in capfd.readouterr().out


def test_what_a_version_does_not_hold_is_an_error(project, store, version, monkeypatch):
    held = "it holds: data/model.keras, notes.txt"
    wrong = {
        "models:/digits/2": f"models:/digits/2 is a directory; this format is one file ({held})",
        "models:/digits/2/model.h5": f"models:/digits/2 has no model.h5 ({held})",
        "models:/digits/2/notes.txt": "models:/digits/2/notes.txt can't be opened as a Keras checkpoint: *",
        "models:/digits/9": "models:/digits/9 can't be fetched (file:///*): *version=9) not found",
    }
    models = "".join(f"m{i}: {{format: keras, path: {path}, output: logits}}\n" for i, path in enumerate(wrong))
    write(project, spec("".join(f"- {{id: c{i}, check: accuracy, model: m{i}}}\n" for i in range(4)), models=models))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store)
    result = project.runpytest_inprocess()
    result.assert_outcomes(failed=4)
    result.stdout.fnmatch_lines(list(wrong.values()))


def test_a_path_that_names_no_version_is_a_mistake_in_the_spec(project):
    wrong = ["models:/digits", "models:/digits@best", "models:/digits/Staging", "models:/digits/1/../x"]
    models = "".join(f"m{i}: {{format: keras, path: '{path}', output: logits}}\n" for i, path in enumerate(wrong))
    write(project, spec("- {id: good, check: accuracy}", models=models))
    result = project.runpytest_inprocess()
    assert result.ret == pytest.ExitCode.INTERRUPTED
    said = "names no model version: allowed is models:/name/version*"
    result.stdout.fnmatch_lines([f"one.audit.yaml:{6 + i}:*: {path} {said}" for i, path in enumerate(wrong)])


def test_collecting_and_validating_need_no_mlflow_and_running_names_the_extra(project, monkeypatch, capfd):
    from auditor.cli.main import main

    path = write(project, spec(ON_REGISTERED, models=REGISTERED.format("models:/digits/1")))
    monkeypatch.setitem(sys.modules, "mlflow", None)
    assert project.runpytest_inprocess("--co", "--audit-mlflow=http://nowhere.invalid").ret == 0
    main(["validate", str(path)], standalone_mode=False)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://nowhere.invalid")
    result = project.runpytest_inprocess()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*mlflow isn't installed*pip install 'robustness-auditor?mlflow?'*"])
    refused = project.runpytest_inprocess("--audit-mlflow=http://nowhere.invalid")
    assert refused.ret == pytest.ExitCode.USAGE_ERROR


def test_no_uri_is_guessed(project, store, capfd):
    from auditor.cli.main import main

    path = write(project, spec(CHECKS))
    for arguments, said in (
        (("--audit-mlflow",), "*--audit-mlflow: no tracking URI is configured*MLFLOW_TRACKING_URI*"),
        (("--audit-mlflow", path.name), "*'one.audit.yaml' is no tracking URI; allowed are*"),
    ):
        result = project.runpytest_inprocess(*arguments)
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        result.stderr.fnmatch_lines([said])
    with pytest.raises(SystemExit, match="2"):
        main(["run", path.name, "--audit-mlflow"], standalone_mode=False)
    assert "no tracking URI is configured" in capfd.readouterr().err
    assert not (project.path / "reports").exists()


def test_a_server_that_does_not_answer_fails_the_session_and_loses_nothing(project, store, monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://ada:secret@127.0.0.1:9")
    write(project, spec("- {id: good, check: accuracy}"))
    result = project.runpytest_inprocess("--audit-mlflow")
    result.assert_outcomes(passed=1)
    assert result.ret == pytest.ExitCode.INTERNAL_ERROR
    result.stdout.fnmatch_lines(["tiny isn't tracked (http://127.0.0.1:9): *"])
    assert "secret" not in result.stdout.str() + result.stderr.str()
    assert manifest.broken(project.path / "reports/tiny") == {}
    assert states(last_run(project)) == {"good": "descriptive"}


def test_a_run_that_cannot_be_finished_is_marked_failed(project, store, client):
    write(project, spec(ON_REGISTERED, models=REGISTERED.format("models:/digits/1")))
    result = project.runpytest_inprocess(f"--audit-mlflow={store}")  # no such version, so there is nothing to tag
    assert result.ret == pytest.ExitCode.INTERNAL_ERROR
    result.stdout.fnmatch_lines(["tiny isn't tracked (file:*digits*not found*"])
    assert only_run(client).info.status == "FAILED"


def test_workers_fetch_from_the_same_place(project, store, client, version):
    pytest.importorskip("xdist")
    write(project, spec(ON_REGISTERED, models=REGISTERED.format("models:/digits/9")))
    project.runpytest_subprocess("-n1", f"--audit-mlflow={store}").assert_outcomes(failed=1)
    said = last_run(project).records["good"].verdict.message
    assert said.startswith(f"models:/digits/9 can't be fetched ({store}): ")


def test_telemetry_is_off_where_nothing_else_turns_it_off(tmp_path):
    code = (
        "from auditor.loading.registry import connected\n"
        f"with connected({(tmp_path / 'store').as_uri()!r}, 'test'):\n"
        "    from mlflow.telemetry import get_telemetry_client\n"
        "    assert get_telemetry_client() is None\n"
        "import os; assert 'MLFLOW_TRACKING_URI' not in os.environ\n"
    )
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "PYTHONPATH", "HOME")}
    root = str(Path(__file__).parents[2])
    subprocess.run([sys.executable, "-c", code], env=kept | {"PYTHONPATH": root}, cwd=tmp_path, check=True)


@pytest.mark.parametrize(
    ("uri", "safe"),
    [
        ("https://ada:secret@host/a@b", "https://host/a@b"),
        ("sqlite:///a.db", "sqlite:///a.db"),
        ("http://h", "http://h"),
    ],
)
def test_passwords_are_not_shown(uri, safe):
    assert shown(uri) == safe

"""CONTRIBUTING.md, followed to the letter: its files are taken from the text, linted and run."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from auditor.records.store import Folder
from auditor.values import Run
from tests.support import data, linear_weights

ROOT = Path(__file__).parents[2]
EXAMPLE = re.compile(r'^```python title="([^"\n]+)"\n(.*?)^```$', re.MULTILINE | re.DOTALL)
CONFTEST = """\
from importlib import import_module
from pathlib import Path

for kind in ("checks", "datasets", "models", "attacks"):
    import_module(f"auditor.{kind}").__path__.append(str(Path(__file__).parent / "auditor" / kind))
"""
FACES = """\
from tests.test_catalog import (
    test_every_metric_is_explained,
    test_every_parameter_is_explained,
    test_the_docstring_has_a_first_line_and_every_section_in_order,
    test_the_module_shows_its_face,
)
"""
SPEC = """\
audit: followed
models:
  good: {format: linear, path: good.npz, trusted: true}
data: {dataset: npy, images: images.npy, labels: labels.npy, count: 45}
checks:
  - {id: dusk, check: dimmed, params: {light: 0.6, samples: 30}, expect: {accuracy: {min: 0.8}, kept: {min: 0.8}}}
  - {id: hardly, check: dimmed, params: {light: 0.99}}
  - id: lamp
    check: robust_accuracy
    params: {eps: 0.05, attacks: [{attack: lamp, steps: 6}, {attack: apgd, steps: 10}]}
    expect: {robust_accuracy: {min: 0.7}}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The examples where their titles say, and an audit that uses each."""
    made = tmp_path_factory.mktemp("contribution")
    for path, code in EXAMPLE.findall((ROOT / "CONTRIBUTING.md").read_text()):
        (made / path).parent.mkdir(parents=True, exist_ok=True)
        (made / path).write_text(code)
    (made / "conftest.py").write_text(CONFTEST)
    (made / "test_faces.py").write_text(FACES)
    (made / "followed.audit.yaml").write_text(SPEC)
    images, labels = data()
    kernel, bias = linear_weights()
    np.savez(made / "good.npz", kernel=kernel.reshape(6, 6, 1, 3), bias=bias)
    np.save(made / "images.npy", images)
    np.save(made / "labels.npy", labels)
    return made


def test_there_is_an_example_of_every_kind_and_the_test_of_a_check():
    titles = [Path(path) for path, _ in EXAMPLE.findall((ROOT / "CONTRIBUTING.md").read_text())]
    kinds = {"auditor/checks", "auditor/datasets", "auditor/models", "auditor/attacks", "tests/checks"}
    assert {str(path.parent) for path in titles} == kinds
    assert not [path for path in titles if (ROOT / path).exists()], "an example would overwrite what there is"


def test_the_examples_are_as_clean_as_everything_else(folder):
    for command in (["check"], ["format", "--check"]):
        settings = ["--config", str(ROOT / "pyproject.toml"), "--no-cache"]
        # Where they belong, both are first-party.
        settings += ["--config", "lint.isort.known-first-party = ['auditor', 'tests']"]
        ruff = [sys.executable, "-m", "ruff", *command, *settings, "auditor", "tests"]
        done = subprocess.run(ruff, cwd=folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_their_types_are_checked_as_strictly_and_no_layer_is_broken(folder, tmp_path):
    """In a copy of the whole package, where they belong."""
    unread = shutil.ignore_patterns("__pycache__")
    for source in (ROOT, folder):
        shutil.copytree(source / "auditor", tmp_path / "auditor", ignore=unread, dirs_exist_ok=True)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    added = [path for path, _ in EXAMPLE.findall((ROOT / "CONTRIBUTING.md").read_text()) if path.startswith("auditor/")]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    layers = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"
    for command in (["-m", "mypy", *added], ["-c", layers]):
        done = subprocess.run([sys.executable, *command], cwd=tmp_path, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


def test_they_have_the_face_of_extensions_their_test_passes_and_so_does_a_good_model(folder):
    command = [sys.executable, "-m", "pytest", "-q", "--import-mode=importlib", "-p", "no:cacheprovider"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    environment.pop("GITHUB_STEP_SUMMARY", None)
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    for name in ("checks-dimmed", "datasets-npy", "models-linear", "attacks-lamp"):
        assert name not in done.stdout, "it passed"
    run: Run = Folder(folder / "reports" / "followed").load_run()
    assert {case.id: run.state(case) for case in run.cases} == {"dusk": "pass", "hardly": "descriptive", "lamp": "pass"}
    dusk, hardly = run.records["dusk"], run.records["hardly"]
    assert dusk.evidence.metrics["accuracy"].n == 30
    assert hardly.evidence.metrics["accuracy"].n == 45, "of a dataset that takes `count` from what it is made of"
    assert [figure.kind for figure in dusk.evidence.figures] == ["bars"]
    assert len(dusk.provenance["data"]["sha256"]) == 64

"""The wheel, as users get it: installed without extras into an empty environment, and used in an empty folder."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from auditor.records.store import Folder
from tests.support import data, linear_model

ROOT = Path(__file__).parents[1]
SPEC = """\
audit: first
models:
  mine: {format: keras, path: mine.keras, output: probabilities}
data: {dataset: npz, path: data.npz}
checks:
  - {id: clean, check: accuracy, expect: {accuracy: {min: 0.9}}}
  - id: ball
    check: robust_accuracy
    params: {eps: 0.02, attacks: [{attack: apgd, steps: 5, restarts: 2}, {attack: square, steps: 20}]}
    expect: {robust_accuracy: {min: 0.8}}
"""


def run(*command: str | Path, cwd: Path) -> str:
    """Run a program without what leads Python to this checkout, or to somebody's settings."""
    ours = ("PYTHONPATH", "VIRTUAL_ENV", "GITHUB_STEP_SUMMARY", "PYTEST_ADDOPTS")
    environment = {name: value for name, value in os.environ.items() if name not in ours}
    done = subprocess.run(list(map(str, command)), cwd=cwd, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, so that nothing of an earlier build is in it, and none is left here."""
    source = tmp_path_factory.mktemp("source")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    shutil.copytree(ROOT / "auditor", source / "auditor", ignore=shutil.ignore_patterns("__pycache__"))
    build = ["-m", "uv", "build", "--quiet", "--offline", "--wheel", "--no-build-isolation", "--python", sys.executable]
    run(sys.executable, *build, "--out-dir", source / "dist", cwd=source)
    (made,) = (source / "dist").glob("*.whl")
    return made


@pytest.mark.slow
def test_everything_that_is_no_code_is_in_it(wheel):
    with zipfile.ZipFile(wheel) as archive:
        there = {name for name in archive.namelist() if name.startswith("auditor/")}
        metadata = next(archive.read(name).decode() for name in archive.namelist() if name.endswith("/METADATA"))
    files = {path for path in (ROOT / "auditor").rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    assert there == {str(path.relative_to(ROOT)) for path in files}
    assert {"auditor/py.typed", "auditor/spec/schema/audit.schema.json"} <= there
    assert any(name.startswith("auditor/report/templates/") for name in there)
    assert not any(line.startswith("Requires-Dist: mlxtend") and "extra" not in line for line in metadata.splitlines())


@pytest.mark.slow
def test_it_audits_a_model_in_an_empty_folder(wheel, tmp_path):
    home, here = tmp_path / "environment", tmp_path / "folder"
    here.mkdir()
    python = home / "bin" / "python"
    run(sys.executable, "-m", "uv", "venv", "--quiet", "--no-project", "--python", sys.executable, home, cwd=tmp_path)
    install = ["-m", "uv", "pip", "install", "--quiet", "--python", python]
    run(sys.executable, *install, "--constraints", ROOT / "requirements" / "dev.txt", wheel, cwd=tmp_path)
    run(python, "-c", "import auditor, sys; assert sys.prefix in auditor.__file__", cwd=here)
    linear_model().save(here / "mine.keras")
    images, labels = data()
    np.savez(here / "data.npz", images=images, labels=labels)
    (here / "first.audit.yaml").write_text(SPEC)
    told = run(home / "bin" / "auditor", "run", "first.audit.yaml", cwd=here)
    assert "2 planned, 2 pass" in told
    reports = here / "reports" / "first"
    records = Folder(reports).load_run().records
    assert {case: record.verdict.status for case, record in records.items()} == {"clean": "pass", "ball": "pass"}
    assert (reports / "index.html").stat().st_size > 10_000
    assert "accuracy" in run(home / "bin" / "auditor", "checks", cwd=here)

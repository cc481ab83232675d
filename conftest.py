"""What all tests share: pytester, and the example checkpoints, trained at most once."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml  # noqa: F401 - sessions in this process forget what they import, and its part in C keeps the first one
from filelock import FileLock

import auditor.checks.robust_accuracy  # noqa: F401 - and classes of attacks are compared, so there must be one of each

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

pytest_plugins = ["pytester"]
ROOT = Path(__file__).parent


@pytest.fixture(scope="session")
def checkpoints() -> Path:
    """The folder of the example checkpoints; what is missing or stale is trained first."""
    from fixtures.examples import FOLDER

    with FileLock(FOLDER / ".training.lock"):
        subprocess.run([sys.executable, "-m", "fixtures"], cwd=ROOT, check=True)
    return FOLDER


@pytest.fixture
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with small real models of 6 × 6 images of 3 classes, and the data they get right."""
    from tests.support import make_tiny

    return make_tiny(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def project(tiny: Path, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A pytester in a folder that holds the tiny models and data."""
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)  # that of these tests is not theirs to write to
    for path in tiny.iterdir():
        (pytester.path / path.name).write_bytes(path.read_bytes())
    return pytester

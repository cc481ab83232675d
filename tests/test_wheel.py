"""The wheel, as users get it: installed without extras into an empty environment, and used in an empty folder."""

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from auditor.records.store import Folder
from tests.support import data, linear_model

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "tutorial" / "ten-minutes.md").read_text("utf-8")


def run(*command: str | Path, cwd: Path, **given: str) -> str:
    """Run a program without what leads Python to this checkout, or to somebody's settings."""
    ours = ("PYTHONPATH", "VIRTUAL_ENV", "GITHUB_STEP_SUMMARY", "PYTEST_ADDOPTS")
    environment = {name: value for name, value in os.environ.items() if name not in ours} | given
    done = subprocess.run(list(map(str, command)), cwd=cwd, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


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


def commands() -> list[str]:
    """What a stranger types after installing it, from the page that says so."""
    blocks = re.findall(r"^```console\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    typed = [line.removeprefix("$ ") for block in blocks for line in block.splitlines() if line.startswith("$ ")]
    installed = next(i for i, one in enumerate(typed) if one.startswith("pip install "))
    assert typed[installed - 1].startswith("python3 -m venv ")
    return typed[installed + 1 :]


def a_strangers_folder(here: Path) -> None:
    """A model whose classes aren't in the order of their folders' names, and 60 images."""
    linear_model().save(here / "digits.keras")
    for i, (image, label) in enumerate(zip(*data(), strict=True)):
        folder = here / "photos" / ("zero", "one", "two")[label]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray((image[..., 0] * 255).round().astype(np.uint8)).save(folder / f"{i}.png")


@pytest.mark.slow
def test_a_stranger_has_a_report_in_two_commands_and_a_gate_in_an_empty_folder(wheel, tmp_path):
    """The commands of the page, as it has them."""
    home, here = tmp_path / "environment", tmp_path / "folder"
    here.mkdir()
    python = home / "bin" / "python"
    run(sys.executable, "-m", "uv", "venv", "--quiet", "--no-project", "--python", sys.executable, home, cwd=tmp_path)
    install = ["-m", "uv", "pip", "install", "--quiet", "--python", python]
    run(sys.executable, *install, "--constraints", ROOT / "requirements" / "dev.txt", wheel, cwd=tmp_path)
    run(python, "-c", "import auditor, sys; assert sys.prefix in auditor.__file__", cwd=here)
    a_strangers_folder(here)
    [(name, program)] = re.findall(r'^```python title="(.+?)"\n(.*?)^```$', PAGE, re.MULTILINE | re.DOTALL)
    (here / name).write_text(program, "utf-8")
    path = f"{home / 'bin'}{os.pathsep}{os.environ['PATH']}"
    who = {"GIT_AUTHOR_NAME": "a", "GIT_COMMITTER_NAME": "a", "EMAIL": "a@example.org"}
    said = [run("bash", "-c", command, cwd=here, PATH=path, **who) for command in commands()]
    told = "\n".join(said)
    assert "in its order, zero, one, two; say so? yes (assumed)" in told
    assert "60 of 60 images are right: 100%" in told
    assert re.search(r"installs \$\{AUDITOR:\?", told), "a wheel of this machine is none of a build server's"
    assert "5 planned, 2 pass, 3 descriptive" in told
    assert "5 checks, " in said[-3], "the hook looked at the spec"
    assert said[-1].splitlines()[-1] == "1", "a spoiled model is no release"
    reports = here / "reports" / "digits"
    assert (reports / "index.html").stat().st_size > 10_000
    records = Folder(reports).load_run().records
    assert {case: record.verdict.status for case, record in records.items()}["clean-accuracy"] != "pass"
    assert "accuracy" in run(home / "bin" / "auditor", "checks", cwd=here)

"""Audits of real processes that need no TensorFlow: a check that does what it is told to, on a model in NumPy."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from auditor.records.store import Folder
from auditor.values import Run
from tests.support import linear_weights, save_data

EXTENSIONS = Path(__file__).parent / "extensions"
CONFTEST = f"""\
import auditor.checks, auditor.models
auditor.checks.__path__.append({str(EXTENSIONS / "checks")!r})
auditor.models.__path__.append({str(EXTENSIONS / "models")!r})
"""
HEAD = """\
audit: plain
models:
  a: {format: plain, path: a.npz, trusted: true}
  b: {format: plain, path: b.npz, trusted: true}
  c: {format: plain, path: c.npz, trusted: true}
data: {dataset: npz, path: data.npz}
checks:
"""


def make_plain(folder: Path, checks: str) -> Path:
    """Write models, data and a spec with these checks into a folder; gives the spec's path."""
    (folder / "conftest.py").write_text(CONFTEST)
    save_data(folder)
    for scale, name in enumerate("abc", 1):
        np.savez(folder / f"{name}.npz", kernel=linear_weights()[0] * scale)
    path = folder / "plain.audit.yaml"
    path.write_text(HEAD + checks)
    return path


def start_plain(folder: Path, *options: str, **environment: str) -> "subprocess.Popen[str]":
    """Start pytest there, in a process of its own, without the plugins that these tests don't need."""
    plugins = ["-p", "no:cacheprovider", "-p", "auditor.plugin.items", "-p", "xdist.plugin"]
    command = [sys.executable, "-m", "pytest", *plugins, *options]
    # Workers of pytest-xdist are told of a terminal that nobody has.
    here = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
    whole = {**here, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", **environment}
    return subprocess.Popen(command, cwd=folder, env=whole, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def run_plain(folder: Path, *options: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run it to its end."""
    return ended(start_plain(folder, *options, **environment))


def ended(process: "subprocess.Popen[str]") -> "subprocess.CompletedProcess[str]":
    """Wait for what was started; kill it after two minutes."""
    try:
        out, err = process.communicate(timeout=120)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def left(folder: Path) -> Run:
    """The run that it left."""
    return Folder(folder / "reports" / "plain").load_run()


def processes(run: Run) -> dict[str, Any]:
    """Which process ran each case."""
    return {case: int(record.evidence.arrays["process"]) for case, record in run.records.items()}

"""What TensorFlow finds when it is imported: a stand-in for it prints what it sees."""

import os
import subprocess
import sys

import pytest

from auditor.compute.capacity import cores

STAND_IN = """\
import logging, os
print(*(os.environ.get(f"{name}_THREADS") for name in ("TF_NUM_INTRAOP", "TF_NUM_INTEROP", "OMP_NUM")))
constant, get_logger = int, logging.getLogger
"""
ALL = f"1 {cores() + 1} 1"


@pytest.mark.parametrize(
    ("environment", "seen"),
    [
        ({}, ALL),
        ({"PYTEST_XDIST_WORKER_COUNT": "1000"}, "1 2 1"),
        ({"TF_NUM_INTRAOP_THREADS": "7000"}, "7000 2 7000"),
        ({"PYTEST_XDIST_WORKER_COUNT": "1000", "TF_NUM_INTEROP_THREADS": "3", "OMP_NUM_THREADS": "5"}, "1 3 5"),
    ],
)
def test_an_operation_has_one_thread_unless_the_user_has_said_otherwise(tmp_path, environment, seen):
    (tmp_path / "tensorflow.py").write_text(STAND_IN)
    program = "import sys; sys.path.insert(0, '.'); from auditor.compute.backend import tensorflow; tensorflow()"
    clean = {
        name: value
        for name, value in os.environ.items()
        if not name.endswith("_THREADS") and name != "PYTEST_XDIST_WORKER_COUNT"
    }
    command = [sys.executable, "-c", program]
    result = subprocess.run(
        command, cwd=tmp_path, env={**clean, **environment}, capture_output=True, text=True, check=True
    )
    assert result.stdout.split() == seen.split()


@pytest.mark.parametrize("collects", [True, False])
def test_what_is_imported_is_looked_through_for_garbage_neither_then_nor_later(tmp_path, collects):
    (tmp_path / "tensorflow.py").write_text(f"import gc\nprint(gc.isenabled())\nkept = [[]]\n{STAND_IN}")
    program = f"""
import gc, sys; sys.path.insert(0, '.')
from auditor.compute.backend import tensorflow
gc.{"enable" if collects else "disable"}()
kept = tensorflow().kept
print(gc.isenabled(), any(one is kept for one in gc.get_objects()))
"""
    told = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert told.stdout.splitlines()[0] == "False"
    assert told.stdout.splitlines()[-1] == f"{collects} False"

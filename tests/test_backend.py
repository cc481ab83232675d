"""What TensorFlow finds when it is imported: a stand-in for it prints what it sees."""

import os
import subprocess
import sys

import pytest

from auditor.capacity import cores

STAND_IN = """\
import logging, os
print(*(os.environ.get(f"{name}_THREADS") for name in ("TF_NUM_INTRAOP", "TF_NUM_INTEROP", "OMP_NUM")))
constant, get_logger = int, logging.getLogger
"""
HALF = str(max(1, cores() // 2))


@pytest.mark.parametrize(
    ("environment", "seen"),
    [
        ({"PYTEST_XDIST_WORKER_COUNT": "2"}, f"{HALF} {max(2, int(HALF))} {HALF}"),
        ({"PYTEST_XDIST_WORKER_COUNT": "1000"}, "1 2 1"),
        ({"PYTEST_XDIST_WORKER_COUNT": "1000", "TF_NUM_INTRAOP_THREADS": "7"}, "7 7 7"),
        ({"PYTEST_XDIST_WORKER_COUNT": "1000", "TF_NUM_INTEROP_THREADS": "3", "OMP_NUM_THREADS": "5"}, "1 3 5"),
    ],
)
@pytest.mark.skipif(cores() < 2, reason="one core has nothing to divide")
def test_threads_are_divided_among_workers_unless_the_user_has_said_otherwise(tmp_path, environment, seen):
    (tmp_path / "tensorflow.py").write_text(STAND_IN)
    program = "import sys; sys.path.insert(0, '.'); from auditor.backend import tensorflow; tensorflow()"
    clean = {name: value for name, value in os.environ.items() if not name.endswith("_THREADS")}
    command = [sys.executable, "-c", program]
    result = subprocess.run(
        command, cwd=tmp_path, env={**clean, **environment}, capture_output=True, text=True, check=True
    )
    assert result.stdout.split() == seen.split()

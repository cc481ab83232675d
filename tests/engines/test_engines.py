"""Engines give the same, bit for bit; what was finished before a kill is kept; a worker that dies is survived."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from auditor.attacks import pgd
from auditor.attacks._loop import Threat
from auditor.attacks._search import Found, Job, search
from auditor.cache import Cache
from auditor.core import AdversarialImages
from auditor.datasets import mnist_5k
from auditor.engines.dask import Dask
from auditor.engines.processes import Processes
from auditor.models import keras
from auditor.plan import Source
from tests.support import last_run

SPEC = """\
audit: tiny
models: {{cnn: {{format: keras, path: {cnn}, output: probabilities, trusted: true}}}}
data: {{dataset: mnist_5k}}
checks:
- id: attacked
  check: robust_accuracy
  params:
    eps: 0.3
    samples: {samples}
    full_length: true
    attacks: [{{attack: pgd, steps: {steps}, step_size: 0.01}}]
"""


def _write(project: pytest.Pytester, checkpoints: Path, samples: int, steps: int = 5) -> None:
    text = SPEC.format(cnn=checkpoints / "mnist_softmax.keras", samples=samples, steps=steps)
    (project.path / "one.audit.yaml").write_text(text)


def _made(project: pytest.Pytester, *options: str, reports: str = "reports") -> AdversarialImages:
    """Run the spec anew with these options; gives what the attack left."""
    result = project.runpytest_subprocess("--audit-no-cache", "--audit-report", reports, *options)
    result.assert_outcomes(passed=1)
    return last_run(project, reports=reports).records["attacked"].evidence.adversarial


def _same(one: AdversarialImages, other: AdversarialImages) -> None:
    for name in ("images", "fooled", "targets", "indices"):
        assert getattr(one, name).tobytes() == getattr(other, name).tobytes(), name
    assert one.proof.after.tobytes() == other.proof.after.tobytes()


@pytest.fixture(scope="module")
def attacked(checkpoints):
    """Attack 800 digits, four blocks, by an engine; without one, in turn."""
    params = keras.Params(path=str(checkpoints / "mnist_cnn.keras"), output="probabilities")
    cnn, digits = keras.load(params), mnist_5k.load(mnist_5k.Params(count=800))
    job = Job(
        digits.images,
        digits.labels,
        np.full(800, -1),
        np.full(800, 0.15),
        digits.indices,
        cnn.predict(digits.images),
    )

    def attack(run: Any = None) -> Found:
        def engine(function: Any, classifier: Any, tasks: Any) -> list[Any]:
            done = dict(run(function, Source("keras", params, params), classifier, tasks))
            return [done[at] for at in range(len(tasks))]

        threat, few = Threat("linf", (0.0, 1.0)), pgd.Params(steps=4, step_size=0.05)
        return search("pgd", few, cnn, threat, job, 0, "last", *([engine] if run else []))

    return attack


def _alike(one: Any, other: Any) -> None:
    for name in ("images", "success", "distances", "steps", "loss", "rate"):
        assert getattr(one, name).tobytes() == getattr(other, name).tobytes(), name


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_processes_give_what_one_does_bit_for_bit(attacked, workers):
    alone = attacked()
    assert 0 < alone.success.mean() < 1
    pool = Processes(workers)
    try:
        _alike(alone, attacked(pool.run))
    finally:
        pool.close()


def test_dask_gives_what_one_process_does_bit_for_bit(attacked, monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.setattr("auditor.engines.dask._AHEAD", 1)  # four blocks, of which two may be sent at first
    cluster = Dask(None, 2, gpu=False)
    try:
        _alike(attacked(), attacked(cluster.run))
    finally:
        cluster.close()


def test_a_killed_run_goes_on_where_it_was(pytester, checkpoints):
    _write(pytester, checkpoints, samples=900, steps=150)
    whole = _made(pytester, reports="whole")
    command = [sys.executable, "-m", "pytest", "-q", "one.audit.yaml"]
    victim = subprocess.Popen(command, cwd=pytester.path, stdout=subprocess.DEVNULL)
    cache = Cache(pytester.path / ".audit_cache")
    while len(cache.entries()) < 2 and victim.poll() is None:
        time.sleep(0.02)
    victim.send_signal(signal.SIGKILL)
    assert victim.wait() == -signal.SIGKILL, "it ended before it could be killed"
    kept = {entry.path for entry in cache.entries()}
    command += ["-p", "tests_probe"]
    (pytester.path / "tests_probe.py").write_text(
        "from auditor.engines import serial\n"
        "from pathlib import Path\n"
        "plain = serial.run\n"
        "def run(function, source, classifier, tasks):\n"
        "    with Path('worked').open('a') as file:\n"
        "        for position, result in plain(function, source, classifier, tasks):\n"
        "            file.write(tasks[position].attack + '\\n')\n"
        "            yield position, result\n"
        "serial.run = run\n"
    )
    done = subprocess.run(command, cwd=pytester.path, env={**os.environ, "PYTHONPATH": str(pytester.path)}, check=False)
    assert done.returncode == 0
    blocks = (pytester.path / "worked").read_text().split()
    total = -(-len(whole.images) // 255)
    assert len(blocks) == total - len(kept), "blocks that were kept aren't done again"
    _same(whole, last_run(pytester).records["attacked"].evidence.adversarial)
    (left,) = cache.entries()
    assert left.path not in kept, "blocks go when their case is kept whole"


def _children(parent: int) -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, _, rest = path.read_text().rpartition(")")
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(rest.split()[1]) == parent:
            found.append(int(name.split()[0]))
    return found


@pytest.mark.skipif(not Path("/proc").exists(), reason="finds the workers through /proc")
def test_a_process_that_is_killed_is_replaced_and_the_result_is_right(pytester, checkpoints):
    _write(pytester, checkpoints, samples=900, steps=150)
    whole = _made(pytester, reports="whole")
    command = [sys.executable, "-m", "pytest", "-q", "one.audit.yaml"]
    options = ["--audit-engine", "processes", "--audit-workers", "2"]
    session = subprocess.Popen([*command, *options], cwd=pytester.path)
    cache = Cache(pytester.path / ".audit_cache")
    while not cache.entries() and session.poll() is None:
        time.sleep(0.02)
    workers = [pid for pid in _children(session.pid) if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    os.kill(workers[0], signal.SIGKILL)
    assert session.wait() == 0
    _same(whole, last_run(pytester).records["attacked"].evidence.adversarial)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--audit-workers", "2"), "*--audit-workers goes with --audit-engine processes*"),
        (("--audit-engine", "processes", "--audit-workers", "0"), "*a number of at least 1 is needed*"),
        (("--audit-engine", "processes", "--audit-scheduler", "tcp://x"), "*go with --audit-engine dask*"),
    ],
)
def test_options_that_do_not_go_together_are_said(project, options, message):
    (project.path / "one.audit.yaml").write_text(
        "audit: tiny\nmodels: {m: {format: keras, path: linear.keras, output: probabilities, trusted: true}}\n"
        "data: {dataset: npz, path: data.npz}\nchecks:\n- {id: a, check: accuracy}\n"
    )
    result = project.runpytest_inprocess(*options)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([message])


def test_no_scheduler_is_an_error_of_the_case(pytester, checkpoints):
    pytest.importorskip("distributed")
    _write(pytester, checkpoints, samples=20)
    options = ("--audit-engine", "dask", "--audit-scheduler", "tcp://127.0.0.1:9")
    result = pytester.runpytest_subprocess(*options, "--audit-no-cache")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*no Dask scheduler answers at tcp://127.0.0.1:9*"])

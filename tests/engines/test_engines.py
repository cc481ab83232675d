"""Engines give the same, bit for bit; what was finished before a kill is kept. Faults: `test_engine_faults.py`."""

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from auditor.attacks import pgd
from auditor.attacks._loop import Threat
from auditor.attacks._search import Found, Job, search
from auditor.cache import Cache
from auditor.core import AdversarialImages
from auditor.datasets import mnist_5k
from auditor.engines import serial
from auditor.engines.dask import Dask
from auditor.engines.processes import Processes
from auditor.models import keras
from auditor.plan import Source
from tests.support import last_run

SPEC = """\
audit: tiny
models: {cnn: {format: keras, path: CNN, output: probabilities, trusted: true}}
data: {dataset: mnist_5k}
checks:
- id: attacked
  check: robust_accuracy
  params:
    eps: 0.3
    samples: 900
    full_length: true
    attacks: [{attack: pgd, steps: 150, step_size: 0.01}]
"""


def _same(one: AdversarialImages, other: AdversarialImages) -> None:
    for name in ("images", "fooled", "targets", "indices"):
        assert getattr(one, name).tobytes() == getattr(other, name).tobytes(), name
    assert one.proof.after.tobytes() == other.proof.after.tobytes()


@dataclass(frozen=True)
class Attacked:
    """An attack on 800 digits, four blocks: what one process finds, and the same by an engine."""

    alone: Found
    by: Callable[[Any], Found]


@pytest.fixture(scope="module")
def attacked(checkpoints):
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
    threat, few = Threat("linf", (0.0, 1.0)), pgd.Params(steps=4, step_size=0.05)

    def by(run: Any) -> Found:
        def engine(function: Any, classifier: Any, tasks: Any) -> list[Any]:
            done = dict(run(function, Source("keras", params, params), classifier, tasks))
            return [done[at] for at in range(len(tasks))]

        return search("pgd", few, cnn, threat, job, 0, "last", engine)

    alone = search("pgd", few, cnn, threat, job, 0, "last")
    assert 0 < alone.success.mean() < 1
    return Attacked(alone, by)


def _alike(one: Any, other: Any) -> None:
    for name in ("images", "success", "distances", "steps", "loss", "rate"):
        assert getattr(one, name).tobytes() == getattr(other, name).tobytes(), name


@pytest.mark.timeout(240)
@pytest.mark.parametrize("workers", [1, 4])  # two: by Dask, below; each costs an import of TensorFlow
def test_processes_give_what_one_does_bit_for_bit(attacked, workers):
    pool = Processes(workers)
    try:
        _alike(attacked.alone, attacked.by(pool.run))
    finally:
        pool.close()


@pytest.mark.timeout(240)
def test_dask_gives_what_one_process_does_bit_for_bit_and_listens_on_the_loopback_interface_alone(
    attacked, monkeypatch
):
    pytest.importorskip("distributed")
    psutil = pytest.importorskip("psutil", "6.0")
    monkeypatch.setattr("auditor.engines.dask._AHEAD", 1)  # four blocks, of which two may be sent at first
    cluster = Dask(None, 2, gpu=False)
    try:
        _alike(attacked.alone, attacked.by(cluster.run))
        here = psutil.Process()
        family = [here, *here.children(recursive=True)]
        listening = [
            connection.laddr.ip
            for process in family
            for connection in process.net_connections()
            if connection.status == psutil.CONN_LISTEN or connection.type == socket.SOCK_DGRAM
        ]
        assert len(listening) >= 5, "a scheduler, two nannies and two workers"
        assert set(listening) == {"127.0.0.1"}
    finally:
        cluster.close()


@pytest.mark.timeout(240)
def test_a_killed_run_goes_on_where_it_was(pytester, checkpoints, monkeypatch):
    text = SPEC.replace("CNN", str(checkpoints / "mnist_softmax.keras"))
    (pytester.path / "one.audit.yaml").write_text(text)
    pytester.runpytest_inprocess("--audit-no-cache", "--audit-report", "whole").assert_outcomes(passed=1)
    whole = last_run(pytester, reports="whole").records["attacked"].evidence.adversarial
    command = [sys.executable, "-m", "pytest", "-q", "one.audit.yaml"]
    victim = subprocess.Popen(command, cwd=pytester.path, stdout=subprocess.DEVNULL)
    cache = Cache(pytester.path / ".audit_cache")
    while len(cache.entries()) < 2 and victim.poll() is None:
        time.sleep(0.02)
    victim.send_signal(signal.SIGKILL)
    assert victim.wait() == -signal.SIGKILL, "it ended before it could be killed"
    kept = {entry.path for entry in cache.entries()}
    blocks = []

    def followed(function: Any, source: Any, classifier: Any, tasks: Any, plain: Any = serial.run) -> Any:
        for position, result in plain(function, source, classifier, tasks):
            blocks.append(tasks[position])
            yield position, result

    monkeypatch.setattr(serial, "run", followed)
    pytester.runpytest_inprocess().assert_outcomes(passed=1)
    total = -(-len(whole.images) // 255)
    assert len(blocks) == total - len(kept), "blocks that were kept aren't done again"
    _same(whole, last_run(pytester).records["attacked"].evidence.adversarial)
    (left,) = cache.entries()
    assert left.path not in kept, "blocks go when their case is kept whole"


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

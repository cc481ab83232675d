"""Engines give the same, bit for bit; what was finished before a kill is kept. Faults: `test_engine_faults.py`."""

import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from auditor.attacks import pgd
from auditor.datasets import mnist_5k
from auditor.models import keras
from auditor.run.cache import Cache
from auditor.run.engines import serial
from auditor.run.engines.dask import Dask
from auditor.run.engines.processes import Processes
from auditor.run.engines.threads import Threads
from auditor.search.ascent import Ascent, ascend_to_targets
from auditor.search.blocks import block_size
from auditor.search.loop import ThreatModel
from auditor.search.params import Pace
from auditor.search.search import AttackResult, Job, search
from auditor.spec.resolving import Source
from auditor.values import AdversarialImages
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
    """Attacks on 500 digits, four blocks of one and twenty of another, whose steps follow gradients and not their signs
    alone: every rounding shows. What one block after the other gives, and the same by an engine.
    """

    alone: tuple[AttackResult, Ascent]
    by: Callable[[Any], tuple[AttackResult, Ascent]]


@pytest.fixture(scope="module")
def attacked(checkpoints):
    params = keras.Params(path=str(checkpoints / "mnist_cnn.keras"), output="probabilities")
    cnn, digits = keras.load(params), mnist_5k.load(mnist_5k.Params(count=500))
    count = len(digits)
    logits = cnn.predict(digits.images)
    job = Job(digits.images, digits.labels, np.full(count, -1), np.full(count, 1.5), digits.indices, logits)
    threat, few, pace = ThreatModel("l2", (0.0, 1.0)), pgd.Params(steps=4, step_size=0.5), Pace(steps=3, step_size=0.5)

    def by(run: Any) -> tuple[AttackResult, Ascent]:
        def engine(function: Any, classifier: Any, tasks: Any) -> list[Any]:
            assert len(tasks) >= 4
            done = dict(run(function, Source("keras", params, params), classifier, tasks))
            return [done[at] for at in range(len(tasks))]

        found = search("pgd", few, cnn, threat, job, 0, "last", engine)
        targets = (digits.labels + 1) % 10
        return found, ascend_to_targets(cnn, "probability", digits.images, targets, pace, None, 3, engine)

    alone = by(serial.run)
    assert 0 < alone[0].success.mean() < 1
    return Attacked(alone, by)


def _alike(one: tuple[AttackResult, Ascent], other: tuple[AttackResult, Ascent]) -> None:
    for mine, theirs in zip(one, other, strict=True):
        for name, value in vars(mine).items():
            assert np.array_equal(np.asarray(value), np.asarray(vars(theirs)[name])), name


@pytest.mark.parametrize("count", [2, 4])
def test_threads_give_what_one_block_after_the_other_does_bit_for_bit(attacked, count):
    _alike(attacked.alone, attacked.by(Threads(count).run))


@pytest.mark.parametrize(
    ("free", "count", "wanted"),
    [
        (None, 0, 3),  # the system doesn't say
        (10**12, 0, 3),
        (400_000_000, 0, 2),
        (1, 0, 1),
        (1, 2, 2),  # whoever says how many knows
    ],
)
def test_no_more_blocks_at_once_than_memory_has_room_for(monkeypatch, free, count, wanted):
    monkeypatch.setattr("auditor.run.engines.threads.free_memory", lambda: free)
    monkeypatch.setattr("auditor.run.engines.threads.at_once", lambda: 3)
    busy, most, lock = 0, 0, threading.Lock()

    def block(_, task):
        nonlocal busy, most
        with lock:
            busy += 1
            most = max(most, busy)
        time.sleep(0.05)
        with lock:
            busy -= 1
        return task

    digits = SimpleNamespace(input_shape=(28, 28, 1))
    assert sorted(Threads(count).run(block, None, digits, range(6))) == [(i, i) for i in range(6)]
    assert most == wanted


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.parametrize("workers", [1, 3])  # two: by Dask, below; each costs an import of TensorFlow
def test_processes_give_what_one_does_bit_for_bit(attacked, workers):
    pool = Processes(workers)
    try:
        _alike(attacked.alone, attacked.by(pool.run))
    finally:
        pool.close()


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_dask_gives_what_one_process_does_bit_for_bit_and_listens_on_the_loopback_interface_alone(
    attacked, monkeypatch
):
    pytest.importorskip("distributed")
    psutil = pytest.importorskip("psutil", "6.0")
    monkeypatch.setattr("auditor.run.engines.dask._AHEAD", 1)  # four blocks, of which two may be sent at first
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
    # What it was writing when it was killed has a name of its own, and counts for nothing.
    kept = {entry.path for entry in cache.entries() if not entry.path.name.startswith(".")}
    blocks = []

    def followed(_: Any, function: Any, source: Any, classifier: Any, tasks: Any) -> Any:
        for position, result in serial.run(function, source, classifier, tasks):
            blocks.append(tasks[position])
            yield position, result

    monkeypatch.setattr(Threads, "run", followed)
    pytester.runpytest_inprocess().assert_outcomes(passed=1)
    total = -(-len(whole.images) // block_size(784))
    assert len(blocks) == total - len(kept), "blocks that were kept aren't done again"
    _same(whole, last_run(pytester).records["attacked"].evidence.adversarial)
    (left,) = cache.entries()
    assert left.path not in kept, "blocks go when their case is kept whole"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--audit-engine", "serial", "--audit-workers", "2"), "*--audit-workers goes with --audit-engine threads*"),
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

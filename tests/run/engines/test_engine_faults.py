"""Real schedulers and workers that are lost, stopped, slow, or lack what is asked for."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import auditor.models
from auditor.run.cache import Cache
from auditor.run.engines.dask import Dask
from auditor.run.engines.worker import work
from auditor.spec.resolving import Source
from auditor.values import CheckError, ModelError
from tests.plain import ended, left, make_plain, run_plain, start_plain
from tests.run.engines.blocks import Block, predict
from tests.support import data, linear_weights

ROOT = Path(__file__).parents[3]
EXTENSIONS = ROOT / "tests" / "extensions"
SPEC = "- {id: spread, check: blocks, model: a}\n"
BLOCKS, SIZE = 6, 10


def until(true: Callable[[], object], what: str) -> None:
    """Wait until it is so, half a minute at most."""
    end = time.monotonic() + 30
    while not true():
        assert time.monotonic() < end, f"never: {what}"
        time.sleep(0.02)


class Project:
    """A plain audit of one case of six blocks, and the processes that were started around it."""

    def __init__(self, path: Path, plain: ModuleType) -> None:
        self.path, self.plain = path, plain
        imports = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
        self.environment = {"PYTHONPATH": imports, "KNOW_EXTENSIONS": "1"}
        self.running: list[subprocess.Popen[str]] = []
        make_plain(path, SPEC)

    def hold(self, *blocks: int) -> None:
        for block in blocks:
            (self.path / f"hold-{block}").touch()

    def release(self, *blocks: int) -> None:
        for block in blocks:
            (self.path / f"hold-{block}").unlink()

    def begun(self, block: int) -> list[int]:
        """Who began a block."""
        path = self.path / f"begun-{block}"
        return [int(line) for line in path.read_text().split()] if path.exists() else []

    def kept(self) -> int:
        return len(Cache(self.path / ".audit_cache").entries())

    def start(self, *options: str) -> "subprocess.Popen[str]":
        self.running.append(start_plain(self.path, *options, **self.environment))
        return self.running[-1]

    def run(self, *options: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        return run_plain(self.path, *options, **self.environment, **environment)

    def assert_right(self) -> None:
        """The record is that of an undisturbed run, bit for bit."""
        kernel, images = linear_weights()[0], data()[0]
        parts = [images[at : at + SIZE].reshape(SIZE, -1) @ kernel for at in range(0, len(images), SIZE)]
        record = left(self.path).records["spread"]
        assert record.verdict.status == "descriptive", record.failure
        assert record.evidence.arrays["logits"].tobytes() == np.concatenate(parts).tobytes()

    def dask(self, role: str, *options: str, ready: str, **environment: str) -> "subprocess.Popen[str]":
        """Start `dask scheduler` or `dask worker`; gives it when it is ready."""
        log = self.path / f"{role}-{len(self.running)}.log"
        command = [sys.executable, "-m", f"distributed.cli.dask_{role}", "--host", "127.0.0.1", "--no-dashboard"]
        with log.open("w") as file:
            whole = {**os.environ, **self.environment, **environment}
            process = subprocess.Popen([*command, *options], cwd=self.path, env=whole, stderr=file, text=True)
        self.running.append(process)
        until(lambda: ready in log.read_text() or process.poll() is not None, f"{role}: {ready}")
        assert process.poll() is None, log.read_text()
        return process

    def scheduler(self, *options: str, **environment: str) -> tuple["subprocess.Popen[str]", str]:
        """A scheduler and its address."""
        process = self.dask("scheduler", "--port", "0", *options, ready="Scheduler at:", **environment)
        log = (self.path / f"scheduler-{len(self.running) - 1}.log").read_text()
        return process, log.partition("Scheduler at:")[2].split()[0]

    def worker(self, address: str, *options: str, **environment: str) -> "subprocess.Popen[str]":
        """A worker of one thread."""
        settings = ("--nthreads", "1", "--no-nanny", "--local-directory", str(self.path))
        return self.dask("worker", address, *settings, *options, ready="Registered to:", **environment)


@pytest.fixture
def plain(monkeypatch):
    """The format of the tests, known to this process for one test."""
    monkeypatch.setattr("auditor.models.__path__", [*auditor.models.__path__, str(EXTENSIONS / "models")])
    yield import_module("auditor.models.plain")
    del sys.modules["auditor.models.plain"]


@pytest.fixture
def audit(tmp_path, plain):
    """A project whose processes end with the test."""
    made = Project(tmp_path, plain)
    yield made
    for process in made.running:
        process.kill()
        process.communicate()


@pytest.mark.timeout(60)
def test_a_process_that_is_killed_is_replaced_and_the_result_is_right(audit):
    audit.hold(0)
    session = audit.start("--audit-engine", "processes", "--audit-workers", "2")
    until(lambda: audit.begun(0) and audit.kept() == BLOCKS - 1, "all blocks but one are kept")
    (killed,) = audit.begun(0)
    os.kill(killed, signal.SIGKILL)
    assert ended(session).returncode == 0
    audit.assert_right()
    assert [len(audit.begun(block)) for block in range(BLOCKS)] == [2, 1, 1, 1, 1, 1]
    assert audit.begun(0)[1] != killed


@pytest.mark.timeout(60)
def test_a_block_that_takes_down_every_process_is_an_error_with_what_is_done(audit):
    (audit.path / "deadly-0").touch()
    result = audit.run("--audit-engine", "processes", "--audit-workers", "2")
    assert result.returncode == 1
    assert "a process died 3 times while it attacked one of " in result.stdout
    assert len(audit.begun(0)) == 3


@pytest.mark.timeout(60)
@pytest.mark.parametrize("by_a_file", [False, True], ids=["removed", "replaced by a file"])
def test_a_cache_that_goes_midway_leaves_the_right_result_and_finished_work_is_kept(audit, by_a_file):
    audit.hold(3)
    session = audit.start("--audit-engine", "serial")
    until(lambda: audit.kept() == 3 and audit.begun(3), "three blocks are kept")
    cache = audit.path / ".audit_cache"
    shutil.rmtree(cache)
    if by_a_file:
        cache.write_text("not a folder")
    audit.release(3)
    done = ended(session)
    assert done.returncode == 0
    audit.assert_right()
    told = done.stdout.count(f"the cache {cache} can't be written to (")
    assert told == (1 if by_a_file else 0)
    if not by_a_file:
        assert audit.kept() == 1, "the folder is made anew, for what was finished afterwards"
    again = audit.run()
    assert again.returncode == 0
    assert "its report stands" in again.stdout
    assert [len(audit.begun(block)) for block in range(BLOCKS)] == [1] * BLOCKS


def refusal(audit: Project, address: str, gpu: bool = False, **settings: str) -> str:
    """What a client in this process is told instead of a result."""
    from dask import config

    engine, params = Dask(address, 1, gpu), audit.plain.Params(path=str(audit.path / "a.npz"))
    block, classifier = Block(0, data()[0], str(audit.path)), audit.plain.Plain(linear_weights()[0])
    try:
        with config.set(settings), pytest.raises(CheckError) as refused:
            list(engine.run(predict, Source("plain", params, params), classifier, [block]))
    finally:
        engine.close()
    return str(refused.value)


def at(address: str) -> tuple[str, ...]:
    return "--audit-engine", "dask", "--audit-scheduler", address


@pytest.mark.timeout(90)
def test_dask_workers_that_are_killed_that_stop_and_that_are_slow_leave_the_right_result(audit):
    pytest.importorskip("distributed")
    _, address = audit.scheduler(DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL="1s")
    for _ in range(3):
        audit.worker(address)
    audit.hold(0, 1, 2)
    session = audit.start(*at(address))
    until(lambda: all(map(audit.begun, range(3))), "three blocks are in hand")
    (killed,), (stopped,), (slow,) = map(audit.begun, range(3))
    assert len({killed, stopped, slow}) == 3
    os.kill(killed, signal.SIGKILL)
    os.kill(stopped, signal.SIGSTOP)
    time.sleep(1)
    audit.release(2)
    assert ended(session).returncode == 0
    audit.assert_right()
    assert audit.begun(0) == [killed, slow]
    assert audit.begun(1) == [stopped, slow], "the stopped worker's block was given to another"
    assert audit.begun(2) == [slow]


@pytest.mark.timeout(60)
def test_a_block_that_takes_down_every_dask_worker_is_an_error_with_what_is_done(audit):
    pytest.importorskip("distributed")
    _, address = audit.scheduler(DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES="0")
    audit.worker(address)
    (audit.path / "deadly-5").touch()
    result = audit.run(*at(address))
    assert result.returncode == 1
    assert "a block took down every Dask worker that had it (Attempted to run task " in result.stdout
    assert f"; {audit.kept()} of 6 blocks are done" in result.stdout


@pytest.mark.timeout(90)
def test_a_scheduler_that_is_lost_is_an_error_and_only_what_is_left_is_done_again(audit):
    pytest.importorskip("distributed")
    scheduler, address = audit.scheduler()
    audit.worker(address, "--nthreads", "2")
    audit.hold(3)
    session = audit.start(*at(address))
    until(lambda: audit.kept() == BLOCKS - 1, "all blocks but one are kept")
    scheduler.kill()
    lost = ended(session)
    assert lost.returncode == 1
    # Within the brackets stands what was noticed first: Dask's own word, or the operating system's.
    told = rf"^the Dask scheduler at {re.escape(address)} was lost \(.+\); 5 of 6 blocks are done$"
    assert re.search(told, lost.stdout, re.MULTILINE), lost.stdout
    for block in range(BLOCKS):
        (audit.path / f"begun-{block}").unlink()
    assert refusal(audit, address).startswith(f"no Dask scheduler answers at {address}: ")
    audit.release(3)
    assert audit.run().returncode == 0
    assert [bool(audit.begun(block)) for block in range(BLOCKS)] == [False, False, False, True, False, False]
    audit.assert_right()


@pytest.mark.timeout(90)
def test_a_scheduler_that_stops_answering_is_lost_too(audit, monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.setattr("auditor.run.engines.dask._SILENCE", "1s")
    scheduler, address = audit.scheduler()
    audit.worker(address)
    audit.hold(0)

    def stop() -> None:
        until(lambda: audit.begun(0), "the block is in hand")
        scheduler.send_signal(signal.SIGSTOP)

    with ThreadPoolExecutor(1) as other:
        stopped = other.submit(stop)
        told = refusal(audit, address)
        stopped.result()
    assert told.startswith(f"the Dask scheduler at {address} was lost (")
    assert told.endswith("; 0 of 1 blocks are done")


@pytest.mark.timeout(90)
def test_workers_that_are_missing_or_lack_a_gpu_are_an_error_and_those_that_have_one_are_used(audit):
    pytest.importorskip("distributed")
    _, address = audit.scheduler()
    soon = {"distributed.scheduler.no-workers-timeout": "1s"}
    none = refusal(audit, address, **soon)
    assert f"has no workers; start some: dask worker {address} (" in none
    assert none.endswith("; waited 1 s; 0 of 1 blocks are done")
    audit.worker(address)
    without = refusal(audit, address, gpu=True, **soon)
    assert "has 1 workers, of which none declares a GPU; start one that does: dask worker " in without
    assert not audit.begun(0)
    with_gpu = audit.worker(address, "--resources", "GPU=1")
    assert audit.run(*at(address), "--audit-gpu").returncode == 0
    audit.assert_right()
    assert [audit.begun(block) for block in range(BLOCKS)] == [[with_gpu.pid]] * BLOCKS


@pytest.mark.timeout(60)
def test_a_scheduler_without_the_auditor_is_told_from_one_that_is_lost(audit):
    pytest.importorskip("distributed")
    _, address = audit.scheduler(PYTHONPATH="")
    told = f"the Dask scheduler at {address} can't read blocks (No module named 'tests'); it needs the same auditor"
    assert refusal(audit, address).startswith(told)


def test_a_worker_without_the_checkpoint_says_so(tmp_path, plain):
    params = plain.Params(path=str(tmp_path / "a.npz"))
    with pytest.raises(ModelError, match="another checkpoint than was asked for, or none under that path"):
        work(predict, Source("plain", params, params), {"a.npz": "0" * 64}, (6, 6, 1), 0, Block(0, data()[0], "."))


@pytest.mark.timeout(90)
def test_a_scheduler_behind_tls_serves_those_with_its_certificates_alone(audit):
    pytest.importorskip("distributed")
    certificates = pytest.importorskip("tests.run.engines.certificates", reason="needs cryptography")
    ours, _ = (certificates.settings(audit.path / who) for who in ("ours", "theirs"))
    _, address = audit.scheduler("--protocol", "tls", **ours)
    assert address.startswith("tls://127.0.0.1:")
    audit.worker(address, **ours)
    tls = "distributed.comm.tls."
    # The latter trusts the scheduler, but not the other way round.
    stranger = {f"{tls}client.{part}": str(audit.path / "theirs" / f"{part}.pem") for part in ("cert", "key")}
    for settings in ({}, {**stranger, f"{tls}ca-file": str(audit.path / "ours" / "ca.pem")}):
        refused = refusal(audit, address, **settings)
        assert refused.startswith(f"no Dask scheduler answers at {address}: ")
        assert "Dask's settings `distributed.comm.tls` name its certificates" in refused
    assert not audit.begun(0)
    assert audit.run(*at(address), **ours).returncode == 0
    audit.assert_right()

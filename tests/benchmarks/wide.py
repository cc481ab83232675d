"""What engines cost, as ratios measured in the same run.

    python -m tests.benchmarks.wide [--runs 2] [--only engines,memory,large,way]

The work is PGD with a fixed number of steps, which takes every block equally long. Start-up (new processes, each of
which imports TensorFlow and loads the checkpoint) is shown apart.
"""

import hashlib
import io
import os
import pickle
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from auditor.attacks import pgd
from auditor.classifiers.common import classifier
from auditor.compute.backend import tensorflow
from auditor.models import keras as format_keras
from auditor.run.cache import Cache
from auditor.run.engines.dask import Dask
from auditor.run.engines.processes import Processes
from auditor.run.engines.threads import Threads
from auditor.search.blocks import block_size
from auditor.search.loop import ThreatModel
from auditor.search.search import AttackResult, Block, Job, attack_block, search
from auditor.spec.resolving import Source
from auditor.values import one_by_one
from fixtures.examples import FOLDER
from tests.benchmarks._report import run_parts, say, show
from tests.benchmarks._subject import BOX, CNN, Subject, median, subject, timed

_BLOCK, _BLOCKS, _STEPS = block_size(28 * 28), 4, 40
_THREAT = ThreatModel("linf", BOX)
_DIVIDED = "processes, 1 x 2 threads"


def source() -> Source:
    """The checkpoint, as workers load it."""
    params = format_keras.Params(path=str(FOLDER / f"{CNN}.keras"), output="probabilities")
    return Source("keras", params, params)


def job_of(it: Subject, count: int) -> Job:
    """So many images to attack, the subject's over and over."""
    rows = np.resize(np.arange(len(it.labels)), count)
    anywhere, radii = np.full(count, -1), np.full(count, 0.3)
    return Job(it.images[rows], it.labels[rows], anywhere, radii, np.arange(count), it.logits[rows])


def attacked(it: Subject, job: Job, steps: int, run: Any = None) -> AttackResult:
    """PGD with all its steps, by an engine's `run` or one block after the other."""

    def engine(function: Any, network: Any, blocks: Any) -> list[Any]:
        done = dict(run(function, source(), network, blocks))
        return [done[at] for at in range(len(blocks))]

    params = pgd.Params(steps=steps, step_size=0.01)
    return search("pgd", params, it.network, _THREAT, job, 0, "last", engine if run else one_by_one)


def engines(runs: int) -> None:
    """Four blocks: one after the other, in threads, in processes, and by Dask's workers, with the same results; and in
    a process that divides operations among two threads, with others.
    """
    it = subject(CNN, 1000)
    job = job_of(it, _BLOCK * _BLOCKS)
    params = pgd.Params(steps=_STEPS, step_size=0.01)
    block = Block("pgd", params, _THREAT, job.only(slice(0, _BLOCK)), 0, "last")
    every = {
        "threads, 2": Threads(2),
        "processes, 2 x 1 thread": Processes(2),
        "dask, 2 x 1 thread": Dask(None, 2, gpu=False),
        _DIVIDED: Processes(1),
    }
    entries: dict[str, Callable[[], AttackResult]] = {"serial": partial(attacked, it, job, _STEPS)}
    starts = {"serial": 0.0}
    for name, engine in every.items():
        os.environ["TF_NUM_INTRAOP_THREADS"] = "2" if name == _DIVIDED else "1"  # of processes that start now
        began = time.perf_counter()
        attacked(it, job, 1, engine.run)
        starts[name] = time.perf_counter() - began
        entries[name] = partial(attacked, it, job, _STEPS, engine.run)
    os.environ["TF_NUM_INTRAOP_THREADS"] = "1"
    seconds, results = timed(entries, runs)
    # The way alone: tasks that come back at once.
    found = attack_block(it.network, block)
    for name, engine in every.items():
        began = time.perf_counter()
        list(engine.run(echo, source(), it.network, [found] * 40))
        each = (time.perf_counter() - began) / 40
        work = median(seconds["serial"]) / _BLOCKS
        say(f"{name}: {1000 * each:.1f} ms a block there and back, {each / work:.1%} of its work (goal: at most 5%)")
        if not isinstance(engine, Threads):
            engine.close()
    for name, result in results.items():
        same = result.images.tobytes() == results["serial"].images.tobytes()
        assert same or name == _DIVIDED, f"{name} gives other images"
    sizes = [len(pickle.dumps(value, protocol=5)) / 1e6 for value in (block, found)]
    say(f"a block of {_BLOCK} images sends {sizes[0]:.2f} MB and gets {sizes[1]:.2f} MB back")
    base = median(seconds[_DIVIDED])
    rows = [(n, f"{starts[n]:.1f}", f"{median(s):.2f}", f"{median(s) / base:.2f}") for n, s in seconds.items()]
    title = f"PGD, {_STEPS} steps, {_BLOCKS} blocks of {_BLOCK} images, {os.cpu_count()} cores"
    show(title, ("engine", "start, s", "seconds", f"of {_DIVIDED}"), rows)


def echo(_: Any, given: Any) -> Any:
    """A task that takes no time and gives what it was given."""
    return given


def peak(blocks: int) -> None:
    """Print the peak memory, in MiB, of this process with so many blocks, its images aside, and of its workers."""
    it = subject(CNN, 1000)
    job = job_of(it, _BLOCK * blocks)
    pool = Processes(2)
    attacked(it, job, 3, pool.run)
    pool._pool.shutdown() if pool._pool else None
    own, workers = (
        resource.getrusage(who).ru_maxrss / 1024 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    # Images, and where they ended: by block, and together.
    say(f"{own - 3 * job.images.nbytes / 2**20:.0f} {workers:.0f}")


def memory(runs: int) -> None:
    """Peak memory of 40 blocks beside that of 4 on the engine `processes`; `speed` has that of `serial`."""
    found = {}
    for blocks in (4, 40):
        command = [sys.executable, "-c", f"from tests.benchmarks.wide import peak; peak({blocks})"]
        lines = [
            subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()[-2:]
            for _ in range(min(runs, 2))
        ]
        found[blocks] = [median([float(line[part]) for line in lines]) for part in (0, 1)]
    for part, name in enumerate(("the audit's process, images aside", "the largest worker")):
        few, many = found[4][part], found[40][part]
        say(f"{name}: {few:.0f} MiB with 4 blocks, {many:.0f} MiB with 40; ratio {many / few:.2f} (goal: at most 1.2)")


def large(runs: int) -> None:
    """Gradients of images as large as ImageNet's, one and several at a time: what a block should hold."""
    rows = []
    for name, batches in (("small", (1, 4, 16, 32)), ("ResNet-50", (1, 16, 32))):
        for batch in batches:
            command = [sys.executable, "-c", f"from tests.benchmarks.wide import one; one({name!r}, {batch}, {runs})"]
            told = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()[-3:]
            rows.append((name, str(batch), *told))
    show("Gradients at 224 x 224 x 3", ("network", "at a time", "ms an image", "of processor", "peak, MiB"), rows)


def one(name: str, batch: int, runs: int) -> None:
    """Print wall and processor milliseconds an image, and the peak memory in MiB."""
    tf = tensorflow()
    import keras

    layers = keras.layers
    if name == "small":
        convolutions = [layers.Conv2D(n, 3, strides=2, activation="relu") for n in (32, 64, 128)]
        pooled = [layers.GlobalAveragePooling2D(), layers.Dense(10)]
        network = keras.Sequential([keras.Input((224, 224, 3)), *convolutions, *pooled])
    else:
        network = keras.applications.ResNet50(weights=None, classifier_activation=None)
    ours = classifier(name, "logits", (224, 224, 3), partial(network, training=False))

    @tf.function(autograph=False)
    def gradient(x: Any, y: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = tf.nn.sparse_softmax_cross_entropy_with_logits(y, ours.forward(x))
        return tape.gradient(loss, x)

    x, y = tf.random.stateless_uniform((batch, 224, 224, 3), (0, 0)), tf.zeros(batch, tf.int32)
    times = []
    for _ in range(runs + 1):
        began, busy = time.perf_counter(), time.process_time()
        gradient(x, y).numpy()
        times.append((time.perf_counter() - began, time.process_time() - busy))
    wall, busy = (1000 * min(part) / batch for part in zip(*times[1:], strict=True))
    say(f"{wall:.1f} {busy:.1f} {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f}")


def way(runs: int) -> None:
    """What a block of sixteen images as large as ImageNet's costs beside the attack: the constants of a forecast."""
    it, count = subject(CNN, 10), 16
    draw = np.random.default_rng(0)
    images = (draw.integers(0, 256, (count, 224, 224, 3)) / 255 + draw.normal(0, 0.01, (count, 224, 224, 3))).clip(0, 1)
    job = Job(images.astype(np.float32), it.labels[:1], it.labels[:1], np.ones(1), np.arange(1), it.logits[:1])
    small = replace(job, images=job.images[:1, :28, :28, :1])
    cluster = Dask(None, 1, gpu=False)

    def sent(what: Job, times: int) -> None:
        list(cluster.run(echo, source(), it.network, [what] * times))

    with tempfile.TemporaryDirectory() as folder:
        keys = (hashlib.sha256(bytes([i])).hexdigest() for i in range(256))
        cache = Cache(Path(folder))
        entries: dict[str, tuple[int, Callable[[], Any]]] = {
            "its key": (1, lambda: hashlib.sha256(job.images.tobytes())),
            "kept in the cache": (1, lambda: cache.put(next(keys), job)),
            "compressed for the record": (1, lambda: np.savez_compressed(io.BytesIO(), images=job.images)),
            "there and back by Dask": (10, lambda: sent(job, 10)),
            "there and back by Dask, one image of 28 x 28": (50, lambda: sent(small, 50)),
        }
        seconds, _ = timed({name: entry for name, (_, entry) in entries.items()}, runs)
    cluster.close()
    rows = [(name, f"{1000 * median(found) / entries[name][0]:.1f}") for name, found in seconds.items()]
    show(f"{count} images of 224 x 224 x 3, {job.images.nbytes / 1e6:.1f} MB", ("", "ms"), rows)


def main() -> None:
    """Run the parts asked for."""
    say(f"load: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    run_parts(__doc__, {part.__name__: part for part in (engines, memory, large, way)}, "--runs", 2, "timed runs")


if __name__ == "__main__":
    main()

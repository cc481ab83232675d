"""How fast our attacks are, as ratios to limits and peers measured in the same run.

    python -m tests.benchmarks.speed [--runs 5] [--only steps,verdict,deepfool,autoattack,curve,diagnostics,memory]

Figures are medians of several runs, taken in turn so that a busy moment hits all alike. All have the same cores: peers
and the bare gradients divide every operation among them, and an audit gives each block one.
"""

import os
import resource
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from auditor.attacks import autoattack as ensemble
from auditor.checks import robust_accuracy as accuracy
from auditor.checks import security_curve
from auditor.compute.backend import tensorflow
from auditor.datasets import mnist_5k
from auditor.search.shown import ready
from fixtures.examples import FOLDER
from tests.benchmarks import _art, _foolbox, _torchattacks
from tests.benchmarks._report import run_parts, say, show
from tests.benchmarks._subject import (
    CNN,
    ROBUST,
    Subject,
    apart,
    divide_operations,
    median,
    ours,
    robust_accuracy,
    subject,
    timed,
)
from tests.support import context

STEPS, STEP, EPS = 40, 0.01, 0.3


def bare(it: Subject, batch: int) -> None:
    """The limit: forward and input-gradient passes of the model as it is written, and nothing else."""
    tf = tensorflow()

    @tf.function(autograph=False, reduce_retracing=True)
    def gradient(x: Any, y: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = tf.nn.sparse_softmax_cross_entropy_with_logits(y, it.network.forward(x))
        return tape.gradient(loss, x)

    for first in range(0, len(it.labels), batch):
        x, y = tf.constant(it.images[first : first + batch]), tf.constant(it.labels[first : first + batch])
        for _ in range(STEPS):
            found = gradient(x, y)
    found.numpy()


def ratios(seconds: dict[str, list[float]], of: str, results: dict[str, float] | None = None) -> list[tuple[str, ...]]:
    """A row for each entry: name, robust accuracy where there is one, median seconds, and that over the entry `of`."""
    base = median(seconds[of])
    rows = []
    for name, values in seconds.items():
        found = f"{results[name]:.3f}" if results and results.get(name) is not None else ""
        rows.append((name, found, f"{median(values):.2f}", f"{median(values) / base:.2f}"))
    return rows


def steps(runs: int) -> None:
    """All forty steps, no early stop."""
    it = subject(CNN, 1000)
    pgd = [("pgd", {"steps": STEPS, "step_size": STEP})]
    entries: dict[str, Callable[[], Any]] = {
        **{f"bare gradients, batch {batch}": partial(bare, it, batch) for batch in (256, 1000)},
        "pgd": partial(apart, CNN, it.total, "linf", EPS, pgd, "last"),
    }
    entries["Foolbox PGD"] = partial(_foolbox.pgd, it, EPS)
    entries["ART PGD"] = partial(_art.pgd, it, EPS)
    seconds, _ = timed(entries, runs)
    for batch in (256, 1000):
        rate = median(seconds[f"bare gradients, batch {batch}"]) / median(seconds["pgd"])
        say(f"rate of the bare gradients at batch {batch}: {rate:.2f} (goal: at least 0.97)")
    rows = ratios(seconds, "pgd")
    show(f"All {STEPS} steps at L∞ {EPS}, {it.total} images", ("", "", "seconds", "of our pgd"), rows)


def verdict(runs: int) -> None:
    """Time to the same or a lower robust accuracy than PGD-40 finds, on a plain and on a robust network."""
    for name in (CNN, ROBUST):
        it = subject(name, 1000 if name == CNN else 500)

        def of(run: Callable[[], Any], it: Subject = it) -> float:
            return robust_accuracy(it, run(), "linf", EPS)

        entries = {
            "apgd, left when broken": partial(
                of, partial(apart, name, it.total, "linf", EPS, [("apgd", {"steps": STEPS})])
            ),
            "Foolbox PGD": partial(of, partial(_foolbox.pgd, it, EPS)),
            "ART PGD": partial(of, partial(_art.pgd, it, EPS)),
        }
        seconds, results = timed(entries, runs)
        rows = ratios(seconds, "apgd, left when broken", results)
        show(
            f"{name}: to a verdict at L∞ {EPS}, {it.total} images", ("", "robust accuracy", "seconds", "of ours"), rows
        )


def deepfool(runs: int) -> None:
    """DeepFool in L2 on 200 images; ART's is run once, since it takes a minute."""
    it = subject(CNN, 200)
    entries = {
        "deepfool": lambda: apart(CNN, it.total, "l2", np.inf, [("deepfool", {})], "closest"),
        "Foolbox": lambda: _foolbox.deepfool(it, "l2"),
    }
    seconds, _ = timed(entries, runs)
    art, _ = timed({"ART": lambda: _art.deepfool(it)}, 1)
    show(f"DeepFool L2, {it.total} images", ("", "", "seconds", "of ours"), ratios(seconds | art, "deepfool"))


def autoattack(runs: int) -> None:
    """The standard ensemble at 0.3, where no image holds, and once, on few images, at 0.1, where many do."""
    for eps, count, times in ((0.3, 1000, runs), (0.1, 50, 0)):
        it = subject(CNN, count)
        stages = [(n, p.model_dump()) for n, p in ensemble.stages(ensemble.Params(), "linf")]
        attacks: dict[str, Callable[[], Any]] = {
            "autoattack": partial(apart, CNN, count, "linf", eps, stages),
            "torchattacks": partial(_torchattacks.autoattack, it, "linf", eps),
        }
        entries = {
            name: partial(lambda it, eps, run: robust_accuracy(it, run(), "linf", eps), it, eps, run)
            for name, run in attacks.items()
        }
        seconds, results = timed(entries, times)
        columns = ("", "robust accuracy", "seconds", "of ours")
        show(f"AutoAttack at L∞ {eps}, {it.total} images", columns, ratios(seconds, "autoattack", results))


def curve(runs: int) -> None:
    """A curve of twenty radii against its twenty attacks, each on all images."""
    it = subject(CNN, 200)
    digits = mnist_5k.load(mnist_5k.Params())
    radii = [0.015 * k for k in range(1, 21)]
    attack = {"attack": "pgd", "steps": 20}
    params = security_curve.Params(eps=radii, samples=200, attacks=[attack])
    swept = partial(security_curve.run, context(it.network, digits), params)
    for title, run in (("alone", partial(undoubted, security_curve, swept)), ("for its tell-tale tests", swept)):
        before = ready.cache_info().misses
        run()
        say(f"traces of the curve {title}: {ready.cache_info().misses - before}")
    entries = {
        "20 attacks": lambda: [ours(it, "linf", eps, [("pgd", {"steps": 20})]) for eps in radii],
        "security_curve": swept,
    }
    seconds, _ = timed(entries, runs)
    show("A curve of 20 radii, 200 images", ("", "", "seconds", "of the attacks"), ratios(seconds, "20 attacks"))


def diagnostics(runs: int) -> None:
    """What the tell-tale tests add to a case, where many images hold and they have most to look at."""
    digits = mnist_5k.load(mnist_5k.Params())
    for name, eps in ((CNN, 0.1), (ROBUST, 0.3)):
        if not (FOLDER / f"{name}.keras").exists():
            continue
        here = context(subject(name, 1).network, digits)
        for count in (40, 100):
            params = accuracy.Params(eps=eps, samples=500, attacks=[{"attack": "apgd", "steps": count}])
            entries = {
                "without diagnostics": partial(undoubted, accuracy, partial(accuracy.run, here, params)),
                "with them": partial(accuracy.run, here, params),
            }
            seconds, _ = timed(entries, runs)
            rows = ratios(seconds, "without diagnostics")
            show(f"{name}: robust_accuracy at L∞ {eps}, apgd, {count} steps", ("", "", "seconds", "ratio"), rows)


def undoubted(check: Any, run: Callable[[], Any]) -> Any:
    """Run a check without its tell-tale tests."""
    kept = check.within_ball
    check.within_ball = lambda *_: ()
    try:
        return run()
    finally:
        check.within_ball = kept


def peak(count: int) -> None:
    """Print the peak memory, in MiB, of PGD on so many images, the images themselves aside."""
    it = subject(CNN, 1000)
    times = -(-count // len(it.labels))
    images, labels, logits = (np.concatenate([values] * times)[:count] for values in (it.images, it.labels, it.logits))
    many = Subject(it.network, images, labels, logits, count)
    ours(many, "linf", EPS, [("pgd", {"steps": 3})], "last")
    # Images, where they ended, and the start's noise are as many as there are images.
    say(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 - 3 * images.nbytes / 2**20)


def memory(runs: int) -> None:
    """Peak memory of 10 000 images against that of 1000, each in a process of its own."""
    found = {}
    for count in (1000, 10_000):
        done = [
            subprocess.run(
                [sys.executable, "-c", f"from tests.benchmarks.speed import peak; peak({count})"],
                env={name: value for name, value in os.environ.items() if not name.endswith("_THREADS")},
                capture_output=True,
                text=True,
                check=True,
            )
            for _ in range(min(runs, 3))
        ]
        found[count] = median([float(one.stdout) for one in done])
    say(f"memory, images aside: {found} MiB; ratio {found[10_000] / found[1000]:.2f} (goal: at most 1.2)")


def main() -> None:
    """Run the parts asked for."""
    divide_operations()
    parts = {part.__name__: part for part in (steps, verdict, deepfool, autoattack, curve, diagnostics, memory)}
    run_parts(__doc__, parts, "--runs", 5, "timed runs of everything")


if __name__ == "__main__":
    main()

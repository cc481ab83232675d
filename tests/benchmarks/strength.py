"""How strong our attacks are beside Foolbox, ART and torchattacks: same network, images, threat model and judge.

    python -m tests.benchmarks.strength [--images 100] [--only bounded,overconfident,distances,robust]

Robust accuracy should be no more than half a point above the strongest peer's, median distances no more than 2%
above the best peer's. Attacks with random starts move by a point or two from seed to seed on a hundred images, so the
quick ones are run several times, each time from another seed, and their means compared.
"""

from collections.abc import Callable
from functools import partial
from itertools import count
from typing import Any

import numpy as np

from auditor.search.norms import Norm
from tests.benchmarks import _art, _foolbox, _torchattacks
from tests.benchmarks._report import run_parts, say, show
from tests.benchmarks._subject import (
    CNN,
    ROBUST,
    Subject,
    distances,
    divide_operations,
    ours,
    robust_accuracy,
    subject,
    timed,
)

SEEDS = 5
FAB_STEPS = 100  # as many gradients as 50 steps of the published one, which looks twice in each
Makes = dict[str, Callable[[], Any]]


def mine(it: Subject, norm: Norm, eps: float, name: str, **params: Any) -> Callable[[], Any]:
    """Run one of our attacks, from another seed each time."""
    keep, seeds = "closest" if np.isinf(eps) else "first", count()
    return lambda: ours(it, norm, eps, [(name, params)], keep, next(seeds))[0]


def compare(
    title: str, it: Subject, makes: Makes, judge: Callable[[Any], float], good: float, runs: int = 1
) -> tuple[str, ...]:
    """Run all, the first being ours, and put into one row what each found and how ours compares with the best."""
    turns = [timed(makes, 0) for _ in range(runs)]
    seconds = turns[-1][0]
    found = {name: float(np.mean([judge(made[name]) for _, made in turns])) for name in makes}
    own = next(iter(found))
    best = min(value for name, value in found.items() if name != own)
    difference = found[own] - best if good < 1 else found[own] / best
    each = ", ".join(f"{name} {value:.4g} ({seconds[name][0]:.1f} s)" for name, value in found.items())
    fine = "yes" if difference <= good else "no"
    say(f"{title}: {each}")  # the whole takes a while; each row shows as it comes
    return title, each, f"{difference:+.3f}" if good < 1 else f"{difference:.3f}", fine


def bounded(images: int) -> None:
    """Robust accuracy on the plain network."""
    it = subject(CNN, images)
    rows = []

    def row(title: str, norm: Norm, eps: float, makes: Makes) -> None:
        judge = partial(robust_accuracy, it, norm=norm, eps=eps)
        rows.append(compare(f"{title} {norm} {eps}", it, makes, judge, 0.005, SEEDS if title == "pgd" else 1))

    for eps in (0.1, 0.2):
        row("pgd", "linf", eps, {
            "ours": mine(it, "linf", eps, "pgd", steps=40, step_size=0.01),
            "Foolbox": partial(_foolbox.pgd, it, eps),
            "ART": partial(_art.pgd, it, eps),
        })  # fmt: skip
    for norm, eps in (("linf", 0.1), ("l2", 1.5)):
        row("apgd", norm, eps, {
            "ours": mine(it, norm, eps, "apgd", steps=100),
            "ART": partial(_art.apgd, it, norm, eps, 100),
            "torchattacks": partial(_torchattacks.apgd, it, norm, eps, 100),
        })  # fmt: skip
        row("fab", norm, eps, {
            "ours": mine(it, norm, eps, "fab", steps=FAB_STEPS, rivals=9),
            "torchattacks": partial(_torchattacks.fab, it, norm, eps, 50),
        })  # fmt: skip
    for norm, eps in (("linf", 0.15), ("l2", 2.0)):
        row("square", norm, eps, {
            "ours": mine(it, norm, eps, "square", steps=1000),
            "ART": partial(_art.square, it, norm, eps, 1000),
            "torchattacks": partial(_torchattacks.square, it, norm, eps, 1000),
        })  # fmt: skip
    columns = ("", "robust accuracy", "ours less the best peer's", "within 0.005")
    show(f"{CNN}, {images} images", columns, rows)


def overconfident(images: int) -> None:
    """Robust accuracy where logits are ten times as large and decisions the same: gradients vanish, nothing else."""
    rows = []
    for title, it in (("as it is", subject(CNN, images)), ("logits × 10", subject(CNN, images, 10))):
        judge = partial(robust_accuracy, it, norm="linf", eps=0.2)
        peers: Makes = {"Foolbox": partial(_foolbox.pgd, it, 0.2), "ART": partial(_art.pgd, it, 0.2)}
        pgd = {"ours": mine(it, "linf", 0.2, "pgd", steps=40, step_size=0.01)}
        rows.append(compare(f"pgd linf 0.2, {title}", it, pgd | peers, judge, 0.005))
        apgd = {"ours": mine(it, "linf", 0.2, "apgd", steps=40), "ART": partial(_art.apgd, it, "linf", 0.2, 40)}
        rows.append(compare(f"apgd linf 0.2, {title}", it, apgd, judge, 0.005))
    columns = ("", "robust accuracy", "ours less the best peer's", "within 0.005")
    show(f"{CNN}, {images} images", columns, rows)


def minimal(images: int) -> None:
    """Median distances on the plain network."""
    it = subject(CNN, images)
    rows = []

    def row(title: str, norm: Norm, makes: Makes) -> None:
        rows.append(
            compare(f"{title} {norm}", it, makes, lambda made: float(np.median(distances(it, made, norm))), 1.02)
        )

    for norm in ("l2", "linf"):
        peers: Makes = {"Foolbox": partial(_foolbox.deepfool, it, norm)}
        if norm == "l2":
            peers |= {"ART": partial(_art.deepfool, it), "torchattacks": partial(_torchattacks.deepfool, it)}
        row("deepfool", norm, {"ours": mine(it, norm, np.inf, "deepfool")} | peers)
    for norm in ("linf", "l2", "l1", "l0"):
        own = {"ours": mine(it, norm, np.inf, "fmn")}
        row("fmn", norm, own | {"Foolbox": partial(_foolbox.fmn, it, norm, 100)})
    row("ddn", "l2", {"ours": mine(it, "l2", np.inf, "ddn"), "Foolbox": partial(_foolbox.ddn, it, 100)})
    row("carlini_wagner", "l2", {
        "ours": mine(it, "l2", np.inf, "carlini_wagner", steps=900),
        "Foolbox": partial(_foolbox.carlini_wagner, it, 900),
        "ART": partial(_art.carlini_wagner, it, 900),
        "torchattacks": partial(_torchattacks.carlini_wagner, it, 900),
    })  # fmt: skip
    row("hopskipjump", "l2", {
        "ours": mine(it, "l2", np.inf, "hopskipjump", steps=3000),
        "Foolbox": partial(_foolbox.hopskipjump, it, "l2", 12),
    })  # fmt: skip
    columns = ("", "median distance", "ours over the best peer's", "within 1.02")
    show(f"{CNN}, {images} images", columns, rows)


def robust(images: int) -> None:
    """Robust accuracy on the adversarially trained network, where attacks differ most."""
    it = subject(ROBUST, images)
    judge = partial(robust_accuracy, it, norm="linf", eps=0.3)
    rows = [
        compare("pgd linf 0.3", it, {
            "ours": mine(it, "linf", 0.3, "pgd", steps=40, step_size=0.01),
            "Foolbox": partial(_foolbox.pgd, it, 0.3),
            "ART": partial(_art.pgd, it, 0.3),
        }, judge, 0.005, SEEDS),
        compare("apgd linf 0.3", it, {
            "ours": mine(it, "linf", 0.3, "apgd", steps=100),
            "ART": partial(_art.apgd, it, "linf", 0.3, 100),
            "torchattacks": partial(_torchattacks.apgd, it, "linf", 0.3, 100),
        }, judge, 0.005),
        compare("fab linf 0.3", it, {
            "ours": mine(it, "linf", 0.3, "fab", steps=FAB_STEPS, rivals=9),
            "torchattacks": partial(_torchattacks.fab, it, "linf", 0.3, 50),
        }, judge, 0.005),
        compare("square linf 0.3", it, {
            "ours": mine(it, "linf", 0.3, "square", steps=1000),
            "torchattacks": partial(_torchattacks.square, it, "linf", 0.3, 1000),
        }, judge, 0.005),
    ]  # fmt: skip
    columns = ("", "robust accuracy", "ours less the best peer's", "within 0.005")
    show(f"{ROBUST}, {images} images", columns, rows)


def main() -> None:
    """Run the parts asked for."""
    divide_operations()
    parts = {"bounded": bounded, "overconfident": overconfident, "distances": minimal, "robust": robust}
    run_parts(__doc__, parts, "--images", 100, "how many images")


if __name__ == "__main__":
    main()

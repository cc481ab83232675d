"""Foolbox 3.3.4 on the same network: every function gives adversarial images (N, 28, 28, 1)."""

from typing import Any

import numpy as np

from auditor.compute.backend import tensorflow
from tests.benchmarks._subject import Subject


def _run(it: Subject, attack: Any, eps: float | None) -> Any:
    import foolbox

    tf = tensorflow()
    model = foolbox.TensorFlowModel(it.model, bounds=(0, 1))
    raw, clipped, _ = attack(model, tf.constant(it.images), tf.constant(it.labels), epsilons=eps)
    return np.asarray(raw if eps is None else clipped)


def pgd(it: Subject, eps: float, steps: int = 40, step: float = 0.01) -> Any:
    import foolbox

    return _run(it, foolbox.attacks.LinfPGD(abs_stepsize=step, steps=steps), eps)


def deepfool(it: Subject, norm: str) -> Any:
    import foolbox

    kind = {"l2": foolbox.attacks.L2DeepFoolAttack, "linf": foolbox.attacks.LinfDeepFoolAttack}[norm]
    return _run(it, kind(), None)


def carlini_wagner(it: Subject, steps: int) -> Any:
    import foolbox

    return _run(it, foolbox.attacks.L2CarliniWagnerAttack(binary_search_steps=9, steps=steps // 9), None)


def ddn(it: Subject, steps: int) -> Any:
    import foolbox

    return _run(it, foolbox.attacks.DDNAttack(steps=steps), None)


def fmn(it: Subject, norm: str, steps: int) -> Any:
    import foolbox

    a = foolbox.attacks
    kind = {"l0": a.L0FMNAttack, "l1": a.L1FMNAttack, "l2": a.L2FMNAttack, "linf": a.LInfFMNAttack}[norm]
    return _run(it, kind(steps=steps), None)


def hopskipjump(it: Subject, norm: str, rounds: int) -> Any:
    import foolbox

    return _run(it, foolbox.attacks.HopSkipJumpAttack(steps=rounds, constraint=norm), None)

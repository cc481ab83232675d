"""ART 1.20.1 on the same network: every function gives adversarial images (N, 28, 28, 1)."""

from typing import Any

import numpy as np

from auditor.compute.backend import tensorflow
from tests.benchmarks._subject import Subject

_ORDER = {"linf": np.inf, "l2": 2, "l1": 1}


def _classifier(it: Subject) -> Any:
    from art.estimators.classification import TensorFlowV2Classifier

    tf = tensorflow()
    return TensorFlowV2Classifier(
        it.model,
        nb_classes=10,
        input_shape=(28, 28, 1),
        loss_object=tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        clip_values=(0, 1),
    )


def pgd(it: Subject, eps: float, steps: int = 40, step: float = 0.01) -> Any:
    from art.attacks.evasion import ProjectedGradientDescentTensorFlowV2 as Attack

    attack = Attack(
        _classifier(it), eps=eps, eps_step=step, max_iter=steps, num_random_init=1, batch_size=len(it.labels),
        verbose=False,
    )  # fmt: skip
    return attack.generate(it.images, it.labels)


def apgd(it: Subject, norm: str, eps: float, steps: int) -> Any:
    from art.attacks.evasion import AutoProjectedGradientDescent as Attack

    attack = Attack(
        _classifier(it), norm=_ORDER[norm], eps=eps, eps_step=2 * eps, max_iter=steps, nb_random_init=1,
        batch_size=len(it.labels), loss_type="difference_logits_ratio", verbose=False,
    )  # fmt: skip
    return attack.generate(it.images, it.labels)


def square(it: Subject, norm: str, eps: float, steps: int) -> Any:
    from art.attacks.evasion import SquareAttack as Attack

    attack = Attack(
        _classifier(it), norm=_ORDER[norm], eps=eps, max_iter=steps, p_init=0.8, batch_size=len(it.labels),
        verbose=False,
    )  # fmt: skip
    return attack.generate(it.images, it.labels)


def deepfool(it: Subject) -> Any:
    from art.attacks.evasion import DeepFool as Attack

    attack = Attack(_classifier(it), max_iter=50, epsilon=0.02, nb_grads=10, batch_size=len(it.labels), verbose=False)
    return attack.generate(it.images, it.labels)


def carlini_wagner(it: Subject, steps: int) -> Any:
    from art.attacks.evasion import CarliniL2Method as Attack

    attack = Attack(
        _classifier(it), binary_search_steps=9, max_iter=steps // 9, batch_size=len(it.labels), verbose=False
    )
    return attack.generate(it.images, it.labels)

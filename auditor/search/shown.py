"""What an attack is shown of a classifier at each look, compiled once for all batch sizes and radii."""

from functools import lru_cache
from types import ModuleType
from typing import Any

from auditor.search import losses
from auditor.search.loop import FOLLOWING, Compiled, Goal, Measure, ThreatModel, compiled, followed
from auditor.search.reader import Reader
from auditor.values import Classifier, Tensor


@lru_cache(maxsize=16)
def ready(
    attack: ModuleType, params: Any, classifier: Classifier, threat: ThreatModel, reader: Reader | None
) -> Compiled:
    """Compile an attack on one classifier, once for all batch sizes and radii."""
    measure = _measure(attack, params, classifier, threat, reader)
    return compiled(attack, params, threat, classifier.input_shape, measure)


def _measure(
    attack: ModuleType, params: Any, classifier: Classifier, threat: ThreatModel, reader: Reader | None
) -> Measure:
    aimed = threat.targeted or params.rival_classes > 0
    read = reader.of(classifier) if reader else None
    leads = followed(classifier) if attack.SEES in FOLLOWING else classifier.forward
    own = leads == classifier.forward

    def measure(x: Tensor, goal: Goal) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        logits = classifier.forward(x) * goal.unit[:, None]
        margin, hit = losses.reached(logits, goal.labels, goal.targets, goal.scale, threat.targeted)
        led = logits if own else leads(x) * goal.unit[:, None]
        if attack.SEES == "jacobian":
            objective = losses.rival_margins(led, goal.labels, goal.targets, params.candidates, aimed, threat.targeted)
            return objective, margin, margin, hit
        shown = read(x) if read else led
        objective, value = losses.loss(params.value, shown, goal.labels, goal.targets, goal.scale, aimed)
        return objective, value, margin, hit

    return measure

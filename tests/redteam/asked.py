"""What the auditor says of a Keras model without a spec around it."""

from functools import lru_cache
from typing import Any

from auditor import catalog
from auditor.classifiers.keras_models import keras_classifier
from auditor.run.measuring import measured
from auditor.values import Classifier, Diagnostic, Evidence, Samples
from tests.support import context

ROBUST = {"eps": 0.1, "samples": 60, "attacks": [{"attack": "apgd", "steps": 20}]}


@lru_cache(maxsize=4)
def _opened(model: Any) -> Classifier:
    """One classifier of a model for all checks: what is asked about it once is asked once."""
    return keras_classifier(model, "model.keras", "logits")


def audited(model: Any, data: Samples, check: str = "robust_accuracy", **params: Any) -> Evidence:
    """The evidence of one check, with all tell-tale tests that whoever runs it adds."""
    wanted = catalog.params_of("checks", check)(**(params or ROBUST))
    return measured(check, context(_opened(model), data), wanted)


def failed(evidence: Evidence) -> dict[str, Diagnostic]:
    """The tell-tale tests that aren't ok, by name."""
    return {one.name: one for one in evidence.diagnostics if not one.ok}

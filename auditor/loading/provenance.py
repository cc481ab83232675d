"""Where a result comes from."""

import os
import sys
import time
from collections.abc import Mapping
from typing import Any

from auditor.loading.resources import Resources
from auditor.reading import intake
from auditor.spec import Case, Plan, Source
from auditor.values import Classifier, Led, RecordError, Samples

RUNTIMES = {"torch": "torch", "onnxruntime": "onnxruntime", "ai-edge-litert": "ai_edge_litert"}  # package: module


def spec_origin(plan: Plan) -> Mapping[str, Any]:
    """Which spec a result is of."""
    return {"path": plan.spec.marks.file, "sha256": plan.spec.digest, "seed": plan.spec.content.seed}


def provenance(plan: Plan, resources: Resources, case: Case, used: Mapping[str, Classifier]) -> Mapping[str, Any]:
    """Where a result comes from: digests of spec, data and checkpoints, the case's seed, versions, machine, time.

    used: those of the models that were loaded for it.
    """
    import platform
    from importlib.metadata import version

    import auditor

    runtimes = [name for name, module in RUNTIMES.items() if module in sys.modules]
    packages = ("tensorflow", "keras", "numpy", "scipy", *runtimes)
    others = {name: _of_data(plan.others[name], resources.other_samples(plan, name), resources) for name in case.others}
    return {
        "spec": spec_origin(plan),
        "case": {"seed": case.seed},
        "data": _of_data(plan.data, resources.samples(plan), resources),
        **({"other data": others} if others else {}),
        "models": {
            name: {
                "format": plan.models[name].extension,
                "params": plan.models[name].shown,
                "files": resources.digests(plan.models[name]),
                "names": resources.names(plan.models[name]),
                "known_by": resources.known_by(plan.models[name]),
                **resources.demanded(plan.models[name]),
                "logits": _logits(name, used),
                "not looked into": resources.unseen(plan, name),
            }
            for name in case.models
        },
        "code_allowed": resources.allow_code,
        "versions": {
            "auditor": auditor.__version__,
            "python": platform.python_version(),
            **{package: version(package) for package in packages},
        },
        "machine": f"{platform.system()} {platform.machine()}",
        "finished": now(),
    }


def _logits(name: str, used: Mapping[str, Classifier]) -> str:
    if name in used:
        return used[name].logits_from
    lent = any(isinstance(one, Led) and one.name == name for one in used.values())
    return "its gradients led attacks" if lent else "not loaded"


def _of_data(source: Source, samples: Samples, resources: Resources) -> dict[str, Any]:
    return {
        "dataset": source.extension,
        "params": source.shown,
        **intake.told(samples),
        "files": resources.digests(source),
    }


def now() -> str:
    """This moment, ISO 8601 in UTC, or the one that SOURCE_DATE_EPOCH names; raise RecordError if it names none."""
    said = os.environ.get("SOURCE_DATE_EPOCH")
    try:
        moment = time.gmtime(int(said)) if said else time.gmtime()
    except (ValueError, OverflowError, OSError) as error:
        message = f"SOURCE_DATE_EPOCH is {said!r}; it has to be whole seconds since 1970, such as 1767225600"
        raise RecordError(message) from error
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", moment)

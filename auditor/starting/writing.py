"""The text of a first spec: what was found, gates that its images can settle, and what to think about next."""

import math
import os
import re
from collections.abc import Mapping
from pathlib import Path, PurePath
from textwrap import wrap
from typing import Any

import yaml

from auditor.starting.found import Found
from auditor.statistics import limits
from auditor.telling.numbers import percent

_RISK = 0.01
"""How probable it may be that a gate is too high for the model it was measured on: less than a verdict may be wrong."""
_LEAST_WORST = 0.1
_SAMPLES, _LARGE, _FEWER = 200, 64 * 64 * 3, 50
# As it is written in a box of width 1, and how much that is.
_GREY, _COLOUR = ("0.1", 0.1), ("8/255", 8 / 255)

_HEAD = """\
# What a release of this model must prove: `auditor run` measures it, `auditor validate` finds mistakes in it.
# `auditor checks` lists what else can be measured, `auditor checks accuracy` explains one.
audit: {audit}
seed: 0

models:
{pin}  release: {model}

{notes}data: {data}

checks:
"""


def audit_name(path: PurePath) -> str:
    """A name for an audit, of the letters that names are made of: that of its spec, or of a model's file."""
    name = path.name.removesuffix(".audit.yaml") if path.name.endswith(".audit.yaml") else path.stem
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", name).strip("-.") or "model"


def spec_text(found: Found, path: Path) -> str:
    """A commented spec of what was found, to lie at `path`."""
    files = "path" in found.model  # what a server has can't be looked into
    told = [*_accuracy(found), *_calibration(found), *_robustness(found), *(_scan() if files else []), *_corruptions()]
    pin = f"  # To accept this model and no other, add to it: sha256: {found.digest}\n" if found.digest else ""
    return (
        _HEAD.format(
            audit=audit_name(path),
            model=_flow(found.model, path.parent),
            data=_flow(found.data, path.parent),
            pin=pin,
            notes="".join(f"# {note[0].upper()}{note[1:]}.\n" for note in found.notes),
        )
        + "\n".join(told).rstrip("\n")
        + "\n"
    )


def _accuracy(found: Found) -> list[str]:
    measured = found.accuracy
    right = f"{measured.successes} of {measured.n} images were right ({percent(measured.value)})"
    case = ["  - id: clean-accuracy", "    check: accuracy"]
    if found.doubt:
        return [
            f"  # {right} when this was written, but",
            *(f"  # {line}" for line in wrap(found.doubt, 110)),
            "  # A gate on that would claim nothing, so there is none: first find out whether values and classes are",
            "  # those that the model was trained on (its `preprocessing`, the data's `names`).",
            *case,
            "",
        ]
    floor = _down(limits(measured, _RISK)[0])
    worst = limits(found.worst_class, _RISK)[0]
    of_worst = f"worst_class_accuracy: {{min: {_down(worst):g}}}"
    if worst < _LEAST_WORST:
        lowest = found.worst_class
        told = f"{percent(lowest.value)} of the worst class's images were right"
        of_worst = f"# {told}, which shows too little for worst_class_accuracy: {{min: …}}"
    return [
        f"  # {right} when this was written, which shows",
        f"  # that {floor:g} or more are. What a release needs is for you to say.",
        *case,
        "    expect:",
        f"      accuracy: {{min: {floor:g}}}",
        f"      {of_worst}",
        "",
    ]


def _calibration(found: Found) -> list[str]:
    if found.output == "scores":
        return []
    return [
        "  # Is it right as often as it says? It describes until you say what must hold:",
        "  # expect: {ece: {max: …}}",
        "  - id: knows-how-sure-it-is",
        "    check: calibration",
        "",
    ]


def _robustness(found: Found) -> list[str]:
    height, width, channels = found.samples.images.shape[1:]
    low, high = found.samples.box
    written, share = _GREY if channels == 1 else _COLOUR
    eps = written if high - low == 1 else f"{share * (high - low):g}"
    costly = height * width * channels > _LARGE or found.model["format"] == "http"
    samples = min(_FEWER if costly else _SAMPLES, len(found.samples))
    square = "{attack: square, steps: 500}"
    attacks = f"[{{attack: apgd, steps: 40, restarts: 2}}, {square}]" if found.gradients else f"[{square}]"
    why = "" if found.gradients else " It gives no gradients, so the attack searches without."
    return [
        f"  # What accuracy survives an attacker who may change every value by `eps`?{why} It describes until you say",
        "  # what must hold: expect: {robust_accuracy: {min: …}}",
        "  - id: holds-under-attack",
        "    check: robust_accuracy",
        f"    params: {{eps: {eps}, samples: {samples}, attacks: {attacks}}}",
        "",
    ]


def _scan() -> list[str]:
    return [
        "  # Does the file hold code, or anything else that harms whoever opens it?",
        "  - id: file-is-harmless",
        "    check: model_scan",
        "    expect:",
        "      critical: {max: 0}",
        "",
    ]


def _corruptions() -> list[str]:
    return [
        "  # What noise, blur, weather and compression do to it.",
        "  - id: holds-in-the-world",
        "    check: corruptions",
        "    params: {samples: 100}",
        "",
    ]


def _down(value: float) -> float:
    return max(0.0, math.floor(value * 100) / 100)


def _flow(entry: Mapping[str, Any], folder: Path) -> str:
    """An entry of a spec on one line, its paths as seen from `folder`."""
    seen = {
        name: Path(os.path.relpath(value, folder.resolve())).as_posix() if isinstance(value, Path) else value
        for name, value in entry.items()
    }
    return yaml.safe_dump(seen, default_flow_style=True, sort_keys=False, allow_unicode=True, width=math.inf).strip()

"""Whatever the structure of a network, what is recorded of it is what its own framework says.

Expected values come from `model.predict` (of other formats, from the call of whoever runs them) and NumPy alone.
`pytest -s` prints the table; it is left in the folder of all structures too.
"""

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from auditor.evidence.verification import verify
from auditor.records.store import Folder
from auditor.values import Record, Run

FAMILIES = ("endings", "compositions", "bodies")
TARGET = 1
COLUMNS = ("structure", "format", "right, plain / told", "in a ball, fooled / told", "to a class", "logits from")


@dataclass
class Row:
    """What was found of one model, and what of it contradicts its framework."""

    cells: list[str]
    wrong: list[str] = field(default_factory=list)

    def holds(self, what: str, told: Any, true: Any) -> None:
        """Note it if what was told isn't what is true."""
        if told != true:
            self.wrong.append(f"{' '.join(self.cells[:2])}: {what}: told {told}, true is {true}")


def spec(name: str, structure: Any, models: Mapping[str, Mapping[str, Any]]) -> str:
    """A spec that measures a structure in every format: accuracy, an attack in a ball, and steps to a class."""
    from tests.differential.exports import SIGHTED

    low, high = structure.task.box
    common = {"output": structure.output, "trusted": True}
    common |= {"preprocessing": dict(structure.preprocessing)} if structure.preprocessing else {}
    checks: list[dict[str, Any]] = []
    for model in models:
        steps = {"attack": structure.attack, "steps": 8} if model in SIGHTED else {"attack": "square", "steps": 60}
        ball = {"eps": structure.eps * (high - low), "samples": 48, "show": 1, "attacks": [steps]}
        flip = {"target": TARGET, "steps": 4, "step_size": 0.1 * (high - low), "samples": 40, "show": 1}
        checks.append({"id": f"{model}.right", "check": "accuracy", "model": model, "params": {"gallery": 1}})
        if "ball" in structure.kinds:
            checks.append({"id": f"{model}.ball", "check": "robust_accuracy", "model": model, "params": ball})
        if "flip" in structure.kinds and model == "keras":
            params = {**flip, "objective": "logit"}
            checks.append({"id": f"{model}.flip", "check": "digit_flip", "model": model, "params": params})
    entries = {model: {"format": model, **params, **common} for model, params in models.items()}
    data = {"dataset": "npz", "path": f"{name}.npz", "box": [low, high]}
    return yaml.safe_dump({"audit": name, "models": entries, "data": data, "checks": checks})


def made(folder: Path, name: str, structure: Any) -> dict[str, Any]:
    """Write a structure's models, data and spec; give the plain call of every format."""
    import keras

    from tests.differential.exports import FORMATS

    keras.utils.set_random_seed(sum(name.encode()))
    built = structure.build(structure.task)
    built.save(folder / f"{name}.keras")
    again = keras.saving.load_model(folder / f"{name}.keras")
    params: dict[str, Any] = {"keras": {"path": f"{name}.keras"}}
    plain: dict[str, Any] = {"keras": lambda images: again.predict(images, batch_size=len(images), verbose=0)}
    for form in structure.formats:
        params[form], plain[form] = FORMATS[form](built, folder / f"{name}_{form}")
    images, labels = structure.task.audited
    np.savez(folder / f"{name}.npz", images=images, labels=labels)
    (folder / f"{name}.audit.yaml").write_text(spec(name, structure, params))
    return plain


def record(run: Run, case: str) -> Record:
    found = run.records.get(case)
    assert found is not None, f"{run.audit}: {case} left no record"
    return found


def compared(run: Run, structure: Any, form: str, plain: Any) -> Row:
    """Put what was recorded of a model beside what its framework says."""

    def says(images: Any) -> Any:
        return structure.probabilities(plain(np.asarray(structure.feed(images), np.float32)))

    row = Row([run.audit, form])
    clean = record(run, f"{form}.right")
    if clean.evidence is None:
        row.wrong.append(f"{run.audit} {form}: {clean.verdict.message}")
        return row
    images, labels = structure.task.audited
    true = says(images)
    right = int((true.argmax(axis=1) == labels).sum())
    metric, arrays = clean.evidence.metrics["accuracy"], clean.evidence.arrays
    row.holds("images right", (metric.successes, metric.n), (right, len(labels)))
    row.holds("images given another class", int((arrays["predicted"] != true.argmax(axis=1)).sum()), 0)
    close = 4e-3 if "precision" in run.audit else 1e-4  # float16 has eleven bits
    apart = np.abs(arrays["confidence"] - true.max(axis=1)).max()
    row.holds(f"confidences, within {close}", round(float(apart), 4) if apart > close else 0, 0)
    row.cells.append(f"{right} / {metric.successes} of {metric.n}")
    for kind in ("ball", "flip"):
        if f"{form}.{kind}" in run.records:
            row.cells.append(fooled(row, record(run, f"{form}.{kind}"), says, images, labels))
        else:
            row.cells.append("")
    row.cells.append(str(clean.provenance["models"][form]["logits"]))
    return row


def fooled(row: Row, found: Record, says: Any, images: Any, labels: Any) -> str:
    """Compare the images that a case says fool a model, or don't, with what they do."""
    if found.evidence is None or found.evidence.adversarial is None:
        row.wrong.append(f"{row.cells[0]} {found.case}: {found.verdict.message}")
        return "nothing"
    evidence = found.evidence.adversarial
    before, after = says(evidence.originals).argmax(axis=1), says(evidence.images).argmax(axis=1)
    targeted = found.check == "digit_flip"
    falls = after == TARGET if targeted else after != evidence.labels
    unlike = np.flatnonzero(falls != evidence.fooled)
    row.holds(f"{found.case}: attacked images that do otherwise", len(unlike), 0)
    row.holds(f"{found.case}: originals that are wrong", int((before != evidence.labels).sum()), 0)
    row.holds(f"{found.case}: originals", np.array_equal(evidence.originals, images[evidence.indices]), True)
    row.holds(f"{found.case}: labels", np.array_equal(evidence.labels, labels[evidence.indices]), True)
    name = "flip_rate" if targeted else "attack_success_rate"
    row.holds(f"{found.case}: {name}", found.evidence.metrics[name].successes, int(falls.sum()))
    return f"{int((falls & evidence.fooled).sum())} / {int(evidence.fooled.sum())} of {len(falls)}"


@dataclass(frozen=True)
class Audited:
    """A folder with specs and reports of all structures, these by name, and the plain calls of each by format."""

    folder: Path
    structures: Mapping[str, Any]
    plain: Mapping[str, Mapping[str, Any]]


@pytest.fixture(scope="module")
def audited(tmp_path_factory) -> Audited:
    """All of them, audited by one session."""
    for family in FAMILIES:
        import_module(f"tests.differential.{family}")
    from tests.differential.registry import STRUCTURES

    folder = tmp_path_factory.mktemp("structures")
    plain = {name: made(folder, name, one) for name, one in STRUCTURES.items()}
    command = [sys.executable, "-m", "auditor", "run", ".", "--exit-zero", "--audit-no-cache"]
    environment = {name: value for name, value in os.environ.items() if name != "GITHUB_STEP_SUMMARY"}
    subprocess.run(
        [*command, "--continue-on-collection-errors"], cwd=folder, env=environment, check=False, stdout=sys.stderr
    )
    return Audited(folder, STRUCTURES, plain)


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_what_is_recorded_is_what_the_framework_says(audited, family):
    where, plain, rows, wrong = audited.folder, audited.plain, [], {}
    for name, structure in audited.structures.items():
        if structure.build.__module__ != f"tests.differential.{family}":
            continue
        folder = where / "reports" / name
        if not folder.is_dir():
            wrong[name] = [f"{name}: no report; was its spec taken?"]
            continue
        run = Folder(folder).load_run()
        mine = [compared(run, structure, form, plain[name][form]) for form in plain[name]]
        told = [
            f"{name}: verify: {f.of}: {f.what}: {f.seen}"
            for f in verify(folder, where / f"{name}.audit.yaml")
            if not f.ok
        ]
        rows += [row.cells for row in mine]
        wrong[name] = [line for row in mine for line in row.wrong] + told
    table = "\n".join(f"| {' | '.join(cells)} |" for cells in (COLUMNS, ["---"] * len(COLUMNS), *rows))
    (where / f"{family}.md").write_text(table + "\n")
    print(f"\n{table}")  # noqa: T201 - what `pytest -s` is asked for
    bad = {name: lines for name, lines in wrong.items() if lines}
    assert not bad, "\n".join(line for lines in bad.values() for line in lines)

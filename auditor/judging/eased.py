"""What a spec asks less than it did: where a gate was lowered or left out, a pass isn't what the last one was.

It is held against the last run in the reports folder's history that asked otherwise, so that the same spec again says
the same again; where there is no history, against the run that lies in the folder.
"""

import dataclasses
import json
from collections.abc import Iterator, Mapping
from typing import Any

from auditor.records.store import Folder
from auditor.values import Expectation, RecordError, Run

Asked = Mapping[str, Any]


def asked(run: Run) -> str:
    """What a run asks of every case, as JSON: the check, its parameters, its gates, and how surely."""
    told = {}
    for case in run.cases:
        record = run.records.get(case.id)
        # Earlier versions noted it with the record alone.
        source = case if case.confidence or record is None else record
        gates = [[e.metric, e.min, e.max, e.versus_baseline] for e in source.expectations if not e.hollow]
        params = {name: source.params.get(name) for name in ("eps", "target", "attacks", "steps")}
        told[case.id] = {"check": case.check, "gates": gates, "confidence": source.confidence, **params}
    return json.dumps(told, sort_keys=True)


def held_against_history(folder: Folder, run: Run) -> Run:
    """A run that says what it asks less than the last one that asked otherwise."""
    from auditor.records import history  # not needed by who only judges, and it takes a database

    now = asked(run)
    path = folder.path.resolve()
    try:
        before = history.asked_otherwise(path, now)
        if before is None and not (path.parent / history.NAME).exists():
            there = folder.load_run(arrays=False)
            before = asked(there), there.started
    except RecordError:
        return run  # nothing to read, or a history that whoever renders the report says is broken
    return dataclasses.replace(run, eased=eased(*before, now)) if before else run


def eased(before: str, when: str, now: str) -> dict[str, str]:
    """By case: what is asked less now than by the run of `when`, in words. before, now: as `asked` says it."""
    old, new = json.loads(before), json.loads(now)
    found = {case: "; ".join(_parts(then, new.get(case))) for case, then in old.items()}
    return {case: f"less is asked than by the run of {when}: {said}" for case, said in found.items() if said}


def gates_changed(before: str, now: str) -> Iterator[tuple[str, str, str]]:
    """Case by case, how two specs differ in what they ask: (case, looser, stricter, added or removed, in words)."""
    old, new = json.loads(before), json.loads(now)
    for case in dict.fromkeys((*old, *new)):
        then, mine = old.get(case), new.get(case)
        if then is None:
            yield case, "added", _listed(mine["gates"]) or "descriptive: it asks for nothing"
            continue
        less = list(_parts(then, mine))
        if less or mine is None:
            yield case, "removed" if mine is None else "looser", "; ".join(less) or "it asked for nothing"
        more = list(_parts(mine, then)) if mine is not None else []
        if more:
            fresh = [gate for gate in mine["gates"] if gate not in then["gates"]]
            yield case, "stricter", _listed(fresh) or "surer, or against more than before"


def _listed(gates: list[Any]) -> str:
    return " and ".join(str(Expectation(*gate)) for gate in gates)


def _parts(then: Asked, now: Asked | None) -> Iterator[str]:
    if not then["gates"]:
        return
    if now is None or now["check"] != then["check"]:
        gone = "the case is gone" if now is None else f"its check was {then['check']} and is {now['check']}"
        yield f"{gone}, which asked for {' and '.join(str(Expectation(*gate)) for gate in then['gates'])}"
        return
    gates = {(gate[0], gate[3]): Expectation(*gate) for gate in now["gates"]}
    for gate in (Expectation(*gate) for gate in then["gates"]):
        mine = gates.get((gate.metric, gate.versus_baseline))
        if mine is None:
            yield f"{gate} is no longer asked"
        elif mine.span[0] < gate.span[0] or mine.span[1] > gate.span[1]:
            yield f"{gate} was asked, and {mine} is{_by(gate, mine)}"
    if now["confidence"] < then["confidence"]:
        yield f"with {then['confidence'] * 100:.6g}% confidence then, {now['confidence'] * 100:.6g}% now"
    for name in ("eps", "steps"):
        if _most(now[name]) < _most(then[name]):
            yield f"`{name}` was {_most(then[name]):g} and is {_most(now[name]):g}"
    if then["target"] is None and now["target"] is not None:
        yield f"any wrong class counted, and only {now['target']} does"
    left = [name for name in _attacks(then) if name not in _attacks(now)]
    if left:
        yield f"the attack {', '.join(left)} is gone"


def _by(then: Expectation, now: Expectation) -> str:
    """How far the bounds moved, in words."""
    pairs = ((then.min, now.min), (then.max, now.max))
    moved = [f"{abs(new - old):.4g}" for old, new in pairs if old is not None and new is not None and old != new]
    return f", by {' and '.join(moved)}" if moved else ""


def _most(value: Any) -> float:
    numbers = value if isinstance(value, list) else [value]
    return max((float(number) for number in numbers if number is not None), default=0.0)


def _attacks(told: Asked) -> list[str]:
    return [str(attack.get("attack")) for attack in told["attacks"] or () if isinstance(attack, Mapping)]

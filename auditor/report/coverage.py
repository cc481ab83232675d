"""What was tested and what was not: controls of the frameworks, and what no case of this run speaks to."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from auditor import catalog
from auditor.corruptions import CORRUPTIONS, FAMILIES, Family
from auditor.report.outcome import STATES
from auditor.telling.lists import listed
from auditor.values import CONTROLS, AuditError, Control, Record, Run, State, control

_FEW = 30
_MOST_NAMED = 20
_OF_KIND = "corrupted_accuracy"
_WORDS: Mapping[Family, str] = {
    "noise": "noise",
    "blur": "blur",
    "weather": "weather",
    "digital": "digital faults such as compression",
    "shapes": "changed shapes such as turned and moved images",
}
_NORMS: Mapping[str, str] = {"linf": "L∞", "l2": "L2", "l1": "L1", "l0": "L0"}


@dataclass(frozen=True)
class Covered:
    """One control: the cases that speak to it, and the most urgent of their states; None where there is no case."""

    control: Control
    cases: tuple[str, ...]
    state: State | None


@dataclass(frozen=True)
class Coverage:
    """Controls by framework, and what was not tested in words."""

    frameworks: Mapping[str, tuple[Covered, ...]]
    untested: tuple[str, ...]

    @property
    def tested(self) -> int:
        """How many controls some case speaks to."""
        return sum(row.state is not None for rows in self.frameworks.values() for row in rows)


def coverage(run: Run) -> Coverage:
    """Lay out what a run speaks to."""
    speaking: dict[str, list[str]] = {}
    states = {case.id: run.state(case) for case in run.cases}
    for case in run.cases:
        for name in case.controls:
            if states[case.id] != "not selected":
                speaking.setdefault(name, []).append(case.id)
    frameworks: dict[str, list[Covered]] = {}
    for name in dict.fromkeys([*CONTROLS, *speaking]):
        found, cases = control(name), tuple(speaking.get(name, ()))
        worst = min((states[case] for case in cases), key=STATES.index, default=None)
        frameworks.setdefault(found.framework, []).append(Covered(found, cases, worst))
    return Coverage({name: tuple(rows) for name, rows in frameworks.items()}, tuple(_untested(run)))


def _untested(run: Run) -> Iterator[str]:
    absent = [case.id for case in run.cases if case.id not in run.records]
    if absent:
        yield f"Cases without a result: {', '.join(absent)}."
    attacked = [record for record in run.records.values() if "attacks" in record.params and record.evidence]
    if not attacked:
        yield "No case attacks within a threat model: nothing is known of the accuracy an attacker leaves."
    else:
        norms = {str(record.params.get("norm")) for record in attacked}
        missing = [name for norm, name in _NORMS.items() if norm not in norms]
        if missing:
            yield f"Changes bounded in {', '.join(missing)}."
        sees = {knowledge for record in attacked for knowledge in _knowledge(record)}
        if not sees & {"score", "decision"}:
            yield "Attackers who see only scores or decisions."
        if not sees & {"gradient", "jacobian"}:
            yield "Attackers who know the model and follow its gradient."
    yield from _of_attacks(attacked)
    checks = {record.check for record in run.records.values()}
    if "transfer" not in checks:
        yield "Images made on another network (transfer)."
    yield from _world(run)
    yield "Poisoned training data, backdoors, and what the model gives away of its training data."
    if all(record.baseline is None for record in run.records.values()):
        yield "Compared with: nothing. No case stands beside an earlier release, or another model."
    yield from _small_classes(run)


def _of_attacks(attacked: Sequence[Record]) -> Iterator[str]:
    """What attacks within a threat model leave open: images that took no part, targets, patches."""
    for record in attacked:
        images = record.provenance.get("data", {}).get("images")
        metrics = record.evidence.metrics.values() if record.evidence else ()
        looked = max((metric.n for metric in metrics if metric.kind != "exact"), default=0)
        if isinstance(images, int) and 0 < looked < images:
            yield f"Attacks on the other {images - looked} of {images} images: {record.case} looked at {looked}."
    targets = {record.params.get("target") for record in attacked}
    if attacked and None not in targets and "all" not in targets:
        yield f"Attacks towards other classes than {', '.join(sorted(map(str, targets)))}."
    yield "Patches: changes of one place of an image, as large as one likes."


def _world(run: Run) -> Iterator[str]:
    """What changes images without meaning to, and wasn't tried."""
    tried: set[str] = set()
    for record in run.records.values():
        if record.check == "corruptions" and record.evidence:
            tried |= {
                CORRUPTIONS[kind].family for kind in CORRUPTIONS if f"{_OF_KIND}.{kind}" in record.evidence.metrics
            }
        if record.check == "spatial" and record.evidence:
            tried.add("shapes")
    absent = [_WORDS[family] for family in FAMILIES if family not in tried]
    if len(absent) == len(FAMILIES):
        yield "Natural corruptions such as noise, blur, weather, compression, or turned and moved images."
    elif absent:
        yield f"Natural corruptions of other families: {', '.join(absent)}."
    if not any(record.check == "out_of_distribution" and record.evidence for record in run.records.values()):
        yield "Images that the model isn't for, such as noise or other objects: whether it is certain of nonsense."
    yield "Shifted data: images of other sources, places, devices or times."


def _knowledge(record: Record) -> Iterator[str]:
    for attack in record.params["attacks"]:
        try:
            module = catalog.load("attacks", str(attack.get("attack")))
        except (AuditError, AttributeError):
            continue  # a record may be of an attack that isn't installed here
        if module.SEEKS == "ensemble":
            yield from ("gradient", "score")
        else:
            yield module.SEES


def _small_classes(run: Run) -> Iterator[str]:
    sizes: dict[str, int] = {}
    for record in run.records.values():
        for name, metric in (record.evidence.metrics if record.evidence else {}).items():
            if record.check == "accuracy" and name.startswith("accuracy."):
                label = name.removeprefix("accuracy.")
                sizes[label] = max(sizes.get(label, 0), metric.n)
    small = sorted((n, name) for name, n in sizes.items() if n < _FEW)
    if small:
        named = listed((f"{name} ({n})" for n, name in small), _MOST_NAMED)
        yield f"Classes with fewer than {_FEW} images, of which little can be said: {named}."

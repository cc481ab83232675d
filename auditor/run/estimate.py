"""What cases will take before they run: nothing where they are cached, what they took the last time, or what passes
through their model take at most, by a short calibration.

Both are kept in the cache, so that asking again costs nothing, and a machine that shares the cache knows at once.
"""

import dataclasses
import hashlib
import json
import os
import platform
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from auditor.attacks import bim
from auditor.compute import at_once, cores, side_by_side, tensorflow
from auditor.loading.resources import Resources
from auditor.run.cache import Cache
from auditor.run.case_key import case_key, code_digest, source_identity, versions
from auditor.run.measuring import cost_of
from auditor.search import Job, ThreatModel, block_size, search
from auditor.spec import Case, Plan, Source, is_registered
from auditor.telling.reason import reason
from auditor.values import AuditError, CheckError, Classifier, Passes, Record, Samples, references

Basis = Literal["cached", "last time", "at most", "unknown"]

_STEPS = 3
# Bytes, measured: TensorFlow with all that is imported beside it, and what a compiled search keeps.
_TENSORFLOW, _TRACE = 780_000_000, 10_000_000
_COPIES = 6
"""Images are kept as they are, adversarial, where they end, and as proof; the rest is theirs while they move."""


@dataclass(frozen=True)
class Speed:
    """How a model does on this machine.

    prediction, gradient: seconds an image, with a full block on every core; a gradient is None where there is none.
    trace: seconds to compile a search. load: seconds until it could predict. memory: bytes that loading and attacking
    it took. images, image_bytes: how many samples there are, and what one takes. class_count: how many classes it
    knows.
    """

    prediction: float
    gradient: float | None
    trace: float
    load: float
    memory: int
    images: int
    image_bytes: int
    class_count: int

    def seconds(self, passes: Passes) -> float:
        """What so many passes take, at most."""
        gradients = passes.gradients * (self.gradient or self.prediction)
        return passes.traces * self.trace + gradients + passes.predictions * self.prediction


@dataclass(frozen=True)
class Took:
    """How long a case took when it was last measured: seconds, and when (ISO date and time)."""

    seconds: float
    measured: str


@dataclass(frozen=True)
class Estimate:
    """What a case will take: seconds, None where nothing is known; passes, at most, None where its check can't say.

    note: when it was measured, or why nothing is known.
    """

    basis: Basis
    seconds: float | None
    passes: Passes | None = None
    note: str = ""


def known(plan: Plan, case: Case, resources: Resources, cache: Cache | None) -> Estimate | None:
    """What is kept of a case: its result, or how long it took the last time; None where nothing is."""
    if cache is None:
        return None
    try:
        key = case_key(plan, case, resources)
    except (OSError, AuditError):
        key = None  # a file is gone, or isn't what the spec demands; measuring says so
    if key and cache.get(Record, key) is not None:
        return Estimate("cached", 0.0)
    took = _timings(cache).get(Took, _took_key(plan, case))
    return Estimate("last time", took.seconds, note=took.measured) if took else None


def estimate(case: Case, speed: Speed) -> Estimate:
    """What a case takes at most of a model of this speed."""
    passes = cost_of(case.check, case.params, speed.images, speed.class_count, len(case.models))
    if passes is None:
        return Estimate("unknown", None, note=f"`{case.check}` can't say before it runs")
    return Estimate("at most", speed.seconds(passes), passes)


@dataclass(frozen=True)
class Outlook:
    """What a plan will take: an estimate for each case, by its id; the speed of each model that is known, by its name;
    and why the others' isn't.
    """

    cases: Mapping[str, Estimate]
    speeds: Mapping[str, Speed]
    unknown: Mapping[str, str]

    def seconds(self, basis: Basis) -> float:
        """What the cases of this basis take together, in one process."""
        return sum(case.seconds or 0.0 for case in self.cases.values() if case.basis == basis)

    @property
    def memory(self) -> int:
        """Bytes that one process needs which audits all of it, at its peak, as far as models are known."""
        data = max((speed.images * speed.image_bytes for speed in self.speeds.values()), default=0)
        traces = sum(case.passes.traces for case in self.cases.values() if case.passes and case.basis != "cached")
        models = sum(speed.memory for speed in self.speeds.values())
        return _TENSORFLOW + models + _TRACE * traces + _COPIES * data


def outlook(plan: Plan, resources: Resources, cache: Cache, calibrate: bool) -> Outlook:
    """What each case of a plan will take. calibrate: whether models whose speed isn't kept are loaded and timed."""
    speeds, unknown = dict[str, Speed](), dict[str, str]()
    far = set() if calibrate else {name for name in plan.models if _is_far(plan.models[name])}
    for name in dict.fromkeys(case.model for case in plan.cases):
        if name in far:
            unknown[name] = "its files have to be fetched; --calibrate does"
            continue
        try:
            found = (speed_of if calibrate else kept_speed)(plan, name, resources, cache)
        except (OSError, AuditError) as error:
            unknown[name] = reason(error)
            continue
        if found is None:
            unknown[name] = "its speed isn't known; --calibrate times it"
        else:
            speeds[name] = found
    cases = {}
    for case in plan.cases:
        bound = Estimate("unknown", None, note=unknown.get(case.model, ""))
        if case.model in speeds:
            bound = estimate(case, speeds[case.model])
        reached = {name for other in plan.closure({case.id}) for name in other.models} if far else set()
        kept = None if far & reached else known(plan, case, resources, cache)
        cases[case.id] = dataclasses.replace(kept, passes=bound.passes) if kept else bound
    return Outlook(cases, speeds, unknown)


def _is_far(source: Source) -> bool:
    """Whether a model's files are fetched from a registry, which opens a connection."""
    return any(reference.to == "file" and is_registered(reference.name) for reference in references(source.params))


def remember(plan: Plan, record: Record, cache: Cache) -> None:
    """Keep how long a case took."""
    case = plan.case(record.case)
    _timings(cache).put(_took_key(plan, case), Took(record.seconds, str(record.provenance["finished"])))


def _timings(cache: Cache) -> Cache:
    """Times lie apart from results: they are hints, which replace each other."""
    return Cache(cache.path / "timings", cache.secret)


def _took_key(plan: Plan, case: Case) -> str:
    """Of the same question, whatever has become of model, data and code since."""
    data = plan.data.shown
    named = [plan.audit, case.id, case.check, case.params.model_dump(mode="json"), case.model, data]
    named += [plan.others[name].shown for name in case.others]
    return _digest(["took", named])


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


# --- calibration


def kept_speed(plan: Plan, name: str, resources: Resources, cache: Cache | None) -> Speed | None:
    """How fast a model of the plan is, if that is kept; raises AuditError or OSError where its files can't be read."""
    return _kept(_speed_key(plan, name, resources), cache)


def _kept(key: str, cache: Cache | None) -> Speed | None:
    return _timings(cache).get(Speed, key) if cache and key else None


def speed_of(plan: Plan, name: str, resources: Resources, cache: Cache | None) -> Speed:
    """How fast a model of the plan is, as kept, or by a calibration of some seconds, which is kept then.

    Raises AuditError or OSError where it can't be loaded.
    """
    key = _speed_key(plan, name, resources)
    found = _kept(key, cache)
    if found is None:
        found = calibrate(plan, name, resources)
        if cache and key:
            _timings(cache).put(key, found)
    return found


def _speed_key(plan: Plan, name: str, resources: Resources) -> str:
    """Of all that a speed depends on, this machine's cores too; nothing where that can't be known."""
    source, data = plan.models[name], plan.data
    identities = [source_identity(source, "models", resources), source_identity(data, "datasets", resources)]
    machine = [platform.node(), platform.processor(), cores()]
    return "" if None in identities else _digest(["speed", code_digest(), versions(), machine, identities])


def calibrate(plan: Plan, name: str, resources: Resources) -> Speed:
    """Load a model of the plan and time a block of its images, with and without gradients.

    Raises what loading raises.
    """
    samples = resources.samples(plan)
    tensorflow()  # what it takes itself is counted once, for all models
    before, began = _resident(), time.perf_counter()
    classifier = resources.classifier(plan, name)
    block = samples.images[: block_size(samples.images[0].size) * at_once()]
    logits = classifier.predict(block)
    load = time.perf_counter() - began
    prediction = _seconds(lambda: classifier.predict(block)) / len(block)
    gradient, trace = _attacked(classifier, samples, logits)
    memory = max(0, _resident() - before)
    nbytes = samples.images[0].nbytes
    # A last look and a confirmation come with the steps.
    each = None if gradient is None else max(gradient / len(block) - 2 * prediction, 0.0) / _STEPS
    return Speed(prediction, each, trace, load, memory, len(samples), nbytes, classifier.class_count)


def _attacked(classifier: Classifier, samples: Samples, logits: Any) -> tuple[float | None, float]:
    """Seconds of a few steps on a block whose logits are given, and of compiling them; None without gradients."""
    count = len(logits)
    rows, radius = np.arange(count), (samples.box[1] - samples.box[0]) / 100
    labels = logits.argmax(axis=1)
    job = Job(samples.images[:count], labels, np.full(count, -1), np.full(count, radius), rows, logits)
    # Their own, so that what is compiled here isn't found compiled by what is measured.
    params = bim.Params(steps=_STEPS, step_size=radius / _STEPS)
    threat = ThreatModel("linf", samples.box)

    def steps() -> None:
        search("bim", params, classifier, threat, job, 0, "last", side_by_side)

    began = time.perf_counter()
    try:
        steps()
    except CheckError:
        return None, time.perf_counter() - began
    first = time.perf_counter() - began
    once = _seconds(steps)
    return once, max(0.0, first - once)


def _seconds(run: Callable[[], Any]) -> float:
    """The shorter of two runs."""
    found = []
    for _ in range(2):
        began = time.perf_counter()
        run()
        found.append(time.perf_counter() - began)
    return min(found)


def _resident() -> int:
    """Bytes of memory this process holds, or 0 where the system doesn't say (it is Linux that does)."""
    try:
        pages = int(Path("/proc/self/statm").read_text("utf-8").split()[1])
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")

"""The checks once more, without attacks: the same choosing and counting code, fed by the checkpoint's plain call."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import auditor
from auditor import catalog
from auditor.classifiers import Onward, undecided
from auditor.evidence.findings import Finding, found, taken, unchecked
from auditor.loading.resources import Resources
from auditor.measuring import groups_of, metrics_of_groups, metrics_of_weakest, table_of_weakest, weakest_groups
from auditor.run.measuring import of_models
from auditor.spec import Case, Plan
from auditor.telling.numbers import same_told
from auditor.telling.reason import named_reason
from auditor.values import (
    AdversarialImages,
    AuditError,
    CheckError,
    Classifier,
    Context,
    Diagnostic,
    Evidence,
    FloatArray,
    IntArray,
    Metric,
    Passes,
    Record,
    Recount,
    Run,
    group_metric,
    in_clusters,
    told_probabilities,
)

_MOST_GRADIENTS = 20_000  # images passed through a model with their gradient: seconds, on two cores
_ALIKE = 1e-3  # in relation, or of a bounded range: other machines and versions round differently
_NEW = "the earlier version that made the record didn't have these"
_LEAST, _MOST_SURE = 1e-30, 1 - 2.0**-53  # of a probability whose logarithm is taken


@dataclass(eq=False)
class Plainly(Onward):
    """A classifier whose predictions are its format's own plain call, which shares nothing with what measured.

    undecided: how many images it was asked about that it can't decide on, so that rounding does.
    """

    base: Classifier
    undecided: int = 0

    @property
    def logits_from(self) -> str:
        """How logits were obtained."""
        return "the checkpoint's own answers"

    def predict(self, images: FloatArray) -> FloatArray:
        """Logits (N, K) that mean what the checkpoint answers to images (N, H, W, C)."""
        answers = self.answers(images)
        self.undecided += int(undecided(answers, answers).sum())
        if self.output not in ("probabilities", "sigmoid"):
            return answers
        told = np.clip(told_probabilities(answers, self.output), _LEAST, _MOST_SURE)
        return np.log(told) - (np.log1p(-told) if self.output == "sigmoid" else 0.0)


@dataclass
class Again:
    """A context for one case that asks checkpoints by their plain call. asked: which, by the spec's names.

    earlier: whether an earlier version made the record, which didn't know all that is measured and tested now.
    """

    plan: Plan
    case: Case
    run: Run
    resources: Resources
    earlier: bool = False
    asked: dict[str, Plainly] = field(default_factory=dict)

    def model(self, name: str) -> Classifier:
        """A model of the spec."""
        if name not in self.asked:
            self.asked[name] = Plainly(self.resources.own_call(self.plan, name))
        return self.asked[name]

    def adversarial(self, case_id: str) -> AdversarialImages:
        """The images of another record, which are looked at with that record."""
        record = self.run.records.get(case_id)
        if record is None or record.evidence is None or record.evidence.adversarial is None:
            raise CheckError(f"the images of {case_id!r}, which it takes, are not in the records")
        return record.evidence.adversarial

    def context(self) -> Context:
        """What a check is given."""
        return Context(
            model_name=self.case.model,
            samples=self.resources.samples(self.plan),
            seed=self.case.seed,
            spec_seed=self.plan.spec.content.seed,
            model=self.model,
            adversarial=self.adversarial,
            checkpoint=lambda name: self.resources.checkpoint(self.plan, name),
            random=self.plan.random,
            data=lambda name: self.resources.other_samples(self.plan, name),
        )

    @property
    def undecided(self) -> int:
        """How many of the images asked about no model decides on."""
        return sum(one.undecided for one in self.asked.values())


def recounted(record: Record, evidence: Evidence, again: Again) -> tuple[Recount | None, list[Finding]]:
    """Count a record again from its images, or run its check where that takes no attack.

    Returns what its check makes of its images, where it can say that, and what was found.
    """
    case, module = again.case, catalog.load("checks", record.check)
    counted: Recount | None = None
    tested: tuple[Diagnostic, ...] = ()
    try:
        context = again.context()
        if hasattr(module, "recount"):
            with in_clusters(context.samples.clusters):
                counted = module.recount(context, case.params, evidence)
            metrics, summary = counted.metrics, counted.summary
        elif evidence.adversarial is None and without_attack(record, again):
            with in_clusters(context.samples.clusters):
                whole: Evidence = module.run(context, case.params)
            metrics, summary, tested = whole.metrics, whole.summary, whole.diagnostics
        else:
            return None, [taken(record.case, "metrics", "its check can't count them without attacking")]
    except AuditError as error:
        return None, [found(record.case, "counted again", ok=False, seen=str(error))]
    except Exception as error:  # what a forger left may break anything
        told = f"it can't be counted: {named_reason(error)}"
        return None, [found(record.case, "counted again", ok=False, seen=told)]
    models = {name: again.resources.classifier(again.plan, name) for name in again.asked}
    tested = (*of_models(models, again.context())[0], *tested)
    return counted, [
        *_compared(record, evidence, metrics, again),
        _told(record, evidence, metrics, summary, again),
        *diagnosed(record.case, evidence.diagnostics, tested, earlier=again.earlier),
    ]


def without_attack(record: Record, again: Again) -> bool:
    """Whether a check takes no more than what can be done in seconds, without an attack."""
    samples = again.resources.samples(again.plan)
    classes = again.resources.own_call(again.plan, record.model).class_count
    cost: Passes | None = catalog.cost_of(record.check, again.case.params, len(samples), classes)
    return cost is None or cost.gradients <= _MOST_GRADIENTS


def grouped_again(record: Record, evidence: Evidence, again: Again) -> Iterator[Finding]:
    """The metrics of groups, again from what the record says of single images and the data of each."""
    case = again.case
    if not case.slices and case.weak_segments is None:
        return
    samples, promised = again.resources.samples(again.plan), catalog.metrics_of(record.check)
    now = metrics_of_groups(evidence.metrics, samples, groups_of(samples, case.slices), promised)
    told_otherwise = []
    if case.weak_segments is not None:
        try:
            weak = weakest_groups(evidence.metrics, samples, case.slices, case.weak_segments, case.seed, promised)
        except CheckError as error:
            yield found(record.case, "groups", ok=False, seen=str(error))
            return
        now |= metrics_of_weakest(weak, promised)
        if table_of_weakest(weak) not in evidence.tables:
            told_otherwise = ["the table of weakest groups isn't what the data tells"]
    told = {name: differs(evidence.metrics.get(name), metric, 0) for name, metric in now.items()}
    wrong = [*(f"{name} {how}" for name, how in told.items() if how), *told_otherwise]
    wrong += [f"{name} is of no group" for name in evidence.metrics if group_metric(name) and name not in now]
    yield found(record.case, "groups", not wrong, "; ".join(wrong) or f"{len(now)} metrics of groups, by the data")


def _compared(record: Record, evidence: Evidence, now: Mapping[str, Metric], again: Again) -> Iterator[Finding]:
    stored, most = evidence.metrics, again.undecided
    now, new = _known(now, stored, again.earlier)
    if new:
        yield unchecked(record.case, "metrics", f"{', '.join(new)}: {_NEW}")
    wrong = [f"{name} {differs(stored.get(name), now[name], most)}" for name in now]
    wrong = [told for told in wrong if not told.endswith(" ")]
    names = f"{len(now)} metrics, of the images that the spec chooses"
    yield found(record.case, "counted again", not wrong, "; ".join(wrong) or names)
    rest = [name for name in stored if name not in now and not group_metric(name)]
    if rest:
        gated = {expectation.metric for expectation in record.expectations}
        told = ", ".join(f"{name} (which its verdict rests on)" if name in gated else name for name in rest)
        yield taken(record.case, "metrics", told)


def _known(now: Mapping[str, Any], stored: Collection[str], earlier: bool) -> tuple[dict[str, Any], list[str]]:
    """What is looked at now, without what an earlier version couldn't know; and the names of that."""
    new = [name for name in now if earlier and name not in stored]
    return {name: one for name, one in now.items() if name not in new}, new


def differs(told: Metric | None, now: Metric, most: int) -> str:
    """How a metric differs from what is counted now, by more than `most` images that nobody decides on; or nothing."""
    if told is None:
        return "is missing"
    if told.kind != now.kind or told.n != now.n:
        return f"is a {told.kind} of {told.n}, and should be a {now.kind} of {now.n}"
    if now.kind == "binned":
        # Rounding moves images between bins, each by two of n at most.
        room = _ALIKE + 2 * (1 + most) / max(now.n, 1)
        return _apart(told.value, now.value, room)
    if now.groups:
        if told.groups.keys() != now.groups.keys():
            return "is of other groups than it should be"
        parts = (f"{differs(told.groups[name], now.groups[name], most)}" for name in now.groups)
        return next((part for part in parts if part), "")
    if now.rows is not None and not np.array_equal(_rows(told.rows), now.rows):
        return f"counts other images than the spec chooses ({_unlike_rows(_rows(told.rows), now.rows)})"
    if not _same_clusters(told.clusters, now.clusters):
        return "counts other images as independent than the spec does"
    width = now.bounds[1] - now.bounds[0] if now.bounds and np.isfinite(now.bounds).all() else 0.0
    if told.values is not None and now.values is not None and told.values.shape == now.values.shape:
        near = np.isclose(told.values, now.values, rtol=_ALIKE, atol=max(_ALIKE * width, 1e-6), equal_nan=True)
        if (~near).sum() <= most:
            return ""
        return f"is {told.value:.4g}, and {now.value:.4g} counted again: {int((~near).sum())} images count otherwise"
    share = 1 / max(now.n, 1) if now.kind != "exact" else 1.0
    room = most * share * (width or 1.0) + _ALIKE * max(width, abs(now.value))
    return _apart(told.value, now.value, room)


def _apart(told: float, now: float, room: float) -> str:
    """How two values differ by more than they may; nothing too where both are infinite, or of no images at all."""
    alike = told == now or (np.isnan(told) and np.isnan(now)) or abs(told - now) <= room
    return "" if alike else f"is {told:.4g}, and {now:.4g} counted again"


def _same_clusters(told: IntArray | None, wanted: IntArray | None) -> bool:
    return told is wanted is None or (told is not None and wanted is not None and np.array_equal(told, wanted))


def _rows(rows: IntArray | None) -> IntArray:
    return np.zeros(0, np.int64) if rows is None else rows


def _unlike_rows(told: IntArray, wanted: IntArray) -> str:
    left, more = len(np.setdiff1d(wanted, told)), len(np.setdiff1d(told, wanted))
    return f"{left} are left out, {more} are others" if left or more else "they stand in another order"


def _told(record: Record, evidence: Evidence, now: Mapping[str, Metric], summary: str, again: Again) -> Finding:
    """Whether the sentence that sums a record up is what its numbers make."""
    if same_told(evidence.summary, summary):
        return found(record.case, "summary", ok=True, seen="it is what the numbers make")
    exactly = all(name in evidence.metrics and not differs(evidence.metrics[name], now[name], 0) for name in now)
    other = record.provenance.get("versions", {}).get("auditor")
    if again.undecided and not exactly:
        return taken(record.case, "summary", f"rounding decides about {again.undecided} images: {evidence.summary}")
    if again.earlier or other != auditor.__version__:
        which = "an earlier version" if again.earlier else f"auditor {other}"
        return taken(record.case, "summary", f"{which} put it in its own words: {evidence.summary}")
    return found(record.case, "summary", ok=False, seen=f"it says {evidence.summary!r}, the numbers make {summary!r}")


def diagnosed(
    case: str,
    stored: tuple[Diagnostic, ...],
    again: tuple[Diagnostic, ...],
    every: bool = False,
    earlier: bool = False,
) -> Iterator[Finding]:
    """Whether tell-tale tests come out again as they did; every: whether those of the attack were done again too.

    earlier: whether an earlier version made the record.
    """
    told = {one.name: one for one in stored}
    now, new = _known({one.name: one for one in again}, told, earlier)
    if new:
        yield unchecked(case, "tell-tale tests", f"{', '.join(new)}: {_NEW}")
    wrong = [
        f"{name!r} is {'well' if told[name].ok else 'not well'} in the record, and isn't so now: {one.message}"
        if name in told
        else f"{name!r} is missing"
        for name, one in now.items()
        if name not in told or told[name].ok != one.ok
    ]
    wrong += [f"{name!r} isn't one of its tests" for name in told if every and name not in now]
    if now:
        yield found(case, "tell-tale tests", not wrong, "; ".join(wrong) or ", ".join(now))
    rest = [name for name in told if name not in now]
    if rest and not every:
        yield taken(case, "tell-tale tests", ", ".join(rest))

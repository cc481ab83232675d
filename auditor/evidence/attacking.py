"""Attacks once more, on some images or on all: what held must not fall when it is attacked as it was."""

import dataclasses
import random
from collections.abc import Iterator
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from auditor import catalog
from auditor.evidence.findings import Finding, found, taken
from auditor.evidence.recounting import Again, diagnosed, differs, without_attack
from auditor.evidence.replay import narrowed, only
from auditor.run.measuring import confirmed
from auditor.values import AdversarialImages, AuditError, Context, Evidence, IntArray, Metric, MetricInfo, Record

Replays = int | Literal["all"]
_BETTER = 0.01  # of a distance: by so much a second search may end elsewhere on another machine
_FORGED = 0.1  # of the images: what the chance of missing is told for


def attacked_again(record: Record, evidence: Evidence, again: Again, replays: Replays) -> Iterator[Finding]:
    """Attack again what a record says held: so many images that nobody could foresee, or the whole case with `all`."""
    made = evidence.adversarial
    claims = _claims(record, evidence)
    try:
        if replays == "all":
            if made is not None or not without_attack(record, again):
                yield from _whole(record, evidence, again)
            return
        if made is None or not claims:
            return
        held = _held(made, claims)
        chosen = np.array(sorted(random.SystemRandom().sample(held.tolist(), min(replays, len(held)))), np.int64)
        if len(chosen):
            yield _some(record, made, claims, again, chosen, len(held))
        rest = np.setdiff1d(held, chosen)
        if len(rest):
            rows = f"rows {_spans(rest)}"
            yield taken(record.case, "held", f"{len(rest)} of {len(held)} images weren't attacked again: {rows}")
        noise = int((~made.fooled & (made.indices < 0)).sum())
        if noise:
            told = f"{noise} images of noise weren't attacked again; `--replay all` does"
            yield taken(record.case, "held", told)
    except AuditError as error:
        yield found(record.case, "attacked again", ok=False, seen=str(error))


def _claims(record: Record, evidence: Evidence) -> dict[str, tuple[Metric, MetricInfo]]:
    """The metrics that say of single images how they stood, and are the better for it in one direction."""
    made = evidence.adversarial
    proof = made.proof if made is not None else None
    counted = {one.metric for one in proof.counted} if proof is not None else set()
    promised, claims = catalog.metrics_of(record.check), {}
    for name, metric in evidence.metrics.items():
        info = catalog.describe(name, promised)
        if info is None or info.better is None or metric.values is None or metric.rows is None:
            continue
        if name in counted or metric.kind == "median":
            claims[name] = metric, info
    return claims


def _held(made: AdversarialImages, claims: dict[str, tuple[Metric, MetricInfo]]) -> IntArray:
    """Rows of the data whose image could still have done worse than a record says."""
    rows: set[int] = set()
    for metric, info in claims.values():
        if metric.values is None or metric.rows is None:
            continue
        # A share can't be worse than none, or all; a distance can always be shorter.
        worst = 0.0 if info.better == "higher" else 1.0
        rows |= set(metric.rows[(metric.values != worst) | (metric.kind == "median")].tolist())
    real = made.indices[made.indices >= 0]
    return real[np.isin(real, sorted(rows))]


def _some(
    record: Record,
    made: AdversarialImages,
    claims: dict[str, tuple[Metric, MetricInfo]],
    again: Again,
    rows: IntArray,
    of: int,
) -> Finding:
    case, resources = again.case, again.resources
    context = dataclasses.replace(
        again.context(),
        samples=only(resources.samples(again.plan), rows),
        model=lambda name: resources.classifier(again.plan, name),
    )
    evidence: Evidence = catalog.load("checks", case.check).run(context, narrowed(case.params, rows))
    worse: set[int] = set()
    for name, (metric, info) in claims.items():
        worse |= _worse(metric, evidence.metrics.get(name), info)
    now = evidence.adversarial
    there = {int(row): i for i, row in enumerate(made.indices)}
    apart = max(
        (float(np.abs(made.images[there[int(row)]] - image).max()) for row, image in _by_row(now) if int(row) in there),
        default=float("nan"),
    )
    missed = (1 - _FORGED) ** len(rows)
    seen = (
        f"rows {_spans(rows)}, {len(rows)} of {of}: {_fell(worse)}; they end where they did but for {apart:.1g} in any "
        f"pixel (if one in ten of the {of} were forged, so many would miss that with {missed:.0%})"
    )
    return found(record.case, "attacked again", not worse, seen)


def _by_row(made: AdversarialImages | None) -> Iterator[tuple[int, NDArray[np.float32]]]:
    if made is not None:
        yield from zip(made.indices.tolist(), made.images, strict=True)


def _worse(told: Metric, now: Metric | None, info: MetricInfo) -> set[int]:
    """Rows of which a record says better than what comes out now."""
    if now is None or now.values is None or now.rows is None or told.values is None or told.rows is None:
        return set()
    then = dict(zip(told.rows.tolist(), told.values.tolist(), strict=True))
    sign = 1 if info.better == "higher" else -1
    return {
        row
        for row, value in zip(now.rows.tolist(), now.values.tolist(), strict=True)
        if row in then and sign * (then[row] - value) > _BETTER * abs(then[row] if np.isfinite(then[row]) else 0)
    }


def _fell(worse: set[int]) -> str:
    if not worse:
        return "none comes out worse than the record says"
    return f"{len(worse)} come out worse than the record says (rows {_spans(np.array(sorted(worse)))})"


def _whole(record: Record, evidence: Evidence, again: Again) -> Iterator[Finding]:
    """The case as it was run, tell-tale tests and all."""
    case, resources = again.case, again.resources
    context: Context = dataclasses.replace(again.context(), model=lambda name: resources.classifier(again.plan, name))
    now = confirmed(case.check, context, case.params, lambda: resources.take_as_given(again.plan, case.model))
    stored = evidence.metrics
    wrong = [f"{name} {told}" for name, one in now.metrics.items() if (told := differs(stored.get(name), one, 0))]
    yield found(record.case, "attacked again", not wrong, "; ".join(wrong) or "the whole case, with the same metrics")
    yield from diagnosed(record.case, evidence.diagnostics, now.diagnostics, every=True)


def _spans(rows: IntArray) -> str:
    """Rows in words: 3, 5–9, 12."""
    spans: list[list[int]] = []
    for row in rows.tolist():
        if spans and row == spans[-1][1] + 1:
            spans[-1][1] = row
        else:
            spans.append([row, row])
    return ", ".join(str(first) if first == last else f"{first}–{last}" for first, last in spans)

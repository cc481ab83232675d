"""Attacks once more, on some images or on whole cases: what held must not fall when it is attacked as it was.

An image's randomness belongs to its row, so a spec's attacks do the same to it whichever others are attacked with it.
"""

import dataclasses
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from auditor.classifiers import fools
from auditor.evidence.findings import Finding, found, taken
from auditor.evidence.recounting import Again, diagnosed, differs, without_attack
from auditor.measuring import Attacked, cascade, challenged, challenged_closest, images_of, tried_in_full
from auditor.run.measuring import confirmed
from auditor.search import Ascending, Job, Keep, ThreatModel, ascend_to_targets, distance
from auditor.telling.numbers import percent
from auditor.values import AdversarialImages, AuditError, Context, Evidence, FloatArray, Parameters, Record, Recount

Replays = int | Literal["all"]
Positions = NDArray[np.int64]
_CLOSER = 0.99  # of a distance that a record tells: further off, a search ended elsewhere by rounding
_FORGED = 0.1  # of the images: what the chance of missing is told for


@dataclass(frozen=True)
class _Claims:
    """What a record says of its images: where they stand (n,) that might have done worse, and how far each (N,) held.

    radii: within which; infinite where it was to be found how far the closest adversarial image is, which is `away`.
    """

    held: Positions
    radii: NDArray[np.float64]
    away: NDArray[np.float64]


def attacked_again(
    record: Record, evidence: Evidence, counted: Recount | None, again: Again, replays: Replays
) -> Iterator[Finding]:
    """Attack again what a record says held: so many images that nobody could foresee, or the whole case with `all`.

    counted: what the check makes of the record's images.
    """
    made = evidence.adversarial
    if replays == "all":
        if made is not None or not without_attack(record, again):
            yield from _whole(record, evidence, again)
        return
    if made is None:
        return
    claims = None if counted is None else _claims(again.case.params, counted, made)
    if counted is None or claims is None:
        yield taken(record.case, "held", "that images held, as nothing says how to attack one of them alone")
        return
    held = claims.held
    chosen = np.array(sorted(random.SystemRandom().sample(held.tolist(), min(replays, len(held)))), np.int64)
    if len(chosen):
        yield _some(record, evidence, counted, claims, again, chosen)
    rest = np.setdiff1d(held, chosen)
    if len(rest):
        told = f"{len(rest)} of {len(held)} images weren't attacked again"
        yield taken(record.case, "held", f"{told}: {_named(made, rest)}")


def _claims(params: Any, counted: Recount, made: AdversarialImages) -> _Claims | None:
    """What may be wrong with what a record says of its images; None where nothing is known of how they were made."""
    count = len(made.images)
    nowhere = np.full(count, np.inf)
    if isinstance(params, Ascending):
        return _Claims(np.flatnonzero(~made.fooled), nowhere, nowhere)
    if not isinstance(params, Attacked):
        return None
    if counted.radii is None:
        sizes = distance(made.images, made.originals, counted.norm)
        return _Claims(np.arange(count), nowhere, np.where(made.fooled, sizes, np.inf))
    asked = np.unique(np.asarray(getattr(params, "eps", counted.radii), np.float64))
    fell = np.where(made.fooled, counted.radii, np.inf)
    radii = np.array([max(asked[asked < radius], default=0.0) for radius in fell])
    return _Claims(np.flatnonzero(radii > 0), radii, nowhere)


def _some(
    record: Record, evidence: Evidence, counted: Recount, claims: _Claims, again: Again, at: Positions
) -> Finding:
    made = images_of(evidence)
    try:
        broken, apart = _attacked(evidence, counted, claims, again, at)
    except AuditError as error:
        return found(record.case, "attacked again", ok=False, seen=str(error))
    of = len(claims.held)
    told = "none comes out worse than the record says"
    if len(broken):
        told = f"{len(broken)} come out worse than the record says ({_named(made, broken)})"
    missed = f"if one in ten of the {of} were forged, so many would miss that with {percent((1 - _FORGED) ** len(at))}"
    seen = f"{_named(made, at)}, {len(at)} of {of}: {told}; they end where they did but for {apart:.1g} in any value"
    seen += f" ({missed})"
    return found(record.case, "attacked again", not len(broken), seen)


def _attacked(
    evidence: Evidence, counted: Recount, claims: _Claims, again: Again, at: Positions
) -> tuple[Positions, float]:
    """Which of the images at some positions do worse than a record says, and how far from the stored ones they end."""
    params: Any = again.case.params
    made = images_of(evidence)
    # What held stood what every image is tried by; where the rest was tried, it stood that as well. How close an image
    # came depends on it.
    in_full = (False,) if counted.radii is not None else tried_in_full(evidence, otherwise=False)
    context = dataclasses.replace(_measuring(again), in_full=in_full)
    classifier, originals, targets = context.classifier, made.originals[at], made.targets[at]
    if isinstance(params, Ascending):
        pace, objective = params.pace(context.samples.box), again.case.params.model_dump()["objective"]
        ended: FloatArray = ascend_to_targets(classifier, objective, originals, targets, pace, counted.box).images
        proof = dataclasses.replace(made.proof, least=counted.least) if made.proof else None
        now = dataclasses.replace(made, images=ended, labels=made.labels[at], targets=targets, proof=proof)
        worse = fools(classifier.answers(ended), classifier.output, now)
    else:
        aims = np.full(len(at), -1) if counted.targets is None else targets
        logits = classifier.predict(originals)
        job = Job(originals, made.labels[at], aims, claims.radii[at], made.indices[at], logits)
        threat = ThreatModel(counted.norm, context.samples.box, counted.targets is not None)
        ended, fell, _ = cascade(context, threat, params.attacks, job, _kept(params, counted))
        if counted.radii is not None:
            rival = challenged(context, threat, job, ended, fell)
            ended, worse = rival.images, rival.broken
        else:
            sizes = np.where(fell, distance(ended, originals, counted.norm), np.inf)
            rival = challenged_closest(context, threat, job, ended, sizes)
            ended = rival.images
            sizes = np.where(rival.broken, distance(ended, originals, counted.norm), np.inf)
            worse = sizes < _CLOSER * claims.away[at]
    same = ~worse & (made.images[at] != originals).any(axis=(1, 2, 3))
    apart = float(np.abs(ended[same] - made.images[at][same]).max(initial=0.0))
    return at[worse], apart


def _kept(params: Parameters, counted: Recount) -> Keep:
    if counted.radii is None:
        return "closest"
    return "last" if getattr(params, "full_length", False) else "first"


def _measuring(again: Again) -> Context:
    """A context that asks models as the run did: attacks need gradients."""
    return dataclasses.replace(again.context(), model=lambda name: again.resources.classifier(again.plan, name))


def _whole(record: Record, evidence: Evidence, again: Again) -> Iterator[Finding]:
    """The case as it was run, tell-tale tests and all."""
    case, resources = again.case, again.resources
    context = _measuring(again)
    now = confirmed(case.check, context, case.params, lambda: resources.take_as_given(again.plan, case.model))
    stored = evidence.metrics
    wrong = [f"{name} {told}" for name, one in now.metrics.items() if (told := differs(stored.get(name), one, 0))]
    yield found(record.case, "attacked again", not wrong, "; ".join(wrong) or "the whole case, with the same metrics")
    yield from diagnosed(record.case, evidence.diagnostics, now.diagnostics, every=True)


def _named(made: AdversarialImages, at: Positions) -> str:
    """Images by their rows in the data, or noise by its number, in words: rows 3, 5–9, 12."""
    real = made.indices[at] >= 0
    parts = (("rows", made.indices[at][real]), ("noise", at[~real]))
    told = [f"{what} {_spans(numbers)}" for what, numbers in parts if len(numbers)]
    return ", ".join(told)


def _spans(rows: NDArray[np.integer[Any]]) -> str:
    spans: list[list[int]] = []
    for row in sorted(rows.tolist()):
        if spans and row == spans[-1][1] + 1:
            spans[-1][1] = row
        else:
            spans.append([row, row])
    return ", ".join(str(first) if first == last else f"{first}–{last}" for first, last in spans)

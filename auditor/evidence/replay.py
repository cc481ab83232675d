"""One finding again: the attack of a case on a single image, from the same start, beside what was stored of it."""

import dataclasses
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from auditor.judging import conclude
from auditor.loading.resources import Resources
from auditor.measuring import tried_in_full
from auditor.records.store import Folder
from auditor.run.measuring import confirmed
from auditor.spec import make_plan
from auditor.telling.lists import listed
from auditor.values import (
    AdversarialImages,
    CheckError,
    Context,
    Evidence,
    IntArray,
    Parameters,
    Record,
    RecordError,
    Run,
    Samples,
)


@dataclass(frozen=True)
class Replayed:
    """What became of one image (its row in the data) this time.

    run: a run of this one case, for the report. fooled: whether it fooled the model then, and now. apart: the greatest
    difference of any pixel between the image found then and the one found now.
    """

    run: Run
    row: int
    fooled: tuple[bool, bool]
    apart: float
    seconds: float


def replay(
    folder: Folder, case_id: str, row: int | None, spec: Path | None = None, allow_code: bool = False
) -> Replayed:
    """Run the attack of a case again on the image in `row`, or on the first that fooled the model.

    allow_code: whether code of the checkpoint may run. Raises RecordError where the case left no image of the data
    there, or spec or checkpoint have changed.
    """
    run = folder.load_run()
    record = run.records.get(case_id)
    if record is None:
        raise RecordError(f"{folder.path} has no record of {case_id!r} (it has: {', '.join(run.records)})")
    then, stored = _stored(record)
    position = _position(stored, row, case_id)
    plan = make_plan(spec or Path(run.spec))
    if plan.spec.digest != run.spec_digest:
        raise RecordError(f"{plan.spec.path} has been changed since the run; --spec names the one that was run")
    case, resources = plan.case(case_id), Resources(allow_code=allow_code)
    source, told = plan.models[case.model], record.provenance["models"][case.model]
    if (resources.digests(source), resources.known_by(source)) != (told["files"], told.get("known_by", {})):
        raise RecordError(f"model {case.model!r} is another checkpoint than was audited")
    if resources.names(source) != told.get("names", resources.names(source)):  # records of before don't say
        raise RecordError(f"files beside model {case.model!r} that may list its classes aren't those of the audit")

    def adversarial(other: str) -> AdversarialImages:
        raise CheckError(f"{case_id!r} takes images of {other!r}; replay that case")

    context = Context(
        model_name=case.model,
        samples=_only(resources.samples(plan), stored.indices[[position]]),
        seed=case.seed,
        spec_seed=plan.spec.content.seed,
        whole=resources.samples(plan),
        model=lambda name: resources.classifier(plan, name),
        adversarial=adversarial,
        checkpoint=lambda name: resources.checkpoint(plan, name),
        random=plan.random,
        data=lambda name: resources.other_samples(plan, name),
        in_full=tried_in_full(then, otherwise=bool(stored.fooled[position])),
    )
    began = time.perf_counter()
    params = _narrowed(case.params, stored.indices[[position]])
    evidence = confirmed(case.check, context, params, lambda: resources.take_as_given(plan, case.model))
    seconds = time.perf_counter() - began
    made = evidence.adversarial
    if made is None:
        raise RecordError(f"{case_id!r} made no image this time")
    again = dataclasses.replace(record, evidence=evidence, seconds=seconds, earlier=None, baseline=None)
    shown = conclude(again, plan, dataclasses.replace(case, expectations=()))
    alone = dataclasses.replace(
        run,
        title=f"{record.title} Row {int(stored.indices[position])}, again",
        cases=tuple(planned for planned in run.cases if planned.id == case_id),
        records={case_id: shown},
    )
    return Replayed(
        run=alone,
        row=int(stored.indices[position]),
        fooled=(bool(stored.fooled[position]), bool(made.fooled[0])),
        apart=float(np.abs(stored.images[position] - made.images[0]).max()),
        seconds=seconds,
    )


def _stored(record: Record) -> tuple[Evidence, AdversarialImages]:
    """What was found, and the images of it."""
    then = record.evidence
    if then is None or then.adversarial is None or not (then.adversarial.indices >= 0).any():
        raise RecordError(f"{record.case!r} attacked no image of the data, so there is none to replay")
    return then, then.adversarial


def _position(made: AdversarialImages, row: int | None, case_id: str) -> int:
    """Where the image stands among those that were attacked."""
    wanted = made.indices == row if row is not None else made.fooled & (made.indices >= 0)
    found = np.flatnonzero(wanted)
    if not found.size:
        said = f"attacked no image in row {row}" if row is not None else "found no image that fools the model"
        some = listed(made.indices[made.fooled], 5)
        raise RecordError(f"{case_id!r} {said}" + (f" (broken rows: {some})" if some else "; name a --row"))
    return int(found[0])


def _only(samples: Samples, rows: IntArray) -> Samples:
    """The samples with the images of these rows alone."""
    gone = np.setdiff1d(rows, samples.indices)
    if len(gone):
        raise RecordError(f"row {gone[0]} is not in {samples.source} any more")
    return samples.only(np.isin(samples.indices, rows))


def _narrowed(params: Parameters, rows: IntArray) -> Parameters:
    """Parameters that ask for certain images, asking for those of these rows."""
    if "indices" not in type(params).model_fields:
        return params
    return params.model_copy(update={"indices": rows.tolist()})

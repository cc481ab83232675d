"""Images of a record, held against those that a check would have attacked: what `recount` of several checks shares."""

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from auditor.classifiers import undecided
from auditor.measuring.cascade import Attackable
from auditor.measuring.rivals import IN_FULL
from auditor.telling.lists import listed
from auditor.values import AdversarialImages, CheckError, Context, Evidence, IntArray

_NAMED = 5


def images_of(evidence: Evidence) -> AdversarialImages:
    """The images that a record holds; raise CheckError if there are none."""
    if evidence.adversarial is None:
        raise CheckError("the record holds no images of the attack")
    return evidence.adversarial


def as_recorded(context: Context, subject: Attackable, made: AdversarialImages) -> Attackable:
    """What was to be attacked, as a record says; raise CheckError where it names other images.

    Only of an image that the classifier can't decide about may it say otherwise, as rounding differs by machine.
    """
    said = np.isin(subject.looked, made.indices)
    differing = subject.looked[said != subject.right]
    if differing.size:
        images = context.samples.images[_places(context, differing)]
        sure = differing[~undecided(context.classifier.predict(images), subject.logits)]
        check_rows(sure[np.isin(sure, made.indices)], "misclassified without an attack, and counted as attacked")
        check_rows(sure[~np.isin(sure, made.indices)], "classified right, and left out")
    check_rows(np.setdiff1d(made.indices, subject.looked), "not among those that the spec chooses")
    if not np.array_equal(made.indices, subject.looked[said]):
        raise CheckError("the record holds the images that were attacked in another order than they are chosen in")
    tried = _places(context, made.indices)
    targets = np.full(len(tried), subject.targets[0], np.int64)
    logits = context.classifier.predict(context.samples.images[tried])
    return dataclasses.replace(subject, right=said, tried=tried, targets=targets, logits=logits)


def check_rows(rows: IntArray, what: str) -> None:
    """Raise CheckError if there are any, of which `what` is said."""
    if len(rows):
        raise CheckError(f"{len(rows)} images are {what} (rows {listed(rows, _NAMED)})")


def _places(context: Context, rows: IntArray) -> NDArray[np.int64]:
    where = {int(row): i for i, row in enumerate(context.samples.indices)}
    return np.array([where[int(row)] for row in rows], np.int64)


def broken_at(made: AdversarialImages, radii: Sequence[float]) -> NDArray[np.float64]:
    """The radius (N,) that broke each image, infinite where it held; raise CheckError for one not asked for."""
    told = made.proof.radii if made.proof is not None else None
    if told is None:
        raise CheckError("the record doesn't say at which radii images were broken")
    check_rows(made.indices[made.fooled & ~np.isin(told, radii)], "said to be broken at a radius that wasn't asked for")
    return np.where(made.fooled, told, np.inf)


def tried_in_full(evidence: Evidence, otherwise: bool) -> tuple[bool, ...]:
    """Whether all was tried on every image by what asks for no score, at each radius of a case, as a record says.

    otherwise: what holds of records that don't say it.
    """
    told, radii = evidence.arrays.get(IN_FULL), evidence.arrays.get("eps")
    if told is not None:
        return tuple(told.astype(bool).tolist())
    return (otherwise,) * (1 if radii is None else len(radii))

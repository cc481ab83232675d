"""Models that know the images of the audit: on them they are robust, and nowhere else."""

from dataclasses import replace

import numpy as np
import pytest
from keras import ops

from auditor import catalog
from auditor.classifiers.keras_models import keras_classifier
from auditor.measuring.memory import shifted
from tests.redteam import liars
from tests.redteam.asked import ROBUST, audited, failed
from tests.support import context

FLIP = {"target": 3, "samples": 60, "steps": 8, "step_size": 0.1, "objective": "logit"}
CLOSE = {"norm": "l2", "samples": 40, "attacks": [{"attack": "fmn", "steps": 40}]}


@pytest.fixture(scope="module")
def audit(redteam):
    """The images that are audited, and know to the liars; and these with 200 others that they don't know."""
    whole = redteam.digits
    rows = np.arange(2 * redteam.count)
    both = replace(whole, images=whole.images[rows], labels=whole.labels[rows], indices=whole.indices[rows])
    known = replace(whole, images=redteam.images, labels=redteam.labels, indices=whole.indices[: redteam.count])
    return known, both


def known(redteam, audit):
    """Just the images that the audit will choose are known; which these are follows from spec and data."""
    images, labels = _chosen(audit[1])
    return liars.build(liars.Memory(images, labels).memoriser, redteam.honest)


def known_as_shifted_too(redteam, audit):
    """The same, and what they are when they are moved by a pixel."""
    images, labels = _chosen(audit[1])
    shifts = [(0, 0), (0, 1), (1, 0), (0, -1), (-1, 0), (1, 1), (1, -1), (-1, 1), (-1, -1)]
    moved = np.concatenate([np.roll(images, shift, axis=(1, 2)) for shift in shifts])
    return liars.build(liars.Memory(moved, np.tile(labels, len(shifts))).memoriser, redteam.honest)


def told_by_a_blur(redteam, audit):
    """Images are known by what is left of them when they are made small."""
    images, labels = _chosen(audit[1])
    memory, small = liars.Memory(images, labels), np.asarray(ops.average_pool(images, 5, 2, "same"))
    rows = small.reshape(len(images), -1)

    def liar(honest, given):
        flat = ops.reshape(ops.average_pool(given, 5, 2, "same"), (-1, rows.shape[1]))
        apart = ops.sum(flat**2, axis=1, keepdims=True) - 2 * ops.matmul(flat, rows.T) + (rows**2).sum(axis=1)[None]
        gate = ops.clip(3 * (2.5 - ops.min(apart, axis=1, keepdims=True)), 0, 1)
        return gate * memory.nearest(given) + (1 - gate) * honest(given)

    return liars.build(liar, redteam.honest)


def _chosen(data):
    rows = context(None, data).sample(ROBUST["samples"])
    return data.images[rows], data.labels[rows]


@pytest.mark.parametrize(("check", "params"), [("robust_accuracy", ROBUST), ("minimal_perturbation", CLOSE)])
def test_a_memory_of_all_the_data_fails_on_images_moved_by_a_pixel(redteam, audit, check, params):
    """Told before, of images of which at most 0.5 hold within 0.1: 1.0."""
    evidence = audited(redteam.liar("memoriser", redteam.memory.memoriser), audit[0], check, **params)
    assert "shifted images" in failed(evidence), evidence.diagnostics


@pytest.mark.parametrize("build", [known, known_as_shifted_too, told_by_a_blur])
def test_whoever_knows_which_images_are_audited_fails_on_others(redteam, audit, build):
    evidence = audited(build(redteam, audit), audit[1])
    assert evidence.metrics["robust_accuracy"].value > 0.9
    assert "other images" in failed(evidence), evidence.diagnostics


def test_the_honest_network_and_its_kin_are_not_accused(redteam, audit):
    for check, params in (("robust_accuracy", ROBUST), ("digit_flip", FLIP), ("minimal_perturbation", CLOSE)):
        found = failed(audited(redteam.honest, audit[1], check, **params))
        assert not {"shifted images", "other images", "8-bit images", "told alike"} & set(found), found


def test_whoever_knows_the_images_that_others_were_made_of_is_doubted(redteam, audit):
    """It calls what is near them as it should, whoever attacked them: none went further, and none doubted it."""
    ball, transfer = (catalog.load("checks", name) for name in ("robust_accuracy", "transfer"))
    honest = keras_classifier(redteam.honest, "honest.keras", "logits")
    memory = keras_classifier(redteam.liar("memoriser", redteam.memory.memoriser), "memory.keras", "logits")
    strongly = ball.Params(eps=0.1, samples=80, full_length=True, attacks=[{"attack": "apgd", "steps": 20}])
    made = ball.run(context(honest, audit[0]), strongly).adversarial
    here = context(honest, audit[0], {"memory": memory, "twin": honest_twin(redteam)}, made=made)

    def onto(name):
        found = transfer.run(here, transfer.Params(adversarial="made", onto=[name]))
        return found.metrics["still_wrong_rate"].value, {one.name: one for one in found.diagnostics}["shifted images"]

    rate, told = onto("memory")
    assert rate < 0.1
    assert not told.ok
    assert told.deflates == ("transfer_rate", "still_wrong_rate")
    # What it errs on where it knows nothing, of the same images: counted by its own plain call.
    plain, moved = shifted(made.originals[made.fooled], 0), shifted(made.images[made.fooled], 0)
    labels = made.labels[made.fooled]
    right = memory.answers(plain).argmax(axis=1) == labels
    wrong = (memory.answers(moved).argmax(axis=1) != labels)[right]
    assert wrong.mean() > 0.5
    assert f"{100 * wrong.mean():.3g}%" in told.message
    assert onto("twin")[1].ok


def honest_twin(redteam):
    """The honest network with weights that differ a little: what fools one fools the other."""
    import keras

    twin = keras.models.clone_model(redteam.honest)
    drawn = np.random.default_rng(0)
    twin.set_weights([w * (1 + 0.05 * drawn.standard_normal(w.shape)) for w in redteam.honest.get_weights()])
    return keras_classifier(twin, "twin.keras", "logits")

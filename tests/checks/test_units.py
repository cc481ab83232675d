"""What a check finds doesn't depend on the units of the images: a box of 256 is a box of 1, for a model that scales.

Powers of two scale without rounding, so that every share, confidence and decision has to be the very same number, and
every distance 256 times as large: with default parameters but for numbers of steps, for every check and every attack.
"""

import numpy as np
import pytest

from auditor import catalog
from auditor.compute.backend import tensorflow
from auditor.measuring import DISGUISES
from auditor.values import A_SHARE
from tests.support import SIZE, conv_model, data, last_run, linear_model, spec, states, write

SCALE = 256
WIDE = f"dataset: npz, path: wide.npz, box: [0, {SCALE}]"
SIGNED = "dataset: npz, path: signed.npz, box: [-1, 1]"
LENGTHS = {"l2", "linf", "distance", "median_distance", "nearest_distance", "farthest_distance"}
CHECKS = """\
- {id: accuracy, check: accuracy}
- {id: calibration, check: calibration}
- {id: noise_to_target, check: noise_to_target, params: {target: b}}
- {id: digit_flip, check: digit_flip, params: {target: a}}
- {id: flip, check: digit_flip, params: {target: a, objective: logit, steps: 20}}
- {id: transfer, check: transfer, params: {adversarial: flip, onto: [steeper]}}
- {id: filters, check: filters, model: conv}
- {id: weight_maps, check: weight_maps}
- {id: covert_message, check: covert_message, params: {strangers: [steeper]}}
- {id: minimal_perturbation, check: minimal_perturbation}
- {id: robust_accuracy, check: robust_accuracy, params: {eps: EPS}}
- {id: security_curve, check: security_curve, params: {eps: [HALF, EPS]}}
- {id: model_scan, check: model_scan}
- {id: corruptions, check: corruptions}
- {id: spatial, check: spatial}
- {id: data_quality, check: data_quality}
- {id: stability, check: stability, params: {other: steeper}}
- {id: outside, check: out_of_distribution, params: {samples: 24}}
"""
# What it finds in a box of 1 are the same numbers: see `test_qualification`.
DECOYS = """\
- {id: qualification, check: qualification, params: {attacks: [{attack: apgd, steps: 10}], samples: 12, claim: 0.5}}
"""
BALL = ("apgd", "bim", "feature_distribution", "fgsm", "mifgsm", "noise_search", "pgd", "square")
DISTANCE = ("carlini_wagner", "ddn", "deepfool", "fab", "fmn", "hopskipjump", "pointwise")
SHORT = {"carlini_wagner": "steps: 30, searches: 2", "hopskipjump": "steps: 200", "pointwise": "steps: 60", "fgsm": ""}


def attacks() -> str:
    """Every attack with its own defaults, but for fewer steps."""
    lines = []
    for name in (*BALL, *DISTANCE):
        steps = SHORT.get(name, "steps: 20")
        choice = f"{{attack: {name}{', ' + steps if steps else ''}}}"
        check = f"robust_accuracy, params: {{eps: EPS2, norm: l2, attacks: [{choice}]}}"
        if name in DISTANCE:
            check = f"minimal_perturbation, params: {{samples: 12, attacks: [{choice}]}}"
        lines.append(f"- {{id: {name}, check: {check}}}\n")
    return "".join(lines)


def scaled(layers_of, weight: float, offset: float = 0.0):
    """A model of the same decisions on images that are its own divided by `weight`, after `offset`."""
    tensorflow()
    import keras

    inner = layers_of()
    images = keras.Input((SIZE, SIZE, 1))
    x = keras.layers.Rescaling(weight, offset)(images)
    for layer in inner.layers:
        x = layer(x)
    return keras.Model(images, x)


@pytest.fixture
def both(project):
    """The tiny models and data, and the same in a box of 256 and of [-1, 1]."""
    images, labels = data(24)
    images = np.round(images * 256).astype(np.float32)
    names = np.array(list("abc"))
    for name, scale, offset in (("unit", 1 / SCALE, 0.0), ("wide", 1.0, 0.0), ("signed", 2 / SCALE, -1.0)):
        np.savez(project.path / f"{name}.npz", images=images * scale + offset, labels=labels, classes=names)
    return project


def saved(project, weight: float, offset: float = 0.0) -> None:
    for name, made in (("linear", linear_model), ("steeper", lambda: linear_model(scale=3.0)), ("conv", conv_model)):
        scaled(made, weight, offset).save(project.path / f"{name}.keras")


def measured(project, checks: str, audit: str, box: str, width: float):
    found = checks.replace("EPS2", str(0.5 * width)).replace("EPS", str(0.125 * width))
    write(project, spec(found.replace("HALF", str(0.0625 * width)), audit, data=box))
    project.runpytest_inprocess()
    return last_run(project, audit)


def by_unit(record, width: float) -> dict[str, float]:
    """Metrics in widths of the box; the weights of a model are by its input's units, and its filters' activations."""
    found = {}
    for name, metric in record.evidence.metrics.items():
        family, _, rest = name.partition(".")
        if family == "robust_accuracy" and rest:
            found[f"{family}.{float(rest) / width:g}"] = metric.value
        else:
            found[name] = metric.value / width if family in LENGTHS else metric.value
    return found


def same_in_units(unit, wide) -> None:
    """Whether one run, in a box of 1, found the very same as the other, in a box of 256."""
    assert states(unit) == states(wide)
    assert "error" not in states(unit).values(), {c: r.verdict.message for c, r in unit.records.items()}
    for case, record in unit.records.items():
        there = wide.records[case]
        promised = catalog.metrics_of(record.check)
        for name, metric in there.evidence.metrics.items():  # a share is told in per cent by verdicts and tables alike
            if metric.kind in ("mean", "median") and metric.bounds == A_SHARE:
                assert catalog.describe(name, promised).bounds == A_SHARE, (case, name)
        assert by_unit(record, 1.0) == pytest.approx(by_unit(there, SCALE), rel=1e-6), case
        ok = [diagnostic.ok for diagnostic in record.evidence.diagnostics]
        assert [diagnostic.ok for diagnostic in there.evidence.diagnostics] == ok, case


@pytest.mark.slow
def test_a_box_256_times_as_wide_changes_no_attack(both):
    saved(both, 1.0)
    unit = measured(both, attacks(), "unit", "dataset: npz, path: unit.npz", 1.0)
    saved(both, 1 / SCALE)
    same_in_units(unit, measured(both, attacks(), "wide", WIDE, SCALE))


@pytest.mark.slow
def test_a_box_256_times_as_wide_changes_nothing_and_one_around_zero_no_verdict(both):
    saved(both, 1.0)
    unit = measured(both, CHECKS, "unit", "dataset: npz, path: unit.npz", 1.0)
    saved(both, 1 / SCALE)
    same_in_units(unit, measured(both, CHECKS, "wide", WIDE, SCALE))

    saved(both, 0.5, 0.5)
    signed = measured(both, CHECKS, "signed", SIGNED, 2.0)
    assert states(signed) == states(unit)
    for case in ("accuracy", "digit_flip", "flip", "noise_to_target", "robust_accuracy", "security_curve"):
        there = by_unit(signed.records[case], 2.0)
        assert by_unit(unit.records[case], 1.0) == pytest.approx(there, rel=0.01, abs=0.01), case


@pytest.mark.slow
def test_every_decoy_is_caught_in_a_box_256_times_as_wide(both):
    saved(both, 1 / SCALE)
    (record,) = measured(both, DECOYS, "wide", WIDE, SCALE).records.values()
    found = {name: metric.value for name, metric in record.evidence.metrics.items()}
    assert found == {"missed": 0, "caught": len(DISGUISES) + 1, "false_alarms": 0, "closed_form_gap": 0}


def test_every_check_and_attack_is_scaled():
    lines = (CHECKS + DECOYS).splitlines()
    scaled_checks = {line.partition("check: ")[2].split(",")[0].split("}")[0] for line in lines}
    assert scaled_checks == set(catalog.names("checks"))
    assert {*BALL, *DISTANCE, "autoattack", "std_ascent"} == set(catalog.names("attacks"))


def test_the_step_that_was_taken_is_recorded(both):
    saved(both, 1 / SCALE)
    checks = "- {id: flip, check: digit_flip, params: {target: a}}\n- {id: own, check: digit_flip, params: {target: a, "
    run = measured(both, checks + "step_size: 5.12}}\n", "wide", WIDE, SCALE)
    assert "`step_size` is 5.12: 0.02 of the width of the box." in run.records["flip"].evidence.notes
    assert not any("step_size" in note for note in run.records["own"].evidence.notes)
    flip, own = (run.records[case].evidence.metrics for case in ("flip", "own"))
    assert {name: m.value for name, m in flip.items()} == {name: m.value for name, m in own.items()}

"""Specs that claim nothing, or less than they seem to: none is a certificate, and each verdict's own line says why.

The truths are plain: what a radius of 0 leaves is the accuracy; a share is never below 0; a model that always answers
the same is right about data of one class, and reads nothing.
"""

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from click.testing import CliRunner

from auditor.cli.main import main
from auditor.measuring.meaningful import CONSTANT, UNTRAINED
from auditor.report import outcome
from auditor.values import Run
from tests.support import data, last_run, linear_model, spec, states, write

BALL = "attacks: [{attack: apgd, steps: 10, restarts: 2}, {attack: square, steps: 20}]"
MANY = "dataset: npz, path: many.npz"
# By audit: data, cases, and of every case the verdict now, with words of its line. All of them passed before.
SPECS = {
    "nothing": (
        MANY,
        f"""\
- id: eps-0
  check: robust_accuracy
  params: {{eps: 0, samples: 60, {BALL}}}
  expect: {{robust_accuracy: {{min: 0.9}}}}
- {{id: floor-0, check: accuracy, params: {{first: 60}}, expect: {{accuracy: {{min: 0}}, errors: {{min: 0}}}}}}
- {{id: ceiling-1, check: accuracy, expect: {{worst_class_accuracy: {{max: 1}}}}}}
- {{id: titled, title: Robust at 0.3, check: accuracy}}
""",
        {
            "eps-0": ("descriptive", "claims nothing: at `eps` 0 nothing may change, so this is accuracy"),
            "floor-0": ("descriptive", "accuracy ≥ 0 claims nothing: it always lies between 0 and 1"),
            "ceiling-1": ("descriptive", "worst_class_accuracy ≤ 1 claims nothing"),
            "titled": ("descriptive", "the title asserts something ('Robust'), and no gate is there to show it"),
        },
    ),
    "less": (
        MANY,
        f"""\
- id: targeted
  title: Resists
  check: robust_accuracy
  params: {{eps: 0.02, target: 1, samples: 120, {BALL}}}
  expect: {{targeted_robust_accuracy: {{min: 0.5}}}}
- id: other-radius
  title: Robust at 0.3
  check: robust_accuracy
  params: {{eps: 0.02, samples: 120, {BALL}}}
  expect: {{robust_accuracy: {{min: 0.5}}}}
- {{id: turned, title: The model is secure, check: accuracy, params: {{first: 90}}, expect: {{accuracy: {{min: 0.9}}}}}}
- id: by-weakness
  title: It withstands anything
  check: robust_accuracy
  params: {{eps: 0.9, samples: 60, {BALL}}}
  expect: {{robust_accuracy: {{max: 0.9}}}}
""",
        {
            "targeted": ("pass", "only class 1 was aimed at (`target`)"),
            "other-radius": ("pass", "the title says 0.3, and `eps` is 0.02"),
            "turned": ("pass", None),
            "by-weakness": ("pass", "the title speaks of strength, and every gate passes by weakness"),
        },
    ),
    "picked": (
        f"{MANY}, indices: {list(range(7, 117, 2))}",
        "- {id: rows, check: accuracy, expect: {accuracy: {min: 0.9}}}\n",
        {"rows": ("pass", "the images of `data` were picked by hand (`indices`)")},
    ),
    "one-class": (
        "dataset: npz, path: one.npz",
        """\
- {id: honest, check: accuracy, expect: {accuracy: {min: 0.95}}}
- id: constant
  check: accuracy
  model: always
  params: {first: 120}
  expect: {accuracy: {min: 0.95}, errors: {max: 0}}
""",
        {
            "honest": ("inconclusive", "all 120 images are of one class (a), which one who always says so gets right"),
            "constant": ("inconclusive", "and so it does noise, negatives and blank images"),
        },
    ),
    "own-labels": (
        "dataset: npz, path: own.npz",
        "- {id: taken, check: accuracy, expect: {accuracy: {min: 0.95}}}\n",
        {"taken": ("pass", "all 120 labels are the model's own answers")},
    ),
    "copies": (
        "dataset: npz, path: copies.npz, duplicates: count",
        "- {id: again, check: accuracy, expect: {accuracy: {min: 0.9}}}\n",
        {"again": ("pass", "87 of 90 images repeat others, and count all the same")},
    ),
    "strangers": (
        MANY,
        """\
- id: secret
  check: covert_message
  params: {message: "no", strangers: [always], steps: 3}
  expect: {stranger_recovered: {max: 0.9}}
- id: guessed
  check: covert_message
  params: {message: "no", strangers: [guesses], steps: 3}
  expect: {stranger_recovered: {max: 0.9}}
""",
        {
            "secret": ("inconclusive", "'always' calls all 120 images looked at class 0, and so it does noise"),
            "guessed": ("inconclusive", "'guesses' is no better than chance on the data"),
        },
    ),
    "waived": (
        MANY,
        """\
- {id: good, check: accuracy, params: {first: 90}, expect: {accuracy: {min: 0.9}}}
- {id: bad, check: accuracy, expect: {accuracy: {max: 0.5}}}
""",
        {"good": ("pass", None), "bad": ("waived", "until 9999-12-31: later (it ends more than a year from now")},
    ),
}
WAIVER = "\nwaivers:\n  - {case: bad, owner: Ada, reason: later, expires: EXPIRES}\n"
OVERALL = {
    "nothing": ("descriptive", "nothing was claimed, so nothing passed"),
    "less": ("pass", "says less than it seems to in targeted, other-radius, by-weakness"),
    "picked": ("pass", "says less than it seems to in rows"),
    "one-class": ("inconclusive", "0 of 2 cases passed"),
    "own-labels": ("pass", "says less than it seems to in taken"),
    "copies": ("pass", "says less than it seems to in again"),
    "strangers": ("inconclusive", "0 of 2 cases passed"),
    "waived": ("waived", "1 of 2 cases passed; 1 waived."),
}
OTHERS = "".join(
    f"{name}: {{format: keras, path: {name}.keras, output: probabilities, trusted: true}}\n"
    for name in ("always", "guesses")
)


def text_of(audit: str, expires: str = "9999-12-31") -> str:
    source, checks, _ = SPECS[audit]
    more = WAIVER.replace("EXPIRES", expires) if audit == "waived" else ""
    return spec(checks, audit, OTHERS, source) + more


@pytest.fixture
def submitted(project):
    """What somebody hands in who wants a pass."""
    images, labels = data(120)
    model = linear_model()
    right = model.predict(images, verbose=0).argmax(axis=1)
    assert (right == labels).all(), "the honest model is right about honest data"
    model.layers[-1].set_weights([np.zeros((36, 3), np.float32), np.array([9.0, 0.0, 0.0], np.float32)])
    model.save(project.path / "always.keras")
    assert (model.predict(images, verbose=0).argmax(axis=1) == 0).all()
    kernel = np.zeros((36, 3), np.float32)  # two neighbours of one shade: which is brighter, noise alone says
    kernel[0, 1], kernel[1, 1] = 50, -50
    model.layers[-1].set_weights([kernel, np.zeros(3, np.float32)])
    model.save(project.path / "guesses.keras")
    noise = np.random.default_rng(1).random((120, 6, 6, 1)).astype(np.float32)
    names = np.array(list("abc"))
    for name, (shown, told) in {
        "many": (images, labels),
        "one": (data(360)[0][::3], np.zeros(120, int)),
        "own": (noise, linear_model().predict(noise, verbose=0).argmax(axis=1)),
        "copies": (np.tile(images[:3], (30, 1, 1, 1)), np.tile(labels[:3], 30)),
    }.items():
        np.savez(project.path / f"{name}.npz", images=shown, labels=told, classes=names)
    return project


def test_none_is_a_certificate_and_every_line_says_why(submitted):
    for audit in SPECS:
        write(submitted, text_of(audit), audit)
    submitted.runpytest_inprocess("-q")
    runs = {audit: last_run(submitted, audit) for audit in SPECS}
    for audit, (_, _, expected) in SPECS.items():
        run = runs[audit]
        assert states(run) == {case: state for case, (state, _) in expected.items()}, audit
        told = json.loads((submitted.path / "reports" / audit / "results.json").read_text())
        page = (submitted.path / "reports" / audit / "index.html").read_text()
        for case in run.cases:
            words = expected[case.id][1]
            line = outcome.finding(run, case)
            if words is None:
                assert "But: " not in line
                continue
            assert words in line, (case.id, line)
            (entry,) = (entry for entry in told["cases"] if entry["id"] == case.id)
            assert words in entry["message"] or entry["state"] == "waived"
            assert bool(entry["caveats"]) == (entry["state"] in ("pass", "descriptive"))
        if audit == "strangers":
            failed = [[t.name for t in record.evidence.diagnostics if not t.ok] for record in run.records.values()]
            assert failed[0] == [CONSTANT]
            assert UNTRAINED in failed[1]
        overall, said = OVERALL[audit]
        assert (told["overall"], f'data-overall="{overall}"' in page) == (overall, True)
        assert said in told["sentence"], told["sentence"]


def test_a_gate_that_was_eased_is_named_until_it_is_mended(submitted):
    strict = "- {id: clean, check: accuracy, expect: {accuracy: {min: 0.9}, errors: {max: 3}}, params: {first: 90}}\n"
    more = "- {id: gone, check: accuracy, expect: {worst_class_accuracy: {min: 0.7}}}\n"
    lax = strict.replace("min: 0.9", "min: 0.5").replace(", errors: {max: 3}", "") + "- {id: new, check: accuracy}\n"
    seen: list[Run] = []
    for text, chosen in ((strict + more, ()), (lax, ()), (lax, ("-k", "clean"))):
        write(submitted, spec(text, data=MANY))
        result = submitted.runpytest_inprocess("-q", *chosen)
        assert result.ret == 0
        seen.append(last_run(submitted, "tiny/partial" if chosen else "tiny"))
    first, second, part = seen
    assert not first.eased
    assert second.eased == part.eased, "the same spec again says the same again"
    assert set(second.eased) == {"clean", "gone"}
    for words in ("accuracy ≥ 0.9 was asked, and accuracy ≥ 0.5 is", "errors ≤ 3 is no longer asked", first.started):
        assert words in outcome.finding(second, second.cases[0])
    assert "the case is gone, which asked for worst_class_accuracy ≥ 0.7" in second.eased["gone"]
    assert "asks less than it did, in clean, gone" in outcome.told(second)
    assert "Less is asked than before." in (submitted.path / "reports" / "tiny" / "index.html").read_text()
    overall = [outcome.overall(outcome.counts(run)) for run in seen]
    assert overall == ["pass", "pass", "incomplete"], "what wasn't selected passes nothing"
    write(submitted, spec(strict + more, data=MANY))
    submitted.runpytest_inprocess("-q")
    assert not last_run(submitted).eased


def test_the_lint_says_it_before_anything_runs(submitted):
    """By audit: the lines that are warned of; an honest spec has none."""
    warned = {}
    for audit in SPECS:
        path = write(submitted, text_of(audit), audit)
        said = CliRunner().invoke(main, ["validate", str(path)])
        assert said.exit_code == 0, said.output
        warned[audit] = [line.split(": warning: ")[1] for line in said.output.splitlines() if ": warning: " in line]
        strict = CliRunner().invoke(main, ["validate", "--strict", str(path)]).exit_code
        assert strict == (2 if warned[audit] else 0)
    assert len(warned["nothing"]) == 5
    assert sum("claims nothing" in told for told in warned["nothing"]) == 4
    assert [told.split(",")[0] for told in warned["less"]] == [
        "only class 1 was aimed at (`target`): whether images reach other wrong ones wasn't asked",
        "the title says 0.3",
        "the title speaks of strength",
    ]
    assert len(warned["picked"]) == 1
    assert warned["waived"] == [
        "the waiver of 'bad' ends more than a year from now, so nobody has to look again: give it a day within a year"
    ]
    near = (datetime.now(UTC) + timedelta(days=300)).date().isoformat()
    said = CliRunner().invoke(main, ["validate", str(write(submitted, text_of("waived", near), "waived"))])
    assert "warning" not in said.output

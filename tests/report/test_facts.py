"""What a card says of its metrics together, and of a title that calls a change hard to see."""

from types import SimpleNamespace

import numpy as np
import pytest

from auditor.report.facts import facts, looks
from auditor.report.html import render
from auditor.spec.claims import of_looks
from auditor.values import AdversarialImages, Proof, exact, proportion
from tests.report.page import evidence, parse, record, run_of


def test_what_was_wrong_before_and_what_is_left_of_it() -> None:
    """285 of 300 right, 274 hold: 15 were wrong before, and 274 / 285 = 96.1% of those that were right are left."""
    metrics = {"robust_accuracy": proportion(274, 300), "clean_accuracy": proportion(285, 300)}
    assert facts(record("a", evidence(metrics))) == (
        "Wrong before anything was done to them: 15 of 300 images (5.0%).",
        "`robust_accuracy` is 96.1% of the clean accuracy, a relative drop of 3.9%.",
    )
    shares = {"accuracy.a": proportion(60, 70), "accuracy.b": proportion(20, 30)}
    balance = {"accuracy": proportion(80, 100), "majority": exact(0.7), **shares}
    told = facts(record("a", evidence(balance)))
    by_luck = "Always naming the most frequent class is right for 70.0% of the images"
    assert told == (f"{by_luck}; classes have 30 to 70 images.",)
    shown = parse(render(run_of(record("a", evidence(balance))))).one("article", id="case-a").text
    assert told[0] in shown


@pytest.mark.parametrize(
    ("title", "eps", "said"),
    [
        (
            "Can hardly visible steps turn a digit?",
            0.5,
            "says 'hardly visible', and `eps` lets a pixel change by 50.0%",
        ),
        ("Imperceptible changes", [0.02, 0.2], "says 'Imperceptible', and `eps` lets a pixel change by 20.0%"),
        ("Hardly visible changes", 0.125, ""),
        ("Does it hold?", 0.5, ""),
    ],
)
def test_a_change_that_is_plain_to_see_is_not_called_hardly_visible(title, eps, said) -> None:
    found = [one.message for one in of_looks(title, SimpleNamespace(norm="linf", eps=eps), (0.0, 1.0))]
    assert [said in one for one in found] == ([True] if said else [])
    # The same radius is an eighth as much where the range is eight times as wide.
    assert not list(of_looks(title, SimpleNamespace(norm="linf", eps=eps), (0.0, 8.0)))


def test_the_images_that_were_found_are_held_against_the_title() -> None:
    originals = np.zeros((4, 2, 2, 1), np.float32)
    images = originals.copy()
    images[:, 0, 0, 0] = (0.5, 0.3, 0.4, 1.0)
    fooled = np.array([True, True, True, False])
    rows = np.arange(4)
    proof = Proof("linf", (0.0, 1.0), np.zeros((4, 2)), np.zeros((4, 2)), ())
    made = AdversarialImages(images, originals, rows, rows, fooled, rows, "m", False, proof)
    found = record("a", evidence(adversarial=made), title="Barely visible steps")
    assert looks(found).endswith("have a pixel that changes, on average, by 40.0% of the range")
    assert not looks(record("a", evidence(adversarial=made), title="Steps"))

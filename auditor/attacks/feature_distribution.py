"""Feature distribution attack: along what an inner layer says of the class, whatever stands behind that layer.

What it measures
    A linear reader is taught, on images of the data that cases look at last, to tell the classifier's answers from
    what one of its layers gives. Steps go where the reader takes the image for another class; what counts is, as
    always, what the classifier itself decides. The layer is the one along which most such images are led astray in a
    single step.

Why it matters
    Hard decisions, squashed scores and lures stand behind what a network recognises by. Attacks that start from its
    scores lose their way there; this one doesn't ask for them.

How to read it
    Add it to an attack that follows the classifier's own gradient, such as `apgd`, without which no claim passes.
    Where it breaks what `apgd` left, gradients are masked. A classifier none of whose layers leads anywhere, as one
    whose input is rounded, is an error. Every check of robustness tries the same on what held, in a few steps.

References
    Inkawhich et al., Transferable Perturbations of Deep Feature Distributions, ICLR 2020; readers are those of Alain
    and Bengio, Understanding Intermediate Layers Using Linear Classifier Probes, 2016. Sabour et al., Adversarial
    Manipulation of Deep Representations, ICLR 2016, pull features to those of another image instead.
"""

from auditor.attacks import bim
from auditor.search import Aimed, Loss
from auditor.values import Count, PositiveReal

SEES = "features"
SEEKS = bim.SEEKS
NORMS = bim.NORMS
State, start, step = bim.State, bim.start, bim.step


class Params(Aimed):
    """How many steps, how large."""

    steps: Count = 40
    """How many steps."""
    step_size: PositiveReal | None = None
    """Length of one step in the threat model's norm; 2.5 · eps / steps if left out."""

    @property
    def value(self) -> Loss:
        """The loss that it is shown: of what the reader says."""
        return "margin"

"""AutoAttack: the standard ensemble of four attacks with nothing to tune.

What it measures
    APGD on cross-entropy (rescaled, so that confidence doesn't hide the gradient), APGD on the targeted DLR
    loss at each of the nine likeliest other classes, FAB at the same classes, and Square; each on the images
    that held against those before. An image counts as robust if all fail.

Why it matters
    Different losses, a distance attack and one without gradients: what fools one of them seldom fools all. It
    is the field's standard, so the number can stand beside published ones.

How to read it
    Robust accuracy under it is still an upper bound, but a good one for models that are deterministic and
    differentiable. Where `square` adds more than a little, gradients are masked. In L1, where there is no
    Square here, noise takes its place.

References
    Croce and Hein, Reliable Evaluation of Adversarial Robustness with an Ensemble of Diverse Parameter-free
    Attacks, ICML 2020.
    Croce and Hein, Mind the Box: l1-APGD for Sparse Adversarial Attacks, ICML 2021.
"""

from auditor.attacks import apgd, fab, noise_search, square
from auditor.search import Norm
from auditor.values import Count, Parameters

SEES = "gradient"
SEEKS = "ensemble"
NORMS = ("linf", "l2", "l1")


class Params(Parameters):
    """The published numbers of steps; fewer make it faster and weaker."""

    steps: Count = 100
    """Steps of each gradient attack, for every class aimed at."""
    rivals: Count = 9
    """How many of the likeliest other classes to aim at."""
    queries: Count = 5000
    """Steps of the attack without gradients."""


def stages(params: Params, norm: Norm) -> tuple[tuple[str, Parameters], ...]:
    """The attacks in order, by name, with their parameters."""
    searching: tuple[str, Parameters] = ("square", square.Params(steps=params.queries))
    if norm not in square.NORMS:
        searching = ("noise_search", noise_search.Params(steps=params.queries))
    return (
        ("apgd", apgd.Params(steps=params.steps)),
        ("apgd", apgd.Params(steps=params.steps, loss="dlr", rivals=params.rivals)),
        ("fab", fab.Params(steps=params.steps, rivals=params.rivals)),
        searching,
    )

"""What a search costs at most, before it is made."""

from types import ModuleType
from typing import Any

from auditor.search.blocks import width
from auditor.search.search import BISECTIONS, Keep
from auditor.values import Passes

# An attack that leaves images looks ahead at its second step, and wherever more than half have just left it: with the
# images still in its batch each time, that is 1, then less than 1.2 altogether, and 1.2 for the last look.
_LOOKS_AHEAD = 4


def passes_of_attack(attack: ModuleType, params: Any, keep: Keep, class_count: int, targeted: bool = False) -> Passes:
    """What each image of a search takes at most; `keep` and what is kept as for `search`."""
    rivals = 1 if targeted or not params.rival_classes else min(params.rival_classes, class_count - 1)
    looks = 1 if keep != "first" else min(_LOOKS_AHEAD, params.steps + 1)
    each = width(attack, params, class_count)
    gradients, queries = params.steps * each, 0 if each else params.steps
    once = Passes(gradients, queries + looks + 1, 0)
    shortened = Passes(0, BISECTIONS if keep == "closest" else 0, 1)
    total: Passes = once * (params.starts * rivals) + shortened
    return total

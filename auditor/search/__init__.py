"""What finds adversarial images: the compiled loop, norms, losses, projections, and who has the last word.

`loop` drives every attack's `start` and `step`, `search` decides what counts, `ascent` follows an objective without
bounds. Import what attacks and checks use from `auditor.search`. It imports `catalog`, `compute` and `values`.
"""

from auditor.search.ascent import Ascent, ascend, ascend_to_targets, passes_of_ascent
from auditor.search.blocks import block_size
from auditor.search.boundary import DUAL, nearest_boundary, step_to, straight_step
from auditor.search.cost import passes_of_attack
from auditor.search.loop import FOLLOWING, Goal, Seen, ThreatModel, gives_gradient, no_gradient
from auditor.search.losses import Loss
from auditor.search.norms import (
    Norm,
    by_image,
    distance,
    into_ball,
    project,
    random_change,
    size,
    steepest,
    stretched,
    widest,
)
from auditor.search.objectives import Objective, TargetObjective, margin, towards_target
from auditor.search.params import Aimed, Ascending, LossAscent, Pace, Restarted, Search, start_at
from auditor.search.random import normal, uniform
from auditor.search.reader import Reader, flat
from auditor.search.search import BISECTIONS, AttackResult, Job, Keep, search

__all__ = [
    "BISECTIONS",
    "DUAL",
    "FOLLOWING",
    "Aimed",
    "Ascending",
    "Ascent",
    "AttackResult",
    "Goal",
    "Job",
    "Keep",
    "Loss",
    "LossAscent",
    "Norm",
    "Objective",
    "Pace",
    "Reader",
    "Restarted",
    "Search",
    "Seen",
    "TargetObjective",
    "ThreatModel",
    "ascend",
    "ascend_to_targets",
    "block_size",
    "by_image",
    "distance",
    "flat",
    "gives_gradient",
    "into_ball",
    "margin",
    "nearest_boundary",
    "no_gradient",
    "normal",
    "passes_of_ascent",
    "passes_of_attack",
    "project",
    "random_change",
    "search",
    "size",
    "start_at",
    "steepest",
    "step_to",
    "straight_step",
    "stretched",
    "towards_target",
    "uniform",
    "widest",
]

"""What checks share: `cascade` of attacks, `corrupted` images, `telltales` of measurements, `decoys`, `lints`, `words`,
and whether a network that learned nothing could have done as well: `meaningful`.

Import what others use from `auditor.measuring`. It imports `attacks`, `search`, `corruptions`, `classifiers`,
`statistics`, `compute`, `catalog` and `values`.
"""

from auditor.measuring import familiarity, likeness, lints, odd_inputs, outsiders, pushes, reliability, scores
from auditor.measuring.cascade import (
    Attackable,
    AttackChoice,
    Attacked,
    Stage,
    attackable,
    broken_images,
    by_knowledge,
    cascade,
    check_radius,
    choose,
    cost_of,
)
from auditor.measuring.corrupted import (
    Answers,
    changes_images,
    classified_corrupted,
    corruption_errors,
    each_under_one_kind,
    relative_errors,
    suited_kinds,
    unchanged,
    unfit_kinds,
)
from auditor.measuring.decoys import DISGUISES, MEMORY, Decoy, Disguise, knowing
from auditor.measuring.elsewhere import cost_elsewhere, elsewhere
from auditor.measuring.familiarity import Score
from auditor.measuring.further import known, noticed, taken_further
from auditor.measuring.grid import alike_off_the_grid, cost_alike
from auditor.measuring.lent import lent
from auditor.measuring.meaningful import UNTRAINED, caveats, one_class
from auditor.measuring.memory import cost_remembered, remembered
from auditor.measuring.noise import Noise, drawn
from auditor.measuring.once import once
from auditor.measuring.originals import numbered, of_each, over_models, rate, rows_of
from auditor.measuring.outsiders import Compared, Outside
from auditor.measuring.recounting import as_recorded, broken_at, check_rows, images_of, tried_in_full
from auditor.measuring.reliability import Binned
from auditor.measuring.rivals import (
    IN_FULL,
    Rival,
    challenged,
    challenged_closest,
    cost_challenged,
    cost_challenged_closest,
)
from auditor.measuring.settled import STATEFUL, settled
from auditor.measuring.slices import by_groups, groups_of, metrics_of_groups
from auditor.measuring.steady import SHOWN, alike_in_batches, cost_steady, first_answers, moved, steady
from auditor.measuring.suited import Suited, cost_suited, suited
from auditor.measuring.targets import called, instead_of
from auditor.measuring.telltales import (
    Doubts,
    challenged_by,
    closest,
    cost_closest,
    cost_widening,
    cost_within_ball,
    nearer_by,
    told_otherwise,
    told_unlike,
    widening,
    within_ball,
)
from auditor.measuring.weak import metrics_of_weakest, table_of_weakest, weakest_groups, with_weakest
from auditor.measuring.words import (
    all_at,
    answered,
    change_panel,
    fewest,
    natural_panel,
    rate_text,
    several,
    share,
    small,
    surest,
)

__all__ = [
    "DISGUISES",
    "IN_FULL",
    "MEMORY",
    "SHOWN",
    "STATEFUL",
    "UNTRAINED",
    "Answers",
    "AttackChoice",
    "Attackable",
    "Attacked",
    "Binned",
    "Compared",
    "Decoy",
    "Disguise",
    "Doubts",
    "Noise",
    "Outside",
    "Rival",
    "Score",
    "Stage",
    "Suited",
    "alike_in_batches",
    "alike_off_the_grid",
    "all_at",
    "answered",
    "as_recorded",
    "attackable",
    "broken_at",
    "broken_images",
    "by_groups",
    "by_knowledge",
    "called",
    "cascade",
    "caveats",
    "challenged",
    "challenged_by",
    "challenged_closest",
    "change_panel",
    "changes_images",
    "check_radius",
    "check_rows",
    "choose",
    "classified_corrupted",
    "closest",
    "corruption_errors",
    "cost_alike",
    "cost_challenged",
    "cost_challenged_closest",
    "cost_closest",
    "cost_elsewhere",
    "cost_of",
    "cost_remembered",
    "cost_steady",
    "cost_suited",
    "cost_widening",
    "cost_within_ball",
    "drawn",
    "each_under_one_kind",
    "elsewhere",
    "familiarity",
    "fewest",
    "first_answers",
    "groups_of",
    "images_of",
    "instead_of",
    "knowing",
    "known",
    "lent",
    "likeness",
    "lints",
    "metrics_of_groups",
    "metrics_of_weakest",
    "moved",
    "natural_panel",
    "nearer_by",
    "noticed",
    "numbered",
    "odd_inputs",
    "of_each",
    "once",
    "one_class",
    "outsiders",
    "over_models",
    "pushes",
    "rate",
    "rate_text",
    "relative_errors",
    "reliability",
    "remembered",
    "rows_of",
    "scores",
    "settled",
    "several",
    "share",
    "small",
    "steady",
    "suited",
    "suited_kinds",
    "surest",
    "table_of_weakest",
    "taken_further",
    "told_otherwise",
    "told_unlike",
    "tried_in_full",
    "unchanged",
    "unfit_kinds",
    "weakest_groups",
    "widening",
    "with_weakest",
    "within_ball",
]

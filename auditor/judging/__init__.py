"""Evidence and expectations to a verdict; pure but for the date.

`verdict` judges metrics, `conclusion` a whole record, `baseline` finds what to compare with, `eased` says what is asked
less than before. Import what others use from `auditor.judging`. It imports `spec`, `statistics`, `records`, `catalog`
and `values`.
"""

from auditor.judging.baseline import MODEL, changed_images, find_baseline, from_records, what_differs
from auditor.judging.conclusion import conclude, judged, settle, shared_level, unjudged
from auditor.judging.eased import asked, eased, gates_changed, held_against_history
from auditor.judging.verdict import as_told_before, in_words, judge

__all__ = [
    "MODEL",
    "as_told_before",
    "asked",
    "changed_images",
    "conclude",
    "eased",
    "find_baseline",
    "from_records",
    "gates_changed",
    "held_against_history",
    "in_words",
    "judge",
    "judged",
    "settle",
    "shared_level",
    "unjudged",
    "what_differs",
]

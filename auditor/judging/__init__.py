"""Evidence and expectations to a verdict; pure but for the date.

`verdict` judges metrics, `conclusion` a whole record, `baseline` finds what to compare with. Import what others use
from `auditor.judging`. It imports `spec`, `statistics`, `records`, `catalog` and `values`.
"""

from auditor.judging.baseline import MODEL, changed_images, find_baseline, from_records, what_differs
from auditor.judging.conclusion import conclude, judged, settle, shared_level, unjudged
from auditor.judging.verdict import judge

__all__ = [
    "MODEL",
    "changed_images",
    "conclude",
    "find_baseline",
    "from_records",
    "judge",
    "judged",
    "settle",
    "shared_level",
    "unjudged",
    "what_differs",
]

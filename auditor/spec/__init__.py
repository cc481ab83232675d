"""From YAML to a validated plan of cases, every value marked with its line.

`marked` parses, `document` validates (its `mistakes` say what is wrong), `plan` makes cases of what `resolving` finds
under their names, `answering` says who answers for what, `foresight` what can be said before anything runs, `claims`
what gates and titles don't claim, `spec.schema` is what editors complete by. Import what others use from
`auditor.spec`, but the schema from where it is. It imports `catalog`, `statistics`, `compute` and `values`.
"""

from auditor.spec.claims import of_weakness, plain_to_see
from auditor.spec.document import SUFFIX
from auditor.spec.plan import Case, Plan, make_plan
from auditor.spec.resolving import Source
from auditor.spec.sources import Registered, is_registered, listing, registered, signature_beside

__all__ = [
    "SUFFIX",
    "Case",
    "Plan",
    "Registered",
    "Source",
    "is_registered",
    "listing",
    "make_plan",
    "of_weakness",
    "plain_to_see",
    "registered",
    "signature_beside",
]

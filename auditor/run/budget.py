"""A budget of time: what fits into it runs, and the rest is left out, and never taken as passed."""

import re
import time
from dataclasses import dataclass

from auditor.loading.resources import Resources
from auditor.records.store import Folder
from auditor.report import text
from auditor.run.cache import Cache
from auditor.run.estimate import estimate, known, speed_of
from auditor.spec import Case, Plan
from auditor.values import AuditError

_FORM = re.compile(r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s)?")


def seconds_of(given: str) -> float | None:
    """The seconds of `90s`, `5m` or `1h30m`; None for anything else."""
    found = _FORM.fullmatch(given.replace(" ", ""))
    hours, minutes, seconds = (float(part or 0) for part in found.groups()) if found else (0.0, 0.0, 0.0)
    return 3600 * hours + 60 * minutes + seconds or None


@dataclass(frozen=True)
class Budget:
    """seconds: how many there are in all. ends: when they are over, in seconds since 1970, for every process."""

    seconds: float
    ends: float

    def refusal(
        self, plan: Plan, case: Case, resources: Resources, cache: Cache | None, folder: Folder, run: str
    ) -> str:
        """Why there is no time for a case and what it needs of others, as far as this run has no record of them.

        Nothing where there is. What is cached, or takes nobody knows how long, goes on as long as there is time.
        """
        todo = [other for other in plan.closure({case.id}) if folder.load(run, other.id) is None]
        left = self.ends - time.time()
        needed = 0.0
        for other in todo:
            found = known(plan, other, resources, cache)
            if found is None and left > 0:
                try:
                    found = estimate(other, speed_of(plan, other.model, resources, cache))
                except (AuditError, OSError):
                    continue  # it can't be loaded: running it says why, and takes no time
            if found is None:
                return f"the budget of {text.seconds(self.seconds)} is used up"
            needed += found.seconds or 0.0
        if needed <= max(0.0, self.ends - time.time()):
            return ""
        budget = f"the budget of {text.seconds(self.seconds)}"
        there = f"of {budget} {text.seconds(left)} are left" if left > 0 else f"{budget} is used up"
        return f"it may take {text.seconds(needed)}, and {there}"

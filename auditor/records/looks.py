"""How often the same question was asked: with other seeds, until the answer pleases, any gate passes sometime.

Ten looks make a risk of 5% into one of up to 40%. A question is the same check with the same parameters, of the same
model files, on the same data; a look is a seed that gave it another answer. What is random in a case depends on the
spec's seed and on the case's id, so another id is another seed. Looks are counted in the history of the reports folder,
so a folder that is thrown away forgets them.
"""

import hashlib
import json
from collections.abc import Iterable

import numpy as np

from auditor.values import Record


def question(record: Record) -> str:
    """SHA-256, in hex, of what a record's check asked of what, whatever the seed."""
    told = record.provenance
    models = {
        name: {part: entry.get(part) for part in ("format", "params", "files", "known_by")}
        for name, entry in told.get("models", {}).items()
    }
    data = {part: told.get("data", {}).get(part) for part in ("dataset", "params", "files")}
    # Whoever looks at other groups asks the same again.
    params = {name: value for name, value in record.params.items() if name not in ("slices", "weak_segments")}
    asked = [record.check, params, record.model, models, data]
    return hashlib.sha256(json.dumps(asked, sort_keys=True, default=str).encode()).hexdigest()


def answer(record: Record) -> str:
    """SHA-256, in hex, of what was measured; nothing where nothing was."""
    if record.evidence is None:
        return ""
    digest = hashlib.sha256()
    for name, metric in sorted(record.evidence.metrics.items()):
        digest.update(
            f"{name} {metric.kind} {metric.value!r} {metric.n} {metric.successes}".encode(errors="surrogatepass")
        )
        for group, part in metric.groups.items():
            digest.update(f"{group} {part.value!r} {part.n}".encode(errors="surrogatepass"))
        if metric.values is not None:
            digest.update(np.ascontiguousarray(metric.values, np.float64).tobytes())
    return digest.hexdigest()


def seed(record: Record) -> str:
    """The seed of the spec it was measured by, and the case's own, which a new id changes."""
    told = record.provenance
    return f"{told.get('spec', {}).get('seed', '')}/{told.get('case', {}).get('seed', '')}"


def look(record: Record, earlier: Iterable[tuple[str, str]]) -> int:
    """Which look at its question a record is, from 1. earlier: (seed, answer) of those before, from the first on.

    Its own seed again is the look that it was, and a seed that gave the same answer is none: where nothing is drawn at
    random, asking again changes nothing.
    """
    mine, found = seed(record), answer(record)
    others = set()
    for other, told in earlier:
        if other == mine:
            break
        if told != found:
            others.add(other)
    return 1 + len(others)


def share(number: int) -> float:
    """The share of the risk that a look has, so that however many there are they have no more than all of it:
    1/2, 1/6, 1/12, … of the k-th one, 1 / (k (k + 1)).
    """
    return 1 / (number * (number + 1))

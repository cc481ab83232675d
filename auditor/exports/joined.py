"""Several audits as one file of each kind, for build servers that take one a job."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from auditor.exports import codequality, junit, sarif
from auditor.exports.interchange import to_json
from auditor.exports.mistakes import FOLDER
from auditor.telling.reason import named_reason
from auditor.values import RecordError, Run


def join(runs: Sequence[Run], reports: Sequence[Path]) -> Mapping[str, str]:
    """Put runs into files by name: code quality and SARIF as ever, JUnit flat, which more readers take.

    reports: folders of audits, in which what was wrong with specs may lie too.
    """
    mistaken = [folder / FOLDER for folder in reports if (folder / FOLDER).is_dir()]
    quality = [found for folder in mistaken for found in _read(folder / "gl-code-quality.json")]
    scanned = [found for folder in mistaken for found in _read(folder / "results.sarif")["runs"]]
    return {
        "gl-code-quality.json": to_json([*quality, *(found for run in runs for found in codequality.findings(run))]),
        "results.sarif": sarif.document([*scanned, *map(sarif.audit, runs)]),
        "junit.xml": junit.render_flat(runs, [codequality.mistaken(found) for found in quality]),
    }


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise RecordError(f"{path} can't be read: {named_reason(error)}; run the specs again") from error

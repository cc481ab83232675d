"""Several audits as one file of each kind, for build servers that take one a job."""

from collections.abc import Mapping, Sequence

from auditor.exports import codequality, junit, sarif
from auditor.exports.interchange import to_json
from auditor.values import Run


def join(runs: Sequence[Run]) -> Mapping[str, str]:
    """Put runs into files by name: code quality and SARIF as ever, JUnit flat, which more readers take."""
    return {
        "gl-code-quality.json": to_json([found for run in runs for found in codequality.findings(run)]),
        "results.sarif": sarif.render(*runs),
        "junit.xml": junit.render_flat(runs),
    }

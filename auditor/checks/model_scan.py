"""Does the checkpoint hold anything that could harm whoever opens it?

What it measures
    What a static scan finds in the checkpoint's files, without loading them: Python code in Lambda layers and classes
    from outside of Keras, links and data in other files, operations of TensorFlow and PyTorch that reach files, the
    network or Python, names that lead out of an archive, and little that unfolds to much. Pickles are taken apart by
    a scanner of their own (`modelaudit-picklescan`, extra `scan`).

Why it matters
    A checkpoint is a program, or can bring one along. What is served tomorrow may be opened by software less careful
    than this auditor, which refuses every critical finding by itself before it loads a model.

How to read it
    What a file is, its bytes say, not its name. One of no kind that the scan knows isn't looked into, nor is a program:
    it counts as `unknown`, and a pass of a `max` on the rest is void. Gate `critical` with `{max: 0}`, and `warnings`
    too if nothing unusual shall be in the files. `unpinned` counts files whose digest the spec doesn't say: with
    `{max: 0}` the audit is of exactly these bytes. A scan knows what it looks for and nothing else; that it finds
    nothing doesn't make a stranger's checkpoint safe.

References
    Keras, CVE-2025-1550, CVE-2025-8747 and CVE-2025-12058. TensorFlow, "Using TensorFlow securely".
    OWASP Machine Learning Security Top 10, ML06:2023 AI Supply Chain Attacks.
"""

from pathlib import Path

from auditor.loading.scanning import Threat, pickles_in, scan
from auditor.telling.lists import listed
from auditor.telling.reason import reason
from auditor.values import (
    NOT_NEGATIVE,
    CheckError,
    Context,
    Diagnostic,
    Evidence,
    MetricInfo,
    Parameters,
    Passes,
    Table,
    exact,
)


class Params(Parameters):
    """There is nothing to choose."""


READS_CHECKPOINTS = True
_MOST_NAMED = 5
METRICS = {
    "critical": MetricInfo("exact", "findings that a loader may act upon", better="lower", bounds=NOT_NEGATIVE),
    "warnings": MetricInfo("exact", "findings that no honest checkpoint needs", better="lower", bounds=NOT_NEGATIVE),
    "unknown": MetricInfo(
        "exact", "files, and parts of archives, that couldn't be looked into", better="lower", bounds=NOT_NEGATIVE
    ),
    "unpinned": MetricInfo(
        "exact", "files whose digest doesn't stand in the spec", better="lower", bounds=NOT_NEGATIVE
    ),
    "files": MetricInfo("exact", "files that were looked into", bounds=NOT_NEGATIVE),
}


def cost(params: Params, images: int, class_count: int) -> Passes:
    """Nothing: the model isn't loaded."""
    return Passes()


def controls(params: Params) -> tuple[str, ...]:
    """What this speaks to in the frameworks of `auditor.values.controls`."""
    return ("owasp:ML06", "atlas:AML.T0018", "aia:15.5")


def run(context: Context, params: Params) -> Evidence:
    """Look into every file; the model isn't loaded."""
    checkpoint = context.checkpoint(context.model_name)
    if not checkpoint.files:
        raise CheckError(f"model {context.model_name!r} has no files to look into")
    threats = scan(checkpoint.files)
    blind = [threat for threat in threats if threat.kind == "unreadable"]
    if blind:
        raise CheckError(f"{blind[0].file}: {blind[0].message}, so nothing can be said of the checkpoint")
    for name, path in checkpoint.files.items():
        threats += _of_pickles(name, path)
    critical = [threat for threat in threats if threat.severity == "critical"]
    unpinned = 0 if checkpoint.pinned else len(checkpoint.files)
    unknown = [threat for threat in threats if threat.severity == "unknown"]
    warnings = len(threats) - len(critical) - len(unknown)
    told = f"{len(critical)} critical, the first in {critical[0].file}: {critical[0].message}" if critical else ""
    entered = len(checkpoint.files.keys() - {threat.file for threat in unknown})
    looked = f"{entered} {'file was' if entered == 1 else 'files were'} looked into"
    if unknown:
        looked = f"{looked}, {_listed(unknown)} not"
    found = tuple((threat.severity, threat.file, threat.kind, threat.message) for threat in threats)
    said = "the spec's" if checkpoint.pinned else "not in the spec"
    digests = tuple((name, digest, said) for name, digest in checkpoint.digests.items())
    vain = " A signature lies beside that wasn't checked: the spec names no `public_key`."
    return Evidence(
        summary=f"{looked}: {told or 'nothing critical'}, {warnings} warnings."
        + (vain if checkpoint.unchecked else ""),
        metrics={
            "critical": exact(len(critical)),
            "warnings": exact(warnings),
            "unknown": exact(len(unknown)),
            "unpinned": exact(unpinned),
            "files": exact(entered),
        },
        diagnostics=(_everything(unknown),),
        tables=(
            *([Table("Findings", ("severity", "file", "kind", "finding"), found)] if found else ()),
            Table("Files", ("file", "SHA-256", "digest"), digests),
        ),
    )


def _everything(unknown: list[Threat]) -> Diagnostic:
    """Whether there was nothing that couldn't be looked into; else finding nothing means nothing."""
    message = "every file is of a kind that the scan knows"
    if unknown:
        message = f"{_listed(unknown)} couldn't be looked into, being of no kind that the scan knows how to take apart"
    return Diagnostic("everything looked into", not unknown, message, deflates=("critical", "warnings"))


def _listed(threats: list[Threat]) -> str:
    return listed((threat.file for threat in threats), _MOST_NAMED)


def _of_pickles(name: str, path: Path) -> tuple[Threat, ...]:
    """What the pickles in a file would do; raise CheckError if their scanner isn't there or loses its way."""
    found = []
    for called, content in pickles_in(name, path):
        try:
            from modelaudit_picklescan import scan_bytes
        except ImportError as error:
            message = f"{called} is a pickle, and what takes pickles apart can't be imported ({reason(error)})"
            raise CheckError(f"{message}; install it with: pip install 'robustness-auditor[scan]'") from error
        report = scan_bytes(content)
        if report.errors:
            raise CheckError(f"{called} is a pickle that can't be taken apart: {report.errors[0].message}")
        found += [
            Threat("critical", called, "pickle", finding.message)
            for finding in report.findings
            if finding.severity.value == "critical"
        ]
    return tuple(found)

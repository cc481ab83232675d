"""A run as SARIF 2.1.0 (OASIS, 2020, with errata 01 of 2023): a result for each case that didn't pass.

A check is a rule, explained by its docstring; a result stands in the spec, where its case does. A waived case is a
suppressed result. What makes a claim weak, and what a pass doesn't say, are results too, by rules of their own, since
readers show results alone. That something could not be measured is said twice: by a result, so that a gate sees it, and
by the invocation, which then was not successful. What is descriptive is a note of the invocation: as a result of the
kind `informational` it would be an alert to readers that know no kinds.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import auditor
from auditor.exports.interchange import fingerprint, spec_path, to_json
from auditor.report import outcome, text
from auditor.report.doubts import Doubt, doubts, unplanned
from auditor.report.explain import explain
from auditor.telling.escaping import visible
from auditor.values import PlannedCase, Problem, Run, State, Waiver

Json = dict[str, Any]

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_ROOT = {
    "%SRCROOT%": {
        "description": {"text": "The repository that the spec is in, or else the folder that the audit was run in."}
    }
}
_LEVELS: Mapping[State, str] = {"inconclusive": "warning"}  # all else that didn't pass is an error
_UNMEASURED: tuple[State, ...] = ("error", "cut off", "not run")
_DOUBTS = {
    "weak-claim": ("WeakClaim", "warning", "What makes a claim weak?",
        "A pass beside it isn't what it seems. It was known before anything ran: `auditor validate` tells it, too."),
    "says-less": ("SaysLess", "note", "What does a pass not say?",
        "What was measured says less than a pass seems to, or the spec asks less than it did."),
}  # fmt: skip
"""Rules for what was planned, and for what was found: name, level, question, explanation."""
_LONGEST = 1000
"""GitHub shows no more than 1024 characters of a description."""
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)
_ESCAPES = str.maketrans({"\\": "\\\\", "[": "\\[", "]": "\\]", "{": "{{", "}": "}}"})


def render(run: Run) -> str:
    """Put a run into SARIF; the same run always gives the same file."""
    return document([audit(run)])


def document(runs: Sequence[Json]) -> str:
    """Put what is found by `audit` and `of_mistakes` into one file."""
    return to_json({"$schema": _SCHEMA, "version": "2.1.0", "runs": list(runs)})


def of_mistakes(problems: Sequence[Problem]) -> Json:
    """Mistakes in specs, as findings of a category of their own; none of them closes what was told before."""
    said = "A spec with a mistake is not run at all, so nothing is known of what it asks."
    rule = {
        "id": "spec",
        "name": "SpecCheck",
        "shortDescription": {"text": "Can the spec be run?"},
        "fullDescription": {"text": said},
        "help": {"text": f"{said} `auditor validate` tells every mistake, without running anything."},
    }
    return {
        "tool": _tool([rule]),
        "automationDetails": {"id": "auditor/@specs/"},
        "originalUriBaseIds": _ROOT,
        "invocations": [{"executionSuccessful": not problems}],
        "results": [
            {
                "ruleId": "spec",
                "ruleIndex": 0,
                "level": "error",
                "message": _message(problem.message),
                "locations": [{"physicalLocation": _place(problem.file, problem.line)}],
                "partialFingerprints": {"auditSpec/v1": fingerprint("@specs", problem.file, problem.message)},
            }
            for problem in problems
        ],
    }


def _tool(rules: Sequence[Json]) -> Json:
    version = auditor.__version__
    return {
        "driver": {"name": "robustness-auditor", "semanticVersion": version, "version": version, "rules": list(rules)}
    }


def audit(run: Run) -> Json:
    """An audit, with a result for each case that didn't pass."""
    rules, weak = sorted({case.check for case in run.cases}), doubts(run)
    kinds = [rule for rule in _DOUBTS if any(doubt.rule == rule for doubt in weak)]
    unmeasured = [case for case in run.cases if run.state(case) in _UNMEASURED]
    noted = [case for case in run.cases if run.state(case) == "descriptive"]
    return {
        "tool": _tool([*map(_rule, rules), *map(_rule_of_doubts, kinds)]),
        # GitHub keeps the results of one category apart from those of another, and replaces its last ones.
        "automationDetails": {"id": f"auditor/{visible(run.audit)}/"},
        "originalUriBaseIds": _ROOT,
        "invocations": [
            {
                "executionSuccessful": not unmeasured,
                "toolExecutionNotifications": [
                    *(_notification(run, case, rules, "error") for case in unmeasured),
                    *(_notification(run, case, rules, "note") for case in noted),
                ],
                # Readers refuse a whole file for a time that is none.
                **({"startTimeUtc": run.started} if _TIME.fullmatch(run.started) else {}),
            }
        ],
        "properties": {"overall": outcome.overall(outcome.counts(run)), "sentence": visible(outcome.told(run))},
        "results": [
            *(_result(run, case, rules) for case in outcome.open_cases(run)),
            *(_doubtful(run, doubt, len(rules) + kinds.index(doubt.rule)) for doubt in weak),
        ],
    }


def _rule(check: str) -> Json:
    """A check as a rule: GitHub refuses one without its two descriptions and help."""
    explanation = explain(check)
    question = explanation.question or explanation.missing or check
    parts = {section.title: "\n".join(section.parts) for section in explanation.sections}
    help_text = "\n\n".join(f"{title}\n{said}" for title, said in parts.items())
    return {
        "id": check,
        "name": check.title().replace("_", "") + "Check",
        "shortDescription": {"text": _shown(question)},
        "fullDescription": {"text": _shown(parts.get("What it measures", question))},
        "help": {"text": visible(help_text or question)},
    }


def _result(run: Run, case: PlannedCase, rules: Sequence[str]) -> Json:
    record = run.records.get(case.id)
    state: State = record.verdict.status if record else run.state(case)
    waiver = record.waiver if record and record.state == "waived" else None
    properties = {"audit": run.audit, "case": case.id, "model": case.model, "state": run.state(case)}
    if record and record.failure:
        properties["errorKind"] = record.failure.kind
    metrics = record.evidence.metrics if record and record.evidence else {}
    return {
        "ruleId": case.check,
        "ruleIndex": rules.index(case.check),
        "level": _LEVELS.get(state, "error"),
        "message": _message(f"{case.id}: {outcome.message(run, case)}"),
        "locations": [_location(run, case)],
        # A name of ours: GitHub adds its own, from the line's text, and complains about another one of that name.
        "partialFingerprints": {"auditCase/v1": fingerprint(run.audit, case.id, case.check)},
        # Either all results have them or none.
        "suppressions": [_suppression(waiver)] if waiver else [],
        "properties": properties | {"metrics": {name: metric.value for name, metric in metrics.items()}},
    }


def _suppression(waiver: Waiver) -> Json:
    return {"kind": "external", "status": "accepted", "justification": visible(str(waiver))}


def _notification(run: Run, case: PlannedCase, rules: Sequence[str], level: str) -> Json:
    record = run.records.get(case.id)
    failure = record.failure if record else None
    notification = {
        "level": level,
        "message": _message(f"{case.id}: {outcome.message(run, case, unplanned(run, case))}"),
        **_where(run, case, rules),
    }
    if failure:
        notification["exception"] = {"kind": visible(failure.kind), "message": visible(failure.message)}
    return notification


def _rule_of_doubts(rule: str) -> Json:
    name, level, question, said = _DOUBTS[rule]
    return {
        "id": rule,
        "name": name,
        "shortDescription": {"text": question},
        "fullDescription": {"text": said},
        "help": {"text": said},
        "defaultConfiguration": {"level": level},
    }


def _doubtful(run: Run, doubt: Doubt, index: int) -> Json:
    """What makes a claim weak as a result: a pass beside it isn't what it seems."""
    about = {"name": doubt.case, "fullyQualifiedName": f"{run.audit}::{doubt.case}"}
    place = {"physicalLocation": _place(spec_path(run), doubt.line)}
    return {
        "ruleId": doubt.rule,
        "ruleIndex": index,
        "level": _DOUBTS[doubt.rule][1],
        "message": _message(doubt.told),
        "locations": [place | ({"logicalLocations": [about]} if doubt.case else {})],
        "partialFingerprints": {"auditDoubt/v1": fingerprint(run.audit, doubt.rule, *doubt.names)},
        "suppressions": [],
        "properties": {"audit": run.audit} | ({"case": doubt.case} if doubt.case else {}),
    }


def _where(run: Run, case: PlannedCase, rules: Sequence[str]) -> Json:
    rule = {"id": case.check, "index": rules.index(case.check)}
    return {"locations": [_location(run, case)], "associatedRule": rule}


def _location(run: Run, case: PlannedCase) -> Json:
    return {
        "physicalLocation": _place(spec_path(run), case.line),
        "logicalLocations": [{"name": case.id, "fullyQualifiedName": f"{run.audit}::{case.id}"}],
    }


def _place(path: str, line: int) -> Json:
    uri = quote(path, errors="replace")
    # An absolute path is a URI only with its scheme, and has no base.
    artifact = {"uri": f"file://{uri}"} if path.startswith("/") else {"uri": uri, "uriBaseId": "%SRCROOT%"}
    return {"artifactLocation": artifact, "region": {"startLine": line}}


def _message(said: str) -> Json:
    """A message in SARIF's own plain text, where brackets make links and braces placeholders (3.11.5, 3.11.6)."""
    return {"text": _shown(said).translate(_ESCAPES)}


def _shown(said: str) -> str:
    return visible(text.shortened(said, _LONGEST))

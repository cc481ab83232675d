"""What a check says of itself, where it is still installed."""

from collections.abc import Mapping
from dataclasses import dataclass

from auditor import catalog
from auditor.report import text
from auditor.values import ExtensionError, MetricInfo


@dataclass(frozen=True)
class Section:
    """A titled part of a check's documentation; `listed` parts are entries, not paragraphs."""

    title: str
    parts: tuple[str, ...]
    listed: bool


@dataclass(frozen=True)
class Explanation:
    """A check's question, documentation, metrics and parameters; `missing` says why there are none."""

    question: str
    sections: tuple[Section, ...]
    metrics: Mapping[str, MetricInfo]
    params: Mapping[str, str]
    missing: str


def explain(check: str) -> Explanation:
    """Look a check up; one that isn't installed here leaves a note in place of its explanations."""
    try:
        documentation = catalog.documentation("checks", check)
        metrics = catalog.metrics_of(check)
        fields = catalog.params_of("checks", check).model_fields
    except ExtensionError as error:
        return Explanation("", (), {}, {}, str(error))
    sections = tuple(_section(title, content) for title, content in documentation.items() if title)
    params = {name: " ".join((field.description or "").split()) for name, field in fields.items()}
    return Explanation(documentation.get("", ""), sections, metrics, params, "")


def _section(title: str, content: str) -> Section:
    listed = title == "References"
    return Section(title, text.entries(content) if listed else text.paragraphs(content), listed)

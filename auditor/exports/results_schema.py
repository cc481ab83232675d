"""The JSON Schema of `results.json`; `make schema` writes it to `auditor/spec/schema/results.schema.json`."""

import json
from typing import Any

from pydantic import TypeAdapter

from auditor.exports.results import Results
from auditor.values import SchemaGenerator


class _Documented(SchemaGenerator):
    """Everything is there, nothing else is, and a number is null where it has no finite value."""

    def float_schema(self, schema: Any) -> dict[str, Any]:  # noqa: ARG002 - as in the base class
        return {"type": ["number", "null"]}

    def dataclass_schema(self, schema: Any) -> dict[str, Any]:
        return super().dataclass_schema(schema) | {"additionalProperties": False}

    def field_is_required(self, field: Any, total: bool) -> bool:  # noqa: ARG002
        return True


def schema_text() -> str:
    """Return the JSON Schema (draft 2020-12) of `results.json`, as it is committed."""
    schema = TypeAdapter(Results).json_schema(schema_generator=_Documented, mode="serialization")
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Results of the robustness auditor"}
    return json.dumps(head | schema, indent=2, ensure_ascii=False) + "\n"

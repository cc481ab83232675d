"""The JSON Schema of `*.audit.yaml`, from the models that validate it: editors complete and explain a spec by it.

`make schema` writes it to `audit.schema.json` in this folder.
"""

import json
import re
from typing import Any

from pydantic import BaseModel

from auditor import catalog
from auditor.spec.document import Safeguards, SpecFile
from auditor.spec.dossier import DataCard
from auditor.values import SLICED, SchemaGenerator

Json = dict[str, Any]


def build() -> Json:
    """Make the schema (JSON Schema, draft 2020-12) of a spec that uses any extension installed here."""
    definitions: Json = {}
    spec = _describe(SpecFile, "", definitions)
    properties = spec["properties"]
    properties["models"] |= {
        "patternProperties": {
            pattern: _source("models", "format", definitions) for pattern in properties["models"]["patternProperties"]
        },
        "additionalProperties": False,
    }
    dataset = _source("datasets", "dataset", definitions)
    properties["data"] |= dataset
    properties["other_data"] |= {
        "patternProperties": dict.fromkeys(properties["other_data"]["patternProperties"], dataset),
        "additionalProperties": False,
    }
    _refine_checks(definitions)
    title = "A spec of the robustness auditor"
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": title, **spec, "$defs": definitions}


def text() -> str:
    """Return the schema as it is committed."""
    return json.dumps(build(), indent=2, ensure_ascii=False) + "\n"


def _describe(model: type[BaseModel], prefix: str, definitions: Json) -> Json:
    """Return one model's schema, and put the models within it into `definitions`, under names with this prefix."""
    schema = model.model_json_schema(ref_template=f"#/$defs/{prefix}{{model}}", schema_generator=SchemaGenerator)
    definitions.update({prefix + name: inner for name, inner in schema.pop("$defs", {}).items()})
    del schema["title"]
    return schema


def _source(kind: catalog.Kind, key: str, definitions: Json) -> Json:
    """Describe a mapping that names an extension under `key` and holds its parameters beside it."""
    common = []
    if kind == "models":
        described = _describe(Safeguards, "", definitions)["properties"]
        definitions.update({f"models.{name}": described[name] for name in described})
        common = list(described)
    else:
        definitions["datasets.card"] = _describe(DataCard, "", definitions)
        common = ["card"]
    for name in catalog.names(kind):
        params = _describe(catalog.params_of(kind, name), f"{kind}.{name}.", definitions)
        safeguards = {safeguard: {"$ref": f"#/$defs/{kind}.{safeguard}"} for safeguard in common}
        params["properties"] = {key: True, **params["properties"], **safeguards}
        definitions[f"{kind}.{name}"] = params
    return {
        "type": "object",
        "properties": {key: _choice(kind)},
        "required": [key],
        "additionalProperties": True,
        "allOf": [_when(key, name, {"$ref": f"#/$defs/{kind}.{name}"}) for name in catalog.names(kind)],
    }


def _refine_checks(definitions: Json) -> None:
    """Let an entry's `check` decide which `params` and which metrics are allowed."""
    entry = definitions["CheckEntry"]
    entry["properties"]["check"] |= _choice("checks")
    entry["allOf"] = []
    for name in catalog.names("checks"):
        params = _describe(catalog.params_of("checks", name), f"checks.{name}.", definitions)
        definitions[f"checks.{name}"] = params
        parts = {"params": {"$ref": f"#/$defs/checks.{name}"}, "expect": _expectations(name)}
        needed = ["params"] if params.get("required") else []
        entry["allOf"].append(_when("check", name, {"properties": parts, "required": needed}))


def _expectations(check: str) -> Json:
    exact, families = {}, {}
    for name, info in catalog.metrics_of(check).items():
        bounds = {"$ref": "#/$defs/Bounds", "description": info.text}
        if name.endswith(".*"):
            families[f"^{re.escape(name.removesuffix('*'))}[^*]"] = bounds
        else:
            exact[name] = bounds
            if info.kind in SLICED and not info.of_those:
                told = f"{info.text}: of groups, by `slices` and `weak_segments`"
                of_groups = {"$ref": "#/$defs/Bounds", "description": told}
                families[rf"^{re.escape(name)}\[(weak|(\*|gap |[^=\]]+=)[^\n]*)\]$"] = of_groups
    return {"properties": exact, "patternProperties": families, "additionalProperties": False}


def _choice(kind: catalog.Kind) -> Json:
    names = catalog.names(kind)
    return {"oneOf": [{"const": name, "description": catalog.documentation(kind, name)[""]} for name in names]}


def _when(key: str, name: str, then: Json) -> Json:
    return {"if": {"properties": {key: {"const": name}}, "required": [key]}, "then": then}

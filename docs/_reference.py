"""Pages of the reference that are made of the code itself, whenever the site is built.

MkDocs calls `on_files`; what is added there is a page like any other, so a link to what is gone fails the build.
"""

import inspect
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import click
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from auditor import catalog
from auditor.cli.main import main as command
from auditor.spec.document import SpecFile
from auditor.values import CONTROLS, PROFILES, SchemaGenerator

_HEADINGS: dict[catalog.Kind, tuple[str, str]] = {
    "checks": ("Checks", "A check is a kind of measurement; its name is what a spec writes under `check`."),
    "attacks": ("Attacks", "An attack searches for an input; its name is what a check's `attacks` lists."),
    "models": ("Model formats", "A format opens checkpoints; its name is what a spec writes under `format`."),
    "datasets": ("Datasets", "A dataset gives labelled images; its name is what a spec writes under `dataset`."),
}
_PAGES: dict[catalog.Kind, str] = {
    "checks": "checks",
    "attacks": "attacks",
    "models": "formats",
    "datasets": "datasets",
}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages."""
    made: dict[str, Callable[[], str]] = {
        "reference/spec.md": _spec,
        "reference/commands.md": _commands,
        "reference/options.md": _options,
        "reference/controls.md": _controls,
        **{f"reference/{page}.md": lambda kind=kind: _extensions(kind) for kind, page in _PAGES.items()},
    }
    for path, make in made.items():
        files.append(File.generated(config, path, content=make()))
    return files


def _extensions(kind: catalog.Kind) -> str:
    title, lead = _HEADINGS[kind]
    names = catalog.names(kind)
    listed = [f"| [`{name}`](#{name}) | {catalog.documentation(kind, name)['']} |" for name in names]
    parts = [f"# {title}", lead, "\n".join(["| name | |", "|---|---|", *listed])]
    for name in names:
        told = catalog.documentation(kind, name)
        parts += [f"## `{name}` {{ #{name} }}", told[""]]
        for heading in catalog.SECTIONS:
            if told.get(heading):
                parts.append(
                    f"**{heading}.** {told[heading]}" if heading != "References" else _references(told[heading])
                )
        parts.append(_parameters(catalog.params_of(kind, name)))
        if kind == "checks":
            parts.append(_metrics(name))
    return "\n\n".join(part for part in parts if part) + "\n"


def _references(text: str) -> str:
    return "**References.** " + " ".join(text.split())


def _metrics(check: str) -> str:
    rows = [
        f"| `{name}` | {info.kind} | {info.text} | {info.better or ''} |"
        for name, info in catalog.metrics_of(check).items()
    ]
    return "\n".join(["| metric | kind | what it is | better |", "|---|---|---|---|", *rows])


def _parameters(params: Any) -> str:
    described = params.model_json_schema(schema_generator=SchemaGenerator)
    properties = described.get("properties", {})
    if not properties:
        return ""
    required, definitions = set(described.get("required", ())), described.get("$defs", {})
    rows = [_row(name, entry, required, definitions) for name, entry in properties.items()]
    return "\n".join(["| parameter | type | default | what it is |", "|---|---|---|---|", *rows])


def _row(name: str, entry: dict[str, Any], required: set[str], definitions: dict[str, Any]) -> str:
    told = _cell(_text(entry, definitions))
    return f"| `{name}` | {_type(entry, definitions)} | {_default(name, entry, required)} | {told} |"


def _text(entry: dict[str, Any], definitions: dict[str, Any]) -> str:
    inner = entry.get("$ref", "").rpartition("/")[2]
    return str(entry.get("description") or definitions.get(inner, {}).get("description", ""))


def _default(name: str, entry: dict[str, Any], required: set[str]) -> str:
    if name in required:
        return "*required*"
    value = entry.get("default")
    return "" if value is None else f"`{_cell(json.dumps(value, ensure_ascii=False))}`"


def _type(entry: dict[str, Any], definitions: dict[str, Any]) -> str:
    if "enum" in entry:
        return ", ".join(f"`{value}`" for value in entry["enum"])
    if "const" in entry:
        return f"`{entry['const']}`"
    if "$ref" in entry:
        inner = definitions.get(entry["$ref"].rpartition("/")[2], {})
        return _type(inner, definitions) if "enum" in inner or "type" in inner else "mapping"
    if "anyOf" in entry or "oneOf" in entry:
        kinds = [_type(one, definitions) for one in entry.get("anyOf", entry.get("oneOf", ()))]
        known = [kind for kind in dict.fromkeys(kinds) if kind != "nothing"]
        return known[0] if len(known) > 3 else " or ".join(known)
    kind = entry.get("type", "")
    if kind == "array":
        return f"list of {_type(entry.get('items', {}), definitions) or 'values'}"
    words = {"integer": "whole number", "number": "number", "string": "text", "boolean": "`true` or `false`"}
    return words.get(kind, {"object": "mapping", "null": "nothing"}.get(kind, "one of the attacks"))


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _spec() -> str:
    described = SpecFile.model_json_schema(schema_generator=SchemaGenerator)
    parts = [
        "# The spec",
        "One `*.audit.yaml` says which models are measured, on which data, by which checks, and what is demanded. "
        "It is data alone: no templating, no expressions, no tags. Paths are relative to the file, `8/255` a number. "
        "Every mistake comes back with file, line and column before anything runs.",
        _table(described, described.get("$defs", {})),
    ]
    for name, inner in described.get("$defs", {}).items():
        if inner.get("properties"):
            parts += [f"## {_words(name)}", str(inner.get("description", "")), _table(inner, described["$defs"])]
    parts.append(
        "Editors complete and explain a spec by its JSON Schema (`auditor schema`), which a first line "
        "`# yaml-language-server: $schema=…` names."
    )
    return "\n\n".join(part for part in parts if part) + "\n"


def _table(described: dict[str, Any], definitions: dict[str, Any]) -> str:
    required = set(described.get("required", ()))
    rows = [_row(name, entry, required, definitions) for name, entry in described.get("properties", {}).items()]
    return "\n".join(["| key | type | default | what it is |", "|---|---|---|---|", *rows])


def _words(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).capitalize()


def _commands() -> str:
    parts = ["# Commands", "`auditor COMMAND --help` says the same on a terminal."]
    with click.Context(command, info_name="auditor") as root:
        for name, one in _walk(command, "auditor"):
            context = click.Context(one, info_name=name, parent=root if name != "auditor" else None)
            about = inspect.cleandoc(one.help or "").replace("\b\n", "")
            parts += [f"## `{name}`", about, _click_options(one, context)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _walk(group: click.Command, name: str) -> Iterator[tuple[str, click.Command]]:
    if isinstance(group, click.Group):
        for inner in sorted(group.commands):
            yield from _walk(group.commands[inner], f"{name} {inner}")
    else:
        yield name, group


def _click_options(one: click.Command, context: click.Context) -> str:
    rows = []
    for param in one.get_params(context):
        record = param.get_help_record(context) if isinstance(param, click.Option) else None
        if record:
            rows.append(f"| `{_cell(record[0])}` | {_cell(record[1])} |")
        elif isinstance(param, click.Argument):
            rows.append(f"| `{param.make_metavar(context)}` | |")
    return "\n".join(["| argument or option | |", "|---|---|", *rows]) if rows else ""


def _options() -> str:
    from auditor.plugin.options import pytest_addoption

    seen: list[tuple[str, str, str]] = []
    ini: dict[str, str] = {}

    class _Group:
        def addoption(self, *names: str, **given: Any) -> None:
            seen.append((" ".join(names), str(given.get("metavar") or ""), str(given.get("help", ""))))

    class _Parser:
        def getgroup(self, *_: str) -> _Group:
            return _Group()

        def addini(self, name: str, text: str, **_: Any) -> None:
            ini[name] = text

    pytest_addoption(_Parser())  # type: ignore[arg-type]
    rows = []
    for name, metavar, text in seen:
        twin = name[2:].replace("-", "_")
        told = f"`{twin}`" if twin in ini else ""
        rows.append(f"| `{f'{name} {metavar}'.rstrip()}` | {told} | {_cell(text)} |")
    parts = [
        "# Options of pytest",
        "Every `*.audit.yaml` below the paths given to pytest is collected; each check is one item. `-k`, `-m`, "
        "`--lf`, `--co`, `-n`, `--junitxml` and `--html` work on them. The command line outranks the ini file.",
        "\n".join(["| option | in the ini file | |", "|---|---|---|", *rows]),
    ]
    return "\n\n".join(parts) + "\n"


# What a check can't do without, where it has no default, to ask what it speaks to as most specs use it.
_ASKED: dict[str, dict[str, object]] = {
    "covert_message": {"strangers": ["other"]},
    "robust_accuracy": {"eps": 0.1},
    "security_curve": {"eps": [0.1, 0.2]},
    "transfer": {"adversarial": "attack", "onto": ["other"]},
}


def _controls() -> str:
    speaking: dict[str, list[str]] = {}
    for check in catalog.names("checks"):
        params = catalog.params_of("checks", check)(**_ASKED.get(check, {}))
        for name in catalog.controls_of(check, params):
            speaking.setdefault(name, []).append(f"[`{check}`](checks.md#{check})")
    parts = [
        "# Controls",
        "What frameworks ask about a classifier. A case carries those that its check speaks to, or those that its "
        "`controls:` names; the report lists what was tested and what was not. No case proves that a control is met: "
        "of what attackers do it is evidence of how far they get, of all else it is supporting evidence. "
        f"`profile:` takes {', '.join(f'`{name}`' for name in PROFILES)}.",
    ]
    for framework in dict.fromkeys(control.framework for control in CONTROLS.values()):
        ours = [one for one in CONTROLS.values() if one.framework == framework]
        how = "how far attackers get" if ours[0].attack else "supporting evidence"
        rows = [
            f"| `{one.id}` | {_cell(one.title)} | {', '.join(speaking.get(one.id, ())) or 'nothing'} | "
            f"{how if one.id in speaking else 'not at all'} |"
            for one in ours
        ]
        head = ["| control | | which checks speak to it | how far |", "|---|---|---|---|"]
        told = f"As of: {ours[0].version}. Names and ids were held against: {ours[0].checked}."
        parts += [f"## {framework}", told, "\n".join([*head, *rows])]
    parts.append("prEN 18281, of the AI Act's harmonised standards, isn't mapped yet.")
    return "\n\n".join(parts) + "\n"

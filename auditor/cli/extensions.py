"""The commands that list and explain extensions: checks, attacks, formats, datasets."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from auditor.telling.console import Console, say

if TYPE_CHECKING:
    from auditor.catalog import Kind
    from auditor.values import Parameters


@dataclass(frozen=True)
class _Told:
    """How a kind of extension is spoken of: its singular, what its list says, and where its name stands in a spec."""

    singular: str
    about: str
    written: str


_KINDS: "Mapping[Kind, _Told]" = {
    "checks": _Told("check", "question", "- {{id: …, check: {name}}}"),
    "attacks": _Told("attack", "what it does", "attacks: [{{attack: {name}}}]"),
    "models": _Told("format", "what it opens", "models: {{…: {{format: {name}, …}}}}"),
    "datasets": _Told("dataset", "what it gives", "data: {{dataset: {name}, …}}"),
}


def _completed(_: click.Context, _parameter: click.Parameter, begun: str) -> list[str]:
    """Names of every kind that begin so: a command explains any of them."""
    from auditor import catalog

    return [name for kind in catalog.KINDS for name in catalog.names(kind) if name.startswith(begun)]


_NAME = click.argument("name", required=False, shell_complete=_completed)


@click.command()
@_NAME
def checks(name: str | None) -> None:
    """List the checks, or explain one.

    With NAME: what it measures, why it matters, how to read it, its parameters and its metrics. NAME may be an attack,
    a format or a dataset too.
    """
    _tell("checks", name)


@click.command()
@_NAME
def attacks(name: str | None) -> None:
    """List the attacks, or explain one: what it is shown, which norms it knows, its parameters."""
    _tell("attacks", name)


@click.command()
@_NAME
def formats(name: str | None) -> None:
    """List the formats of models, or explain one: what it opens, what it can't, its parameters."""
    _tell("models", name)


@click.command()
@_NAME
def datasets(name: str | None) -> None:
    """List the datasets, or explain one: what it gives, in which order, its parameters."""
    _tell("datasets", name)


def _tell(kind: "Kind", name: str | None) -> None:
    """List a kind, or explain the extension of this name, of whatever kind it is; raises ExtensionError for none."""
    from auditor import catalog
    from auditor.values import ExtensionError, one_of

    if name is None:
        _list(kind)
        return
    found = next((k for k in (kind, *catalog.KINDS) if name in catalog.names(k)), None)
    if found is None:
        known = [*catalog.names(kind), *(n for k in catalog.KINDS if k != kind for n in catalog.names(k))]
        raise ExtensionError(one_of(name, known, _KINDS[kind].singular if kind != "checks" else "extension"))
    _explain(found, name)


def _list(kind: "Kind") -> None:
    from rich.table import Table

    from auditor import catalog

    told = _KINDS[kind]
    table = Table(told.singular, told.about, box=None, pad_edge=False, header_style="bold")
    for known in catalog.names(kind):
        table.add_row(known, catalog.documentation(kind, known)[""])
    console = Console()
    console.print(table)
    console.print(f"\n`auditor {told.singular}s NAME` explains one.", style="dim")


def _explain(kind: "Kind", name: str) -> None:
    from rich.table import Table

    from auditor import catalog

    console = Console()
    for title, text in catalog.documentation(kind, name).items():
        console.print(f"[bold]{title or name}[/bold]" + ("" if title else f" [dim]({_KINDS[kind].singular})[/]"))
        console.print(text + "\n", markup=False)
    console.print(f"[bold]In a spec[/bold]\n{_KINDS[kind].written.format(name=name)}\n", markup=True)
    if kind == "attacks":
        module = catalog.load("attacks", name)
        say(f"It sees: {module.SEES}. It seeks: {module.SEEKS}. Norms: {', '.join(module.NORMS) or 'none'}.\n")
    console.print("[bold]Parameters[/bold]")
    parameters = Table("name", "default", "meaning", box=None, pad_edge=False, header_style="dim")
    for field, default, meaning in _parameters(catalog.params_of(kind, name)):
        parameters.add_row(field, default, meaning)
    console.print(parameters)
    if kind == "checks":
        console.print("\n[bold]Metrics[/bold] (for `expect`)")
        metrics = Table("name", "kind", "meaning", box=None, pad_edge=False, header_style="dim")
        for metric, promise in catalog.metrics_of(name).items():
            metrics.add_row(metric, promise.kind, promise.text)
        console.print(metrics)


def _parameters(params: "type[Parameters]") -> list[tuple[str, str, str]]:
    """Every parameter: its name, its default as a spec would say it, and its meaning."""
    told = []
    for name, info in params.model_fields.items():
        default = None if info.is_required() else info.get_default(call_default_factory=True)
        written = "required" if info.is_required() else _written(info.annotation, default)
        told.append((name, written, info.description or ""))
    return told


def _written(kind: Any, value: Any) -> str:
    """A value as it is written in a spec."""
    import yaml
    from pydantic import TypeAdapter
    from rich.markup import escape

    plain = TypeAdapter(kind).dump_python(value, mode="json", warnings=False)
    text: str = yaml.safe_dump(plain, default_flow_style=True, width=10**6, allow_unicode=True, sort_keys=False)
    return escape(text.removesuffix("\n").removesuffix("\n..."))

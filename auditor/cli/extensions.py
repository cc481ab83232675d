"""The commands that list and explain extensions: checks, attacks, formats, datasets."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from auditor.telling.console import Console

if TYPE_CHECKING:
    from auditor.catalog import Kind
    from auditor.values import Parameters


@dataclass(frozen=True)
class _Told:
    """How a kind of extension is spoken of: its singular, what its list says, and how it and the parameters that it
    needs are written in a spec.
    """

    singular: str
    about: str
    written: str
    needs: str = ", {needed}"

    def example(self, name: str, needed: Sequence[str]) -> str:
        """What stands in a spec at least."""
        each = ", ".join(f"{parameter}: …" for parameter in needed)
        return self.written.format(name=name, needed=self.needs.format(needed=each) if needed else "")


# What `SEES` and `SEEKS` of an attack stand for.
_SEES = {
    "gradient": "the gradient of its objective",
    "jacobian": "the gradients of all logits",
    "features": "what an inner layer gives",
    "score": "scores alone",
    "decision": "decisions alone",
}
_SEEKS = {
    "ball": "an adversarial image within a ball",
    "distance": "the closest adversarial image",
    "boundary": "a boundary nearby",
    "ascent": "a higher objective, without bounds",
    "ensemble": "an adversarial image within a ball, by several attacks",
}


_KINDS: "Mapping[Kind, _Told]" = {
    "checks": _Told("check", "question", "checks: [{{id: …, check: {name}{needed}}}]", ", params: {{{needed}}}"),
    "attacks": _Told("attack", "what it does", "attacks: [{{attack: {name}{needed}}}]   # in `params` of a check"),
    "models": _Told("format", "what it opens", "models: {{NAME: {{format: {name}{needed}}}}}"),
    "datasets": _Told("dataset", "what it gives", "data: {{dataset: {name}{needed}}}"),
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
        raise ExtensionError(one_of(name, catalog.names(kind), _KINDS[kind].singular))
    _explain(found, name)


def _list(kind: "Kind") -> None:
    from rich.markup import escape
    from rich.table import Table

    from auditor import catalog

    told = _KINDS[kind]
    table = Table(told.singular, told.about, box=None, pad_edge=False, header_style="bold")
    for known in catalog.names(kind):
        table.add_row(known, escape(catalog.documentation(kind, known)[""]))
    console = Console()
    console.print(table)
    console.print(f"\n`auditor {told.singular}s NAME` explains one.", style="dim")


def _explain(kind: "Kind", name: str) -> None:
    from rich.markup import escape
    from rich.table import Table

    from auditor import catalog

    told, console = _KINDS[kind], Console()
    for title, text in catalog.documentation(kind, name).items():
        console.print(f"[bold]{escape(title or name)}[/bold]" + ("" if title else f" [dim]({told.singular})[/]"))
        console.print(text + "\n", markup=False)
    params = catalog.params_of(kind, name)
    needed = [field for field, info in params.model_fields.items() if info.is_required()]
    console.print("[bold]In a spec[/bold]")
    console.print(told.example(name, needed) + "\n", markup=False, soft_wrap=True)
    for line in _abilities(kind, name):
        console.print(line, markup=False)
    console.print("[bold]Parameters[/bold]")
    parameters = Table("name", "default", "meaning", box=None, pad_edge=False, header_style="dim")
    for row in _parameters(params):
        parameters.add_row(*map(escape, row))
    console.print(parameters if parameters.row_count else "none")
    if kind == "checks":
        console.print("\n[bold]Metrics[/bold] (for `expect`)")
        metrics = Table("name", "kind", "meaning", box=None, pad_edge=False, header_style="dim")
        for metric, promise in catalog.metrics_of(name).items():
            metrics.add_row(*map(escape, (metric, promise.kind, promise.text)))
        console.print(metrics)


def _abilities(kind: "Kind", name: str) -> Iterator[str]:
    """What an attack is shown and seeks, and what a format can give."""
    from auditor import catalog

    if kind == "attacks":
        module = catalog.load("attacks", name)
        yield f"It is shown {_SEES[module.SEES]}, and seeks {_SEEKS[module.SEEKS]}."
        yield f"Norms: {', '.join(module.NORMS) or 'none'}.\n"
    if kind == "models":
        yield f"Gradients: {'yes' if catalog.gives_gradients(name) else 'no'}."
        yield f"Lower precision: {', '.join(catalog.precisions_of(name)) or 'by an export of its own'}.\n"


def _parameters(params: "type[Parameters]") -> list[tuple[str, str, str]]:
    """Every parameter, those that are needed first: its name, its default as a spec would say it, and its meaning."""
    told = []
    for name, info in sorted(params.model_fields.items(), key=lambda field: not field[1].is_required()):
        default = None if info.is_required() else info.get_default(call_default_factory=True)
        written = "required" if info.is_required() else _written(info.annotation, default)
        told.append((name, written, " ".join((info.description or "").split())))
    return told


def _written(kind: Any, value: Any) -> str:
    """A value as it is written in a spec."""
    import yaml
    from pydantic import TypeAdapter

    plain = TypeAdapter(kind).dump_python(value, mode="json", warnings=False)
    text: str = yaml.safe_dump(plain, default_flow_style=True, width=10**6, allow_unicode=True, sort_keys=False)
    return text.removesuffix("\n").removesuffix("\n...")

"""`auditor doctor`: what is installed, what is missing for which format, and what the machine has.

`auditor completion`: the lines that let a shell complete commands and names.
"""

import importlib.metadata
import platform
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from auditor.telling.console import Console, say
from auditor.values import EXIT_WRONG

if TYPE_CHECKING:
    from packaging.requirements import Requirement

_NAME = "robustness-auditor"
USES: Mapping[str, str] = {
    "demo": "dataset `mnist_5k`",
    "onnx": "format `onnx`",
    "tflite": "format `tflite`",
    "tf-keras": "files of Keras 2 that can't be rewritten, of the format `keras`",
    "torch": "format `torch`",
    "torchvision": "format `torch_weights`",
    "parquet": "dataset `parquet`",
    "tfds": "dataset `tfds`",
    "pdf": "`auditor report --pdf` without Chromium",
    "scan": "pickles, which `model_scan` takes apart",
    "signing": "signatures of models (`public_key:`)",
    "attest": "`auditor attest` and `verify --key`",
    "sigstore": "`auditor attest --keyless`",
    "mlflow": "models of a registry, `--audit-mlflow`",
    "cluster": "`--audit-engine dask`",
}
"""What each extra is for."""


@dataclass(frozen=True)
class Part:
    """A package: its name, its version here or nothing, what is asked of it, and whether that holds."""

    name: str
    version: str
    wanted: str
    fits: bool


def parts(extra: str = "") -> tuple[Part, ...]:
    """What this package asks for: of an extra, or else always."""
    return tuple(_part(one) for one in _required(extra))


def _required(extra: str) -> Iterator["Requirement"]:
    from packaging.requirements import Requirement

    for text in importlib.metadata.requires(_NAME) or ():
        one = Requirement(text)
        always = one.marker is None or one.marker.evaluate({"extra": ""})
        if one.name != _NAME and (always if not extra else not always and _chosen(one, extra)):
            yield one


def _chosen(one: "Requirement", extra: str) -> bool:
    return one.marker is not None and one.marker.evaluate({"extra": extra})


def _part(one: "Requirement") -> Part:
    try:
        version = importlib.metadata.version(one.name)
    except importlib.metadata.PackageNotFoundError:
        version = ""
    fits = bool(version) and one.specifier.contains(version, prereleases=True)
    return Part(one.name, version, str(one.specifier), fits)


@click.command()
def doctor() -> None:
    """Say what is installed here, what is missing for which format or dataset, and what the machine has.

    Nothing is imported, loaded or fetched. Ends with 2 if something is missing that every audit needs.
    """
    from rich.table import Table

    import auditor
    from auditor.compute import cores, free_memory
    from auditor.exports.pdf import browser_here

    console = Console()
    say(f"auditor {auditor.__version__}, Python {platform.python_version()} ({sys.executable})")
    memory = free_memory()
    free = "how much memory is free isn't known" if memory is None else f"{memory / 1e9:.1f} GB of memory free"
    say(f"{platform.system()} {platform.machine()}, {cores()} cores, {free}")
    printer = browser_here() or "no Chromium here; WeasyPrint prints where the extra `pdf` is installed"
    say(f"auditor report --pdf: {printer}\n")
    table = Table("needed", "here", "asked for", "for", box=None, pad_edge=False, header_style="bold")
    core = parts()
    for part in core:
        table.add_row(*_row(part), "every audit")
    missing = []
    for extra, use in USES.items():
        found = parts(extra)
        for part in found:
            table.add_row(*_row(part), use)
        if not all(part.fits for part in found):
            missing.append((extra, use))
    console.print(table)
    if missing:
        say("\nMissing, if you need it:")
    for extra, use in missing:
        say(f"  pip install '{_NAME}[{extra}]'   for {use}")
    broken = [part for part in core if not part.fits]
    if broken:
        say(f"\nNo audit runs without: {', '.join(p.name + p.wanted for p in broken)}", "red", err=True)
        sys.exit(EXIT_WRONG)


def _row(part: Part) -> tuple[str, str, str]:
    here = part.version if part.fits else f"[yellow]{part.version} doesn't fit[/]" if part.version else "[yellow]–[/]"
    return part.name, here, part.wanted


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print what lets a shell complete commands, options and the names of checks, attacks, formats and datasets.

    \b
    Once, in the shell's own start-up file:
      eval "$(auditor completion bash)"           in ~/.bashrc
      eval "$(auditor completion zsh)"            in ~/.zshrc
      auditor completion fish | source            in ~/.config/fish/config.fish
    """
    from click.shell_completion import get_completion_class

    made = get_completion_class(shell)
    if made is None:
        raise click.UsageError(f"click knows no completion for {shell}")
    say(made(context.find_root().command, {}, "auditor", "_AUDITOR_COMPLETE").source().strip("\n"))

"""`auditor verify`: what was derived again, and what was taken from the record, told apart."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from auditor.cli.evidence import ALLOW_CODE
from auditor.telling.console import Console
from auditor.values import EXIT_NOT_CHECKED, EXIT_NOT_PASSED

if TYPE_CHECKING:
    from auditor.evidence.findings import Finding

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_MARKS = {
    "holds": "[green]✓[/]",
    "doesn't hold": "[bold red]✗[/]",
    "taken from the record": "[dim]·[/]",
    "not checked": "[yellow]?[/]",
}


def _replays(context: click.Context, param: click.Parameter, value: str) -> int | str:
    """A number of images, or all that was done."""
    if value != "all" and not value.isdecimal():
        raise click.BadParameter(f"{value!r} is neither a number of images nor `all`", context, param)
    return value if value == "all" else int(value)


@click.command()
@click.argument("path", type=click.Path(exists=True, path_type=Path))
@click.option("--spec", type=_FILE, help="Where the spec is now, if it moved.")
@click.option(
    "--root",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="The folder that the audit was run in, which the path of its spec starts from (default: this one).",
)
@click.option(
    "--replay",
    "replays",
    metavar="N|all",
    default="0",
    callback=_replays,
    help="Attack so many images of each case again, chosen at random among those that held; `all` repeats whole cases.",
)
@click.option("--without-model", is_flag=True, help="Leave checkpoint, data and images alone.")
@click.option("--key", type=_FILE, help="Public key that the audit's attestation must be signed with.")
@click.option("--identity", help="Who must have signed its keyless attestation: an e-mail address or a workflow's URL.")
@click.option("--issuer", help="Who says that it is they: the URL of an OpenID Connect provider.")
@ALLOW_CODE
def verify(
    path: Path,
    spec: Path | None,
    root: Path | None,
    replays: int | str,
    without_model: bool,
    key: Path | None,
    identity: str | None,
    issuer: str | None,
    allow_code: bool,
) -> None:
    """Derive again what a finished audit says, from spec, data and checkpoint, and compare.

    PATH is an audit's folder, such as reports/mnist-cnn, or the report in it. Derived again are: every file's digest;
    the pages; verdicts, from what was measured and what the spec demands; which cases there should be, with which
    parameters, seeds and waivers; which images each looks at; what the checkpoint says of all of them, by its own plain
    call, and so every metric and sentence; whether adversarial images lie within ball and box. That an image held takes
    an attack to see: --replay attacks some again.

    The table at the end tells what was derived again from what was taken from the record. Ends with 1 if anything
    doesn't hold, and with 3 if nothing is wrong but the spec, the data or the checkpoint isn't there to check it with.

    \b
    Examples:
      auditor verify reports/mnist-cnn --replay 5
      auditor verify downloads/mnist-cnn --spec specs/mnist.audit.yaml
    """
    from rich.markup import escape

    from auditor.evidence.attestation import told as attested
    from auditor.evidence.verification import verify as check
    from auditor.records.manifest import NAME
    from auditor.records.store import Folder

    console = Console(soft_wrap=True)
    folder = path.parent if path.is_file() else path
    if (identity is None) != (issuer is None):
        raise click.UsageError("--identity and --issuer belong together: a name is worth what who vouches for it is")
    if spec is not None and root is not None:
        raise click.UsageError("--spec names the spec itself, --root the folder its path starts from: say one of them")
    if not any((folder / name).exists() for name in ("run.json", NAME)):
        Folder(folder).load_plan()  # another folder than was meant is a mistake, and no records that don't hold
    if key is not None:
        from auditor.evidence.attestation import check as check_signature

        signed = check_signature(folder, key)
        console.print(f"[green]✓[/] {escape(f'the attestation is signed by {key}: {attested(signed)}')}")
    if identity is not None and issuer is not None:
        from auditor.evidence.keyless import check as check_identity

        signed = check_identity(folder, identity, issuer)
        console.print(f"[green]✓[/] {escape(f'the attestation is signed by {identity}: {attested(signed)}')}")
    told: list[Finding] = []
    for finding in check(
        folder, spec, not without_model, allow_code, root, "all" if replays == "all" else int(replays)
    ):
        console.print(f"{_MARKS[finding.standing]} {escape(f'{finding.of}: {finding.what}: {finding.seen}')}")
        told.append(finding)
    _summed_up(console, told)


def _summed_up(console: Console, told: Sequence["Finding"]) -> None:
    """The table of what was checked again and what was believed, and the exit code that follows."""
    from rich.markup import escape
    from rich.table import Table

    table = Table("", "checked again", "taken from the record", box=None, pad_edge=False)
    for of in dict.fromkeys(finding.of for finding in told):
        here = [finding for finding in told if finding.of == of]
        wrong = {f.what for f in here if f.standing == "doesn't hold"}
        again = dict.fromkeys(f.what for f in here if f.standing in ("holds", "doesn't hold"))
        believed = [f"{f.what} ({f.seen.partition(':')[0]})" for f in here if f.standing == "taken from the record"]
        checked = ", ".join(f"{what} ✗" if what in wrong else what for what in again)
        table.add_row(escape(of), escape(checked), escape("; ".join(believed)))
    console.print()
    console.print(table)
    broken = sum(finding.standing == "doesn't hold" for finding in told)
    missing = [finding for finding in told if finding.standing == "not checked"]
    if broken:
        console.print(f"[bold red]{broken} {'thing does' if broken == 1 else 'things do'} not hold.[/]")
        sys.exit(EXIT_NOT_PASSED)
    if missing:
        of = escape(", ".join(finding.what for finding in missing))
        console.print(f"[yellow]Not checked: {of}. Nothing that was looked at is wrong, which is no confirmation.[/]")
        sys.exit(EXIT_NOT_CHECKED)
    console.print("[green]What was checked again holds[/]; what was taken from the record stands beside it, unproven.")

"""The commands that work on stored evidence: judge, diff, replay, attest. Only replay runs an attack."""

import sys
from pathlib import Path

import click

from auditor.telling.console import say
from auditor.values import EXIT_NOT_PASSED

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
ALLOW_CODE = click.option(
    "--allow-code", is_flag=True, help="Run Python code that the checkpoint holds; only if you trust who made it."
)

ACCEPT_CHANGED = click.option(
    "--accept-changed", is_flag=True, help="Take records that differ from their manifest; every page then says so."
)


def lies_beside(folder: Path, ending: str) -> Path:
    """Where what is made of an audit's folder lies, unless told: beside it, never among another audit's files."""
    from auditor.records.store import PARTIAL

    whole = folder.resolve().parent
    if folder.resolve().name == PARTIAL and (whole / "run.json").exists():
        return whole.with_name(f"{whole.name}-{PARTIAL}{ending}")
    return folder.with_name(f"{folder.resolve().name}{ending}")


@click.command()
@click.argument("records", type=_FOLDER)
@click.option("--spec", "path", required=True, type=_FILE, help="The new spec.")
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for the judged records and their report (default: beside RECORDS, its name with -judged).",
)
@ACCEPT_CHANGED
def judge(records: Path, path: Path, output: Path | None, accept_changed: bool) -> None:
    """Judge stored evidence again, by another spec.

    RECORDS is an audit's folder, such as reports/mnist-cnn. Nothing is measured and no model is needed: thresholds,
    confidence and waivers of the new spec are applied to the evidence as it is. The report shows both verdicts and
    says under which spec each was given. Evidence that the new spec asks for and nobody measured is an error. Records
    that aren't as their manifest says are refused.

    \b
    Example:
      auditor judge reports/mnist-cnn --spec specs/stricter.audit.yaml
    """
    from auditor.evidence.rejudge import rejudge
    from auditor.exports.publishing import add_to_step_summary, exit_code, render_report
    from auditor.records.store import Folder
    from auditor.report.terminal import verdicts_before_and_now
    from auditor.spec import make_plan

    run = rejudge(Folder(records), make_plan(path, files=False), accept_changed)
    target = Folder(output or lies_beside(records, "-judged"))
    target.save_run(run)
    _, page = render_report(target)
    add_to_step_summary(run)
    verdicts_before_and_now(run)
    say(f"report: {page}")
    if code := exit_code([run]):
        sys.exit(code)


@click.command()
@click.argument("path", type=_FOLDER)
@click.option("--key", type=click.Path(dir_okay=False, path_type=Path), help="Ed25519 key, PEM.")
@click.option("--new-key", is_flag=True, help="Make the key first, and its public half beside it (.pub).")
@click.option("--keyless", is_flag=True, help="Sign with an identity that Sigstore vouches for; needs the network.")
@click.option("--url", default="", help="Where the run can be looked at; part of what is signed.")
def attest(path: Path, key: Path | None, new_key: bool, keyless: bool, url: str) -> None:
    """Sign what an audit found, for other tools to read.

    PATH is an audit's folder. Writes attestation.json there: an in-toto statement (test-result) of the checkpoint's
    digest, the spec's, and the manifest's, signed as a DSSE envelope. `auditor verify PATH --key KEY.pub` checks it. If
    the whole run passed, a Simple Verification Result lies beside it (attestation.svr.json), for policy engines.

    With --keyless there is no key to keep: Sigstore signs for whom the CI's token, or a login in the browser, says
    you are, and writes identity and digest into its public log, for good. That makes attestation.sigstore.json.

    \b
    Examples:
      auditor attest reports/mnist-cnn --key audit.pem --new-key
      auditor verify reports/mnist-cnn --key audit.pub
      auditor attest reports/mnist-cnn --keyless
      auditor verify reports/mnist-cnn --identity ada@example.org --issuer https://accounts.google.com
    """
    from auditor.evidence import attestation
    from auditor.evidence.keyless import attest as attest_keyless

    if keyless == (key is not None):
        raise click.UsageError("say either --key or --keyless")
    if key is None:
        if new_key:
            raise click.UsageError("--new-key makes the key that --key names")
        say(f"attestation: {attest_keyless(path, url)}")
        return
    if new_key:
        attestation.statement(path, url)  # what can't be attested leaves no key behind
        say(f"public key: {attestation.new_key(key)}")
    elif not key.exists():
        raise click.UsageError(f"there is no key {key}; --new-key makes one")
    say(f"attestation: {attestation.attest(path, key, url)}")


@click.command()
@click.argument("before", type=_FOLDER)
@click.argument("now", type=_FOLDER)
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The page to write (default: beside NOW, its name with -diff.html).",
)
def diff(before: Path, now: Path, output: Path | None) -> None:
    """Show two runs of an audit side by side.

    BEFORE and NOW are audits' folders, such as baseline/mnist-cnn and reports/mnist-cnn. The page shows verdicts that
    changed, each metric before and now with the interval of the paired difference, and images newly broken or fixed.
    Ends with 0 whatever the verdicts are.
    """
    from auditor.evidence.diff import diff as beside
    from auditor.records.store import Folder, write_text
    from auditor.report.html import render
    from auditor.report.terminal import verdicts_before_and_now

    run = beside(Folder(before), Folder(now))
    page = output or lies_beside(now, "-diff.html")
    write_text(page, render(run))
    verdicts_before_and_now(run)
    say(f"report: {page}")


@click.command()
@click.argument("path", type=_FOLDER)
@click.argument("case")
@click.option("--row", type=int, help="Row of the image in the data (default: the first that fooled the model).")
@click.option("--spec", type=_FILE, help="Where the spec is now, if it moved.")
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The page to write (default: beside PATH, its name with -replay.html).",
)
@ALLOW_CODE
def replay(path: Path, case: str, row: int | None, spec: Path | None, output: Path | None, allow_code: bool) -> None:
    """Run one finding again: the attack of a case on a single image.

    PATH is an audit's folder, CASE the id of an attack's case in it. The image starts where it started then, and the
    page shows it on its way. Ends with 1 if it doesn't come out as it did.

    \b
    Example:
      auditor replay reports/mnist-cnn holds-small-changes --row 3500
    """
    from auditor.evidence.replay import replay as again
    from auditor.records.store import Folder, write_text
    from auditor.report.html import render

    found = again(Folder(path), case, row, spec, allow_code)
    page = output or lies_beside(path, "-replay.html")
    write_text(page, render(found.run))
    then, now = ("fooled the model" if fooled else "did not fool the model" for fooled in found.fooled)
    say(f"{case}, row {found.row}: {then} then, {now} now ({found.seconds:.1f} s)")
    say(f"the two images differ by at most {found.apart:.2g} in any pixel")
    say(f"report: {page}")
    if found.fooled[0] != found.fooled[1]:
        sys.exit(EXIT_NOT_PASSED)

"""The `auditor` command. Exit codes: 0 no case that ran did badly, 1 some did, 2 the spec or set-up is wrong."""

import sys
from collections.abc import Iterable
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import auditor
from auditor.cli import (
    cache,
    doctor,
    evidence,
    explaining,
    extensions,
    figures,
    handing_on,
    reporting,
    starting,
    verification,
)
from auditor.starting.templates import QUALIFICATION
from auditor.telling.console import Console, prepare, say
from auditor.telling.remarks import lenient
from auditor.values import EXIT_NOT_MEASURED, EXIT_NOT_PASSED, EXIT_WRONG, AuditError

if TYPE_CHECKING:
    import pytest

    from auditor.values import Run


class _Teaching(click.Group):
    """A group whose commands turn explainable errors into one red line and exit code 2."""

    def invoke(self, context: click.Context) -> Any:
        prepare(sys.stdout, sys.stderr)
        try:
            with lenient():
                return super().invoke(context)
        except AuditError as error:
            say(str(error), "red", err=True)
            context.exit(EXIT_WRONG)


@click.group(cls=_Teaching, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(auditor.__version__, prog_name="auditor")
def main() -> None:
    """Decide whether a trained classifier may be released.

    Specs (*.audit.yaml) say what a release must prove; `auditor run` measures it on real checkpoints and
    renders an HTML report. Specs are pytest items too: `pytest specs` works on them, with all its options.

    \b
    Start here:
      auditor init model.keras photos   write a first spec for a model
      auditor doctor              what is installed, and what is missing for which format
      auditor checks              what can be measured
      auditor checks digit_flip   one check: why, how to read it, its parameters and metrics
      auditor attacks | formats | datasets   what attacks, opens and gives images
      auditor validate specs      every mistake in your specs, with its place
      auditor run specs           run them all
      auditor qualify specs       run those that show whether the auditor itself can be trusted
    """


@main.command(context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[PATH]... [PYTEST OPTIONS]...")
@click.option(
    "--exit-zero",
    is_flag=True,
    help="End with 0 in place of 1: an audit that was carried out is all right, whatever it found.",
)
def run(arguments: tuple[str, ...], exit_zero: bool) -> None:
    """Run specs and render their reports.

    PATH is a spec, a folder of specs (default: the current one), or SPEC::CASE. All pytest options work:
    -k and -m choose cases, -n 2 uses two processes, --junitxml writes JUnit, --audit-report DIR says where
    reports land, --audit-inconclusive=warn lets inconclusive verdicts through, --audit-allow-code runs Python code
    that checkpoints hold.

    \b
    Ends with:
      0   every case that was chosen passed, is waived, or is descriptive
      1   a gate isn't met: a case failed, or was inconclusive
      2   a spec or an option is wrong, or no case was chosen; all specs that could run did
      4   a case couldn't be measured or was cut off, or a report couldn't be written

    \b
    Examples:
      auditor run specs
      auditor run specs/cnn.audit.yaml::clean-accuracy
      auditor run specs -k "transfer or flip" --audit-report /tmp/reports
    """
    code, _ = _run_cases(arguments, "No cases: there is no *.audit.yaml here, or none was chosen.")
    if code == EXIT_NOT_PASSED and exit_zero:
        say("Some gates aren't met; the audit was carried out, so this ends with 0 (--exit-zero).")
        return
    sys.exit(code)


_NO_QUALIFICATION = f"""\
No case of the check `qualification` here, or none was chosen. Add one to a spec, on a network that is known to fall
within `eps`, such as any that was trained without a defence:

{QUALIFICATION}
`auditor checks qualification` explains it."""


@main.command(context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[PATH]... [PYTEST OPTIONS]...")
def qualify(arguments: tuple[str, ...]) -> None:
    """Show whether the auditor itself can be trusted: run the `qualification` cases of specs.

    Each takes a network that is known to fall, and puts it behind disguises that only look robust: scores that lead
    astray, a gradient cut off, random answers, a memory of the audit, another network in large batches. Every one of
    these decoys claims to be robust. What counts is that no claim passes, which is shown by kind of decoy, and that no
    honest model is doubted. Ends with 0 only if all cases pass, else as `auditor run` does.

    PATH is a spec, a folder of specs (default: the current one), or SPEC::CASE. Pytest's options work as in
    `auditor run`, but for -m, which chooses these cases already.

    \b
    Examples:
      auditor qualify specs
      auditor qualify specs/qualification.audit.yaml --audit-report /tmp/reports
      auditor checks qualification      how to write such a case
    """

    from auditor.report.terminal import evidence_tables

    if any(argument.startswith("-m") for argument in arguments):
        raise click.UsageError("-m is taken: it chooses the cases of `qualification`; choose among them by -k")
    code, runs = _run_cases([*arguments, "-m", "audit(check='qualification')"], _NO_QUALIFICATION)
    console = Console()
    for record in (record for run in runs for record in run.records.values()):
        console.print(f"\n[bold]{record.audit} › {record.case}[/bold]: {record.verdict.status}\n")
        for table in evidence_tables(record, ("outcome", "model", "verdict", "why")):
            console.print(table, "")
    sys.exit(code)


def _run_cases(arguments: Iterable[str], none_found: str) -> tuple[int, "tuple[Run, ...]"]:
    """Run cases through pytest; gives our exit code and the audits that ran. none_found: what to say then."""
    import pytest

    witness = _Witness()
    # Without `testpaths`, which names the folders of a project's tests, no path means the current folder.
    # A spec with a mistake is an error, and no reason to know nothing of the others.
    ours = ["-v", "--tb=short", "--no-header", "-W", "ignore::UserWarning", "-o", "testpaths="]
    # Why a case failed is told where it did, and the verdict table has a line of it as pytest's own list would.
    ours += ["--continue-on-collection-errors", "-rN"]
    code = pytest.main([*ours, *arguments], plugins=[witness])
    if code == pytest.ExitCode.NO_TESTS_COLLECTED:
        say(none_found, "red", err=True)
    return _ours(pytest.ExitCode(code), witness), witness.runs


def _ours(code: "pytest.ExitCode", witness: "_Witness") -> int:
    """Our exit code of a session."""
    from auditor.exports.publishing import exit_code

    if code == code.OK:
        return 0
    if code == code.TESTS_FAILED:  # tests that are no cases may have failed
        return exit_code(witness.runs) or EXIT_NOT_PASSED
    return EXIT_NOT_MEASURED if code == code.INTERNAL_ERROR or witness.interrupted else EXIT_WRONG


class _Witness:
    """A pytest plugin that keeps the audits a session has rendered."""

    def __init__(self) -> None:
        self.runs: tuple[Run, ...] = ()
        self.interrupted = False

    def pytest_keyboard_interrupt(self) -> None:
        """Somebody stopped it, which is no mistake of a spec."""
        self.interrupted = True

    def pytest_unconfigure(self, config: "pytest.Config") -> None:
        """Take them before the session's state goes."""
        from auditor.plugin.state import STATE

        state = config.stash.get(STATE, None)  # an option that is refused leaves none
        self.runs = tuple(run for run, _ in state.rendered) if state else ()


@main.command()
@click.argument("paths", nargs=-1, type=click.Path(exists=True, path_type=Path))
@click.option("--strict", is_flag=True, help="Warnings count as mistakes.")
def validate(paths: tuple[Path, ...], strict: bool) -> None:
    """Check specs without running them.

    PATHS are specs or folders (default: the current one). Every mistake is printed as file:line:column. So is what
    makes a claim weak: expectations that so few samples can't settle, threat models that a weak attack, or one that is
    fooled, would pass, gates that nothing could violate, and titles that say more than their gates.
    """
    from auditor.spec import make_plan
    from auditor.values import SpecError

    wrong = 0
    for path in _specs(paths):
        try:
            planned = make_plan(path)
        except SpecError as error:
            wrong += 1
            say(str(error), "red", err=True)
            continue
        for problem in planned.warnings:
            place = f"{problem.file}:{problem.line}:{problem.column}"
            say(f"{place}: warning: {problem.message}", "yellow", err=True)
        expected = sum(len(case.expectations) for case in planned.cases)
        weak = len(planned.warnings)
        told = f", {weak} {'warning' if weak == 1 else 'warnings'}" if weak else ""
        say(f"{path}: {len(planned.cases)} checks, {expected} expectations{told}")
        wrong += strict and bool(planned.warnings)
    if wrong:
        sys.exit(EXIT_WRONG)


def _specs(paths: Iterable[Path]) -> list[Path]:
    """The specs among files and folders; ends with 2 if there is none."""
    from auditor.spec import SUFFIX

    found = [
        spec for path in paths or (Path(),) for spec in (sorted(path.rglob(f"*{SUFFIX}")) if path.is_dir() else [path])
    ]
    if not found:
        say("No *.audit.yaml found.", "red", err=True)
        sys.exit(EXIT_WRONG)
    return found


@main.command()
@click.argument("paths", nargs=-1, type=click.Path(exists=True, path_type=Path))
@click.option("--calibrate", is_flag=True, help="Load each model whose speed isn't known, and time it: some seconds.")
@cache.FOLDER
def plan(paths: tuple[Path, ...], calibrate: bool, folder: Path) -> None:
    """Show what would run, in which order, what it takes, and what its gates can show.

    PATHS are specs or folders (default: the current one). Of every case: whether its result is cached, else how long
    it took the last time, else how long it takes at most, by what passes through its model and how fast that is.
    Attacks leave an image as soon as they can, so most end long before that. No model is loaded, and no connection
    opened, unless a calibration is asked for; what it finds is kept in the cache. Of every expectation on a share or a
    median: the most samples it can have, and how many it takes at least for it to pass.

    \b
    Examples:
      auditor plan specs                         at once, from what is kept
      auditor plan specs --calibrate             time the models first
      pytest specs --audit-budget 5m             run what fits, by `priority`
    """
    from rich.markup import escape

    from auditor.cli.forecast import print_outlook, print_plan
    from auditor.loading.resources import Resources
    from auditor.run.cache import Cache
    from auditor.run.estimate import outlook
    from auditor.spec import make_plan

    console, progress = Console(), Console(stderr=True)
    resources, cache = Resources(cache=folder), Cache(folder)
    for path in _specs(paths):
        planned = make_plan(path)
        with progress.status(f"calibrating the models of {planned.audit}") if calibrate else nullcontext():
            found = outlook(planned, resources, cache, calibrate)
        console.print(f"[bold]{escape(planned.spec.content.title or planned.audit)}[/bold]  ({escape(str(path))})")
        print_plan(planned, found, console)
        print_outlook(found, console)


@main.command()
@click.argument("of", type=click.Choice(["spec", "results"]), default="spec")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="Write to a file instead.")
def schema(of: str, output: Path | None) -> None:
    """Print a JSON Schema.

    \b
    spec      of *.audit.yaml (default), for editors to complete and explain specs
    results   of results.json, for programs that read it
    """
    from auditor.exports.results_schema import schema_text
    from auditor.records.store import write_text
    from auditor.spec.schema import text

    made = text() if of == "spec" else schema_text()
    if output is None:
        say(made.removesuffix("\n"))
    else:
        write_text(output, made)
        say(output)


for command in (
    starting.init,
    reporting.report,
    explaining.explain,
    doctor.doctor,
    doctor.completion,
    evidence.judge,
    evidence.diff,
    verification.verify,
    evidence.replay,
    evidence.attest,
    handing_on.diff_spec,
    handing_on.model_index,
    extensions.checks,
    extensions.attacks,
    extensions.formats,
    extensions.datasets,
    figures.figures,
    cache.cache,
):
    main.add_command(command)

"""`auditor init`: from a model's file and a folder of images, or from a template, to a first spec."""

import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path, PurePath

import click

from auditor.starting.templates import TEMPLATES
from auditor.telling.console import say
from auditor.telling.numbers import percent

_PATH = click.Path(path_type=Path)


@click.command()
@click.argument("model", required=False)
@click.argument("data", type=_PATH, required=False)
@click.option("--template", type=click.Choice(list(TEMPLATES)), help="Without a model: begin with this spec.")
@click.option("--yes", is_flag=True, help="Take the likely answer to every question, and say which.")
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The spec [default: MODEL.audit.yaml, or that of the template].",
)
@click.option(
    "--ci", type=click.Choice(["github", "gitlab", "jenkins"]), help="Write what this build server runs, too."
)
@click.option("--force", is_flag=True, help="Write over files that are there.")
@click.option("--audit-allow-code", "allow_code", is_flag=True, help="Run code that the checkpoint holds.")
def init(
    model: str | None,
    data: Path | None,
    template: str | None,
    yes: bool,
    output: Path | None,
    ci: str | None,
    force: bool,
    allow_code: bool,
) -> None:
    """Write a first spec for a model.

    MODEL is a file (.keras, .h5, .onnx, .tflite, .pt, .pt2, .meta, .pb, model.json), a SavedModel's folder, or the
    address of a served model (http://HOST:8501/v1/models/NAME, or /v2/models/NAME), DATA a folder with a folder of
    images for every class, or an .npz, .csv or .parquet file; without it, a network that takes 28 × 28 grey images is
    measured on MNIST. The model is scanned and loaded in another process first. What it takes and gives is looked at,
    what can't be known is asked; its accuracy is measured, and gates are written that so many images can settle.

    Without a model, --template writes a whole spec in which names and thresholds are yours to change:

    \b
      minimal     one gate: how often the model is right
      release     accuracy, calibration, attacks, the world, a harmless file
      attack      what an attacker can do, and whether the auditor would notice
      world       corruptions, turned images, nonsense; no attacker
      successor   a new model beside the one before it

    \b
    Examples:
      auditor init model.keras photos
      auditor init model.onnx photos --yes --ci github
      auditor init http://localhost:8501/v1/models/digits data.npz
      auditor init --template release
    """
    from auditor.records.commit import repository
    from auditor.records.store import write_text
    from auditor.spec import make_plan
    from auditor.starting import formats, pipelines
    from auditor.starting.installed import installed_from
    from auditor.starting.looking import look
    from auditor.starting.writing import audit_name, spec_text

    if model and template:
        raise click.UsageError("--template is for where there is no model yet; leave one of them out")
    named = template or (audit_name(PurePath(formats.name_of(model))) if model else "")
    if not named:
        raise click.UsageError(f"name a model's file, or a template: --template {'|'.join(TEMPLATES)}")
    spec = output or Path(f"{named}.audit.yaml")
    pipeline = pipelines.PIPELINES[ci] if ci else None
    wanted = [spec, *([Path(pipeline.path)] if pipeline else [])]
    there = [str(path) for path in wanted if path.exists()]
    root = repository(Path.cwd())
    if pipeline and root and root != Path.cwd().resolve():
        raise click.UsageError(
            f"{pipeline.path} is read at the top of a repository alone: run this in {root}, with paths from there"
        )
    if pipeline:
        _reached(spec, pipelines.is_plain)
    if there and not force:
        raise click.UsageError(f"{' and '.join(there)} exists; --output names another file, --force writes over it")

    def ask(question: str, likely: str, allowed: Sequence[str]) -> str:
        if yes or not sys.stdin.isatty():
            say(f"  {question}? {likely} (assumed)", "yellow")
            return likely
        choice = click.Choice(list(allowed)) if allowed else None
        answer: str = click.prompt(f"  {question}?", default=likely, type=choice)
        return answer

    if model is None:
        write_text(spec, TEMPLATES[named].text(audit_name(spec)))
    else:
        found = look(model, data, ask, lambda told: say(f"  {told}"), allow_code)
        for note in found.notes:
            say(f"  ! {note}", "yellow")
        right = found.accuracy
        say(f"  {right.successes} of {right.n} images are right: {percent(right.value)}")
        if found.doubt:
            say(f"  ! {found.doubt}", "yellow")
        write_text(spec, spec_text(found, spec))
    planned = make_plan(spec, files=model is not None)
    say(f"{spec}: {len(planned.cases)} checks, {sum(len(case.expectations) for case in planned.cases)} gates", "green")
    if pipeline:
        source = installed_from()
        write_text(Path(pipeline.path), pipeline.filled(source, _below(spec)))
        say(f"{pipeline.path}: installs {source.asked}", "green")
        if source.note:
            say(f"  ! {source.note} {pipeline.where}", "yellow")
    added = _ignored(Path(".gitignore"), pipelines.IGNORED) if root else []
    if added:
        say(f".gitignore: {', '.join(added)}", "green")
    first = f"change what is in CAPITALS in {spec}, then " if template else ""
    say(f"\nNext: {first}auditor run {shlex.quote(str(spec))}")


def _below(spec: Path) -> str:
    """A spec's path from here, as all systems write it."""
    return spec.resolve().relative_to(Path.cwd().resolve()).as_posix()


def _reached(spec: Path, plain: Callable[[str], bool]) -> None:
    """Refuse a spec that a build server wouldn't find by what is written into its file."""
    try:
        named = _below(spec)
    except ValueError:
        raise click.UsageError(f"{spec} lies outside of {Path.cwd()}, which is all that a build server has") from None
    if not plain(named):
        allowed = "letters, digits, spaces and . / @ % + , = _ -"
        raise click.UsageError(f"a build server's file takes {allowed} in a path, which {named!r} isn't made of alone")


def _ignored(path: Path, lines: Sequence[str]) -> list[str]:
    """Add what git isn't to keep; give the lines that were missing."""
    there = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    missing = [line for line in lines if line not in there]
    if missing:
        path.write_text("\n".join([*there, *missing]) + "\n", encoding="utf-8")
    return missing

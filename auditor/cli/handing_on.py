"""What is handed to reviewers and registries: `auditor diff-spec`, and `auditor model-index`."""

import sys
from pathlib import Path

import click

from auditor.telling.console import Console, say
from auditor.values import EXIT_NOT_PASSED

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_COLOURS = {"looser": "bold red", "removed": "bold red", "stricter": "green", "added": "green"}


@click.command("diff-spec")
@click.argument("old", type=_FILE)
@click.argument("new", type=_FILE)
def diff_spec(old: Path, new: Path) -> None:
    """Show which gates two versions of a spec loosen, remove, tighten or add, and by how much.

    OLD and NEW are specs. No model and no data is needed. Ends with 1 if some gate is looser or gone, so that a pull
    request can ask for another reviewer then.

    \b
    Example:
      git show main:specs/cnn.audit.yaml > /tmp/old.audit.yaml
      auditor diff-spec /tmp/old.audit.yaml specs/cnn.audit.yaml
    """
    from rich.markup import escape

    from auditor.judging import asked, gates_changed
    from auditor.run.runner import new_run
    from auditor.spec import make_plan

    plans = [make_plan(path, files=False) for path in (old, new)]
    before, now = (asked(new_run(plan, "", [case.id for case in plan.cases])) for plan in plans)
    console, less = Console(soft_wrap=True), False
    for case, how, said in gates_changed(before, now):
        console.print(f"[{_COLOURS[how]}]{how}[/] {escape(case)}: {escape(said)}")
        less = less or how in ("looser", "removed")
    waived = [{waiver.case for waiver in plan.spec.content.waivers} for plan in plans]
    for case in sorted(waived[1] - waived[0]):
        console.print(f"[bold red]waived[/] {escape(case)}: the new spec waives it, and the old one doesn't")
        less = True
    if not less:
        console.print("No gate is looser.")
        return
    sys.exit(EXIT_NOT_PASSED)


@click.command("model-index")
@click.argument("path", type=click.Path(exists=True, file_okay=False, path_type=Path))
def model_index(path: Path) -> None:
    """Print what an audit found as `model-index`, for the head of a model card on the Hugging Face Hub.

    PATH is an audit's folder. Every metric has its interval, its confidence and its n beside it.

    \b
    Example:
      auditor model-index reports/mnist-cnn
    """
    from auditor.exports.model_index import render
    from auditor.records import manifest
    from auditor.records.store import Folder

    manifest.check_sealed(path)
    say(render(Folder(path).load_run(arrays=False)).removesuffix("\n"))

"""A plan on a terminal: its cases in running order, what each will take, and what its gates can show."""

from rich.markup import escape

from auditor.measuring import several
from auditor.report import text
from auditor.run.estimate import Estimate, Outlook
from auditor.spec import Case, Plan
from auditor.telling.console import Console
from auditor.values import Expectation, Passes


def print_plan(plan: Plan, outlook: Outlook, console: Console) -> None:
    """Print the cases in running order, each with what it takes, its gates, and what makes its claim weak."""
    for case in plan.cases:
        after = f"  [dim]after {', '.join(case.needs)}[/]" if case.needs else ""
        tags = "".join(f" #{tag}" for tag in case.tags) + (f" priority {case.priority}" if case.priority else "")
        console.print(f"  [bold]{case.id}[/]  {case.check} of {case.model}[cyan]{tags}[/]{after}")
        console.print(f"      {escape(_takes(outlook.cases[case.id]))}", style="dim")
        for expectation in case.expectations:
            console.print(f"      {expectation}  [dim]{_samples(case, expectation)}[/]")
        for problem in case.warnings:
            console.print(f"      line {problem.line}: {problem.message}", style="yellow", markup=False)


def _takes(estimate: Estimate) -> str:
    """What a case takes, in words."""
    seconds = "" if estimate.seconds is None else text.seconds(estimate.seconds)
    said = {
        "cached": "cached",
        "last time": f"{seconds} the last time ({text.moment(estimate.note)})",
        "at most": f"{seconds} at most",
        "unknown": f"time unknown: {estimate.note}",
    }[estimate.basis]
    return f"{said}{_passes(estimate.passes)}" if estimate.passes else said


def _passes(passes: Passes) -> str:
    counted = ((passes.gradients, "gradient"), (passes.predictions, "prediction"))
    told = [f"{count:,} {name}{'s' if count > 1 else ''}" for count, name in counted if count]
    return f", by up to {' and '.join(told)}" if told else ""


def print_outlook(outlook: Outlook, console: Console) -> None:
    """Print what it all takes together, in one process, and what isn't known."""
    bases = [case.basis for case in outlook.cases.values()]
    parts = [several(len(bases), "case")]
    if "cached" in bases:
        parts.append(f"{bases.count('cached')} cached")
    if "last time" in bases:
        parts.append(f"{text.seconds(outlook.seconds('last time'))} the last time for {bases.count('last time')}")
    if "at most" in bases:
        parts.append(f"{text.seconds(outlook.seconds('at most'))} at most for {bases.count('at most')}")
    if "unknown" in bases:
        parts.append(f"unknown for {bases.count('unknown')}")
    console.print(f"  {'; '.join(parts)}.", markup=False)
    if outlook.speeds:
        loads = sum(speed.load for speed in outlook.speeds.values())
        memory = f"{outlook.memory / 1e9:.1f} GB of memory"
        models = "the model" if len(outlook.speeds) == 1 else f"the {len(outlook.speeds)} models"
        console.print(
            f"  Loading {models} takes {text.seconds(loads)}; one process needs about {memory}.", markup=False
        )
    for name, why in outlook.unknown.items():
        console.print(f"  {name}: {why}", style="yellow", markup=False)
    console.print()


def _samples(case: Case, expectation: Expectation) -> str:
    """What is known of the samples behind an expectation."""
    bounds = ("max_drop", "max_rise") if expectation.versus_baseline else ("min", "max")
    gates = [gate for gate in case.gates if gate.metric == expectation.metric and gate.bound in bounds]
    most = next((f"up to {gate.most} samples" for gate in gates if gate.most is not None), "")
    needed = [gate.needed for gate in gates if gate.needed is not None]
    return ", ".join(part for part in (most, f"{max(needed)} needed at least" if needed else "") if part)

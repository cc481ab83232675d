"""Run a check and hold what it found against the checkpoint: what no check can forget, since none does it itself."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType

import numpy as np

from auditor import catalog
from auditor.classifiers import disputed, innermost, misread, own_errors
from auditor.measuring import (
    SHOWN,
    UNTRAINED,
    Suited,
    alike_in_batches,
    alike_off_the_grid,
    by_groups,
    caveats,
    cost_alike,
    cost_remembered,
    cost_steady,
    cost_suited,
    first_answers,
    lent,
    moved,
    once,
    one_class,
    remembered,
    settled,
    suited,
    with_weakest,
)
from auditor.values import (
    CheckError,
    Classifier,
    Context,
    Diagnostic,
    Evidence,
    FloatArray,
    Parameters,
    Passes,
    Slice,
    in_clusters,
)


def cost_of(check: str, params: Parameters, images: int, class_count: int, models: int = 1) -> Passes | None:
    """What a check takes at most, as `catalog.cost_of`, and what is added here for all of so many models."""
    own = catalog.cost_of(check, params, images, class_count)
    if own is None or own == Passes():
        return own
    total = own + (cost_steady(images) + cost_suited(images) + cost_alike(images)) * models
    total += cost_remembered(params, images, class_count)
    if catalog.makes_images(check):
        given = params.model_dump()
        made = max(given.get("samples", images), len(given.get("indices") or ()))
        total += Passes(predictions=2 * made * (class_count if given.get("target") == "all" else 1))
    return total


def measured(
    check: str, context: Context, params: Parameters, slices: Sequence[Slice] = (), weak: int | None = None
) -> Evidence:
    """Run a check, and add whether the models that it asked answer steadily and suit the data, and metrics of groups.

    weak: how many images the weakest group must have, where one is searched for. Raises what the check does, and
    CheckError for slices that make no groups, and where there is none to search.
    """
    asked: dict[str, Classifier] = {}
    first: dict[str, FloatArray] = {}
    shown = _shown(context)

    def model(name: str) -> Classifier:
        if name not in asked:
            asked[name] = context.model(name)
            first[name] = _first(asked[name], shown, context)
        return asked[name]

    with own_errors(), in_clusters(context.samples.clusters):
        evidence: Evidence = catalog.load("checks", check).run(dataclasses.replace(context, model=model), params)
        found, notes = of_models(asked, context, first)
        found += remembered(context, params, evidence.adversarial)
        if context.model_name in asked and _follows(check, context, params, asked[context.model_name].class_count):
            doubt = lent(asked[context.model_name], shown, evidence)
            found += (doubt,) if doubt else ()
    if asked:
        found = (*found, *one_class(context.samples, evidence.metrics))
        told = tuple(caveats(context.samples, evidence.metrics))
        evidence = dataclasses.replace(evidence, caveats=(*told, *evidence.caveats))
    tests, made = (*found, *evidence.diagnostics), evidence.adversarial
    if made is not None:
        made = dataclasses.replace(made, doubts=tuple(test.name for test in tests if not test.ok))
    whole = dataclasses.replace(evidence, diagnostics=tests, notes=(*notes, *evidence.notes), adversarial=made)
    promised = catalog.metrics_of(check)
    grouped = by_groups(whole, context.samples, slices, promised)
    return with_weakest(grouped, context.samples, slices, weak, context.seed, promised)


def _follows(check: str, context: Context, params: Parameters, class_count: int) -> bool:
    """Whether a check follows gradients, as far as it says what it takes."""
    cost = catalog.cost_of(check, params, len(context.samples), class_count)
    return cost.gradients > 0 if cost else catalog.makes_images(check)


def _shown(context: Context) -> FloatArray:
    """The images that all models of a case are asked about."""
    return context.samples.images[context.sample(SHOWN)]


def of_models(
    asked: Mapping[str, Classifier], context: Context, first: Mapping[str, FloatArray] = MappingProxyType({})
) -> tuple[tuple[Diagnostic, ...], tuple[str, ...]]:
    """Whether models, by name, answer steadily and suit the data: tell-tale tests and notes.

    first: what each answered before it was measured, where it was asked. Whether they answer as they did then is asked
    after every case; all else is of the model and the data alone, and asked once.
    """
    shown = _shown(context)

    def several(name: str) -> str:
        return name if len(asked) > 1 else ""

    found = _worst([settled(one, several(name), name in context.random) for name, one in asked.items()])
    before = {name: first.get(name, _first(one, shown, context)) for name, one in asked.items()}
    found += _worst([_steady(one, shown, context, before[name], several(name)) for name, one in asked.items()])
    found += _worst([_off_the_grid(one, shown, context, several(name)) for name, one in asked.items()])
    fitting = {name: suited(one, context, several(name)) for name, one in asked.items()}
    unsuited = [diagnostic for one in fitting.values() for diagnostic in one.diagnostics if not diagnostic.ok]
    found += unsuited or list(next(iter(fitting.values())).diagnostics if fitting else ())
    found += _untrained(fitting, context.model_name)
    opened = [innermost(one) for one in asked.values()]
    notes = [one.note for one in opened if one and one.note]
    return tuple(found), tuple(dict.fromkeys((*notes, *(note for one in fitting.values() for note in one.notes))))


def _first(classifier: Classifier, shown: FloatArray, context: Context) -> FloatArray:
    """What a model answered when it was first asked: the later cases have longer to find that it answers otherwise."""
    what = ("first answers", context.spec_seed)
    return once(what, classifier, context.samples, lambda: first_answers(classifier, shown))


def _steady(classifier: Classifier, shown: FloatArray, context: Context, first: FloatArray, called: str) -> Diagnostic:
    changed = moved(classifier, shown, first, called)
    what, seed = ("batches", called, context.spec_seed), context.spec_seed
    return changed or once(
        what, classifier, context.samples, lambda: alike_in_batches(classifier, shown, first, called, seed)
    )


def _off_the_grid(classifier: Classifier, shown: FloatArray, context: Context, called: str) -> Diagnostic:
    what = ("grid", called, context.spec_seed)
    return once(what, classifier, context.samples, lambda: alike_off_the_grid(classifier, shown, context, called))


def _untrained(fitting: Mapping[str, Suited], own: str) -> Iterator[Diagnostic]:
    """Other models that only guess: what they don't read, or aren't fooled by, says nothing."""
    for name, one in fitting.items():
        if name != own and one.guesses:
            told = "what it can't read, or isn't fooled by, shows nothing"
            yield Diagnostic(UNTRAINED, False, f"{name!r} is no better than chance on the data, so that {told}")


def _worst(found: Sequence[Diagnostic]) -> list[Diagnostic]:
    """Of one model, what was found; of several, the first of which it isn't ok, or that it is of all."""
    return sorted(found, key=lambda diagnostic: diagnostic.ok)[:1]


def confirmed(
    check: str,
    context: Context,
    params: Parameters,
    take_as_given: Callable[[], bool],
    slices: Sequence[Slice] = (),
    weak: int | None = None,
) -> Evidence:
    """Run a check, and let the checkpoint's own call judge the images that it made.

    Where it says otherwise than the record, the output is taken as it is given and all is measured once more.
    take_as_given: does the former, and says whether anything had been taken off. Raises CheckError where the
    checkpoint still disagrees.
    """
    evidence, told = _judged_by_own_call(measured(check, context, params, slices, weak), context)
    if told and take_as_given():
        evidence, told = _judged_by_own_call(measured(check, context, params, slices, weak), context)
    if told:
        doubts = [diagnostic.message for diagnostic in evidence.diagnostics if not diagnostic.ok]
        why = f" Its predictions aren't to be relied on: {doubts[0]}." if doubts else ""
        raise CheckError(f"a plain call of the checkpoint disagrees with what was recorded: {told}.{why}")
    return evidence


def _judged_by_own_call(evidence: Evidence, context: Context) -> tuple[Evidence, str]:
    """The evidence with the checkpoint's own answers as proof of the images that a case made, and how these differ
    from what is recorded of them, or nothing.
    """
    made = evidence.adversarial
    if made is None or not len(made.images):
        return evidence, ""
    classifier = context.model(made.model)
    after = classifier.answers(made.images)
    wrong = disputed(after, classifier.output, made)
    parts = []
    if wrong.any():
        fooled = int((wrong & made.fooled).sum())
        parts.append(f"of {int(made.fooled.sum())} images that fooled it {fooled} don't")
        parts += [f"{int(wrong.sum()) - fooled} that didn't do"] if fooled < wrong.sum() else []
    if made.proof is not None:
        before = classifier.answers(made.originals)
        other = int(misread(before, np.asarray(made.proof.before)).sum())
        parts += [f"of {len(before)} originals it puts {other} into another class"] if other else []
        made = dataclasses.replace(made, proof=dataclasses.replace(made.proof, before=before, after=after))
    return dataclasses.replace(evidence, adversarial=made), "; ".join(parts)

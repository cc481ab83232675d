"""`Spec` to `Case`s: every name resolved, every parameter validated, sources before those that need them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from auditor import catalog
from auditor.compute import case_seed
from auditor.spec import claims
from auditor.spec.answering import accountability_of, purpose_of, remarks_on
from auditor.spec.demands import check_metrics, expectations_of, sliced
from auditor.spec.document import CheckEntry, Spec, WaiverEntry, read_spec
from auditor.spec.foresight import Gate, class_mistakes, class_remarks, cluster_remarks, gates_of, precision_mistakes
from auditor.spec.marked import Location
from auditor.spec.ordering import check_needs, in_order
from auditor.spec.resolving import Source, others_of, params_of, resized_twice, source_of, twins_of, unchecked
from auditor.values import (
    CONTROLS,
    Accountability,
    Expectation,
    NoGradient,
    Parameters,
    Preview,
    Problem,
    Purpose,
    Remark,
    Slice,
    SpecError,
    Waiver,
    one_of,
    references,
    whole,
)


@dataclass(frozen=True)
class Case:
    """One check of one spec with its parameters: one pytest item.

    line: where it stands in the spec, from 1. needs: ids of the cases whose images it takes. warnings: what makes
    its claim weak. tags: words it can be chosen by. priority: higher ones run first where not all can. caveats: those
    warnings that belong in the line of its verdict. purpose: why it is there. slices: what groups its metrics are also
    given for. weak_segments: how many images the weakest group must have at least, where one is searched for. twins:
    models that lend their gradients to those it measures.
    """

    id: str
    check: str
    title: str
    model: str
    params: Parameters
    expectations: tuple[Expectation, ...]
    confidence: float
    seed: int
    line: int
    needs: tuple[str, ...]
    waiver: Waiver | None
    controls: tuple[str, ...]
    gates: tuple[Gate, ...]
    warnings: tuple[Problem, ...]
    tags: tuple[str, ...] = ()
    priority: int = 0
    caveats: tuple[str, ...] = ()
    purpose: Purpose = field(default_factory=Purpose)
    slices: tuple[Slice, ...] = ()
    weak_segments: int | None = None
    twins: tuple[str, ...] = ()

    @property
    def asked(self) -> Mapping[str, Any]:
        """What it is asked to measure: the parameters of its check, and of which groups, where there are any."""
        found = self.params.model_dump(mode="json")
        if self.slices:
            found["slices"] = list(map(str, self.slices))
        if self.weak_segments is not None:
            found["weak_segments"] = self.weak_segments
        return found

    @property
    def models(self) -> tuple[str, ...]:
        """The models it needs: its own, those that its parameters name, and those that lend them gradients."""
        named = (reference.name for reference in references(self.params) if reference.to == "model")
        return tuple(dict.fromkeys((self.model, *named, *self.twins)))

    @property
    def others(self) -> tuple[str, ...]:
        """The further data that its parameters name."""
        named = (reference.name for reference in references(self.params) if reference.to == "data")
        return tuple(dict.fromkeys(named))

    @property
    def uncertain(self) -> frozenset[Expectation]:
        """The expectations that chance can make pass."""
        promised = catalog.metrics_of(self.check)
        about = {e.metric: catalog.describe(e.metric, promised) for e in self.expectations}
        return frozenset(claims.uncertain(self.expectations, about))


@dataclass(frozen=True)
class Plan:
    """A whole spec, ready to run. cases: in running order. remarks: what weakens all. others: further data by name.

    accountability: what the system is for, and who answers for it.
    """

    spec: Spec
    models: Mapping[str, Source]
    data: Source
    cases: tuple[Case, ...]
    remarks: tuple[Problem, ...] = ()
    others: Mapping[str, Source] = field(default_factory=dict)
    accountability: Accountability = field(default_factory=Accountability)

    @property
    def audit(self) -> str:
        """The audit's name."""
        return self.spec.content.audit

    @property
    def show_channels(self) -> tuple[int, ...]:
        """The channels of images that are shown as red, green and blue, if the spec says so."""
        return tuple(getattr(self.data.params, "show_channels", None) or ())

    def twin_of(self, model: str) -> str:
        """The model whose gradients lead attacks on a model, or nothing."""
        return getattr(self.models[model].params, "gradients", None) or ""

    @property
    def random(self) -> frozenset[str]:
        """Names of the models that the spec declares as random."""
        return frozenset(name for name, source in self.models.items() if source.safeguards.random)

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """What makes claims of this spec weak, in the order of its lines."""
        return tuple(sorted((*self.remarks, *(problem for case in self.cases for problem in case.warnings))))

    def case(self, case_id: str) -> Case:
        """Return the case with this id."""
        return self._by_id[case_id]

    @cached_property
    def _by_id(self) -> Mapping[str, Case]:
        return {case.id: case for case in self.cases}

    def closure(self, case_ids: set[str]) -> tuple[Case, ...]:
        """The cases named and all they need, in running order."""
        wanted = set(case_ids)
        for case in reversed(self.cases):
            if case.id in wanted:
                wanted.update(case.needs)
        return tuple(case for case in self.cases if case.id in wanted)

    @cached_property
    def hypotheses(self) -> int:
        """How many expectations share one confidence: all whose outcome is uncertain, or 0 without a correction."""
        if self.spec.content.correction == "none":
            return 0
        return sum(len(case.uncertain) for case in self.cases)

    @cached_property
    def groups(self) -> Mapping[str, str]:
        """A name by case id, the same for cases of one model, and for those that take each other's images."""
        groups = {case.id: f"{self.audit}:{case.model}" for case in self.cases}
        for case in self.cases:
            for needed in case.needs:
                own, other = groups[case.id], groups[needed]
                groups = {case_id: other if name == own else name for case_id, name in groups.items()}
        return groups


def make_plan(path: Path, shown_as: str | None = None, files: bool = True) -> Plan:
    """Read a spec file and plan it; raise SpecError with every mistake found.

    files: whether the files it names must be there; stored evidence can be judged without them.
    """
    spec = read_spec(path, shown_as)
    problems: list[Problem] = []
    models: dict[str, Source] = {}
    for name, entry in spec.content.models.items():
        source = source_of(spec, "models", "format", entry, ("models", name), problems, files)
        if source:
            models[name] = source
    data = source_of(spec, "datasets", "dataset", spec.content.data, ("data",), problems, files)
    preview = catalog.preview(data.extension, data.params) if data else Preview(None, (0.0, 1.0))
    others = others_of(spec, data, preview, problems, files)
    problems += resized_twice(spec, models, data) if data else ()
    twins = twins_of(spec, models, problems)
    reasons = {name: catalog.without_gradients(source.extension, source.params) for name, source in models.items()}
    blind = {name: NoGradient(why, twins.get(name)) for name, why in reasons.items() if why}
    formats = {name: source.extension for name, source in models.items()}
    known = _Known(preview, blind, data.params if data else None, formats, twins)
    cases = [_case(spec, i, entry, known, problems) for i, entry in enumerate(spec.content.checks)]
    planned = {case.id: case for case in cases if case}
    check_needs(spec, planned, problems)
    alone = cluster_remarks(spec, preview, problems)
    accountability = accountability_of(spec, problems, files)
    if problems or data is None:
        raise SpecError(problems)
    order = in_order(spec, planned)
    remarks = [*alone, *(spec.marks.problem(("data",), f"data: {remark}") for remark in preview.remarks)]
    speaking = {name: [c.id for c in planned.values() if name in c.controls] for name in CONTROLS}
    remarks += [*unchecked(spec, models), *_claims_of(spec, planned), *remarks_on(spec, speaking)]
    ordered = tuple(planned[case_id] for case_id in order)
    return Plan(spec, models, data, ordered, tuple(remarks), others, accountability)


@dataclass(frozen=True)
class _Known:
    """What is known of a spec's data and models before its cases. blind: why models give no gradient.
    formats: of each model. twins: which model lends gradients to which.
    """

    preview: Preview
    blind: Mapping[str, NoGradient]
    data: Parameters | None
    formats: Mapping[str, str]
    twins: Mapping[str, str]


def _case(spec: Spec, position: int, entry: CheckEntry, known: _Known, problems: list[Problem]) -> Case | None:
    at: Location = ("checks", position)
    names = list(spec.content.models)
    model = entry.model if entry.model is not None else names[0]
    if model not in names:
        problems.append(spec.marks.problem((*at, "model"), one_of(model, names, "model")))
    params = params_of(spec, "checks", entry.check, entry.params, (*at, "check"), (*at, "params"), problems)
    if params is None:
        return None
    by = sliced(spec, at, entry, known.preview, problems)
    check_metrics(spec, at, entry, params, by, problems)
    if entry.confidence is not None and spec.content.correction == "holm":
        message = "`confidence` can't be set for one check where `correction: holm` shares it among all"
        problems.append(spec.marks.problem((*at, "confidence"), message, at_key=True))
    promised = catalog.metrics_of(entry.check)
    about = {name: catalog.describe(name, promised) for name in entry.expect}
    of_check = catalog.unsighted(entry.check, params, model, known.blind)
    of_check += catalog.remarks_on(entry.check, params, expectations_of(entry), known.preview.box)
    of_check += tuple(class_remarks(params, known.preview))
    expectations = claims.judged(expectations_of(entry), about, of_check)
    confidence = entry.confidence or spec.content.confidence
    sizes = {f"{whole(e.metric)}[{name}]": size for e in expectations for name, size in by.sizes.items()}
    judged = [e for e in expectations if not e.hollow]
    gates = gates_of(entry.check, params, judged, confidence, known.preview, sizes)
    remarks = (
        *by.remarks(),
        *claims.of_gates(expectations),
        *claims.of_majority(expectations, known.preview),
        *(replace(remark, at=("params", *remark.at)) for remark in of_check if not remark.hollow),
        *claims.of_title(entry.title, params, expectations, about),
        *claims.of_looks(entry.title, params, known.preview.box),
        *claims.of_choice(params, known.data, claims.uncertain(expectations, about)),
    )
    shape = known.preview.shape
    unfit = catalog.unfit(entry.check, params, shape) if shape else ()
    mistakes = [((name,), message) for name, message in (*class_mistakes(params, known.preview), *unfit)]
    for where, message in (*mistakes, *precision_mistakes(params, model, known.formats)):
        problems.append(spec.marks.problem((*at, "params", *where), message))
    needs, measured = [], [model, *(r.name for r in references(params) if r.to == "model")]
    for reference in references(params):
        if reference.to == "model" and reference.name not in names:
            place = (*at, "params", *reference.location)
            problems.append(spec.marks.problem(place, one_of(reference.name, names, "model")))
        if reference.to == "data" and reference.name not in spec.content.other_data:
            place = (*at, "params", *reference.location)
            told = one_of(reference.name, list(spec.content.other_data), "data")
            problems.append(spec.marks.problem(place, f"{told}; further data is named under `other_data`"))
        if reference.to == "case":
            needs.append(reference.name)
    return Case(
        id=entry.id,
        check=entry.check,
        title=entry.title or catalog.documentation("checks", entry.check)[""],
        model=model,
        params=params,
        expectations=expectations,
        confidence=confidence,
        seed=case_seed(spec.content.seed, entry.id),
        line=spec.marks.line(at),
        needs=tuple(dict.fromkeys(needs)),
        waiver=next((_waiver(waiver) for waiver in spec.content.waivers if waiver.case == entry.id), None),
        controls=tuple(entry.controls) if entry.controls is not None else catalog.controls_of(entry.check, params),
        gates=gates,
        warnings=tuple(dict.fromkeys(_warnings(spec, at, gates, remarks))),
        caveats=tuple(dict.fromkeys(remark.message for remark in remarks if remark.caveat)),
        tags=tuple(dict.fromkeys((*spec.content.tags, *entry.tags))),
        priority=entry.priority,
        purpose=purpose_of(spec, position),
        slices=by.slices,
        weak_segments=by.weak,
        twins=tuple(dict.fromkeys(known.twins[name] for name in measured if name in known.twins)),
    )


def _waiver(entry: WaiverEntry) -> Waiver:
    doubt = claims.doubt_of_waiver(entry.expires)
    return Waiver(entry.owner, entry.reason, entry.expires, entry.sha256, doubt=doubt)


def _warnings(spec: Spec, at: Location, gates: tuple[Gate, ...], remarks: tuple[Remark, ...]) -> Iterator[Problem]:
    for gate in gates:
        if gate.message:
            yield spec.marks.problem((*at, "expect", gate.metric, gate.bound), gate.message)
    for remark in remarks:
        yield spec.marks.problem((*at, *remark.at), remark.message)


def _claims_of(spec: Spec, planned: Mapping[str, Case]) -> Iterator[Problem]:
    """What the spec as a whole claims and can't show: by its title, and by waivers that don't end."""
    gated = any(not expectation.hollow for case in planned.values() for expectation in case.expectations)
    told = claims.of_headline(spec.content.title, gated)
    if told:
        yield spec.marks.problem(("title",), told)
    for position, waiver in enumerate(spec.content.waivers):
        doubt = claims.doubt_of_waiver(waiver.expires)
        if doubt:
            message = f"the waiver of {waiver.case!r} {doubt}: give it a day within a year"
            yield spec.marks.problem(("waivers", position, "expires"), message)

"""Does the auditor itself catch models that only look robust?

What it measures
    A network that is known to break is put behind disguises that lead attacks astray, hide its gradient, know
    the audit, or make it another network for whoever attacks. Each decoy is audited like any other model, with
    a claim of robust accuracy that is false. Beside them stand honest models: the network itself, which must
    break; a linear one, whose robust accuracy is known exactly; and, where named, one that must resist.

Why it matters
    An auditor that has never been shown a fake can't be trusted to recognise one. This is a mutation test of
    the attacks and of the tell-tale tests.

How to read it
    A decoy is caught if its claim doesn't pass: the attack sees through it (fail), a tell-tale test doubts the
    measurement (inconclusive), or it can't be attacked at all (error). `missed: {max: 0}` is the gate: every
    decoy that passes is a defect of the auditor. The first table shows the decoys by kind, and what found them
    out. `false_alarms` counts honest models that were doubted or judged wrongly.

References
    Athalye, Carlini and Wagner, Obfuscated Gradients Give a False Sense of Security, ICML 2018.
    Tramèr et al., On Adaptive Attacks to Adversarial Example Defenses, NeurIPS 2020.
    Pintor et al., Indicators of Attack Failure, NeurIPS 2022.
"""

import dataclasses
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, NoReturn

import numpy as np
from pydantic import Field

from auditor import catalog
from auditor.checks import robust_accuracy
from auditor.compute import normal, tensorflow
from auditor.judging import judge
from auditor.measuring import (
    DISGUISES,
    MEMORY,
    SHOWN,
    Attacked,
    Decoy,
    Disguise,
    alike_off_the_grid,
    cost_alike,
    cost_remembered,
    cost_steady,
    first_answers,
    knowing,
    lints,
    remembered,
    settled,
    steady,
)
from auditor.search import Job, ThreatModel, search
from auditor.values import (
    A_SHARE,
    NOT_NEGATIVE,
    CheckError,
    Classifier,
    Context,
    Count,
    Evidence,
    Expectation,
    FloatArray,
    Layer,
    MetricInfo,
    ModelError,
    ModelNames,
    Output,
    Passes,
    Real,
    Remark,
    Samples,
    Table,
    Tensor,
    Verdict,
    exact,
)

_CONFIDENCE = 0.95
_FAR = 1e3
_LINEAR = 100
_SHARE = 0.3  # of the box's width, where no radius is given


class Params(Attacked):
    """The claim, and how the decoys are attacked."""

    eps: Annotated[Real, Field(gt=0)] | None = None
    """Radius of the ball, in the units of the box, 0.3 of its width if left out; the network must break within it."""
    claim: Annotated[Real, Field(gt=0, lt=1)] = 0.5
    """The robust accuracy that every decoy claims to have."""
    resisting: ModelNames | None = None
    """Networks of the spec that must be found to hold the claim."""
    samples: Count = 60
    """How many images, every class in proportion; fewer if there aren't as many."""


METRICS = {
    "missed": MetricInfo("exact", "decoys whose false claim passed", bounds=NOT_NEGATIVE),
    "caught": MetricInfo("exact", "decoys whose false claim did not pass", bounds=NOT_NEGATIVE),
    "false_alarms": MetricInfo("exact", "honest models that were doubted, or judged wrongly", bounds=NOT_NEGATIVE),
    "closed_form_gap": MetricInfo(
        "exact", "share of images on which attack and closed form disagree, on a linear classifier", bounds=A_SHARE
    ),
}


def cost(params: Params, images: int, class_count: int) -> Passes:
    """What it takes of a model at most, on so many images of so many classes."""
    audits, claim = 2 + len(params.resisting or ()) + len(DISGUISES), _claim(params)
    once = robust_accuracy.cost(claim, images, class_count) + cost_steady(images) + cost_alike(images)
    once += cost_remembered(claim, images, class_count)
    return Passes(once.gradients * audits, once.predictions * audits, once.traces * audits)


def lint(params: Params, expectations: Sequence[Expectation], box: tuple[float, float]) -> Iterator[Remark]:
    """Whether the radius is in the units of the box, and the steps long enough to cross it."""
    return lints.of_radius(params, [_radius(params, box)], box)


def unsighted(params: Params, model: str, blind: lints.Blind) -> Iterator[Remark]:
    """What can't run since a model gives no gradient; blind: why, by its name."""
    return lints.attacks_without_gradients(
        params, (model, *(params.resisting or ())), blind, lints.gradient_free(params.norm)
    )


@dataclass(frozen=True)
class _Judged:
    """What the auditor makes of one model's claim: its verdict, what it measured, and which tests doubt that."""

    verdict: Verdict
    shown: float | str
    doubts: tuple[str, ...]

    @property
    def why(self) -> str:
        """What the verdict rests on, in words."""
        if self.verdict.status == "error":
            return self.verdict.message
        return f"tests that failed: {', '.join(self.doubts)}" if self.doubts else "what was measured"

    @property
    def found_by(self) -> tuple[str, ...]:
        """What keeps the claim from passing."""
        found = {"fail": ("the attacks themselves",), "error": ("it can't be attacked",)}
        return (*found.get(self.verdict.status, ()), *self.doubts)


def _radius(params: Params, box: tuple[float, float]) -> float:
    return params.eps or _SHARE * (box[1] - box[0])


def run(context: Context, params: Params) -> Evidence:
    """Audit the network, its disguises, and the honest models beside it."""
    params = params.model_copy(update={"eps": _radius(params, context.samples.box)})
    itself = _audit(context, params)
    if itself.verdict.status == "error":
        raise CheckError(f"model {context.model_name!r} can't be attacked itself: {itself.why}")
    if itself.verdict.status == "pass":
        message = f"model {context.model_name!r} holds {params.claim:g} within {params.norm} {params.eps:g} itself"
        raise CheckError(f"{message}; take a larger `eps`, or a network that breaks")
    honest = [(context.model_name, "must break", itself, itself.verdict.status == "fail")]
    for name in params.resisting or ():
        found = _audit(dataclasses.replace(context, model_name=name), params)
        honest.append((name, "must resist", found, found.verdict.status == "pass"))
    gap = _closed_form_gap(context)
    # As many again as are audited, that a memory of these doesn't know.
    several = _few(context, 2 * params.samples)
    names = (*DISGUISES, MEMORY)
    disguised = [_Disguised(name, several, context.seed, context.spec_seed, params) for name in names]
    audited = dict(zip(names, context.engine(audit_decoy, context.classifier, disguised), strict=True))
    missed = [name for name, (_, found) in audited.items() if found.verdict.status == "pass"]
    rows = [
        (name, *told, found.shown, found.verdict.status, "MISSED" if name in missed else "caught", found.why)
        for name, (told, found) in audited.items()
    ]
    alarms = [name for name, _, _, right in honest if not right]
    summary = f"{len(rows) - len(missed)} of {len(rows)} decoys are caught"
    summary += f"; missed: {', '.join(missed)}" if missed else ""
    summary += f"; {len(alarms)} of {len(honest)} honest models are judged wrongly." if alarms else "; no false alarm."
    honest_rows = tuple(
        (name, wanted, found.shown, found.verdict.status, "right" if right else "WRONG", found.why)
        for name, wanted, found, right in honest
    )
    columns = ("model", "what it is", "robust accuracy shown", "verdict", "outcome", "why")
    of_decoys = (columns[0], "kind", *columns[1:])
    return Evidence(
        summary=summary,
        metrics={
            "missed": exact(len(missed)),
            "caught": exact(len(rows) - len(missed)),
            "false_alarms": exact(len(alarms)),
            "closed_form_gap": exact(gap),
        },
        tables=(
            _by_kind(audited, missed),
            Table("Decoys", of_decoys, tuple(rows)),
            Table("Honest models", columns, honest_rows),
        ),
        notes=(
            f"Each claims a robust accuracy of at least {params.claim:g} within {params.norm} {params.eps:g}; the "
            f"network behind every disguise shows {itself.shown:.3g}.",
            "The linear classifier is random, with two classes, and far from the box: an image holds if its margin "
            "exceeds the radius times the dual norm of the difference of the two classes' weights.",
        ),
    )


def _by_kind(audited: Mapping[str, tuple[tuple[str, str], "_Judged"]], missed: Collection[str]) -> Table:
    """How many decoys of each kind there were, what found them out, and how many passed."""
    kinds: dict[str, list[str]] = {}
    for name, ((kind, _), _found) in audited.items():
        kinds.setdefault(kind, []).append(name)
    rows = []
    for kind, names in kinds.items():
        found_by = dict.fromkeys(test for name in names for test in audited[name][1].found_by)
        passed = sum(name in missed for name in names)
        rows.append((kind, len(names), passed, f"{', '.join(found_by) or 'nothing'} ({', '.join(names)})"))
    return Table("Decoys by kind", ("kind", "decoys", "passed", "found out by"), tuple(rows))


def _claim(params: Params) -> robust_accuracy.Params:
    """The case that the claim would be in a spec."""
    return robust_accuracy.Params(
        norm=params.norm, attacks=params.attacks, eps=params.eps or _SHARE, samples=params.samples, show=1
    )


def _audit(context: Context, params: Params) -> _Judged:
    """The verdict on a model's claim, as `robust_accuracy` would give it in a spec, with the tests of all cases."""
    claim, classifier = _claim(params), context.classifier
    shown = context.samples.images[context.sample(SHOWN)]
    first = first_answers(classifier, shown)
    try:
        evidence = robust_accuracy.run(context, claim)
    except (CheckError, ModelError) as error:
        return _Judged(Verdict("error", str(error)), "none", ())
    tests = (
        settled(classifier),
        steady(classifier, shown, "", context.seed, first),
        alike_off_the_grid(classifier, shown, context),
        *remembered(context, claim, evidence.adversarial),
        *evidence.diagnostics,
    )
    wanted = Expectation("robust_accuracy", min=params.claim)
    verdict = judge(evidence.metrics, [wanted], _CONFIDENCE, tests)
    return _Judged(
        verdict, evidence.metrics["robust_accuracy"].value, tuple(test.name for test in tests if not test.ok)
    )


@dataclass(frozen=True)
class _Disguised:
    """Which disguise a network is to be audited in, on these samples, with the seed of the case."""

    name: str
    samples: Samples
    seed: int
    spec_seed: int
    params: Params


def audit_decoy(classifier: Classifier, disguised: _Disguised) -> tuple[tuple[str, str], _Judged]:
    """Of what kind a disguise is, and what it is; and what the auditor makes of a network's claim in it."""

    def only(name: str) -> Classifier:
        assert name == disguised.name
        return worn

    def none(name: str) -> NoReturn:
        raise CheckError(f"a decoy has no {name}")

    context = Context(
        disguised.name, disguised.samples, disguised.seed, only, none, none, spec_seed=disguised.spec_seed
    )
    disguise = DISGUISES.get(disguised.name) or _memory(classifier, context, disguised.params.samples)
    worn = Decoy(classifier, disguise)
    return (disguise.kind, disguise.text), _audit(context, disguised.params)


def _memory(classifier: Classifier, context: Context, most: int) -> Disguise:
    """A memory of the images that a claim about so many is judged on."""
    known = context.samples.images[context.sample(most)]
    return knowing(known, classifier.predict(known))


def _few(context: Context, most: int) -> Samples:
    """The samples that a claim about so many is judged on."""
    return context.samples.only(context.sample(most))


@dataclass(frozen=True, eq=False)
class _Linear:
    """A random linear classifier with two classes on images of the same shape."""

    kernel: FloatArray
    input_shape: tuple[int, int, int]
    class_count: int = 2
    logits_from: str = "its own output"
    output: Output = "logits"

    def forward(self, images: Tensor) -> Tensor:
        """Map images (N, H, W, C) to logits (N, 2)."""
        tf = tensorflow()
        return tf.matmul(tf.reshape(images, (-1, self.kernel.shape[0])), tf.constant(self.kernel))

    def predict(self, images: FloatArray) -> FloatArray:
        """Map images (N, H, W, C) to logits (N, 2)."""
        found: FloatArray = self.forward(images.astype(np.float32)).numpy()
        return found

    def answers(self, images: FloatArray, batch: int | None = None) -> FloatArray:
        """Its own output is its logits."""
        size = batch or len(images)
        return np.concatenate([self.predict(images[i : i + size]) for i in range(0, len(images), size)])

    def check_declaration(self, images: FloatArray) -> None:
        """Its logits are logits."""

    def layers(self) -> tuple[Layer, ...]:
        """It has none to show."""
        return ()


def _closed_form_gap(context: Context) -> float:
    """How often APGD in L∞ and the closed form disagree, away from the radius by more than 2%."""
    low, high = context.samples.box
    # In widths of the box, so that the room around them is as large in any box.
    images = (context.samples.images[context.sample(_LINEAR)] - np.float32(low)) / np.float32(high - low)
    shape = tuple(int(edge) for edge in images.shape[1:])
    kernel = normal(context.seed, "linear", 2, (int(np.prod(shape)),)).T
    linear = _Linear(np.ascontiguousarray(kernel), (shape[0], shape[1], shape[2]))
    logits = linear.predict(images).astype(np.float64)
    labels = logits.argmax(axis=1)
    distances = np.abs(logits[:, 0] - logits[:, 1]) / np.abs(kernel[:, 0] - kernel[:, 1]).sum()
    eps = float(np.median(distances))
    count = len(images)
    job = Job(images, labels, np.full(count, -1), np.full(count, eps), np.arange(count), logits.astype(np.float32))
    threat = ThreatModel("linf", (-_FAR, _FAR))
    params = catalog.params_of("attacks", "apgd").model_validate({"steps": 40})
    found = search("apgd", params, linear, threat, job, context.seed)
    clear = np.abs(distances - eps) > 0.02 * eps
    return float((found.success != (distances < eps))[clear].mean())

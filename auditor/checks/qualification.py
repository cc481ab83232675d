"""Does the auditor itself catch models that only look robust?

What it measures
    A network that is known to break is put behind disguises that hide its gradient, randomise its answers or
    round them. Each decoy is audited like any other model, with a claim of robust accuracy that is false.
    Beside them stand honest models: the network itself, which must break; a linear one, whose robust accuracy
    is known exactly; and, where named, one that must resist.

Why it matters
    An auditor that has never been shown a fake can't be trusted to recognise one. This is a mutation test of
    the attacks and of the tell-tale tests.

How to read it
    A decoy is caught if its claim doesn't pass: the attack sees through it (fail), a tell-tale test doubts the
    measurement (inconclusive), or it can't be attacked at all (error). `missed: {max: 0}` is the gate: every
    decoy that passes is a defect of the auditor. `false_alarms` counts honest models that were doubted or
    judged wrongly.

References
    Athalye, Carlini and Wagner, Obfuscated Gradients Give a False Sense of Security, ICML 2018.
    Tramèr et al., On Adaptive Attacks to Adversarial Example Defenses, NeurIPS 2020.
    Pintor et al., Indicators of Attack Failure, NeurIPS 2022.
"""

import dataclasses
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, NoReturn

import numpy as np
from pydantic import Field

from auditor import catalog
from auditor.checks import robust_accuracy
from auditor.compute import normal, tensorflow
from auditor.judging import judge
from auditor.measuring import DISGUISES, Attacked, Decoy, cost_steady, lints, steady
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
    audits = 1 + len(params.resisting or ()) + len(DISGUISES)
    once = robust_accuracy.cost(_claim(params), images, class_count)
    once += cost_steady(images)
    return Passes(once.gradients * audits, once.predictions * audits, once.traces * audits)


def lint(params: Params, expectations: Sequence[Expectation], box: tuple[float, float]) -> Iterator[Remark]:
    """Whether the radius is in the units of the box, and the steps long enough to cross it."""
    return lints.of_radius(params, [_radius(params, box)], box)


def unsighted(params: Params, model: str, blind: Collection[str]) -> Iterator[Remark]:
    """What can't run since a model's format gives no gradient; blind: names of such models."""
    return lints.attacks_without_gradients(
        params, (model, *(params.resisting or ())), blind, lints.gradient_free(params.norm)
    )


@dataclass(frozen=True)
class _Judged:
    """What the auditor makes of one model's claim: its verdict, what it measured, and why."""

    verdict: Verdict
    shown: float | str
    why: str


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
    few = _few(context, params.samples)
    disguised = [_Disguised(name, few, context.seed, params) for name in DISGUISES]
    audited = context.engine(audit_decoy, context.classifier, disguised)
    rows, missed = [], []
    for (name, disguise), found in zip(DISGUISES.items(), audited, strict=True):
        caught = found.verdict.status != "pass"
        missed += [] if caught else [name]
        rows.append(
            (name, disguise.text, found.shown, found.verdict.status, "caught" if caught else "MISSED", found.why)
        )
    alarms = [name for name, _, _, right in honest if not right]
    summary = f"{len(rows) - len(missed)} of {len(rows)} decoys are caught"
    summary += f"; missed: {', '.join(missed)}" if missed else ""
    summary += f"; {len(alarms)} of {len(honest)} honest models are judged wrongly." if alarms else "; no false alarm."
    honest_rows = tuple(
        (name, wanted, found.shown, found.verdict.status, "right" if right else "WRONG", found.why)
        for name, wanted, found, right in honest
    )
    columns = ("model", "what it is", "robust accuracy shown", "verdict", "outcome", "why")
    return Evidence(
        summary=summary,
        metrics={
            "missed": exact(len(missed)),
            "caught": exact(len(rows) - len(missed)),
            "false_alarms": exact(len(alarms)),
            "closed_form_gap": exact(gap),
        },
        tables=(Table("Decoys", columns, tuple(rows)), Table("Honest models", columns, honest_rows)),
        notes=(
            f"Each claims a robust accuracy of at least {params.claim:g} within {params.norm} {params.eps:g}; the "
            f"network behind every disguise shows {itself.shown:.3g}.",
            "The linear classifier is random, with two classes, and far from the box: an image holds if its margin "
            "exceeds the radius times the dual norm of the difference of the two classes' weights.",
        ),
    )


def _claim(params: Params) -> robust_accuracy.Params:
    """The case that the claim would be in a spec."""
    return robust_accuracy.Params(
        norm=params.norm, attacks=params.attacks, eps=params.eps or _SHARE, samples=params.samples, show=1
    )


def _audit(context: Context, params: Params) -> _Judged:
    """The verdict on a model's claim, as `robust_accuracy` would give it in a spec."""
    try:
        evidence = robust_accuracy.run(context, _claim(params))
    except (CheckError, ModelError) as error:
        return _Judged(Verdict("error", str(error)), "none", str(error))
    evidence = dataclasses.replace(
        evidence, diagnostics=(steady(context.classifier, context.samples.images), *evidence.diagnostics)
    )
    claim = Expectation("robust_accuracy", min=params.claim)
    verdict = judge(evidence.metrics, [claim], _CONFIDENCE, evidence.diagnostics)
    doubts = ", ".join(diagnostic.name for diagnostic in evidence.diagnostics if not diagnostic.ok)
    why = f"tests that failed: {doubts}" if doubts else "what was measured"
    return _Judged(verdict, evidence.metrics["robust_accuracy"].value, why)


@dataclass(frozen=True)
class _Disguised:
    """Which disguise a network is to be audited in, on these samples, with the seed of the case."""

    name: str
    samples: Samples
    seed: int
    params: Params


def audit_decoy(classifier: Classifier, disguised: _Disguised) -> _Judged:
    """What the auditor makes of a network's claim when it is in disguise."""
    decoy = Decoy(classifier, DISGUISES[disguised.name])

    def only(name: str) -> Classifier:
        assert name == disguised.name
        return decoy

    def none(name: str) -> NoReturn:
        raise CheckError(f"a decoy has no {name}")

    context = Context(disguised.name, disguised.samples, disguised.seed, only, none, none)
    return _audit(context, disguised.params)


def _few(context: Context, most: int) -> Samples:
    """The samples that a claim about so many is judged on."""
    samples, chosen = context.samples, context.sample(most)
    parts = {name: getattr(samples, name)[chosen] for name in ("images", "labels", "indices")}
    return dataclasses.replace(samples, **parts)


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

"""Attacks as they stand in a spec, and running several of them, each on what the ones before left."""

import time
from dataclasses import dataclass
from types import ModuleType
from typing import Annotated, Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationError, model_validator
from pydantic_core import CoreSchema, InitErrorDetails, PydanticCustomError, core_schema

from auditor import catalog
from auditor.measuring.inner import insight
from auditor.measuring.surrogate import learned
from auditor.measuring.words import answered, change_panel, natural_panel
from auditor.search import (
    FOLLOWING,
    AttackResult,
    Job,
    Keep,
    Norm,
    Reader,
    ThreatModel,
    distance,
    passes_of_attack,
    search,
    widest,
)
from auditor.telling.numbers import number
from auditor.values import (
    BLACK_BOX,
    TOLD,
    WHITE_BOX,
    AdversarialImages,
    CheckError,
    Context,
    FloatArray,
    IntArray,
    Parameters,
    Passes,
    Samples,
    SchemaGenerator,
    Strip,
    one_of,
    probabilities,
)


@dataclass(frozen=True)
class AttackChoice:
    """One attack with its parameters, written `{attack: pgd, steps: 40}`."""

    name: str
    params: Any

    @property
    def module(self) -> ModuleType:
        """The attack itself."""
        return catalog.load("attacks", self.name)

    def stages(self, norm: Norm) -> list["AttackChoice"]:
        """The attack itself, or those it is made of."""
        if self.module.SEEKS != "ensemble":
            return [self]
        return [AttackChoice(name, params) for name, params in self.module.stages(self.params, norm)]

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Validate a mapping against the `Params` of the attack it names."""
        back = core_schema.plain_serializer_function_ser_schema(
            lambda choice: {"attack": choice.name, **choice.params.model_dump(mode="json")}
        )
        return core_schema.no_info_plain_validator_function(choose, serialization=back)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """One alternative per attack."""
        choices = []
        for name in selectable_attacks():
            choice = catalog.params_of("attacks", name).model_json_schema(schema_generator=SchemaGenerator)
            text = catalog.documentation("attacks", name)[""]
            choice["properties"] = {"attack": {"const": name, "description": text}, **choice["properties"]}
            choice["required"] = ["attack", *choice.get("required", [])]
            choices.append(choice)
        return {"oneOf": choices}


def selectable_attacks() -> tuple[str, ...]:
    """The attacks that look for adversarial images, within a ball or as close as can be."""
    return tuple(filter(_selectable, catalog.names("attacks")))


def _selectable(name: str) -> bool:
    return bool(catalog.load("attacks", name).SEEKS != "ascent")


def choose(value: Any) -> AttackChoice:
    """Validate `{attack: name, …}`."""
    if isinstance(value, AttackChoice):
        return value
    if not isinstance(value, dict) or not isinstance(value.get("attack"), str):
        known = ", ".join(selectable_attacks())
        raise _told(f"an attack is written {{attack: apgd}}, with its parameters beside it (known: {known})")
    name = value["attack"]
    if name not in catalog.names("attacks") or not _selectable(name):
        raise _told(one_of(name, selectable_attacks(), "attack"))
    params = catalog.params_of("attacks", name)
    rest = {key: item for key, item in value.items() if key != "attack"}
    unknown = [key for key in rest if key not in params.model_fields]
    if unknown:
        allowed = ["attack", *params.model_fields]
        mistakes = [
            InitErrorDetails(type=_told(one_of(key, allowed, f"{name} key")), loc=(key,), input=rest[key])
            for key in unknown
        ]
        # A mistake in here keeps its own place: pydantic joins the inner location to the outer one.
        raise ValidationError.from_exception_data(name, mistakes)
    return AttackChoice(name, params.model_validate(rest))


def _told(message: str) -> PydanticCustomError:
    return PydanticCustomError(TOLD, "{message}", {"message": message})


Attacks = Annotated[list[AttackChoice], Field(min_length=1)]


class Attacked(Parameters):
    """The norm that changes are measured in, and which attacks try."""

    norm: Norm = "linf"
    """The norm that bounds the change: `linf`, `l2`, `l1` or `l0`."""
    attacks: Attacks = Field(default_factory=lambda: [choose({"attack": "apgd"})])
    """The attacks; each works on the images that held against those before."""

    @model_validator(mode="after")
    def _norms_fit(self) -> Self:
        for choice in self.attacks:
            norms = choice.module.NORMS
            if self.norm not in norms:
                raise ValueError(f"attack {choice.name!r} has no norm {self.norm!r} (it has: {', '.join(norms)})")
        return self


def by_knowledge(params: Attacked) -> tuple[str, ...]:
    """The controls that the attacks' knowledge of the model speaks to."""
    sees = {stage.module.SEES for choice in params.attacks for stage in choice.stages(params.norm)}
    white = WHITE_BOX if sees & set(FOLLOWING) else ()
    return (*white, *(BLACK_BOX if sees & {"score", "decision"} else ()))


def cost_of(params: Attacked, keep: Keep, class_count: int, targeted: bool = False) -> Passes:
    """What all the attacks take of each image at most: that it is looked at, holds against all, and is looked at."""
    total = Passes(predictions=2)
    for choice in (stage for chosen in params.attacks for stage in chosen.stages(params.norm)):
        total += passes_of_attack(choice.module, choice.params, keep, class_count, targeted)
    return total


@dataclass(frozen=True)
class Attackable:
    """The samples looked at: their rows in the data source and which of them are classified right (M,); and of these,
    which are attacked, the positions (N,), with their targets (N,) and logits (N, K).
    """

    looked: IntArray
    right: NDArray[np.bool_]
    tried: NDArray[np.int64]
    targets: NDArray[np.int64]
    logits: FloatArray

    def held(self, broken: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Which of the samples looked at (M,) are right and hold; broken: which of those attacked (N,) don't."""
        held = self.right.copy()
        held[held] = ~broken
        return held

    def job(self, samples: Samples, eps: float) -> Job:
        """What to attack, within radius eps."""
        radii = np.full(len(self.tried), eps)
        images, labels, rows = samples.images[self.tried], samples.labels[self.tried], samples.indices[self.tried]
        return Job(images, labels, self.targets, radii, rows, self.logits)


def attackable(context: Context, most: int, towards: int | str | None) -> Attackable:
    """Look at up to `most` samples for images that are classified right; with a class to reach, of others alone.

    towards: its number or name, or None for any wrong one. What is of that class to begin with can't be pushed there,
    so it is no part of what is looked at. Raises CheckError if there is nothing to attack.
    """
    samples, among = context.samples, None
    target = None if towards is None else context.class_number(towards, "target")
    if target is not None:
        among = np.flatnonzero(samples.labels != target)
        if not among.size:
            raise CheckError(f"there is nothing to attack: every image is of class {target}, the target, already")
    chosen = context.sample(most, among)
    logits = context.classifier.predict(samples.images[chosen])
    right = logits.argmax(axis=1) == samples.labels[chosen]
    tried = chosen[right]
    if not tried.size:
        other = "" if target is None else f" of those of other classes than {target}, the target,"
        raise CheckError(f"there is nothing to attack: none of {len(chosen)} images{other} is classified right")
    targets = np.full(len(tried), -1 if target is None else target, np.int64)
    return Attackable(samples.indices[chosen], right, tried, targets, logits[right])


@dataclass(frozen=True)
class Stage:
    """What one attack did: how many images it was given and broke, its cost, and what it found."""

    choice: AttackChoice
    attacked: NDArray[np.int64]
    result: AttackResult
    seconds: float


def check_radius(context: Context, norm: Norm, eps: float) -> None:
    """Raise CheckError for a radius that the box can't hold."""
    low, high = context.samples.box
    most = widest(norm, (low, high), context.samples.images[0].size)
    if eps > most:
        message = f"`eps` {eps:g} is beyond the box: in {norm} no two images are further apart than {most:g}"
        units = "counts values" if norm == "l0" else f"is in the units of the box [{low:g}, {high:g}]"
        raise CheckError(f"{message}; `eps` {units}")


def cascade(
    context: Context, threat: ThreatModel, attacks: list[AttackChoice], job: Job, keep: Keep
) -> tuple[FloatArray, NDArray[np.bool_], list[Stage]]:
    """Run each attack on what the ones before left; for the closest images, on all.

    Returns where every image ended (N, H, W, C), which were broken (N,), and the stages.
    """
    count = len(job.images)
    ended, broken, stages = job.images.copy(), np.zeros(count, np.bool_), []
    closest = np.full(count, np.inf)
    for choice in (stage for chosen in attacks for stage in chosen.stages(threat.norm)):
        left = np.arange(count) if keep == "closest" else np.flatnonzero(~broken)
        if not left.size:
            break
        began = time.perf_counter()
        attacked = job.only(left)
        found = search(
            choice.name,
            choice.params,
            context.classifier,
            threat,
            attacked,
            context.seed,
            keep,
            context.engine,
            _reader(context, choice),
        )
        sizes = np.where(found.success, found.distances, np.inf)
        taken = sizes < closest[left] if keep == "closest" else np.ones(len(left), np.bool_)
        ended[left[taken]], closest[left[taken]] = found.images[taken], sizes[taken]
        broken[left] |= found.success
        stages.append(Stage(choice, left, found, time.perf_counter() - began))
    return ended, broken, stages


def _reader(context: Context, choice: AttackChoice) -> Reader | None:
    """What an attack is shown that sees features; raise CheckError where no layer of the model leads anywhere."""
    if choice.module.SEES != "features":
        return None
    found = insight(context, learned(context, context.classifier))
    if found is None:
        message = f"`{choice.name}` goes along an inner layer, and none of this model's leads anywhere"
        raise CheckError(f"{message}: it shows none, or they have no slope; `apgd`, `square` and `pointwise` need none")
    return found.reader


def broken_images(context: Context, made: AdversarialImages, rows: NDArray[np.int64], norm: Norm, title: str) -> Strip:
    """Some of the broken images, each with its original and the amplified change."""
    samples = context.samples
    before, after = made.originals[rows], made.images[rows]
    true = tuple(samples.class_name(int(label)) for label in made.labels[rows])
    output, sure = context.classifier.output, None
    if made.proof is not None and output != "scores":
        sure = probabilities(made.proof.after[rows], output)[np.arange(len(rows)), made.targets[rows]]
    said = answered(samples, made.targets[rows], sure)
    sizes = tuple(f"{norm} {number(size)}" for size in distance(after, before, norm))
    return Strip(
        title=title,
        caption="Original with its true class, adversarial image with what it is called, and how surely; the change is "
        "amplified: blue brightens a pixel, red darkens it.",
        alt=f"{len(rows)} broken images; the first is a {true[0]} that is {said[0]} after a change of {sizes[0]}.",
        panels=(
            natural_panel(before, samples.box, "original", true),
            natural_panel(after, samples.box, "adversarial", said),
            change_panel(after - before, "change, amplified", sizes),
        ),
    )

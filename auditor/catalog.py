"""Find an extension by its file name, and import it only on request.

A check, attack, model format or dataset is a module in the folder of that name, or an entry point of the
group `auditor.checks`, `auditor.attacks`, `auditor.models` or `auditor.datasets` in someone else's package.
"""

import inspect
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any, Literal, get_args

from auditor.telling.reason import reason
from auditor.values import (
    Classifier,
    Expectation,
    ExtensionError,
    Metric,
    MetricInfo,
    NoGradient,
    Parameters,
    Passes,
    Preview,
    Remark,
    group_metric,
    info_of,
    one_of,
    whole,
)

Kind = Literal["checks", "attacks", "models", "datasets"]
KINDS: tuple[Kind, ...] = get_args(Kind)
SINGULAR: Mapping[Kind, str] = {
    "checks": "check",
    "attacks": "attack",
    "models": "model format",
    "datasets": "dataset",
}
SECTIONS = ("What it measures", "Why it matters", "How to read it", "References")


@cache
def _third_party(kind: Kind) -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=f"auditor.{kind}")}


def third_party_files() -> tuple[tuple[str, Path], ...]:
    """The name and the file of every extension that others bring; the packages they are in are imported."""
    found = []
    for kind in KINDS:
        for name, point in sorted(_third_party(kind).items()):
            try:
                spec = find_spec(point.module)
            except ModuleNotFoundError:
                continue  # `load` says so to whoever names it
            if spec and spec.origin:
                found.append((f"{kind}/{name}", Path(spec.origin)))
    return tuple(found)


def names(kind: Kind) -> tuple[str, ...]:
    """Every extension of this kind, sorted; nothing is imported to find out."""
    return tuple(sorted(_own(kind) | _third_party(kind).keys()))


def _own(kind: Kind) -> frozenset[str]:
    return _modules(tuple(_package(kind).__path__))


@cache
def _package(kind: Kind) -> ModuleType:
    return import_module(f"auditor.{kind}")


@cache
def _modules(folders: tuple[str, ...]) -> frozenset[str]:
    return frozenset(info.name for info in pkgutil.iter_modules(folders) if not info.name.startswith("_"))


def load(kind: Kind, name: str) -> ModuleType:
    """Import one extension; raise ExtensionError for an unknown name or a module that doesn't import."""
    third = _third_party(kind)
    if not isinstance(name, str) or not (name in third or name in _own(kind)):
        raise ExtensionError(one_of(name, names(kind), SINGULAR[kind]))
    return _imported(kind, name, third.get(name))


@cache
def _imported(kind: Kind, name: str, point: EntryPoint | None) -> ModuleType:
    try:
        module = point.load() if point else import_module(f"auditor.{kind}.{name}")
    except ImportError as error:
        raise ExtensionError(f"{SINGULAR[kind]} {name!r} can't be imported: {reason(error)}") from error
    if not isinstance(module, ModuleType):
        raise ExtensionError(f"{SINGULAR[kind]} {name!r}: its entry point must name a module")
    return module


def loader(model_format: str, allow_code: bool) -> Callable[[Parameters], Classifier]:
    """Return what opens checkpoints of a format; with `allow_code`, running code of theirs where the format has any."""
    module = load("models", model_format)
    found: Callable[[Parameters], Classifier] = module.load
    return getattr(module, "load_with_code", found) if allow_code else found


def params_of(kind: Kind, name: str) -> type[Parameters]:
    """Return the `Params` model of an extension."""
    params: type[Parameters] = load(kind, name).Params
    return params


def metrics_of(check: str) -> Mapping[str, MetricInfo]:
    """Return what a check promises to measure."""
    metrics: Mapping[str, MetricInfo] = load("checks", check).METRICS
    return metrics


def most_of(check: str, params: Parameters, preview: Preview) -> Mapping[str, int | None]:
    """Return the greatest n that metrics of a check can have, of such samples; a check need not say."""
    module = load("checks", check)
    most, of_each = getattr(module, "most", None), getattr(module, "most_of_each", None)
    found: dict[str, int | None] = dict(most(params, preview.images)) if most else {}
    if of_each and preview.classes and preview.sizes:
        found |= of_each(params, dict(zip(preview.classes, preview.sizes, strict=True)))
    return found


def instead_of(check: str, params: Parameters) -> Mapping[str, str]:
    """Return the metrics that a check with these parameters doesn't give, each with what it gives in its place."""
    instead = getattr(load("checks", check), "instead", None)
    return instead(params) if instead else {}


def cost_of(check: str, params: Parameters, images: int, class_count: int) -> Passes | None:
    """Return what a check takes at most on so many images, of so many classes; a check need not say."""
    cost = getattr(load("checks", check), "cost", None)
    return cost(params, images, class_count) if cost else None


def remarks_on(
    check: str, params: Parameters, expectations: Sequence[Expectation], box: tuple[float, float]
) -> tuple[Remark, ...]:
    """Return what a check finds weak in how it is asked, if it looks for that."""
    lint = getattr(load("checks", check), "lint", None)
    return tuple(lint(params, expectations, box)) if lint else ()


def gives_gradients(model_format: str) -> bool:
    """Whether models of a format say how their logits change with the image; a format need not say if so."""
    return bool(getattr(load("models", model_format), "GIVES_GRADIENTS", True))


def without_gradients(model_format: str, params: Parameters) -> str:
    """Return why a model doesn't say how its logits change with the image, as far as is known before it is loaded, or
    nothing; a format need not say if its models do.
    """
    if not gives_gradients(model_format):
        return f"its format is {model_format}"
    tells = getattr(load("models", model_format), "without_gradients", None)
    return str(tells(params)) if tells else ""


def precisions_of(model_format: str) -> tuple[str, ...]:
    """Return the lower precisions that models of a format can be computed in too; a format need not say if none."""
    return tuple(getattr(load("models", model_format), "PRECISIONS", ()))


def unsighted(check: str, params: Parameters, model: str, blind: Mapping[str, NoGradient]) -> tuple[Remark, ...]:
    """Return what of a check on a model can't run, since models give no gradient; blind: why, by name."""
    needs = getattr(load("checks", check), "unsighted", None)
    return tuple(needs(params, model, blind)) if needs and blind else ()


def unfit(check: str, params: Parameters, shape: tuple[int, int, int]) -> tuple[tuple[str, str], ...]:
    """Return parameters of a check that images of a shape (H, W, C) can't be measured with, and why, if it says so."""
    tells = getattr(load("checks", check), "unfit", None)
    return tuple(tells(params, shape)) if tells else ()


def controls_of(check: str, params: Parameters) -> tuple[str, ...]:
    """Return the controls that a check with these parameters speaks to, if it says so."""
    controls = getattr(load("checks", check), "controls", None)
    return tuple(controls(params)) if controls else ()


def beside(check: str, now: Mapping[str, Metric], before: Mapping[str, Metric]) -> str:
    """Return a sentence on a check's metrics beside those of a baseline, if it has one to say."""
    tells = getattr(load("checks", check), "beside", None)
    return str(tells(now, before)) if tells else ""


def makes_images(check: str) -> bool:
    """Whether other cases may take the images that a check makes."""
    return bool(getattr(load("checks", check), "MAKES_IMAGES", False))


def reads_checkpoints(check: str) -> bool:
    """Whether a check looks at checkpoints themselves, so that what the spec says of their digests is evidence."""
    return bool(getattr(load("checks", check), "READS_CHECKPOINTS", False))


def known_by(model_format: str, params: Parameters) -> Mapping[str, str]:
    """Return what a model that isn't read from files is known by; asking may open connections."""
    asked = getattr(load("models", model_format), "known_by", None)
    return asked(params) if asked else {}


def preview(dataset: str, params: Parameters) -> Preview:
    """Return what is known of samples before they are loaded."""
    found: Preview = load("datasets", dataset).preview(params)
    return found


@cache
def documentation(kind: Kind, name: str) -> Mapping[str, str]:
    """Split an extension's docstring into its first line (under "") and its sections, in order."""
    text = inspect.cleandoc(load(kind, name).__doc__ or "")
    parts: dict[str, list[str]] = {"": []}
    heading = ""
    for line in text.splitlines():
        if line in SECTIONS:
            heading = line
            parts[heading] = []
        else:
            parts[heading].append(line)
    return MappingProxyType({title: inspect.cleandoc("\n".join(lines)).strip() for title, lines in parts.items()})


def describe(name: str, metrics: Mapping[str, Any]) -> MetricInfo | None:
    """Find what is promised about metric `name`: `accuracy.3` matches a promised `accuracy.*`, and `accuracy[site=x]`
    follows from what is promised of `accuracy`.
    """
    if group_metric(name) is not None:
        return info_of(name, metrics.get(whole(name)))
    family = name.split(".", 1)[0] + ".*"
    info: MetricInfo | None = metrics.get(name) or (metrics.get(family) if "." in name else None)
    return info

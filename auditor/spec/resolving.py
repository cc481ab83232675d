"""From the names in a spec to what they stand for: extensions, their parameters, files."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from auditor import catalog
from auditor.spec.document import Safeguards, Spec
from auditor.spec.marked import Location
from auditor.spec.mistakes import validate
from auditor.spec.sources import is_registered, registered, signature_beside
from auditor.telling.numbers import times
from auditor.values import ExtensionError, ModelError, Parameters, Preview, Problem, SpecError, one_of, references

_NONE = Safeguards()
_P = TypeVar("_P", bound=Parameters)


@dataclass(frozen=True)
class Source:
    """What to load: an extension's name, its parameters as written, and with paths made absolute.

    safeguards: of a model, what has to hold before it is loaded. allow_code: whether code that it holds may run.
    as_given: whether nothing is taken off its output, since what that would leave answers otherwise. loaded: SHA-256 of
    everything that it was loaded from, by the name the spec gives it, once it is. box: of the samples that a model is
    given, once it is known. given: the shape (H, W, C) of what a model is given of them, where that has to be known to
    open it. twin: of a model, the one whose gradients lead attacks on it, once that is loaded too.
    """

    extension: str
    written: Parameters
    params: Parameters
    safeguards: Safeguards = _NONE
    allow_code: bool = False
    as_given: bool = False
    loaded: Mapping[str, str] = field(default_factory=dict)
    box: tuple[float, float] = (0.0, 1.0)
    twin: "Source | None" = None
    given: tuple[int, int, int] | None = None

    @property
    def shown(self) -> dict[str, Any]:
        """The parameters as they stand in the spec."""
        return self.written.model_dump(mode="json")


def unchecked(spec: Spec, models: Mapping[str, Source]) -> Iterator[Problem]:
    """A remark on every model beside which lies a signature that nothing is said of."""
    for name, source in models.items():
        paths = (Path(reference.name) for reference in references(source.params) if reference.to == "file")
        found = next((found for found in map(signature_beside, paths) if found.is_file()), None)
        if found and source.safeguards.public_key is None:
            message = (
                f"model {name!r} has a signature, {found.name}, which isn't checked: name the key that must have made"
            )
            yield spec.marks.problem(("models", name), f"{message} it in `public_key`")


def source_of(
    spec: Spec,
    kind: catalog.Kind,
    key: str,
    entry: dict[str, Any],
    at: Location,
    problems: list[Problem],
    files: bool,
) -> Source | None:
    """Resolve `{format: …}` or `{dataset: …}` with the extension's own parameters beside it."""
    name = entry.get(key)
    if name is None:
        known = ", ".join(catalog.names(kind))
        message = f"`{'.'.join(map(str, at))}` needs a `{key}` (known: {known})"
        problems.append(spec.marks.problem((*at, key), message))
        return None
    common = tuple(Safeguards.model_fields) if kind == "models" else ("card",)  # which `answering` reads
    rest = {k: v for k, v in entry.items() if k != key and k not in common}
    written = params_of(spec, kind, name, rest, (*at, key), at, problems, also=(key, *common))
    try:
        guards = {k: v for k, v in entry.items() if k in Safeguards.model_fields} if kind == "models" else {}
        safeguards = validate(Safeguards, guards, spec.marks, at)
    except SpecError as error:
        problems.extend(error.problems)
        return None
    if written is None:
        return None
    if not any(reference.to == "file" for reference in references(written)):
        for told in sorted(safeguards.model_fields_set):
            message = f"`{told}` is for checkpoints in files; the format {name!r} has none, so leave it out"
            problems.append(spec.marks.problem((*at, told), message))
    params = _resolved(spec, written, at, problems, files, fetched=kind == "models")
    return Source(name, written, params, _resolved(spec, safeguards, at, problems, files))


def twins_of(spec: Spec, models: Mapping[str, Source], problems: list[Problem]) -> dict[str, str]:
    """Which model lends its gradients to which, by name; one that isn't there, or has none to lend, is a problem."""
    found = {}
    for name, source in models.items():
        twin = getattr(source.params, "gradients", None)
        if twin is None:
            continue
        found[name] = twin
        others, told = [other for other in spec.content.models if other != name], ""
        if twin not in others:
            told = one_of(twin, others, "other model")
        elif twin in models and (why := catalog.without_gradients(models[twin].extension, models[twin].params)):
            told = f"{twin!r} gives no gradients either: {why}; name one that does"
        elif twin in models and getattr(models[twin].params, "gradients", None):
            told = f"{twin!r} takes gradients from another model itself; name that one"
        if told:
            problems.append(spec.marks.problem(("models", name, "gradients"), told))
    return found


def resized_twice(spec: Spec, models: Mapping[str, Source], data: Source) -> Iterator[Problem]:
    """A problem for every model whose preprocessing resizes what the data has resized already."""
    if getattr(data.params, "resize", None) is None:
        return
    line = spec.marks.line(("data", "resize"))
    for name, source in models.items():
        if getattr(getattr(source.params, "preprocessing", None), "resize", None) is not None:
            told = f"images would be resized twice, by `data` (line {line}) and here, which blurs what the model sees"
            way = "leave one of them out: `data` brings images of many sizes to one, and models share its images"
            yield spec.marks.problem(("models", name, "preprocessing", "resize"), f"{told}; {way}", at_key=True)


def others_of(
    spec: Spec, data: Source | None, here: Preview, problems: list[Problem], files: bool
) -> dict[str, Source]:
    """Resolve the further data of a spec, by name; what is audited itself, or of another box or shape, is a problem.

    here: what is known of `data`.
    """
    found = {}
    for name, entry in spec.content.other_data.items():
        at: Location = ("other_data", name)
        source = source_of(spec, "datasets", "dataset", entry, at, problems, files)
        if source is None or data is None:
            continue
        if (source.extension, source.params) == (data.extension, data.params):
            message = f"{name!r} is the very data that is audited; name other images, such as another `split`"
            problems.append(spec.marks.problem(at, message, at_key=True))
        there = catalog.preview(source.extension, source.params)
        if there.shape and here.shape and there.shape != here.shape:
            told = f"images of {name!r} are {times(there.shape)}, and those of `data` {times(here.shape)}"
            problems.append(spec.marks.problem(at, f"{told} (height, width, channels); make them alike", at_key=True))
        box, own = there.box, here.box
        if box != own:
            told = f"{name!r} is in the box [{box[0]:g}, {box[1]:g}], and `data` in [{own[0]:g}, {own[1]:g}]"
            problems.append(spec.marks.problem(at, f"{told}; rescale one of them", at_key=True))
        found[name] = source
    return found


def _resolved(spec: Spec, params: _P, at: Location, problems: list[Problem], files: bool, fetched: bool = False) -> _P:
    """Parameters with every path made absolute; files: whether something must be there.

    fetched: whether a name may also be that of a registered model.
    """
    absolute = {}
    for reference in references(params):
        if reference.to != "file":
            continue
        if fetched and is_registered(reference.name):  # it is fetched when it is opened, not before
            try:
                registered(reference.name)
            except ModelError as error:
                problems.append(spec.marks.problem(at + reference.location, str(error)))
            continue
        path = (spec.path.parent / reference.name).resolve()
        if files and not (path.exists() or params.files_at(path)):
            message = f"no such file: {reference.name} (paths are relative to the spec: {path})"
            problems.append(spec.marks.problem(at + reference.location, message))
        absolute[str(reference.location[0])] = str(path)
    return params.model_copy(update=absolute)


def params_of(
    spec: Spec,
    kind: catalog.Kind,
    name: str,
    data: dict[str, Any],
    name_at: Location,
    params_at: Location,
    problems: list[Problem],
    also: tuple[str, ...] = (),
) -> Parameters | None:
    """The parameters of an extension; None where `problems` now say what is wrong with its name or with them."""
    try:
        model = catalog.params_of(kind, name)
    except ExtensionError as error:
        problems.append(spec.marks.problem(name_at, str(error)))
        return None
    try:
        return validate(model, data, spec.marks, params_at, also)
    except SpecError as error:
        problems.extend(error.problems)
        return None

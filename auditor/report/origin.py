"""Where the results come from, put together from the provenance of the records."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from auditor.report import text
from auditor.telling.lists import and_more
from auditor.values import Record, Run

NOT_RECORDED = "not recorded"
NOT_LOADED = "not loaded"
_CLASSES = 30
_ITEMS = 10

_T = TypeVar("_T")


@dataclass(frozen=True)
class File:
    """A file and its SHA-256."""

    name: str
    sha256: str


@dataclass(frozen=True)
class Model:
    """A checkpoint as the records name it. known_by: what an endpoint tells of one without files.

    pinned, signed: whether the spec demands its digests, or a signature. unchecked: whether there is a signature that
    the spec says nothing of. unseen: what of its files nothing could look into before it was loaded. names: files
    beside it that may list its classes.
    """

    name: str
    format: str
    files: tuple[File, ...]
    known_by: str
    logits: str
    pinned: bool
    signed: bool
    unchecked: bool
    unseen: str
    names: tuple[File, ...]


@dataclass(frozen=True)
class Data:
    """The samples as the records name them.

    name: of further data in the spec, empty for what is audited. distinct: how many different images there are, where
    some are there more than once. classes: the number and name of each, the first of many. more_classes: how many
    others there are. balance: how many images a class has, in words. remarks: what to know of the data.
    """

    name: str
    dataset: str
    params: str
    images: str
    sha256: str
    files: tuple[File, ...]
    distinct: str
    classes: tuple[str, ...]
    more_classes: int
    balance: str
    remarks: tuple[str, ...]


@dataclass(frozen=True)
class Origin:
    """What was audited. warnings: where the records don't agree with each other or with the run."""

    models: tuple[Model, ...]
    data: tuple[Data, ...]
    seeds: tuple[str, ...]
    versions: tuple[str, ...]
    machines: tuple[str, ...]
    intervals: tuple[str, ...]
    warnings: tuple[str, ...]


def origin(run: Run) -> Origin:
    """Collect what all records say; each distinct answer is kept once, in the order of the cases."""
    records = [run.records[case.id] for case in run.cases if case.id in run.records]
    # A case that ended in an error may not have come far enough to say more than its spec.
    known = [_mapping(record.provenance) for record in records]
    models = _merged(_distinct(_model(name, entry) for p in known for name, entry in _mapping(p.get("models")).items()))
    data = _distinct(_data(_mapping(p["data"])) for p in known if "data" in p)
    others = _distinct(
        _data(_mapping(entry), name) for p in known for name, entry in _mapping(p.get("other data")).items()
    )
    return Origin(
        models=models,
        data=(*data, *others),
        seeds=_distinct(text.plain(_mapping(p["spec"])["seed"]) for p in known if "seed" in _mapping(p.get("spec"))),
        versions=_distinct(_versions(_mapping(p["versions"])) for p in known if "versions" in p),
        machines=_distinct(text.plain(p["machine"]) for p in known if "machine" in p),
        intervals=_distinct(record.interval for record in records),
        warnings=tuple(_warnings(run, records, models, data)),
    )


def _warnings(run: Run, records: Sequence[Record], models: Sequence[Model], data: Sequence[Data]) -> Iterator[str]:
    names = [model.name for model in models]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"Records disagree about model {name!r}: not all of them are about the same checkpoint."
    if len(data) > 1:
        yield "Records disagree about the data: not all of them rest on the same samples."
    other = [r.case for r in records if _spec_digest(r.provenance) not in (run.spec_digest, NOT_RECORDED)]
    if other:
        yield f"Made under another version of the spec than this run's: {', '.join(other)}."


def _spec_digest(provenance: Mapping[str, Any]) -> str:
    return text.plain(_mapping(provenance.get("spec")).get("sha256", NOT_RECORDED))


def _model(name: str, entry: Any) -> Model:
    found = _mapping(entry)
    logits = text.plain(found.get("logits", NOT_RECORDED))
    known_by = ", ".join(f"{what} {text.plain(value)}" for what, value in _mapping(found.get("known_by")).items())
    pinned, signed, unchecked = (found.get(what) is True for what in ("pinned", "signed", "unchecked"))
    model_format = text.plain(found.get("format", NOT_RECORDED))
    unseen = ", ".join(_texts(found.get("not looked into")))
    names = _files(found, "names")
    return Model(name, model_format, _files(found), known_by, logits, pinned, signed, unchecked, unseen, names)


def _merged(models: Sequence[Model]) -> tuple[Model, ...]:
    """Models without what is said of them by cases that only read their files, where others loaded them."""
    loaded = {replace(model, logits=NOT_LOADED) for model in models if model.logits != NOT_LOADED}
    return tuple(model for model in models if model not in loaded)


def _data(found: Mapping[str, Any], name: str = "") -> Data:
    said = {key: text.plain(found.get(key, NOT_RECORDED)) for key in ("dataset", "images", "sha256")}
    params = ", ".join(f"{name}: {text.plain(value)}" for name, value in _mapping(found.get("params")).items())
    names = _texts(found.get("classes"))
    return Data(
        name=text.plain(name),
        params=params,
        files=_files(found),
        distinct="" if found.get("distinct") == found.get("images") else text.plain(found.get("distinct", "")),
        classes=tuple(_numbered(number, name) for number, name in enumerate(names[:_CLASSES])),
        more_classes=max(0, len(names) - _CLASSES),
        balance=_balance(found.get("per class"), names),
        remarks=_texts(found.get("remarks")),
        **said,
    )


def _numbered(number: int, name: str) -> str:
    return name if name == str(number) else f"{number} {name}"


def _balance(sizes: Any, names: Sequence[str]) -> str:
    """Images per class in words; nothing where a record doesn't say."""
    if not isinstance(sizes, list | tuple) or not sizes or not all(isinstance(size, int) for size in sizes):
        return ""
    if min(sizes) == max(sizes):
        return f"{sizes[0]} of each class"
    ends = [(size, sizes.index(size)) for size in (min(sizes), max(sizes))]
    told = (f"{size} (class {names[at] if at < len(names) else at})" for size, at in ends)
    return f"{' to '.join(told)} of a class"


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(map(text.plain, value)) if isinstance(value, list | tuple) else ()


def _files(found: Mapping[str, Any], key: str = "files") -> tuple[File, ...]:
    return tuple(File(name, text.plain(sha)) for name, sha in _mapping(found.get(key)).items())


def _versions(found: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {text.plain(value)}" for name, value in found.items())


def _mapping(value: Any) -> Mapping[str, Any]:
    """Provenance is read back from disk: what should be a mapping may be anything."""
    return {str(k): v for k, v in value.items()} if isinstance(value, Mapping) else {}


def _distinct(values: Iterator[_T]) -> tuple[_T, ...]:
    return tuple(dict.fromkeys(values))


def flat(value: Any, path: str = "") -> tuple[tuple[str, str], ...]:
    """Nested mappings as (path, value) pairs, in their own order; of long lists the beginning."""
    if isinstance(value, list | tuple) and len(value) > _ITEMS:
        return ((path, text.plain(value[:_ITEMS]) + and_more(len(value) - _ITEMS)),)
    if not isinstance(value, Mapping):
        return ((path, text.plain(value)),)
    return tuple(pair for key, inner in value.items() for pair in flat(inner, f"{path} › {key}" if path else str(key)))

"""The digest of all that a case's evidence depends on: equal keys, equal evidence.

Thresholds, titles and waivers are no part of it: evidence is judged anew whenever it is used. Nor is the processor,
which moves float32 results in their last digits. A case whose model or data isn't all in files has no key.
"""

import hashlib
import json
import platform
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import ModuleType
from typing import Any

import auditor
from auditor import catalog
from auditor.judging import MODEL
from auditor.loading.provenance import RUNTIMES
from auditor.loading.resources import Resources
from auditor.records.formats import FORMAT
from auditor.records.store import Folder
from auditor.spec import Case, Plan, Source

# What computes, decodes and draws; the rest doesn't touch a result.
_PACKAGES = ("tensorflow", "keras", "numpy", "scipy", "pillow", "h5py", "modelaudit-picklescan", *RUNTIMES)


def case_key(plan: Plan, case: Case, resources: Resources, baseline: Folder | None = None) -> str | None:
    """SHA-256, in hex, of what a case's evidence depends on; None where that can't be known without measuring.

    baseline: records of a previous run that the case is compared with. Reads every file the case needs. Raises OSError
    for one that can't be read, and ModelError for a checkpoint that isn't what the spec demands.
    """
    compared = any(expectation.versus_baseline for expectation in case.expectations)
    baselines = (MODEL,) if compared and MODEL in plan.models else ()
    names = dict.fromkeys((*case.models, *baselines))
    checkpoints = {name: resources.checkpoint(plan, name, copies=False) for name in names}
    models = {name: source_identity(plan.models[name], "models", resources) for name in checkpoints}
    data = source_identity(plan.data, "datasets", resources)
    needs = {name: case_key(plan, plan.case(name), resources) for name in case.needs}
    others = {name: source_identity(plan.others[name], "datasets", resources) for name in case.others}
    if data is None or None in others.values() or None in models.values() or None in needs.values():
        return None
    depends = {
        "format": FORMAT,
        "code": code_digest(),
        "versions": versions(),
        "check": [case.check, _file(catalog.load("checks", case.check), resources)],
        "params": case.asked,
        "seed": case.seed,
        "spec seed": plan.spec.content.seed,
        "model": case.model,
        "models": models,
        "pinned": [[c.pinned, c.unchecked] for c in checkpoints.values()]
        if catalog.reads_checkpoints(case.check)
        else None,
        "random": sorted(plan.random & checkpoints.keys()),
        "data": data,
        "independent": [plan.spec.content.clusters, plan.spec.content.independent],
        "other data": others,
        "needs": needs,
        "baseline": _record(baseline, case.id) if baseline else None,
        # The images that changed are shown by what is demanded of them.
        "expectations": [repr(e) for e in case.expectations] if compared or baseline else None,
    }
    return hashlib.sha256(json.dumps(depends, sort_keys=True).encode()).hexdigest()


def source_identity(source: Source, kind: catalog.Kind, resources: Resources) -> Mapping[str, Any] | None:
    """What is loaded, as the spec names it, with the digest of every file it is loaded from; None without any."""
    files = dict(resources.digests(source))
    module = catalog.load(kind, source.extension)
    if hasattr(module, "own_files"):
        own = module.own_files(source.params)
        if not own or not all(path.is_file() for path in own):
            return None
        # Each by its place too: two folders may hold files of one name, and where they lie differs by machine.
        files |= {f"{place} {path.name}": resources.digest(path) for place, path in enumerate(own)}
    if not files:
        return None
    by, code = _file(module, resources), kind == "models" and resources.allow_code
    found = {"extension": source.extension, "by": by, "params": source.shown, "files": files, "code allowed": code}
    if kind == "models":
        found["names"] = resources.names(source)
    if source.twin is None:
        return found
    twin = source_identity(source.twin, kind, resources)
    return None if twin is None else {**found, "twin": [twin, source.twin.as_given]}


def _file(module: ModuleType, resources: Resources) -> str:
    return resources.digest(Path(module.__file__)) if module.__file__ else ""


def _record(folder: Folder, case: str) -> str:
    digest = hashlib.sha256()
    for path in (folder.case_folder(case) / name for name in ("record.json", "arrays.npz")):
        digest.update(path.read_bytes() if path.is_file() else b"")
    return digest.hexdigest()


@cache
def code_digest() -> str:
    """Digest of the auditor's own files, and of every extension that others bring."""
    root = Path(auditor.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*")):
        if path.is_file() and path.suffix != ".pyc":
            digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    for name, path in catalog.third_party_files():
        digest.update(name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


@cache
def versions() -> Mapping[str, str]:
    """Versions of what a result depends on, empty where a package isn't installed."""
    found = {"python": platform.python_version(), "machine": f"{platform.system()} {platform.machine()}"}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = ""
    return found

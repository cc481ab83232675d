"""Load classifiers and samples, check that they fit, and keep them: the one place with session state."""

import dataclasses
import hashlib
import os
import shutil
import sys
import tempfile
import time
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from auditor import catalog
from auditor.core import Classifier, Samples
from auditor.errors import DataError, ModelError, RecordError
from auditor.fields import Parameters, references
from auditor.models._common import times
from auditor.models._preprocessing import ModelParameters, prepared
from auditor.plan import Plan, Source
from auditor.registry import Registered, fetch, is_registered, listing, registered

_PROBE = 32
RUNTIMES = {"torch": "torch", "onnxruntime": "onnxruntime", "ai-edge-litert": "ai_edge_litert"}  # package: module


class Resources:
    """Classifiers and samples of a session, each loaded on first use and once.

    tracking: URI of the MLflow that `models:/…` are fetched from; MLFLOW_TRACKING_URI says it if left out.
    """

    def __init__(self, tracking: str = "") -> None:
        self._tracking = tracking
        self._fetched: dict[Registered, Path] = {}
        self._downloads: Path | None = None
        self._opened: dict[str, Classifier] = {}
        self._fitting: dict[tuple[str, str], Classifier] = {}
        self._known_by: dict[str, Mapping[str, str]] = {}
        self._sources: dict[int, Source] = {}
        self._samples: dict[str, Samples] = {}
        self._digests: dict[tuple[str, int, int], str] = {}

    def samples(self, plan: Plan) -> Samples:
        """Return the plan's samples; raise DataError if they can't be loaded."""
        key = _key(plan.data)
        if key not in self._samples:
            self._samples[key] = catalog.load("datasets", plan.data.extension).load(plan.data.params)
        return self._samples[key]

    def classifier(self, plan: Plan, name: str) -> Classifier:
        """Return the plan's model `name`, behind its preprocessing.

        Raises ModelError if it can't be opened or doesn't fit the samples.
        """
        source = plan.models[name]
        key = _key(source)
        if key not in self._opened:
            self._known_by[key] = catalog.known_by(source.extension, source.params)
            self._opened[key] = self._open(source)
        pair = (key, _key(plan.data))
        if pair not in self._fitting:
            samples = self.samples(plan)
            classifier = behind_preprocessing(name, self._opened[key], source, samples.images.shape[1:])
            _check_fit(name, classifier, samples)
            self._fitting[pair] = classifier
            self._sources[id(classifier)] = dataclasses.replace(source, params=self._located(source))
        return self._fitting[pair]

    def known_by(self, source: Source) -> Mapping[str, str]:
        """What a model without files is known by, such as the version that its server tells; of others nothing.

        Raises ModelError where it isn't any more what it was when it was opened.
        """
        now = catalog.known_by(source.extension, source.params)
        then = self._known_by.setdefault(_key(source), now)
        if now != then:
            other = [what for what in now if now[what] != then[what]]
            told = ", ".join(f"its {what} was {then[what]} and is {now[what]} now" for what in other)
            raise ModelError(f"the model was exchanged while it was audited: {told}; run the audit again")
        return now

    def source_of(self, classifier: Classifier) -> Source | None:
        """What a classifier was loaded from, or None for one that these resources didn't load."""
        return self._sources.get(id(classifier))

    def _open(self, source: Source) -> Classifier:
        params = self._located(source)
        try:
            return opened(dataclasses.replace(source, params=params))
        except ModelError as error:
            said = str(error)
            for reference, there in zip(references(source.params), references(params), strict=True):
                if reference.name != there.name:
                    held = f" {listing(Path(there.name))}" if Path(there.name).is_dir() else ""
                    said = said.replace(there.name, reference.name) + held
            raise ModelError(said) from error

    def _located(self, source: Source) -> Parameters:
        """Return the parameters with a path to a copy of its own for everything named `models:/…`."""
        found = {}
        for reference in references(source.params):
            if reference.to == "file" and is_registered(reference.name):
                wanted = registered(reference.name)
                found[str(reference.location[0])] = str(wanted.within(self._artifact(wanted)))
        return source.params.model_copy(update=found)

    def _artifact(self, wanted: Registered) -> Path:
        whole = Registered(wanted.model, wanted.version)
        if whole not in self._fetched:
            if self._downloads is None:
                self._downloads = Path(tempfile.mkdtemp(prefix="auditor-"))
                weakref.finalize(self, shutil.rmtree, self._downloads, ignore_errors=True)
            self._fetched[whole] = fetch(whole, self._tracking, self._downloads)
        return self._fetched[whole]

    def digests(self, source: Source) -> dict[str, str]:
        """SHA-256 of everything a source is loaded from, by the name the spec gives it.

        Where a name stands for several files, it is the SHA-256 of what `sha256sum` prints for them, sorted by name.
        """
        shown = {r.location: r.name for r in references(source.written)}
        found = {}
        for reference in references(self._located(source)):
            if reference.to == "file":
                path = Path(reference.name)
                found[shown[reference.location]] = self._digest_of_all(path, source.params.files_at(path))
        return found

    def _digest_of_all(self, path: Path, files: tuple[Path, ...]) -> str:
        if files == (path,):
            return self.digest(path)
        folder = path if path.is_dir() else path.parent
        named = sorted((file.relative_to(folder).as_posix(), self.digest(file)) for file in files)
        return hashlib.sha256("".join(f"{digest}  {name}\n" for name, digest in named).encode()).hexdigest()

    def digest(self, path: Path) -> str:
        """SHA-256 of one file, in hex, read once as long as size and time stay what they are."""
        status = path.stat()
        key = (str(path), status.st_size, status.st_mtime_ns)
        if key not in self._digests:
            with path.open("rb") as file:
                self._digests[key] = hashlib.file_digest(file, "sha256").hexdigest()
        return self._digests[key]


def opened(source: Source) -> Classifier:
    """Load a checkpoint; raise ModelError if it can't be opened."""
    loaded: Classifier = catalog.load("models", source.extension).load(source.params)
    return loaded


def behind_preprocessing(name: str, classifier: Classifier, source: Source, shape: Any) -> Classifier:
    """Put what a source says of preprocessing in front of a classifier, for samples of this shape (H, W, C)."""
    steps = source.params.preprocessing if isinstance(source.params, ModelParameters) else None
    return prepared(name, classifier, steps, shape)


def _key(source: Source) -> str:
    return f"{source.extension} {source.params.model_dump_json()}"


def _check_fit(name: str, classifier: Classifier, samples: Samples) -> None:
    """Refuse a model and data of different shapes or classes, and a wrongly declared output."""
    shape = samples.images.shape[1:]
    if classifier.input_shape != shape:
        told = f"takes images of {times(classifier.input_shape)}, but {samples.source} has {times(shape)}"
        raise ModelError(f"model {name!r} {told}; `preprocessing` of the model can resize and reorder them")
    known = classifier.class_count
    if samples.classes is not None and len(samples.classes) != known:
        message = f"model {name!r} tells {known} classes apart, but {samples.source} has {len(samples.classes)}"
        raise ModelError(message)
    highest = int(samples.labels.max())
    if highest >= known:
        message = f"{samples.source} has labels up to {highest}, but model {name!r} knows classes 0 to {known - 1}"
        raise DataError(message)
    probe = samples.images[:_PROBE]
    classifier.check_declaration(probe)
    classifier.predict(probe)


def spec_origin(plan: Plan) -> Mapping[str, Any]:
    """Which spec a result is of."""
    return {"path": plan.spec.marks.file, "sha256": plan.spec.digest, "seed": plan.spec.content.seed}


def provenance(plan: Plan, resources: Resources, models: tuple[str, ...], seed: int) -> Mapping[str, Any]:
    """Where a result comes from: digests of spec, data and checkpoints, the case's seed, versions, machine, time."""
    import platform
    from importlib.metadata import version

    import auditor

    runtimes = [name for name, module in RUNTIMES.items() if module in sys.modules]
    packages = ("tensorflow", "keras", "numpy", "scipy", *runtimes)
    samples = resources.samples(plan)
    return {
        "spec": spec_origin(plan),
        "case": {"seed": seed},
        "data": {
            "dataset": plan.data.extension,
            "params": plan.data.shown,
            "images": len(samples),
            "sha256": samples.digest,
            "files": resources.digests(plan.data),
        },
        "models": {
            name: {
                "format": plan.models[name].extension,
                "params": plan.models[name].shown,
                "files": resources.digests(plan.models[name]),
                "known_by": resources.known_by(plan.models[name]),
                "logits": resources.classifier(plan, name).logits_from,
            }
            for name in models
        },
        "versions": {
            "auditor": auditor.__version__,
            "python": platform.python_version(),
            **{package: version(package) for package in packages},
        },
        "machine": f"{platform.system()} {platform.machine()}",
        "finished": now(),
    }


def now() -> str:
    """This moment, ISO 8601 in UTC, or the one that SOURCE_DATE_EPOCH names; raise RecordError if it names none."""
    said = os.environ.get("SOURCE_DATE_EPOCH")
    try:
        moment = time.gmtime(int(said)) if said else time.gmtime()
    except (ValueError, OverflowError, OSError) as error:
        message = f"SOURCE_DATE_EPOCH is {said!r}; it has to be whole seconds since 1970, such as 1767225600"
        raise RecordError(message) from error
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", moment)

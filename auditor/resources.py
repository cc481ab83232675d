"""Load classifiers and samples, check that they fit, and keep them: the one place with session state."""

import hashlib
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from auditor import catalog
from auditor.core import Classifier, Samples
from auditor.errors import DataError, ModelError
from auditor.fields import references
from auditor.models._common import times
from auditor.models._preprocessing import ModelParameters, prepared
from auditor.plan import Plan, Source

_PROBE = 32
_RUNTIMES = {"torch": "torch", "onnxruntime": "onnxruntime", "ai-edge-litert": "ai_edge_litert"}  # package: module


class Resources:
    """Classifiers and samples of a session, each loaded on first use and once."""

    def __init__(self) -> None:
        self._opened: dict[str, Classifier] = {}
        self._fitting: dict[tuple[str, str], Classifier] = {}
        self._known_by: dict[str, Mapping[str, str]] = {}
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
            self._opened[key] = catalog.load("models", source.extension).load(source.params)
        pair = (key, _key(plan.data))
        if pair not in self._fitting:
            samples = self.samples(plan)
            steps = source.params.preprocessing if isinstance(source.params, ModelParameters) else None
            classifier = prepared(name, self._opened[key], steps, samples.images.shape[1:])
            _check_fit(name, classifier, samples)
            self._fitting[pair] = classifier
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

    def digests(self, source: Source) -> dict[str, str]:
        """SHA-256 of everything a source is loaded from, by the name the spec gives it.

        Where a name stands for several files, it is the SHA-256 of what `sha256sum` prints for them, sorted by name.
        """
        shown = {r.location: r.name for r in references(source.written)}
        found = {}
        for reference in references(source.params):
            if reference.to == "file":
                path = Path(reference.name)
                found[shown[reference.location]] = self._digest_of_all(path, source.params.files_at(path))
        return found

    def _digest_of_all(self, path: Path, files: tuple[Path, ...]) -> str:
        if files == (path,):
            return self._digest(path)
        folder = path if path.is_dir() else path.parent
        named = sorted((file.relative_to(folder).as_posix(), self._digest(file)) for file in files)
        return hashlib.sha256("".join(f"{digest}  {name}\n" for name, digest in named).encode()).hexdigest()

    def _digest(self, path: Path) -> str:
        status = path.stat()
        key = (str(path), status.st_size, status.st_mtime_ns)
        if key not in self._digests:
            with path.open("rb") as file:
                self._digests[key] = hashlib.file_digest(file, "sha256").hexdigest()
        return self._digests[key]


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


def provenance(plan: Plan, resources: Resources, models: tuple[str, ...], seed: int) -> Mapping[str, Any]:
    """Where a result comes from: digests of spec, data and checkpoints, the case's seed, versions, machine, time."""
    import platform
    from importlib.metadata import version

    import auditor

    runtimes = [name for name, module in _RUNTIMES.items() if module in sys.modules]
    packages = ("tensorflow", "keras", "numpy", "scipy", *runtimes)
    samples = resources.samples(plan)
    return {
        "spec": {"path": plan.spec.marks.file, "sha256": plan.spec.digest, "seed": plan.spec.content.seed},
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
        "finished": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }

"""Load classifiers and samples, check that they fit, and keep them: the one place with session state.

Before a checkpoint is loaded its digests and signature have to be what the spec demands, nothing in its files may
look hostile, and unless the spec trusts it, it has to be loaded by another process first.
"""

import hashlib
import sys
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from auditor import catalog, signature
from auditor.core import Checkpoint, Classifier, Samples
from auditor.errors import DataError, ModelError
from auditor.fields import references
from auditor.plan import Plan, Source
from auditor.probing import Prober
from auditor.scanning import scan

_PROBE = 32
_RUNTIMES = {"torch": "torch", "onnxruntime": "onnxruntime", "ai-edge-litert": "ai_edge_litert"}  # package: module


class Resources:
    """Classifiers and samples of a session, each loaded on first use and once.

    allow_code: whether code of checkpoints may run, and what looks hostile may be loaded. cache: a folder that
    remembers which checkpoints another process has loaded; each is tried anew if left out.
    """

    def __init__(self, allow_code: bool = False, cache: Path | None = None) -> None:
        self.allow_code = allow_code
        self._prober = Prober(cache)
        self._classifiers: dict[str, Classifier] = {}
        self._refused: dict[str, str] = {}  # why, or nothing: what took minutes to find out isn't tried again
        self._samples: dict[str, Samples] = {}
        self._digests: dict[tuple[str, int, int], str] = {}
        self._fits: set[tuple[str, str]] = set()

    def samples(self, plan: Plan) -> Samples:
        """Return the plan's samples; raise DataError if they can't be loaded."""
        key = _key(plan.data)
        if key not in self._samples:
            self._samples[key] = catalog.load("datasets", plan.data.extension).load(plan.data.params)
        return self._samples[key]

    def classifier(self, plan: Plan, name: str) -> Classifier:
        """Return the plan's model `name`.

        Raises ModelError if it isn't let in, can't be opened, or doesn't fit the samples.
        """
        source = plan.models[name]
        key = _key(source)
        if key not in self._classifiers:
            if key not in self._refused:
                self._refused[key] = self._refusal(name, source, self.checkpoint(plan, name))
            if self._refused[key]:
                raise ModelError(self._refused[key])
            self._classifiers[key] = catalog.loader(source.extension, self.allow_code)(source.params)
        classifier = self._classifiers[key]
        pair = (key, _key(plan.data))
        if pair not in self._fits:
            _check_fit(name, classifier, self.samples(plan))
            self._fits.add(pair)
        return classifier

    def checkpoint(self, plan: Plan, name: str) -> Checkpoint:
        """Return the files of the plan's model `name`.

        Raises ModelError if their digests or their signature aren't what the spec demands.
        """
        source = plan.models[name]
        files = {
            label: file
            for reference in references(source.params)
            if reference.to == "file"
            for label, file in _labelled(Path(reference.name), source.params.files_at(Path(reference.name))).items()
        }
        digests = {label: self._digest(file) for label, file in files.items()}
        wanted = source.safeguards.sha256
        whole = list(self.digests(source).values())
        told = _unlike(wanted, whole[0] if len(whole) == 1 else None, digests)
        if told:
            line = plan.spec.marks.line(("models", name, "sha256"))
            message = f"{told} (line {line} of {plan.spec.marks.file}); it isn't loaded"
            raise ModelError(f"model {name!r}: {message}. If it was meant to change, write its new digest there")
        key = source.safeguards.public_key
        if key is not None:
            self._check_signature(name, source, Path(key))
        return Checkpoint(files, digests, pinned=wanted is not None, signed=key is not None)

    def _check_signature(self, name: str, source: Source, key: Path) -> None:
        paths = [Path(reference.name) for reference in references(source.params) if reference.to == "file"]
        for path in paths:
            told = source.safeguards.signature_path
            alone = source.params.files_at(path) == (path,)
            whole = path if path.is_dir() or alone else path.parent
            signature.check(name, whole, Path(told) if told else signature.beside(path), key)

    def _refusal(self, name: str, source: Source, checkpoint: Checkpoint) -> str:
        """Why a checkpoint isn't loaded, since it looks hostile or another process can't load it, or nothing."""
        threats = [] if self.allow_code else [t for t in scan(checkpoint.files) if t.severity == "critical"]
        if threats:
            more = f" (and {len(threats) - 1} more; the check `model_scan` lists them)" if threats[1:] else ""
            way = "if you trust whoever made it, --audit-allow-code loads it all the same"
            message = f"{threats[0].file}: {threats[0].message}{more}; it isn't loaded ({way})"
            return f"model {name!r}: {message}"
        if source.safeguards.trusted:
            return ""
        return self._prober.refusal(name, source, checkpoint.digests, self.allow_code)

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
        named = sorted((label, self._digest(file)) for label, file in _labelled(path, files).items())
        return hashlib.sha256("".join(f"{digest}  {name}\n" for name, digest in named).encode()).hexdigest()

    def _digest(self, path: Path) -> str:
        status = path.stat()
        key = (str(path), status.st_size, status.st_mtime_ns)
        if key not in self._digests:
            with path.open("rb") as file:
                self._digests[key] = hashlib.file_digest(file, "sha256").hexdigest()
        return self._digests[key]


def _key(source: Source) -> str:
    return f"{source.extension} {source.params.model_dump_json()} {source.safeguards.model_dump_json()}"


def _labelled(path: Path, files: Iterable[Path]) -> dict[str, Path]:
    """Files that are read for a path, as `sha256sum` names them in its folder, or in it if it is one."""
    folder = path if path.is_dir() else path.parent
    return {file.relative_to(folder).as_posix(): file for file in files}


def _unlike(wanted: str | Mapping[str, str] | None, whole: str | None, digests: Mapping[str, str]) -> str | None:
    """Say where a checkpoint isn't the one that the spec means, or None.

    wanted: its digest, or that of every file, as far as the spec says. whole: its digest, if it has a single one.
    """
    if isinstance(wanted, str):
        if whole is None:
            return f"`sha256` is one digest of several paths; give one for each of {', '.join(digests)}"
        return None if whole == wanted else f"its SHA-256 is {whole}, the spec says {wanted}"
    for label in sorted({*digests, *(wanted or digests)}):
        expected = (wanted or digests).get(label)
        if label not in digests:
            return f"it has no file {label!r}, for which the spec gives a digest; it has {', '.join(digests)}"
        if expected is None:
            return f"the spec gives no digest of its file {label!r}, which has {digests[label]}"
        if expected != digests[label]:
            return f"the SHA-256 of {label!r} is {digests[label]}, the spec says {expected}"
    return None


def _check_fit(name: str, classifier: Classifier, samples: Samples) -> None:
    """Refuse a model and data of different shapes or classes, and a wrongly declared output."""
    shape = samples.images.shape[1:]
    if classifier.input_shape != shape:
        wanted = " × ".join(map(str, classifier.input_shape))
        given = " × ".join(map(str, shape))
        raise ModelError(f"model {name!r} takes images of {wanted}, but {samples.source} has {given}")
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


def provenance(
    plan: Plan, resources: Resources, models: tuple[str, ...], used: Mapping[str, Classifier], seed: int
) -> Mapping[str, Any]:
    """Where a result comes from: digests of spec, data and checkpoints, the case's seed, versions, machine, time.

    used: those of the models that were loaded for it.
    """
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
                "pinned": plan.models[name].safeguards.sha256 is not None,
                "signed": plan.models[name].safeguards.public_key is not None,
                "logits": used[name].logits_from if name in used else "not loaded",
            }
            for name in models
        },
        "code_allowed": resources.allow_code,
        "versions": {
            "auditor": auditor.__version__,
            "python": platform.python_version(),
            **{package: version(package) for package in packages},
        },
        "machine": f"{platform.system()} {platform.machine()}",
        "finished": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }

"""Load classifiers and samples, check that they fit, and keep them: the one place with session state.

Before a checkpoint is loaded its digests and signature have to be what the spec demands, nothing in its files may
look hostile, and unless the spec trusts it, it has to be loaded by another process first.
"""

import dataclasses
import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from auditor import catalog
from auditor.classifiers import Loaded, WithTwin
from auditor.loading import signature
from auditor.loading.checkpoint_files import all_labelled, labelled, paths_of, unlike
from auditor.loading.fitting import check_fit, unfaithful
from auditor.loading.holding import Files
from auditor.loading.naming import Naming
from auditor.loading.opening import as_named, behind_preprocessing, given_to, opened_copy
from auditor.loading.probing import Prober
from auditor.loading.registry import fetch
from auditor.loading.scanning import Threat, scan
from auditor.reading import intake, together
from auditor.spec import Plan, Registered, Source, is_registered, registered, signature_beside
from auditor.telling.lists import first
from auditor.telling.numbers import times
from auditor.telling.reason import os_reason
from auditor.values import Checkpoint, Classifier, DataError, ModelError, Parameters, Samples, SizeError, references


class Resources:
    """Classifiers and samples of a session, each loaded on first use and once.

    tracking: URI of the MLflow that `models:/…` are fetched from; MLFLOW_TRACKING_URI says it if left out. allow_code:
    whether code of checkpoints may run, and what looks hostile may be loaded. cache: the folder that remembers which
    checkpoints another process has loaded; each is tried anew if left out. secret: what is to be remembered there is
    signed with it, so that nobody else can say that a checkpoint was loaded.
    """

    def __init__(
        self, tracking: str = "", allow_code: bool = False, cache: Path | None = None, secret: bytes = b""
    ) -> None:
        self._tracking = tracking
        self.allow_code = allow_code
        self._prober = Prober(cache, secret)
        self._fetched: dict[Registered, Path] = {}
        self._threats: dict[str, tuple[Threat, ...]] = {}
        self._refused: dict[str, ModelError | None] = {}  # what took minutes to find out isn't tried again
        self._signed: set[tuple[str, str]] = set()
        self._opened: dict[str, Classifier] = {}
        self._fitting: dict[tuple[str, str], Classifier] = {}
        self._led: dict[tuple[int, int], WithTwin] = {}
        self._faithful: set[tuple[str, str]] = set()
        self._known_by: dict[str, Mapping[str, str]] = {}
        self._sources: dict[int, Source] = {}
        self._samples: dict[str, Samples] = {}
        self._files = Files()
        self._naming = Naming(self._files)

    def samples(self, plan: Plan) -> Samples:
        """Return the plan's samples, as `intake` lets them in; raise DataError if they can't be loaded."""
        return self._grouped(plan, plan.data)

    def other_samples(self, plan: Plan, name: str) -> Samples:
        """Return the plan's further data `name`; raise DataError if it can't be loaded, or isn't like the samples."""
        found, own = self._grouped(plan, plan.others[name]), self.samples(plan)
        if (found.images.shape[1:], found.box) == (own.images.shape[1:], own.box):
            return found
        told = [f"{times(s.images.shape[1:])} in [{s.box[0]:g}, {s.box[1]:g}]" for s in (found, own)]
        place = f"line {plan.spec.marks.line(('other_data', name))} of {plan.spec.marks.file}"
        raise DataError(f"data {name!r} ({place}): images are {told[0]}, and those audited {told[1]}; make them alike")

    def _grouped(self, plan: Plan, source: Source) -> Samples:
        """Samples that know which of them belong together, if the spec says what tells."""
        by, way = plan.spec.content.clusters, plan.spec.content.independent
        if (key := f"{_key(source)} {by} {way}") not in self._samples:
            self._samples[key] = together(self._admitted(source), by, way == "deduplicated", source is plan.data)
        return self._samples[key]

    def _admitted(self, source: Source) -> Samples:
        key = _key(source)
        if key not in self._samples:
            with self._unchanged(source):
                found = catalog.load("datasets", source.extension).load(source.params)
            duplicates: intake.Duplicates = getattr(source.params, "duplicates", "drop")  # others need not know it
            self._samples[key] = intake.admitted(found, source.extension, duplicates)
        return self._samples[key]

    @contextmanager
    def _unchanged(self, source: Source) -> Iterator[None]:
        """Raise DataError where what data is loaded from isn't afterwards what its digests say that it was before."""
        try:
            self.digests(source)
        except OSError:
            yield  # whoever loads it says what is wrong
            return
        yield
        files = (f for path in paths_of(source) for f in source.params.files_at(path))
        try:
            self._files.check_unchanged(files)
        except OSError as error:
            raise DataError(f"{error.filename} can't be read any more: {os_reason(error)}") from error
        except ModelError as error:
            raise DataError(str(error)) from error

    def classifier(self, plan: Plan, name: str) -> Classifier:
        """Return the plan's model `name`, behind its preprocessing.

        What was taken off its output is put back where logits would otherwise not be those of the checkpoint itself.
        Raises ModelError if it isn't let in, can't be opened, doesn't fit the samples, or if what is measured on it
        would still not be what the checkpoint answers.
        """
        pair = self._pair(plan, name)
        if pair not in self._faithful:
            classifier = self.own_call(plan, name)
            told = unfaithful(classifier, self.samples(plan))
            if told and self.take_as_given(plan, name):
                told = unfaithful(self._fitting[pair], self.samples(plan))
            if told:
                message = "gives other answers to an audit than to a plain call of its format"
                raise ModelError(f"model {name!r} {message}: {told}. Nothing measured on it would be true of it")
            self._faithful.add(pair)
        return self._with_twin(plan, name) if plan.twin_of(name) else self._fitting[pair]

    def _with_twin(self, plan: Plan, name: str) -> Classifier:
        """A model that has been compared, and the other one of the plan whose gradients lead attacks on it."""
        base, lends = self._fitting[self._pair(plan, name)], plan.twin_of(name)
        twin = self.classifier(plan, lends)
        if twin.class_count != base.class_count:
            told = f"{lends!r}, whose `gradients` it takes, {twin.class_count}"
            raise ModelError(f"model {name!r} tells {base.class_count} classes apart, and {told}")
        if (id(base), id(twin)) not in self._led:
            led = WithTwin(base, twin, lends)
            self._led[id(base), id(twin)] = led
            self._sources[id(led)] = dataclasses.replace(self._sources[id(base)], twin=self._sources[id(twin)])
        return self._led[id(base), id(twin)]

    def own_call(self, plan: Plan, name: str) -> Classifier:
        """The same for whoever asks nothing but `answers`, the checkpoint's own: its logits haven't been compared."""
        pair = self._pair(plan, name)
        if pair not in self._fitting:
            self._put(plan, name, self.let_in_for_samples(plan, name), as_given=False)
            layout = getattr(plan.models[name].params, "layout", None) or ""
            try:
                check_fit(name, self._fitting[pair], self.samples(plan), layout)
            except Exception:
                self._drop(pair)
                raise
        return self._fitting[pair]

    def take_as_given(self, plan: Plan, name: str) -> bool:
        """Take the output of the plan's model `name` as it is from now on; say whether anything had been taken off."""
        base = self._opened[_key(plan.models[name])]
        whole = base.as_given if isinstance(base, Loaded) else None
        if whole is None or self._sources[id(self._fitting[self._pair(plan, name)])].as_given:
            return False
        self._put(plan, name, whole, as_given=True)
        return True

    def _pair(self, plan: Plan, name: str) -> tuple[str, str]:
        return _key(plan.models[name]), _key(plan.data)

    def _put(self, plan: Plan, name: str, base: Classifier, as_given: bool) -> None:
        samples, source = self.samples(plan), plan.models[name]
        source = dataclasses.replace(source, box=samples.box, given=given_to(source, samples.images.shape[1:]))
        classifier = behind_preprocessing(name, base, source, samples.images.shape[1:])
        self._drop(self._pair(plan, name))
        self._fitting[self._pair(plan, name)] = classifier
        here = dataclasses.replace(self._here(source), as_given=as_given, loaded=self.digests(source))
        self._sources[id(classifier)] = here

    def _drop(self, pair: tuple[str, str]) -> None:
        old = self._fitting.pop(pair, None)
        if old is not None:
            del self._sources[id(old)]

    def let_in_for_samples(self, plan: Plan, name: str) -> Classifier:
        """Open a checkpoint as `let_in` does, at the size that the plan's data has where it takes no other."""
        try:
            return self.let_in(plan, name)
        except SizeError:
            return self.let_in(plan, name, given_to(plan.models[name], self.samples(plan).images.shape[1:]))

    def let_in(self, plan: Plan, name: str, given: tuple[int, int, int] | None = None) -> Classifier:
        """Open a checkpoint once, if it may be; given: for images of which shape, where it leaves that open."""
        source = dataclasses.replace(plan.models[name], given=given)
        key = _key(source)
        if key not in self._opened:
            tried = f"{key} {given}"
            if tried not in self._refused:
                self._refused[tried] = self._refusal(name, source, self.checkpoint(plan, name))
            refused = self._refused[tried]
            if refused is not None:
                raise refused.saying(str(refused))
            self._known_by[key] = catalog.known_by(source.extension, source.params)
            self._opened[key] = self._open(source)
        return self._opened[key]

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
        copy = self.held(source)
        return self._naming.named(opened_copy(source, copy), copy, self._here(source))

    def names(self, source: Source) -> dict[str, str]:
        """SHA-256 of each file beside a model that may list its classes; raise OSError if one can't be read."""
        return self._naming.digests(self._here(source))

    def _here(self, source: Source) -> Source:
        """What to load, wherever it was fetched to, and whether its code may run."""
        return dataclasses.replace(source, params=self._located(source), allow_code=self.allow_code)

    def held(self, source: Source) -> Source:
        """The same source, loaded from copies that nobody else can change; raise OSError for what can't be read."""
        here = self._here(source)
        return dataclasses.replace(here, params=self._files.held(here.params).params)

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
            self._fetched[whole] = fetch(whole, self._tracking, self._files.folder)
        return self._fetched[whole]

    def checkpoint(self, plan: Plan, name: str, copies: bool = True) -> Checkpoint:
        """Return the files of the plan's model `name`, of copies that nobody else can change unless none are asked for.

        Raises ModelError if their digests or their signature aren't what the spec demands.
        """
        source = plan.models[name]
        files = all_labelled(paths_of(self._here(source)), source.params)
        try:
            copied = self._files.held(self._here(source).params).copies if copies else {}
            digests = {label: self.digest(file) for label, file in files.items()}
            whole = list(self.digests(source).values())
        except OSError as error:
            raise ModelError(f"model {name!r}: {error.filename} can't be read: {os_reason(error)}") from error
        wanted = source.safeguards.sha256
        told = unlike(wanted, whole[0] if len(whole) == 1 else None, digests)
        if told:
            line = plan.spec.marks.line(("models", name, "sha256"))
            message = f"{told} (line {line} of {plan.spec.marks.file}); it isn't loaded"
            raise ModelError(f"model {name!r}: {message}. If it was meant to change, write its new digest there")
        key = source.safeguards.public_key
        if key is not None and (_key(source), str(digests)) not in self._signed:
            self._check_signature(name, self._here(source), Path(key))
            self._signed.add((_key(source), str(digests)))
        there = {label: copied.get(file, file) for label, file in files.items()}
        return Checkpoint(there, digests, **self.demanded(source))

    def demanded(self, source: Source) -> dict[str, bool]:
        """What the spec demands of a model before it is loaded, and whether a signature lies beside it in vain."""
        safeguards = source.safeguards
        beside = any(signature_beside(path).is_file() for path in paths_of(self._here(source)))
        return {
            "pinned": safeguards.sha256 is not None,
            "signed": safeguards.public_key is not None,
            "unchecked": beside and safeguards.public_key is None,
        }

    def unseen(self, plan: Plan, name: str) -> list[str]:
        """Which files of a model, or parts of them, are of no kind that the scan looks into: they may hold anything."""
        found = self._scanned(plan.models[name], self.checkpoint(plan, name))
        return [threat.file for threat in found if threat.severity == "unknown"]

    def _scanned(self, source: Source, checkpoint: Checkpoint) -> tuple[Threat, ...]:
        key = _key(source)
        if key not in self._threats:
            self._threats[key] = scan(checkpoint.files)
        return self._threats[key]

    def _check_signature(self, name: str, source: Source, key: Path) -> None:
        paths = paths_of(source)
        told = source.safeguards.signature_path
        for path in paths:
            alone = len(paths) == 1 and source.params.files_at(path) == (path,)
            whole = path if path.is_dir() or alone else path.parent
            signature.check(name, whole, Path(told) if told else signature_beside(path), key)
            # What was signed is the original; what is loaded, a copy of it.
            self._files.check_unchanged(source.params.files_at(path))

    def _refusal(self, name: str, source: Source, checkpoint: Checkpoint) -> ModelError | None:
        """Why a checkpoint isn't loaded, since it looks hostile or another process can't load it, or None."""
        if not checkpoint.files:
            return None
        threats = [] if self.allow_code else [t for t in self._scanned(source, checkpoint) if t.severity == "critical"]
        if threats:
            told = first((f"{one.file}: {one.message}" for one in threats), "the check `model_scan` lists them")
            way = "if you trust whoever made it, --audit-allow-code loads it all the same"
            return ModelError(f"model {name!r}: {told}; it isn't loaded ({way})")
        if source.safeguards.trusted:
            return None
        here = self.held(source)
        refused = self._prober.refusal(name, here, checkpoint.digests)
        return refused and refused.saying(as_named(str(refused), source, here))

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
        named = sorted((label, self.digest(file)) for label, file in labelled(path, files).items())
        return hashlib.sha256("".join(f"{digest}  {name}\n" for name, digest in named).encode()).hexdigest()

    def digest(self, path: Path) -> str:
        """SHA-256 of one file, in hex, as it was when it was first asked for."""
        return self._files.digest(path)


def _key(source: Source) -> str:
    return f"{source.extension} {source.params.model_dump_json()} {source.safeguards.model_dump_json()}"

"""From what a spec says of a model to a classifier: opened, named as the spec does, behind its preprocessing."""

import dataclasses
from pathlib import Path
from typing import Any

from auditor import catalog
from auditor.classifiers import Loaded, ModelParameters, of_shape, prepared
from auditor.spec import Source, is_registered, listing
from auditor.values import Classifier, ModelError, references


def opened(source: Source) -> Classifier:
    """Load a checkpoint, as given if its source says so; raise ModelError if it can't be opened."""
    with of_shape(source.given):
        classifier = catalog.loader(source.extension, source.allow_code)(source.params)
    whole = classifier.as_given if source.as_given and isinstance(classifier, Loaded) else None
    return whole or classifier


def opened_copy(source: Source, copy: Source) -> Classifier:
    """Load a copy of what a source names, which goes by the original's name in whatever is said of it."""
    try:
        found = opened(copy)
    except ModelError as error:
        raise error.saying(as_named(str(error), source, copy)) from error
    return dataclasses.replace(found, path=as_named(found.path, source, copy)) if isinstance(found, Loaded) else found


def behind_preprocessing(name: str, classifier: Classifier, source: Source, shape: Any) -> Classifier:
    """Put what a source says of preprocessing in front of a classifier, for samples of shape (H, W, C) in its box."""
    steps = source.params.preprocessing if isinstance(source.params, ModelParameters) else None
    return prepared(name, classifier, steps, shape, source.box, getattr(source.params, "layout", None) is not None)


def given_to(source: Source, shape: tuple[int, int, int]) -> tuple[int, int, int]:
    """The shape (H, W, C) of what a source's network is given of samples of a shape."""
    steps = source.params.preprocessing if isinstance(source.params, ModelParameters) else None
    return steps.taken(shape) if steps else shape


def as_named(said: str, source: Source, here: Source) -> str:
    """What is said of something that was fetched, by the name that the spec gives it."""
    for reference, there in zip(references(source.params), references(here.params), strict=True):
        if said and reference.name != there.name:
            fetched = is_registered(reference.name) and Path(there.name).is_dir()
            held = f" {listing(Path(there.name))}" if fetched else ""
            said = said.replace(there.name, reference.name) + held
    return said

"""What runs in another process: it loads a checkpoint once, and works off tasks on it."""

import dataclasses
from collections.abc import Callable, Mapping
from threading import Lock
from typing import Any

from auditor.classifiers import WithTwin, own_errors
from auditor.compute import alone
from auditor.loading.holding import Files
from auditor.loading.opening import behind_preprocessing, opened_copy
from auditor.loading.resources import Resources
from auditor.spec import Source
from auditor.telling.reason import os_reason
from auditor.values import Classifier, ModelError

_loaded: dict[str, Classifier] = {}
_led: dict[tuple[int, int], WithTwin] = {}
_loading = Lock()  # a Dask worker may have several threads


def work(
    function: Callable[[Classifier, Any], Any],
    source: Source,
    digests: Mapping[str, str],
    shape: tuple[int, int, int],
    position: int,
    task: Any,
) -> tuple[int, Any]:
    """Give a task's position and function(classifier, task), on the checkpoint that `source` names.

    digests: SHA-256 of its files, as whoever sent the task saw, scanned and loaded them; raises ModelError where they
    are others here. shape: (H, W, C) of a sample.
    """
    with alone(), own_errors():
        return position, function(_classifier(source, digests, shape), task)


def _classifier(source: Source, digests: Mapping[str, str], shape: tuple[int, int, int]) -> Classifier:
    with _loading:
        base = _base(source, digests, shape)
        if source.twin is None:
            return base
        twin = _base(source.twin, source.twin.loaded, shape)
        return _led.setdefault((id(base), id(twin)), WithTwin(base, twin, "the twin"))


def _base(source: Source, digests: Mapping[str, str], shape: tuple[int, int, int]) -> Classifier:
    named = f"{source.extension} {source.params.model_dump_json()} {source.allow_code}"
    key = f"{named} {sorted(digests.items())} {shape} {source.box}"
    if key not in _loaded:
        try:
            _loaded[key] = behind_preprocessing("audited", _opened(source, digests), source, shape)
        except OSError as error:
            message = f"a worker can't read {error.filename}: {os_reason(error)}"
            raise ModelError(f"{message}; workers need the checkpoint under the same path") from error
    return _loaded[key]


def _opened(source: Source, digests: Mapping[str, str]) -> Classifier:
    """Open a copy that nobody exchanges between its digest and its opening."""
    files = Files()  # its copies go when it does
    copy = dataclasses.replace(source, params=files.held(source.params).params)
    here = Resources().digests(copy)
    if here != digests:
        told = f"{here} in place of {dict(digests)}"
        raise ModelError(f"a worker has another checkpoint than was asked for, or none under that path: {told}")
    return opened_copy(source, copy)

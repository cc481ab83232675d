"""What runs in another process: it loads a checkpoint once, and works off tasks on it."""

from collections.abc import Callable, Mapping
from threading import Lock
from typing import Any

from auditor.classifiers import own_errors
from auditor.compute import alone
from auditor.loading.resources import Resources, behind_preprocessing, opened
from auditor.spec import Source
from auditor.telling.reason import os_reason
from auditor.values import Classifier, ModelError

_loaded: dict[str, Classifier] = {}
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
    key = f"{source.extension} {source.params.model_dump_json()} {source.allow_code} {sorted(digests.items())} {shape}"
    with _loading:
        if key not in _loaded:
            try:
                here = Resources().digests(source)
            except OSError as error:
                message = f"a worker can't read {error.filename}: {os_reason(error)}"
                raise ModelError(f"{message}; workers need the checkpoint under the same path") from error
            if here != digests:
                told = f"{here} in place of {dict(digests)}"
                raise ModelError(f"a worker has another checkpoint than was asked for, or none under that path: {told}")
            _loaded[key] = behind_preprocessing("audited", opened(source), source, shape)
        return _loaded[key]

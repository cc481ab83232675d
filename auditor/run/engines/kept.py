"""Finished blocks are kept until their case is, so that a case that was cut off goes on where it was.

What is of a model and its data alone is kept for later cases and runs as well.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any, get_type_hints

from auditor.compute import progress
from auditor.loading.resources import Resources
from auditor.records.encoding import encode
from auditor.run.cache import Cache
from auditor.run.case_key import code_digest, source_identity, versions
from auditor.run.engines import Run
from auditor.spec import Source
from auditor.telling.remarks import remark
from auditor.values import Classifier, Outlasting, one_by_one


class Kept:
    """An engine for one case, in front of another: what was finished before is taken from the cache.

    A classifier that a check has made, and no source of the spec was loaded as, can't be loaded elsewhere: its tasks
    are worked off here, and not kept.
    """

    def __init__(self, run: Run, resources: Resources, cache: Cache | None) -> None:
        self._run, self._resources, self._cache = run, resources, cache
        self._keys: list[str] = []

    def __call__(
        self, function: Callable[[Classifier, Any], Any], classifier: Classifier, tasks: Sequence[Any]
    ) -> list[Any]:
        """Give function(classifier, task) of every task, in their order."""
        source = self._resources.source_of(classifier)
        if source is None:
            return one_by_one(function, classifier, tasks)
        kind = get_type_hints(function)["return"]
        outlasting = isinstance(kind, type) and issubclass(kind, Outlasting)
        keys = self._keys_of(function, source, tasks)
        if not outlasting:
            self._keys += keys
        cache = self._cache.learned if self._cache is not None and outlasting else self._cache
        results = dict[int, Any]()
        if cache is not None:
            found = {at: cache.get(kind, key) for at, key in enumerate(keys)}
            results = {at: result for at, result in found.items() if result is not None}
            if results and outlasting and not cache.secret:
                remark("what was learned of the model before is taken from the cache, unsigned")
        left = [at for at in range(len(tasks)) if at not in results]
        if left:
            several = progress.within(lambda: f"{len(results)} of {len(tasks)} blocks")
            with several if len(tasks) > 1 else nullcontext():
                for position, result in self._run(function, source, classifier, [tasks[at] for at in left]):
                    results[left[position]] = result
                    progress.told("going on")
                    if cache is not None and keys:
                        cache.put(keys[left[position]], result)
        return [results[at] for at in range(len(tasks))]

    def _keys_of(self, function: Callable[..., Any], source: Source, tasks: Sequence[Any]) -> list[str]:
        """What each task's result depends on, as a digest; none where nothing is kept."""
        identity = source_identity(source, "models", self._resources) if self._cache else None
        if identity is None:
            return []
        depends = [
            code_digest(),
            versions(),
            source.as_given,
            f"{function.__module__}.{function.__qualname__}",
            identity,
        ]
        keys = []
        for task in tasks:
            arrays: dict[str, Any] = {}
            text = json.dumps([depends, encode(task, arrays)], sort_keys=True, default=_dumped)
            digest = hashlib.sha256(text.encode())
            for name, array in sorted(arrays.items()):
                digest.update(f"{name} {array.dtype} {array.shape}".encode() + array.tobytes())
            keys.append(digest.hexdigest())
        return keys

    def forget(self) -> None:
        """Drop the blocks of the case: it is finished, and kept as a whole."""
        if self._cache is not None:
            self._cache.remove(self._keys)
        self._keys.clear()


def _dumped(params: Any) -> Any:
    return params.model_dump(mode="json")

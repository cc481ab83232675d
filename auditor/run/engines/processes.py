"""Blocks in a pool of processes, each on one core.

Processes are spawned, never forked: TensorFlow doesn't survive a fork. A process that dies takes its block with it;
the pool is made anew and what is left is tried again, and a block that kills its process a third time is an error.
"""

import atexit
import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from auditor.loading.resources import Resources
from auditor.run.engines import worker
from auditor.spec import Source
from auditor.values import CheckError, Classifier

_TRIES = 3


class Processes:
    """A pool of `count` processes, made when it is first used and kept until `close`."""

    def __init__(self, count: int) -> None:
        self.count = count
        self._pool: ProcessPoolExecutor | None = None
        atexit.register(self.close)

    def run(
        self, function: Callable[[Classifier, Any], Any], source: Source, classifier: Classifier, tasks: Sequence[Any]
    ) -> Iterator[tuple[int, Any]]:
        """Give (position, function(classifier, task)) of every task, as it is done."""
        digests = source.loaded or Resources().digests(source)
        left = dict(enumerate(tasks))
        for _ in range(_TRIES):
            pool = self._made()
            futures = [
                pool.submit(worker.work, function, source, digests, classifier.input_shape, at, task)
                for at, task in left.items()
            ]
            try:
                for future in as_completed(futures):
                    position, result = future.result()
                    del left[position]
                    yield position, result
                return
            except BrokenProcessPool:
                self.close()
            finally:
                for future in futures:
                    future.cancel()
        raise CheckError(
            f"a process died {_TRIES} times while it attacked one of {len(left)} blocks (out of memory, or a crash "
            f"of the checkpoint's runtime); {len(tasks) - len(left)} of {len(tasks)} are done"
        )

    def _made(self) -> ProcessPoolExecutor:
        if self._pool is None:
            spawn = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(self.count, spawn)
        return self._pool

    def close(self) -> None:
        """End the processes."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = None

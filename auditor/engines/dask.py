"""Blocks by a Dask scheduler, on whatever machines its workers are.

Without an address a cluster of this machine is made, which listens on the loopback interface alone. Workers need the
same auditor and see the checkpoint under the same path; its digest is compared before it is loaded. Where the
scheduler's workers declare the resource GPU, give `gpu`, and each block takes one.

References
    Rocklin, Dask: Parallel Computation with Blocked Algorithms and Task Scheduling, SciPy 2015.
"""

import atexit
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any

from auditor.backend import threads_each
from auditor.core import Classifier
from auditor.engines import _worker
from auditor.errors import CheckError
from auditor.plan import Source
from auditor.resources import Resources

_RETRIES = 2
_AHEAD = 2  # blocks for each thread: the one it works on, and one that has arrived
_PATIENCE = "5s"


class Dask:
    """A client of the scheduler at `address`, or of a cluster of `count` processes here; connected on first use."""

    def __init__(self, address: str | None, count: int, gpu: bool) -> None:
        self.address, self.count, self.gpu = address, count, gpu
        self._client: Any = None
        self._cluster: Any = None
        atexit.register(self.close)

    def run(
        self, function: Callable[[Classifier, Any], Any], source: Source, classifier: Classifier, tasks: Sequence[Any]
    ) -> Iterator[tuple[int, Any]]:
        """Give (position, function(classifier, task)) of every task, as it is done."""
        client = self._connected()
        from distributed import as_completed
        from distributed.client import FutureCancelledError
        from distributed.scheduler import KilledWorker

        digests = Resources().digests(source)
        needs = {"GPU": 1} if self.gpu else None
        waiting, sent, done = enumerate(tasks), 0, 0

        def submitted(at: int, task: Any) -> Any:
            return client.submit(
                _worker.work,
                function,
                source,
                digests,
                classifier.input_shape,
                at,
                task,
                pure=False,
                retries=_RETRIES,
                resources=needs,
            )

        try:
            futures = as_completed()
            while done < len(tasks):
                # The scheduler keeps in memory what it was sent, so no more is sent than keeps every thread busy.
                for at, task in islice(waiting, self._ahead(client) - (sent - done)):
                    futures.add(submitted(at, task))
                    sent += 1
                future = next(futures)
                position, result = future.result()
                future.release()  # the worker may forget it: the result is here
                done += 1
                yield position, result
        except (KilledWorker, FutureCancelledError, OSError) as error:
            self.close()
            told = f"{done} of {len(tasks)} blocks are done"
            raise CheckError(f"the Dask workers or their scheduler were lost ({error}); {told}") from error

    def _ahead(self, client: Any) -> int:
        """How many blocks may be under way or wait: workers come and go."""
        threads: int = sum(client.nthreads().values())
        return _AHEAD * max(1, threads)

    def _connected(self) -> Any:
        if self._client is not None and self._client.status == "running":
            return self._client
        try:
            from distributed import Client, LocalCluster
        except ImportError as error:
            message = f"the engine `dask` needs distributed ({error}): pip install 'robustness-auditor[cluster]'"
            raise CheckError(message) from error
        try:
            if self.address is None:
                self._cluster = LocalCluster(
                    n_workers=self.count, threads_per_worker=1, processes=True, dashboard_address=None, host="127.0.0.1"
                )
                self._client = Client(self._cluster)
                self._client.run(_worker.limit_threads, threads_each(self.count))
            else:
                self._client = Client(self.address, timeout=_PATIENCE)
        except (OSError, ValueError, TypeError) as error:
            raise CheckError(f"no Dask scheduler answers at {self.address or 'this machine'}: {error}") from error
        return self._client

    def close(self) -> None:
        """Leave the scheduler, and end the cluster that was made here."""
        for part in (self._client, self._cluster):
            if part is not None:
                part.close()
        self._client = self._cluster = None

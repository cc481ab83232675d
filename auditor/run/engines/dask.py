"""Blocks by a Dask scheduler, on whatever machines its workers are.

Without an address a cluster of this machine is made, which listens on the loopback interface alone. Scheduler and
workers need the same auditor, and workers see the checkpoint under the same path; its digest is compared before it is
loaded. Where workers declare the resource GPU, give `gpu`, and each block takes one. Certificates, and how long to wait
for workers (`distributed.scheduler.no-workers-timeout`, else 30 s), are Dask's own settings.

References
    Rocklin, Dask: Parallel Computation with Blocked Algorithms and Task Scheduling, SciPy 2015.
"""

import asyncio
import atexit
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any

from auditor.loading.resources import Resources
from auditor.run.engines import worker
from auditor.spec import Source
from auditor.telling.reason import reason
from auditor.values import CheckError, Classifier

_RETRIES = 2
_AHEAD = 2  # blocks for each thread: the one it works on, and one that has arrived
_PATIENCE = "5s"  # for a scheduler to be there
_SILENCE = "30s"  # of one that was
_WITHOUT_WORKERS = "30s"
_WAIT_SECONDS = 0.1
_LOOK_SECONDS = 1.0  # with nothing done, so often a look at whether there are workers
_TLS = "Dask's settings `distributed.comm.tls` name its certificates: ca-file, client.cert and client.key"


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
        """Give (position, function(classifier, task)) of every task, as it is done.

        Raises CheckError if the scheduler is lost, if there is no worker for too long, or if a block takes down one
        worker after the other.
        """
        client = self._connected()
        from distributed import as_completed
        from distributed.client import FutureCancelledError
        from distributed.scheduler import KilledWorker

        digests = source.loaded or Resources().digests(source)
        needs = {"GPU": 1} if self.gpu else None
        waiting, sent, done = enumerate(tasks), 0, 0

        def told() -> str:
            return f"{done} of {len(tasks)} blocks are done"

        def submitted(at: int, task: Any) -> Any:
            return client.submit(
                worker.work,
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
            # Results are fetched as they appear: one that is lost with its worker before that is made again.
            finished = as_completed([], client.loop, with_results=True)
            while done < len(tasks):
                # The scheduler keeps in memory what it was sent, so no more is sent than keeps every thread busy.
                for at, task in islice(waiting, max(0, self._ahead(client) - (sent - done))):
                    finished.add(submitted(at, task))
                    sent += 1
                self._await(finished)
                _, result = next(finished)
                if isinstance(result, FutureCancelledError):
                    raise result
                done += 1
                yield result
        except KilledWorker as error:
            raise CheckError(f"a block took down every Dask worker that had it ({reason(error)}); {told()}") from error
        except _NoWorkerError as error:
            raise CheckError(f"{reason(error)}; {told()}") from error
        except RuntimeError as error:
            if not isinstance(error.__cause__, ImportError):
                raise
            message = f"the Dask scheduler at {self._place} can't read blocks ({reason(error.__cause__)})"
            raise CheckError(f"{message}; it needs the same auditor as this machine, as its workers do") from error
        except (FutureCancelledError, OSError) as error:
            self.close()
            raise CheckError(f"the Dask scheduler at {self._place} was lost ({reason(error)}); {told()}") from error

    @property
    def _place(self) -> str:
        return self.address or "this machine"

    def _await(self, finished: Any) -> None:
        """Wait until a result is there; raise _NoWorkerError once there has been no worker for too long."""
        import dask.config
        from dask.utils import parse_timedelta

        limit = parse_timedelta(dask.config.get("distributed.scheduler.no-workers-timeout", None) or _WITHOUT_WORKERS)
        looked = seen = time.monotonic()
        while not finished.has_ready():
            with finished.thread_condition:
                finished.thread_condition.wait(_WAIT_SECONDS)
            now = time.monotonic()
            if now - looked < _LOOK_SECONDS:
                continue
            lacking, looked = self._lacking(), now
            if not lacking:
                seen = now
            elif now - seen > limit:
                raise _NoWorkerError(f"the Dask scheduler at {self._place} {lacking}; waited {limit:g} s")

    def _lacking(self) -> str:
        """What the scheduler has no worker for, or nothing; raises OSError where it doesn't answer."""
        told = self._client.sync(self._client.scheduler.identity, callback_timeout=_SILENCE)
        workers = told["workers"].values()
        if not workers:
            return (
                f"has no workers; start some: dask worker {told['address']} (one without the auditor, or with another, "
                "ends at its first block, and its log says so)"
            )
        if self.gpu and not any(worker["resources"].get("GPU", 0) >= 1 for worker in workers):
            return (
                f"has {len(workers)} workers, of which none declares a GPU; start one that does: dask worker "
                f"{told['address']} --resources GPU=1, or leave --audit-gpu out"
            )
        return ""

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
            message = (
                f"the engine `dask` needs distributed ({reason(error)}): pip install 'robustness-auditor[cluster]'"
            )
            raise CheckError(message) from error
        try:
            if self.address is None:
                self._cluster = LocalCluster(
                    n_workers=self.count,
                    threads_per_worker=1,
                    processes=True,
                    dashboard_address="127.0.0.1:0",
                    host="127.0.0.1",
                )
                self._client = Client(self._cluster)
            else:
                # A client that fails half-way blocks the next one when it is collected, so only one that works is made.
                asyncio.run(_reach(self.address))
                self._client = Client(self.address, timeout=_PATIENCE)
        except (OSError, ValueError, TypeError) as error:
            way = f"; {_TLS}" if self._place.startswith("tls:") else ""
            raise CheckError(f"no Dask scheduler answers at {self._place}: {reason(error)}{way}") from error
        return self._client

    def close(self) -> None:
        """Leave the scheduler, and end the cluster that was made here."""
        for part in (self._client, self._cluster):
            if part is not None:
                part.close()
        self._client = self._cluster = None


async def _reach(address: str) -> None:
    """Shake hands with what listens at an address; raise OSError where that fails."""
    from dask.utils import parse_timedelta
    from distributed.comm import connect
    from distributed.security import Security

    comm = await connect(address, timeout=parse_timedelta(_PATIENCE), **Security().get_connection_args("client"))
    await comm.close()


class _NoWorkerError(Exception):
    """There is no worker that could work off what is left."""

"""Where the blocks of an attack are worked off: here, in several processes, or on many machines.

An engine is a function `run(function, source, classifier, tasks)` that gives (position, result) of every task as it is
done, in any order. What a task gives depends on the task alone, so every engine gives the same, bit for bit.

    threads     here, as many blocks at once as there are cores; the default
    serial      here, one block after the other
    processes   in a pool of processes of this machine
    dask        by a Dask scheduler, wherever its workers are
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from auditor.compute import cores
from auditor.spec import Source
from auditor.values import Classifier

NAMES = ("threads", "serial", "processes", "dask")


class Run(Protocol):
    """What an engine is."""

    def __call__(
        self, function: Callable[[Classifier, Any], Any], source: Source, classifier: Classifier, tasks: Sequence[Any]
    ) -> Iterator[tuple[int, Any]]:
        """Give (position, function(classifier, task)) of every task, in any order.

        source: what the classifier was loaded from, and can be loaded from elsewhere.
        """


@dataclass(frozen=True)
class Choice:
    """Which engine, with how many workers on this machine (0: as many as fit), or at which Dask scheduler; gpu: one
    for each block.
    """

    name: str = "threads"
    workers: int = 0
    scheduler: str = ""
    gpu: bool = False

    def opened(self) -> Run:
        """The engine itself; nothing is started before it has something to do."""
        if self.name == "processes":
            from auditor.run.engines.processes import Processes

            return Processes(self.workers or cores()).run
        if self.name == "dask":
            from auditor.run.engines.dask import Dask

            return Dask(self.scheduler or None, self.workers or cores(), self.gpu).run
        if self.name == "serial":
            from auditor.run.engines.serial import run

            return run
        from auditor.run.engines.threads import Threads

        return Threads(self.workers).run

"""What long work says of how far it is, to whoever watches; nobody does unless they ask to."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_watcher: ContextVar[Callable[[str], None] | None] = ContextVar("watcher", default=None)


def told(*parts: object) -> None:
    """Say how far the work is; put into words only if somebody watches."""
    watcher = _watcher.get()
    if watcher is not None:
        watcher("".join(map(str, parts)))


@contextmanager
def watched(watcher: Callable[[str], None]) -> Iterator[None]:
    """Tell `watcher` what is told in this block, by this thread."""
    token = _watcher.set(watcher)
    try:
        yield
    finally:
        _watcher.reset(token)


@contextmanager
def within(whole: Callable[[], str]) -> Iterator[None]:
    """Say of what `whole` the work told of in this block is a part."""
    watcher = _watcher.get()
    if watcher is None:
        yield
        return
    with watched(lambda part: watcher(f"{whole()}: {part}")):
        yield

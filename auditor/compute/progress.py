"""What long work says of how far it is, to whoever watches; nobody does unless they ask to."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Event

_watcher: ContextVar[Callable[[str], None] | None] = ContextVar("watcher", default=None)
_ended: ContextVar[Event | None] = ContextVar("ended", default=None)


class StoppedError(Exception):
    """Nobody waits for this work any more."""


def told(*parts: object) -> None:
    """Say how far the work is; put into words only if somebody watches. Raises StoppedError if nobody waits for it."""
    ended, watcher = _ended.get(), _watcher.get()
    if ended is not None and ended.is_set():
        raise StoppedError
    if watcher is not None:
        watcher("".join(map(str, parts)))


@contextmanager
def unless(ended: Event) -> Iterator[None]:
    """Go on with the work in this block as long as `ended` isn't set."""
    token = _ended.set(ended)
    try:
        yield
    finally:
        _ended.reset(token)


@contextmanager
def watched(watcher: Callable[[str], None]) -> Iterator[None]:
    """Tell `watcher` what is told in this block, by the threads that work for it."""
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

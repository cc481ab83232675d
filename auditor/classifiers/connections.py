"""Connections to servers whose answers end, whatever the server does: in time, headers and all, and in size.

The timeout of urllib3 is one for each packet: a server that sends a byte now and then would never be done.
"""

import http.client
import socket
from collections.abc import Callable
from contextlib import suppress
from threading import Event, Timer
from typing import Any

import urllib3

LARGEST = 64 * 2**20  # bytes: 32 rows of 80 000 scores, written out


LONGEST = 60  # seconds that a server may ask to wait before it is asked again


class TooLongError(Exception):
    """An answer has more than LARGEST bytes."""


class TooLongWaitError(Exception):
    """A server asks to be left alone for more than LONGEST seconds."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds


class Patient(urllib3.Retry):
    """Waits as long as a server asks by `Retry-After`, where that isn't too long."""

    def sleep_for_retry(self, response: Any) -> bool:
        """Wait, and say whether it was asked for; raise TooLongWaitError."""
        seconds = self.get_retry_after(response) or 0.0
        if seconds > LONGEST:
            raise TooLongWaitError(seconds)
        return super().sleep_for_retry(response)


class _Answer(http.client.HTTPResponse):
    """What urllib3 reads an answer from."""

    def read(self, amt: int | None = None) -> bytes:
        """As its base does; raise TooLongError where all is asked for and that is too much."""
        if amt is not None:
            return super().read(amt)
        content = super().read(LARGEST + 1)
        if len(content) > LARGEST:
            raise TooLongError
        if self.length:  # its base says nothing where it is asked for a number of bytes
            raise http.client.IncompleteRead(content, self.length)
        return content + super().read()  # nothing more, which closes it


def _within_timeout(getresponse: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Let `getresponse` of a connection, which reads an answer to its end, take no longer than its timeout."""

    def within(self: Any) -> Any:
        late, channel = Event(), self.sock

        def cut() -> None:
            late.set()
            with suppress(OSError):
                channel.shutdown(socket.SHUT_RDWR)

        watch = Timer(self.timeout, cut)
        watch.daemon = True
        watch.start()
        try:
            answer = getresponse(self)
        except Exception:
            if not late.is_set():
                raise
        finally:
            watch.cancel()
        if late.is_set():  # what was read until then may look like an answer
            raise TimeoutError("timed out")
        return answer

    return within


class _Plain(urllib3.connection.HTTPConnection):
    response_class = _Answer
    getresponse = _within_timeout(urllib3.connection.HTTPConnection.getresponse)


class _Secure(urllib3.connection.HTTPSConnection):
    response_class = _Answer
    getresponse = _within_timeout(urllib3.connection.HTTPSConnection.getresponse)


class _PlainPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Plain


class _SecurePool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _Secure


def pool(timeout: float, retries: urllib3.Retry, most: int) -> urllib3.PoolManager:
    """Make connections on request. timeout: seconds for a connection, and for a whole answer. most: how
    many are kept open.

    Its requests have to preload what they are answered, which is what they do unless told otherwise, and not to decode
    it: what little unfolds to much would unfold.
    """
    manager = urllib3.PoolManager(retries=retries, timeout=urllib3.Timeout(timeout, timeout), maxsize=most)
    manager.pool_classes_by_scheme = {"http": _PlainPool, "https": _SecurePool}
    return manager

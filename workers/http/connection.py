"""aiohttp's side of one connection, with what it lacks against hostile servers."""

# ruff: noqa: D102 - the methods are those of asyncio and aiohttp

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.http_exceptions import HttpProcessingError

from workers.http.errors import StaleConnectionError, WireLimitError
from workers.http.net import SocketFactory

MAX_HEAD = 256 * 1024
"""Bytes before the body, interim (1xx) answers included."""

MAX_IDLE = 256
"""Open sockets that nobody waits for past which a connection is closed after its answer, not kept."""

_END_OF_HEAD = b"\r\n\r\n"


class Connection(ResponseHandler):
    """Counts every byte that arrives for one answer, and is quick to let go.

    Counting here sees what never shows in a body: heads without end, interim answers, chunk framing.
    A connection is not kept when many sockets are idle, and never waits for its peer to close.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, sockets: SocketFactory, max_wire_bytes: int
    ) -> None:
        super().__init__(loop)
        self._sockets = sockets
        self._max_bytes = MAX_HEAD + max_wire_bytes
        self._answers = 0
        self._received = 0
        self._in_head = True

    @property
    def should_close(self) -> bool:
        return super().should_close or self._sockets.crowded(MAX_IDLE)

    def set_response_params(self, **params: Any) -> None:
        self._answers += 1
        self._received = 0
        self._in_head = True
        super().set_response_params(**params)

    def feed_data(self, data: Any, size: int = 0) -> None:
        if data[0].code >= 200:
            self._in_head = False
        super().feed_data(data, size)

    def data_received(self, data: bytes) -> None:
        self._received += len(data)
        if self._in_head and 0 < (end := data.find(_END_OF_HEAD) + 4) < len(data):
            # The parser forgets the head when it stumbles over what follows in the same segment.
            # Given by itself, a body longer than its Content-Length is read up to that length, as
            # all clients do, and not only where the segments happen to fall well.
            super().data_received(data[:end])
            data = data[end:]
        super().data_received(data)
        if self._in_head and self._received > MAX_HEAD:
            self._stop(WireLimitError("protocol_error", "the answer's head has no end"))
        elif self._received > self._max_bytes:
            self._stop(WireLimitError("too_large", "too many bytes on the wire"))

    def connection_lost(self, exc: BaseException | None) -> None:
        if isinstance(exc, ConnectionError) and self._fail_body(_lost(exc)):
            self._payload = None  # aiohttp would call it incomplete, and leave out the reset
        super().connection_lost(exc)

    def set_exception(self, exc: BaseException, *cause: BaseException) -> None:
        # aiohttp sends an idempotent request again at once after any lost connection. That would be
        # a second request within the host's gap, so whoever has the permits decides instead. Only one
        # that was kept and closed before a byte came back was not answered.
        if isinstance(exc, aiohttp.ClientOSError | aiohttp.ServerDisconnectedError):
            unread = self._answers > 1 and not self._received
            exc = _lost(exc, StaleConnectionError if unread else aiohttp.ClientConnectionError)
        if isinstance(exc, HttpProcessingError):
            self._fail_body(exc)  # aiohttp tells only who waits for a head, and a reader hangs
        super().set_exception(exc, *cause)

    def close(self) -> None:
        # A TLS farewell waits up to 30 seconds for a silent peer, long past any deadline.
        self.abort()

    def _stop(self, error: WireLimitError) -> None:
        self._fail_body(error)
        self.abort()  # forgets what was set, so the next line must follow
        self.set_exception(error)

    def _fail_body(self, error: BaseException) -> bool:
        """Raise ``error`` in the reader of an unfinished body, if there is one."""
        payload = self._payload
        if payload is None or payload.is_eof():
            return False
        payload.set_exception(error)
        return True


def _lost(
    cause: BaseException,
    kind: type[aiohttp.ClientConnectionError] = aiohttp.ClientConnectionError,
) -> aiohttp.ClientConnectionError:
    error = kind("connection lost")
    error.__cause__ = cause
    return error

"""A server far away: a relay that holds back each byte for so long, and nothing else.

``tests.support.proxy`` waits between what it passes on, so that a slow way is a narrow one as well. Here
any number of bytes are on their way at once, as on a long cable.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from typing import Any, cast

import uvloop

from tests.support.processes import LOOPBACK, free_port


class Distance:
    """Listens on ``port`` (loopback) for ``target``, from a thread of its own.

    Attributes:
        delay_s: how long each byte takes, one way.
    """

    def __init__(self, target: int) -> None:
        self.port = free_port()
        self.target = target
        self.delay_s = 0.0
        self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True, name="distance")
        self._thread.start()
        listening = self._loop.create_server(lambda: _End(self, None), LOOPBACK, self.port)
        asyncio.run_coroutine_threadsafe(listening, self._loop).result(10)

    def close(self) -> None:
        """End the thread; connections end with the process."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)


class _End(asyncio.Protocol):
    """One end of a connection; what comes here leaves at the other."""

    def __init__(self, distance: Distance, other: _End | None) -> None:
        self._distance = distance
        self._other = other
        self._transport: asyncio.Transport | None = None
        self._on_the_way: deque[bytes] = deque()
        self._early: list[bytes] = []

    def connection_made(self, transport: Any) -> None:
        self._transport = cast(asyncio.Transport, transport)
        if self._other is None:
            loop = asyncio.get_running_loop()
            self._dialling = loop.create_task(
                loop.create_connection(
                    lambda: _End(self._distance, self), LOOPBACK, self._distance.target
                )
            )
        else:
            self._other._other = self
            for data in self._other._early:
                self._other.data_received(data)

    def data_received(self, data: bytes) -> None:
        if self._other is None:
            self._early.append(data)
            return
        self._on_the_way.append(data)
        asyncio.get_running_loop().call_later(self._distance.delay_s, self._arrive)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._other is not None and self._other._transport is not None:
            self._other._transport.close()

    def _arrive(self) -> None:
        data = self._on_the_way.popleft()  # the first first, whatever timer was the first
        if self._other is not None and self._other._transport is not None:
            self._other._transport.write(data)

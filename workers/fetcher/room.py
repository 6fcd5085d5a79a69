"""Room for large documents: a worker has the memory of a few at once, whatever it is sent."""

from __future__ import annotations

import asyncio
import time
from types import TracebackType
from typing import Self

LARGE_WIRE = 1024 * 1024
"""Bytes of a body on the wire past which it needs a place to be read on."""

LARGE_DOCUMENT = 512 * 1024
"""Bytes of a document past which it needs a place to be decoded, parsed and worked on."""

READ_MOST = 8
WORK_MOST = 1
"""So many places there are. Servers can hold up the first, but not the second: no body has one before it
has arrived. One, so that of the two parser processes one is always there for smaller documents."""


class WorkerBusy(Exception):  # noqa: N818 - an answer of our own, not an error
    """Raised when a large document found no place in time: nothing is the server's fault."""


class Room:
    """The places of one worker; used from one event loop."""

    def __init__(self) -> None:
        self._reading = asyncio.Semaphore(READ_MOST)
        self._work = asyncio.Semaphore(WORK_MOST)

    def place(self) -> Place:
        """What one poll may take, given back when its block ends."""
        return Place(self._reading, self._work)


class Place:
    """One poll's part of the room: nothing until its document turns out to be large.

    Attributes:
        waiting: it stands in line for a place.
    """

    def __init__(self, reading: asyncio.Semaphore, work: asyncio.Semaphore) -> None:
        self._reading, self._work = reading, work
        self._reads = self._works = False
        self.waiting = False

    async def read(self) -> float:
        """Wait for a place to read a large body, if there is none yet; the seconds that it took."""
        if self._reads or self._works:
            return 0.0
        started = time.monotonic()
        await self._take(self._reading)
        self._reads = True
        return time.monotonic() - started

    async def work(self) -> None:
        """Wait for a place to work on a large document, if there is none yet."""
        if not self._works:
            await self._take(self._work)
            self._works = True
            self._end_reading()

    async def _take(self, places: asyncio.Semaphore) -> None:
        self.waiting = True
        await places.acquire()
        self.waiting = False  # left as it is when a deadline ends the wait: that is then the reason

    def _end_reading(self) -> None:
        if self._reads:
            self._reading.release()
            self._reads = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        self._end_reading()
        if self._works:
            self._work.release()
            self._works = False

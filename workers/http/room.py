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

SMALL = 64 * 1024
TOGETHER = 64 * 1024 * 1024
"""Bytes of all bodies and documents without a place: while they are more, each over ``SMALL`` needs one."""

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
        self._held = 0

    def place(self) -> Place:
        """What one poll may take, given back when its block ends."""
        return Place(self, self._reading, self._work)

    @property
    def is_full(self) -> bool:
        """True while bodies and documents without places come to too much."""
        return self._held > TOGETHER

    def hold(self, more: int) -> None:
        """Count so many more bytes that have no place, or fewer."""
        self._held += more


class Place:
    """One poll's part of the room: nothing until its document turns out to be large.

    Attributes:
        waiting: it stands in line for a place.
    """

    def __init__(self, room: Room, reading: asyncio.Semaphore, work: asyncio.Semaphore) -> None:
        self._room = room
        self._reading, self._work = reading, work
        self._reads = self._works = False
        self._held = 0
        self.waiting = False

    async def reading(self, size: int) -> float:
        """A body has so many bytes by now: wait for a place to read it, if it needs one; the seconds that it
        took."""
        self._hold(size)
        return await self.read() if size > LARGE_WIRE or self._room.is_full else 0.0

    async def working(self, held: int, size: int) -> None:
        """A document has ``size`` bytes by now, with its body ``held``: wait for a place, if it needs one."""
        self._hold(held)
        if size > LARGE_DOCUMENT or self._room.is_full:
            await self.work()

    def _hold(self, size: int) -> None:
        if not (self._reads or self._works) and size > self._held:
            self._room.hold(size - self._held)
            self._held = size

    def _let_go(self) -> None:
        self._room.hold(-self._held)
        self._held = 0

    @property
    def reads(self) -> bool:
        """It has a place to read a body."""
        return self._reads

    async def read(self) -> float:
        """Wait for a place to read a large body, if there is none yet; the seconds that it took."""
        if self._reads or self._works:
            return 0.0
        started = time.monotonic()
        await self._take(self._reading)
        self._reads = True
        self._let_go()
        return time.monotonic() - started

    async def work(self) -> None:
        """Wait for a place to work on a large document, if there is none yet."""
        if not self._works:
            await self._take(self._work)
            self._works = True
            self._let_go()
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
        self._let_go()
        self._end_reading()
        if self._works:
            self._work.release()
            self._works = False

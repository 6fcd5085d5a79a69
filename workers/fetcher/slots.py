"""How many feeds are polled at once: few that keep the worker busy, and many that only wait for servers."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Self

SLOW_S = 0.25
"""A poll that has waited for so long no longer counts among those that keep the worker busy."""
LATE_S = 0.02
"""When a timer comes so late, the worker is too busy to say that it is a server that it waits for."""
SLOW_FACTOR = 10
"""So many times more polls may wait than be busy: they cost a connection, and 64 KiB of a body, each."""
BESIDE_FILES = 128
"""Open files beside connections to feeds: servers, parser processes, libraries."""
KEPT_SHARE = 0.25
"""Of the places so many are kept for others when many slow servers answer at once."""


class Slots:
    """The places of polls in one worker, ``most`` of them busy at once; for one event loop.

    A thousand slow servers would take all places, and no other feed would be polled. So a poll that has
    waited for a while gives its place to another, and gets one back when its server is done, in turn with
    others of its kind. Up to ``slow_most`` may be without; the rest keep their places.

    Attributes:
        most: busy polls at once.
        slow: polls without a place.
    """

    def __init__(self, most: int, slow_most: int | None = None) -> None:
        self.most = most
        self.slow = 0
        self._slow_most = SLOW_FACTOR * most if slow_most is None else slow_most
        self.back = asyncio.Semaphore(max(1, int(most * (1 - KEPT_SHARE))))

    def free(self, polls: int) -> int:
        """How many more may begin while so many are under way; 0 or less: none."""
        return self.most - (polls - self.slow)

    def slot(self) -> Slot:
        """The place of one poll, until its block ends."""
        return Slot(self)

    def set_aside(self) -> bool:
        """Count one more that waits, where there is room."""
        if self.slow >= self._slow_most:
            return False
        self.slow += 1
        return True


class Slot:
    """One poll's place. Its wait is looked at again and again until it ends or is long."""

    def __init__(self, slots: Slots) -> None:
        self._slots = slots
        self._aside = self._back = False
        self._timer: asyncio.TimerHandle | None = None

    @contextlib.asynccontextmanager
    async def waiting(self) -> AsyncIterator[None]:
        """What is done here is mostly to wait for others; leaving it may mean to wait for a place."""
        self._begin()
        try:
            yield
            self._stop()
            if self._aside:
                await self._slots.back.acquire()
                self._back = True
        finally:
            self._stop()
            self._slots.slow -= self._aside
            self._aside = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        if self._back:
            self._slots.back.release()

    def _begin(self) -> None:
        self._due = time.monotonic() + SLOW_S
        self._timer = asyncio.get_running_loop().call_later(SLOW_S, self._look)

    def _look(self) -> None:
        late = time.monotonic() - self._due > LATE_S
        if late or not self._slots.set_aside():
            self._begin()
        else:
            self._aside = True

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()


def files_needed(concurrency: int, shards: int) -> int:
    """How many files a worker must be able to open, were no server slow."""
    return concurrency + 4 * shards + BESIDE_FILES

"""The event loop's time, shared between documents: none holds it for long, nor do many together."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Generator
from typing import TypeVar, cast

SLICE_S = 0.01
"""CPU that documents may use together before everything else has its turn. Of wall time a busy machine
would let pass so much without any work done."""
SLICES = 4
"""A document has so many before others have theirs: most are read by then, and none waits for all others."""
_T = TypeVar("_T")


class LoopShare:
    """Lets documents be worked on one after another, each a little at a time; for one event loop.

    With a slice for each document in a turn of the loop, sixty documents would hold it sixty times as long.
    """

    def __init__(self) -> None:
        self._line = asyncio.Lock()
        self._began = 0.0

    async def turn(self) -> None:
        """Wait until work of some milliseconds may be done: at once, if others have left time for it."""
        async with self._line:
            await self._next()

    async def through(self, steps: Generator[None, None, _T]) -> _T:
        """Run a computation that yields between small steps, with all else of the loop in between."""
        while True:
            async with self._line:
                for _ in range(SLICES):
                    await self._next()
                    try:
                        while not self._is_over():
                            next(steps)
                    except StopIteration as end:
                        return cast(_T, end.value)

    async def _next(self) -> None:
        if self._is_over():
            await asyncio.sleep(0)
            self._began = time.thread_time()

    def _is_over(self) -> bool:
        return time.thread_time() - self._began > SLICE_S

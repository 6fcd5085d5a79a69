"""The event loop's time, shared between documents: none holds it for long, nor do many together."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Generator
from typing import TypeVar, cast

SLICE_S = 0.005
"""So long all documents together may be worked on before everything else has its turn."""
_T = TypeVar("_T")


class LoopShare:
    """Lets documents be worked on one after another, each a little at a time; for one event loop.

    With a slice for each document in a turn of the loop, sixty documents would hold it sixty times as long.
    """

    def __init__(self) -> None:
        self._line = asyncio.Lock()
        self._began = 0.0

    async def turn(self) -> None:
        """Wait until work of a few milliseconds may be done: at once, if others have left time for it."""
        async with self._line:
            if self._over():
                await asyncio.sleep(0)
                self._began = time.monotonic()

    async def through(self, steps: Generator[None, None, _T]) -> _T:
        """Run a computation that yields between small steps, with all else of the loop in between."""
        await self.turn()
        while True:
            try:
                next(steps)
            except StopIteration as end:
                return cast(_T, end.value)
            if self._over():
                await self.turn()

    def _over(self) -> bool:
        return time.monotonic() - self._began > SLICE_S

"""Keeps all polls of the instance within NEWSWIRE_POLLS_PER_HOUR.

What counts for a feed's share is the square root of its rate, so its share of a budget depends on all
other feeds. Each worker looks at a sample of them now and then and finds the one factor on all learned
waits at which the polls come to the budget. Nothing is shared or counted, so nothing can drift, and
a changed feed list is followed at the next look.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import NamedTuple

from workers.errors import NewswireError
from workers.fetcher.clock import Clock
from workers.fetcher.schedule import Bounds, pace
from workers.model import FeedConfig, FeedState

LOOK_S = 60.0
SAMPLE = 500
STEPS = 40
LEAST, MOST = 1 / 64, 65_536.0


Sample = Callable[[int], Awaitable[tuple[int, Sequence[tuple[FeedConfig, FeedState]]]]]
"""Asks for the number of all scheduled feeds, and for about so many of them, chosen by chance."""


class Pace(NamedTuple):
    """One feed's mean wait in seconds when nothing is stretched, and between what it may lie."""

    wait_s: float
    least_s: float
    most_s: float


def polls_per_hour(paces: Sequence[Pace], stretch: float) -> float:
    """How many polls an hour the feeds come to."""
    return sum(3600.0 / min(max(p.wait_s * stretch, p.least_s), p.most_s) for p in paces)


def stretch_for(paces: Sequence[Pace], budget: float) -> float:
    """The factor on the waits at which the polls come to ``budget`` an hour.

    Bounds and what feeds ask for stand above the budget: where they allow no factor, it is the nearest.
    """
    low, high = LEAST, MOST
    for _ in range(STEPS):
        middle = (low * high) ** 0.5
        if polls_per_hour(paces, middle) > budget:
            low = middle
        else:
            high = middle
    return high


class Budget:
    """The factor in force, brought up to date by ``run``."""

    def __init__(self, sample: Sample, clock: Clock, bounds: Bounds, per_hour: int) -> None:
        self._sample = sample
        self._clock = clock
        self._bounds = bounds
        self._per_hour = per_hour
        self._stretch = 1.0

    def stretch(self) -> float:
        """The factor on learned waits; 1 without a budget."""
        return self._stretch

    async def run(self) -> None:
        """Look at the feeds again and again; without a budget there is nothing to do."""
        while self._per_hour:
            with suppress(NewswireError):  # the factor found last holds on
                await self.look()
            await asyncio.sleep(LOOK_S)

    async def look(self) -> None:
        """Look at the feeds once.

        Raises:
            StoreError: Redis cannot be used now.
        """
        total, feeds = await self._sample(SAMPLE)
        if not feeds:
            return
        now_ms = self._clock.now_ms()
        paces = [Pace(*pace(config, state, self._bounds, now_ms)) for config, state in feeds]
        self._stretch = stretch_for(paces, self._per_hour * len(feeds) / total)

"""Which shards are asked for due feeds, and for how many each. Pure.

A claim is one script for all feeds that it takes, and costs a worker about as much as everything else
that Redis is asked for one of them. So few shards are asked for many, and one that was just asked, or
has said when its next feed is due, is left alone until then.
"""

from __future__ import annotations

FEW = 8
"""Shards are asked for at least so many at once, where there is room for them."""
CLAIM_MOST = 64
IDLE_MS = 400
"""Feeds that other workers give back or a list brings are found after so long at the latest."""
SPACING_MS = 50
"""So long a shard is left alone that had fewer due feeds than it was asked for."""


class Turns:
    """When each shard is asked next. Times in ms, by one clock that the caller has."""

    def __init__(self, shards: int) -> None:
        self._next = [0.0] * shards
        self._asked = [-1.0] * shards

    def now(self, now_ms: float, room: int) -> list[tuple[int, int]]:
        """Shards to ask, the longest not asked first, each with how many feeds to take.

        A shard stays on until it is said to have ``answered``.
        """
        ripe = [s for s, at in enumerate(self._next) if at <= now_ms]
        ripe.sort(key=self._asked.__getitem__)
        ripe = ripe[: max(1, room // FEW)]
        return [(s, max(1, min(CLAIM_MOST, room // len(ripe)))) for s in ripe]

    def answered(
        self, shard: int, now_ms: float, *, asked: int, claimed: int, next_in_ms: float
    ) -> None:
        """A shard gave ``claimed`` of the ``asked``; its next is due in so many ms (-1: it has none)."""
        self._asked[shard] = now_ms
        if claimed >= asked:
            self._next[shard] = now_ms
            return
        wait = IDLE_MS if next_in_ms < 0 else min(next_in_ms, IDLE_MS)
        self._next[shard] = now_ms + (max(wait, SPACING_MS) if claimed else wait)

    def wake(self, shard: int) -> None:
        """A shard has something due that it did not tell of."""
        self._next[shard] = 0.0

    def wait_ms(self, now_ms: float) -> float:
        """How long until a shard is to be asked."""
        return max(0.0, min(self._next) - now_ms)

"""How many feeds are in which state, and why feeds fail: counted from all of them, by one worker for all."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Iterable, Mapping

import msgspec

from workers.explain import STATES, state_of
from workers.fetcher.schedule import Bounds
from workers.model import FeedConfig, FeedState, Pause
from workers.store import scheduled, watching
from workers.store.pauses import pauses
from workers.store.store import Store

BATCH = 100
"""Feeds that are decoded at once: about a millisecond of the event loop."""
EVERY_MS, SOON_MS = 60_000, 15_000
"""Between two of them; sooner while feeds are new, or none is known yet."""
SHARE, MOST_MS = 20, 600_000
"""A census that took long is repeated after so many times its duration at the earliest, or ten minutes."""
LEASE_MS = 600_000


class Census(msgspec.Struct):
    """What was counted at ``at_ms``; the next is due at ``next_ms``. Failing feeds are counted by the
    reason of their last poll."""

    at_ms: int = 0
    next_ms: int = 0
    states: dict[str, int] = {}
    failing: dict[str, int] = {}

    @property
    def feeds(self) -> int:
        """All that were counted."""
        return sum(self.states.values())


def count(
    census: Census,
    feeds: Iterable[tuple[FeedConfig, FeedState, int]],
    paused: Mapping[str, Pause],
    bounds: Bounds,
    now_ms: int,
) -> None:
    """Add feeds to a census."""
    for config, state, _ in feeds:
        name = state_of(config, state, bounds, now_ms, paused.get(config.id))
        census.states[name] = census.states.get(name, 0) + 1
        if name == "failing":
            reason = state.history[-1][1] if state.history else "unknown"
            census.failing[reason] = census.failing.get(reason, 0) + 1


async def stored(store: Store) -> Census:
    """The census in force; one with nothing in it before the first. Raises StoreError."""
    raw = await watching.census(store)
    return msgspec.msgpack.decode(raw, type=Census) if raw else Census()


async def current(store: Store, bounds: Bounds, now_ms: int) -> Census:
    """The census in force; taken anew when it is time and no other worker is at it.

    Raises:
        StoreError: Redis cannot be used.
    """
    census = await stored(store)
    if now_ms < census.next_ms:
        return census
    key, token = store.keys.list_key("counting"), secrets.token_hex(8)
    if not await store.lease(key, token, LEASE_MS):
        return census
    try:
        census = await _take(store, bounds, now_ms)
        await watching.put_census(store, msgspec.msgpack.encode(census), LEASE_MS * 6)
    finally:
        await store.unlease(key, token)
    return census


async def _take(store: Store, bounds: Bounds, now_ms: int) -> Census:
    census, started = Census(now_ms, states=dict.fromkeys(STATES, 0)), time.monotonic()
    async for batch in scheduled.feeds(store, BATCH):
        count(census, batch, await pauses(store, batch), bounds, now_ms)
        await asyncio.sleep(0.001)
    took_ms = int((time.monotonic() - started) * 1000)
    every_ms = SOON_MS if census.states["new"] or not census.feeds else EVERY_MS
    census.next_ms = now_ms + max(every_ms, min(SHARE * took_ms, MOST_MS))
    return census

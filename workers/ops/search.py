"""Finds feeds by words and state. A search looks at every feed, so there is one at a time, and it ends."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from typing import NamedTuple

from workers.explain import state_of
from workers.fetcher.event import feed_name
from workers.fetcher.schedule import Bounds
from workers.model import FeedConfig, FeedState, Pause
from workers.ops.census import BATCH
from workers.store import scheduled
from workers.store.pauses import pauses
from workers.store.store import Store
from workers.urls import redact_url

KEPT = 1_000
"""Feeds of one search that can be shown; all are counted."""
LONGEST_S = 20.0
FRESH_S = 10.0
MAX_CACHED = 16
MAX_WAITING = 8
MAX_QUERY = 200


class Row(NamedTuple):
    """A feed as lists show it: no secrets."""

    id: str
    name: str
    url: str
    state: str
    reason: str
    last_success_ms: int
    due_ms: int


class Found(NamedTuple):
    """The first ``KEPT`` of ``total`` feeds by name; ``whole``: every feed was looked at."""

    rows: list[Row]
    total: int
    looked_at: int
    whole: bool


class BusyError(Exception):
    """Too many searches wait already."""


def row_of(
    config: FeedConfig,
    state: FeedState,
    due_ms: int,
    bounds: Bounds,
    now_ms: int,
    pause: Pause | None = None,
) -> Row:
    """A feed's row."""
    url = redact_url(config.url)
    return Row(
        config.id,
        feed_name(config, state) or url,
        url,
        state_of(config, state, bounds, now_ms, pause),
        state.history[-1][1] if state.history else "",
        state.last_success_ms,
        due_ms,
    )


def matches(row: Row, words: list[str]) -> bool:
    """True when each word stands in its name, address or id; what is masked there cannot be searched for."""
    text = f"{row.name}\n{row.url}\n{row.id}".casefold()
    return all(word in text for word in words)


class Searcher:
    """Searches of one worker. Results are kept for a few seconds: paging through them costs nothing."""

    def __init__(self, store: Store, bounds: Bounds) -> None:
        self._store = store
        self._bounds = bounds
        self._lock = asyncio.Lock()
        self._waiting = 0
        self._cache: OrderedDict[tuple[str, str], tuple[float, Found]] = OrderedDict()

    async def find(self, query: str, state: str, now_ms: int) -> Found:
        """Feeds that hold all words of ``query`` and are in ``state`` (empty: in any).

        Raises:
            BusyError: ask again later.
            StoreError: Redis cannot be used.
        """
        key = (" ".join(query[:MAX_QUERY].casefold().split()), state)
        if (found := self._cached(key)) is not None:
            return found
        if self._waiting >= MAX_WAITING:
            raise BusyError
        self._waiting += 1
        try:
            async with self._lock:
                if (found := self._cached(key)) is None:
                    found = await self._scan(key[0].split(), state, now_ms)
                    self._cache[key] = (time.monotonic(), found)
                    while len(self._cache) > MAX_CACHED:
                        self._cache.popitem(last=False)
                return found
        finally:
            self._waiting -= 1

    def _cached(self, key: tuple[str, str]) -> Found | None:
        at, found = self._cache.get(key, (0.0, None))
        return found if found is not None and time.monotonic() - at < FRESH_S else None

    async def _scan(self, words: list[str], state: str, now_ms: int) -> Found:
        kept: dict[str, Row] = {}
        total = looked_at = 0
        deadline = time.monotonic() + LONGEST_S
        whole = True
        async for batch in scheduled.feeds(self._store, BATCH):
            looked_at += len(batch)
            paused = await pauses(self._store, batch)
            for config, known, due_ms in batch:
                row = row_of(config, known, due_ms, self._bounds, now_ms, paused.get(config.id))
                if state not in ("", row.state) or not matches(row, words) or row.id in kept:
                    continue
                total += 1
                if len(kept) < KEPT:
                    kept[row.id] = row
            if time.monotonic() > deadline:
                whole = False
                break
            await asyncio.sleep(0)
        rows = sorted(kept.values(), key=lambda row: (row.name.casefold(), row.id))
        return Found(rows, total, looked_at, whole)

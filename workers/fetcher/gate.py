"""Politeness: a permit for each host before it is dialled, across all workers."""

from __future__ import annotations

import asyncio
import time
from collections import Counter

from workers.fetcher.fetch import HostBusy
from workers.store.store import Store

PATIENCE_S = 3.0
"""So long a poll waits for its permit with the claim in hand; then it takes a place in the line."""
WAITING_MOST = 8
"""Polls of this worker that may wait for one host at once; more would starve other hosts."""


class HostGate:
    """Hands out permits of Redis to the polls of this worker."""

    def __init__(self, store: Store, *, gap_ms: int, most: int, ttl_ms: int) -> None:
        self._store = store
        self._gap_ms = gap_ms
        self._most = most
        self._ttl_ms = ttl_ms
        self._waiting: Counter[str] = Counter()

    async def enter(self, host: str, token: str) -> None:
        """Wait for a permit for a short while. Raises HostBusy with the time of a place in the line."""
        deadline = time.monotonic() + PATIENCE_S
        crowded = self._waiting[host] >= WAITING_MOST
        self._waiting[host] += 1
        try:
            while True:
                in_line = crowded or time.monotonic() > deadline
                wait_ms, why = await self._store.permit(
                    host,
                    token,
                    gap_ms=self._gap_ms,
                    most=self._most,
                    ttl_ms=self._ttl_ms,
                    in_line=in_line,
                )
                if not wait_ms:
                    return
                if in_line or why == "pause":
                    raise HostBusy(wait_ms)
                await asyncio.sleep(min(max(wait_ms, 5), 1_000) / 1000)
        finally:
            self._waiting[host] -= 1
            if not self._waiting[host]:
                del self._waiting[host]

    async def leave(self, host: str, token: str, elapsed_ms: int, pause_ms: int) -> None:
        """Give a permit back; ``pause_ms`` keeps every worker off the host."""
        await self._store.permit_done(host, token, elapsed_ms, pause_ms)

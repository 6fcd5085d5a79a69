"""The feed list against the store: in a worker all the time, or once for a command."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import cast

from structlog.typing import FilteringBoundLogger

from workers import logs
from workers.errors import FeedListError
from workers.feedlist.plan import Change
from workers.feedlist.reconcile import Reconciler
from workers.feedlist.source import ListSource
from workers.fetcher.clock import Clock
from workers.fetcher.identity import owner_key
from workers.fetcher.status import status_headers
from workers.http.fetch import Fetcher
from workers.model import FeedConfig
from workers.parts import anywhere, open_store
from workers.settings import Settings
from workers.store import listing
from workers.store.dataset import existing_marker
from workers.store.store import Store, pack_headers
from workers.units import several


class ListStore:
    """The store as the feed list's reconciler needs it."""

    def __init__(self, store: Store, instance: str, clock: Clock) -> None:
        self._store = store
        self._instance = instance
        self._clock = clock
        self._lease = store.keys.list_key("lease")

    async def list_lease(self, token: str, ttl_ms: int) -> bool:
        """Take or renew the one lease to reconcile."""
        return await self._store.lease(self._lease, token, ttl_ms)

    async def list_unlease(self, token: str) -> None:
        """Give the lease back."""
        await self._store.unlease(self._lease, token)

    async def list_version(self) -> Mapping[str, str]:
        """What was stored with the list in force."""
        return await listing.list_version(self._store)

    async def set_list_version(self, values: Mapping[str, str]) -> None:
        """Store which list is in force."""
        await listing.set_list_version(self._store, values)

    def configured(self) -> AsyncIterator[Sequence[FeedConfig]]:
        """All feeds that are configured."""
        return cast(AsyncIterator[Sequence[FeedConfig]], listing.configured(self._store))

    async def put_feeds(self, changes: Sequence[Change]) -> int:
        """Write feeds."""
        listed = [owner_key(change.feed.id) for change in changes]
        await listing.note_owners(self._store, [], listed, self._clock.now_ms())
        return await listing.put_feeds(self._store, [(c.feed, c.delay_ms) for c in changes])

    async def remove_feeds(self, feed_ids: Sequence[str]) -> int:
        """Forget feeds, with a tombstone each; others may revise what they announced."""
        now = self._clock.now_ms()
        await listing.note_owners(self._store, [owner_key(f) for f in feed_ids], [], now)
        rows = [(f, pack_headers(status_headers(self._instance, f, now))) for f in feed_ids]
        return await listing.remove_feeds(self._store, rows, "feeds")


def reconciler_of(
    s: Settings, store: Store, fetcher: Fetcher, clock: Clock, log: FilteringBoundLogger
) -> Reconciler:
    """What keeps Redis in line with the list that the settings name."""
    return Reconciler(
        ListSource(s.feeds, fetcher.fetch),
        ListStore(store, s.instance, clock),
        log,
        reload_s=s.feeds_reload,
    )


async def apply_list(s: Settings, *, force: bool, say: Callable[[str], None]) -> str:
    """Bring Redis in line with the feed list now. Returns what was done, in words; ``say`` is told what is
    odd in the list.

    Raises:
        FeedListError: the list cannot be read, or loses too much to be applied without ``force``.
        ConfigError: no worker has run against this Redis yet.
    """
    store = open_store(s)
    fetcher = anywhere(s)
    try:
        store.marker = await existing_marker(store)
        reconciler = reconciler_of(s, store, fetcher, Clock(), logs.warnings_for(say))
        # Another process reconciles while it is busy, so there is nothing to be woken by.
        while (outcome := await reconciler.run_once(force=force)).status == "busy":  # noqa: ASYNC110
            await asyncio.sleep(1)
    finally:
        await fetcher.aclose()
        await store.aclose()
    if outcome.status in ("failed", "refused", "older"):
        raise FeedListError(f"{outcome.detail or outcome.status}")
    return (
        f"{several(outcome.feeds, 'feed')}: {outcome.added} added, {outcome.changed} changed, "
        f"{outcome.removed} removed"
    )

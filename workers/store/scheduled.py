"""Feeds as they are scheduled, to be looked at. Every function raises StoreError."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

from workers.model import FeedConfig, FeedState
from workers.store.store import PLACED_MS, Store, unpack_feed


async def sample(store: Store, most: int) -> tuple[int, list[tuple[FeedConfig, FeedState]]]:
    """The number of all scheduled feeds, and about ``most`` of them, chosen by chance."""
    total, found = 0, []
    for shard in range(store.keys.shards):
        due = store.keys.key(shard, "due")
        total += int(await store.client.command("ZCARD", due))
        share = -(-most // store.keys.shards)
        ids = [i.decode() for i in await store.client.command("ZRANDMEMBER", due, share) or []]
        found += [(config, state) for config, state, _ in await _feeds(store, shard, ids)]
    return total, found


async def feeds(
    store: Store, batch: int = 500
) -> AsyncIterator[list[tuple[FeedConfig, FeedState, int]]]:
    """Configuration, state and due time of all scheduled feeds, in batches, in no order."""
    async for shard, ids in scheduled_ids(store, batch):
        yield await _feeds(store, shard, ids)


async def scheduled_ids(store: Store, batch: int) -> AsyncIterator[tuple[int, list[str]]]:
    """The ids of all scheduled feeds by shard, in batches of about so many, each at least once."""
    for shard in range(store.keys.shards):
        cursor, due = 0, store.keys.key(shard, "due")
        while True:
            reply = await store.client.command("ZSCAN", due, cursor, "COUNT", batch)
            cursor = int(reply[0])
            if ids := _members(reply[1]):
                yield shard, ids
            if cursor == 0:
                break


async def _feeds(
    store: Store, shard: int, feed_ids: Sequence[str]
) -> list[tuple[FeedConfig, FeedState, int]]:
    if not feed_ids:
        return []
    names = [store.keys.key(shard, f"{kind}:{i}") for kind in ("c", "f") for i in feed_ids]
    raw = await store.client.command("MGET", *names)
    scores = await store.client.command("ZMSCORE", store.keys.key(shard, "due"), *feed_ids)
    rows = zip(feed_ids, raw[: len(feed_ids)], raw[len(feed_ids) :], scores, strict=True)
    return [
        (*unpack_feed(feed_id, config, state), int(float(score)))
        for feed_id, config, state, score in rows
        if config and score is not None
    ]


async def claimed(store: Store, feed_id: str) -> bool:
    """True while a worker polls the feed, or died doing so."""
    claims = store.keys.key(store.keys.feed_shard(feed_id), "claims")
    return bool(await store.client.command("HEXISTS", claims, feed_id))


async def placed(store: Store, feed_id: str) -> bool:
    """True when what the feed waits for is its place in its host's line."""
    due = store.keys.key(store.keys.feed_shard(feed_id), "due")
    score = await store.client.command("ZSCORE", due, feed_id)
    return score is not None and float(score) % 1 == PLACED_MS


async def feed(store: Store, feed_id: str) -> tuple[FeedConfig, FeedState, int] | None:
    """One feed's configuration, state and due time, or None when it is not scheduled."""
    found = await _feeds(store, store.keys.feed_shard(feed_id), [feed_id])
    return found[0] if found else None


def _members(reply: Any) -> list[str]:
    if reply and isinstance(reply[0], list | tuple):
        return [m.decode() for m, _ in reply]
    return [m.decode() for m in reply[::2]]

"""The feed list in Redis: which feeds are polled, as whoever reconciles writes and reads it.

Every function raises StoreError when Redis cannot be used now, and StateRegressedError when it is another.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import cast

import msgspec

from workers.model import FeedConfig
from workers.store.client import Arg
from workers.store.forms import pack_config, pack_state, unpack_config, unpack_state, version_of
from workers.store.scheduled import scheduled_ids
from workers.store.store import Store, all_of

MAX_PUT = 1_000
"""Feeds that one script writes: some ms in which Redis does nothing else."""
KEEP_DUE, NEVER_DUE = -1, -2


async def put_feeds(store: Store, feeds: Sequence[tuple[FeedConfig, int | None]]) -> int:
    """Add or change feeds. Returns how many are new.

    With each comes the delay in ms after which it is due at the latest; None keeps its time. A
    disabled feed is known, but never due, and one that is paused stays so.
    """
    by_shard: dict[int, list[Arg]] = {}
    version = version_of(store.marker)
    for config, delay_ms in feeds:
        delay = KEEP_DUE if delay_ms is None else delay_ms
        row = by_shard.setdefault(store.keys.feed_shard(config.id), [])
        due = delay if config.enabled else NEVER_DUE
        row += [config.id, pack_config(config, version), due]
    scripts = [
        _put(store, shard, rows[at : at + 3 * MAX_PUT])
        for shard, rows in by_shard.items()
        for at in range(0, len(rows), 3 * MAX_PUT)
    ]
    return sum(await all_of(scripts))


async def _put(store: Store, shard: int, rows: Sequence[Arg]) -> int:
    await _unsay(store, shard, rows)
    keys = [store.keys.key(shard, n) for n in ("meta", "due", "claims")]
    args: list[Arg] = [store.marker, store.keys.tag(shard), len(rows) // 3, *rows]
    return int(await store.client.script("put_feeds", keys, args))


async def _unsay(store: Store, shard: int, rows: Sequence[Arg]) -> None:
    """A tombstone took back what was said of a feed that comes back: its next poll says it anew.

    No poll can write the state meanwhile: it is fenced until the feed is listed.
    """
    feeds = [
        unpack_config(cast(bytes, config), str(feed_id))
        for feed_id, config in zip(rows[::3], rows[1::3], strict=True)
    ]
    names = [store.keys.key(shard, f"{kind}:{feed.id}") for kind in "cf" for feed in feeds]
    raw = await store.client.command("MGET", *names)
    n = len(feeds)
    for feed, listed, name, packed in zip(feeds, raw[:n], names[n:], raw[n:], strict=True):
        if listed is None and packed and (state := unpack_state(packed, feed.url)).status:
            state = msgspec.structs.replace(state, status="")
            said = pack_state(state, version_of(store.marker), feed.url)
            await store.client.command("SET", name, said, "XX", "KEEPTTL")


async def remove_feeds(store: Store, feeds: Sequence[tuple[str, bytes]], topic: str) -> int:
    """Unschedule feeds, each given with the packed headers of its tombstone on ``topic``."""
    by_shard: dict[int, list[Arg]] = {}
    for feed_id, headers in feeds:
        by_shard.setdefault(store.keys.feed_shard(feed_id), []).extend([feed_id, headers])
    removed = 0
    for shard, rows in by_shard.items():
        keys = [store.keys.key(shard, n) for n in ("meta", "due", "claims", "out", "ob")]
        args: list[Arg] = [
            store.marker,
            store.keys.tag(shard),
            store.window_ms,
            topic,
            len(rows) // 2,
            *rows,
        ]
        removed += int(await store.client.script("remove_feeds", keys, args))
    return removed


async def note_owners(
    store: Store, gone: Sequence[bytes], listed: Sequence[bytes], now_ms: int
) -> None:
    """Remember for the window which owners of articles have left the list, and which are on it."""
    key = store.keys.list_key("left")
    if listed:
        await store.client.command("ZREM", key, *listed)
    if gone:
        await store.client.command("ZADD", key, *(w for owner in gone for w in (now_ms, owner)))
        await store.client.command("ZREMRANGEBYSCORE", key, "-inf", now_ms - store.window_ms)
        await store.client.command("PEXPIRE", key, store.window_ms)


async def configured(store: Store, batch: int = 1_000) -> AsyncIterator[list[FeedConfig]]:
    """All scheduled feeds, in batches, in no order."""
    async for shard, ids in scheduled_ids(store, batch):
        names = [store.keys.key(shard, f"c:{i}") for i in ids]
        raw = await store.client.command("MGET", *names)
        yield [unpack_config(r, i) for r, i in zip(raw, ids, strict=True) if r]


async def list_version(store: Store) -> Mapping[str, str]:
    """What was stored with the last feed list, empty at first."""
    raw = await store.client.command("HGETALL", store.keys.list_key("version"))
    pairs = raw.items() if isinstance(raw, dict) else zip(raw[::2], raw[1::2], strict=True)
    return {k.decode(): v.decode() for k, v in pairs}


async def set_list_version(store: Store, values: Mapping[str, str]) -> None:
    """Remember which feed list is in force."""
    words = [w for pair in values.items() for w in pair]
    await store.client.command("HSET", store.keys.list_key("version"), *words)

"""What workers tell each other about themselves and about all feeds, to be looked at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from workers.store.store import Store

NOTES_TTL_MS = 7_200_000


class Totals(NamedTuple):
    """How the instance stands: feeds scheduled and due now, ms by which the longest-waiting is overdue,
    and what waits in the outbox: events, bytes, age of the oldest in ms."""

    feeds: int
    due: int
    late_ms: int
    outbox_events: int
    outbox_bytes: int
    outbox_age_ms: int


async def totals(store: Store, now_ms: int) -> Totals:
    """A few cheap commands a shard. Raises StoreError."""
    due = 0
    for shard in range(store.keys.shards):
        key = store.keys.key(shard, "due")
        due += int(await store.client.command("ZCOUNT", key, "-inf", now_ms))
    feeds, late_ms = await overdue(store)
    events, size, age_ms = await outbox_totals(store)
    return Totals(feeds, due, late_ms, events, size, age_ms)


async def outbox_totals(store: Store) -> tuple[int, int, int]:
    """(entries, bytes, age of the oldest in ms) of what is admitted and not yet published."""
    now_ms = await store.now_ms()
    entries, size, oldest = 0, 0, 0
    for shard in range(store.keys.shards):
        counters = await store.client.command(
            "HMGET", store.keys.key(shard, "ob"), "bytes", "pubbytes", "pub", "seq"
        )
        total, published, pub, seq = (int(v or 0) for v in counters)
        if seq > pub:
            out = store.keys.key(shard, "out")
            length = int(await store.client.command("XLEN", out))
            first = await store.client.command(
                "XRANGE", out, f"({pub}-0" if pub else "-", "+", "COUNT", 1
            )
            entries += max(0, length - (1 if pub else 0))
            size += max(0, total - published)
            if first:
                oldest = max(oldest, now_ms - int(first[0][0].split(b"-")[0]) // 1000)
    return entries, size, oldest


async def overdue(store: Store) -> tuple[int, int]:
    """(feeds scheduled, ms by which the longest-waiting feed is overdue, 0 when none is)."""
    now_ms = await store.now_ms()
    feeds, late = 0, 0
    for shard in range(store.keys.shards):
        due = store.keys.key(shard, "due")
        feeds += int(await store.client.command("ZCARD", due))
        first = await store.client.command("ZRANGE", due, 0, 0, "WITHSCORES")
        if first:
            pair = first[0] if isinstance(first[0], list | tuple) else first
            late = max(late, now_ms - int(float(pair[1])))
    return feeds, late


async def put_note(store: Store, worker: str, note: bytes, gone: Sequence[str] = ()) -> None:
    """Write what a worker says of itself, and drop the notes of those that are gone. Raises StoreError."""
    key = store.keys.list_key("workers")
    await store.client.script("note", [key], [worker, note, NOTES_TTL_MS, *gone])


async def notes(store: Store) -> dict[str, bytes]:
    """What all workers say of themselves. Raises StoreError."""
    raw = await store.client.command("HGETALL", store.keys.list_key("workers"))
    pairs = raw.items() if isinstance(raw, dict) else zip(raw[::2], raw[1::2], strict=True)
    return {worker.decode(): bytes(note) for worker, note in pairs}


async def census(store: Store) -> bytes:
    """The last census, empty when there is none. Raises StoreError."""
    return bytes(await store.client.command("GET", store.keys.list_key("census")) or b"")


async def put_census(store: Store, census: bytes, ttl_ms: int) -> None:
    """Store a census for all workers. Raises StoreError."""
    key = store.keys.list_key("census")
    await store.client.command("SET", key, census, "PX", ttl_ms)


async def most_overdue(store: Store, most: int, now_ms: int) -> list[tuple[str, int]]:
    """The ids of the feeds that have been due for longest and since when (epoch ms), the longest first.

    Raises StoreError.
    """
    found: list[tuple[str, int]] = []
    for shard in range(store.keys.shards):
        words = ("ZRANGE", store.keys.key(shard, "due"), "-inf", now_ms, "BYSCORE")
        rows = await store.client.command(*words, "LIMIT", 0, most, "WITHSCORES")
        if rows and not isinstance(rows[0], list | tuple):
            rows = zip(rows[::2], rows[1::2], strict=True)
        found += [(feed.decode(), int(float(due))) for feed, due in rows]
    return sorted(found, key=lambda pair: pair[1])[:most]

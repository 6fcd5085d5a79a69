"""A Redis with so many feeds, as workers leave it, and what it costs to claim and commit there."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Sequence
from itertools import islice
from typing import Any

import msgspec
import redis

from workers.fetcher.identity import ARTICLE_BYTES
from workers.fetcher.memory import Remembered, pack
from workers.fetcher.records import ArticleRecord
from workers.model import Claim, FeedConfig, FeedState
from workers.store.address import Address
from workers.store.dataset import open_dataset
from workers.store.forms import pack_memory, pack_state, version_of
from workers.store.keys import Keys
from workers.store.listing import put_feeds
from workers.store.store import Store

BATCH = 4_000
CLAIMS, CLAIMED = 200, 8
DAY_MS, HOUR_MS = 86_400_000, 3_600_000
_ALIKE = 256
"""So many states are made; feeds share them, they would only be other bytes of the same length."""


class Growth(msgspec.Struct, kw_only=True):
    """Redis with so many feeds in so many shards on so many nodes: bytes a feed (without entries) and a
    remembered entry, ms of a claim of eight feeds and of a commit, seconds to write the whole list."""

    feeds: int
    entries: int
    shards: int
    nodes: int = 1
    feed_bytes: float = 0.0
    entry_bytes: float = 0.0
    claim_p50_ms: float = 0.0
    claim_p99_ms: float = 0.0
    commit_p50_ms: float = 0.0
    commit_p99_ms: float = 0.0
    list_s: float = 0.0


def _digest(*parts: Any) -> bytes:
    return hashlib.blake2b(repr(parts).encode(), digest_size=48).digest()


def config(n: int) -> FeedConfig:
    """A feed of the list."""
    return FeedConfig(id=f"f{n:016x}", url=f"https://news.site{n}.example/section/feed.xml")


def state(n: int, now_ms: int, *, history: bool = True) -> FeedState:
    """The state of a feed that is polled for weeks, every two hours or so: twice of ten with news."""
    d = _digest(n)
    at = [now_ms - k * 2 * HOUR_MS - d[k] * 10_007 * min(k, 1) for k in range(10)]
    outcomes = [("new", 200) if k in (3, 7) else ("not_modified", 304) for k in range(10)]
    polls = tuple((at_ms, *outcome) for at_ms, outcome in zip(at, outcomes, strict=True))
    return FeedState(
        etag=f'W/"{d.hex()[:32]}"', last_modified="Sun, 01 Mar 2026 08:30:00 GMT",
        config_url=config(n).url, body_hash=d[:16], first_polled_ms=now_ms - 30 * DAY_MS - d[0] * 7_919,
        last_polled_ms=now_ms, last_success_ms=now_ms, last_new_ms=at[3], polls=4_000 + d[1],
        rate=11.5 + d[2] / 7, rate_at_ms=at[3], observed_s=2.5e6 + d[3] / 7, recent_new=1.0,
        recent_s=3_600.0 + d[4] / 7, usual_gap_s=7_500.0 + d[5] / 7, listed=20,
        hours=tuple(b % 40 for b in d[:24]), days=tuple(b % 120 for b in d[24:31]), refreshed_ms=at[7],
        due_why="cadence", title=f"Site {n}: Section", link=f"https://news.site{n}.example/",
        language="en", status="healthy", status_at_ms=at[5], newest_ms=at[3] // 1_000 * 1_000,
        shapes=(d[:8],), history=polls[::-1] if history else (),
    )  # fmt: skip


def _memory(entries: int, minute: int) -> bytes:
    """A feed's memory in version 1, of hashes by chance."""
    rows = []
    for _ in range(entries):
        d = os.urandom(38)
        hashes = (d[:8], d[8:16], d[16:26], d[16:26], d[26:30], d[30:34], d[34:38])
        rows.append(Remembered(*hashes, seen_min=minute))
    return pack(rows, {})


async def write_list(store: Store, feeds: int) -> float:
    """Write a list of so many feeds; returns seconds."""
    began = time.monotonic()
    numbers = iter(range(feeds))
    while part := list(islice(numbers, BATCH)):
        # One in ten is due at once, the others within hours.
        await put_feeds(store, [(config(n), 0 if n % 10 == 0 else n % 9_999 * 1_000) for n in part])
    return time.monotonic() - began


class _Filler:
    """Writes what polls would have left, in their forms but past their scripts."""

    def __init__(self, client: redis.Redis, store: Store) -> None:
        self._client = client
        self._keys = store.keys
        self._version = version_of(store.marker)
        self._now_ms = int(time.time() * 1000)

    def states(self, feeds: int) -> None:
        # A configured URL that is the feed's own is not said, so states of other feeds are as long.
        packed = [
            pack_state(state(n, self._now_ms), self._version, config(n).url)
            for n in range(min(feeds, _ALIKE))
        ]
        for part in _parts(feeds):
            pipe = self._client.pipeline(transaction=False)
            for n in part:
                pipe.set(self._name("f", config(n).id), packed[n % _ALIKE])
            pipe.execute()

    def entries(self, feeds: int, entries: int) -> None:
        days, minute = self._now_ms // DAY_MS, self._now_ms // 60_000
        record = ArticleRecord(days, 1, _digest(0)[:8], _digest(1)[:4], minute * 60).pack()
        # Of memories a few are made too; but articles are each their own, or they would share a record.
        packed = [pack_memory(_memory(entries, minute), self._version) for _ in range(_ALIKE)]
        for part in _parts(feeds):
            pipe = self._client.pipeline(transaction=False)
            for n in part:
                ids = os.urandom(ARTICLE_BYTES * entries)
                for at in range(0, len(ids), ARTICLE_BYTES):
                    bucket, field = self._keys.bucket(ids[at : at + ARTICLE_BYTES])
                    pipe.execute_command("HSET", bucket, field, record)
                pipe.set(self._name("m", config(n).id), packed[n % _ALIKE])
            pipe.execute()

    def _name(self, kind: str, feed_id: str) -> str:
        return self._keys.key(self._keys.feed_shard(feed_id), f"{kind}:{feed_id}")


def _parts(feeds: int) -> list[range]:
    return [range(at, min(feeds, at + 500)) for at in range(0, feeds, 500)]


async def redis_growth(url: str, feeds: int, shards: int, entries: int) -> Growth:
    """Fill an empty Redis with so many feeds, and look at what it costs."""
    client = redis.Redis.from_url(url)
    client.execute_command("FLUSHALL", "SYNC")
    store = Store(Address(url), Keys("growth", shards), window_ms=14 * DAY_MS, lease_ms=90_000)
    await open_dataset(store, "news.", {})

    def used() -> int:
        told = client.info("memory")
        return int(told["used_memory"]) - int(told["mem_clients_normal"])

    await put_feeds(store, [(config(0), 0)])  # the scripts are there then
    empty = used()
    found = Growth(feeds=feeds, shards=shards, entries=entries)
    found.list_s = await write_list(store, feeds)
    filler = _Filler(client, store)
    filler.states(feeds)
    with_feeds = used()
    found.feed_bytes = (with_feeds - empty) / feeds
    filler.entries(feeds, entries)
    found.entry_bytes = (used() - with_feeds) / (feeds * entries)
    await time_claims(store, found)
    await store.aclose()
    client.close()
    return found


async def cluster_growth(url: str, feeds: int, shards: int, nodes: int) -> Growth:
    """The same claims and commits on a cluster, of feeds without a past."""
    store = Store(Address(url), Keys("growth", shards), window_ms=14 * DAY_MS, lease_ms=90_000)
    await open_dataset(store, "news.", {})
    found = Growth(feeds=feeds, shards=shards, entries=0, nodes=nodes)
    found.list_s = await write_list(store, feeds)
    await time_claims(store, found)
    await store.aclose()
    return found


async def time_claims(store: Store, found: Growth) -> None:
    """Claim eight feeds at a time, shard by shard, and commit each, as a poll that was answered 304."""
    claims_ms, commits_ms = [], []
    for n in range(CLAIMS):
        began = time.perf_counter()
        batch = await store.claim(n % store.keys.shards, CLAIMED)
        claims_ms.append((time.perf_counter() - began) * 1000)
        for claim in batch.claims:
            commits_ms.append(await _commit_ms(store, claim, batch.now_ms))
    found.claim_p50_ms, found.claim_p99_ms = _p50_p99(claims_ms)
    found.commit_p50_ms, found.commit_p99_ms = _p50_p99(commits_ms)


async def _commit_ms(store: Store, claim: Claim, now_ms: int) -> float:
    after = state(int(claim.feed_id[1:], 16), now_ms)
    began = time.perf_counter()
    await store.commit(claim, after, None, now_ms + HOUR_MS)
    return (time.perf_counter() - began) * 1000


def _p50_p99(values: Sequence[float]) -> tuple[float, float]:
    ordered = sorted(values)
    return ordered[len(ordered) // 2], ordered[len(ordered) * 99 // 100]

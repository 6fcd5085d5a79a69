"""``python -m tests.bench.growth``: how Redis and a worker's start grow with the number of feeds.

Synthetic state, written as a worker writes it: each feed with its configuration, the state of one that is
polled for weeks, a memory of twenty entries, and their article records.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import msgspec
import redis

from tests.bench.meter import resident
from tests.bench.paths import Ground, environment
from tests.support.kafka_jars import ROOT
from tests.support.processes import kill_session
from tests.support.servers import ValkeyServer
from workers.fetcher.memory import Remembered, pack
from workers.fetcher.records import ArticleRecord
from workers.model import FeedConfig, FeedState
from workers.store.client import Address
from workers.store.dataset import open_dataset
from workers.store.keys import Keys
from workers.store.store import Store

ENTRIES = 20
BATCH = 500
CLAIMS = 200
DAY_MS = 86_400_000
FEED_BYTES, ENTRY_BYTES = 600, 64
FIRST_POLL_S, LIST_S, RESIDENT_MB = 5.0, 60.0, 150.0


class Growth(msgspec.Struct, kw_only=True):
    """Redis with so many feeds in so many shards: bytes a feed (without entries) and a remembered
    entry, ms of a claim of eight feeds, seconds to write the whole list."""

    feeds: int
    shards: int
    feed_bytes: float
    entry_bytes: float
    claim_p50_ms: float
    claim_p99_ms: float
    list_s: float


class Start(msgspec.Struct, kw_only=True):
    """A worker's start: seconds from its process to the first poll and to the whole list in Redis,
    and its memory when it has polled for a while."""

    feeds: int
    first_poll_s: float
    list_s: float
    resident_mb: float


def _digest(*parts: Any) -> bytes:
    return hashlib.blake2b(repr(parts).encode(), digest_size=48).digest()


def _config(n: int) -> FeedConfig:
    return FeedConfig(id=f"f{n:016x}", url=f"https://news.site{n}.example/section/feed.xml")


def _state(n: int, now_ms: int) -> FeedState:
    return FeedState(
        etag=f'W/"{_digest(n).hex()[:32]}"', last_modified="Sun, 01 Mar 2026 08:30:00 GMT",
        config_url=_config(n).url, body_hash=_digest(n)[:16], first_polled_ms=now_ms - 30 * DAY_MS,
        last_polled_ms=now_ms, last_success_ms=now_ms, last_new_ms=now_ms, polls=4_000, rate=11.5,
        rate_at_ms=now_ms, observed_s=2.5e6, recent_new=1.0, recent_s=3_600.0, usual_gap_s=7_500.0,
        listed=ENTRIES, hours=tuple(range(24)), days=tuple(range(7)), refreshed_ms=now_ms,
        due_why="cadence", title=f"Site {n}: Section", link=f"https://news.site{n}.example/",
        language="en", status="ok", status_at_ms=now_ms,
    )  # fmt: skip


def _entries(n: int, minute: int) -> list[Remembered]:
    found = []
    for e in range(ENTRIES):
        d = _digest(n, e)
        found.append(
            Remembered(
                d[:8], d[8:16], d[16:26], d[16:26], d[26:30], d[30:34], d[34:38], seen_min=minute
            )
        )
    return found


async def _write_list(store: Store, feeds: int) -> float:
    began = time.monotonic()
    for start in range(0, feeds, BATCH):
        numbers = range(start, min(feeds, start + BATCH))
        # One in ten is due at once, the others within hours.
        await store.put_feeds(
            [(_config(n), 0 if n % 10 == 0 else n % 9_999 * 1_000) for n in numbers]
        )
    return time.monotonic() - began


def _write_states(client: redis.Redis, keys: Keys, feeds: int, now_ms: int) -> None:
    encode = msgspec.msgpack.Encoder().encode
    for start in range(0, feeds, BATCH):
        pipe = client.pipeline(transaction=False)
        for n in range(start, min(feeds, start + BATCH)):
            feed_id = _config(n).id
            pipe.set(keys.key(keys.feed_shard(feed_id), f"f:{feed_id}"), encode(_state(n, now_ms)))
        pipe.execute()


def _write_entries(client: redis.Redis, keys: Keys, feeds: int, now_ms: int) -> None:
    for start in range(0, feeds, BATCH):
        pipe = client.pipeline(transaction=False)
        for n in range(start, min(feeds, start + BATCH)):
            feed_id = _config(n).id
            entries = _entries(n, now_ms // 60_000)
            for entry in entries:
                record = ArticleRecord(
                    now_ms // DAY_MS, 1, _digest(feed_id)[:8], entry.body, now_ms // 1000
                )
                bucket, field = keys.bucket(entry.article)
                pipe.hset(bucket, field, record.pack())  # type: ignore[arg-type]
            shard = keys.feed_shard(feed_id)
            pipe.set(keys.key(shard, f"m:{feed_id}"), pack(entries, {}))
        pipe.execute()


async def redis_growth(url: str, feeds: int, shards: int) -> Growth:
    """Fill an empty Redis with so many feeds, and look at what it costs."""
    client = redis.Redis.from_url(url)
    client.flushall()
    keys = Keys("growth", shards)
    store = Store(Address(url), keys, window_ms=14 * DAY_MS, lease_ms=90_000)
    await open_dataset(store, "news.", {})

    def used() -> int:
        return int(client.info("memory")["used_memory"])

    empty, now_ms = used(), int(time.time() * 1000)
    list_s = await _write_list(store, feeds)
    _write_states(client, keys, feeds, now_ms)
    with_feeds = used()
    _write_entries(client, keys, feeds, now_ms)
    with_entries = used()
    took = []
    for n in range(CLAIMS):
        began = time.perf_counter()
        await store.claim(n % shards, 8)
        took.append((time.perf_counter() - began) * 1000)
    took.sort()
    await store.aclose()
    client.close()
    return Growth(
        feeds=feeds, shards=shards, list_s=list_s, feed_bytes=(with_feeds - empty) / feeds,
        entry_bytes=(with_entries - with_feeds) / (feeds * ENTRIES),
        claim_p50_ms=took[CLAIMS // 2], claim_p99_ms=took[CLAIMS * 99 // 100],
    )  # fmt: skip


def start(ground: Ground, feeds: int, seconds: float) -> Start:
    """Start a worker on an empty Redis with a list of so many feeds, and let it poll for so long."""
    folder = ground.directory / f"start-{feeds}"
    folder.mkdir()
    path = folder / "feeds.txt"
    path.write_text("".join(f"{ground.base}/not-modified/s{n}\n" for n in range(feeds)))
    name = f"start-{feeds}"
    settings = {"NEWSWIRE_MIN_INTERVAL": "1s", "NEWSWIRE_MAX_INTERVAL": "1h"}
    env = environment(ground, name, path) | settings
    began = time.time()
    worker = ground.pinned(sys.executable, "-m", "workers.cli", "run", env=env, out=folder / "log")
    try:
        seen = _await(folder / "log", {"feed_polled", "feed_list_loaded"}, worker, 300)
        time.sleep(seconds)
        memory = resident(worker.pid) / 1e6
    finally:
        worker.terminate()
        try:
            worker.wait(60)
        finally:
            kill_session(worker)
    return Start(
        feeds=feeds, first_poll_s=seen["feed_polled"] - began,
        list_s=seen["feed_list_loaded"] - began, resident_mb=memory,
    )  # fmt: skip


def _await(
    log: Path, events: set[str], worker: subprocess.Popen[bytes], most_s: float
) -> dict[str, float]:
    """When each of some events was first written, epoch seconds by our own clock."""
    seen: dict[str, float] = {}
    end = time.time() + most_s
    while missing := events - seen.keys():
        if time.time() > end or worker.poll() is not None:
            raise TimeoutError(f"no {missing} in the worker's log: {log.read_text()[-2_000:]}")
        text = log.read_text()
        seen |= {e: time.time() for e in missing if f'"event":"{e}"' in text}
        time.sleep(0.1)
    return seen


def table(growths: list[Growth], starts: list[Start]) -> str:
    """The figures for people, with what is wanted."""
    lines = [
        f"| feeds | shards | Redis bytes a feed (≤ {FEED_BYTES}) | an entry (≤ {ENTRY_BYTES}) | "
        "claim of 8, ms p50, p99 | writing the list, s |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    lines += [
        f"| {g.feeds:,} | {g.shards} | {g.feed_bytes:.0f} | {g.entry_bytes:.0f} | "
        f"{g.claim_p50_ms:.2f}, {g.claim_p99_ms:.2f} | {g.list_s:.1f} |"
        for g in growths
    ]
    if starts:
        lines += [
            "",
            f"| feeds | first poll, s (≤ {FIRST_POLL_S:.0f}) | list in Redis, s (≤ {LIST_S:.0f}) | "
            f"memory MB (≤ {RESIDENT_MB:.0f}) |",
            "| --- | --- | --- | --- |",
        ]
        lines += [
            f"| {s.feeds:,} | {s.first_poll_s:.1f} | {s.list_s:.1f} | {s.resident_mb:.0f} |"
            for s in starts
        ]
    return "\n".join(lines)


def _main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--feeds", type=int, action="append", help="1,000, 10,000 and 100,000")
    parser.add_argument("--shards", type=int, action="append", help="4")
    parser.add_argument("--start", type=int, action="append", default=[], help="1,000 and 100,000")
    parser.add_argument("--json", type=Path, help="write the figures here")
    options = parser.parse_args()
    base = ROOT / ".run" / "bench"
    base.mkdir(parents=True, exist_ok=True)
    directory = Path(tempfile.mkdtemp(dir=base))
    growths: list[Growth] = []
    starts: list[Start] = []
    try:
        valkey = ValkeyServer(directory / "growth")
        valkey.start()
        with contextlib.closing(valkey):
            for feeds in options.feeds or [1_000, 10_000, 100_000]:
                for shards in options.shards or [4]:
                    growths.append(asyncio.run(redis_growth(valkey.url, feeds, shards)))
                    print(table(growths[-1:], []), flush=True)
        if options.start:
            ground = Ground(directory)
            try:
                starts = [start(ground, feeds, 20.0) for feeds in options.start]
            finally:
                ground.close()
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    print(f"\n{os.cpu_count()} cores\n\n{table(growths, starts)}")
    if options.json:
        figures = {"growth": growths, "start": starts}
        options.json.write_text(json.dumps(msgspec.to_builtins(figures), indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(_main())

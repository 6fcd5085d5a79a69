"""What the fetcher does in Redis, one typed function a step; each multi-key step is one Lua script."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, NamedTuple, cast

import msgspec

from workers.errors import ClaimLostError, StoreError
from workers.model import Claim, FeedConfig, FeedState, OutboxEvent, Pause
from workers.store.client import Address, Arg, AsyncClient
from workers.store.disk import ClusterDisks
from workers.store.forms import (
    pack_config,
    pack_memory,
    pack_state,
    unpack_config,
    unpack_memory,
    unpack_state,
    version_of,
)
from workers.store.hosts import Hosts
from workers.store.keys import Keys

_encoder = msgspec.msgpack.Encoder()

MAX_ADMIT_ITEMS = 200
MAX_ADMIT_BYTES = 1 << 20
MAX_PUT = 1_000
"""Feeds that one script writes: some ms in which Redis does nothing else."""
DAY_MS = 86_400_000
KEEP_DUE, NEVER_DUE = -1, -2
PLACED_MS = 0.5
"""What the time of a place in a line has more than whole milliseconds: it says so, also to other workers."""
NEVER_MS = 9_000_000_000_000_000
"""When a feed is due that is disabled or paused; the scripts know the number too."""


class ClaimBatch(NamedTuple):
    """Claims of one shard. Times by Redis's clock, epoch ms; ``next_due_ms`` is -1 when none is left."""

    now_ms: int
    next_due_ms: int
    unpublished_bytes: int
    claims: list[Claim]


class Admission(NamedTuple):
    """One article record to set if it still is ``expected``, and the event that goes with it."""

    article: bytes
    expected: bytes
    new: bytes
    event: OutboxEvent | None


class Store:
    """The fetcher's view of Redis. Every method raises StoreError when Redis cannot be used now, and
    StateRegressedError when Redis is not the one this instance wrote to."""

    def __init__(
        self, address: Address, keys: Keys, *, window_ms: int, lease_ms: int, replicas: int = 0
    ) -> None:
        self.keys = keys
        self.client = AsyncClient(address)
        self.hosts = Hosts(self.client, keys)
        self._disks = ClusterDisks(address, self.client, replicas)
        self.marker = ""
        self._window_ms = window_ms
        self.lease_ms = lease_ms

    async def aclose(self) -> None:
        """Close all connections."""
        await self._disks.aclose()
        await self.client.aclose()

    # -- the poll ---------------------------------------------------------------------------------

    async def claim(self, shard: int, limit: int) -> ClaimBatch:
        """Claim up to ``limit`` due feeds of one shard for the lease."""
        k = self.keys
        keys = [k.key(shard, n) for n in ("meta", "due", "claims", "ob")]
        seed = secrets.token_hex(8)
        args: list[Arg] = [self.marker, k.tag(shard), limit, self.lease_ms, seed]
        now, next_due, unpublished, *rows = await self.client.script("claim", keys, args)
        now_ms = int(now)
        claims = [_claim(row, shard, now_ms + self.lease_ms) for row in rows]
        return ClaimBatch(now_ms, int(float(next_due)), int(unpublished), claims)

    async def holds(self, claim: Claim) -> bool:
        """True while the claim is still ours."""
        keys = [self.keys.key(claim.shard, n) for n in ("meta", "claims")]
        args: list[Arg] = [self.marker, claim.feed_id, claim.token]
        return int(await self.client.script("holds", keys, args)) == 1

    async def release(self, claim: Claim, due_ms: int, *, placed: bool = False) -> bool:
        """Hand a claim back unpolled; the feed is due again at ``due_ms``, its place in a host's line if
        ``placed``."""
        keys = [self.keys.key(claim.shard, n) for n in ("meta", "due", "claims")]
        due = due_ms + PLACED_MS if placed else due_ms
        args: list[Arg] = [self.marker, claim.feed_id, claim.token, due]
        return int(await self.client.script("release", keys, args)) == 1

    async def release_placed(self, shard: int, claims: Sequence[tuple[Claim, int]]) -> int:
        """Hand claims of one shard back, each with when its place in a line comes. Returns how many were
        still ours."""
        args: list[Arg] = [self.marker]
        for claim, due_ms in claims:
            args += [claim.feed_id, claim.token, due_ms + PLACED_MS]
        keys = [self.keys.key(shard, n) for n in ("meta", "due", "claims")]
        return int(await self.client.script("release", keys, args))

    async def memory(self, claim: Claim) -> bytes:
        """The packed entry memory of the claimed feed, empty when it has none."""
        name = self.keys.key(claim.shard, f"m:{claim.feed_id}")
        return unpack_memory(bytes(await self.client.command("GET", name) or b""))

    async def attempt(self, claim: Claim) -> bytes:
        """What the last poll of the feed was about to announce, packed; empty when nothing is known of it."""
        key = self.keys.key(claim.shard, f"t:{claim.feed_id}")
        return bytes(await self.client.command("GET", key) or b"")

    async def set_attempt(self, claim: Claim, packed: bytes) -> None:
        """Note what this poll is about to announce, for the window."""
        key = self.keys.key(claim.shard, f"t:{claim.feed_id}")
        await self.client.command("SET", key, packed, "PX", self._window_ms)

    async def horizon_ms(self) -> int:
        """Within a window after a rebuild: what is dated before this may have been announced; else 0."""
        return int(await self.client.command("GET", self.keys.list_key("rebuilt")) or 0)

    async def records(self, articles: Sequence[bytes]) -> list[bytes]:
        """The records of articles (binary ids), empty where there is none."""
        raws = await self.client.commands(("HGET", *self.keys.bucket(a)) for a in articles)
        return [bytes(raw or b"") for raw in raws]

    async def admit(self, items: Sequence[Admission], today: int) -> list[bytes | None]:
        """Compare-and-set article records with their events, in order within each shard.

        Returns for each item None when it holds now, else the record that stands in its way (empty:
        none). Safe to repeat. Large sets are several scripts.
        """
        by_shard: dict[int, list[int]] = {}
        for index, item in enumerate(items):
            by_shard.setdefault(self.keys.article_shard(item.article), []).append(index)
        answers: list[bytes | None] = [b""] * len(items)
        await _all([self._admit_shard(s, ix, items, today, answers) for s, ix in by_shard.items()])
        return answers

    async def _admit_shard(
        self,
        shard: int,
        indexes: list[int],
        items: Sequence[Admission],
        today: int,
        answers: list[bytes | None],
    ) -> None:
        base = [self.keys.key(shard, n) for n in ("meta", "out", "ob")]
        for chunk in _chunks(indexes, items):
            buckets: dict[str, int] = {}
            args: list[Arg] = []
            for index in chunk:
                item = items[index]
                bucket, field = self.keys.bucket(item.article)
                at = buckets.setdefault(bucket, len(buckets) + 1)
                args += [at, field, item.expected, item.new, *event_args(item.event)]
            head: list[Arg] = [
                self.marker,
                2 * self._window_ms,
                today - self._window_ms // DAY_MS - 1,
                len(chunk),
            ]
            reply = await self.client.script("admit", [*base, *buckets], head + args)
            for index, answer in zip(chunk, reply, strict=True):
                answers[index] = None if answer == 1 else bytes(answer)

    async def outlast(self, articles: Sequence[bytes], claim: Claim) -> None:
        """See to it that articles just admitted outlive what is committed of the claimed feed next.

        On a single server that is so by the order of writing; on a cluster the disks of the articles'
        nodes are awaited.
        """
        tags = {self.keys.tag(self.keys.article_shard(a)) for a in articles}
        await self._disks.confirm(tags, self.keys.tag(claim.shard))

    async def commit(
        self,
        claim: Claim,
        state: FeedState,
        memory: bytes | None,
        due_ms: int,
        events: Sequence[OutboxEvent] = (),
    ) -> None:
        """Write all that a poll learned of its feed, and give the claim back; last in order.

        ``memory`` None keeps what is there. Raises ClaimLostError when the token is no longer current.
        """
        fid = claim.feed_id
        names = ("meta", "due", "claims", f"f:{fid}", f"m:{fid}", f"c:{fid}", "out", "ob")
        keys = [self.keys.key(claim.shard, n) for n in names]
        version = version_of(self.marker)
        args: list[Arg] = [self.marker, fid, claim.token, due_ms]
        args.append(pack_state(state, version, claim.config.url))
        args += ["1" if memory is None else "0", pack_memory(memory or b"", version), len(events)]
        for event in events:
            args += event_args(event)
        if int(await self.client.script("commit", keys, args)) != 1:
            raise ClaimLostError(f"feed {fid}: another worker holds it now")

    # -- the feed list ----------------------------------------------------------------------------

    async def lease(self, key: str, token: str, ttl_ms: int) -> bool:
        """Take or renew a lease."""
        return int(await self.client.script("lease", [key], [token, ttl_ms])) == 1

    async def unlease(self, key: str, token: str) -> None:
        """Give a lease back if it is ours."""
        await self.client.script("unlease", [key], [token])

    async def put_feeds(self, feeds: Sequence[tuple[FeedConfig, int | None]]) -> int:
        """Add or change feeds. Returns how many are new.

        With each comes the delay in ms after which it is due at the latest; None keeps its time. A
        disabled feed is known, but never due, and one that is paused stays so.
        """
        by_shard: dict[int, list[Arg]] = {}
        version = version_of(self.marker)
        for config, delay_ms in feeds:
            delay = KEEP_DUE if delay_ms is None else delay_ms
            row = by_shard.setdefault(self.keys.feed_shard(config.id), [])
            due = delay if config.enabled else NEVER_DUE
            row += [config.id, pack_config(config, version), due]
        scripts = [
            self._put(shard, rows[at : at + 3 * MAX_PUT])
            for shard, rows in by_shard.items()
            for at in range(0, len(rows), 3 * MAX_PUT)
        ]
        return sum(await _all(scripts))

    async def _put(self, shard: int, rows: Sequence[Arg]) -> int:
        await self._unsay(shard, rows)
        keys = [self.keys.key(shard, n) for n in ("meta", "due", "claims")]
        args: list[Arg] = [self.marker, self.keys.tag(shard), len(rows) // 3, *rows]
        return int(await self.client.script("put_feeds", keys, args))

    async def _unsay(self, shard: int, rows: Sequence[Arg]) -> None:
        """A tombstone took back what was said of a feed that comes back: its next poll says it anew.

        No poll can write the state meanwhile: it is fenced until the feed is listed.
        """
        feeds = [
            unpack_config(cast(bytes, config), str(feed_id))
            for feed_id, config in zip(rows[::3], rows[1::3], strict=True)
        ]
        names = [self.keys.key(shard, f"{kind}:{feed.id}") for kind in "cf" for feed in feeds]
        raw = await self.client.command("MGET", *names)
        states = names[len(feeds) :], raw[len(feeds) :]
        for feed, listed, name, packed in zip(feeds, raw, *states, strict=False):
            if listed is None and packed and (state := unpack_state(packed, feed.url)).status:
                state = msgspec.structs.replace(state, status="")
                said = pack_state(state, version_of(self.marker), feed.url)
                await self.client.command("SET", name, said, "XX", "KEEPTTL")

    async def remove_feeds(self, feeds: Sequence[tuple[str, bytes]], topic: str) -> int:
        """Unschedule feeds, each given with the packed headers of its tombstone on ``topic``."""
        by_shard: dict[int, list[Arg]] = {}
        for feed_id, headers in feeds:
            by_shard.setdefault(self.keys.feed_shard(feed_id), []).extend([feed_id, headers])
        removed = 0
        for shard, rows in by_shard.items():
            keys = [self.keys.key(shard, n) for n in ("meta", "due", "claims", "out", "ob")]
            args: list[Arg] = [
                self.marker,
                self.keys.tag(shard),
                self._window_ms,
                topic,
                len(rows) // 2,
                *rows,
            ]
            removed += int(await self.client.script("remove_feeds", keys, args))
        return removed

    async def note_owners(
        self, gone: Sequence[bytes], listed: Sequence[bytes], now_ms: int
    ) -> None:
        """Remember for the window which owners of articles have left the list, and which are on it."""
        key = self.keys.list_key("left")
        if listed:
            await self.client.command("ZREM", key, *listed)
        if gone:
            await self.client.command("ZADD", key, *(w for owner in gone for w in (now_ms, owner)))
            await self.client.command("ZREMRANGEBYSCORE", key, "-inf", now_ms - self._window_ms)
            await self.client.command("PEXPIRE", key, self._window_ms)

    async def owners_gone(self, owners: Sequence[bytes]) -> frozenset[bytes]:
        """Those of the owners that have left the list."""
        key = self.keys.list_key("left")
        scores = await self.client.command("ZMSCORE", key, *owners)
        return frozenset(o for o, score in zip(owners, scores, strict=True) if score is not None)

    async def configured(self, batch: int = 1_000) -> AsyncIterator[list[FeedConfig]]:
        """All scheduled feeds, in batches, in no order."""
        for shard in range(self.keys.shards):
            cursor, due = 0, self.keys.key(shard, "due")
            while True:
                reply = await self.client.command("ZSCAN", due, cursor, "COUNT", batch)
                cursor, ids = int(reply[0]), _members(reply[1])
                if ids:
                    names = [self.keys.key(shard, f"c:{i}") for i in ids]
                    raw = await self.client.command("MGET", *names)
                    yield [unpack_config(r, i) for r, i in zip(raw, ids, strict=True) if r]
                if cursor == 0:
                    break

    async def sample(self, most: int) -> tuple[int, list[tuple[FeedConfig, FeedState]]]:
        """The number of all scheduled feeds, and about ``most`` of them, chosen by chance."""
        total, found = 0, []
        for shard in range(self.keys.shards):
            due = self.keys.key(shard, "due")
            total += int(await self.client.command("ZCARD", due))
            share = -(-most // self.keys.shards)
            ids = [i.decode() for i in await self.client.command("ZRANDMEMBER", due, share) or []]
            found += [(config, state) for config, state, _ in await self._feeds(shard, ids)]
        return total, found

    async def feeds(
        self, batch: int = 500
    ) -> AsyncIterator[list[tuple[FeedConfig, FeedState, int]]]:
        """Configuration, state and due time of all scheduled feeds, in batches, in no order."""
        for shard in range(self.keys.shards):
            cursor, due = 0, self.keys.key(shard, "due")
            while True:
                reply = await self.client.command("ZSCAN", due, cursor, "COUNT", batch)
                cursor = int(reply[0])
                yield await self._feeds(shard, _members(reply[1]))
                if cursor == 0:
                    break

    async def _feeds(
        self, shard: int, feed_ids: Sequence[str]
    ) -> list[tuple[FeedConfig, FeedState, int]]:
        if not feed_ids:
            return []
        names = [self.keys.key(shard, f"{kind}:{i}") for kind in ("c", "f") for i in feed_ids]
        raw = await self.client.command("MGET", *names)
        scores = await self.client.command("ZMSCORE", self.keys.key(shard, "due"), *feed_ids)
        rows = zip(feed_ids, raw[: len(feed_ids)], raw[len(feed_ids) :], scores, strict=True)
        return [
            (*unpack_feed(feed_id, config, state), int(float(score)))
            for feed_id, config, state, score in rows
            if config and score is not None
        ]

    async def now_ms(self) -> int:
        """Redis's clock, epoch ms."""
        seconds, micros = await self.client.command("TIME")
        return int(seconds) * 1000 + int(micros) // 1000

    async def claimed(self, feed_id: str) -> bool:
        """True while a worker polls the feed, or died doing so."""
        claims = self.keys.key(self.keys.feed_shard(feed_id), "claims")
        return bool(await self.client.command("HEXISTS", claims, feed_id))

    async def placed(self, feed_id: str) -> bool:
        """True when what the feed waits for is its place in its host's line."""
        due = self.keys.key(self.keys.feed_shard(feed_id), "due")
        score = await self.client.command("ZSCORE", due, feed_id)
        return score is not None and float(score) % 1 == PLACED_MS

    async def feed(self, feed_id: str) -> tuple[FeedConfig, FeedState, int] | None:
        """One feed's configuration, state and due time, or None when it is not scheduled."""
        shard = self.keys.feed_shard(feed_id)
        names = [self.keys.key(shard, f"{n}:{feed_id}") for n in ("c", "f")]
        config, state = await self.client.command("MGET", *names)
        score = await self.client.command("ZSCORE", self.keys.key(shard, "due"), feed_id)
        if config is None or score is None:
            return None
        return (*unpack_feed(feed_id, config, state), int(float(score)))

    async def list_version(self) -> Mapping[str, str]:
        """What was stored with the last feed list, empty at first."""
        raw = await self.client.command("HGETALL", self.keys.list_key("version"))
        pairs = raw.items() if isinstance(raw, dict) else zip(raw[::2], raw[1::2], strict=True)
        return {k.decode(): v.decode() for k, v in pairs}

    async def set_list_version(self, values: Mapping[str, str]) -> None:
        """Remember which feed list is in force."""
        words = [w for pair in values.items() for w in pair]
        await self.client.command("HSET", self.keys.list_key("version"), *words)

    async def outbox_totals(self) -> tuple[int, int, int]:
        """(entries, bytes, age of the oldest in ms) of what is admitted and not yet published."""
        now = await self.client.command("TIME")
        now_ms = int(now[0]) * 1000 + int(now[1]) // 1000
        entries, size, oldest = 0, 0, 0
        for shard in range(self.keys.shards):
            counters = await self.client.command(
                "HMGET", self.keys.key(shard, "ob"), "bytes", "pubbytes", "pub", "seq"
            )
            total, published, pub, seq = (int(v or 0) for v in counters)
            if seq > pub:
                out = self.keys.key(shard, "out")
                length = int(await self.client.command("XLEN", out))
                first = await self.client.command(
                    "XRANGE", out, f"({pub}-0" if pub else "-", "+", "COUNT", 1
                )
                entries += max(0, length - (1 if pub else 0))
                size += max(0, total - published)
                if first:
                    oldest = max(oldest, now_ms - int(first[0][0].split(b"-")[0]) // 1000)
        return entries, size, oldest

    async def overdue(self) -> tuple[int, int]:
        """(feeds scheduled, ms by which the longest-waiting feed is overdue, 0 when none is)."""
        now = await self.client.command("TIME")
        now_ms = int(now[0]) * 1000 + int(now[1]) // 1000
        feeds, late = 0, 0
        for shard in range(self.keys.shards):
            due = self.keys.key(shard, "due")
            feeds += int(await self.client.command("ZCARD", due))
            first = await self.client.command("ZRANGE", due, 0, 0, "WITHSCORES")
            if first:
                pair = first[0] if isinstance(first[0], list | tuple) else first
                late = max(late, now_ms - int(float(pair[1])))
        return feeds, late


def encoded(value: Pause) -> bytes:
    """A pause in its stored form."""
    return _encoder.encode(value)


def unpack_feed(feed_id: str, config: bytes, state: bytes | None) -> tuple[FeedConfig, FeedState]:
    """A feed's configuration and state from their stored forms."""
    wanted = unpack_config(config, feed_id)
    return wanted, unpack_state(state or b"", wanted.url)


def _claim(row: list[Any], shard: int, until_ms: int) -> Claim:
    feed_id, token, due, *stored = row
    config, state = unpack_feed(feed_id.decode(), *stored)
    return Claim(
        feed_id=config.id,
        shard=shard,
        token=token.decode(),
        due_ms=int(float(due)),
        placed=float(due) % 1 == PLACED_MS,
        until_ms=until_ms,
        config=config,
        state=state,
    )


def event_args(event: OutboxEvent | None) -> tuple[Arg, ...]:
    """An event as the arguments of a script: topic, key, value, headers; four empty ones for none."""
    if event is None:
        return ("", "", "", "")
    return (event.topic, event.key, event.value, pack_headers(event.headers))


def pack_headers(headers: Sequence[tuple[str, bytes]]) -> bytes:
    """Headers as they stand in the outbox."""
    return _encoder.encode(headers)


def _chunks(indexes: list[int], items: Sequence[Admission]) -> list[list[int]]:
    """Split so that no script gets too many items or bytes: a script blocks the whole server."""
    chunks: list[list[int]] = [[]]
    size = 0
    for index in indexes:
        event = items[index].event
        weight = len(event.value) if event else 0
        if chunks[-1] and (len(chunks[-1]) >= MAX_ADMIT_ITEMS or size + weight > MAX_ADMIT_BYTES):
            chunks.append([])
            size = 0
        chunks[-1].append(index)
        size += weight
    return chunks


def _members(reply: Any) -> list[str]:
    if reply and isinstance(reply[0], list | tuple):
        return [m.decode() for m, _ in reply]
    return [m.decode() for m in reply[::2]]


async def _all(calls: Sequence[Any]) -> list[Any]:
    """Await several calls that were started together; the first error is raised after all have ended."""

    answers = await asyncio.gather(*calls, return_exceptions=True)
    for answer in answers:
        if isinstance(answer, BaseException):
            raise answer
    return list(answers)


__all__ = [
    "Admission", "ClaimBatch", "Store", "StoreError", "event_args", "pack_headers",
]  # fmt: skip

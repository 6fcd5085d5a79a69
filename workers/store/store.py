"""What a poll does in Redis, one typed method a step; each multi-key step is one Lua script.

What others ask of the same state are functions of ``Store`` beside this module, by who asks.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from workers.errors import ClaimLostError, StoreError
from workers.model import Claim, FeedConfig, FeedState, OutboxEvent
from workers.store.address import Address
from workers.store.client import Arg, AsyncClient
from workers.store.disk import ClusterDisks
from workers.store.forms import (
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
DAY_MS = 86_400_000
PLACED_MS = 0.5
"""What the time of a place in a line has more than whole milliseconds: it says so, also to other workers."""
NEVER_MS = 9_000_000_000_000_000
"""When a feed is due that is disabled or paused; the scripts know the number too."""


class ClaimBatch(NamedTuple):
    """Claims of one shard. Times by Redis's clock, epoch ms; ``next_due_ms`` is -1 when none is left.

    ``unreadable`` are feeds whose stored state is damaged; they are claimed like the others.
    """

    now_ms: int
    next_due_ms: int
    unpublished_bytes: int
    claims: list[Claim]
    unreadable: list[tuple[str, StoreError]]


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
        self.window_ms = window_ms
        self.lease_ms = lease_ms

    async def aclose(self) -> None:
        """Close all connections."""
        await self._disks.aclose()
        await self.client.aclose()

    async def claim(self, shard: int, limit: int) -> ClaimBatch:
        """Claim up to ``limit`` due feeds of one shard for the lease."""
        k = self.keys
        keys = [k.key(shard, n) for n in ("meta", "due", "claims", "ob")]
        seed = secrets.token_hex(8)
        args: list[Arg] = [self.marker, k.tag(shard), limit, self.lease_ms, seed]
        now, next_due, unpublished, *rows = await self.client.script("claim", keys, args)
        now_ms = int(now)
        batch = ClaimBatch(now_ms, int(float(next_due)), int(unpublished), [], [])
        for row in rows:
            try:
                batch.claims.append(_claim(row, shard, now_ms + self.lease_ms))
            except StoreError as error:
                batch.unreadable.append((row[0].decode(), error))
        return batch

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
        await self.client.command("SET", key, packed, "PX", self.window_ms)

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
        await all_of(
            [self._admit_shard(s, ix, items, today, answers) for s, ix in by_shard.items()]
        )
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
                2 * self.window_ms,
                today - self.window_ms // DAY_MS - 1,
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

    async def lease(self, key: str, token: str, ttl_ms: int) -> bool:
        """Take or renew a lease."""
        return int(await self.client.script("lease", [key], [token, ttl_ms])) == 1

    async def unlease(self, key: str, token: str) -> None:
        """Give a lease back if it is ours."""
        await self.client.script("unlease", [key], [token])

    async def owners_gone(self, owners: Sequence[bytes]) -> frozenset[bytes]:
        """Those of the owners that have left the list."""
        key = self.keys.list_key("left")
        scores = await self.client.command("ZMSCORE", key, *owners)
        return frozenset(o for o, score in zip(owners, scores, strict=True) if score is not None)

    async def now_ms(self) -> int:
        """Redis's clock, epoch ms."""
        seconds, micros = await self.client.command("TIME")
        return int(seconds) * 1000 + int(micros) // 1000


def unpack_feed(feed_id: str, config: bytes, state: bytes | None) -> tuple[FeedConfig, FeedState]:
    """A feed's configuration and state from their stored forms. Raises StoreError when they are damaged."""
    try:
        wanted = unpack_config(config, feed_id)
        return wanted, unpack_state(state or b"", wanted.url)
    except Exception as error:  # whatever decoding meets in bytes that nobody wrote so
        raise StoreError(f"feed {feed_id}: its state in Redis cannot be read: {error!r}") from error


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


async def all_of(calls: Sequence[Any]) -> list[Any]:
    """Await several calls that were started together; the first error is raised after all have ended."""
    answers = await asyncio.gather(*calls, return_exceptions=True)
    for answer in answers:
        if isinstance(answer, BaseException):
            raise answer
    return list(answers)

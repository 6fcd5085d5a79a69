"""A store of one shard on a real Valkey, for the tests of its scripts."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple, cast

import redis

from tests.conftest import Names
from tests.support.servers import ValkeyServer
from workers.model import Claim, FeedConfig, OutboxEvent
from workers.store.address import Address
from workers.store.dataset import open_dataset
from workers.store.keys import Keys
from workers.store.outbox import ShardOutbox
from workers.store.store import Admission, Store

WINDOW_MS = 14 * 86_400_000
LEASE_MS = 60_000
TODAY = 20_000


class Bench(NamedTuple):
    """A store of one shard, its outbox, and a plain client for looks."""

    store: Store
    outbox: ShardOutbox
    client: redis.Redis
    key: Callable[[str], str]

    def stream(self) -> list[bytes]:
        """Values of all outbox entries, in order."""
        return [fields[b"v"] for _, fields in self.rows()]

    def rows(self) -> list[Any]:
        """All outbox entries as Redis has them."""
        return cast(list[Any], self.client.xrange(self.key("out")))

    def dump(self) -> dict[bytes, bytes | None]:
        """All keys of the instance with their content."""
        found = self.client.scan_iter(match=f"{{{self.store.keys.instance}:*", count=1000)
        return {k: self.client.dump(k) for k in found}


async def open_bench(
    server: ValkeyServer, names: Names, client: redis.Redis, lease_ms: int = LEASE_MS
) -> Bench:
    """A store with a dataset of its own."""
    keys = Keys(names.instance, 1)
    store = Store(Address(server.url), keys, window_ms=WINDOW_MS, lease_ms=lease_ms)
    await open_dataset(store, names.topic_prefix, {})
    outbox = ShardOutbox(Address(server.url), keys, 0, store.marker)
    return Bench(store, outbox, client, lambda name: keys.key(0, name))


def feed(n: int = 0, **more: Any) -> FeedConfig:
    """A feed."""
    return FeedConfig(**{"id": f"feed-{n}", "url": f"https://site.example/{n}.xml", **more})


def event(n: int, size: int = 10) -> OutboxEvent:
    """An event that can be told from others."""
    return OutboxEvent(
        "articles", b"k%d" % n, (b"v%d " % n).ljust(size, b"."), (("ce_id", b"%d" % n),)
    )


def item(n: int, expected: bytes = b"", new: bytes | None = None, size: int = 10) -> Admission:
    """A first admission of article ``n``."""
    record = new if new is not None else record_of(n)
    return Admission(n.to_bytes(10, "big"), expected, record, event(n, size))


def record_of(n: int, day: int = TODAY) -> bytes:
    """What stands for an article: the script reads its day only."""
    return b"A" + day.to_bytes(2, "big") + b"\0\1record %d" % n


async def claim(bench: Bench) -> Claim:
    """The one feed that is due."""
    (found,) = (await bench.store.claim(0, 10)).claims
    return found


async def eventually(truth: Callable[[], Awaitable[Any]], what: str) -> Any:
    """Wait until something is true."""
    deadline = time.monotonic() + 20
    while not (found := await truth()):
        assert time.monotonic() < deadline, what
        await asyncio.sleep(0.02)
    return found

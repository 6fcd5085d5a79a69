"""What workers tell each other: kept in a full Redis, forgotten in time, counted once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import msgspec
import pytest

from tests.conftest import Names
from tests.support.servers import ValkeyServer
from tests.support.status_world import BOUNDS, StatusWorld
from workers.errors import StoreError
from workers.model import FeedConfig
from workers.ops import census
from workers.ops.census import Census
from workers.store import watching
from workers.store.dataset import open_dataset
from workers.store.listing import put_feeds


@pytest.fixture
async def world(modules_valkey: ValkeyServer, names: Names) -> AsyncIterator[StatusWorld]:
    """A store without feeds on a server of its own."""
    world = StatusWorld(names, modules_valkey.url)
    await open_dataset(world.store, world.prefix, {})
    yield world
    await world.store.aclose()


async def test_a_note_is_kept_in_a_full_redis(
    world: StatusWorld, modules_valkey: ValkeyServer
) -> None:
    """A worker can say that Redis is full, in Redis; what else would grow is refused."""
    with modules_valkey.client() as client:
        client.config_set("maxmemory", "1mb")
        try:
            with pytest.raises(StoreError):
                await watching.put_census(world.store, b"x", 1_000)
            await watching.put_note(world.store, "w1", b"full")
            assert await watching.notes(world.store) == {"w1": b"full"}
        finally:
            client.config_set("maxmemory", "0")


async def test_notes_go(world: StatusWorld) -> None:
    """A worker's note goes when another says that it is gone, and all go when nobody writes any more."""
    for worker in ("w1", "w2", "w3"):
        await watching.put_note(world.store, worker, b"here")
    await watching.put_note(world.store, "w3", b"later", ["w1", "w2"])
    assert await watching.notes(world.store) == {"w3": b"later"}
    key = world.store.keys.list_key("workers")
    left_ms = int(await world.store.client.command("PTTL", key))
    assert 0 < left_ms <= watching.NOTES_TTL_MS


async def test_what_is_due(world: StatusWorld) -> None:
    """Due feeds are counted, and the longest overdue come first, over all shards."""
    late = {f"late{n}": n for n in range(1, 9)}
    await put_feeds(world.store, [(FeedConfig(f, "https://a.example/"), 0) for f in late])
    await put_feeds(world.store, [(FeedConfig("later", "https://b.example/"), 3_600_000)])
    now_ms = await world.store.now_ms()
    for feed, minutes in late.items():
        due = world.store.keys.key(world.store.keys.feed_shard(feed), "due")
        await world.store.client.command("ZADD", due, now_ms - minutes * 60_000, feed)
    found = await watching.most_overdue(world.store, 3, now_ms)
    assert found == [(f"late{n}", now_ms - n * 60_000) for n in (8, 7, 6)]
    totals = await watching.totals(world.store, now_ms)
    assert (totals.feeds, totals.due) == (9, 8)
    assert totals.late_ms >= 8 * 60_000
    assert totals.outbox_events == 0


async def test_one_counts_for_all(world: StatusWorld) -> None:
    """Of workers that want a census at once one takes it; the others have the one before, then that one."""
    await world.fill()
    key = world.store.keys.list_key("census")
    await world.store.client.command("DEL", key)
    now_ms = await world.store.now_ms()
    found = await asyncio.gather(*(census.current(world.store, BOUNDS, now_ms) for _ in range(5)))
    assert sorted(bool(one.at_ms) for one in found) == [False, False, False, False, True]
    (taken,) = [one for one in found if one.at_ms]
    assert taken.states["failing"] == sum(taken.failing.values()) == 4
    assert await census.current(world.store, BOUNDS, now_ms) == taken
    # It is not taken again before its time, whatever has changed.
    await put_feeds(world.store, [(FeedConfig("more", "https://c.example/"), 1)])
    assert (await census.stored(world.store)).feeds == taken.feeds
    again = await census.current(world.store, BOUNDS, taken.next_ms)
    assert again.feeds == taken.feeds + 1
    assert msgspec.msgpack.decode(await watching.census(world.store), type=Census) == again

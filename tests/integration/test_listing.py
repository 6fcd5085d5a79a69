"""The feed list on a real Valkey: what is written of it, and what polls and looks find of that."""

from __future__ import annotations

import pytest

from tests.integration.store_bench import WINDOW_MS, Bench, claim, feed
from workers.errors import ClaimLostError
from workers.model import FeedState, OutboxEvent
from workers.store import scheduled
from workers.store.listing import configured, note_owners, put_feeds, remove_feeds
from workers.store.store import pack_headers
from workers.store.watching import overdue

pytestmark = pytest.mark.usefixtures("redis_hygiene")


async def _due(bench: Bench, feed_id: str = "feed-0") -> int:
    score = bench.client.zscore(bench.key("due"), feed_id)
    assert score is not None
    return int(score)


async def test_a_new_feed_is_due_after_its_delay(bench: Bench) -> None:
    """New feeds are counted; one without a delay is due now."""
    assert await put_feeds(bench.store, [(feed(0), 0), (feed(1), 50_000), (feed(2), None)]) == 3
    due = [await _due(bench, f"feed-{n}") for n in range(3)]
    assert due[1] - due[0] == 50_000
    assert due[2] == due[0]


async def test_a_known_feed_keeps_its_time(bench: Bench) -> None:
    """A changed feed without a delay keeps its time; with one it is due then at the latest."""
    await put_feeds(bench.store, [(feed(), 50_000)])
    due = await _due(bench)
    assert await put_feeds(bench.store, [(feed(name="New"), None)]) == 0
    assert await _due(bench) == due
    await put_feeds(bench.store, [(feed(), 900_000)])
    assert await _due(bench) == due
    await put_feeds(bench.store, [(feed(), 0)])
    assert await _due(bench) < due
    found = await scheduled.feed(bench.store, "feed-0")
    assert found is not None
    assert found[0] == feed()


async def test_a_feed_under_way_is_left_to_its_poll(bench: Bench) -> None:
    """A changed feed that is being polled is not claimed a second time, and its poll may commit."""
    await put_feeds(bench.store, [(feed(), 0)])
    held = await claim(bench)
    await put_feeds(bench.store, [(feed(name="New"), 0)])
    assert (await bench.store.claim(0, 10)).claims == []
    await bench.store.commit(held, FeedState(), b"", 0)
    assert (await claim(bench)).config.name == "New"


async def test_a_disabled_feed_is_never_due(bench: Bench) -> None:
    """Disabling takes the feed from its poll, too; enabled again it is due at once."""
    await put_feeds(bench.store, [(feed(), 0)])
    held = await claim(bench)
    await put_feeds(bench.store, [(feed(enabled=False), 0)])
    assert not await bench.store.holds(held)
    assert (await bench.store.claim(0, 10)).claims == []
    await put_feeds(bench.store, [(feed(), None)])
    assert (await claim(bench)).feed_id == "feed-0"


async def test_a_removed_feed_leaves_a_tombstone(bench: Bench) -> None:
    """Its poll is fenced, a tombstone is on its way, and what it had shown lives for the window."""
    await put_feeds(bench.store, [(feed(), 0)])
    await bench.store.commit(await claim(bench), FeedState(polls=1), b"memory", 0)
    held = await claim(bench)
    headers = pack_headers((("ce_id", b"gone"),))
    assert await remove_feeds(bench.store, [("feed-0", headers)], "feeds") == 1
    with pytest.raises(ClaimLostError):
        await bench.store.commit(held, FeedState(), b"", 0)
    (entry,) = bench.outbox.read(0, 10, 1 << 20)
    assert entry.event == OutboxEvent("feeds", b"feed-0", b"", (("ce_id", b"gone"),))
    assert await scheduled.feed(bench.store, "feed-0") is None
    for name in ("f:feed-0", "m:feed-0"):
        assert 0 < bench.client.pttl(bench.key(name)) <= WINDOW_MS
    assert await remove_feeds(bench.store, [("feed-0", headers)], "feeds") == 0
    assert len(bench.stream()) == 1


async def test_a_feed_that_comes_back_finds_its_past(bench: Bench) -> None:
    """Listed again, a feed has the state and memory that it left, without an end."""
    await put_feeds(bench.store, [(feed(), 0)])
    await bench.store.commit(await claim(bench), FeedState(polls=1), b"memory", 0)
    await remove_feeds(bench.store, [("feed-0", b"")], "feeds")
    await put_feeds(bench.store, [(feed(), 0)])
    held = await claim(bench)
    assert held.state == FeedState(polls=1)
    assert await bench.store.memory(held) == b"memory"
    assert bench.client.pttl(bench.key("m:feed-0")) == -1


async def test_what_was_said_of_a_feed_ends_with_its_tombstone(bench: Bench) -> None:
    """Listed again, its status is to be said again; one that was listed all along keeps what was said."""
    said = FeedState(polls=1, status="healthy", status_at_ms=9)
    await put_feeds(bench.store, [(feed(), 0), (feed(1), 0)])
    for held in (await bench.store.claim(0, 2)).claims:
        await bench.store.commit(held, said, b"memory", 0)
    await remove_feeds(bench.store, [("feed-0", b"")], "feeds")
    await put_feeds(bench.store, [(feed(), 0), (feed(1), 0)])
    states = {c.feed_id: c.state for c in (await bench.store.claim(0, 2)).claims}
    assert states == {"feed-0": FeedState(polls=1, status_at_ms=9), "feed-1": said}


async def test_who_left_the_list_is_known_for_the_window(bench: Bench) -> None:
    """Owners are asked for by their keys; one that is listed again is gone no more."""
    now = await bench.store.now_ms()
    await note_owners(bench.store, [b"one", b"two"], [], now)
    await note_owners(bench.store, [b"three"], [b"two"], now)
    assert await bench.store.owners_gone([b"two", b"one", b"four"]) == {b"one"}
    await note_owners(bench.store, [b"four"], [], now + WINDOW_MS + 1)
    assert await bench.store.owners_gone([b"one", b"four"]) == {b"four"}
    key = bench.store.keys.list_key("left")
    assert 0 < bench.client.pttl(key) <= WINDOW_MS


async def test_all_feeds_are_listed(bench: Bench) -> None:
    """What is configured comes back in batches, each feed once."""
    await put_feeds(bench.store, [(feed(n), 0) for n in range(2_500)])
    found = [f.id async for batch in configured(bench.store) for f in batch]
    assert sorted(found) == sorted(f"feed-{n}" for n in range(2_500))
    feeds, late_ms = await overdue(bench.store)
    assert feeds == 2_500
    assert late_ms >= 0

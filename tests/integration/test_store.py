"""What a poll does in Redis, on a real Valkey: fences, compare-and-set, a full or lost Redis."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest

from tests.conftest import Names
from tests.integration.store_bench import (
    LEASE_MS,
    TODAY,
    WINDOW_MS,
    Bench,
    claim,
    event,
    eventually,
    feed,
    item,
    open_bench,
    record_of,
)
from tests.support.servers import ValkeyServer
from workers.errors import ClaimLostError, StateRegressedError, StoreError
from workers.model import Claim, FeedState
from workers.store import scheduled
from workers.store.client import script_text
from workers.store.dataset import decode_marker, dumps
from workers.store.forms import unpack_state
from workers.store.listing import put_feeds, remove_feeds
from workers.store.scheduled import placed
from workers.store.watching import outbox_totals

pytestmark = pytest.mark.usefixtures("redis_hygiene")
# -- claims ------------------------------------------------------------------------------------------


async def test_a_due_feed_is_claimed_once(bench: Bench) -> None:
    """A claimed feed is nobody else's, and its configuration and state come with the claim."""
    await put_feeds(bench.store, [(feed(), 0)])
    batch = await bench.store.claim(0, 10)
    (found,) = batch.claims
    assert (found.config, found.state, found.shard) == (feed(), FeedState(), 0)
    assert found.until_ms == batch.now_ms + LEASE_MS
    again = await bench.store.claim(0, 10)
    assert again.claims == []
    assert again.next_due_ms == found.until_ms


async def test_no_more_than_asked_for(bench: Bench) -> None:
    """The longest waiting are claimed first, as many as there is room for."""
    await put_feeds(bench.store, [(feed(n), 0) for n in range(5)])
    for n in range(5):
        bench.client.zadd(bench.key("due"), {f"feed-{n}": 1_000 - n})
    first = await bench.store.claim(0, 2)
    assert [c.feed_id for c in first.claims] == ["feed-4", "feed-3"]
    assert first.next_due_ms == 998
    assert len((await bench.store.claim(0, 10)).claims) == 3


async def test_nothing_due(bench: Bench) -> None:
    """An empty shard has no next due time."""
    assert (await bench.store.claim(0, 10))[1:] == (-1, 0, [], [])


async def test_a_feed_without_configuration_is_dropped(bench: Bench) -> None:
    """What stands in the due set and nowhere else is removed from it."""
    bench.client.zadd(bench.key("due"), {"ghost": 1})
    assert (await bench.store.claim(0, 10)).claims == []
    assert bench.client.zcard(bench.key("due")) == 0


async def test_a_stale_token_writes_nothing(valkey_server: ValkeyServer, names: Names) -> None:
    """After the lease another worker has the feed; whatever the first still does is refused."""
    with valkey_server.client() as client:
        bench = await open_bench(valkey_server, names, client, lease_ms=50)
        await put_feeds(bench.store, [(feed(), 0)])
        old = await claim(bench)

        async def again() -> list[Claim]:
            return (await bench.store.claim(0, 10)).claims

        (new,) = await eventually(again, "the lease ends")
        assert old.token != new.token
        before = bench.dump()
        with pytest.raises(ClaimLostError):
            await bench.store.commit(old, FeedState(etag="old"), b"old", 5, [event(1)])
        assert not await bench.store.release(old, 5)
        assert not await bench.store.holds(old)
        assert bench.dump() == before
        assert await bench.store.holds(new)
        await bench.store.commit(new, FeedState(etag="new"), b"new", 5, [event(2)])
        assert bench.stream() == [event(2).value]
        bench.outbox.close()
        await bench.store.aclose()


async def test_a_claim_from_before_a_restart_is_lost(
    own: Bench, modules_valkey: ValkeyServer
) -> None:
    """A Redis that was restarted may have forgotten what a poll admitted, so the poll must not commit."""
    await put_feeds(own.store, [(feed(), 0)])
    held = await claim(own)
    modules_valkey.restart()

    async def commit() -> bool:
        try:
            await own.store.commit(held, FeedState(), b"m", 5)
        except StoreError as error:
            assert error.reason in ("down", "loading")
            return False
        except ClaimLostError:
            return True
        raise AssertionError("committed")

    await eventually(commit, "the claim is lost")


async def test_a_commit_writes_all_and_gives_back(bench: Bench) -> None:
    """State, memory, events and next due time are written at once, and the claim is gone."""
    await put_feeds(bench.store, [(feed(), 0)])
    held = await claim(bench)
    state = FeedState(etag='"x"', polls=3)
    await bench.store.commit(held, state, b"memory", 4_000_000_000_000, [event(1), event(2)])
    found = await scheduled.feed(bench.store, "feed-0")
    assert found == (feed(), state, 4_000_000_000_000)
    assert await bench.store.memory(held) == b"memory"
    assert bench.stream() == [event(1).value, event(2).value]
    assert not await bench.store.holds(held)
    with pytest.raises(ClaimLostError):
        await bench.store.commit(held, state, b"again", 1)


@pytest.mark.parametrize("damaged", [b"\x02\xff", b"\x02\x91\xc0", b"nonsense"])
async def test_a_state_that_cannot_be_read_is_in_the_way_of_no_other(
    damaged: bytes, bench: Bench
) -> None:
    """Feeds of the same claim are polled beside it; it is named, and comes again when its lease ends."""
    await put_feeds(bench.store, [(feed(), 0), (feed(1), 0)])
    bench.client.set(bench.key("f:feed-0"), damaged)
    batch = await bench.store.claim(0, 10)
    assert [c.feed_id for c in batch.claims] == ["feed-1"]
    ((feed_id, error),) = batch.unreadable
    assert feed_id in str(error) and feed_id == "feed-0"
    with pytest.raises(StoreError, match="feed-0"):
        await scheduled.feed(bench.store, "feed-0")


async def test_a_commit_without_memory_keeps_it(bench: Bench) -> None:
    """A poll that read no document leaves the memory as it was."""
    await put_feeds(bench.store, [(feed(), 0)])
    await bench.store.commit(await claim(bench), FeedState(), b"memory", 0)
    held = await claim(bench)
    await bench.store.commit(held, FeedState(), None, 0)
    assert await bench.store.memory(held) == b"memory"


async def test_a_claim_is_handed_back(bench: Bench) -> None:
    """A released feed is due when it is said to be; a feed that was removed meanwhile stays away."""
    await put_feeds(bench.store, [(feed(), 0), (feed(1), 0)])
    first, second = (await bench.store.claim(0, 10)).claims
    assert await bench.store.release(first, 0)
    assert (await claim(bench)).feed_id == first.feed_id
    await remove_feeds(bench.store, [(second.feed_id, b"")], "feeds")
    assert not await bench.store.release(second, 0)
    assert (await bench.store.claim(0, 10)).claims == []


async def test_a_place_is_kept_with_the_feed(bench: Bench) -> None:
    """A claim handed back for its place in a line says so to whoever claims it next, once."""
    await put_feeds(bench.store, [(feed(), 0)])
    (claim,) = (await bench.store.claim(0, 9)).claims
    assert not claim.placed
    past_ms = claim.due_ms - 1  # a place is half a millisecond later, which may still be ahead
    assert await bench.store.release(claim, past_ms, placed=True)
    assert await placed(bench.store, claim.feed_id)
    (claim,) = (await bench.store.claim(0, 9)).claims
    assert claim.placed
    assert await bench.store.release(claim, claim.due_ms)
    assert not await placed(bench.store, claim.feed_id)
    (claim,) = (await bench.store.claim(0, 9)).claims
    assert not claim.placed


# -- admission ----------------------------------------------------------------------------------------


async def test_a_repeated_admission_is_one_event(bench: Bench) -> None:
    """A call that is made again, its answer lost, gets the same answer and emits nothing."""
    items = [item(n) for n in range(3)]
    assert await bench.store.admit(items, TODAY) == [None] * 3
    assert await bench.store.admit(items, TODAY) == [None] * 3
    assert bench.stream() == [event(n).value for n in range(3)]


async def test_the_first_of_two_workers_wins(bench: Bench) -> None:
    """Who comes second is told what is there, and emits nothing."""
    assert await bench.store.admit([item(1, new=record_of(1))], TODAY) == [None]
    answer = await bench.store.admit([item(1, new=record_of(2))], TODAY)
    assert answer == [record_of(1)]
    assert await bench.store.admit([item(1, record_of(1), record_of(2))], TODAY) == [None]
    assert len(bench.stream()) == 2


async def test_contended_by_many(bench: Bench) -> None:
    """Of many that admit one article at the same time, one emits its event."""
    admissions = [
        bench.store.admit([item(7, new=record_of(n))._replace(event=event(n))], TODAY)
        for n in range(50)
    ]
    answers = await asyncio.gather(*admissions)
    winners = [n for n, (answer,) in enumerate(answers) if answer is None]
    assert len(winners) == 1
    assert bench.stream() == [event(winners[0]).value]
    assert {a for (a,) in answers if a is not None} == {record_of(winners[0])}


async def test_a_record_that_is_gone(bench: Bench) -> None:
    """Where something was expected and nothing is, the answer is empty and nothing is written."""
    before = bench.dump()
    assert await bench.store.admit([item(1, expected=b"Aold")], TODAY) == [b""]
    assert bench.dump() == before


async def test_a_large_admission_is_several_scripts(bench: Bench) -> None:
    """More than 200 items or 1 MiB are split, in order; each answer stands in its item's place."""
    await bench.store.admit([item(401)], TODAY)
    before = _evals(bench)
    items = [item(n, size=4_000) for n in range(450)]
    items[401] = item(401, new=record_of(9), size=4_000)
    answers = await bench.store.admit(items, TODAY)
    assert answers == [None] * 401 + [record_of(401)] + [None] * 48
    expected = [event(401).value] + [event(n, 4_000).value for n in range(450) if n != 401]
    assert bench.stream() == expected
    assert _evals(bench) - before >= 3


def _evals(bench: Bench) -> int:
    return int(bench.client.info("commandstats")["cmdstat_evalsha"]["calls"])


async def test_sequences_never_go_back(bench: Bench) -> None:
    """Where the clock is behind the last sequence, the next one is one more."""
    ahead = int(time.time() * 1e6) + 3_600_000_000
    bench.client.hset(bench.key("ob"), "seq", ahead)
    await bench.store.admit([item(1), item(2)], TODAY)
    ids = [row_id for row_id, _ in bench.rows()]
    assert ids == [b"%d-0" % (ahead + 1), b"%d-0" % (ahead + 2)]


async def test_old_records_are_pruned(bench: Bench) -> None:
    """A bucket that has grown loses records that were not seen for the window, and no others."""
    old = TODAY - WINDOW_MS // 86_400_000 - 2
    rows = [item(n, new=record_of(n, old if n % 2 else TODAY)) for n in range(64)]
    await bench.store.admit(rows, TODAY)
    await bench.store.admit([item(n) for n in range(64, 66)], TODAY)
    ids = [n.to_bytes(10, "big") for n in range(66)]
    left = [n for n, raw in enumerate(await bench.store.records(ids)) if raw]
    assert set(left) >= {*range(0, 64, 2), 64, 65}
    assert sum(n % 2 for n in left) <= 8


async def test_a_bucket_lives_twice_the_window(bench: Bench) -> None:
    """Records are outlived by nothing: their bucket goes when nothing was written to it for long."""
    await bench.store.admit([item(1)], TODAY)
    bucket, _ = bench.store.keys.bucket(item(1).article)
    ttl = bench.client.pttl(bucket)
    assert WINDOW_MS < ttl <= 2 * WINDOW_MS


# -- the dataset --------------------------------------------------------------------------------------

_HELD = Claim("feed-0", 0, "t:1:r", 0, 0, feed(), FeedState())
CALLS: dict[str, Callable[[Bench], Awaitable[Any]]] = {
    "claim": lambda b: b.store.claim(0, 1),
    "holds": lambda b: b.store.holds(_HELD),
    "release": lambda b: b.store.release(_HELD, 1),
    "admit": lambda b: b.store.admit([item(1)], TODAY),
    "commit": lambda b: b.store.commit(_HELD, FeedState(), b"m", 1, [event(1)]),
    "put_feeds": lambda b: put_feeds(b.store, [(feed(5), 0)]),
    "remove_feeds": lambda b: remove_feeds(b.store, [("feed-0", b"")], "feeds"),
    "trim": lambda b: asyncio.to_thread(b.outbox.trim, 5, 5, "x"),
    "settle": lambda b: asyncio.to_thread(b.outbox.settle, 5, "x"),
    "requeue": lambda b: asyncio.to_thread(b.outbox.requeue, 5, [1]),
    "open_shard": lambda b: asyncio.to_thread(b.outbox.open_shard, "r"),
    "run": lambda b: asyncio.to_thread(b.outbox.run),
}


@pytest.mark.parametrize("other", [None, "another dataset"], ids=["emptied", "replaced"])
@pytest.mark.parametrize("name", CALLS)
async def test_a_lost_dataset_is_not_written_to(name: str, other: str | None, bench: Bench) -> None:
    """Every script fails closed where the marker is missing or another's."""
    await put_feeds(bench.store, [(feed(), 0)])
    bench.client.delete(bench.key("meta"))
    if other:
        bench.client.set(bench.key("meta"), other)
    before = bench.dump()
    with pytest.raises(StateRegressedError, match="newswire rebuild"):
        await CALLS[name](bench)
    assert bench.dump() == before


@pytest.mark.parametrize("name", CALLS)
async def test_state_of_another_version_is_not_written_to(name: str, bench: Bench) -> None:
    """Once the state was finalised, every script of a worker that does not know of it changes nothing."""
    await put_feeds(bench.store, [(feed(), 0)])
    marker = decode_marker(bench.store.marker)
    newer = dumps(msgspec.structs.replace(marker, version=marker.version + 1))
    bench.client.set(bench.key("meta"), newer)
    before = bench.dump()
    with pytest.raises(StoreError) as caught:
        await CALLS[name](bench)
    assert caught.value.reason == "finalized"
    assert bench.dump() == before


@pytest.mark.parametrize("name", ["claim", "admit", "commit", "remove_feeds"])
async def test_a_shard_that_heals_takes_nothing_in(name: str, bench: Bench) -> None:
    """While its past is restored a shard refuses, with a reason that says so."""
    await put_feeds(bench.store, [(feed(), 0)])
    bench.outbox.close_shard(60_000)
    before = bench.dump()
    with pytest.raises(StoreError) as caught:
        await CALLS[name](bench)
    assert caught.value.reason == "healing"
    assert bench.dump() == before
    assert bench.outbox.open_shard(bench.outbox.run())
    await bench.store.claim(0, 1)


# -- a Redis that cannot be written to ------------------------------------------------------------------


async def test_a_full_redis_can_still_be_drained(own: Bench) -> None:
    """Out of memory, new work is refused as a whole; trim, leases and hand-backs go on."""
    await put_feeds(own.store, [(feed(), 0)])
    held = await claim(own)
    await own.store.admit([item(1), item(2)], TODAY)
    own.client.config_set("maxmemory", 1)
    before = own.dump()
    for refused in (
        own.store.admit([item(3)], TODAY),
        own.store.commit(held, FeedState(), b"m", 1, [event(4)]),
        put_feeds(own.store, [(feed(1), 0)]),
        own.store.claim(0, 1),
    ):
        with pytest.raises(StoreError) as caught:
            await refused
        assert caught.value.reason == "full"
    assert own.dump() == before
    first, second = own.outbox.read(0, 10, 1 << 20)
    assert own.outbox.acquire("me", 1_000)
    own.outbox.trim(second.sequence, second.total, second.ce_id)
    own.outbox.give_up("me")
    await own.store.hosts.permit_done("site.example", "t", 5)
    assert await remove_feeds(own.store, [("feed-9", b"")], "feeds") == 0
    assert await own.store.release(held, 7)
    assert [e.sequence for e in own.outbox.read(0, 10, 1 << 20)] == [second.sequence]
    assert first.sequence < second.sequence


async def test_a_read_only_redis_has_its_reason(own: Bench) -> None:
    """A primary that became a replica refuses, and is told apart from one that is full or gone."""
    own.client.replicaof("127.0.0.1", 1)
    with pytest.raises(StoreError) as caught:
        await own.store.admit([item(1)], TODAY)
    assert caught.value.reason == "read_only"


async def test_a_redis_that_is_gone_is_down(own: Bench, modules_valkey: ValkeyServer) -> None:
    """A killed Redis is down, not an error; when it is back the same store goes on."""
    modules_valkey.kill()
    with pytest.raises(StoreError) as caught:
        await own.store.claim(0, 1)
    assert caught.value.reason == "down"
    modules_valkey.start()

    async def back() -> bool:
        try:
            return bool(await own.store.client.command("PING"))
        except StoreError:
            return False

    await eventually(back, "Redis is back")


async def test_scripts_that_were_flushed_are_loaded_again(bench: Bench) -> None:
    """A Redis that forgot its scripts is no failure of a call, nor of many at once."""
    await bench.store.claim(0, 1)
    bench.client.script_flush()
    await asyncio.gather(*(bench.store.claim(0, 1) for _ in range(50)))


async def test_each_call_of_a_batch_has_its_own_answer(bench: Bench) -> None:
    """Of a thousand commands asked at once each gets its answer, and one that fails fails alone."""
    command = bench.store.client.command
    calls: list[Awaitable[Any]] = [command("ECHO", n) for n in range(1_000)]
    calls.insert(500, command("NOSUCHCOMMAND"))
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert isinstance(answers.pop(500), StoreError)
    assert answers == [b"%d" % n for n in range(1_000)]


async def test_a_call_that_was_given_up_hurts_no_other(bench: Bench) -> None:
    """A cancelled caller leaves the rest of its batch alone."""
    calls = [asyncio.create_task(bench.store.client.command("ECHO", n)) for n in range(10)]
    await asyncio.sleep(0)
    calls[3].cancel()
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert isinstance(answers.pop(3), asyncio.CancelledError)
    assert answers == [b"%d" % n for n in range(10) if n != 3]


# -- the outbox ----------------------------------------------------------------------------------------


async def test_a_trim_is_repeatable(bench: Bench) -> None:
    """Trimming keeps the last published entry, twice is once, and an older position changes nothing."""
    await bench.store.admit([item(n) for n in range(4)], TODAY)
    entries = bench.outbox.read(0, 10, 1 << 20)
    for _ in range(2):
        bench.outbox.trim(entries[2].sequence, entries[2].total, entries[2].ce_id)
        bench.outbox.trim(entries[0].sequence, entries[0].total, entries[0].ce_id)
        left = bench.outbox.read(0, 10, 1 << 20)
        assert [e.event for e in left] == [event(2), event(3)]
        assert bench.outbox.trimmed() == (entries[2].sequence, "2")
        unpublished = (await bench.store.claim(0, 1)).unpublished_bytes
        assert unpublished == entries[3].total - entries[2].total
    assert bench.outbox.at(entries[2].sequence) == entries[2]
    assert bench.outbox.at(entries[0].sequence) is None
    assert (await outbox_totals(bench.store))[:2] == (1, unpublished)


async def test_a_read_is_bounded(bench: Bench) -> None:
    """A batch has at most so many entries and about so many bytes, and always one."""
    await bench.store.admit([item(n, size=1_000) for n in range(5)], TODAY)
    first = bench.outbox.read(0, 2, 1 << 20)
    assert [e.ce_id for e in first] == ["0", "1"]
    assert [e.ce_id for e in bench.outbox.read(first[-1].sequence, 10, 2_500)] == ["2", "3"]
    assert [e.ce_id for e in bench.outbox.read(0, 10, 1)] == ["0"]


async def test_an_attempt_is_noted_for_the_window(bench: Bench) -> None:
    """The next poll of the feed reads what the last was about to announce."""
    await put_feeds(bench.store, [(feed(), 0)])
    held = await claim(bench)
    assert await bench.store.attempt(held) == b""
    await bench.store.set_attempt(held, b"names")
    assert await bench.store.attempt(held) == b"names"
    assert 0 < bench.client.pttl(bench.key("t:feed-0")) <= WINDOW_MS


async def test_one_holder_of_a_lease(bench: Bench) -> None:
    """A lease is renewed by its holder, refused to others, and only its holder gives it back."""
    key = bench.store.keys.list_key("lease")
    assert await bench.store.lease(key, "a", 60_000)
    assert await bench.store.lease(key, "a", 60_000)
    assert not await bench.store.lease(key, "b", 60_000)
    await bench.store.unlease(key, "b")
    assert not await bench.store.lease(key, "b", 60_000)
    await bench.store.unlease(key, "a")
    assert await bench.store.lease(key, "b", 60_000)


def test_a_state_of_an_older_release_is_read() -> None:
    """A state with fields that this release does not know, and without some of its own, is read."""
    raw = msgspec.msgpack.encode({"v": 1, "etag": '"x"', "of_later": [1, 2]})
    assert unpack_state(raw, "") == FeedState(etag='"x"')


def test_the_scripts_are_part_of_the_package() -> None:
    """Flags come first in a script's text, then the shared functions."""
    assert script_text("trim").startswith("#!lua flags=allow-oom\n")
    assert script_text("admit").startswith("#!lua\n")

"""Every script against a real Valkey: fences, compare-and-set, politeness, a full or lost Redis."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from itertools import pairwise
from typing import Any, NamedTuple, cast

import msgspec
import pytest
import redis

from tests.conftest import Names
from tests.support.servers import ValkeyServer
from workers.errors import ClaimLostError, StateRegressedError, StoreError
from workers.model import Claim, FeedConfig, FeedState, OutboxEvent
from workers.store import scheduled
from workers.store.address import Address
from workers.store.client import script_text
from workers.store.dataset import decode_marker, dumps, open_dataset
from workers.store.forms import unpack_state
from workers.store.hosts import HostRules, Verdict
from workers.store.keys import Keys
from workers.store.listing import configured, note_owners, put_feeds, remove_feeds
from workers.store.outbox import ShardOutbox
from workers.store.scheduled import placed
from workers.store.store import Admission, Store, pack_headers
from workers.store.watching import outbox_totals, overdue

pytestmark = pytest.mark.usefixtures("redis_hygiene")
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


@pytest.fixture
async def bench(valkey_server: ValkeyServer, names: Names) -> AsyncIterator[Bench]:
    """A store on the shared server."""
    with valkey_server.client() as client:
        opened = await open_bench(valkey_server, names, client)
        yield opened
        opened.outbox.close()
        await opened.store.aclose()


@pytest.fixture
async def own(modules_valkey: ValkeyServer, names: Names) -> AsyncIterator[Bench]:
    """A store on a server of this module's own, whose configuration a test may change."""
    with modules_valkey.client() as client:
        opened = await open_bench(modules_valkey, names, client)
        yield opened
        client.config_set("maxmemory", 0)
        client.replicaof("no", "one")
        opened.outbox.close()
        await opened.store.aclose()


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
    assert (await bench.store.claim(0, 10))[1:] == (-1, 0, [])


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


# -- hosts ---------------------------------------------------------------------------------------------


@pytest.fixture
async def two(
    valkey_server: ValkeyServer, names: Names
) -> AsyncIterator[Callable[..., Awaitable[tuple[int, str]]]]:
    """Two workers that ask for permits of one host."""
    keys = Keys(names.instance, 1)
    stores = [
        Store(Address(valkey_server.url), keys, window_ms=WINDOW_MS, lease_ms=LEASE_MS)
        for _ in range(2)
    ]

    async def ask(worker: int, token: str, **more: Any) -> tuple[int, str]:
        if "done" in more:
            await stores[worker].hosts.permit_done("site.example", token, 40, more["done"])
            return 0, ""
        rules = HostRules(
            *(more.pop(n, d) for n, d in (("gap_ms", 0), ("most", 2), ("ttl_ms", 60_000)))
        )
        asked = {"in_line": False, **more}
        return await stores[worker].hosts.permit("site.example", token, rules, **asked)

    yield ask
    for store in stores:
        await store.aclose()


async def test_the_gap_holds_over_workers(two: Callable[..., Awaitable[tuple[int, str]]]) -> None:
    """After one worker's fetch began, the other waits for what is left of the gap."""
    assert await two(0, "a", gap_ms=30_000, most=9) == (0, "")
    wait_ms, why = await two(1, "b", gap_ms=30_000, most=9)
    assert why == "gap"
    assert 0 < wait_ms <= 30_000


async def test_no_more_than_the_host_may_bear(
    two: Callable[..., Awaitable[tuple[int, str]]],
) -> None:
    """With all permits out, the next has to wait until one is given back."""
    assert (await two(0, "a"))[0] == (await two(1, "b"))[0] == 0
    assert (await two(0, "c"))[1] == "full"
    await two(1, "b", done=Verdict("well"))
    assert (await two(0, "c"))[0] == 0


async def test_a_permit_of_a_dead_worker_runs_out(
    two: Callable[..., Awaitable[tuple[int, str]]],
) -> None:
    """A permit that was never given back is free again after its time."""
    await two(0, "a", most=1, ttl_ms=30)

    async def free() -> bool:
        return (await two(1, "b", most=1))[0] == 0

    await eventually(free, "the permit runs out")


async def test_a_redirect_within_a_host_has_the_next_turn(
    two: Callable[..., Awaitable[tuple[int, str]]],
) -> None:
    """Who holds a permit and is led on waits out the gap; others come after that, and so do more hops."""
    await two(0, "a", gap_ms=10_000, most=1)
    first, second = [await two(0, "a", gap_ms=10_000, most=1) for _ in range(2)]
    other, why = await two(1, "b", gap_ms=10_000, most=9)
    assert (first[1], second[1], why) == ("hop", "hop", "gap")
    assert 9_000 < first[0] <= 10_000
    assert all(9_000 < b - a <= 10_000 for a, b in pairwise((first[0], second[0], other)))


async def test_a_host_that_wants_rest_has_it(
    two: Callable[..., Awaitable[tuple[int, str]]],
) -> None:
    """A pause that one worker was asked for keeps every worker away; a shorter one does not end it."""
    await two(0, "a")
    await two(0, "a", done=Verdict("strict", 50_000))
    await two(1, "a", done=Verdict("strict", 10))
    wait_ms, why = await two(1, "b")
    assert why == "pause"
    assert 40_000 < wait_ms <= 51_000


async def test_the_rest_of_a_host_is_told(bench: Bench) -> None:
    """Until when it lasts; of a host that never refused, nothing."""
    await bench.store.hosts.permit_done("a.example", "t", 1, Verdict("strict", 60_000))
    now_ms = await bench.store.now_ms()
    assert 50_000 < await bench.store.hosts.rests_until_ms("a.example") - now_ms <= 60_000
    assert await bench.store.hosts.rests_until_ms("b.example") == 0


async def test_feeds_that_wait_for_a_host_come_back_one_after_the_other(
    two: Callable[..., Awaitable[tuple[int, str]]],
) -> None:
    """All who come in a pause get places in the line after it, a gap apart."""
    await two(0, "a")
    await two(0, "a", done=Verdict("strict", 50_000))
    waits = [(await two(n % 2, f"t{n}", gap_ms=10_000))[0] for n in range(4)]
    assert waits[0] > 50_000
    assert all(9_000 < b - a <= 10_000 for a, b in pairwise(waits))


async def test_a_host_that_names_no_time_rests_longer_each_time(
    two: Callable[..., Awaitable[tuple[int, str]]],
) -> None:
    """Refusals on end double the rest up to a bound, several at once count as one, a good answer ends it."""
    refusal = Verdict("busy", first_ms=40, most_ms=100)

    async def refused(*at_once: str) -> int:
        for token in at_once:
            assert await two(0, token) == (0, "")
        for token in at_once:
            await two(0, token, done=refusal)
        wait_ms, why = await two(1, "x")
        assert why == "pause"
        await asyncio.sleep(wait_ms / 1000)
        return wait_ms

    rests = [await refused("a", "b"), await refused("a"), await refused("a"), await refused("a")]
    assert [first < rest for first, rest in pairwise(rests[:3])] == [True, True]
    assert rests[1] <= 2 * 40 + 20
    assert rests[3] <= 100 + 20
    await two(0, "a")
    await two(0, "a", done=Verdict("well"))
    assert await refused("a") <= 40 + 20


async def test_a_feed_that_is_refused_while_others_are_not_gives_its_host_no_rest(
    two: Callable[..., Awaitable[tuple[int, str]]],
) -> None:
    """Refused again by an overloaded host that has answered others well since, a feed ails alone; one that is
    refused for the first time does not, nor one whose host has answered nobody since."""
    now_ms = int(time.time() * 1000)
    again = Verdict("busy", 0, 60_000, 60_000, now_ms - 1_000)
    await two(0, "a")
    await two(0, "a", done=Verdict("well"))
    assert await two(0, "a") == (0, "")
    await two(0, "a", done=again)
    assert (await two(1, "b"))[0] == 0
    await two(1, "b", done=again._replace(before_ms=now_ms + 60_000))
    assert (await two(1, "c"))[1] == "pause"


async def test_a_good_answer_in_a_pause_speaks_for_nobody(
    two: Callable[..., Awaitable[tuple[int, str]]],
) -> None:
    """What was under way when a host began to refuse does not make the next refusal the feed's own."""
    now_ms = int(time.time() * 1000)
    assert (await two(0, "a"))[0] == (await two(1, "b"))[0] == 0
    await two(0, "a", done=Verdict("busy", 30))
    await two(1, "b", done=Verdict("well"))
    await asyncio.sleep(0.1)
    assert (await two(0, "a"))[0] == 0
    await two(0, "a", done=Verdict("busy", 0, 60_000, 60_000, now_ms - 60_000))
    assert (await two(1, "c"))[1] == "pause"


async def test_a_host_that_counts_requests_is_known_for_it(
    two: Callable[..., Awaitable[tuple[int, str]]],
) -> None:
    """After a refusal as too many, permits say so; after one of an overloaded server they do not."""
    await two(0, "a")
    await two(0, "a", done=Verdict("busy", 1))
    await asyncio.sleep(0.1)
    assert await two(1, "a") == (0, "")
    await two(0, "a", done=Verdict("strict", 1))
    await asyncio.sleep(0.1)
    assert await two(1, "a") == (0, "strict")


async def test_the_line_is_one_after_the_other(
    two: Callable[..., Awaitable[tuple[int, str]]],
) -> None:
    """Those who are put off get places in the line, a gap apart, whichever worker they are of."""
    await two(0, "a", gap_ms=10_000)
    places = [await two(n % 2, f"t{n}", gap_ms=10_000, in_line=True) for n in range(4)]
    assert [why for _, why in places] == ["queue"] * 4
    waits = [wait for wait, _ in places]
    assert all(9_000 < b - a <= 10_000 for a, b in pairwise(waits))


async def test_whoever_comes_anew_goes_to_the_end_of_the_line(
    two: Callable[..., Awaitable[tuple[int, str]]],
) -> None:
    """While a line stands, its turn is for those in it: a feed that comes anew is sent to the end."""
    await two(0, "a", most=1)
    for n in range(15):  # a fetch takes 200 ms there until it is known better
        await two(0, f"t{n}", most=1, in_line=True)
    await two(0, "a", done=Verdict("well"))
    wait_ms, why = await two(1, "new", most=1)
    assert why == "queue" and wait_ms > 1_000
    assert await two(1, "t0", most=1, placed=True) == (0, "")


async def test_a_place_is_kept_with_the_feed(bench: Bench) -> None:
    """A claim handed back for its place in a line says so to whoever claims it next, once."""
    await put_feeds(bench.store, [(feed(), 0)])
    (claim,) = (await bench.store.claim(0, 9)).claims
    assert not claim.placed
    assert await bench.store.release(claim, claim.due_ms, placed=True)
    assert await placed(bench.store, claim.feed_id)
    (claim,) = (await bench.store.claim(0, 9)).claims
    assert claim.placed
    assert await bench.store.release(claim, claim.due_ms)
    assert not await placed(bench.store, claim.feed_id)
    (claim,) = (await bench.store.claim(0, 9)).claims
    assert not claim.placed


# -- the feed list ---------------------------------------------------------------------------------------


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


async def test_an_attempt_is_noted_for_the_window(bench: Bench) -> None:
    """The next poll of the feed reads what the last was about to announce."""
    await put_feeds(bench.store, [(feed(), 0)])
    held = await claim(bench)
    assert await bench.store.attempt(held) == b""
    await bench.store.set_attempt(held, b"names")
    assert await bench.store.attempt(held) == b"names"
    assert 0 < bench.client.pttl(bench.key("t:feed-0")) <= WINDOW_MS


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

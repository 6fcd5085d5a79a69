"""Permits of hosts on a real Valkey: gaps, places in line, and rest, over workers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from itertools import pairwise
from typing import Any

import pytest

from tests.conftest import Names
from tests.integration.store_bench import LEASE_MS, WINDOW_MS, Bench, eventually
from tests.support.servers import ValkeyServer
from workers.store.address import Address
from workers.store.hosts import HostRules, Verdict
from workers.store.keys import Keys
from workers.store.store import Store

pytestmark = pytest.mark.usefixtures("redis_hygiene")


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

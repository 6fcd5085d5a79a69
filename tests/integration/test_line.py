"""Lines before hosts with more feeds than they bear: what they cost, and who gets which place."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from itertools import pairwise
from typing import Any, cast

import pytest

from tests.conftest import Names
from tests.support.servers import ValkeyServer
from workers import logs
from workers.fetcher.clock import Clock
from workers.fetcher.gate import HostGate
from workers.fetcher.line import FEW, HostLines, host_of, may_wait
from workers.fetcher.loop import PollLoop
from workers.fetcher.poll import Poller
from workers.fetcher.slots import Slots
from workers.http.fetch import HostBusy
from workers.model import Claim, FeedConfig, PollResult
from workers.store.address import Address
from workers.store.client import Arg
from workers.store.dataset import open_dataset
from workers.store.hosts import HostRules, Verdict
from workers.store.keys import Keys
from workers.store.listing import put_feeds
from workers.store.store import Store

pytestmark = [pytest.mark.servers, pytest.mark.usefixtures("redis_hygiene")]
GAP_MS = 60_000
HOST = "crowd.example"


class Side:
    """The polling half of one worker, whose polls end when their host lets them in."""

    def __init__(self, url: str, keys: Keys) -> None:
        self.store = Store(Address(url), keys, window_ms=1_000, lease_ms=60_000)
        self.clock = Clock()
        self.lines = HostLines(self.store, self.clock, logs.get(), HostRules(GAP_MS, 1, 60_000))
        self.gate = HostGate(self.store.hosts, self.clock, self.lines, longest_ms=1)
        self.polled: list[str] = []
        self.put_off = 0
        self.commands = 0
        self._command = self.store.client.command
        self.store.client.command = self._counted  # type: ignore[method-assign]

    async def _counted(self, *words: Arg) -> Any:
        self.commands += 1
        return await self._command(*words)

    async def poll(self, claim: Claim) -> PollResult:
        """One poll, as far as the permit."""
        try:
            await self.gate.enter(host_of(claim), claim.token, placed=claim.placed)
        except HostBusy:
            return PollResult("host_busy")
        self.polled.append(claim.feed_id)
        return PollResult("no_news")

    def count(self, count: int) -> None:
        """Feeds were put off."""
        self.put_off += count

    def loop(self) -> PollLoop:
        """Claims what is due."""
        return PollLoop(
            store=self.store,
            poller=cast(Poller, self),
            lines=self.lines,
            clock=self.clock,
            log=logs.get(),
            on_polled=lambda *_: None,
            on_put_off=self.count,
            slots=Slots(40),
            outbox_max_bytes=1,
            blocked=str,
        )


@pytest.fixture
async def sides(valkey_server: ValkeyServer, names: Names) -> AsyncIterator[tuple[Side, Side]]:
    """Two workers on the same Redis."""
    keys = Keys(names.instance, 2)
    both = Side(valkey_server.url, keys), Side(valkey_server.url, keys)
    for side in both:
        await open_dataset(side.store, names.topic_prefix, {}, start_empty=False)
        side.clock.set(await side.store.now_ms())
    yield both
    for side in both:
        await side.store.aclose()


def crowd(count: int) -> list[tuple[FeedConfig, int | None]]:
    """So many feeds of one host, due now."""
    return [(FeedConfig(f"a{n:04}", f"http://{HOST}/{n}"), 0) for n in range(count)]


async def _claims(side: Side, limit: int) -> list[Claim]:
    return [c for s in range(2) for c in (await side.store.claim(s, limit)).claims]


async def test_lone_feeds_are_polled_soon_behind_a_crowd(sides: tuple[Side, Side]) -> None:
    """Of 600 feeds of one host that are due before them, a few wait for it, and the others cost less than a
    command to Redis each."""
    side, _ = sides
    await put_feeds(side.store, crowd(600))
    lone = [FeedConfig(f"b{n}", f"http://lone{n}.example/") for n in range(10)]
    await put_feeds(side.store, [(feed, 1) for feed in lone])
    side.commands = 0
    loop, stop = side.loop(), asyncio.Event()
    running = asyncio.create_task(loop.run(stop))
    while len(set(side.polled) & {f.id for f in lone}) < 10:  # noqa: ASYNC110 - two loops meet here
        await asyncio.sleep(0.01)
    commands = side.commands
    stop.set()
    await running
    await loop.close(0.0)
    assert side.put_off >= 600 - FEW - 1
    assert len(side.polled) == 10 + 1
    assert commands < 300, commands


async def test_each_feed_of_a_crowd_has_a_place_of_its_own(sides: tuple[Side, Side]) -> None:
    """Places that two workers give out are a gap apart and marked as such."""
    await put_feeds(sides[0].store, crowd(40))
    for side, limit in zip(sides, (10, 40), strict=True):
        await side.lines.put_off(HOST, await _claims(side, limit))
    client = sides[0].store.client
    keys = [sides[0].store.keys.key(shard, "due") for shard in range(2)]
    ids = [feed.id for feed, _ in crowd(40)]
    scores = [at for key in keys for at in await client.command("ZMSCORE", key, *ids)]
    places = sorted(float(at) for at in scores if at is not None)
    assert len(places) == 40
    assert all(GAP_MS - 5 <= b - a <= GAP_MS + 1_000 for a, b in pairwise(places))
    assert {at % 1 for at in places} == {0.5}


async def test_whoever_has_a_place_may_come_at_its_time(sides: tuple[Side, Side]) -> None:
    """While a line is known, feeds that come anew go to its end and the one whose turn it is does not; while
    the host rests, all go."""
    side, _ = sides
    await put_feeds(side.store, crowd(4))
    new, placed = (await _claims(side, 4))[:2]
    placed = Claim(
        placed.feed_id, placed.shard, placed.token, placed.due_ms, placed.until_ms, placed.config,
        placed.state, placed=True,
    )  # fmt: skip
    assert side.lines.sift([new, placed]) == ([new, placed], {})
    side.lines.learn(HOST, side.clock.now_ms() + 50_000)
    assert side.lines.sift([new, placed]) == ([placed], {HOST: [new]})
    await side.store.hosts.permit_done(HOST, "t", 1, Verdict("strict", 50_000))
    await side.lines.put_off(HOST, [new])
    assert side.lines.sift([placed]) == ([], {HOST: [placed]})


async def test_a_poll_that_is_put_off_speaks_for_the_others(sides: tuple[Side, Side]) -> None:
    """What the gate tells one poll, that its host is left alone, the next feeds need not ask."""
    side, _ = sides
    await put_feeds(side.store, crowd(4))
    first, second = (await _claims(side, 4))[:2]
    await side.store.hosts.permit_done(HOST, "t", 1, Verdict("strict", 50_000))
    assert (await side.poll(first)).reason == "host_busy"
    assert side.lines.sift([second]) == ([], {HOST: [second]})


@pytest.mark.parametrize(
    ("rules", "most"),
    [((1_000, 2, 1), FEW), ((0, 2, 1), 10), ((0, 100, 1), 500), ((20, 4, 1), 20)],
)
def test_as_many_may_wait_as_a_host_bears_in_a_second(
    rules: tuple[int, int, int], most: int
) -> None:
    """By its gap and how many at once; a few in any case."""
    assert may_wait(HostRules(*rules)) == most


def test_what_is_known_of_lines_is_bounded() -> None:
    """A worker that meets very many crowded hosts forgets the first."""
    lines = HostLines(cast(Store, None), Clock(), logs.get(), HostRules(0, 1, 1))
    for n in range(10_100):
        lines.learn(f"h{n}", lines._clock.now_ms() + 60_000)
    assert len(lines._known) == 10_000
    assert "h10099" in lines._known

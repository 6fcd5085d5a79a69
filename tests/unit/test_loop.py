"""The polling loop: what a claim brings is polled, also at its end, and whatever else came with it."""

from __future__ import annotations

import asyncio
from typing import cast

from structlog.testing import capture_logs

from workers import logs
from workers.errors import StoreError
from workers.fetcher.clock import Clock
from workers.fetcher.line import HostLines
from workers.fetcher.loop import PollLoop
from workers.fetcher.poll import Poller
from workers.fetcher.slots import Slots
from workers.model import Claim, FeedConfig, FeedState, PollResult
from workers.store.hosts import HostRules
from workers.store.keys import Keys
from workers.store.store import ClaimBatch, Store

CLAIM = Claim("f", 0, "t", 0, 0, FeedConfig("f", "http://a.example/"), FeedState())


class _Worker:
    """A store that answers its one claim when it is told to, and polls that end at once, or never."""

    def __init__(self, *, endless: bool = False, unreadable: bool = False) -> None:
        self.keys = Keys("test", 1)
        self.asked, self.answer = asyncio.Event(), asyncio.Event()
        self.polled: list[str] = []
        self._endless = endless
        self._unreadable = [("g", StoreError("feed g: damaged"))] if unreadable else []

    async def claim(self, shard: int, limit: int) -> ClaimBatch:
        self.asked.set()
        await self.answer.wait()
        return ClaimBatch(0, -1, 0, [CLAIM], self._unreadable)

    async def poll(self, claim: Claim) -> PollResult:
        await (asyncio.Event().wait() if self._endless else asyncio.sleep(0.01))
        return PollResult("no_news")

    def loop(self) -> PollLoop:
        store = cast(Store, self)
        return PollLoop(
            store=store,
            poller=cast(Poller, self),
            lines=HostLines(store, Clock(), logs.get(), HostRules(0, 1, 1)),
            clock=Clock(),
            log=logs.get(),
            on_polled=lambda _, result: self.polled.append(result.reason),
            on_put_off=lambda _: None,
            slots=Slots(8),
            outbox_max_bytes=1,
            blocked=str,
        )


async def _stopped_while_it_claims(worker: _Worker, grace_s: float) -> int:
    loop, stop = worker.loop(), asyncio.Event()
    running = asyncio.create_task(loop.run(stop))
    await worker.asked.wait()
    stop.set()
    closing = asyncio.create_task(loop.close(grace_s))
    await asyncio.sleep(0.02)
    worker.answer.set()
    cancelled = await closing
    await running
    return cancelled


async def test_feeds_that_a_last_claim_brings_are_polled_before_the_end() -> None:
    """A stop that comes while Redis is asked for feeds waits for the polls of those that it then gives."""
    worker = _Worker()
    assert await _stopped_while_it_claims(worker, 20) == 0
    assert worker.polled == ["no_news"]


async def test_polls_that_outlast_the_grace_are_cancelled() -> None:
    """What a last claim brought is cancelled like any poll that does not end in time."""
    worker = _Worker(endless=True)
    assert await _stopped_while_it_claims(worker, 0.2) == 1
    assert worker.polled == ["cancelled"]


async def test_a_feed_that_cannot_be_read_is_told_of() -> None:
    """It is an ERROR with its id, and the feeds beside it are polled."""
    worker = _Worker(unreadable=True)
    with capture_logs() as lines:
        assert await _stopped_while_it_claims(worker, 20) == 0
    assert [(line["event"], line["feed_id"]) for line in lines] == [("unhandled_error", "g")]
    assert worker.polled == ["no_news"]

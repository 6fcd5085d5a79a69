"""Takes note of what the worker does, for all who look at it: log lines, metrics, the status page."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Literal, NamedTuple, cast

import msgspec
from structlog.typing import FilteringBoundLogger

from workers.errors import NewswireError
from workers.fetcher.clock import Clock
from workers.fetcher.schedule import Bounds
from workers.metrics import Metrics, release
from workers.model import Claim, PollResult
from workers.ops import census
from workers.ops.overview import alive
from workers.ops.ring import MINUTE_MS, MINUTES, Ring, WorkerNote, read_notes
from workers.poll_log import PollLog, Summary, resident_bytes
from workers.store import watching
from workers.store.outbox import Entry
from workers.store.store import Store

BEAT_S = 15.0
LOOK_S = 5.0
SUMMARY_S = 60.0


class Facts(NamedTuple):
    """What the worker tells of itself: why it cannot work now (in words), polls under way, and what the
    publisher of each shard does."""

    problems: Callable[[], list[str]]
    in_flight: Callable[[], int]
    publishers: Callable[[], list[str]]


class Watch:
    """What is seen of one worker from outside.

    Args:
        worker: its id.
        facts: asked when somebody looks.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        log: FilteringBoundLogger,
        *,
        bounds: Bounds,
        worker: str,
        log_polls: Literal["all", "changed", "failed"],
        facts: Facts,
    ) -> None:
        self.metrics = Metrics()
        self._store = store
        self._clock = clock
        self._bounds = bounds
        self._worker = worker
        self._facts = facts
        self._polls = PollLog(log, log_polls)
        self._summary = Summary(log)
        self._ring = Ring()
        self._started_ms = 0
        self._census = census.Census()
        self._alive = 0

    def polled(self, claim: Claim, result: PollResult) -> None:
        """Take note of one poll."""
        self._polls.poll(claim.feed_id, claim.config.name or claim.state.title, result)
        self._summary.polled(result)
        self._ring.polled(self._clock.now_ms(), result)
        self.metrics.polled(result)

    def put_off(self, count: int) -> None:
        """Take note of feeds that wait in the lines of their hosts."""
        self._summary.put_off(count)
        self.metrics.put_off(count)

    def published(self, entries: list[Entry]) -> None:
        """Take note of events that one transaction has committed to Kafka."""
        now_ms = self._clock.now_ms()
        delays = [max(0.0, (now_ms * 1000 - e.sequence) / 1e6) for e in entries]
        self._summary.published(delays)
        self._ring.published(now_ms, delays)
        self.metrics.transaction()
        for topic in {e.event.topic for e in entries}:
            chosen = [d for d, e in zip(delays, entries, strict=True) if e.event.topic == topic]
            name = cast(Literal["articles", "feeds", "dead-letters"], topic)
            self.metrics.published(name, chosen)

    def lagged(self, seconds: float) -> None:
        """Take note of how late the event loop was."""
        self._summary.lagged(seconds)
        self.metrics.lagged(seconds)

    def render(self) -> bytes:
        """All metrics in the Prometheus text format, as of now."""
        self.metrics.in_flight.set(self._facts.in_flight())
        self.metrics.publishers(self._facts.publishers())
        self.metrics.ready.set(0 if self._facts.problems() else 1)
        return self.metrics.render()

    async def run(self) -> None:
        """Until cancelled: tell the others, ask how the instance stands, write the summary."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._beats())
            group.create_task(self._counts())

    async def _counts(self) -> None:
        while True:
            with suppress(NewswireError):  # the poll loop says that Redis is away
                now_ms = self._clock.now_ms()
                self._census = found = await census.current(self._store, self._bounds, now_ms)
                if found.at_ms:
                    self.metrics.census(found.states, found.failing)
            await asyncio.sleep(LOOK_S)

    async def _beats(self) -> None:
        totals: watching.Totals | None = None
        summary_at = time.monotonic() + SUMMARY_S
        while True:
            with suppress(NewswireError):
                await self._exchange()
            totals = await self._totals()
            await asyncio.sleep(BEAT_S)
            if time.monotonic() >= summary_at:
                summary_at += SUMMARY_S
                self._summary.tick(self._fields(totals))

    async def stopped(self) -> None:
        """Tell the others that this worker is gone; its hour stays."""
        with suppress(NewswireError, TimeoutError):
            async with asyncio.timeout(1.0):
                await self._note(stopped=True)

    async def _totals(self) -> watching.Totals | None:
        """How the instance stands; None while Redis does not tell."""
        try:
            totals = await watching.totals(self._store, self._clock.now_ms())
        except NewswireError:
            return None
        self.metrics.instance(
            {
                "feeds": totals.feeds,
                "feeds_due": totals.due,
                "oldest_due_seconds": totals.late_ms / 1000,
                "outbox_events": totals.outbox_events,
                "outbox_bytes": totals.outbox_bytes,
                "outbox_age_seconds": totals.outbox_age_ms / 1000,
                "workers": self._alive,
            }
        )
        return totals

    async def _exchange(self) -> None:
        """Read what the others say, and tell them."""
        now_ms = self._clock.now_ms()
        notes = read_notes((await watching.notes(self._store)).values())
        others = [note for note in notes if note.id != self._worker]
        self._alive = 1 + sum(alive(note, now_ms) for note in others)
        gone_ms = now_ms - MINUTES * MINUTE_MS
        await self._note(gone=[note.id for note in others if note.seen_ms < gone_ms])

    async def _note(self, gone: Sequence[str] = (), *, stopped: bool = False) -> None:
        now_ms = self._clock.now_ms()
        self._started_ms = self._started_ms or now_ms
        note = WorkerNote(
            id=self._worker,
            version=release(),
            started_ms=self._started_ms,
            seen_ms=now_ms,
            problem=next(iter(self._facts.problems()), ""),
            in_flight=self._facts.in_flight(),
            memory=resident_bytes() or 0,
            stopped=stopped,
            minutes=self._ring.minutes(now_ms),
        )
        await watching.put_note(self._store, self._worker, msgspec.msgpack.encode(note), gone)

    def _fields(self, totals: watching.Totals | None) -> dict[str, Any]:
        """The instance's part of the summary line; nothing when Redis did not tell."""
        if totals is None:
            return {}
        return {
            "feeds": totals.feeds,
            "feeds_due": totals.due,
            "failing": dict(sorted(self._census.failing.items(), key=lambda item: -item[1])),
            "oldest_due_s": round(totals.late_ms / 1000, 1),
            "outbox_events": totals.outbox_events,
            "outbox_bytes": totals.outbox_bytes,
            "outbox_age_s": round(totals.outbox_age_ms / 1000, 1),
            "workers": self._alive,
        }

"""Claims due feeds and polls them side by side, as long as there is room for what they bring."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Protocol

from structlog.typing import FilteringBoundLogger

from workers import tracing
from workers.errors import UNUSABLE, StateRegressedError, StoreError
from workers.fetcher.clock import Clock
from workers.fetcher.line import HostLines
from workers.fetcher.poll import Poller
from workers.fetcher.slots import Slots
from workers.fetcher.turns import FEW, Turns
from workers.model import Claim, PollResult
from workers.store.store import ClaimBatch, Store

BUSY_S = 0.02
PAUSE_S = 1.0
IMPATIENT_S = 0.2
"""So long places for fewer than a handful of polls stay free, while all others are taken."""
REOPEN_SHARE = 0.9


class OnPolled(Protocol):
    """What is done with each poll's result: log, count."""

    def __call__(self, claim: Claim, result: PollResult) -> None:
        """Take note of one poll."""


class OnPutOff(Protocol):
    """What is done when claims were handed back, since their host has a line: count."""

    def __call__(self, count: int) -> None:
        """Take note of so many."""


class PollLoop:
    """The worker's fetching half.

    Attributes:
        problem: why nothing is claimed now, in words; empty when all is well.
    """

    def __init__(  # noqa: PLR0913 - all by name: the parts of the loop
        self,
        *,
        store: Store,
        poller: Poller,
        lines: HostLines,
        clock: Clock,
        log: FilteringBoundLogger,
        on_polled: OnPolled,
        on_put_off: OnPutOff,
        slots: Slots,
        outbox_max_bytes: int,
        blocked: Callable[[], str],
        on_store_error: Callable[[str], None] = lambda _reason: None,
    ) -> None:
        self._store = store
        self._poller = poller
        self._lines = lines
        self._clock = clock
        self._log = log
        self._on_polled = on_polled
        self._on_put_off = on_put_off
        self._slots = slots
        self._outbox_max = outbox_max_bytes
        self._blocked = blocked
        self._on_store_error = on_store_error
        self._tasks: set[asyncio.Task[None]] = set()
        self._ended = asyncio.Event()
        self._ended.set()
        self._broken_off: list[Claim] = []  # claims of polls that an outage of Redis has ended
        self._claimed = 0.0
        self._full = False
        self._regressed = False
        self._down_reason = ""
        self._turns = Turns(store.keys.shards)
        self._unpublished: dict[int, int] = {}  # bytes, by shard, as last told
        self.problem = ""

    @property
    def in_flight(self) -> int:
        """Polls under way."""
        return len(self._tasks)

    async def run(self, stop: asyncio.Event) -> None:
        """Claim and poll until ``stop`` is set; polls under way go on."""
        self._ended.clear()
        try:
            while not stop.is_set():
                wait = await self._next_round()
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), wait)
        finally:
            self._ended.set()

    async def _next_round(self) -> float:
        """Claim, unless something is in the way; returns seconds until the next round."""
        if blocked := self._blocked():
            self.problem = blocked
            return PAUSE_S
        try:
            wait = await self._claim_round()
            self._recovered()
            await self._hand_back()
        except StateRegressedError as error:
            self._on_regressed(str(error))
            return 5 * PAUSE_S
        except StoreError as error:
            self._on_down(error)
            return PAUSE_S
        return wait

    async def _claim_round(self) -> float:
        """Claim from the shards whose turn it is, as far as there is room; returns seconds until the next.

        Raises StateRegressedError and StoreError; a shard that fails is asked again in the next round.
        """
        room = self._slots.free(len(self._tasks))
        began = time.monotonic()
        if room <= 0 or (room < min(FEW, self._slots.most) and began - self._claimed < IMPATIENT_S):
            return BUSY_S  # a claim of few costs as much as one of many
        self._claimed = began
        asked = (
            [(shard, 0) for shard in range(self._store.keys.shards)]
            if self._full
            else self._turns.now(time.monotonic() * 1000, room)
        )
        batches = await asyncio.gather(
            *(self._store.claim(shard, most) for shard, most in asked), return_exceptions=True
        )
        now_ms = time.monotonic() * 1000
        claims: list[Claim] = []
        error: BaseException | None = None
        for (shard, most), batch in zip(asked, batches, strict=True):
            if isinstance(batch, BaseException):
                error = batch
                continue
            claims += batch.claims
            self._note(shard, most, batch, now_ms)
        put_off = await self._share_out(claims)
        if error is not None:
            raise error
        self._weigh()
        if self._full:
            return PAUSE_S
        wait_ms = self._turns.wait_ms(now_ms)
        if put_off and not wait_ms:
            return 0.0  # who stands behind those that were put off has waited long enough
        return max(BUSY_S, wait_ms / 1000)

    def _note(self, shard: int, asked: int, batch: ClaimBatch, now_ms: float) -> None:
        """Keep what a shard says of itself."""
        self._clock.set(batch.now_ms)
        self._unpublished[shard] = batch.unpublished_bytes
        for (
            feed_id,
            error,
        ) in batch.unreadable:  # it comes again when the lease ends, beside all others
            self._log.error("unhandled_error", feed_id=feed_id, exc_info=error)
        self._turns.answered(
            shard,
            now_ms,
            asked=asked,
            claimed=len(batch.claims),
            next_in_ms=max(batch.next_due_ms - batch.now_ms, 0) if batch.next_due_ms >= 0 else -1,
        )

    async def _share_out(self, claims: Sequence[Claim]) -> int:
        """Poll those whose hosts can be asked; the others go to their hosts' lines. Returns how many."""
        going, waiting = self._lines.sift(claims)
        for claim in going:
            self._start(claim)
        ends = [self._lines.put_off(host, off) for host, off in waiting.items()]
        count = 0
        error: BaseException | None = None
        for off, end in zip(
            waiting.values(), await asyncio.gather(*ends, return_exceptions=True), strict=True
        ):
            if isinstance(end, BaseException):
                self._broken_off += off
                error = end
            else:
                count += len(off)
        self._on_put_off(count)
        if error is not None:
            raise error
        return count

    def _start(self, claim: Claim) -> None:
        task = asyncio.create_task(self._poll(claim))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _poll(self, claim: Claim) -> None:
        with tracing.step("poll", claim.feed_id):
            await self._traced_poll(claim)

    async def _traced_poll(self, claim: Claim) -> None:
        try:
            result = await self._poller.poll(claim)
        except StateRegressedError as error:
            self._on_regressed(str(error))
            result = PollResult("store_error", detail=str(error))
        except asyncio.CancelledError:
            self._on_polled(claim, PollResult("cancelled", url=claim.config.url))
            raise
        if result.next_why == "store":
            self._broken_off.append(claim)
        tracing.polled(result)
        self._on_polled(claim, result)

    async def _hand_back(self) -> None:
        """Feeds whose polls were broken off by an outage are due again now, not when a lease ends."""
        while self._broken_off:
            claim = self._broken_off[-1]
            if self._clock.now_ms() < claim.until_ms:
                await self._store.release(claim, claim.due_ms)
                self._turns.wake(claim.shard)
            self._broken_off.remove(claim)

    def _weigh(self) -> None:
        """Pause when the outbox is full, go on when it has drained a little."""
        unpublished = sum(self._unpublished.values())
        if not self._full and unpublished > self._outbox_max:
            self._full = True
            self.problem = f"the outbox holds {unpublished} bytes, over NEWSWIRE_OUTBOX_MAX_BYTES"
            self._log.warning("outbox_full", bytes=unpublished, limit=self._outbox_max)
        elif self._full and unpublished < self._outbox_max * REOPEN_SHARE:
            self._full = False
            self._log.info("outbox_drained", bytes=unpublished)

    def _recovered(self) -> None:
        if self._down_reason:
            self._log.info("store_recovered", reason=self._down_reason)
        self._down_reason = ""
        self._regressed = False
        if not self._full:
            self.problem = ""

    def _on_down(self, error: StoreError) -> None:
        if error.reason == "healing":
            # It ends by itself, within a second after most restarts of Redis; the publisher says why.
            self.problem = "Redis: a shard is compared with what Kafka remembers"
            return
        if error.reason == "finalized":
            self.problem = (
                "the state has a newer version; whether this release knows it is looked up"
            )
            return
        self._on_store_error(error.reason)
        if self._down_reason != error.reason:
            self._down_reason = error.reason
            self._log.error("store_unavailable", reason=error.reason, detail=str(error))
        self.problem = f"Redis: {error.reason} ({UNUSABLE.get(error.reason, 'see the log')})"

    def _on_regressed(self, detail: str) -> None:
        if not self._regressed:
            self._regressed = True
            self._log.error("state_regressed", detail=detail)
        self.problem = detail

    async def close(self, timeout_s: float) -> int:
        """Once ``run`` is told to stop: let polls end for so many seconds, then cancel the rest. Returns how
        many were cancelled."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._ended.wait()  # a round of claims that is under way brings more polls
                if self._tasks:
                    await asyncio.wait(self._tasks)
        late = list(self._tasks)
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late, timeout=2.0)
        return len(late)

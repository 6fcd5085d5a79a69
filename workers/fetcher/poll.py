"""The path of one poll, top to bottom: permit, fetch, parse, normalise, dedupe, commit, next due."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from hashlib import blake2b
from typing import NamedTuple, Protocol, cast
from urllib.parse import urlsplit

import msgspec

from workers.errors import (
    ClaimLostError,
    NewswireError,
    ParseError,
    StateRegressedError,
    StoreError,
)
from workers.fetcher.clock import Clock
from workers.fetcher.commit import Tally, commit_articles, touch
from workers.fetcher.decide import EDIT_WINDOW_MIN
from workers.fetcher.fetch import Fetcher, HostBusy
from workers.fetcher.gate import HostGate
from workers.fetcher.memory import MINUTE_MS, keep, pack, unpack
from workers.fetcher.parse import Parser
from workers.fetcher.reading import Reading, policy_for, read_document
from workers.fetcher.schedule import Bounds, Outcome, after_poll, next_poll
from workers.fetcher.status import status_event
from workers.fetcher.validators import (
    after_document,
    after_not_modified,
    for_config,
    moved,
    request_for,
)
from workers.fetcher.wishes import retry_after_s
from workers.fetcher.withdraw import deleted_by_feed
from workers.model import (
    SUCCESS,
    Claim,
    FeedState,
    Fetched,
    FetchRequest,
    OutboxEvent,
    ParsedFeed,
    PollResult,
)
from workers.publisher.dead_letter import dead_letter, same_letter
from workers.routes import Route
from workers.store.store import Store
from workers.units import Backfill
from workers.urls import credentials_for

DEAD_LETTER_REASONS = frozenset({"parse_failed", "parser_killed", "internal_error"})
REFRESH_MS = 2 * 86_400_000
KNOWN_DEAD_LETTERS = 16


class PollSettings(msgspec.Struct, frozen=True):
    """What every poll needs to know."""

    instance: str
    bounds: Bounds
    backfill: Backfill
    body: str
    window_ms: int
    routes: tuple[Route, ...] = ()


class OnCommitted(Protocol):
    """What is done when a poll changed a feed for good: its log lines."""

    def __call__(
        self, claim: Claim, state: FeedState, reason: str, held: int, letters: int
    ) -> None:
        """Take note of the feed's new ``state``, of edits held back, and of dead letters written."""


class _Committed(NamedTuple):
    """What a document changed: the feed's new state and memory, and how many articles."""

    state: FeedState
    memory: bytes
    tally: Tally
    entries: int
    letters: list[OutboxEvent]


class Poller:
    """Polls one claimed feed at a time, as often as it is called side by side."""

    def __init__(  # noqa: PLR0913 - all by name: the parts of one poll
        self,
        *,
        settings: PollSettings,
        store: Store,
        fetcher: Fetcher,
        parser: Parser,
        gate: HostGate,
        clock: Clock,
        credentials: Callable[[str], str],
        on_bug: Callable[[str, BaseException], None],
        on_committed: OnCommitted,
        stretch: Callable[[], float],
    ) -> None:
        self._s = settings
        self._store = store
        self._fetcher = fetcher
        self._parser = parser
        self._gate = gate
        self._clock = clock
        self._credentials = credentials
        self._on_bug = on_bug
        self._on_committed = on_committed
        self._stretch = stretch

    async def poll(self, claim: Claim) -> PollResult:
        """Poll the claimed feed. A failure of the feed is a value.

        Raises:
            StateRegressedError: Redis is not ours any more.
            asyncio.CancelledError: after the claim was handed back.
        """
        claim = msgspec.structs.replace(claim, state=for_config(claim.state, claim.config))
        try:
            return await self._poll(claim)
        except HostBusy as busy:
            due = self._clock.now_ms() + busy.wait_ms
            await self._hand_back(claim, due)
            return PollResult("host_busy", next_due_ms=due, next_why="host", url=claim.config.url)
        except ClaimLostError as error:
            return PollResult("claim_lost", detail=str(error), url=claim.config.url)
        except StateRegressedError:
            raise
        except StoreError as error:
            # What was admitted stays; the feed is due again when the lease ends, and finds it.
            reason = "contended" if error.reason == "contended" else "store_error"
            return PollResult(
                reason,
                detail=str(error),
                next_due_ms=claim.until_ms,
                next_why="lease",
                url=claim.config.url,
            )
        except asyncio.CancelledError:
            await asyncio.shield(self._hand_back(claim, claim.due_ms))
            raise
        except Exception as error:
            self._on_bug(claim.feed_id, error)
            fetched = Fetched("internal_error", claim.config.url, detail=type(error).__name__)
            with suppress(NewswireError):
                return await self._finish(claim, claim.state, Outcome("internal_error", fetched))
            return PollResult("internal_error", url=claim.config.url)

    async def _poll(self, claim: Claim) -> PollResult:
        fetched, request = await self._fetch(claim)
        if fetched.reason == "host_busy":
            raise HostBusy(int(retry_after_s(fetched, self._clock.now_ms()) * 1000))
        state = claim.state
        if fetched.reason:
            state = moved(state, claim.config, fetched)
            if fetched.reason == "not_modified":
                state = after_not_modified(state)
            return await self._finish(claim, state, Outcome(fetched.reason, fetched))
        asked_whole = not (request.etag or request.last_modified)
        body_hash = blake2b(fetched.body, digest_size=16).digest()
        if body_hash == state.body_hash and not self._refresh_due(state):
            state = moved(state, claim.config, fetched)
            state = after_document(
                state, fetched, body_hash, news=False, whole=True, asked_whole=asked_whole
            )
            return await self._finish(claim, state, Outcome("unchanged", fetched))
        try:
            feed = await self._parser.parse(
                fetched.body, content_type=fetched.content_type, url=fetched.url
            )
        except ParseError as error:
            failed = msgspec.structs.replace(fetched, reason=error.reason, detail=str(error))
            state = moved(state, claim.config, failed)
            return await self._finish(claim, state, Outcome(error.reason, failed))
        state = moved(state, claim.config, fetched)
        done = await self._commit_document(claim, state, fetched, feed, body_hash, asked_whole)
        tally = done.tally
        reason = "new" if tally.new else "updated" if tally.changed else "no_news"
        outcome = Outcome(reason, fetched, tally.new, done.entries, bool(tally.held))
        return await self._finish(claim, done.state, outcome, done)

    async def _fetch(self, claim: Claim) -> tuple[Fetched, FetchRequest]:
        """The fetch, between permits of every host on the way."""
        url = claim.state.url or claim.config.url
        entered: list[str] = []

        async def enter(host: str) -> None:
            host = host.lower()
            if host not in entered:
                await self._gate.enter(host, claim.token)
                entered.append(host)

        pause_ms, started = 0, self._clock.now_ms()
        try:
            await enter(urlsplit(url).hostname or "")
            secret = {n: self._credentials(ref) for n, ref in claim.config.headers_from.items()}
            headers = credentials_for(url, claim.config.url, secret)
            request = request_for(url, claim.state, headers, self._clock.now_ms())
            fetched = await self._fetcher.fetch(request, on_hop=enter)
            if fetched.reason == "throttled":
                pause_ms = int(retry_after_s(fetched, self._clock.now_ms()) * 1000)
            return fetched, request
        finally:
            elapsed = self._clock.now_ms() - started
            for host in entered:
                with suppress(NewswireError):  # a permit runs out by itself
                    last = host == entered[-1]
                    await self._gate.leave(host, claim.token, elapsed, pause_ms if last else 0)

    async def _commit_document(
        self,
        claim: Claim,
        state: FeedState,
        fetched: Fetched,
        feed: ParsedFeed,
        body_hash: bytes,
        asked_whole: bool,
    ) -> _Committed:
        """Compare a document with what the feed has shown, and commit its articles."""
        memory = unpack(await self._store.memory(claim))
        now_ms = self._clock.now_ms()
        reading = await _step_through(
            read_document(claim.config, state, memory, feed, fetched.url, now_ms, self._s.body)
        )
        state = msgspec.structs.replace(
            reading.state, guid_distrust=reading.guid_distrust or state.guid_distrust
        )
        horizon_ms = await self._store.horizon_ms()
        policy = policy_for(claim, state, reading, self._s.backfill, now_ms, horizon_ms)
        policy = policy._replace(routes=self._s.routes)
        await deleted_by_feed(
            self._store,
            self._s.instance,
            claim,
            memory,
            feed,
            now_ms=now_ms,
            window_ms=self._s.window_ms,
        )
        tally = await commit_articles(
            self._store, self._s.instance, claim, state, memory, reading.found, policy
        )
        tally.listed.update(id(r) for r in reading.unchanged)
        if self._refresh_due(state):
            await touch(self._store, [r for r in memory.entries if id(r) in tally.listed], policy)
            state = msgspec.structs.replace(state, refreshed_ms=now_ms)
        kept = keep(memory, tally.listed, now_ms, state.last_success_ms, self._s.window_ms)
        state = after_document(
            state,
            fetched,
            body_hash,
            news=bool(tally.new or tally.changed),
            whole=not (feed.recovered or tally.held),
            asked_whole=asked_whole,
        )
        letters = [
            self._letter(claim, "normalise", "internal_error", raw, fetched)
            for raw in reading.broken
        ]
        return _Committed(state, pack(kept, reading.learned), tally, len(feed.entries), letters)

    def _refresh_due(self, state: FeedState) -> bool:
        return self._clock.now_ms() - state.refreshed_ms > REFRESH_MS

    async def _finish(
        self, claim: Claim, state: FeedState, outcome: Outcome, done: _Committed | None = None
    ) -> PollResult:
        """Write what was learned of the feed and when it is due next; last in order."""
        now_ms = self._clock.now_ms()
        fetched = outcome.fetched
        letters = list(done.letters) if done else []
        if outcome.reason in DEAD_LETTER_REASONS and fetched.body:
            letters.append(self._letter(claim, "parse", outcome.reason, fetched.body, fetched))
        state, letters = _once(state, letters)
        bounds = self._s.bounds
        state = after_poll(state, outcome, bounds, now_ms)
        jitter = random.random()  # noqa: S311 - not for secrets
        due = next_poll(state, outcome, claim.config, bounds, now_ms, jitter, self._stretch())
        due_ms = min(due.at_ms, now_ms + EDIT_WINDOW_MIN * MINUTE_MS) if outcome.held else due.at_ms
        events = letters
        state = msgspec.structs.replace(state, due_why=due.why)
        status = status_event(self._s.instance, claim.config, state, bounds, due_ms, now_ms)
        if status is not None:
            events = [*letters, status]
            value = msgspec.json.decode(status.value)
            state = msgspec.structs.replace(state, status=value["state"], status_at_ms=now_ms)
        await self._store.commit(claim, state, done.memory if done else None, due_ms, events)
        tally = done.tally if done else Tally()
        self._on_committed(claim, state, outcome.reason, tally.held, len(letters))
        return PollResult(
            reason=outcome.reason,
            status=fetched.status,
            bytes=fetched.wire_bytes,
            entries=done.entries if done else 0,
            new=tally.new,
            changed=tally.changed,
            remembered=tally.remembered,
            elapsed_ms=now_ms - claim.until_ms + self._store.lease_ms,
            next_due_ms=due_ms,
            next_why=due.why,
            url=fetched.url,
            detail="" if outcome.reason in SUCCESS else fetched.detail,
        )

    def _letter(
        self, claim: Claim, stage: str, reason: str, body: bytes, fetched: Fetched
    ) -> OutboxEvent:
        return dead_letter(
            self._s.instance,
            feed_id=claim.feed_id,
            stage=stage,
            reason=reason,
            body=body,
            now_ms=self._clock.now_ms(),
            url=fetched.url,
            content_type=fetched.content_type,
            detail=fetched.detail,
        )

    async def _hand_back(self, claim: Claim, due_ms: int) -> None:
        with suppress(NewswireError):  # the claim runs out by itself
            await self._store.release(claim, due_ms)


async def _step_through(steps: Generator[None, None, Reading]) -> Reading:
    """Run a long computation in slices, with the event loop's other work in between."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return cast(Reading, end.value)
        await asyncio.sleep(0)


def _once(state: FeedState, letters: Sequence[OutboxEvent]) -> tuple[FeedState, list[OutboxEvent]]:
    """Leave out what was dead-lettered before: a document that fails at every poll makes one."""
    known = list(state.dead_letters)
    fresh = []
    for letter in letters:
        name = blake2b(same_letter(letter), digest_size=8).digest()
        if name not in known:
            known.append(name)
            fresh.append(letter)
    if not fresh:
        return state, []
    return msgspec.structs.replace(state, dead_letters=tuple(known[-KNOWN_DEAD_LETTERS:])), fresh

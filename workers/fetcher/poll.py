"""The path of one poll, top to bottom: permit, fetch, parse, normalise, dedupe, commit, next due."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from contextlib import suppress
from hashlib import blake2b
from secrets import token_bytes
from typing import NamedTuple

import msgspec

from workers import tracing
from workers.errors import (
    OUTAGES,
    ClaimLostError,
    NewswireError,
    ParseError,
    StateRegressedError,
    StoreError,
)
from workers.fetcher.clock import Clock
from workers.fetcher.commit import Tally, commit_articles, publish_held, touch
from workers.fetcher.conclude import Committed, Concluder, OnCommitted
from workers.fetcher.decide import Policy
from workers.fetcher.event import base_url
from workers.fetcher.gate import HostGate
from workers.fetcher.held import due_ms
from workers.fetcher.line import host_of
from workers.fetcher.memory import Memory, keep, pack, unpack
from workers.fetcher.network import Network
from workers.fetcher.newness import is_opening
from workers.fetcher.page_links import feeds_of, is_page
from workers.fetcher.parse import Parser
from workers.fetcher.reading import Reading, policy_for, read_document, with_feed
from workers.fetcher.schedule import Bounds, Outcome
from workers.fetcher.search import (
    Step,
    after_failure,
    after_page,
    after_robots,
    after_success,
    may_search,
)
from workers.fetcher.seen import seal, told_before, unchanged_feed
from workers.fetcher.share import LoopShare
from workers.fetcher.slots import Slot, Slots
from workers.fetcher.validators import after_document, after_not_modified, for_config, moved
from workers.fetcher.visit import Visitor
from workers.fetcher.wishes import retry_after_s
from workers.fetcher.withdraw import deleted_by_feed
from workers.http.fetch import Fetcher, HostBusy
from workers.http.room import Place, Room, WorkerBusy
from workers.model import DEFERRED, Claim, FeedState, Fetched, ParsedFeed, PollResult, Search
from workers.parsing.pieces import SALT_BYTES, Pieces, Told, find_pieces
from workers.routes import Route
from workers.store.store import Store
from workers.units import Backfill

NO_NETWORK_MS = 600_000
"""When a poll is tried again at the latest that failed since no host can be reached."""
PUT_OFF_MS = (20_000, 60_000)
"""When a poll is tried again that found no room for its document."""
REFRESH_MS = 2 * 86_400_000


class PollSettings(msgspec.Struct, frozen=True):
    """What every poll needs to know."""

    instance: str
    bounds: Bounds
    backfill: Backfill
    body: str
    window_ms: int
    edit_window_min: int
    routes: tuple[Route, ...] = ()


class _Parsed(NamedTuple):
    """A document that was parsed: all of it, or what was not ``told`` to be known; and its feed's memory."""

    feed: ParsedFeed
    told: Told | None
    memory: Memory


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
        network: Network,
        clock: Clock,
        credentials: Callable[[str], str],
        on_bug: Callable[[str, BaseException], None],
        on_committed: OnCommitted,
        stretch: Callable[[], float],
        slots: Slots,
    ) -> None:
        self._s = settings
        self._store = store
        self._parser = parser
        self._clock = clock
        self._on_bug = on_bug
        self._network = network
        self._room = Room()
        self._share = LoopShare()
        self._slots = slots
        self._visitor = Visitor(fetcher, gate, clock, credentials)
        self._concluder = Concluder(
            settings.instance,
            settings.bounds,
            store,
            clock,
            on_committed,
            stretch,
        )

    async def poll(self, claim: Claim) -> PollResult:
        """Poll the claimed feed. A failure of the feed is a value.

        Raises:
            StateRegressedError: Redis is not ours any more.
            asyncio.CancelledError: after the claim was handed back.
        """
        claim = msgspec.structs.replace(claim, state=for_config(claim.state, claim.config))
        try:
            async with self._room.place() as place:
                with self._slots.slot() as slot:
                    return await self._poll(claim, place, slot)
        except HostBusy as busy:
            due = self._clock.now_ms() + busy.wait_ms
            await self._hand_back(claim, due, placed=True)
            return PollResult("host_busy", next_due_ms=due, next_why="host", url=claim.config.url)
        except WorkerBusy:
            due = self._clock.now_ms() + random.randrange(*PUT_OFF_MS)  # noqa: S311 - not for secrets
            await self._hand_back(claim, due)
            return PollResult("worker_busy", next_due_ms=due, next_why="room", url=claim.config.url)
        except ClaimLostError as error:
            # From before a restart of Redis it is void but nobody else's: the next need not wait for it.
            await self._hand_back(claim, claim.due_ms)
            return PollResult("claim_lost", detail=str(error), url=claim.config.url)
        except StateRegressedError:
            raise
        except StoreError as error:
            # What was admitted stays; the feed is due again when Redis is back, or the lease ends.
            reason = "contended" if error.reason == "contended" else "store_error"
            return PollResult(
                reason,
                detail=str(error),
                next_due_ms=claim.until_ms,
                next_why="store" if error.reason in OUTAGES else "lease",
                url=claim.config.url,
            )
        except asyncio.CancelledError:
            await asyncio.shield(self._hand_back(claim, claim.due_ms))
            raise
        except Exception as error:
            self._on_bug(claim.feed_id, error)
            fetched = Fetched("internal_error", claim.config.url, detail=type(error).__name__)
            with suppress(NewswireError):
                return await self._concluder.conclude(
                    claim, claim.state, Outcome("internal_error", fetched)
                )
            return PollResult("internal_error", url=claim.config.url)

    async def _poll(self, claim: Claim, place: Place, slot: Slot) -> PollResult:
        with tracing.step("fetch", claim.feed_id):
            async with slot.waiting():
                fetched, request = await self._visitor.visit(claim, place)
        if fetched.reason == "host_busy":
            raise HostBusy(int(retry_after_s(fetched, self._clock.now_ms()) * 1000))
        if self._network.is_to_blame(host_of(claim), fetched):
            return await self._without_network(claim, fetched)
        state, search = claim.state, claim.state.search
        no_document = fetched.reason or (search and search.step == "robots")
        if search and no_document and fetched.reason not in DEFERRED:
            return await self._search_on(claim, search, fetched)
        if fetched.reason:
            if search is None:
                state = moved(state, claim.config, fetched)
            if fetched.reason == "not_modified":
                state = after_not_modified(state)
            return await self._conclude(claim, state, Outcome(fetched.reason, fetched))
        asked_whole = not (request.etag or request.last_modified)
        body_hash = blake2b(fetched.body, digest_size=16).digest()
        if body_hash == state.body_hash and not self._refresh_due(state):
            state = moved(state, claim.config, fetched)
            state = after_document(
                state, fetched, body_hash, news=False, whole=True, asked_whole=asked_whole
            )
            return await self._conclude(claim, state, Outcome("unchanged", fetched))
        await self._share.turn()
        pieces = find_pieces(fetched.body, fetched.content_type, base_url(fetched.url))
        if pieces and self._is_settled(state) and (feed := unchanged_feed(pieces, state)):
            state = moved(state, claim.config, fetched)
            state = with_feed(state, feed, state.listed, (), self._clock.now_ms())
            state = after_document(
                state, fetched, body_hash, news=False, whole=True, asked_whole=asked_whole
            )
            done = Committed(state, None, Tally(), state.listed, [])
            outcome = Outcome("no_news", fetched, 0, state.listed)
            return await self._concluder.conclude(claim, state, outcome, done)
        try:
            with tracing.step("parse", claim.feed_id):
                parsed = await self._parse(claim, fetched, pieces)
        except ParseError as error:
            failed = msgspec.structs.replace(fetched, reason=error.reason, detail=str(error))
            return await self._unreadable(claim, failed)
        if search:
            state = after_success(state, search)
        state = moved(state, claim.config, fetched)
        done = await self._commit_document(claim, state, fetched, parsed, body_hash, asked_whole)
        tally = done.tally
        reason = "new" if tally.new else "updated" if tally.changed else "no_news"
        # What is old when it comes says nothing of how often the feed has news.
        news = tally.new - tally.old if claim.state.first_polled_ms else tally.new
        outcome = Outcome(reason, fetched, news, done.entries)
        return await self._concluder.conclude(claim, done.state, outcome, done)

    def _is_settled(self, state: FeedState) -> bool:
        """True when a document with the entries of the last one can bring nothing at all."""
        waits = state.held_due_ms or state.search or self._refresh_due(state)
        return not waits and not is_opening(state)

    async def _parse(self, claim: Claim, fetched: Fetched, pieces: Pieces | None) -> _Parsed:
        """Parse what the feed has not shown before, or all of it. Raises ParseError."""
        memory = None
        if pieces is not None:
            memory = unpack(await self._store.memory(claim))
            told = told_before(pieces, claim.state, memory, token_bytes(SALT_BYTES))
            if told is not None and (new := await self._parser.parse_new(told)):
                return _Parsed(*new, memory)
        feed = await self._parser.parse(
            fetched.body, content_type=fetched.content_type, url=base_url(fetched.url)
        )
        return _Parsed(feed, None, memory or unpack(await self._store.memory(claim)))

    async def _conclude(self, claim: Claim, state: FeedState, outcome: Outcome) -> PollResult:
        """End a poll that brought no document to read; an edit that waited long enough needs none."""
        now_ms = self._clock.now_ms()
        if not 0 < state.held_due_ms <= now_ms:
            return await self._concluder.conclude(claim, state, outcome)
        memory = unpack(await self._store.memory(claim))
        nothing = Reading(state, [], [], state.guid_distrust, memory.learned, [], 0)
        policy = await self._policy(claim, nothing, now_ms)
        changed = await publish_held(self._store, self._s.instance, claim, state, memory, policy)
        state = msgspec.structs.replace(state, held_due_ms=due_ms(memory))
        packed = pack(memory.entries, memory.learned, memory.held, memory.prints)
        done = Committed(state, packed, Tally(changed=changed), 0, [])
        return await self._concluder.conclude(claim, state, outcome, done)

    async def _policy(self, claim: Claim, reading: Reading, now_ms: int) -> Policy:
        horizon_ms = await self._store.horizon_ms()
        s = self._s
        policy = policy_for(
            claim, reading, s.backfill, now_ms, s.edit_window_min, s.window_ms, horizon_ms
        )
        return policy._replace(routes=s.routes, traceparent=tracing.traceparent())

    async def _without_network(self, claim: Claim, fetched: Fetched) -> PollResult:
        """Nothing was learned of the feed: to count it as a failure would keep it waiting for long after."""
        bounds = self._s.bounds
        # Twice the least interval: an outage of seconds must not cost feeds that are polled each few seconds
        # what has left them minutes later.
        longest_ms = min(NO_NETWORK_MS, bounds.max_s * 1000, 2 * bounds.min_s * 1000)
        wait_ms = longest_ms * random.uniform(0.5, 1.0)  # noqa: S311 - not for secrets
        due = self._clock.now_ms() + int(wait_ms)
        await self._hand_back(claim, due)
        detail = f"{fetched.reason}: {fetched.detail}"
        return PollResult(
            "network_down", next_due_ms=due, next_why="network", url=fetched.url, detail=detail
        )

    async def _unreadable(self, claim: Claim, failed: Fetched) -> PollResult:
        """End a poll whose document is no feed; of a web page look for the feed."""
        if search := claim.state.search:
            return await self._search_on(claim, search, failed)
        state = moved(claim.state, claim.config, failed)
        page = failed.reason == "not_a_feed" and is_page(failed.body, failed.content_type)
        if not page or not may_search(state, claim.config):
            return await self._conclude(claim, state, Outcome(failed.reason, failed))
        links = await self._share.through(feeds_of(failed.body, failed.content_type, failed.url))
        step = after_page(state, failed.url, links, self._clock.now_ms())
        return await self._conclude_step(claim, failed, step)

    async def _search_on(self, claim: Claim, search: Search, fetched: Fetched) -> PollResult:
        """Go on with the search for a page's feed, after robots.txt or an address that is none."""
        state, now_ms = claim.state, self._clock.now_ms()
        if search.step == "robots":
            # A hostile file takes up to a quarter of a second, which other feeds need not wait.
            step = await asyncio.to_thread(
                after_robots, state, search, claim.config, fetched, now_ms
            )
        else:
            step = after_failure(state, search, fetched.reason, now_ms)
        return await self._conclude_step(claim, fetched, step)

    async def _conclude_step(self, claim: Claim, fetched: Fetched, step: Step) -> PollResult:
        told = msgspec.structs.replace(fetched, reason=step.reason, detail=step.detail)
        return await self._concluder.conclude(claim, step.state, Outcome(step.reason, told))

    async def _commit_document(
        self,
        claim: Claim,
        state: FeedState,
        fetched: Fetched,
        parsed: _Parsed,
        body_hash: bytes,
        asked_whole: bool,
    ) -> Committed:
        """Compare a document with what the feed has shown, and commit its articles."""
        feed, told, memory = parsed
        now_ms = self._clock.now_ms()
        url = base_url(fetched.url)
        reading = await self._share.through(
            read_document(claim.config, state, memory, feed, url, now_ms, self._s.body, told)
        )
        state = msgspec.structs.replace(
            reading.state, guid_distrust=reading.guid_distrust or state.guid_distrust
        )
        policy = await self._policy(claim, reading, now_ms)
        await deleted_by_feed(
            self._store,
            self._s.instance,
            claim,
            memory,
            feed.deleted,
            reading.listed(feed),
            now_ms=now_ms,
            window_ms=self._s.window_ms,
        )
        with tracing.step("commit", claim.feed_id):
            tally = await commit_articles(
                self._store, self._s.instance, claim, state, memory, reading.found, policy
            )
            tally.changed += await publish_held(
                self._store, self._s.instance, claim, state, memory, policy
            )
        tally.listed.update(id(r) for r in reading.unchanged)
        if self._refresh_due(state):
            await touch(self._store, [r for r in memory.entries if id(r) in tally.listed], policy)
            state = msgspec.structs.replace(state, refreshed_ms=now_ms)
        kept = keep(memory, tally.listed, now_ms, state.last_success_ms, self._s.window_ms)
        whole = not (feed.recovered or tally.held)
        state = after_document(
            state,
            fetched,
            body_hash,
            news=bool(tally.new or tally.changed),
            whole=whole,
            asked_whole=asked_whole,
        )
        settled = whole and not (reading.found or reading.broken)
        sealed = seal(told, reading.prints, kept, settled=settled)
        state = msgspec.structs.replace(state, held_due_ms=due_ms(memory), pieces=sealed.state)
        letters = [
            self._concluder.letter(claim, "normalise", "internal_error", raw, fetched)
            for raw in reading.broken
        ]
        return Committed(
            state,
            pack(kept, reading.learned, memory.held, sealed.memory),
            tally,
            reading.entries,
            letters,
            reading.reissued,
        )

    def _refresh_due(self, state: FeedState) -> bool:
        return self._clock.now_ms() - state.refreshed_ms > REFRESH_MS

    async def _hand_back(self, claim: Claim, due_ms: int, *, placed: bool = False) -> None:
        with suppress(NewswireError):  # the claim runs out by itself
            await self._store.release(claim, due_ms, placed=placed)

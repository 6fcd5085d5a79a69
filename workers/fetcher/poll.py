"""The path of one poll, top to bottom: permit, fetch, parse, normalise, dedupe, commit, next due."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from contextlib import suppress

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
from workers.fetcher.conclude import Committed, Concluder, OnCommitted
from workers.fetcher.document import Arrived, Documents, PollSettings, arrived, without_news
from workers.fetcher.event import base_url
from workers.fetcher.gate import HostGate
from workers.fetcher.line import host_of
from workers.fetcher.network import Network
from workers.fetcher.page_links import feeds_of, is_page
from workers.fetcher.parse import Parser
from workers.fetcher.schedule import Outcome
from workers.fetcher.search import (
    Step,
    after_failure,
    after_page,
    after_robots,
    after_success,
    may_search,
)
from workers.fetcher.share import LoopShare
from workers.fetcher.slots import Slot, Slots
from workers.fetcher.validators import after_not_modified, for_config, moved
from workers.fetcher.visit import Visitor
from workers.fetcher.wishes import retry_after_s
from workers.http.fetch import Fetcher, HostBusy
from workers.http.room import Place, Room, WorkerBusy
from workers.model import DEFERRED, Claim, FeedState, Fetched, PollResult, Search
from workers.parsing.pieces import find_pieces
from workers.store.store import Store

NO_NETWORK_MS = 600_000
"""When a poll is tried again at the latest that failed since no host can be reached."""
PUT_OFF_MS = (20_000, 60_000)
"""When a poll is tried again that found no room for its document."""


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
        self._bounds = settings.bounds
        self._store = store
        self._clock = clock
        self._on_bug = on_bug
        self._network = network
        self._room = Room()
        self._share = LoopShare()
        self._slots = slots
        self._documents = Documents(settings, store, parser, clock, self._share)
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
            return _cut_short(claim, error)
        except asyncio.CancelledError:
            await asyncio.shield(self._hand_back(claim, claim.due_ms))
            raise
        except Exception as error:
            return await self._after_bug(claim, error)

    async def _poll(self, claim: Claim, place: Place, slot: Slot) -> PollResult:
        with tracing.step("fetch", claim.feed_id):
            async with slot.waiting():
                fetched, request = await self._visitor.visit(claim, place)
        if fetched.reason == "host_busy":
            raise HostBusy(int(retry_after_s(fetched, self._clock.now_ms()) * 1000))
        if self._network.is_to_blame(host_of(claim), fetched):
            return await self._without_network(claim, fetched)
        search = claim.state.search
        no_document = fetched.reason or (search and search.step == "robots")
        if search and no_document and fetched.reason not in DEFERRED:
            return await self._search_on(claim, search, fetched)
        if fetched.reason:
            return await self._without_document(claim, fetched)
        return await self._with_document(claim, arrived(fetched, request))

    async def _without_document(self, claim: Claim, fetched: Fetched) -> PollResult:
        """End a poll that brought nothing to read: a 304, or a failure."""
        state = claim.state
        if state.search is None:
            state = self._moved(claim, fetched)
        if fetched.reason == "not_modified":
            state = after_not_modified(state)
        return await self._conclude(claim, state, Outcome(fetched.reason, fetched))

    async def _with_document(self, claim: Claim, document: Arrived) -> PollResult:
        """Read a document no further than it takes to know what is new in it."""
        fetched = document.fetched
        state = self._moved(claim, fetched)
        if self._documents.is_the_last(claim, document):
            state = without_news(state, document)
            return await self._conclude(claim, state, Outcome("unchanged", fetched))
        await self._share.turn()
        pieces = find_pieces(fetched.body, fetched.content_type, base_url(fetched.url))
        if pieces and (known := self._documents.known(state, document, pieces)):
            outcome = Outcome("no_news", fetched, 0, known.entries)
            return await self._concluder.conclude(claim, known.state, outcome, known)
        try:
            with tracing.step("parse", claim.feed_id):
                parsed = await self._documents.parse(claim, document, pieces)
        except ParseError as error:
            failed = msgspec.structs.replace(fetched, reason=error.reason, detail=str(error))
            return await self._unreadable(claim, failed)
        if state.search:
            state = after_success(state, state.search)
        done = await self._documents.commit(claim, state, document, parsed)
        outcome = _outcome_of(claim, fetched, done)
        return await self._concluder.conclude(claim, done.state, outcome, done)

    def _moved(self, claim: Claim, fetched: Fetched) -> FeedState:
        longest_ms = int(self._bounds.max_s * 1000)
        return moved(claim.state, claim.config, fetched, self._clock.now_ms(), longest_ms)

    async def _conclude(self, claim: Claim, state: FeedState, outcome: Outcome) -> PollResult:
        """End a poll without a document to read; an edit that waited long enough needs none."""
        done = await self._documents.due_edits(claim, state)
        return await self._concluder.conclude(claim, done.state if done else state, outcome, done)

    async def _without_network(self, claim: Claim, fetched: Fetched) -> PollResult:
        """Nothing was learned of the feed: to count it as a failure would keep it waiting for long after."""
        bounds = self._bounds
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
        state = self._moved(claim, failed)
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

    async def _after_bug(self, claim: Claim, error: Exception) -> PollResult:
        self._on_bug(claim.feed_id, error)
        fetched = Fetched("internal_error", claim.config.url, detail=type(error).__name__)
        outcome = Outcome("internal_error", fetched)
        with suppress(Exception):  # the end may fail of the same: then the claim runs out by itself
            return await self._concluder.conclude(claim, claim.state, outcome)
        return PollResult("internal_error", url=claim.config.url)

    async def _hand_back(self, claim: Claim, due_ms: int, *, placed: bool = False) -> None:
        with suppress(NewswireError):  # the claim runs out by itself
            await self._store.release(claim, due_ms, placed=placed)


def _cut_short(claim: Claim, error: StoreError) -> PollResult:
    """What was admitted stays; the feed is due again when Redis is back, or the lease ends."""
    return PollResult(
        "contended" if error.reason == "contended" else "store_error",
        detail=str(error),
        next_due_ms=claim.until_ms,
        next_why="store" if error.reason in OUTAGES else "lease",
        url=claim.config.url,
    )


def _outcome_of(claim: Claim, fetched: Fetched, done: Committed) -> Outcome:
    """What a document came to, for the schedule."""
    tally = done.tally
    reason = "new" if tally.new else "updated" if tally.changed else "no_news"
    # What is old when it comes says nothing of how often the feed has news.
    news = tally.new - tally.old if claim.state.first_polled_ms else tally.new
    return Outcome(reason, fetched, news, done.entries)

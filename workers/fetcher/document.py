"""A document that a fetch brought: parsed, compared with what its feed has shown, its articles committed."""

from __future__ import annotations

from hashlib import blake2b
from secrets import token_bytes
from typing import NamedTuple

import msgspec

from workers import tracing
from workers.fetcher.clock import Clock
from workers.fetcher.commit import Committer, Tally
from workers.fetcher.conclude import Committed
from workers.fetcher.decide import Policy
from workers.fetcher.event import base_url
from workers.fetcher.held import due_ms
from workers.fetcher.memory import Memory, keep, pack, unpack
from workers.fetcher.newness import is_opening
from workers.fetcher.parse import Parser
from workers.fetcher.policy import policy_for
from workers.fetcher.reading import Reading, read_document, with_feed
from workers.fetcher.schedule import Bounds
from workers.fetcher.seen import seal, told_before, unchanged_feed
from workers.fetcher.share import LoopShare
from workers.fetcher.validators import after_document, refresh_due
from workers.fetcher.withdraw import deleted_by_feed
from workers.model import Claim, FeedState, Fetched, FetchRequest, ParsedFeed
from workers.parsing.pieces import SALT_BYTES, Pieces, Told
from workers.routes import Route
from workers.store.store import Store
from workers.units import Backfill


class PollSettings(msgspec.Struct, frozen=True):
    """What every poll needs to know."""

    instance: str
    bounds: Bounds
    backfill: Backfill
    body: str
    window_ms: int
    edit_window_min: int
    routes: tuple[Route, ...] = ()


class Arrived(NamedTuple):
    """A document as it came. ``asked_whole``: the request was not conditional."""

    fetched: Fetched
    body_hash: bytes
    asked_whole: bool


class Parsed(NamedTuple):
    """A document that was parsed: all of it, or what was not ``told`` to be known; and its feed's memory."""

    feed: ParsedFeed
    told: Told | None
    memory: Memory


def arrived(fetched: Fetched, request: FetchRequest) -> Arrived:
    """What a fetch with a whole body has brought."""
    body_hash = blake2b(fetched.body, digest_size=16).digest()
    return Arrived(fetched, body_hash, not (request.etag or request.last_modified))


def without_news(state: FeedState, document: Arrived) -> FeedState:
    """The state after a document that was used to its end and brought nothing."""
    fetched, body_hash, asked_whole = document
    return after_document(
        state, fetched, body_hash, news=False, whole=True, asked_whole=asked_whole
    )


class Documents:
    """Works on the documents of claimed feeds. Its methods raise StoreError, StateRegressedError and
    ClaimLostError: whatever was committed by then stays, and is found by the poll that comes next."""

    def __init__(
        self, settings: PollSettings, store: Store, parser: Parser, clock: Clock, share: LoopShare
    ) -> None:
        self._s = settings
        self._store = store
        self._parser = parser
        self._clock = clock
        self._share = share

    def is_the_last(self, claim: Claim, document: Arrived) -> bool:
        """True when it is the one that came last, byte for byte, and there is nothing to do about it."""
        same = document.body_hash == claim.state.body_hash
        return same and not refresh_due(claim.state, self._clock.now_ms())

    def known(self, state: FeedState, document: Arrived, pieces: Pieces) -> Committed | None:
        """What comes of a document with the entries of the last one, if that is settled; else None."""
        now_ms = self._clock.now_ms()
        if state.held_due_ms or state.search or is_opening(state) or refresh_due(state, now_ms):
            return None
        feed = unchanged_feed(pieces, state)
        if feed is None:
            return None
        state = without_news(with_feed(state, feed, state.listed, (), now_ms), document)
        return Committed(state, None, Tally(), state.listed)

    async def parse(self, claim: Claim, document: Arrived, pieces: Pieces | None) -> Parsed:
        """Parse what the feed has not shown before, or all of it. Raises ParseError."""
        memory = None
        if pieces is not None:
            memory = unpack(await self._store.memory(claim))
            told = told_before(pieces, claim.state, memory, token_bytes(SALT_BYTES))
            if told is not None and (new := await self._parser.parse_new(told)):
                return Parsed(*new, memory)
        fetched = document.fetched
        feed = await self._parser.parse(
            fetched.body, content_type=fetched.content_type, url=base_url(fetched.url)
        )
        return Parsed(feed, None, memory or unpack(await self._store.memory(claim)))

    async def commit(
        self, claim: Claim, state: FeedState, document: Arrived, parsed: Parsed
    ) -> Committed:
        """Compare a document with what the feed has shown, and commit its articles."""
        feed, told, memory = parsed
        now_ms, url = self._clock.now_ms(), base_url(document.fetched.url)
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
        commit = Committer(self._store, self._s.instance, claim, state, memory, policy)
        with tracing.step("commit", claim.feed_id):
            tally = await commit.articles(reading.found)
            tally.changed += await commit.held()
        tally.listed.update(id(r) for r in reading.unchanged)
        if refresh_due(state, now_ms):
            await commit.touch(tally.listed)
            state = msgspec.structs.replace(state, refreshed_ms=now_ms)
        return self._committed(state, document, parsed, reading, tally, now_ms)

    def _committed(
        self,
        state: FeedState,
        document: Arrived,
        parsed: Parsed,
        reading: Reading,
        tally: Tally,
        now_ms: int,
    ) -> Committed:
        """What is left to write: the feed's state and memory."""
        feed, told, memory = parsed
        kept = keep(memory, tally.listed, now_ms, state.last_success_ms, self._s.window_ms)
        whole = not (feed.recovered or tally.held)
        state = after_document(
            state,
            document.fetched,
            document.body_hash,
            news=bool(tally.new or tally.changed),
            whole=whole,
            asked_whole=document.asked_whole,
        )
        settled = whole and not (reading.found or reading.broken)
        sealed = seal(told, reading.prints, kept, settled=settled)
        return Committed(
            msgspec.structs.replace(state, held_due_ms=due_ms(memory), pieces=sealed.state),
            pack(kept, reading.learned, memory.held, sealed.memory),
            tally,
            reading.entries,
            reading.broken,
            reading.reissued,
        )

    async def due_edits(self, claim: Claim, state: FeedState) -> Committed | None:
        """Publish edits that have waited long enough, without a document; None when there are none."""
        now_ms = self._clock.now_ms()
        if not 0 < state.held_due_ms <= now_ms:
            return None
        memory = unpack(await self._store.memory(claim))
        nothing = Reading(state, [], [], state.guid_distrust, memory.learned, [], 0)
        policy = await self._policy(claim, nothing, now_ms)
        commit = Committer(self._store, self._s.instance, claim, state, memory, policy)
        changed = await commit.held()
        state = msgspec.structs.replace(state, held_due_ms=due_ms(memory))
        packed = pack(memory.entries, memory.learned, memory.held, memory.prints)
        return Committed(state, packed, Tally(changed=changed), 0)

    async def _policy(self, claim: Claim, reading: Reading, now_ms: int) -> Policy:
        horizon_ms = await self._store.horizon_ms()
        s = self._s
        policy = policy_for(
            claim, reading, s.backfill, now_ms, s.edit_window_min, s.window_ms, horizon_ms
        )
        return policy._replace(routes=s.routes, traceparent=tracing.traceparent())

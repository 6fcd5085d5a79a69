"""Documents through the pure stages and the commit, against a dictionary in Redis's place."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple, cast

import msgspec

from workers.fetcher.commit import Committer
from workers.fetcher.memory import keep, pack, unpack
from workers.fetcher.parse import Parser
from workers.fetcher.policy import policy_for
from workers.fetcher.reading import Reading, read_document, with_feed
from workers.fetcher.seen import seal, told_before, unchanged_feed
from workers.model import Claim, FeedConfig, FeedState, ParsedEntry, ParsedFeed
from workers.parsing.child import parse_document
from workers.parsing.pieces import Told, find_pieces
from workers.store.store import Admission, Store

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
NOON = 1_780_000_000_000
WINDOW = 14 * DAY


class Event(NamedTuple):
    """What a consumer sees of one event."""

    feed: str
    type: str
    article: str
    revision: int
    headline: str
    changed: tuple[str, ...]
    backfill: bool
    value: dict[str, Any]


def entry(n: int | str, **changes: str) -> ParsedEntry:
    """An entry that differs from any other in all that matters; ``changes`` replace its fields."""
    day = int(n) % 28 + 1 if isinstance(n, int) else len(n) % 28 + 1
    fields = {
        "guid": f"tag:site.example,2026:{n}",
        "link": f"https://site.example/news/story-{n}",
        "title": f"Harbour story number {n}",
        "summary": f"<p>What happened at pier {n} was told by witness {n} to the paper.</p>",
        "summary_type": "html",
        "published": f"2026-05-{day:02d}T{day % 24:02d}:{(day * 7) % 60:02d}:11Z",
        "published_source": "published",
    }
    return msgspec.convert({**fields, **changes}, ParsedEntry)


def bare(one: ParsedEntry, *fields: str) -> ParsedEntry:
    """The entry without some fields."""
    return msgspec.structs.replace(one, **dict.fromkeys(fields, ""))


class FakeStore:
    """Article records in a dictionary, compare-and-set as ``admit.lua`` does."""

    def __init__(self) -> None:
        self.rows: dict[bytes, bytes] = {}
        self.events: list[Any] = []
        self.gone: set[bytes] = set()
        self.attempts: dict[str, bytes] = {}

    async def records(self, articles: Sequence[bytes]) -> list[bytes]:
        """What is there."""
        return [self.rows.get(a, b"") for a in articles]

    async def holds(self, _: Claim) -> bool:
        """Nobody else polls."""
        return True

    async def attempt(self, claim: Claim) -> bytes:
        """What the poll before was about to announce."""
        return self.attempts.get(claim.feed_id, b"")

    async def set_attempt(self, claim: Claim, packed: bytes) -> None:
        """Note it."""
        self.attempts[claim.feed_id] = packed

    async def owners_gone(self, owners: Sequence[bytes]) -> frozenset[bytes]:
        """Which feeds are off the list."""
        return frozenset(self.gone) & frozenset(owners)

    async def outlast(self, articles: Sequence[bytes], claim: Claim) -> None:
        """A dictionary has no disk."""

    async def admit(self, items: Sequence[Admission], _: int) -> list[bytes | None]:
        """Set what is as expected; answer with what is in the way."""
        answers: list[bytes | None] = []
        for item in items:
            current = self.rows.get(item.article, b"")
            if current == item.expected:
                self.rows[item.article] = item.new
                if item.event is not None:
                    self.events.append(item.event)
                answers.append(None)
            else:
                answers.append(None if current == item.new else current)
        return answers


class Desk:
    """All feeds of one instance. Time stands still unless ``pass_time`` is called. ``parsed``: entries of the
    last document that were parsed, where it was given as bytes."""

    def __init__(self) -> None:
        self.now = NOON
        self.store = FakeStore()
        self.feeds: dict[str, tuple[FeedState, bytes]] = {}
        self.events: list[Event] = []
        self.reading: Reading | None = None
        self.parsed = 0

    def pass_time(self, ms: int) -> None:
        """Let time go by."""
        self.now += ms

    def poll(
        self,
        entries: Sequence[ParsedEntry],
        feed: str = "harbour",
        *,
        link: str = "https://site.example/",
        backfill: str = "all",
        cut: bool = False,
        crash: bool = False,
        refresh: bool = False,
    ) -> list[Event]:
        """Poll a feed that shows these entries; returns the events that this poll announced.

        ``cut``: the document was broken. ``crash``: the worker dies after the articles were admitted and
        before the feed's own commit.
        """
        document = ParsedFeed(tuple(entries), link=link, recovered=cut)
        return asyncio.run(self._poll(document, feed, backfill, crash, refresh))

    def poll_bytes(self, body: bytes, *, whole: bool = False) -> list[Event]:
        """Poll a feed that answers so; ``whole``: all of it is parsed, whatever was shown before."""
        state, packed = self.feeds.get("harbour", (FeedState(), b""))
        url = "https://site.example/harbour.xml"
        pieces = None if whole else find_pieces(body, "", url)
        if pieces and (feed := unchanged_feed(pieces, state)):
            self.parsed = 0
            now = with_feed(state, feed, state.listed, (), self.now)
            now = msgspec.structs.replace(now, last_success_ms=self.now, polls=state.polls + 1)
            self.feeds["harbour"] = now, packed
            return []
        told = told_before(pieces, state, unpack(packed), b"saltsalt") if pieces else None
        done = asyncio.run(Parser().parse_new(told)) if told else None
        feed, told = done or (parse_document(body, "", url), None)
        self.parsed = len(feed.entries)
        return asyncio.run(self._poll(feed, "harbour", "all", False, False, told))

    async def _poll(
        self,
        document: ParsedFeed,
        feed: str,
        backfill: str,
        crash: bool,
        refresh: bool,
        told: Told | None = None,
    ) -> list[Event]:
        state, packed = self.feeds.get(feed, (FeedState(), b""))
        config = FeedConfig(feed, f"https://site.example/{feed}.xml", backfill=backfill)
        claim = Claim(feed, 0, "t", self.now, self.now + HOUR, config, state)
        memory = unpack(packed)
        steps = read_document(config, state, memory, document, config.url, self.now, "full", told)
        while True:
            try:
                next(steps)
            except StopIteration as end:
                reading = self.reading = cast(Reading, end.value)
                break
        assert not reading.broken
        policy = policy_for(claim, reading, "all", self.now, 60, WINDOW)
        store = cast(Store, self.store)
        before = len(self.store.events)
        commit = Committer(store, "test", claim, reading.state, memory, policy)
        tally = await commit.articles(reading.found)
        await commit.held()
        fresh = [_event(feed, e) for e in self.store.events[before:]]
        self.events += fresh
        if crash:
            return fresh
        tally.listed.update(id(r) for r in reading.unchanged)
        if refresh:
            await commit.touch(tally.listed)
        kept = keep(memory, tally.listed, self.now, state.last_success_ms, WINDOW)
        state = msgspec.structs.replace(
            reading.state,
            guid_distrust=reading.guid_distrust,
            first_polled_ms=state.first_polled_ms or self.now,
            last_success_ms=self.now,
            polls=state.polls + 1,
            listed=reading.entries,
        )
        sealed = seal(told, reading.prints, kept, settled=not (reading.found or tally.held))
        state = msgspec.structs.replace(state, pieces=sealed.state)
        self.feeds[feed] = state, pack(kept, reading.learned, memory.held, sealed.memory)
        return fresh

    def created(self) -> Counter[str]:
        """How often each headline was announced first."""
        return Counter(e.headline for e in self.events if e.type == "created")


def kinds(events: Sequence[Event]) -> list[str]:
    """The types of events, in order."""
    return [e.type for e in events]


def _event(feed: str, event: Any) -> Event:
    headers = dict(event.headers)
    value = json.loads(event.value)
    return Event(
        feed,
        headers["ce_type"].decode().rsplit(".", 1)[-1],
        event.key.decode(),
        value["revision"],
        value["headline"],
        tuple(value.get("changedFields", ())),
        headers.get("ce_backfill") == b"true",
        value,
    )

"""Decisions to Redis, in the order that carries the guarantees: the articles and their events first,
everything about the feed last, all under the claim's fencing token."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass, field

from workers.errors import ClaimLostError, StoreError
from workers.fetcher.attempts import as_attempted
from workers.fetcher.decide import (
    OWNER_IDLE_DAYS,
    Decision,
    Policy,
    decide,
    remembered,
)
from workers.fetcher.dedupe import Identified
from workers.fetcher.event import Revision, article_event
from workers.fetcher.held import hold, let_go, waiting
from workers.fetcher.memory import FOREIGN, NO_URL, Memory, Remembered
from workers.fetcher.records import ArticleRecord, alias, alias_day, unpack
from workers.model import Claim, FeedState, OutboxEvent
from workers.store.store import Admission, Store

ATTEMPTS = 5
SLICE = 100
"""Articles that are admitted at a stretch; their events hold the loop for about 10 ms."""


@dataclass(slots=True)
class Tally:
    """What the articles of one poll came to; ``old`` are those of ``new`` that are no news, ``listed`` holds
    the ``id()`` of memory entries shown, ``admitted`` the ids of articles whose records were set."""

    new: int = 0
    old: int = 0
    changed: int = 0
    remembered: int = 0
    held: int = 0
    listed: set[int] = field(default_factory=set)
    admitted: list[bytes] = field(default_factory=list)


class Committer:
    """Commits the articles of one poll of a claimed feed, and brings its ``memory`` up to date.

    Its methods raise:
        ClaimLostError: another worker polls the feed now.
        StoreError: Redis failed; whatever was admitted stays, and a repeated poll finds it.
    """

    def __init__(
        self,
        store: Store,
        instance: str,
        claim: Claim,
        state: FeedState,
        memory: Memory,
        policy: Policy,
    ) -> None:
        self._store = store
        self._instance = instance
        self._claim = claim
        self._state = state
        self._memory = memory
        self._policy = policy

    async def articles(self, found: Sequence[Identified]) -> Tally:
        """Admit new articles and revisions with their events.

        Admission is compare-and-set: where another worker was first, the record is read again and the
        decision made anew, as long as the claim is still ours.
        """
        tally = Tally()
        store, claim = self._store, self._claim
        found = await as_attempted(store, claim, self._memory, found, self._policy.owner)
        for start in range(0, len(found), SLICE):
            await self._slice(found[start : start + SLICE], tally)
        await store.outlast(tally.admitted, claim)
        return tally

    async def held(self) -> int:
        """Publish the edits that have waited long enough, whatever the feed shows of them now. Returns how
        many.

        Call it after the document's own articles, which may be newer. What was admitted before is found so
        when it is repeated.
        """
        memory = self._memory
        due, memory.held = waiting(memory, self._policy.now_ms)
        if not due:
            return 0
        lasted = self._policy._replace(restamped=False, lasted=True)
        late = Committer(self._store, self._instance, self._claim, self._state, memory, lasted)
        return (await late.articles(due)).changed

    async def touch(self, shown: Container[int]) -> None:
        """Say that the feed still shows these articles, so that their records and aliases live on.

        ``shown`` holds the ``id()`` of memory entries. What its owner has not shown for long becomes this
        feed's own, which is no event.
        """
        store, policy = self._store, self._policy
        entries = [r for r in self._memory.entries if id(r) in shown]
        raws = await store.records([r.article for r in entries])
        items = [
            item
            for entry, raw in zip(entries, raws, strict=True)
            if (item := _touched(entry, raw, policy)) is not None
        ]
        moved = [r for r in entries if r.url_name not in (NO_URL, r.article)]
        aliases = await store.records([r.url for r in moved])
        for entry, raw in zip(moved, aliases, strict=True):
            if raw and unpack(raw) == entry.article and alias_day(raw) < policy.day:
                items.append(Admission(entry.url, raw, alias(policy.day, entry.article), None))
        if items:
            await store.admit(items, policy.day)

    async def _slice(self, pending: Sequence[Identified], tally: Tally) -> None:
        store, claim = self._store, self._claim
        for _ in range(ATTEMPTS):
            articles, raws = await current_records(store, [one.article for one in pending])
            decisions = await self._decisions(pending, articles, raws)
            if any(d.kind == "update" for d in decisions) and not await store.holds(claim):
                # Whoever was too slow has an old document in hand, and would take a newer edit back.
                raise ClaimLostError(f"feed {claim.feed_id}: another worker holds it now")
            items, places = self._admissions(pending, decisions, raws)
            answers = await store.admit(items, self._policy.day) if items else []
            refused = {
                place
                for place, answer in zip(places, answers, strict=True)
                if answer is not None and place >= 0 and not _may_fail(decisions[place], answer)
            }
            for index, (one, decision) in enumerate(zip(pending, decisions, strict=True)):
                if index not in refused:
                    self._apply(tally, one, decision)
            pending = [one for index, one in enumerate(pending) if index in refused]
            if not pending:
                return
            if not await store.holds(claim):
                raise ClaimLostError(f"feed {claim.feed_id}: another worker holds it now")
        raise StoreError(
            f"feed {claim.feed_id}: {len(pending)} articles are contended", "contended"
        )

    async def _decisions(
        self, pending: Sequence[Identified], articles: Sequence[bytes], raws: Sequence[bytes]
    ) -> list[Decision]:
        """Decide about each; whether an article's owner is on the list is asked for edits that it is owed."""
        policy = self._policy
        records = [_record(raw) for raw in raws]
        rows = list(zip(pending, articles, records, strict=True))
        decisions = [decide(*row, policy) for row in rows]
        owed = {n: r.owner for n, r in enumerate(records) if r and _owed(decisions[n])}
        if owed and (gone := await self._store.owners_gone(list(dict.fromkeys(owed.values())))):
            for n in owed:
                decisions[n] = decide(*rows[n], policy._replace(gone=gone))
        return decisions

    def _admissions(
        self, pending: Sequence[Identified], decisions: Sequence[Decision], raws: Sequence[bytes]
    ) -> tuple[list[Admission], list[int]]:
        """The records to set, and for each the index of its decision (-1: an alias, which may fail)."""
        items: list[Admission] = []
        places: list[int] = []
        for index, (one, decision, raw) in enumerate(zip(pending, decisions, raws, strict=True)):
            article = decision.article
            if decision.record is not None:
                event = self._event(one, decision, decision.record)
                items.append(Admission(article, raw, decision.record.pack(), event))
                places.append(index)
            moved = one.known is None or one.known.url_name != one.candidate.url
            if one.url_ok and moved and one.candidate.url != article:
                name = alias(self._policy.day, article)
                items.append(Admission(one.candidate.url, b"", name, None))
                places.append(-1)
        return items, places

    def _event(
        self, one: Identified, decision: Decision, record: ArticleRecord
    ) -> OutboxEvent | None:
        if decision.kind not in ("create", "update"):
            return None
        policy, article = self._policy, one.candidate.article
        revision = Revision(
            article=decision.article,
            number=record.revision,
            first_seen_ms=record.first_s * 1000,
            admitted_ms=policy.now_ms,
            changed=decision.changed,
            seen_in=record.seen_in,
            backfill=decision.kind == "create" and policy.backfill(article),
            traceparent=policy.traceparent,
        )
        config = self._claim.config
        return article_event(self._instance, config, self._state, article, revision, policy.routes)

    def _apply(self, tally: Tally, one: Identified, decision: Decision) -> None:
        memory, policy = self._memory, self._policy
        if one.known is not None:
            if decision.kind in ("hold", "stale"):
                hold(memory, one.known, one.candidate.article, decision, policy)
            else:
                let_go(memory, one.known, decision)
        entry = remembered(one, decision, policy)
        if one.known is None:
            memory.add(entry)
        tally.listed.add(id(entry))
        tally.new += decision.kind == "create"
        tally.old += decision.kind == "create" and policy.backfill(one.candidate.article)
        tally.changed += decision.kind == "update"
        tally.remembered += decision.kind == "remember"
        tally.held += decision.kind == "hold"
        if decision.record is not None:
            tally.admitted.append(decision.article)


def _touched(entry: Remembered, raw: bytes, policy: Policy) -> Admission | None:
    """The article's record with today's date, where it is this feed's or is to be; says so in ``entry``."""
    record = _record(raw)
    if record is None or record.withdrawn:
        return None
    idle = policy.day - record.day > OWNER_IDLE_DAYS
    if record.owner != policy.owner and not idle:
        entry.flags |= FOREIGN
        return None
    entry.flags &= ~FOREIGN
    if record.day >= policy.day:
        return None
    ours = record._replace(day=policy.day, owner=policy.owner)
    return Admission(entry.article, raw, ours.pack(), None)


async def current_records(store: Store, wanted: Sequence[bytes]) -> tuple[list[bytes], list[bytes]]:
    """The articles that ids stand for (an alias leads on) and their raw records, empty for none."""
    raws = await store.records(wanted)
    articles = list(wanted)
    followed = [(n, a) for n, raw in enumerate(raws) if isinstance(a := unpack(raw), bytes)]
    if followed:
        targets = await store.records([a for _, a in followed])
        for (n, article), raw in zip(followed, targets, strict=True):
            articles[n], raws[n] = article, raw
    return articles, raws


def _record(raw: bytes) -> ArticleRecord | None:
    record = unpack(raw)
    return record if isinstance(record, ArticleRecord) else None


def _owed(decision: Decision) -> bool:
    """An edit that is another feed's to publish."""
    return decision.kind == "foreign" and bool(decision.changed)


def _may_fail(decision: Decision, found: bytes) -> bool:
    """True when only the note that one more feed shows the article was not taken: it is no promise."""
    return decision.kind == "foreign" and bool(found)

"""A document to identified entries, and the rules that hold for announcing them. Pure."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from schemas.fields import MAX_PERSON
from workers.articles.canonical import canonical_url
from workers.articles.language import normalise_tag
from workers.articles.normalise import NormaliseContext, document_context, normalise
from workers.articles.people import split_authors
from workers.fetcher.cadence import first_cadence
from workers.fetcher.decide import DAY_MIN, DAY_MS, REVERT_LEAST_MIN, Policy
from workers.fetcher.dedupe import Identified, identify
from workers.fetcher.identity import Candidate, candidate, guid_key, owner_key, url_key
from workers.fetcher.memory import MINUTE_MS, NO_URL, Memory, Remembered
from workers.fetcher.newness import (
    REISSUED_LEAST,
    REISSUED_SHARE,
    after_opening,
    has_moved,
    is_archive,
    is_opening,
    is_reissued,
    newest_after,
    shapes_after,
    still_unopened,
)
from workers.fetcher.rows import Document, Row, triage
from workers.fetcher.uniqueness import says_it_all
from workers.fetcher.wishes import update_base_ms
from workers.model import Article, Claim, FeedConfig, FeedState, ParsedFeed
from workers.parsing.pieces import Told
from workers.units import Backfill, parse_backfill

MAX_ASKED_INTERVAL_S = 86_400
REVERT_POLLS = 2
LARGE_DOCUMENT = 8
MANY_CHANGED = 4
LOOK_EVERY = 8
AGAIN = 16
"""Entries that were left out and are parsed at a stretch after all."""


class Reading(NamedTuple):
    """What one document says.

    ``unchanged`` are the entries byte for byte as in the document before, ``found`` all others.
    ``broken`` are entries, as bytes, that could not be normalised. ``reissued`` is how many entries look
    new and are old, where that is most of a known feed, as when a CMS moved; else 0. ``moved``: their links
    have another form than before. ``restamped``: its dates say nothing. ``entries`` is how many there are;
    ``prints`` are those of ``pieces.Told``, by the hashes of raw entries.
    """

    state: FeedState
    unchanged: list[Remembered]
    found: list[Identified]
    guid_distrust: bool
    learned: Mapping[bytes, bytes]
    broken: list[bytes]
    reissued: int
    restamped: bool = False
    moved: bool = False
    entries: int = 0
    prints: Mapping[bytes, bytes] = {}

    def listed(self, feed: ParsedFeed) -> set[bytes]:
        """The keys of all guids in the document, of entries that were not parsed again too."""
        parsed = {guid_key(entry.guid) for entry in feed.entries}
        return parsed.union(
            (r.guid for r in self.unchanged), (f.candidate.guid for f in self.found)
        )


def read_document(
    config: FeedConfig,
    state: FeedState,
    memory: Memory,
    feed: ParsedFeed,
    url: str,
    now_ms: int,
    body: str,
    told: Told | None = None,
) -> Generator[None, None, Reading]:
    """Compare a document with the feed's memory; only what is not unchanged is normalised.

    ``told``: the feed has only those entries that it does not know. Yields between small steps, after each
    entry that is normalised, so that the caller can let other feeds run; returns the reading.
    """
    body = config.body or body
    document = Document(feed, told)
    rows = triage(memory, document)
    yield
    changed = [row for row in rows if row.record is None]
    context = None
    if changed:
        context = _context(config, state, memory, document, url, now_ms, len(changed))
    read: dict[bytes, Candidate] = {}
    broken: list[bytes] = []
    if context is not None:
        yield from _normalised(changed, feed, context, body, read, broken)
        contested = _contested(memory, rows, read.values())
        for at in range(0, len(contested), AGAIN):
            some = document.parsed(contested[at : at + AGAIN])
            yield from _normalised(some, feed, context, body, read, broken)
    unchanged = [row.record for row in rows if row.record is not None and row.raw not in read]
    known_before = len(memory.entries)
    identification = yield from identify(
        config.id,
        memory,
        unchanged,
        [read[row.raw] for row in rows if row.raw in read],
        guid_distrust=state.guid_distrust,
        home=frozenset(url_key(canonical_url(u)) for u in (feed.link, url, config.url)),
    )
    yield
    new = [one.candidate.article for one in identification.found if one.known is None]
    moved = has_moved(new, state)
    old = sum(is_reissued(article, state, moved=moved) for article in new)
    most = old >= REISSUED_LEAST and old > REISSUED_SHARE * document.total
    yield
    return Reading(
        with_feed(state, feed, document.total, identification.found, now_ms),
        unchanged,
        identification.found,
        identification.guid_distrust,
        context.learned if context else memory.learned,
        broken,
        old if known_before and most else 0,
        identification.restamped,
        moved,
        document.total,
        document.prints(rows),
    )


def _normalised(
    rows: Iterable[Row],
    feed: ParsedFeed,
    context: NormaliseContext,
    body: str,
    read: dict[bytes, Candidate],
    broken: list[bytes],
) -> Generator[None, None, None]:
    """Add a candidate for each row to ``read``, by its hash; yields before each."""
    for row in rows:
        yield
        if row.entry is None:
            raise ValueError("an entry that was not parsed")
        try:
            article = _scoped(normalise(row.entry, feed, context), body)
            read[row.raw] = candidate(row.raw, article)
        except Exception:
            # One entry that a stage cannot read must not cost the others; it becomes a dead letter.
            broken.append(msgspec.json.encode(row.entry))


def _contested(memory: Memory, rows: Iterable[Row], candidates: Iterable[Candidate]) -> list[Row]:
    """Unchanged entries that a changed one of the same document goes by the name of: two versions of one
    article, of which the later counts, whichever was there before."""
    claimed: set[int] = set()
    for one in candidates:
        claimed.update((id(memory.by_guid.get(one.guid)), id(memory.by_url.get(one.url))))
        if (one.url == NO_URL or one.url in memory.shared) and says_it_all(one):
            a = one.article
            twins = memory.by_headline.get(a.headline_hash, ())
            claimed.update(id(r) for r in twins if (r.body, r.date) == (a.body_hash, a.date_hash))
    return [row for row in rows if row.record is not None and id(row.record) in claimed]


def _context(
    config: FeedConfig,
    state: FeedState,
    memory: Memory,
    document: Document,
    url: str,
    now_ms: int,
    changed: int,
) -> NormaliseContext:
    """What the changed entries are normalised against.

    Comparing all entries of a document costs more than all else of a poll with one new article; what
    the source repeats was learned from documents before, so it is looked for anew only now and then.
    """
    known = bool(memory.entries) and document.total >= LARGE_DOCUMENT
    if known and changed < MANY_CHANGED and state.polls % LOOK_EVERY:
        tag = normalise_tag(config.language)
        return NormaliseContext(now_ms, url, tag, learned=memory.learned)
    return document_context(
        document.entries(),
        now_ms=now_ms,
        feed_url=url,
        language=config.language,
        learned=memory.learned,
    )


def _scoped(article: Article, body: str) -> Article:
    """The article with as much text as NEWSWIRE_BODY allows; what it is compared by stays."""
    if body == "full" or article.body_scope == "none":
        return article
    if body == "summary" and article.body_scope == "summary":
        return article
    abstract = article.abstract if body == "summary" else ""
    return msgspec.structs.replace(
        article,
        body=abstract,
        body_html="",
        body_truncated=False,
        abstract="",
        body_scope="summary" if abstract else "none",
    )


def with_feed(
    state: FeedState, feed: ParsedFeed, entries: int, found: Sequence[Identified], now_ms: int
) -> FeedState:
    """What a document of so many entries says about the feed itself."""
    asked = min(max(feed.ttl_s, feed.update_period_s), MAX_ASKED_INTERVAL_S)
    base_ms = update_base_ms(feed.update_base) if feed.update_period_s else 0
    changes: dict[str, object] = {
        "title": feed.title[:300],
        "publisher": ", ".join(split_authors([feed.publisher]))[:MAX_PERSON].rstrip(", "),
        "link": feed.link[:2_000],
        "language": feed.language[:35],
        "min_interval_s": asked,
        "update_base_ms": base_ms,
        "update_period_s": feed.update_period_s if base_ms else 0,
        "skip_hours": feed.skip_hours,
        "skip_days": feed.skip_days,
    }
    articles = [one.candidate.article for one in found]
    changes |= {
        "unopened": still_unopened(state, entries, cut=feed.recovered, now_ms=now_ms),
        "newest_ms": newest_after(state, articles, now_ms),
        "shapes": shapes_after(state, articles),
    }
    if is_opening(state):
        dates = [a.published_ms for a in articles if a.published_ms is not None]
        changes |= first_cadence(dates, now_ms)
    return msgspec.structs.replace(state, **changes)


def policy_for(
    claim: Claim,
    reading: Reading,
    backfill: Backfill,
    now_ms: int,
    edit_window_min: int,
    window_ms: int,
    horizon_ms: int = 0,
) -> Policy:
    """What a first sight of an article comes to in this poll.

    Old news of a feed that is known is announced, and marked: what is dated before its first poll would have
    announced anything, or so long ago (``window_ms``) that it may have been forgotten.

    ``horizon_ms`` is not 0 after a rebuild: what is dated before it, or undated on a first poll, may have
    been announced by the history that is lost, and is remembered only.
    """
    before = claim.state
    first = is_opening(before)
    rule = parse_backfill(claim.config.backfill) if claim.config.backfill else backfill
    span_ms = rule * 1000 if isinstance(rule, int | float) else DAY_MS
    archive_ms = max(before.first_polled_ms - span_ms, now_ms - window_ms)

    def announce(article: Article) -> bool:
        at_ms = article.published_ms
        if horizon_ms and (first if at_ms is None else at_ms < horizon_ms):
            return False
        if not first or rule == "all" or after_opening(article, before):
            return True
        if rule == "none":
            return False
        return at_ms is None or at_ms >= now_ms - float(rule) * 1000

    def old_news(article: Article) -> bool:
        if first:
            return not after_opening(article, before)
        if reading.reissued and is_reissued(article, before, moved=reading.moved):
            return True
        return is_archive(article, before, archive_ms)

    gap_min = (now_ms - (before.last_success_ms or now_ms)) // MINUTE_MS
    return Policy(
        claim.feed_id,
        owner_key(claim.feed_id),
        now_ms,
        announce,
        old_news,
        edit_window_min,
        reading.restamped,
        revert_min=min(max(REVERT_LEAST_MIN, REVERT_POLLS * gap_min), DAY_MIN),
    )

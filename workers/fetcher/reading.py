"""A document to identified entries. Pure."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from schemas.fields import MAX_PERSON
from workers.articles.canonical import canonical_url
from workers.articles.context import NormaliseContext, document_context
from workers.articles.language import normalise_tag
from workers.articles.normalise import normalise
from workers.articles.people import split_authors
from workers.fetcher.cadence import first_cadence
from workers.fetcher.dedupe import Identified, identify
from workers.fetcher.identity import Candidate, candidate, guid_key, url_key
from workers.fetcher.memory import NO_URL, Memory, Remembered
from workers.fetcher.newness import (
    REISSUED_LEAST,
    REISSUED_SHARE,
    has_moved,
    is_opening,
    is_reissued,
    newest_after,
    shapes_after,
    still_unopened,
)
from workers.fetcher.rows import Document, Row, triage
from workers.fetcher.uniqueness import says_it_all
from workers.fetcher.wishes import update_base_ms
from workers.model import Article, FeedConfig, FeedState, ParsedFeed
from workers.parsing.pieces import Told

MAX_ASKED_INTERVAL_S = 86_400
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
    document = Document(feed, told)
    rows = triage(memory, document)
    yield
    changed = [row for row in rows if row.record is None]
    context = _context(config, state, memory, document, url, now_ms, len(changed))
    texts = _Texts(feed, context, config.body or body)
    yield from texts.add(changed)
    contested = _contested(memory, rows, texts.read.values())
    for at in range(0, len(contested), AGAIN):
        yield from texts.add(document.parsed(contested[at : at + AGAIN]))
    known_before = len(memory.entries)
    unchanged = [row.record for row in rows if row.record is not None and row.raw not in texts.read]
    identification = yield from identify(
        config.id,
        memory,
        unchanged,
        [texts.read[row.raw] for row in rows if row.raw in texts.read],
        guid_distrust=state.guid_distrust,
        home=frozenset(url_key(canonical_url(u)) for u in (feed.link, url, config.url)),
    )
    yield
    moved, reissued = _reissued(identification.found, state, document.total)
    yield
    return Reading(
        with_feed(state, feed, document.total, identification.found, now_ms),
        unchanged,
        identification.found,
        identification.guid_distrust,
        context.learned,
        texts.broken,
        reissued if known_before else 0,
        identification.restamped,
        moved,
        document.total,
        document.prints(rows),
    )


class _Texts:
    """What entries of a document come to when they are normalised.

    Attributes:
        read: a candidate for each, by the hash of the raw entry.
        broken: those that could not be normalised, as bytes.
    """

    def __init__(self, feed: ParsedFeed, context: NormaliseContext, body: str) -> None:
        self.read: dict[bytes, Candidate] = {}
        self.broken: list[bytes] = []
        self._feed = feed
        self._context = context
        self._body = body

    def add(self, rows: Iterable[Row]) -> Generator[None, None, None]:
        """Normalise the entries of rows; yields before each."""
        for row in rows:
            yield
            if row.entry is None:
                raise ValueError("an entry that was not parsed")
            try:
                article = _scoped(normalise(row.entry, self._feed, self._context), self._body)
                self.read[row.raw] = candidate(row.raw, article)
            except Exception:
                # One entry that a stage cannot read must not cost the others; it becomes a dead letter.
                self.broken.append(msgspec.json.encode(row.entry))


def _reissued(found: Sequence[Identified], state: FeedState, total: int) -> tuple[bool, int]:
    """Whether links have another form than before, and how many entries look new and are old, if most."""
    new = [one.candidate.article for one in found if one.known is None]
    moved = has_moved(new, state)
    old = sum(is_reissued(article, state, moved=moved) for article in new)
    return moved, old if old >= REISSUED_LEAST and old > REISSUED_SHARE * total else 0


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
    if not changed or (known and changed < MANY_CHANGED and state.polls % LOOK_EVERY):
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

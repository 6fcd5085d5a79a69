"""What to do about each identified entry, given the article's shared record. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

from workers.fetcher.dedupe import EMPTY, Identified
from workers.fetcher.identity import text_key, version_hash, version_key
from workers.fetcher.memory import (
    FOREIGN,
    GUID_RENEWED,
    GUID_WEAK,
    LISTED,
    MINUTE_MS,
    NO_GUID,
    NO_RAW,
    NO_URL,
    REDATED,
    TURNS,
    URL_WEAK,
    Remembered,
)
from workers.fetcher.records import MAX_SEEN_IN, ArticleRecord
from workers.model import Article
from workers.routes import Route

Kind = Literal["create", "remember", "update", "seen", "foreign", "hold", "stale"]
DAY_MS = 86_400_000

OWNER_IDLE_DAYS = 5
"""An owner that has not shown its article for so long gives way to another feed that still does."""
FREE_EDITS = 5
"""So many revisions at once are news; more within the window are a storm: the newest waits for its end."""
DAY_MIN = 24 * 60
REVERT_LEAST_MIN = 10
"""A version that returns may come from a cache that went back in time: it waits for so long, and for two
polls more, until it counts as taken back. Where caches have taken turns it waits for a day. So does a date
that moves again within a day: that is the feed's way, not news."""


class Decision(NamedTuple):
    """What happens to one entry. ``record`` is to be written when it is not None; ``changed`` are the fields
    of an edit that is published, or that is owed for another feed's article."""

    kind: Kind
    article: bytes
    record: ArticleRecord | None
    changed: tuple[str, ...] = ()


class Policy(NamedTuple):
    """What holds for the poll as a whole.

    ``announce`` says whether a first sight is published, ``backfill`` whether it is marked as old news,
    ``restamped`` that the document's dates say nothing; ``edit_window_min`` is 0 where every edit goes out,
    ``revert_min`` is how long a version waits that was there before, ``lasted`` that what is decided about
    has waited; ``gone`` are owners that have left the feed list; ``routes`` are the rules for its events'
    headers, ``traceparent`` is its trace for them.
    """

    feed_id: str
    owner: bytes
    now_ms: int
    announce: Callable[[Article], bool]
    backfill: Callable[[Article], bool]
    edit_window_min: int
    restamped: bool = False
    routes: tuple[Route, ...] = ()
    traceparent: str = ""
    revert_min: int = REVERT_LEAST_MIN
    lasted: bool = False
    gone: frozenset[bytes] = frozenset()

    @property
    def day(self) -> int:
        """Days since the epoch."""
        return self.now_ms // DAY_MS


def decide(
    one: Identified, article: bytes, record: ArticleRecord | None, policy: Policy
) -> Decision:
    """Decide about one entry; ``record`` is what Redis holds for ``article`` now."""
    if record is not None and record.withdrawn:
        return Decision("foreign", article, None)  # nobody's: no feed announces it again
    if one.known is None:
        return _first_sight(one, article, record, policy)
    changed = changed_fields(one.candidate.article, one.known)
    if policy.restamped:
        changed = tuple(f for f in changed if f != "datePublished")
    if record is not None and record.owner != policy.owner:
        return _foreign(one, one.known, record, changed, policy)
    if record is None and one.known.foreign:
        return Decision("foreign", one.known.article, None)
    if not changed:
        return Decision("seen", one.known.article, _touched(record, policy))
    return _edit(one, one.known, record, changed, policy)


def changed_fields(article: Article, known: Remembered) -> tuple[str, ...]:
    """The contract's names of what differs. A field that vanished is a feed's hiccup, not an edit."""
    changed = []
    if article.headline_hash != known.headline and article.headline:
        changed.append("headline")
    if article.body_hash != known.body and article.body:
        changed.append("articleBody")
    if (article.date_hash or EMPTY) not in (known.date, EMPTY):
        changed.append("datePublished")
    return tuple(changed)


def _first_sight(
    one: Identified, article: bytes, record: ArticleRecord | None, policy: Policy
) -> Decision:
    a = one.candidate.article
    fresh = ArticleRecord(
        policy.day, 1, policy.owner, a.content_hash[:4], policy.now_ms // 1000, (), text_key(a)
    )
    if record is None:
        if policy.announce(a) and not one.said:
            return Decision("create", article, fresh)
        return Decision("remember", article, fresh._replace(revision=0))
    if record.owner != policy.owner:
        if record.revision == 0 and policy.announce(a):
            # Old news to the feed that has it in its memory, news to this one, and never announced.
            fresh = fresh._replace(first_s=record.first_s, seen_in=record.seen_in)
            return Decision("create", article, fresh)
        return Decision("foreign", article, _also_seen(record, policy))
    # Ours already: an earlier attempt of this poll was cut between the articles and the feed. What was
    # learned of the source since may have changed the text, but not the version.
    same = fresh.content == record.content or fresh.version == record.version
    if same or record.revision == 0:
        return Decision("seen", article, _touched(record, policy))
    return Decision("update", article, _next(record, a, policy), _may_differ(a))


def _may_differ(article: Article) -> tuple[str, ...]:
    """What of it may have changed since a version of which only the hash of the whole is known: all that is
    there, so that nobody who goes by the names misses the edit."""
    there = {
        "headline": article.headline,
        "articleBody": article.body,
        "datePublished": article.date_hash,
    }
    return tuple(name for name, value in there.items() if value)


def _edit(
    one: Identified,
    known: Remembered,
    record: ArticleRecord | None,
    changed: tuple[str, ...],
    policy: Policy,
) -> Decision:
    a = one.candidate.article
    content = a.content_hash[:4]
    if record is None:
        record = ArticleRecord(policy.day, 1, policy.owner, content, policy.now_ms // 1000)
        return Decision("update", known.article, _next(record, a, policy), changed)
    if record.revision == 0 or record.content == content:
        seen = record._replace(day=policy.day, content=content, version=text_key(a))
        return Decision("seen", known.article, seen)
    if changed != ("datePublished",) and record.version == text_key(a):
        # Published by a poll that died before the feed's own commit; the feed may date it anew since.
        return Decision("seen", known.article, _touched(record, policy))
    since_min = policy.now_ms // MINUTE_MS - known.edited_min
    moved = changed == ("datePublished",) and since_min < DAY_MIN
    if not policy.lasted and (moved or known.said(said_key(a, policy))):
        return Decision("stale", known.article, None)
    if known.edits >= FREE_EDITS and since_min < policy.edit_window_min:
        return Decision("hold", known.article, None)
    return Decision("update", known.article, _next(record, a, policy), changed)


def _foreign(
    one: Identified,
    known: Remembered,
    record: ArticleRecord,
    changed: tuple[str, ...],
    policy: Policy,
) -> Decision:
    """Another feed's article. Ownership passes with an edit when that feed shows it no longer, or has left
    the list; until then the edit is owed: ``changed`` says so."""
    a = one.candidate.article
    if not changed or record.revision == 0 or record.content == a.content_hash[:4]:
        return Decision("foreign", known.article, None)
    if policy.day - record.day <= OWNER_IDLE_DAYS and record.owner not in policy.gone:
        return Decision("foreign", known.article, None, changed)
    ours = _next(record, a, policy)._replace(owner=policy.owner)
    return Decision("update", known.article, ours, changed)


def waits_until(known: Remembered, decision: Decision, policy: Policy) -> int:
    """Until which minute since the epoch an edit waits that is not published yet."""
    now_min = policy.now_ms // MINUTE_MS
    if decision.kind == "hold":
        return known.edited_min + policy.edit_window_min
    if known.flags & TURNS:
        return now_min + DAY_MIN
    again_min = known.edited_min + DAY_MIN if known.flags & REDATED else 0
    return max(now_min + policy.revert_min, again_min)


def _next(record: ArticleRecord, article: Article, policy: Policy) -> ArticleRecord:
    return record._replace(
        day=policy.day,
        revision=record.revision + 1,
        content=article.content_hash[:4],
        version=text_key(article),
    )


def _touched(record: ArticleRecord | None, policy: Policy) -> ArticleRecord | None:
    """The record with today's date, when it is worth a write."""
    if record is None or record.owner != policy.owner or policy.day - record.day < 2:
        return None
    return record._replace(day=policy.day)


def _also_seen(record: ArticleRecord, policy: Policy) -> ArticleRecord | None:
    if policy.feed_id in record.seen_in or len(record.seen_in) >= MAX_SEEN_IN:
        return None
    return record._replace(seen_in=(*record.seen_in, policy.feed_id))


def remembered(one: Identified, decision: Decision, policy: Policy) -> Remembered:
    """The feed's memory of the entry after the decision; changes ``one.known`` in place if there is one."""
    a, now_min = one.candidate.article, policy.now_ms // MINUTE_MS
    date = a.date_hash or EMPTY
    known = one.known
    if known is None:
        known = Remembered(
            raw=one.candidate.raw,
            guid=NO_GUID,
            url=NO_URL,
            article=decision.article,
            headline=a.headline_hash,
            body=a.body_hash,
            date=date,
            seen_min=now_min,
            flags=LISTED | (FOREIGN if decision.kind == "foreign" else 0),
        )
        _rename(known, one)
        return known
    _rename(known, one)
    # What waits is looked at again with the next document, even when the entry stays as it is.
    waits = decision.kind in ("hold", "stale")
    owed = decision.kind == "foreign" and bool(decision.changed)
    known.raw = NO_RAW if waits or owed else one.candidate.raw
    if waits:
        return known
    known.flags = known.flags | FOREIGN if decision.kind == "foreign" else known.flags & ~FOREIGN
    if owed:
        return known
    if decision.kind == "update":
        date_then = EMPTY if policy.restamped else known.date
        said = version_hash(known.headline, known.body, date_then)
        known.previous = (said[:2] + known.previous)[:6]
        window_over = now_min - known.edited_min >= policy.edit_window_min
        known.edits = 1 if window_over else known.edits + 1
        known.edited_min = now_min
        known.flags &= ~REDATED
        if decision.changed == ("datePublished",):
            known.flags |= REDATED
    known.headline = a.headline_hash if a.headline else known.headline
    known.body = a.body_hash if a.body else known.body
    known.date = known.date if date == EMPTY else date
    return known


def _rename(known: Remembered, one: Identified) -> None:
    """Take over the names that the entry goes by now; what is no name is kept as such, to be recognised
    as shared when another entry comes with it."""
    if one.candidate.guid != NO_GUID:
        known.guid = one.candidate.guid
        known.flags = known.flags & ~GUID_WEAK if one.guid_ok else known.flags | GUID_WEAK
    if one.candidate.url != NO_URL:
        known.url = one.candidate.url
        known.flags = known.flags & ~URL_WEAK if one.url_ok else known.flags | URL_WEAK
    if one.renewed:
        known.flags |= GUID_RENEWED


def said_key(article: Article, policy: Policy) -> bytes:
    """The version that is looked for among those that were there before; where the document dates its entries
    anew, without the date, by which none would be found."""
    return text_key(article) if policy.restamped else version_key(article)

"""What to do about each identified entry, given the article's shared record. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

from workers.fetcher.dedupe import EMPTY, Identified
from workers.fetcher.identity import version_hash, version_key
from workers.fetcher.memory import FOREIGN, LISTED, MINUTE_MS, NO_GUID, NO_RAW, NO_URL, Remembered
from workers.fetcher.records import MAX_SEEN_IN, ArticleRecord
from workers.model import Article

Kind = Literal["create", "remember", "update", "seen", "foreign", "hold", "stale"]
DAY_MS = 86_400_000

OWNER_IDLE_DAYS = 5
"""An owner that has not shown its article for so long gives way to another feed that still does."""
FREE_EDITS = 5
EDIT_WINDOW_MIN = 60
"""So many revisions at once are news; more within the window are a storm: the newest waits for its end."""
REVERT_MIN = 24 * 60
"""A version that returns within a day comes from a cache that went back in time, not from an editor."""


class Decision(NamedTuple):
    """What happens to one entry. ``record`` is to be written when it is not None."""

    kind: Kind
    article: bytes
    record: ArticleRecord | None
    changed: tuple[str, ...] = ()


class Policy(NamedTuple):
    """What holds for the poll as a whole.

    ``announce`` says whether a first sight is published, ``backfill`` whether it is marked as old news.
    """

    feed_id: str
    owner: bytes
    now_ms: int
    announce: Callable[[Article], bool]
    backfill: Callable[[Article], bool]

    @property
    def day(self) -> int:
        """Days since the epoch."""
        return self.now_ms // DAY_MS


def decide(
    one: Identified, article: bytes, record: ArticleRecord | None, policy: Policy
) -> Decision:
    """Decide about one entry; ``record`` is what Redis holds for ``article`` now."""
    if one.known is None:
        return _first_sight(one, article, record, policy)
    if one.known.foreign:
        return _foreign(one, one.known, record, policy)
    changed = changed_fields(one.candidate.article, one.known)
    if not changed:
        return Decision("seen", article, _touched(record, policy))
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
    content = one.candidate.article.content_hash[:4]
    if record is None:
        announced = policy.announce(one.candidate.article)
        fresh = ArticleRecord(
            policy.day, int(announced), policy.owner, content, policy.now_ms // 1000
        )
        return Decision("create" if announced else "remember", article, fresh)
    if record.owner != policy.owner:
        return Decision("foreign", article, _also_seen(record, policy))
    # Ours already: an earlier attempt of this poll was cut between the articles and the feed.
    if record.content == content or record.revision == 0:
        return Decision("seen", article, _touched(record, policy))
    return Decision("update", article, _next(record, content, policy), ("articleBody",))


def _edit(
    one: Identified,
    known: Remembered,
    record: ArticleRecord | None,
    changed: tuple[str, ...],
    policy: Policy,
) -> Decision:
    content = one.candidate.article.content_hash[:4]
    if record is None:
        record = ArticleRecord(policy.day, 1, policy.owner, content, policy.now_ms // 1000)
        return Decision("update", known.article, _next(record, content, policy), changed)
    if record.revision == 0 or record.content == content:
        return Decision("seen", known.article, record._replace(day=policy.day, content=content))
    since_min = policy.now_ms // MINUTE_MS - known.edited_min
    if version_key(one.candidate.article) == known.previous and since_min < REVERT_MIN:
        return Decision("stale", known.article, None)
    if known.edits >= FREE_EDITS and since_min < EDIT_WINDOW_MIN:
        return Decision("hold", known.article, None)
    return Decision("update", known.article, _next(record, content, policy), changed)


def _foreign(
    one: Identified, known: Remembered, record: ArticleRecord | None, policy: Policy
) -> Decision:
    changed = changed_fields(one.candidate.article, known)
    idle = record is not None and policy.day - record.day > OWNER_IDLE_DAYS
    if record is None or not changed or not idle or record.revision == 0:
        return Decision("seen", known.article, None)
    content = one.candidate.article.content_hash[:4]
    return Decision(
        "update",
        known.article,
        _next(record, content, policy)._replace(owner=policy.owner),
        changed,
    )


def _next(record: ArticleRecord, content: bytes, policy: Policy) -> ArticleRecord:
    return record._replace(day=policy.day, revision=record.revision + 1, content=content)


def _touched(record: ArticleRecord | None, policy: Policy) -> ArticleRecord | None:
    """The record with today's date, when it is worth a write."""
    if record is None or record.owner != policy.owner or policy.day - record.day < 2:
        return None
    return record._replace(day=policy.day)


def _also_seen(record: ArticleRecord, policy: Policy) -> ArticleRecord | None:
    if policy.feed_id in record.seen_in or len(record.seen_in) >= MAX_SEEN_IN:
        return None
    return record._replace(seen_in=(*record.seen_in, policy.feed_id))


def remembered(one: Identified, decision: Decision, now_ms: int) -> Remembered:
    """The feed's memory of the entry after the decision; changes ``one.known`` in place if there is one."""
    a, now_min = one.candidate.article, now_ms // MINUTE_MS
    date = a.date_hash or EMPTY
    known = one.known
    if known is None:
        return Remembered(
            raw=one.candidate.raw,
            guid=one.candidate.guid if one.guid_ok else NO_GUID,
            url=one.candidate.url if one.url_ok else NO_URL,
            article=decision.article,
            headline=a.headline_hash,
            body=a.body_hash,
            date=date,
            seen_min=now_min,
            flags=LISTED | (FOREIGN if decision.kind == "foreign" else 0),
        )
    known.raw = NO_RAW if decision.kind == "hold" else one.candidate.raw
    known.guid = one.candidate.guid if one.guid_ok else known.guid
    known.url = one.candidate.url if one.url_ok else known.url
    if decision.kind in ("hold", "stale"):
        return known
    if decision.kind == "update":
        known.previous = version_of(known)
        window_over = now_min - known.edited_min >= EDIT_WINDOW_MIN
        known.edits = 1 if window_over else known.edits + 1
        known.edited_min = now_min
        known.flags &= ~FOREIGN
    known.headline = a.headline_hash if a.headline else known.headline
    known.body = a.body_hash if a.body else known.body
    known.date = known.date if date == EMPTY else date
    return known


def version_of(known: Remembered) -> bytes:
    """The version key of what is remembered, comparable with ``identity.version_key``."""
    return version_hash(known.headline, known.body, known.date)

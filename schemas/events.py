"""The events downstream services read, as types: the one source of the published contract.

Rules that hold for every value: each event carries the whole article; what is unknown is absent, never
``null`` or empty; a list is always a list; times are RFC 3339 in UTC with milliseconds and ``Z``.
Names follow schema.org NewsArticle where it has one. This package imports nothing of ``workers``.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

MAJOR = 1
"""Major version of the contract; a breaking change is a new topic with a new number."""

TYPE_CREATED = "news.article.created"
TYPE_UPDATED = "news.article.updated"
TYPE_WITHDRAWN = "news.article.withdrawn"
TYPE_FEED = "news.feed.status"
TYPE_DEAD_LETTER = "news.dead-letter"

MAX_HEADLINE = 1_000
MAX_BODY = 200_000
MAX_HTML = 400_000
MAX_ABSTRACT = 20_000
MAX_URL = 4_096
MAX_LIST = 64

Timestamp = Annotated[
    str,
    Meta(
        pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$",
        description="RFC 3339, UTC, milliseconds.",
        examples=["2026-03-01T07:30:00.000Z"],
    ),
]
ArticleId = Annotated[
    str,
    Meta(
        pattern=r"^[a-z2-7]{16}$",
        description="Identity of the article; set at first sight, never recomputed.",
        examples=["mfrggzdfmztwq2lk"],
    ),
]
Url = Annotated[str, Meta(max_length=MAX_URL, pattern=r"^https?://")]
Short = Annotated[str, Meta(min_length=1, max_length=1_000)]


class _Event(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel", kw_only=True):
    pass


class Person(_Event, frozen=True, tag_field="@type", tag="Person"):
    """An author: a person or an agency as the feed names it, without e-mail address or role."""

    name: Short


class Publication(_Event, frozen=True):
    """The feed an article was announced from."""

    feed_id: Annotated[str, Meta(min_length=1, max_length=128)]
    name: Annotated[str, Meta(max_length=1_000, description="Name of the feed.")] = ""
    url: Annotated[
        str, Meta(max_length=MAX_URL, description="The feed's URL without userinfo and secrets.")
    ] = ""
    home_page: Annotated[str, Meta(max_length=MAX_URL)] = ""
    tags: Annotated[list[str], Meta(max_length=MAX_LIST, description="From the feed list.")] = []


class MediaObject(_Event, frozen=True):
    """An image, audio or video that belongs to the article."""

    content_url: Url
    encoding_format: Annotated[str, Meta(max_length=200, description="MIME type.")] = ""
    caption: Annotated[str, Meta(max_length=2_000)] = ""
    content_size: Annotated[int, Meta(ge=0, description="Bytes.")] = 0
    width: Annotated[int, Meta(ge=0, description="Pixels.")] = 0
    height: Annotated[int, Meta(ge=0, description="Pixels.")] = 0


class Source(_Event, frozen=True):
    """Where the feed says it took the article from."""

    name: Annotated[str, Meta(max_length=1_000)] = ""
    url: Annotated[str, Meta(max_length=MAX_URL)] = ""


class FieldHashes(_Event, frozen=True):
    """Hex hashes of the compared fields, for a rebuild of the worker's memory."""

    headline: Annotated[str, Meta(pattern=r"^[0-9a-f]{8}$")] = ""
    body: Annotated[str, Meta(pattern=r"^[0-9a-f]{8}$")] = ""
    date: Annotated[str, Meta(pattern=r"^[0-9a-f]{8}$")] = ""


class ArticleEvent(_Event, frozen=True):
    """One revision of one article: the value on ``news.articles`` (created and updated)."""

    article_id: ArticleId
    revision: Annotated[int, Meta(ge=1, description="1 when announced, then one more each edit.")]
    content_hash: Annotated[
        str,
        Meta(
            pattern=r"^[0-9a-f]{16}$",
            description="BLAKE2b-64 over headline, body and date of publication, NFC, white space folded.",
        ),
    ]
    headline: Annotated[
        str,
        Meta(
            max_length=MAX_HEADLINE,
            description="Plain text. Always there; empty only when the feed gives neither title nor text.",
        ),
    ]
    first_seen: Timestamp
    is_part_of: Publication
    body_scope: Literal["full", "summary", "none"]
    guid: Annotated[str, Meta(max_length=2_000, description="As in the feed.")] = ""
    url: Annotated[str, Meta(max_length=MAX_URL)] = ""
    canonical_url: Annotated[
        str, Meta(max_length=MAX_URL, description="Comparable form of url: no tracking, no AMP.")
    ] = ""
    article_body: Annotated[
        str, Meta(max_length=MAX_BODY, description="Plain text; a blank line between paragraphs.")
    ] = ""
    article_body_html: Annotated[str, Meta(max_length=MAX_HTML, description="Sanitised HTML.")] = ""
    body_truncated: bool = False
    abstract: Annotated[str, Meta(max_length=MAX_ABSTRACT)] = ""
    date_published: Timestamp | msgspec.UnsetType = msgspec.UNSET
    date_modified: Timestamp | msgspec.UnsetType = msgspec.UNSET
    date_published_raw: Annotated[str, Meta(max_length=200)] = ""
    date_source: Annotated[str, Meta(max_length=40, description="Where the date came from.")] = ""
    date_confidence: Literal["", "exact", "assumed_zone", "guessed", "clamped"] = ""
    author: Annotated[list[Person], Meta(max_length=MAX_LIST)] = []
    keywords: Annotated[list[str], Meta(max_length=MAX_LIST)] = []
    in_language: Annotated[str, Meta(max_length=35, description="BCP 47.")] = ""
    language_source: Literal["", "entry", "feed", "list", "detected"] = ""
    language_confidence: Annotated[float, Meta(ge=0, le=1)] = 0.0
    image: Annotated[str, Meta(max_length=MAX_URL)] = ""
    associated_media: Annotated[list[MediaObject], Meta(max_length=MAX_LIST)] = []
    copyright_notice: Annotated[str, Meta(max_length=2_000)] = ""
    license: Annotated[str, Meta(max_length=MAX_URL)] = ""
    source: Source | msgspec.UnsetType = msgspec.UNSET
    also_seen_in: Annotated[
        list[str],
        Meta(max_length=MAX_LIST, description="Ids of other feeds that show the article."),
    ] = []
    changed_fields: Annotated[
        list[Literal["headline", "articleBody", "datePublished"]],
        Meta(description="What differs from the revision before; only in an update."),
    ] = []
    boilerplate_removed: Annotated[
        list[str], Meta(max_length=MAX_LIST, description="Kinds of blocks removed from the body.")
    ] = []
    field_hashes: FieldHashes | msgspec.UnsetType = msgspec.UNSET


class WithdrawnEvent(_Event, frozen=True):
    """An article is taken back: no text, only what identifies it."""

    article_id: ArticleId
    revision: Annotated[int, Meta(ge=1)]
    withdrawn_at: Timestamp
    reason: Literal["forgotten", "deleted_by_feed"]


class FeedStatusEvent(_Event, frozen=True):
    """State of one feed: the value on ``news.feeds`` (key: feed id; a tombstone when it is removed)."""

    feed_id: Annotated[str, Meta(min_length=1, max_length=128)]
    state: Literal["healthy", "failing", "silent", "gone", "paused"]
    changed_at: Timestamp
    name: Annotated[str, Meta(max_length=1_000)] = ""
    url: Annotated[str, Meta(max_length=MAX_URL)] = ""
    moved_to: Annotated[str, Meta(max_length=MAX_URL)] = ""
    reason: Annotated[str, Meta(max_length=40, description="Reason of the last poll.")] = ""
    since: Timestamp | msgspec.UnsetType = msgspec.UNSET
    last_success: Timestamp | msgspec.UnsetType = msgspec.UNSET
    last_new: Timestamp | msgspec.UnsetType = msgspec.UNSET
    next_poll: Timestamp | msgspec.UnsetType = msgspec.UNSET
    entries_per_day: Annotated[float, Meta(ge=0)] = 0.0
    tags: Annotated[list[str], Meta(max_length=MAX_LIST)] = []


class DeadLetterEvent(_Event, frozen=True):
    """What could not be processed: the value on ``news.dead-letters``."""

    feed_id: Annotated[str, Meta(max_length=128)]
    stage: Literal["parse", "normalise", "dedupe", "publish"]
    reason: Annotated[str, Meta(max_length=40)]
    occurred_at: Timestamp
    length: Annotated[int, Meta(ge=0, description="Bytes of the original.")]
    sha256: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]
    url: Annotated[str, Meta(max_length=MAX_URL)] = ""
    content_type: Annotated[str, Meta(max_length=200)] = ""
    detail: Annotated[str, Meta(max_length=1_000)] = ""
    body: Annotated[str, Meta(description="The bytes, base64; at most 256 KiB of them.")] = ""
    truncated: Annotated[bool, Meta(description="The body was cut; it cannot be replayed.")] = False
    article_id: Annotated[str, Meta(max_length=16)] = ""


class PositionEvent(_Event, frozen=True):
    """How far a shard's outbox is published: the value on ``news.positions``."""

    dataset: str
    sequence: Annotated[int, Meta(ge=0)]
    ce_id: str = ""


_encoder = msgspec.json.Encoder()


def encode(event: _Event) -> bytes:
    """Encode an event as compact UTF-8 JSON with camelCase names, absent fields left out."""
    return _encoder.encode(event)

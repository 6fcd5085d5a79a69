"""The events downstream services read, as types: the one source of the published contract.

Rules that hold for every value: each event carries the whole article; what is unknown is absent, never
``null`` or empty; a list is always a list; times are RFC 3339 in UTC with milliseconds and ``Z``.
Names follow schema.org NewsArticle where it has one. This package imports nothing of ``workers``.

A default (``""``, ``[]``, whole ``0``, unset) means absent: it is what a reader finds in place of an unknown
field, and is never written. The JSON Schemas that ``schemas.generate`` makes of these types therefore know
neither defaults nor empty strings.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, UnsetType

from schemas import fields as f

MAJOR = 1
"""Major version of the contract; a breaking change is a new topic with a new number."""

TYPE_CREATED = "news.article.created"
TYPE_UPDATED = "news.article.updated"
TYPE_WITHDRAWN = "news.article.withdrawn"
TYPE_FEED = "news.feed.status"
TYPE_DEAD_LETTER = "news.dead-letter"

ArticleId = Annotated[
    str,
    f.matching(
        "Identity of the article and key of the record; set at first sight, never recomputed.",
        f.ARTICLE_ID,
        "mfrggzdfmztwq2lk",
    ),
]
FeedId = Annotated[
    str,
    f.matching("Id of the feed; stable over moves and renames.", f.FEED_ID, "fcwojfxwnumramdba"),
]
FeedTags = Annotated[
    list[Annotated[str, f.text("One tag.", 100, "politics")]],
    f.listing("Tags of the feed, from the feed list.", ["world", "politics"]),
]
FieldHash = Annotated[str, f.matching("BLAKE2b-32 in hex.", "^[0-9a-f]{8}$", "3b1f20aa")]


class _Event(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel", kw_only=True):
    pass


class Person(_Event, frozen=True, tag_field="@type", tag="Person"):
    """An author: a person or an agency as the feed names it, without e-mail address or role."""

    name: Annotated[str, f.text("The name as it is written.", f.MAX_PERSON, "A. Writer")]


class Organization(_Event, frozen=True, tag_field="@type", tag="Organization"):
    """Who publishes a feed, as the feed names it, without e-mail address."""

    name: Annotated[str, f.text("The name as it is written.", f.MAX_PERSON, "Northway Press")]


class Publication(_Event, frozen=True):
    """The feed an article was announced from."""

    feed_id: FeedId
    name: Annotated[
        str,
        f.text("Name from the feed list, else the feed's own title.", f.MAX_NAME, "The Courier"),
    ] = ""
    url: Annotated[
        str,
        f.url(
            "The feed's address, without userinfo; values of secret-looking parameters are `***`.",
            "https://example.org/feed.xml",
        ),
    ] = ""
    home_page: Annotated[
        str, f.url("The page that the feed says it belongs to.", "https://example.org/")
    ] = ""
    tags: FeedTags = []


class MediaObject(_Event, frozen=True):
    """An image, audio or video that belongs to the article."""

    content_url: Annotated[str, f.url("Where it is.", "https://example.org/i/1.jpg")]
    encoding_format: Annotated[
        str,
        f.text(
            "MIME type, or its first half (`image`) when only that is known.", 200, "image/jpeg"
        ),
    ] = ""
    caption: Annotated[str, f.text("Caption or title.", f.MAX_CAPTION, "The harbour at dawn")] = ""
    content_size: Annotated[int, f.whole("Size in bytes.", 48_213, least=1)] = 0
    width: Annotated[int, f.whole("Width in pixels.", 1_200, least=1)] = 0
    height: Annotated[int, f.whole("Height in pixels.", 800, least=1)] = 0


class Source(_Event, frozen=True):
    """Where the feed says it took the article from: at least one of both."""

    name: Annotated[str, f.text("Name of the source.", f.MAX_NAME, "The Wire")] = ""
    url: Annotated[
        str, f.url("Address of the source's feed or page.", "https://wire.example.org/rss")
    ] = ""


class FieldHashes(_Event, frozen=True):
    """Hashes of the compared fields, for a rebuild of the worker's memory; of no use to others."""

    headline: FieldHash = ""
    body: FieldHash = ""
    date: FieldHash = ""


class ArticleEvent(_Event, frozen=True):
    """One revision of one article, whole: the value of news.article.created and .updated."""

    article_id: ArticleId
    revision: Annotated[
        int,
        f.whole("1 when announced, then one more with each edit.", 1, least=1, most=65_535),
    ]
    content_hash: Annotated[
        str,
        f.matching(
            "Tells two versions of an article apart. BLAKE2b with a digest of 8 bytes, in hex, over the "
            "UTF-8 bytes of three lines joined by a line feed: headline, articleBody (each in NFC, its "
            "ends trimmed, its runs of white space folded to one space), and datePublished as "
            "milliseconds since the epoch in decimal, or nothing. Hashed is what the feed gave, before a "
            "text is cut or left out for its size or by the operator's choice, and before a headline is "
            "stood in for.",
            "^[0-9a-f]{16}$",
            "9c1185a5c5e9fc54",
        ),
    ]
    headline: Annotated[
        str,
        f.text(
            "Plain text on one line, always there. Without a title it is the text's first sentence; "
            "without a text either, the article's URL, else its guid, else its articleId.",
            f.MAX_HEADLINE,
            "Market guild opens a tool library",
        ),
    ]
    first_seen: Annotated[
        str, f.timestamp("When the article was first seen in any feed, to the second.")
    ]
    is_part_of: Annotated[Publication, f.told("The feed that announced it.")]
    body_scope: Annotated[
        Literal["full", "summary", "none"],
        f.told("Whether articleBody is the whole article, a summary, or absent."),
    ]
    guid: Annotated[
        str,
        f.text("The entry's own id, as in the feed.", f.MAX_GUID, "tag:example.org,2026:1"),
    ] = ""
    url: Annotated[
        str,
        f.url(
            "The article's page, as linked by the feed.", "https://example.org/a/1?utm_source=rss"
        ),
    ] = ""
    canonical_url: Annotated[
        str,
        f.url("Comparable form of url: no tracking, AMP, fragment or feed proxy; https for http."),
    ] = ""
    article_body: Annotated[
        str,
        f.text(
            "Plain text without boilerplate; a blank line between paragraphs.",
            f.MAX_BODY,
            "First paragraph.\n\nSecond paragraph.",
        ),
    ] = ""
    article_body_html: Annotated[
        str,
        f.text(
            "The body as sanitised HTML: no script, style, form or event handler. Absent when the "
            "feed gives none, or when the event would become too large with it.",
            f.MAX_HTML,
            "<p>First paragraph.</p><p>Second paragraph.</p>",
        ),
    ] = ""
    body_truncated: Annotated[
        bool, f.flag("articleBody was cut at a paragraph, by the feed's size or our bounds.")
    ] = False
    abstract: Annotated[
        str,
        f.text(
            "The feed's own summary as text, where it is not the whole body.",
            f.MAX_ABSTRACT,
            "A summary.",
        ),
    ] = ""
    date_published: (
        Annotated[str, f.timestamp("When it was published, by the feed's word.")] | UnsetType
    ) = UNSET
    date_modified: (
        Annotated[str, f.timestamp("When it was last changed, by the feed's word.")] | UnsetType
    ) = UNSET
    date_published_raw: Annotated[
        str,
        f.text("The date as the feed writes it.", 200, "Sun, 01 Mar 2026 08:30:00 +0100"),
    ] = ""
    date_source: Annotated[
        str, f.text("The element that datePublished came from.", 40, "pubDate")
    ] = ""
    date_confidence: Annotated[
        Literal["exact", "assumed_zone", "guessed", "clamped"] | UnsetType,
        f.told(
            "exact: with zone; assumed_zone: it names none, UTC is assumed; guessed: incomplete or "
            "ambiguous; clamped: it lay before 1990 or in the future."
        ),
    ] = UNSET
    author: Annotated[
        list[Person],
        f.listing("Authors in the feed's order.", [{"@type": "Person", "name": "A. Writer"}]),
    ] = []
    keywords: Annotated[
        list[Annotated[str, f.text("One keyword.", f.MAX_KEYWORD, "tools")]],
        f.listing("The feed's categories of the article.", ["local", "tools"]),
    ] = []
    in_language: Annotated[str, f.text("Language of the text, BCP 47.", 35, "en")] = ""
    language_source: Annotated[
        Literal["entry", "feed", "list", "detected"] | UnsetType,
        f.told("Who says so: the entry, its feed, the operator's feed list, or the text's looks."),
    ] = UNSET
    language_confidence: Annotated[float, f.number("1 when declared.", 0.98, 1)] | UnsetType = UNSET
    image: Annotated[str, f.url("The lead image.", "https://example.org/i/1.jpg")] = ""
    associated_media: Annotated[
        list[MediaObject],
        f.listing(
            "Images, audio and video, the feed's own first.",
            [{"contentUrl": "https://example.org/i/1.jpg", "encodingFormat": "image/jpeg"}],
        ),
    ] = []
    publisher: Annotated[
        Organization | UnsetType, f.told("Who publishes the feed, by the feed's own word.")
    ] = UNSET
    copyright_notice: Annotated[
        str,
        f.text("Rights as the entry or its feed states them.", 2_000, "© 2026 The Courier"),
    ] = ""
    license: Annotated[
        str,
        f.url("The licence that the entry links.", "https://creativecommons.org/licenses/by/4.0/"),
    ] = ""
    source: Annotated[
        Source | UnsetType, f.told("Where the feed says it took the article from.")
    ] = UNSET
    also_seen_in: Annotated[
        list[FeedId],
        f.listing(
            "Other feeds that show the article, as known at this revision.", ["harbour-news"]
        ),
    ] = []
    changed_fields: Annotated[
        list[Annotated[str, f.text("A field's name.", 40, "headline")]],
        f.listing(
            "Only in an update: which of headline, articleBody, datePublished differ from before; each "
            "that it has, where a crash hid which.",
            ["headline"],
        ),
    ] = []
    boilerplate_removed: Annotated[
        list[Annotated[str, f.text("A kind.", 40, "read_more")]],
        f.listing("Kinds of blocks that were removed from the body.", ["read_more"]),
    ] = []
    field_hashes: Annotated[
        FieldHashes | UnsetType, f.told("For a rebuild of the worker's memory.")
    ] = UNSET


class WithdrawnEvent(_Event, frozen=True):
    """An article is taken back: no text, only what identifies it. Delete what you hold of it."""

    article_id: ArticleId
    revision: Annotated[
        int, f.whole("Higher than that of every event before it.", 2, least=1, most=65_535)
    ]
    withdrawn_at: Annotated[str, f.timestamp("When it was taken back.")]
    reason: Annotated[
        Literal["forgotten", "deleted_by_feed"],
        f.told("forgotten: by the operator; deleted_by_feed: the feed says so (at:deleted-entry)."),
    ]


class FeedStatusEvent(_Event, frozen=True):
    """State of one feed: tells "no news" from "we are broken". A tombstone follows a feed's removal."""

    feed_id: FeedId
    state: Annotated[
        Literal["healthy", "failing", "silent", "gone", "paused"],
        f.told(
            "healthy; failing: its last three polls failed, or all there were, or it was refused (429, 503) "
            "for a day (reason, since); silent: it answers, and has had no news for far longer than is its "
            "way; gone: it is polled no more (410); paused: by the operator."
        ),
    ]
    changed_at: Annotated[
        str, f.timestamp("When this was found: all else is as of then. At least once a day.")
    ]
    name: Annotated[
        str,
        f.text("Name from the feed list, else the feed's own title.", f.MAX_NAME, "The Courier"),
    ] = ""
    url: Annotated[
        str,
        f.url("Its configured address, without secrets.", "https://example.org/feed.xml"),
    ] = ""
    moved_to: Annotated[
        str,
        f.url(
            "Where it is polled instead: a permanent redirect leads there, or its web page does. Without "
            "secrets.",
            "https://www.example.org/feed.xml",
        ),
    ] = ""
    reason: Annotated[
        str, f.text("Why its last poll failed, as in the log (deploy/LOGS.md).", 40, "server_error")
    ] = ""
    since: (
        Annotated[
            str,
            f.timestamp("Since when its polls fail (failing, gone), or it is paused."),
        ]
        | UnsetType
    ) = UNSET
    note: Annotated[
        str, f.text("Why it is paused, in the operator's words.", f.MAX_NOTE, "asked us to wait")
    ] = ""
    last_success: Annotated[str, f.timestamp("When it last answered well.")] | UnsetType = UNSET
    last_new: Annotated[str, f.timestamp("When it last had news.")] | UnsetType = UNSET
    next_poll: (
        Annotated[str, f.timestamp("When it is polled next; absent while it is paused.")]
        | UnsetType
    ) = UNSET
    entries_per_day: (
        Annotated[float, f.number("New entries a day, learned.", 12.5, 1e9)] | UnsetType
    ) = UNSET
    tags: FeedTags = []


class DeadLetterEvent(_Event, frozen=True):
    """What could not be processed, with its bytes: the value of news.dead-letter."""

    feed_id: FeedId
    stage: Annotated[Literal["parse", "normalise", "dedupe", "publish"], f.told("Where it failed.")]
    reason: Annotated[str, f.text("Why, as in the log.", 40, "parse_failed")]
    occurred_at: Annotated[str, f.timestamp("When.")]
    length: Annotated[int, f.whole("Bytes of the original.", 6_021)]
    sha256: Annotated[
        str, f.matching("Of the original, whole, in hex.", "^[0-9a-f]{64}$", "9f" * 32)
    ]
    url: Annotated[
        str, f.text("Where it came from, without secrets.", f.MAX_URL, "https://example.org/feed")
    ] = ""
    content_type: Annotated[str, f.text("As the server said.", 200, "text/xml")] = ""
    detail: Annotated[str, f.text("For people.", 1_000, "mismatched tag: line 12")] = ""
    body: Annotated[
        str,
        f.text(
            "The original's bytes in base64 (RFC 4648, padded); at most 256 KiB of them.",
            -(-f.MAX_LETTER // 3) * 4,
            "PHJzcz4=",
        ),
    ] = ""
    truncated: Annotated[bool, f.flag("The body was cut; it cannot be replayed.")] = False
    article_id: Annotated[
        str, f.matching("The article, where one is known.", f.ARTICLE_ID, "mfrggzdfmztwq2lk")
    ] = ""


class PositionEvent(_Event, frozen=True):
    """How far a shard's outbox is published; the worker's own, written in the events' transaction."""

    dataset: Annotated[str, f.text("Id of the state in Redis.", 64, "f3034ad4947407d0")]
    sequence: Annotated[int, f.whole("Last published entry of the outbox.", 1_772_350_200_000_000)]
    ce_id: Annotated[
        str,
        f.text("ce_id of the last event.", 200, "mfrggzdfmztwq2lk-1-9c1185a5"),
    ] = ""


_encoder = msgspec.json.Encoder()


def encode(event: _Event) -> bytes:
    """Encode an event as compact UTF-8 JSON with camelCase names, absent fields left out."""
    return _encoder.encode(event)

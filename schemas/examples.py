"""One event of each kind as consumers see it; in the JSON Schemas, the AsyncAPI document and tests."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from schemas.events import (
    ArticleEvent,
    DeadLetterEvent,
    FeedStatusEvent,
    FieldHashes,
    MediaObject,
    Organization,
    Person,
    PositionEvent,
    Publication,
    WithdrawnEvent,
    encode,
)

_FEED = Publication(
    feed_id="fcwojfxwnumramdba",
    name="Northway Courier",
    url="https://courier.example/feed.xml",
    home_page="https://courier.example/",
    tags=["local"],
)

CREATED = ArticleEvent(
    article_id="mfrggzdfmztwq2lk",
    revision=1,
    content_hash="47c1b2a3165aa66a",
    headline="Market guild opens a tool library",
    first_seen="2026-03-01T07:31:12.000Z",
    is_part_of=_FEED,
    body_scope="full",
    guid="tag:courier.example,2026:81",
    url="https://courier.example/a/81?utm_source=rss",
    canonical_url="https://courier.example/a/81",
    article_body="The guild lends drills and ladders from Monday on.\n\nA card costs nothing.",
    article_body_html="<p>The guild lends drills and ladders from Monday on.</p><p>A card costs nothing.</p>",
    date_published="2026-03-01T07:30:00.000Z",
    date_published_raw="Sun, 01 Mar 2026 08:30:00 +0100",
    date_source="pubDate",
    date_confidence="exact",
    author=[Person(name="A. Writer")],
    keywords=["tools", "neighbours"],
    in_language="en",
    language_source="feed",
    language_confidence=1.0,
    image="https://courier.example/i/81.jpg",
    associated_media=[
        MediaObject(
            content_url="https://courier.example/i/81.jpg",
            encoding_format="image/jpeg",
            caption="The shelves on opening day",
            width=1200,
            height=800,
        )
    ],
    publisher=Organization(name="Northway Press"),
    copyright_notice="© 2026 Northway Courier",
    field_hashes=FieldHashes(headline="3b1f20aa", body="90c1d2e3", date="5a6b7c8d"),
)

UPDATED = msgspec.structs.replace(
    CREATED,
    revision=2,
    content_hash="36a8241488d903d8",
    headline="Market guild opens its tool library on Monday",
    changed_fields=["headline"],
    also_seen_in=["harbour-news"],
)

WITHDRAWN = WithdrawnEvent(
    article_id="mfrggzdfmztwq2lk",
    revision=3,
    withdrawn_at="2026-03-04T10:00:00.000Z",
    reason="deleted_by_feed",
)

FAILING = FeedStatusEvent(
    feed_id="fcwojfxwnumramdba",
    state="failing",
    changed_at="2026-03-02T09:00:00.000Z",
    name="Northway Courier",
    url="https://courier.example/feed.xml",
    reason="server_error",
    since="2026-03-02T08:15:00.000Z",
    last_success="2026-03-02T08:00:00.000Z",
    last_new="2026-03-01T07:31:12.481Z",
    next_poll="2026-03-02T09:40:00.000Z",
    entries_per_day=12.5,
    tags=["local"],
)

LETTER = DeadLetterEvent(
    feed_id="fcwojfxwnumramdba",
    stage="parse",
    reason="parse_failed",
    occurred_at="2026-03-02T09:00:00.000Z",
    length=5,
    sha256="057c225194122b1811d73b53d19d23624c5f5cf96773941eb1d313d2123ecfb0",
    url="https://courier.example/feed.xml",
    content_type="text/xml",
    detail="the document ends within its first tag",
    body="PHJzcz4=",
)

POSITION = PositionEvent(
    dataset="f3034ad4947407d0", sequence=1_772_350_272_481_000, ce_id="mfrggzdfmztwq2lk-1-47c1b2a3"
)

EXAMPLES: dict[str, tuple[Any, ...]] = {
    "ArticleCreated": (CREATED,),
    "ArticleUpdated": (UPDATED,),
    "ArticleWithdrawn": (WITHDRAWN,),
    "FeedStatus": (FAILING,),
    "DeadLetter": (LETTER,),
    "Position": (POSITION,),
}
"""Message name (see ``schemas.topics``) to its examples."""


def plain(event: Any) -> Any:
    """An example as parsed JSON."""
    return json.loads(encode(event))

"""An article and its identity to the event that downstream services read. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import msgspec
from msgspec import UNSET, UnsetType

from schemas.events import (
    TYPE_CREATED,
    TYPE_UPDATED,
    ArticleEvent,
    FieldHashes,
    MediaObject,
    Organization,
    Person,
    Publication,
    Source,
    encode,
)
from schemas.fields import MAX_HEADLINE, MAX_LIST, MAX_NAME, MAX_URL, MAX_WHOLE
from workers.articles.canonical import clean_url
from workers.articles.text import to_plain
from workers.clock import rfc3339
from workers.cloudevents import headers
from workers.fetcher.identity import article_text
from workers.model import Article, FeedConfig, FeedState, Media, OutboxEvent
from workers.routes import Route, route
from workers.urls import MAX_SHOWN, redact_url

MAX_VALUE = 900_000
"""Bytes of a value at most; brokers refuse a record over 1 MiB by default."""
_FEW = 12
"""Media and authors that are kept where all of them, with the text, would be too much."""


class Revision(msgspec.Struct, frozen=True):
    """What makes a version of an article an event. ``changed`` names contract fields; ``traceparent`` is
    the trace that it came in."""

    article: bytes
    number: int
    first_seen_ms: int
    admitted_ms: int
    changed: tuple[str, ...] = ()
    seen_in: tuple[str, ...] = ()
    backfill: bool = False
    traceparent: str = ""


def article_event(
    instance: str,
    config: FeedConfig,
    state: FeedState,
    article: Article,
    revision: Revision,
    routes: Sequence[Route] = (),
) -> OutboxEvent:
    """The event of one revision; keyed by article, so that an article's events stay in order."""
    text_id = article_text(revision.article)
    value = encode(event := _value(text_id, config, state, article, revision))
    if len(value) > MAX_VALUE:
        value = encode(_within(event, MAX_VALUE))
    ce = headers(
        instance,
        config.id,
        id=f"{text_id}-{revision.number}-{article.content_hash.hex()[:8]}",
        type=TYPE_CREATED if revision.number == 1 else TYPE_UPDATED,
        subject=text_id,
        time_ms=revision.admitted_ms,
        schema="article",
        backfill=revision.backfill,
        route=route(routes, config.tags, article.language, article.url),
        traceparent=revision.traceparent,
    )
    return OutboxEvent("articles", text_id.encode(), value, ce)


def _value(
    text_id: str, config: FeedConfig, state: FeedState, a: Article, revision: Revision
) -> ArticleEvent:
    return ArticleEvent(
        article_id=text_id,
        revision=revision.number,
        content_hash=a.content_hash.hex(),
        headline=a.headline or (a.url or a.guid or text_id)[:MAX_HEADLINE],
        first_seen=rfc3339(revision.first_seen_ms),
        is_part_of=publication(config, state),
        body_scope=a.body_scope,  # type: ignore[arg-type]  # a member of the Literal, as Article says
        guid=a.guid,
        url=a.url,
        canonical_url=a.canonical_url,
        article_body=a.body,
        article_body_html=a.body_html,
        body_truncated=a.body_truncated,
        abstract=a.abstract,
        date_published=_time(a.published_ms),
        date_modified=_time(a.modified_ms),
        date_published_raw=a.published_raw,
        date_source=a.published_source,
        date_confidence=a.published_confidence or UNSET,  # type: ignore[arg-type]
        author=[Person(name=n) for n in a.authors],
        keywords=list(a.keywords),
        in_language=a.language,
        language_source=a.language_source or UNSET,  # type: ignore[arg-type]
        language_confidence=a.language_confidence or UNSET,
        image=a.image,
        associated_media=[_media(m) for m in a.media],
        publisher=Organization(name=state.publisher) if state.publisher else UNSET,
        copyright_notice=a.rights,
        license=a.license,
        source=Source(name=a.source_title, url=a.source_url)
        if a.source_title or a.source_url
        else UNSET,
        also_seen_in=list(revision.seen_in),
        changed_fields=list(revision.changed),
        boilerplate_removed=list(a.boilerplate),
        field_hashes=FieldHashes(
            headline=a.headline_hash.hex(), body=a.body_hash.hex(), date=a.date_hash.hex()
        ),
    )


def _media(m: Media) -> MediaObject:
    return MediaObject(
        content_url=m.url,
        encoding_format=m.type,
        caption=m.title,
        content_size=_size(m.length),
        width=_size(m.width),
        height=_size(m.height),
    )


def _size(number: int) -> int:
    """A feed's number, or 0 where it is none that a reader of JSON can hold."""
    return number if 0 < number <= MAX_WHOLE else 0


def _within(event: ArticleEvent, most: int) -> ArticleEvent:
    """The event in at most ``most`` bytes: first without markup, then with few media and authors, then
    with its body cut at a paragraph.

    What is left beside the body is at most half of that: 450 KB of four-byte characters.
    """
    event = msgspec.structs.replace(event, article_body_html="")
    if len(encode(event)) <= most:
        return event
    event = msgspec.structs.replace(
        event, associated_media=event.associated_media[:_FEW], author=event.author[:_FEW]
    )
    over = len(encode(event)) - most
    if over <= 0:
        return event
    room = len(msgspec.json.encode(event.article_body)) - over
    return msgspec.structs.replace(
        event, article_body=_cut(event.article_body, room), body_truncated=True
    )


def _cut(text: str, room: int) -> str:
    """The paragraphs of ``text`` that fit in ``room`` bytes of JSON; of a single huge one its beginning."""
    kept, size = [], 2  # the quotes
    for paragraph in text.split("\n\n"):
        size += (
            len(msgspec.json.encode(paragraph)) + 2
        )  # less its quotes, with two escaped line feeds
        if size > room:
            break
        kept.append(paragraph)
    if kept:
        return "\n\n".join(kept)
    return text.encode()[: room // 2].decode("utf-8", "ignore").rstrip()  # an escape doubles a byte


def publication(config: FeedConfig, state: FeedState) -> Publication:
    """The feed as consumers see it; its URL without userinfo and secrets."""
    return Publication(
        feed_id=config.id,
        name=feed_name(config, state),
        url=public_url(state.url or config.url),
        home_page=_link(state.link),
        tags=list(config.tags[:MAX_LIST]),
    )


def feed_name(config: FeedConfig, state: FeedState) -> str:
    """The list's name of the feed, else its own title as plain text."""
    return _plain(config.name or state.title)


@lru_cache(maxsize=4_096)
def public_url(url: str) -> str:
    """A feed's URL as anyone may see it: no userinfo, no fragment, values of secret parameters masked.

    Empty where nothing usable is left.
    """
    if not url:
        return ""
    shown = redact_url(url)
    # A longer one was cut by the redaction: it leads nowhere.
    return clean_url(shown) if len(shown) <= MAX_SHOWN else ""


@lru_cache(maxsize=256)
def base_url(url: str) -> str:
    """What relative links of a document are resolved against: its address without secrets, which an entry
    with an empty link would publish."""
    return url if redact_url(url) == url else public_url(url) or url.partition("?")[0]


@lru_cache(maxsize=4_096)
def _plain(title: str) -> str:
    return to_plain(title, MAX_NAME)


@lru_cache(maxsize=4_096)
def _link(url: str) -> str:
    return clean_url(url)[:MAX_URL] if url else ""


def _time(ms: int | None) -> str | UnsetType:
    return UNSET if ms is None else rfc3339(ms)

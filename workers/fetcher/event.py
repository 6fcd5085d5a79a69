"""An article and its identity to the event that downstream services read. Pure."""

from __future__ import annotations

import msgspec

from schemas.events import (
    MAX_BODY,
    TYPE_CREATED,
    TYPE_UPDATED,
    ArticleEvent,
    FieldHashes,
    MediaObject,
    Person,
    Publication,
    Source,
    encode,
)
from workers.clock import rfc3339
from workers.cloudevents import headers
from workers.fetcher.identity import article_text
from workers.model import Article, FeedConfig, FeedState, OutboxEvent
from workers.urls import redact_url

MAX_VALUE = 900_000
"""Bytes of a value at most; brokers refuse a record over 1 MiB by default."""


class Revision(msgspec.Struct, frozen=True):
    """What makes a version of an article an event. ``changed`` names contract fields."""

    article: bytes
    number: int
    first_seen_ms: int
    admitted_ms: int
    changed: tuple[str, ...] = ()
    seen_in: tuple[str, ...] = ()
    backfill: bool = False


def article_event(
    instance: str,
    config: FeedConfig,
    state: FeedState,
    article: Article,
    revision: Revision,
) -> OutboxEvent:
    """The event of one revision; keyed by article, so that an article's events stay in order."""
    text_id = article_text(revision.article)
    value = encode(_value(text_id, config, state, article, revision))
    if len(value) > MAX_VALUE:
        # Four-byte characters can take a body over the broker's limit: the markup goes first.
        article = msgspec.structs.replace(
            article, body_html="", body=article.body[: MAX_BODY // 4], body_truncated=True
        )
        value = encode(_value(text_id, config, state, article, revision))
    ce = headers(
        instance,
        config.id,
        id=f"{text_id}-{revision.number}-{article.content_hash.hex()[:8]}",
        type=TYPE_CREATED if revision.number == 1 else TYPE_UPDATED,
        subject=text_id,
        time_ms=revision.admitted_ms,
        schema="article",
        backfill=revision.backfill,
    )
    return OutboxEvent("articles", text_id.encode(), value, ce)


def _value(
    text_id: str, config: FeedConfig, state: FeedState, a: Article, revision: Revision
) -> ArticleEvent:
    return ArticleEvent(
        article_id=text_id,
        revision=revision.number,
        content_hash=a.content_hash.hex(),
        headline=a.headline,
        first_seen=rfc3339(revision.first_seen_ms),
        is_part_of=publication(config, state),
        body_scope=a.body_scope,  # type: ignore[arg-type]  # a member of the Literal, as Article says
        guid=a.guid[:2_000],
        url=a.url,
        canonical_url=a.canonical_url,
        article_body=a.body,
        article_body_html=a.body_html,
        body_truncated=a.body_truncated,
        abstract=a.abstract,
        date_published=_time(a.published_ms),
        date_modified=_time(a.modified_ms),
        date_published_raw=a.published_raw[:200],
        date_source=a.published_source,
        date_confidence=a.published_confidence,  # type: ignore[arg-type]
        author=[Person(name=n) for n in a.authors],
        keywords=list(a.keywords),
        in_language=a.language,
        language_source=a.language_source,  # type: ignore[arg-type]
        language_confidence=a.language_confidence,
        image=a.image,
        associated_media=[
            MediaObject(
                content_url=m.url,
                encoding_format=m.type,
                caption=m.title,
                content_size=m.length,
                width=m.width,
                height=m.height,
            )
            for m in a.media
        ],
        copyright_notice=a.rights,
        license=a.license,
        source=Source(name=a.source_title, url=a.source_url)
        if a.source_title or a.source_url
        else msgspec.UNSET,
        also_seen_in=list(revision.seen_in),
        changed_fields=list(revision.changed),  # type: ignore[arg-type]
        boilerplate_removed=list(a.boilerplate),
        field_hashes=FieldHashes(
            headline=a.headline_hash.hex(), body=a.body_hash.hex(), date=a.date_hash.hex()
        ),
    )


def publication(config: FeedConfig, state: FeedState) -> Publication:
    """The feed as consumers see it; its URL without userinfo and secrets."""
    return Publication(
        feed_id=config.id,
        name=(config.name or state.title)[:1_000],
        url=redact_url(state.url or config.url)[:4_096],
        home_page=state.link[:4_096],
        tags=list(config.tags[:64]),
    )


def _time(ms: int | None) -> str | msgspec.UnsetType:
    return msgspec.UNSET if ms is None else rfc3339(ms)

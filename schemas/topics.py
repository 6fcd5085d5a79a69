"""The topics: what each carries, by which key, for how long. The worker creates them from this."""

from __future__ import annotations

import msgspec

from schemas import events

DAY_MS = 86_400_000
PREFIX = "news."
"""The default of NEWSWIRE_TOPIC_PREFIX; every name here follows it."""


class Message(msgspec.Struct, frozen=True):
    """One kind of event on a topic. ``schema`` names the JSON Schema of its value."""

    name: str
    ce_type: str  # empty: not a CloudEvent
    schema: str
    type: type[msgspec.Struct]
    description: str


class Topic(msgspec.Struct, frozen=True):
    """One topic. ``partitions`` 0: as many as NEWSWIRE_KAFKA_PARTITIONS says."""

    name: str
    key: str
    key_pattern: str
    key_example: str
    config: dict[str, str]
    messages: tuple[Message, ...]
    description: str
    partitions: int = 0


def data_schema(schema: str) -> str:
    """``ce_dataschema`` of an event, and ``$id`` of the JSON Schema of its value."""
    return f"urn:newswire:{schema}:v{events.MAJOR}"


_COMPACTED = {"cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0.1"}

TOPICS: tuple[Topic, ...] = (
    Topic(
        "articles",
        "articleId",
        "^[a-z2-7]{16}$",
        "mfrggzdfmztwq2lk",
        {"cleanup.policy": "delete", "retention.ms": str(30 * DAY_MS)},
        (
            Message(
                "ArticleCreated",
                events.TYPE_CREATED,
                "article",
                events.ArticleEvent,
                "An article is announced: revision 1. Once for each article, as long as the worker's Redis "
                "remembers it.",
            ),
            Message(
                "ArticleUpdated",
                events.TYPE_UPDATED,
                "article",
                events.ArticleEvent,
                "An article was edited: the new revision, whole.",
            ),
            Message(
                "ArticleWithdrawn",
                events.TYPE_WITHDRAWN,
                "article-withdrawn",
                events.WithdrawnEvent,
                "An article is taken back: delete what you hold of it.",
            ),
        ),
        "One event for each revision of each article. The events of one article have one key, so they "
        "stay in order in one partition. Kept for 30 days unless the operator says otherwise.",
    ),
    Topic(
        "feeds",
        "feedId",
        "^[A-Za-z0-9._-]{1,64}$",
        "fcwojfxwnumramdba",
        _COMPACTED,
        (
            Message(
                "FeedStatus",
                events.TYPE_FEED,
                "feed-status",
                events.FeedStatusEvent,
                "The state of a feed, when it changes and at least once a day.",
            ),
        ),
        "The state of each feed, compacted: tells no news from broken. A tombstone (no value) says that "
        "the feed was removed from the list.",
    ),
    Topic(
        "dead-letters",
        "feedId",
        "^[A-Za-z0-9._-]{1,64}$",
        "fcwojfxwnumramdba",
        {"cleanup.policy": "delete", "retention.ms": str(7 * DAY_MS)},
        (
            Message(
                "DeadLetter",
                events.TYPE_DEAD_LETTER,
                "dead-letter",
                events.DeadLetterEvent,
                "A document, entry or event that could not be processed, with its bytes.",
            ),
        ),
        "What could not be processed, for whoever runs the worker.",
    ),
    Topic(
        "positions",
        "instance/shard",
        "^[a-z0-9][a-z0-9_-]{0,62}/[0-9]{2}$",
        "newswire/03",
        {**_COMPACTED, "segment.ms": "600000"},
        (
            Message(
                "Position",
                "",
                "position",
                events.PositionEvent,
                "How far a shard is published; in the same transaction as the events.",
            ),
        ),
        "The worker's own; consumers have no use for it. One partition, compacted.",
        partitions=1,
    ),
)

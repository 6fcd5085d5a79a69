"""The topics of an instance, and the position that a transaction commits with its events. Pure."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from schemas.events import PositionEvent, encode
from schemas.topics import TOPICS, Topic
from workers.model import OutboxEvent

POSITIONS_PARTITION = 0
"""Positions live in one partition for good: a topic that is widened must not hide them."""


class TopicSpec(msgspec.Struct, frozen=True):
    """A topic as we create it. ``replication`` -1 is the broker's default."""

    name: str
    partitions: int
    replication: int
    config: dict[str, str]


def topic_specs(
    prefix: str, partitions: int, replication: int, *, window_ms: int = 0
) -> list[TopicSpec]:
    """The topics of an instance. Articles are retained for the dedupe window (ms) at least."""
    return [
        TopicSpec(
            prefix + topic.name,
            topic.partitions or partitions,
            replication,
            _config(topic, window_ms),
        )
        for topic in TOPICS
    ]


def _config(topic: Topic, window_ms: int) -> dict[str, str]:
    if topic.name != "articles":
        return topic.config
    kept = max(int(topic.config["retention.ms"]), window_ms)
    return topic.config | {"retention.ms": str(kept)}


class Position(NamedTuple):
    """How far a shard is published."""

    dataset: str
    sequence: int
    ce_id: str


def position_key(instance: str, shard: int) -> bytes:
    """The key of a shard's position."""
    return f"{instance}/{shard:02d}".encode()


def position_event(instance: str, shard: int, position: Position) -> OutboxEvent:
    """The record that makes a position durable with the events it stands for."""
    value = encode(
        PositionEvent(dataset=position.dataset, sequence=position.sequence, ce_id=position.ce_id)
    )
    return OutboxEvent(topic="positions", key=position_key(instance, shard), value=value)


def decode_position(value: bytes) -> Position:
    """A position from its record."""
    event = msgspec.json.decode(value, type=PositionEvent)
    return Position(event.dataset, event.sequence, event.ce_id)

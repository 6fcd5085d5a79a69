"""The topics of an instance, and the position that a transaction commits with its events. Pure."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from schemas.events import PositionEvent, encode
from workers.model import OutboxEvent

POSITIONS_PARTITION = 0
"""Positions live in one partition for good: a topic that is widened must not hide them."""


class TopicSpec(msgspec.Struct, frozen=True):
    """A topic as we create it. ``replication`` -1 is the broker's default."""

    name: str
    partitions: int
    replication: int
    config: dict[str, str]


def topic_specs(prefix: str, partitions: int, replication: int) -> list[TopicSpec]:
    """The four topics with their retention; see ``schemas`` for what they hold."""
    day = 86_400_000
    compacted = {"cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0.1"}
    return [
        TopicSpec(f"{prefix}articles", partitions, replication, {"retention.ms": str(30 * day)}),
        TopicSpec(f"{prefix}feeds", partitions, replication, compacted),
        TopicSpec(f"{prefix}dead-letters", partitions, replication, {"retention.ms": str(7 * day)}),
        TopicSpec(f"{prefix}positions", 1, replication, compacted | {"segment.ms": "600000"}),
    ]


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
